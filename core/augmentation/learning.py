"""One small network, trained on the pictures as they are or on a new random change of them in every epoch, and put to the test.

    a = relu(W₁ ∗ (x − ½) + b₁)    12 kernels 5 x 5, every second cell
    c = relu(W₂ ∗ a + b₂)          24 kernels 3 x 3
    z = W₃ pool(c) + b₃            pool: the largest of 2 x 2 where a picture has one channel, the mean of the whole where it has three
    L = −Σ_k t_k log softmax(z)_k  the mean over 32 pictures; t may be a mixture of two labels

Adam (Kingma and Ba, 2015); the rate falls evenly to 0. First weights are even in ±√(6 / fan-in) (He et al., 2015), biases 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from core.augmentation.transforms import shifted, turned

BATCH = 32
RATES = {1: 0.005, 3: 0.02}  # by the number of channels
SHIFTS, TURNS, NOISES = (0.0, 0.0625, 0.125, 0.1875, 0.25), (0.0, 10.0, 20.0, 30.0, 45.0), (0.0, 0.1, 0.2, 0.3, 0.4)


def first_weights(C: int, S: int, K: int, g: torch.Generator, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """W₁, b₁, W₂, b₂, W₃, b₃ for pictures (C, S, S) and K classes."""
    shapes = [(12, C, 5, 5), (24, 12, 3, 3), (K, 24 if C == 3 else 24 * (S // 4) ** 2)]
    weights = []
    for shape in shapes:
        bound = math.sqrt(6 / math.prod(shape[1:]))
        weights += [bound * (2 * torch.rand(shape, generator=g, dtype=dtype) - 1), torch.zeros(shape[0], dtype=dtype)]
    return [w.requires_grad_() for w in weights]


def network(weights: list[Tensor], x: Tensor) -> Tensor:
    """Logits (N, K)."""
    W1, b1, W2, b2, W3, b3 = weights
    a = F.relu(F.conv2d(x - 0.5, W1, b1, stride=2, padding=2))
    c = F.relu(F.conv2d(a, W2, b2, padding=1))
    pooled = F.max_pool2d(c, 2).flatten(1) if x.shape[1] == 1 else c.mean((2, 3))
    return pooled @ W3.T + b3


def fit(
    weights: list[Tensor],
    x: Tensor,
    y: Tensor,
    K: int,
    epochs: int,
    order: torch.Generator,
    change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
) -> Iterator[float]:
    """Train in place; the mean loss of each epoch. `change(x, t)` gives the batch that is learned from."""
    rate = RATES[x.shape[1]]
    optimizer = torch.optim.Adam(weights, lr=rate)
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = rate * (1 - epoch / epochs)
        total = 0.0
        for rows in torch.randperm(len(x), generator=order).split(BATCH):
            pictures, targets = change(x[rows], F.one_hot(y[rows], K).to(x.dtype))
            loss = F.cross_entropy(network(weights, pictures), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        yield total / len(x)


@torch.no_grad()
def accuracy(weights: list[Tensor], x: Tensor, y: Tensor) -> float:
    """The share of right answers."""
    return float((network(weights, x).argmax(1) == y).double().mean())


def harder(x: Tensor, kind: int, level: int, g: torch.Generator) -> Tensor:
    """Test pictures moved diagonally (kind 0), turned (1) or with Gaussian noise (2), at a level 0 to 4; signs and noise from g."""
    signs = 1 - 2 * torch.randint(2, (2, len(x)), generator=g)
    if kind == 0:
        dy, dx = signs * round(SHIFTS[level] * x.shape[3])
        return shifted(x, dy, dx)
    if kind == 1:
        return turned(x, signs[0] * TURNS[level])
    return (x + NOISES[level] * torch.randn(x.shape, generator=g, dtype=x.dtype)).clamp(0, 1)


def robustness(weights: list[Tensor], x: Tensor, y: Tensor, g: torch.Generator) -> list[list[float]]:
    """Accuracy for each kind and level of harder test pictures."""
    return [[accuracy(weights, harder(x, kind, level, g), y) for level in range(5)] for kind in range(3)]
