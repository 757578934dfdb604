"""Numbers as a reader sees them in pictures and sentences."""

from __future__ import annotations


def short(number: float | None) -> str:
    """Four significant digits with a true minus sign, 0 without one; blank for what was not computed yet."""
    return "" if number is None else f"{number + 0.0:.4g}".replace("-", "−")


def plain(layer: str) -> str:
    """A network's layer as a label: without the box "features" that all layers lie in, unless a bare number would be left."""
    name = layer.removeprefix("features.")
    return layer if name[:1].isdigit() else name
