"""Training outside the web server: submit a generator of Snapshots, look at what it has said so far, stop it.

    job = jobs.submit(train, spec, owner=session, explainer="lstm_gates")    # train(spec) -> Iterator[Snapshot]
    jobs.view(job).state, jobs.view(job).metrics["loss"], jobs.view(job).newest.arrays["W"]

`train` is a module-level function of a module that the workers can import. Its arrays are copied when they are sent;
those of the last snapshot when it ends, so do not change them in place after the last yield.

Way of a snapshot: train -> Stream (worker: thins, copies) -> Dask's event log -> Runner (server's background thread)
-> Recording -> JobView. Importing this package imports neither Dask nor torch.
"""

from __future__ import annotations

import atexit
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

from core.contracts import Snapshot
from core.jobs.board import Board, JobView
from core.jobs.runner import Runner

__all__ = ["JobView", "cancel", "forget", "start", "stop", "submit", "view"]

_board = Board()
_runner: Runner | None = None
_lock = threading.Lock()


def start() -> None:
    """Start the pool in the background, so that the first visitor does not wait for it; once is enough.

    Raises:
        ValueError: GLASSNET_SCHEDULER names an existing cluster, but not by tls:// or without its TLS files.
    """
    _started()


def stop() -> None:
    """Stop all jobs, the pool and its processes. Jobs submitted later start it anew."""
    global _runner
    with _lock:
        runner, _runner = _runner, None
    if runner is not None:
        _board.stop_all()
        runner.stop()


def submit(train: Callable[[Any], Iterator[Snapshot]], spec: Any, *, owner: str, explainer: str) -> str:
    """Queue `train(spec)` and return the job's id. An older job of the same owner and explainer is stopped."""
    payload = pickle.dumps((train, spec))
    runner = _started()
    job = _board.add(owner, explainer, payload)
    runner.wake()
    return job


def view(job_id: str) -> JobView:
    """The job as it stands; asks nobody, so it is quick. A job no longer kept reads as stopped, with the reason."""
    return _board.view(job_id)


def cancel(job_id: str) -> None:
    """Stop a waiting or running job; nothing happens to one that has ended."""
    _board.stop(job_id)
    _wake()


def forget(owner: str) -> None:
    """Stop this owner's jobs and drop what they have said (the end of a session)."""
    _board.forget(owner)
    _wake()


def _started() -> Runner:
    global _runner
    with _lock:
        if _runner is None:
            _runner = Runner(_board)
            _runner.start()
        return _runner


def _wake() -> None:
    if (runner := _runner) is not None:
        runner.wake()


atexit.register(stop)
