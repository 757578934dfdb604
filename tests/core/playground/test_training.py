"""The engines against each other: machine code, plain NumPy and PyTorch give the same loss curve to 1e-10."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExplainerError
from core.playground import network
from core.playground.problem import problem
from core.playground.spec import ACTIVATIONS, OPTIMIZERS, PENALTIES, PlaygroundSpec
from core.playground.training import factors, masks_of, train
from core.rng import numpy_generator

SMALL = {"epochs": 3, "count": 60}
CASES = [
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"activation": name, "rate": 0.01} for name in ACTIVATIONS),
    *({"penalty": name, "optimizer": rule, "strength": 0.02} for name in PENALTIES for rule in ("sgd", "adam")),
    {"loss": "cross_entropy"},
    {"loss": "hinge", "norm": True},
    {"loss": "absolute", "optimizer": "adam"},
    {"loss": "absolute", "data": "plane"},
    {"data": "blobs", "classes": 4},
    {"data": "plane", "layers": ""},
    {"dropout": 0.3, "layers": "6, 5 relu"},
    {"schedule": "cosine", "period": 2},
    {"events": "4:rate=0.1; 5:w1.2.1=0.5; 5:b2.1=-1", "batch": 7},
    {"layers": "20, 20", "optimizer": "momentum"},
    {"start": "he", "features": "x1, x2^2, sin x1, radius"},
    {"norm": True},
    {"layers": "5 bn, 4, 3 relu bn", "dropout": 0.2, "optimizer": "adam", "penalty": "decoupled", "strength": 0.1},
    {
        "norm": True,
        "batch": 29,
        "layers": "20, 20",
        "penalty": "l2",
    },  # 30 training points: the last batch has a single one
    {"norm": True, "batch": 1, "optimizer": "momentum", "rate": 0.01},
    {"norm": True, "bias": False, "optimizer": "adagrad"},
    {"norm": True, "events": "4:b1.2=0.5; 5:w1.2.1=0.5", "data": "blobs", "classes": 4},
    {"bias": False, "optimizer": "adam"},
    {"data": "formula", "formula": "sin(x) * y", "noise": 20},
    {"data": "border", "formula": "log(x + 3) - y", "features": "x1, own"},
]


def curve(spec: PlaygroundSpec, engine: str) -> np.ndarray:
    return np.array([(s.train_loss, s.test_loss) for s in train(spec, engine)])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_all_engines_draw_one_loss_curve(case: dict) -> None:
    spec = PlaygroundSpec(**{**SMALL, **case})
    numpy = curve(spec, "numpy")
    np.testing.assert_allclose(curve(spec, "torch"), numpy, rtol=0, atol=1e-10)
    np.testing.assert_allclose(curve(spec, "plain"), numpy, rtol=0, atol=1e-10)
    assert numpy[0, 0] != numpy[-1, 0]


@pytest.mark.parametrize("data", ["circle", "blobs", "multi_gauss"])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
def test_the_gradient_is_the_slope_of_the_loss(data: str, activation: str) -> None:
    """Central differences of the mean loss in every parameter."""
    from core.playground.training import losses

    about = problem(PlaygroundSpec(data=data, activation=activation, layers="3, 2", count=20, start="xavier", share=90))
    part = slice(0, about.train)
    g = network.gradient(about.theta, about.net, about.rules, about.F[part], about.Y[part], np.zeros((0, 0)))
    e = 1e-6 * np.eye(len(about.theta))
    up, down = (losses(about.theta + sign * e, about)[:, part].mean(1) for sign in (1, -1))
    np.testing.assert_allclose(g, (up - down) / 2e-6, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("rows", [9, 2, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_the_gradient_through_batch_normalisation_is_autograd_s(bias: bool, rows: int) -> None:
    """dW, dγ, dβ and the batch's statistics, with γ and β away from 1 and 0, for one net and for many at once."""
    about = problem(PlaygroundSpec(layers="4 bn, 3 sine, 2 bn", count=20, start="xavier", bias=bias))
    net, g = about.net, np.random.default_rng(3)
    theta = about.theta + 0.3 * g.standard_normal(about.theta.shape) * about.learned
    X, Y, none = about.F[:rows], about.Y[:rows], np.zeros((0, 0))
    found = network.gradient(theta, net, about.rules, X, Y, none)
    many = network.gradient(np.stack([theta, 2 * theta]), net, about.rules, X, Y, none)
    np.testing.assert_allclose(many[0], found, rtol=0, atol=1e-14)

    leaf = torch.from_numpy(theta).requires_grad_()
    A, statistics = torch.from_numpy(X), np.zeros_like(theta)
    for k, f in enumerate((torch.tanh, torch.sin, torch.tanh, torch.tanh)):
        i, o, at, end = int(net.sizes[k]), int(net.sizes[k + 1]), int(net.starts[k]), int(net.starts[k + 1])
        Z, shift = A @ leaf[at : at + i * o].view(i, o), leaf[end - o : end]
        if net.norms[k]:
            mean, variance = Z.mean(0), Z.var(0, unbiased=False)
            statistics[end - 3 * o : end - o] = torch.cat([mean, variance]).detach().numpy()
            Z = (Z - mean) / torch.sqrt(variance + 1e-5) * leaf[end - 4 * o : end - 3 * o]
        A = f(Z + shift)
    (0.5 * ((A - torch.from_numpy(Y)) ** 2).sum(1).mean()).backward()
    np.testing.assert_allclose(found, leaf.grad.numpy() * about.learned + statistics, rtol=0, atol=1e-12)


def test_running_statistics_are_torch_s() -> None:
    about = problem(PlaygroundSpec(layers="3", norm=True, count=20))
    reference, theta = torch.nn.BatchNorm1d(3, dtype=torch.float64), about.theta.copy()
    for rows in (slice(0, 6), slice(6, 8)):
        X = about.F[rows]
        g = network.gradient(theta, about.net, about.rules, X, about.Y[rows], np.zeros((0, 0)))
        network.follow(theta, g, about.net, len(X))
        reference(torch.from_numpy(X @ network.matrix(theta, about.net, 0)))
        assert not np.any(g * (1 - about.learned))
    for which, expected in ((network.MEAN, reference.running_mean), (network.VARIANCE, reference.running_var)):
        np.testing.assert_allclose(network.row(theta, about.net, 0, which), expected.numpy(), rtol=0, atol=1e-14)


def test_one_point_a_batch_teaches_a_normalised_layer_nothing() -> None:
    """Ẑ = 0: no gradient reaches W or γ, the running variance stays, the running mean follows."""
    first, *_, last = train(PlaygroundSpec(norm=True, batch=1, epochs=1, count=60))
    net = first.net
    np.testing.assert_array_equal(first.weights[0], last.weights[0])
    cases = ((0, network.GAMMA, True), (0, network.VARIANCE, True), (0, network.MEAN, False), (1, network.SHIFT, False))
    for layer, which, stays in cases:
        before, after = (network.row(shot.theta, net, layer, which) for shot in (first, last))
        assert np.array_equal(before, after) == stays


def test_there_is_one_compiled_version_of_the_engine() -> None:
    """Batch normalisation, dropout and losses are values, not types: nothing is compiled twice."""
    for case in ({}, {"norm": True, "bias": False}, {"dropout": 0.5, "data": "blobs"}, {"layers": ""}):
        list(train(PlaygroundSpec(epochs=1, count=20, **case), "numpy"))
    signatures = getattr(network.steps_as_loops, "signatures", [])  # there are none without numba
    assert len(signatures) <= 1


def test_activations_are_those_of_the_house() -> None:
    from core.training.activations import ACTIVATIONS as HOUSE

    z = np.array([-1000.0, -3.0, -1e-9, 0.0, 1e-9, 0.7, 30.0, 1000.0])
    for name in ("linear", "tanh", "sigmoid", "relu", "leaky_relu", "elu", "silu", "softplus"):
        a = network.activate(ACTIVATIONS[name], z)
        np.testing.assert_allclose(a, HOUSE[name].f(z), rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(
            network.slope(ACTIVATIONS[name], z, a), HOUSE[name].derivative(z), rtol=1e-9, atol=1e-12, err_msg=name
        )


@given(st.floats(-30.0, 30.0) | st.floats(-1e-3, 1e-3) | st.floats(allow_nan=False))
def test_the_loops_tanh_is_exact(z: float) -> None:
    found, right = network._tanh(z), math.tanh(z)
    assert found == pytest.approx(right, rel=2e-15, abs=1e-320)


def test_the_loops_tanh_at_its_ends() -> None:
    assert [network._tanh(z) for z in (-math.inf, -20.0, 0.0, 20.0, math.inf)] == [-1.0, -1.0, 0.0, 1.0, 1.0]
    assert math.isnan(network._tanh(math.nan))


@pytest.mark.parametrize(
    "case",
    [
        {"layers": "5, 3", "optimizer": "adam"},
        {"layers": "4 bn, 3 sine, 2 bn", "batch": 7, "share": 90},
        {"norm": True, "bias": False, "penalty": "l2", "strength": 0.01},
        {"dropout": 0.5, "layers": "6, 5", "penalty": "decoupled", "strength": 0.1},
        {"data": "blobs", "activation": "gelu"},
        {"activation": "relu", "batch": 7, "layers": "6, 5"},
        {"loss": "hinge", "batch": 1},
        {"loss": "absolute", "layers": "", "batch": 30},
    ],
    ids=str,
)
def test_loops_array_formulas_many_nets_and_one_agree(case: dict[str, Any]) -> None:
    """Two epochs, the last batch of each shorter than the others where 7 and 30 do not divide the points."""
    about = problem(PlaygroundSpec(count=40, start="xavier", **case))
    many = np.stack([about.theta, 2 * about.theta, -about.theta])
    rows, rates = np.arange(about.train)[::-1].copy(), np.full(about.per_epoch, 0.03)
    masks = masks_of(about, numpy_generator(0, "dropout"))

    def learn(run: Callable[..., None], theta: np.ndarray) -> np.ndarray:
        m, v = np.zeros_like(theta), np.zeros_like(theta)
        for epoch in range(2):
            run(
                theta, m, v, about.net, about.rules, about.weights, about.F, about.Y, rows, masks,
                about.batch, 0, about.per_epoch, rates, epoch * about.per_epoch,
            )  # fmt: skip
        return theta

    formulas = learn(network.steps, many.copy())
    np.testing.assert_allclose(learn(network.steps_compiled, many.copy()), formulas, rtol=0, atol=1e-12)
    for theta, expected in zip(many, formulas, strict=True):
        np.testing.assert_allclose(learn(network.steps, theta.copy()), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(learn(network.steps_compiled, theta.copy()), expected, rtol=0, atol=1e-12)


def test_a_run_can_be_prolonged() -> None:
    """The first part of a longer run is the shorter run, also where something changes on the way."""
    change = {"events": "30:w1.1.1=2", "dropout": 0.2}
    short, long = (curve(PlaygroundSpec(epochs=n, **change), "numpy") for n in (4, 6))
    np.testing.assert_array_equal(long[: len(short)], short)


def test_snapshots_hold_losses_weights_and_biases() -> None:
    spec = PlaygroundSpec(epochs=2, count=100)
    *_, last = train(spec)
    assert (last.step, last.total) == (10, 10)
    assert [W.shape for W in last.weights] == [(2, 4), (4, 2), (2, 1)]
    assert [b.shape for b in last.biases] == [(4,), (2,), (1,)]
    assert np.isfinite([last.train_loss, last.test_loss]).all()
    assert len(list(train(PlaygroundSpec(epochs=1, batches=2, count=100)))) == 8  # a short run tells of every batch


def test_a_weight_set_by_hand_is_there_and_trains_on() -> None:
    shots = list(train(PlaygroundSpec(epochs=2, count=100, events="5:w1.3.2=1.5; 5:b2.2=-0.25; 10:w3.1.2=7")))
    assert shots[5].weights[0][1, 2] == 1.5
    assert shots[5].biases[1][1] == -0.25
    assert shots[6].weights[0][1, 2] != 1.5
    assert shots[10].weights[2][1, 0] == 7


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"data": "plane", "layers": "", "rate": 0.2, "batch": 200, "epochs": 30}, "diverged"),
        ({"stop": "solved", "features": "x1^2, x2^2", "layers": "8", "rate": 0.1, "epochs": 300}, "solved"),
        ({"stop": "patience", "data": "spiral", "layers": "", "epochs": 400}, "stuck"),
        ({"epochs": 1}, ""),
    ],
)
def test_why_a_run_ends(case: dict, reason: str) -> None:
    *_, last = train(PlaygroundSpec(**case))
    assert last.reason == reason
    assert (last.step < last.total) == bool(reason)


def test_schedules_at_their_corners() -> None:
    epoch = np.array([0.0, 50.0, 100.0, 250.0])
    values = {
        "constant": [1, 1, 1, 1], "step": [1, 1, 0.5, 0.25], "exponential": [1, 0.5**0.5, 0.5, 0.5**2.5],
        "cosine": [1, 0.5, 0, 0], "warm_up": [0.001, 0.501, 1, 1],
    }  # fmt: skip
    for name, expected in values.items():
        np.testing.assert_allclose(factors(PlaygroundSpec(schedule=name), epoch), expected, atol=1e-12)


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(ExplainerError, match="engine 'jax' is unknown"):
        list(train(PlaygroundSpec(), "jax"))


@pytest.mark.parametrize(("loss", "name"), [("absolute", "mae"), ("hinge", "hinge")])
def test_the_other_losses_are_those_of_the_house(loss: str, name: str) -> None:
    """Values by hand, and the error at the output by the house's derivative, kinks included."""
    from core.playground.training import point_losses
    from core.training.losses import LOSSES as HOUSE

    about = problem(PlaygroundSpec(loss=loss, count=20))
    assert set(about.Y.ravel()) == {-1.0, 1.0}
    z = np.linspace(-2, 2, 20)[:, None]
    z[:3, 0] = about.Y[:3, 0]  # hinge's kink
    p, slope = (np.tanh(z), 1 - np.tanh(z) ** 2) if loss == "absolute" else (z, 1.0)
    expected = np.abs(p - about.Y) if loss == "absolute" else np.maximum(0, 1 - about.Y * p)
    np.testing.assert_allclose(point_losses(z, about), expected[:, 0], atol=1e-15)
    found = network.output_error(int(about.net.kinds[-1]), about.rules.loss, z, about.Y)
    np.testing.assert_allclose(found, HOUSE[name].gradient(p, about.Y) * slope, atol=1e-14)
    assert problem(PlaygroundSpec(data="plane", loss="hinge")).rules.loss == network.SQUARED
