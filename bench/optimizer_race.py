"""Racers x steps a second against the sequential torch.optim loop, measured in turn within one run.

    python -m bench.optimizer_race          the race, the basin map
    python -m bench.optimizer_race page     a page with 24 racers x about 500 steps: from the slider's move to the end of the rerun

The rival is the loop one would write: for each racer a tensor, a torch.optim optimizer, and for each step zero_grad, the
formula, backward, step. One torch thread. Printed: median and spread (lowest to highest) over the rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import psutil
import torch

from bench.pages import ROOT, Session, served
from core.optimizer_race import OPTIMIZERS, Racer, RaceSpec, race
from core.optimizer_race.basins import basins

STEPS, RACERS, ROUNDS = 500, 80, 7
SGD, Adam = torch.optim.SGD, torch.optim.Adam
TORCH = {
    "sgd": SGD, "momentum": SGD, "rmsprop": torch.optim.RMSprop, "adam": Adam, "nesterov": SGD, "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta, "amsgrad": Adam, "adamw": Adam, "nadam": torch.optim.NAdam, "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax, "rprop": torch.optim.Rprop,
}  # fmt: skip
START = (-1.5, 2.0)


def field(names: tuple[str, ...], racers: int) -> tuple[Racer, ...]:
    """`racers` racers that take turns through `names`, with rates on a log-grid."""
    rates = np.geomspace(1e-5, 1e-3, racers).tolist()
    return tuple(Racer(names[i % len(names)], lr=rate) for i, rate in enumerate(rates))


def torch_loop(racers: tuple[Racer, ...], steps: int) -> None:
    """The sequential rival on Rosenbrock."""
    for racer in racers:
        theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        optimizer = TORCH[racer.name]([theta], **racer.hyper)
        for _ in range(steps):
            optimizer.zero_grad()
            x, y = theta
            ((1 - x) ** 2 + 100 * (y - x * x) ** 2).backward()
            optimizer.step()


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def spread(values: list[float], unit: str = "") -> str:
    return f"{statistics.median(values):,.0f}{unit} ({min(values):,.0f} to {max(values):,.0f})"


def against_torch(title: str, names: tuple[str, ...], rounds: int) -> None:
    """Racer-steps a second of both, one after the other in each round; the rival runs 13 racers x 50 steps of it."""
    spec = RaceSpec("rosenbrock", field(names, RACERS), START, STEPS)
    ours, rivals = [], []
    for _ in range(rounds):
        rivals.append(13 * 50 / seconds(lambda: torch_loop(spec.racers[:13], 50)))
        ours.append(RACERS * STEPS / seconds(lambda: race(spec)))
    ratios = [a / b for a, b in zip(ours, rivals, strict=True)]
    print(f"{title}: ours {spread(ours)}/s, torch.optim loop {spread(rivals)}/s, ratio x {spread(ratios)}")


async def reruns(url: str, server: psutil.Process, moves: int = 20) -> tuple[list[float], float]:
    """Milliseconds of each move of the slider "Steps" around 500, and the server's processor time for one of them.

    Each move is a race, its pictures and its leaderboard, all of them new.
    """
    titles = [about.title for about in OPTIMIZERS.values() if not about.guest]
    racers = [*titles, *(f"{title}@{rate}" for rate in (3e-4, 1e-4) for title in titles)][:24]
    query = {"surface": "rosenbrock", "racers": ", ".join(racers), "rates": "same", "rate": "0.001", "steps": "300"}
    link = urlencode({f"optimizer_race.{name}": value for name, value in query.items()})
    tab = await Session(url, "optimizer-race", "Steps", link).open()
    for steps in (370.0, 380.0, 390.0):
        await tab.rerun(steps)
    used, taken = busy(server), []
    for k in range(moves):
        taken.append(1e3 * await tab.rerun(400.0 + 10 * k))
        await asyncio.sleep(0.05)
    await tab.socket.close()
    return taken, 1e3 * (busy(server) - used) / moves


def busy(server: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = server.cpu_times()
    return times.user + times.system


def page() -> None:
    with served(ROOT / "app.py", 8640) as (url, server, _):
        time.sleep(20)  # the server and its workers warm up
        taken, used = asyncio.run(reruns(url, server))
        print(
            f"page with 24 racers, 400 to 590 steps: rerun {spread(taken, ' ms')}, {used:.0f} ms of processor time each"
        )


def main() -> None:
    torch.set_num_threads(1)
    torch_loop(field(tuple(TORCH), 13), 3)  # the first optimizer imports what it needs
    print(f"{RACERS} racers x {STEPS} steps on Rosenbrock, racer-steps")
    against_torch("  adam", ("adam",), ROUNDS)
    against_torch("  sgd, momentum, rmsprop and adam", tuple(TORCH)[:4], ROUNDS)
    against_torch("  all 13 that torch has", tuple(TORCH), ROUNDS)
    every = field(tuple(name for name, about in OPTIMIZERS.items() if not about.guest), RACERS)
    few = RaceSpec("rosenbrock", (*every[:23], Racer("lbfgs")), START, STEPS)
    print(f"24-racer race, all 15 rules: {spread([1e3 * seconds(lambda: race(few)) for _ in range(ROUNDS)], ' ms')}")
    grid = [1e3 * seconds(lambda: basins("himmelblau", Racer("adam", lr=0.05))) for _ in range(3)]
    print(f"basin map 64 x 64 x 200 steps of Adam: {spread(grid, ' ms')}")


if __name__ == "__main__":
    page() if "page" in sys.argv else main()
