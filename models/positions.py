"""How a transformer learns the order of its tokens: four ways, as functions of the position.

    sinusoidal  PE(t, 2i) = sin(t w_i), PE(t, 2i + 1) = cos(t w_i), w_i = 10000^(-2i / d), added to the embeddings
    RoPE        (x_2i, x_2i+1) of every query and key turned by the angle t w_i: their product depends on the distance alone
    ALiBi       -m_h |i - j| added to the scores; for h = 1 .. n heads m_h = 2^(-8h / n)
    learned     a vector for each position, an nn.Embedding of the model

Sources: A. Vaswani et al., NeurIPS 2017, section 3.5; J. Su et al., "RoFormer", Neurocomputing 568, 2024 (arXiv:2104.09864), eq. 15
and 34; O. Press, N. A. Smith, M. Lewis, "Train short, test long", ICLR 2022, section 3 (for a number of heads that is no power of
two, the rule of the authors' program; for queries that look ahead, the distance without its sign).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

POSITIONS = {
    "none": "None",
    "sinusoidal": "Sinusoidal",
    "learned": "Learned",
    "rope": "RoPE (rotary)",
    "alibi": "ALiBi (distance)",
}
BASE = 10000.0


def frequencies(d: int, base: float = BASE) -> Tensor:
    """w_i = base^(-2i / d) for i = 0 .. d / 2 - 1, in float64 radians per position."""
    return base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)


def angles(length: int, d: int, start: int = 0, base: float = BASE) -> Tensor:
    """(length, d / 2): t w_i for the positions from `start`."""
    return torch.arange(start, start + length, dtype=torch.float64)[:, None] * frequencies(d, base)


def sinusoidal(length: int, d: int, start: int = 0, base: float = BASE) -> Tensor:
    """(length, d): sines in the even columns, cosines in the odd ones; an odd d ends with a sine."""
    t = angles(length, d, start, base)
    return torch.stack([t.sin(), t.cos()], -1).flatten(1)[:, :d]


def rotate(x: Tensor, start: int = 0, base: float = BASE) -> Tensor:
    """x (..., token, d) with each pair of neighbouring columns turned by its angle; d is even."""
    t = angles(x.shape[-2], x.shape[-1], start, base)
    cos, sin = t.cos().to(x), t.sin().to(x)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def alibi_slopes(heads: int) -> Tensor:
    """m_h of each head, steepest first; for a number that is no power of two, every other slope of twice as many fills up."""
    whole = 2 ** int(math.log2(heads))
    first = [2 ** (-8 * h / whole) for h in range(1, whole + 1)]
    between = [2 ** (-8 * h / (2 * whole)) for h in range(1, 2 * whole + 1, 2)]
    return torch.tensor((first + between)[:heads], dtype=torch.float64)


def alibi(heads: int, queries: int, keys: int | None = None) -> Tensor:
    """(head, query, key): what is added to the scores; the last query stands at the last key."""
    keys = queries if keys is None else keys
    i, j = torch.arange(keys - queries, keys), torch.arange(keys)
    return -alibi_slopes(heads)[:, None, None] * (i[:, None] - j).abs()
