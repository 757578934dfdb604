"""A convolution of a picture with a kernel, written four ways that give the same numbers.

With x the picture padded by p, w the kernel, and c running over the channels of o's group:

    y[o, u, v] = sum over c, i, j of  w[o, c, i, j] x[c, s u + d i, s v + d j]

This is what deep learning calls a convolution; in signal processing it is the cross-correlation, and the true convolution
has the kernel turned by 180 degrees (`flipped`). A transposed convolution is the same sum read backwards: every input cell
stamps the kernel, times its value, on the output:

    y[o, s u + d i - p, s v + d j - p] += w[c, o, i, j] x[c, u, v]

naive: one window after the other. im2col: all windows as the columns of one matrix, then one matrix product. fft: products
in the Fourier domain, where a convolution is a multiplication. torch: torch.nn.functional.

Sources: V. Dumoulin, F. Visin 2016, arXiv:1603.07285; K. Chellapilla, S. Puri, P. Simard, High performance convolutional
neural networks for document processing, 2006 (im2col); M. Mathieu, M. Henaff, Y. LeCun, Fast training of convolutional
networks through FFTs, 2014, arXiv:1312.5851.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, SupportsIndex

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.convolution.geometry import Geometry, Pair, geometry, pad, sources
from core.errors import ExplainerError, one_of


def convolve(
    image: Any,
    kernel: Any,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: SupportsIndex = 1,
    mode: str = "zeros",
    transposed: bool = False,
    output_padding: Pair = 0,
    method: str = "naive",
) -> np.ndarray:
    """`image` (channel, height, width) convolved with `kernel`, as float64 (out, height, width).

    `kernel` has torch's layout: (out, in / groups, height, width), and for a transposed convolution that of
    torch's conv_transpose2d: (in, out / groups, height, width). Stride, padding, dilation and output padding are whole
    numbers or pairs (height, width); `mode` says what the padding shows: zeros, reflect, circular or replicate.

    Raises:
        ExplainerError: picture, kernel and settings do not fit together, or the method is unknown.
    """
    if method not in METHODS:
        raise ExplainerError(f"method {method!r} is unknown; choose {one_of(METHODS)}")
    image, kernel = numbers_of(image, "the picture"), numbers_of(kernel, "the kernel")
    g = geometry(
        image,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        mode=mode,
        transposed=transposed,
        output_padding=output_padding,
    )
    return run(image, kernel, g, method)


def run(image: np.ndarray, kernel: np.ndarray, g: Geometry, method: str = "im2col") -> np.ndarray:
    """`convolve` with settings that have been checked."""
    forward, backward = METHODS[method]
    if g.transposed:
        return backward(image, kernel, g)
    return forward(padded(image, g), kernel, g)


def numbers_of(values: Any, name: str) -> np.ndarray:
    """`values` as a float64 array.

    Raises:
        ExplainerError: they are no real numbers.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError
    except (TypeError, ValueError):
        raise ExplainerError(f"{name} is not an array of real numbers; give one of float64") from None
    return array.astype(np.float64)


def padded(image: np.ndarray, g: Geometry) -> np.ndarray:
    """The picture with its padding."""
    rows, columns = (sources(n, p, p, g.mode) for n, p in zip(image.shape[1:], g.padding, strict=True))
    return pad(image, rows, columns)


def flipped(kernel: np.ndarray) -> np.ndarray:
    """The kernel turned by 180 degrees: with it the cross-correlation is the true convolution."""
    return kernel[..., ::-1, ::-1]


def spread(array: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """The last two axes with step - 1 zeros between neighbours: a dilated kernel, or the input of a transposed convolution."""
    height, width = ((n - 1) * s + 1 for n, s in zip(array.shape[-2:], step, strict=True))
    wide = np.zeros((*array.shape[:-2], height, width))
    wide[..., :: step[0], :: step[1]] = array
    return wide


def windows(image: np.ndarray, kernel: tuple[int, int], g: Geometry) -> np.ndarray:
    """What the kernel sees at every place of the padded picture: (channel, out height, out width, kernel height, kernel width)."""
    every = sliding_window_view(image, g.extent(kernel), axis=(1, 2))
    return every[:, :: g.stride[0], :: g.stride[1], :: g.dilation[0], :: g.dilation[1]]


def columns(image: np.ndarray, kernel: tuple[int, int], g: Geometry) -> np.ndarray:
    """im2col: (groups, in / groups * kernel cells, out cells), one window in each column."""
    seen = windows(image, kernel, g).transpose(0, 3, 4, 1, 2)
    return seen.reshape(g.groups, image.shape[0] // g.groups * kernel[0] * kernel[1], -1)


def _naive(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    out, per_group, *size = kernel.shape
    seen = windows(image, tuple(size), g)
    y = np.zeros((out, *seen.shape[1:3]))
    for o, u, v in np.ndindex(y.shape):
        first = o // (out // g.groups) * per_group
        y[o, u, v] = (kernel[o] * seen[first : first + per_group, u, v]).sum()
    return y


def _im2col(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    out, _, *size = kernel.shape
    height, width = windows(image, tuple(size), g).shape[1:3]
    weights = kernel.reshape(g.groups, out // g.groups, -1)
    return (weights @ columns(image, tuple(size), g)).reshape(out, height, width)


def _fft(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    """y_hat = conj(w_hat) x_hat: the correlation at every place, of which the strides keep some."""
    size = image.shape[1:]
    x_hat = np.fft.rfft2(image).reshape(g.groups, 1, -1, size[0], size[1] // 2 + 1)
    w_hat = np.fft.rfft2(spread(kernel, g.dilation), size).reshape(g.groups, -1, *kernel.shape[1:2], *x_hat.shape[-2:])
    y = np.fft.irfft2((w_hat.conj() * x_hat).sum(2).reshape(len(kernel), *x_hat.shape[-2:]), size)
    fits = [n - e + 1 for n, e in zip(size, g.extent(kernel.shape[2:]), strict=True)]
    return np.ascontiguousarray(y[:, : fits[0] : g.stride[0], : fits[1] : g.stride[1]])


def _naive_transposed(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    full, per_group = _canvas(image, kernel, g), kernel.shape[1]
    height, width = g.extent(kernel.shape[2:])
    for c, u, v in np.ndindex(image.shape):
        first = c // (len(image) // g.groups) * per_group
        top, left = u * g.stride[0], v * g.stride[1]
        stamped = full[
            first : first + per_group, top : top + height : g.dilation[0], left : left + width : g.dilation[1]
        ]
        stamped += kernel[c] * image[c, u, v]
    return _crop(full, g)


def _im2col_transposed(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    """One matrix product, then col2im: each column is added where its window lies."""
    channels, height, width = image.shape
    full = _canvas(image, kernel, g)
    weights = kernel.reshape(g.groups, channels // g.groups, -1).transpose(0, 2, 1)
    stamps = weights @ image.reshape(g.groups, channels // g.groups, -1)
    stamps = stamps.reshape(len(full), *kernel.shape[2:], height, width)
    for i, j in np.ndindex(*kernel.shape[2:]):
        top, left = i * g.dilation[0], j * g.dilation[1]
        bottom, right = top + (height - 1) * g.stride[0] + 1, left + (width - 1) * g.stride[1] + 1
        full[:, top : bottom : g.stride[0], left : right : g.stride[1]] += stamps[:, i, j]
    return _crop(full, g)


def _fft_transposed(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    """y_hat = w_hat x_hat, with the picture's cells a stride apart: a true convolution."""
    size = _canvas(image, kernel, g).shape[1:]
    x_hat = np.fft.rfft2(spread(image, g.stride), size).reshape(g.groups, -1, 1, size[0], size[1] // 2 + 1)
    w_hat = np.fft.rfft2(spread(kernel, g.dilation), size).reshape(*x_hat.shape[:2], -1, *x_hat.shape[-2:])
    return _crop(np.fft.irfft2((w_hat * x_hat).sum(1).reshape(-1, *x_hat.shape[-2:]), size), g)


def _canvas(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    """Zeros for the output of a transposed convolution before its padding is cut off."""
    rows = zip(image.shape[1:], g.stride, g.extent(kernel.shape[2:]), g.output_padding, strict=True)
    return np.zeros((kernel.shape[1] * g.groups, *((n - 1) * s + e + a for n, s, e, a in rows)))


def _crop(full: np.ndarray, g: Geometry) -> np.ndarray:
    (top, left), (height, width) = g.padding, full.shape[1:]
    return np.ascontiguousarray(full[:, top : height - top, left : width - left])


def _torch(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    import torch

    x, w = torch.from_numpy(image)[None], torch.tensor(kernel)
    return torch.nn.functional.conv2d(x, w, None, g.stride, 0, g.dilation, g.groups)[0].numpy()


def _torch_transposed(image: np.ndarray, kernel: np.ndarray, g: Geometry) -> np.ndarray:
    import torch

    x, w = torch.from_numpy(image)[None], torch.tensor(kernel)
    settings = (g.stride, g.padding, g.output_padding, g.groups, g.dilation)
    return torch.nn.functional.conv_transpose2d(x, w, None, *settings)[0].numpy()


METHODS: Mapping[str, tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]] = {
    "naive": (_naive, _naive_transposed),
    "im2col": (_im2col, _im2col_transposed),
    "fft": (_fft, _fft_transposed),
    "torch": (_torch, _torch_transposed),
}
