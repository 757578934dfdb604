"""The line search by itself, the evaluations that it costs against torch's own count, and whole races with it against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.optimizer_race import Racer, RaceSpec, race
from core.training.lbfgs import C1, C2, Point, lowest_of_cubic, strong_wolfe
from tests.core.optimizer_race.reference import FORMULAS, optimizer_of, torch_race

WOLFE = (Racer("lbfgs_wolfe"), Racer("lbfgs_wolfe", lr=0.1, history_size=5))


@np.errstate(all="ignore")  # as in a race
def searched(f, slope, first: float) -> tuple[float, int]:
    """The α that a search along φ = f with φ' = slope finds, and how often it asked."""
    asked = 1
    search = strong_wolfe(np.float64(first), Point(np.float64(0.0), np.float64(f(0)), np.float64(slope(0))), 1.0, 1e-9)
    alpha = next(search)
    while True:
        try:
            alpha = search.send((np.float64(f(alpha)), np.float64(slope(alpha))))
            asked += 1
        except StopIteration as found:
            return float(found.value), asked


LINES = {
    "parabola": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "cubic's hollow": (lambda a: a**3 - 3 * a, lambda a: 3 * a * a - 3),
    "waves": (lambda a: np.cos(2 * a) - a / 4, lambda a: -2 * np.sin(2 * a) - 0.25),
    "steep, then flat": (lambda a: np.exp(-5 * a) + 0.01 * a, lambda a: -5 * np.exp(-5 * a) + 0.01),
}


@pytest.mark.parametrize("first", [1e-4, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("name", LINES)
def test_the_step_found_has_both_conditions(name: str, first: float) -> None:
    f, slope = LINES[name]
    alpha, asked = searched(f, slope, first)
    assert alpha > 0
    assert f(alpha) <= f(0) + C1 * alpha * slope(0)
    assert abs(slope(alpha)) <= C2 * abs(slope(0))
    assert 1 <= asked <= 26


def test_a_first_guess_that_is_good_is_taken_at_once() -> None:
    assert searched(*LINES["parabola"], 2.9) == (2.9, 1)


def test_a_line_that_only_falls_is_left_at_the_last_try() -> None:
    alpha, asked = searched(lambda a: -a, lambda a: -1.0, 1.0)
    assert alpha > 1e10
    assert asked == 26


def test_the_cubic_s_minimum_is_exact_for_a_cubic() -> None:
    """a³ − 3a has its minimum at 1."""
    p, q = (Point(a, a**3 - 3 * a, 3 * a * a - 3) for a in (0.2, 2.5))
    assert lowest_of_cubic(p, q, 0.2, 2.5) == pytest.approx(1.0, rel=1e-12)
    assert lowest_of_cubic(q, p, 0.2, 2.5) == pytest.approx(1.0, rel=1e-12)
    assert lowest_of_cubic(p, q, 1.5, 2.5) == 1.5


@pytest.mark.parametrize(
    "surface", ["rosenbrock", "beale", "himmelblau", "styblinski_tang", "quadratic_bowl", "ackley"]
)
def test_a_whole_race_equals_torch(surface: str) -> None:
    spec = RaceSpec(surface, WOLFE, steps=60)
    np.testing.assert_allclose(race(spec).paths, torch_race(spec)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("racer", WOLFE, ids=lambda r: f"lr {r.lr}")
def test_evaluations_are_torch_s_own_count(racer: Racer) -> None:
    spec = RaceSpec("rosenbrock", (racer, Racer("adam"), Racer("lbfgs", lr=0.01)), (-1.5, 2.0), 30)
    theta = torch.tensor(spec.start, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_of(racer, theta)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = FORMULAS["rosenbrock"](theta[0], theta[1])
        loss.backward()
        return loss

    for _ in range(spec.steps):
        optimizer.step(closure)
    assert race(spec).evaluations.tolist() == [optimizer.state[theta]["func_evals"], 30, 30]
    assert optimizer.state[theta]["func_evals"] > 40


def test_noise_and_clipping_reach_the_line_search_as_in_torch() -> None:
    for clip in ("none", "norm"):
        spec = RaceSpec("himmelblau", WOLFE, steps=12, seed=3, clip=clip, threshold=3.0, noise=0.05)
        np.testing.assert_allclose(race(spec).paths, torch_race(spec)[0], rtol=1e-7, atol=1e-9)


def test_racers_search_together_as_they_do_alone() -> None:
    racers = (*WOLFE, Racer("lbfgs_wolfe", lr=5.0), Racer("sgd", lr=1e-4))
    together = race(RaceSpec("rosenbrock", racers, steps=40))
    for racer, path, asked in zip(racers, together.paths, together.evaluations, strict=True):
        alone = race(RaceSpec("rosenbrock", (racer,), steps=40))
        assert np.array_equal(alone.paths[0], path)
        assert alone.evaluations[0] == asked


def test_a_racer_at_rest_asks_once_a_step() -> None:
    assert race(RaceSpec("himmelblau", (Racer("lbfgs_wolfe"),), (3.0, 2.0), 10)).evaluations.tolist() == [10]
