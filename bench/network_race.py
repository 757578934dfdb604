"""The network race's racers x steps a second against the sequential torch loop, measured in turn within one run.

    python -m bench.network_race

The rival is the loop one would write: for each racer an nn.Sequential 2-16-16-2 with tanh, a torch.optim optimizer, and for each
step zero_grad, cross-entropy on all 256 points, backward, step. Both in the same precision, both on one thread. Ours is `descend`,
the race without its reports; the last lines time a whole race with them, and the landscape. Printed: median and spread
(lowest to highest) over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bench.optimizer_race import TORCH, field, seconds, spread
from core.data.small_sets import load
from core.network_race.landscape import fit_plane, landscape
from core.training.networks import NetworkSpec, columns, descend, evaluate, targets, train
from core.training.optimizers import Racer
from core.training.sharpness import sharpness

RACERS, STEPS, ROUNDS = 80, 60, 9
RIVALS, RIVAL_STEPS = 4, 60  # of the rival's loop, for a round


def torch_loop(racers: tuple[Racer, ...], steps: int, dtype: torch.dtype) -> None:
    """The sequential rival on the two moons."""
    data = load("moons", 0)
    X, y = torch.tensor(data.X_train, dtype=dtype), torch.tensor(data.y_train)
    for racer in racers:
        net = torch.nn.Sequential(
            torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2)
        ).to(dtype)
        hyper = {k: v for k, v in racer.hyper.items() if k != "decoupled_weight_decay"}
        optimizer, criterion = TORCH[racer.name](net.parameters(), **hyper), torch.nn.CrossEntropyLoss()
        for _ in range(steps):
            optimizer.zero_grad()
            criterion(net(X), y).backward()
            optimizer.step()


def our_race(racers: tuple[Racer, ...], precision: str) -> None:
    for _ in descend(NetworkSpec("moons", racers, batch=256, steps=STEPS, precision=precision)):
        pass


def against_torch(title: str, names: tuple[str, ...], precision: str) -> None:
    """Racer-steps a second of both, one after the other in each round."""
    racers = field(names, RACERS)
    ours, rivals = [], []
    for _ in range(ROUNDS):
        loop = seconds(lambda: torch_loop(racers[:RIVALS], RIVAL_STEPS, getattr(torch, precision)))
        rivals.append(RIVALS * RIVAL_STEPS / loop)
        ours.append(RACERS * STEPS / seconds(lambda: our_race(racers, precision)))
    ratios = [a / b for a, b in zip(ours, rivals, strict=True)]
    ratio = f"{np.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    print(f"  {precision}, {title}: ours {spread(ours)}/s, torch.optim loop {spread(rivals)}/s, ratio x {ratio}")


def milliseconds(title: str, work: Callable[[], object], rounds: int = 5) -> None:
    print(f"{title}: {spread([1e3 * seconds(work) for _ in range(rounds)], ' ms')}")


def around_a_race() -> None:
    """A page's race of 8 racers with its reports, and what is computed from its paths."""
    names = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "radam", "lion")
    spec = NetworkSpec("moons", tuple(Racer(name) for name in names), batch=256, steps=500)
    milliseconds("race of 8 racers, 500 steps, with its reports", lambda: list(train(spec)), 3)
    *_, last = train(spec)
    paths, finished = last.arrays["paths"], np.ones(len(names), dtype=bool)
    net, data = spec.set_up()
    known = columns(data.X_train), targets(data, data.y_train)
    plane = fit_plane(paths)
    grid = plane.lift(np.stack(np.meshgrid(*2 * [np.linspace(-1.0, 1.0, 31)]), -1)).reshape(-1, net.P)
    milliseconds("31 x 31 losses on the plane", lambda: evaluate(net, grid, *known))
    milliseconds("landscape: plane, losses on it and along all paths", lambda: landscape(spec, paths, finished))
    milliseconds("sharpness of 8 racers", lambda: sharpness(net, last.arrays["theta"], *known))


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        torch_loop(field(tuple(TORCH), 4), 3, torch.float64)  # the first optimizer imports what it needs
        print(f"{RACERS} racers x {STEPS} steps of a net 2-16-16-2 on 256 points, racer-steps")
        for precision in ("float64", "float32"):
            against_torch("adam", ("adam",), precision)
            against_torch("sgd, momentum, rmsprop and adam", tuple(TORCH), precision)
        around_a_race()


if __name__ == "__main__":
    main()
