"""From the Spec to arrays: points, features, targets, the net, its first weights, and how it learns."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.errors import ExplainerError
from core.playground import network, typed
from core.playground.datasets import OWN, SOURCES, features
from core.playground.network import Net, Rules, make_net
from core.playground.points import decode
from core.playground.spec import (
    ACTIVATIONS,
    OPTIMIZERS,
    PENALTIES,
    TYPED,
    PlaygroundSpec,
    feature_names,
    hidden_layers,
)
from core.rng import numpy_generator

FEWEST = 4  # points that a visitor must have drawn


@dataclass(frozen=True, eq=False)
class Problem:
    """Points `X` (n, 2) with classes or values `y`; the first `train` of them train. F their features, Y their targets.

    `net` and `rules` are the network's (core/playground/network.py), `weights` is 1 where θ holds a weight and 0 where it
    holds none, `learned` 1 where θ holds a number that training changes by its gradient, `theta` the start, `k` the number of
    classes (0: values).
    """

    X: Float[np.ndarray, "n 2"]
    y: Float[np.ndarray, " n"] | Int[np.ndarray, " n"]
    train: int
    F: Float[np.ndarray, "n features"]
    Y: Float[np.ndarray, "n outputs"]
    k: int
    net: Net
    rules: Rules
    weights: Float[np.ndarray, " P"]
    learned: Float[np.ndarray, " P"]
    theta: Float[np.ndarray, " P"]
    batch: int

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        return -(-self.train // self.batch)

    @property
    def parameters(self) -> int:
        """How many numbers the net learns."""
        return int(self.learned.sum())


@lru_cache(maxsize=64)
def problem(spec: PlaygroundSpec) -> Problem:
    """The problem that a Spec poses.

    Raises:
        ExplainerError: the layers, features or points cannot be used.
    """
    X, y = points_of(spec)
    names, hidden = feature_names(spec), hidden_layers(spec)
    k = 0 if spec.regression else max(2, int(y.max()) + 1)
    output, loss = _output(spec, k)
    sizes = [len(names), *(layer.units for layer in hidden), k if k > 2 else 1]
    kinds = [*(ACTIVATIONS[layer.activation] for layer in hidden), output]
    net = make_net(sizes, kinds, [*(layer.norm for layer in hidden), False], spec.bias)
    rules = Rules(
        loss, list(OPTIMIZERS).index(spec.optimizer), spec.momentum, 0.99 if spec.optimizer == "rmsprop" else 0.999,
        list(PENALTIES).index(spec.penalty), spec.strength, 1.0 - spec.dropout if hidden else 1.0,
    )  # fmt: skip
    train = min(len(y) - 1, max(1, round(spec.share / 100 * len(y))))
    F = inputs(spec, X)
    if not np.isfinite(F).all():
        raise ExplainerError(f"the feature {spec.own[:40]} has no value at some of the points; try log(1 + x1**2)")
    weights, others = places(net)
    return Problem(
        X, y, train, F, _targets(y, k, loss), k, net, rules, weights, weights + others, first_weights(spec, net),
        min(spec.batch, train),
    )  # fmt: skip


def inputs(spec: PlaygroundSpec, X: np.ndarray) -> np.ndarray:
    """What the net gets to see of the points X (n, 2): (n, features).

    Raises:
        ExplainerError: a feature is unknown, or the typed one cannot be used.
    """
    names = feature_names(spec)
    return features(names, X, typed.feature(spec.own) if OWN in names else None)


def points_of(spec: PlaygroundSpec) -> tuple[np.ndarray, np.ndarray]:
    """All points in a random order, drawn anew or by the visitor."""
    g = numpy_generator(spec.seed, "data")
    if spec.data in SOURCES:
        n = spec.count
        X, y = SOURCES[spec.data].draw(g, n, spec.noise / 100, spec.classes)
    elif spec.data in TYPED:
        X, y = typed.draw(g, spec.count, spec.noise / 100, spec.formula, spec.data == "border")
    else:
        X, y = decode(spec.points, spec.regression)
        if len(X) < FEWEST:
            raise ExplainerError(
                f"{len(X)} points are too few; at least {FEWEST} are needed: click on the map, or upload a table"
            )
    shuffled = g.permutation(len(X))
    return X[shuffled], y[shuffled]


def _output(spec: PlaygroundSpec, k: int) -> tuple[int, int]:
    """Activation of the output, and loss."""
    if k == 0:
        return network.LINEAR, network.ABSOLUTE if spec.loss == "absolute" else network.SQUARED
    if k > 2:
        return network.SOFTMAX, network.CROSS_ENTROPY
    return {
        "squared": (network.TANH, network.SQUARED),
        "cross_entropy": (network.SIGMOID, network.CROSS_ENTROPY),
        "absolute": (network.TANH, network.ABSOLUTE),
        "hinge": (network.LINEAR, network.HINGE),
    }[spec.loss]


def _targets(y: np.ndarray, k: int, loss: int) -> np.ndarray:
    """Values as they are; two classes as 0, 1 for cross-entropy and -1, 1 for the other losses; more as one-hot rows."""
    if k > 2:
        return np.eye(k)[y]
    return (2.0 * y - 1.0 if k == 2 and loss != network.CROSS_ENTROPY else 1.0 * y)[:, None]


def places(net: Net) -> tuple[np.ndarray, np.ndarray]:
    """1 where θ holds a weight, and 1 where it holds another number that is learned: γ, and where there are biases, b or β."""
    weights, others = np.zeros(net.starts[-1]), np.zeros(net.starts[-1])
    for k in range(len(net.kinds)):
        network.matrix(weights, net, k)[...] = 1.0
        network.row(others, net, k, network.SHIFT)[...] = net.biased
        if net.norms[k]:
            network.row(others, net, k, network.GAMMA)[...] = 1.0
    return weights, others


def first_weights(spec: PlaygroundSpec, net: Net, purpose: str = "weights") -> np.ndarray:
    """θ before the first step. Xavier: Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10. γ = 1, β = 0."""
    g, parts, sizes = numpy_generator(spec.seed, purpose), [], net.sizes.tolist()
    for (i, o), norm in zip(itertools.pairwise(sizes), net.norms.tolist(), strict=True):
        draw = {
            "uniform": lambda i=i, o=o: g.uniform(-0.5, 0.5, i * o),
            "xavier": lambda i=i, o=o: g.uniform(-1, 1, i * o) * np.sqrt(6 / (i + o)),
            "he": lambda i=i, o=o: g.standard_normal(i * o) * np.sqrt(2 / i),
            "zero": lambda i=i, o=o: np.zeros(i * o),
        }[spec.start]
        if norm:
            parts += [draw(), np.ones(o), np.zeros(o), np.ones(o), np.zeros(o)]
        else:
            parts += [draw(), np.full(o, 0.1 if spec.start == "uniform" and spec.bias else 0.0)]
    return np.concatenate(parts)
