"""Changes against closed forms: kernels, ablation, exact equivariance, the best attack on a linear network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.conv_lab.interventions import (
    departure,
    loss_of,
    nudge,
    right_by_class,
    shifted,
    turned,
    with_kernel,
    without_map,
)
from core.convolution.maps import feature_maps
from core.convolution.probe import changed, until, with_activations
from core.errors import ExplainerError
from tests.core.conv_lab.nets import Linear, Pooled, pictures


def test_an_edited_kernel_changes_its_map_alone_and_leaves_the_network() -> None:
    net, x = Pooled(), pictures()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    kernel = np.arange(9.0).reshape(3, 3)
    other = with_kernel(net, "conv", 1, 0, kernel)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    old, new = feature_maps(net, x)["conv"], feature_maps(other, x)["conv"]
    np.testing.assert_array_equal(np.delete(old, 1, 1), np.delete(new, 1, 1))
    step = torch.as_tensor(kernel) - net.conv.weight[1, 0]
    expected = F.conv2d(x[:, :1], step[None, None], padding=1)[:, 0].detach().numpy()
    np.testing.assert_allclose(new[:, 1] - old[:, 1], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "unit", "source", "kernel"),
    [("conv", 4, 0, np.zeros((3, 3))), ("conv", 0, 2, np.zeros((3, 3))), ("conv", 0, 0, np.zeros((2, 2))),
     ("relu", 0, 0, np.zeros((3, 3))), ("conv", 0, 0, np.full((3, 3), np.nan)), ("nothing", 0, 0, np.zeros((3, 3)))],
)  # fmt: skip
def test_a_kernel_that_does_not_fit_is_refused(layer: str, unit: int, source: int, kernel: np.ndarray) -> None:
    with pytest.raises(ExplainerError, match=r"no kernel|takes 3 by 3|no layer"):
        with_kernel(Pooled(), layer, unit, source, kernel)


def test_without_a_map_the_logits_lose_exactly_its_share() -> None:
    net, x = Pooled(), pictures()
    whole = net(x).detach()
    share = feature_maps(net, x)["relu"][:, 2].mean(axis=(1, 2))
    expected = whole.numpy() - np.outer(share, net.classifier.weight[:, 2].detach())
    np.testing.assert_allclose(without_map(net, "relu", 2, x).numpy(), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(net(x).detach(), whole)  # the hook is gone
    with pytest.raises(ExplainerError, match="outside 0 to 3"):
        without_map(net, "relu", 4, x)
    assert not net.relu._forward_hooks


def test_right_by_class_counts() -> None:
    logits = np.eye(4)[[0, 0, 1, 2]]
    share, count = right_by_class(logits, np.array([0, 1, 1, 2]))
    np.testing.assert_array_equal(share, [1.0, 0.5, 1.0, np.nan])
    np.testing.assert_array_equal(count, [1, 2, 1, 0])


@pytest.mark.parametrize(("down", "across"), [(1, 0), (3, -2), (0, 8)])
def test_a_convolution_round_the_edge_moves_with_the_picture(down: int, across: int) -> None:
    net, x = Pooled(padding_mode="circular"), pictures(1)[0].numpy()
    still = feature_maps(net, x[None])["relu"][0]
    of_moved = feature_maps(net, shifted(x, down, across)[None])["relu"][0]
    assert departure(of_moved, shifted(still, down, across), still) < 1e-12


def test_pooling_by_two_follows_even_shifts_only() -> None:
    pool, x = nn.MaxPool2d(2), pictures(1)[0].numpy()
    still = feature_maps(pool, x[None])["maxpool2d"][0]
    for s in (1, 2, 3, 4):
        of_moved = feature_maps(pool, shifted(x, s, 0)[None])["maxpool2d"][0]
        error = departure(of_moved, shifted(still, s / 2, 0), still)
        assert error < 1e-12 if s % 2 == 0 else error > 0.01


def test_a_symmetric_kernel_turns_with_the_picture_and_an_edge_does_not() -> None:
    x = pictures(1, 1)[0].numpy()
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False).double()
    for kernel, follows in (([[1, 2, 1], [2, 4, 2], [1, 2, 1]], True), ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], False)):
        conv.weight.data = torch.tensor(kernel, dtype=torch.float64)[None, None]
        still = feature_maps(conv, x[None])["conv2d"][0]
        of_turned = feature_maps(conv, turned(x, 1)[None])["conv2d"][0]
        assert (departure(of_turned, turned(still, 1), still) < 1e-12) == follows
    np.testing.assert_array_equal(turned(x, 1)[0], np.rot90(x[0], -1))


def test_half_a_cell_is_the_mean_of_two_and_dark_maps_have_no_departure() -> None:
    maps = np.arange(4.0).reshape(1, 4, 1)
    np.testing.assert_array_equal(shifted(maps, 0.5, 0)[0, :, 0], [1.5, 0.5, 1.5, 2.5])
    np.testing.assert_array_equal(shifted(maps, -1, 0)[0, :, 0], [1, 2, 3, 0])
    assert departure(np.ones((1, 2, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2, 2))) == 0.0


def linear() -> Linear:
    W = torch.tensor([[1.0, -2.0, 3.0, 0.5], [-1.0, 0.0, 2.0, -0.5]], dtype=torch.float64)
    return Linear(W, torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("steps", [1, 10])
def test_on_a_linear_network_of_two_classes_the_nudge_is_the_worst_there_is(steps: int) -> None:
    net, x, eps = linear(), torch.full((1, 1, 2, 2), 0.5, dtype=torch.float64), 0.05
    near = nudge(net, x, 0, eps, steps)
    w = (net.dense.weight[1] - net.dense.weight[0]).detach()  # the loss grows with <w, x>
    np.testing.assert_allclose((near - x).flatten().numpy(), eps * np.sign(w.numpy()), atol=1e-12)
    margin = float(w @ x.flatten())
    worst = np.log1p(np.exp(margin + eps * float(w.abs().sum())))
    assert loss_of(net, near, 0) == pytest.approx(worst, rel=1e-12)


@pytest.mark.parametrize(("eps", "steps"), [(0.0, 1), (0.02, 1), (0.02, 7), (0.3, 20)])
def test_the_nudged_picture_stays_in_the_ball_and_the_loss_does_not_fall(eps: float, steps: int) -> None:
    net, x = Pooled(), pictures(1)
    near = nudge(net, x, 1, eps, steps)
    assert float((near - x).abs().max()) <= eps + 1e-12
    assert float(near.min()) >= 0
    assert float(near.max()) <= 1
    assert loss_of(net, near, 1) > loss_of(net, x, 1) - 1e-12
    if eps:
        assert loss_of(net, near, 1) > loss_of(net, x, 1)
    assert not near.requires_grad
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(("eps", "steps"), [(-0.1, 1), (0.1, 0)])
def test_a_nudge_that_makes_no_sense_is_refused(eps: float, steps: int) -> None:
    with pytest.raises(ExplainerError, match="epsilon"):
        nudge(Pooled(), pictures(1), 0, eps, steps)


def test_probes_give_the_layer_and_leave_no_hook() -> None:
    net, x = Pooled(), pictures()
    np.testing.assert_allclose(until(net, "relu", x).detach().numpy(), feature_maps(net, x)["relu"], rtol=1e-12)
    maps, logits = with_activations(net, "relu", x)
    (slope,) = torch.autograd.grad(logits[:, 1].sum(), maps)
    expected = net.classifier.weight[1].detach()[None, :, None, None].expand_as(slope) / 64
    torch.testing.assert_close(slope, expected)
    assert changed(net, "relu", torch.zeros_like, x).numpy() == pytest.approx(
        np.broadcast_to(net.classifier.bias.detach(), (6, 3))
    )
    assert not net.relu._forward_hooks
    with pytest.raises(ExplainerError, match="no layer"):
        until(net, "deep", x)
