"""Small networks whose attributions are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

W = torch.tensor([[1.0, -2.0, 0.5, 3.0], [-1.0, 1.0, 2.0, -0.5]])


def linear(dtype: torch.dtype = torch.float64) -> nn.Module:
    """f(x) = W x, without bias."""
    net = nn.Sequential(nn.Linear(4, 2, bias=False)).to(dtype)
    with torch.no_grad():
        net[0].weight.copy_(W)
    return net


class OneUnit(nn.Module):
    """f(x) = ReLU(x1 + x2 - 1) with b = 0: silent at the baseline, so the slope there says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sum, self.relu, self.out = nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.sum.weight.fill_(1.0)
            self.sum.bias.fill_(-1.0)
            self.out.weight.fill_(1.0)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.relu(self.sum(x)))


def two_units() -> nn.Module:
    """f(x) = 2 ReLU(x1 - x2) - 3 ReLU(x1 + x2) + 1 ReLU(-x1)."""
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -1.0], [1.0, 1.0], [-1.0, 0.0]]))
        net[2].weight.copy_(torch.tensor([[2.0, -3.0, 1.0]]))
    return net


class Square(nn.Module):
    """f(x) = sum x^2, whose slope 2 x is not constant."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * x).sum(1, keepdim=True)


class Head(nn.Module):
    """Two maps A1 = x, A2 = -x and f = 3 mean(A1) + 1 mean(A2): the hand-computed example of Grad-CAM."""

    def __init__(self, pool: int = 1) -> None:
        super().__init__()
        self.maps, self.pool, self.out = (
            nn.Conv2d(1, 2, 1, bias=False),
            nn.AvgPool2d(pool),
            nn.Linear(2, 1, bias=False),
        )
        with torch.no_grad():
            self.maps.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
            self.out.weight.copy_(torch.tensor([[3.0, 1.0]]))
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.pool(self.maps(x)).mean((2, 3)))


def conv(seed: int = 0, bias: bool = True, channels: int = 1) -> nn.Module:
    """Two convolutions with ReLU and max pooling, three classes, 12 x 12 pixels."""
    g = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1, bias=bias), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(54, 3, bias=bias),
    ).double()  # fmt: skip
    with torch.no_grad():
        for weights in net.parameters():
            weights.normal_(0.0, 0.25, generator=g)
    return net.eval()


def pictures(count: int = 2, channels: int = 1) -> Tensor:
    return torch.rand((count, channels, 12, 12), generator=torch.Generator().manual_seed(7), dtype=torch.float64)
