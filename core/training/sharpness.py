"""Sharpness: the top eigenvalue of the Hessian, and how sharp a place a racer can stand.

Hessian times vector by the R-operator (B. A. Pearlmutter, Fast Exact Multiplication by the Hessian, 1994): R{x} = d/dε x(θ + εv)
at ε = 0. With V_l the layers of v and V'_l, W_l those of v and θ without their last column (see core.training.networks for the rest):

    R{Z_l} = V_l [H_{l−1}; 1] + W_l R{H_{l−1}}          R{H_l} = f'(Z_l) * R{Z_l}          R{H_0} = 0
    classes  R{dZ} = P * (R{Z} − Σ_c P R{Z}) / N        regression  R{dZ} = 2 R{Z} / N
    dH_{l−1} = W_l^T dZ_l                               R{dH_{l−1}} = W_l^T R{dZ_l} + V'_l^T dZ_l
    R{dZ_l} = f'(Z_l) * R{dH_l} + f''(Z_l) * R{Z_l} * dH_l
    H v:  R{dΘ_l} = R{dZ_l} [H_{l−1}; 1]^T + dZ_l [R{H_{l−1}}; 0]^T

It is exact, for the price of the two gradients that a central difference would take, and there is no ε to choose: too large
a one bends, too small a one cancels. (relu has f'' = 0, but for its kink.)

Power iteration: v <- H v / |H v|, λ = v^T H v. By itself it finds the eigenvalue of largest size, which may be a negative one,
or none if two of opposite sign are as large. Then it is done once more with H + ρ I, ρ = |H v|, which has none below 0. Some
eigenvalue of H lies within the residual |H v − λ v| of λ.

Edge of stability (J. Cohen et al., Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability, ICLR 2021, and
their eq. 1): with all data in every batch, sharpness climbs until it hovers above the most that the step allows on a quadratic,

    plain 2/η        momentum β (2 + 2β)/η        Nesterov (2 + 2β) / ((1 + 2β) η)        less λ with L2 weight decay λ
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from core.rng import numpy_generator
from core.training.networks import ACTIVATIONS, Inputs, Net, Outputs, PerRow, Room, Targets, Theta, Units, blocks
from core.training.optimizers import Racer

BENDS: Mapping[str, Callable[[Units, Units], np.ndarray | float]] = {
    "tanh": lambda H, slope: -2.0 * H * slope,
    "relu": lambda H, slope: 0.0,
}  # f'' in terms of H and f'


class Sharpness(NamedTuple):
    """The top eigenvalue λ, the residual |H v − λ v|, and the eigenvector v of every row."""

    eigenvalue: PerRow
    residual: PerRow
    vector: Theta


def sharpness(
    net: Net, theta: Theta, X: Inputs, Y: Targets, *, iterations: int = 200, tolerance: float = 1e-4
) -> Sharpness:
    """Power iteration for all rows at once, until each residual is within `tolerance` of |λ|, or `iterations` are made."""
    top, residual, v = power_iteration(net, theta, X, Y, np.zeros(len(theta)), iterations, tolerance)
    again = (top < 0.0) | (residual > tolerance * np.abs(top))
    if again.any():
        x, y = (part if len(part) == 1 else part[again] for part in (X, Y))
        shift = np.hypot(top, residual)[again]  # |H v|
        top[again], residual[again], v[again] = power_iteration(net, theta[again], x, y, shift, iterations, tolerance)
    return Sharpness(top, residual, v)


def power_iteration(
    net: Net, theta: Theta, X: Inputs, Y: Targets, shift: PerRow, iterations: int, tolerance: float
) -> tuple[PerRow, PerRow, Theta]:
    """λ, the residual and v of H, found by iterating with H + shift · I from one random v for all rows."""
    v = np.tile(numpy_generator(0, "power iteration").standard_normal(net.P), (len(theta), 1))
    v /= norm(v)[:, None]
    for _ in range(iterations):
        Hv = hessian_vector(net, theta, v, X, Y)
        top = np.vecdot(v, Hv)
        residual = norm(Hv - top[:, None] * v)
        if (residual <= tolerance * np.abs(top)).all():
            break
        w = Hv + shift[:, None] * v
        v = w / np.maximum(norm(w), np.finfo(float).tiny)[:, None]  # H may be 0
    return top, residual, v


def norm(v: Theta) -> PerRow:
    """|v| of every row."""
    return np.sqrt(np.vecdot(v, v))


def hessian_vector(net: Net, theta: Theta, v: Theta, X: Inputs, Y: Targets) -> Theta:
    """H v of every row."""
    Hv = np.empty_like(theta)
    for rows, some, x, y, room in blocks(net, theta, X, Y):
        Hv[rows] = _r_backward(net, some, v[rows].astype(net.dtype, copy=False), x, y, room)
    return Hv


def _r_forward(
    net: Net, v: Theta, theta: Theta, H: Sequence[np.ndarray]
) -> tuple[list[Units], list[Units | None], list[Units]]:
    """f' and R{H_l} of every hidden layer (R{H_0} = 0 is None), and R{Z} of every layer, the outputs' last."""
    slope = ACTIVATIONS[net.activation].slope
    slopes, RH, RZ = [], [None], []
    for l, (V, W) in enumerate(zip(net.layers(v), net.layers(theta), strict=True)):  # noqa: E741
        RZ.append(V @ H[l] if l == 0 else V @ H[l] + W[:, :, :-1] @ RH[l])
        if l + 1 < len(H):
            units = H[l + 1][:, :-1]
            slopes.append(slope(units, out=np.empty_like(units)))
            RH.append(slopes[l] * RZ[l])
    return slopes, RH, RZ


def _r_outputs(net: Net, Z: Outputs, RZ: Outputs) -> Outputs:
    """R{dZ}."""
    N = Z.shape[-1]
    if net.task == "regression":
        return RZ * (2 / N)
    P = np.exp(Z - Z.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    return P * (RZ - (P * RZ).sum(1, keepdims=True)) / N


def _r_backward(net: Net, theta: Theta, v: Theta, X: Inputs, Y: Targets, room: Room) -> Theta:
    """R{dθ} = H v of one block of rows."""
    H, Z = net.forward(theta, X, room)
    slopes, RH, RZ = _r_forward(net, v, theta, H)
    dZ, RdZ = net.loss(Z, Y)[1], _r_outputs(net, Z, RZ[-1])
    Hv, bend = np.empty_like(theta), BENDS[net.activation]
    layers = list(zip(net.layers(theta), net.layers(v), net.layers(Hv), strict=True))
    for l in reversed(range(len(layers))):  # noqa: E741
        W, V, out = layers[l]
        np.matmul(RdZ, H[l].swapaxes(1, 2), out=out)
        if l == 0:
            break
        out[:, :, :-1] += dZ @ RH[l].swapaxes(1, 2)
        dH = W[:, :, :-1].swapaxes(1, 2) @ dZ
        RdH = W[:, :, :-1].swapaxes(1, 2) @ RdZ + V[:, :, :-1].swapaxes(1, 2) @ dZ
        units, f1 = H[l][:, :-1], slopes[l - 1]
        dZ, RdZ = f1 * dH, f1 * RdH + bend(units, f1) * RZ[l - 1] * dH
    return Hv


def edge(racer: Racer) -> float:
    """The sharpest place at which this racer's steps stay stable on a quadratic; NaN if it is not (heavy-ball) SGD."""
    h = racer.hyper
    if racer.optimizer.rule.__name__ != "sgd" or h["dampening"] != 0.0:
        return math.nan
    beta = h["momentum"]
    return (2.0 + 2.0 * beta) / (1.0 + 2.0 * beta * h["nesterov"]) / racer.lr - h["weight_decay"]
