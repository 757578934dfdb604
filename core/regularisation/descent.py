"""Double descent: the test error of a wider and wider model, in closed form.

n points x ~ N(0, I_d), targets y = wᵀx / √d + N(0, σ²); p random features φ_j(x) = max(0, v_jᵀx) / √p, v_j ~ N(0, I_d / d), and a last layer fitted by
least squares. With the singular values s_i of Φ (n, p), Φ = P diag(s) Qᵀ,

    λ = 0    a = Q diag(1/s) Pᵀ y                    of all best fits the shortest; for p >= n it passes through every point
    λ > 0    a = Q diag(s / (s² + λ)) Pᵀ y           ridge: the minimum of |Φ a - y|² + λ |a|²

The error peaks near p = n, where some s_i are tiny but not 0, so that a is huge. Features are nested: a wider model has all of a narrower one's.

Sources: M. Belkin, D. Hsu, S. Ma, S. Mandal, PNAS 116, 2019; A. Rahimi, B. Recht, NeurIPS 2007 (random features); P. Nakkiran et al., ICLR 2021
("Optimal regularization can mitigate double descent").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.rng import numpy_generator

N, D, TEST = 30, 10, 400
WIDTHS = (2, 4, 6, 8, 10, 13, 16, 19, 22, 24, 26, 28, 29, 30, 31, 32, 34, 37, 41, 48, 60, 80, 110, 150, 200, 300)
CUT = 1e-10  # singular values below this share of the largest count as 0


@dataclass(frozen=True, eq=False)
class Strip:
    """Mean squared errors and |a|, (width, K), of one λ."""

    train: Float[np.ndarray, "width K"]
    test: Float[np.ndarray, "width K"]
    length: Float[np.ndarray, "width K"]


def fit(
    features: Float[np.ndarray, "*k n p"], y: Float[np.ndarray, "*k n"], penalties: Sequence[float]
) -> list[Float[np.ndarray, "*k p"]]:
    """a for every λ of `penalties`, from one decomposition."""
    P, s, Qt = np.linalg.svd(features, full_matrices=False)
    along, keep = np.einsum("...ni,...n->...i", P, y), s > CUT * s[..., :1]
    found = []
    for penalty in penalties:
        factor = np.where(keep, s / np.where(keep, s * s + penalty, 1.0), 0.0)
        found.append(np.einsum("...ip,...i->...p", Qt, factor * along))
    return found


@lru_cache(maxsize=16)
def strips(penalties: tuple[float, ...], sigma: float, seeds: int, seed: int) -> tuple[Strip, ...]:
    """All WIDTHS under all seeds, for every λ of `penalties`."""
    X, y, V = draw(sigma, seeds, seed)
    hidden = np.maximum(np.einsum("knd,kdp->knp", X, V), 0.0)
    errors = [[] for _ in penalties]
    for p in WIDTHS:
        features = hidden[..., :p] / np.sqrt(p)
        for found, a in zip(errors, fit(features[:, :N], y[:, :N], penalties), strict=True):
            squared = (np.einsum("knp,kp->kn", features, a) - y) ** 2
            found.append((squared[:, :N].mean(1), squared[:, N:].mean(1), np.sqrt((a * a).sum(1))))
    return tuple(Strip(*(np.stack(part) for part in zip(*found, strict=True))) for found in errors)


def draw(sigma: float, seeds: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X (K, N + TEST, D), y (K, N + TEST), the test targets without noise, and V (K, D, widest)."""
    Xs, ys, Vs = [], [], []
    for k in range(seeds):
        g = numpy_generator(seed + k, "descent")
        X, w = g.standard_normal((N + TEST, D)), g.standard_normal(D)
        y = X @ w / np.sqrt(D)
        y[:N] += sigma * g.standard_normal(N)
        Xs.append(X)
        ys.append(y)
        Vs.append(g.standard_normal((D, WIDTHS[-1])) / np.sqrt(D))
    return np.stack(Xs), np.stack(ys), np.stack(Vs)
