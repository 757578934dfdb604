"""Numbers as a reader sees them in pictures and sentences."""

from __future__ import annotations


def short(number: float | None) -> str:
    """Four significant digits with a true minus sign, 0 without one; blank for what was not computed yet."""
    return "" if number is None else f"{number + 0.0:.4g}".replace("-", "−")
