"""The cascade: does the map change when the network forgets what it learned?

From the top down, one layer after the other gets random weights; after each, the map is made again and compared with the
first one. A map that hardly changes shows the picture (its edges), not what the network learned.

Weights are drawn from a normal distribution with the mean and the standard deviation that they had, so that activations keep
their size. Source: J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3 (cascading randomization); SSIM:
Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment", IEEE TIP 13, 2004, equation 13, here over windows of 7 x 7.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from core.rng import generator

WINDOW = 7


@dataclass(frozen=True, eq=False)
class Stage:
    """The map (height, width) after `layer` and all layers above it lost their weights, and its likeness to the first map."""

    layer: str
    heat: np.ndarray
    rank: float
    rank_absolute: float
    ssim: float


def forgetting(model: nn.Module, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """("", the model), then (layer, model) with one more layer random each time, from the last to the first.

    Layers with a matrix or kernels count; a normalisation loses its weights together with the layer before it.
    """
    net = copy.deepcopy(model).eval()
    yield "", net
    learned = [(name, m) for name, m in net.named_modules() if any(True for _ in m.parameters(recurse=False))]
    for name, module in reversed(learned):
        draw = generator(seed, "cascade", name)
        with torch.no_grad():
            for weights in module.parameters(recurse=False):
                spread = float(weights.std(correction=0)) if weights.numel() > 1 else 0.0
                weights.normal_(float(weights.mean()), spread, generator=draw)
        if any(weights.ndim > 1 for weights in module.parameters(recurse=False)):
            yield name, net


def cascade(model: nn.Module, explain: Callable[[nn.Module], np.ndarray], seed: int = 0) -> list[Stage]:
    """`explain(model)` (height, width) for the trained model and after each layer's loss."""
    stages: list[Stage] = []
    for layer, net in forgetting(model, seed):
        now = explain(net)
        first = stages[0].heat if stages else now
        stages.append(
            Stage(
                layer, now, spearman(first, now), spearman(np.abs(first), np.abs(now)), ssim(np.abs(first), np.abs(now))
            )
        )
    return stages


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 1, 2, ...; equal values share the mean of their ranks."""
    _, where, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation, -1 to 1; 0 if one of them is constant."""
    ra, rb = ranks(a) - (a.size + 1) / 2, ranks(b) - (b.size + 1) / 2
    size = float(np.sqrt((ra**2).sum() * (rb**2).sum()))
    return float((ra * rb).sum() / size) if size else 0.0


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The structural similarity of two maps, each divided by its largest value; 1 if they are equal."""
    a, b = (m / max(float(np.abs(m).max()), 1e-300) for m in (a.astype(float), b.astype(float)))
    mean_a, mean_b = _means(a), _means(b)
    var_a, var_b = _means(a * a) - mean_a**2, _means(b * b) - mean_b**2
    both = _means(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(likeness.mean())


def _means(map_: np.ndarray) -> np.ndarray:
    """The mean of every window that lies inside."""
    window = min(WINDOW, *map_.shape)
    return np.lib.stride_tricks.sliding_window_view(map_, (window, window)).mean((2, 3))
