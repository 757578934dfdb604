"""From the Spec to arrays: points, features, targets, the net, its first weights, and how it learns."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.errors import ExplainerError
from core.playground import network
from core.playground.datasets import SOURCES, features
from core.playground.network import Net, Rules, make_net
from core.playground.points import decode
from core.playground.spec import (
    ACTIVATIONS,
    OPTIMIZERS,
    PENALTIES,
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
    holds a bias, `theta` the start, `k` the number of classes (0: values).
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
    theta: Float[np.ndarray, " P"]
    batch: int

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        return -(-self.train // self.batch)


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
    net = make_net(sizes, [*(ACTIVATIONS[layer.activation] for layer in hidden), output])
    rules = Rules(
        loss, list(OPTIMIZERS).index(spec.optimizer), spec.momentum, 0.99 if spec.optimizer == "rmsprop" else 0.999,
        list(PENALTIES).index(spec.penalty), spec.strength, 1.0 - spec.dropout if hidden else 1.0,
    )  # fmt: skip
    train = min(len(y) - 1, max(1, round(spec.share / 100 * len(y))))
    return Problem(
        X, y, train, features(names, X), _targets(y, k, loss), k, net, rules, weight_places(net), first_weights(spec, net),
        min(spec.batch, train),
    )  # fmt: skip


def points_of(spec: PlaygroundSpec) -> tuple[np.ndarray, np.ndarray]:
    """All points in a random order, drawn anew or by the visitor."""
    g = numpy_generator(spec.seed, "data")
    if spec.data in SOURCES:
        n = spec.count
        X, y = SOURCES[spec.data].draw(g, n, spec.noise / 100, spec.classes)
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
        return network.LINEAR, network.SQUARED
    if k > 2:
        return network.SOFTMAX, network.CROSS_ENTROPY
    if spec.loss == "squared":
        return network.TANH, network.SQUARED
    return network.SIGMOID, network.CROSS_ENTROPY


def _targets(y: np.ndarray, k: int, loss: int) -> np.ndarray:
    """Values as they are; two classes as -1, 1 for squared error and 0, 1 for cross-entropy; more as one-hot rows."""
    if k > 2:
        return np.eye(k)[y]
    return (2.0 * y - 1.0 if k == 2 and loss == network.SQUARED else 1.0 * y)[:, None]


def weight_places(net: Net) -> np.ndarray:
    """1 where θ holds a weight, 0 where it holds a bias."""
    sizes = net.sizes.tolist()
    return np.concatenate([np.repeat([1.0, 0.0], [i * o, o]) for i, o in itertools.pairwise(sizes)])


def first_weights(spec: PlaygroundSpec, net: Net, purpose: str = "weights") -> np.ndarray:
    """θ before the first step. Xavier: Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10."""
    g, parts, sizes = numpy_generator(spec.seed, purpose), [], net.sizes.tolist()
    for i, o in itertools.pairwise(sizes):
        draw = {
            "uniform": lambda i=i, o=o: g.uniform(-0.5, 0.5, i * o),
            "xavier": lambda i=i, o=o: g.uniform(-1, 1, i * o) * np.sqrt(6 / (i + o)),
            "he": lambda i=i, o=o: g.standard_normal(i * o) * np.sqrt(2 / i),
            "zero": lambda i=i, o=o: np.zeros(i * o),
        }[spec.start]
        parts += [draw(), np.full(o, 0.1 if spec.start == "uniform" else 0.0)]
    return np.concatenate(parts)
