"""The mixtures against torch.distributions, autograd and a finite set of points written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.diffusion.targets import TARGETS, Mixture, target_of

X = np.array([[0.3, -0.4], [1.5, 0.2], [-2.0, 1.0], [0.0, 0.0]])
TIMES = [(1.0, 0.01), (0.8, 0.6), (0.3, 0.95), (0.0, 1.0)]


def torch_log_density(target: Mixture, x: torch.Tensor, a: float, b: float) -> torch.Tensor:
    centres, scale = torch.from_numpy(a * target.centres), (a * a * target.s**2 + b * b) ** 0.5
    parts = torch.distributions.Independent(torch.distributions.Normal(centres, torch.full_like(centres, scale)), 1)
    weights = torch.distributions.Categorical(torch.ones(len(centres), dtype=torch.float64))
    return torch.distributions.MixtureSameFamily(weights, parts).log_prob(x)


@pytest.mark.parametrize("name", TARGETS)
def test_centres_lie_around_0_with_mean_square_1(name: str) -> None:
    target = target_of(name, 0.1)
    np.testing.assert_allclose(target.centres.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose((target.centres**2).mean(), 1)
    assert len(target.labels) == len(target.centres) <= 128
    assert set(target.labels.tolist()) == {0, 1}
    assert len(np.unique(target.centres.round(9), axis=0)) == len(target.centres)


@pytest.mark.parametrize(("a", "b"), TIMES)
@pytest.mark.parametrize("s", [0.0, 0.1, 0.5])
def test_density_and_best_guess_are_torch_s(a: float, b: float, s: float) -> None:
    """Tweedie's formula: E[x_0 | x] = (x + b^2 grad log p) / a."""
    target = target_of("moons", s)
    x = torch.from_numpy(a * X).requires_grad_()
    log_p = torch_log_density(target, x, a, b)
    np.testing.assert_allclose(target.log_density(a * X, a, b), log_p.detach().numpy(), rtol=1e-10, atol=1e-10)
    (score,) = torch.autograd.grad(log_p.sum(), x)
    if a > 0:
        expected = (x + b * b * score).detach().numpy() / a
        np.testing.assert_allclose(target.denoise(a * X, a, b), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("a", "b"), TIMES)
@pytest.mark.parametrize("s", [0.0, 0.2])
def test_divergence_of_the_best_guess_is_its_slope(a: float, b: float, s: float) -> None:
    target, h = target_of("ring", s), 1e-6 * b
    slope = sum(
        (target.denoise(X + h * e, a, b) - target.denoise(X - h * e, a, b))[:, k] / (2 * h)
        for k, e in enumerate(np.eye(2))
    )
    np.testing.assert_allclose(target.divergence(X, a, b), slope, rtol=1e-5, atol=1e-5)


def test_a_finite_set_is_remembered() -> None:
    """With s = 0 and little noise the best guess is the nearest point itself; in pure noise it is the mean of all."""
    target = target_of("ring", 0.0)
    near = target.centres + 0.01
    np.testing.assert_allclose(target.denoise(near, 1.0, 0.02), target.centres, atol=1e-12)
    np.testing.assert_allclose(target.denoise(X, 0.0, 1.0), 0, atol=1e-12)


def test_one_cloud_is_bayes_rule_for_a_gaussian() -> None:
    target = Mixture(np.array([[1.0, 2.0]]), np.array([0]), 0.5)
    a, b = 0.6, 0.8
    precision = 1 / 0.25 + a * a / b**2
    expected = (np.array([[1.0, 2.0]]) / 0.25 + a / b**2 * X) / precision
    np.testing.assert_allclose(target.denoise(X, a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(target.divergence(X, a, b), 2 * a / b**2 / precision, rtol=1e-12)


def test_points_are_drawn_from_the_clouds_and_keep_their_class() -> None:
    target = target_of("ring", 0.05)
    x, label = target.draw(np.random.default_rng(0), 4000)
    gaps = ((x[:, None] - target.centres) ** 2).sum(2)
    np.testing.assert_array_equal(target.labels[gaps.argmin(1)], label)
    np.testing.assert_allclose(np.sqrt(gaps.min(1).mean() / 2), 0.05, rtol=0.05)
    only = target.only(1)
    assert len(only.centres) == 4
    assert only.s == target.s
    assert set(only.labels.tolist()) == {1}
