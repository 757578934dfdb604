"""A stack of layers written as text, its receptive fields, and its measured gradient field on a photograph.

"conv3, pool2, conv5s2p2, conv3d2": kind and kernel size, then stride s, padding p, dilation d. A conv keeps the size unless told
otherwise (stride 1, padding d (k - 1) / 2); a pool strides by its size. For the measurement every conv has one channel of equal
weights 1 / k^2, or four channels of random weights with ReLU; pools take the maximum (average where weights are equal).

The presets are the main paths of VGG-16 (K. Simonyan, A. Zisserman, 2015, up to pool5) and ResNet-18 (K. He et al., 2016).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.conv_arithmetic.inputs import photograph
from core.conv_arithmetic.spec import ConvArithmeticSpec
from core.convolution import Field, receptive_field
from core.errors import ExplainerError

MOST_LAYERS, MOST_KERNEL, MOST_STRIDE, LARGEST, SMALLEST, ROOM = 40, 31, 8, 448, 32, 1.2
WIDTH = 4  # channels of the random stack
PRESETS = {
    "plain": "conv3, conv3, conv3, conv3",
    "strided": "conv3s2, conv3s2, conv3s2",
    "dilated": "conv3, conv3d2, conv3d4, conv3d8",
    "vgg16": ", ".join(["conv3, conv3, pool2"] * 2 + ["conv3, conv3, conv3, pool2"] * 3),
    "resnet18": ", ".join(["conv7s2, pool3s2p1", "conv3, conv3, conv3, conv3"] + ["conv3s2, conv3, conv3, conv3"] * 3),
}
_LAYER = re.compile(r"(conv|pool)(\d{1,3})((?:[spd]\d{1,3})*)")
_SETTING = re.compile(r"([spd])(\d+)")


@dataclass(frozen=True)
class Layer:
    """One layer: its words, whether it pools, and its four numbers."""

    name: str
    pools: bool
    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        return self.kernel, self.stride, self.padding, self.dilation


def layers_of(spec: ConvArithmeticSpec) -> tuple[Layer, ...]:
    """The layers of the Spec's stack.

    Raises:
        ExplainerError: a layer cannot be read or cannot be, or there are none or too many.
    """
    words = [word.strip().lower() for word in PRESETS.get(spec.stack, spec.layers).split(",") if word.strip()]
    if not 1 <= len(words) <= MOST_LAYERS:
        raise ExplainerError(
            f"the stack has {len(words)} layers; 1 to {MOST_LAYERS} are allowed; try conv3, pool2, conv3"
        )
    return tuple(map(_layer, words))


def _layer(word: str) -> Layer:
    match = _LAYER.fullmatch(word)
    if match is None:
        raise ExplainerError(
            f"layer {word[:40]!r} cannot be read; write conv or pool, a size and settings, such as conv3s2p1d1 or pool2"
        )
    kernel, given = int(match[2]), {letter: int(n) for letter, n in _SETTING.findall(match[3])}
    pools = match[1] == "pool"
    dilation = given.get("d", 1)
    stride = given.get("s", kernel if pools else 1)
    padding = given.get("p", 0 if pools else dilation * (kernel - 1) // 2)
    if not (1 <= kernel <= MOST_KERNEL and 1 <= stride <= MOST_STRIDE and 1 <= dilation <= MOST_KERNEL):
        raise ExplainerError(
            f"layer {word!r}: kernel and dilation are 1 to {MOST_KERNEL}, strides 1 to {MOST_STRIDE}; try conv3s2 or pool2"
        )
    if padding > (kernel // 2 if pools else dilation * (kernel - 1)):
        raise ExplainerError(f"layer {word!r} pads so much that some windows see padding alone; try p{kernel // 2}")
    return Layer(word, pools, kernel, stride, padding, dilation)


def fields_of(layers: tuple[Layer, ...]) -> list[Field]:
    """Size, jump and start after each layer."""
    return receptive_field([layer.numbers for layer in layers])


@dataclass(frozen=True, eq=False)
class Measured:
    """`picture` and `field` (side, side), the unit looked at, and its theoretical first and last cell along one axis."""

    picture: np.ndarray
    field: np.ndarray
    unit: int
    box: tuple[float, float]


@lru_cache(maxsize=16)
def measured(layers: tuple[Layer, ...], photo: str, weights: str, seed: int) -> Measured:
    """The gradient field of the middle unit.

    Raises:
        ExplainerError: the stack strides the picture away.
    """
    from core.convolution.gradient_field import gradient_field

    size = fields_of(layers)[-1].size
    side = int(np.clip(ROOM * size, SMALLEST, LARGEST))
    units = side
    for layer in layers:
        units = (units + 2 * layer.padding - layer.dilation * (layer.kernel - 1) - 1) // layer.stride + 1
        if units < 1:
            raise ExplainerError(
                f"at layer {layer.name!r} nothing of the {side} × {side} picture is left; leave layers out or use padding"
            )
    picture = _square(photo, side)
    field = gradient_field(_network(layers, weights, seed), picture[None], (units // 2, units // 2))
    return Measured(picture, field, units // 2, fields_of(layers)[-1].box(units // 2))


def _square(photo: str, side: int) -> np.ndarray:
    """The photograph's middle square in grey, 0 to 1, every cell the pixel nearest to it."""
    whole = photograph(photo).mean(2) / 255
    n = min(whole.shape)
    top, left = ((m - n) // 2 for m in whole.shape)
    at = np.arange(side) * n // side
    return whole[top + at[:, None], left + at]


def _network(layers: tuple[Layer, ...], weights: str, seed: int):
    import torch
    from torch import nn

    from core.rng import generator

    modules: list[nn.Module] = []
    draw, channels = generator(seed, "stack"), 1
    for layer in layers:
        k, s, p, d = layer.numbers
        if layer.pools:
            modules.append(nn.MaxPool2d(k, s, p, d) if weights == "random" else _mean(nn, 1, 1, layer))
            continue
        conv = _mean(nn, channels, WIDTH if weights == "random" else 1, layer)
        if weights == "random":
            nn.init.kaiming_normal_(conv.weight, generator=draw)
            channels = WIDTH
        modules += [conv, nn.ReLU()] if weights == "random" else [conv]
    return nn.Sequential(*modules).to(torch.float64)


def _mean(nn, channels: int, filters: int, layer: Layer):
    """A convolution that takes the mean of its window."""
    conv = nn.Conv2d(channels, filters, *layer.numbers, bias=False)
    nn.init.constant_(conv.weight, 1 / (channels * layer.kernel**2))
    return conv
