"""The small decoder of the order test, written out with torch alone: what the exported script contains."""

from __future__ import annotations

import math

import torch

from models.positions import alibi_slopes, rotate, sinusoidal


def logits(w, tokens, kind, heads):
    """Tokens (T,) -> logits (T, letters): one causal layer of attention and its MLP, each behind a norm."""

    def dense(name, z):
        return z @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name, z):
        return torch.nn.functional.layer_norm(z, z.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    x = w["embedding.tokens.weight"][tokens]
    T, d = x.shape
    if kind == "sinusoidal":
        x = x + sinusoidal(T, d)
    if kind == "learned":
        x = x + w["embedding.positions.weight"][:T]
    block = "stack.blocks.0"
    n = norm(f"{block}.norm_attention", x)
    q, k, v = (
        dense(f"{block}.attention.{part}", n).reshape(T, heads, -1).transpose(0, 1)
        for part in ("query", "key", "value")
    )
    if kind == "rope":
        q, k = rotate(q), rotate(k)
    scores = q @ k.mT / math.sqrt(d // heads)
    if kind == "alibi":
        places = torch.arange(T)
        scores = scores - alibi_slopes(heads)[:, None, None] * (places[:, None] - places).abs()
    later = torch.ones(T, T, dtype=torch.bool).triu(1)
    A = torch.softmax(scores.masked_fill(later, -math.inf), -1)
    x = x + dense(f"{block}.attention.out", (A @ v).transpose(0, 1).reshape(T, d))
    hidden = dense(f"{block}.feed.first", norm(f"{block}.norm_feed", x)).relu()
    x = x + dense(f"{block}.feed.second", hidden)
    return dense("head", norm("stack.norm", x))
