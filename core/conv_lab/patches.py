"""The pieces of the example pictures that excite a unit most: the units' own words, as far as they have any.

For each picture the cell where the unit's map is largest is found; the nine pictures with the largest values are kept, and of each the
window that this cell can see, its theoretical receptive field (core.convolution.receptive_field).

Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import nn

from core.convolution.maps import innermost
from core.convolution.receptive_field import Field, receptive_field

NINE = 9


@dataclass(frozen=True, eq=False)
class Patches:
    """The strongest first: row of its picture, the cell, the value there, and the window (top, left, bottom, right) in pixels."""

    pictures: Int[np.ndarray, "K"]
    cells: Int[np.ndarray, "K 2"]
    values: Float[np.ndarray, "K"]
    windows: Int[np.ndarray, "K 4"]


def field_of(model: nn.Module, layer: str) -> Field:
    """The receptive field of a layer along the longest path to it; both axes alike. A residual block's shortcut is the shorter path."""
    layers = innermost(model)
    names = list(layers)
    path = [layers[name] for name in names[: names.index(layer) + 1] if ".shortcut" not in name]
    steps = [_step(one) for one in path if isinstance(one, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d))]
    return receptive_field(steps)[-1] if steps else Field(1, 1, 0.0)


def _step(layer: nn.Module) -> tuple[int, int, int, int]:
    kernel, stride, padding, dilation = (
        one[0] if isinstance(one, tuple) else int(one)
        for one in (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
    )
    return kernel, stride, padding, dilation


def top_patches(maps: Float[np.ndarray, "N h w"], field: Field, size: tuple[int, int]) -> Patches:
    """The nine strongest cells of a unit's maps, one a picture, and their windows in pictures of `size` (height, width)."""
    flat = maps.reshape(len(maps), -1)
    best = flat.argmax(axis=1)
    values = flat[np.arange(len(flat)), best]
    order = np.argsort(-values, kind="stable")[:NINE]
    cells = np.stack(np.unravel_index(best[order], maps.shape[1:]), axis=1)
    return Patches(order, cells, values[order], np.array([window(field, i, j, size) for i, j in cells.tolist()]))


def window(field: Field, i: int, j: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels (top, left, bottom, right; the last two exclusive) that cell (i, j) can see, cut at the picture's edge."""
    (top, bottom), (left, right) = field.box(i), field.box(j)
    return (
        max(0, int(np.ceil(top))), max(0, int(np.ceil(left))),
        min(size[0], int(np.floor(bottom)) + 1), min(size[1], int(np.floor(right)) + 1),
    )  # fmt: skip
