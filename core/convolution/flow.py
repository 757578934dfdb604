"""How far every layer of a network sees, also where paths branch and meet: its receptive field through the graph of the network.

For one axis, cell u of a layer sees the input cells low + u j .. high + u j. With low = high = 0 and j = 1 at the picture, a window of
kernel k, stride s, padding p and dilation d turns that into

    low' = low - p j,    high' = high + (d (k - 1) - p) j,    j' = s j

which is core.convolution.receptive_field told by its two ends. Activations and normalisations change nothing. Where paths meet (a sum, a product,
maps side by side) a cell sees what any of them sees: the least low, the greatest high. A mean over the whole map sees the whole
picture, and so does all that is multiplied by it (squeeze and excitation).

Sources: A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural networks", Distill 2019, with its section on
several paths; J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018, section 3.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
from torch import fx, nn

from core.errors import ExplainerError
from models.blocks import Add
from models.surgery import ACTIVATIONS, graph_of

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
CELLWISE = (*ACTIVATIONS, nn.BatchNorm2d, nn.Dropout, nn.Identity, Add)
Box = tuple[int, int, int, int]


class Reach(NamedTuple):
    """Cell u sees the input cells low + u jump .. high + u jump along each axis; everything where they are infinite."""

    low: float
    high: float
    jump: int

    @property
    def size(self) -> float:
        """Cells along one side; infinite for a layer that sees everything."""
        return self.high - self.low + 1

    @property
    def start(self) -> float:
        """The input cell in front of cell 0; NaN for a layer that sees everything."""
        return (self.low + self.high) / 2

    def window(self, row: int, column: int, size: tuple[int, int]) -> Box:
        """The input cells (top, left, bottom, right; the last two exclusive) of a cell, cut at the edge of a picture of `size`."""
        low, high = (
            [int(np.clip(end + at * self.jump, 0, n)) for at, n in zip((row, column), size, strict=True)]
            for end in (self.low, self.high + 1)
        )
        return low[0], low[1], high[0], high[1]


PICTURE, EVERYTHING = Reach(0, 0, 1), Reach(-inf, inf, 0)


def reaches(model: nn.Module) -> dict[str, Reach]:
    """Layer name -> its reach, for the innermost modules in the order of computing.

    Raises:
        ExplainerError: a layer is of a kind whose reach is not known, or its kernel is not square.
    """
    layers, found, named = dict(model.named_modules()), {}, {}
    for node in graph_of(model, innermost=True).nodes:
        inputs = [found[one] for one in node.all_input_nodes]
        if node.op == "call_module":
            named[node.target] = found[node] = _through(layers[node.target], inputs, node.target)
        else:
            found[node] = PICTURE if node.op == "placeholder" else _joined(node, inputs)
    return named


def _through(layer: nn.Module, inputs: list[Reach], name: str) -> Reach:
    if isinstance(layer, WINDOWS):
        return _window(inputs[0], *_numbers(layer, name))
    if isinstance(layer, CELLWISE):
        return _hull(inputs)
    if isinstance(layer, (nn.AdaptiveAvgPool2d, nn.Linear)):
        return EVERYTHING
    raise ExplainerError(
        f"how far layer {name} sees is not known: it is a {type(layer).__name__}; choose another network"
    )


def _window(before: Reach, kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    low, high, jump = before
    return Reach(low - padding * jump, high + (dilation * (kernel - 1) - padding) * jump, jump * stride)


def _numbers(layer: nn.Module, name: str) -> tuple[int, int, int, int]:
    given = (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
    pairs = [one if isinstance(one, tuple) else (one, one) for one in given]
    if any(height != width for height, width in pairs):
        raise ExplainerError(f"layer {name} has a window that is not square; one number cannot say how far it sees")
    kernel, stride, padding, dilation = (int(height) for height, _ in pairs)
    return kernel, stride, padding, dilation


def _joined(node: fx.Node, inputs: list[Reach]) -> Reach:
    """Sums, products and maps side by side join their inputs; whatever else a function does, it may see everything."""
    words = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return _hull(inputs) if words in ("add", "mul", "cat", "output") else EVERYTHING


def _hull(inputs: list[Reach]) -> Reach:
    return Reach(min(r.low for r in inputs), max(r.high for r in inputs), max(r.jump for r in inputs))
