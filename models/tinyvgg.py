"""TinyVGG: two blocks of two 3 x 3 convolutions without padding, each block ends in max pooling; then one dense layer.

    (3, 32, 32) -> (w, 30, 30) -> (w, 28, 28) -pool-> (w, 14, 14) -> (w, 12, 12) -> (w, 10, 10) -pool-> (w, 5, 5) -> classes

Source: Z. J. Wang et al., "CNN Explainer: learning convolutional neural networks with interactive visualization", IEEE TVCG 27,
2021, section 4 (there w = 10 and pictures of 64 x 64).
"""

from __future__ import annotations

from torch import Tensor, nn

from core.errors import ExplainerError

SMALLEST = 16  # pixels: one pixel is left after the second pooling


class TinyVGG(nn.Module):
    """(N, channels, size, size) -> logits (N, classes).

    Raises:
        ExplainerError: the picture is too small for two blocks.
    """

    def __init__(self, *, channels: int = 3, classes: int = 10, width: int = 10, size: int = 64) -> None:
        super().__init__()
        if size < SMALLEST:
            raise ExplainerError(f"pictures of {size} pixels are too small for two blocks; try {SMALLEST} or more")
        self.conv1_1, self.relu1_1 = nn.Conv2d(channels, width, 3), nn.ReLU()
        self.conv1_2, self.relu1_2, self.pool1 = nn.Conv2d(width, width, 3), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2_1, self.relu2_1 = nn.Conv2d(width, width, 3), nn.ReLU()
        self.conv2_2, self.relu2_2, self.pool2 = nn.Conv2d(width, width, 3), nn.ReLU(), nn.MaxPool2d(2)
        left = ((size - 4) // 2 - 4) // 2
        self.classifier = nn.Linear(width * left * left, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1_1(self.conv1_1(x))
        x = self.pool1(self.relu1_2(self.conv1_2(x)))
        x = self.relu2_1(self.conv2_1(x))
        x = self.pool2(self.relu2_2(self.conv2_2(x)))
        return self.classifier(x.flatten(1))
