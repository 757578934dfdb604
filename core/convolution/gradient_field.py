"""How strongly each input cell moves one unit of a deep layer: the receptive field as it is measured, not as it is counted.

    F[u, v] = sum over channels c of  |d y[centre] / d x[c, u, v]|

Every path from cell to unit adds the product of its weights. Through n equal layers of averaging kernels of width k and stride 1
the paths count like n throws of a die with k faces: the field is close to a Gaussian of variance n (k^2 - 1) / 12, so most of
the theoretical field hardly counts. In general each layer adds (jump before it)^2 d^2 (k^2 - 1) / 12.

Source: W. Luo, Y. Li, R. Urtasun, R. Zemel, Understanding the effective receptive field in deep convolutional neural networks,
NIPS 2016, arXiv:1701.04128, section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from core.convolution.receptive_field import receptive_field


def gradient_field(
    model: Callable[[torch.Tensor], torch.Tensor],
    image: np.ndarray,
    unit: tuple[int, int] | None = None,
    dtype: torch.dtype = torch.float64,
) -> np.ndarray:
    """|d y / d x| for the unit of `model` at `unit` (row, column; None: the middle), summed over channels: (height, width).

    `model` takes a batch (1, channel, height, width) and gives a map (1, channel, height, width); y is the sum of its channels
    there. `image` is (channel, height, width), and is given to the model in `dtype`. The model's own gradients are left as they were.
    """
    x = torch.tensor(image, dtype=dtype)[None].requires_grad_()
    y = model(x)
    row, column = unit if unit is not None else (y.shape[2] // 2, y.shape[3] // 2)
    (grad,) = torch.autograd.grad(y[0, :, row, column].sum(), x)
    return grad[0].abs().sum(0).numpy()


def spread_of(field: np.ndarray) -> tuple[float, float]:
    """Centre and standard deviation of the field along its columns, in cells; NaN for a field of zeros."""
    weights = field.sum(0)
    total = weights.sum()
    if not total > 0:
        return float("nan"), float("nan")
    at = np.arange(len(weights))
    centre = (weights * at).sum() / total
    return float(centre), float(np.sqrt((weights * (at - centre) ** 2).sum() / total))


def gaussian_spread(layers: Sequence[tuple[int, int, int, int]]) -> float:
    """The standard deviation, in cells, of the field of averaging layers (kernel, stride, padding, dilation) without padding's effect."""
    jumps = [1, *(field.jump for field in receptive_field(layers))]
    return float(np.sqrt(sum((j * d) ** 2 * (k**2 - 1) / 12 for j, (k, _, _, d) in zip(jumps, layers, strict=False))))
