"""The race on screen against races run one by one, against torch's loop, and against torch's Hessian."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.small_sets import load
from core.errors import ExplainerError
from core.network_race.compute import (
    PREVIEW,
    RATES,
    SIZES,
    Outcome,
    network_spec,
    numbers,
    outcome_of,
    plane,
    preview,
    race_part,
    run_of,
    seconds,
    shorter,
    train,
)
from core.network_race.spec import NetworkRaceSpec
from core.training import networks
from core.training.optimizers import Racer
from tests.core.training.test_networks import torch_loop, torch_loss, torch_net

SMALL = NetworkRaceSpec(racers="SGD, Adam", rates="same", rate=0.03, steps=20, width=4, seeds=3)


def test_what_is_set_reaches_every_racer_that_has_it() -> None:
    spec = NetworkRaceSpec(
        racers="SGD@0.5, Momentum, Adam, Lion, Muon, Rprop", rates="same", rate=0.02, momentum=0.7, beta1=0.8, beta2=0.9,
        weight_decay=0.3, clip="norm", threshold=0.2, depth=3, width=5, activation="relu", batch=16, steps=40, schedule="step",
        period=7, gamma=0.5, seed=4, seeds=2, data="digits",
    )  # fmt: skip
    rules = network_spec(spec)
    assert rules.racers == (
        Racer("sgd", lr=0.5, weight_decay=0.3), Racer("momentum", lr=0.02, momentum=0.7, weight_decay=0.3),
        Racer("adam", lr=0.02, betas=(0.8, 0.9), weight_decay=0.3), Racer("lion", lr=0.02, betas=(0.8, 0.99), weight_decay=0.3),
        Racer("muon", lr=0.02, betas=(0.8, 0.9), weight_decay=0.3), Racer("rprop", lr=0.02),
    )  # fmt: skip
    assert (rules.clip, rules.threshold, rules.depth, rules.width, rules.activation) == ("norm", 0.2, 3, 5, "relu")
    assert (rules.batch, rules.steps, rules.seed, rules.seeds, rules.data) == (16, 40, 4, 2, "digits")
    assert (rules.schedule.name, rules.schedule.settings) == ("step", (("step_size", 7), ("gamma", 0.5)))
    assert network_spec(NetworkRaceSpec(rates="torch", racers="Adam")).racers == (Racer("adam"),)


@pytest.mark.parametrize("data", ["moons", "diabetes"])
def test_the_numbers_on_screen_are_those_of_torchs_loop(data: str) -> None:
    spec = replace(SMALL, data=data, clip="norm", threshold=0.5, racers="SGD, Adam, Nesterov")
    rules, found = network_spec(spec), numbers(spec)
    net, held = rules.set_up()
    for label, racer in zip(("SGD", "Adam", "Nesterov"), rules.racers, strict=True):
        ends = [torch_net(net, torch_loop(rules, racer, k)[-1]) for k in range(3)]
        for part, X, y in (("train", held.X_train, held.y_train), ("test", held.X_test, held.y_test)):
            losses = [torch_loss(net, twin, X, y).item() for twin in ends]
            assert found[f"{part}_loss {label}"] == pytest.approx(np.median(losses), rel=1e-10)
        answers = [twin(torch.tensor(held.X_test)).detach().numpy() for twin in ends]
        y = held.y_test
        score = (
            [(a.argmax(1) == y).mean() for a in answers]
            if data == "moons"
            else [1 - ((a[:, 0] - y) ** 2).sum() / ((y - y.mean()) ** 2).sum() for a in answers]
        )
        assert found[f"test_score {label}"] == pytest.approx(np.median(score), rel=1e-10)


def test_curves_are_the_metrics_of_the_race() -> None:
    run = run_of(SMALL)
    curves = networks.curves(network_spec(SMALL))
    np.testing.assert_array_equal(run.arrays["step"], curves["step"])
    np.testing.assert_array_equal(run.arrays["examples"], curves["examples"])
    for ours, theirs in (("train_loss",) * 2, ("test_score", "test_accuracy"), ("gradient_norm",) * 2):
        for i in range(2):
            ends = [curves[f"{theirs}.{i}{end}"] for end in (".low", "", ".high")]
            np.testing.assert_array_equal(run.arrays[ours][i], ends)
    assert (run.N, run.epochs) == (256, 5.0)
    assert not run.regression


def test_tuning_takes_the_rate_that_ends_lowest_of_races_run_one_by_one() -> None:
    spec = replace(SMALL, rates="tuned", racers="SGD, Lion, Adam@0.5", seeds=1)
    run, known = run_of(spec), load("moons", 0)
    rules = network_spec(spec)
    for i, racer in enumerate(rules.racers):
        alone = [networks.curves(replace(rules, racers=(racer.at(rate),))) for rate in RATES]
        losses = np.array([curves["train_loss.0"][-1] for curves in alone])
        np.testing.assert_allclose(run.arrays["rates.final"][i], losses, rtol=1e-12)
        assert run.rules.racers[i].lr == (0.5 if i == 2 else RATES[int(losses.argmin())])
    assert not run.arrays["rates.dnf"].any()
    assert len(known.X_train) == 256


def test_a_racer_that_diverges_at_every_good_rate_is_not_chosen() -> None:
    spec = NetworkRaceSpec(
        data="diabetes", racers="SGD", rates="tuned", activation="relu", steps=60, batch=32, seeds=1, weight_decay=1.0
    )
    arrays = run_of(spec).arrays
    assert arrays["rates.dnf"][0, -1]
    assert not arrays["rates.dnf"][0, RATES.index(float(arrays["lr"][0]))]


@pytest.mark.parametrize("budget", ["epochs", "steps", "scaled"])
def test_the_sweep_is_the_race_at_each_size(budget: str) -> None:
    spec = replace(SMALL, lens="batch", budget=budget, batch=32, seeds=1)
    arrays = run_of(spec).arrays
    assert arrays["batch.size"].tolist() == [*SIZES, 256]
    for k, size in enumerate((*SIZES, 256)):
        other = networks.with_batch(network_spec(spec), size, budget)
        curves = networks.curves(other)
        assert arrays["batch.step"][k] == other.steps
        assert arrays["batch.examples"][k] == curves["examples"][-1]
        for name, theirs in (("train_loss", "train_loss"), ("test_score", "test_accuracy")):
            ends = [curves[f"{theirs}.{i}"][-1] for i in range(2)]
            np.testing.assert_allclose(arrays[f"batch.{name}"][:, k], ends, rtol=1e-12)


def test_sharpness_is_the_top_eigenvalue_of_torchs_hessian() -> None:
    spec = replace(SMALL, lens="sharpness", racers="SGD@0.1, Adam", batch=512, seeds=1, width=3)
    run = run_of(spec)
    net, held = run.rules.set_up()
    twin = torch_net(net, run.arrays["theta"][0])
    names, parts = zip(*twin.named_parameters(), strict=True)

    def loss(*values: torch.Tensor) -> torch.Tensor:
        answer = torch.func.functional_call(twin, dict(zip(names, values, strict=True)), torch.tensor(held.X_train))
        return torch.nn.functional.cross_entropy(answer, torch.tensor(held.y_train))

    paths, steps = run.arrays["paths"], run.arrays["path_steps"]
    for i in range(2):
        for k in (0, -1):
            at = paths[i, list(steps).index(run.arrays["sharp.step"][k])]
            values = tuple(torch_net(net, at).parameters())
            H = torch.autograd.functional.hessian(loss, values)
            rows = [
                torch.cat([H[a][b].reshape(parts[a].numel(), -1) for b in range(len(parts))], 1)
                for a in range(len(parts))
            ]
            top = torch.linalg.eigvalsh(torch.cat(rows))[-1].item()
            assert run.arrays["sharp.value"][i, k] == pytest.approx(
                top, abs=2 * run.arrays["sharp.residual"][i, k] + 1e-9
            )


@pytest.mark.filterwarnings("error")
def test_a_diverged_racer_keeps_a_picture_of_all_the_others() -> None:
    spec = NetworkRaceSpec(
        data="diabetes", racers="SGD@5, Adam@0.01", rates="same", activation="relu", steps=60, seeds=1, lens="sharpness"
    )
    run = run_of(spec)
    assert run.left.tolist() == [True, False]
    gone = run.arrays["sharp.step"] > run.arrays["stopped"][0, 0]
    assert gone.any()
    assert np.isnan(run.arrays["sharp.value"][0, gone]).all()
    assert np.isfinite(run.arrays["sharp.value"][1]).all()
    assert np.isfinite(run.arrays["train_loss"]).all()
    found = plane(replace(run, spec=replace(spec, lens="landscape", plane="SGD@5")))
    np.testing.assert_allclose(
        found.plane.centre, run.arrays["paths"].mean((0, 1))
    )  # who is gone shapes nothing, so all do


def test_the_plane_is_shaped_by_whom_the_visitor_names() -> None:
    spec = replace(SMALL, lens="landscape", plane="Adam", seeds=1)
    run = run_of(spec)
    np.testing.assert_allclose(plane(run).plane.centre, run.arrays["paths"][1].mean(0))
    everyone = plane(run_of(replace(spec, plane="")))
    np.testing.assert_allclose(everyone.plane.centre, run.arrays["paths"].mean((0, 1)))


@pytest.mark.parametrize("lens", ["table", "rates", "batch", "landscape", "sharpness"])
def test_steps_are_counted_through_all_that_is_computed(lens: str) -> None:
    spec = replace(SMALL, rates="tuned", lens=lens, seeds=1)
    said = list(train(spec))
    steps = [snapshot.step for snapshot in said]
    assert steps == sorted(steps)
    assert {snapshot.total for snapshot in said} == {steps[-1]}
    assert steps[-1] >= 40
    shown = [outcome_of(snapshot.arrays) for snapshot in said]
    assert shown[0] is None  # tuning shows nothing yet
    assert all(run.spec == spec for run in shown if run is not None)
    last = shown[-1]
    assert isinstance(last, Outcome)
    for name, values in run_of(spec).arrays.items():
        if name not in ("spec", "seconds", "batch.seconds"):
            np.testing.assert_array_equal(last.arrays[name], values, err_msg=name)


def test_only_what_matters_is_computed_anew() -> None:
    spec = replace(SMALL, metric="test_loss", clock="seconds", plane="Adam", lens="landscape", budget="scaled")
    assert race_part(spec) == SMALL
    assert run_of(spec).arrays is run_of(SMALL).arrays
    assert race_part(replace(SMALL, lens="batch", budget="scaled")).budget == "scaled"


def test_a_preview_takes_a_moment() -> None:
    heavy = NetworkRaceSpec(data="digits", steps=1000, width=64, batch=512, seeds=10, lens="batch")
    assert seconds(heavy) > 30
    short = shorter(heavy)
    assert seconds(short) <= PREVIEW or short.steps == 10
    assert (short.seeds, short.lens, short.rates, short.data) == (1, "table", "same", "digits")
    assert shorter(SMALL) == replace(SMALL, seeds=1)
    seen = preview(replace(SMALL, lens="batch", metric="test_score"))
    assert (seen.spec.lens, seen.spec.metric, seen.spec.seeds) == ("batch", "test_score", 1)
    np.testing.assert_array_equal(seen.arrays["train_loss"], run_of(replace(SMALL, seeds=1)).arrays["train_loss"])


def test_racers_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ExplainerError, match="racer 'L-BFGS' is unknown"):
        run_of(replace(SMALL, racers="L-BFGS"))
