"""A decoder that goes on with a cache says what it says without one, to rounding; counts against torch's own counter; bytes weighed."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from core.attention.decoding import cached_numbers, continued, held, multiply_adds
from core.rng import generator
from models.positions import POSITIONS
from models.transformer import Shape, Transformer, transformer

STEPS = 7


def net(kind: str, positions: str, **about) -> Transformer:
    shape = Shape(9, kind=kind, positions=positions, layers=2, heads=2, d=16, length=20, **about)
    return transformer(shape, generator(1, "test")).double().eval()


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("kind", ["decoder", "both"])
def test_the_cache_changes_nothing(kind: str, positions: str, norm: str):
    model = net(kind, positions, norm=norm)
    start = torch.randint(9, (3, 4), generator=generator(2, "test"))
    source = torch.randint(9, (3, 5), generator=generator(3, "test")) if kind == "both" else None
    runs = [list(continued(model, start, STEPS, cached=cached, source=source)) for cached in (False, True)]
    for plain, kept in zip(*runs, strict=True):
        torch.testing.assert_close(kept.logits, plain.logits, rtol=1e-12, atol=1e-12)
        assert torch.equal(kept.tokens, plain.tokens)
    tokens = runs[1][-1].tokens
    assert tokens.shape == (3, 4 + STEPS)
    with torch.no_grad():
        whole = model((source, tokens[:, :-1]) if kind == "both" else tokens[:, :-1])[:, 3:]
    torch.testing.assert_close(torch.stack([step.logits for step in runs[1]], 1), whole, rtol=1e-12, atol=1e-12)
    assert torch.equal(tokens[:, 4:], whole.argmax(-1))
    other = cached_numbers(model.shape, 5) if kind == "both" else 0  # of the encoder's output, made once
    assert held(runs[1][-1].cache) == 8 * 3 * (cached_numbers(model.shape, 3 + STEPS) + other)
    assert runs[0][-1].cache is None


@pytest.mark.parametrize(("layers", "d", "hidden", "classes"), [(1, 16, 0, 0), (3, 8, 20, 5)])
def test_multiply_adds_are_those_that_torch_counts(layers: int, d: int, hidden: int, classes: int):
    shape = Shape(9, classes, "decoder", layers, 2, d, hidden, "none")
    model = transformer(shape, generator(0, "test")).eval()
    steps = {True: continued(model, torch.zeros(1, 1).long(), 6), False: continued(model, torch.zeros(1, 1).long(), 6, cached=False)}  # fmt: skip
    for cached, run in steps.items():
        for t in range(1, 7):
            with FlopCounterMode(display=False) as counter:
                next(run)
            assert counter.get_total_flops() == 2 * multiply_adds(shape, 1 if cached else t, t)
