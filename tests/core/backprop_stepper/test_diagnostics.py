"""The diagnostics against their definitions, by hand and by torch."""

import numpy as np
import pytest
import torch

from core.backprop_stepper.diagnostics import health, saturated, spread
from core.backprop_stepper.tensor import passes, run


def one(W1: float, x: float, activation: str):
    """A net of one unit with z = W1 x."""
    m = np.array
    return passes(
        m([[x]]), m([[0.0, 1.0]]), m([[W1]]), m([0.0]), m([[1.0, -1.0]]), m([0.0, 0.0]), activation, "cross_entropy"
    )


@pytest.mark.parametrize(
    ("activation", "z", "share"),
    [("tanh", 0.0, 0.0), ("tanh", 2.0, 0.0), ("tanh", 2.2, 1.0), ("relu", -1.0, 1.0), ("relu", 0.0, 1.0), ("relu", 1.0, 0.0), ("sigmoid", 2.8, 0.0), ("sigmoid", 3.0, 1.0)],
)  # fmt: skip
def test_saturated_where_the_slope_is_below_five_hundredths(activation: str, z: float, share: float) -> None:
    """tanh'(2) = 0.071, tanh'(2.2) = 0.048; sigmoid'(2.8) = 0.054, sigmoid'(3) = 0.045."""
    assert saturated(one(1.0, z, activation)) == share


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_ratios_are_torch_s(activation: str, loss: str) -> None:
    net = run(5, 3, 4, 3, activation, loss, 7)
    W = {name: torch.tensor(getattr(net, name), requires_grad=True) for name in ("W1", "W2")}
    z2 = getattr(torch, activation)(torch.tensor(net.X) @ W["W1"] + torch.tensor(net.b1)) @ W["W2"] + torch.tensor(
        net.b2
    )
    y = torch.tensor(net.Y)
    (
        torch.nn.functional.cross_entropy(z2, y) if loss == "cross_entropy" else torch.nn.functional.mse_loss(z2, y)
    ).backward()
    for row in health(net, 0.3):
        w, g = W[row.name].detach(), W[row.name].grad
        assert row.data == pytest.approx(w.std(correction=0).item(), rel=1e-12)
        assert row.grad == pytest.approx(g.std(correction=0).item(), rel=1e-12)
        assert row.grad_to_data == pytest.approx((g.std(correction=0) / w.std(correction=0)).item(), rel=1e-12)
        assert row.update_to_data == pytest.approx(0.3 * row.grad_to_data, rel=1e-12)
        np.testing.assert_allclose(spread(net)[f"∂L/∂{row.name}"], g.numpy().ravel(), atol=1e-12)


def test_equal_weights_have_no_ratio() -> None:
    assert np.isnan(health(one(1.0, 1.0, "tanh"), 0.1)[0].grad_to_data)
