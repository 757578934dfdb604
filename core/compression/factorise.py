"""A weight matrix as the product of two thin ones.

W = U Σ Vᵀ, and the best matrix of rank r is W_r = U_r Σ_r V_rᵀ (C. Eckart, G. Young, Psychometrika 1, 1936), with

    ‖W − W_r‖_F = √(Σ_{i > r} σ_i²)

The layer becomes two without anything between them: V_rᵀ of shape (r, k), then U_r Σ_r of shape (out, r): r (out + k) weights in place of
out · k (E. Denton et al., NeurIPS 2014). A layer where this is no fewer stays as it is.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.compression.nets import Array, Layer, Net


def smaller(layer: Layer, rank: int) -> bool:
    """Whether two factors of this rank have fewer weights than the matrix."""
    return rank * sum(layer.W.shape) < layer.W.size


def factors(W: Float[Array, "out k"], rank: int) -> tuple[Float[Array, "out r"], Float[Array, "r k"]]:
    """U_r Σ_r and V_rᵀ."""
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    return U[:, :rank] * s[:rank], Vt[:rank]


def tail(W: Float[Array, "out k"], rank: int) -> float:
    """‖W − W_r‖_F from the singular values that are left out."""
    return float(np.sqrt(np.sum(np.linalg.svd(W, compute_uv=False)[rank:] ** 2)))


def truncated(net: Net, rank: int) -> Net:
    """The net with W_r in place of W wherever that saves weights; the products are the same as with two factors."""
    return tuple(
        Layer(np.matmul(*factors(layer.W, rank)), layer.b, layer.size) if smaller(layer, rank) else layer
        for layer in net
    )
