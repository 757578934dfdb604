"""What one run has said so far: the metrics of every snapshot, the newest arrays and a film of at most 60 frames.

Film: frames arrive as 0, 1, 2, ... and those at multiples of the stride are kept. When there are too many (or they
hold too many bytes), every second one goes and the stride doubles, so the kept ones always lie evenly over the run.

Time left, with t the time of arrival: (t_last - t_first) / (step_last - step_first) * (total - step_last).
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterable, Mapping

import numpy as np

from core.contracts import Snapshot

FILM = 60  # frames, the newest one included
FILM_BYTES = 8 * 2**20


def nbytes(frame: Snapshot) -> int:
    """Bytes in a snapshot's arrays."""
    return sum(values.nbytes for values in frame.arrays.values())


class Recording:
    """Grows while a run speaks; not thread-safe by itself."""

    def __init__(self) -> None:
        self.step = self.total = 0
        self._steps = array("q")
        self._columns: dict[str, array[float]] = {}  # a column holds NaN where a snapshot lacked the metric
        self._last: Snapshot | None = None
        self._frame: Snapshot | None = None
        self._frames: list[Snapshot] = []
        self._stride, self._arrivals = 1, 0
        self._first: tuple[float, int] | None = None
        self._latest: tuple[float, int] | None = None

    def add(self, snapshots: Iterable[Snapshot], now: float | None = None) -> None:
        """Note the step and the metrics of each snapshot; arrays come by `add_frame`."""
        now = time.monotonic() if now is None else now
        for snapshot in snapshots:
            self._add_metrics(snapshot.metrics)
            self._steps.append(snapshot.step)
            self.step, self.total, self._last = snapshot.step, snapshot.total, snapshot
            self._latest = (now, snapshot.step)
            self._first = self._first or self._latest

    def _add_metrics(self, metrics: Mapping[str, float]) -> None:
        for name in metrics.keys() - self._columns.keys():
            self._columns[name] = array("d", [math.nan]) * len(self._steps)
        for name, column in self._columns.items():
            column.append(metrics.get(name, math.nan))

    def add_frame(self, frame: Snapshot) -> None:
        """Note a snapshot that came with its arrays."""
        self._frame = frame
        if self._arrivals % self._stride == 0:
            self._frames.append(frame)
        self._arrivals += 1
        while len(self._frames) >= FILM or (len(self._frames) > 1 and sum(map(nbytes, self._frames)) > FILM_BYTES):
            self._frames = self._frames[::2]
            self._stride *= 2

    def metrics(self) -> dict[str, np.ndarray]:
        """Name -> values (snapshots,); "step" holds the step that each belongs to."""
        return {"step": np.array(self._steps), **{name: np.array(column) for name, column in self._columns.items()}}

    def newest(self) -> Snapshot | None:
        """The newest snapshot with arrays; for a run that has sent none, the newest of all."""
        return self._frame or self._last

    def film(self) -> tuple[Snapshot, ...]:
        """The kept frames in order, the newest one last."""
        if self._frame is None or self._frames[-1] is self._frame:
            return tuple(self._frames)
        return (*self._frames, self._frame)

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate at the pace so far; None until two different steps have arrived."""
        if self._first is None or self._latest is None or self._latest[1] == self._first[1]:
            return None
        now = time.monotonic() if now is None else now
        pace = (self._latest[0] - self._first[0]) / (self._latest[1] - self._first[1])
        return max(0.0, pace * (self.total - self.step) - (now - self._latest[0]))
