"""Inside one layer: what each input map adds to one output map, and what the maps are like over many pictures.

A convolution's map number o, before any activation, is a sum over the input maps c of its group, and the bias:

    z_o = b_o + sum_c K_oc * x_c           (* is the convolution's sliding product with the kernel K_oc)

so K_oc * x_c is the *contribution* of input map c, and the contributions and the bias add up to z_o exactly.
Each of C, C' / groups input maps has its own kernel: one filter is a stack of kernels, and one map is the sum of their answers.

Over the pictures n and the places (i, j), a map's mean, its share of exact zeros and its largest value tell what it is for; a map that
has one and the same value everywhere is *dead*: it tells the next layer nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import nn

from core.convolution.maps import Images, feature_maps, innermost
from core.errors import ExplainerError

BATCH = 8  # pictures at once: all maps of all layers are held in memory together


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Layer name -> convolution, in the order in which the network lists them."""
    return {name: layer for name, layer in innermost(model).items() if isinstance(layer, nn.Conv2d)}


@dataclass(frozen=True, eq=False)
class Sum:
    """One map as a sum: `parts[k]` comes from input map `sources[k]` by `kernels[k]`; then the bias."""

    sources: tuple[int, ...]
    kernels: Float[np.ndarray, "inputs h w"]
    parts: Float[np.ndarray, "inputs height width"]
    bias: float

    @property
    def total(self) -> Float[np.ndarray, "height width"]:
        """The map before the activation."""
        return self.parts.sum(axis=0) + self.bias


def contributions(conv: nn.Conv2d, inputs: Float[np.ndarray, "channel h w"], unit: int) -> Sum:
    """Map number `unit` of a convolution, taken apart by input map.

    Raises:
        ExplainerError: the convolution has no such map.
    """
    if not 0 <= unit < conv.out_channels:
        raise ExplainerError(f"map {unit} is outside 0 to {conv.out_channels - 1}; try 0")
    width = conv.in_channels // conv.groups  # input maps of a group
    first = unit // (conv.out_channels // conv.groups) * width
    x = torch.as_tensor(inputs, dtype=conv.weight.dtype)[None, first : first + width]
    kernels = conv.weight[unit].detach()
    apart = nn.Conv2d(
        width,
        width,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        width,
        False,
        conv.padding_mode,
        "meta",
    )  # each input map with its own kernel; its weights are not used
    parts = apart._conv_forward(x, kernels[:, None], None).detach()
    return Sum(
        tuple(range(first, first + width)),
        kernels.numpy().copy(),
        parts[0].numpy(),
        0.0 if conv.bias is None else float(conv.bias[unit].detach()),
    )


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of every map of one layer, over all pictures and places."""

    mean: Float[np.ndarray, "channel"]
    zeros: Float[np.ndarray, "channel"]  # share of exact zeros, 0..1
    low: Float[np.ndarray, "channel"]
    high: Float[np.ndarray, "channel"]

    @property
    def dead(self) -> Bool[np.ndarray, "channel"]:
        """Maps with one and the same value everywhere."""
        return self.low == self.high


def statistics(model: nn.Module, batches: Iterable[Images]) -> dict[str, Statistics]:
    """Of every layer, the statistics of its maps over all pictures of all batches.

    Raises:
        ExplainerError: there is no picture.
    """
    found: dict[str, list[np.ndarray]] = {}
    for images in batches:
        for layer, maps in feature_maps(model, images).items():
            found[layer] = _joined(found.get(layer), _sums(maps))
    if not found:
        raise ExplainerError("there is no picture to look at; give one or more")
    return {
        layer: Statistics(total / count, zeros / count, low, high)
        for layer, (count, total, zeros, low, high) in found.items()
    }


def in_batches(images: np.ndarray, size: int = BATCH) -> Iterable[np.ndarray]:
    """The pictures, `size` at a time."""
    return (images[k : k + size] for k in range(0, len(images), size))


def _sums(maps: np.ndarray) -> list[np.ndarray]:
    """Of each channel: how many values, their sum, how many are 0, the least, the largest."""
    places = (0, 2, 3)
    count = np.full(maps.shape[1], maps[:, 0].size, float)
    total = maps.sum(axis=places, dtype=np.float64)
    zeros = (maps == 0).sum(axis=places).astype(float)
    return [count, total, zeros, maps.min(axis=places).astype(float), maps.max(axis=places).astype(float)]


def _joined(before: list[np.ndarray] | None, now: list[np.ndarray]) -> list[np.ndarray]:
    if before is None:
        return now
    return [
        join(a, b) for join, a, b in zip((np.add, np.add, np.add, np.minimum, np.maximum), before, now, strict=True)
    ]
