"""Parts that several families share: pooling by name, the sum of two paths, first weights from a generator.

Captum follows a network by hooks on its modules. So every activation here is a module of its own, used once and not in-place;
what has no weights and no rule in Captum (flatten, identity) is written in `forward` and is no module.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.errors import ExplainerError, one_of

POOLINGS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


def pooling(kind: str) -> nn.Module:
    """A 2 x 2 window that moves by 2: (N, C, H, W) -> (N, C, H // 2, W // 2).

    Raises:
        ExplainerError: no pooling has that name.
    """
    if kind not in POOLINGS:
        raise ExplainerError(f"pooling {kind!r} is unknown; choose {one_of(POOLINGS)}")
    return POOLINGS[kind](2)


class Normalised:
    """What has a `mean` and a `std` for each channel: x = (picture - mean) / std, with picture in 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalise(self, pictures: Tensor) -> Tensor:
        """(..., C, H, W) in 0..1 -> what the network takes."""
        return (pictures - _channels(self.mean, pictures)) / _channels(self.std, pictures)

    def restore_colours(self, x: Tensor) -> Tensor:
        """The inverse of `normalise`: what the network takes -> pictures in 0..1."""
        return x * _channels(self.std, x) + _channels(self.mean, x)


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values).view(-1, 1, 1)


class Add(nn.Module):
    """x + y as a module, so that a hook can see where two paths meet."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


@torch.no_grad()
def init_weights(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """First weights W ~ N(0, 2 / fan_in), b = 0; batch-norm starts as the identity.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, eq. 10.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            fan_in = layer.weight[0].numel()
            layer.weight.normal_(0.0, (2 / fan_in) ** 0.5, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.weight.fill_(1.0)
            layer.bias.zero_()
    return module
