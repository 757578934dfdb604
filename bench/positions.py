"""Positional encodings of all pairs of positions against loops over the pairs, and the page. `python -m bench.positions`

The rival turns and multiplies one query and one key for every pair of positions, as the papers' formulas are read. Both give the same
table of scores; they run in turns in one process.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from core.plots.encode import encode
from core.positions import SPEC, about, look, pictures, questions
from core.positions.compute import query_and_key, scores

ROUNDS = 5
LIMIT = 0.150  # seconds for the page after a slider has moved


def plain(spec: SPEC) -> np.ndarray:
    """RoPE's scores, one pair of positions after another."""
    q, k = (x.tolist() for x in query_and_key(spec, spec.d))
    found = np.empty((spec.length, spec.length))
    for i in range(spec.length):
        for j in range(spec.length):
            total = 0.0
            for p in range(0, spec.d, 2):
                w = spec.base ** (-p / spec.d)
                a, b = complex(q[p], q[p + 1]), complex(k[p], k[p + 1])
                total += (a * complex(math.cos(i * w), math.sin(i * w)) * (b * complex(math.cos(j * w), math.sin(j * w))).conjugate()).real  # fmt: skip
            found[i, j] = total / math.sqrt(spec.d)
    return found


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def page() -> None:
    """A slider moved to where it was not yet: sentence, pictures, lens and questions, as JSON."""

    def drawn(spec: SPEC) -> None:
        about(spec)
        json.dumps([encode(figure) for figure in (*pictures(spec).values(), *look(spec).figures.values())])
        questions(spec)

    for kind in ("sinusoidal", "rope", "alibi"):
        drawn(SPEC(kind=kind))
        times = [timed(lambda k=k, kind=kind: drawn(replace(SPEC(kind=kind), length=k))) for k in range(20, 40)]
        print(f"page, {kind}, another length: {1e3 * statistics.median(times):.0f} ms, limit {1e3 * LIMIT:.0f} ms")


def main() -> None:
    torch.set_num_threads(1)
    spec = SPEC(kind="rope", length=64, d=64)
    np.testing.assert_allclose(scores("rope", spec), plain(spec), atol=1e-10)
    pairs = [(timed(lambda: scores("rope", spec)), timed(lambda: plain(spec))) for _ in range(ROUNDS)]
    ours, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"RoPE's scores of {spec.length**2:,} pairs: {1e3 * ours:.2f} ms, pair by pair {1e3 * other:.0f} ms, {other / ours:.0f} times as fast")  # fmt: skip
    page()


if __name__ == "__main__":
    main()
