"""Snapshots as bounded messages: nothing of the metrics is lost, arrays are thinned and arrive as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core.contracts import Snapshot
from core.jobs.stream import BYTES_PER_SECOND, PAUSE, Stream, decode, encode

ARRAYS = [
    np.array(2.5),
    np.zeros((0, 3)),
    np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::2],
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([1.5, -2.5], dtype=">f4"),
    np.array([[True], [False]]),
    np.array(["conv", "größer"]),
    np.array([np.nan, np.inf, -np.inf, -0.0]),
    np.arange(4, dtype=np.uint8),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_arrive_as_they_were(array: np.ndarray) -> None:
    sent = Snapshot(3, 7, {"loss": 0.5}, {"w": array})
    received = decode(encode(sent))
    assert (received.step, received.total, received.metrics) == (3, 7, {"loss": 0.5})
    assert received.arrays["w"].dtype == array.dtype
    assert received.arrays["w"].shape == array.shape
    np.testing.assert_array_equal(received.arrays["w"], array)
    assert received.arrays["w"].tobytes() == array.tobytes()


def test_arrays_are_copied_when_they_are_sent() -> None:
    weights = np.zeros(3)
    message = encode(Snapshot(1, 1, {}, {"w": weights}))
    weights += 1
    np.testing.assert_array_equal(decode(message).arrays["w"], np.zeros(3))


def test_python_objects_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="'graph' holds Python objects"):
        encode(Snapshot(1, 1, {}, {"graph": np.array([None])}))


def test_numpy_numbers_become_plain_ones() -> None:
    _, _, metrics, _ = encode(Snapshot(1, 2, {"loss": np.float64(0.5)}))
    assert type(metrics["loss"]) is float


class Played:
    """A run of snapshots `every` seconds apart by its own clock, and the messages that came of it."""

    def __init__(self, count: int, every: float, size: int = 1, arrays_every: int = 1, stop_at: int = 10**9) -> None:
        self.now, self.sent, self.closed = 0.0, [], False
        stream = Stream(self._send, clock=lambda: self.now)
        self.own_end = stream.play(self._run(count, every, size, arrays_every), lambda: self.yielded >= stop_at)
        self.rows = [row for _, message in self.sent for row in message["rows"]]
        self.frames = [(at, decode(message["frame"])) for at, message in self.sent if message["frame"]]

    yielded = 0

    def _send(self, message: dict[str, Any]) -> None:
        self.sent.append((self.now, message))

    def _run(self, count: int, every: float, size: int, arrays_every: int) -> Iterator[Snapshot]:
        for step in range(1, count + 1):
            arrays = {"w": np.full(size, float(step))} if step % arrays_every == 0 else {}
            self.yielded = step
            yield Snapshot(step, count, {"loss": 1 / step}, arrays)
            self.now += every


def test_a_slow_run_is_told_snapshot_by_snapshot() -> None:
    played = Played(count=5, every=1.0)
    assert [len(message["rows"]) for _, message in played.sent] == [1] * 5
    assert [(at, f.step) for at, f in played.frames] == [(n - 1.0, n) for n in range(1, 6)]


def test_of_a_fast_run_all_metrics_and_some_arrays_are_sent() -> None:
    played = Played(count=10_000, every=0.0001)  # one second
    assert [row[0] for row in played.rows] == list(range(1, 10_001))
    assert played.rows[4][2] == {"loss": 0.2}
    assert 18 <= len(played.frames) <= 1 / PAUSE + 2
    assert played.frames[-1][1].step == 10_000
    assert len(played.sent) <= 1 / PAUSE + 2


def test_large_arrays_are_sent_less_often() -> None:
    size = int(BYTES_PER_SECOND / 8 / 2)  # half a second's allowance each
    played = Played(count=40, every=0.1, size=size)  # four seconds
    assert np.diff([at for at, _ in played.frames[:-1]]) == pytest.approx(0.5, abs=0.11)
    assert len(played.rows) == 40
    assert played.frames[-1][1].step == 40


def test_rare_arrays_are_not_lost_among_many_metrics() -> None:
    played = Played(count=1000, every=0.001, arrays_every=100)
    assert [f.step for _, f in played.frames] == list(range(100, 1001, 100))


def test_a_stopped_run_says_all_it_has_computed() -> None:
    played = Played(count=100, every=0.001, stop_at=7)
    assert not played.own_end
    assert len(played.rows) == 7
    assert played.frames[-1][1].step == 7
    assert Played(count=3, every=0.001).own_end


def test_metrics_that_wait_are_sent_while_the_run_thinks() -> None:
    now, sent = [0.0], []
    stream = Stream(sent.append, clock=lambda: now[0])

    def burst() -> Iterator[Snapshot]:
        yield Snapshot(1, 3)
        yield Snapshot(2, 3)  # too soon after the first
        stream.tick()
        assert [m["rows"][0][0] for m in sent] == [1]
        now[0] += PAUSE
        stream.tick()
        assert [m["rows"][0][0] for m in sent] == [1, 2]
        stream.tick()
        yield Snapshot(3, 3)

    assert stream.play(burst(), lambda: False)
    assert [m["rows"][0][0] for m in sent] == [1, 2, 3]


def test_a_run_without_snapshots_says_nothing() -> None:
    played = Played(count=0, every=0.0)
    assert played.own_end
    assert played.sent == []
