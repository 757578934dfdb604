"""The playground's training points a second against the naive torch loop, measured in turn within one run.

    python -m bench.playground

Both train TensorFlow Playground's default: circle, 2-4-2-1 tanh, squared error, batch 10, learning rate 0.03, one thread. The
rival is the loop one would write: nn.Sequential, MSELoss, torch.optim.SGD, zero_grad, backward, step. Printed: median and spread
(lowest to highest) over the rounds; then 100 epochs with a new 100 x 100 picture, and how long the compiler takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from core.playground import network
from core.playground.compute import FINE_GRID, grid
from core.playground.datasets import features
from core.playground.problem import Problem, problem
from core.playground.spec import PlaygroundSpec, learning
from core.playground.training import NumpyEngine, train

ROUNDS, RIVAL_EPOCHS, EPOCHS, MANY, MANY_EPOCHS = 9, 8, 400, 64, 12


def torch_loop(about: Problem, epochs: int) -> None:
    """The naive rival, in torch's own default precision."""
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 4),
        torch.nn.Tanh(),
        torch.nn.Linear(4, 2),
        torch.nn.Tanh(),
        torch.nn.Linear(2, 1),
        torch.nn.Tanh(),
    )
    optimizer, criterion = torch.optim.SGD(net.parameters(), lr=0.03), torch.nn.MSELoss()
    X, Y = torch.tensor(about.F, dtype=torch.float32), torch.tensor(about.Y, dtype=torch.float32)
    for _ in range(epochs):
        for first in range(0, about.train, about.batch):
            optimizer.zero_grad()
            criterion(net(X[first : first + about.batch]), Y[first : first + about.batch]).backward()
            optimizer.step()


def our_loop(about: Problem, epochs: int, plain: bool = False) -> None:
    motor, rows, rates = NumpyEngine(about, plain), np.arange(about.train), np.full(about.per_epoch, 0.03)
    for epoch in range(epochs):
        motor.run(rows, np.zeros((0, 0)), 0, about.per_epoch, rates, epoch * about.per_epoch)


def many_nets(about: Problem, epochs: int) -> None:
    """64 nets, one after another."""
    theta = np.stack([about.theta] * MANY)
    m, v, rows, rates = (
        np.zeros_like(theta),
        np.zeros_like(theta),
        np.arange(about.train),
        np.full(about.per_epoch, 0.03),
    )
    for epoch in range(epochs):
        network.steps_compiled(
            theta, m, v, about.net, about.rules, about.weights, about.F, about.Y, rows, np.zeros((0, 0)),
            about.batch, 0, about.per_epoch, rates, epoch * about.per_epoch,
        )  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def told(name: str, values: list[float], unit: str) -> None:
    print(f"{name:<44} {np.median(values):12,.1f} ({min(values):,.1f} to {max(values):,.1f}) {unit}", flush=True)


def picture(spec: PlaygroundSpec) -> None:
    """100 epochs with their losses, and the map of the answer."""
    *_, last = train(spec)
    network.forward(last.theta, last.net, features(["x1", "x2"], grid(FINE_GRID)[1]))


def main() -> None:
    torch.set_num_threads(1)
    spec = learning(PlaygroundSpec(epochs=100))
    about = problem(spec)
    with threadpool_limits(1):
        print(
            f"first call of the compiled engine: {seconds(lambda: our_loop(about, 1)):.2f} s (seconds only where nothing was compiled before)"
        )
        torch_loop(about, 1)
        rates: dict[str, list[float]] = {
            "naive torch loop": [],
            "compiled, one net": [],
            "plain NumPy, one net": [],
            f"compiled, {MANY} nets": [],
        }
        for _ in range(ROUNDS):
            n = about.train
            rates["naive torch loop"].append(RIVAL_EPOCHS * n / seconds(lambda: torch_loop(about, RIVAL_EPOCHS)))
            rates["compiled, one net"].append(EPOCHS * n / seconds(lambda: our_loop(about, EPOCHS)))
            rates["plain NumPy, one net"].append(
                RIVAL_EPOCHS * n / seconds(lambda: our_loop(about, RIVAL_EPOCHS, plain=True))
            )
            rates[f"compiled, {MANY} nets"].append(
                MANY * MANY_EPOCHS * n / seconds(lambda: many_nets(about, MANY_EPOCHS))
            )
        for name, values in rates.items():
            told(f"{name}: training points", values, "/s")
        rival = rates.pop("naive torch loop")
        for name, values in rates.items():
            told(f"{name}: ratio", [a / b for a, b in zip(values, rival, strict=True)], "times")
        told("100 epochs and a 100 x 100 picture", [1e3 * seconds(lambda: picture(spec)) for _ in range(ROUNDS)], "ms")


if __name__ == "__main__":
    main()
