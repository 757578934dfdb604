"""The field's net and RealNVP against torch: outputs, gradients, divergence, inverse, and the first updates of training."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from core.diffusion import torch_twin
from core.diffusion.compute import batches, lesson_of, lesson_steps, sizes_of, start_of
from core.diffusion.coupling import DEPTH, coupling_loss, coupling_sizes, log_likelihood, to_data, to_noise
from core.diffusion.nets import (
    CLIP,
    clipped,
    divergence,
    field_loss,
    field_sizes,
    first_weights,
    forward,
    inputs,
    layers_of,
)
from core.diffusion.spec import DiffusionSpec

SPEC = DiffusionSpec(width=12, updates=60)
SIZES, COUPLING = field_sizes(12, labelled=False), coupling_sizes(12)


@pytest.fixture
def g() -> np.random.Generator:
    return np.random.default_rng(3)


def torch_layers(theta: torch.Tensor, sizes: list[int]) -> list:
    layers, at = [], 0
    for i, o in itertools.pairwise(sizes):
        layers.append((theta[at : at + i * o].view(i, o), theta[at + i * o : at + i * o + o]))
        at += i * o + o
    return layers


def test_loss_and_gradient_of_a_field(g: np.random.Generator) -> None:
    theta = first_weights(g, SIZES) + 0.1 * g.standard_normal(len(first_weights(g, SIZES)))
    X, Y = g.standard_normal((9, SIZES[0])), g.standard_normal((9, 2))
    weights = torch.from_numpy(theta).requires_grad_()
    loss = torch_twin.torch_loss([torch_layers(weights, SIZES)], torch.from_numpy(X), torch.from_numpy(Y))
    loss.backward()
    own, grad = field_loss(theta, SIZES, X, Y)
    assert own == pytest.approx(loss.item(), rel=1e-13)
    np.testing.assert_allclose(grad, weights.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_divergence_of_a_field(g: np.random.Generator) -> None:
    theta = first_weights(g, SIZES)
    x, h, layers = g.standard_normal((5, 2)), 1e-6, layers_of(theta, SIZES)
    out, div = divergence(layers, x, 0.3)
    slope = sum(
        (forward(layers, inputs(x + h * e, 0.3))[0] - forward(layers, inputs(x - h * e, 0.3))[0])[:, k] / (2 * h)
        for k, e in enumerate(np.eye(2))
    )
    np.testing.assert_allclose(div, slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(out, forward(layers, inputs(x, 0.3))[0])
    expected = torch_twin.output(torch_layers(torch.from_numpy(theta), SIZES), torch.from_numpy(inputs(x, 0.3)))
    np.testing.assert_allclose(out, expected.numpy(), rtol=1e-12)


def test_inputs_are_place_time_waves_and_label() -> None:
    X = inputs(np.array([[1.0, 2.0]]), 0.25, np.array([[0.0, 1.0]]))
    turns, places = 0.25 * np.pi * np.array([1, 2, 4]), np.array([1, 2, 4, 2, 4, 8])
    waves = [*0.5625 * np.sin(places), *0.5625 * np.cos(places)]
    np.testing.assert_allclose(X[0], [1, 2, 0.25, *np.sin(turns), *np.cos(turns), *waves, 0, 1], atol=1e-15)


@pytest.mark.parametrize("kind", ["noise", "labelled", "flow", "coupling"])
def test_torch_trains_alike(kind: str) -> None:
    """Autograd and torch.optim.Adam on the same first weights and batches: all losses equal within 1e-10."""
    own, other = torch_twin.parity(lesson_of(SPEC, kind))
    assert len(own) == 60
    np.testing.assert_allclose(own, other, rtol=0, atol=1e-10)
    assert torch_twin.agreeing(own, other) == 60
    assert torch_twin.agreeing(own, np.where(np.arange(60) < 7, own, own + 1e-9)) == 7


def test_all_nets_learn_from_the_same_points() -> None:
    drawn = {kind: next(batches(lesson_of(SPEC, kind))) for kind in ("noise", "flow", "coupling", "labelled")}
    X, e = drawn["noise"]
    x0 = drawn["coupling"][0]
    np.testing.assert_array_equal(drawn["flow"][1], e - x0)
    t = X[:, 2]
    assert t.min() >= 0.001
    a = np.exp(-0.5 * (0.1 * t + 0.5 * 19.9 * t * t))
    np.testing.assert_allclose(X[:, :2], a[:, None] * x0 + np.sqrt(1 - a * a)[:, None] * e, rtol=1e-12)
    np.testing.assert_allclose(drawn["flow"][0][:, :2], (1 - t)[:, None] * x0 + t[:, None] * e, rtol=1e-12)


def test_a_fifth_of_the_labels_is_dropped() -> None:
    given = batches(lesson_of(SPEC, "labelled"))
    labels = np.concatenate([next(given)[0][:, -2:] for _ in range(40)])
    assert set(labels.sum(1).tolist()) == {0.0, 1.0}
    assert (labels.sum(1) == 0).mean() == pytest.approx(0.2, abs=0.02)


def test_long_gradients_are_cut_as_torch_cuts_them(g: np.random.Generator) -> None:
    for size in (0.1, 100.0):
        grad = size * g.standard_normal(50)
        p = torch.zeros(50, dtype=torch.float64)
        p.grad = torch.from_numpy(grad.copy())
        torch.nn.utils.clip_grad_norm_([p], CLIP)
        np.testing.assert_allclose(clipped(grad), p.grad.numpy(), rtol=1e-12)
        assert np.linalg.norm(clipped(grad)) <= CLIP


def test_the_rate_falls_to_0() -> None:
    """So the last of 60 updates is far smaller than the first, which Adam makes as long as the rate."""
    lesson = lesson_of(SPEC, "noise")
    thetas = [start_of(lesson), *(theta for theta, _ in lesson_steps(lesson))]
    first, last = (np.abs(b - a).max() for a, b in ((thetas[0], thetas[1]), (thetas[-2], thetas[-1])))
    assert first == pytest.approx(SPEC.rate, rel=1e-3)
    assert last < SPEC.rate / 60 * 3


@pytest.fixture
def nvp(g: np.random.Generator) -> np.ndarray:
    return np.concatenate([3 * first_weights(g, COUPLING) for _ in range(DEPTH)])


def test_realnvp_can_be_inverted(nvp: np.ndarray, g: np.random.Generator) -> None:
    x = g.standard_normal((20, 2))
    ways, _ = to_noise(nvp, COUPLING, x)
    back = to_data(nvp, COUPLING, ways[-1])
    assert len(ways) == len(back) == DEPTH + 1
    for there, here in zip(ways, reversed(back), strict=True):
        np.testing.assert_allclose(here, there, atol=1e-12)


def test_realnvp_s_density_is_that_of_the_change_of_variables(nvp: np.ndarray, g: np.random.Generator) -> None:
    x, h = g.standard_normal((6, 2)), 1e-6
    J = np.stack([(to_noise(nvp, COUPLING, x + h * e)[0][-1] - to_noise(nvp, COUPLING, x - h * e)[0][-1]) / (2 * h) for e in np.eye(2)], axis=2)  # fmt: skip
    z, total = to_noise(nvp, COUPLING, x)
    np.testing.assert_allclose(total, np.log(np.abs(np.linalg.det(J))), atol=1e-6)
    np.testing.assert_allclose(log_likelihood(nvp, COUPLING, x), total - 0.5 * (z[-1] ** 2).sum(1) - np.log(2 * np.pi))


def test_realnvp_s_loss_and_gradient(nvp: np.ndarray, g: np.random.Generator) -> None:
    x, size = g.standard_normal((7, 2)), len(nvp) // DEPTH
    weights = torch.from_numpy(nvp).requires_grad_()
    nets = [torch_layers(weights[k * size : (k + 1) * size], COUPLING) for k in range(DEPTH)]
    loss = torch_twin.torch_loss(nets, torch.from_numpy(x), None)
    loss.backward()
    own, grad = coupling_loss(nvp, COUPLING, x)
    assert own == pytest.approx(loss.item(), rel=1e-12)
    assert own == pytest.approx(-log_likelihood(nvp, COUPLING, x).mean(), rel=1e-12)
    np.testing.assert_allclose(grad, weights.grad.numpy(), rtol=1e-9, atol=1e-13)


def test_realnvp_s_density_has_mass_1() -> None:
    theta, line = start_of(lesson_of(SPEC, "coupling")), np.linspace(-9, 9, 181)
    places = np.column_stack([np.tile(line, 181), np.repeat(line, 181)])
    mass = np.exp(log_likelihood(theta, sizes_of(lesson_of(SPEC, "coupling")), places)).sum() * 0.1**2
    assert mass == pytest.approx(1, abs=1e-3)
