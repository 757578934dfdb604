"""The engine against torch: forward, gradients, both norms, running statistics; and the norms by hand on their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.regularisation.networks import (  # fmt: skip
    Net,
    answers,
    backward,
    follow,
    forward,
    losses,
    normalise,
    output_error,
    right,
    softmax,
    unnormalise,
)
from core.rng import numpy_generator

K, B = 2, 7
NET = Net((3, 6, 5, 4), False, (1,), (2,))  # variants: plain, batch norm, layer norm


def problem(net: Net = NET, variants: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """θ near its start, X, soft targets Y and masks."""
    g = numpy_generator(0, "test")
    theta = np.stack([[net.first(k) for k in range(K)] for _ in range(variants)])
    for layer in net.layers(theta):
        layer.b[...] += 0.1 * g.standard_normal(layer.b.shape)
        layer.gamma[1:] += 0.2 * g.standard_normal(layer.gamma[1:].shape)  # a plain net keeps γ = 1
        layer.mean[...] += 0.3 * g.standard_normal(layer.mean.shape)
        layer.variance[...] += 0.5 * g.random(layer.variance.shape)
    X, Y = g.standard_normal((variants, K, B, 3)), g.dirichlet(np.ones(4), (variants, K, B))
    masks = [(g.random((variants, K, B, units)) >= 0.3) / 0.7 for units in net.sizes[1:-1]]
    return theta, X, Y, masks


def as_torch(net: Net, theta: np.ndarray, X: np.ndarray, masks: list[np.ndarray], v: int, training: bool) -> tuple:
    """One variant's nets with torch's own norms: outputs per seed, and the leaves (W, b, γ) of every layer and seed."""
    outputs, leaves = [], []
    for k in range(K):
        A = torch.tensor(X[v, k])
        mine = [[torch.tensor(p[v, k].copy(), requires_grad=True) for p in (la.W, la.b, la.gamma)] for la in net.layers(theta)]  # fmt: skip
        for i, (W, b, gamma) in enumerate(mine[:-1]):
            Z = A @ W
            if v in net.batch:
                mean, variance = (torch.tensor(p[v, k].copy()) for p in net.layers(theta)[i][3:])
                Z = torch.nn.functional.batch_norm(Z, mean, variance, gamma, None, training=training)
            if v in net.layer:
                Z = torch.nn.functional.layer_norm(Z, Z.shape[-1:], gamma)
            A = (Z + b).relu()
            A = A * torch.tensor(masks[i][v, k]) if masks else A
        outputs.append(A @ mine[-1][0] + mine[-1][1])
        leaves.append(mine)
    return outputs, leaves


@pytest.mark.parametrize("v", [0, 1, 2])
def test_forward_loss_and_gradient_are_torch_s(v: int) -> None:
    theta, X, Y, masks = problem()
    U, tape = forward(NET, theta, X, training=True, masks=masks)
    g = backward(NET, theta, tape, output_error(NET, U, Y))
    outputs, leaves = as_torch(NET, theta, X, masks, v, True)
    for k in range(K):
        np.testing.assert_allclose(U[v, k], outputs[k].detach().numpy(), rtol=1e-12, atol=1e-12)
        L = torch.nn.functional.cross_entropy(outputs[k], torch.tensor(Y[v, k]))
        np.testing.assert_allclose(losses(NET, U, Y)[v, k].mean(), L.item(), rtol=1e-12)
        L.backward()
        for mine, into in zip(leaves[k], NET.layers(g), strict=True):
            for name, leaf in zip(("W", "b", "gamma"), mine, strict=True):
                if leaf.grad is not None:
                    np.testing.assert_allclose(getattr(into, name)[v, k], leaf.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_nothing_else_has_a_gradient() -> None:
    theta, X, Y, masks = problem()
    U, tape = forward(NET, theta, X, training=True, masks=masks)
    g = NET.layers(backward(NET, theta, tape, output_error(NET, U, Y)))
    for layer in g:
        assert not layer.mean.any()
        assert not layer.variance.any()
        assert not layer.gamma[0].any()
    assert g[0].gamma[1:].any(-1).all()


@pytest.mark.parametrize("v", [0, 1, 2])
def test_outside_of_training_the_running_statistics_count(v: int) -> None:
    theta, X, _, _ = problem()
    outputs, _ = as_torch(NET, theta, X, [], v, False)
    for k in range(K):
        np.testing.assert_allclose(forward(NET, theta, X)[0][v, k], outputs[k].detach().numpy(), rtol=1e-12, atol=1e-12)


def test_running_statistics_follow_as_torch_s() -> None:
    theta, X, _, _ = problem()
    norm = torch.nn.BatchNorm1d(6, dtype=torch.float64)
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor(NET.layers(theta)[0].mean[1, 0]))
        norm.running_var.copy_(torch.tensor(NET.layers(theta)[0].variance[1, 0]))
        norm(torch.tensor(X[1, 0] @ NET.layers(theta)[0].W[1, 0]))
    others = theta.copy()
    follow(NET, theta, forward(NET, theta, X, training=True)[1])
    np.testing.assert_allclose(NET.layers(theta)[0].mean[1, 0], norm.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(NET.layers(theta)[0].variance[1, 0], norm.running_var.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(theta[[0, 2]], others[[0, 2]])


@pytest.mark.parametrize("axis", [-2, -1])
def test_a_norm_s_gradient_is_the_numeric_one(axis: int) -> None:
    g = numpy_generator(1, "test")
    Z, dH, direction = (g.standard_normal((5, 4)) for _ in range(3))
    H, _, variance = normalise(Z, axis)
    h = 1e-6
    numeric = (dH * (normalise(Z + h * direction, axis)[0] - normalise(Z - h * direction, axis)[0])).sum() / (2 * h)
    assert (unnormalise(dH, H, variance, axis) * direction).sum() == pytest.approx(numeric, rel=1e-7)
    np.testing.assert_allclose(H.mean(axis), 0.0, atol=1e-15)


def test_a_batch_of_one_is_normalised_to_nothing() -> None:
    H, _, variance = normalise(np.array([[3.0, -2.0]]), -2)
    np.testing.assert_array_equal(H, [[0.0, 0.0]])
    np.testing.assert_array_equal(unnormalise(np.ones((1, 2)), H, variance, -2), [[0.0, 0.0]])


def test_relu_passes_nothing_at_its_corner() -> None:
    net = Net((1, 1, 1), True)
    theta = np.zeros(net.parameters)
    first, last = net.layers(theta)
    first.W[...], last.W[...] = 1.0, 1.0
    X = np.array([[0.0], [2.0]])
    U, tape = forward(net, theta, X)
    g = net.layers(backward(net, theta, tape, output_error(net, U, np.array([[1.0], [1.0]]))))
    np.testing.assert_array_equal(U, X)
    assert g[0].b[0] == 0.5  # of the second point alone: (2 - 1) / 2
    assert g[1].b[0] == 0.0  # (0 - 1) / 2 + (2 - 1) / 2
    np.testing.assert_array_equal(losses(net, U, np.ones((2, 1))), [0.5, 0.5])


def test_softmax_and_loss_hold_far_out() -> None:
    U = np.array([[1000.0, 0.0], [-1000.0, 1000.0]])
    np.testing.assert_array_equal(softmax(U), [[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(losses(NET, U, np.array([[1.0, 0.0], [1.0, 0.0]])), [0.0, 2000.0])
    np.testing.assert_array_equal(right(U, np.array([[1.0, 0.0], [1.0, 0.0]])), [1.0, 0.0])


def test_answers_in_pieces_are_those_at_once() -> None:
    theta, _, _, _ = problem()
    X = numpy_generator(2, "test").standard_normal((3, K, 130, 3))
    np.testing.assert_allclose(answers(NET, theta, X), forward(NET, theta, X)[0], rtol=1e-13, atol=1e-13)


def test_first_weights_have_he_s_spread_and_lie_where_they_should() -> None:
    net = Net((200, 100, 10))
    theta = net.first(0)
    hidden, last = net.layers(theta)
    assert hidden.W.std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)
    assert last.W.std() == pytest.approx(np.sqrt(1 / 100), rel=0.06)
    assert not hidden.b.any()
    assert (hidden.gamma == 1).all()
    assert (hidden.variance == 1).all()
    assert net.parameters == 204 * 100 + 104 * 10
    assert net.is_weight.sum() == 200 * 100 + 100 * 10
    assert np.shares_memory(hidden.W, theta)
