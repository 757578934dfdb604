"""Hessian-vector products and the top eigenvalue against torch's own Hessian; the edge of stability against the rule itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from core.optimizer_race.race import RaceSpec, race
from core.training import networks
from core.training.networks import Net, NetworkSpec, columns, descend, targets
from core.training.optimizers import Racer
from core.training.sharpness import edge, hessian_vector, sharpness
from tests.core.training.test_networks import LAYOUTS, some_data


def torch_hessian(net: Net, theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The Hessian (P, P) of the net written out in torch, by double backward."""
    f = {"tanh": torch.tanh, "relu": torch.relu}[net.activation]

    def loss(flat: Tensor) -> Tensor:
        H, at = torch.tensor(X), 0
        for l, (out, into) in enumerate(net.shapes):  # noqa: E741
            W = flat[at : at + out * into].reshape(out, into)
            at += out * into
            H = H @ W[:, :-1].T + W[:, -1]
            H = f(H) if l + 1 < len(net.shapes) else H
        if net.task == "classes":
            return torch.nn.functional.cross_entropy(H, torch.tensor(y))
        return torch.nn.functional.mse_loss(H[:, 0], torch.tensor(y))

    return torch.autograd.functional.hessian(loss, torch.tensor(theta)).numpy()


def problem(net: Net, rows: int = 3, size: float = 0.7, stretch: float = 1.0):
    """Weights, data, (X, Y) as the race wants them, and torch's Hessians; `stretch` multiplies a regression's targets."""
    theta, data = size * np.random.default_rng(2).normal(size=(rows, net.P)), some_data(net, 11)
    y = stretch * data.y_train if net.task == "regression" else data.y_train
    known = columns(data.X_train), targets(data, y)
    return theta, known, np.stack([torch_hessian(net, row, data.X_train, y) for row in theta])


@pytest.mark.parametrize("net", LAYOUTS, ids=str)
@pytest.mark.parametrize("cache", [1, 10**9])
def test_the_product_equals_torchs_hessian(net: Net, cache: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "CACHE", cache)
    theta, known, hessians = problem(net)
    v = np.random.default_rng(3).normal(size=theta.shape)
    expected = np.einsum("rij,rj->ri", hessians, v)
    np.testing.assert_allclose(hessian_vector(net, theta, v, *known), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("net", LAYOUTS, ids=str)
def test_the_top_eigenvalue_equals_torchs(net: Net) -> None:
    theta, known, hessians = problem(net)
    found = sharpness(net, theta, *known, iterations=5000, tolerance=1e-7)
    values, vectors = np.linalg.eigh(hessians)
    np.testing.assert_allclose(found.eigenvalue, values[:, -1], rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.vecdot(found.vector, vectors[:, :, -1])), 1.0, rtol=1e-6)
    Hv = np.einsum("rij,rj->ri", hessians, found.vector)
    residual = np.linalg.norm(Hv - found.eigenvalue[:, None] * found.vector, axis=1)
    np.testing.assert_allclose(found.residual, residual, atol=1e-9)


def test_a_negative_eigenvalue_of_larger_size_is_not_taken() -> None:
    """Far from its targets a net's Hessian is as much bent down as up."""
    net = LAYOUTS[2]
    theta, known, hessians = problem(net, rows=30, stretch=8.0)
    values = np.linalg.eigvalsh(hessians)
    assert (-values[:, 0] > 1.1 * values[:, -1]).sum() >= 3
    assert (values[:, -1] > -1.1 * values[:, 0]).sum() >= 3
    found = sharpness(net, theta, *known, iterations=5000, tolerance=1e-6)
    np.testing.assert_allclose(found.eigenvalue, values[:, -1], rtol=1e-8)


def test_too_few_iterations_show_in_the_residual() -> None:
    net = LAYOUTS[0]
    theta, known, hessians = problem(net)
    found = sharpness(net, theta, *known, iterations=2)
    values = np.linalg.eigvalsh(hessians)
    nearest = np.abs(values - found.eigenvalue[:, None]).min(1)
    assert (found.residual > 1e-3).all()
    assert (nearest <= found.residual + 1e-12).all()


def test_a_flat_place_has_no_sharpness() -> None:
    """A relu net of weights 0 but for the last biases: all units are silent; only those biases have curvature."""
    net = Net((2, 3, 3, 1), "relu", "regression")
    data = some_data(net, 11)
    found = sharpness(net, np.zeros((1, net.P)), columns(data.X_train), targets(data, data.y_train))
    np.testing.assert_allclose(found.eigenvalue, 2.0)  # d²/db² of the mean of (b − y)²
    saturated = Net((2, 3, 3, 2), "relu", "classes")
    theta = np.zeros((1, saturated.P))
    saturated.layers(theta)[2][0, :, -1] = (1e5, -1e5)
    found = sharpness(saturated, theta, columns(data.X_train), np.repeat([[[1.0], [0.0]]], 11, axis=2))
    assert (found.eigenvalue[0], found.residual[0]) == (0.0, 0.0)


@pytest.mark.parametrize(
    "racer",
    [Racer("sgd", lr=0.1), Racer("momentum", lr=0.1, momentum=0.8), Racer("nesterov", lr=0.1, momentum=0.8),
     Racer("sgd", lr=0.1, weight_decay=3.0), Racer("momentum", lr=0.1, momentum=0.5, weight_decay=2.0)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(("side", "grows"), [(0.995, False), (1.005, True)])
def test_steps_shrink_below_the_edge_and_grow_above_it(racer: Racer, side: float, grows: bool) -> None:
    """The rule itself on ½ x² + ½ κ y² with κ just below and just above the edge."""
    kappa = edge(racer) * side
    spec = RaceSpec("quadratic_bowl", (racer,), (0.0, 1.0), 2000, parameters={"condition": kappa})
    y = np.abs(race(spec).paths[0, :, 1])
    assert (y[-20:].max() > y[:20].max()) == grows


def test_the_edge_of_plain_gradient_descent_is_two_over_the_rate() -> None:
    assert edge(Racer("sgd", lr=0.01)) == 200.0
    assert edge(Racer("sgd", lr=0.01, momentum=0.9)) == pytest.approx(380.0)
    assert edge(Racer("nesterov", lr=0.01, momentum=0.9)) == pytest.approx(380.0 / 2.8)
    assert math.isnan(edge(Racer("adam")))
    assert math.isnan(edge(Racer("sgd", momentum=0.5, dampening=0.5)))


def test_gradient_descent_on_all_data_comes_to_its_edge_and_stays_near() -> None:
    """The paper's finding on our net: sharpness climbs to 2/η and hovers there; at a small rate it stays far below."""
    spec = NetworkSpec("diabetes", (Racer("sgd", lr=0.1), Racer("sgd", lr=0.005)), batch=1000, steps=1500)
    net, data = spec.set_up()
    late = [field.theta.copy() for t, field in descend(spec) if t >= 900 and t % 100 == 0]
    known = columns(data.X_train), targets(data, data.y_train)
    top = np.stack([sharpness(net, theta, *known, tolerance=1e-2).eigenvalue for theta in late])
    assert edge(spec.racers[0]) == 20.0
    np.testing.assert_allclose(top[:, 0], 20.0, rtol=0.1)
    assert top[:, 1].max() < 12.0
