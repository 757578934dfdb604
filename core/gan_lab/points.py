"""Points that a visitor drew or uploaded, as a text that fits into a link.

x and y run from -2 to 2 in steps of 4/4095 = 0.001.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.data.linked import MOST, TOP, from_text, to_text
from core.data.tables import Table
from core.errors import ExplainerError
from core.gan_lab.data import EDGE
from core.rng import numpy_generator

FEWEST = 8


def encode(X: np.ndarray) -> str:
    """The points X (n, 2) as text; what lies outside -2 ... 2 is moved to the edge."""
    return to_text(np.rint((np.clip(X, -EDGE, EDGE) + EDGE) / (2 * EDGE) * TOP).astype(int))


def decode(text: str) -> np.ndarray:
    """The points (n, 2) of such a text.

    Raises:
        ExplainerError: it is no such text, or holds more than 400 points.
    """
    return from_text(text, 2) / TOP * 2 * EDGE - EDGE


def from_table(table: Table, x: str, y: str, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Two columns of numbers as points: the Spec's settings, and what to tell the visitor.

    Raises:
        ExplainerError: a column holds words, or fewer than 8 rows have both numbers.
    """
    for name in (x, y):
        if name not in table.numbers:
            raise ExplainerError(f"column {name[:40]!r} holds words; x and y need numbers")
    X = np.column_stack([table.numbers[x], table.numbers[y]])
    X, notes = X[~np.isnan(X).any(1)], list(table.notes)
    if len(X) < FEWEST:
        raise ExplainerError(f"{len(X)} rows have both numbers; at least {FEWEST} are needed; choose other columns")
    if len(X) > MOST:
        notes.append(f"{MOST} of the {len(X)} rows were drawn at random: that is what fits into a link.")
        X = X[numpy_generator(seed, "rows").choice(len(X), MOST, replace=False)]
    low, width = X.min(0), np.ptp(X, 0)
    if not width.any():
        raise ExplainerError("all rows hold the same point; choose other columns")
    notes.append(f"x is {x} and y is {y}, each stretched onto −1.6 to 1.6.")
    scaled = np.where(width > 0, 3.2 * (X - low) / np.where(width > 0, width, 1.0) - 1.6, 0.0)
    return {"data": "own", "points": encode(scaled), "frame": -1}, notes
