"""Pooling, its winners and its gradients against torch; shift sensitivity in cases that can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.convolution.pooling import adaptive_spans, pool, route, shift_change, spans
from core.errors import ExplainerError

IMAGE = np.random.default_rng(3).uniform(0.1, 1, (2, 7, 9))
TORCH = {
    "max": lambda x, k, s: F.max_pool2d(x, k, s),
    "average": lambda x, k, s: F.avg_pool2d(x, k, s),
    "lp": lambda x, k, s: F.lp_pool2d(x, 3.0, k, s),
    "stride": lambda x, k, s: x[:, :, : (x.shape[2] - k) // s * s + 1 : s, : (x.shape[3] - k) // s * s + 1 : s],
}


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 2), (3, 2), (2, 3), (7, 1)])
def test_values_and_gradients_are_torch_s(kind: str, size: int, stride: int) -> None:
    x = torch.tensor(IMAGE, requires_grad=True)
    y = TORCH[kind](x[None], size, stride)[0]
    rows, columns = spans(7, size, stride), spans(9, size, stride)
    np.testing.assert_allclose(pool(IMAGE, rows, columns, kind, 3.0).values, y.detach().numpy(), atol=1e-12)
    upstream = np.random.default_rng(4).normal(size=tuple(y.shape))
    (expected,) = torch.autograd.grad(y, x, torch.tensor(upstream))
    np.testing.assert_allclose(route(upstream, IMAGE, rows, columns, kind, 3.0), expected.numpy(), atol=1e-12)


@pytest.mark.parametrize(("kind", "torch_s"), [("max", F.adaptive_max_pool2d), ("average", F.adaptive_avg_pool2d)])
@pytest.mark.parametrize("out", [1, 2, 4, 7])
def test_adaptive_and_global_are_torch_s(kind: str, torch_s, out: int) -> None:
    x = torch.tensor(IMAGE, requires_grad=True)
    y = torch_s(x[None], out)[0]
    rows, columns = adaptive_spans(7, out), adaptive_spans(9, out)
    np.testing.assert_allclose(pool(IMAGE, rows, columns, kind).values, y.detach().numpy(), atol=1e-12)
    (expected,) = torch.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(route(np.ones(tuple(y.shape)), IMAGE, rows, columns, kind), expected.numpy(), atol=1e-12)


def test_winners_are_torch_s_also_in_ties() -> None:
    image = np.round(IMAGE * 3)  # many ties
    _, index = F.max_pool2d(torch.tensor(image)[None], 3, 2, return_indices=True)
    found = pool(image, spans(7, 3, 2), spans(9, 3, 2), "max").winners
    np.testing.assert_array_equal(found[..., 0] * 9 + found[..., 1], index[0].numpy())
    x = torch.tensor(image, requires_grad=True)
    F.max_pool2d(x[None], 3, 2).sum().backward()
    np.testing.assert_array_equal(
        route(np.ones(found.shape[:3]), image, spans(7, 3, 2), spans(9, 3, 2), "max"), x.grad.numpy()
    )


def test_an_empty_window_has_no_lp_gradient() -> None:
    nothing = np.zeros((1, 2, 2))
    np.testing.assert_array_equal(route(np.ones((1, 1, 1)), nothing, [(0, 2)], [(0, 2)], "lp"), nothing)


@pytest.mark.parametrize("p", [1.0, 2.0, 60.0])
def test_lp_lies_between_sum_and_largest(p: float) -> None:
    value = pool(np.array([[[3.0, -4.0]]]), [(0, 1)], [(0, 2)], "lp", p).values.item()
    assert value == pytest.approx({1.0: 7.0, 2.0: 5.0, 60.0: 4.0}[p], rel=1e-6)


@pytest.mark.parametrize("kind", ["max", "average", "lp", "stride", "blur"])
def test_a_shift_by_the_stride_changes_nothing(kind: str) -> None:
    image = np.random.default_rng(5).uniform(size=(6, 12))
    found = shift_change(image, kind, 2, 3, 6)
    np.testing.assert_allclose(found[[0, 3, 6]], 0, atol=1e-12)
    assert found[1] > 0.01


def test_shift_change_of_an_alternating_picture() -> None:
    """Columns 1, 0, 1, 0: taking every second column gives all or nothing; the mean of two sees no difference at all."""
    image = np.tile([1.0, 0.0], (4, 4))
    np.testing.assert_allclose(shift_change(image, "stride", 2, 2, 2), [0, 1, 0])
    np.testing.assert_allclose(shift_change(image, "average", 2, 2, 2), 0, atol=1e-12)


def test_blur_before_the_stride_is_the_calmer() -> None:
    image = np.random.default_rng(6).uniform(size=(8, 16))
    assert shift_change(image, "blur", 2, 2, 1)[1] < shift_change(image, "max", 2, 2, 1)[1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spans(4, 5, 1), "5 cells does not fit into 4"),
        (lambda: spans(4, 2, 0), "both start at 1"),
        (lambda: adaptive_spans(4, 0), "try 1 or more"),
        (lambda: pool(IMAGE, [(0, 1)], [(0, 1)], "median"), "choose max, average, lp or stride"),
        (lambda: pool(IMAGE, [(0, 1)], [(0, 1)], "lp", 0.5), "is no norm"),
        (lambda: shift_change(IMAGE[0], "max", 2, 2, 2), "cannot be wrapped round"),
    ],
)
def test_what_cannot_be_says_why(call, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        call()
