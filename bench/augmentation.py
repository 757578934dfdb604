"""The lab's changes of a whole batch against torchvision.transforms.v2, which changes one picture at a time when each wants its own draws.

    python -m bench.augmentation

Both sides make new draws for every picture. torchvision's transforms take a batch too, but then all its pictures get the same draw; its
rate for that is printed beside, as what a loop that does not mind would reach. One torch thread, the sides in turn, medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torchvision.transforms import v2

from core.augmentation.transforms import CHANGES, Stage, augment
from core.rng import generator

PICTURES, TURNS, TARGET = 256, 9, 1.0
PIPELINES = {
    "turn and shift (the first visit)": ((1, 16), (Stage("turn", 15.0, 1.0), Stage("shift", 0.125, 1.0))),
    "mirror, crop, light, colour, erase": (
        (3, 32),
        (Stage("mirror", 1.0, 0.5), Stage("zoom", 0.4, 1.0), Stage("brightness", 0.3, 1.0), Stage("colour", 0.3, 1.0), Stage("erase", 0.2, 0.5)),
    ),
}  # fmt: skip


def rival(stages: tuple[Stage, ...], S: int) -> v2.Transform:
    """The same pipeline in torchvision's words, as the page shows them."""
    return v2.Compose([eval(CHANGES[s.name].line(s.amount, s.p, S), {"v2": v2}) for s in stages])


def seconds(*sides: Callable[[], object]) -> list[list[float]]:
    """The times of each side, measured in turn after one turn that does not count."""
    found: list[list[float]] = [[] for _ in sides]
    for turn in range(TURNS + 1):
        for times, side in zip(found, sides, strict=True):
            begun = time.perf_counter()
            side()
            if turn:
                times.append(time.perf_counter() - begun)
    return found


def compare(name: str, C: int, S: int, stages: tuple[Stage, ...]) -> None:
    """One pipeline on one batch (PICTURES, C, S, S)."""
    x, g, transform = torch.rand(PICTURES, C, S, S), generator(0, "bench"), rival(stages, S)
    sides = (
        lambda: augment(x, stages, g),
        lambda: torch.stack([transform(picture) for picture in x]),
        lambda: transform(x),
    )
    ours, each, batch = seconds(*sides)
    ratio = statistics.median(b / a for a, b in zip(ours, each, strict=True))
    same = statistics.median(b / a for a, b in zip(ours, batch, strict=True))
    print(
        f"{name}: {PICTURES / statistics.median(ours):,.0f} pictures/s, {ratio:.1f} times torchvision picture by picture "
        f"(wanted {TARGET:g} or more), {same:.2f} times torchvision with one draw for the whole batch"
    )


def main() -> None:
    torch.set_num_threads(1)
    for name, ((C, S), stages) in PIPELINES.items():
        compare(name, C, S, stages)


if __name__ == "__main__":
    main()
