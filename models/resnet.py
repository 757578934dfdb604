"""Residual networks for small pictures: 6 n + 2 layers, n = 3 gives ResNet-20.

    y = relu(F(x) + shortcut(x)),     F = conv 3x3, batch-norm, ReLU, conv 3x3, batch-norm

A convolution to w channels, then three stages of n blocks with w, 2 w and 4 w channels; the first block of stages 2 and 3 has
stride 2. Then the mean over the picture and one dense layer. Where the shape changes, the shortcut is

    option A: every second pixel, and channels of zeros, half on each side (no weights)
    option B: convolution 1x1 with stride 2 and batch-norm

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, sections 3.3 and 4.2 (w = 16,
option A: 269,722 weights for n = 3).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ExplainerError, one_of
from models.blocks import Add

SHORTCUTS = ("A", "B")


class ZeroPadShortcut(nn.Module):
    """Option A: (N, C, H, W) -> (N, channels, H / 2, W / 2)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.pad = (after - before) // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))


def projection(before: int, after: int) -> nn.Module:
    """Option B: (N, before, H, W) -> (N, after, H / 2, W / 2)."""
    return nn.Sequential(nn.Conv2d(before, after, 1, stride=2, bias=False), nn.BatchNorm2d(after))


class BasicBlock(nn.Module):
    """relu(F(x) + shortcut(x)); the stride is 2 where the number of channels changes."""

    def __init__(self, before: int, after: int, shortcut: str) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        self.conv1, self.norm1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after)
        self.relu1 = nn.ReLU()
        self.conv2, self.norm2 = nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)
        self.shortcut = None
        if stride == 2:
            self.shortcut = ZeroPadShortcut(before, after) if shortcut == "A" else projection(before, after)
        self.add, self.relu2 = Add(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        return self.relu2(self.add(residual, x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    """(N, channels, H, W) -> logits (N, classes).

    Raises:
        ExplainerError: the shortcut is unknown, or there is no block.
    """

    def __init__(
        self, *, channels: int = 3, classes: int = 10, n: int = 3, width: int = 16, shortcut: str = "B"
    ) -> None:
        super().__init__()
        if shortcut not in SHORTCUTS:
            raise ExplainerError(f"shortcut {shortcut!r} is unknown; choose {one_of(SHORTCUTS)}")
        if n < 1 or width < 1:
            raise ExplainerError(f"{n} blocks of width {width} make no network; try n = 3 and width 16")
        self.conv, self.norm, self.relu = (
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.stage1 = _stage(n, width, width, shortcut)
        self.stage2 = _stage(n, width, 2 * width, shortcut)
        self.stage3 = _stage(n, 2 * width, 4 * width, shortcut)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.classifier(self.mean(x).flatten(1))


def _stage(n: int, before: int, after: int, shortcut: str) -> nn.Sequential:
    return nn.Sequential(*(BasicBlock(before if i == 0 else after, after, shortcut) for i in range(n)))
