"""A small network, forward and backward: as array formulas for any number of nets, and as the loops that a compiler wants.

For layer layer = 1 ... L with weights W (inputs, outputs), biases b (outputs) and a batch of B rows, X = A⁰ (B, inputs):

    Z = A W + b,   A' = f(Z)                                                      forward
    dW = Aᵀ dZ,   db = Σ_rows dZ,   dA = dZ Wᵀ,   dZ = dA ∘ f'(Z)                  backward (Rumelhart et al. 1986)

A normalised layer (Ioffe and Szegedy 2015, algorithm 1) puts between the two, with mean μ and variance σ² of the batch's rows,

    Z = A W,   Ẑ = (Z - μ) / √(σ² + ε),   U = γ Ẑ + β,   A' = f(U)
    dγ = Σ_rows dU Ẑ,   dβ = Σ_rows dU,   dẐ = γ dU,   dZ = (dẐ - mean dẐ - Ẑ mean(dẐ Ẑ)) / √(σ² + ε)

and outside of training takes running means of μ and of the unbiased σ² in their place. β stands in the place of b.

All parameters of a net lie in one vector θ, layer by layer, W before b, and in a normalised layer γ, the running μ and σ²
between them. Where biases are off, b and β stay 0.

The array formulas take R nets at once, θ (R, P) and activations (R, B, units), or one without the R. The loops work on one net
after another and make no array within a step: row k of a `Tape` belongs to unit k of the net, its columns to the batch's points,
and the innermost loop runs over the points. What is done to a single number (activations, penalties, update rules) is written
once for both. Without numba everything runs as array formulas.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from core.playground.compiler import COMPILES, compiled, in_loops, shared

Array = np.ndarray
Kind = int | np.integer  # one of the activations below

LINEAR, TANH, SIGMOID, RELU, LEAKY, ELU, SILU, SOFTPLUS, GELU, SINE, SOFTMAX = range(11)
SQUARED, CROSS_ENTROPY, ABSOLUTE, HINGE = range(4)
SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM = range(6)
NO_PENALTY, L1, L2, DECOUPLED = range(4)
C2, C3, C4, C5, C6, C7, C8, C9 = 1.0 / np.cumprod(np.arange(2.0, 10.0))  # 1 / k!
ROOT_2_PI = np.sqrt(2.0 / np.pi)
EPS, FOLLOW = 1e-5, 0.1  # ε, and the share by which running statistics follow the batch, both torch's defaults
WHOLE = 16  # a tape's columns are a multiple of this
GAMMA, MEAN, VARIANCE, SHIFT = range(
    4
)  # the rows of a layer in θ behind W; without normalisation SHIFT alone, its bias


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


# --- Whole layers, of any number of nets -----------------------------------------------------------------------------


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


# --- Numbers: in an array formula those of a layer, in a loop one ------------------------------------------------------


def tanh(z: Any) -> Any:
    """(eᶻ - e⁻ᶻ) / (eᶻ + e⁻ᶻ)."""
    return np.tanh(z)


@in_loops(tanh)
def _tanh(z):
    """u / (u + 2) with u = e²ᶻ - 1, which is taken as a power series in s = z / 32 (to s⁹; beyond ±20 tanh is ±1) and then doubled
    six times: e²ˢ - 1 is u, (u + 1)² - 1 = u (u + 2). To 1e-15 the same, relative to tanh z; no call, so several z are done at once."""
    s = min(max(z, -20.0), 20.0) / 32.0
    u = s * (1.0 + s * (C2 + s * (C3 + s * (C4 + s * (C5 + s * (C6 + s * (C7 + s * (C8 + s * C9))))))))
    u *= u + 2.0
    u *= u + 2.0
    u *= u + 2.0
    u *= u + 2.0
    u *= u + 2.0
    u *= u + 2.0
    return u / (u + 2.0)


@shared
def sigmoid(z: Any) -> Any:
    """1 / (1 + e⁻ᶻ), written so that nothing overflows."""
    return 0.5 + 0.5 * tanh(0.5 * z)


@shared
def activate(kind: Kind, z: Any) -> Any:
    """f(z)."""
    if kind == TANH:
        return tanh(z)
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
        return 0.5 * z * (1.0 + tanh(ROOT_2_PI * (z + 0.044715 * z * z * z)))
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
        t = tanh(ROOT_2_PI * (z + 0.044715 * z * z * z))
        return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * ROOT_2_PI * (1.0 + 0.134145 * z * z)
    if kind == SINE:
        return np.cos(z)
    return 1.0 + 0.0 * z


@shared
def miss(kind: Kind, loss: int, z: Any, p: Any, y: Any) -> Any:
    """dl/dz at the output, p = f(z): p - y for cross-entropy after sigmoid or softmax; for the others f'(z) times dl/dp, which is
    p - y for ½ (p - y)², the sign of p - y for |p - y|, and -y where y p < 1 for hinge."""
    if loss == CROSS_ENTROPY:
        return p - y
    if loss == ABSOLUTE:
        return slope(kind, z, p) * np.sign(p - y)
    if loss == HINGE:
        return slope(kind, z, p) * (-y * (y * p < 1.0))
    return slope(kind, z, p) * (p - y)


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


def stretch(H: Array, theta: Array, net: Net, layer: int) -> Array:
    """U = γ Ẑ + β; what came in, in a plain layer."""
    if not net.norms[layer]:
        return H
    return H * row(theta, net, layer, GAMMA)[..., None, :] + row(theta, net, layer, SHIFT)[..., None, :]


def preactivation(A: Array, theta: Array, net: Net, layer: int) -> Array:
    """What a trained layer's activation is taken of: A W + b, or U by the running statistics."""
    Z = affine(A, theta, net, layer)
    if not net.norms[layer]:
        return Z
    spread = np.sqrt(row(theta, net, layer, VARIANCE) + EPS)
    H = (Z - row(theta, net, layer, MEAN)[..., None, :]) / spread[..., None, :]
    return stretch(H, theta, net, layer)


def forward(theta: Array, net: Net, X: Array) -> Array:
    """The output (..., rows, outputs)."""
    A = X
    for layer in range(len(net.kinds)):
        A = bend(net.kinds[layer], preactivation(A, theta, net, layer))
    return A


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


def output_error(kind: Kind, loss: int, z: Array, Y: Array) -> Array:
    """dl/dz at the output, for each output of each point."""
    return miss(kind, loss, z, bend(kind, z), Y)


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


# --- One net, as loops -------------------------------------------------------------------------------------------------


class Tape(NamedTuple):
    """What a step writes down, a row for each unit and a column for each point: H = Ẑ in a normalised layer, U what the activation
    is taken of, F = f(U), A what the next layer is given (F, or what dropout leaves of it), dU the gradient. Columns behind the last
    point hold 0 in dU and count for nothing: a processor that takes several numbers at once has no rest to do one by one."""

    H: Array
    U: Array
    F: Array
    A: Array
    dU: Array


@compiled
def bend_rows(kind, tape, to, units, columns):
    """A = F = f(U)."""
    _, U, F, A, _ = tape
    for k in range(to, to + units):
        for r in range(columns):
            A[k, r] = F[k, r] = activate(kind, U[k, r])


@compiled
def unbend_rows(kind, tape, to, units, columns):
    """dU *= f'(U)."""
    _, U, F, _, dU = tape
    for k in range(to, to + units):
        for r in range(columns):
            dU[k, r] *= slope(kind, U[k, r], F[k, r])


@compiled
def ahead(tape, theta, g, net, rules, D, B):
    """Forward, from the inputs in A. D (B, hidden units) as in `gradient`."""
    _, U, F, A, _ = tape
    to, columns = 0, U.shape[1]
    for layer in range(len(net.kinds)):
        i, o, W, end = net.sizes[layer], net.sizes[layer + 1], net.starts[layer], net.starts[layer + 1]
        start, to, kind = to, to + i, net.kinds[layer]
        for k in range(o):
            b = 0.0 if net.norms[layer] else theta[end - o + k]
            for r in range(columns):
                U[to + k, r] = b
            for j in range(i):
                w = theta[W + j * o + k]
                for r in range(columns):
                    U[to + k, r] += w * A[start + j, r]
        if net.norms[layer]:
            normalise_rows(tape, theta, g, net, layer, to, B)
        if (
            kind == TANH
        ):  # where the kind is a constant, there is no choice within the loop, and it takes several columns at once
            bend_rows(TANH, tape, to, o, columns)
        elif kind == RELU:
            bend_rows(RELU, tape, to, o, columns)
        else:
            bend_rows(kind, tape, to, o, B)
        if kind == SOFTMAX:
            softmax_columns(U[to : to + o], F[to : to + o], B)
        if rules.keep < 1.0 and layer + 1 < len(net.kinds):
            drop(A, D, to, o, net.sizes[0], B)


@compiled
def aback(tape, theta, g, net, rules, D, B):
    """Backward, from dU at the output; the gradient is written into g."""
    _, U, _, A, dU = tape
    start, columns = len(U) - net.sizes[-1], U.shape[1]
    for layer in range(len(net.kinds) - 1, -1, -1):
        i, o, W, end = net.sizes[layer], net.sizes[layer + 1], net.starts[layer], net.starts[layer + 1]
        start, to = start - i, start
        if net.norms[layer]:
            unnormalise_rows(tape, theta, g, net, layer, to, B)
        elif net.biased:
            for k in range(o):
                db = 0.0
                for r in range(columns):
                    db += dU[to + k, r]
                g[end - o + k] = db
        for j in range(i):
            for k in range(o):
                dw = 0.0
                for r in range(columns):
                    dw += A[start + j, r] * dU[to + k, r]
                g[W + j * o + k] = dw
        if layer == 0:
            return
        kind = net.kinds[layer - 1]
        for j in range(i):
            for r in range(columns):
                dU[start + j, r] = 0.0
            for k in range(o):
                w = theta[W + j * o + k]
                for r in range(columns):
                    dU[start + j, r] += w * dU[to + k, r]
        if rules.keep < 1.0:
            drop(dU, D, start, i, net.sizes[0], B)
        if kind == TANH:
            unbend_rows(TANH, tape, start, i, columns)
        elif kind == RELU:
            unbend_rows(RELU, tape, start, i, columns)
        else:
            unbend_rows(kind, tape, start, i, B)


@compiled
def drop(rows, D, first, units, inputs, B):
    """Dropout of a hidden layer's rows, which begin at `first`."""
    for k in range(first, first + units):
        for r in range(B):
            rows[k, r] *= D[r, k - inputs]


@compiled
def normalise_rows(tape, theta, g, net, layer, to, B):
    """From Z in U: Ẑ into H and γ Ẑ + β into U; the batch's means and variances into g."""
    o, end = net.sizes[layer + 1], net.starts[layer + 1]
    for k in range(o):
        u, h = tape.U[to + k], tape.H[to + k]
        mean, variance = u[:B].sum() / B, 0.0
        for r in range(B):
            h[r] = u[r] - mean
            variance += h[r] * h[r] / B
        for r in range(B):
            h[r] /= np.sqrt(variance + EPS)
            u[r] = theta[end - 4 * o + k] * h[r] + theta[end - o + k]
        g[end - 3 * o + k], g[end - 2 * o + k] = mean, variance


@compiled
def unnormalise_rows(tape, theta, g, net, layer, to, B):
    """From dU: dZ in its place; dγ and dβ into g."""
    o, end = net.sizes[layer + 1], net.starts[layer + 1]
    for k in range(o):
        d, h = tape.dU[to + k], tape.H[to + k]
        beta, gamma = d[:B].sum(), 0.0
        for r in range(B):
            gamma += d[r] * h[r]
        scale = theta[end - 4 * o + k] / np.sqrt(g[end - 2 * o + k] + EPS)
        for r in range(B):
            d[r] = scale * (d[r] - beta / B - h[r] * gamma / B)
        g[end - 4 * o + k] = gamma
        if net.biased:
            g[end - o + k] = beta


@compiled
def softmax_columns(U, F, B):
    """Softmax of each column of U into F."""
    for r in range(B):
        F[:, r] = np.exp(U[:, r] - U[:, r].max())
        F[:, r] /= F[:, r].sum()


@compiled
def steps_as_loops(theta, m, v, net, rules, weights, X, Y, rows, D, batch, first, last, rates, t):
    """`steps` for nets theta (R, P), one after another."""
    units, outputs, normalised = net.sizes.sum(), net.sizes[-1], net.norms.any()
    shape = (units, batch + -batch % WHOLE)
    _, U, F, A, dU = tape = Tape(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    g, out = np.zeros(theta.shape[1]), units - outputs
    for n in range(len(theta)):
        theta_n, m_n, v_n = theta[n], m[n], v[n]
        for s in range(first, last):
            chosen, drops = rows[s * batch : (s + 1) * batch], D[s * batch : (s + 1) * batch]
            B = len(chosen)
            if batch > B:  # the last batch of an epoch
                dU[:, B:] = 0.0
            for r in range(B):
                for j in range(net.sizes[0]):
                    A[j, r] = X[chosen[r], j]
            ahead(tape, theta_n, g, net, rules, drops, B)
            for k in range(outputs):
                for r in range(B):
                    dU[out + k, r] = miss(net.kinds[-1], rules.loss, U[out + k, r], F[out + k, r], Y[chosen[r], k]) / B
            aback(tape, theta_n, g, net, rules, drops, B)
            if normalised:
                follow(theta_n, g, net, B)
            rate, now = rates[s], t + 1 + s - first
            if rules.penalty:
                for k in range(len(g)):
                    if rules.penalty == DECOUPLED:
                        theta_n[k] *= 1.0 - rate * rules.strength * weights[k]
                    else:
                        g[k] += penalty(rules, theta_n[k]) * weights[k]
            for k in range(len(g)):
                theta_n[k], m_n[k], v_n[k] = move(theta_n[k], g[k], m_n[k], v_n[k], rules, rate, now)


def steps_compiled(theta: Array, m: Array, v: Array, *more: Any) -> None:
    """`steps` by machine code, for one net or many; by array formulas without numba."""
    if COMPILES:
        steps_as_loops(np.atleast_2d(theta), np.atleast_2d(m), np.atleast_2d(v), *more)
    else:
        steps(theta, m, v, *more)
