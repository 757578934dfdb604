"""Who won, by several measures, for no single one is fair.

For a racer with values f_0 .. f_T and the lowest known value f*: final f_T, best min f_t, distance |θ_T − nearest global
minimum|, steps to the first t with f_t − f* ≤ threshold, and the area under log10 of the value gap,

    area = Σ_t ½ (l_{t−1} + l_t),   l_t = log10 max(f_t − f*, 1e-16),

lower is better: it rewards who is low early. f* is the surface's global minimum; if none is known, the lowest value found, on
the map or by any racer. A racer that diverged did not finish (DNF) and stands behind all who did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from core.errors import ExplainerError
from core.optimizer_race.race import RaceResult, RaceSpec
from core.optimizer_race.surfaces import Surface
from core.training.optimizers import Racer

GAP_FLOOR = 1e-16


@dataclass(frozen=True)
class Row:
    """One racer's line. `index` is its place in spec.racers; `steps_to` is None if the threshold was never reached."""

    place: int
    index: int
    racer: Racer
    final: float
    best: float
    distance: float
    steps_to: int | None
    area: float
    dnf: bool
    stopped: int


def leaderboard(spec: RaceSpec, result: RaceResult, threshold: float = 1e-3) -> tuple[Row, ...]:
    """One row a racer, the winner first: by final value, DNF last (who held out longest before the others)."""
    if not threshold > 0.0:
        raise ExplainerError(f"threshold {threshold:g} must be above 0; try 0.001")
    gap = value_gap(result.values, spec.hill)
    log_gap = np.log10(np.maximum(gap, GAP_FLOOR))
    area = np.trapezoid(log_gap, axis=1)
    distance = distance_to_goal(result.paths[:, -1], spec.hill)
    reached = gap <= threshold
    rank = sorted(
        range(len(spec.racers)),
        key=lambda i: (result.diverged[i], -result.stopped[i] if result.diverged[i] else result.values[i, -1]),
    )
    return tuple(
        Row(
            place,
            i,
            spec.racers[i],
            float(result.values[i, -1]),
            float(result.values[i].min()),
            float(distance[i]),
            int(reached[i].argmax()) if reached[i].any() else None,
            float(area[i]),
            bool(result.diverged[i]),
            int(result.stopped[i]),
        )
        for place, i in enumerate(rank, start=1)
    )


def value_gap(
    values: Float[np.ndarray, "racer step_and_start"], surface: Surface
) -> Float[np.ndarray, "racer step_and_start"]:
    """f_t − f*, at least 0: rounding may put a value a hair below its minimum."""
    return np.maximum(values - lowest_of(values, surface), 0.0)


def lowest_of(values: Float[np.ndarray, "*any"], surface: Surface) -> float:
    """f*: the surface's lowest value; where it knows no minimum, what it has seen or, if lower, the lowest of `values`."""
    return surface.lowest if surface.minima else float(np.fmin(surface.lowest, values.min()))


def distance_to_goal(places: Float[np.ndarray, "racer 2"], surface: Surface) -> Float[np.ndarray, " racer"]:
    """Euclidean distance to the nearest global minimum, NaN if the surface knows none."""
    if not surface.goals:
        return np.full(len(places), np.nan)
    goals = np.array(surface.goals)[:, :2]
    return np.hypot(*(places[:, None, :] - goals[None, :, :]).transpose(2, 0, 1)).min(1)
