"""The server's background thread: hands jobs to the cluster, hears what they say, halts those that nobody wants.

All of it runs on one event loop. `wake()` may be called from any thread; it makes the loop compare the board with the
cluster: halt what is unwanted, give up what was on a worker that has died, start what may start.

Each job is pinned to a worker that has no other. Left to itself, Dask would put the job of a worker that died behind the
one on a busy worker, and judge by the length of earlier jobs whether to move it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
import uuid
from typing import TYPE_CHECKING, Any

from core.contracts import Snapshot
from core.jobs.board import Board, Job
from core.jobs.pool import connected, existing_place
from core.jobs.stream import decode

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger("glassnet")

LOOK = 1.0  # seconds between two looks at the cluster
MOMENT = 0.1  # seconds that the word of a death by memory may come after the death
GRACE = 10.0  # seconds that a halted job has before its worker process is replaced
REPLACE = 3.0  # seconds for a polite end of that process, and again for a new one
RETRY = 15.0  # seconds before a cluster that failed is tried again

NO_WORKERS = "The workers that compute this could not be reached. Try again in a minute."


class Runner:
    """Plays the board's jobs on the cluster that the environment names, from `start` to `stop`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._existing = existing_place(os.environ)
        self._topic = f"glassnet-{uuid.uuid4().hex}"
        self._plays: dict[str, asyncio.Task[None]] = {}  # all three by attempt
        self._futures: dict[str, Future] = {}
        self._halts: dict[str, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._woken, self._stopping = asyncio.Event(), False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Return at once; the cluster starts in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Close the cluster and wait until it is closed."""
        self._stopping = True
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """The board has changed."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to be done
            self._loop.call_soon_threadsafe(self._woken.set)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        while not self._stopping:
            try:
                async with connected(self._existing) as client:
                    await self._serve(client)
            except Exception:
                log.exception("the workers cannot be reached; next try in %g s", RETRY)
                self._board.fail_waiting(NO_WORKERS)
                await self._sleep(RETRY)

    async def _serve(self, client: Client) -> None:
        from core.jobs.worker import WarmUp

        client.subscribe_topic(self._topic, self._hear)
        client.subscribe_topic("worker-restart-memory", lambda event: self._board.outgrew(event[1]["worker"]))
        await client.register_plugin(WarmUp())
        try:
            while not self._stopping:
                if client.status != "running":
                    log.error("the connection to the workers is lost")
                    return
                await self._reconcile(client)
                await self._sleep(LOOK)
        finally:
            await self._leave()

    async def _sleep(self, seconds: float) -> None:
        """Until `wake()`, or so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    async def _leave(self) -> None:
        tasks = [*self._plays.values(), *self._halts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _reconcile(self, client: Client) -> None:
        tasks = await client.processing()  # of each worker, those of other servers too
        workers = sorted(tasks, key=lambda worker: len(tasks[worker]))
        for job in self._board.on_workers():
            if job.worker not in workers:
                await self._futures[job.run].cancel()
            elif job.begun and not job.live and job.run not in self._halts:
                self._halts[job.run] = asyncio.create_task(self._halt(client, job))
        while job := self._board.take(workers):
            self._plays[job.run] = asyncio.create_task(self._play(client, job))

    async def _play(self, client: Client, job: Job) -> None:
        """From a free worker to a free worker."""
        from core.jobs.worker import run

        attempt = job.run
        try:
            future = client.submit(
                run, job.payload, attempt, self._topic, key=attempt, workers=[job.worker], pure=False
            )
            self._futures[attempt] = future
            await self._settle(job, await future.exception())
            if halt := self._halts.get(attempt):
                await halt  # its worker may be on its way out
        finally:
            self._board.release(job)
            del self._plays[attempt], self._futures[attempt]
            self.wake()

    async def _settle(self, job: Job, problem: BaseException | None) -> None:
        from distributed import CancelledError, KilledWorker

        if isinstance(problem, (KilledWorker, CancelledError)):
            await asyncio.sleep(MOMENT)
        elif problem is not None:
            self._board.end(job.run, "failed", _calmly(job.run, repr(problem)))

    async def _halt(self, client: Client, job: Job) -> None:
        """Ask the attempt to leave; one that does not (a step that takes too long) loses its worker process."""
        from core.jobs.worker import halt

        attempt, worker, future = job.run, job.worker, self._futures[job.run]
        try:
            await client.run(halt, attempt, workers=[worker], on_error="ignore")
            await asyncio.wait_for(future.exception(), GRACE)
        except TimeoutError:
            log.warning("job %s did not leave within %g s; its worker is replaced", attempt, GRACE)
            await future.cancel()  # or it would run again
            await client.restart_workers([worker], timeout=REPLACE, raise_for_error=False)
        finally:
            del self._halts[attempt]

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        _, message = event
        run = message["run"]
        if message["kind"] == "snapshots":
            frame = message["frame"] and decode(message["frame"])
            self._board.hear(run, [Snapshot(*row) for row in message["rows"]], frame)
        elif message["kind"] == "begin":
            self._board.begin(run, message["memory_limit"])
            self.wake()  # it may have been stopped in the meantime
        else:
            error = _calmly(run, message["trace"]) if "trace" in message else message.get("error", "")
            self._board.end(run, message["state"], error)


def _calmly(run: str, trace: str) -> str:
    """Log what went wrong and give the sentence that a visitor reads."""
    number = secrets.token_hex(3)
    log.error("job %s failed, id %s\n%s", run, number, trace)
    return f"Something broke while this was computed (id {number}). Try other settings, or start it again."
