"""The torch module that a description stands for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.architectures.blocks import Chain, Layer, Node, Split, child
from core.architectures.count import Shape, count
from models.tuned import Dropout

ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
DROPOUT = 0.2


class Branches(nn.Module):
    """Branches that read the same input, and how they meet."""

    def __init__(self, join: str, branches: list[nn.Module]) -> None:
        super().__init__()
        self.join, self.branches = join, nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = (branch(x) for branch in self.branches)
        if self.join == "concat":
            return torch.cat([first, *rest], 1)
        for y in rest:
            first = first + y if self.join == "add" else first * y
        return first


def module(net: Chain, shape: Shape) -> nn.Module:
    """The module for pictures of `shape` (channels, height, width): (N, *shape) -> (N, classes). Its weights are torch's own first ones; the `source` of its Dropouts is set by the run.

    Raises:
        ExplainerError: a layer cannot take what comes to it.
    """
    came = {row.path: row.came for row in count(net, shape).rows}
    return _module(net, "", came)


def _module(node: Node, path: str, came: dict[str, Shape]) -> nn.Module:
    match node:
        case Layer():
            return _layer(node, came[path])
        case Chain():
            return nn.Sequential(*(_module(part, child(path, k), came) for k, part in enumerate(node.parts)))  # fmt: skip
        case Split():
            return Branches(
                node.join, [_module(branch, child(path, k), came) for k, branch in enumerate(node.branches)]
            )


def _layer(layer: Layer, shape: Shape) -> nn.Module:
    N = shape[0]
    match layer.kind:
        case "conv":
            return nn.Conv2d(N, layer.out or N, layer.kernel, layer.stride, layer.padding, groups=layer.groups or N, bias=layer.bias)  # fmt: skip
        case "max":
            return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil)
        case "avg":
            return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil)
        case "dense":
            return nn.Linear(N, layer.out)
        case "norm":
            return nn.BatchNorm2d(N)
        case "lrn":
            return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
        case "mean":
            return nn.AdaptiveAvgPool2d(1)
        case "flatten":
            return nn.Flatten()
        case "dropout":
            return Dropout(DROPOUT)
    return ACTIVATIONS[layer.kind]()
