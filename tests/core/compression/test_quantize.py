"""Grids against torch's own fake quantization, and whole-number sums against the same in floating point."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from core.compression.nets import Layer, logits
from core.compression.quantize import (
    Rules,
    fake_logits,
    grid,
    grid_of,
    integer_logits,
    integer_product,
    limits,
    quantize,
    signal_to_noise,
)

KINDS = list(product(("affine", "symmetric"), ("tensor", "channel")))


def rules(mode="static", bits=8, bits_a=8, scheme="affine", group="tensor", percent=100.0):
    return Rules(mode, bits, bits_a, scheme, group, percent)


@pytest.mark.parametrize("scheme", ["affine", "symmetric"])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_rounding_is_torch_s_fake_quantization(bits, scheme):
    r = np.random.default_rng(0).normal(0.3, 1.0, (6, 9))
    g = grid_of(r, (0, 1), 100.0, bits, scheme)
    expected = torch.fake_quantize_per_tensor_affine(torch.tensor(r).float(), float(g.scale.item()), int(g.zero.item()), g.low, g.high)  # fmt: skip
    np.testing.assert_allclose(g.rounded(r), expected.numpy(), rtol=1e-5, atol=1e-6)
    assert len(np.unique(g.codes(r))) <= 2**bits


def test_a_scale_for_each_channel_is_torch_s():
    w = np.random.default_rng(0).normal(0.0, 1.0, (5, 12)) * np.arange(1, 6)[:, None]
    g = grid_of(w, (1,), 100.0, 4, "symmetric")
    expected = torch.fake_quantize_per_channel_affine(torch.tensor(w).float(), torch.tensor(g.scale[:, 0]).float(), torch.zeros(5, dtype=torch.int32), 0, g.low, g.high)  # fmt: skip
    np.testing.assert_allclose(g.rounded(w), expected.numpy(), rtol=1e-5, atol=1e-6)
    assert signal_to_noise(w, g.rounded(w)) > signal_to_noise(w, grid_of(w, (0, 1), 100.0, 4, "symmetric").rounded(w))


def test_limits_by_hand():
    assert limits(8, "affine") == (-128, 127)
    assert limits(8, "symmetric") == (-127, 127)
    assert limits(2, "symmetric") == (-1, 1)


def test_the_affine_grid_by_hand():
    g = grid(np.array([-1.0]), np.array([2.0]), 2, "affine")
    assert g.scale == 1.0
    assert g.zero == -1
    np.testing.assert_array_equal(g.rounded(np.array([-5.0, -1.0, 0.0, 0.5, 1.5, 2.0, 9.0])), [-1, -1, 0, 0, 2, 2, 2])


@pytest.mark.parametrize("scheme", ["affine", "symmetric"])
@pytest.mark.parametrize(("low", "high"), [(0.3, 0.9), (-0.9, -0.3), (0.0, 0.0), (-1.0, 1e-9)])
def test_zero_is_always_on_the_grid(low, high, scheme):
    g = grid(np.array([low]), np.array([high]), 3, scheme)
    assert g.rounded(np.zeros(1)) == 0.0
    assert np.isfinite(g.rounded(np.array([low, high]))).all()


def test_a_percentile_clips_and_is_numpy_s():
    r = np.arange(101.0) - 50
    g = grid_of(r, (0,), 90.0, 8, "symmetric")
    assert g.scale[0] == pytest.approx(40 / 127)
    assert np.abs(g.rounded(r)).max() == pytest.approx(40.0)


def test_the_four_sums_are_the_product():
    g = np.random.default_rng(4)
    q, p = g.integers(-128, 128, (3, 2, 300)).astype(np.int32), g.integers(-128, 128, (7, 300)).astype(np.int32)
    Z_r, Z_w = np.array([[[-128]]], np.int32), g.integers(-128, 128, (7, 1)).astype(np.int32)
    found = integer_product(q, Z_r, p, Z_w)
    assert found.dtype == np.int32
    expected = (q.astype(np.int64) - Z_r) @ (p.astype(np.int64) - Z_w).T
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("scheme", "group"), KINDS)
@pytest.mark.parametrize("mode", ["dynamic", "static"])
def test_whole_numbers_give_the_same_net(net, X, mode, scheme, group):
    q = quantize(net, rules(mode, 5, 6, scheme, group, 99.0), X)
    np.testing.assert_allclose(integer_logits(q, X), fake_logits(q, X), rtol=0, atol=1e-12)


def test_a_dynamic_range_is_each_digit_s_own(net, X):
    q = quantize(net, rules("dynamic"), X)
    np.testing.assert_allclose(fake_logits(q, X)[3:4], fake_logits(q, X[3:4]), rtol=0, atol=1e-12)
    brighter = np.concatenate([X, 10 * X])
    np.testing.assert_allclose(fake_logits(q, brighter)[:19], fake_logits(q, X), rtol=0, atol=1e-12)


def test_weights_only_rounds_nothing_else(net, X):
    q = quantize(net, rules("weights", 4), X)
    rounded = tuple(Layer(g.rounded(one.W), one.b, one.size) for g, one in zip(q.weights, net, strict=True))
    np.testing.assert_array_equal(fake_logits(q, X), logits(rounded, X))


def test_a_static_range_is_that_of_the_training_digits(net, X):
    q = quantize(net, rules(), X)
    assert float(q.inputs[0].scale.item()) == pytest.approx(X.max() / 255)
    assert int(q.inputs[0].zero.item()) == -128


def test_more_bits_are_nearer_and_signal_to_noise_by_hand(net, X):
    apart = [np.abs(fake_logits(quantize(net, rules("weights", bits), X), X) - logits(net, X)).max() for bits in (3, 5, 8)]  # fmt: skip
    assert apart[0] > apart[1] > apart[2] > 0
    assert signal_to_noise(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(20.0)
    assert signal_to_noise(np.ones(2), np.ones(2)) == float("inf")
