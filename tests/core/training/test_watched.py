"""The loop of watched trainings against plain torch, its pace, its moments, and weights there and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.training.watched import pace, packed, shown, unpacked, watched


def test_the_pace_of_the_rate():
    paces = [pace(k, 200) for k in range(1, 201)]
    assert paces[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert paces[-1] == pytest.approx(0.1)
    assert paces[104] == pytest.approx(0.55)  # half of the way down
    assert max(paces) == 1
    assert pace(1, 1) == 1


def test_the_steps_that_are_shown_lie_close_together_at_first():
    assert sorted(shown(100, 10)) == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
    assert shown(3, 40) == {0, 1, 2, 3}
    assert max(shown(600, 40)) == 600


@pytest.mark.parametrize("scale", [0.1, 30.0])
def test_every_step_is_torch_s_own(scale: float):
    """Three steps on a quadratic, whose gradient is cut for the large scale and not for the small one."""
    wanted, p = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True), None
    theirs = torch.optim.SGD([wanted], lr=1.0)
    p = nn.Parameter(wanted.detach().clone())
    seen = list(watched(torch.optim.SGD([p], lr=1.0), lambda: scale * (p**2).sum() / 2, 3, 0.5, 2))
    assert seen == [1, 3]  # round(3 / 4) and 3
    for step in (1, 2, 3):
        g = scale * wanted.detach()
        theirs.param_groups[0]["lr"] = 0.5 * pace(step, 3)
        wanted.grad = g * min(1.0, 1.0 / float(g.norm() + 1e-6))
        theirs.step()
    torch.testing.assert_close(p.detach(), wanted.detach(), rtol=1e-12, atol=0)


def test_a_run_ends_where_its_loss_is_no_number():
    p, told = nn.Parameter(torch.ones(1)), iter([1.0, float("nan"), 1.0])
    seen = list(watched(torch.optim.SGD([p], lr=0.1), lambda: next(told) * p.sum(), 100, 0.1, 1))
    assert seen == [2]


def test_weights_there_and_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    arrays = {**packed(net), "loss": np.zeros(1)}
    assert set(packed(net)) == {f"weights {name}" for name in net.state_dict()}
    again = unpacked(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)).double(), arrays)
    assert not again.training
    for name, values in again.state_dict().items():
        assert values.dtype == torch.float64
        np.testing.assert_array_equal(values.numpy(), net.state_dict()[name].half().double().numpy())
    with pytest.raises(RuntimeError, match="Missing key"):
        unpacked(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)), {"loss": np.zeros(1)})
