"""What a run has said: every metric, an even film, a fair guess of the time left."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.contracts import Snapshot
from core.jobs.recording import FILM, FILM_BYTES, Recording, nbytes


def frame(step: int, size: int = 1) -> Snapshot:
    return Snapshot(step, 1000, {}, {"w": np.full(size, float(step))})


def test_every_metric_is_kept_with_gaps_as_nan() -> None:
    said = Recording()
    said.add([Snapshot(1, 3, {"loss": 2.0}), Snapshot(2, 3, {"loss": 1.5, "accuracy": 0.5})])
    said.add([Snapshot(3, 3, {"accuracy": 0.75})])
    columns = said.metrics()
    np.testing.assert_array_equal(columns["step"], [1, 2, 3])
    np.testing.assert_array_equal(columns["loss"], [2.0, 1.5, math.nan])
    np.testing.assert_array_equal(columns["accuracy"], [math.nan, 0.5, 0.75])
    assert (said.step, said.total) == (3, 3)


@pytest.mark.parametrize("count", [0, 1, 2, FILM - 1, FILM, FILM + 1, 777])
def test_the_film_is_even_and_ends_with_the_newest(count: int) -> None:
    said = Recording()
    for step in range(count):
        said.add_frame(frame(step))
    steps = [f.step for f in said.film()]
    assert len(steps) <= FILM
    assert len(steps) >= min(count, FILM // 2)
    assert len(set(np.diff(steps[:-1]).tolist())) <= 1
    assert steps[:1] + steps[-1:] == ([0, count - 1] if count else [])


def test_a_film_of_large_frames_is_shorter() -> None:
    said = Recording()
    for step in range(200):
        said.add_frame(frame(step, FILM_BYTES // 8 // 4))  # a quarter of the allowance each
    assert sum(map(nbytes, said.film()[:-1])) <= FILM_BYTES
    assert said.film()[-1].step == 199


def test_newest_is_the_newest_with_arrays() -> None:
    said = Recording()
    assert said.newest() is None
    said.add([Snapshot(1, 9, {"loss": 1.0})])
    assert said.newest().step == 1
    said.add_frame(frame(1))
    said.add([Snapshot(2, 9, {"loss": 0.5})])
    assert said.newest().arrays["w"] == 1.0


def test_time_left_is_the_pace_so_far_times_the_steps_left() -> None:
    said = Recording()
    assert said.seconds_left(now=0.0) is None
    said.add([Snapshot(10, 100)], now=5.0)
    assert said.seconds_left(now=5.0) is None
    said.add([Snapshot(30, 100)], now=15.0)  # 20 steps in 10 s; 70 steps left
    assert said.seconds_left(now=15.0) == pytest.approx(35.0)
    assert said.seconds_left(now=17.0) == pytest.approx(33.0)
    assert said.seconds_left(now=99.0) == 0.0
