"""Many races at once: where each start ends, what each rate gives, what tuning changes, how much is luck.

Each answer is one race (or a few, so that memory stays small) with many racers, for starts, rates and noise are per racer:

    basins       n x n starts over the surface's domain, one optimizer       -> which minimum each reaches
    sensitivity  every racer at every rate of a grid                         -> final value
    tuned        each racer at the rate of the grid that ended lowest: the same number of tries for all
    seeds        every racer under K draws of the gradient noise             -> median and 10 % to 90 % band of the values
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from core.errors import ExplainerError
from core.optimizer_race.race import MAX_RACER_STEPS, RaceResult, RaceSpec, draw_noise, run
from core.optimizer_race.surfaces import Minimum, Surface
from core.training.optimizers import Racer

MAX_GRID = 256
CHUNK = MAX_RACER_STEPS // 4  # racers x steps in memory at a time


class Basins(NamedTuple):
    """Rows are y, columns are x. `index` names one of `minima`; -1: at none of them, or diverged."""

    ends: Float[np.ndarray, "n n 2"]
    index: Int[np.ndarray, "n n"]
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    minima: tuple[Minimum, ...]


class Sensitivity(NamedTuple):
    """The value where each racer ended at each rate; of a diverged one, the value at its last good place."""

    final: Float[np.ndarray, "racer rate"]
    diverged: Bool[np.ndarray, "racer rate"]


class Bands(NamedTuple):
    """Values over K noise seeds, and the share of seeds in which the racer diverged."""

    low: Float[np.ndarray, "racer step_and_start"]
    median: Float[np.ndarray, "racer step_and_start"]
    high: Float[np.ndarray, "racer step_and_start"]
    diverged: Float[np.ndarray, " racer"]


def basins(
    surface: str | Surface,
    racer: Racer,
    n: int = 64,
    steps: int = 200,
    *,
    within: float = 0.1,
    parameters: Mapping[str, float] | tuple[tuple[str, float], ...] = (),
    seed: int = 0,
) -> Basins:
    """Run `racer` from n x n starts; a start belongs to the nearest minimum if it ended within `within` of it.

    Where the surface knows no minima, the places where many starts end stand for them (`gathered`).
    """
    if not 2 <= n <= MAX_GRID:
        raise ExplainerError(f"grid of {n} x {n} starts: n is outside 2 to {MAX_GRID}; try 64")
    spec = RaceSpec(surface, (racer,), None, steps, seed, parameters)
    x, y = (np.linspace(*side, n) for side in (spec.hill.x, spec.hill.y))
    starts = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    noise = draw_noise(spec, seed)
    rows = max(CHUNK // spec.steps, 1)
    runs = [
        run(replace(spec, racers=(racer,) * len(part)), part, noise)
        for part in (starts[i : i + rows] for i in range(0, len(starts), rows))
    ]
    ends = np.concatenate([result.paths[:, -1] for result in runs])
    out = np.concatenate([result.diverged for result in runs])
    values = np.concatenate([result.values[:, -1] for result in runs])
    minima = spec.hill.minima or gathered(ends[~out], values[~out], within)
    index = nearest(ends, minima, within)
    index[out] = -1
    return Basins(ends.reshape(n, n, 2), index.reshape(n, n), x, y, minima)


def gathered(
    ends: Float[np.ndarray, "start 2"], values: Float[np.ndarray, " start"], within: float, share: float = 0.01
) -> tuple[Minimum, ...]:
    """The places where at least `share` of the starts end, lowest first: each is the lowest end that no lower place drew in."""
    order = np.argsort(values, kind="stable")
    found: list[Minimum] = []
    while order.size:
        first = order[0]
        near = np.hypot(*(ends[order] - ends[first]).T) <= within
        if near.sum() >= max(1.0, share * len(ends)):
            found.append((*ends[first].tolist(), float(values[first])))
        order = order[~near]
    return tuple(found)


def nearest(
    places: Float[np.ndarray, "place 2"], minima: tuple[Minimum, ...], within: float
) -> Int[np.ndarray, " place"]:
    """The index of each place's nearest minimum, -1 where none is within `within`."""
    if not minima:
        return np.full(len(places), -1)
    spots = np.array(minima)[:, :2]
    squared = ((places[:, None, :] - spots[None, :, :]) ** 2).sum(-1)
    closest = squared.argmin(1)
    return np.where(squared.min(1) <= within * within, closest, -1)


def _at_rates(spec: RaceSpec, rates: Sequence[float]) -> list[RaceResult]:
    """One race for each racer: that racer at all rates."""
    if not len(rates):
        raise ExplainerError("no rates to try were given; try 1e-4, 1e-3, 1e-2 and 1e-1")
    noise, start = draw_noise(spec, spec.seed), np.tile(spec.start, (len(rates), 1))
    fields = (tuple(racer.at(float(rate)) for rate in rates) for racer in spec.racers)
    return [run(replace(spec, racers=field), start, noise) for field in fields]


def sensitivity(spec: RaceSpec, rates: Sequence[float] | Float[np.ndarray, " rate"]) -> Sensitivity:
    """The final value of every racer at every rate."""
    results = _at_rates(spec, rates)
    return Sensitivity(
        np.stack([result.values[:, -1] for result in results]), np.stack([result.diverged for result in results])
    )


def tuned(spec: RaceSpec, rates: Sequence[float] | Float[np.ndarray, " rate"]) -> RaceSpec:
    """The same race with each racer at its best rate of `rates`: lowest final value; ties and all diverged: the first."""
    final, diverged = sensitivity(spec, rates)
    best = np.where(diverged, np.inf, final).argmin(1)
    return replace(spec, racers=tuple(r.at(float(rates[i])) for r, i in zip(spec.racers, best, strict=True)))


def seeds(spec: RaceSpec, K: int) -> Bands:
    """The band of each racer's values over the noise seeds seed, seed + 1, ..., seed + K − 1."""
    if not 1 <= K <= 200:
        raise ExplainerError(f"{K} noise seeds: outside 1 to 200; try 30")
    draws = [draw_noise(spec, spec.seed + k) for k in range(K)]
    noise = None if draws[0] is None else np.concatenate(draws, axis=1)
    starts = np.tile(spec.start, (K, 1))
    results = [run(replace(spec, racers=(racer,) * K), starts, noise) for racer in spec.racers]
    low, median, high = np.stack([np.quantile(r.values, (0.1, 0.5, 0.9), axis=0) for r in results], axis=1)
    return Bands(low, median, high, np.array([r.diverged.mean() for r in results]))
