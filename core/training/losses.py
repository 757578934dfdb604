"""Loss functions L(p, y) of a prediction p and a target y, and their gradients dL/dp, in NumPy.

Each is one `Loss` of the table LOSSES. `value` and `gradient` take float64 arrays and take no mean: a loss of single numbers
gives one value for each number (torch's reduction="none"); one of distributions over K classes (the last axis, probabilities
that sum to 1) gives one value for each row, and a gradient in p's shape. What p and y are depends on the kind:

    "number"        p and y are any numbers
    "margin"        p is a score, y is -1 or +1
    "probability"   p is the probability of class 1, in 0 to 1, y is 0 or 1, or the target probability
    "distribution"  p and y are distributions over the classes

Logarithms and kinks are torch's: log p of the binary losses is cut at -100, the absolute value has slope 0 at 0, hinge at 1.
The distributions' losses are infinite where p is 0 and y is not, and 0 log 0 is 0. The sources are named in each entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "*shape"] | float  # a single number is welcome too
Rows = Float[np.ndarray, "*rows K"]
Kind = Literal["number", "margin", "probability", "distribution"]

LOG_FLOOR = -100.0  # torch.nn.BCELoss: its logarithms are never lower
FLOOR = 1e-12  # and p (1 - p) in its gradient never smaller


@dataclass(frozen=True)
class Loss:
    """One loss function: `value(p, y)` and `gradient(p, y)` = dL/dp on float64 arrays.

    `latex` and `derivative_latex` are the two formulas, `low` and `high` bound its values, `paper` names its source.
    `parameter` is the value of the one number that some have (Huber's delta, focal's gamma, smoothing's epsilon), else None,
    and `symbol` its letter.
    """

    name: str
    title: str
    kind: Kind
    latex: str
    derivative_latex: str
    low: float
    high: float
    paper: str
    value: Callable[..., Array]
    gradient: Callable[..., Array]
    symbol: str = ""
    parameter: float | None = None

    def at(self, parameter: float) -> Loss:
        """The same loss with another value of its parameter; one that has none is returned as it is."""
        if self.parameter is None:
            return self
        own = LOSSES[self.name]
        value, gradient = (partial(part, **{self.symbol: parameter}) for part in (own.value, own.gradient))
        return replace(self, value=value, gradient=gradient, parameter=parameter)


def mse(p: Array, y: Array) -> Array:
    """(p - y)^2."""
    return (p - y) ** 2


def d_mse(p: Array, y: Array) -> Array:
    """2 (p - y)."""
    return 2.0 * (p - y)


def mae(p: Array, y: Array) -> Array:
    """|p - y|."""
    return np.abs(p - y)


def d_mae(p: Array, y: Array) -> Array:
    """The sign of p - y, 0 at 0."""
    return np.sign(p - y)


def huber(p: Array, y: Array, delta: float = 1.0) -> Array:
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = p - y."""
    r = np.abs(p - y)
    return np.where(r <= delta, 0.5 * r**2, delta * (r - 0.5 * delta))


def d_huber(p: Array, y: Array, delta: float = 1.0) -> Array:
    """p - y, cut to -delta ... delta."""
    return np.clip(p - y, -delta, delta)


def hinge(p: Array, y: Array) -> Array:
    """max(0, 1 - y p)."""
    return np.maximum(0.0, 1.0 - y * p)


def d_hinge(p: Array, y: Array) -> Array:
    """-y while y p < 1, else 0."""
    return np.where(y * p < 1.0, -y, 0.0)


@np.errstate(divide="ignore")
def _log(p: Array) -> Array:
    return np.maximum(np.log(p), LOG_FLOOR)


def bce(p: Array, y: Array) -> Array:
    """-(y log p + (1 - y) log(1 - p))."""
    return -(y * _log(p) + (1.0 - y) * _log(1.0 - p))


def d_bce(p: Array, y: Array) -> Array:
    """(p - y) / (p (1 - p))."""
    return (p - y) / np.maximum(p * (1.0 - p), FLOOR)


def focal(p: Array, y: Array, gamma: float = 2.0) -> Array:
    """-(1 - p_t)^gamma log p_t, where p_t = p for y = 1 and 1 - p for y = 0 (a y between mixes the two)."""
    return -(y * (1.0 - p) ** gamma * _log(p) + (1.0 - y) * p**gamma * _log(1.0 - p))


def d_focal(p: Array, y: Array, gamma: float = 2.0) -> Array:
    """For y = 1: gamma (1 - p)^(gamma - 1) log p - (1 - p)^gamma / p; for y = 0 the mirror image."""
    return y * _d_focal_one(p, gamma) - (1.0 - y) * _d_focal_one(1.0 - p, gamma)


def _d_focal_one(p: Array, gamma: float) -> Array:
    rest = 1.0 - p
    bend = gamma * np.maximum(rest, FLOOR) ** (gamma - 1.0) * _log(p) if gamma else 0.0
    return bend - rest**gamma / np.maximum(p, FLOOR)


def _smooth(y: Rows, epsilon: float) -> Rows:
    return (1.0 - epsilon) * y + epsilon / y.shape[-1]


@np.errstate(divide="ignore", invalid="ignore")
def _y_log(y: Rows, p: Rows) -> Rows:
    """y log p, and 0 where y is 0."""
    return np.where(y == 0.0, 0.0, y * np.log(p))


def cross_entropy(p: Rows, y: Rows) -> Array:
    """-sum_k y_k log p_k."""
    return -_y_log(y, p).sum(axis=-1)


@np.errstate(divide="ignore", invalid="ignore")
def d_cross_entropy(p: Rows, y: Rows) -> Rows:
    """-y_k / p_k, and 0 where y_k is 0."""
    return np.where(y == 0.0, 0.0, -y / p)


def label_smoothing(p: Rows, y: Rows, epsilon: float = 0.1) -> Array:
    """The cross-entropy against (1 - epsilon) y + epsilon / K."""
    return cross_entropy(p, _smooth(y, epsilon))


def d_label_smoothing(p: Rows, y: Rows, epsilon: float = 0.1) -> Rows:
    """-((1 - epsilon) y_k + epsilon / K) / p_k."""
    return d_cross_entropy(p, _smooth(y, epsilon))


def kl(p: Rows, y: Rows) -> Array:
    """sum_k y_k log(y_k / p_k): the cross-entropy less the entropy of y."""
    return cross_entropy(p, y) - entropy(y)


def entropy(y: Rows) -> Array:
    """-sum_k y_k log y_k, in nats."""
    return cross_entropy(y, y)


INF = float("inf")
_TABLE = (
    Loss("mse", "Squared error (MSE)", "number", "(p - y)^2", "2\\,(p - y)", 0.0, INF, "A. M. Legendre, 1805; C. F. Gauss, 1809", mse, d_mse),
    Loss("mae", "Absolute error (MAE)", "number", "|p - y|", r"\operatorname{sign}(p - y)", 0.0, INF, "R. J. Boscovich, 1757; P. S. Laplace, 1793", mae, d_mae),
    Loss("huber", "Huber", "number", r"\begin{cases}\tfrac12 (p - y)^2 & |p - y| \le \delta\\ \delta\,(|p - y| - \tfrac12 \delta) & \text{else}\end{cases}", r"\min(\max(p - y, -\delta), \delta)", 0.0, INF, "P. J. Huber, Annals of Mathematical Statistics 35, 1964", huber, d_huber, "delta", 1.0),
    Loss("bce", "Binary cross-entropy", "probability", r"-\left(y \log p + (1 - y) \log(1 - p)\right)", r"\frac{p - y}{p\,(1 - p)}", 0.0, -LOG_FLOOR, "D. R. Cox, J. Royal Statistical Society B 20, 1958", bce, d_bce),
    Loss("cross_entropy", "Categorical cross-entropy", "distribution", r"-\sum_k y_k \log p_k", r"-\frac{y_k}{p_k}", 0.0, INF, "J. S. Bridle, Neurocomputing, 1990", cross_entropy, d_cross_entropy),
    Loss("hinge", "Hinge", "margin", r"\max(0,\ 1 - y p)", r"\begin{cases}-y & y p < 1\\ 0 & y p \ge 1\end{cases}", 0.0, INF, "C. Cortes, V. Vapnik, Machine Learning 20, 1995", hinge, d_hinge),
    Loss("focal", "Focal", "probability", r"-(1 - p_t)^{\gamma} \log p_t,\quad p_t = p \text{ if } y = 1,\ \text{else } 1 - p", r"\pm\left(\gamma\,(1 - p_t)^{\gamma - 1} \log p_t - \frac{(1 - p_t)^{\gamma}}{p_t}\right)", 0.0, -LOG_FLOOR, "T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, ICCV 2017, eq. 4", focal, d_focal, "gamma", 2.0),
    Loss("label_smoothing", "Label smoothing", "distribution", r"-\sum_k \left((1 - \epsilon)\,y_k + \tfrac{\epsilon}{K}\right) \log p_k", r"-\frac{(1 - \epsilon)\,y_k + \epsilon / K}{p_k}", 0.0, INF, "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, CVPR 2016, section 7", label_smoothing, d_label_smoothing, "epsilon", 0.1),
    Loss("kl", "Kullback-Leibler divergence", "distribution", r"\sum_k y_k \log \frac{y_k}{p_k}", r"-\frac{y_k}{p_k}", 0.0, INF, "S. Kullback, R. A. Leibler, Annals of Mathematical Statistics 22, 1951", kl, d_cross_entropy),
)  # fmt: skip

LOSSES: dict[str, Loss] = {one.name: one for one in _TABLE}
