"""From the page's Spec to what it shows: the race with the rates of its mode, the hill on a grid, the closer looks as arrays.

A hill's values become colours and heights by `Scale`, linear or, where the range is large,

    h = log10(1 + (f − low) / unit)

which is linear near the lowest value and logarithmic far above it; `unit` is the height under which 2 % of the map lies.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.optimizer_race.basins import Bands, Basins, Sensitivity, basins, seeds, sensitivity, tuned
from core.optimizer_race.leaderboard import Row, leaderboard, value_gap
from core.optimizer_race.race import RaceResult, RaceSpec, draw_noise, internals, race, run
from core.optimizer_race.spec import TYPED, OptimizerRaceSpec, chosen, start_of, surface_of, surface_parameters
from core.optimizer_race.surfaces import Surface, bowl_matrix
from core.optimizer_race.theory import (
    Tuning,
    along_eigenvectors,
    errors,
    optimal_momentum,
    optimal_plain,
    spectral_radius,
    stability_map,
)
from core.training.entries import Entry, racer
from core.training.optimizers import Racer
from core.training.schedules import CONSTANT, by_period

RATES = tuple((10.0 ** np.linspace(-4.0, 1.0, 21)).tolist())  # what tuning tries: the same budget for every racer
BASIN_GRID, BASIN_STEPS = 64, 200
LARGE_RANGE = 100.0
LBFGS_MEMORY = 5  # of a plane two pairs are independent; torch would keep 100


@dataclass(frozen=True, eq=False)
class Run:
    """A race that was run: its labels, spec (with the rates that were used), result, table, gap f − f*, and each racer's unrest."""

    labels: tuple[str, ...]
    spec: RaceSpec
    result: RaceResult
    rows: tuple[Row, ...]
    gap: Float[np.ndarray, "racer step_and_start"]
    unrest: Float[np.ndarray, " racer"]


def run_of(spec: OptimizerRaceSpec) -> Run:
    """The race that the Spec describes; what only the closer looks need does not count."""
    return _run(race_part(spec))


def race_part(spec: OptimizerRaceSpec) -> OptimizerRaceSpec:
    """The Spec with everything that does not change the race at its default."""
    about = spec.params()
    return replace(spec, **{name: about[name].default for name in ("lens", "racer", "step", "draws")})


@lru_cache(maxsize=32)
def _run(spec: OptimizerRaceSpec) -> Run:
    rules = race_spec(spec)
    result, unrest = with_shadows(rules)
    labels = tuple(entry.label for entry in chosen(spec.racers))
    return Run(
        labels, rules, result, leaderboard(rules, result, spec.goal), value_gap(result.values, rules.hill), unrest
    )


def with_shadows(rules: RaceSpec) -> tuple[RaceResult, Float[np.ndarray, " racer"]]:
    """The race, and every racer's unrest: how far a shadow that starts one last bit away ends from it.

    The unrest is |f(shadow's end) − f(end)| / max(1, |f(end)|). Shadows run in the same race, where they cost next to nothing.
    """
    count, start = len(rules.racers), np.array(rules.start)
    shadow = start + np.spacing(np.maximum(np.abs(start), 1.0))
    both = replace(rules, racers=rules.racers * 2)
    found = run(both, np.repeat([start, shadow], count, axis=0), draw_noise(rules, rules.seed))
    ends = found.values[:, -1]
    unrest = np.abs(ends[count:] - ends[:count]) / np.maximum(1.0, np.abs(ends[:count]))
    return RaceResult(*(getattr(found, part.name)[:count] for part in fields(RaceResult))), unrest


def race_spec(spec: OptimizerRaceSpec) -> RaceSpec:
    """The race, every racer with the rate that it has in this mode.

    Raises:
        ExplainerError: formula, racers or start cannot be used.
    """
    field = chosen(spec.racers)
    rules = RaceSpec(
        surface_of(spec) if spec.surface == TYPED else spec.surface, tuple(racer_of(spec, entry) for entry in field),
        start_of(spec), spec.steps, spec.seed,
        tuple(surface_parameters(spec).items()), by_period(spec.schedule, spec.period, spec.gamma), spec.clip, spec.threshold, spec.noise,
    )  # fmt: skip
    if spec.rates != "tuned" or all(entry.rate for entry in field):
        return rules
    best = tuned(rules, RATES).racers
    return replace(
        rules, racers=tuple(mine if e.rate else t for e, mine, t in zip(field, rules.racers, best, strict=True))
    )


def racer_of(spec: OptimizerRaceSpec, entry: Entry) -> Racer:
    """The entry with the Spec's hyper-parameters, as far as its optimizer has them."""
    return racer(
        entry,
        rate=spec.rate if spec.rates == "same" else None,
        momentum=spec.momentum,
        betas=(spec.beta1, spec.beta2),
        weight_decay=spec.weight_decay,
        history_size=LBFGS_MEMORY,
        decoupled_weight_decay=spec.decoupled or None,
    )


@dataclass(frozen=True)
class Scale:
    """Values as colours and heights: h = f if `unit` is 0, else h = log10(1 + (f − low) / unit)."""

    low: float
    unit: float

    def __call__(self, f: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        if not self.unit:
            return f
        return np.log10(1.0 + np.maximum(f - self.low, 0.0) / self.unit)


@dataclass(frozen=True, eq=False)
class Hill:
    """The surface on a grid, rows y, columns x: values f and heights h."""

    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    f: Float[np.ndarray, "n n"]
    h: Float[np.ndarray, "n n"]
    scale: Scale


def hill(spec: RaceSpec, n: int) -> Hill:
    """n x n values over the surface's domain, widened where the start lies outside; NaN where f has none."""
    x, y = (np.linspace(*span, n) for span in frame(spec))
    f = spec.hill.f(*np.meshgrid(x, y))
    scale = scale_of(f, spec.hill)
    return Hill(x, y, f, scale(f), scale)


def frame(spec: RaceSpec) -> tuple[tuple[float, float], tuple[float, float]]:
    """What the map shows of x and of y."""
    return _around(spec.hill.x, spec.start[0]), _around(spec.hill.y, spec.start[1])


def _around(span: tuple[float, float], start: float) -> tuple[float, float]:
    return min(span[0], start - 0.1 * abs(start)) if start < span[0] else span[0], max(span[1], 1.1 * start)


def scale_of(f: Float[np.ndarray, "n n"], surface: Surface) -> Scale:
    """Logarithmic where the highest point lies more than a hundred times above the lowest 2 % of the map."""
    f = f[np.isfinite(f)]
    low = float(np.fmin(surface.lowest, f.min()))
    unit = float(np.quantile(f - low, 0.02))
    return Scale(low, unit if float(f.max()) - low > LARGE_RANGE * unit else 0.0)


def chosen_racer(spec: OptimizerRaceSpec) -> int:
    """The index of the racer that the closer look is about: the one that the Spec names, else the last."""
    labels = run_of(spec).labels
    return labels.index(spec.racer) if spec.racer in labels else len(labels) - 1


@lru_cache(maxsize=32)
def inside(rules: RaceSpec, index: int) -> dict[str, np.ndarray]:
    """Every step of one racer from inside: symbol -> (step, 2)."""
    return internals(rules, index)


@lru_cache(maxsize=16)
def strip(rules: RaceSpec) -> Sensitivity:
    """Every racer at every rate of RATES."""
    return sensitivity(rules, RATES)


@lru_cache(maxsize=16)
def basin_map(rules: RaceSpec, index: int) -> Basins:
    """Where 64 x 64 starts end under one racer, at a constant rate, unclipped, with the surface's own noise only."""
    steps = min(rules.steps, BASIN_STEPS)
    return basins(rules.surface, rules.racers[index], BASIN_GRID, steps, parameters=rules.parameters, seed=rules.seed)


@lru_cache(maxsize=16)
def bands(rules: RaceSpec, draws: int) -> Bands:
    """The values over `draws` noise seeds."""
    return seeds(rules, draws)


@dataclass(frozen=True, eq=False)
class Theory:
    """Momentum on the bowl, measured and in closed form: errors along the flat and the steep axis, and the map of ρ.

    `tuning` holds the rate and momentum on screen with their ρ; `best` and `plain` the optimum with and without momentum.
    `difference` is the largest |measured − closed| / max(1, |closed|).
    """

    tuning: Tuning
    best: Tuning
    plain: Tuning
    measured: Float[np.ndarray, "step_and_start 2"]
    closed: Float[np.ndarray, "step_and_start 2"]
    difference: float
    rates: Float[np.ndarray, " rate"]
    momenta: Float[np.ndarray, " momentum"]
    radius: Float[np.ndarray, "momentum rate"]


@lru_cache(maxsize=16)
def theory(spec: OptimizerRaceSpec) -> Theory:
    """Momentum with the Spec's rate and μ on its bowl: constant rate, no decay, no clipping, no noise."""
    eigenvalues, lr, beta = bowl_matrix(spec.condition, spec.angle)[0], spec.rate, spec.momentum
    racer = Racer("momentum", lr=lr, momentum=beta)
    rules = RaceSpec(
        "quadratic_bowl", (racer,), start_of(spec), spec.steps, 0, tuple(surface_parameters(spec).items()), CONSTANT
    )
    result = race(rules)
    path = result.paths[0, : int(result.stopped[0]) + 1]
    measured = along_eigenvectors(path, spec.condition, spec.angle)
    closed = errors(eigenvalues, measured[0], lr, beta, len(path) - 1)
    gap = np.abs(measured - closed) / np.maximum(1.0, np.abs(closed))
    low, high = float(eigenvalues[0]), float(eigenvalues[-1])
    rates, momenta = np.linspace(0.0, max(4.2 / high, 1.1 * lr), 85), np.linspace(0.0, 0.99, 67)
    return Theory(
        Tuning(lr, beta, float(spectral_radius(lr, beta, eigenvalues).max())),
        optimal_momentum(low, high), optimal_plain(low, high), measured, closed, float(gap.max()),
        rates, momenta, stability_map(rates, momenta, eigenvalues),
    )  # fmt: skip


def numbers(spec: OptimizerRaceSpec) -> dict[str, float]:
    """The value where each racer ended, by the names that the exported script prints."""
    shown = run_of(spec)
    final = shown.result.values[:, -1].tolist()
    return {f"final {label}": value for label, value in zip(shown.labels, final, strict=True)}
