"""The diffusion page's training step against the naive torch loop, measured in turn within one run.

    python -m bench.diffusion

Both train the page's default net of noise (21-64-64-64-2, SiLU, batch 128, Adam) on the same batches, one thread. The rival is the
loop one would write: nn.Sequential, torch.optim.Adam, zero_grad, backward, step; its inputs are made by the page's own function, so
only the step differs. Printed: median and spread (lowest to highest) over the rounds, and the same for RealNVP.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from core.diffusion.compute import Lesson, batches, lesson_of, lesson_steps, start_of
from core.diffusion.coupling import DEPTH
from core.diffusion.spec import DiffusionSpec
from core.diffusion.torch_twin import torch_losses

ROUNDS, UPDATES = 7, 200


def torch_loop(lesson: Lesson) -> None:
    """The naive rival, in torch's own default precision."""
    net = torch.nn.Sequential(
        torch.nn.Linear(21, lesson.width), torch.nn.SiLU(),
        torch.nn.Linear(lesson.width, lesson.width), torch.nn.SiLU(),
        torch.nn.Linear(lesson.width, lesson.width), torch.nn.SiLU(),
        torch.nn.Linear(lesson.width, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=lesson.rate)
    for X, Y in itertools.islice(batches(lesson), UPDATES):
        optimizer.zero_grad()
        miss = net(torch.as_tensor(X, dtype=torch.float32)) - torch.as_tensor(Y, dtype=torch.float32)
        (miss * miss).sum(1).mean().backward()
        optimizer.step()


def our_loop(lesson: Lesson) -> None:
    for _ in itertools.islice(lesson_steps(lesson), UPDATES):
        pass


def seconds(call: Callable[[Lesson], object], lesson: Lesson) -> float:
    began = time.perf_counter()
    call(lesson)
    return time.perf_counter() - began


def report(name: str, lesson: Lesson, rival: Callable[[Lesson], object]) -> None:
    """Ratios of the two, in turn."""
    our_loop(lesson), rival(lesson)
    pairs = np.array([(seconds(rival, lesson), seconds(our_loop, lesson)) for _ in range(ROUNDS)])
    ratios = pairs[:, 0] / pairs[:, 1]
    print(
        f"{name}: {UPDATES / np.median(pairs[:, 1]):.0f} updates a second, torch {UPDATES / np.median(pairs[:, 0]):.0f}; "
        f"{np.median(ratios):.2f} times as fast ({ratios.min():.2f} to {ratios.max():.2f}); {len(start_of(lesson))} weights"
    )


def main() -> None:
    torch.set_num_threads(1)
    spec = DiffusionSpec()
    with threadpool_limits(1):
        report("noise net against the naive loop (float32)", lesson_of(spec, "noise"), torch_loop)
        report(
            f"RealNVP, {DEPTH} layers, against torch's autograd (float64)",
            lesson_of(spec, "coupling"),
            lambda lesson: torch_losses(lesson, UPDATES),
        )


if __name__ == "__main__":
    main()
