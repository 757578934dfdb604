"""Four methods written out with torch alone: what the number check compares, and what the exported script contains.

`net` maps (n, channels, height, width) to logits; `x` and `b` (baseline) are (1, channels, height, width), in float64.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def slope(net: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """df/dx, f the logit of `target`, for each picture of the batch x."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[:, target].sum(), x)[0]


def saliency(net: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """|df/dx|"""
    return slope(net, x, target).abs()


def input_x_gradient(net: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """x df/dx"""
    return x * slope(net, x, target)


def integrated_gradients(
    net: nn.Module, x: torch.Tensor, b: torch.Tensor, target: int, steps: int = 50
) -> torch.Tensor:
    """(x - b) times the mean slope on the way from b to x, by Gauss-Legendre."""
    places, weights = (torch.tensor(v).reshape(-1, 1, 1, 1) for v in np.polynomial.legendre.leggauss(steps))
    way = b + (1 + places) / 2 * (x - b)
    return (x - b) * (weights / 2 * slope(net, way, target)).sum(0, keepdim=True)


def grad_cam(lower: nn.Module, upper: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """ReLU(sum_k alpha_k A^k), enlarged: A the maps that `lower` gives, alpha_k the mean slope of `upper`'s logit over map k."""
    maps = lower(x).detach()
    alpha = slope(upper, maps, target).mean((2, 3), keepdim=True)
    cam = (alpha * maps).sum(1, keepdim=True).relu()
    return F.interpolate(cam, x.shape[2:], mode="bilinear", align_corners=False)
