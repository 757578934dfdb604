"""The same seed and purpose give the same draw, any other gives another, also when four threads draw at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

from core.rng import generator, numpy_generator

SOURCES = [(0, ()), (0, ("weights",)), (0, ("batches",)), (1, ("weights",)), (9999, ("weights",)), (0, ("weights", "layer 1")), (0, ("weights layer 1",)), (0, ("layer 1", "weights")), (-1, ()), (10, ("1",)), (101, ())]  # fmt: skip


def by_numpy(seed: int, *purpose: str) -> tuple[float, ...]:
    return tuple(numpy_generator(seed, *purpose).normal(size=50).tolist())


def by_torch(seed: int, *purpose: str) -> tuple[float, ...]:
    return tuple(torch.randn(50, generator=generator(seed, *purpose), dtype=torch.float64).tolist())


@pytest.mark.parametrize("draw", [by_numpy, by_torch])
def test_the_draw_belongs_to_seed_and_purpose(draw: Callable[..., tuple[float, ...]]) -> None:
    drawn = [draw(seed, *purpose) for seed, purpose in SOURCES]
    assert drawn == [draw(seed, *purpose) for seed, purpose in SOURCES]
    assert len(set(drawn)) == len(SOURCES)
    for k, one in enumerate(drawn):
        for other in drawn[:k]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.6


@pytest.mark.parametrize("draw", [by_numpy, by_torch])
def test_nobody_else_s_draws_matter(draw: Callable[..., tuple[float, ...]]) -> None:
    before = draw(3, "weights")
    state = torch.random.get_rng_state()
    np.random.default_rng(0).normal()
    torch.randn(3)
    assert draw(3, "weights") == before
    torch.random.set_rng_state(state)
    draw(3, "weights")
    assert torch.equal(torch.random.get_rng_state(), state)  # and torch's shared state is left alone


@pytest.mark.parametrize("draw", [by_numpy, by_torch])
def test_four_threads_at_once_give_what_one_gives(draw: Callable[..., tuple[float, ...]]) -> None:
    together = Barrier(4)

    def run(seed: int) -> list[tuple[float, ...]]:
        together.wait()
        return [draw(seed, "run", str(k)) for k in range(20)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, (5, 6, 5, 7)))
    assert found == [[draw(seed, "run", str(k)) for k in range(20)] for seed in (5, 6, 5, 7)]


def test_seeds_stay_what_they_were_when_a_link_was_shared() -> None:
    """This number stands behind every link: another one would change every picture that was ever shared."""
    assert generator(0, "tensor", "data").initial_seed() == 6995081812820570068
    assert numpy_generator(0, "tensor", "data").normal() == np.random.default_rng(6995081812820570068).normal()
