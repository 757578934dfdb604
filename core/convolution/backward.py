"""The gradients of a convolution with respect to picture and kernel.

With G = dL/dy and the symbols of `convolve`:

    dL/dw[o, c, i, j] = sum over u, v of  G[o, u, v] x[c, s u + d i, s v + d j]
    dL/dx[c, s u + d i, s v + d j] += G[o, u, v] w[o, c, i, j]

The first correlates the picture with G. The second is the transposed convolution of G with the same kernel, whose output
padding makes up for the last cells that the strides skipped. For a transposed convolution the two change places: the gradient
of its picture is an ordinary convolution of G.

Source: I. Goodfellow, Multidimensional, downsampled convolution for autoencoders, 2010; I. Goodfellow, Y. Bengio, A. Courville,
Deep Learning, 2016, equations 9.11 to 9.13.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from core.convolution.convolve import numbers_of, padded, run, windows
from core.convolution.geometry import Geometry, geometry, sources, unpad
from core.errors import ExplainerError


def gradients(upstream: Any, image: Any, kernel: Any, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    """(dL/d image, dL/d kernel), shaped as `image` and `kernel`, for `upstream` = dL/dy shaped as the output.

    `settings` are those of `convolve`, without the method.

    Raises:
        ExplainerError: picture, kernel and settings do not fit together, or `upstream` has another shape than the output.
    """
    upstream, image, kernel = (
        numbers_of(upstream, "the upstream gradient"), numbers_of(image, "the picture"), numbers_of(kernel, "the kernel"),
    )  # fmt: skip
    g = geometry(image, kernel, **settings)
    filters = kernel.shape[1] * g.groups if g.transposed else len(kernel)
    shape = (filters, *g.output_size(image.shape[1:], kernel.shape[2:]))
    if upstream.shape != shape:
        raise ExplainerError(
            f"the upstream gradient has shape {upstream.shape}; give one of the output's shape, {shape}"
        )
    if g.transposed:
        forward = replace(g, transposed=False, output_padding=(0, 0))
        height, width = image.shape[1:]  # an output padding beyond the stride would add a row or column
        grad_image = run(upstream, kernel, forward)[:, :height, :width]
        return grad_image, grad_kernel(image, padded(upstream, forward), kernel.shape, forward)
    seen = padded(image, g)
    rows, columns = (sources(n, p, p, g.mode) for n, p in zip(image.shape[1:], g.padding, strict=True))
    grad_image = unpad(grad_padded(upstream, kernel, seen.shape[1:], g), rows, columns, image.shape[1:])
    return grad_image, grad_kernel(upstream, seen, kernel.shape, g)


def grad_padded(upstream: np.ndarray, kernel: np.ndarray, size: tuple[int, int], g: Geometry) -> np.ndarray:
    """What arrives at each cell of the padded picture of this `size`: (channel, height, width)."""
    stamps = zip(size, upstream.shape[1:], g.stride, g.extent(kernel.shape[2:]), strict=True)
    skipped = tuple(n - (o - 1) * s - e for n, o, s, e in stamps)
    back = replace(g, transposed=True, padding=(0, 0), mode="zeros", output_padding=skipped)
    return run(upstream, kernel, back)


def grad_kernel(upstream: np.ndarray, seen: np.ndarray, shape: tuple[int, ...], g: Geometry) -> np.ndarray:
    """How much each weight of a kernel of this `shape` met: `upstream` (out, u, v) against the padded picture `seen`."""
    out, height, width = upstream.shape
    met = windows(seen, shape[2:], g)[:, :height, :width]
    G = upstream.reshape(g.groups, out // g.groups, height, width)
    x = met.reshape(g.groups, len(seen) // g.groups, *met.shape[1:])
    return np.einsum("gouv,gcuvij->gocij", G, x).reshape(shape)
