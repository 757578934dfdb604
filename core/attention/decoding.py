"""From logits to a text: the filters of sampling, greedy choice, beam search; and a decoder that goes on, with or without a cache.

    p = softmax(logits / T);   top-k keeps the k largest;   top-p keeps the largest until their sum reaches p, and always the first
    beam search keeps the B beginnings with the largest sum of log p; with B = 1 it is greedy

A token that is as likely as another comes first if its number is smaller. A decoder never looks ahead, so keys and values of earlier
tokens stay what they are: kept in a cache, they leave one token to compute at each step,

    without   m(t, t)        with   m(1, t)        m(q, k) = L (q (4 d^2 + 2 d f) + 2 d q k) + q d C   multiply-adds at step t

for q tokens that look at k tokens, L layers of width d, f hidden units and C classes; the cache holds 2 L d t numbers. Sources: A. Fan, M. Lewis, Y. Dauphin, ACL 2018 (top-k);
A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (top-p);
N. Shazeer, arXiv:1911.02150, 2019, section 2.4 (one token at a time); J. Kaplan et al., arXiv:2001.08361, table 1 (counts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from models.attention import Cache
from models.transformer import Shape, Transformer, seen

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


Choose = Callable[[Float[Tensor, "batch token"]], Int[Tensor, " batch"]]  # logits -> what is written


class Continued(NamedTuple):
    """After a step: logits of the token that was to be chosen, all tokens with it, and what the cache holds."""

    logits: Float[Tensor, "batch token"]
    tokens: Int[Tensor, "batch length"]
    cache: Cache | None


def likeliest(logits: Float[Tensor, "batch token"]) -> Int[Tensor, " batch"]:
    """Greedy."""
    return logits.argmax(-1)


def continued(
    model: Transformer,
    tokens: Int[Tensor, "batch length"],
    steps: int,
    *,
    cached: bool = True,
    source: Int[Tensor, "batch key"] | None = None,
    choose: Choose = likeliest,
) -> Iterator[Continued]:
    """A decoder goes on from `tokens`, token by token; one with an encoder reads `source` once.

    With a cache, a step computes the tokens that it has not seen yet: all of `tokens` at first, then one.
    """
    cache: Cache | None = {} if cached else None
    with torch.no_grad():
        memory = None if source is None else model.remember(source)
    for _ in range(steps):
        start = seen(cache)
        with torch.no_grad():
            logits = model.read(model.embedding(tokens[:, start:], start), None, memory, cache=cache)[:, -1]
        tokens = torch.cat([tokens, choose(logits)[:, None]], 1)
        yield Continued(logits, tokens, cache)


def multiply_adds(shape: Shape, queries: int, keys: int) -> int:
    """m(q, k) of a decoder; layer norms, softmax and the adding of biases do not count."""
    d, f = shape.d, shape.hidden or 4 * shape.d
    token = 4 * d * d + 2 * d * f
    return shape.layers * (queries * token + 2 * d * queries * keys) + queries * d * (shape.classes or shape.vocabulary)


def cached_numbers(shape: Shape, tokens: int) -> int:
    """Keys and values of all layers."""
    return 2 * shape.layers * shape.d * tokens


def held(cache: Cache) -> int:
    """Bytes of the tensors in a cache."""
    return sum(k.nbytes + v.nbytes for k, v in cache.values())
