"""The int8 product, the smaller nets and the exchange with the service against torch in float32, in one process. `python -m bench.compression`

Each line is a ratio: above 1 the variant is faster than float32, below 1 it is slower, and both are printed. Ours is the page's product of whole
numbers in NumPy, which is there to be read; torch's is quantize_dynamic.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from core.compression import SPEC, about, look, questions, top
from core.compression.deploy import call, dynamic, module_of, quietly
from core.compression.nets import Layer, logits
from core.compression.quantize import Rules, integer_logits, quantize
from core.compression.study import base_of, pruned_of, student
from core.plots.encode import encode

ROUNDS = 31
LIMIT = 0.300  # seconds for the page after a slider has moved
WIDTHS = (64, 256, 1024, 2048)


def medians(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each, taken in turns, so that a busy moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def told(title: str, found: dict[str, float]) -> None:
    """One line for each rival of the first."""
    rival, *others = found
    for name in others:
        print(f"{title}: {name} {1e6 * found[name]:.0f} µs, {rival} {1e6 * found[rival]:.0f} µs, ratio {found[rival] / found[name]:.2f}")  # fmt: skip


def layers() -> None:
    """One dense layer for one input: where torch's int8 begins to pay."""
    for width in WIDTHS:
        layer = torch.nn.Sequential(torch.nn.Linear(width, width)).eval()
        with quietly():
            told(f"layer of {width}", medians({"float32": call(layer, x := torch.ones(1, width)), "torch int8": call(dynamic(layer), x)}))  # fmt: skip


def nets() -> None:
    """The digit net and what was made of it, for one digit and for 256."""
    spec = SPEC(method="structured", sparsity=0.5, width=64)
    data, _, net = base_of(spec)
    made = {
        "float32": module_of(net),
        "torch int8": dynamic(module_of(net)),
        "half the units": module_of(pruned_of(spec).tuned),
        "90 % zeros": module_of(pruned_of(replace(spec, method="global", sparsity=0.9)).tuned),
        "rank 8": module_of(net, 8),
        "student": module_of(student(spec, spec.alpha)),
    }
    with quietly():
        for count in (1, 256):
            x = torch.from_numpy(data.X[:count]).float()
            told(f"net, {count} digits", medians({name: call(one, x) for name, one in made.items()}))


def whole_numbers() -> None:
    """The page's own product of codes against its float64 product."""
    g = np.random.default_rng(0)
    net = (Layer(g.normal(size=(64, 64)), np.zeros(64)), Layer(g.normal(size=(10, 64)), np.zeros(10)))
    X = g.random((450, 64))
    q = quantize(net, Rules("static", 8, 8, "affine", "tensor", 100.0), X)
    told("NumPy, 450 digits", medians({"float64": lambda: logits(net, X), "whole numbers": lambda: integer_logits(q, X)}))  # fmt: skip


def page() -> None:
    """A slider moved to where it was not yet: sentence, front, lens and questions, as JSON."""

    def drawn(spec: SPEC) -> None:
        about(spec)
        json.dumps([encode(figure) for figure in (top(spec), *look(spec).figures.values())])
        questions(spec)

    moves = {"quantize": ("percent", [99.5, 99.0, 98.5, 98.0]), "prune": ("sparsity", [0.42, 0.54, 0.66, 0.72]), "distil": ("temperature", [2.0, 3.0, 5.0, 6.0])}  # fmt: skip
    for lens, (name, values) in moves.items():
        drawn(SPEC(lens=lens))
        times = []
        for value in values:
            start = time.perf_counter()
            drawn(replace(SPEC(lens=lens), **{name: value}))
            times.append(time.perf_counter() - start)
        print(f"page, {lens}, another {name}: {1e3 * statistics.median(times):.0f} ms, limit {1e3 * LIMIT:.0f} ms")


if __name__ == "__main__":
    torch.set_num_threads(1)
    layers()
    nets()
    whole_numbers()
    page()
