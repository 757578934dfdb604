"""The points that the stack learns from: 96 of two classes, lifted from the plane into as many dimensions as a layer has units.

    X = P F,    F (2, w) with orthonormal rows times √(w / 2),    each column of P with mean 0 and variance 1

so that the mean of all x² is exactly 1. "Noise" takes X from N(0, 1) itself and labels that have nothing to do with it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.initialisation.schemes import orthogonal
from core.rng import numpy_generator

POINTS = 96

X_ = Float[np.ndarray, "N w"]
Y_ = Float[np.ndarray, " N"]


def points(data: str, width: int, seed: int) -> tuple[X_, Y_]:
    """X (96, width) and the classes y, 0 or 1."""
    g = numpy_generator(seed, "points", data)
    y = np.tile([0.0, 1.0], POINTS // 2)
    if data == "noise":
        X = g.normal(size=(POINTS, width))
        return X / np.sqrt((X**2).mean()), y
    P = plane(data, y, g)
    P = (P - P.mean(0)) / P.std(0)
    return P @ orthogonal(2, width, g) * np.sqrt(width / 2), y


def plane(data: str, y: Y_, g: np.random.Generator) -> Float[np.ndarray, "N 2"]:
    """XOR: opposite quarters belong together. Rings: class 1 lies around class 0."""
    if data == "xor":
        size, sign = g.uniform(0.2, 2.0, (POINTS, 2)), g.choice([-1.0, 1.0], POINTS)
        return size * np.column_stack([sign, sign * (1 - 2 * y)])
    r, phi = 0.6 + 0.9 * y + g.normal(0.0, 0.12, POINTS), g.uniform(0.0, 2 * np.pi, POINTS)
    return r[:, None] * np.column_stack([np.cos(phi), np.sin(phi)])
