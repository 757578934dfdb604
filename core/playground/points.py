"""Points that a visitor drew or uploaded, as a text that fits into a link.

x1 and x2 run from -6 to 6 in steps of 12/4095 = 0.0029. y is the class for classes, and for a value -1 ... 1 in steps of 2/4095.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.data.linked import TOP, from_text, to_text
from core.errors import ExplainerError

REACH, CLASSES = 6.0, 6


def encode(X: np.ndarray, y: np.ndarray, regression: bool) -> str:
    """The points X (n, 2) in -6 ... 6 with classes or values y (n) as text."""
    place = np.rint((np.clip(X, -REACH, REACH) + REACH) / (2 * REACH) * TOP).astype(int)
    label = np.rint((np.clip(y, -1, 1) + 1) / 2 * TOP).astype(int) if regression else np.asarray(y, int)
    return to_text(np.column_stack([place, label]))


def decode(text: str, regression: bool) -> tuple[np.ndarray, np.ndarray]:
    """The points of such a text.

    Raises:
        ExplainerError: it is no such text, holds more than 400 points, or more than 6 classes.
    """
    values = from_text(text, 3)
    X = values[:, :2] / TOP * 2 * REACH - REACH
    if regression:
        return X, values[:, 2] / TOP * 2 - 1
    if len(values) and values[:, 2].max() >= CLASSES:
        raise ExplainerError(
            f"the points in this link have more than {CLASSES} classes; draw them anew or choose another data set"
        )
    return X, values[:, 2]


def scaled(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Columns (n) stretched onto -5 ... 5; a constant column becomes 0."""
    stretched = [np.interp(c, [c.min(), c.max()], [-5.0, 5.0]) if np.ptp(c) > 0 else np.zeros(len(c)) for c in columns]
    return np.column_stack(stretched)
