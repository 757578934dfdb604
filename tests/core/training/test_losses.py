"""Every loss and its gradient against torch's own function and autograd, in float64; ties, corners and infinities by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import rel_entr

from core.training.losses import LOSSES, entropy

R = np.array([-1000.0, -2.5, -1.0, -0.3, 0.0, 0.2, 1.0, 1.7, 1000.0])
NUMBERS = tuple(grid.ravel() for grid in np.meshgrid(R, np.array([-1.0, 0.0, 1.0, 2.0])))
MARGINS = tuple(grid.ravel() for grid in np.meshgrid(R, np.array([-1.0, 1.0])))
P = np.array([0.0, 1e-30, 1e-9, 0.1, 0.5, 0.9, 1.0 - 1e-9, 1.0])
PROBABILITIES = tuple(grid.ravel() for grid in np.meshgrid(P, np.array([0.0, 1.0, 0.3])))
ROWS = np.array([[0.2, 0.3, 0.5], [0.98, 0.01, 0.01], [1 / 3, 1 / 3, 1 / 3]])
TARGETS = np.array([[0.0, 0.0, 1.0], [0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
GIVEN = {"number": NUMBERS, "margin": MARGINS, "probability": PROBABILITIES, "distribution": (ROWS, TARGETS)}


def focal(p: torch.Tensor, y: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    one = -((1 - p) ** gamma) * torch.log(p).clamp(min=-100.0)
    zero = -(p**gamma) * torch.log(1 - p).clamp(min=-100.0)
    return y * one + (1 - y) * zero


def smoothing(p: torch.Tensor, y: torch.Tensor, epsilon: float = 0.1) -> torch.Tensor:
    return F.cross_entropy(torch.log(p), y, reduction="none", label_smoothing=epsilon)  # softmax(log p) = p


TORCH = {
    "mse": lambda p, y: F.mse_loss(p, y, reduction="none"),
    "mae": lambda p, y: F.l1_loss(p, y, reduction="none"),
    "huber": lambda p, y: F.huber_loss(p, y, reduction="none"),
    "bce": lambda p, y: F.binary_cross_entropy(p, y, reduction="none"),
    "cross_entropy": lambda p, y: -(torch.special.xlogy(y, p)).sum(-1),
    "hinge": lambda p, y: F.margin_ranking_loss(p, torch.zeros_like(p), y, margin=1.0, reduction="none"),
    "focal": focal,
    "label_smoothing": lambda p, y: -(torch.special.xlogy(0.9 * y + 0.1 / 3, p)).sum(-1),
    "kl": lambda p, y: F.kl_div(torch.log(p), y, reduction="none").sum(-1),
}


def torch_s(name: str, p: np.ndarray, y: np.ndarray, loss=None) -> tuple[np.ndarray, np.ndarray]:
    p_ = torch.tensor(p, requires_grad=True)
    value = (loss or TORCH[name])(p_, torch.tensor(y))
    return value.detach().numpy(), torch.autograd.grad(value.sum(), p_)[0].numpy()


def test_the_table_is_complete() -> None:
    assert LOSSES.keys() == TORCH.keys()
    assert all(name == one.name for name, one in LOSSES.items())


@pytest.mark.parametrize("name", TORCH)
def test_value_and_gradient_are_torch_s(name: str) -> None:
    p, y = GIVEN[LOSSES[name].kind]
    if name == "focal":  # torch has none on probabilities: its autograd on the paper's formula, away from the corners
        p, y = p[(p > 0) & (p < 1)], y[(p > 0) & (p < 1)]
        p, y = p[p > 1e-12], y[p > 1e-12]
    value, gradient = torch_s(name, p, y)
    np.testing.assert_allclose(LOSSES[name].value(p, y), value, rtol=1e-12, atol=1e-15)
    rtol = 1e-8 if name == "bce" else 1e-9  # torch keeps the floor of p (1 - p) in float32
    np.testing.assert_allclose(LOSSES[name].gradient(p, y), gradient, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("name", TORCH)
def test_gradient_is_the_slope(name: str) -> None:
    p, y = {
        "number": (np.array([-1.7, 0.4, 2.2]), np.array([0.0, 1.0, 2.0])),
        "margin": (np.array([-1.7, 0.4, 2.2]), np.array([-1.0, 1.0, 1.0])),
        "probability": (np.array([0.2, 0.6, 0.9]), np.array([0.0, 1.0, 0.4])),
        "distribution": (ROWS, TARGETS),
    }[LOSSES[name].kind]
    slope, h = np.zeros_like(p), 1e-6
    for at in np.ndindex(p.shape):
        d = np.zeros_like(p)
        d[at] = h
        slope[at] = (LOSSES[name].value(p + d, y) - LOSSES[name].value(p - d, y)).sum() / (2 * h)
    np.testing.assert_allclose(LOSSES[name].gradient(p, y), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_huber_s_delta(delta: float) -> None:
    p, y = NUMBERS
    value, gradient = torch_s("huber", p, y, lambda p, y: F.huber_loss(p, y, reduction="none", delta=delta))
    loss = LOSSES["huber"].at(delta)
    np.testing.assert_allclose(loss.value(p, y), value, rtol=1e-12)
    np.testing.assert_allclose(loss.gradient(p, y), gradient, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
def test_focal_s_gamma_against_torchvision(gamma: float) -> None:
    from torchvision.ops import sigmoid_focal_loss

    z = torch.linspace(-6.0, 6.0, 25, dtype=torch.float64, requires_grad=True)
    for y in (0.0, 1.0):
        value = sigmoid_focal_loss(z, torch.full_like(z, y), alpha=-1.0, gamma=gamma)
        (by_z,) = torch.autograd.grad(value.sum(), z)
        p = torch.sigmoid(z).detach().numpy()
        loss, target = LOSSES["focal"].at(gamma), np.full(25, y)
        np.testing.assert_allclose(loss.value(p, target), value.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(loss.gradient(p, target) * p * (1 - p), by_z.numpy(), rtol=1e-9, atol=1e-12)


def test_focal_at_the_corners_is_finite_and_right_where_it_is_sure() -> None:
    p, y = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(LOSSES["focal"].value(p, y), [0.0, 0.0, 100.0, 100.0])
    gradient = LOSSES["focal"].gradient(p, y)
    np.testing.assert_allclose(gradient[:2], 0.0, atol=1e-11)
    assert np.isfinite(gradient).all()
    assert gradient[2] < 0 < gradient[3]


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.5])
def test_label_smoothing_is_torch_s_cross_entropy(epsilon: float) -> None:
    value = smoothing(torch.tensor(ROWS), torch.tensor(TARGETS), epsilon).numpy()
    np.testing.assert_allclose(LOSSES["label_smoothing"].at(epsilon).value(ROWS, TARGETS), value, rtol=1e-12)


def test_distributions_with_zeros() -> None:
    y, p = np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_array_equal(LOSSES["kl"].value(p, y), rel_entr(y, p).sum(-1))
    np.testing.assert_array_equal(LOSSES["cross_entropy"].value(p, y), [0.0, np.inf])
    np.testing.assert_array_equal(LOSSES["cross_entropy"].gradient(p, y), [[0.0, -1.0], [-np.inf, -0.5]])


def test_entropy_and_the_three_together() -> None:
    np.testing.assert_allclose(entropy(np.array([0.5, 0.5, 0.0])), np.log(2.0), rtol=1e-15)
    together = entropy(TARGETS) + LOSSES["kl"].value(ROWS, TARGETS)
    np.testing.assert_allclose(LOSSES["cross_entropy"].value(ROWS, TARGETS), together, rtol=1e-14)


@pytest.mark.parametrize("name", TORCH)
def test_no_loss_is_below_its_bound_and_the_target_costs_least(name: str) -> None:
    one = LOSSES[name]
    p, y = GIVEN[one.kind]
    value = one.value(p, y)
    assert (value >= one.low - 1e-15).all()
    assert (value <= one.high).all()
    hard = (y == 0) | (y == 1)  # focal's least value lies beside a soft target, smoothing's beside every target
    if name == "focal":
        p, y, value = p[hard], y[hard], value[hard]
    if name != "label_smoothing":
        assert (one.value(y, y) <= value + 1e-12).all()
