"""The rules against plain loops, torch and closed forms; the widest margin and separability against scipy's solvers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from core.errors import ExplainerError
from core.neuron import SPEC, numbers, run_of, separation
from core.neuron.compute import accuracy, correction, least_squares, margin
from core.neuron.spec import Point, points_text

SPECS = [
    SPEC(seed=3),
    SPEC(seed=5, shuffle=True, rate=0.5),
    SPEC(data="overlapping", count=12, noise=0.9, passes=4),
    SPEC(data="xor", count=2, noise=0.0),
    SPEC(data="and"),
]


def random_points(seed: int) -> str:
    g = np.random.default_rng(seed)
    x = g.uniform(-2.9, 2.9, (int(g.integers(3, 14)), 2)).round(2)
    y = np.where(x @ g.normal(size=2) + g.normal() + 0.6 * g.normal(size=len(x)) > 0, 1, -1)
    return points_text([Point(*map(float, place), int(c)) for place, c in zip(x, y, strict=True)])


@pytest.mark.parametrize("spec", SPECS)
def test_the_perceptron_is_rosenblatt_s_loop(spec: SPEC) -> None:
    run = run_of(spec)
    w, b, wrong = np.zeros(2), 0.0, 0
    for k, i in enumerate(run.order):
        x1, x2, y = run.points[i]
        if y * (w[0] * x1 + w[1] * x2 + b) <= 0:
            w, b, wrong = w + spec.rate * y * np.array([x1, x2]), b + spec.rate * y, wrong + 1
        np.testing.assert_allclose(run.W[k + 1], [*w, b], rtol=1e-13, atol=1e-14)
    assert wrong == run.mistake.sum()
    assert run.clean == (not run.mistake[-len(run.y) :].any())


@pytest.mark.parametrize("spec", SPECS)
def test_the_average_is_the_mean_of_all_weights(spec: SPEC) -> None:
    plain, averaged = run_of(spec), run_of(SPEC(**{**spec.as_dict(), "rule": "averaged"}))
    np.testing.assert_array_equal(plain.W, averaged.W)
    for t in (1, 2, len(plain.order)):
        np.testing.assert_allclose(averaged.answer[t], plain.W[1 : t + 1].mean(0), rtol=1e-13)


def test_the_delta_rule_is_gradient_descent_on_the_squared_error() -> None:
    run = run_of(SPEC(data="overlapping", rule="delta", rate=0.03, passes=3, shuffle=True))
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.03)
    for k, i in enumerate(run.order):
        optimizer.zero_grad()
        ((w @ torch.tensor(run.X[i]) - run.y[i]) ** 2 / 2).backward()
        optimizer.step()
        np.testing.assert_allclose(run.W[k + 1], w.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_the_delta_rule_heads_for_least_squares_and_can_diverge() -> None:
    run = run_of(SPEC(data="overlapping", rule="delta", rate=0.005, passes=100, count=20))
    np.testing.assert_allclose(run.w, least_squares(run), atol=0.02)
    gradient = (run.X @ least_squares(run) - run.y) @ run.X
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
    wild = run_of(SPEC(data="overlapping", rule="delta", rate=5.0))
    assert wild.diverged
    assert np.isfinite(wild.W).all()


def test_mira_puts_the_point_at_margin_one_by_the_smallest_change() -> None:
    run = run_of(SPEC(rule="mira", passes=5))
    for k, i in enumerate(run.order):
        x, y, before, after = run.X[i], run.y[i], run.W[k], run.W[k + 1]
        if y * (before @ x) >= 1:
            np.testing.assert_array_equal(before, after)
        else:
            assert y * (after @ x) == pytest.approx(1.0, abs=1e-12)
            np.testing.assert_allclose(np.cross(after - before, x), 0.0, atol=1e-12)  # along x: the shortest way there


def test_a_point_on_the_line_is_a_mistake() -> None:
    x = np.array([1.0, 2.0, 1.0])
    assert correction("perceptron", 0.5, 0.0, 1.0, x) == 0.5
    assert correction("perceptron", 0.5, 1e-300, 1.0, x) == 0.0
    assert correction("perceptron", 0.5, -0.0, -1.0, x) == -0.5


@pytest.mark.parametrize("seed", range(30))
def test_separable_or_not_by_linear_programming(seed: int) -> None:
    run = run_of(SPEC(points=random_points(seed), passes=1))
    found = separation(run)
    G = run.y[:, None] * run.X
    program = linprog(np.zeros(3), A_ub=-G, b_ub=-np.ones(len(G)), bounds=[(None, None)] * 3)
    assert found.separable == (program.status == 0)
    if found.separable:
        assert (G @ found.w).min() == pytest.approx(found.gamma, rel=1e-9)
        assert np.linalg.norm(found.w) == pytest.approx(1.0)
        best = minimize(lambda w: w @ w / 2, found.w / found.gamma * 1.3, jac=lambda w: w, method="SLSQP", options={"ftol": 1e-14},
                        constraints={"type": "ineq", "fun": lambda w: G @ w - 1, "jac": lambda w: G})  # fmt: skip
        assert found.gamma == pytest.approx(1 / np.linalg.norm(best.x), rel=1e-5)
    else:
        for sign in (1.0, -1.0):  # the common point is a mixture of each class
            own = run.X[run.y == sign]
            target = np.array([*found.common, 1.0])
            assert (
                linprog(
                    np.zeros(len(own)), A_eq=own.T, b_eq=target, options={"primal_feasibility_tolerance": 1e-7}
                ).status
                == 0
            )


@pytest.mark.parametrize("seed", range(8))
def test_mistakes_stay_below_novikoff_s_bound(seed: int) -> None:
    run = run_of(SPEC(seed=seed, gap=0.3, passes=100, shuffle=bool(seed % 2)))
    found = separation(run)
    assert run.clean
    assert accuracy(run.w, run) == 1.0
    assert 0 < run.mistake.sum() <= found.most
    assert margin(run.w, run) > 0


def test_a_margin_known_by_hand() -> None:
    run = run_of(SPEC(points="3 0 +; -3 0 -"))
    found = separation(run)
    assert pytest.approx(np.sqrt(10.0)) == found.R
    assert found.gamma == pytest.approx(3.0)
    np.testing.assert_allclose(found.w, [1.0, 0.0, 0.0], atol=1e-12)
    assert margin(np.array([2.0, 0.0, 2.0]), run) == pytest.approx(2.0)  # the line x1 = -1
    assert np.isnan(margin(np.zeros(3), run))
    one_class = separation(run_of(SPEC(points="1 1 +; 2 2 +")))
    assert one_class.separable
    xor = separation(run_of(SPEC(data="xor", count=2, noise=0.0)))
    np.testing.assert_allclose(xor.common, 0.0, atol=1e-12)
    assert xor.bound == float("inf")


def test_by_hand_nothing_is_learned() -> None:
    run = run_of(SPEC(data="and", rule="hand", w1=1.0, w2=1.0, b=-1.5))
    assert len(run.order) == 0
    assert accuracy(run.w, run) == 1.0
    found = numbers(SPEC(data="and", rule="hand", w1=1.0, w2=1.0, b=-1.5, selected=3, activation="sigmoid"))
    assert found["weighted sum of the selected point"] == 0.5
    assert found["output of the selected point"] == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_without_points_there_is_nothing_to_learn() -> None:
    with pytest.raises(ExplainerError, match="no points"):
        run_of(SPEC(points=";"))
