"""From Spec to race: rates of the three modes, hyper-parameters by torch's names, the hill's scale, theory beside the race."""

from __future__ import annotations

import numpy as np
import pytest

from core.optimizer_race.compute import (
    RATES,
    Scale,
    basin_map,
    chosen_racer,
    frame,
    hill,
    numbers,
    race_spec,
    run_of,
    strip,
    theory,
)
from core.optimizer_race.race import RaceSpec, race
from core.optimizer_race.spec import ALL, OptimizerRaceSpec
from core.training.optimizers import OPTIMIZERS, Racer
from core.training.schedules import by_period


def spec_of(**settings: object) -> OptimizerRaceSpec:
    return OptimizerRaceSpec(**{"rates": "same", "surface": "quadratic_bowl", "steps": 40, **settings})


def test_one_rate_for_all_but_those_that_have_their_own() -> None:
    racers = race_spec(spec_of(racers="SGD, Adam, SGD@0.07", rate=0.03)).racers
    assert [racer.lr for racer in racers] == [0.03, 0.03, 0.07]


def test_torch_s_rates_are_torch_s() -> None:
    import torch

    racers = {r.name: r.lr for r in race_spec(spec_of(racers=ALL, rates="torch")).racers}
    theta = [torch.zeros(2)]
    for name, kind in (
        ("sgd", "SGD"),
        ("adam", "Adam"),
        ("nadam", "NAdam"),
        ("rmsprop", "RMSprop"),
        ("adadelta", "Adadelta"),
        ("lbfgs", "LBFGS"),
    ):
        assert racers[name] == getattr(torch.optim, kind)(theta).param_groups[0]["lr"]


def test_tuned_takes_each_racer_s_best_rate_of_the_grid() -> None:
    spec = spec_of(racers="SGD, Adam, SGD@0.07", rates="tuned")
    chosen = race_spec(spec).racers
    assert chosen[2].lr == 0.07
    for racer in chosen[:2]:
        finals = [race(RaceSpec("quadratic_bowl", (racer.at(float(rate)),), None, 40)) for rate in RATES]
        good = [f.values[0, -1] if not f.diverged[0] else np.inf for f in finals]
        assert racer.lr == RATES[int(np.argmin(good))]


def test_hyper_parameters_reach_the_optimizers_that_have_them() -> None:
    spec = spec_of(racers=ALL, momentum=0.5, beta1=0.8, beta2=0.95, weight_decay=0.1, decoupled=True)
    hyper = {racer.name: racer.hyper for racer in race_spec(spec).racers}
    assert hyper["momentum"]["momentum"] == hyper["nesterov"]["momentum"] == 0.5
    assert hyper["sgd"]["momentum"] == 0.0
    assert hyper["adam"]["betas"] == hyper["radam"]["betas"] == (0.8, 0.95)
    assert hyper["lion"]["betas"] == (0.8, 0.99)
    assert all(h["weight_decay"] == 0.1 for name, h in hyper.items() if "weight_decay" in h)
    assert hyper["adam"]["decoupled_weight_decay"]
    assert hyper["nadam"]["decoupled_weight_decay"]


def test_without_weight_decay_torch_s_own_holds() -> None:
    hyper = {r.name: r.hyper.get("weight_decay") for r in race_spec(spec_of(racers="Adam, AdamW, Lion")).racers}
    assert hyper == {"adam": 0.0, "adamw": 0.01, "lion": 0.0}


@pytest.mark.parametrize("name", ["step", "exponential"])
def test_a_schedule_falls_by_its_factor_in_its_length(name: str) -> None:
    rates = by_period(name, 10, 0.25).rates(np.ones(1), 31)[:, 0]
    np.testing.assert_allclose(rates[[0, 10, 20, 30]], 0.25 ** np.arange(4), rtol=1e-12)


def test_the_scale_is_linear_below_its_unit_and_a_decade_a_power_of_ten_above() -> None:
    scale = Scale(low=-2.0, unit=0.5)
    np.testing.assert_allclose(scale(np.array([-2.0, -1.5, 2.5, 47.5])), np.log10([1.0, 2.0, 10.0, 100.0]), rtol=1e-12)
    assert Scale(0.0, 0.0)(np.array([3.0]))[0] == 3.0


def test_the_hill_is_the_surface_and_grows_to_hold_the_start() -> None:
    rules = race_spec(spec_of(surface="beale", start="-6, 1"))
    found = hill(rules, 21)
    assert frame(rules) == ((-6.6, 4.5), (-4.5, 4.5))
    x, y = found.x[3], found.y[7]
    expected = (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    np.testing.assert_allclose(found.f[7, 3], expected, rtol=1e-12)
    np.testing.assert_allclose(found.h, found.scale(found.f), rtol=0)
    assert found.scale.unit > 0
    assert hill(race_spec(spec_of(surface="plateau")), 21).scale.unit == 0


def test_the_closer_looks_do_not_change_the_race() -> None:
    spec = spec_of(racers="SGD, Adam")
    assert run_of(spec) is run_of(spec_of(racers="SGD, Adam", lens="theory", step=3, racer="SGD", draws=5))
    assert chosen_racer(spec) == 1
    assert chosen_racer(spec_of(racers="SGD, Adam", racer="SGD")) == 0


def test_the_strip_is_one_race_for_each_rate() -> None:
    rules = race_spec(spec_of(racers="SGD, Adam"))
    found = strip(rules)
    alone = race(RaceSpec("quadratic_bowl", (Racer("adam", lr=float(RATES[9])),), None, 40))
    assert found.final[1, 9] == alone.values[0, -1]
    assert found.diverged[0].tolist() == [
        rate > 2 / 25 and bool(d) for rate, d in zip(RATES, found.diverged[0], strict=True)
    ]
    assert found.diverged[0, -1]


def test_a_cell_of_the_basin_map_is_the_race_from_there() -> None:
    rules = race_spec(spec_of(surface="himmelblau", racers="Momentum", rate=0.01))
    found = basin_map(rules, 0)
    start = (float(found.x[10]), float(found.y[50]))
    alone = race(RaceSpec("himmelblau", rules.racers, start, rules.steps))
    np.testing.assert_allclose(found.ends[50, 10], alone.paths[0, -1], rtol=1e-12)


def test_theory_meets_the_race() -> None:
    found = theory(spec_of(condition=25.0, angle=30.0, rate=1 / 9, momentum=0.5, steps=80))
    assert found.difference < 1e-12
    np.testing.assert_allclose(found.measured[0], found.closed[0])
    np.testing.assert_allclose(
        [found.best.lr, found.best.momentum, found.best.rate], [1 / 9, (4 / 6) ** 2, 4 / 6], rtol=1e-12
    )
    np.testing.assert_allclose([found.plain.lr, found.plain.rate], [2 / 26, 24 / 26], rtol=1e-12)
    np.testing.assert_allclose(found.tuning.rate, np.sqrt(0.5), rtol=1e-12)  # both eigenvalues oscillate: ρ = √μ


def test_theory_of_a_race_that_diverges_stops_with_it() -> None:
    found = theory(spec_of(condition=25.0, rate=1.0, momentum=0.5, steps=80))
    assert found.tuning.rate > 1
    assert len(found.measured) == len(found.closed) < 81
    assert found.difference < 1e-9


def test_numbers_are_the_final_values() -> None:
    spec = spec_of(racers="SGD", rate=0.02, condition=1.0, start="3, 4", steps=10)
    assert numbers(spec) == pytest.approx({"final SGD": 12.5 * 0.98**20}, rel=1e-12)


def test_every_optimizer_can_race_in_every_mode() -> None:
    for mode in ("same", "torch", "tuned"):
        assert len(run_of(spec_of(racers=ALL, rates=mode, steps=10)).rows) == len(OPTIMIZERS)
