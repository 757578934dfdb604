"""Clipping against torch.nn.utils, each racer by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.rng import numpy_generator
from core.training.clipping import CLIPS, adaptive

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


def test_adaptive_clipping_unit_by_unit() -> None:
    """A. Brock et al. 2021, eq. 3, one unit after the other; a unit without weights may still move by c · 1e-3."""
    g = numpy_generator(0, "clipping").normal(size=(2, 3 * 4 + 2 * 5))
    theta = 0.5 * g[:, ::-1].copy()
    theta[0, :4] = 0.0
    cut = adaptive(g, theta, [(3, 4), (2, 5)], 0.3)
    units = [slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 17), slice(17, 22)]
    for racer in range(2):
        for unit in units:
            own, w = g[racer, unit], theta[racer, unit]
            allowed = 0.3 * max(np.linalg.norm(w), 1e-3)
            expected = own if np.linalg.norm(own) <= allowed else allowed * own / np.linalg.norm(own)
            np.testing.assert_allclose(cut[racer, unit], expected, rtol=1e-14)
    assert not adaptive(np.zeros((1, 4)), np.ones((1, 4)), [(1, 4)], 0.1).any()
