"""Many small nets at once, forward and backward: V variants of regularisation times K seeds as one array.

For a batch X (V, K, B, d) and every layer with weights W (V, K, inputs, outputs) and shifts b (V, K, outputs)

    Z = A W,   U = γ N(Z) + b,   A' = max(U, 0) ∘ D                                forward; the last layer is U = A W + b
    dU = (dA' ∘ D) [U > 0],   db = Σ dU,   dγ = Σ dU ∘ N(Z),   dW = Aᵀ dZ,   dA = dZ Wᵀ     backward

N is the identity with γ = 1 in a plain net. In a normalised one it takes mean μ and variance σ² over the batch (batch norm) or
over the units of the layer (layer norm): the same formula along another axis,

    Ẑ = (Z - μ) / √(σ² + ε),     dZ = (dẐ - mean dẐ - Ẑ mean(dẐ ∘ Ẑ)) / √(σ² + ε),   dẐ = γ dU

and batch norm takes running means of μ and of the unbiased σ² in place of the batch's outside of training. D is dropout's
mask divided by the share that is kept. The loss is the cross-entropy -Σ Y log softmax(U), or ½ (U - Y)² in a regression,
averaged over the batch; dU at the end is (softmax(U) - Y) / B, or (U - Y) / B.

Sources: S. Ioffe, C. Szegedy, ICML 2015, algorithms 1 and 2 and the gradient after them; J. Ba, J. Kiros, G. Hinton, arXiv:1607.06450,
eq. 3; N. Srivastava et al., JMLR 15, 2014, section 4; K. He et al., ICCV 2015, eq. 10 (first weights).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from core.rng import numpy_generator

Array = np.ndarray
Theta = Float[np.ndarray, "V K P"]
EPS, FOLLOW = 1e-5, 0.1  # ε, and the share by which running statistics follow the batch, both torch's defaults
ROWS = 60  # points in one product: with at most 64 units it stays below the 2^18 from which OpenBLAS starts threads, which only wait on a busy machine
BATCH, UNITS = -2, -1  # the axis that batch norm and layer norm average over


class Layer(NamedTuple):
    """Views of a layer's part of θ: W (..., i, o), b (..., o); in a hidden layer also γ and the running μ and σ², each (..., o)."""

    W: Array
    b: Array
    gamma: Array
    mean: Array
    variance: Array


class Seen(NamedTuple):
    """What the forward pass leaves of a layer for the backward pass: its input A, N(Z), U, axis -> (μ, σ²), and the mask."""

    A: Array
    H: Array
    U: Array
    moments: dict[int, tuple[Array, Array]]
    D: Array | None


@dataclass(frozen=True)
class Net:
    """Units per layer, input first; whether it fits a curve instead of classes; which variants are normalised, along which axis."""

    sizes: tuple[int, ...]
    regression: bool = False
    batch: tuple[int, ...] = ()
    layer: tuple[int, ...] = ()

    @cached_property
    def norms(self) -> dict[int, list[int]]:
        """Axis -> the variants that are normalised along it."""
        return {axis: list(rows) for axis, rows in ((BATCH, self.batch), (UNITS, self.layer)) if rows}

    @cached_property
    def _places(self) -> list[tuple[int, int, int]]:
        """(inputs, outputs, where it begins in θ) of every layer, and the end."""
        places, at = [], 0
        for i, o in itertools.pairwise(self.sizes):
            places.append((i, o, at))
            at += (i + 4) * o
        return [*places, (0, 0, at)]

    @cached_property
    def parameters(self) -> int:
        """P: all that is kept of a net, the running statistics included. The places that a net has no use for are never touched."""
        return self._places[-1][2]

    @cached_property
    def is_weight(self) -> Float[Array, " P"]:
        """1 for weights, 0 for shifts and γ, which no penalty touches."""
        flags = np.zeros(self.parameters)
        for layer in self.layers(flags):
            layer.W[...] = 1.0
        return flags

    def layers(self, theta: Array) -> list[Layer]:
        """θ (..., P) layer by layer, as views."""
        found = []
        for i, o, at in self._places[:-1]:
            rows = theta[..., at : at + (i + 4) * o].reshape(*theta.shape[:-1], i + 4, o)
            found.append(Layer(rows[..., :i, :], *(rows[..., i + k, :] for k in range(4))))
        return found

    def first(self, seed: int) -> Float[Array, " P"]:
        """First parameters: W ~ N(0, 2 / inputs), and N(0, 1 / inputs) in the last layer; b = 0, γ = 1; running μ = 0, σ² = 1."""
        g, theta = numpy_generator(seed, "weights"), np.zeros(self.parameters)
        *hidden, last = self.layers(theta)
        for layer in (*hidden, last):
            layer.W[...] = g.standard_normal(layer.W.shape) * np.sqrt((1.0 if layer is last else 2.0) / len(layer.W))
            layer.gamma[...] = layer.variance[...] = 1.0
        return theta


def normalise(Z: Array, axis: int) -> tuple[Array, Array, Array]:
    """(Ẑ, μ, σ²); the axis is kept in μ and σ²."""
    mean = Z.mean(axis, keepdims=True)
    C = Z - mean
    variance = (C * C).mean(axis, keepdims=True)
    return C / np.sqrt(variance + EPS), mean, variance


def unnormalise(dH: Array, H: Array, variance: Array, axis: int) -> Array:
    """dZ from dẐ."""
    along = (dH * H).mean(axis, keepdims=True)
    return (dH - dH.mean(axis, keepdims=True) - H * along) / np.sqrt(variance + EPS)


def forward(
    net: Net, theta: Array, X: Array, *, training: bool = False, masks: Sequence[Array] = ()
) -> tuple[Array, list[Seen]]:
    """The last U (V, K, B, C), and what every layer saw. Batch norm takes the batch's statistics in training, else the running ones.

    `masks` holds D of every hidden layer, already divided by the share that is kept; none: no dropout.
    """
    A, tape = X, []
    *hidden, last = net.layers(theta)
    for k, layer in enumerate(hidden):
        H, moments = A @ layer.W, {}
        for axis, rows in net.norms.items():
            if axis == BATCH and not training:
                mean, variance = (part[rows][..., None, :] for part in (layer.mean, layer.variance))
                H[rows] = (H[rows] - mean) / np.sqrt(variance + EPS)
            else:
                H[rows], *moments[axis] = normalise(H[rows], axis)
        U = (H * layer.gamma[..., None, :] if net.norms else H) + layer.b[..., None, :]
        D = masks[k] if masks else None
        tape.append(Seen(A, H, U, moments, D))
        A = np.maximum(U, 0.0) if D is None else np.maximum(U, 0.0) * D
    U = A @ last.W + last.b[..., None, :]
    tape.append(Seen(A, U, U, {}, None))
    return U, tape


def answers(net: Net, theta: Array, X: Array) -> Array:
    """The last U outside of training, at most ROWS points at a time."""
    pieces = range(0, X.shape[-2], ROWS)
    return np.concatenate([forward(net, theta, X[..., at : at + ROWS, :])[0] for at in pieces], axis=-2)


def follow(net: Net, theta: Array, tape: Sequence[Seen]) -> None:
    """Let the running statistics go a tenth of the way to the batch's mean and unbiased variance."""
    rows = list(net.batch)
    for layer, seen in zip(net.layers(theta)[:-1], tape, strict=False):
        mean, variance = (part[:, :, 0] for part in seen.moments[BATCH])
        B = seen.U.shape[-2]
        layer.mean[rows] += FOLLOW * (mean - layer.mean[rows])
        layer.variance[rows] += FOLLOW * (variance * B / (B - 1) - layer.variance[rows])


def backward(net: Net, theta: Array, tape: Sequence[Seen], dU: Array) -> Array:
    """dL/dθ from dL/dU of the last layer."""
    g = np.zeros_like(theta)
    layers, into = net.layers(theta), net.layers(g)
    for k in range(len(layers) - 1, -1, -1):
        A, H, U, moments, D = tape[k]
        if k < len(layers) - 1:
            dU = (dU if D is None else dU * D) * (U > 0.0)
        into[k].b[...] = dU.sum(-2)
        dZ = dU * layers[k].gamma[..., None, :] if moments else dU
        for axis, (_, variance) in moments.items():
            rows = net.norms[axis]
            into[k].gamma[rows] = (dU[rows] * H[rows]).sum(-2)
            dZ[rows] = unnormalise(dZ[rows], H[rows], variance, axis)
        into[k].W[...] = np.swapaxes(A, -1, -2) @ dZ
        dU = dZ @ np.swapaxes(layers[k].W, -1, -2)
    return g


def softmax(U: Array) -> Array:
    """Over the last axis, its largest entry taken off first."""
    E = np.exp(U - U.max(-1, keepdims=True))
    return E / E.sum(-1, keepdims=True)


def output_error(net: Net, U: Array, Y: Array) -> Array:
    """dL/dU of the mean loss over the batch."""
    return ((U if net.regression else softmax(U)) - Y) / U.shape[-2]


def losses(net: Net, U: Array, Y: Array) -> Array:
    """The loss of every point, (V, K, B)."""
    if net.regression:
        return 0.5 * ((U - Y) ** 2).sum(-1)
    top = U.max(-1)
    return np.log(np.exp(U - top[..., None]).sum(-1)) + top - (U * Y).sum(-1)


def right(U: Array, Y: Array) -> Array:
    """1.0 where the largest output is the labelled class, (V, K, B)."""
    return (U.argmax(-1) == Y.argmax(-1)).astype(float)
