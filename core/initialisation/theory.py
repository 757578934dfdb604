"""What the variance of the weights predicts, layer by layer, without drawing any: the limit of infinitely many units.

With u ~ N(0, 1), and the weighted sums of one point distributed over the units as N(0, q_l):

    q_l     = σ_w² a_{l-1} + σ_b²                                       weighted sums      Poole et al. 2016, eq. 3
    a_l     = E f(√t u)²                 (t = q_l; t = 1 behind a norm)  activations
    a_l     = a_{l-1} + 2 m_{l-1} E f + E f²,   m_l = m_{l-1} + E f      with residual connections, m the mean activation
    |g_{l-1}|² / |g_l|² = χ_l = σ_w² E f'(√t u)²   (/ q_l behind a norm, + 1 with residual connections)   Schoenholz et al. 2017, eq. 11

σ_w² is the variance of the weights times the inputs of a unit. For an odd f it contains Glorot & Bengio 2010, eq. 5 and 6 (f'(0) = 1,
small signals); for ReLU, E f² = q / 2 and E f'² = 1/2, He et al. 2015, eq. 9 and 14.

What is exact: with biases of 0 the forward line is the expectation over all draws at every width for linear layers and, since the
weights are symmetric about 0, for ReLU (He et al., eq. 8). All else is a limit of infinite width, and the backward line takes the
weights of the way back as independent of those of the way up (Schoenholz et al., section 5). Orthogonal weights have the same limit
(Pennington et al. 2017). Batch normalisation ties the points together: its forward line takes the weighted sums of a unit as normal
over the points, and there is no backward line (G. Yang et al., ICLR 2019).

E is computed by Gauss-Legendre quadrature on panels that are narrow near 0, each side by itself, so that a kink at 0 does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.training.activations import Activation

EDGES = (0.0, 0.02, 0.1, 0.4, 1.0, 2.0, 4.0, 7.0, 10.0)  # of u's panels on each side
ORDER = 20

Values = Float[np.ndarray, "*shape"] | float


@lru_cache(maxsize=1)
def nodes() -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Points u and weights with sum of weight h(u) ~ E h(u), u ~ N(0, 1)."""
    t, w = np.polynomial.legendre.leggauss(ORDER)
    low, high = np.array(EDGES[:-1])[:, None], np.array(EDGES[1:])[:, None]
    u = ((low + high) / 2 + (high - low) / 2 * t).ravel()
    weight = ((high - low) / 2 * w).ravel() * np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi)
    return np.concatenate([-u[::-1], u]), np.concatenate([weight[::-1], weight])


def means(f: Activation, t: Values) -> tuple[Values, Values, Values]:
    """E f, E f² and E f'² of N(0, t), for every t."""
    u, weight = nodes()
    z = np.sqrt(np.asarray(t, float))[..., None] * u
    value = f.f(z)
    return value @ weight, value**2 @ weight, f.derivative(z) ** 2 @ weight


@dataclass(frozen=True, eq=False)
class Predicted:
    """`q` (L,) weighted sums, `a` (L + 1,) activations, the input first: mean squares over points and units. `chi` (L, N): by point."""

    q: Float[np.ndarray, " L"]
    a: Float[np.ndarray, " L_and_input"]
    chi: Float[np.ndarray, "L N"]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a stack that overflows is a result
def predict(f: Activation, norm: str, residual: bool, sigma_w: float | None, sigma_b: float, depth: int, scale: float, a: Float[np.ndarray, " N"], m: Float[np.ndarray, " N"]) -> Predicted:  # fmt: skip
    """The lines of a stack whose inputs have the mean squares `a` and means `m`, point by point.

    `sigma_w` None: each layer's weights are divided so that the weighted sums have the variance `scale`² (LSUV).
    """
    qs, activations, chis = [], [a.mean()], []
    for _ in range(depth):
        w2 = scale**2 / a.mean() if sigma_w is None else np.full((), sigma_w**2)
        q = w2 * a + sigma_b**2
        t = q if norm == "none" else np.ones_like(q)
        first, second, slope = means(f, t)
        chi = w2 * slope / (1.0 if norm == "none" else q) + residual
        a, m = (a + 2 * m * first + second, m + first) if residual else (second, first)
        for kept, values in ((qs, q.mean()), (activations, a.mean()), (chis, chi)):
            kept.append(values)
    return Predicted(np.array(qs), np.array(activations), np.array(chis))
