"""A small network, forward and backward, written once: compiled for one net, plain NumPy for many nets at once.

For layer layer = 1 ... L with weights W (inputs, outputs), biases b (outputs) and a batch of B rows, X = A⁰ (B, inputs):

    Z = A W + b,   A' = f(Z)                                                      forward
    dW = Aᵀ dZ,   db = Σ_rows dZ,   dA = dZ Wᵀ,   dZ = dA ∘ f'(Z)                  backward (Rumelhart et al. 1986)

A normalised layer (Ioffe and Szegedy 2015, algorithm 1) puts between the two, with mean μ and variance σ² of the batch's rows,

    Z = A W,   Ẑ = (Z - μ) / √(σ² + ε),   U = γ Ẑ + β,   A' = f(U)
    dγ = Σ_rows dU Ẑ,   dβ = Σ_rows dU,   dẐ = γ dU,   dZ = (dẐ - mean dẐ - Ẑ mean(dẐ Ẑ)) / √(σ² + ε)

and outside of training takes running means of μ and of the unbiased σ² in their place. β stands in the place of b.

All parameters of a net lie in one vector θ, layer by layer, W before b, and in a normalised layer γ, the running μ and σ²
between them. Where biases are off, b and β stay 0. Each function also takes R nets at once: θ
(R, P), activations (R, B, units). Only the operations on whole layers know the difference: compiled code runs their loops
for one net, NumPy their array formulas for any number. Without numba everything runs as plain NumPy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from core.playground.compiler import compiled, overloads, shared

Array = np.ndarray
Kind = int | np.integer  # one of the activations below

LINEAR, TANH, SIGMOID, RELU, LEAKY, ELU, SILU, SOFTPLUS, GELU, SINE, SOFTMAX = range(11)
SQUARED, CROSS_ENTROPY, ABSOLUTE, HINGE = range(4)
SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM = range(6)
NO_PENALTY, L1, L2, DECOUPLED = range(4)
ROOT_2_PI = np.sqrt(2.0 / np.pi)
EPS, FOLLOW = 1e-5, 0.1  # ε, and the share by which running statistics follow the batch, both torch's defaults
GAMMA, MEAN, VARIANCE, SHIFT = range(
    4
)  # the rows of a layer in θ behind W; without normalisation SHIFT alone, its bias
LARGE = 256  # weights of a layer from which on BLAS is quicker than a loop


class Net(NamedTuple):
    """The shape of a net: units per layer (input first), where each layer begins in θ, each layer's activation and whether it
    is normalised, and whether it has biases."""

    sizes: Array
    starts: Array
    kinds: Array
    norms: Array
    biased: int


class Rules(NamedTuple):
    """How it learns: loss, optimizer, its two memories, penalty and its strength λ, share of units kept by dropout."""

    loss: int
    optimizer: int
    beta1: float
    beta2: float
    penalty: int
    strength: float
    keep: float


def make_net(sizes: Sequence[int], kinds: Sequence[int], norms: Sequence[bool], biased: bool) -> Net:
    """A net with these units, activations and normalisations (one fewer: the input has none)."""
    rows = [4 if norm else 1 for norm in norms]
    lengths = [(i + r) * o for (i, o), r in zip(itertools.pairwise(sizes), rows, strict=True)]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Net(
        np.array(sizes, np.int64), starts.astype(np.int64), np.array(kinds, np.int64), np.array(norms, np.int64), int(biased)
    )  # fmt: skip


# --- Whole layers: NumPy for any number of nets, loops for compiled code ----------------------------------------------


def matrix(theta: Array, net: Net, layer: int) -> Array:
    """W of layer layer: (..., inputs, outputs)."""
    i, o, at = net.sizes[layer], net.sizes[layer + 1], net.starts[layer]
    return theta[..., at : at + i * o].reshape(*theta.shape[:-1], i, o)


def affine(A: Array, theta: Array, net: Net, layer: int) -> Array:
    """A W + b; a normalised layer has no b."""
    Z = A @ matrix(theta, net, layer)
    return Z if net.norms[layer] else Z + row(theta, net, layer, SHIFT)[..., None, :]


def back(dZ: Array, theta: Array, net: Net, layer: int) -> Array:
    """dZ Wᵀ."""
    return dZ @ np.swapaxes(matrix(theta, net, layer), -1, -2)


def put(g: Array, net: Net, layer: int, A: Array, dZ: Array) -> None:
    """Write Aᵀ dZ and, where the layer has a bias of its own, Σ dZ into the gradient, which is 0 there."""
    matrix(g, net, layer)[...] = np.swapaxes(A, -1, -2) @ dZ
    if net.biased and not net.norms[layer]:
        row(g, net, layer, SHIFT)[...] = dZ.sum(-2)


def bend(kind: Kind, Z: Array) -> Array:
    """f(Z); softmax runs over a row, whose largest entry is taken off first so that exp cannot overflow."""
    if kind != SOFTMAX:
        return activate(kind, Z)
    E = np.exp(Z - Z.max(-1, keepdims=True))
    return E / E.sum(-1, keepdims=True)


def unbend(kind: Kind, Z: Array, F: Array, dA: Array) -> Array:
    """dA ∘ f'(Z), where F = f(Z)."""
    return dA * slope(kind, Z, F)


def update(theta: Array, g: Array, m: Array, v: Array, weights: Array, rules: Rules, rate: float, t: int) -> None:
    """Penalty and optimizer, in place. Only weights are penalised (`weights` 1), biases (0) are free."""
    if rules.penalty == DECOUPLED:
        theta *= 1.0 - rate * rules.strength * weights
    elif rules.penalty:
        g = g + penalty(rules, theta) * weights
    theta[...], m[...], v[...] = move(theta, g, m, v, rules, rate, t)


@overloads(matrix)
def _matrix(theta, net, layer):
    i, o, at = net.sizes[layer], net.sizes[layer + 1], net.starts[layer]
    return theta[at : at + i * o].reshape(i, o)


@overloads(affine)
def _affine(A, theta, net, layer):
    W = matrix(theta, net, layer)
    i, o = W.shape
    Z = np.dot(A, W) if i * o > LARGE else np.zeros((len(A), o))
    b = row(theta, net, layer, SHIFT)
    for r in range(len(A)):
        if i * o <= LARGE:
            for j in range(i):
                for k in range(o):
                    Z[r, k] += A[r, j] * W[j, k]
        if not net.norms[layer]:
            for k in range(o):
                Z[r, k] += b[k]
    return Z


@overloads(back)
def _back(dZ, theta, net, layer):
    W = matrix(theta, net, layer)
    i, o = W.shape
    if i * o > LARGE:
        return np.dot(dZ, W.T)
    dA = np.zeros((len(dZ), i))
    for r in range(len(dZ)):
        for j in range(i):
            for k in range(o):
                dA[r, j] += dZ[r, k] * W[j, k]
    return dA


@overloads(put)
def _put(g, net, layer, A, dZ):
    dW = matrix(g, net, layer)
    i, o = dW.shape
    db = row(g, net, layer, SHIFT)
    if i * o > LARGE:
        dW[:] = np.dot(A.T, dZ)
    for r in range(len(dZ)):
        if i * o <= LARGE:
            for j in range(i):
                for k in range(o):
                    dW[j, k] += A[r, j] * dZ[r, k]
        if net.biased and not net.norms[layer]:
            for k in range(o):
                db[k] += dZ[r, k]


@overloads(bend)
def _bend(kind, Z):
    A = np.empty_like(Z)
    for r in range(len(Z)):
        if kind == SOFTMAX:
            largest = Z[r].max()
            for k in range(Z.shape[1]):
                A[r, k] = np.exp(Z[r, k] - largest)
            total = A[r].sum()
            for k in range(Z.shape[1]):
                A[r, k] /= total
        else:
            for k in range(Z.shape[1]):
                A[r, k] = activate(kind, Z[r, k])
    return A


@overloads(unbend)
def _unbend(kind, Z, F, dA):
    dZ = np.empty_like(Z)
    for r in range(len(Z)):
        for k in range(Z.shape[1]):
            dZ[r, k] = dA[r, k] * slope(kind, Z[r, k], F[r, k])
    return dZ


@overloads(update)
def _update(theta, g, m, v, weights, rules, rate, t):
    for k in range(len(theta)):
        if rules.penalty == DECOUPLED:
            theta[k] *= 1.0 - rate * rules.strength * weights[k]
        d = g[k] + penalty(rules, theta[k]) * weights[k]
        theta[k], m[k], v[k] = move(theta[k], d, m[k], v[k], rules, rate, t)


# --- The mathematics: for a number, a layer, or many nets -------------------------------------------------------------


@shared
def sigmoid(z: Any) -> Any:
    """1 / (1 + e⁻ᶻ), written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


@shared
def activate(kind: Kind, z: Any) -> Any:
    """f(z)."""
    if kind == TANH:
        return np.tanh(z)
    if kind == RELU:
        return np.maximum(z, 0.0)
    if kind == SIGMOID:
        return sigmoid(z)
    if kind == LEAKY:
        return np.maximum(z, 0.01 * z)
    if kind == ELU:
        return np.maximum(z, 0.0) + np.expm1(np.minimum(z, 0.0))
    if kind == SILU:
        return z * sigmoid(z)
    if kind == SOFTPLUS:
        return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))
    if kind == GELU:
        return 0.5 * z * (1.0 + np.tanh(ROOT_2_PI * (z + 0.044715 * z * z * z)))
    if kind == SINE:
        return np.sin(z)
    return z + 0.0


@shared
def slope(kind: Kind, z: Any, a: Any) -> Any:
    """f'(z), where a = f(z) is known; at the corner 0 for ReLU and 0.01 for leaky ReLU, as in torch."""
    if kind == TANH:
        return 1.0 - a * a
    if kind == RELU:
        return 1.0 * (z > 0.0)
    if kind == SIGMOID:
        return a * (1.0 - a)
    if kind == LEAKY:
        return 0.01 + 0.99 * (z > 0.0)
    if kind == ELU:
        return 1.0 + np.minimum(a, 0.0)
    if kind == SILU:
        return sigmoid(z) * (1.0 + z - a)
    if kind == SOFTPLUS:
        return sigmoid(z)
    if kind == GELU:
        t = np.tanh(ROOT_2_PI * (z + 0.044715 * z * z * z))
        return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * ROOT_2_PI * (1.0 + 0.134145 * z * z)
    if kind == SINE:
        return np.cos(z)
    return 1.0 + 0.0 * z


@shared
def penalty(rules: Rules, theta: Any) -> Any:
    """What the penalty adds to a weight's gradient: λ sign θ (L1) or λ θ (L2)."""
    if rules.penalty == L1:
        return rules.strength * np.sign(theta)
    if rules.penalty == L2:
        return rules.strength * theta
    return 0.0 * theta


@shared
def move(theta: Any, g: Any, m: Any, v: Any, rules: Rules, rate: float, t: int) -> Any:
    """Step t = 1, 2, ... of the optimizer, by torch.optim's rules: the next θ and its two memories m and v."""
    rule, beta1, beta2 = rules.optimizer, rules.beta1, rules.beta2
    if rule == SGD:
        return theta - rate * g, m, v
    if rule == MOMENTUM:
        m = beta1 * m + g
        return theta - rate * m, m, v
    if rule == NESTEROV:
        m = beta1 * m + g
        return theta - rate * (g + beta1 * m), m, v
    if rule == ADAGRAD:
        v = v + g * g
        return theta - rate * g / (np.sqrt(v) + 1e-10), m, v
    v = beta2 * v + (1.0 - beta2) * g * g
    if rule == RMSPROP:
        return theta - rate * g / (np.sqrt(v) + 1e-8), m, v
    m = m + (1.0 - beta1) * (g - m)
    m_hat, v_hat = m / (1.0 - beta1**t), v / (1.0 - beta2**t)
    return theta - rate * m_hat / (np.sqrt(v_hat) + 1e-8), m, v


@shared
def row(theta: Array, net: Net, layer: int, which: int) -> Array:
    """γ, running mean, running variance or shift (b or β) of a layer: (..., outputs)."""
    end, o = net.starts[layer + 1], net.sizes[layer + 1]
    return theta[..., end - (4 - which) * o : end - (3 - which) * o]


@shared
def normalise(Z: Array, g: Array, net: Net, layer: int) -> Array:
    """Ẑ, and the batch's mean and variance, left in g in the places of the running ones; Z itself in a plain layer."""
    if not net.norms[layer]:
        return Z
    mean = Z.sum(-2) / Z.shape[-2]
    C = Z - mean[..., None, :]
    variance = (C * C).sum(-2) / Z.shape[-2]
    row(g, net, layer, MEAN)[...] = mean
    row(g, net, layer, VARIANCE)[...] = variance
    return C / np.sqrt(variance + EPS)[..., None, :]


@shared
def unnormalise(dU: Array, H: Array, theta: Array, g: Array, net: Net, layer: int) -> Array:
    """dZ from dU and Ẑ, with dγ and dβ written into g; dU itself in a plain layer."""
    if not net.norms[layer]:
        return dU
    row(g, net, layer, GAMMA)[...] = (dU * H).sum(-2)
    if net.biased:
        row(g, net, layer, SHIFT)[...] = dU.sum(-2)
    dH, rows = dU * row(theta, net, layer, GAMMA)[..., None, :], dU.shape[-2]
    mean, along = dH.sum(-2) / rows, (dH * H).sum(-2) / rows
    spread = np.sqrt(row(g, net, layer, VARIANCE) + EPS)
    return (dH - mean[..., None, :] - H * along[..., None, :]) / spread[..., None, :]


@shared
def stretch(H: Array, theta: Array, net: Net, layer: int) -> Array:
    """U = γ Ẑ + β; what came in, in a plain layer."""
    if not net.norms[layer]:
        return H
    return H * row(theta, net, layer, GAMMA)[..., None, :] + row(theta, net, layer, SHIFT)[..., None, :]


@shared
def preactivation(A: Array, theta: Array, net: Net, layer: int) -> Array:
    """What a trained layer's activation is taken of: A W + b, or U by the running statistics."""
    Z = affine(A, theta, net, layer)
    if not net.norms[layer]:
        return Z
    spread = np.sqrt(row(theta, net, layer, VARIANCE) + EPS)
    H = (Z - row(theta, net, layer, MEAN)[..., None, :]) / spread[..., None, :]
    return stretch(H, theta, net, layer)


@shared
def forward(theta: Array, net: Net, X: Array) -> Array:
    """The output (..., rows, outputs)."""
    A = X
    for layer in range(len(net.kinds)):
        A = bend(net.kinds[layer], preactivation(A, theta, net, layer))
    return A


@shared
def gradient(theta: Array, net: Net, rules: Rules, X: Array, Y: Array, D: Array) -> Array:
    """dL/dθ of the mean loss over the batch. D (B, hidden units) holds dropout's 0 or 1 / keep, if there is dropout.

    In the places of running statistics, which have no gradient, it holds those of the batch.
    """
    g, unit, last = np.zeros_like(theta), 0, len(net.kinds) - 1
    H, A, F = [normalise(affine(X, theta, net, 0), g, net, 0)], [X], [X]
    U = [stretch(H[0], theta, net, 0)]
    for layer in range(1, last + 1):
        a = bend(net.kinds[layer - 1], U[layer - 1])
        F.append(a)
        if rules.keep < 1.0:
            a = a * D[:, unit : unit + net.sizes[layer]]
            unit += net.sizes[layer]
        A.append(a)
        H.append(normalise(affine(a, theta, net, layer), g, net, layer))
        U.append(stretch(H[layer], theta, net, layer))
    dU = output_error(net.kinds[last], rules.loss, U[last], Y) / X.shape[-2]
    for layer in range(last, 0, -1):
        dZ = unnormalise(dU, H[layer], theta, g, net, layer)
        put(g, net, layer, A[layer], dZ)
        dA = back(dZ, theta, net, layer)
        if rules.keep < 1.0:
            unit -= net.sizes[layer]
            dA = dA * D[:, unit : unit + net.sizes[layer]]
        dU = unbend(net.kinds[layer - 1], U[layer - 1], F[layer], dA)
    put(g, net, 0, X, unnormalise(dU, H[0], theta, g, net, 0))
    return g


@shared
def follow(theta: Array, g: Array, net: Net, rows: int) -> None:
    """Running statistics go a tenth of the way to those of the batch, which then leave g. One row has no unbiased variance."""
    for layer in range(len(net.kinds)):
        if net.norms[layer]:
            mean, variance = row(theta, net, layer, MEAN), row(theta, net, layer, VARIANCE)
            mean += FOLLOW * (row(g, net, layer, MEAN) - mean)
            if rows > 1:
                variance += FOLLOW * (row(g, net, layer, VARIANCE) * (rows / (rows - 1.0)) - variance)
            row(g, net, layer, MEAN)[...] = 0.0
            row(g, net, layer, VARIANCE)[...] = 0.0


@shared
def output_error(kind: Kind, loss: int, z: Array, Y: Array) -> Array:
    """dl/dz at the output: p - y for cross-entropy after sigmoid or softmax; for the others f'(z) times dl/dp, which is
    p - y for ½ (p - y)², the sign of p - y for |p - y|, and -y where y p < 1 for hinge."""
    p = bend(kind, z)
    if loss == CROSS_ENTROPY:
        return p - Y
    if loss == ABSOLUTE:
        return unbend(kind, z, p, np.sign(p - Y))
    if loss == HINGE:
        return unbend(kind, z, p, -Y * (Y * p < 1.0))
    return unbend(kind, z, p, p - Y)


def steps(
    theta: Array, m: Array, v: Array, net: Net, rules: Rules, weights: Array, X: Array, Y: Array, rows: Array, D: Array,
    batch: int, first: int, last: int, rates: Array, t: int,
) -> None:  # fmt: skip
    """Batches `first` to `last` (not included) of one epoch, in place. `rows` is the epoch's order, t the steps before."""
    for k in range(first, last):
        chosen = rows[k * batch : (k + 1) * batch]
        g = gradient(theta, net, rules, X[chosen], Y[chosen], D[k * batch : (k + 1) * batch])
        follow(theta, g, net, len(chosen))
        update(theta, g, m, v, weights, rules, rates[k], t + 1 + k - first)


steps_compiled: Callable[..., Any] = compiled(steps)
