"""The ways back against Ho's posterior, and against one Gaussian cloud, for which every answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from core.diffusion.compute import FIRST, exact, exact_flow
from core.diffusion.paths import Path
from core.diffusion.samplers import ddim_step, evaluations, ode_log_likelihood, sample, sde_step, velocity
from core.diffusion.targets import Mixture, target_of

LINEAR, STRAIGHT = Path("linear"), Path("straight")
X = np.array([[0.4, -1.1], [1.2, 0.3], [-0.7, 0.9]])
ONE = Mixture(np.array([[0.5, -0.2]]), np.array([0]), 0.4)


def ends(path: Path, t: float) -> np.ndarray:
    """The ODE's exact way for one cloud: x(t) = a m + (x(1) - a_1 m) sqrt(v / v_1)."""
    a, a1 = path.a(t), path.a(1.0)
    v, v1 = a**2 * 0.16 + path.b(t) ** 2, a1**2 * 0.16 + path.b(1.0) ** 2
    return a * ONE.centres + (X - a1 * ONE.centres) * np.sqrt(v / v1)


def test_ddpm_is_ho_s_posterior() -> None:
    """Equation 7 from step k to k - 1 of 1000, with the betas of this path."""
    t, s = 0.6, 0.599
    abar, abar_prev = LINEAR.a(t) ** 2, LINEAR.a(s) ** 2
    alpha = abar / abar_prev
    beta = 1 - alpha
    predict = exact(target_of("moons", 0.1), LINEAR)
    x0, _ = predict(X, t)
    z = np.random.default_rng(0).standard_normal(X.shape)
    mean = np.sqrt(abar_prev) * beta / (1 - abar) * x0 + np.sqrt(alpha) * (1 - abar_prev) / (1 - abar) * X
    variance = (1 - abar_prev) / (1 - abar) * beta
    np.testing.assert_allclose(ddim_step(predict, LINEAR, X, t, s, z, 1.0), mean + np.sqrt(variance) * z, rtol=1e-10)


def test_ddim_mixes_the_guess_anew_and_the_last_step_is_the_guess() -> None:
    predict = exact(target_of("moons", 0.1), LINEAR)
    x0, e = predict(X, 0.5)
    z = np.full(X.shape, 9.0)
    expected = LINEAR.a(0.3) * x0 + LINEAR.b(0.3) * e
    np.testing.assert_allclose(ddim_step(predict, LINEAR, X, 0.5, 0.3, z, 0.0), expected, rtol=1e-12)
    for eta in (0.0, 1.0):
        np.testing.assert_allclose(ddim_step(predict, LINEAR, X, 0.5, 0.0, z, eta), x0, rtol=1e-12)


def test_sde_step_is_song_s_equation_6() -> None:
    predict, t, s = exact(ONE, LINEAR), 0.5, 0.45
    beta = 0.1 + 19.9 * t
    score = -(X - LINEAR.a(t) * ONE.centres) / (LINEAR.a(t) ** 2 * 0.16 + LINEAR.b(t) ** 2)
    z = np.ones(X.shape)
    expected = X + 0.05 * (0.5 * beta * X + beta * score) + np.sqrt(0.05 * beta) * z
    np.testing.assert_allclose(sde_step(predict, LINEAR, X, t, s, z), expected, rtol=1e-10)
    assert not np.allclose(sde_step(predict, LINEAR, X, t, 0.0, z), sde_step(predict, LINEAR, X, t, 1e-9, z))


def test_velocity_is_half_of_the_sde_s_score_term() -> None:
    """Song et al., equation 13: v = f x - g^2 score / 2."""
    t = 0.37
    score = -(X - LINEAR.a(t) * ONE.centres) / (LINEAR.a(t) ** 2 * 0.16 + LINEAR.b(t) ** 2)
    expected = LINEAR.drift(t) * X - 0.5 * LINEAR.beta(t) * score
    np.testing.assert_allclose(velocity(exact(ONE, LINEAR), LINEAR, X, t), expected, rtol=1e-10)


def test_velocity_of_the_straight_path_is_the_mean_of_e_minus_x0() -> None:
    """Against a sum over many pairs near x: Lipman et al., theorem 1, with one cloud of deviation 0 the pair is unique."""
    point = Mixture(np.array([[0.5, -0.2]]), np.array([0]), 0.0)
    e = (X - 0.4 * point.centres) / 0.6
    np.testing.assert_allclose(velocity(exact(point, STRAIGHT), STRAIGHT, X, 0.6), e - point.centres, rtol=1e-12)


@pytest.mark.parametrize(
    ("path", "method", "order"), [(STRAIGHT, "euler", 2), (STRAIGHT, "heun", 4), (LINEAR, "ddim", 2)]
)
def test_ode_samplers_converge_at_their_order(path: Path, method: str, order: int) -> None:
    off = [
        np.abs(sample(method, exact(ONE, path), path, n, X, np.random.default_rng(0))[-1] - ends(path, 0.0)).max()
        for n in (80, 160)
    ]
    assert off[1] < 0.02
    assert off[0] / off[1] > 0.85 * order


@pytest.mark.parametrize("method", ["ddpm", "sde"])
def test_noisy_samplers_end_with_the_mean_and_deviation_of_the_cloud(method: str) -> None:
    g = np.random.default_rng(1)
    x = sample(method, exact(ONE, LINEAR), LINEAR, 300, g.standard_normal((4000, 2)), g)[-1]
    np.testing.assert_allclose(x.mean(0), ONE.centres[0], atol=0.03)
    np.testing.assert_allclose(x.std(0), 0.4, rtol=0.05)


@pytest.mark.parametrize("method", ["ddpm", "ddim", "sde", "euler", "heun"])
@pytest.mark.parametrize("steps", [1, 5])
def test_the_field_is_asked_as_often_as_said(method: str, steps: int) -> None:
    asked = []

    def predict(x, t):
        asked.append(t)
        return exact(ONE, LINEAR)(x, t)

    ways = sample(method, predict, LINEAR, steps, X, np.random.default_rng(0))
    assert ways.shape == (steps + 1, 3, 2)
    assert len(asked) == evaluations(method, steps)
    assert min(asked) > 0
    np.testing.assert_array_equal(ways[0], X)


@pytest.mark.parametrize("name", ["linear", "cosine", "straight"])
def test_likelihood_along_the_ode_is_the_density(name: str) -> None:
    target, path = target_of("moons", 0.2), Path(name)
    x = target.draw(np.random.default_rng(2), 12)[0]
    found = ode_log_likelihood(lambda x, t: exact_flow(target, path, x, t), x, FIRST, 96)
    np.testing.assert_allclose(found, target.log_density(x, path.a(FIRST), path.b(FIRST)), atol=5e-3)


def test_flow_s_velocity_and_divergence_belong_together() -> None:
    target, h = target_of("ring", 0.1), 1e-6
    v, div = exact_flow(target, LINEAR, X, 0.3)
    np.testing.assert_allclose(v, velocity(exact(target, LINEAR), LINEAR, X, 0.3), rtol=1e-9)
    slope = sum((exact_flow(target, LINEAR, X + h * e, 0.3)[0] - exact_flow(target, LINEAR, X - h * e, 0.3)[0])[:, k] / (2 * h) for k, e in enumerate(np.eye(2)))  # fmt: skip
    np.testing.assert_allclose(div, slope, rtol=1e-6, atol=1e-6)
