"""Real points for the game, on the square -2 ... 2, and the places that a good generator must not miss.

Each `draw(g, n)` gives n points (n, 2). `places` (m, 2) are the centres of the clouds, or stations along a line; a generated point
counts for the nearest place if it lies within `reach` of it. Ring and grid of Gaussians: L. Metz et al., ICLR 2017, section 3.1, and
A. Srivastava et al., NeurIPS 2017, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

EDGE = 2.0  # the maps show -2 ... 2


class Source(NamedTuple):
    """A data set: its name on screen, how it is drawn, its places and their reach."""

    title: str
    draw: Callable[..., np.ndarray]
    places: np.ndarray
    reach: float


def clouds(title, centres, deviation):
    """Gaussians of equal weight around `centres`; a place reaches three deviations."""

    def draw(g, n):
        return centres[g.integers(0, len(centres), n)] + deviation * g.standard_normal((n, 2))

    return Source(title, draw, centres, 3.0 * deviation)


def path(title, curve, stations, width):
    """Points around curve(t), t even on 0 ... 1; the stations lie along it, and reach to halfway between neighbours and the width."""

    def draw(g, n):
        return curve(g.uniform(0.0, 1.0, n)) + width * g.standard_normal((n, 2))

    places = curve((np.arange(stations) + 0.5) / stations)
    gap = np.sqrt(((places[1:] - places[:-1]) ** 2).sum(1)).max()
    return Source(title, draw, places, 0.5 * float(gap) + 2.0 * width)


def ring(count, radius):
    """`count` points on a circle."""
    angle = 2.0 * np.pi * np.arange(count) / count
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def grid(side, gap):
    """side x side points."""
    line = gap * (np.arange(side) - (side - 1) / 2)
    return np.column_stack([np.repeat(line, side), np.tile(line, side)])


def straight(t):
    """From the lower left to the upper right."""
    return np.column_stack([2.6 * t - 1.3, 1.6 * t - 0.8])


def turn(t):
    """A spiral of one and a half turns; the root makes its points equally dense."""
    r = np.sqrt(0.03 + 0.97 * t)
    return 1.6 * r[:, None] * np.column_stack([np.cos(3.0 * np.pi * r), np.sin(3.0 * np.pi * r)])


def squares(g, n):
    """Two squares with nothing between them."""
    side = np.where(g.integers(0, 2, n) == 0, -1.1, 1.1)
    return np.column_stack([side, 0.6 * side]) + g.uniform(-0.35, 0.35, (n, 2))


def farthest(X, count):
    """`count` of the points X, each the farthest from those before it, the first the nearest to the mean; and their reach."""
    chosen = [int(((X - X.mean(0)) ** 2).sum(1).argmin())]
    gaps = ((X - X[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count and gaps.max() > 0:
        chosen.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, ((X - X[chosen[-1]]) ** 2).sum(1))
    return X[chosen], max(float(np.sqrt(gaps.max())), 0.1)


def own(X):
    """Points that a visitor brought, drawn again and again with a jitter of 0.03; eight of them are the places."""
    places, reach = farthest(X, 8)
    return Source(
        "Your points", lambda g, n: X[g.integers(0, len(X), n)] + 0.03 * g.standard_normal((n, 2)), places, reach
    )


SOURCES: Mapping[str, Source] = {
    "ring": clouds("Ring of 8", ring(8, 1.4), 0.07),
    "gaussians": clouds("Two clouds", np.array([[-0.9, -0.5], [0.9, 0.5]]), 0.25),
    "line": path("Line", straight, 8, 0.06),
    "disjoint": Source("Two squares apart", squares, np.array([[-1.1, -0.66], [1.1, 0.66]]), 0.5),
    "spiral": path("Spiral", turn, 12, 0.05),
    "grid": clouds("Grid of 25", grid(5, 0.7), 0.05),
}
