"""Intervals, effects and the closer looks against closed forms, enumeration and torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from core.regularisation import (
    SPEC,
    descent,
    dropout,
    figures,
    look,
    norms,
    penalties,
    questions,
    run_from,
    run_of,
    table,
    train,
)
from core.regularisation.compute import (
    AT_ONCE,
    FEWEST,
    SWEEPS,
    affordable,
    contrasts,
    differences,
    interval,
    plan_of,
    seconds,
    sweep,
)
from core.regularisation.lenses import LOOKS, own, verdict
from core.regularisation.networks import forward
from core.regularisation.spec import GRADED, LENSES
from core.regularisation.training import Run
from core.rng import numpy_generator

SMALL = {"points": 30, "width": 8, "steps": 60, "seeds": 3}


def test_the_interval_is_scipy_s() -> None:
    values = numpy_generator(0, "test").standard_normal(9) + 0.4
    low, high = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((values.mean(), low, high), rel=1e-12)


def test_an_interval_needs_two_finite_values() -> None:
    assert np.isnan(interval(np.array([1.0, np.nan]))).all()
    assert interval(np.array([1.0, 1.0, np.inf])) == (1.0, 1.0, 1.0)
    assert interval(np.array([1.0, 1.0])).decided
    assert not interval(np.array([-1.0, 1.0])).decided
    assert verdict(interval(np.array([1.0, 1.0])), "loss") == "worse"
    assert verdict(interval(np.array([1.0, 1.0])), "accuracy") == "better"
    assert verdict(interval(np.array([np.nan, 1.0])), "loss") == "no finite value"


def test_differences_are_paired() -> None:
    run = run_of(SPEC(**SMALL))
    found = differences(run, "test_loss")
    assert list(found) == ["L2 penalty", "Dropout", "Early stopping"]
    for v, one in enumerate(found.values(), 1):
        low, high = scipy.stats.ttest_rel(run.test_loss[v], run.test_loss[0]).confidence_interval(0.95)
        assert one == pytest.approx(((run.test_loss[v] - run.test_loss[0]).mean(), low, high), rel=1e-9)


def test_effects_are_those_of_a_table_made_by_hand() -> None:
    plan = plan_of(SPEC(kinds="Dropout, L2 penalty", design="all", **SMALL))
    y = np.array([[1.0, 2.0], [0.7, 1.5], [0.6, 1.9], [0.4, 1.0]])  # plain, L2, dropout, both
    run = Run(plan, plan.looks, {}, np.empty((4, 2, 0)), np.empty((4, 2), int), y, y)
    found = contrasts(run, "test_loss")
    np.testing.assert_allclose(found["L2 penalty"], ((y[1] - y[0]) + (y[3] - y[2])) / 2)
    np.testing.assert_allclose(found["Dropout"], ((y[2] - y[0]) + (y[3] - y[1])) / 2)
    np.testing.assert_allclose(found["L2 penalty × Dropout"], ((y[3] - y[2]) - (y[1] - y[0])) / 2)


def test_long_trainings_are_cut_to_what_one_waits_for() -> None:
    short = plan_of(SPEC())
    assert affordable(short) is short
    long = plan_of(SPEC(seeds=24, steps=1500, width=64, depth=3, batch=60))
    cut = affordable(long)
    assert seconds(long) > 10 * AT_ONCE
    assert seconds(cut) <= 1.2 * AT_ONCE
    assert cut.seeds == FEWEST
    assert cut.steps < 1500


def test_every_graded_kind_has_a_sweep_within_its_control() -> None:
    assert SWEEPS.keys() == GRADED.keys()
    for kind, grid in SWEEPS.items():
        assert [SPEC.params()[kind].check(type(SPEC.params()[kind].default)(s)) for s in grid] == list(grid)
        assert list(grid) == sorted(grid)


def test_a_sweep_holds_the_net_of_the_race() -> None:
    spec = SPEC(swept="dropout", **SMALL)
    grid, run = sweep(spec)
    alone = run_of(replace(spec, kinds="Dropout", dropout=0.3))
    np.testing.assert_allclose(run.test_loss[1 + grid.index(0.3)], alone.test_loss[1], rtol=1e-9)


def test_the_job_gives_the_same_run() -> None:
    spec = SPEC(kinds="Early stopping, Batch norm", **SMALL)
    *_, before, last = train(spec)
    assert run_from(spec, before.arrays) is None
    assert run_from(SPEC(), last.arrays) is None
    found, known = run_from(spec, last.arrays), run_of(spec)
    for name in known.curves:
        np.testing.assert_array_equal(found.curves[name], known.curves[name])
    for name in ("theta", "stopped", "test_loss", "test_accuracy"):
        np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
    assert (last.step, last.total) == (60, 60)


@pytest.mark.parametrize("w", [-2.0, -0.5, 0.0, 0.3, 0.5, 1.7])
def test_the_closed_forms_are_the_minima(w: float) -> None:
    h, lam = 0.8, 0.4
    grid = np.linspace(-3, 3, 600_001)
    loss = h / 2 * (grid - w) ** 2
    assert penalties.soft(np.array([w]), lam / h)[0] == pytest.approx(
        grid[(loss + lam * np.abs(grid)).argmin()], abs=2e-5
    )
    assert penalties.shrunk(np.array([w]), h, lam)[0] == pytest.approx(
        grid[(loss + lam / 2 * grid**2).argmin()], abs=2e-5
    )


def test_descents_follow_their_closed_form() -> None:
    target, h, lam, eta = np.array([-1.0, 0.2, 2.0]), 0.7, 0.3, 0.1
    found = penalties.ways(target, 1.0, h, lam, steps=50, eta=eta)
    t = np.arange(51)[:, None]
    end = penalties.shrunk(target, h, lam)
    np.testing.assert_allclose(found["L2 penalty"], end + (1 - eta * (h + lam)) ** t * (1.0 - end), rtol=1e-12)
    np.testing.assert_allclose(found["plain"], target + (1 - eta * h) ** t * (1.0 - target), rtol=1e-12)
    ends = penalties.ways(target, 1.0, h, lam, steps=4000, eta=eta)
    np.testing.assert_allclose(ends["L1, proximal step"][-1], penalties.soft(target, lam / h), atol=1e-14)
    assert ends["L1, proximal step"][-1][1] == 0.0
    assert np.abs(ends["L1, subgradient"][-1][1]) < 2 * eta * lam


def test_penalty_and_decay_are_one_under_sgd_and_two_under_adam() -> None:
    found = penalties.both_optimizers(SPEC(l2=0.05, **SMALL))
    assert found["sgd"][1].apart.max() < 1e-12
    assert found["adam"][1].apart[-1] > 0.01
    assert found["adam"][1].apart[0] == 0.0


def test_near_zero_counts_weights_only() -> None:
    run = run_of(SPEC(kinds="L1 penalty", l1=0.1, **SMALL))
    w = penalties.weights_of(run.plan, run.theta)
    assert w.shape == (2, 3 * (2 * 8 + 8 * 8 + 8 * 2))
    layers = run.plan.net.layers(run.theta)
    assert np.abs(w).sum() == pytest.approx(sum(np.abs(layer.W).sum() for layer in layers))
    np.testing.assert_allclose(penalties.near_zero(w), [(np.abs(row) < 0.01).mean() for row in w])
    assert penalties.near_zero(w)[1] > penalties.near_zero(w)[0]


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_inverted_scaling_keeps_the_mean_exactly(p: float) -> None:
    values = numpy_generator(0, "test").standard_normal(10)
    assert dropout.enumerated(values, p) == pytest.approx(values.sum(), rel=1e-12)


def test_the_ensemble_converges_as_theory_says() -> None:
    found = dropout.ensemble(dropout.dropout_plan(SPEC(**SMALL)))
    np.testing.assert_allclose(found.outputs_off, found.theory, rtol=0.25)
    np.testing.assert_allclose(found.theory[0] / found.theory, np.sqrt(dropout.SIZES))
    losses = [loss for loss, _ in found.scores.values()]
    assert losses[0] > losses[1]  # cross-entropy is convex: the mean probability does better than the nets on average
    assert losses[0] > losses[2]


def test_the_variance_of_a_masked_layer_is_the_enumerated_one() -> None:
    plan = dropout.dropout_plan(SPEC(**SMALL))
    net, theta, X = plan.net, dropout.trained(plan).theta[0, 0], plan.sets.test.X[0, :1]
    last, A = net.layers(theta)[-1], forward(net, theta, X)[1][-1].A[0]
    masks = np.array(np.meshgrid(*8 * [[0.0, 1.0]])).reshape(8, -1).T
    weight = (0.7**masks * 0.3 ** (1 - masks)).prod(1)
    U = (masks * A / 0.7) @ last.W
    mean = weight @ U
    np.testing.assert_allclose(mean, A @ last.W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        weight @ (U - mean) ** 2, 0.3 / 0.7 * (A * A) @ (last.W * last.W), rtol=1e-10, atol=1e-14
    )


def test_the_masks_shown_are_the_seed_s_own_draws() -> None:
    plan = dropout.dropout_plan(SPEC(**SMALL))
    g = numpy_generator(plan.seed, "dropout")
    for row in dropout.step_masks(plan, 3):
        np.testing.assert_array_equal(g.random((20, 8))[0] >= 0.3, row)
        g.random((20, 8))  # the second layer's


def test_doubt_is_larger_where_nothing_is_known() -> None:
    found = dropout.doubt(0.2, 4, 0)
    for mean, spread in found.bands.values():
        assert spread[np.abs(dropout.GRID) < 0.3].mean() > 1.3 * spread[found.known].mean()
        assert np.abs(mean - dropout.truth(dropout.GRID))[found.known].mean() < 0.4
        assert 0.0 <= found.covers(next(iter(found.bands)), found.known) <= 1.0


def test_batch_norm_s_modes_are_those_of_the_race() -> None:
    spec = SPEC(kinds="Batch norm", **SMALL)
    found, run = norms.modes(norms.norm_plan(spec)), run_of(spec)
    np.testing.assert_allclose(found.by_running, run.curves["train_loss"][:, 1], rtol=1e-9)  # all 30 points
    running = 0.0
    for mean, followed in found.mean:
        running += 0.1 * (mean - running)
        assert followed == pytest.approx(running, rel=1e-9)


def test_both_norms_by_hand_are_torch_s() -> None:
    for found in norms.by_hand(20, 8, 0).values():
        assert max(found.values()) < 1e-13


def test_least_squares_is_lstsq_s_and_ridge_solves_its_equations() -> None:
    g = numpy_generator(0, "test")
    for p in (3, 10, 25):
        features, y = g.standard_normal((2, 10, p)), g.standard_normal((2, 10))
        shortest, ridge = descent.fit(features, y, (0.0, 0.3))
        for k in range(2):
            np.testing.assert_allclose(shortest[k], np.linalg.lstsq(features[k], y[k])[0], rtol=1e-7, atol=1e-9)
            A = features[k].T @ features[k] + 0.3 * np.eye(p)
            np.testing.assert_allclose(A @ ridge[k], features[k].T @ y[k], rtol=1e-9, atol=1e-11)


def test_the_error_peaks_where_the_features_are_as_many_as_the_points() -> None:
    plain, ridge = descent.strips((0.0, 0.1), 0.3, 8, 0)
    at = descent.WIDTHS.index(descent.N)
    test = np.median(plain.test, 1)
    assert descent.WIDTHS[int(test.argmax())] in (29, 30, 31)
    assert test[-1] < test[:at].min() < test[at]
    assert np.median(ridge.test, 1).max() < 0.5 * test.max()
    assert plain.train[at:].max() < 1e-10  # through every point


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_draws_for_every_design(lens: str) -> None:
    assert LOOKS.keys() == LENSES.keys()
    for settings in (
        {"metric": "accuracy", "data": "digits", "kinds": "Batch norm"},
        {"kinds": "L2 penalty, Dropout", "design": "all", "depth": 1},
    ):
        spec = SPEC(lens=lens, **settings, **SMALL)
        seen = look(run_of(spec), spec)
        assert seen.sentences
        assert set(seen.params).isdisjoint({"dropout", "l2"} if "design" in settings else set())
        assert figures(spec)
    assert own(SPEC(), "l1") == ["l1"]


def test_questions_and_table_follow_the_run() -> None:
    spec = SPEC(**SMALL)
    asked = questions(run_of(spec), spec)
    assert all(q.right(q.answer) for q in asked)
    assert len({q.slug for q in asked}) == len(asked)
    assert len(table(spec).splitlines()) == 1 + 4 * 3
