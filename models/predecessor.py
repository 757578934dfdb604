"""A task that nothing but order decides: say, at every token, which token stood before it.

    target[t] = token[t - 1]  for t >= 1,      tokens drawn evenly and independently from 8 letters

A small decoder-only transformer learns it at length L; since the rule is the same at every place, it can be tested at any length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.rng import generator
from models.attention import NOBODY, Watch
from models.fitting import Rule
from models.transformer import Shape, transformer

LETTERS = "abcdefgh"
LENGTH = 16  # of the sequences in training
LONGEST = 4  # times that length in the test
SEQUENCES = 4000
RULE = Rule(600, 5e-3, 64)
IGNORED = -100  # torch's mark for an answer that is not asked for
PART = "positions"  # folder of models/weights


class Predecessor(nn.Module):
    """Tokens (N, T) -> logits (N, letters, T), as F.cross_entropy takes them. Learned positions reach to the longest test."""

    def __init__(self, positions: str, *, length: int = LENGTH, seed: int = 0) -> None:
        super().__init__()
        shape = Shape(
            len(LETTERS),
            kind="decoder",
            layers=1,
            heads=4,
            d=32,
            hidden=64,
            positions=positions,
            length=LONGEST * length,
        )
        self.transformer = transformer(shape, generator(seed, "weights", positions))

    def forward(self, tokens: Tensor, watch: Watch = NOBODY) -> Tensor:
        return self.transformer(tokens, watch=watch).mT


def sequences(count: int, length: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, length) tokens, and the answers; the first token has none."""
    tokens = torch.randint(len(LETTERS), (count, length), generator=g)
    targets = tokens.roll(1, 1)
    targets[:, 0] = IGNORED
    return tokens, targets


def right_by_place(module: nn.Module, tokens: Tensor, targets: Tensor) -> Tensor:
    """(T - 1,): the share of right answers at each place from the second on."""
    with torch.no_grad():
        return (module(tokens).argmax(1) == targets)[:, 1:].double().mean(0)
