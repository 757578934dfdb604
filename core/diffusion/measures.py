r"""How good generated points are, and how straight their ways.

sliced W2   sqrt(mean over 32 directions u and ranks i of (sort(X u)_i - sort(Y u)_i)^2): on a line the sorted order is the best pairing
            (Rabin et al., SSVM 2011; Bonneel et al., JMIV 51, 2015). Y may have k times as many points: then each of X counts k times
bend        mean length of the ways divided by the mean distance of their ends: 1 for straight lines
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
DIRECTIONS = np.stack([np.cos(np.pi * np.arange(32) / 32), np.sin(np.pi * np.arange(32) / 32)])  # (2, 32)


def shadows(X: Array) -> Array:
    """The points X (n, 2) seen along each direction, sorted: (n, 32)."""
    return np.sort(X @ DIRECTIONS, axis=0)


def sliced(X: Array, Y: Array) -> float:
    """The sliced Wasserstein distance of points X (n, 2) from points whose shadows are Y (k n, 32)."""
    return float(np.sqrt(((np.repeat(shadows(X), len(Y) // len(X), axis=0) - Y) ** 2).mean()))


def bend(ways: Array) -> float:
    """Of ways (step, n, 2)."""
    length = np.sqrt((np.diff(ways, axis=0) ** 2).sum(2)).sum(0).mean()
    return float(length / np.sqrt(((ways[-1] - ways[0]) ** 2).sum(1)).mean())
