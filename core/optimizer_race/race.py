"""The race: all racers, all at once, from one start down one surface.

    θ_0 = start;   for t = 1 .. steps:   g = clip(∇f(θ_{t−1}) + ξ_t),   θ_t = rule(θ_{t−1}, g, η_t)

All racers' places are one (racer, 2) array: the gradient is one call for all, and each rule is one call for all racers that
share it. The noise ξ_t ~ N(0, σ²I) is the same for all racers (common random numbers, as one order of mini-batches would be).
Clipping is torch's: by value, each coordinate to [−c, c]; by norm, g · min(1, c / (|g| + 1e-6)).

A racer whose place is not finite, or whose value is beyond ±VALUE_BOUND, has left the race (DNF): from there on it stands at
its last good place, and `diverged` says so. The others never notice, for no racer's arithmetic touches another's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from core.errors import ExplainerError, one_of
from core.optimizer_race.surfaces import Surface, surface_named
from core.rng import numpy_generator
from core.training.clipping import CLIPS
from core.training.optimizers import MATRIX_OPTIMIZERS, OPTIMIZERS, Lane, Racer, lanes
from core.training.schedules import CONSTANT, Schedule

MAX_STEPS = 5000
MAX_RACER_STEPS = 4_000_000
START_LIMIT = 100.0
VALUE_BOUND = 1e12

Array = np.ndarray
Places = Float[np.ndarray, "racer 2"]
Noise = Float[np.ndarray, "step #racer 2"]
T = TypeVar("T")
Given = Annotated[T | Any, "brought to type T, or refused in words, by __post_init__"]
Watch = Callable[[int, Places, "Lane"], None]


@dataclass(frozen=True)
class RaceSpec:
    """A race: who runs where, from which start, for how long, and under which conditions. Frozen and hashable.

    `surface` is a name in SURFACES or a Surface; `parameters` sets a named surface's parameters (condition number, noise, ...);
    `start` is the surface's own if None; `noise` is the standard deviation of extra gradient noise; `threshold` is clip's c.

    Raises:
        ExplainerError: something is unknown or out of range.
    """

    surface: str | Surface
    racers: Given[tuple[Racer, ...]]
    start: Given[tuple[float, float]] = None
    steps: Given[int] = 500
    seed: Given[int] = 0
    parameters: Given[tuple[tuple[str, float], ...]] = ()
    schedule: Schedule = CONSTANT
    clip: str = "none"
    threshold: Given[float] = 1.0
    noise: Given[float] = 0.0

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "racers", _checked_racers(self.racers))
        put(self, "parameters", tuple(sorted(dict(self.parameters).items())))
        put(self, "steps", _whole("steps", self.steps, 1, MAX_STEPS, 500))
        put(self, "seed", _whole("seed", self.seed, 0, 2**63 - 1, 0))
        put(self, "threshold", _number("clipping threshold", self.threshold, 1e-6, 1e6, 1.0))
        put(self, "noise", _number("gradient noise", self.noise, 0.0, 100.0, 0.5))
        if self.clip not in CLIPS:
            raise ExplainerError(f"clipping {str(self.clip)[:40]!r} is unknown; choose {one_of(CLIPS)}")
        if len(self.racers) * self.steps > MAX_RACER_STEPS:
            raise ExplainerError(
                f"{len(self.racers)} racers x {self.steps} steps is more than {MAX_RACER_STEPS:,}; try fewer of either"
            )
        put(self, "start", _checked_start(self.hill, self.start))

    @property
    def hill(self) -> Surface:
        """The surface itself, its parameters set."""
        if isinstance(self.surface, Surface):
            return self.surface
        return surface_named(self.surface, **dict(self.parameters))


def _checked_racers(racers: Any) -> tuple[Racer, ...]:
    if isinstance(racers, Racer) or not all(isinstance(r, Racer) for r in racers):
        raise ExplainerError(f"racers must be a tuple of Racer, such as (Racer('{next(iter(OPTIMIZERS))}'),)")
    if not racers:
        raise ExplainerError("a race needs at least one racer; try Racer('adam')")
    if matrix := sorted({r.optimizer.title for r in racers if r.name in MATRIX_OPTIMIZERS}):
        raise ExplainerError(f"{matrix[0]} steps on weight matrices and a point (x, y) is none; try Racer('lion')")
    return tuple(racers)


def _number(what: str, value: Any, low: float, high: float, hint: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ExplainerError(f"{what}: {str(value)[:40]!r} is not a number; try {hint:g}") from None
    if not low <= number <= high:  # also refuses NaN
        raise ExplainerError(f"{what} {number:g} is outside {low:g} to {high:g}; try {hint:g}")
    return number


def _whole(what: str, value: Any, low: int, high: int, hint: int) -> int:
    number = _number(what, value, low, high, hint)
    if number != int(number):
        raise ExplainerError(f"{what} {number:g} is not a whole number; try {int(number)}")
    return int(value)


def _checked_start(surface: Surface, start: Any) -> tuple[float, float]:
    hint = surface.start
    if start is None:
        return hint
    if not isinstance(start, (tuple, list)) or len(start) != 2:
        raise ExplainerError(f"start {str(start)[:40]!r} is not a pair (x, y); try {hint}")
    x, y = (
        _number(f"start's {axis}", value, -START_LIMIT, START_LIMIT, at)
        for axis, value, at in zip("xy", start, hint, strict=True)
    )
    with np.errstate(all="ignore"):
        height = float(surface.f(np.array([x]), np.array([y]))[0])
    if math.isnan(height):
        raise ExplainerError(f"the formula has no value at the start ({x:g}, {y:g}); try {hint}")
    if not abs(height) <= VALUE_BOUND:
        raise ExplainerError(f"start ({x:g}, {y:g}) lies at f = {height:g}, outside ±{VALUE_BOUND:g}; try {hint}")
    return x, y


@dataclass(frozen=True, eq=False)
class RaceResult:
    """What happened. `stopped` is the last step whose place is the racer's own (steps, unless it diverged).

    `evaluations` counts how often each racer asked for f or its gradient: once a step, but for those that search along a line.
    """

    paths: Float[np.ndarray, "racer step_and_start 2"]
    values: Float[np.ndarray, "racer step_and_start"]
    diverged: Bool[np.ndarray, " racer"]
    stopped: Int[np.ndarray, " racer"]
    rates: Float[np.ndarray, "racer step"]
    evaluations: Int[np.ndarray, " racer"]


def race(spec: RaceSpec) -> RaceResult:
    """Run the race.

    >>> result = race(RaceSpec(surface="quadratic_bowl", racers=(Racer("sgd", lr=0.01),), start=(1.0, 1.0), steps=3))
    >>> result.paths[0, :, 0].round(6).tolist()
    [1.0, 0.99, 0.9801, 0.970299]
    """
    return run(spec, np.tile(spec.start, (len(spec.racers), 1)), draw_noise(spec, spec.seed))


def draw_noise(spec: RaceSpec, seed: int) -> Noise | None:
    """ξ of all steps, one for all racers; the surface's own noise and the spec's add up. None if there is none."""
    sigma = math.hypot(spec.noise, spec.hill.noise)
    if sigma == 0.0:
        return None
    return sigma * numpy_generator(seed, "gradient noise").standard_normal((spec.steps, 1, 2))


def run(spec: RaceSpec, starts: Places, noise: Noise | None, watch: Watch | None = None) -> RaceResult:
    """The race with a start for each racer and given noise; `watch(t, g, lane)` sees every rule at every step."""
    teams, order = lanes(spec.racers)
    path = np.empty((spec.steps + 1, len(order), 2))
    path[0] = starts[order]
    lr = np.array([racer.lr for racer in spec.racers])[order]
    if noise is not None:
        noise = noise[:, order] if noise.shape[1] > 1 else np.broadcast_to(noise, (spec.steps, len(order), 2))
    with np.errstate(all="ignore"):
        rates, asked = _loop(spec, path, teams, lr, noise, watch)
        values = spec.hill.f(path[..., 0], path[..., 1])
    stopped, diverged = retire(path, values)
    back = np.argsort(order)
    return RaceResult(
        np.ascontiguousarray(path.transpose(1, 0, 2)[back]),
        values.T[back],
        diverged[back],
        stopped[back],
        rates.T[back],
        (asked * (np.arange(spec.steps)[:, None] <= stopped)).sum(0)[back],
    )


def _loop(
    spec: RaceSpec,
    path: Float[np.ndarray, "step_and_start racer 2"],
    teams: list[Lane],
    lr: Float[np.ndarray, " racer"],
    noise: Noise | None,
    watch: Watch | None,
) -> tuple[Float[np.ndarray, "step racer"], Int[np.ndarray, "step racer"]]:
    """Fill `path` from its first row on; return the rates, and how often each step asked for f or its gradient."""
    surface, schedule = spec.hill, spec.schedule
    plateau = schedule.plateau(lr) if schedule.watches else None
    rates = np.empty((spec.steps, len(lr))) if plateau else schedule.rates(lr, spec.steps)
    steady = schedule == CONSTANT
    asked = np.ones(rates.shape, np.int16)
    arriving = _arriving(spec)

    def measured(xi: Places | None) -> Callable[[Places], tuple[Array, Places]]:
        """What a line search sees at any places: f, and the gradient with the noise of this step."""
        return lambda theta: (surface.f(theta[:, 0], theta[:, 1]), arriving(theta, xi))

    for lane in teams:
        lane.begin(plateau.lr if plateau else rates[0])
    for t in range(1, spec.steps + 1):
        theta = path[t - 1]
        xi = None if noise is None else noise[t - 1]
        g = arriving(theta, xi)
        if plateau:
            rates[t - 1] = plateau.lr
            plateau.observe(surface.f(theta[:, 0], theta[:, 1]))
        for lane in teams:
            rows = lane.rows
            if not steady:
                lane.h.lr[:] = rates[t - 1, rows, None]
            if lane.optimizer.searches:
                lane.h.measure = measured(None if xi is None else xi[rows])
            path[t, rows] = lane.optimizer.rule(theta[rows], g[rows], lane.s, lane.h, t)
            if lane.optimizer.searches:
                asked[t - 1, rows] = lane.s.evaluations[:, 0]
            if watch is not None:
                watch(t, g[rows], lane)
    return rates, asked


def _arriving(spec: RaceSpec) -> Callable[[Places, Places | None], Places]:
    """The gradient that reaches the rules, as a function of place and noise: noise added, then clipped."""
    gradient, clip = spec.hill.gradient, CLIPS[spec.clip]

    def arriving(theta: Places, noise: Places | None) -> Places:
        g = np.empty_like(theta)  # anew at every step: a rule may keep it
        g[:, 0], g[:, 1] = gradient(theta[:, 0], theta[:, 1])
        if noise is not None:
            g += noise
        return clip(g, spec.threshold)

    return arriving


def retire(
    path: Float[np.ndarray, "step_and_start racer 2"], values: Float[np.ndarray, "step_and_start racer"]
) -> tuple[Int[np.ndarray, " racer"], Bool[np.ndarray, " racer"]]:
    """Freeze, in place, each racer that left the race at its last good place; return its last good step, and whether it left."""
    good = np.isfinite(path).all(-1) & (np.abs(values) <= VALUE_BOUND)
    diverged = ~good.all(0)
    stopped = np.where(diverged, good.argmin(0) - 1, len(path) - 1)
    for racer in np.flatnonzero(diverged):
        last = stopped[racer]
        path[last:, racer], values[last:, racer] = path[last, racer], values[last, racer]
    return stopped, diverged


def internals(spec: RaceSpec, racer_index: int) -> dict[str, np.ndarray]:
    """Every step of one racer from inside: symbol -> (step, 2), by running that racer once more.

    "theta" is the place before the step, "gradient" ∇f there, "g" what the rule got (after noise and clipping), then the rule's
    own symbols (m, v, m_hat, ...), "delta_theta" the step made, and "effective_rate" −Δθ / g for each coordinate (NaN at g = 0).
    """
    if not 0 <= racer_index < len(spec.racers):
        raise ExplainerError(f"racer {racer_index} does not run; choose 0 to {len(spec.racers) - 1}")
    alone = replace(spec, racers=(spec.racers[racer_index],))
    seen: list[dict[str, Any]] = []

    def watch(t: int, g: Places, lane: Lane) -> None:
        symbols = {k: v for k, v in vars(lane.s).items() if np.shape(v) in ((), (1, 1), (1, 2))}
        seen.append({"g": g, "lr": lane.h.lr.copy(), **symbols})

    result = run(alone, np.array([spec.start]), draw_noise(spec, spec.seed), watch)
    made = max(int(result.stopped[0]), 1)
    theta = result.paths[0]
    with np.errstate(all="ignore"):
        symbols = {k: np.array([np.broadcast_to(step[k], (1, 2))[0] for step in seen[:made]]) for k in seen[-1]}
        gradient = np.stack(spec.hill.gradient(theta[:made, 0], theta[:made, 1]), -1)
        delta = np.diff(theta[: made + 1], axis=0)
        rate = np.where(symbols["g"] != 0.0, -delta / symbols["g"], np.nan)
    return {"theta": theta[:made], "gradient": gradient, **symbols, "delta_theta": delta, "effective_rate": rate}


def anatomy(spec: RaceSpec, racer_index: int, step: int) -> dict[str, np.ndarray]:
    """One step of one racer from inside (see `internals`): symbol -> (2,), for the step that leads to paths[racer, step].

    Raises:
        ExplainerError: no such racer, or it made no such step (it may have diverged before).
    """
    symbols = internals(spec, racer_index)
    made = len(symbols["g"])
    if not 1 <= step <= made:
        raise ExplainerError(f"step {step} was not made by racer {racer_index}; choose 1 to {made}")
    return {symbol: history[step - 1] for symbol, history in symbols.items()}
