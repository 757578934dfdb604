"""The pass up and down, by hand, against torch.autograd in float64: every activation, norm and residual, corner points included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.initialisation import SPEC, isometry
from core.initialisation.compute import flow_of, how_of, measured, rms, start, train, trained
from core.initialisation.parity import TORCH, against_torch, torch_pass
from core.initialisation.points import points
from core.initialisation.spec import NORMS, SHOWN
from core.initialisation.stack import How, backward, forward, normalise, pull, through_norm
from core.training.activations import ACTIVATIONS


@pytest.mark.parametrize("activation", SHOWN)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("residual", [False, True])
def test_all_gradients_are_autograd_s(activation: str, norm: str, residual: bool) -> None:
    spec = SPEC(activation=activation, norm=norm, residual=residual, scheme="he_normal", depth=5, width=10, bias=0.2)
    X, y = points(spec.data, spec.width, spec.seed)
    theta, how = start(spec), how_of(spec)
    seen = forward(theta, X, how)
    sums, gradients = torch_pass(spec)
    for ours, theirs in zip(seen.z, sums, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-11, atol=1e-12)
    for ours, theirs in zip(backward(theta, seen, y, how).theta, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-13)
    assert max(against_torch(spec)) < 1e-12


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_norms_and_their_way_back_are_torch_s(norm: str) -> None:
    g = np.random.default_rng(0)
    z, up = g.normal(2.0, 3.0, (6, 5)), g.normal(size=(6, 5))
    z[0] = 1.0  # a row without variance: layer norm divides by √eps
    t = torch.tensor(z, requires_grad=True)
    n = F.batch_norm(t, None, None, training=True) if norm == "batch" else F.layer_norm(t, (5,))
    (back,) = torch.autograd.grad(n, t, torch.tensor(up))
    ours, s = normalise(z, norm)
    np.testing.assert_allclose(ours, n.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(through_norm(up, ours, s, norm), back.numpy(), atol=1e-10)


@pytest.mark.parametrize("activation", SHOWN)
def test_a_stack_of_zeros_gives_torch_s_gradients_at_the_kink(activation: str) -> None:
    """All weighted sums are exactly 0, where ReLU and SELU have their kink."""
    spec = SPEC(activation=activation, scheme="zero", depth=3, width=6)
    (X, y), theta, how = points(spec.data, 6, 0), start(spec), how_of(spec)
    theta[-2][:] = 0.5  # so that a gradient comes back
    seen = forward(theta, X, how)
    ts = [torch.tensor(part, requires_grad=True) for part in theta]
    x = torch.tensor(X)
    for W, b in zip(ts[:-2:2], ts[1:-2:2], strict=True):
        x = TORCH[activation](x @ W + b)
    loss = F.binary_cross_entropy_with_logits((x @ ts[-2] + ts[-1])[:, 0], torch.tensor(y))
    for ours, theirs in zip(backward(theta, seen, y, how).theta, torch.autograd.grad(loss, ts), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-14)


def test_the_gradient_by_an_activation_is_the_numeric_one() -> None:
    spec = SPEC(scheme="xavier_normal", depth=3, width=6, residual=True, norm="layer")
    (X, y), theta, how = points(spec.data, 6, 0), start(spec), how_of(spec)
    back = backward(theta, forward(theta, X, how), y, how)
    from core.initialisation.stack import loss_of

    h, step = 1e-6, np.zeros_like(X)
    step[3, 2] = h
    numeric = (loss_of(forward(theta, X + step, how).logit, y) - loss_of(forward(theta, X - step, how).logit, y)) / (
        2 * h
    )
    assert back.x[0][3, 2] == pytest.approx(numeric, rel=1e-6)


def test_zero_weights_have_zero_gradients_everywhere_but_at_the_last_bias() -> None:
    for activation in ("tanh", "relu", "linear", "gelu"):
        spec = SPEC(activation=activation, scheme="zero", depth=4, width=8)
        flow, line, g = measured(spec)
        assert line is None
        assert not len(g)
        assert not flow.g.any()
        assert not flow.dW.any()
        assert np.isnan(flow.ratio).all()
        assert flow.loss == pytest.approx(np.log(2))
    assert measured(SPEC(activation="sigmoid", scheme="zero", depth=2, width=8))[0].a[-1] == 0.25


def test_the_measures_are_what_they_say() -> None:
    spec = SPEC(activation="relu", scheme="he_normal", depth=3, width=8, rate=0.5)
    (X, y), theta, how = points(spec.data, 8, 0), start(spec), how_of(spec)
    seen = forward(theta, X, how)
    back = backward(theta, seen, y, how)
    flow = flow_of(theta, seen, back, y, how, 0.5)
    for k in range(3):
        assert flow.q[k] == np.mean(seen.z[k] ** 2)
        assert flow.a[k + 1] == np.mean(seen.x[k + 1] ** 2)
        assert flow.dW[k] == pytest.approx(np.linalg.norm(back.theta[2 * k]))
        assert flow.ratio[k] == pytest.approx(0.5 * rms(back.theta[2 * k]) / rms(theta[2 * k]))
        assert flow.saturated[k] == np.mean(seen.z[k] <= 0)
        assert flow.dead[k] == np.mean((seen.z[k] <= 0).all(0))
    theta[1][:] = -100.0  # a bias that kills the first layer
    dead = forward(theta, X, how)
    assert flow_of(theta, dead, backward(theta, dead, y, how), y, how, 0.5).dead[0] == 1.0


@pytest.mark.parametrize(("activation", "limit"), [("tanh", np.arccosh(np.sqrt(20.0))), ("sigmoid", None)])
def test_saturated_begins_where_the_slope_is_a_twentieth_of_the_largest(activation: str, limit: float | None) -> None:
    """tanh' = cosh^-2 = 1/20 at arcosh √20; a sigmoid's slope is a quarter of tanh's at half the place."""
    edge = limit or 2 * np.arccosh(np.sqrt(20.0))
    f, z = ACTIVATIONS[activation], np.array([[edge - 1e-6, edge + 1e-6]])
    how, theta = How(f), [np.eye(2), np.zeros(2), np.ones((2, 1)), np.zeros(1)]
    seen = forward(theta, z, how)
    flow = flow_of(theta, seen, backward(theta, seen, np.array([1.0]), how), np.array([1.0]), how, 0.1)
    assert flow.saturated[0] == 0.5


@pytest.mark.parametrize(
    ("norm", "residual", "depth"), [("none", False, 4), ("layer", False, 3), ("layer", True, 3), ("none", True, 2)]
)
def test_the_jacobian_is_autograd_s(norm: str, residual: bool, depth: int) -> None:
    spec = SPEC(scheme="lecun_normal", activation="gelu", depth=depth, width=7, norm=norm, residual=residual, bias=0.3)
    theta, how, X = start(spec), how_of(spec), points(spec.data, 7, 0)[0]

    def stack(x: torch.Tensor) -> torch.Tensor:
        for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
            z = x @ torch.tensor(W) + torch.tensor(b)
            a = F.gelu(F.layer_norm(z, (7,)) if norm == "layer" else z)
            x = x + a if residual else a
        return x

    J = torch.autograd.functional.jacobian(stack, torch.tensor(X[0])).numpy()
    found = isometry.jacobians(theta, forward(theta, X, how), how)
    np.testing.assert_allclose(found[-1].T, J, atol=1e-12)
    np.testing.assert_allclose(isometry.singular(spec)[-1], np.linalg.svd(J, compute_uv=False), atol=1e-12)


def test_the_jacobian_behind_a_batch_norm_holds_its_statistics() -> None:
    spec = SPEC(scheme="lecun_normal", depth=2, width=5, norm="batch", bias=0.3)
    theta, how, X = start(spec), how_of(spec), points(spec.data, 5, 0)[0]
    seen = forward(theta, X, how)

    def stack(x: torch.Tensor) -> torch.Tensor:
        for k, z in enumerate(seen.z):
            own = x @ torch.tensor(theta[2 * k]) + torch.tensor(theta[2 * k + 1])
            x = torch.tanh(F.batch_norm(own[None], torch.tensor(z.mean(0)), torch.tensor(z.var(0)), training=False))[0]
        return x

    J = torch.autograd.functional.jacobian(stack, torch.tensor(X[0])).numpy()
    np.testing.assert_allclose(isometry.jacobians(theta, seen, how)[-1].T, J, atol=1e-12)


def test_orthogonal_linear_stacks_are_isometries_at_any_depth() -> None:
    values = isometry.singular(SPEC(activation="linear", scheme="orthogonal", depth=50, width=16))
    np.testing.assert_allclose(values, 1.0, atol=1e-12)
    assert isometry.condition(values[-1]) == pytest.approx(1.0)
    assert isometry.condition(np.array([2.0, 0.5])) == 4.0
    assert isometry.condition(np.array([1.0, 1e-17])) == np.inf
    assert isometry.condition(np.zeros(3)) == np.inf


def test_pulling_a_vector_back_is_the_jacobian_times_it() -> None:
    spec = SPEC(scheme="lecun_normal", depth=4, width=6)
    theta, how, X = start(spec), how_of(spec), points(spec.data, 6, 0)[0]
    seen = forward(theta, X, how)
    g = np.random.default_rng(1).normal(size=X.shape)
    back = pull(theta, seen, g, how, [])
    np.testing.assert_allclose(back.x[0][0], isometry.jacobians(theta, seen, how)[-1] @ g[0], atol=1e-13)


@pytest.mark.parametrize("settings", [{"scheme": "xavier_normal"}, {"activation": "relu", "scheme": "he_normal", "norm": "batch", "residual": True}])  # fmt: skip
def test_training_is_torch_s_gradient_descent(settings: dict) -> None:
    spec = SPEC(depth=4, width=8, steps=15, rate=0.2, **settings)
    X, y = (torch.tensor(part) for part in points(spec.data, 8, 0))
    theta = [torch.tensor(part, requires_grad=True) for part in start(spec)]
    optimizer, losses = torch.optim.SGD(theta, lr=0.2), []
    for _ in range(16):
        x = X
        for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
            z = x @ W + b
            n = F.batch_norm(z, None, None, training=True) if spec.norm == "batch" else z
            x = x + TORCH[spec.activation](n) if spec.residual else TORCH[spec.activation](n)
        loss = F.binary_cross_entropy_with_logits((x @ theta[-2] + theta[-1])[:, 0], y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    film = trained(spec)
    np.testing.assert_allclose(film.losses[0], losses, rtol=1e-9)
    assert film.step[-1] == 15


def test_a_training_that_diverges_ends_and_stays_where_it_was() -> None:
    spec = SPEC(activation="linear", scheme="lecun_normal", scale=2.0, depth=6, width=8, rate=3.0, steps=20)
    snapshots = list(train(spec))
    film = trained(spec)
    came = film.came[0]
    assert 0 <= came < 20
    assert np.isnan(film.losses[0, came + 1 :]).all()
    assert np.isfinite(film.parts["g"]).all()
    assert [s.step for s in snapshots] == list(film.step)


def test_the_snapshots_grow_into_the_film() -> None:
    spec = SPEC(depth=3, width=6, steps=60)
    *_, before, last = train(spec)
    frames = len(before.arrays["step"])
    assert len(last.arrays["step"]) == frames + 1 == 25
    for name, values in before.arrays.items():
        if name in ("hist.x", "hist.g", "ends", "step"):
            np.testing.assert_array_equal(values, last.arrays[name][:frames])
    assert last.arrays["hist.x"].shape == (25, 3, 61)
    assert last.arrays["hist.x"].max() == 254


def test_a_histogram_counts_every_value_and_the_far_ones_at_the_ends() -> None:
    from core.initialisation.compute import histogram

    values = np.array([-5.0, -1.0, 0.0, 0.0, 0.01, 1.0, 7.0, np.nan])
    codes = histogram(values, -1.0, 1.0)
    assert codes[0] == codes[-1] == round(254 * 2 / 3)
    assert codes[30] == 254
    assert np.count_nonzero(codes) == 3
