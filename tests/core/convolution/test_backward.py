"""The written-out gradients against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from core.convolution import convolve, gradients
from core.errors import ExplainerError
from tests.core.convolution.settings import Drawn, by_torch, settings


@hypothesis_settings(max_examples=300)
@given(settings())
def test_gradients_agree_with_autograd(drawn: Drawn) -> None:
    image, kernel, about = drawn
    x, w = (torch.tensor(array, requires_grad=True) for array in (image, kernel))
    try:
        y = by_torch(x, w, about)
    except RuntimeError:
        return
    if not y.numel():
        return
    upstream = np.random.default_rng(0).normal(size=tuple(y.shape))
    expected = torch.autograd.grad(y, (x, w), torch.tensor(upstream))
    for found, reference in zip(gradients(upstream, image, kernel, **about), expected, strict=True):
        assert found.shape == tuple(reference.shape)
        np.testing.assert_allclose(found, reference.numpy(), rtol=0, atol=1e-11)


def test_a_gradient_by_hand() -> None:
    """Two windows share the middle cell: its gradient is the sum of two weights."""
    grad_image, grad_kernel = gradients([[[1, 10]]], [[[5, 6, 7]]], [[[[2, 3]]]])
    np.testing.assert_allclose(grad_image, [[[2, 3 + 20, 30]]])
    np.testing.assert_allclose(grad_kernel, [[[[5 + 60, 6 + 70]]]])


def test_a_gradient_of_the_wrong_shape_is_refused() -> None:
    image, kernel = np.ones((1, 4, 4)), np.ones((2, 1, 3, 3))
    assert convolve(image, kernel).shape == (2, 2, 2)
    with pytest.raises(ExplainerError, match=r"shape \(1, 2, 2\); give one of the output's shape, \(2, 2, 2\)"):
        gradients(np.ones((1, 2, 2)), image, kernel)
