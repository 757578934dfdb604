"""The update rules, each written once, for all racers at a time.

A rule is a function rule(θ, g, s, h, t) -> the next θ. θ and g (the gradient there) have shape (racer, coordinate);
t = 1, 2, ... counts the steps; `s` holds the state that the rule carries from step to step, under the paper's symbols (m, v,
...), and the quantities of this step that are worth seeing (m_hat, v_hat, ...); `h` holds the hyper-parameters: lr
(η below) always an array of θ's shape, the others such an array or, where all racers share the value, a Python float.
Booleans and whole numbers are the same for all racers of one call, and so is whether a weight decay or a momentum is used at
all (`h.decays`, `h.rolls`). No rule changes an array in place, but for L-BFGS its memory (see lbfgs.py).

Names, defaults and arithmetic are those of torch.optim, which now and then differs from the paper: eps is added
after the root of v_hat, RAdam's eps stands before its bias correction, NAdam's momentum follows the 0.96-schedule. Lion is
not in torch; it follows algorithm 2 of its paper. L-BFGS is torch.optim.LBFGS with max_iter=1: it remembers up to `history_size`
past steps, so it is a guest, and with a line search it evaluates f several times a step.

Muon orthogonalises the steps of weight matrices, so it stands apart in MATRIX_OPTIMIZERS: its rule needs `h.shapes`, (out, in + 1)
of every layer whose weights and, as last column, biases lie flattened in θ. A point (x, y) has no matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from core.contracts import Param
from core.errors import ExplainerError, one_of
from core.training.lbfgs import lbfgs, lbfgs_wolfe

Array = np.ndarray
State = SimpleNamespace
Hyper = SimpleNamespace


def power(beta: float | Array, t: int) -> float | Array:
    """βᵗ rounded as Python (and so torch) rounds it: 1 − βᵗ in RAdam's ρ_t magnifies the last bit a million times."""
    if isinstance(beta, float):
        return beta**t
    return np.array([b**t for b in beta.ravel().tolist()]).reshape(beta.shape)


def mean(old: Array, new: Array, beta: float | Array) -> Array:
    """Exponential moving average β·old + (1 − β)·new, rounded as torch's lerp."""
    return old + (1.0 - beta) * (new - old)


def l2(g: Array, theta: Array, h: Hyper) -> Array:
    """Weight decay as a penalty: the gradient of ½λ|θ|² joins g, and with it m and v."""
    return g + h.weight_decay * theta if h.decays else g


def decoupled(theta: Array, h: Hyper) -> Array:
    """Weight decay past the optimizer: θ shrinks by ηλ, whatever m and v are (Loshchilov & Hutter 2019)."""
    return theta * (1.0 - h.lr * h.weight_decay) if h.decays else theta


def decayed(theta: Array, g: Array, h: Hyper) -> tuple[Array, Array]:
    """(θ, g) after weight decay of the kind that h asks for."""
    if h.decoupled_weight_decay:
        return decoupled(theta, h), g
    return theta, l2(g, theta, h)


def sgd(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Robbins & Monro 1951; with momentum Polyak 1964; `nesterov`: Sutskever et al. 2013."""
    g = l2(g, theta, h)
    if not h.rolls:
        return theta - h.lr * g
    s.b = g if t == 1 else h.momentum * s.b + (1.0 - h.dampening) * g
    s.d = g + h.momentum * s.b if h.nesterov else s.b
    return theta - h.lr * s.d


def adagrad(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Duchi, Hazan & Singer 2011, diagonal case."""
    g = l2(g, theta, h)
    s.G = s.G + g * g
    s.eta = h.lr / (1.0 + (t - 1) * h.lr_decay)
    return theta - s.eta * g / (np.sqrt(s.G) + h.eps)


def rmsprop(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Tieleman & Hinton 2012, lecture 6.5; `centered`: Graves 2013, eq. 38 to 45."""
    g = l2(g, theta, h)
    s.v = h.alpha * s.v + (1.0 - h.alpha) * g * g
    s.v_tilde = s.v
    if h.centered:
        s.m = mean(s.m, g, h.alpha)
        s.v_tilde = s.v - s.m * s.m
    step = g / (np.sqrt(s.v_tilde) + h.eps)
    if h.rolls:
        step = s.b = h.momentum * s.b + step
    return theta - h.lr * step


def adadelta(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Zeiler 2012, algorithm 1; u is the running mean of squared steps."""
    g = l2(g, theta, h)
    s.v = h.rho * s.v + (1.0 - h.rho) * g * g
    s.delta = np.sqrt(s.u + h.eps) / np.sqrt(s.v + h.eps) * g
    s.u = h.rho * s.u + (1.0 - h.rho) * s.delta * s.delta
    return theta - h.lr * s.delta


def adam(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Kingma & Ba 2015, algorithm 1; `amsgrad`: Reddi et al. 2018; decoupled decay: AdamW, Loshchilov & Hutter 2019."""
    theta, g = decayed(theta, g, h)
    s.m = mean(s.m, g, h.beta1)
    s.v = h.beta2 * s.v + (1.0 - h.beta2) * g * g
    s.m_hat = s.m / (1.0 - power(h.beta1, t))
    if h.amsgrad:
        s.v_max = np.maximum(s.v_max, s.v)
    s.v_hat = (s.v_max if h.amsgrad else s.v) / (1.0 - power(h.beta2, t))
    return theta - h.lr * s.m_hat / (np.sqrt(s.v_hat) + h.eps)


def nadam(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Dozat 2016; μ is the momentum's own warm-up."""
    theta, g = decayed(theta, g, h)
    mu = h.beta1 * (1.0 - 0.5 * 0.96 ** (t * h.momentum_decay))
    mu_next = h.beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * h.momentum_decay))
    s.mu_product = np.float32(s.mu_product) * np.float32(mu)  # torch keeps this product in float32
    s.m = mean(s.m, g, h.beta1)
    s.v = h.beta2 * s.v + (1.0 - h.beta2) * g * g
    product = np.float64(s.mu_product)
    s.m_hat = mu_next * s.m / (1.0 - product * mu_next) + (1.0 - mu) * g / (1.0 - product)
    s.v_hat = s.v / (1.0 - power(h.beta2, t))
    return theta - h.lr * s.m_hat / (np.sqrt(s.v_hat) + h.eps)


def radam(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Liu et al. 2020, algorithm 2; r is the variance rectification, l the adaptive rate."""
    theta, g = decayed(theta, g, h)
    s.m = mean(s.m, g, h.beta1)
    s.v = h.beta2 * s.v + (1.0 - h.beta2) * g * g
    beta2_t = power(h.beta2, t)
    s.m_hat = s.m / (1.0 - power(h.beta1, t))
    rho_inf = 2.0 / (1.0 - h.beta2) - 1.0
    s.rho = rho_inf - 2.0 * t * beta2_t / (1.0 - beta2_t)
    s.r = np.sqrt(np.divide((s.rho - 4) * (s.rho - 2) * rho_inf, (rho_inf - 4) * (rho_inf - 2) * s.rho))
    s.l = (1.0 - beta2_t) ** 0.5 / (np.sqrt(s.v) + h.eps)
    return theta - h.lr * s.m_hat * np.where(s.rho > 5, s.r * s.l, 1.0)


def adamax(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Kingma & Ba 2015, algorithm 2."""
    g = l2(g, theta, h)
    s.m = mean(s.m, g, h.beta1)
    s.u = np.maximum(h.beta2 * s.u, np.abs(g) + h.eps)
    s.m_hat = s.m / (1.0 - power(h.beta1, t))
    return theta - h.lr * s.m_hat / s.u


def lion(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Chen et al. 2023, algorithm 2."""
    theta = decoupled(theta, h)
    s.c = mean(s.m, g, h.beta1)
    s.m = mean(s.m, g, h.beta2)
    return theta - h.lr * np.sign(s.c)


QUINTIC = (3.4445, -4.7750, 2.0315)


def newton_schulz(G: Float[np.ndarray, "row A B"], steps: int = 5, eps: float = 1e-7) -> Float[np.ndarray, "row A B"]:
    """About U Vᵀ of each G = U S Vᵀ: X ← a X + (b XXᵀ + c (XXᵀ)²) X from X = G/|G| brings all singular values near 1 (0.7 to 1.2)."""
    a, b, c = QUINTIC
    tall = G.shape[1] > G.shape[2]
    X = G.swapaxes(1, 2) if tall else G
    X = X / np.maximum(np.linalg.norm(X, axis=(1, 2), keepdims=True), eps)
    for _ in range(steps):
        A = X @ X.swapaxes(1, 2)
        X = a * X + (b * A + c * A @ A) @ X
    return X.swapaxes(1, 2) if tall else X


def muon(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Jordan et al. 2024, Nesterov form, step scaled to AdamW's size (Liu et al. 2025, eq. 4); biases by AdamW at the same rate."""
    new = adam(theta, g, s, h, t)
    s.b = mean(s.b, g, h.momentum)
    d, theta, end = mean(s.b, g, h.momentum), decoupled(theta, h), 0
    for out, into in h.shapes:
        begin, end = end, end + out * into
        W, D, eta, to = (part[:, begin:end].reshape(-1, out, into)[:, :, :-1] for part in (theta, d, h.lr, new))
        to[:] = W - eta * 0.2 * max(out, into - 1) ** 0.5 * newton_schulz(D)
    return new


def rprop(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Riedmiller & Braun 1993; the state starts with Δ = lr."""
    agree = np.sign(g * s.g_prev)
    factor = np.where(agree > 0, h.eta_plus, np.where(agree < 0, h.eta_minus, 1.0))
    s.delta = np.minimum(np.maximum(s.delta * factor, h.step_min), h.step_max)
    s.g_prev = np.where(agree < 0, 0.0, g)  # after a change of sign: no step now, no shrinking next time
    return theta - np.sign(s.g_prev) * s.delta


Rule = Callable[[Array, Array, State, Hyper, int], Array]
Setting = Param | tuple[Param, ...]


@dataclass(frozen=True, eq=False)
class Optimizer:
    """What there is to know about an optimizer.

    `accepts` holds, by torch's names, lr and all other hyper-parameters; `state` what it carries from step to step (symbol ->
    what it starts from, given h), `shows` the further symbols of one step. `guest`: it sees more than the others do; `searches`:
    its rule needs `h.measure(places) -> (values, gradients)`, and tells in `s.evaluations` how often it asked.
    """

    name: str
    title: str
    summary: str
    paper: str
    latex: str
    rule: Rule
    accepts: Mapping[str, Setting]
    state: Mapping[str, Callable[[Hyper], Array]]
    shows: tuple[str, ...] = ()
    guest: bool = False
    searches: bool = False

    @property
    def defaults(self) -> dict[str, Any]:
        """Hyper-parameter -> torch's default."""
        return {
            key: tuple(p.default for p in about) if isinstance(about, tuple) else about.default
            for key, about in self.accepts.items()
        }


def _zeros(h: Hyper) -> Array:
    return np.zeros_like(h.lr)


def _ones(h: Hyper) -> Array:
    return np.ones_like(h.lr)


def _number(default: float, label: str, high: float, low: float = 0.0) -> Param:
    return Param(default, label, low=low, high=high)


BELOW_ONE = 0.9999999


def _betas(beta1: float, beta2: float) -> tuple[Param, Param]:
    return _number(beta1, "betas[0]", BELOW_ONE), _number(beta2, "betas[1]", BELOW_ONE)


def _flag(default: bool, label: str, fixed: bool = False) -> Param:
    """A yes or no; a fixed one belongs to the optimizer's name and cannot be chosen."""
    return Param(default, label, low=float(default and fixed), high=1.0)


def _common(lr: float, eps: float | None = None, weight_decay: float | None = 0.0) -> dict[str, Setting]:
    chosen: dict[str, Setting] = {"lr": _number(lr, "learning rate", 1e3, low=1e-12)}
    if eps is not None:
        chosen["eps"] = _number(eps, "eps", 10.0)
    if weight_decay is not None:
        chosen["weight_decay"] = _number(weight_decay, "weight_decay", 10.0)
    return chosen


def _sgd_settings(momentum: float, nesterov: bool = False) -> dict[str, Setting]:
    return {
        **_common(1e-3),
        "momentum": _number(momentum, "momentum", 1.0),
        "dampening": _number(0.0, "dampening", 1.0),
        "nesterov": _flag(nesterov, "nesterov", fixed=nesterov),
    }


def _adam_settings(weight_decay: float = 0.0, amsgrad: bool = False, decouple: bool = False) -> dict[str, Setting]:
    return {
        **_common(1e-3, 1e-8, weight_decay),
        "betas": _betas(0.9, 0.999),
        "amsgrad": _flag(amsgrad, "amsgrad", fixed=amsgrad),
        "decoupled_weight_decay": _flag(decouple, "decoupled_weight_decay", fixed=decouple),
    }


_MOMENTS = {"m": _zeros, "v": _zeros}
_ADAM = (
    r"\begin{aligned} m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, & v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2 \\"
    r"\hat m_t &= \frac{m_t}{1-\beta_1^t}, & \hat v_t &= \frac{v_t}{1-\beta_2^t} \\"
    r"\theta_t &= \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t}+\epsilon} \end{aligned}"
)
_AMSGRAD = _ADAM.replace(r"\frac{v_t}{1", r"\frac{\max_{i\le t} v_i}{1")
_ADAMW = _ADAM.replace(r"= \theta_{t-1}", r"= (1-\eta\lambda)\,\theta_{t-1}")
_HEAVY_BALL = (
    r"\begin{aligned} b_t &= \mu b_{t-1} + (1-\tau) g_t \\ \theta_t &= \theta_{t-1} - \eta\, b_t \end{aligned}"
)
_NESTEROV = (
    r"\begin{aligned} b_t &= \mu b_{t-1} + g_t \\ \theta_t &= \theta_{t-1} - \eta\,(g_t + \mu b_t) \end{aligned}"
)

_LBFGS = (
    r"\theta_t = \theta_{t-1} - \eta\, H_t\, g_t, \quad H_t = V^\top H V + \rho\, s s^\top,\ "
    r"V = I - \rho\, y s^\top,\ s = \theta_{t-1}-\theta_{t-2},\ y = g_t - g_{t-1},\ \rho = 1/y^\top s"
)
_LBFGS_SETTINGS = {
    **_common(1.0, weight_decay=None),
    "history_size": Param(100, "history_size", low=1, high=100),
    "tolerance_grad": _number(1e-7, "tolerance_grad", 1.0),
    "tolerance_change": _number(1e-9, "tolerance_change", 1.0),
}


def _memory(h: Hyper) -> Array:
    """An empty place for each pair that L-BFGS may remember."""
    return np.zeros((h.history_size, *h.lr.shape))


_LBFGS_STATE = {
    "g_prev": _zeros, "d": _zeros, "alpha": _zeros, "k": lambda h: np.zeros((len(h.lr), 1)), "gamma": _ones,
    "moves": lambda h: np.ones((len(h.lr), 1), dtype=bool), "S": _memory, "Y": _memory, "rho": _memory,
    "n": lambda h: np.zeros(len(h.lr), dtype=int),
}  # fmt: skip

_ENTRIES = (
    Optimizer(
        "sgd", "SGD", "Straight down the gradient, as far as it is steep.", "Robbins and Monro, 1951",
        r"\theta_t = \theta_{t-1} - \eta\, g_t", sgd, _sgd_settings(0.0), {"b": _zeros}, ("d",),
    ),
    Optimizer(
        "momentum", "Momentum", "A heavy ball: past gradients add up to a velocity.", "Polyak, 1964",
        _HEAVY_BALL, sgd, _sgd_settings(0.9), {"b": _zeros}, ("d",),
    ),
    Optimizer(
        "nesterov", "Nesterov", "Momentum that looks one step ahead.", "Nesterov, 1983; Sutskever et al., 2013",
        _NESTEROV, sgd, _sgd_settings(0.9, nesterov=True), {"b": _zeros}, ("d",),
    ),
    Optimizer(
        "adagrad", "Adagrad", "Each coordinate's rate falls with all squared gradients so far.",
        "Duchi, Hazan and Singer, 2011",
        r"\begin{aligned} G_t &= G_{t-1} + g_t^2 \\"
        r"\theta_t &= \theta_{t-1} - \frac{\eta}{1+(t-1)\,\eta_\lambda}\frac{g_t}{\sqrt{G_t}+\epsilon} \end{aligned}",
        adagrad,
        {
            **_common(1e-2, 1e-10), "lr_decay": _number(0.0, "lr_decay", 10.0),
            "initial_accumulator_value": _number(0.0, "initial_accumulator_value", 1e6),
        },
        {"G": lambda h: h.initial_accumulator_value + np.zeros_like(h.lr)}, ("eta",),
    ),
    Optimizer(
        "rmsprop", "RMSprop", "Divides by a running mean of squared gradients, which forgets.", "Tieleman and Hinton, 2012",
        r"\begin{aligned} v_t &= \alpha v_{t-1} + (1-\alpha) g_t^2 \\"
        r"\theta_t &= \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t}+\epsilon} \end{aligned}",
        rmsprop,
        {
            **_common(1e-2, 1e-8), "alpha": _number(0.99, "alpha", 1.0), "momentum": _number(0.0, "momentum", 1.0),
            "centered": _flag(False, "centered"),
        },
        {"v": _zeros, "m": _zeros, "b": _zeros}, ("v_tilde",),
    ),
    Optimizer(
        "adadelta", "Adadelta", "Steps in the unit of θ: past steps over past gradients.", "Zeiler, 2012",
        r"\begin{aligned} v_t &= \rho v_{t-1} + (1-\rho) g_t^2, \quad"
        r"\delta_t = \frac{\sqrt{u_{t-1}+\epsilon}}{\sqrt{v_t+\epsilon}}\, g_t \\"
        r"u_t &= \rho u_{t-1} + (1-\rho)\delta_t^2, \quad \theta_t = \theta_{t-1} - \eta\,\delta_t \end{aligned}",
        adadelta, {**_common(1.0, 1e-6), "rho": _number(0.9, "rho", 1.0)}, {"v": _zeros, "u": _zeros}, ("delta",),
    ),
    Optimizer(
        "adam", "Adam", "Momentum over the root of the mean square, both corrected for their start at 0.",
        "Kingma and Ba, 2015, algorithm 1", _ADAM, adam, _adam_settings(), {**_MOMENTS, "v_max": _zeros}, ("m_hat", "v_hat"),
    ),
    Optimizer(
        "amsgrad", "AMSGrad", "Adam whose denominator never falls.", "Reddi, Kale and Kumar, 2018, algorithm 2",
        _AMSGRAD, adam, _adam_settings(amsgrad=True), {**_MOMENTS, "v_max": _zeros}, ("m_hat", "v_hat"),
    ),
    Optimizer(
        "adamw", "AdamW", "Adam with weight decay past the moments.", "Loshchilov and Hutter, 2019, algorithm 2",
        _ADAMW, adam, _adam_settings(0.01, decouple=True), {**_MOMENTS, "v_max": _zeros}, ("m_hat", "v_hat"),
    ),
    Optimizer(
        "nadam", "NAdam", "Adam with Nesterov's look ahead.", "Dozat, 2016",
        r"\begin{aligned} \mu_t &= \beta_1\big(1-\tfrac12\, 0.96^{t\psi}\big), \quad"
        r"\hat m_t = \frac{\mu_{t+1} m_t}{1-\prod_{i=1}^{t+1}\mu_i} + \frac{(1-\mu_t) g_t}{1-\prod_{i=1}^{t}\mu_i} \\"
        r"\theta_t &= \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t}+\epsilon} \end{aligned}",
        nadam,
        {
            **_common(2e-3, 1e-8), "betas": _betas(0.9, 0.999), "momentum_decay": _number(4e-3, "momentum_decay", 10.0),
            "decoupled_weight_decay": _flag(False, "decoupled_weight_decay"),
        },
        {**_MOMENTS, "mu_product": _ones}, ("m_hat", "v_hat"),
    ),
    Optimizer(
        "radam", "RAdam", "Adam that trusts v only once it has seen enough gradients.", "Liu et al., 2020, algorithm 2",
        r"\begin{aligned} \rho_t &= \rho_\infty - \frac{2t\beta_2^t}{1-\beta_2^t}, \quad"
        r"r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\rho_t}}, \quad"
        r"l_t = \frac{\sqrt{1-\beta_2^t}}{\sqrt{v_t}+\epsilon} \\"
        r"\theta_t &= \theta_{t-1} - \eta\,\hat m_t\, r_t\, l_t \ (\rho_t>5), \quad"
        r"\theta_{t-1} - \eta\,\hat m_t \ (\text{else}) \end{aligned}",
        radam,
        {
            **_common(1e-3, 1e-8), "betas": _betas(0.9, 0.999),
            "decoupled_weight_decay": _flag(False, "decoupled_weight_decay"),
        },
        _MOMENTS, ("m_hat", "rho", "r", "l"),
    ),
    Optimizer(
        "adamax", "Adamax", "Adam with the largest gradient in place of the root mean square.",
        "Kingma and Ba, 2015, algorithm 2",
        r"\begin{aligned} m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \quad u_t = \max(\beta_2 u_{t-1}, |g_t|+\epsilon) \\"
        r"\theta_t &= \theta_{t-1} - \frac{\eta}{1-\beta_1^t}\,\frac{m_t}{u_t} \end{aligned}",
        adamax, {**_common(2e-3, 1e-8), "betas": _betas(0.9, 0.999)}, {"m": _zeros, "u": _zeros}, ("m_hat",),
    ),
    Optimizer(
        "lion", "Lion", "Only the sign of a mixed momentum: every coordinate moves by the rate.",
        "Chen et al., 2023, algorithm 2 (not in torch; rate and betas are the paper's)",
        r"\begin{aligned} c_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t \\"
        r"\theta_t &= \theta_{t-1} - \eta\,(\mathrm{sign}(c_t) + \lambda\theta_{t-1}), \quad"
        r"m_t = \beta_2 m_{t-1} + (1-\beta_2) g_t \end{aligned}",
        lion, {**_common(1e-4), "betas": _betas(0.9, 0.99)}, {"m": _zeros}, ("c",),
    ),
    Optimizer(
        "rprop", "Rprop", "Only the gradient's sign: steps grow while it holds and shrink when it flips.",
        "Riedmiller and Braun, 1993",
        r"\begin{aligned} \Delta_t &= \mathrm{clip}(\eta^{\pm}\Delta_{t-1},\ \Delta_{\min},\ \Delta_{\max}),"
        r"\quad \pm = \mathrm{sign}(g_t\, g_{t-1}) \\"
        r"\theta_t &= \theta_{t-1} - \mathrm{sign}(g_t)\,\Delta_t \quad (0 \text{ where the sign flipped}) \end{aligned}",
        rprop,
        {
            **_common(1e-2, weight_decay=None),
            "etas": (_number(0.5, "etas[0]", 0.999999, low=1e-6), _number(1.2, "etas[1]", 10.0, low=1.000001)),
            "step_sizes": (_number(1e-6, "step_sizes[0]", 1e3), _number(50.0, "step_sizes[1]", 1e6)),
        },
        {"g_prev": _zeros, "delta": lambda h: h.lr.copy()},
    ),
    Optimizer(
        "lbfgs", "L-BFGS", "A guest that sees more: it builds curvature from its past steps. No line search.",
        "Nocedal, 1980; Nocedal and Wright, 2006, algorithm 7.5", _LBFGS, lbfgs, _LBFGS_SETTINGS, _LBFGS_STATE, ("s", "y"), guest=True,
    ),
    Optimizer(
        "lbfgs_wolfe", "L-BFGS + line search", "A guest that sees more: curvature from past steps, and several looks at f in every step.",
        "Nocedal and Wright, 2006, algorithms 7.5, 3.5 and 3.6",
        _LBFGS + r",\quad \eta \to \alpha:\ f(\theta+\alpha d) \le f(\theta) + c_1\alpha\, g^\top d,\ |\nabla f(\theta+\alpha d)^\top d| \le c_2 |g^\top d|",
        lbfgs_wolfe, _LBFGS_SETTINGS, {**_LBFGS_STATE, "evaluations": lambda h: np.zeros((len(h.lr), 1))}, ("s", "y"),
        guest=True, searches=True,
    ),
)  # fmt: skip

OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
MATRIX_OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType({
    "muon": Optimizer(
        "muon", "Muon", "Momentum whose step on a weight matrix has all singular values near 1.", "Jordan et al., 2024",
        r"\begin{aligned} b_t &= \mu b_{t-1} + (1-\mu) g_t, \quad d_t = \mu b_t + (1-\mu) g_t \\"
        r"W_t &= (1-\eta\lambda) W_{t-1} - 0.2\sqrt{\max(A,B)}\;\eta\; U V^\top, \quad d_t = U S V^\top \in \mathbb R^{A\times B} \end{aligned}",
        muon,
        {
            **_common(1e-3, 1e-8, 0.1), "momentum": _number(0.95, "momentum", 1.0, low=1e-6), "betas": _betas(0.9, 0.999),
            "amsgrad": Param(False, "amsgrad", low=0.0, high=0.0),
            "decoupled_weight_decay": Param(True, "decoupled_weight_decay", low=1.0, high=1.0),
        },
        {**_MOMENTS, "b": _zeros},
    ),
})  # fmt: skip
EVERY: Mapping[str, Optimizer] = MappingProxyType({**OPTIMIZERS, **MATRIX_OPTIMIZERS})

_SPLIT = {"betas": ("beta1", "beta2"), "etas": ("eta_minus", "eta_plus"), "step_sizes": ("step_min", "step_max")}


@dataclass(frozen=True, init=False)
class Racer:
    """An optimizer with its hyper-parameters by torch's names; what is not given has torch's default. Frozen, hashable.

    Raises:
        ExplainerError: unknown optimizer or hyper-parameter, or a value that is not allowed.
    """

    name: str
    lr: float
    settings: tuple[tuple[str, Any], ...]

    def __init__(self, name: str, lr: Any = None, **hyper: Any) -> None:
        if name not in EVERY:
            raise ExplainerError(f"optimizer {str(name)[:60]!r} is unknown; choose {one_of(EVERY)}")
        accepts = EVERY[name].accepts
        if unknown := sorted(set(hyper) - set(accepts)):
            raise ExplainerError(f"{name} has no hyper-parameter {unknown[0][:40]!r}; it takes {one_of(accepts)}")
        given = {**EVERY[name].defaults, **hyper} | ({} if lr is None else {"lr": lr})
        checked = {key: _check(name, key, accepts[key], given[key]) for key in accepts}
        _check_together(name, checked)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "lr", checked.pop("lr"))
        object.__setattr__(self, "settings", tuple(checked.items()))

    @property
    def optimizer(self) -> Optimizer:
        """The description of its optimizer."""
        return EVERY[self.name]

    @property
    def hyper(self) -> dict[str, Any]:
        """All hyper-parameters by torch's names, lr included."""
        return {"lr": self.lr, **dict(self.settings)}

    def at(self, lr: float) -> Racer:
        """The same racer with another learning rate."""
        return Racer(self.name, **{**self.hyper, "lr": lr})

    @property
    def key(self) -> tuple[Any, ...]:
        """Racers with the same key run in one call of their rule: same rule, same switches."""
        hyper = self.hyper
        switches = tuple(value for value in hyper.values() if isinstance(value, int))
        return (
            self.optimizer.rule.__name__,
            switches,
            bool(hyper.get("weight_decay")),
            bool(hyper.get("momentum")),
        )


def _check(name: str, key: str, about: Setting, value: Any) -> Any:
    """`value` as this hyper-parameter's type, or an ExplainerError that names the optimizer and the hyper-parameter."""
    try:
        if isinstance(about, tuple):
            values = tuple(value) if isinstance(value, (tuple, list)) else ()
            if len(values) != len(about):
                default = tuple(p.default for p in about)
                raise ExplainerError(f"{key}: {value!r} is not a pair of numbers; try {default}")
            return tuple(p.check(v) for p, v in zip(about, values, strict=True))
        checked = about.check(value)
        if isinstance(checked, bool) and not about.low <= checked <= about.high:
            raise ExplainerError(f"{key} is always {about.default}; leave it out, or choose another optimizer")
    except ExplainerError as problem:
        raise ExplainerError(f"{name}: {problem}") from None
    return checked


def _check_together(name: str, hyper: Mapping[str, Any]) -> None:
    if hyper.get("nesterov") and (hyper["momentum"] == 0 or hyper["dampening"] != 0):
        raise ExplainerError(f"{name}: nesterov needs a momentum above 0 and dampening 0; try momentum 0.9")
    if "step_sizes" in hyper and hyper["step_sizes"][0] > hyper["step_sizes"][1]:
        raise ExplainerError(f"{name}: step_sizes {hyper['step_sizes']} must be (smallest, largest); try (1e-06, 50)")


def gather(racers: list[Racer], coordinates: int) -> Hyper:
    """The hyper-parameters of racers with one key, as a rule wants them: arrays (racer, coordinate), shared ones floats."""
    columns: dict[str, list[Any]] = {key: [r.hyper[key] for r in racers] for key in racers[0].hyper}
    for pair, names in _SPLIT.items():
        if pair in columns:
            columns |= zip(names, (list(values) for values in zip(*columns.pop(pair), strict=True)), strict=True)
    h = Hyper(**{key: _column(values, coordinates) for key, values in columns.items() if key != "lr"})
    h.lr = np.array(columns["lr"])[:, None] * np.ones(coordinates)
    h.decays, h.rolls = any(columns.get("weight_decay", ())), any(columns.get("momentum", ()))
    return h


def _column(values: list[Any], coordinates: int) -> Any:
    """One value if all are the same, else an array (racer, coordinate)."""
    return values[0] if len(set(values)) == 1 else np.array(values)[:, None] * np.ones(coordinates)


@dataclass
class Lane:
    """Racers whose rule is one call: their rows, the optimizer with the rule, hyper-parameters h and state s."""

    rows: slice
    optimizer: Optimizer
    h: SimpleNamespace
    s: SimpleNamespace

    def begin(self, lr: Float[np.ndarray, " racer"]) -> None:
        """Set the first rates, which a schedule may have lowered, and the state that starts from them (Rprop's step sizes)."""
        self.h.lr[:] = lr[self.rows, None]
        self.s = SimpleNamespace(**{symbol: first(self.h) for symbol, first in self.optimizer.state.items()})


def lanes(racers: tuple[Racer, ...], coordinates: int = 2) -> tuple[list[Lane], Int[np.ndarray, " racer"]]:
    """The lanes, and for each of their rows the racer that runs there."""
    teams: dict[Any, list[int]] = {}
    keys = {racer: racer.key for racer in set(racers)}
    for i, racer in enumerate(racers):
        teams.setdefault(keys[racer], []).append(i)
    made, begin = [], 0
    for team in teams.values():
        h = gather([racers[i] for i in team], coordinates)
        made.append(Lane(slice(begin, begin + len(team)), racers[team[0]].optimizer, h, SimpleNamespace()))
        begin += len(team)
    return made, np.concatenate([np.array(team) for team in teams.values()])
