"""The nets against torch: forward, loss, gradient, AdamW, early stopping."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.tabular_lab.nets import Rules, first_weights, forward, gradient, learn, loss, softmax


@pytest.fixture(params=["values", "classes"])
def problem(request):
    g = np.random.default_rng(3)
    X = g.normal(size=(17, 4))
    t = g.normal(size=(17, 1)) if request.param == "values" else g.integers(0, 3, 17)
    return X, t, 1 if request.param == "values" else 3


def in_torch(layers):
    modules = []
    for W, b in layers:
        linear = torch.nn.Linear(W.shape[1], W.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(W), torch.tensor(b)
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def criterion(t):
    return torch.nn.MSELoss() if t.ndim == 2 else torch.nn.CrossEntropyLoss()


@pytest.mark.parametrize("hidden", [[], [5], [6, 5]])
def test_loss_and_gradient_are_torch_s(problem, hidden):
    X, t, outputs = problem
    layers = first_weights([4, *hidden, outputs], np.random.default_rng(0))
    net = in_torch(layers)
    value = criterion(t)(net(torch.tensor(X)), torch.tensor(t))
    value.backward()
    a = forward(layers, X)
    assert loss(a[-1], t) == pytest.approx(value.item(), rel=1e-13)
    grads = [g for pair in gradient(layers, a, t) for g in pair]
    for found, p in zip(grads, net.parameters(), strict=True):
        np.testing.assert_allclose(found, p.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_a_unit_at_exactly_zero_passes_nothing_back():
    layers = [(np.array([[1.0]]), np.zeros(1)), (np.array([[2.0]]), np.zeros(1))]
    X, t = np.array([[0.0]]), np.array([[1.0]])
    (dW, db), _ = gradient(layers, forward(layers, X), t)
    assert dW[0, 0] == 0
    assert db[0] == 0


@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_thirty_steps_are_torch_s_adamw(problem, decay):
    X, t, outputs = problem
    layers = first_weights([4, 6, outputs], np.random.default_rng(1))
    net = in_torch(layers)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.03, weight_decay=decay)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        value = criterion(t)(net(torch.tensor(X)), torch.tensor(t))
        losses.append(value.item())
        value.backward()
        optimizer.step()
    found = learn(layers, Rules(0.03, 30, decay), (X, t), {})
    np.testing.assert_allclose(found.curves["fit"][:-1], losses, rtol=1e-10)
    assert found.epoch == 30
    for p, q in zip([p for pair in found.layers for p in pair], net.parameters(), strict=True):
        np.testing.assert_allclose(p, q.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_the_kept_weights_have_the_lowest_validation_loss(problem):
    X, t, outputs = problem
    layers = first_weights([4, 20, outputs], np.random.default_rng(2))
    found = learn(layers, Rules(0.05, 80, 0.0), (X[:12], t[:12]), {"validation": (X[12:], t[12:]), "test": (X, t)})
    assert found.epoch == int(found.curves["validation"].argmin()) < 80
    assert loss(forward(found.layers, X[12:])[-1], t[12:]) == found.curves["validation"].min()
    assert loss(forward(found.layers, X)[-1], t) == found.curves["test"][found.epoch]
    assert all(len(curve) == 81 for curve in found.curves.values())


def test_first_weights_are_left_as_they_are(problem):
    X, t, outputs = problem
    layers = first_weights([4, 3, outputs], np.random.default_rng(2))
    before = [p.copy() for pair in layers for p in pair]
    learn(layers, Rules(0.1, 10, 0.5), (X, t), {})
    assert all((p == q).all() for p, q in zip(before, [p for pair in layers for p in pair], strict=True))


def test_extreme_scores_give_no_warning():
    z = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    np.testing.assert_array_equal(softmax(z), np.eye(2))
    assert loss(z, np.array([0, 0])) == 1000.0
