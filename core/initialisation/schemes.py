"""First weights: how each scheme draws a matrix W of n inputs and m outputs, and the variance of its numbers.

    zero          0                                   constant      σ
    normal        N(0, σ²)                            uniform       U(-σ, σ), variance σ² / 3
    Xavier        variance 2 / (n + m)                X. Glorot, Y. Bengio, AISTATS 2010, eq. 12 and 16
    He            variance 2 / n                      K. He et al., ICCV 2015, eq. 10
    LeCun         variance 1 / n                      Y. LeCun et al., Efficient BackProp, 1998, section 4.6
    nn.Linear     U(-1/√n, 1/√n), variance 1 / (3n)   torch's own start of a linear layer
    orthogonal    Q of a QR decomposition, variance 1 / max(n, m)   A. Saxe et al., ICLR 2014
    LSUV          orthogonal, then divided by the deviation of X W on the data   D. Mishkin, J. Matas, ICLR 2016, algorithm 1

A uniform law on (-a, a) has the variance a² / 3, so a = √(3 variance).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Scheme:
    """One scheme: `variance(n, m, sigma)` of its numbers, `law` (what they are drawn from) and the formula in LaTeX."""

    title: str
    law: str
    variance: Callable[[int, int, float], float]
    latex: str
    paper: str


SCHEMES: Mapping[str, Scheme] = MappingProxyType({
    "zero": Scheme("Zero", "constant", lambda n, m, sigma: 0.0, "0", ""),
    "constant": Scheme("Constant", "constant", lambda n, m, sigma: 0.0, r"w = \sigma", ""),
    "normal": Scheme("Normal, σ chosen", "normal", lambda n, m, sigma: sigma**2, r"\sigma^2", ""),
    "uniform": Scheme("Uniform, ±σ", "uniform", lambda n, m, sigma: sigma**2 / 3, r"\sigma^2/3", ""),
    "xavier_normal": Scheme("Xavier (Glorot), normal", "normal", lambda n, m, sigma: 2 / (n + m), r"2/(n+m)", "Glorot & Bengio 2010, eq. 12"),
    "xavier_uniform": Scheme("Xavier (Glorot), uniform", "uniform", lambda n, m, sigma: 2 / (n + m), r"2/(n+m)", "Glorot & Bengio 2010, eq. 16"),
    "he_normal": Scheme("He (Kaiming), normal", "normal", lambda n, m, sigma: 2 / n, r"2/n", "He et al. 2015, eq. 10"),
    "he_uniform": Scheme("He (Kaiming), uniform", "uniform", lambda n, m, sigma: 2 / n, r"2/n", "He et al. 2015, eq. 10"),
    "lecun_normal": Scheme("LeCun, normal", "normal", lambda n, m, sigma: 1 / n, r"1/n", "LeCun et al. 1998, eq. 16"),
    "linear_default": Scheme("torch's nn.Linear", "uniform", lambda n, m, sigma: 1 / (3 * n), r"1/(3n)", "torch.nn.Linear"),
    "orthogonal": Scheme("Orthogonal", "orthogonal", lambda n, m, sigma: 1 / max(n, m), r"1/\max(n,m)", "Saxe et al. 2014"),
    "lsuv": Scheme("LSUV", "orthogonal", lambda n, m, sigma: 1 / max(n, m), r"\mathrm{Var}(XW) = 1", "Mishkin & Matas 2016"),
})  # fmt: skip


def draw(name: str, n: int, m: int, sigma: float, g: np.random.Generator) -> Float[np.ndarray, "{n} {m}"]:
    """One matrix; LSUV's before its division. All normal schemes take the same draws, so that they differ in size alone."""
    scheme = SCHEMES[name]
    deviation = np.sqrt(scheme.variance(n, m, sigma))
    match scheme.law:
        case "constant":
            return np.full((n, m), sigma if name == "constant" else 0.0)
        case "normal":
            return deviation * g.normal(size=(n, m))
        case "uniform":
            return np.sqrt(3.0) * deviation * g.uniform(-1.0, 1.0, (n, m))
    return orthogonal(n, m, g)


def orthogonal(n: int, m: int, g: np.random.Generator) -> Float[np.ndarray, "{n} {m}"]:
    """A matrix with orthonormal columns (rows, if m > n), each such matrix equally likely: QR of normal draws, R's diagonal positive."""
    Q, R = np.linalg.qr(g.normal(size=(max(n, m), min(n, m))))
    Q = Q * np.sign(np.diag(R))
    return Q if n >= m else Q.T


def to_unit_variance(W: Float[np.ndarray, "n m"], X: Float[np.ndarray, "N n"]) -> Float[np.ndarray, "n m"]:
    """LSUV's step: W over the standard deviation of X W. One division suffices, for X W is linear in W; all-0 outputs are left."""
    deviation = float((X @ W).std())
    return W / deviation if deviation > 0 else W
