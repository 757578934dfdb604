"""Windows, parts, baselines, measures and intervals against loops, closed forms, scikit-learn and torch, all in float64."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error, root_mean_squared_error
from sklearn.neighbors import KNeighborsRegressor

from core.errors import ExplainerError
from core.forecasting.compute import (
    anchored,
    baselines,
    diebold_mariano,
    fold_borders,
    folded,
    inside,
    interval,
    lead,
    linear,
    measures,
    naive_error,
    problem,
    problem_of,
    roll,
    split,
    study,
    targets,
    window_starts,
)
from core.forecasting.series import Series, series
from core.forecasting.spec import ForecastingSpec

SMALL = ForecastingSpec(length=160, window=7, horizon=3, period=10, inputs="all")


def toy(values: list[float] | np.ndarray, season: int = 1) -> Series:
    return Series("toy", np.asarray(values, float)[:, None], ("y",), "1", "row", season)


@pytest.mark.parametrize(
    ("n", "L", "H", "s"), [(10, 3, 2, 1), (10, 3, 2, 3), (12, 5, 7, 1), (11, 5, 7, 1), (30, 2, 1, 12)]
)
def test_windows_are_all_that_fit(n, L, H, s):
    every = [k for k in range(0, n, s) if k + L + H <= n]
    found = window_starts(n, L, H, s)
    assert found.tolist() == every
    assert len(found) == max(0, (n - L - H) // s + 1)


def test_x_and_y_are_the_rows_of_the_series():
    p = problem_of(SMALL)
    v = p.series.values
    for i in (0, 17, len(p.starts) - 1):
        s = p.starts[i]
        np.testing.assert_array_equal(p.truth[i], v[s + 7 : s + 10, 0])
        np.testing.assert_allclose(p.measured(p.x[i, :, 0]), v[s : s + 7, 0], rtol=1e-13)
        np.testing.assert_allclose(p.measured(p.y[i]), p.truth[i], rtol=1e-13)


def test_parts_follow_in_time_and_share_no_target():
    starts = window_starts(100, 6, 4, 1)
    parts = split(starts, 6, 4, (60, 80))
    rows = {
        name: {t for i in part for t in range(starts[i] + 6, starts[i] + 10)} for name, part in parts._asdict().items()
    }
    assert rows["train"] == set(range(6, 60))
    assert rows["validation"] == set(range(60, 80))
    assert rows["test"] == set(range(80, 100))
    assert all(starts[i] + 10 <= 60 for i in parts.train)


def test_the_scale_knows_the_training_rows_only():
    values = np.r_[np.arange(60.0), 1e6 + np.arange(40.0)]
    p = problem(replace(SMALL, inputs="one"), toy(values))
    assert (p.mean, p.deviation) == pytest.approx((29.5, np.arange(60.0).std()))
    leaked = problem(replace(SMALL, leak="scaling"), toy(values))
    assert leaked.mean == pytest.approx(values.mean())


def test_a_shuffled_split_keeps_the_sizes_and_loses_the_order():
    honest, leaked = problem_of(SMALL), problem_of(replace(SMALL, leak="shuffled"))
    assert [len(p) for p in honest.parts] == [len(p) for p in leaked.parts]
    assert sorted(np.concatenate(honest.parts)) == sorted(np.concatenate(leaked.parts))
    assert leaked.parts.test.min() < leaked.parts.train.max()


@pytest.mark.parametrize("m", [1, 2, 3, 5, 10])
def test_naive_and_seasonal_naive_repeat_what_is_known(m):
    p = problem_of(replace(SMALL, season=m))
    found = baselines(p)
    for i in range(20, len(p.starts), 13):
        origin = p.starts[i] + 6
        np.testing.assert_allclose(p.measured(found["naive"][i]), p.series.values[origin, 0], rtol=1e-12)
        for h in (1, 2, 3):
            lag = origin + h
            while lag > origin:
                lag -= m
            assert p.measured(found["seasonal"][i])[h - 1] == pytest.approx(p.series.values[max(lag, 0), 0])


@pytest.mark.parametrize("anchor", [True, False])
@pytest.mark.parametrize("inputs", ["one", "all"])
def test_linear_and_nearest_are_scikit_learn_s(anchor, inputs):
    p = problem_of(replace(SMALL, anchor=anchor, inputs=inputs))
    seen, last = anchored(p.x, p.spec)
    flat, train = seen.reshape(len(seen), -1), p.parts.train
    goal = p.y - last[:, :1]
    model = LinearRegression().fit(flat[train], goal[train])
    near = KNeighborsRegressor(1, algorithm="brute").fit(flat[train], goal[train])
    found = baselines(p)
    np.testing.assert_allclose(found["linear"], last[:, :1] + model.predict(flat), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found["analogue"], last[:, :1] + near.predict(flat), rtol=1e-12)


def test_an_exact_recursion_is_foretold_exactly_both_ways():
    t = np.arange(140)
    values = 0.97**t * np.cos(0.4 * t)  # v_t = 2 r cos(w) v_{t−1} − r² v_{t−2}
    for strategy in ("direct", "recursive"):
        p = problem(replace(SMALL, inputs="one", window=2, horizon=5, strategy=strategy, anchor=False), toy(values))
        np.testing.assert_allclose(baselines(p)["linear"], p.y, atol=1e-9)


def test_recursive_feeds_its_own_rows_back_for_every_column():
    p = problem_of(replace(SMALL, strategy="recursive"))
    seen, _ = anchored(p.x, p.spec)
    model = linear(seen[p.parts.train], targets(p)[p.parts.train])
    window = p.x[50].copy()
    by_hand = []
    for _ in range(3):
        last = window[-1]
        row = last + model((window - last)[None])[0]
        by_hand.append(row[0])
        window = np.vstack([window[1:], row])
    np.testing.assert_allclose(roll(model, p.x, p.spec)[50], by_hand, rtol=1e-12)


def test_measures_are_scikit_learn_s_and_mase_is_in_naive_steps():
    g = np.random.default_rng(3)
    y, f = g.normal(5, 1, (40, 3)), g.normal(5, 1, (40, 3))
    found = measures(y, f, 0.5)
    assert found["mae"] == pytest.approx(mean_absolute_error(y, f))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(y.ravel(), f.ravel()))
    assert found["mape"] == pytest.approx(100 * mean_absolute_percentage_error(y, f))
    assert found["mase"] == pytest.approx(found["mae"] / 0.5)
    assert np.isnan(measures(np.array([[0.0, 1.0]]), np.ones((1, 2)), 1.0)["mape"])
    assert np.isnan(measures(y, f, 0.0)["mase"])


def test_the_naive_forecast_one_step_ahead_has_mase_1_on_its_own_rows():
    p = problem(replace(SMALL, inputs="one", window=2, horizon=1), toy(np.random.default_rng(0).normal(size=100), 1))
    steps = np.abs(np.diff(p.series.values[:60, 0]))
    assert naive_error(p) == pytest.approx(steps.mean())
    seasonal = replace(p, series=replace(p.series, season=4))
    v = p.series.values[:60, 0]
    assert naive_error(seasonal) == pytest.approx(np.mean([abs(v[t] - v[t - 4]) for t in range(4, 60)]))


def test_an_interval_holds_its_share_of_the_errors_it_comes_from():
    errors = np.random.default_rng(1).normal(size=(2000, 2))
    low, high = interval(errors, 0.9)
    ordered = np.sort(errors[:, 0])
    place = 0.05 * 1999
    k = int(place)
    assert low[0] == pytest.approx(ordered[k] + (place - k) * (ordered[k + 1] - ordered[k]))
    assert inside(errors, *(np.tile(end, (2000, 1)) for end in (low, high))).mean(axis=0) == pytest.approx(
        0.9, abs=1e-3
    )
    assert inside(np.array([[1.0]]), np.array([[1.0]]), np.array([[1.0]])).all()


def test_coverage_is_counted_on_the_test_part():
    run = study(problem_of(SMALL), {}, 0)
    p = run.problem
    for model, scores in run.scores.items():
        held = [run.low[model][i, h] <= p.truth[i, h] <= run.high[model][i, h] for i in p.parts.test for h in range(3)]
        assert scores["coverage"] == pytest.approx(np.mean(held))
        errors = p.truth[p.parts.validation] - run.forecasts[model][p.parts.validation]
        np.testing.assert_allclose(run.high[model] - run.forecasts[model], np.tile(np.quantile(errors, 0.95, axis=0), (len(p.starts), 1)), rtol=1e-9)  # fmt: skip


def test_diebold_mariano_is_the_t_ratio_without_lags_and_a_double_sum_with_them():
    d = np.random.default_rng(2).normal(0.3, 1.0, 50)
    assert diebold_mariano(d, 0) == pytest.approx(d.mean() / (d.std() / np.sqrt(50)))
    q, c, total = 3, d - d.mean(), 0.0
    for i in range(50):
        for j in range(50):
            if abs(i - j) <= q:
                total += (1 - abs(i - j) / (q + 1)) * c[i] * c[j]
    assert diebold_mariano(d, q) == pytest.approx(d.mean() / np.sqrt(total / 50 / 50))
    assert diebold_mariano(np.zeros(9), 2) == 0.0


def test_a_lead_is_positive_where_the_naive_errors_are_larger():
    run = study(problem_of(SMALL), {}, 0)
    for model in run.forecasts:
        found = lead(run, model)
        assert found.lead == pytest.approx(run.scores["naive"]["mae"] - run.scores[model]["mae"])
        assert np.sign(found.statistic) == np.sign(found.lead)


def test_logarithms_go_there_and_back():
    spec = ForecastingSpec(data="weekly", log=True, window=6, horizon=2)
    p = problem(spec, series(spec))
    np.testing.assert_allclose(p.measured(p.y), p.truth, rtol=1e-12)
    np.testing.assert_allclose(p.z[:, 0], (np.log(p.series.values[:, 0]) - p.mean) / p.deviation)


def test_no_fold_knows_its_future():
    p = problem_of(SMALL)
    blocks = fold_borders(p)
    assert blocks[0][0] == p.borders[0]
    assert blocks[-1][1] == 160
    assert all(a[1] == b[0] for a, b in pairwise(blocks))
    for a, b in blocks:
        fold = folded(p, (a, b))
        assert len(fold.series.values) == b
        assert fold.borders[1] == a
        assert (fold.starts[fold.parts.test] + 7 >= a).all()
        assert fold.mean == pytest.approx(p.series.values[: fold.borders[0], 0].mean())


def test_too_few_windows_are_refused():
    with pytest.raises(ExplainerError, match="at least 8 are needed; try a shorter window"):
        problem(ForecastingSpec(window=30, horizon=10), toy(np.arange(60.0)))


def test_a_constant_series_is_no_division_by_0():
    run = study(problem(replace(SMALL, inputs="one"), toy(np.full(100, 3.0))), {}, 0)
    for found in run.scores.values():
        assert found["mae"] == pytest.approx(0, abs=1e-12)
        assert np.isnan(found["mase"])


def test_a_random_walk_s_best_forecast_is_naive_in_the_long_run():
    walk = np.cumsum(np.random.default_rng(5).normal(size=6000))
    run = study(problem(replace(SMALL, inputs="one", window=3, horizon=1, stride=5), toy(walk)), {}, 0)
    assert run.scores["linear"]["mae"] / run.scores["naive"]["mae"] == pytest.approx(1, abs=0.02)
    assert run.scores["naive"]["mae"] == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)
