"""The same stack in PyTorch: how far autograd's gradients are from those written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from core.initialisation.compute import how_of, start
from core.initialisation.points import points
from core.initialisation.spec import InitialisationSpec
from core.initialisation.stack import EPS, backward, forward

TORCH = {
    "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "linear": lambda z: 1.0 * z, "leaky_relu": F.leaky_relu, "selu": F.selu,
    "gelu": F.gelu, "silu": F.silu,
}  # fmt: skip


def torch_pass(spec: InitialisationSpec) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weighted sums z_l, and the gradients of theta, by torch in float64."""
    X, y = (torch.tensor(part) for part in points(spec.data, spec.width, spec.seed))
    theta = [torch.tensor(part, requires_grad=True) for part in start(spec)]
    x, sums = X, []
    for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        z = x @ W + b
        sums.append(z)
        n = z
        if spec.norm == "batch":
            n = F.batch_norm(z, None, None, training=True, eps=EPS)
        if spec.norm == "layer":
            n = F.layer_norm(z, z.shape[1:], eps=EPS)
        x = x + TORCH[spec.activation](n) if spec.residual else TORCH[spec.activation](n)
    loss = F.binary_cross_entropy_with_logits((x @ theta[-2] + theta[-1])[:, 0], y)
    return sums, list(torch.autograd.grad(loss, theta))


@np.errstate(over="ignore", invalid="ignore")  # a stack that overflows is a result
def against_torch(spec: InitialisationSpec) -> tuple[float, float]:
    """Largest difference of any weighted sum, and of any gradient, relative to the largest number among them."""
    (X, y), theta, how = points(spec.data, spec.width, spec.seed), start(spec), how_of(spec)
    seen = forward(theta, X, how)
    back = backward(theta, seen, y, how)
    sums, gradients = torch_pass(spec)
    return _apart(seen.z, sums), _apart(back.theta, gradients)


def _apart(ours: Sequence[np.ndarray], theirs: Sequence[torch.Tensor]) -> float:
    pairs = [(own, other.detach().numpy()) for own, other in zip(ours, theirs, strict=True)]
    largest = max(float(np.abs(other).max()) for _, other in pairs)
    return max(float(np.abs(own - other).max()) for own, other in pairs) / (largest or 1.0)
