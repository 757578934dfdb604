"""Weights set to zero, units taken out, and the lottery ticket.

    magnitude     keep the round((1 − s) n) weights with the largest |w|, of a layer or of the whole net (S. Han et al., NeurIPS 2015)
    units         keep the units or channels with the largest Σ_j |w_j| (H. Li et al., ICLR 2017, section 3.1); the layer and the columns
                  of the next that read them become smaller
    ticket        masks from the trained net, weights back to where they began, and train again (J. Frankle, M. Carbin, ICLR 2019)

Biases are never removed from a unit that stays. Of equal weights the first is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from core.compression.nets import Array, Layer, Net

Masks = list[Bool[Array, "_ _"]]


def largest(scores: Float[Array, " n"], count: int) -> Bool[Array, " n"]:
    """True for the `count` largest."""
    keep = np.zeros(len(scores), bool)
    keep[np.argsort(-scores, kind="stable")[:count]] = True
    return keep


def kept(n: int, sparsity: float) -> int:
    """How many of n are kept."""
    return round((1.0 - sparsity) * n)


def masks(net: Net, method: str, sparsity: float, g: np.random.Generator) -> Masks:
    """What is kept of every weight matrix: by "global", "layer" or "random"."""
    scores = [np.abs(layer.W).ravel() for layer in net]
    if method == "random":
        scores = [g.permutation(len(one)).astype(float) for one in scores]
    if method == "layer" or method == "random":
        keep = [largest(one, kept(len(one), sparsity)) for one in scores]
    else:
        together = np.concatenate(scores)
        ends = np.cumsum([len(one) for one in scores])[:-1]
        keep = np.split(largest(together, kept(len(together), sparsity)), ends)
    return [one.reshape(layer.W.shape) for one, layer in zip(keep, net, strict=True)]


def masked(net: Net, masks: Sequence[Array]) -> Net:
    """The net with every other weight at 0."""
    return tuple(Layer(layer.W * mask, layer.b, layer.size) for layer, mask in zip(net, masks, strict=True))


def units(net: Net, sparsity: float) -> list[Bool[Array, " _"]]:
    """Which units of every layer stay: at least one; of the last layer all."""
    return [
        largest(np.abs(layer.W).sum(axis=1), max(1, kept(len(layer.b), sparsity)))
        if layer is not net[-1]
        else np.ones(len(layer.b), bool)
        for layer in net
    ]


def without_units(net: Net, keep: Sequence[Bool[Array, " _"]]) -> Net:
    """A smaller net of the units that stay."""
    found, read = [], np.ones(net[0].W.shape[1], bool)
    for layer, own in zip(net, keep, strict=True):
        columns = np.repeat(read, layer.W.shape[1] // len(read))
        found.append(Layer(layer.W[own][:, columns], layer.b[own], layer.size))
        read = own
    return tuple(found)
