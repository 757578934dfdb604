"""Each measure of the leaderboard by hand, and the order of winners, losers and those who did not finish."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from core.errors import ExplainerError
from core.optimizer_race import SURFACES, Racer, RaceResult, RaceSpec, race
from core.optimizer_race.leaderboard import distance_to_goal, leaderboard, value_gap

SPEC = RaceSpec(
    "saddle", (Racer("sgd"), Racer("adam"), Racer("lion"), Racer("sgd", lr=9.0), Racer("sgd", lr=8.0)), steps=2
)


def result() -> RaceResult:
    """Made up: on the saddle the minima are (0, ±1) with value -0.5."""
    values = np.array([[9.5, 0.5, -0.4], [9.5, -0.49, -0.5], [9.5, -0.5, 0.5], [9.5, 9.5, 9.5], [9.5, -0.5, -0.5]])
    paths = np.zeros((5, 3, 2))
    paths[:, -1] = [[3.0, 5.0], [0.0, 1.0], [0.0, -1.5], [1.0, -1.0], [0.0, 0.0]]
    diverged = np.array([False, False, False, True, True])
    return RaceResult(paths, values, diverged, np.array([2, 2, 2, 0, 1]), np.ones((5, 2)), np.full(5, 2))


def test_every_measure_by_hand() -> None:
    rows = leaderboard(SPEC, result(), threshold=0.01 + 1e-12)
    assert [row.index for row in rows] == [1, 0, 2, 4, 3]
    assert [row.place for row in rows] == [1, 2, 3, 4, 5]
    by_index = {row.index: row for row in rows}
    assert [by_index[i].final for i in range(5)] == [-0.4, -0.5, 0.5, 9.5, -0.5]
    assert [by_index[i].best for i in range(5)] == [-0.4, -0.5, -0.5, 9.5, -0.5]
    assert [by_index[i].distance for i in range(5)] == pytest.approx([5.0, 0.0, 0.5, 1.0, 1.0])
    assert [by_index[i].steps_to for i in range(5)] == [None, 1, 1, None, 1]
    assert by_index[0].area == pytest.approx(0.5 * (1 + 0) + 0.5 * (0 - 1))  # log10 of the gaps 10, 1, 0.1
    assert by_index[1].area == pytest.approx(0.5 * (1 - 2) + 0.5 * (-2 - 16), abs=1e-9)
    assert [row.dnf for row in rows] == [False, False, False, True, True]
    assert [row.stopped for row in rows] == [2, 2, 2, 1, 0]
    assert rows[0].racer == Racer("adam")


def test_a_start_within_the_threshold_takes_no_steps() -> None:
    spec = RaceSpec("himmelblau", (Racer("sgd"),), (3.0, 2.0), 3)
    row = leaderboard(spec, race(spec))[0]
    assert (row.steps_to, row.final, row.distance, row.dnf) == (0, 0.0, 0.0, False)
    assert row.area == pytest.approx(-48.0)


def test_the_gap_of_a_surface_without_known_minima_is_to_the_lowest_value_met() -> None:
    typed = dataclasses.replace(SURFACES["saddle"], minima=())
    np.testing.assert_allclose(value_gap(result().values, typed)[0], [10.0, 1.0, 0.1])
    assert np.isnan(distance_to_goal(np.zeros((2, 2)), typed)).all()
    rows = leaderboard(dataclasses.replace(SPEC, surface=typed), result())
    assert all(math.isnan(row.distance) for row in rows)


def test_distance_is_to_the_nearest_global_minimum_only() -> None:
    """Rastrigin's local minimum next to (1, 0) is none to win by."""
    assert distance_to_goal(np.array([[1.0, 0.0]]), SURFACES["rastrigin"])[0] == pytest.approx(1.0, abs=1e-9)
    assert distance_to_goal(np.array([[3.0, 6.0]]), SURFACES["himmelblau"])[0] == pytest.approx(4.0)


def test_a_real_race_ranks_by_final_value() -> None:
    spec = RaceSpec(
        "rosenbrock", (Racer("sgd", lr=1.0), Racer("adam", lr=0.02), Racer("sgd", lr=1e-3, momentum=0.9)), steps=500
    )
    rows = leaderboard(spec, race(spec))
    assert [row.racer.name for row in rows if row.dnf] == ["sgd"]
    assert rows[-1].index == 0
    assert rows[0].final <= rows[1].final


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_must_be_positive(threshold: float) -> None:
    with pytest.raises(ExplainerError, match="must be above 0"):
        leaderboard(SPEC, result(), threshold)
