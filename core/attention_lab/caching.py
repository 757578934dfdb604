"""What a cache of keys and values saves: the same tokens written with and without one, every step timed, counted and weighed.

The decoder has first weights, in float32: what a step costs does not depend on what the weights are. Both runs are given the same
tokens, so that their logits can be compared. The time of a step is the shortest of a few runs, in seconds of processor time of this
thread: on a busy computer the clock on the wall would tell of the others' work. Counts: core/attention/decoding.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from core.attention.decoding import cached_numbers, continued, held, multiply_adds
from core.attention_lab.spec import AttentionLabSpec
from core.rng import generator
from models.transformer import Shape, Transformer, transformer

SIGNS, HEADS, BYTES = 96, 4, 4  # tokens that there are; heads; bytes of a float32
ROUNDS, PATIENCE = 3, 0.6  # how often it is measured; seconds of processor time after which no new round begins


@dataclass(frozen=True, eq=False)
class Timed:
    """For each step: seconds of processor time and multiply-adds (2, step) without and with the cache; bytes (step,) by formula and as held.

    `gap` is the largest difference between the logits of both runs.
    """

    shape: Shape
    seconds: np.ndarray
    counts: np.ndarray
    formula: np.ndarray
    weighed: np.ndarray
    gap: float


def shape_of(spec: AttentionLabSpec) -> Shape:
    """The decoder that is timed."""
    return Shape(SIGNS, kind="decoder", layers=spec.depth, heads=HEADS, d=spec.width, positions=spec.positions, length=spec.written)  # fmt: skip


def timed(spec: AttentionLabSpec) -> Timed:
    """Both ways to write `spec.written` tokens."""
    return _timed(shape_of(spec), spec.written)


def tokens_of(steps: int) -> torch.Tensor:
    """(1, step): what is written, whatever the decoder thinks."""
    return torch.randint(SIGNS, (1, steps), generator=generator(0, "written"))


@lru_cache(maxsize=16)
def _timed(shape: Shape, steps: int) -> Timed:
    model, tokens = transformer(shape, generator(0, "weights")).eval(), tokens_of(steps)
    for cached in (False, True):  # the first steps of a process are slow
        list(_clocked(model, tokens[:, :3], cached))
    started, seconds = time.thread_time(), np.full((2, steps), np.inf)
    for _ in range(ROUNDS):
        runs = [list(_clocked(model, tokens, cached)) for cached in (False, True)]
        seconds = np.minimum(seconds, [[step[0] for step in run] for run in runs])
        if time.thread_time() - started > PATIENCE:
            break
    without, with_ = runs
    return Timed(
        shape, seconds, counts_of(shape, steps),
        BYTES * np.array([cached_numbers(shape, t) for t in range(1, steps + 1)]),
        np.array([step[2] for step in with_]),
        max(float((a[1] - b[1]).abs().max()) for a, b in zip(without, with_, strict=True)),
    )  # fmt: skip


def counts_of(shape: Shape, steps: int) -> np.ndarray:
    """Multiply-adds (2, step) without and with a cache."""
    return np.array([[multiply_adds(shape, t, t), multiply_adds(shape, 1, t)] for t in range(1, steps + 1)]).T


def saved(spec: AttentionLabSpec) -> dict[str, float]:
    """The counts of all steps, and the bytes that the cache holds at the end."""
    shape = shape_of(spec)
    anew, cached = counts_of(shape, spec.written).sum(1).tolist()
    return {"multiply-adds anew": anew, "multiply-adds cached": cached, "bytes in the cache": BYTES * cached_numbers(shape, spec.written)}  # fmt: skip


def _clocked(model: Transformer, tokens: torch.Tensor, cached: bool) -> Iterator[tuple[float, torch.Tensor, int]]:
    """Seconds, logits and the cache's bytes of each step; step t reads t tokens."""
    following = iter(tokens[0].roll(-1))
    steps = continued(model, tokens[:, :1], tokens.shape[1], cached=cached, choose=lambda _: next(following)[None])
    while True:
        start = time.thread_time()
        step = next(steps, None)
        if step is None:
            return
        yield time.thread_time() - start, step.logits, held(step.cache) if step.cache else 0
