"""One local pool of two workers for all tests of the jobs, and what it takes to wait for a job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import jobs
from tests.core.jobs.trainers import Walk, silent, walk


@pytest.fixture(scope="session")
def local_settings() -> Iterator[None]:
    """Two small workers, and none left at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSNET_JOB_WORKERS", "2")
        patch.setenv("GLASSNET_JOB_MEMORY", "900MiB")
        yield
        jobs.stop()


@pytest.fixture
def pool(local_settings: None) -> Iterator[None]:
    """The local pool with a free worker."""
    jobs.start()
    ended(jobs.submit(silent, Walk(), owner="fixture", explainer="fixture"), 60)
    yield
    for owner in ("ada", "bob", "cy", "fixture"):
        jobs.forget(owner)


def until(happened: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait for it; the seconds it took."""
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.002)
    return time.monotonic() - begun


def ended(job: str, seconds: float = 30.0) -> jobs.JobView:
    """The job once it has come to its end."""
    until(lambda: jobs.view(job).state not in ("queued", "running"), seconds)
    return jobs.view(job)


def lines(folder: Path, name: str) -> list[str]:
    """The notes that a trainer has left so far."""
    return (folder / name).read_text().splitlines() if (folder / name).exists() else []


def seconds_to_stop(folder: Path) -> float:
    """From the call of `cancel` to the end of the generator."""
    before = len(lines(folder, "left"))
    job = jobs.submit(walk, Walk(total=10_000, pause=0.01, folder=str(folder)), owner="ada", explainer="walk")
    until(lambda: jobs.view(job).step > 5)
    called = time.time()
    jobs.cancel(job)
    heard = jobs.view(job)
    assert heard.state == "stopped"
    until(lambda: len(lines(folder, "left")) > before)
    assert (jobs.view(job).state, jobs.view(job).step) == ("stopped", heard.step)
    return float(lines(folder, "left")[-1]) - called
