"""What a learned kernel is like: its frequencies, its nearest classic filter, its likeness to the other filters.

Likeness of two kernels of one shape is their normalised correlation, the cosine of the angle between them as vectors:

    rho(w, c) = <w, c> / (|w| |c|)      in -1..1;  the means are kept: a kernel's sum is its answer to an even surface

Frequencies: |W(u, v)| = |sum_{y, x} w[y, x] exp(-2 pi i (u y + v x))| at u, v = -1/2 .. 1/2 cycles a pixel.

Classic filters of 3 x 3 are the usual ones; larger ones are smoothed by a binomial kernel of size k - 2, as Sobel's are.
Sources: I. Sobel, G. Feldman, "A 3x3 isotropic gradient operator for image processing", 1968; G. S. Robinson, "Edge detection by
compass gradient masks", Computer Graphics and Image Processing 6, 1977: the turns by 45 degrees, round the ring of eight cells;
R. C. Gonzalez, R. E. Woods, Digital Image Processing, chapters 3 and 10.
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

Kernel = Float[np.ndarray, "k k"]
Bank = Float[np.ndarray, "out in k k"]

RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # the eight outer cells, clockwise
THREE = {
    "Average (box)": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "Gaussian blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "Identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "Sobel edge": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Line": [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
    "Laplacian": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
    "Corner": [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
}
DIRECTED = ("Sobel edge", "Line", "Corner")


class Nearest(NamedTuple):
    """The classic filter most like a kernel: its name, turned clockwise by `angle` degrees, times `sign`, and |rho|."""

    name: str
    angle: int
    sign: int
    rho: float


def correlation(w: np.ndarray, c: np.ndarray) -> float:
    """rho of two arrays of one shape; 0 if one of them is all zeros."""
    size = np.linalg.norm(w) * np.linalg.norm(c)
    return float(np.vdot(w, c) / size) if size else 0.0


def turned(kernel: Kernel, eighths: int) -> Kernel:
    """A 3 x 3 kernel with its ring of eight cells moved clockwise by `eighths` places, 45 degrees each."""
    out = kernel.copy()
    for k, (row, column) in enumerate(RING):
        out[RING[(k + eighths) % 8]] = kernel[row, column]
    return out


def enlarged(kernel: Float[np.ndarray, "3 3"], size: int) -> Float[np.ndarray, "{size} {size}"]:
    """A 3 x 3 kernel at size k: smoothed by the binomial kernel of size k - 2, so 3 x 3 stays as it is."""
    line = np.array([comb(size - 3, i) for i in range(size - 2)], float)
    out = np.zeros((size, size))
    for (i, j), weight in np.ndenumerate(np.outer(line, line)):
        out[i : i + 3, j : j + 3] += weight * kernel
    return out


@cache
def classics(size: int) -> tuple[tuple[str, int, Kernel], ...]:
    """(name, degrees clockwise, kernel) of all classic filters at an odd size from 3; each direction up to its sign once."""
    found: list[tuple[str, int, np.ndarray]] = []
    for name, rows in THREE.items():
        for eighths in range(8 if name in DIRECTED else 1):
            kernel = enlarged(turned(np.array(rows, float), eighths), size)
            if all(other != name or abs(correlation(kernel, c)) < 1 - 1e-9 for other, _, c in found):
                found.append((name, 45 * eighths, kernel))
    return tuple(found)


def nearest(kernel: Float[np.ndarray, "h w"]) -> Nearest | None:
    """The classic filter with the largest |rho|; None for a kernel that is all zeros, not square, even or smaller than 3."""
    h, w = kernel.shape
    if h != w or h < 3 or h % 2 == 0 or not kernel.any():
        return None
    scores = [(name, angle, correlation(kernel, c)) for name, angle, c in classics(h)]
    name, angle, rho = max(scores, key=lambda one: abs(one[2]))
    if rho < 0 and name == "Sobel edge":  # the negative of an edge is the edge from the other side
        angle, rho = angle + 180, -rho
    return Nearest(name, angle, 1 if rho >= 0 else -1, abs(rho))


def frequencies(kernel: Float[np.ndarray, "h w"], n: int = 33) -> Float[np.ndarray, "n n"]:
    """|W(u, v)| at n x n frequencies, row u and column v, both from -1/2 to 1/2 cycles a pixel."""
    grid = np.linspace(-0.5, 0.5, n)
    rows, columns = (np.exp(-2j * np.pi * np.outer(grid, np.arange(size))) for size in kernel.shape)
    return np.abs(rows @ kernel @ columns.T)


def similarity(bank: Float[np.ndarray, "out in h w"]) -> Float[np.ndarray, "out out"]:
    """rho of every filter with every other, over all its input channels; a filter of zeros is like none."""
    flat = bank.reshape(len(bank), -1)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    unit = flat / np.where(norm > 0, norm, 1.0)
    return unit @ unit.T


def rgb_view(bank: Float[np.ndarray, "out 3 h w"]) -> UInt8[np.ndarray, "out h w 3"]:
    """First-layer filters as colours: grey is 0, each filter stretched so that its largest weight reaches the end of the scale."""
    largest = np.abs(bank).max(axis=(1, 2, 3), keepdims=True)
    shown = 0.5 + 0.5 * bank / np.where(largest > 0, largest, 1.0)
    return np.rint(255 * shown).astype(np.uint8).transpose(0, 2, 3, 1)
