"""A few rows of whole numbers as a text that fits into a link: two base-64 digits (the URL-safe alphabet of RFC 4648) a number, 0 to 4095."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from core.errors import ExplainerError

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOP, MOST = 4095, 400  # the largest number, and the most rows

Rows = Int[np.ndarray, "n columns"]


def to_text(rows: Rows) -> str:
    """The numbers, row by row."""
    return "".join(DIGITS[value // 64] + DIGITS[value % 64] for value in rows.ravel().tolist())


def from_text(text: str, columns: int) -> Rows:
    """The rows of such a text.

    Raises:
        ExplainerError: it is no such text, or holds more than 400 rows.
    """
    width = 2 * columns
    if len(text) % width or not set(text) <= set(DIGITS):
        raise ExplainerError("the points in this link are damaged; draw them anew or choose another data set")
    if len(text) > width * MOST:
        raise ExplainerError(f"{len(text) // width} points are too many; at most {MOST} fit into a link")
    return np.array([DIGITS.index(c) for c in text], int).reshape(-1, columns, 2) @ np.array([64, 1])
