"""Windows, models, forecasts and their errors.

Window i starts at s_i = i·stride. Its inputs are the rows s_i .. s_i+L−1, its targets the next H values of column 0:

    x_i = v[s_i : s_i+L]   (L, d)        y_i = v[s_i+L : s_i+L+H, 0]   (H,)

The first 60 % of the rows train, the next 20 % validate, the last 20 % test: a window belongs to the part that holds all its targets,
and a training window lies in its part with its inputs too. Windows whose targets cross a border are left out. Models work on

    z = (v − μ) / σ        μ, σ of the training rows (of v, or of log v);    anchored: z − z of the window's last row

    naive      ŷ_h = last value             seasonal   ŷ_h = v at the same place of the last season, lag m ⌈h/m⌉
    linear     least squares with a constant on the L·d inputs (minimum norm where there are fewer windows than inputs)
    analogue   what followed the training window that lies nearest to this one (E. N. Lorenz, J. Atmospheric Sciences 26, 1969)
    rnn, lstm, gru   torch's cell over the window, a linear layer on its last hidden state (nets.py)

Direct: one output for each of the H steps. Recursive: one step for all d columns, appended to the window, H times (S. Ben Taieb et al.,
Expert Systems with Applications 39, 2012). Errors e = y − ŷ over all windows and steps of the test part:

    MAE = mean |e|,  RMSE = √mean e²,  MAPE = 100 mean |e / y|,  MASE = MAE / mean_t |v_t − v_{t−m}| over the training rows

(R. J. Hyndman & A. B. Koehler, International Journal of Forecasting 22, 2006, eq. 4.3 with season m.) Intervals: the α/2 and 1 − α/2 quantiles of the
validation part's errors in z, for each model and step, added to the forecast; coverage is the share of test values inside.

Whether a lead over the naive forecast is more than chance: with d_i the difference of the two mean absolute errors of test window i,

    DM = d̄ / √(V / n),    V = γ_0 + 2 Σ_{k=1}^{q} (1 − k / (q+1)) γ_k,    γ_k = 1/n Σ_i (d_i − d̄)(d_{i−k} − d̄),    q = ⌈H / stride⌉ − 1

(F. X. Diebold & R. S. Mariano, JBES 13, 1995; weights of W. K. Newey & K. D. West, Econometrica 55, 1987); beyond ±1.96 it is called clear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from core.errors import ExplainerError
from core.forecasting.series import Series, series
from core.forecasting.spec import LEAKS, ForecastingSpec
from core.rng import numpy_generator

Array = np.ndarray
SHARES = (0.6, 0.8)  # where training and validation end
LEAST = {"train": 8, "validation": 3, "test": 3}  # windows
CLEAR = 1.96
FOLDS = 4
Model = Callable[[Float[Array, "W L d"]], Float[Array, "W k"]]  # anchored windows -> what comes next


class Parts(NamedTuple):
    """Numbers of the windows that train, validate and test."""

    train: Int[Array, " A"]
    validation: Int[Array, " B"]
    test: Int[Array, " C"]


@dataclass(frozen=True, eq=False)
class Problem:
    """The windows of a series, scaled. `z` (T, d); `starts` (W,); `x` (W, L, d) and `y` (W, H) in z; `truth` (W, H) as measured."""

    spec: ForecastingSpec
    series: Series
    z: Float[Array, "T d"]
    mean: float
    deviation: float
    starts: Int[Array, " W"]
    x: Float[Array, "W L d"]
    y: Float[Array, "W H"]
    truth: Float[Array, "W H"]
    parts: Parts
    borders: tuple[int, int]

    def measured(self, z: Array) -> Array:
        """Scaled values of the target as they would be measured."""
        v = self.mean + self.deviation * z
        return np.exp(np.minimum(v, 700.0)) if self.spec.log else v


@dataclass(frozen=True, eq=False)
class Study:
    """What the models foretell. `forecasts[model]` (W, H), `low` and `high` likewise, all as measured."""

    problem: Problem
    forecasts: Mapping[str, Float[Array, "W H"]]
    low: Mapping[str, Float[Array, "W H"]]
    high: Mapping[str, Float[Array, "W H"]]
    epochs: int  # that the nets have trained

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Model -> measure -> value on the test part, with `coverage` and `width` of its intervals."""
        p = self.problem
        rows, truth, scale = p.parts.test, p.truth[p.parts.test], naive_error(p)
        out = {}
        for name, all_windows in self.forecasts.items():
            low, high = self.low[name][rows], self.high[name][rows]
            out[name] = measures(truth, all_windows[rows], scale) | {
                "coverage": float(inside(truth, low, high).mean()),
                "width": float((high - low).mean()),
            }
        return out


def core_of(spec: ForecastingSpec) -> ForecastingSpec:
    """What the forecasts depend on: the rest at default, so that a look at them costs nothing anew."""
    defaults = ForecastingSpec()
    return replace(spec, lens=defaults.lens, metric=defaults.metric, model=defaults.model, at=defaults.at)


def net_part(spec: ForecastingSpec) -> ForecastingSpec:
    """What the nets' training depends on."""
    defaults = ForecastingSpec()
    return replace(core_of(spec), level=defaults.level, season=defaults.season)


def window_starts(n: int, window: int, horizon: int, stride: int) -> Int[Array, " W"]:
    """s_i of every window that fits into n rows."""
    return np.arange(0, n - window - horizon + 1, stride)


def cut(values: Float[Array, "T d"], starts: Int[Array, " W"], first: int, count: int) -> Float[Array, "W n d"]:
    """For each window the rows s + first .. s + first + count − 1."""
    return values[starts[:, None] + np.arange(first, first + count)]


def split(starts: Int[Array, " W"], window: int, horizon: int, borders: tuple[int, int]) -> Parts:
    """By time: the parts that hold all targets of a window."""
    begin, end = starts + window, starts + window + horizon
    train = np.flatnonzero(end <= borders[0])
    validation = np.flatnonzero((begin >= borders[0]) & (end <= borders[1]))
    return Parts(train, validation, np.flatnonzero(begin >= borders[1]))


def shuffled(parts: Parts, seed: int) -> Parts:
    """The leak: the same windows in parts of the same sizes, but drawn at random."""
    order = numpy_generator(seed, "shuffled split").permutation(np.concatenate(parts))
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    return Parts(*(np.sort(part) for part in np.split(order, cuts)))


def problem(spec: ForecastingSpec, found: Series, borders: tuple[int, int] | None = None) -> Problem:
    """Cut, split and scale.

    Raises:
        ExplainerError: a part has too few windows.
    """
    n = len(found.values)
    edges = borders or (round(SHARES[0] * n), round(SHARES[1] * n))
    v = np.log(found.values) if spec.log else found.values
    rows = v if spec.leak == "scaling" else v[: edges[0]]
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    z = (v - mean) / deviation
    starts = window_starts(n, spec.window, spec.horizon, spec.stride)
    parts = split(starts, spec.window, spec.horizon, edges)
    for name, part in parts._asdict().items():
        if len(part) < LEAST[name]:
            raise ExplainerError(
                f"{n} rows with a window of {spec.window}, a horizon of {spec.horizon} and a stride of {spec.stride} leave {len(part)} windows for "
                f"{name}; at least {LEAST[name]} are needed; try a shorter window or horizon, or a longer series"
            )
    if spec.leak == "shuffled":
        parts = shuffled(parts, spec.seed)
    y = cut(z, starts, spec.window, spec.horizon)[:, :, 0]
    truth = cut(found.values, starts, spec.window, spec.horizon)[:, :, 0]
    x = cut(z, starts, 0, spec.window)
    return Problem(spec, found, z, float(mean[0]), float(deviation[0]), starts, x, y, truth, parts, edges)


def anchored(x: Float[Array, "W L d"], spec: ForecastingSpec) -> tuple[Float[Array, "W L d"], Float[Array, "W d"]]:
    """The windows as the models see them, and what is to be added to their answers."""
    last = x[:, -1] if spec.anchor else np.zeros_like(x[:, -1])
    return x - last[:, None], last


def targets(p: Problem) -> Float[Array, "W k"]:
    """What a model learns to answer: H steps of the target (direct), or the next row (recursive)."""
    _, last = anchored(p.x, p.spec)
    if p.spec.strategy == "direct":
        return p.y - last[:, :1]
    return cut(p.z, p.starts, p.spec.window, 1)[:, 0] - last


def roll(model: Model, x: Float[Array, "W L d"], spec: ForecastingSpec) -> Float[Array, "W H"]:
    """The model's forecasts in z: its H answers, or its one-step answer fed back H times."""
    if spec.strategy == "direct":
        seen, last = anchored(x, spec)
        return last[:, :1] + model(seen)
    steps = []
    for _ in range(spec.horizon):
        seen, last = anchored(x, spec)
        row = last + model(seen)
        x = np.concatenate([x[:, 1:], row[:, None]], axis=1)
        steps.append(row[:, 0])
    return np.stack(steps, axis=1)


def naive(p: Problem) -> Float[Array, "W H"]:
    """The last value, for every step."""
    return np.repeat(p.x[:, -1:, 0], p.spec.horizon, axis=1)


def seasonal_naive(p: Problem) -> Float[Array, "W H"]:
    """The value one season before, or as many seasons as it takes to be known; before the series begins, its first value."""
    m, h = p.series.season, np.arange(1, p.spec.horizon + 1)
    origin = p.starts + p.spec.window - 1
    at = origin[:, None] + h - m * -(-h // m)
    return p.z[np.maximum(at, 0), 0]


def linear(x: Float[Array, "N L d"], y: Float[Array, "N k"]) -> Model:
    """Least squares with a constant."""

    def design(x: Array) -> Array:
        return np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])

    weights = np.linalg.lstsq(design(x), y, rcond=None)[0]
    return lambda x: design(x) @ weights


def analogue(x: Float[Array, "N L d"], y: Float[Array, "N k"]) -> Model:
    """The answer of the nearest of the windows x (squared distance; the first of equals)."""
    known = x.reshape(len(x), -1)

    def predict(asked: Array) -> Array:
        rows = asked.reshape(len(asked), -1)
        distance = (rows**2).sum(axis=1)[:, None] - 2 * rows @ known.T + (known**2).sum(axis=1)
        return y[distance.argmin(axis=1)]

    return predict


def baselines(p: Problem) -> dict[str, Float[Array, "W H"]]:
    """The forecasts of the four that need no training in steps, in z."""
    x, y = anchored(p.x, p.spec)[0][p.parts.train], targets(p)[p.parts.train]
    fitted = {name: roll(fit(x, y), p.x, p.spec) for name, fit in (("linear", linear), ("analogue", analogue))}
    return {"naive": naive(p), "seasonal": seasonal_naive(p), **fitted}


def study(p: Problem, nets: Mapping[str, Model], epochs: int) -> Study:
    """Forecasts and intervals of the baselines and of the nets given."""
    found = baselines(p) | {name: roll(net, p.x, p.spec) for name, net in nets.items()}
    bands = {name: interval(p.y[p.parts.validation] - f[p.parts.validation], p.spec.level) for name, f in found.items()}
    measured = {name: p.measured(f) for name, f in found.items()}
    low, high = ({name: p.measured(f + bands[name][k]) for name, f in found.items()} for k in (0, 1))
    return Study(p, measured, low, high, epochs)


def interval(errors: Float[Array, "N H"], level: float) -> tuple[Float[Array, " H"], Float[Array, " H"]]:
    """For each step the two quantiles that leave the same share outside on either side."""
    outside = (1 - level) / 2
    return np.quantile(errors, outside, axis=0), np.quantile(errors, 1 - outside, axis=0)


def inside(y: Float[Array, "N H"], low: Float[Array, "N H"], high: Float[Array, "N H"]) -> Bool[Array, "N H"]:
    """Which values an interval holds, its ends included."""
    return (low <= y) & (y <= high)


def measures(y: Float[Array, "N H"], forecast: Float[Array, "N H"], scale: float) -> dict[str, float]:
    """MAE, RMSE, MAPE (NaN where a truth is 0) and MASE (NaN where the naive step makes no error)."""
    e = y - forecast
    mae = float(np.abs(e).mean())
    mape = float(100 * np.abs(e / y).mean()) if (y != 0).all() else math.nan
    return {
        "mae": mae,
        "rmse": float(np.sqrt((e * e).mean())),
        "mape": mape,
        "mase": mae / scale if scale else math.nan,
    }


def naive_error(p: Problem) -> float:
    """mean |v_t − v_{t−m}| over the training rows: what MASE is measured in."""
    v, m = p.series.values[: p.borders[0], 0], p.series.season
    return float(np.abs(v[m:] - v[:-m]).mean())


class Lead(NamedTuple):
    """How far the naive forecast's mean absolute error lies above a model's, DM, and whether that is clear."""

    lead: float
    statistic: float
    clear: bool


def lead(run: Study, model: str, over: str = "naive") -> Lead:
    """The test of Diebold and Mariano on the windows of the test part."""
    p = run.problem
    rows = p.parts.test
    mine, other = (np.abs(p.truth[rows] - run.forecasts[name][rows]).mean(axis=1) for name in (model, over))
    d = other - mine
    statistic = diebold_mariano(d, -(-p.spec.horizon // p.spec.stride) - 1)
    return Lead(float(d.mean()), statistic, abs(statistic) > CLEAR)


def diebold_mariano(d: Float[Array, " n"], lags: int) -> float:
    """DM of differences d in time order; 0 where they do not vary."""
    n, c = len(d), d - d.mean()
    q = min(lags, n - 1)
    gamma = [float(c[k:] @ c[: n - k]) / n for k in range(q + 1)]
    variance = gamma[0] + 2 * sum((1 - k / (q + 1)) * gamma[k] for k in range(1, q + 1))
    return float(d.mean() / math.sqrt(variance / n)) if variance > 0 else 0.0


@lru_cache(maxsize=32)
def _problem(spec: ForecastingSpec) -> Problem:
    return problem(spec, series(spec))


def problem_of(spec: ForecastingSpec) -> Problem:
    """The windows of a resolved Spec."""
    return _problem(core_of(spec))


def fold_borders(p: Problem) -> list[tuple[int, int]]:
    """Walk-forward: the last 40 % of the rows in blocks; each fold trains on all rows before its block."""
    n = len(p.series.values)
    edges = np.rint(np.linspace(p.borders[0], n, FOLDS + 1)).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def folded(p: Problem, block: tuple[int, int]) -> Problem:
    """The fold that is tested on the rows of `block`: the last quarter of the rows before it validates.

    Raises:
        ExplainerError: the block or the rows before it hold too few windows.
    """
    rows = replace_rows(p.series, block[1])
    return problem(replace(p.spec, leak="none"), rows, (round(0.75 * block[0]), block[0]))


def replace_rows(found: Series, end: int) -> Series:
    """The series up to row `end`: what comes later is not known yet."""
    return replace(found, values=found.values[:end], times=found.times[:end])


def leaky(spec: ForecastingSpec) -> dict[str, ForecastingSpec]:
    """Leak -> the same run with that leak."""
    return {leak: replace(spec, leak=leak) for leak in LEAKS}
