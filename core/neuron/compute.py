"""One neuron on points of the plane, four rules that teach it, and whether any line can do what is asked of it.

    z = w_1 x_1 + w_2 x_2 + b = w . x,     x = (x_1, x_2, 1),  w = (w_1, w_2, b),  classes y = -1 or +1

One point after the other, pass after pass, with z from the weights before the point:

    perceptron   if y z <= 0:   w <- w + eta y x              F. Rosenblatt, Psychological Review 65, 1958
    averaged     the same w; the mean of all w answers        Y. Freund, R. Schapire, Machine Learning 37, 1999
    delta rule   w <- w + eta (y - z) x                       B. Widrow, M. Hoff, IRE WESCON 1960
    MIRA         w <- w + y x max(0, 1 - y z) / |x|^2         K. Crammer et al., JMLR 7, 2006, eq. 4 (passive-aggressive)

The perceptron makes at most (R / gamma)^2 mistakes from w = 0 (A. Novikoff, 1962), with R = max |x| and gamma the widest margin:
the largest g such that some w of length 1 has y w . x >= g at every point. That w solves: minimise |w| subject to y w . x >= 1, by
non-negative least squares (C. Lawson, R. Hanson, Solving Least Squares Problems, 1974, section 23.4). Where there is none, the same
solution names a point that is a mixture of + points and of - points at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import nnls

from core.errors import ExplainerError
from core.neuron.spec import EDGE, NeuronSpec, Point, read_points
from core.rng import numpy_generator
from core.training.activations import ACTIVATIONS

RUNAWAY = 1e6  # weights longer than this have diverged
NOTHING = 1e-9  # a residual of the least squares below this is 0


def points_of(spec: NeuronSpec) -> tuple[Point, ...]:
    """The visitor's own points, else the generated ones."""
    return read_points(spec.points) if spec.points.strip() else generated(spec)


def generated(spec: NeuronSpec) -> tuple[Point, ...]:
    """The points of `spec.data`, to two decimals."""
    if spec.data in ("and", "or"):
        gate = np.logical_and if spec.data == "and" else np.logical_or
        return tuple(Point(float(a), float(b), 1 if gate(a, b) else -1) for a in (0, 1) for b in (0, 1))
    y = np.tile([1, -1], spec.count)
    places = {"separable": _separable, "overlapping": _overlapping, "xor": _xor}[spec.data](spec, y)
    places = np.clip(np.round(places, 2), -EDGE, EDGE)
    return tuple(Point(float(x1), float(x2), int(c)) for (x1, x2), c in zip(places, y, strict=True))


def _separable(spec: NeuronSpec, y: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N 2"]:
    """On both sides of a line of random direction, which passes beside the origin, with an empty strip of width `gap`."""
    g = numpy_generator(spec.seed, "points", "separable")
    angle = g.uniform(0.0, 2.0 * np.pi)
    along = 0.3 + y * (spec.gap / 2 + 0.7 * np.abs(g.normal(size=len(y))))
    return _turned(np.column_stack([along, 0.9 * g.normal(size=len(y))]), angle)


def _overlapping(spec: NeuronSpec, y: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N 2"]:
    g = numpy_generator(spec.seed, "points", "overlapping")
    angle = g.uniform(0.0, 2.0 * np.pi)
    centres = np.column_stack([0.3 + 0.7 * y, np.zeros(len(y))])
    return _turned(centres + spec.noise * g.normal(size=(len(y), 2)), angle)


def _xor(spec: NeuronSpec, y: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N 2"]:
    """+ where exactly one coordinate is positive."""
    g = numpy_generator(spec.seed, "points", "xor")
    side = np.where(np.arange(len(y)) // 2 % 2, 1.0, -1.0)
    return np.column_stack([side, -y * side]) + spec.noise * g.normal(size=(len(y), 2))


def _turned(places: Float[np.ndarray, "N 2"], angle: float) -> Float[np.ndarray, "N 2"]:
    c, s = np.cos(angle), np.sin(angle)
    return places @ np.array([[c, s], [-s, c]])


@dataclass(frozen=True, eq=False)
class Run:
    """A neuron's schooling. T points were shown, one at a time; row t of W holds the weights before the t-th, row T the last.

    `answer` is W too, or for the averaged perceptron the mean of all weights so far. `clean`: the last pass changed nothing.
    """

    points: tuple[Point, ...]
    X: Float[np.ndarray, "N 3"]
    y: Float[np.ndarray, " N"]
    order: Int[np.ndarray, " T"]
    z: Float[np.ndarray, " T"]
    mistake: Bool[np.ndarray, " T"]
    W: Float[np.ndarray, "T_and_start 3"]
    answer: Float[np.ndarray, "T_and_start 3"]
    clean: bool
    diverged: bool

    @property
    def w(self) -> Float[np.ndarray, "3"]:
        """The weights that answer at the end."""
        return self.answer[-1]

    @property
    def passes(self) -> int:
        """How many passes were begun."""
        return -(-len(self.order) // len(self.y))


def run_of(spec: NeuronSpec) -> Run:
    """The schooling that the Spec describes; what only the closer looks need does not count."""
    about = spec.params()
    return _run(
        replace(spec, **{name: about[name].default for name in ("lens", "step", "click", "selected", "activation")})
    )


@lru_cache(maxsize=64)
def _run(spec: NeuronSpec) -> Run:
    points = points_of(spec)
    if not points:
        raise ExplainerError(
            "there are no points; a neuron needs at least one to learn from; press Reset, or choose other points"
        )
    X = np.array([(x1, x2, 1.0) for x1, x2, _ in points])
    y = np.array([float(c) for *_, c in points])
    shown = list(_lessons(spec, X, y))
    start = np.array([spec.w1, spec.w2, spec.b]) if spec.rule == "hand" else np.zeros(3)
    W = np.array([start, *(w for *_, w in shown)])
    order = np.array([i for i, *_ in shown], int)
    z = np.array([z for _, z, _ in shown])
    diverged = bool(np.abs(W[-1]).max() > RUNAWAY)
    still = len(shown) >= len(y) and bool((W[-len(y) - 1 :] == W[-1]).all())
    mean = np.vstack([start, np.cumsum(W[1:], axis=0) / np.arange(1, len(W))[:, None]])
    return Run(points, X, y, order, z, y[order] * z <= 0, W, mean if spec.rule == "averaged" else W, still, diverged)


def _lessons(spec: NeuronSpec, X: np.ndarray, y: np.ndarray) -> Iterator[tuple[int, float, np.ndarray]]:
    """Index, weighted sum and the weights after it, for every point shown."""
    if spec.rule == "hand":
        return
    w, g, rows = np.zeros(3), numpy_generator(spec.seed, "order"), np.arange(len(y))
    for _ in range(spec.passes):
        corrected = False
        for i in g.permutation(rows) if spec.shuffle else rows:
            z = float(w @ X[i])
            c = correction(spec.rule, spec.rate, z, y[i], X[i])
            w, corrected = w + c * X[i], corrected or c != 0.0
            yield int(i), z, w
            if np.abs(w).max() > RUNAWAY:
                return
        if not corrected:
            return


def correction(rule: str, rate: float, z: float, y: float, x: Float[np.ndarray, "3"]) -> float:
    """How much of x the rule adds to w."""
    if rule == "delta":
        return rate * (y - z)
    if rule == "mira":
        return y * max(0.0, 1.0 - y * z) / float(x @ x)
    return rate * y if y * z <= 0 else 0.0


def margin(w: Float[np.ndarray, "3"], run: Run) -> float:
    """The distance of the nearest point from the line, negative if a point lies on its wrong side; NaN without a line."""
    length = float(np.hypot(w[0], w[1]))
    return float((run.y * (run.X @ w)).min()) / length if length > 0 else float("nan")


def accuracy(w: Float[np.ndarray, "3"], run: Run) -> float:
    """The share of points on their own side of the line; a point on the line is on no side."""
    return float((run.y * (run.X @ w) > 0).mean())


@dataclass(frozen=True, eq=False)
class Separation:
    """Whether a line separates the points. If so: `w` (length 1) with the widest margin `gamma`; else `common`, see above."""

    R: float
    gamma: float
    w: Float[np.ndarray, "3"] | None
    common: Float[np.ndarray, "2"] | None

    @property
    def separable(self) -> bool:
        """Whether there is a line with every point on its own side."""
        return self.w is not None

    @property
    def bound(self) -> float:
        """(R / gamma)^2, infinite if no line separates."""
        return (self.R / self.gamma) ** 2 if self.gamma > 0 else float("inf")

    @property
    def most(self) -> int:
        """The bound as a whole number of mistakes; rounding must not take one away."""
        return int(self.bound * (1 + NOTHING))


def separation(run: Run) -> Separation:
    """The widest margin, or the proof that there is none."""
    G = run.y[:, None] * run.X
    E, f = np.vstack([G.T, np.ones(len(G))]), np.array([0.0, 0.0, 0.0, 1.0])
    u, distance = nnls(E, f)
    R = float(np.sqrt((run.X**2).sum(1).max()))
    if distance > NOTHING:
        residual = E @ u - f
        w = -residual[:3] / residual[3]
        length = float(np.linalg.norm(w))
        return Separation(R, 1.0 / length, w / length, None)
    plus = np.where(run.y > 0, u, 0.0)
    return Separation(R, 0.0, None, np.round((plus @ run.X[:, :2]) / plus.sum(), 12) + 0.0)


def least_squares(run: Run) -> Float[np.ndarray, "3"]:
    """The w with the smallest sum of (w . x - y)^2, where the delta rule is heading."""
    return np.linalg.lstsq(run.X, run.y, rcond=None)[0]


def chosen(spec: NeuronSpec, run: Run) -> int:
    """The selected point, the last one if there are fewer."""
    return min(spec.selected, len(run.y) - 1)


def at_step(spec: NeuronSpec, run: Run) -> int:
    """How many points have been shown where the film stands."""
    return len(run.order) if spec.step < 0 else min(spec.step, len(run.order))


def numbers(spec: NeuronSpec) -> dict[str, float]:
    """What the exported script prints too."""
    run = run_of(spec)
    z = float(run.w @ run.X[chosen(spec, run)])
    return {
        **{name: float(value) for name, value in zip(("w1", "w2", "b"), run.w, strict=True)},
        "points shown": float(len(run.order)),
        "mistakes": float(run.mistake.sum()),
        "share on the right side": accuracy(run.w, run),
        "weighted sum of the selected point": z,
        "output of the selected point": float(ACTIVATIONS[spec.activation].f(np.array(z))),
    }
