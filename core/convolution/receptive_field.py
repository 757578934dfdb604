"""How much of the picture a unit of a deep layer can see, where, and how strongly.

Layer l has kernel k, stride s, padding p and dilation d. With r its receptive field, j its jump (how far apart on the
picture two neighbouring units look) and a the place of the first unit's centre, counted in cells from the first cell of
the picture, and r = 1, j = 1, a = 0 before the first layer:

    r_l = r + d (k - 1) j          a_l = a + (d (k - 1) / 2 - p) j          j_l = s j

Source: A. Araujo, W. Norris, J. Sim, Computing receptive fields of convolutional neural networks, Distill 2019 (equations 2
and 4 and their solutions; dilation replaces k by d (k - 1) + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from core.convolution.geometry import pair
from core.errors import ExplainerError


class Field(NamedTuple):
    """What one layer's units see of the input: `size` cells, `jump` cells apart, the first centred at cell `start` (0 = first cell)."""

    size: int
    jump: int
    start: float

    def box(self, unit: int) -> tuple[float, float]:
        """The first and last input cell that unit number `unit` sees; cells below 0 or past the end lie in the padding."""
        centre = self.start + unit * self.jump
        return centre - (self.size - 1) / 2, centre + (self.size - 1) / 2


def receptive_field(layers: Sequence[Any]) -> list[Field]:
    """The receptive field after each of `layers`, a sequence of (kernel, stride, padding, dilation), along one axis.

    Raises:
        ExplainerError: a layer is not four whole numbers, kernel, stride and dilation from 1, padding from 0.
    """
    fields = []
    size, jump, start = 1, 1, 0.0
    for number, layer in enumerate(layers, 1):
        kernel, stride, padding, dilation = _checked(layer, number)
        reach = dilation * (kernel - 1)
        size, start, jump = size + reach * jump, start + (reach / 2 - padding) * jump, jump * stride
        fields.append(Field(size, jump, start))
    return fields


def _checked(layer: Any, number: int) -> tuple[int, int, int, int]:
    try:
        kernel, stride, padding, dilation = layer
    except (TypeError, ValueError):
        raise ExplainerError(
            f"layer {number} is {layer!r}; give (kernel, stride, padding, dilation), such as (3, 1, 1, 1)"
        ) from None
    given = (("kernel", kernel, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    values = [pair(value, f"layer {number}: {name}", least) for name, value, least in given]
    if any(height != width for height, width in values):
        raise ExplainerError(f"layer {number} is {layer!r}; give one axis at a time: four whole numbers")
    return tuple(height for height, _ in values)
