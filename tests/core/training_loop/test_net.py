"""Forward pass, loss and gradient against torch, in float64."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from core.training_loop.net import LAST, Net, cross_entropy, evaluate, first_weights, forward, gradient, log_softmax

NET = Net((5, 4, 3, 6))


def in_torch(theta: np.ndarray, X: np.ndarray, y: np.ndarray, masks=()) -> tuple[float, np.ndarray]:
    """Loss and gradient of one net by autograd."""
    t = torch.tensor(theta, requires_grad=True)
    a, at, sizes = torch.tensor(X), 0, NET.sizes
    for k, (into, out) in enumerate(itertools.pairwise(sizes)):
        W = t[at : at + into * out].reshape(out, into)
        b = t[at + into * out : at + (into + 1) * out]
        a, at = a @ W.T + b, at + (into + 1) * out
        if k < len(sizes) - 2:
            a = torch.relu(a)
            a = a * torch.tensor(masks[k]) if masks else a
    loss = torch.nn.functional.cross_entropy(a, torch.tensor(y))
    loss.backward()
    return loss.item(), t.grad.numpy()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("dropped", [True, False])
def test_loss_and_gradient_are_torch_s(shared, dropped):
    g = np.random.default_rng(0)
    theta = np.stack([first_weights(NET, g) + g.normal(0, 0.3, NET.count) for _ in range(3)])
    X, y = g.normal(size=(1 if shared else 3, 7, 5)), g.integers(0, 6, (1 if shared else 3, 7))
    masks = [(g.random((3, 7, units)) < 0.5) / 0.5 for units in (4, 3)] if dropped else []
    loss, found = gradient(NET, theta, X, y, masks)
    for r in range(3):
        row = 0 if shared else r
        value, grad = in_torch(theta[r], X[row], y[row], [mask[r] for mask in masks])
        assert loss[r] == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(found[r], grad, rtol=1e-11, atol=1e-15)


def test_a_unit_at_exactly_zero_passes_nothing_back():
    net = Net((1, 1, 2))
    theta = np.array([[1.0, 0.0, 2.0, -1.0, 0.0, 0.0]])
    _, g = gradient(net, theta, np.zeros((1, 1, 1)), np.array([[0]]))
    assert (g[0, :2] == 0).all()


def test_extreme_outputs_give_no_warning():
    z = np.array([[[1000.0, -1000.0]]])
    assert cross_entropy(log_softmax(z), np.array([[1]])).tolist() == [2000.0]


def test_what_is_no_number_is_no_right_answer():
    theta = np.stack([first_weights(NET, np.random.default_rng(0)), np.full(NET.count, np.nan)])
    X, y = np.ones((1, 4, 5)), np.zeros((1, 4), int)
    loss, right = evaluate(NET, theta, X, y)
    assert np.isnan(loss[1])
    assert right[1] == 0.0
    assert np.isfinite(loss[0])


def test_first_weights_have_their_deviations_and_biases_are_zero():
    net = Net((400, 300, 200))
    theta = first_weights(net, np.random.default_rng(1))
    (w1, b1), (w2, b2) = net.places
    assert theta[w1].std() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert theta[w2].std() == pytest.approx(LAST / math.sqrt(300), rel=0.02)
    assert (theta[b1] == 0).all()
    assert (theta[b2] == 0).all()
    assert b2.stop == net.count == 401 * 300 + 301 * 200


def test_equal_nets_in_a_batch_of_nets_get_equal_outputs():
    theta = np.repeat(first_weights(NET, np.random.default_rng(2))[None], 4, axis=0)
    z = forward(NET, theta, np.ones((1, 3, 5)))[-1]
    assert (z == z[0]).all()
