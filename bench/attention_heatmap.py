"""Attention: a trace against the plain forward pass of the same model, and how long the page and the training take.

Prints the ratio of `trace` to `model(tokens)` (and of both to F.scaled_dot_product_attention in the same blocks), the steps and seconds
until the default task is learned and until an induction head has formed, what a cache of keys and values saves in writing, the time in
which the page's pictures are made anew for typed tokens, and the time for the heat map of 512 tokens. `--train` asks for the trainings
too, which take minutes on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.attention import trace
from core.attention.decoding import continued, multiply_adds
from core.attention.shipped import COURSES
from core.attention.training import train
from core.attention_heatmap import SPEC, draw, pictures, read
from core.contracts import Snapshot
from core.plots.encode import encode
from core.rng import generator
from models.transformer import Shape, transformer

REPEATS, WRITTEN = 30, 128
LIMITS = {"trace": 3.0, "reverse": 40.0, "induction": 180.0, "page": 0.150, "long": 1.0}  # a ratio, and seconds


def best(work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds of processor time."""
    return min(_once(work) for _ in range(REPEATS))


def interleaved(*works: Callable[[], object]) -> list[float]:
    """`best` of each, the runs in turn, so that a busy moment meets all of them."""
    return [min(times) for times in zip(*([_once(work) for work in works] for _ in range(3 * REPEATS)), strict=True)]


def _once(work: Callable[[], object]) -> float:
    """Processor time of one run, in seconds: on a busy machine the clock on the wall says little."""
    start = time.process_time()
    work()
    return time.process_time() - start


class Fused(nn.Module):
    """One of our attention layers by torch's fused function, which shows no weights."""

    def __init__(self, ours: nn.Module) -> None:
        super().__init__()
        self.ours = ours

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None, **_: object) -> Tensor:
        q, k, v = (self.ours.split(f(x)) for f in (self.ours.query, self.ours.key, self.ours.value))
        return self.ours.out(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(-3, -2).flatten(-2))


@torch.no_grad()
def traces() -> None:
    """The same batch through the same weights: fused, plain, and traced."""
    for kind, batch, length in (("encoder", 64, 10), ("decoder", 16, 64), ("decoder", 4, 128)):
        model, fused = (transformer(Shape(11, kind=kind, d=64), generator(0, "bench")).eval() for _ in range(2))
        for block in fused.stack.blocks:
            block.attention = Fused(block.attention)
        tokens = torch.randint(11, (batch, length), generator=generator(1, "bench"))
        assert torch.allclose(fused(tokens), model(tokens), atol=1e-4)
        rival, plain, traced = interleaved(*(partial(work, tokens) for work in (fused, model, partial(trace, model))))
        print(
            f"{kind}, {batch} x {length} tokens: trace {1e3 * traced:.2f} ms, plain forward {1e3 * plain:.2f} ms, ratio {traced / plain:.2f}, "
            f"limit {LIMITS['trace']}; ratio to the fused forward {traced / rival:.2f}"
        )


def cache() -> None:
    """The same tokens written by a decoder with everything computed anew, and with its keys and values kept."""
    for d in (64, 256):
        model = transformer(Shape(96, kind="decoder", d=d, positions="rope"), generator(0, "bench")).eval()
        anew, kept = (_best_writing(model, cached) for cached in (False, True))
        counts = [
            sum(multiply_adds(model.shape, q(t), t) for t in range(1, WRITTEN + 1)) for q in (lambda t: t, lambda t: 1)
        ]
        print(
            f"writing {WRITTEN} tokens, width {d}: everything anew {1e3 * anew:.0f} ms, with a cache {1e3 * kept:.0f} ms, "
            f"ratio {anew / kept:.1f}; by multiply-adds {counts[0] / counts[1]:.1f}"
        )


def _best_writing(model: nn.Module, cached: bool) -> float:
    start = torch.zeros(1, 1, dtype=torch.long)
    return min(_once(lambda: list(continued(model, start, WRITTEN, cached=cached))) for _ in range(5))


def page() -> None:
    """Typed tokens that were never seen: the pass, the heads' marks, the pictures, as JSON."""
    pictures(read(SPEC()))  # loads the weights
    times = []
    for k in range(15):
        text = "".join(str(d) for d in np.random.default_rng(k).integers(10, size=10))
        start = time.perf_counter()
        json.dumps([encode(figure) for figure in pictures(read(SPEC(text=text))).values()])
        times.append(time.perf_counter() - start)
    print(
        f"new tokens, pictures and JSON: {1e3 * min(times):.0f} ms (median {1e3 * np.median(times):.0f}), limit {1e3 * LIMITS['page']:.0f} ms"
    )


def long() -> None:
    """The heat map of 512 tokens, averaged for the screen."""
    weights = np.random.default_rng(0).dirichlet(np.ones(512), 512)
    names = ["a"] * 512
    seconds = best(
        lambda: json.dumps(encode(draw.heat(weights, names, names, np.zeros((512, 512), bool), 0, "a head")))
    )
    print(f"heat map of 512 tokens: {1e3 * seconds:.0f} ms, limit {1e3 * LIMITS['long']:.0f} ms")


def learned(name: str, snapshots: Iterable[Snapshot], metric: str, goal: float, limit: float) -> None:
    """Wall-clock and processor seconds until a metric of a training passes its goal."""
    started, worked = time.perf_counter(), time.process_time()
    for snapshot in snapshots:
        if snapshot.metrics[metric] > goal:
            break
    print(
        f"{name}: {metric} {snapshot.metrics[metric]:.3f} after {snapshot.step} steps, {time.perf_counter() - started:.1f} s "
        f"({time.process_time() - worked:.1f} s of processor), limit {limit:.0f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="time the trainings too")
    torch.set_num_threads(1)
    traces()
    cache()
    page()
    long()
    if parser.parse_args().train:
        for task, metric, goal in (("reverse", "accuracy", 0.99), ("induction", "induction", 0.8)):
            learned(task, train(COURSES[task]), metric, goal, LIMITS[task])
