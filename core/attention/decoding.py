"""From logits to a text: the filters of sampling, greedy choice, beam search.

    p = softmax(logits / T);   top-k keeps the k largest;   top-p keeps the largest until their sum reaches p, and always the first
    beam search keeps the B beginnings with the largest sum of log p; with B = 1 it is greedy

A token that is as likely as another comes first if its number is smaller. Sources: A. Fan, M. Lewis, Y. Dauphin, ACL 2018 (top-k);
A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (top-p).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Next = Callable[
    [Int[Tensor, "beam length"]], Float[Tensor, "beam token"]
]  # beginnings -> log-probabilities of what follows


@dataclass(frozen=True, eq=False)
class Beam:
    """One step of a search: the kept beginnings (beam, length), the sum of their log-probabilities, and which one each continues."""

    tokens: Int[Tensor, "beam length"]
    scores: Float[Tensor, " beam"]
    parents: Int[Tensor, " beam"]


def filtered(
    logits: Float[Tensor, "*batch token"], temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Float[Tensor, "*batch token"]:
    """Probabilities after temperature, top-k (0: all), then top-p (1: all); what is left adds up to 1."""
    p = torch.softmax(logits / temperature, -1)
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(p.shape[-1])
    keep = (rank < top_k) if top_k else torch.ones_like(rank, dtype=torch.bool)
    shares = ordered * keep
    shares = shares / shares.sum(-1, keepdim=True)
    keep = keep & ((shares.cumsum(-1) - shares < top_p) | (rank == 0))
    kept = torch.zeros_like(p).scatter(-1, order, torch.where(keep, ordered, torch.zeros_like(ordered)))
    return kept / kept.sum(-1, keepdim=True)


def beam_search(following: Next, length: int, beams: int) -> list[Beam]:
    """The search from the empty beginning, step by step; at the last, likeliest first, the found sequences of `length` tokens."""
    steps = [Beam(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.long))]  # fmt: skip
    for _ in range(length):
        last = steps[-1]
        scores = last.scores[:, None] + following(last.tokens)
        order = scores.flatten().sort(dim=0, descending=True, stable=True).indices[:beams]
        parents, tokens = order // scores.shape[1], order % scores.shape[1]
        steps.append(Beam(torch.cat([last.tokens[parents], tokens[:, None]], 1), scores.flatten()[order], parents))
    return steps


def draw_one(
    following: Next, length: int, generator: torch.Generator, top_k: int = 0, top_p: float = 1.0
) -> Int[Tensor, " length"]:
    """One sequence drawn token by token from the filtered probabilities."""
    tokens = torch.zeros(1, 0, dtype=torch.long)
    for _ in range(length):
        p = filtered(following(tokens)[0], 1.0, top_k, top_p)
        tokens = torch.cat([tokens, torch.multinomial(p, 1, generator=generator)[None]], 1)
    return tokens[0]
