"""Where a convolution looks: its settings, its output size, and the input cell that each cell of the padded picture shows.

Along one axis, with input size n, kernel k, stride s, padding p, dilation d and output padding a (Dumoulin and Visin 2016,
relationships 6 and 14, with dilation as in section 5.1):

    o = floor((n + 2p - d(k - 1) - 1) / s) + 1            convolution
    o = (n - 1)s - 2p + d(k - 1) + a + 1                  transposed convolution

Padding of every mode is a map of indices: padded cell u shows input cell `sources[u]`, or 0 where that is -1. So one
gather pads, and one scatter of sums is its derivative.

Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016, arXiv:1603.07285.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np

from core.errors import ExplainerError, one_of

MODES = ("zeros", "reflect", "circular", "replicate")
NUMPY_MODES = {"reflect": "reflect", "circular": "wrap", "replicate": "edge"}
AXES = ("height", "width")

Pair = SupportsIndex | Sequence[SupportsIndex]


@dataclass(frozen=True)
class Geometry:
    """The settings of one convolution; every pair is (height, width)."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    mode: str = "zeros"
    transposed: bool = False
    output_padding: tuple[int, int] = (0, 0)

    def extent(self, kernel: tuple[int, int]) -> tuple[int, int]:
        """What the kernel spans on the picture: d(k - 1) + 1."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, kernel, strict=True))

    def output_size(self, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the output; 0 or less where the kernel does not fit."""
        if self.transposed:
            rows = zip(size, self.stride, self.padding, self.extent(kernel), self.output_padding, strict=True)
            return tuple((n - 1) * s - 2 * p + e + a for n, s, p, e, a in rows)
        rows = zip(size, self.stride, self.padding, self.extent(kernel), strict=True)
        return tuple((n + 2 * p - e) // s + 1 for n, s, p, e in rows)


def pair(value: Pair, name: str, least: int) -> tuple[int, int]:
    """`value` as (height, width).

    Raises:
        ExplainerError: it is neither a whole number nor two of them, or one is below `least`.
    """
    try:
        both = (value, value) if hasattr(value, "__index__") else tuple(value)
        height, width = (operator.index(one) for one in both)
    except (TypeError, ValueError):
        raise ExplainerError(
            f"{name} {value!r} is neither a whole number nor a pair (height, width); try {max(least, 1)}"
        ) from None
    if min(height, width) < least:
        raise ExplainerError(f"{name} {value!r} is below {least}; try {max(least, 1)}")
    return height, width


def geometry(
    image: np.ndarray,
    kernel: np.ndarray,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: SupportsIndex = 1,
    mode: str = "zeros",
    transposed: bool = False,
    output_padding: Pair = 0,
) -> Geometry:
    """The checked settings for `image` (channel, height, width) and `kernel` (four axes, as `convolve` takes it).

    Raises:
        ExplainerError: the settings do not fit the picture and the kernel; the message says which, and what to try.
    """
    if image.ndim != 3 or not image.size:
        raise ExplainerError(
            f"a picture of shape {image.shape} has no (channel, height, width); give three sizes of 1 or more"
        )
    if kernel.ndim != 4 or not kernel.size:
        raise ExplainerError(
            f"a kernel of shape {kernel.shape} has no (out, in / groups, height, width); give four sizes of 1 or more"
        )
    made = Geometry(
        pair(stride, "stride", 1),
        pair(padding, "padding", 0),
        pair(dilation, "dilation", 1),
        pair(groups, "groups", 1)[0],
        mode,
        bool(transposed),
        pair(output_padding, "output padding", 0),
    )
    _check_channels(made, image.shape[0], kernel.shape)
    _check_mode(made, image.shape[1:])
    _check_output_padding(made)
    _check_size(made, image.shape[1:], kernel.shape[2:])
    return made


def _check_channels(g: Geometry, channels: int, kernel: tuple[int, ...]) -> None:
    first, second = kernel[:2]
    if channels % g.groups:
        raise ExplainerError(
            f"{g.groups} groups do not divide {channels} input channels; try {_divisor(channels, g.groups)}"
        )
    if g.transposed:
        if first != channels:
            raise ExplainerError(
                f"the kernel's first axis is {first}, the picture has {channels} channels; "
                "a transposed convolution takes a kernel (in, out / groups, height, width)"
            )
        return
    if first % g.groups:
        raise ExplainerError(
            f"{g.groups} groups do not divide {first} output channels; try {_divisor(first, g.groups)}"
        )
    if second * g.groups != channels:
        raise ExplainerError(
            f"the kernel sees {second} channels in each of {g.groups} groups, the picture has {channels}; "
            f"give a kernel (out, {channels // g.groups}, height, width)"
        )


def _divisor(number: int, near: int) -> int:
    """The largest divisor of `number` that is at most `near`."""
    return max(n for n in range(1, min(number, near) + 1) if number % n == 0)


def _check_mode(g: Geometry, size: tuple[int, int]) -> None:
    if g.mode not in MODES:
        raise ExplainerError(f"padding mode {g.mode!r} is unknown; choose {one_of(MODES)}")
    if g.transposed and g.mode != "zeros":
        raise ExplainerError(
            f"a transposed convolution has no {g.mode} padding: its padding crops the output; choose zeros"
        )
    for axis, p, n in zip(AXES, g.padding, size, strict=True):
        most = {"reflect": n - 1, "circular": n}.get(g.mode, p)
        if p > most:
            raise ExplainerError(
                f"{g.mode} padding {p} needs a picture of {axis} {p + n - most} or more, this one has {n}; try padding {most}"
            )


def _check_output_padding(g: Geometry) -> None:
    if not g.transposed and max(g.output_padding):
        raise ExplainerError(f"output padding {max(g.output_padding)} belongs to a transposed convolution; try 0")
    for axis, a, s, d in zip(AXES, g.output_padding, g.stride, g.dilation, strict=True):
        if a >= max(s, d) and a > 0:
            raise ExplainerError(
                f"output padding {a} along the {axis} must be smaller than the stride {s} or the dilation {d}; try {max(s, d) - 1}"
            )


def _check_size(g: Geometry, size: tuple[int, int], kernel: tuple[int, int]) -> None:
    for axis, o, n, p, e in zip(AXES, g.output_size(size, kernel), size, g.padding, g.extent(kernel), strict=True):
        if o >= 1:
            continue
        if g.transposed:
            raise ExplainerError(
                f"padding {p} crops the whole {axis} of the output away; try padding {p - (2 - o) // 2}"
            )
        raise ExplainerError(
            f"the kernel spans {e} cells of {axis}, the padded picture has only {n + 2 * p}; "
            f"try padding {-(-(e - n) // 2)}, a smaller kernel or a smaller dilation"
        )


def sources(n: int, before: int, after: int, mode: str) -> np.ndarray:
    """The input index that each of the before + n + after padded cells of one axis shows; -1 for a zero."""
    if mode == "zeros":
        return np.pad(np.arange(n), (before, after), constant_values=-1)
    return np.pad(np.arange(n), (before, after), mode=NUMPY_MODES[mode])


def pad(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(channel, height, width) -> the padded picture whose axes show the input cells `rows` and `columns`."""
    shown = image[:, rows[:, None], columns]
    return np.where((rows[:, None] < 0) | (columns < 0), 0.0, shown)


def unpad(grad: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The derivative of `pad`: what arrives at the padded cells, added up in the input cells that they show."""
    total = np.zeros((grad.shape[0], *size))
    inside = np.ix_(np.arange(grad.shape[0]), rows >= 0, columns >= 0)
    np.add.at(total, np.ix_(np.arange(grad.shape[0]), rows[rows >= 0], columns[columns >= 0]), grad[inside])
    return total
