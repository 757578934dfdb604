"""Loading while training: a timeline by simulation, from the two times that are given.

Without prefetch a batch is loaded, then trained on: n (l + w) in all. With one batch prefetched the loader works on while the net
trains, and waits while its one place is taken: about l + (n - 1) max(l, w) + w. Two loaders take turns: each begins when its last
batch was taken.
"""

from __future__ import annotations

BATCHES = 8
Span = tuple[str, float, float]


def schedule(load: float, work: float, loaders: int) -> list[Span]:
    """(worker, begin, end) in ms for eight batches; `loaders` = 0 means that the loop itself loads."""
    spans: list[Span] = []
    free = [0.0] * max(1, loaders)
    trained = 0.0
    for k in range(BATCHES):
        loader = k % len(free)
        begin = max(free[loader], trained) if loaders == 0 else free[loader]
        ready = begin + load
        start = max(ready, trained)
        trained = start + work
        free[loader] = start  # the place of the loaded batch is free once training has taken it
        spans += [(f"load {loader + 1}" if loaders > 1 else "load", begin, ready), ("train", start, trained)]
    return spans


def length(spans: list[Span]) -> float:
    """The time until the last batch is done."""
    return max(end for _, _, end in spans)
