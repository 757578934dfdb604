"""What the job runner costs: `python -m bench.jobs` prints each figure as median (lowest to highest of the repeats).

The rival of the streamed run is the same generator run bare in the same worker process (nice 10, one thread), in turn
with it. The ratio is that of processor time, all threads of the worker counted, for others may use the machine too; the
ratio of times on the clock stands beside it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core import jobs
from core.contracts import Snapshot

REPEATS = 7


@dataclass(frozen=True)
class Work:
    """`total` steps, each of `products` products of two 64 x 64 matrices; every step is a snapshot."""

    total: int
    products: int


def train(spec: Work) -> Iterator[Snapshot]:
    """Steps of known work, with two metrics and 36 kB of arrays."""
    W, b = np.eye(64) * 0.99, np.zeros((8, 64))
    for step in range(1, spec.total + 1):
        for _ in range(spec.products):
            W = W @ W.T
        yield Snapshot(step, spec.total, {"loss": float(W[0, 0]), "norm": 1.0}, {"W": W, "b": b})


def seconds(do: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def until(happened: Callable[[], bool]) -> None:
    """Look every half millisecond."""
    while not happened():
        time.sleep(0.0005)


def submitted(spec: Work, generator: str = "train", owner: str = "bench") -> str:
    """A job of this module under its own name: what is called `__main__` the workers cannot import."""
    from bench import jobs as here

    return jobs.submit(getattr(here, generator), here.Work(spec.total, spec.products), owner=owner, explainer="bench")


def run(spec: Work, generator: str = "train") -> dict[str, float]:
    """Submit, wait for the end, and give the last metrics."""
    job = submitted(spec, generator)
    until(lambda: jobs.view(job).state not in ("queued", "running"))
    assert jobs.view(job).state == "done", jobs.view(job).error
    return {name: values[-1] for name, values in jobs.view(job).metrics.items() if name in ("processor", "clock")}


def start_up() -> float:
    """From nothing to the end of a first, empty job."""
    jobs.stop()
    return seconds(lambda: run(Work(0, 0)))


def first_snapshot() -> float:
    """From submit to the first snapshot."""

    def first() -> None:
        job = submitted(Work(1, 1))
        until(lambda: jobs.view(job).step == 1)

    return seconds(first)


def stop() -> float:
    """From cancel until the worker has taken the next job; all workers are busy before."""
    long = Work(10**6, 100)
    running = [submitted(long, owner=f"owner {n}") for n in range(os.cpu_count() or 1)]
    until(lambda: all(jobs.view(job).step > 0 for job in running))
    waiting = submitted(long, owner="next")
    jobs.cancel(running[0])
    taken = seconds(lambda: until(lambda: jobs.view(waiting).state == "running"))
    for job in (*running, waiting):
        jobs.cancel(job)
    return taken


def streamed(spec: Work) -> Iterator[Snapshot]:
    """`train`, and at the end what it took."""
    begun = clocks()
    yield from train(spec)
    yield Snapshot(spec.total, spec.total, passed(begun))


def bare(spec: Work) -> Iterator[Snapshot]:
    """`train` run to its end with nobody listening, and what it took."""
    begun = clocks()
    for _ in train(spec):
        pass
    yield Snapshot(spec.total, spec.total, passed(begun))


def clocks() -> tuple[float, float]:
    """Processor time of this process, and time on the clock."""
    return time.process_time(), time.perf_counter()


def passed(begun: tuple[float, float]) -> dict[str, float]:
    """What both clocks say since then."""
    return dict(zip(("processor", "clock"), np.subtract(clocks(), begun).tolist(), strict=True))


def ratios(spec: Work) -> dict[str, float]:
    """Time of the bare run divided by that of the streamed one, by both clocks."""
    slow, fast = run(spec, "streamed"), run(spec, "bare")
    return {clock: fast[clock] / slow[clock] for clock in fast}


def told(name: str, values: list[float], unit: str = "s") -> None:
    """One line of the report."""
    print(f"{name:<58} {statistics.median(values):8.3f} ({min(values):.3f} to {max(values):.3f}) {unit}")


def main() -> None:
    """Print the report."""
    told("pool: start to the end of a first, empty job", [start_up() for _ in range(3)])
    print("workers warm up for 20 s")
    time.sleep(20)
    told("job: submit to first snapshot", [first_snapshot() for _ in range(REPEATS)])
    told("job: submit to done, no snapshot", [seconds(lambda: run(Work(0, 0))) for _ in range(REPEATS)])
    told("stop: cancel to the next job on that worker", [stop() for _ in range(REPEATS)])
    for spec in (Work(20_000, 1), Work(4000, 20), Work(400, 400)):
        pairs = [ratios(spec) for _ in range(REPEATS)]
        for clock in ("processor", "clock"):
            told(f"bare / streamed, {spec.products} products a step, by {clock}", [pair[clock] for pair in pairs], "")
    jobs.stop()


if __name__ == "__main__":
    main()
