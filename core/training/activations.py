"""Activation functions a = f(z), their derivatives f'(z), and softmax with a temperature, in NumPy.

Each is one `Activation` of the table ACTIVATIONS, under torch's own name: f and f' act on every number of a float64 array by
itself. At a kink (ReLU at 0, hard-swish at -3 and 3) f' is what torch's autograd gives there. Nothing overflows: exp only
ever sees numbers that are not positive.

With sigma(z) = 1 / (1 + exp(-z)), and Phi, phi the normal distribution function and its density, the sources are named in
each entry; softmax: J. S. Bridle, 1990; its temperature: G. Hinton, O. Vinyals, J. Dean, 2015, eq. 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

Array = Float[np.ndarray, "*shape"] | float  # a single number is welcome too
Rows = Float[np.ndarray, "*rows K"]

SELU_ALPHA, SELU_SCALE = (
    1.6732632423543772,
    1.0507009873554805,
)  # Klambauer et al. 2017, eq. 14: mean 0, variance 1 stay


@dataclass(frozen=True)
class Activation:
    """One activation function. `f(z)` and `derivative(z)` take and give float64 arrays of any one shape.

    `latex` and `derivative_latex` are the two formulas, `paper` names the source, `low` and `high` bound f's values (ELU's at
    its usual parameter). `parameter` is the value of the one number that some have beside z (0.01 for leaky ReLU's slope), else None.
    """

    name: str
    title: str
    latex: str
    derivative_latex: str
    low: float
    high: float
    paper: str
    f: Callable[..., Array]
    derivative: Callable[..., Array]
    parameter: float | None = None

    def at(self, parameter: float) -> Activation:
        """The same function with another value of its parameter; one that has none is returned as it is."""
        if self.parameter is None:
            return self
        own = ACTIVATIONS[self.name]
        f, derivative = (partial(part, a=parameter) for part in (own.f, own.derivative))
        return replace(self, f=f, derivative=derivative, parameter=parameter)


def step(z: Array) -> Array:
    """1 where z >= 0, else 0."""
    return np.where(z >= 0, 1.0, 0.0)


def d_step(z: Array) -> Array:
    """0: a step has no slope to learn from."""
    return np.zeros_like(z)


def linear(z: Array) -> Array:
    """z itself."""
    return z.copy()


def d_linear(z: Array) -> Array:
    """1."""
    return np.ones_like(z)


def sigmoid(z: Array) -> Array:
    """sigma(z), exact to the last digits on both sides: for z < 0 it is exp(z) / (1 + exp(z))."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def d_sigmoid(z: Array) -> Array:
    """sigma (1 - sigma), written so that it does not cancel for large z."""
    e = np.exp(-np.abs(z))
    return e / (1.0 + e) ** 2


def tanh(z: Array) -> Array:
    """tanh z."""
    return np.tanh(z)


def d_tanh(z: Array) -> Array:
    """1 - tanh^2 z = 4 sigma'(2z)."""
    return 4.0 * d_sigmoid(2.0 * z)


def relu(z: Array) -> Array:
    """max(z, 0)."""
    return np.maximum(z, 0.0)


def d_relu(z: Array) -> Array:
    """1 where z > 0, else 0."""
    return np.where(z > 0, 1.0, 0.0)


def leaky_relu(z: Array, a: float = 0.01) -> Array:
    """z where z > 0, else a z."""
    return np.where(z > 0, z, a * z)


def d_leaky_relu(z: Array, a: float = 0.01) -> Array:
    """1 where z > 0, else a."""
    return np.where(z > 0, 1.0, a)


def prelu(z: Array, a: float = 0.25) -> Array:
    """Leaky ReLU whose slope a is learned; 0.25 is where it starts."""
    return leaky_relu(z, a)


def d_prelu(z: Array, a: float = 0.25) -> Array:
    """By z; by the slope a it is min(z, 0)."""
    return d_leaky_relu(z, a)


def elu(z: Array, a: float = 1.0) -> Array:
    """z where z > 0, else a (exp(z) - 1)."""
    return np.where(z > 0, z, a * np.expm1(np.minimum(z, 0.0)))


def d_elu(z: Array, a: float = 1.0) -> Array:
    """1 where z > 0, else a exp(z)."""
    return np.where(z > 0, 1.0, a * np.exp(np.minimum(z, 0.0)))


def selu(z: Array) -> Array:
    """ELU, scaled so that mean 0 and variance 1 are kept from layer to layer."""
    return SELU_SCALE * elu(z, SELU_ALPHA)


def d_selu(z: Array) -> Array:
    """ELU's derivative, scaled."""
    return SELU_SCALE * d_elu(z, SELU_ALPHA)


def gelu(z: Array) -> Array:
    """z Phi(z)."""
    return z * ndtr(z)


def d_gelu(z: Array) -> Array:
    """Phi(z) + z phi(z)."""
    return ndtr(z) + z * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)


def silu(z: Array) -> Array:
    """z sigma(z)."""
    return z * sigmoid(z)


def d_silu(z: Array) -> Array:
    """sigma + z sigma'."""
    return sigmoid(z) + z * d_sigmoid(z)


def softplus(z: Array) -> Array:
    """log(1 + exp z), exact for all z (torch's returns z itself above 20)."""
    return np.logaddexp(0.0, z)


def mish(z: Array) -> Array:
    """z tanh(softplus z)."""
    return z * np.tanh(softplus(z))


def d_mish(z: Array) -> Array:
    """t + z (1 - t^2) sigma(z), with t = tanh(softplus z)."""
    s = softplus(z)
    return np.tanh(s) + z * d_tanh(s) * sigmoid(z)


def hardswish(z: Array) -> Array:
    """z min(max(z + 3, 0), 6) / 6."""
    return z * np.clip(z + 3.0, 0.0, 6.0) / 6.0


def d_hardswish(z: Array) -> Array:
    """0 up to -3, 1 from 3 on, z/3 + 1/2 between."""
    return np.where(z <= -3.0, 0.0, np.where(z < 3.0, z / 3.0 + 0.5, 1.0))


INF = float("inf")
_TABLE = (
    Activation("step", "Step", r"\begin{cases}1 & z \ge 0\\ 0 & z < 0\end{cases}", "0", 0.0, 1.0, "F. Rosenblatt, Psychological Review 65, 1958", step, d_step),
    Activation("linear", "Linear", "z", "1", -INF, INF, "B. Widrow, M. E. Hoff, IRE WESCON 1960", linear, d_linear),
    Activation("sigmoid", "Sigmoid", r"\sigma(z) = \frac{1}{1 + e^{-z}}", r"\sigma(z)\,(1 - \sigma(z))", 0.0, 1.0, "D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323, 1986", sigmoid, d_sigmoid),
    Activation("tanh", "tanh", r"\tanh z", r"1 - \tanh^2 z", -1.0, 1.0, "Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, Efficient BackProp, 1998, section 4.4", tanh, d_tanh),
    Activation("relu", "ReLU", r"\max(z, 0)", r"\begin{cases}1 & z > 0\\ 0 & z \le 0\end{cases}", 0.0, INF, "V. Nair, G. E. Hinton, ICML 2010", relu, d_relu),
    Activation("leaky_relu", "Leaky ReLU", r"\begin{cases}z & z > 0\\ a z & z \le 0\end{cases}", r"\begin{cases}1 & z > 0\\ a & z \le 0\end{cases}", -INF, INF, "A. Maas, A. Hannun, A. Ng, ICML workshop 2013", leaky_relu, d_leaky_relu, 0.01),
    Activation("prelu", "PReLU", r"\begin{cases}z & z > 0\\ a z & z \le 0\end{cases},\quad a\ \text{learned}", r"\begin{cases}1 & z > 0\\ a & z \le 0\end{cases}", -INF, INF, "K. He, X. Zhang, S. Ren, J. Sun, ICCV 2015, eq. 1", prelu, d_prelu, 0.25),
    Activation("elu", "ELU", r"\begin{cases}z & z > 0\\ a\,(e^{z} - 1) & z \le 0\end{cases}", r"\begin{cases}1 & z > 0\\ a\,e^{z} & z \le 0\end{cases}", -1.0, INF, "D.-A. Clevert, T. Unterthiner, S. Hochreiter, ICLR 2016, eq. 15", elu, d_elu, 1.0),
    Activation("selu", "SELU", r"\lambda \begin{cases}z & z > 0\\ \alpha\,(e^{z} - 1) & z \le 0\end{cases}", r"\lambda \begin{cases}1 & z > 0\\ \alpha\,e^{z} & z \le 0\end{cases}", -SELU_ALPHA * SELU_SCALE, INF, "G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, NIPS 2017, eq. 2", selu, d_selu),
    Activation("gelu", "GELU", r"z\,\Phi(z)", r"\Phi(z) + z\,\varphi(z)", -0.16997, INF, "D. Hendrycks, K. Gimpel, arXiv:1606.08415, 2016", gelu, d_gelu),
    Activation("silu", "SiLU (Swish)", r"z\,\sigma(z)", r"\sigma(z) + z\,\sigma(z)\,(1 - \sigma(z))", -0.27847, INF, "S. Elfwing, E. Uchibe, K. Doya, Neural Networks 107, 2018; P. Ramachandran, B. Zoph, Q. Le, 2017", silu, d_silu),
    Activation("mish", "Mish", r"z \tanh(\log(1 + e^{z}))", r"t + z\,(1 - t^2)\,\sigma(z),\quad t = \tanh(\log(1 + e^{z}))", -0.30885, INF, "D. Misra, BMVC 2020", mish, d_mish),
    Activation("softplus", "Softplus", r"\log(1 + e^{z})", r"\sigma(z)", 0.0, INF, "C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia, NIPS 2000", softplus, sigmoid),
    Activation("hardswish", "Hard-swish", r"z\,\frac{\min(\max(z + 3, 0), 6)}{6}", r"\begin{cases}0 & z \le -3\\ \tfrac{z}{3} + \tfrac12 & -3 < z < 3\\ 1 & z \ge 3\end{cases}", -0.375, INF, "A. Howard et al., MobileNetV3, ICCV 2019, section 5.2", hardswish, d_hardswish),
)  # fmt: skip

ACTIVATIONS: dict[str, Activation] = {one.name: one for one in _TABLE}


def softmax(z: Rows, temperature: float = 1.0) -> Rows:
    """p_k = exp(z_k / T) / sum_j exp(z_j / T) along the last axis; the largest logit is taken out first, so nothing overflows."""
    shifted = (z - z.max(axis=-1, keepdims=True)) / temperature
    e = np.exp(shifted)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_jacobian(p: Float[np.ndarray, " K"], temperature: float = 1.0) -> Float[np.ndarray, "K K"]:
    """dp_i / dz_j = p_i ([i = j] - p_j) / T, from the probabilities p."""
    return (np.diag(p) - np.outer(p, p)) / temperature
