"""The nets against torch: logits, gradients, steps, masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.compression.nets import (
    MOMENTUM,
    RATE,
    Layer,
    batches,
    columns,
    cross_entropy,
    digits,
    fold,
    forward,
    gradient,
    labels_pull,
    learn,
    logits,
    right,
    softmax,
)
from tests.core.compression.conftest import in_torch, leaves

Y = np.arange(19) % 10


def test_logits_loss_and_gradient_are_torch_s(net, X):
    theta = leaves(net)
    z = in_torch(net, torch.tensor(X), theta)
    value = torch.nn.functional.cross_entropy(z, torch.tensor(Y))
    value.backward()
    done = forward(net, X)
    np.testing.assert_allclose(done.z, z.detach().numpy(), rtol=1e-12, atol=1e-13)
    assert cross_entropy(done.z, Y) == pytest.approx(value.item(), rel=1e-13)
    found = [g for pair in gradient(net, done, labels_pull(Y)(done.z, np.arange(19))) for g in pair]
    for g, p in zip(found, theta, strict=True):
        np.testing.assert_allclose(g, p.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_thirty_steps_are_torch_s_sgd(net, X):
    theta, rows = leaves(net), list(batches(19, 30, np.random.default_rng(0)))
    optimizer = torch.optim.SGD(theta, lr=RATE, momentum=MOMENTUM)
    for i in rows:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(in_torch(net, torch.tensor(X[i]), theta), torch.tensor(Y[i])).backward()
        optimizer.step()
    found = learn(net, X, labels_pull(Y), iter(rows))
    for p, q in zip([p for one in found for p in (one.W, one.b)], theta, strict=True):
        np.testing.assert_allclose(p, q.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_learning_leaves_the_first_net_alone_and_masked_weights_at_zero(net, X):
    before = [one.W.copy() for one in net]
    masks = [np.random.default_rng(1).random(one.W.shape) < 0.5 for one in net]
    start = tuple(Layer(one.W * m, one.b, one.size) for one, m in zip(net, masks, strict=True))
    seen = []
    found = learn(start, X, labels_pull(Y), batches(19, 5, np.random.default_rng(0)), masks, seen.append)
    assert len(seen) == 5  # 19 rows are one batch
    for one, m, now in zip(before, masks, found, strict=True):
        assert not now.W[~m].any()
        assert (now.W[m] != one[m]).any()
    np.testing.assert_array_equal(before[0], net[0].W)


def test_fold_is_the_transpose_of_columns():
    g = np.random.default_rng(2)
    layer = Layer(np.zeros((4, 18)), np.zeros(4), 4)
    a, dx = g.normal(size=(3, 32)), g.normal(size=(3, 4, 18))
    assert np.vdot(columns(layer, a), dx) == pytest.approx(np.vdot(a, fold(layer, dx)), rel=1e-13)
    unfolded = torch.nn.functional.unfold(torch.tensor(a).reshape(3, 2, 4, 4), 3, padding=1, stride=2).transpose(1, 2)
    np.testing.assert_array_equal(columns(layer, a), unfolded.numpy())


def test_a_unit_at_exactly_zero_passes_nothing_back():
    net = (Layer(np.ones((1, 64)), np.zeros(1)), Layer(np.ones((10, 1)), np.zeros(10)))
    done = forward(net, np.zeros((1, 64)))
    (dW, db), _ = gradient(net, done, np.arange(10.0)[None])
    assert not dW.any()
    assert not db.any()


def test_softmax_survives_large_logits_and_temperature():
    z = np.array([[1000.0, 0.0] + [-1000.0] * 8])
    np.testing.assert_allclose(softmax(z, 500.0), torch.softmax(torch.tensor(z) / 500.0, 1).numpy(), rtol=1e-13)
    assert softmax(z)[0, 0] == 1.0
    assert cross_entropy(z, np.array([1])) == 1000.0


def test_batches_take_every_row_once_before_any_twice():
    made = list(batches(100, 5, np.random.default_rng(0)))
    assert [len(i) for i in made] == [64, 36, 64, 36, 64]
    assert sorted(np.concatenate(made[:2])) == list(range(100))


def test_digits_are_split_without_overlap():
    from sklearn.datasets import load_digits

    data = digits(3)
    rows = np.concatenate([data.X, data.X_test])
    assert len(data.X_test) == 450
    assert 0.0 <= rows.min() < rows.max() == 1.0
    np.testing.assert_array_equal(np.sort(rows @ np.arange(64)), np.sort(load_digits().data @ np.arange(64) / 16))
    assert right(np.eye(10)[data.y_test], data.y_test) == 450
    assert logits((Layer(np.zeros((10, 64)), np.arange(10.0)),), data.X_test)[0, 9] == 9.0
