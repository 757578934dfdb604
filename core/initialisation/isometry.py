"""How a stack stretches directions: the singular values of J_l = ∂x_l / ∂x_0 at one point, layer by layer.

    J_0 = I,    J_l = [J_{l-1} +] J_{l-1} W_l N_l D_l,    D_l = diag f'(n_l)      (rows: the input's directions)

N_l is the norm's own Jacobian: without a norm I; layer norm (I - 1 1^T / w - n n^T / w) / s; batch norm diag(1 / s), its statistics held
as at test time. The mean of the squared singular values is what the gradient's line predicts, the product of the χ. Dynamical isometry:
all singular values near 1 (A. Saxe, J. McClelland, S. Ganguli, ICLR 2014; J. Pennington, S. Schoenholz, S. Ganguli, NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.initialisation.compute import how_of, net_part, start
from core.initialisation.points import points
from core.initialisation.spec import SUITED, InitialisationSpec
from core.initialisation.stack import How, Pass, Theta, forward, layers

DEPTHS = 13  # layers at which singular values are taken, at most
COMPARED = ("lecun_normal", "xavier_uniform", "he_normal", "orthogonal", "lsuv")

J_ = Float[np.ndarray, "w w"]


def through(J: J_, W: J_, n: Float[np.ndarray, " w"], s: np.ndarray, how: How) -> J_:
    """J W N D of one layer: J's rows are directions at the input."""
    V = J @ W
    if how.norm == "layer":
        V = (V - V.mean(1, keepdims=True) - np.outer(V @ n, n) / len(n)) / s
    if how.norm == "batch":
        V = V / s
    V = V * how.f.derivative(n)
    return J + V if how.residual else V


def jacobians(theta: Theta, seen: Pass, how: How, point: int = 0) -> list[J_]:
    """J_0 ... J_L at a point; entry (i, j) of J_l is ∂x_l[j] / ∂x_0[i]."""
    found = [np.eye(seen.x[0].shape[1])]
    for (W, _), n, s in zip(layers(theta), seen.n, seen.s, strict=True):
        own = s[point] if how.norm == "layer" else s[0] if how.norm == "batch" else np.ones(1)
        found.append(through(found[-1], W, n[point], own, how))
    return found


def depths(spec: InitialisationSpec) -> np.ndarray:
    """The layers that are shown."""
    return np.unique(np.rint(np.linspace(0, spec.depth, DEPTHS)).astype(np.int64))


@lru_cache(maxsize=48)
@np.errstate(over="ignore", invalid="ignore")  # a stack that overflows is a result
def _singular(spec: InitialisationSpec) -> Float[np.ndarray, "depth w"]:
    how, theta = how_of(spec), start(spec)
    found = jacobians(theta, forward(theta, points(spec.data, spec.width, spec.seed)[0], how), how)
    values = [found[k] for k in depths(spec)]
    return np.stack(
        [np.linalg.svd(J, compute_uv=False) if np.isfinite(J).all() else np.full(len(J), np.nan) for J in values]
    )


def singular(spec: InitialisationSpec) -> Float[np.ndarray, "depth w"]:
    """Singular values at each of `depths`, the largest first."""
    return _singular(net_part(spec))


def compared(spec: InitialisationSpec) -> dict[str, Float[np.ndarray, " w"]]:
    """The last layer's singular values of this stack, and of the same stack under other schemes."""
    own = net_part(spec)
    names = dict.fromkeys((own.scheme, SUITED[own.activation], *COMPARED))
    return {name: _singular(own if name == own.scheme else replace(own, scheme=name, scale=1.0))[-1] for name in names}


def condition(values: Float[np.ndarray, " w"]) -> float:
    """Largest over smallest singular value: infinite beyond what double precision can tell."""
    low, high = float(values.min()), float(values.max())
    return high / low if low > high * len(values) * np.finfo(float).eps else float("inf")
