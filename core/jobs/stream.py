"""From a generator of Snapshots to a bounded stream of messages, and back.

The metrics of every snapshot are sent, in batches 0.05 s apart. Arrays are sent as raw bytes and thinned: one snapshot
every 0.05 s at most, and after a large one a pause of (its bytes) / BYTES_PER_SECOND; the last one always. A slow run is
told snapshot by snapshot; `tick`, called from another thread, sends the metrics that wait while a run thinks.

    message = {"rows": [row, ...], "frame": None or (*row, {name: (dtype, shape, bytes)})}
    row = (step, total, {name: value})
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core.contracts import Snapshot

PAUSE = 0.05  # seconds
BYTES_PER_SECOND = 16e6


def encode(snapshot: Snapshot) -> tuple[Any, ...]:
    """A snapshot as plain numbers, text and bytes; its arrays are copied."""
    return (*_row(snapshot), {name: _bytes(name, values) for name, values in snapshot.arrays.items()})


def decode(frame: tuple[Any, ...]) -> Snapshot:
    """The snapshot that `encode` was given; its arrays are read-only."""
    *row, arrays = frame
    return Snapshot(*row, {name: np.frombuffer(b, dtype).reshape(shape) for name, (dtype, shape, b) in arrays.items()})


def _row(snapshot: Snapshot) -> tuple[int, int, dict[str, float]]:
    return int(snapshot.step), int(snapshot.total), {name: float(v) for name, v in snapshot.metrics.items()}


def _bytes(name: str, values: Any) -> tuple[str, tuple[int, ...], bytes]:
    values = np.asarray(values)
    if values.dtype.hasobject:
        raise TypeError(f"array {name!r} holds Python objects; a snapshot carries numbers and text only")
    return values.dtype.str, values.shape, values.tobytes()


class Stream:
    """Sends what a run says by `send(message)`."""

    def __init__(self, send: Callable[[dict[str, Any]], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock, self._lock = send, clock, threading.Lock()
        self._rows: list[tuple[int, int, dict[str, float]]] = []
        self._frame: tuple[Any, ...] | None = None
        self._unsent: Snapshot | None = None  # the newest snapshot whose arrays were thinned away
        self._next_batch = self._next_frame = clock()

    def play(self, snapshots: Iterator[Snapshot], stopped: Callable[[], bool]) -> bool:
        """Send all snapshots; True if the run came to its own end, False if `stopped()` said to leave."""
        while not stopped():
            snapshot = next(snapshots, None)
            if snapshot is None:
                self._finish()
                return True
            self._take(snapshot)
        self._finish()
        return False

    def tick(self) -> None:
        """Send what waits, if its time has come."""
        with self._lock:
            now = self._clock()
            if self._rows and now >= self._next_batch:
                self._flush(now)

    def _take(self, snapshot: Snapshot) -> None:
        with self._lock:
            now = self._clock()
            self._rows.append(_row(snapshot))
            if snapshot.arrays:
                self._unsent = snapshot
                if now >= self._next_frame:
                    self._copy_frame(now)
            if self._frame or now >= self._next_batch:
                self._flush(now)

    def _copy_frame(self, now: float) -> None:
        self._frame, self._unsent = encode(self._unsent), None
        size = sum(len(raw) for _, _, raw in self._frame[-1].values())
        self._next_frame = now + max(PAUSE, size / BYTES_PER_SECOND)

    def _flush(self, now: float) -> None:
        self._send({"rows": self._rows, "frame": self._frame})
        self._rows, self._frame = [], None
        self._next_batch = now + PAUSE

    def _finish(self) -> None:
        with self._lock:
            now = self._clock()
            if self._unsent is not None:
                self._copy_frame(now)
            if self._rows or self._frame:
                self._flush(now)
