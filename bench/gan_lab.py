"""Rounds of the game in NumPy against the plain PyTorch loop, and the page. `python -m bench.gan_lab`

The rival is the loop of the tutorials: two nn.Sequential, two torch.optim.Adam, BCEWithLogitsLoss, zero_grad, backward, step, in float32
as it comes and in float64 as the page computes. Same sizes, batch and optimizer, one thread each, in turns in one process.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from threadpoolctl import threadpool_limits
from torch import nn

from core.gan_lab import SPEC, look, pictures, questions
from core.gan_lab.compute import POOL, setup, sizes_of
from core.gan_lab.engine import Game
from core.plots.encode import encode

ROUNDS, TIMES = 300, 7
LIMIT = 2.0  # seconds for a game that nobody has played yet, with all its pictures
SIZES = {
    "one layer of 12, batch 16": SPEC(layers=1, g_units=12, d_units=12, batch=16),
    "two layers of 16, batch 32": SPEC(g_units=16, d_units=16, batch=32),
    "the page: two layers of 32, batch 64": SPEC(),
}


def net(sizes: tuple[int, ...], dtype: torch.dtype) -> nn.Sequential:
    """A net as the tutorials build it."""
    layers = [part for i, o in itertools.pairwise(sizes) for part in (nn.Linear(i, o, dtype=dtype), nn.LeakyReLU(0.2))]
    return nn.Sequential(*layers[:-1])


def plain(spec: SPEC, dtype: torch.dtype) -> Callable[[], None]:
    """A round of the tutorials' loop."""
    G, D = (net(sizes, dtype) for sizes in sizes_of(spec))
    for_G = torch.optim.Adam(G.parameters(), spec.g_rate, betas=(spec.beta1, 0.999))
    for_D = torch.optim.Adam(D.parameters(), spec.d_rate, betas=(spec.beta1, 0.999))
    loss, n = nn.BCEWithLogitsLoss(), spec.batch
    pool, one, zero = torch.randn(POOL, 2, dtype=dtype), torch.ones(n, 1, dtype=dtype), torch.zeros(n, 1, dtype=dtype)

    def play() -> None:
        real = pool[torch.randint(0, POOL, (n,))]
        fake = G(torch.randn(n, 2, dtype=dtype)).detach()
        for_D.zero_grad()
        (loss(D(real), one) + loss(D(fake), zero)).backward()
        for_D.step()
        for_G.zero_grad()
        loss(D(G(torch.randn(n, 2, dtype=dtype))), one).backward()
        for_G.step()

    return play


def ours(spec: SPEC) -> Callable[[], None]:
    """A round of the page's engine."""
    game = Game(*setup(spec))

    def play() -> None:
        game.move_d()
        game.move_g()

    return play


def rate(play: Callable[[], None]) -> float:
    """Rounds a second."""
    start = time.perf_counter()
    for _ in range(ROUNDS):
        play()
    return ROUNDS / (time.perf_counter() - start)


def page() -> None:
    """A game that was not played yet: pictures, lens and questions, as JSON."""
    times = []
    for seed in range(100, 105):
        spec, start = replace(SPEC(), seed=seed), time.perf_counter()
        json.dumps([encode(figure) for figure in (*pictures(spec).values(), *look(spec).figures.values())])
        questions(spec)
        times.append(time.perf_counter() - start)
    print(f"page, another seed: {statistics.median(times):.2f} s, limit {LIMIT:.0f} s")


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for title, spec in SIZES.items():
            players = ours(spec), plain(spec, torch.float32), plain(spec, torch.float64)
            for play in players:
                play()  # the first optimizer imports what it needs
            rates = list(zip(*([rate(play) for play in players] for _ in range(TIMES)), strict=True))
            mine, single, double = (statistics.median(found) for found in rates)
            ratios = [f"{statistics.median(m / r for m, r in zip(rates[0], other, strict=True)):.1f}" for other in rates[1:]]  # fmt: skip
            print(f"{title}: ours {mine:,.0f} rounds/s, plain torch {single:,.0f} (float32) and {double:,.0f} (float64), ratio x {ratios[0]} and x {ratios[1]}")  # fmt: skip
        page()


if __name__ == "__main__":
    main()
