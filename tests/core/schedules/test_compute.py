"""The race of schedules against torch, the range test by its formulas, clipping and patience by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core import schedules
from core.errors import ExplainerError
from core.schedules.compute import (
    EXPLODED,
    SMOOTHING,
    TESTED,
    TESTS,
    UNSURE,
    clippings,
    epochs,
    patience,
    range_test,
    read_off,
    rules_of,
    run_of,
    sharp,
    smoothed,
)
from core.schedules.spec import SchedulesSpec, chosen, used
from core.training.networks import columns, gradient, start, targets

SHORT = SchedulesSpec(
    shown="Constant, Cosine, Triangles, Reduce on plateau", steps=24, period=5, batch=64, width=5, seeds=2
)


def test_every_schedule_in_the_script_gives_the_pages_numbers(tmp_path: Path) -> None:
    """torch's own schedulers and clipping; presets show the others."""
    spec = replace(
        SHORT, shown="Two drops, Triangles, Reduce on plateau, Exponential, Cosine with warm restarts", clip="adaptive", threshold=0.05
    )  # fmt: skip
    command = [sys.executable, "-I", "-W", "error", "-c", schedules.script(spec)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert run.returncode == 0, run.stderr
    found = dict(line.split(" = ") for line in run.stdout.splitlines() if " = " in line)
    assert {name: pytest.approx(float(value), rel=1e-9) for name, value in found.items()} == schedules.numbers(spec)


def test_the_rates_on_screen_are_those_of_the_schedules() -> None:
    run = run_of(SHORT)
    for label, schedule, rates in zip(run.labels, rules_of(SHORT).schedules, run.rates, strict=True):
        if label == "Reduce on plateau":
            np.testing.assert_allclose(rates, patience(SHORT).rates)
        else:
            np.testing.assert_allclose(rates, schedule.rates(np.array([SHORT.rate]), SHORT.steps)[:, 0])
    assert run.labels == ["Constant", "Cosine", "Triangles", "Reduce on plateau"]
    assert epochs(run) == 24 / 4  # 256 examples in batches of 64


def test_metrics_are_quantiles_over_the_seeds() -> None:
    run, alone = run_of(SHORT), run_of(replace(SHORT, seeds=1))
    assert run.t[0] == 0
    assert run.t[-1] == SHORT.steps
    for name, values in run.metrics.items():
        assert (values[:, 0] <= values[:, 1]).all(), name
        assert (values[:, 1] <= values[:, 2]).all(), name
    first = alone.metrics["train_loss"][:, 1]
    low, high = run.metrics["train_loss"][:, 0], run.metrics["train_loss"][:, 2]
    spread = (high - low) / 8.0  # of two seeds the 10 % quantile lies a tenth of the way between them
    assert (np.isclose(first, low - spread) | np.isclose(first, high + spread)).all()


def test_the_losses_of_the_batches_are_those_before_the_step() -> None:
    run = run_of(replace(SHORT, batch=512))
    np.testing.assert_allclose(
        run.losses[:, 0], run_of(replace(SHORT, batch=512, seeds=1)).metrics["train_loss"][:, 1, 0]
    )


def test_who_leaves_the_race_is_told_and_not_drawn_further() -> None:
    spec = SchedulesSpec(
        data="diabetes", optimizer="sgd", activation="relu", rate=0.8, shown="Constant", steps=60, seeds=1
    )
    run = run_of(spec)
    assert run.gone.all()
    assert "did not finish" in schedules.figures(spec)["main"].alt
    assert "did not finish" in schedules.look(spec).rows[0]["schedule"]
    assert {q.slug.partition(".")[0]: q.answer for q in schedules.questions(spec)} == {"gone": 1.0}


# --- Range test -------------------------------------------------------------------------------------------------------


def test_smoothing_by_its_formula() -> None:
    losses = np.array([3.0, 1.0, 2.0, 0.5])
    for t in range(4):
        weights = np.array([(1 - SMOOTHING) * SMOOTHING ** (t - k) for k in range(t + 1)])
        assert smoothed(losses)[t] == pytest.approx((weights * losses[: t + 1]).sum() / weights.sum())


def test_the_steepest_place_of_a_curve_that_is_known() -> None:
    """A loss that falls along a logistic curve of log η, and then explodes."""
    rates = np.geomspace(1e-5, 10.0, 400)
    x = np.log10(rates)
    losses = 1.0 - 0.9 / (1.0 + np.exp(-4.0 * (x + 2.0))) + np.exp(6.0 * (x - 0.3))
    test = read_off(rates, losses)
    assert np.log10(test.suggested) == pytest.approx(-2.0, abs=0.25)  # smoothing comes a little late
    assert test.steepest < test.lowest
    assert test.smooth[-1] <= EXPLODED * test.smooth.min()
    assert len(test.rates) < len(rates)
    assert test.tenth == pytest.approx(test.rates[test.lowest] / 10)


@pytest.mark.parametrize("tail", [np.nan, np.inf])
def test_the_range_test_ends_where_the_loss_is_no_number(tail: float) -> None:
    losses = np.array([*np.linspace(2.0, 1.0, 20), tail, 1.0])
    assert len(read_off(np.geomspace(1e-5, 1.0, 22), losses).losses) == 20


def test_the_range_test_of_the_page_grows_by_one_factor() -> None:
    spec = replace(SHORT, lens="finder")
    test = range_test(spec)
    np.testing.assert_allclose(test.rates[1:] / test.rates[:-1], 1e6 ** (1 / (TESTED - 1)))
    assert test.steepest >= UNSURE
    other = range_test(replace(spec, shown="Cosine", rate=0.01, seeds=1, steps=30))
    np.testing.assert_array_equal(
        test.losses, other.losses
    )  # it does not depend on the schedule, the rate or the budget
    rules = replace(
        rules_of(replace(SHORT, shown="Constant", seeds=1)), seeds=TESTS, schedule=rules_of(SHORT).schedules[0]
    )
    net, data = rules.set_up()
    X, Y = columns(data.X_train), targets(data, data.y_train)
    first = gradient(net, start(rules, net).theta, X, Y)[0]
    full = range_test(replace(spec, batch=512))
    assert full.losses[0] == pytest.approx(first.mean())


# --- Clipping, patience, sharpness ------------------------------------------------------------------------------------


def test_the_record_of_clipping() -> None:
    """The first gradient by autograd; what is cut is what lies above the limit; without clipping nothing is."""
    spec = replace(SHORT, batch=512, threshold=0.2, clip="norm", lens="clipping")
    found = clippings(spec)
    net, data = rules_of(spec).set_up()
    theta = torch.tensor(start(rules_of(spec), net).theta[0], requires_grad=True)
    X, at, parts = torch.tensor(data.X_train), 0, []
    for out, into in net.shapes:
        parts.append(theta[at : at + out * into].reshape(out, into))
        at += out * into
    H = X
    for k, W in enumerate(parts):
        H = H @ W[:, :-1].T + W[:, -1]
        H = torch.tanh(H) if k + 1 < len(parts) else H
    torch.nn.functional.cross_entropy(H, torch.tensor(data.y_train)).backward()
    for one in found.values():
        assert one.norms[0] == pytest.approx(theta.grad.norm().item(), rel=1e-12)
    assert not found["none"].cut.any()
    np.testing.assert_array_equal(found["norm"].cut, found["norm"].norms + 1e-6 > 0.2)
    assert found["norm"].cut.any()
    assert found["norm"].end == pytest.approx(run_of(spec).end("train_loss")[0])


def test_patience_step_by_step() -> None:
    """The rule of ReduceLROnPlateau, written out on the recorded losses."""
    spec = replace(SHORT, shown="Reduce on plateau", period=2, gamma=0.5, steps=60, batch=16)
    found = patience(spec)
    best, waited, rate = np.inf, 0, spec.rate
    for t, loss in enumerate(found.losses):
        assert found.rates[t] == pytest.approx(rate)
        if loss < best * (1 - 1e-4):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > 2:
            rate, waited = 0.5 * rate, 0
        assert (found.best[t], found.waited[t]) == (best, waited)
    assert len(found.drops) > 2
    np.testing.assert_allclose(found.rates[found.drops], found.rates[found.drops - 1] * 0.5)


def test_sharpness_is_the_top_eigenvalue_of_the_hessian() -> None:
    spec = replace(
        SHORT, shown="Constant, Cosine", data="diabetes", optimizer="sgd", width=2, depth=1, rate=0.1, steps=20
    )
    run, found = run_of(spec), sharp(run_of(spec))
    net, data = run.rules.set_up()
    X, Y = columns(data.X_train), targets(data, data.y_train)
    theta, e = run.theta[-1][1], 1e-5
    H = np.stack(
        [
            (gradient(net, (theta + e * v)[None], X, Y)[1] - gradient(net, (theta - e * v)[None], X, Y)[1])[0] / (2 * e)
            for v in np.eye(net.P)
        ]
    )
    assert found.value[1, -1] == pytest.approx(np.linalg.eigvalsh((H + H.T) / 2)[-1], rel=1e-3)
    np.testing.assert_allclose(found.edge[0], 2.0 / 0.1)
    assert np.isnan(sharp(run_of(replace(spec, optimizer="adam"))).edge).all()


# --- Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "words"), [("", "0 schedules were chosen"), ("Sine", "schedule 'Sine' is unknown"), (", ".join(schedules.TITLES), "show 1 to 6")]
)  # fmt: skip
def test_schedules_that_cannot_be_shown(shown: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        chosen(SchedulesSpec(shown=shown))
    assert schedules.menus(SchedulesSpec(shown=shown)) == []


def test_only_settings_that_matter_are_asked_for() -> None:
    assert used(SchedulesSpec(shown="Constant, Cosine")) == []
    assert used(SchedulesSpec(shown="Two drops")) == ["gamma"]
    assert used(SchedulesSpec(shown="Linear warm-up, Step decay")) == ["period", "gamma"]


@pytest.mark.parametrize("lens", ["table", "finder", "sharpness", "clipping", "plateau"])
def test_every_lens_in_words_and_figures(lens: str) -> None:
    spec = replace(SHORT, lens=lens)
    seen = schedules.look(spec)
    assert all(sentence.strip() for sentence in seen.sentences)
    assert seen.rows or seen.figures
    assert len(schedules.sections(spec)) == (3 if lens == "table" else 4)
    for question in schedules.questions(spec):
        assert question.right(question.answer)


def test_the_table_holds_every_schedule_and_moment() -> None:
    run = run_of(SHORT)
    lines = schedules.table(SHORT).splitlines()
    assert lines[0].startswith("schedule,step,rate,train_loss")
    assert len(lines) == 1 + len(run.labels) * len(run.t)
    last = lines[len(run.t)].split(",")
    assert (last[0], int(last[1]), float(last[3])) == ("Constant", SHORT.steps, pytest.approx(run.end("train_loss")[0]))


def test_the_winner_is_the_lowest_of_those_who_stayed() -> None:
    run = run_of(SHORT)
    answer = next(q.answer for q in schedules.questions(SHORT) if q.slug.startswith("winner"))
    assert answer == run.labels[int(run.end("train_loss").argmin())]
