"""Nets of both kinds with weights that nothing has rounded, and torch's view of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.compression import SPEC
from core.compression.nets import Layer, initial, shapes

SMALL = SPEC(width=8, student=4, rows=60, tune=1)  # one for all tests: what it trains is kept


@pytest.fixture(params=["dense", "conv"])
def net(request):
    g = np.random.default_rng(5)
    return tuple(Layer(one.W, g.normal(0.0, 0.3, one.b.shape), one.size) for one in initial(shapes(request.param, 16), g))  # fmt: skip


@pytest.fixture
def X():  # noqa: N802
    """Digits with exact zeros, as paper is."""
    g = np.random.default_rng(7)
    return np.clip(g.normal(0.2, 0.5, (19, 64)), 0.0, 1.0)


def in_torch(net, x, parameters):
    """The same net by torch's own layers, in float64."""
    a = x
    for k, layer in enumerate(net):
        W, b = parameters[2 * k : 2 * k + 2]
        if k:
            a = torch.relu(a)
        if layer.size:
            a = torch.nn.functional.conv2d(
                a.reshape(len(a), -1, layer.size, layer.size), W.reshape(len(b), -1, 3, 3), b, stride=2, padding=1
            ).flatten(1)
        else:
            a = torch.nn.functional.linear(a, W, b)
    return a


def leaves(net):
    return [torch.tensor(p, requires_grad=True) for layer in net for p in (layer.W, layer.b)]
