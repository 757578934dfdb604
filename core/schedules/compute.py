"""Schedules compared on one small net, a range test for the rate, clipping with its records, and the patience of a plateau.

    the race     each schedule under K seeds; the same first weights and batches for all (core.training.networks)
    range test   one racer whose rate grows as η_t = η_0 (η_1 / η_0)^(t / (T − 1)); L. N. Smith, Cyclical Learning Rates, 2017, section 3.3.
                 The loss of each batch, mean of 8 runs, smoothed:  s_t = β s_{t−1} + (1 − β) L_t,  ŝ_t = s_t / (1 − β^{t+1})
                 steepest: where dŝ / d log η is lowest before ŝ has its lowest value; the test ends where ŝ > 4 times that value
    clipping     the norm of every batch's gradient before it is cut, and whether anything was cut
    plateau      torch's ReduceLROnPlateau on the losses of the first seed: best value, steps without progress, drops

Everything is a function of the Spec, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from core.data.small_sets import load
from core.schedules.spec import CLIPS, TITLES, SchedulesSpec, chosen
from core.training.networks import Field, NetworkSpec, columns, descend, measured, moments, targets
from core.training.optimizers import Racer
from core.training.schedules import Schedule, by_period
from core.training.sharpness import edge, sharpness

POINTS = 60  # moments at which all data are measured, after the start
SHARP_POINTS, SHARP_ITERATIONS = 13, 80
LOWEST, HIGHEST, TESTED = 1e-5, 10.0, 120  # of the range test: rates and steps
TESTS, UNSURE = 8, 10  # runs that are averaged, and first steps whose average is still too rough to be read
SMOOTHING, EXPLODED = 0.9, 4.0
SCORES = {
    "train_accuracy": "train_score",
    "test_accuracy": "test_score",
    "train_r2": "train_score",
    "test_r2": "test_score",
}
QUIET = ("metric", "lens")  # what does not change the race

Series = Float[np.ndarray, " step"]


@dataclass(frozen=True, eq=False)
class Run:
    """A race of schedules. `metrics`: name -> (schedule, 3, moment), the 10 % quantile, median and 90 % quantile over the seeds.

    `rates` (schedule, step) and `losses`, of the batch before each step, are those of the first seed, `theta` (moment, schedule, P) its ways.
    `left` (schedule, moment): whether most seeds have left the race.
    """

    spec: SchedulesSpec
    labels: list[str]
    rules: NetworkSpec
    t: Int[np.ndarray, " moment"]
    metrics: Mapping[str, Float[np.ndarray, "schedule 3 moment"]]
    left: Bool[np.ndarray, "schedule moment"]
    rates: Float[np.ndarray, "schedule step"]
    losses: Float[np.ndarray, "schedule step"]
    theta: Float[np.ndarray, "moment schedule P"]

    @property
    def regression(self) -> bool:
        """Whether the data are a regression."""
        return self.spec.data == "diabetes"

    @property
    def gone(self) -> Bool[np.ndarray, " schedule"]:
        """Who did not finish."""
        return self.left[:, -1]

    def end(self, metric: str) -> Float[np.ndarray, " schedule"]:
        """The medians at the end."""
        return self.metrics[metric][:, 1, -1]


def racer_of(spec: SchedulesSpec) -> Racer:
    """The optimizer at its highest rate."""
    return Racer(spec.optimizer, lr=spec.rate)


def rules_of(spec: SchedulesSpec) -> NetworkSpec:
    """The race.

    Raises:
        ExplainerError: schedules that cannot be read.
    """
    schedules = tuple(chosen(spec).values())
    return NetworkSpec(
        spec.data, (racer_of(spec),) * len(schedules), spec.activation, spec.width, spec.batch, spec.steps, spec.seed, spec.seeds,
        schedules, depth=spec.depth, clip=spec.clip, threshold=spec.threshold,
    )  # fmt: skip


def run_of(spec: SchedulesSpec) -> Run:
    """The race on screen."""
    default = {name: spec.params()[name].default for name in QUIET}
    return replace(_race(replace(spec, **default)), spec=spec)


@lru_cache(maxsize=16)
def _race(spec: SchedulesSpec) -> Run:
    rules = rules_of(spec)
    _, data = rules.set_up()
    parts = [(columns(X), targets(data, y)) for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))]
    shown = moments(rules.steps, POINTS + 1)
    rates, losses, points, left, theta = [], [], [], [], []
    for t, field in descend(rules):
        if t:
            rates.append(field.by_racer(field.rates)[:, 0])
            losses.append(field.by_racer(field.loss)[:, 0])
        if t in shown:
            points.append(measured(field, *parts))
            left.append(field.by_racer(~field.running).mean(1) > 0.5)
            theta.append(field.by_racer(field.theta)[:, 0])
    metrics = {
        SCORES.get(name, name): np.stack([np.quantile(point[name], (0.1, 0.5, 0.9), axis=1).T for point in points], axis=-1)
        for name in points[0]
    }  # fmt: skip
    return Run(
        spec, list(chosen(spec)), rules, shown, metrics, np.stack(left, axis=1), np.stack(rates, axis=1), np.stack(losses, axis=1),
        np.stack(theta),
    )  # fmt: skip


def numbers(spec: SchedulesSpec) -> dict[str, float]:
    """What the exported script prints."""
    run = run_of(spec)
    return {
        f"{metric} {label}": float(value)
        for metric in ("train_loss", "test_loss", "test_score")
        for label, value in zip(run.labels, run.end(metric), strict=True)
    }


# --- Sharpness --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sharp:
    """At some steps: the top eigenvalue of the training loss's Hessian (NaN where one has left), its residual, and the edge 2/η there
    (more with momentum; NaN for adaptive optimizers)."""

    t: Int[np.ndarray, " point"]
    value: Float[np.ndarray, "schedule point"]
    residual: Float[np.ndarray, "schedule point"]
    edge: Float[np.ndarray, "schedule point"]


def sharp(run: Run) -> Sharp:
    """Along the ways of the first seed."""
    net, data = run.rules.set_up()
    X, Y = columns(data.X_train), targets(data, data.y_train)
    at = moments(len(run.t) - 1, SHARP_POINTS)
    with np.errstate(all="ignore"):
        found = [sharpness(net, run.theta[k], X, Y, iterations=SHARP_ITERATIONS, tolerance=1e-3) for k in at]
    value, residual = (np.stack([one[i] for one in found], axis=1) for i in range(2))
    racer, t = racer_of(run.spec), run.t[at]
    rates = run.rates[:, np.minimum(t, run.rules.steps - 1)]
    limits = np.vectorize(lambda lr: edge(racer.at(float(lr))) if lr > 0.0 else np.nan)(rates)
    return Sharp(t, np.where(run.left[:, at], np.nan, value), residual, limits)


# --- The range test ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RangeTest:
    """Rates and losses up to the end of the test, the smoothed losses, and where in them the loss is steepest and lowest."""

    rates: Series
    losses: Series
    smooth: Series
    steepest: int
    lowest: int

    @property
    def suggested(self) -> float:
        """The rate at which the loss falls fastest."""
        return float(self.rates[self.steepest])

    @property
    def tenth(self) -> float:
        """A tenth of the rate at the lowest loss: the older rule of thumb."""
        return float(self.rates[self.lowest]) / 10.0


@lru_cache(maxsize=16)
def _tested(spec: SchedulesSpec) -> RangeTest:
    growing = Schedule("exponential", gamma=(HIGHEST / LOWEST) ** (1.0 / (TESTED - 1)))
    rules = replace(
        rules_of(spec), racers=(racer_of(spec).at(LOWEST),), schedule=growing, steps=TESTED, seeds=TESTS, clip="none"
    )
    rates, losses = [], []
    for t, field in descend(rules):
        if t:
            rates.append(field.rates[0])
            losses.append(field.loss.mean())
    return read_off(np.array(rates), np.array(losses))


def range_test(spec: SchedulesSpec) -> RangeTest:
    """The test of the optimizer and net on screen, without clipping."""
    about = spec.params()
    kept = ("data", "optimizer", "batch", "width", "depth", "activation", "seed")
    return _tested(replace(spec, **{name: about[name].default for name in about if name not in kept}))


def read_off(rates: Series, losses: Series) -> RangeTest:
    """Smooth the losses, cut the test off where they explode, and find the steepest and the lowest place."""
    smooth = smoothed(losses)
    best = np.minimum.accumulate(np.where(np.isfinite(smooth), smooth, np.inf))
    over = np.flatnonzero(~(smooth <= EXPLODED * best))  # also where it is no number
    end = int(over[0]) if len(over) else len(smooth)
    rates, losses, smooth = rates[:end], losses[:end], smooth[:end]
    lowest = int(smooth.argmin())
    first = min(UNSURE, lowest)
    slope = np.gradient(smooth, np.log(rates))
    return RangeTest(rates, losses, smooth, first + int(slope[first : lowest + 1].argmin()), lowest)


def smoothed(losses: Series) -> Series:
    """ŝ: a moving average without the pull of its start at 0."""
    s, out = 0.0, np.empty_like(losses)
    for t, loss in enumerate(losses):
        s = SMOOTHING * s + (1.0 - SMOOTHING) * loss
        out[t] = s / (1.0 - SMOOTHING ** (t + 1))
    return out


# --- Clipping ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Clipped:
    """One way of clipping: the norm of each batch's gradient before the cut, whether it was cut, and the training loss of each batch,
    of the first seed; NaN once it has left the race. `end`: the training loss at the end, all data, the median over the seeds."""

    norms: Series
    cut: Bool[np.ndarray, " step"]
    losses: Series
    end: float
    gone: bool


@lru_cache(maxsize=16)
def _clippings(spec: SchedulesSpec) -> dict[str, Clipped]:
    first = next(iter(chosen(spec).values()))
    rules = replace(rules_of(spec), racers=(racer_of(spec),), schedule=first)
    return {name: _clipping(replace(rules, clip=name)) for name in CLIPS}


def clippings(spec: SchedulesSpec) -> dict[str, Clipped]:
    """Every way of clipping at the limit on screen, under the first schedule on screen."""
    default = {name: spec.params()[name].default for name in (*QUIET, "clip")}
    return _clippings(replace(spec, **default, shown=next(iter(chosen(spec)))))


def _clipping(rules: NetworkSpec) -> Clipped:
    norms, cut, losses = [], [], []
    _, data = rules.set_up()
    known = columns(data.X_train), targets(data, data.y_train)
    for t, field in descend(rules):
        if t == 0:
            field.clip = _recorded(field, norms, cut)
            continue
        losses.append(field.loss[0])
    good = np.arange(rules.steps) <= field.stopped[0]
    end = measured(field, known, known)["train_loss"]
    gone = bool(field.by_racer(~field.running).mean() > 0.5)
    return Clipped(
        np.where(good, norms, np.nan), np.array(cut) & good, np.where(good, losses, np.nan), float(np.median(end)), gone
    )


def _recorded(field: Field, norms: list[float], cut: list[bool]):
    """The field's clipping, with a record of the first seed's gradient."""
    clip = field.clip

    def record(g: np.ndarray, theta: np.ndarray) -> np.ndarray:
        shorter = clip(g, theta)
        norms.append(float(np.sqrt(g[0] @ g[0])))
        cut.append(bool((shorter[0] != g[0]).any()))
        return shorter

    return record


# --- Plateau ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Patience:
    """The plateau's view of a race, step by step: losses of the batches, the best so far, steps without progress, the rate."""

    losses: Series
    best: Series
    waited: Series
    rates: Series

    @property
    def drops(self) -> Int[np.ndarray, " drop"]:
        """The steps after which the rate fell."""
        return np.flatnonzero(np.diff(self.rates) < 0.0) + 1


def patience(spec: SchedulesSpec) -> Patience:
    """Reduce on plateau on the net on screen, whether it is among the schedules or not."""
    title = next(title for title, name in TITLES.items() if name == "plateau")
    run = run_of(replace(spec, shown=title, seeds=1))
    plateau = by_period("plateau", spec.period, spec.gamma).plateau(np.array([spec.rate]))
    best, waited, rates = [], [], []
    for loss in run.losses[0]:
        rates.append(plateau.lr[0])
        plateau.observe(np.array([loss]))
        best.append(plateau.best[0])
        waited.append(plateau.waited[0])
    return Patience(run.losses[0], np.array(best), np.array(waited), np.array(rates))


def epochs(run: Run) -> float:
    """How often every example was seen."""
    N = len(load(run.spec.data, run.spec.seed).X_train)
    return run.rules.steps / -(-N // run.rules.batch)
