"""A stack of L layers of w units, forward and backward by hand.

    z_l = x_{l-1} W_l + b_l                      weighted sums (N, w)
    n_l = (z_l - mean) / s_l                     batch norm: mean and s over the N points; layer norm: over the w units; none: n = z
    x_l = f(n_l)        or  x_{l-1} + f(n_l)     with residual connections
    logit = x_L v + c,   loss = mean BCE(σ(logit), y)

s_l = √(variance + 1e-5), torch's eps. Norms have no trained scale and shift. Backward, with g_l = dloss/dx_l:

    dn = g_l f'(n_l),   dz = (dn - mean(dn) - n mean(n dn)) / s     (without a norm dz = dn)
    dW_l = x_{l-1}^T dz,   db_l = sum over points of dz,   g_{l-1} = dz W_l^T  (+ g_l with residual connections)

Sources: D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323, 1986; S. Ioffe, C. Szegedy, ICML 2015, section 3; J. L. Ba,
J. R. Kiros, G. E. Hinton, 2016, eq. 3; K. He et al., CVPR 2016, eq. 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from core.training.activations import Activation, sigmoid

EPS = 1e-5
AXIS = {"batch": 0, "layer": 1}

Theta = list[np.ndarray]  # W_1, b_1, ..., W_L, b_L, v, c
Layer = Float[np.ndarray, "N w"]


class How(NamedTuple):
    """What a stack does in each layer."""

    f: Activation
    norm: str = "none"
    residual: bool = False


@dataclass(frozen=True, eq=False)
class Pass:
    """What a forward pass leaves behind. `x` begins with the input; `s` are the norms' divisors, 1 without a norm."""

    z: list[Layer]
    n: list[Layer]
    s: list[np.ndarray | float]
    x: list[Layer]
    logit: Float[np.ndarray, " N"]


@dataclass(frozen=True, eq=False)
class Gradients:
    """dloss/d...: `x` (L + 1 layers, the input first), `z` (L layers), `theta` (in theta's order)."""

    x: list[Layer]
    z: list[Layer]
    theta: Theta


def layers(theta: Theta) -> list[tuple[np.ndarray, np.ndarray]]:
    """(W_l, b_l) of each layer."""
    return list(zip(theta[:-2:2], theta[1:-2:2], strict=True))


def normalise(z: Layer, norm: str) -> tuple[Layer, np.ndarray | float]:
    """n and the divisor s."""
    if norm == "none":
        return z, 1.0
    s = np.sqrt(z.var(AXIS[norm], keepdims=True) + EPS)
    return (z - z.mean(AXIS[norm], keepdims=True)) / s, s


def through_norm(dn: Layer, n: Layer, s: np.ndarray | float, norm: str) -> Layer:
    """dloss/dz from dloss/dn."""
    if norm == "none":
        return dn
    k = AXIS[norm]
    return (dn - dn.mean(k, keepdims=True) - n * (n * dn).mean(k, keepdims=True)) / s


def forward(theta: Theta, X: Layer, how: How) -> Pass:
    """All layers of all points."""
    x, kept = X, []
    for W, b in layers(theta):
        z = x @ W + b
        n, s = normalise(z, how.norm)
        x = x + how.f.f(n) if how.residual else how.f.f(n)
        kept.append((z, n, s, x))
    z, n, s, xs = (list(part) for part in zip(*kept, strict=True))
    return Pass(z, n, s, [X, *xs], (x @ theta[-2] + theta[-1])[:, 0])


def loss_of(logit: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> float:
    """The mean cross-entropy from the logits: log(1 + exp logit) - y logit."""
    return float((np.logaddexp(0.0, logit) - y * logit).mean())


def backward(theta: Theta, seen: Pass, y: Float[np.ndarray, " N"], how: How) -> Gradients:
    """The loss's gradients by everything."""
    d = ((sigmoid(seen.logit) - y) / len(y))[:, None]
    return pull(theta, seen, d @ theta[-2].T, how, [seen.x[-1].T @ d, d.sum(0)])


def pull(theta: Theta, seen: Pass, g: Layer, how: How, readout: Theta) -> Gradients:
    """From the gradient by x_L down to the input; `readout` are the gradients of what lies above."""
    found = Gradients([g], [], readout)
    for k in range(len(seen.z) - 1, -1, -1):
        dz = through_norm(g * how.f.derivative(seen.n[k]), seen.n[k], seen.s[k], how.norm)
        found.theta[:0] = [seen.x[k].T @ dz, dz.sum(0)]
        g = dz @ theta[2 * k].T + g if how.residual else dz @ theta[2 * k].T
        found.x.insert(0, g)
        found.z.insert(0, dz)
    return found
