"""The engine against PyTorch and numeric gradients, in float64: losses and slopes, nets, the penalty's second derivative, whole games."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.gan_lab import engine
from core.gan_lab.compute import agreeing, parity
from core.gan_lab.engine import ACTIVATIONS, LOSSES, Draws, Mlp, output, softplus, unit
from core.gan_lab.spec import GanSpec
from core.gan_lab.torch_engine import FAKE, FAMILY, FOOL, REAL, TorchNet

LOGITS = np.array([-800.0, -30.0, -1.0, -0.3, 0.0, 0.3, 1.0, 30.0, 800.0])


@pytest.fixture
def g() -> np.random.Generator:
    return np.random.default_rng(5)


def theta_of(g: np.random.Generator, sizes: tuple[int, ...]) -> np.ndarray:
    return 0.6 * g.standard_normal(sum((i + 1) * o for i, o in itertools.pairwise(sizes)))


def numeric(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """df/dx by central differences."""
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + e) - f(x - e)) / (2 * h) for e in steps]).reshape(x.shape)


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("target", [1.0, 0.9])
def test_losses_and_slopes_are_torch_s(name: str, target: float) -> None:
    loss, kind = LOSSES[name], FAMILY.get(name, name)
    t = torch.tensor(LOGITS, requires_grad=True)
    pairs = [
        (loss.real(LOGITS, target), loss.d_real(LOGITS, target), REAL[kind](t, target)),
        (loss.fake(LOGITS), loss.d_fake(LOGITS), FAKE[kind](t)),
        (loss.fool(LOGITS), loss.d_fool(LOGITS), FOOL[name](t)),
    ]
    for value, slope, theirs in pairs:
        np.testing.assert_allclose(value, theirs.detach().numpy(), atol=1e-13)
        (grad,) = torch.autograd.grad(theirs.sum(), t)
        np.testing.assert_allclose(np.broadcast_to(slope, LOGITS.shape), grad.numpy(), atol=1e-13)


def test_the_papers_forms_of_the_log_losses() -> None:
    f = LOGITS[1:-1]
    sigma = 1 / (1 + np.exp(-f))
    np.testing.assert_allclose(
        LOSSES["minimax"].fool(f[:-1]), np.log(1 - sigma[:-1]), atol=1e-12
    )  # eq. 1 of Goodfellow et al.
    np.testing.assert_allclose(LOSSES["nonsat"].fool(f), -np.log(sigma), atol=1e-12)
    np.testing.assert_allclose(LOSSES["nonsat"].real(f, 1.0), -np.log(sigma), atol=1e-12)
    np.testing.assert_allclose(LOSSES["nonsat"].fake(f[:-1]), -np.log(1 - sigma[:-1]), atol=1e-12)
    assert (
        LOSSES["hinge"].d_real(np.array([1.0]), 1.0) == 0 == LOSSES["hinge"].d_fake(np.array([-1.0]))
    )  # the corners, as torch.relu
    assert softplus(np.array([0.0])) == pytest.approx(np.log(2))


@pytest.mark.parametrize("kind", list(ACTIVATIONS))
def test_activations_have_torch_s_slopes(kind: str) -> None:
    from core.gan_lab.torch_engine import BENDS

    f, z = ACTIVATIONS[kind], torch.tensor([-2.0, -0.1, 0.0, 0.1, 2.0], dtype=torch.float64, requires_grad=True)
    a = BENDS[kind](z)
    np.testing.assert_allclose(f.bend(z.detach().numpy()), a.detach().numpy(), rtol=1e-15)
    (slope,) = torch.autograd.grad(a.sum(), z, create_graph=True)
    np.testing.assert_allclose(f.slope(a.detach().numpy()), slope.detach().numpy(), atol=1e-15)
    if f.curve is not None:
        (curve,) = torch.autograd.grad(slope.sum(), z)
        np.testing.assert_allclose(f.curve(a.detach().numpy()), curve.numpy(), atol=1e-15)


@pytest.mark.parametrize("kind", list(ACTIVATIONS))
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("hidden", [(5,), (6, 4), (4, 5, 3)])
def test_gradients_and_the_penalty_are_torch_s(
    g: np.random.Generator, kind: str, spectral: bool, hidden: tuple[int, ...]
) -> None:
    sizes = (2, *hidden, 1)
    theta, X, c = theta_of(g, sizes), g.standard_normal((7, 2)), g.standard_normal((7, 1))
    us = [unit(g.standard_normal(o)) for o in sizes[1:]] if spectral else None
    ours, theirs = Mlp(sizes, kind, theta, us), TorchNet(sizes, kind, theta, us)
    leaves = [p for pair in zip(theirs.W, theirs.b, strict=True) for p in pair]

    def flat(L: torch.Tensor) -> np.ndarray:
        grads = torch.autograd.grad(L, leaves, allow_unused=True)
        return np.concatenate(
            [(torch.zeros_like(p) if d is None else d).numpy().ravel() for p, d in zip(leaves, grads, strict=True)]
        )

    x = torch.tensor(X, requires_grad=True)
    Z = theirs(x)
    np.testing.assert_allclose(ours(X), Z.detach().numpy(), atol=1e-13)
    np.testing.assert_allclose(output(ours.used(), sizes, kind, X), ours(X), atol=1e-13)
    dX = ours.backward(c)
    (slope,) = torch.autograd.grad(Z, x, torch.tensor(c), retain_graph=True)
    np.testing.assert_allclose(dX, slope.numpy(), atol=1e-12)
    np.testing.assert_allclose(ours.grad, flat((Z * torch.tensor(c)).sum()), atol=1e-12)
    (inner,) = torch.autograd.grad(theirs(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(ours.slopes_in(X), inner.detach().numpy(), atol=1e-12)
    P = ((inner.norm(dim=1) - 1) ** 2).mean()
    assert ours.penalise(X) == pytest.approx(P.item(), abs=1e-13)
    np.testing.assert_allclose(ours.grad, flat(P), atol=1e-11)


def test_the_penalty_s_gradient_by_central_differences(g: np.random.Generator) -> None:
    sizes, X = (2, 4, 3, 1), g.standard_normal((5, 2))
    net = Mlp(sizes, "tanh", theta_of(g, sizes))

    def cost(theta: np.ndarray) -> float:
        return float(((np.linalg.norm(Mlp(sizes, "tanh", theta).slopes_in(X), axis=1) - 1) ** 2).mean())

    net.penalise(X)
    np.testing.assert_allclose(net.grad, numeric(cost, net.theta), atol=1e-8)


def test_a_flat_critic_has_a_penalty_of_one_and_no_gradient() -> None:
    net = Mlp((2, 3, 1), "relu", np.zeros(13))
    assert net.penalise(np.ones((4, 2))) == 1.0
    assert not net.grad.any()


def test_power_iteration_finds_the_largest_singular_value(g: np.random.Generator) -> None:
    sizes = (2, 6, 5, 1)
    net = Mlp(sizes, "leaky", theta_of(g, sizes), [unit(g.standard_normal(o)) for o in sizes[1:]])
    for _ in range(400):
        net.normalise(iterate=True)
    for W, raw, s in zip(net.W, net.raw, net.s, strict=True):
        assert s == pytest.approx(np.linalg.norm(raw, 2), rel=1e-9)
        assert np.linalg.norm(W, 2) == pytest.approx(1.0, rel=1e-9)


GAMES = [
    {}, {"loss": "minimax", "optimizer": "sgd", "target": 0.9, "g_rate": 0.05, "d_rate": 0.05}, {"loss": "least", "activation": "tanh", "target": 0.8},
    {"loss": "hinge", "spectral": True}, {"loss": "wgan", "optimizer": "rmsprop", "d_steps": 2}, {"loss": "wgan_gp", "layers": 1, "activation": "relu"},
    {"loss": "wgan_gp", "spectral": True, "activation": "tanh", "layers": 3, "noise": "uniform1"}, {"g_steps": 0, "moves": "GDB"},
]  # fmt: skip


@pytest.mark.parametrize("settings", GAMES, ids=str)
def test_torch_plays_the_same_game(settings: dict) -> None:
    both = parity(GanSpec(**{"rounds": 100, "g_units": 12, "d_units": 12, "batch": 16, **settings}))
    assert both.shape == (2, 100, 2)
    assert agreeing(both) == 100
    assert np.isnan(both[:, :, 1]).all() == (settings.get("g_steps") == 0)


def test_agreement_ends_where_the_first_difference_is() -> None:
    both = np.zeros((2, 5, 2))
    assert agreeing(both) == 5
    both[1, 3, 1] = 2e-10
    assert agreeing(both) == 3
    assert agreeing(np.zeros((2, 0, 2))) == 0


def test_draws_come_from_the_pool_and_the_chosen_noise() -> None:
    pool, gs = np.arange(8.0).reshape(4, 2), [np.random.default_rng(k) for k in range(3)]
    draws = Draws(pool, *gs, ("uniform", 1))
    assert {tuple(x) for x in draws.real(50)} == {tuple(x) for x in pool}
    z = draws.noise(2000)
    assert z.shape == (2000, 1)
    assert -1 <= z.min() < -0.9 < 0.9 < z.max() <= 1
    assert 0 <= draws.share(100).min() < draws.share(100).max() <= 1
    normal = Draws(pool, *gs, ("normal", 2)).noise(4000)
    np.testing.assert_allclose(normal.std(0), 1, atol=0.05)


def test_clipping_keeps_every_parameter_of_d() -> None:
    from core.gan_lab.compute import setup

    game = engine.Game(*setup(GanSpec(loss="wgan", clip=0.02, batch=16)))
    game.move_d()
    assert np.abs(game.D.theta).max() == 0.02
    assert np.abs(game.G.theta).max() > 0.02
