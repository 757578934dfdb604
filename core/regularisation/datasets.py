"""Small noisy data for K seeds at a time: each seed draws its own training, validation and test points.

    moons     upper (cos a, sin a), lower (1 - cos a, ½ - sin a), a in [0, π], plus noise N(0, 0.25² I)
    rings     a disc of radius 0.6 and a ring of radii 0.8 to 1.4, plus noise N(0, 0.15² I)
    digits    8 x 8 pictures of scikit-learn, pixels mapped from 0 .. 16 to -1 .. 1     Alpaydin & Kaynak, Kybernetika 34, 1998
    curve     y = sin(3 x) + N(0, 0.1²), x in [-2, -0.7] or [0.7, 2]: a regression with nothing known in the middle

A share of the training labels is changed to another class, drawn evenly; validation and test labels are right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from core.rng import numpy_generator

VALIDATION, TEST = 150, 300
CLASSES: Mapping[str, int] = MappingProxyType({"moons": 2, "rings": 2, "digits": 10, "curve": 0})
"""Data set -> number of classes; 0 is a regression."""
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Part:
    """Points of K seeds: inputs X, and targets Y, one-hot for classes."""

    X: Float[np.ndarray, "K N d"]
    Y: Float[np.ndarray, "K N C"]


@dataclass(frozen=True, eq=False)
class Data:
    """The three parts, and which training labels were changed."""

    train: Part
    validation: Part
    test: Part
    flipped: Int[np.ndarray, "K n"]


def moons(g: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(count) % 2
    a = g.uniform(0.0, np.pi, count)
    X = np.where(y == 0, (np.cos(a), np.sin(a)), (1 - np.cos(a), 0.5 - np.sin(a))).T
    return X + g.normal(0.0, 0.25, X.shape), y


def rings(g: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(count) % 2
    a, u = g.uniform(0.0, 2 * np.pi, count), g.random(count)
    r = np.where(y == 0, 0.6 * np.sqrt(u), 0.8 + 0.6 * u)
    return np.stack([r * np.cos(a), r * np.sin(a)], axis=1) + g.normal(0.0, 0.15, (count, 2)), y


def digits(g: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = _digits()
    rows = g.permutation(len(y))[:count]
    return (X[rows] - 8.0) / 8.0, y[rows]


def curve(g: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    x = g.uniform(0.7, 2.0, count) * np.where(np.arange(count) % 2 == 0, -1.0, 1.0)
    return x[:, None], truth(x) + g.normal(0.0, 0.1, count)


def truth(x: np.ndarray) -> np.ndarray:
    """What the regression's targets scatter around."""
    return np.sin(3.0 * x)


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    X, y = load_digits(return_X_y=True)
    return X.astype(np.float64), y.astype(np.int64)


DRAWS: Mapping[str, Draw] = MappingProxyType({"moons": moons, "rings": rings, "digits": digits, "curve": curve})


@lru_cache(maxsize=16)
def load(name: str, points: int, flips: float, seeds: int, seed: int, shared: bool = False) -> Data:
    """`points` training points for each of `seeds` seeds from `seed` on, with VALIDATION and TEST further ones; `shared`: the first seed's for all."""
    parts = zip(*(_one(name, points, flips, seed + k * (not shared)) for k in range(seeds)), strict=True)
    X, Y, flipped = (np.stack(part) for part in parts)
    for part in (X, Y, flipped):
        part.flags.writeable = False  # shared by all threads
    ends = (0, points, points + VALIDATION, points + VALIDATION + TEST)
    train, validation, test = (Part(X[:, a:b], Y[:, a:b]) for a, b in itertools.pairwise(ends))
    return Data(train, validation, test, flipped)


def _one(name: str, points: int, flips: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All points of one seed, training first; which training labels were changed (1)."""
    g = numpy_generator(seed, "data", name)
    X, y = DRAWS[name](g, points + VALIDATION + TEST)
    classes, flipped = CLASSES[name], np.zeros(points, int)
    if not classes:
        return X, y[:, None], flipped
    flipped[g.permutation(points)[: round(flips * points)]] = 1
    y = y.copy()
    y[:points] += flipped * g.integers(1, classes, points)
    return X, np.eye(classes)[y % classes], flipped
