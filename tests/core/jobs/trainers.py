"""Generators that the tests' jobs run: small, and each with one habit."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.rng import numpy_generator


@dataclass(frozen=True)
class Walk:
    """`total` snapshots, `pause` seconds apart; `folder` is where the process leaves notes."""

    total: int = 20
    pause: float = 0.0
    seed: int = 0
    folder: str = ""


def walk(spec: Walk) -> Iterator[Snapshot]:
    """A random walk; notes its process and seed at the start, and the time when it is left."""
    note(spec, "starts", f"{os.getpid()} {spec.seed}")
    draw, position = numpy_generator(spec.seed, "walk"), np.zeros((2, 3))
    try:
        for step in range(1, spec.total + 1):
            position = position + draw.normal(size=(2, 3))
            yield Snapshot(step, spec.total, {"norm": float(np.linalg.norm(position))}, {"position": position})
            time.sleep(spec.pause)
    finally:
        note(spec, "left", str(time.time()))


def deadly_once(spec: Walk) -> Iterator[Snapshot]:
    """Kills its own process in the middle of the first attempt."""
    first = not (Path(spec.folder) / "starts").exists()
    for snapshot in walk(spec):
        yield snapshot
        if first and snapshot.step == spec.total // 2:
            time.sleep(0.2)  # what was said is on its way
            os.kill(os.getpid(), signal.SIGKILL)


def deadly(spec: Walk) -> Iterator[Snapshot]:
    """Kills its own process at every attempt."""
    yield Snapshot(1, 2)
    os.kill(os.getpid(), signal.SIGKILL)


def hoarder(spec: Walk) -> Iterator[Snapshot]:
    """Takes ever more memory."""
    hoard = []
    for step in range(1, spec.total + 1):
        hoard.append(np.ones(4 * 2**20))  # 32 MiB
        time.sleep(0.02)
        yield Snapshot(step, spec.total, {"MiB": 32.0 * step})


def greedy(spec: Walk) -> Iterator[Snapshot]:
    """Asks at once for more memory than any machine has."""
    yield Snapshot(1, 2, {"bytes": float(np.ones(2**55).nbytes)})


def refused(spec: Walk) -> Iterator[Snapshot]:
    """Finds that its input cannot be used."""
    yield Snapshot(1, 2)
    raise ExplainerError("learning rate 3.0 is outside 1e-5 to 1; try 0.1")


def broken(spec: Walk) -> Iterator[Snapshot]:
    """Has a mistake of its own."""
    yield Snapshot(1, 2)
    raise KeyError("a secret inside")


def diverging(spec: Walk) -> Iterator[Snapshot]:
    """Its loss leaves the numbers, which is no error."""
    yield Snapshot(1, 2, {"loss": 1.0})
    yield Snapshot(2, 2, {"loss": float("nan")})


def silent(spec: Walk) -> Iterator[Snapshot]:
    """Says nothing."""
    yield from ()


def stubborn(spec: Walk) -> Iterator[Snapshot]:
    """Takes a minute for its second step."""
    yield Snapshot(1, 2)
    time.sleep(60)
    yield Snapshot(2, 2)


def circumstances(spec: Walk) -> Iterator[Snapshot]:
    """Notes how its process runs."""
    import torch

    about = {
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "torch_threads": torch.get_num_threads(),
        "omp": os.environ.get("OMP_NUM_THREADS"),
        "main": getattr(sys.modules["__main__"], "__file__", ""),
        "modules": [name for name in ("streamlit", "pytest") if name in sys.modules],
    }
    note(spec, "about", json.dumps(about))
    print("a job may print" * 10_000)
    yield Snapshot(1, 1)


def note(spec: Walk, name: str, text: str) -> None:
    """Append a line to a file that the test reads."""
    if spec.folder:
        with (Path(spec.folder) / name).open("a") as file:
            file.write(text + "\n")
