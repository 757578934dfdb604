"""Pooling: one number for each window of a picture, where it came from, and where its gradient goes.

With the window's cells x_1 ... x_n and the gradient G that arrives at its output y:

    max       y = max x_i                  G goes to the first largest cell
    average   y = sum x_i / n              every cell gets G / n
    lp        y = (sum |x_i|^p)^(1/p)      cell i gets G sign(x_i) (|x_i| / y)^(p - 1), 0 where y = 0
    stride    y = x_1                      G goes to the first cell: the others are thrown away

Windows are of fixed size and stride; adaptive, which cut the picture into a given number of rows and columns (window i of o
covers floor(i n / o) to ceil((i + 1) n / o)); or global: one for the whole picture. How much the output changes when the
picture moves by a cell is `shift_change`; "blur" there is max pooling followed by a binomial blur before the stride.

Sources: Y.-L. Boureau, J. Ponce, Y. LeCun, A theoretical analysis of feature pooling, ICML 2010; J. Springenberg et al., Striving
for simplicity: the all convolutional net, 2015, arXiv:1412.6806; R. Zhang, Making convolutional networks shift-invariant again,
ICML 2019, arXiv:1904.11486.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.errors import ExplainerError, one_of

KINDS = ("max", "average", "lp", "stride")
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Pooled:
    """`values` (channel, rows, columns); `winners` (channel, rows, columns, 2): row and column of each window's largest cell."""

    values: np.ndarray
    winners: np.ndarray


def spans(n: int, size: int, stride: int) -> list[tuple[int, int]]:
    """First and past-the-last cell of each window of `size` cells, every `stride` cells.

    Raises:
        ExplainerError: a size or stride below 1, or a window wider than the picture.
    """
    if min(size, stride) < 1:
        raise ExplainerError(
            f"a pooling window of {size} cells every {stride} cells cannot be; both start at 1; try 2 and 2"
        )
    if size > n:
        raise ExplainerError(f"a pooling window of {size} cells does not fit into {n}; try {n} or less")
    return [(a, a + size) for a in range(0, n - size + 1, stride)]


def adaptive_spans(n: int, out: int) -> list[tuple[int, int]]:
    """`out` windows that cover all n cells; they may overlap by a cell.

    Raises:
        ExplainerError: no window is asked for.
    """
    if out < 1:
        raise ExplainerError(f"adaptive pooling to {out} cells gives nothing; try 1 or more")
    return [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]


def pool(image: np.ndarray, rows: Spans, columns: Spans, kind: str, p: float = 2.0) -> Pooled:
    """`image` (channel, height, width) pooled over the windows `rows` x `columns`.

    Raises:
        ExplainerError: the kind is unknown, or p is below 1.
    """
    _check(kind, p)
    values = np.zeros((len(image), len(rows), len(columns)))
    winners = np.zeros((*values.shape, 2), int)
    for at, window, corner in _windows(image, rows, columns):
        values[at] = _value(window, kind, p)
        winners[at] = corner + np.unravel_index(window.argmax(), window.shape)
    return Pooled(values, winners)


def route(
    upstream: np.ndarray, image: np.ndarray, rows: Spans, columns: Spans, kind: str, p: float = 2.0
) -> np.ndarray:
    """dL/d image for `upstream` = dL/dy, shaped as the pooled values."""
    _check(kind, p)
    grad = np.zeros(image.shape)
    for (c, u, v), window, _ in _windows(image, rows, columns):
        grad[c, slice(*rows[u]), slice(*columns[v])] += upstream[c, u, v] * _share(window, kind, p)
    return grad


def _check(kind: str, p: float) -> None:
    if kind not in KINDS:
        raise ExplainerError(f"pooling {kind!r} is unknown; choose {one_of(KINDS)}")
    if not p >= 1:
        raise ExplainerError(f"LP pooling with p = {p:g} is no norm; try 2")


def _windows(
    image: np.ndarray, rows: Spans, columns: Spans
) -> Iterator[tuple[tuple[int, int, int], np.ndarray, np.ndarray]]:
    """Each window: its place in the output, its cells, and its upper left corner."""
    for c, u, v in np.ndindex(len(image), len(rows), len(columns)):
        yield (c, u, v), image[c, slice(*rows[u]), slice(*columns[v])], np.array([rows[u][0], columns[v][0]])


def _value(window: np.ndarray, kind: str, p: float) -> float:
    match kind:
        case "max":
            return window.max()
        case "average":
            return window.mean()
        case "lp":
            return (np.abs(window) ** p).sum() ** (1 / p)
    return window[0, 0]


def _share(window: np.ndarray, kind: str, p: float) -> np.ndarray:
    """dy / dx of every cell of one window."""
    share = np.zeros(window.shape)
    match kind:
        case "max":
            share.flat[window.argmax()] = 1
        case "average":
            share[:] = 1 / window.size
        case "lp":
            y = _value(window, kind, p)
            share = np.sign(window) * (np.abs(window) / (y or 1.0)) ** (p - 1)
        case "stride":
            share[0, 0] = 1
    return share


def shift_change(image: np.ndarray, kind: str, size: int, stride: int, shifts: int, p: float = 2.0) -> np.ndarray:
    """How much the pooled picture changes when the picture moves 0 to `shifts` cells to the left, beside a mere move.

    The picture (height, width) is wrapped round, so nothing enters or leaves. For each shift the pooled picture is compared with
    the first one, moved by the number of whole cells that suits it best: |P(x shifted) - moved P(x)| / |P(x)|. Shifts by a
    multiple of the stride give 0. `kind` is one of KINDS or "blur".

    Raises:
        ExplainerError: the stride does not divide the picture's width, so that it cannot be wrapped round.
    """
    if image.shape[1] % stride:
        raise ExplainerError(
            f"a picture {image.shape[1]} cells wide cannot be wrapped round at stride {stride}; try a stride that divides it"
        )
    dense = _dense(image, kind, size, p)
    if kind == "blur":
        dense = _blurred(dense)
    first = dense[::stride, ::stride]
    norm = np.linalg.norm(first) or 1.0
    moves = [np.roll(first, -m, axis=1) for m in range(first.shape[1])]
    shifted = [np.roll(dense, -t, axis=1)[::stride, ::stride] for t in range(shifts + 1)]
    return np.array([min(np.linalg.norm(now - moved) for moved in moves) / norm for now in shifted])


def _dense(image: np.ndarray, kind: str, size: int, p: float) -> np.ndarray:
    """Pooling at stride 1, wrapped round."""
    windows = sliding_window_view(np.pad(image, ((0, size - 1), (0, size - 1)), mode="wrap"), (size, size))
    match kind:
        case "max" | "blur":
            return windows.max((2, 3))
        case "average":
            return windows.mean((2, 3))
        case "lp":
            return (np.abs(windows) ** p).sum((2, 3)) ** (1 / p)
    return image


def _blurred(image: np.ndarray, taps: int = 3) -> np.ndarray:
    """The binomial blur of Zhang 2019 along both axes, wrapped round."""
    weights = np.array([comb(taps - 1, i) for i in range(taps)]) / 2 ** (taps - 1)
    for axis in (0, 1):
        image = sum(w * np.roll(image, taps // 2 - i, axis) for i, w in enumerate(weights))
    return image
