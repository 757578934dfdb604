"""A small network to train live: 2 to 4 equal blocks, then a mean over the picture and one dense layer.

    block b = 1 .. B:   convolution k x k, width * 2^(b-1) channels   [-> batch-norm]   -> ReLU   -> pooling
    logits = W mean_{i,j} x[:, i, j] + b

Pooling halves height and width: the largest or the mean of 2 x 2, or no pooling and a convolution with stride 2. The mean at the
end is global average pooling (M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014, section 3.2); the pattern of
blocks is that of K. Simonyan, A. Zisserman, "Very deep convolutional networks", ICLR 2015, with one convolution a block.
"""

from __future__ import annotations

from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from models.blocks import POOLINGS, pooling

BLOCKS = (2, 4)  # fewest and most
POOLING_KINDS = (*POOLINGS, "stride")


class SmallCNN(nn.Module):
    """(N, channels, H, W) -> logits (N, classes); any H and W of at least 2^blocks.

    Raises:
        ExplainerError: blocks, width, kernel or pooling cannot be used.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        classes: int = 10,
        blocks: int = 3,
        width: int = 16,
        kernel: int = 3,
        batch_norm: bool = True,
        pool: str = "max",
    ) -> None:
        super().__init__()
        _check(blocks, width, kernel, pool)
        self.features = nn.Sequential()
        for b in range(1, blocks + 1):
            out = width * 2 ** (b - 1)
            stride = 2 if pool == "stride" else 1
            conv = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=not batch_norm)
            self.features.add_module(f"conv{b}", conv)
            if batch_norm:
                self.features.add_module(f"norm{b}", nn.BatchNorm2d(out))
            self.features.add_module(f"relu{b}", nn.ReLU())
            if pool != "stride":
                self.features.add_module(f"pool{b}", pooling(pool))
            channels = out
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.mean(self.features(x)).flatten(1))


def _check(blocks: int, width: int, kernel: int, pool: str) -> None:
    low, high = BLOCKS
    if not low <= blocks <= high:
        raise ExplainerError(f"{blocks} blocks are outside {low} to {high}; try 3")
    if width < 1:
        raise ExplainerError(f"width {width} is below 1; try 16")
    if kernel < 1 or kernel % 2 == 0:
        raise ExplainerError(f"kernel {kernel} is not an odd number from 1 up; try 3")
    if pool not in POOLING_KINDS:
        raise ExplainerError(f"pooling {pool!r} is unknown; choose {one_of(POOLING_KINDS)}")
