"""Pruning, factors, teacher and costs, each by hand or against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.compression import cost
from core.compression.distil import high_temperature, soft_gradient, taught_pull
from core.compression.factorise import factors, smaller, tail, truncated
from core.compression.nets import Layer, initial, labels_pull, logits, shapes
from core.compression.prune import largest, masked, masks, units, without_units
from core.compression.quantize import Rules, quantize


def rng():
    return np.random.default_rng(0)


def test_the_largest_stay_and_the_first_of_equals():
    np.testing.assert_array_equal(largest(np.array([1.0, 3.0, 3.0, 2.0, 3.0]), 2), [False, True, True, False, False])
    assert not largest(np.ones(3), 0).any()


@pytest.mark.parametrize("method", ["global", "layer", "random"])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.98])
def test_masks_keep_the_right_number(net, method, sparsity):
    found = masks(net, method, sparsity, rng())
    sizes = [one.W.size for one in net]
    if method == "global":
        assert sum(int(m.sum()) for m in found) == round((1 - sparsity) * sum(sizes))
    else:
        assert [int(m.sum()) for m in found] == [round((1 - sparsity) * n) for n in sizes]


def test_no_removed_weight_is_larger_than_a_kept_one(net):
    every = np.concatenate([np.abs(one.W).ravel() for one in net])
    keep = np.concatenate([m.ravel() for m in masks(net, "global", 0.7, rng())])
    assert every[~keep].max() <= every[keep].min()
    for one, m in zip(net, masks(net, "layer", 0.7, rng()), strict=True):
        assert np.abs(one.W[~m]).max() <= np.abs(one.W[m]).min()


def test_without_units_is_the_net_with_their_outputs_cut(net, X):
    keep = units(net, 0.5)
    small = without_units(net, keep)
    silent = tuple(
        Layer(one.W * k[:, None], np.where(k, one.b, 0.0), one.size) if one is not net[-1] else one
        for one, k in zip(net, keep, strict=True)
    )
    np.testing.assert_allclose(logits(small, X), logits(silent, X), rtol=1e-12, atol=1e-13)
    assert [len(one.b) for one in small[:-1]] == [len(one.b) // 2 for one in net[:-1]]
    sums = np.abs(net[0].W).sum(axis=1)
    assert sums[~keep[0]].max() <= sums[keep[0]].min()


def test_one_unit_stays_at_least(net, X):
    small = without_units(net, units(net, 0.98))
    assert [len(one.b) for one in small[:-1]] == [1, 1]
    assert np.isfinite(logits(small, X)).all()


def test_the_factors_are_the_best_of_their_rank(net):
    W = net[1].W
    U, V = factors(W, 3)
    assert np.linalg.norm(W - U @ V) == pytest.approx(tail(W, 3), rel=1e-12)
    best = torch.svd_lowrank(torch.tensor(W), q=min(W.shape), niter=2)
    assert tail(W, 3) == pytest.approx(float(best[1][3:].square().sum().sqrt()), rel=1e-9)
    assert tail(W, min(W.shape)) == 0.0


def test_only_layers_that_gain_are_factorised(net):
    for one, after in zip(net, truncated(net, 2), strict=True):
        assert (after is not one) == smaller(one, 2) == (2 * sum(one.W.shape) < one.W.size)
        if after is not one:
            assert np.linalg.matrix_rank(after.W) == 2
    assert truncated(net, 32) == net


@pytest.mark.parametrize(("T", "alpha"), [(1.0, 0.0), (1.0, 1.0), (4.0, 0.9), (20.0, 0.5)])
def test_the_pull_is_the_gradient_of_the_loss(T, alpha):
    g = rng()
    z, v, y = torch.tensor(g.normal(0, 3, (7, 10)), requires_grad=True), torch.tensor(g.normal(0, 3, (7, 10))), g.integers(0, 10, 7)  # fmt: skip
    soft = torch.nn.functional.cross_entropy(z / T, torch.softmax(v / T, 1))
    ((1 - alpha) * torch.nn.functional.cross_entropy(z, torch.tensor(y)) + alpha * T**2 * soft).backward()
    found = taught_pull(y, v.numpy(), T, alpha)(z.detach().numpy(), np.arange(7))
    np.testing.assert_allclose(found, z.grad.numpy(), rtol=1e-11, atol=1e-14)
    if alpha == 0.0:
        np.testing.assert_allclose(found, labels_pull(y)(z.detach().numpy(), np.arange(7)), rtol=1e-13)


def test_the_teacher_s_rows_are_those_of_the_batch():
    g = rng()
    z, v, y = g.normal(size=(2, 10)), g.normal(size=(5, 10)), g.integers(0, 10, 5)
    np.testing.assert_array_equal(taught_pull(y, v, 3.0, 0.7)(z, np.array([4, 1])), taught_pull(y[[4, 1]], v[[4, 1]], 3.0, 0.7)(z, np.arange(2)))  # fmt: skip


def test_the_soft_gradient_fades_as_one_over_t_squared():
    g = rng()
    z, v = g.normal(0, 3, (50, 10)), g.normal(0, 3, (50, 10))
    np.testing.assert_allclose(soft_gradient(z, v, 1e4), high_temperature(z, v, 1e4), rtol=0.02, atol=1e-12)
    sizes = [T**2 * np.abs(soft_gradient(z, v, T)).mean() for T in (50.0, 100.0)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_costs_of_the_dense_net_by_hand():
    net = initial(shapes("dense", 16), rng())
    assert cost.parameters(net) == 64 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert cost.macs(net) == 64 * 16 + 16 * 16 + 16 * 10
    assert cost.memory(net) == 4 * (64 + 16)
    assert cost.factored(net, 2) == (4 * (2 * 80 + 16 + 2 * 32 + 16 + 2 * 26 + 10), 2 * 80 + 2 * 32 + 2 * 26)
    assert cost.factored(net, 32) == (4 * cost.parameters(net), cost.macs(net))


def test_costs_of_the_conv_net_by_hand():
    net = initial(shapes("conv", 16), rng())  # 1 -> 4 -> 8 channels, 8 x 8 -> 4 x 4 -> 2 x 2
    assert cost.parameters(net) == 4 * 9 + 4 + 8 * 36 + 8 + 10 * 32 + 10
    assert cost.macs(net) == 16 * 36 + 4 * 288 + 320
    assert cost.memory(net, 1) == 64 + 4 * 16
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 8, 3), torch.nn.Linear(32, 10))
    assert cost.parameters(net) == sum(p.numel() for p in module.parameters())


def test_bytes_of_few_bits_and_of_holes_by_hand():
    net = (Layer(np.ones((3, 64)), np.zeros(3)),)
    X = np.ones((4, 64))
    q = quantize(net, Rules("static", 3, 8, "affine", "channel", 100.0), X)
    assert cost.quantized_bytes(q) == 72 + 12 + 3 * 5 + 5  # 576 bits, biases, three grids, one for the inputs
    symmetric = quantize(net, Rules("weights", 3, 8, "symmetric", "tensor", 100.0), X)
    assert cost.quantized_bytes(symmetric) == 72 + 12 + 4
    mask = [np.arange(192).reshape(3, 64) < 3]
    assert cost.sparse_bytes(net, mask) == 24 + 12 + 12
    assert cost.quantized_bytes(symmetric, mask) == 24 + 2 + 12 + 4  # nine bits of codes
    np.testing.assert_array_equal(masked(net, mask)[0].W, mask[0])
