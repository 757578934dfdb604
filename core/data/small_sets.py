"""Small data sets cut in two: two plane sets made here, and two real ones that scikit-learn holds.

    moons      upper (cos a, sin a), lower (1 − cos a, ½ − sin a), a in [0, π], plus noise N(0, 0.15² I)
    spirals    (r cos φ, r sin φ), r in [0.1, 1], φ = 3π r + π y for the arms y = 0 and 1, plus noise N(0, 0.03² I)
    digits     600 pictures of 8 x 8 pixels, 60 of each digit                Alpaydin & Kaynak, Kybernetika 34, 1998
    diabetes   442 patients, 10 measurements -> progression after a year     Efron et al., Annals of Statistics 32, 2004

X has shape (N, d), y shape (N,): class numbers, or for a regression the target. A third is kept for the test, the same share
of each class (of each tenth of the targets). Columns, and a regression's target, are standardised by the training part's mean
and deviation, so that nothing of the test part leaks into training; a column that is constant there becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from core.errors import ExplainerError, one_of
from core.rng import numpy_generator

X_ = Float[np.ndarray, "N d"]
Y_ = Int[np.ndarray, " N"] | Float[np.ndarray, " N"]
Rows = Int[np.ndarray, " _"]

POINTS = 384  # of a plane set: 256 for training, 128 for the test
DIGITS = 60  # pictures of each digit
TEST_SHARE = 1 / 3
STRATA = 10  # of a regression's targets


@dataclass(frozen=True, eq=False)
class NetData:
    """A data set cut in two. `task` is "classes" or "regression"; `outputs` is what a net for it needs at its end."""

    name: str
    task: str
    outputs: int
    X_train: Float[np.ndarray, "train d"]
    y_train: Int[np.ndarray, " train"] | Float[np.ndarray, " train"]
    X_test: Float[np.ndarray, "test d"]
    y_test: Int[np.ndarray, " test"] | Float[np.ndarray, " test"]


class Source(NamedTuple):
    """Where a data set comes from: title, task, and the function that gives X and y for a generator."""

    title: str
    task: str
    draw: Callable[[np.random.Generator], tuple[X_, Y_]]


def moons(g: np.random.Generator) -> tuple[X_, Y_]:
    """Two half circles, one around the end of the other."""
    y = np.arange(POINTS) % 2
    a = g.uniform(0.0, np.pi, POINTS)
    X = np.where(y == 0, (np.cos(a), np.sin(a)), (1 - np.cos(a), 0.5 - np.sin(a))).T
    return X + g.normal(0.0, 0.15, X.shape), y


def spirals(g: np.random.Generator) -> tuple[X_, Y_]:
    """Two arms of one and a half turns."""
    y = np.arange(POINTS) % 2
    r = g.uniform(0.1, 1.0, POINTS)
    phi = 3 * np.pi * r + np.pi * y
    X = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1)
    return X + g.normal(0.0, 0.03, X.shape), y


def digits(g: np.random.Generator) -> tuple[X_, Y_]:
    """A draw of `DIGITS` pictures of each digit, pixels 0 to 16."""
    X, y = _digits()
    shuffled = g.permutation(len(y))
    rows = np.concatenate([shuffled[y[shuffled] == digit][:DIGITS] for digit in range(10)])
    return X[rows], y[rows]


def diabetes(g: np.random.Generator) -> tuple[X_, Y_]:
    """All patients."""
    return _diabetes()


@cache
def _digits() -> tuple[X_, Y_]:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    X, y = load_digits(return_X_y=True)
    return X.astype(np.float64), y.astype(np.int64)


@cache
def _diabetes() -> tuple[X_, Y_]:
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True, scaled=False)


SOURCES: Mapping[str, Source] = MappingProxyType({
    "moons": Source("Two moons", "classes", moons),
    "spirals": Source("Two spirals", "classes", spirals),
    "digits": Source("Handwritten digits, 8 x 8", "classes", digits),
    "diabetes": Source("Diabetes progression", "regression", diabetes),
})  # fmt: skip


@lru_cache(maxsize=8)
def load(name: str, seed: int) -> NetData:
    """The data set; `seed` draws its points (or pictures) and the rows that are kept for the test.

    Raises:
        ExplainerError: there is no such data set.
    """
    if name not in SOURCES:
        raise ExplainerError(f"data set {str(name)[:60]!r} is unknown; choose {one_of(SOURCES)}")
    source = SOURCES[name]
    X, y = source.draw(numpy_generator(seed, "data", name))
    regression = source.task == "regression"
    train, test = split(strata(y) if regression else y, seed)
    X = standardise(X, train)
    if regression:
        y = standardise(y[:, None], train)[:, 0]
    outputs = 1 if regression else int(y.max()) + 1
    parts = X[train], y[train], X[test], y[test]
    for part in parts:
        part.flags.writeable = False  # shared by all threads
    return NetData(name, source.task, outputs, *parts)


def strata(y: Float[np.ndarray, " N"]) -> Rows:
    """Which tenth of the sorted targets each one lies in."""
    rank = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    return rank * STRATA // len(y)


def split(group: Rows, seed: int) -> tuple[Rows, Rows]:
    """Rows for training and for the test; of each group, a third is kept for the test."""
    shuffled = numpy_generator(seed, "split").permutation(len(group))
    by_group = [shuffled[group[shuffled] == k] for k in range(group.max() + 1)]
    cuts = [round(TEST_SHARE * len(rows)) for rows in by_group]
    test = np.concatenate([rows[:cut] for rows, cut in zip(by_group, cuts, strict=True)])
    train = np.concatenate([rows[cut:] for rows, cut in zip(by_group, cuts, strict=True)])
    return np.sort(train), np.sort(test)


def standardise(X: X_, train: Rows) -> X_:
    """Every column with mean 0 and standard deviation 1 over the training rows."""
    mean, deviation = X[train].mean(0), X[train].std(0)
    return (X - mean) / np.where(deviation > 0.0, deviation, np.inf)
