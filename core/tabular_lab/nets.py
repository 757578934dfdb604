"""The two nets, written out: forward, backward, AdamW, early stopping; all in float64, all rows in every step.

    a_0 = X,  z_l = a_{l-1} W_l^T + b_l,  a_l = max(z_l, 0),  the last z without an activation     rows are examples
    regression  L = mean (z − t)²                                  dL/dz = 2 (z − t) / n
    classes     L = −mean log p_t,  p = softmax(z)                 dL/dz = (p − onehot(t)) / n
    AdamW       θ ← (1 − ηλ) θ,  m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
                θ ← θ − η (m / (1 − β₁^t)) / (√(v / (1 − β₂^t)) + ε)       Loshchilov & Hutter, ICLR 2019, algorithm 2

A net without hidden layers is a linear model, so the single-layer net and the deep one run through the same lines. First weights
are N(0, 2 / inputs), for the last layer N(0, 1 / inputs) (He et al., 2015); biases N(0, 0.1²): from 0 the single layer's bias would have
nothing but rounding noise for a gradient, and Adam blows noise up to full steps. With a validation part the weights of the epoch
with the lowest validation loss are kept, epoch 0 (the first weights) included.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
BIAS = 0.1  # deviation of the first biases

Array = np.ndarray
Layers = list[tuple[Array, Array]]
Part = tuple[Float[Array, "_ d"], Array]  # inputs, and targets (n, 1) or class numbers (n,)


@dataclass(frozen=True)
class Rules:
    """How a net learns."""

    rate: float
    epochs: int
    decay: float


@dataclass(frozen=True, eq=False)
class Learned:
    """The weights that were kept, the epoch that they are from, and the loss on each part after every epoch."""

    layers: Layers
    epoch: int
    curves: Mapping[str, Float[Array, " epochs"]]


def first_weights(sizes: Sequence[int], g: np.random.Generator) -> Layers:
    """W_l of shape (outputs, inputs) and b_l of shape (outputs,) for the layers between `sizes`."""
    gains = [2.0] * (len(sizes) - 2) + [1.0]
    return [
        (g.normal(0.0, math.sqrt(gain / into), (out, into)), g.normal(0.0, BIAS, out))
        for (into, out), gain in zip(itertools.pairwise(sizes), gains, strict=True)
    ]


def forward(layers: Layers, X: Float[Array, "n d"]) -> list[Array]:
    """X, the hidden activations, and the outputs z of shape (n, outputs)."""
    a = [X]
    for W, b in layers[:-1]:
        a.append(np.maximum(a[-1] @ W.T + b, 0.0))
    W, b = layers[-1]
    return [*a, a[-1] @ W.T + b]


def softmax(z: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Probabilities of the classes."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(z: Float[Array, "n k"], t: Array) -> float:
    """Mean squared error against t (n, 1), or cross-entropy against class numbers t (n,)."""
    if t.ndim == 2:
        return float(np.mean((z - t) ** 2))
    shifted = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(t)), t]))


def gradient(layers: Layers, a: Sequence[Array], t: Array) -> Layers:
    """dL/dW and dL/db of every layer, from the activations that `forward` gave."""
    n = len(a[0])
    dz = 2.0 * (a[-1] - t) / n if t.ndim == 2 else (softmax(a[-1]) - np.eye(a[-1].shape[1])[t]) / n
    grads: Layers = []
    for (W, _), a_in in zip(reversed(layers), reversed(a[:-1]), strict=True):
        grads.append((dz.T @ a_in, dz.sum(axis=0)))
        dz = (dz @ W) * (a_in > 0)
    return grads[::-1]


def learn(layers: Layers, rules: Rules, fit: Part, watched: Mapping[str, Part]) -> Learned:
    """Train on `fit`. A part called "validation" among the `watched` decides which epoch's weights are kept."""
    theta = [p.copy() for layer in layers for p in layer]
    m, v = ([np.zeros_like(p) for p in theta] for _ in range(2))
    curves: dict[str, list[float]] = {"fit": [], **{name: [] for name in watched}}
    kept, epoch, lowest = [p.copy() for p in theta], 0, math.inf
    for t in range(rules.epochs + 1):
        now = list(zip(theta[::2], theta[1::2], strict=True))
        a = forward(now, fit[0])
        curves["fit"].append(loss(a[-1], fit[1]))
        for name, (X, targets) in watched.items():
            curves[name].append(loss(forward(now, X)[-1], targets))
        if "validation" not in watched or curves["validation"][t] < lowest:
            kept, epoch, lowest = [p.copy() for p in theta], t, curves.get("validation", [math.inf])[-1]
        if t < rules.epochs:
            g = [one for pair in gradient(now, a, fit[1]) for one in pair]
            adamw(theta, g, m, v, t + 1, rules)
    layers = list(zip(kept[::2], kept[1::2], strict=True))
    return Learned(layers, epoch, {name: np.array(curve) for name, curve in curves.items()})


def adamw(theta: list[Array], g: list[Array], m: list[Array], v: list[Array], t: int, rules: Rules) -> None:
    """Step t (from 1) in place."""
    for p, g_p, m_p, v_p in zip(theta, g, m, v, strict=True):
        p *= 1.0 - rules.rate * rules.decay
        m_p += (1.0 - BETA1) * (g_p - m_p)
        v_p *= BETA2
        v_p += (1.0 - BETA2) * g_p**2
        m_hat, v_hat = m_p / (1.0 - BETA1**t), v_p / (1.0 - BETA2**t)
        p -= rules.rate * m_hat / (np.sqrt(v_hat) + EPS)
