"""LeNet-5: two convolutions with pooling, then three dense layers.

    (1, 28, 28) -conv 5x5, padding 2-> (6, 28, 28) -pool-> (6, 14, 14) -conv 5x5-> (16, 10, 10) -pool-> (16, 5, 5) -> 120 -> 84 -> 10

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86, 1998,
section II.B. The paper's net has tanh, trainable average pooling, a sparse table of connections in its second convolution and
distances as outputs; this is the form that is used today, with ReLU and max pooling unless asked otherwise: 61,706 weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from models.blocks import pooling

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class LeNet5(nn.Module):
    """(N, channels, 28, 28) -> logits (N, classes).

    Raises:
        ExplainerError: the activation or the pooling is unknown.
    """

    def __init__(self, *, channels: int = 1, classes: int = 10, activation: str = "relu", pool: str = "max") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ExplainerError(f"activation {activation!r} is unknown; choose {one_of(ACTIVATIONS)}")
        act = ACTIVATIONS[activation]
        self.conv1, self.act1, self.pool1 = nn.Conv2d(channels, 6, 5, padding=2), act(), pooling(pool)
        self.conv2, self.act2, self.pool2 = nn.Conv2d(6, 16, 5), act(), pooling(pool)
        self.dense1, self.act3 = nn.Linear(16 * 5 * 5, 120), act()
        self.dense2, self.act4 = nn.Linear(120, 84), act()
        self.classifier = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.act1(self.conv1(x)))
        x = self.pool2(self.act2(self.conv2(x)))
        x = self.act3(self.dense1(x.flatten(1)))
        return self.classifier(self.act4(self.dense2(x)))
