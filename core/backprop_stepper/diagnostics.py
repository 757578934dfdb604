"""Is this layer healthy? The four numbers that are looked at first when a net does not learn.

    saturated    share of the entries of A1 at which the activation has next to no slope: |phi'(z)| < 0.05 (for ReLU: it is 0)
    grad : data  std(dW) / std(W), the size of the gradient beside that of the weights
    update : data  alpha * std(dW) / std(W) for a step of SGD; about 1e-3 is a common rule of thumb
    histogram    how the entries of each gradient are spread

std is over all entries of a matrix (divided by their number). Source: A. Karpathy, "Building makemore part 3: activations and
gradients, BatchNorm", lecture, 2022; the rule of thumb also in Y. Bengio, arXiv:1206.5533, 2012, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from core.backprop_stepper.tensor import TensorRun

FLAT = 0.05
WEIGHTS = ("W1", "W2")


@dataclass(frozen=True)
class Health:
    """One weight matrix: standard deviations of its entries and of its gradient's, and their ratios; NaN if all entries are equal."""

    name: str
    data: float
    grad: float
    grad_to_data: float
    update_to_data: float


def saturated(run: TensorRun) -> float:
    """The share of the activations that pass next to no gradient."""
    return float(np.mean(np.abs(run.slope) < FLAT))


def health(run: TensorRun, rate: float) -> list[Health]:
    """Both weight matrices, for a step of SGD with this learning rate."""
    return [_health(name, getattr(run, name), run.gradients[name], rate) for name in WEIGHTS]


def _health(name: str, W: Float[np.ndarray, "_ _"], g: Float[np.ndarray, "_ _"], rate: float) -> Health:
    data, grad = float(np.std(W)), float(np.std(g))
    ratio = grad / data if data else float("nan")
    return Health(name, data, grad, ratio, rate * ratio)


def spread(run: TensorRun) -> dict[str, Float[np.ndarray, "_"]]:
    """The entries of each weight matrix's gradient, for a histogram."""
    return {f"∂L/∂{name}": run.gradients[name].ravel() for name in WEIGHTS}
