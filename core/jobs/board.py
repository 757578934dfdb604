"""The jobs that the server knows: whose turn it is, what each has said, and how it looks from outside.

Fair order of the waiting jobs: by round, then by the owner served longest ago, then by time of submission,

    round = number of the owner's jobs on a worker now + place among the owner's own waiting jobs

so an owner with 20 waiting jobs delays an owner with one by a single job.

Everything here is safe to call from many threads. Nothing here knows Dask.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.contracts import Snapshot
from core.jobs.recording import Recording

State = Literal["queued", "running", "done", "stopped", "failed"]

KEPT_PER_OWNER = 8  # ended jobs
KEPT = 200  # ended jobs of all owners
ATTEMPTS = 2

GONE = "This run is no longer kept; start it again."
DIED = (
    f"The process that computed this run ended without a word {ATTEMPTS} times, so the run was given up. "
    "Start it again; if it ends again, try smaller settings."
)


@dataclass(frozen=True, eq=False)
class JobView:
    """A job at one moment. `position` counts the jobs that start before a queued one (0: it is next), else None.

    `metrics` maps each metric's name, and "step", to its values at every snapshot so far, shape (snapshots,), NaN
    where a snapshot lacked it. `newest` is the newest snapshot with arrays; `film` has at most 60, evenly thinned.
    A job whose worker died is queued once more and then shows the second attempt alone. A snapshot's arrays are read-only.
    """

    state: State
    position: int | None = None
    metrics: Mapping[str, np.ndarray] = field(default_factory=dict)
    newest: Snapshot | None = None
    film: tuple[Snapshot, ...] = ()
    step: int = 0
    total: int = 0
    seconds_left: float | None = None
    error: str = ""
    attempts: int = 0


@dataclass(eq=False)
class Job:
    """A job on the board; `payload` is the pickled (train, spec). `run` names the attempt that may speak.

    It belongs to `worker` (an address) from `take` to `release`; there it has `begun` once it has said so.
    """

    id: str
    owner: str
    explainer: str
    payload: bytes
    state: State = "queued"
    error: str = ""
    attempts: int = 0
    run: str = ""
    worker: str = ""
    begun: bool = False
    memory_limit: int = 0
    outgrew: bool = False
    recording: Recording = field(default_factory=Recording)

    @property
    def live(self) -> bool:
        return self.state in ("queued", "running")

    def end(self, state: State, error: str = "") -> None:
        """The first end counts: what is said after a stop is not heard."""
        if self.live:
            self.state, self.error = state, error


def fair_order(waiting: Iterable[Job], on_workers: Iterable[Job], turns: Mapping[str, int]) -> list[Job]:
    """`waiting` (in order of submission) in the order in which they will start; `turns`: owner -> its last turn."""
    rounds = Counter(job.owner for job in on_workers)
    keys = {}
    for number, job in enumerate(waiting):
        keys[job] = (rounds[job.owner], turns.get(job.owner, -1), number)
        rounds[job.owner] += 1
    return sorted(keys, key=keys.__getitem__)


class Board:
    """All jobs, by id, in order of submission."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._on_workers: dict[str, Job] = {}  # by attempt; also the stopped and forgotten, until their work has ended
        self._turns: dict[str, int] = {}
        self._turn = 0

    def add(self, owner: str, explainer: str, payload: bytes) -> str:
        """Queue a new job and stop older ones of the same owner and explainer."""
        job = Job(uuid.uuid4().hex, owner, explainer, payload)
        with self._lock:
            for older in self._jobs.values():
                if (older.owner, older.explainer) == (owner, explainer):
                    older.end("stopped")
            self._jobs[job.id] = job
            self._drop_old(owner)
        return job.id

    def _drop_old(self, owner: str) -> None:
        ended = [job for job in self._jobs.values() if not job.live]
        own = [job for job in ended if job.owner == owner]
        for job in {*own[: max(0, len(own) - KEPT_PER_OWNER)], *ended[: max(0, len(ended) - KEPT)]}:
            del self._jobs[job.id]
        owners = {job.owner for job in self._jobs.values()}
        self._turns = {owner: turn for owner, turn in self._turns.items() if owner in owners}

    def take(self, workers: Collection[str]) -> Job | None:
        """Give the next job to one of `workers` that has none; None if nobody waits or no worker is free."""
        with self._lock:
            order, busy = self._order(), {job.worker for job in self._on_workers.values()}
            free = [worker for worker in workers if worker not in busy]
            if not order or not free:
                return None
            job = order[0]
            job.state, job.worker, job.attempts = "running", free[0], job.attempts + 1
            job.run = f"{job.id}-{job.attempts}"
            self._on_workers[job.run] = job
            self._turn += 1
            self._turns[job.owner] = self._turn
            return job

    def _order(self) -> list[Job]:
        waiting = [job for job in self._jobs.values() if job.state == "queued"]
        return fair_order(waiting, self._on_workers.values(), self._turns)

    def begin(self, run: str, memory_limit: int) -> None:
        """The attempt begins. A second time: the cluster tries again by itself, on a new worker at the old address."""
        with self._lock:
            if (job := self._on_workers.get(run)) is None:
                return
            if job.begun and job.attempts == ATTEMPTS:
                job.end("failed", self._why(job))
            job.attempts, job.begun = min(job.attempts + job.begun, ATTEMPTS), True
            job.memory_limit = memory_limit
            if job.live:
                job.recording = Recording()

    def hear(self, run: str, snapshots: Iterable[Snapshot], frame: Snapshot | None) -> None:
        """Note what an attempt says; an earlier attempt, and a job that has ended, are not heard."""
        with self._lock:
            if (job := self._on_workers.get(run)) is None or not job.live:
                return
            job.recording.add(snapshots)
            if frame is not None:
                job.recording.add_frame(frame)

    def end(self, run: str, state: State, error: str = "") -> None:
        """The attempt has come to its end."""
        with self._lock:
            if run in self._on_workers:
                self._on_workers[run].end(state, error)

    def outgrew(self, worker: str) -> None:
        """The job on `worker` went over its memory limit; its worker is being stopped."""
        with self._lock:
            for job in self._on_workers.values():
                job.outgrew |= job.worker == worker

    def release(self, job: Job) -> None:
        """The attempt is over and its worker free. If it did not come to an end, the worker died: once more, or failed."""
        with self._lock:
            del self._on_workers[job.run]
            job.worker, job.begun = "", False
            if job.live and job.attempts < ATTEMPTS:
                job.state, job.recording = "queued", Recording()
            else:
                job.end("failed", self._why(job))
                job.payload = b""

    @staticmethod
    def _why(job: Job) -> str:
        return too_large(job.memory_limit) if job.outgrew else DIED

    def on_workers(self) -> list[Job]:
        """Jobs that occupy a worker."""
        with self._lock:
            return [*self._on_workers.values()]

    def stop(self, job_id: str) -> None:
        """Stop a waiting or running job."""
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id].end("stopped")

    def stop_all(self) -> None:
        """Stop every job."""
        with self._lock:
            for job in self._jobs.values():
                job.end("stopped")

    def fail_waiting(self, error: str) -> None:
        """No worker can be had: the jobs in the queue fail."""
        with self._lock:
            for job in self._jobs.values():
                if job.state == "queued":
                    job.end("failed", error)

    def forget(self, owner: str) -> None:
        """Stop and drop all jobs of an owner."""
        with self._lock:
            for job in [job for job in self._jobs.values() if job.owner == owner]:
                job.end("stopped")
                del self._jobs[job.id]

    def view(self, job_id: str) -> JobView:
        """The job as it stands."""
        with self._lock:
            if (job := self._jobs.get(job_id)) is None:
                return JobView("stopped", error=GONE)
            said = job.recording
            return JobView(
                state=job.state,
                position=self._order().index(job) if job.state == "queued" else None,
                metrics=said.metrics(),
                newest=said.newest(),
                film=said.film(),
                step=said.step,
                total=said.total,
                seconds_left=said.seconds_left() if job.state == "running" else None,
                error=job.error,
                attempts=job.attempts,
            )


def too_large(memory_limit: int) -> str:
    """What a visitor reads when a job was stopped at its memory limit (bytes)."""
    return (
        f"This run needed more than the {memory_limit / 2**20:,.0f} MiB of memory that a job may use. "
        "Make it smaller: a smaller model, batch or picture."
    )
