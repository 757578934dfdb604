"""Small networks whose answers can be worked out by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.rng import generator
from models.blocks import init_weights


class Linear(nn.Module):
    """logits = W x + b on the flattened picture."""

    def __init__(self, W: Tensor, b: Tensor) -> None:
        super().__init__()
        self.dense = nn.Linear(*W.T.shape)
        self.dense.weight, self.dense.bias = nn.Parameter(W), nn.Parameter(b)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x.flatten(1))


class Pooled(nn.Module):
    """Convolution, ReLU, mean over the picture, dense."""

    def __init__(self, seed: int = 0, padding_mode: str = "zeros", channels: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1, padding_mode=padding_mode)
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(4, 3)
        init_weights(self, generator(seed, "weights")).double().eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.relu(self.conv(x)).mean(dim=(2, 3)))


def pictures(N: int = 6, C: int = 2, size: int = 8) -> Tensor:
    return torch.rand((N, C, size, size), generator=generator(3, "pictures"), dtype=torch.float64)
