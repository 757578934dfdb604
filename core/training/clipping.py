"""Gradient clipping for all racers at once, each by its own gradient, the first two as torch does it.

The gradient g of a racer has norm |g| over all its coordinates; c is the limit.

    value    every coordinate to [−c, c]         torch.nn.utils.clip_grad_value_
    norm     g · min(1, c / (|g| + 1e-6))        torch.nn.utils.clip_grad_norm_; R. Pascanu et al., ICML 2013, algorithm 1
    adaptive g_i · min(1, c max(|w_i|, 1e-3) / |g_i|)    A. Brock et al., ICML 2021, eq. 3: i is one unit, w_i its weights with its bias
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

Gradients = Float[np.ndarray, "racer coordinate"]


def _by_value(g: Gradients, limit: float) -> Gradients:
    return np.clip(g, -limit, limit)


def _by_norm(g: Gradients, limit: float) -> Gradients:
    norm = np.sqrt((g * g).sum(-1, keepdims=True))
    return g * np.minimum(1.0, limit / (norm + 1e-6))


CLIPS: Mapping[str, Callable[[Gradients, float], Gradients]] = MappingProxyType(
    {"none": lambda g, limit: g, "value": _by_value, "norm": _by_norm}
)


def adaptive(g: Gradients, theta: Gradients, shapes: Sequence[tuple[int, int]], limit: float) -> Gradients:
    """Adaptive clipping of a net whose layers lie in θ one behind the other, each (units, inputs and bias) of `shapes`."""
    cut, end = g.copy(), 0
    for units, inputs in shapes:
        begin, end = end, end + units * inputs
        own, w = (a[:, begin:end].reshape(-1, units, inputs) for a in (cut, theta))
        allowed = limit * np.maximum(_length(w), 1e-3)
        own *= np.minimum(1.0, allowed / np.maximum(_length(own), 1e-6))
    return cut


def _length(a: Float[np.ndarray, "racer unit input"]) -> Float[np.ndarray, "racer unit 1"]:
    return np.sqrt((a * a).sum(-1, keepdims=True))
