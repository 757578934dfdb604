"""Every activation and its derivative against torch's own function and autograd, in float64, kinks and extremes included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.training.activations import ACTIVATIONS, softmax, softmax_jacobian

Z = np.concatenate([np.linspace(-8.0, 8.0, 161), [-1000.0, -745.0, -40.0, -20.5, 20.5, 40.0, 1000.0, 5e-324, -0.0]])
TORCH = {
    "step": lambda z: torch.heaviside(z, torch.ones_like(z)),
    "linear": lambda z: 1.0 * z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda z: F.prelu(z, torch.tensor([0.25], dtype=z.dtype)),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": lambda z: F.softplus(z, threshold=800.0),
    "hardswish": F.hardswish,
}


def test_the_table_is_torch_s() -> None:
    assert list(ACTIVATIONS) == list(TORCH)
    assert all(name == one.name for name, one in ACTIVATIONS.items())
    assert len({one.title for one in ACTIVATIONS.values()}) == len(ACTIVATIONS)


@pytest.mark.parametrize("name", TORCH)
def test_value_and_derivative_are_torch_s(name: str) -> None:
    z = torch.tensor(Z, requires_grad=name != "step")
    a = TORCH[name](z)
    np.testing.assert_allclose(ACTIVATIONS[name].f(Z), a.detach().numpy(), rtol=1e-12, atol=1e-15)
    slope = torch.autograd.grad(a.sum(), z)[0].numpy() if name != "step" else np.zeros_like(Z)
    rtol = 1e-8 if name in ("mish", "softplus") else 1e-11  # torch's mish rounds its softplus above 20
    np.testing.assert_allclose(ACTIVATIONS[name].derivative(Z), slope, rtol=rtol, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in TORCH if name != "step"])
def test_derivative_is_the_slope(name: str) -> None:
    z, h = np.linspace(-6.05, 6.05, 56), 1e-6  # between the kinks
    one = ACTIVATIONS[name]
    np.testing.assert_allclose(one.derivative(z), (one.f(z + h) - one.f(z - h)) / (2 * h), atol=1e-8)


@pytest.mark.parametrize("name", TORCH)
def test_any_shape_in_the_same_shape_out(name: str) -> None:
    one = ACTIVATIONS[name]
    for shape in ((0,), (), (2, 3)):
        z = np.full(shape, 0.5)
        assert one.f(z).shape == one.derivative(z).shape == shape
    z = np.array([1.0])
    one.f(z)[...] = 7.0
    assert z[0] == 1.0  # what comes back is no view of what was given


@pytest.mark.parametrize("name", TORCH)
def test_bounds(name: str) -> None:
    one, values = ACTIVATIONS[name], ACTIVATIONS[name].f(np.linspace(-50.0, 50.0, 100_001))
    assert one.low <= values.min() + 1e-5
    assert values.max() <= one.high
    if np.isfinite(one.low):
        assert values.min() == pytest.approx(one.low, abs=1e-5)


@pytest.mark.parametrize(("name", "a"), [("leaky_relu", 0.3), ("prelu", 0.0), ("elu", 0.5), ("relu", 9.0)])
def test_another_parameter(name: str, a: float) -> None:
    reference = {
        "leaky_relu": lambda z: F.leaky_relu(z, a),
        "prelu": F.relu,
        "elu": lambda z: F.elu(z, a),
        "relu": F.relu,
    }
    z = torch.tensor(Z, requires_grad=True)
    value = reference[name](z)
    changed = ACTIVATIONS[name].at(0.7).at(a)
    np.testing.assert_allclose(changed.f(Z), value.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(changed.derivative(Z), torch.autograd.grad(value.sum(), z)[0].numpy(), rtol=1e-13)


@pytest.mark.parametrize("logits", [[1.0, 2.0, 3.0], [1000.0, -1000.0, 999.0], [0.0, 0.0], [5.0]])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_softmax_and_its_jacobian_are_torch_s(logits: list[float], temperature: float) -> None:
    z = torch.tensor(logits, dtype=torch.float64)
    p = softmax(z.numpy(), temperature)
    np.testing.assert_allclose(p, torch.softmax(z / temperature, -1), rtol=1e-13, atol=1e-300)
    J = torch.autograd.functional.jacobian(lambda z: torch.softmax(z / temperature, -1), z)
    np.testing.assert_allclose(softmax_jacobian(p, temperature), J, rtol=1e-12, atol=1e-15)


def test_softmax_takes_the_last_axis() -> None:
    p = softmax(np.array([[0.0, np.log(3.0)], [np.log(4.0), 0.0]]))
    np.testing.assert_allclose(p, [[0.25, 0.75], [0.8, 0.2]], rtol=1e-14)
