"""Gradient clipping for all racers at once, each by its own gradient, as torch does it.

The gradient g of a racer has norm |g| over all its coordinates; c is the limit.

    value    every coordinate to [−c, c]         torch.nn.utils.clip_grad_value_
    norm     g · min(1, c / (|g| + 1e-6))        torch.nn.utils.clip_grad_norm_; R. Pascanu et al., ICML 2013, algorithm 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
