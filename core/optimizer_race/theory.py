"""Momentum on a quadratic, solved: what the race must do on f = ½ Σ λ_i x_i², before it is run.

In the eigenbasis of the Hessian the coordinates are independent, and with gradient λx each obeys (Polyak 1964; Goh, "Why
Momentum Really Works", Distill 2017), with learning rate α and momentum β,

    z_{k+1} = β z_k + λ x_k          ( z_k )          ( z_0 )              (  β         λ     )
    x_{k+1} = x_k − α z_{k+1}        ( x_k )  =  R^k  ( x_0 ),        R =  ( −αβ    1 − αλ    )

R's eigenvalues are σ = ½ (p ± √(p² − 4β)) with p = 1 + β − αλ; their product is β. The error shrinks by ρ(R) = max |σ| a step:

    converges      0 < αλ < 2 + 2β  and  0 ≤ β < 1
    critical       β = (1 − √(αλ))², where the two σ meet; above it the path oscillates and ρ = √β
    optimal        α = (2 / (√λ_1 + √λ_n))²,  β = ((√κ − 1) / (√κ + 1))²,  rate √β       (κ = λ_n / λ_1)
    without        α = 2 / (λ_1 + λ_n),  rate (κ − 1) / (κ + 1)                            (β = 0)

torch's SGD with momentum β, dampening 0 is this recursion with z_0 = 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from core.errors import ExplainerError
from core.optimizer_race.surfaces import bowl_matrix

Array = np.ndarray
Scalars = float | Float[np.ndarray, "..."]


class Tuning(NamedTuple):
    """A learning rate α, a momentum β and the factor by which the error shrinks a step in the long run."""

    lr: float
    momentum: float
    rate: float


def iteration_matrix(lr: float, momentum: float, eigenvalue: float) -> Float[np.ndarray, "2 2"]:
    """R, which maps (z_k, x_k) to (z_{k+1}, x_{k+1})."""
    return np.array([[momentum, eigenvalue], [-lr * momentum, 1.0 - lr * eigenvalue]])


def spectral_radius(lr: Scalars, momentum: Scalars, eigenvalue: Scalars) -> Scalars:
    """ρ(R) = max |σ|, elementwise over arrays of rates, momenta and eigenvalues."""
    lr, momentum, eigenvalue = (np.asarray(value, dtype=float) for value in (lr, momentum, eigenvalue))
    p = 1.0 + momentum - lr * eigenvalue
    under_root = p * p - 4.0 * momentum
    real = 0.5 * (np.abs(p) + np.sqrt(np.maximum(under_root, 0.0)))
    return np.where(under_root >= 0.0, real, np.sqrt(np.maximum(momentum, 0.0)))


def stability_map(
    lr: Float[np.ndarray, " rate"], momentum: Float[np.ndarray, " momentum"], eigenvalues: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "momentum rate"]:
    """The largest ρ(R) over all eigenvalues; below 1 the race converges from everywhere."""
    return spectral_radius(lr[None, :, None], momentum[:, None, None], eigenvalues[None, None, :]).max(-1)


def largest_rate(momentum: Scalars, largest_eigenvalue: float) -> Scalars:
    """The edge of stability: (2 + 2β) / λ_n, which is 2 / λ_n without momentum."""
    return (2.0 + 2.0 * np.asarray(momentum, dtype=float)) / largest_eigenvalue


def critical_momentum(lr: Scalars, eigenvalue: Scalars) -> Scalars:
    """β = (1 − √(αλ))²: the least momentum that oscillates along this eigenvector, and the fastest one for it."""
    return (1.0 - np.sqrt(np.asarray(lr, dtype=float) * eigenvalue)) ** 2


def optimal_momentum(smallest: float, largest: float) -> Tuning:
    """Polyak's rate and momentum for eigenvalues between `smallest` and `largest`."""
    low, high = np.sqrt(_checked(smallest, largest)).tolist()
    root_rate = (high - low) / (high + low)
    return Tuning((2.0 / (low + high)) ** 2, root_rate**2, root_rate)


def optimal_plain(smallest: float, largest: float) -> Tuning:
    """The best rate of gradient descent without momentum."""
    low, high = _checked(smallest, largest)
    return Tuning(2.0 / (low + high), 0.0, (high - low) / (high + low))


def _checked(smallest: float, largest: float) -> tuple[float, float]:
    if not 0.0 < smallest <= largest:
        raise ExplainerError(
            f"eigenvalues {smallest:g} to {largest:g}: they must be positive, the smallest first; try 1 to 25"
        )
    return smallest, largest


def matrix_powers(R: Float[np.ndarray, "2 2"], steps: int) -> Float[np.ndarray, "step_and_start 2 2"]:
    """R^0, R^1, ..., R^steps by repeated squaring: R^k is the product of the R^(2^i) whose bit i is set in k."""
    k = np.arange(steps + 1)
    powers, square = np.tile(np.eye(2), (steps + 1, 1, 1)), R
    with np.errstate(over="ignore", invalid="ignore"):
        for bit in range(int(steps).bit_length()):
            chosen = (k >> bit & 1).astype(bool)
            powers[chosen] = powers[chosen] @ square
            square = square @ square
    return powers


def errors(
    eigenvalues: Float[np.ndarray, " n"], x0: Float[np.ndarray, " n"], lr: float, momentum: float, steps: int
) -> Float[np.ndarray, "step_and_start n"]:
    """x_k along each eigenvector, from x_0 with z_0 = 0: the lower right entry of R^k times x_0."""
    rows = [
        matrix_powers(iteration_matrix(lr, momentum, lam), steps)[:, 1, 1] * x
        for lam, x in zip(eigenvalues, x0, strict=True)
    ]
    return np.stack(rows, axis=-1)


def along_eigenvectors(
    paths: Float[np.ndarray, "*any 2"], condition: float, angle: float
) -> Float[np.ndarray, "*any 2"]:
    """Places on the quadratic bowl in its eigenbasis: coordinates along the flat and along the steep axis."""
    return paths @ bowl_matrix(condition, angle)[1]
