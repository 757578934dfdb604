"""Scaled dot-product attention, its heads side by side, and what may watch or change it on the way.

    scores = q k^T / sqrt(d_k),     weights = softmax(scores / T over keys),     output = weights v
    MultiHead(x, m) = Concat(head_1, ..., head_h) W_o,     head_i = Attention(x W_q^i, m W_k^i, m W_v^i)

q (..., query, d_k), k (..., key, d_k), v (..., key, d_v); m is x itself, or the memory of an encoder (cross-attention). T is a
temperature, 1 in the paper.

Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, eq. 1 and section 3.2.2.
"""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.errors import ExplainerError
from models.positions import alibi, rotate

NOT_ALLOWED = -math.inf


class Attended(NamedTuple):
    """`output` (..., query, d_v), `weights` and `scores` (..., query, key); weights are the softmax of scores."""

    output: Tensor
    weights: Tensor
    scores: Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, temperature: float = 1.0) -> Attended:
    """Each query's mean of the values, weighted by how well its keys fit.

    `mask`, which broadcasts to (..., query, key), is True where a query may look, or numbers that are added to the scores. Scores
    come back scaled, divided by the temperature, and -inf where a query may not look: there the weight is exactly 0. A query
    that may look nowhere has weights 0 and output 0, as in F.scaled_dot_product_attention.

    Raises:
        ExplainerError: the temperature is not above 0.
    """
    scores = attention_scores(q, k, mask, temperature)
    weights = attention_weights(scores, mask)
    return Attended(weights @ v, weights, scores)


def attention_scores(q: Tensor, k: Tensor, mask: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    """(q k^T / sqrt(d_k) + mask) / temperature, -inf where the mask does not let a query look."""
    if not temperature > 0:
        raise ExplainerError(
            f"temperature {temperature} is not above 0; try 1, or 0.1 for attention that is nearly hard"
        )
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, NOT_ALLOWED)
    elif mask is not None:
        scores = scores + mask
    return scores if temperature == 1 else scores / temperature


def attention_weights(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax over the keys; a row whose keys are all forbidden becomes 0, and sends no gradient."""
    nowhere = None if mask is None else _nowhere(mask)
    if nowhere is None or not nowhere.any():
        return torch.softmax(scores, -1)
    return torch.softmax(scores.masked_fill(nowhere, 0.0), -1).masked_fill(nowhere, 0.0)


def _nowhere(mask: Tensor) -> Tensor:
    """(..., query, 1): True for the rows of a mask that forbid every key."""
    allowed = mask if mask.dtype == torch.bool else mask != NOT_ALLOWED
    return ~allowed.any(-1, keepdim=True)


def causal(queries: int, keys: int | None = None) -> Tensor:
    """(query, key): True where a query may look back or at itself; the last query stands at the last key."""
    keys = queries if keys is None else keys
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


class Watch:
    """What stands beside a transformer while it computes. Each method sees a value and returns the one that goes on.

    This one changes nothing. `kind` is "encoder", "decoder" (self-attention) or "cross"; layers count from 0. A watch belongs to one
    call of the model, so visitors who share a model do not see each other's.
    """

    def weights(
        self, kind: str, layer: int, q: Tensor, k: Tensor, v: Tensor, scores: Tensor, weights: Tensor
    ) -> Tensor:
        """Attention weights (..., head, query, key) before they meet the values."""
        return weights

    def heads(self, kind: str, layer: int, z: Tensor) -> Tensor:
        """What the heads read, (..., head, query, d_v), before it is concatenated and projected."""
        return z

    def stream(self, name: str, x: Tensor) -> Tensor:
        """The residual stream (..., token, d): "decoder.embedding", "decoder.0.self", "decoder.0.cross", "decoder.0.feed", ..."""
        return x

    def hidden(self, kind: str, layer: int, h: Tensor) -> Tensor:
        """The feed-forward part's units (..., token, hidden) after their activation."""
        return h


NOBODY = Watch()
Cache = MutableMapping[tuple[str, int], tuple[Tensor, Tensor]]


class MultiHeadAttention(nn.Module):
    """x (..., query, d), memory (..., key, d) -> (..., query, d). `positions` is "rope", "alibi", or else nothing here.

    `kind` and `layer` are the place that a Watch is told.

    Raises:
        ExplainerError: the width cannot be shared out among the heads.
    """

    def __init__(self, d: int, heads: int, *, positions: str = "none", kind: str = "encoder", layer: int = 0) -> None:
        super().__init__()
        if d % heads or (positions == "rope" and d // heads % 2):
            even = " of even width, as RoPE needs" * (positions == "rope")
            raise ExplainerError(f"width {d} cannot be shared out among {heads} heads{even}; try 32 and 4")
        self.h, self.positions, self.kind, self.layer = heads, positions, kind, layer
        self.query, self.key, self.value, self.out = (nn.Linear(d, d) for _ in range(4))

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        temperature: float = 1.0,
        watch: Watch = NOBODY,
        cache: Cache | None = None,
    ) -> Tensor:
        q = self.split(self.query(x))
        if memory is None:
            q, k, v = self.placed(q, self.split(self.key(x)), self.split(self.value(x)), cache)
        else:
            k, v = self.remembered(memory, cache)
        if mask is not None and mask.ndim > 2:
            mask = mask.unsqueeze(-3)  # the same for all heads
        mask = self.biased(mask, q, k) if memory is None else mask
        scores = attention_scores(q, k, mask, temperature)
        weights = watch.weights(self.kind, self.layer, q, k, v, scores, attention_weights(scores, mask))
        z = watch.heads(self.kind, self.layer, weights @ v)
        return self.out(z.transpose(-3, -2).flatten(-2))

    def split(self, x: Tensor) -> Tensor:
        """(..., token, d) -> (..., head, token, d / heads)."""
        return x.unflatten(-1, (self.h, -1)).transpose(-3, -2)

    def placed(self, q: Tensor, k: Tensor, v: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys turned by their positions (RoPE); with a cache, behind the keys and values of earlier tokens."""
        before = None if cache is None else cache.get((self.kind, self.layer))
        start = 0 if before is None else before[0].shape[-2]
        if self.positions == "rope":
            q, k = rotate(q, start), rotate(k, start)
        if before is not None:
            k, v = torch.cat([before[0], k], -2), torch.cat([before[1], v], -2)
        if cache is not None:
            cache[self.kind, self.layer] = (k, v)
        return q, k, v

    def remembered(self, memory: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor]:
        """Keys and values of an encoder's output; with a cache, made once."""
        place = (self.kind, self.layer)
        found = None if cache is None else cache.get(place)
        k, v = (self.split(self.key(memory)), self.split(self.value(memory))) if found is None else found
        if cache is not None:
            cache[place] = (k, v)
        return k, v

    def biased(self, mask: Tensor | None, q: Tensor, k: Tensor) -> Tensor | None:
        """The mask with ALiBi's distances added, where the heads have them."""
        if self.positions != "alibi":
            return mask
        bias = alibi(self.h, q.shape[-2], k.shape[-2]).to(q)
        if mask is None:
            return bias
        return bias.masked_fill(~mask, NOT_ALLOWED) if mask.dtype == torch.bool else bias + mask
