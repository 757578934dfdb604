r"""The net that learns the field, from scratch in NumPy, float64: forward, backward, forward derivatives, Adam.

    Z_l = A_(l-1) W_l + b_l,   A_l = Z_l sigma(Z_l)  (SiLU),   the last Z is the output
    dW_l = A_(l-1)^T dZ_l,   db_l = sum of dZ_l over rows,   dA = dZ W^T,   dZ = dA f'(Z),   f' = sigma + A (1 - sigma)

All weights lie in one vector theta, layer by layer, W before b. The input of a field is x and y, the time as t, sin(2^k pi t), cos(2^k pi t),
and waves of the place, (1 - t)^2 sin(2^k x), (1 - t)^2 cos(2^k x) and the same of y, for k = 0, 1, 2 (Tancik et al., NeurIPS 2020: waves let
a net learn fine shapes sooner; here they fade towards the noise, where there are none). A field that knows labels gets two more inputs, 1 for
the class of the point (both 0: no label).

    e-prediction      L = mean |e - e_theta(x_t, t)|^2                     Ho et al., NeurIPS 2020, equation 14
    flow matching     L = mean |(e - x_0) - v_theta(x_t, t)|^2             Lipman et al., ICLR 2023, equation 23

with t even between 0.001 and 1. The learning rate of Adam (Kingma, Ba, ICLR 2015, algorithm 1) falls in a straight line towards 0.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np

from core.training.optimizers import adam

Array = np.ndarray
BATCH, FIRST_TIME = 128, 0.001
WAVES = 2.0 ** np.arange(3)
INPUTS = 2 + 7 + 12  # place, time, waves of the place
DROPPED = 0.2  # of the labels, so that the net also learns the field of all classes
CLIP = 3.0  # greatest length of a gradient (Pascanu, Mikolov, Bengio, ICML 2013, algorithm 1)
LAST = 0.1  # first weights of the last layer are this much smaller


def layers_of(theta: Array, sizes: list[int]) -> list[tuple[Array, Array]]:
    """W (in, out) and b (out) of each layer, as views of theta."""
    layers, at = [], 0
    for i, o in itertools.pairwise(sizes):
        layers.append((theta[at : at + i * o].reshape(i, o), theta[at + i * o : at + i * o + o]))
        at += i * o + o
    return layers


def first_weights(g: np.random.Generator, sizes: list[int], bias: float = 0.0) -> Array:
    """theta: W from N(0, 1 / inputs), the last layer's ten times smaller; b = 0, or from N(0, bias^2) in hidden layers."""
    parts = []
    for k, (i, o) in enumerate(itertools.pairwise(sizes)):
        last = k == len(sizes) - 2
        W = (LAST if last else 1.0) / np.sqrt(i) * g.standard_normal(i * o)
        parts += [W, np.zeros(o) if last or not bias else bias * g.standard_normal(o)]
    return np.concatenate(parts)


def forward(layers: list[tuple[Array, Array]], X: Array) -> tuple[Array, list[tuple[Array, ...]]]:
    """The output (n, out), and of every layer its input and, but for the last, f'(Z)."""
    seen, A = [], X
    for W, b in layers[:-1]:
        Z = A @ W + b
        gate = 0.5 + 0.5 * np.tanh(0.5 * Z)
        bent = Z * gate
        seen.append((A, gate + bent * (1.0 - gate)))
        A = bent
    W, b = layers[-1]
    return A @ W + b, [*seen, (A,)]


def backward(layers: list[tuple[Array, Array]], seen: list[tuple[Array, ...]], dZ: Array) -> tuple[list[Array], Array]:
    """From dL/dZ (n, out): the gradient of theta in pieces (W before b, layer by layer), and dL/dX."""
    pieces = []
    for k in reversed(range(len(layers))):
        pieces += [dZ.sum(0), (seen[k][0].T @ dZ).ravel()]
        dA = dZ @ layers[k][0].T
        if k:
            dZ = dA * seen[k - 1][1]
    return pieces[::-1], dA


def divergence(layers: list[tuple[Array, Array]], x: Array, t: float) -> tuple[Array, Array]:
    """The output (n, 2) at the places x and d out_0 / dx_0 + d out_1 / dx_1 (n,), by pushing the two directions through the layers."""
    out, seen = forward(layers, inputs(x, t))
    total = 0.0
    for j, slopes in enumerate(input_slopes(x, t)):
        T = slopes @ layers[0][0]
        for k in range(1, len(layers)):
            T = (T * seen[k - 1][1]) @ layers[k][0]
        total = total + T[:, j]
    return out, total


def inputs(x: Array, t: float | Array, labels: Array | None = None) -> Array:
    """What the net is given: x (n, 2), seven numbers of the time, twelve waves, and the labels (n, 2) if it knows them."""
    t = np.broadcast_to(np.asarray(t, float), (len(x),))[:, None]
    turns, places, fade = np.pi * t * WAVES, (x[:, :, None] * WAVES).reshape(len(x), -1), (1.0 - t) ** 2
    parts = [x, t, np.sin(turns), np.cos(turns), fade * np.sin(places), fade * np.cos(places)]
    return np.concatenate(parts if labels is None else [*parts, labels], axis=1)


def input_slopes(x: Array, t: float) -> Array:
    """How the inputs change with x_0 and with x_1: (2, n, INPUTS)."""
    places, fade, slopes = (x[:, :, None] * WAVES).reshape(len(x), -1), (1.0 - t) ** 2, np.zeros((2, len(x), INPUTS))
    for j in range(2):
        own = np.kron(np.eye(2)[j], WAVES)
        slopes[j, :, j] = 1.0
        slopes[j, :, 9:] = np.concatenate([fade * own * np.cos(places), -fade * own * np.sin(places)], axis=1)
    return slopes


def field_sizes(width: int, labelled: bool) -> list[int]:
    """Units of each layer of a net that learns a field."""
    return [INPUTS + 2 * labelled, width, width, width, 2]


def batch(g: np.random.Generator, target, path, labelled: bool) -> tuple[Array, Array, Array]:
    """Inputs of a batch (n, inputs), its clean points x_0 and its noise e, each (n, 2)."""
    x0, label = target.draw(g, BATCH)
    t, e = g.uniform(FIRST_TIME, 1.0, BATCH), g.standard_normal((BATCH, 2))
    known = np.eye(2)[label] * (g.random(BATCH) >= DROPPED)[:, None] if labelled else None
    return inputs(path.a(t)[:, None] * x0 + path.b(t)[:, None] * e, t, known), x0, e


def field_loss(theta: Array, sizes: list[int], X: Array, Y: Array) -> tuple[float, Array]:
    """mean |Y - net(X)|^2 and its gradient."""
    layers = layers_of(theta, sizes)
    out, seen = forward(layers, X)
    miss = out - Y
    return float((miss * miss).sum() / len(X)), np.concatenate(backward(layers, seen, 2.0 / len(X) * miss)[0])


def clipped(g: Array) -> Array:
    """g, at most CLIP long: one point that a layer throws far away must not spoil Adam's memory."""
    return g * min(1.0, CLIP / (float(np.sqrt(g @ g)) + 1e-6))


def learn(theta: Array, losses, rate: float, updates: int):
    """Adam for so many updates; `losses(theta)` gives loss and gradient of the next batch. Yields (theta, loss before the update)."""
    state = SimpleNamespace(m=np.zeros_like(theta), v=np.zeros_like(theta))
    h = SimpleNamespace(decays=False, decoupled_weight_decay=False, amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8)
    for k in range(updates):
        loss, g = losses(theta)
        g = clipped(g)
        h.lr = rate * (1.0 - k / updates)
        theta = adam(theta, g, state, h, k + 1)
        yield theta, loss
