"""A classifier with hidden layers for R nets at a time: outputs, loss and gradient by hand.

    z_l = a_{l-1} W_lᵀ + b_l        a_l = max(z_l, 0) · m_l        a_0 = X        z = z_L
    L = -mean_n log softmax(z_n)[y_n]

m_l is dropout's mask in training, 1/(1 - p) with probability 1 - p and else 0, and 1 otherwise (N. Srivastava et al., JMLR 15, 2014, in
the form that leaves evaluation alone). Backward (D. E. Rumelhart et al., Nature 323, 1986), Y the one-hot rows of y, N the rows of a batch:

    δ_L = (softmax(z) - Y) / N        dW_l = δ_lᵀ a_{l-1}        db_l = Σ_n δ_l        δ_{l-1} = (δ_l W_l) · m_{l-1} · [a_{l-1} > 0]

All numbers of a net lie in one row of θ (R, P): W_1 (out, in) row by row, b_1, W_2, ... First weights are N(0, 2 / in) (K. He et al., ICCV
2015, eq. 10), in the last layer N(0, 0.01 / in), so that the first answers are nearly even; biases are 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

LAST = 0.1  # the last layer's first weights have this share of the deviation 1 / √in

Array = np.ndarray
Theta = Float[np.ndarray, "R P"]
Rows = Float[np.ndarray, "rows N d"]  # rows is R, or 1 where all nets see the same
Labels = Int[np.ndarray, "_ N"]
Logits = Float[np.ndarray, "R N K"]


@dataclass(frozen=True)
class Net:
    """The units of every layer, inputs first."""

    sizes: tuple[int, ...]

    @cached_property
    def places(self) -> tuple[tuple[slice, slice], ...]:
        """Where the weights and the biases of each layer lie in a row of θ."""
        found, at = [], 0
        for into, out in itertools.pairwise(self.sizes):
            found.append((slice(at, at + into * out), slice(at + into * out, at + into * out + out)))
            at += (into + 1) * out
        return tuple(found)

    @property
    def count(self) -> int:
        """P, the numbers that are learned."""
        return self.places[-1][1].stop

    def layers(self, theta: Theta) -> list[tuple[Float[Array, "R out into"], Float[Array, "R 1 out"]]]:
        """W and b of each layer, as views."""
        shapes = itertools.pairwise(self.sizes)
        return [
            (theta[:, w].reshape(-1, out, into), theta[:, b][:, None]) for (w, b), (into, out) in zip(self.places, shapes, strict=True)
        ]  # fmt: skip


def first_weights(net: Net, g: np.random.Generator) -> Float[Array, " P"]:
    """θ of one net before the first step."""
    theta, last = np.zeros(net.count), len(net.places) - 1
    for k, ((w, _), into) in enumerate(zip(net.places, net.sizes, strict=False)):
        deviation = math.sqrt(2.0 / into) if k < last else LAST / math.sqrt(into)
        theta[w] = g.normal(0.0, deviation, w.stop - w.start)
    return theta


def forward(net: Net, theta: Theta, X: Rows, masks: Sequence[Array] = ()) -> list[Array]:
    """X, the hidden activations (R, N, units), and the logits z (R, N, K). Without `masks` no unit is dropped."""
    *hidden, (W, b) = net.layers(theta)
    a = [X]
    for k, (V, c) in enumerate(hidden):
        h = np.maximum(a[-1] @ V.swapaxes(1, 2) + c, 0.0)
        a.append(h * masks[k] if masks else h)
    return [*a, a[-1] @ W.swapaxes(1, 2) + b]


def log_softmax(z: Logits) -> Logits:
    """log of the probabilities; the largest of each row is taken out first, so that no exp overflows."""
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def cross_entropy(log_p: Logits, y: Labels) -> Float[Array, " R"]:
    """L of every net [nat]."""
    return -np.take_along_axis(log_p, np.broadcast_to(y[..., None], (*log_p.shape[:2], 1)), axis=-1)[..., 0].mean(
        axis=1
    )


def evaluate(net: Net, theta: Theta, X: Rows, y: Labels) -> tuple[Float[Array, " R"], Float[Array, " R"]]:
    """Loss and accuracy of every net, nothing dropped; where the probabilities are no numbers there is no answer."""
    log_p = log_softmax(forward(net, theta, X)[-1])
    right = (log_p.argmax(axis=-1) == y) & ~np.isnan(log_p[..., 0])
    return cross_entropy(log_p, y), right.mean(axis=1)


def gradient(
    net: Net, theta: Theta, X: Rows, y: Labels, masks: Sequence[Array] = ()
) -> tuple[Float[Array, " R"], Theta]:
    """L and dL/dθ of every net on its batch."""
    a = forward(net, theta, X, masks)
    log_p = log_softmax(a[-1])
    return cross_entropy(log_p, y), backward(net, theta, a, log_p, y, masks)


def backward(
    net: Net, theta: Theta, a: Sequence[Array], log_p: Logits, y: Labels, masks: Sequence[Array] = ()
) -> Theta:
    """dL/dθ from what the forward pass gave: activations `a`, and the logarithms of the probabilities."""
    layers, delta = net.layers(theta), np.exp(log_p)
    R, N, K = delta.shape
    delta.reshape(-1, K)[np.arange(R * N), np.broadcast_to(y, (R, N)).ravel()] -= 1.0
    delta /= N
    g = np.empty_like(theta)
    for k in reversed(range(len(layers))):
        (w, b), (W, _) = net.places[k], layers[k]
        g[:, w] = (delta.swapaxes(1, 2) @ a[k]).reshape(R, -1)
        g[:, b] = delta.sum(axis=1)
        if k:
            delta = (delta @ W) * (a[k] > 0)
            delta = delta * masks[k - 1] if masks else delta
    return g
