"""Clipping against torch.nn.utils, each racer by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.training.clipping import CLIPS

TORCH = {"value": torch.nn.utils.clip_grad_value_, "norm": torch.nn.utils.clip_grad_norm_}


@pytest.mark.parametrize("how", TORCH)
@pytest.mark.parametrize("limit", [1e-6, 0.5, 3.0, 1e6])
def test_every_racer_is_clipped_as_torch_clips_it(how: str, limit: float) -> None:
    g = np.random.default_rng(0).normal(size=(5, 7)) * np.array([[0.0], [1e-9], [0.1], [1.0], [1e5]])
    ours = CLIPS[how](g, limit)
    for row, clipped in zip(g, ours, strict=True):
        p = torch.zeros(7, dtype=torch.float64, requires_grad=True)
        p.grad = torch.tensor(row)
        TORCH[how]([p], limit)
        np.testing.assert_allclose(clipped, p.grad.numpy(), rtol=1e-14, atol=0.0)


def test_no_clipping_keeps_every_bit() -> None:
    g = np.array([[1e300, -3.0, 0.0]])
    assert CLIPS["none"](g, 1.0) is g
