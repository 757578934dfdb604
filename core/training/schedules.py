"""Learning rates over the steps of a race: η_t for t = 0 .. steps − 1, (step, racer) arrays.

    constant       η
    step           η γ^⌊t/s⌋                                                  torch StepLR
    multistep      η γ^(milestones passed): half and three quarters of the race   He et al. 2016, section 4.2; MultiStepLR
    exponential    η γ^t                                                      torch ExponentialLR
    cosine         η_min + ½(η − η_min)(1 + cos(π t / T_max))                 Loshchilov & Hutter 2017, eq. 5; CosineAnnealingLR
    warm_restarts  the same with t counted from the last restart, periods T_0 T_mult^i     CosineAnnealingWarmRestarts
    cyclic         up from η/div to η and down again in straight lines, n steps each    Smith 2017, section 3; CyclicLR
    one_cycle      up from η/div to η along half a cosine, then down to η/(div · final)    Smith & Topin 2018; OneCycleLR
    warm_up        η (f + (1 − f) min(t, n)/n)                                torch LinearLR with end_factor 1
    inverse_sqrt   η min((t+1)/n, √(n/(t+1)))                                 Vaswani et al. 2017, eq. 3, peak scaled to η
    plateau        η falls by `factor` when the value has not improved for more than `patience` steps   ReduceLROnPlateau

Names and defaults of the parameters are torch's. A length of 0 stands for the length of the race. One-cycle moves the
rate only (torch's cycle_momentum=False). `plateau` alone depends on what happens in the race, so it is an object with a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from core.contracts import Param
from core.errors import ExplainerError, one_of

Rates = Float[np.ndarray, "step racer"]
Column = Float[np.ndarray, "step 1"]
Row = Float[np.ndarray, "1 racer"]


def constant(t: Column, lr: Row, steps: int) -> Rates:
    return lr + 0.0 * t


def step(t: Column, lr: Row, steps: int, step_size: int, gamma: float) -> Rates:
    return lr * gamma ** (t // step_size)


def multistep(t: Column, lr: Row, steps: int, gamma: float) -> Rates:
    return lr * gamma ** sum((t >= at) * 1.0 for at in milestones(steps))


def milestones(steps: int) -> tuple[int, int]:
    """Half and three quarters of the race."""
    return steps // 2, 3 * steps // 4


def exponential(t: Column, lr: Row, steps: int, gamma: float) -> Rates:
    return lr * gamma**t


def cosine(t: Column, lr: Row, steps: int, T_max: int, eta_min: float) -> Rates:
    return eta_min + (lr - eta_min) * (1 + np.cos(np.pi * t / (T_max or steps))) / 2


def warm_restarts(t: Column, lr: Row, steps: int, T_0: int, T_mult: int, eta_min: float) -> Rates:
    length, since = np.full_like(t, T_0), t.copy()
    while (over := since >= length).any():
        since = np.where(over, since - length, since)
        length = np.where(over, length * T_mult, length)
    return eta_min + (lr - eta_min) * (1 + np.cos(np.pi * since / length)) / 2


def cyclic(t: Column, lr: Row, steps: int, step_size_up: int, div_factor: float) -> Rates:
    low, turn = lr / div_factor, t / step_size_up % 2
    return low + (lr - low) * (1 - np.abs(turn - 1))


def one_cycle(
    t: Column, lr: Row, steps: int, total_steps: int, pct_start: float, div_factor: float, final_div_factor: float
) -> Rates:
    total = total_steps or steps
    peak, end = pct_start * total - 1, total - 1
    low, floor = lr / div_factor, lr / div_factor / final_div_factor
    climb = t / peak if peak > 0 else np.ones_like(t)
    fall = np.minimum((t - peak) / (end - peak), 1.0) if end > peak else np.ones_like(t)
    return np.where(t <= peak, _half_cosine(low, lr, climb), _half_cosine(lr, floor, fall))


def _half_cosine(start: Row, end: Row, share: Column) -> Rates:
    return end + (start - end) / 2 * (np.cos(np.pi * share) + 1)


def warm_up(t: Column, lr: Row, steps: int, start_factor: float, total_iters: int) -> Rates:
    return lr * (start_factor + (1 - start_factor) * np.minimum(t / total_iters, 1.0))


def inverse_sqrt(t: Column, lr: Row, steps: int, warmup: int) -> Rates:
    return lr * np.minimum((t + 1) / warmup, np.sqrt(warmup / (t + 1)))


@dataclass
class Plateau:
    """torch.optim.lr_scheduler.ReduceLROnPlateau (mode "min", threshold relative) for all racers at once."""

    lr: Float[np.ndarray, " racer"]
    factor: float
    patience: int
    threshold: float
    cooldown: int
    min_lr: float
    best: Float[np.ndarray, " racer"] = field(init=False)
    waited: Float[np.ndarray, " racer"] = field(init=False)  # steps since the best value or the last drop

    def __post_init__(self) -> None:
        self.lr = self.lr.copy()
        self.best = np.full_like(self.lr, np.inf)
        self.waited, self._rest = np.zeros_like(self.lr), np.zeros_like(self.lr)

    def observe(self, value: Float[np.ndarray, " racer"]) -> None:
        """Take in f at the place where this step began, and set the rates of the next step."""
        better = value < self.best * (1 - self.threshold)
        self.best = np.where(better, value, self.best)
        resting = self._rest > 0
        self.waited = np.where(better | resting, 0.0, self.waited + 1)
        self._rest = np.where(resting, self._rest - 1, self._rest)
        tired = self.waited > self.patience
        lower = np.maximum(self.lr * self.factor, self.min_lr)
        self.lr = np.where(tired & (self.lr - lower > 1e-8), lower, self.lr)  # 1e-8: torch's eps
        self._rest = np.where(tired, float(self.cooldown), self._rest)
        self.waited = np.where(tired, 0.0, self.waited)


@dataclass(frozen=True)
class ScheduleKind:
    """What there is to know about a schedule: title, formula, source, parameters, and its function of t."""

    title: str
    latex: str
    source: str
    parameters: Mapping[str, Param]
    rates: Callable[..., Rates] | None


def _int(default: int, label: str, low: int = 1) -> Param:
    return Param(default, label, low=low, high=100_000)


def _share(default: float, label: str, low: float = 0.0, high: float = 1.0) -> Param:
    return Param(default, label, low=low, high=high)


_ETA_MIN = _share(0.0, "lowest rate eta_min")

SCHEDULES: Mapping[str, ScheduleKind] = MappingProxyType({
    "constant": ScheduleKind("Constant", r"\eta_t=\eta", "", {}, constant),
    "step": ScheduleKind(
        "Step decay", r"\eta_t=\eta\,\gamma^{\lfloor t/s\rfloor}", "torch StepLR",
        {"step_size": _int(100, "step_size"), "gamma": _share(0.1, "gamma", low=1e-3)}, step,
    ),
    "multistep": ScheduleKind(
        "Two drops", r"\eta_t=\eta\,\gamma^{[t\ge T/2]+[t\ge 3T/4]}", "He et al., Deep Residual Learning, 2016, section 4.2; torch MultiStepLR",
        {"gamma": _share(0.1, "gamma", low=1e-3)}, multistep,
    ),
    "exponential": ScheduleKind(
        "Exponential", r"\eta_t=\eta\,\gamma^t", "torch ExponentialLR", {"gamma": _share(0.99, "gamma", low=1e-3, high=10.0)}, exponential,
    ),
    "cosine": ScheduleKind(
        "Cosine", r"\eta_t=\eta_{\min}+\tfrac12(\eta-\eta_{\min})(1+\cos\tfrac{\pi t}{T_{\max}})",
        "Loshchilov and Hutter, SGDR, 2017, eq. 5", {"T_max": _int(0, "T_max", 0), "eta_min": _ETA_MIN}, cosine,
    ),
    "warm_restarts": ScheduleKind(
        "Cosine with warm restarts", r"\eta_t=\eta_{\min}+\tfrac12(\eta-\eta_{\min})(1+\cos\tfrac{\pi T_{cur}}{T_i})",
        "Loshchilov and Hutter, SGDR, 2017",
        {"T_0": _int(100, "T_0"), "T_mult": Param(1, "T_mult", low=1, high=10), "eta_min": _ETA_MIN}, warm_restarts,
    ),
    "cyclic": ScheduleKind(
        "Triangles", r"\eta/d \nearrow \eta \searrow \eta/d \nearrow \dots", "Smith, Cyclical Learning Rates, 2017, section 3; torch CyclicLR",
        {"step_size_up": _int(50, "step_size_up"), "div_factor": Param(25.0, "div_factor", low=1.0, high=1e4)}, cyclic,
    ),
    "one_cycle": ScheduleKind(
        "One cycle", r"\eta/d \nearrow \eta \searrow \eta/(d\,d_{end})", "Smith and Topin, Super-Convergence, 2018",
        {
            "total_steps": _int(0, "total_steps", 0), "pct_start": _share(0.3, "pct_start"),
            "div_factor": Param(25.0, "div_factor", low=1.0, high=1e4),
            "final_div_factor": Param(1e4, "final_div_factor", low=1.0, high=1e8),
        }, one_cycle,
    ),
    "warm_up": ScheduleKind(
        "Linear warm-up", r"\eta_t=\eta\,(f+(1-f)\min(t,n)/n)", "torch LinearLR; Goyal et al. 2017",
        {"start_factor": _share(1 / 3, "start_factor", low=1e-6), "total_iters": _int(5, "total_iters")}, warm_up,
    ),
    "inverse_sqrt": ScheduleKind(
        "Inverse square root", r"\eta_t=\eta\,\min\!\big(\tfrac{t+1}{n},\sqrt{n/(t+1)}\big)",
        "Vaswani et al. 2017, eq. 3, peak scaled to the rate", {"warmup": _int(50, "warmup")}, inverse_sqrt,
    ),
    "plateau": ScheduleKind(
        "Reduce on plateau", r"\eta \leftarrow \gamma\,\eta \text{ after more than } p \text{ steps without progress}",
        "torch ReduceLROnPlateau",
        {
            "factor": _share(0.1, "factor", low=1e-3, high=0.999), "patience": _int(10, "patience", 0),
            "threshold": _share(1e-4, "threshold"), "cooldown": _int(0, "cooldown", 0), "min_lr": _share(0.0, "min_lr"),
        }, None,
    ),
})  # fmt: skip


@dataclass(frozen=True, init=False)
class Schedule:
    """A schedule by name with its parameters by torch's names; frozen and hashable.

    Raises:
        ExplainerError: unknown name or parameter, or a value out of range.
    """

    name: str
    settings: tuple[tuple[str, Any], ...]

    def __init__(self, name: str = "constant", **parameters: Any) -> None:
        if name not in SCHEDULES:
            raise ExplainerError(f"schedule {str(name)[:60]!r} is unknown; choose {one_of(SCHEDULES)}")
        allowed = SCHEDULES[name].parameters
        if unknown := sorted(set(parameters) - set(allowed)):
            other = f"it takes {one_of(allowed)}" if allowed else "it has none"
            raise ExplainerError(f"schedule {name} has no parameter {unknown[0][:40]!r}; {other}")
        values = ((key, about.check(parameters.get(key, about.default))) for key, about in allowed.items())
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "settings", tuple(values))

    @property
    def watches(self) -> bool:
        """Whether the rates depend on the values met on the way (then there is no table beforehand)."""
        return SCHEDULES[self.name].rates is None

    def rates(self, lr: Float[np.ndarray, " racer"], steps: int) -> Rates:
        """The table of rates of a schedule that does not watch the race."""
        t = np.arange(steps, dtype=float)[:, None]
        return SCHEDULES[self.name].rates(t, lr[None, :], steps, **dict(self.settings))

    def plateau(self, lr: Float[np.ndarray, " racer"]) -> Plateau:
        """The watching schedule at the start of a race."""
        return Plateau(lr, **dict(self.settings))


CONSTANT = Schedule("constant")


SCHEDULED: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "step": ("period", "gamma"), "multistep": ("gamma",), "exponential": ("period", "gamma"), "warm_restarts": ("period",),
    "cyclic": ("period",), "warm_up": ("period",), "inverse_sqrt": ("period",), "plateau": ("period", "gamma"),
})  # fmt: skip  # which of the two settings of `by_period` a schedule has


def by_period(name: str, period: float, gamma: float) -> Schedule:
    """The schedule of this name with a page's two settings, its length and its factor, under the names of that schedule."""
    settings = {
        "step": {"step_size": period, "gamma": gamma},
        "multistep": {"gamma": gamma},
        "exponential": {"gamma": gamma ** (1 / period)},
        "warm_restarts": {"T_0": period},
        "cyclic": {"step_size_up": period},
        "warm_up": {"total_iters": period, "start_factor": 0.01},
        "inverse_sqrt": {"warmup": period},
        "plateau": {"patience": period, "factor": gamma},
    }
    return Schedule(name, **settings.get(name, {}))
