"""Scores, importance and learning curves against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from core.tabular_lab.compute import (
    curves_part,
    importance,
    importances,
    leaks,
    learned,
    learning,
    measure,
    numbers,
    preview,
    rate,
    seconds,
    sizes,
    study_of,
    train,
)
from core.tabular_lab.datasets import diabetes, keep, sheet, split
from core.tabular_lab.spec import MODELS, TabularLabSpec

FAST = {"trees": 10, "epochs": 40, "seeds": 2, "width": 8}


def test_values_are_rated_as_scikit_learn_does():
    g = np.random.default_rng(0)
    y, p = g.normal(size=30), g.normal(size=30)
    assert rate(p, y) == pytest.approx((r2_score(y, p), root_mean_squared_error(y, p)), rel=1e-13)
    assert rate(y, y) == (1.0, 0.0)
    assert rate(p, np.ones(30))[0] == 0.0, "all targets equal: no variance to explain"


def test_probabilities_are_rated_as_scikit_learn_does():
    g = np.random.default_rng(0)
    P, y = g.dirichlet(np.ones(3), 40), g.integers(0, 3, 40)
    P[0] = np.eye(3)[(y[0] + 1) % 3]  # certain and wrong
    score, loss = rate(P, y)
    assert score == accuracy_score(y, P.argmax(1))
    assert loss == pytest.approx(-np.log(np.clip(P[np.arange(40), y], 1e-15, 1)).mean(), rel=1e-14)
    assert rate(P[1:], y[1:])[1] == pytest.approx(log_loss(y[1:], P[1:]), rel=1e-12)


def test_importance_is_scikit_learn_s_under_the_same_permutations():
    run = study_of(TabularLabSpec(**FAST))
    X, y = run.data.X_test, run.data.y_test
    model = Ridge().fit(run.data.X, run.data.y)
    theirs = permutation_importance(model, X, y, n_repeats=4, random_state=7)
    g = np.random.RandomState(np.random.RandomState(7).randint(np.iinfo(np.int32).max + 1))
    order, whole, shuffles = np.arange(len(y)), np.arange(len(y)), []
    for _ in range(4):  # scikit-learn shuffles the order again, and the column that is shuffled already
        g.shuffle(order)
        whole = whole[order]
        shuffles.append(whole)
    np.testing.assert_allclose(
        importance(model.predict, X, y, np.array(shuffles)), theirs.importances, rtol=0, atol=1e-14
    )


def test_the_single_layer_net_comes_to_least_squares():
    run = study_of(TabularLabSpec(epochs=600, rate=0.05, decay=0.0, early=False, trees=10, depth=1, width=2))
    exact = LinearRegression().fit(run.data.X, run.data.y)
    p = run.models["single"].predict(run.data.X)
    assert rate(p, run.data.y)[0] == pytest.approx(exact.score(run.data.X, run.data.y), abs=2e-3)


@pytest.mark.parametrize("data", ["diabetes", "wine"])
def test_a_study_rates_its_own_predictions(data):
    run = study_of(TabularLabSpec(data=data, **FAST))
    for model in MODELS:
        p = run.models[model].predict(run.data.X_test)
        assert run.scores["test"][model] == rate(p, run.data.y_test)
        if data == "wine":
            np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)


def test_early_stopping_holds_a_fifth_of_the_rows():
    run = study_of(TabularLabSpec(**FAST))
    curves = run.models["deep"].learned.curves
    assert set(curves) == {"fit", "validation", "test"}
    later = study_of(TabularLabSpec(**FAST, early=False)).models["deep"].learned
    assert set(later.curves) == {"fit", "test"}
    assert later.epoch == 40


@pytest.mark.parametrize("data", ["diabetes", "wine"])
def test_learning_curves_end_at_the_study_and_repeat_it(data):
    spec = TabularLabSpec(data=data, **FAST)
    found = learning(spec)
    assert found.values.shape == (5, 2, 4, 2)
    assert found.draws == 2
    run = study_of(spec)
    np.testing.assert_allclose(found.values[-1, 0], [run.scores["test"][m] for m in MODELS], rtol=1e-12)
    again = study_of(replace(spec, seed=spec.seed + 1))
    np.testing.assert_allclose(found.values[-1, 1], [again.scores["test"][m] for m in MODELS], rtol=1e-12)
    assert found.sizes[0] >= 20
    assert found.sizes[-1] == len(run.data.y)


def test_the_job_tells_one_size_after_the_other():
    spec = curves_part(TabularLabSpec(**FAST))
    first, *_, last = train(spec)
    assert (first.step, first.total, last.step) == (1, 10, 10)
    assert np.isnan(first.arrays["values"]).sum() == 9 * 8
    assert learned(first.arrays).draws == 0
    np.testing.assert_array_equal(learned(last.arrays).values, learning(spec).values)


def test_a_preview_is_part_of_the_first_draw():
    spec = TabularLabSpec(**{**FAST, "seeds": 1})
    whole, short = learning(spec), preview(spec)
    at = np.searchsorted(whole.sizes, short.sizes)
    np.testing.assert_array_equal(short.values[:, 0], whole.values[at, 0])


def test_the_smallest_size_holds_every_class():
    rows = "a,b,y\n" + "".join(f"{k},{k % 7},{'rare' if k % 30 == 0 else 'common'}\n" for k in range(300))
    found = sheet(TabularLabSpec(data="own", own=keep(rows.encode()), target="y"))
    least = int(sizes(found, 0, 3)[0])
    assert least >= 20
    for seed in range(3):
        assert len(np.unique(found.y[split(found, seed)[1][:least]])) == 2
    assert np.isfinite(measure(found, least, TabularLabSpec(**FAST))).all()


def test_scaling_on_all_rows_cannot_be_seen_and_the_target_can():
    found = leaks(TabularLabSpec(**FAST))
    best = {name: max(v[0] for v in run.scores["test"].values()) for name, run in found.items()}
    assert abs(best["scaling"] - best["none"]) < 0.05
    assert best["target"] > best["none"] + 0.2
    assert found["target"].data.columns[-1] == "noted afterwards"


def test_importance_finds_the_leaking_column():
    falls = importances(TabularLabSpec(leak="target", trees=10))
    assert all(fall.mean(axis=1).argmax() == 10 for fall in falls.values())


def test_the_numbers_are_those_of_the_study():
    spec = TabularLabSpec(**FAST, lens="errors")
    run = study_of(spec)
    assert numbers(spec)["test score Deep net"] == run.scores["test"]["deep"][0]
    assert numbers(spec)["epoch Deep net"] == run.models["deep"].learned.epoch


def test_more_work_is_thought_to_take_longer():
    assert seconds(TabularLabSpec(seeds=6)) == pytest.approx(2 * seconds(TabularLabSpec(seeds=3)))
    assert seconds(TabularLabSpec(width=128, depth=4)) > seconds(TabularLabSpec())


def test_four_at_once_are_the_same():
    from concurrent.futures import ThreadPoolExecutor

    spec = TabularLabSpec(**FAST, lens="size")
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: measure(diabetes(), 50, spec), range(4)))
    assert all((run == runs[0]).all() for run in runs)
