"""Every schedule against torch.optim.lr_scheduler, step by step; those torch lacks against their formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from core.errors import ExplainerError
from core.optimizer_race import SCHEDULES, Racer, RaceSpec, Schedule, race
from tests.core.optimizer_race.reference import torch_race

STEPS = 300
LR = np.array([0.1, 3e-3, 1.0])

CASES = [
    (Schedule("constant"), lambda o: lr_scheduler.LambdaLR(o, lambda t: 1.0)),
    (Schedule("step"), lambda o: lr_scheduler.StepLR(o, 100)),
    (Schedule("step", step_size=7, gamma=0.8), lambda o: lr_scheduler.StepLR(o, 7, 0.8)),
    (Schedule("multistep"), lambda o: lr_scheduler.MultiStepLR(o, [STEPS // 2, 3 * STEPS // 4])),
    (Schedule("multistep", gamma=0.5), lambda o: lr_scheduler.MultiStepLR(o, [STEPS // 2, 3 * STEPS // 4], 0.5)),
    (Schedule("exponential"), lambda o: lr_scheduler.ExponentialLR(o, 0.99)),
    (Schedule("exponential", gamma=1.0), lambda o: lr_scheduler.ExponentialLR(o, 1.0)),
    (Schedule("cosine"), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    (Schedule("cosine", T_max=40, eta_min=1e-3), lambda o: lr_scheduler.CosineAnnealingLR(o, 40, 1e-3)),
    (Schedule("warm_restarts"), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 100)),
    (
        Schedule("warm_restarts", T_0=10, T_mult=2, eta_min=1e-4),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2, 1e-4),
    ),
    (Schedule("warm_restarts", T_0=1), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1)),
    (Schedule("warm_up"), lambda o: lr_scheduler.LinearLR(o)),
    (Schedule("warm_up", start_factor=0.01, total_iters=50), lambda o: lr_scheduler.LinearLR(o, 0.01, 1.0, 50)),
]


def torch_rates(make, lr: float, steps: int = STEPS) -> list[float]:
    theta = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(("schedule", "make"), CASES, ids=lambda c: str(getattr(c, "settings", "")))
def test_rates_equal_torch(schedule: Schedule, make) -> None:
    theirs = np.array([torch_rates(make, lr) for lr in LR]).T
    np.testing.assert_allclose(schedule.rates(LR, STEPS), theirs, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("steps", "parameters"),
    [
        (300, {}), (100, {"pct_start": 0.1, "div_factor": 10.0, "final_div_factor": 100.0}), (10, {"pct_start": 0.5}),
        (60, {"pct_start": 1.0}), (60, {"pct_start": 0.0}),
    ],
)  # fmt: skip
def test_one_cycle_equals_torch(steps: int, parameters: dict) -> None:
    def make(lr: float):
        return lambda o: lr_scheduler.OneCycleLR(o, lr, total_steps=steps + 1, cycle_momentum=False, **parameters)

    theirs = np.array([torch_rates(make(lr), lr, steps) for lr in LR]).T
    ours = Schedule("one_cycle", total_steps=steps + 1, **parameters).rates(LR, steps)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("parameters", [{}, {"step_size_up": 7, "div_factor": 4.0}, {"step_size_up": 1}])
def test_triangles_equal_torch(parameters: dict) -> None:
    n, div = parameters.get("step_size_up", 50), parameters.get("div_factor", 25.0)
    theirs = [
        torch_rates(lambda o, lr=lr: lr_scheduler.CyclicLR(o, lr / div, lr, n, cycle_momentum=False), lr) for lr in LR
    ]
    np.testing.assert_allclose(Schedule("cyclic", **parameters).rates(LR, STEPS), np.array(theirs).T, rtol=1e-9)


def test_one_cycle_ends_at_the_floor_and_survives_a_rise_of_no_length() -> None:
    rates = Schedule("one_cycle", pct_start=0.1).rates(LR, 10)  # rises over 0.1 * 10 - 1 = 0 steps
    np.testing.assert_allclose(rates[0], LR)
    np.testing.assert_allclose(rates[-1], LR / 25 / 1e4)
    longer = Schedule("one_cycle", total_steps=5).rates(LR, 8)
    np.testing.assert_allclose(longer[4:], np.tile(LR / 25 / 1e4, (4, 1)))


def test_inverse_square_root_by_its_formula() -> None:
    rates = Schedule("inverse_sqrt", warmup=16).rates(LR, 100)
    np.testing.assert_allclose(rates[0], LR / 16)
    np.testing.assert_allclose(rates[7], LR / 2)
    np.testing.assert_allclose(rates[15], LR)
    np.testing.assert_allclose(rates[63], LR / 2)
    np.testing.assert_allclose(rates[24], LR * 0.8)


PLATEAU = [
    {},
    {"factor": 0.5, "patience": 0},
    {"factor": 0.3, "patience": 3, "cooldown": 5, "threshold": 0.05},
    {"factor": 0.1, "patience": 2, "min_lr": 1e-3},
]


@pytest.mark.parametrize("parameters", PLATEAU)
def test_plateau_equals_torch_on_any_values(parameters: dict) -> None:
    rng = np.random.default_rng(3)
    values = np.exp(-np.arange(STEPS)[:, None] * [0.03, 0.001, 0.0]) + 0.05 * rng.standard_normal((STEPS, 3))
    values[7, 1], values[50, 2] = np.nan, np.inf
    ours = Schedule("plateau", **parameters).plateau(LR)
    torches = [torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr) for lr in LR]
    watches = [lr_scheduler.ReduceLROnPlateau(o, **{"patience": 10, **parameters}) for o in torches]
    fell = 0
    for row in values:
        before = ours.lr
        ours.observe(row)
        fell += (ours.lr < before).sum()
        for watch, value in zip(watches, row, strict=True):
            watch.step(value)
        np.testing.assert_allclose(ours.lr, [o.param_groups[0]["lr"] for o in torches], rtol=1e-12)
    assert fell >= 3


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        *((schedule, make) for schedule, make in CASES if schedule.settings),
        (
            Schedule("plateau", factor=0.5, patience=2),
            lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=2),
        ),
    ],
    ids=lambda c: str(getattr(c, "settings", "")),
)
def test_a_scheduled_race_equals_torch(schedule: Schedule, make) -> None:
    racers = (Racer("sgd", lr=2e-3), Racer("adam", lr=0.05), Racer("adamw", lr=0.02, weight_decay=0.3), Racer("rprop"))
    spec = RaceSpec("himmelblau", racers, steps=STEPS, schedule=schedule)
    paths, rates = torch_race(spec, make)
    result = race(spec)
    np.testing.assert_allclose(result.rates, rates, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(result.paths, paths, rtol=1e-10, atol=1e-12)


def test_rates_of_a_race_are_in_the_order_of_its_racers() -> None:
    racers = (Racer("adam", lr=0.1), Racer("sgd", lr=0.2), Racer("adam", lr=0.3))
    rates = race(RaceSpec("plateau", racers, steps=2, schedule=Schedule("exponential", gamma=0.5))).rates
    np.testing.assert_allclose(rates, [[0.1, 0.05], [0.2, 0.1], [0.3, 0.15]])


def test_schedules_are_values_and_described() -> None:
    assert Schedule("cosine") == Schedule("cosine", eta_min=0)
    assert hash(Schedule("step")) == hash(Schedule("step", gamma=0.1))
    assert all(kind.title and r"\eta" in kind.latex for kind in SCHEDULES.values())


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("sawtooth", {}, "'sawtooth' is unknown; choose constant, .* or plateau"),
        ("step", {"T_max": 3}, "step has no parameter 'T_max'; it takes step_size or gamma"),
        ("constant", {"gamma": 0.5}, "it has none"),
        ("step", {"step_size": 0}, "step_size 0 is outside 1"),
        ("exponential", {"gamma": 11.0}, "gamma 11 is outside"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(name: str, parameters: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        Schedule(name, **parameters)
