"""Receptive fields against published figures, against torch's gradients, and the Gaussian against a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.convolution import receptive_field
from core.convolution.gradient_field import gaussian_spread, gradient_field, spread_of
from core.errors import ExplainerError

BLOCK = [(3, 1, 1, 1)] * 3
RESNET18 = [(7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1), *BLOCK] + [(3, 2, 1, 1), *BLOCK] * 3
VGG16 = [layer for convs in (2, 2, 3, 3, 3) for layer in [(3, 1, 1, 1)] * convs + [(2, 2, 0, 1)]]


def test_published_sizes() -> None:
    assert receptive_field(RESNET18)[-1][:2] == (435, 32)
    assert receptive_field(VGG16)[-1][:2] == (212, 32)
    assert [field.size for field in receptive_field([(3, 1, 1, 1)] * 4)] == [3, 5, 7, 9]
    assert [field.size for field in receptive_field([(3, 1, d, d) for d in (1, 2, 4, 8)])] == [
        3,
        7,
        15,
        31,
    ]  # Yu, Koltun 2016


def layers(most: int = 3) -> st.SearchStrategy:
    one = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
    return st.lists(one, min_size=1, max_size=most)


@hypothesis_settings(max_examples=60)
@given(layers())
def test_the_box_is_where_torch_s_gradient_is(drawn: list[tuple[int, int, int, int]]) -> None:
    width = 160
    net = torch.nn.Sequential(*(conv(*layer) for layer in drawn))
    x = torch.ones(1, 1, 1, width, dtype=torch.float64, requires_grad=True)
    y = net(x)
    unit = y.shape[3] // 2
    y[0, 0, 0, unit].backward()
    seen = np.flatnonzero(x.grad[0, 0, 0].numpy())
    first, last = receptive_field(drawn)[-1].box(unit)
    assert (seen[0], seen[-1]) == (first, last)


def conv(k: int, s: int, p: int, d: int) -> torch.nn.Module:
    layer = torch.nn.Conv2d(1, 1, (1, k), (1, s), (0, p), (1, d), bias=False, dtype=torch.float64)
    torch.nn.init.ones_(layer.weight)
    return layer


def test_averaging_layers_spread_like_throws_of_a_die() -> None:
    stack = [(3, 1, 1, 1), (2, 2, 0, 1), (5, 1, 2, 2), (3, 1, 1, 1)]
    net = torch.nn.Sequential(*(square(*layer) for layer in stack))
    field = gradient_field(net, np.ones((1, 64, 64)))
    centre, sigma = spread_of(field)
    assert sigma == pytest.approx(gaussian_spread(stack), rel=1e-9)
    unit = net(torch.ones(1, 1, 64, 64, dtype=torch.float64)).shape[3] // 2
    assert centre == pytest.approx(sum(receptive_field(stack)[-1].box(unit)) / 2, abs=1e-9)


def square(k: int, s: int, p: int, d: int) -> torch.nn.Module:
    layer = torch.nn.Conv2d(1, 1, k, s, p, d, bias=False, dtype=torch.float64)
    torch.nn.init.constant_(layer.weight, 1 / k**2)
    return layer


def test_the_field_leaves_the_model_as_it_was() -> None:
    net = square(3, 1, 1, 1)
    field = gradient_field(net, np.ones((1, 5, 5)), unit=(0, 0))
    assert net.weight.grad is None
    np.testing.assert_allclose(field[:2, :2], 1 / 9)
    assert field.sum() == pytest.approx(4 / 9)


def test_a_field_of_zeros_has_no_spread() -> None:
    assert all(math.isnan(value) for value in spread_of(np.zeros((3, 3))))


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ([(3, 1, 1)], r"layer 1 is \(3, 1, 1\); give \(kernel, stride, padding, dilation\)"),
        ([(3, 1, 1, 1), (0, 1, 1, 1)], "layer 2: kernel 0 is below 1"),
        ([(3, 1, -1, 1)], "padding -1 is below 0"),
        ([((3, 5), 1, 1, 1)], "one axis at a time"),
        ([7], "layer 1 is 7"),
    ],
)
def test_a_bad_layer_says_which(stack: list, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        receptive_field(stack)


def test_no_layer_no_field() -> None:
    assert receptive_field([]) == []
