"""What the page shows of a run: stops, kept weights, sanity tests, sweep, preprocessing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.training_loop import SPEC, actions
from core.training_loop.clock import PARTS, clock, slowest
from core.training_loop.compute import (
    answers,
    branches,
    check,
    confusion,
    numbers,
    plan_of,
    run_of,
    sanity,
    scaled,
    schedule,
    settings_of_sweep,
    smoothed,
    stretch,
    sweep,
    waits,
)
from core.training_loop.data import MOST, VALIDATION, fingerprint, parts
from core.training_loop.loop import early
from core.training_loop.net import evaluate

FAST = {"points": 100, "epochs": 6, "width": 8, "depth": 1, "patience": 0}


@pytest.fixture(scope="module")
def run():
    return run_of(SPEC(**FAST))


def test_the_parts_never_meet_and_only_training_digits_are_measured():
    p, raw = parts(200, "standard", "true", 0), parts(200, "raw", "true", 0)
    np.testing.assert_allclose(p.X.mean(axis=0), 0, atol=1e-13)
    spread = p.X.std(axis=0)
    assert np.allclose(spread[spread > 0], 1)
    deviation = raw.X.std(axis=0)
    inner = deviation > 0
    np.testing.assert_allclose(p.X_val[:, inner], (raw.X_val - raw.X.mean(axis=0))[:, inner] / deviation[inner])
    assert (p.X_val[:, ~inner] == 0).all()
    np.testing.assert_array_equal(parts(200, "unit", "true", 0).X * MOST, raw.X)
    most = parts(1000, "raw", "true", 0)
    assert len(most.X) + VALIDATION + len(most.X_test) <= 1797
    np.testing.assert_array_equal(raw.pictures.reshape(-1, 64), raw.X_val)


def test_shuffled_labels_are_the_same_labels_elsewhere():
    true, lost = parts(200, "unit", "true", 3), parts(200, "unit", "shuffled", 3)
    assert sorted(true.y) == sorted(lost.y)
    assert (true.y != lost.y).mean() > 0.7
    np.testing.assert_array_equal(true.y_val, lost.y_val)


def test_a_fingerprint_changes_with_one_number():
    p = parts(100, "raw", "true", 0)
    other = p.X.copy()
    other[5, 5] += 1
    assert fingerprint(p.X, p.y) == fingerprint(p.X.copy(), p.y) != fingerprint(other, p.y)


def test_the_kept_weights_alone_meet_the_test_digits(run):
    kept = run.states[int(run.val_loss.argmin())]
    loss, right = evaluate(run.plan.net, kept.theta, run.parts.X_test[None], run.parts.y_test[None])
    assert run.test == (loss.item(), right.item())
    assert run.kept == int(run.val_loss.argmin())


def test_patience_ends_the_run_where_the_rule_says():
    whole = run_of(SPEC(points=100, epochs=40, rate=0.02))
    longer = run_of(SPEC(points=100, epochs=40, rate=0.02, patience=0))
    stop = early(longer.val_loss.tolist(), 6)
    assert whole.why == "patience"
    assert len(whole.epochs) == stop.at
    np.testing.assert_array_equal(whole.val_loss, longer.val_loss[: stop.at + 1])
    assert waits(longer)[6] == stop


@pytest.mark.parametrize(("settings", "why", "steps"), [({"budget": 10}, "budget", 10), ({"budget": 8000}, "end", 24), ({"stand": 0}, "paused", 0), ({"stand": 7}, "paused", 7), ({"stand": 24}, "end", 24), ({"stand": 5000}, "end", 24)])  # fmt: skip
def test_a_run_stands_where_it_is_told(run, settings, why, steps):
    found = run_of(SPEC(**FAST, **settings))
    assert (found.why, found.ends[-1]) == (why, steps)
    np.testing.assert_array_equal(found.series("losses"), run.series("losses")[:steps])


def test_a_missing_number_ends_the_run_and_keeps_what_was_before():
    found = run_of(SPEC(**{**FAST, "hole": True}))
    assert found.why == "nan"
    assert np.isfinite(found.val_loss[found.kept])
    assert np.isfinite(found.test[0])
    assert set(numbers(SPEC(**{**FAST, "hole": True}))) <= {"steps", "first loss"}


def test_the_buttons_move_the_run():
    spec = SPEC(**FAST)
    assert actions.rewind(spec) == {"stand": 0}
    assert actions.one_step(replace(spec, stand=3)) == {"stand": 4}
    assert actions.one_step(spec) == {"stand": 1}
    assert actions.one_epoch(replace(spec, stand=3)) == {"stand": 4}
    assert actions.one_epoch(replace(spec, stand=4)) == {"stand": 8}
    assert actions.resume(spec) == {"stand": -1}
    assert actions.pause(spec, 9) == {"stand": 9}


def test_smoothing_is_the_weighted_mean_of_the_steps_so_far():
    values, beta = np.array([3.0, 1.0, 4.0, 1.0]), 0.7
    weights = beta ** np.arange(4)[::-1]
    assert smoothed(values, beta)[-1] == pytest.approx(np.average(values, weights=weights), rel=1e-14)
    np.testing.assert_array_equal(smoothed(values, 0.0), values)
    assert smoothed(np.full(5, 2.0), 0.98) == pytest.approx(np.full(5, 2.0))
    assert len(smoothed(np.empty(0), 0.5)) == 0


def test_branches_resume_exactly_and_forget_visibly():
    run = run_of(SPEC(**{**FAST, "dropout": 0.2}, lens="branch", fork=2))
    found = branches(run)
    exact = found["resumed with everything"]
    assert exact.after_step == exact.at_end == 0.0
    np.testing.assert_array_equal(exact.losses, run.val_loss[2:])
    assert found["optimizer's state forgotten"].after_step > 1e-4
    assert found["random state forgotten"].at_end > 1e-4
    assert found["another learning rate"].at_end > 1e-4


def test_the_last_epoch_that_can_be_rewound_has_one_after_it(run):
    late = run_of(SPEC(**FAST, fork=60))
    assert len(branches(late)["resumed with everything"].losses) == 2


@pytest.fixture(scope="module")
def tests_of_the_loop():
    return sanity(SPEC(points=300, epochs=15, depth=1))


def test_sanity_tests_pass_on_a_loop_that_is_right(tests_of_the_loop):
    s = tests_of_the_loop
    assert s.first_loss == pytest.approx(math.log(10), abs=0.1)
    assert s.predicted == pytest.approx(s.first_loss, abs=0.02)
    assert s.one_batch[-1] < 0.05
    assert s.memorised == 1.0
    assert s.shuffled > 0.25, "shuffled labels are learned by heart"
    low, high = s.chance
    assert low < s.guesses.mean() < high, "and say nothing about other digits"
    assert s.honest[1] > 0.7
    assert s.difference < 1e-7


def test_chance_is_student_s_interval(tests_of_the_loop):
    from scipy import stats

    s = tests_of_the_loop
    expected = stats.t.interval(0.95, len(s.guesses) - 1, loc=0.1, scale=stats.sem(s.guesses))
    assert s.chance == pytest.approx(expected, rel=1e-4)


def test_a_wrong_gradient_is_found(run):
    plan = run.plan
    chosen, by_hand, quotients = check(plan.net, run.states[2].theta, plan.X, plan.y, 0)
    assert len(chosen) == len(set(chosen.tolist())) == 60
    np.testing.assert_allclose(by_hand, quotients, atol=1e-8)
    assert np.abs(by_hand).max() > 1e-3, "the checked weights must matter"


def test_the_sweep_is_its_runs(run):
    spec = SPEC(**FAST)
    found = sweep(spec)
    settings = settings_of_sweep(spec)
    assert len(settings) == len(found.rate) == 16
    rate, p, seed = settings[11]
    alone = run_of(replace(spec, rate=rate, dropout=p, seed=seed))
    np.testing.assert_allclose(found.val_loss[11], alone.val_loss, rtol=1e-9)
    assert found.best[11] == alone.kept
    assert found.lowest[11] == pytest.approx(alone.val_loss.min(), rel=1e-9)
    assert found.train_loss[11] == pytest.approx(alone.means[-1], rel=1e-9)


def test_preparations_are_runs_of_their_own():
    spec = SPEC(**{**FAST, "scale": "unit"})
    found, alone = scaled(spec), run_of(spec)
    np.testing.assert_allclose(found["unit"].val_loss, alone.val_loss, rtol=1e-9)
    assert found["unit"].first_gradient == pytest.approx(alone.series("gradient_norm")[0], rel=1e-12)
    assert found["raw"].stretch == pytest.approx(found["unit"].stretch * MOST**2, rel=1e-12)


def test_stretch_is_the_squared_largest_singular_value():
    X = np.random.default_rng(0).normal(size=(20, 5))
    assert stretch(X) == pytest.approx(np.linalg.svd(X)[1][0] ** 2 / 20, rel=1e-12)


def test_confusion_counts_every_digit_that_has_an_answer(run):
    p = answers(run)
    counts = confusion(run, p[-1])
    assert counts.sum() == VALIDATION
    assert np.trace(counts) / VALIDATION == pytest.approx(run.val_accuracy[-1])
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(run.parts.y_val, minlength=10))
    np.testing.assert_allclose(p.sum(axis=2), 1.0, rtol=1e-12)
    assert confusion(run, np.full_like(p[0], np.nan)).sum() == 0


@pytest.mark.parametrize(
    ("name", "torch_s"),
    [
        ("step", lambda o, n: torch.optim.lr_scheduler.StepLR(o, max(1, n // 3), gamma=0.3)),
        ("cosine", lambda o, n: torch.optim.lr_scheduler.CosineAnnealingLR(o, n)),
        ("warm_up", lambda o, n: torch.optim.lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=max(1, n // 10))),
        ("constant", lambda o, n: torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1.0)),
    ],
)
def test_schedules_are_torch_s(name, torch_s):
    spec = SPEC(**FAST, schedule=name)
    plan = plan_of(spec, parts(100, "standard", "true", 0))
    assert plan.schedule == schedule(spec, plan.steps)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=spec.rate)
    scheduler, expected = torch_s(optimizer, plan.steps), []
    for _ in range(plan.steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(plan.rates[:, 0], expected, rtol=1e-12, atol=1e-18)


def test_the_clock_names_every_part(run):
    found = clock(run)
    assert tuple(found) == PARTS
    assert all(seconds >= 0 for seconds in found.values())
    said = slowest({"load": 0.001, "forward": 0.003}, 100)
    assert "4 ms" in said
    assert "25,000 digits" in said
    assert "75%" in said
