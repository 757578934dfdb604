"""What a convolution costs: multiply-adds and parameters, counted by formula.

With N input channels, M filters, G groups, a kernel of k_h x k_w cells and an output of h x w cells:

    multiply-adds      h w M (N / G) k_h k_w          (transposed: the input's h w, and N (M / G) in place of M (N / G))
    parameters         M (N / G) k_h k_w + M
    depthwise + 1 x 1  h w N (k_h k_w + M)  multiply-adds,  N k_h k_w + N M  weights  (without biases)
    locally connected  a kernel of its own for every output cell: h w M (N / G) k_h k_w + h w M
    dense              every input cell to every output cell: (N H W)(M h w) + M h w

Products with the padding's zeros are counted, for the plain implementations compute them. A Fourier transform of n cells is
counted as (5/2) n log2 n real multiply-adds, half of the usual 5 n log2 n operations of a complex transform, for the picture is
real; a complex product as 4.

Source: A. Howard et al., MobileNets, 2017, arXiv:1704.04861, section 3.1 (depthwise-separable).
"""

from __future__ import annotations

import math

from core.convolution.geometry import Geometry


def multiply_adds(image: tuple[int, ...], kernel: tuple[int, ...], g: Geometry) -> int:
    """Of the naive loop and im2col: `image` (channel, height, width) and `kernel` are shapes."""
    if g.transposed:
        return math.prod(image) * math.prod(kernel[1:])
    return math.prod(g.output_size(image[1:], kernel[2:])) * math.prod(kernel)


def fourier_multiply_adds(image: tuple[int, ...], kernel: tuple[int, ...], g: Geometry) -> int:
    """Of the Fourier way: the transforms of picture, kernels and outputs, and the products between them."""
    if g.transposed:
        rows = zip(image[1:], g.stride, g.extent(kernel[2:]), g.output_padding, strict=True)
        size = [(n - 1) * s + e + a for n, s, e, a in rows]
        filters = kernel[1] * g.groups
    else:
        size, filters = [n + 2 * p for n, p in zip(image[1:], g.padding, strict=True)], kernel[0]
    cells, half = math.prod(size), size[0] * (size[1] // 2 + 1)
    transforms = image[0] + kernel[0] * kernel[1] + filters
    return round(transforms * 2.5 * cells * math.log2(cells)) + 4 * half * kernel[0] * kernel[1]


def separable_multiply_adds(channels: int, filters: int, kernel: tuple[int, int], out: tuple[int, int]) -> int:
    """A depthwise convolution followed by a 1 x 1 convolution."""
    return math.prod(out) * channels * (math.prod(kernel) + filters)


def parameters(channels: int, filters: int, kernel: tuple[int, int], groups: int = 1) -> int:
    """Weights and biases of a convolution."""
    return filters * (channels // groups) * math.prod(kernel) + filters


def separable_parameters(channels: int, filters: int, kernel: tuple[int, int]) -> int:
    """Weights of the depthwise and of the 1 x 1 convolution, and the biases of the latter."""
    return channels * math.prod(kernel) + channels * filters + filters


def local_parameters(
    channels: int, filters: int, kernel: tuple[int, int], out: tuple[int, int], groups: int = 1
) -> int:
    """The same windows, but weights and bias of their own for every output cell."""
    return math.prod(out) * parameters(channels, filters, kernel, groups)


def dense_parameters(image: tuple[int, ...], out: tuple[int, ...]) -> int:
    """Weights and biases of a dense layer between two pictures of these shapes."""
    return math.prod(image) * math.prod(out) + math.prod(out)
