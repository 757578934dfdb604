"""What happens inside a worker process: one job at a time, told snapshot by snapshot; and imports ahead of the first job.

Importable without torch: the scheduler reads this module too.
"""

from __future__ import annotations

import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from core.errors import ExplainerError
from core.jobs.board import too_large
from core.jobs.stream import PAUSE, Stream

NICE = 10

_halts: dict[str, threading.Event] = {}  # attempt -> set when it should leave; it is listed while it runs
_idle = threading.Event()
_idle.set()


def run(payload: bytes, attempt: str, topic: str) -> None:
    """Run the pickled (train, spec) and say under `topic` how the attempt begins, goes on and ends."""
    worker, halted = get_worker(), threading.Event()
    say = partial(_say, worker, topic, attempt)
    _halts[attempt] = halted
    _idle.clear()

    def stopped() -> bool:
        return halted.is_set() or _abandoned(worker, attempt)

    say("begin", memory_limit=_memory_limit(worker))
    try:
        say("end", **_played(payload, partial(say, "snapshots"), stopped, worker))
    finally:
        del _halts[attempt]
        if not _halts:
            _idle.set()


def halt(attempt: str) -> None:
    """Ask the attempt to leave before its next snapshot, if it runs here."""
    if attempt in _halts:
        _halts[attempt].set()


def _played(payload: bytes, send: Callable[..., None], stopped: Callable[[], bool], worker: Worker) -> dict[str, str]:
    try:
        train, spec = pickle.loads(payload)
        stream = Stream(lambda message: send(**message))
        with closing(train(spec)) as snapshots, _ticking(stream):
            own_end = stream.play(snapshots, stopped)
        return {"state": "done" if own_end else "stopped"}
    except ExplainerError as problem:
        return {"state": "failed", "error": str(problem)}
    except MemoryError:
        return {"state": "failed", "error": too_large(_memory_limit(worker))}
    except Exception:
        return {"state": "failed", "trace": traceback.format_exc()}


@contextmanager
def _ticking(stream: Stream) -> Iterator[None]:
    done = threading.Event()

    def tick() -> None:
        while not done.wait(PAUSE):
            stream.tick()

    thread = threading.Thread(target=tick, name="ticks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _say(worker: Worker, topic: str, attempt: str, kind: str, /, **content: Any) -> None:
    worker.log_event(topic, {"run": attempt, "kind": kind, **content})


def _abandoned(worker: Worker, attempt: str) -> bool:
    """Whether nobody waits for it any more: the scheduler cancels the tasks of a server that has gone."""
    task = worker.state.tasks.get(attempt)
    return task is not None and task.state == "cancelled"


def _memory_limit(worker: Worker) -> int:
    return worker.memory_manager.memory_limit or 0


class WarmUp(WorkerPlugin):
    """Gives way to the web server (nice 10) and imports torch while nothing else is to be done."""

    name = "glassnet-warm-up"

    def setup(self, worker: Worker) -> None:
        _give_way()
        threading.Thread(target=_import_ahead, name="warm-up", daemon=True).start()


def _give_way() -> None:
    """Priority belongs to a thread on Linux; the threads that run jobs are made by this one and inherit it."""
    if os.getpriority(os.PRIO_PROCESS, 0) < NICE:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def _import_ahead() -> None:
    _idle.wait()
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)
        _idle.wait()
        torch.optim.SGD([torch.zeros(1, requires_grad=True)])  # the first optimizer imports torch._dynamo: seconds
