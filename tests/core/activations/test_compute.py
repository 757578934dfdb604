"""The nets against torch: gradients, whole trainings, health and depth; the lenses' numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.activations import EXAMPLES, SPEC, chosen, figures, look, menus, numbers, questions, trained
from core.activations.compute import (
    backward,
    batches,
    forward,
    gradient_by_layer,
    health,
    initial,
    is_flat,
    points,
    steepest,
)
from core.activations.figures import flat_ranges, shares
from core.activations.spec import DATA, LENSES, logits_of, logits_text, looked_at
from core.errors import ExplainerError
from core.training.activations import ACTIVATIONS

TORCH = {"sigmoid": torch.sigmoid, "relu": F.relu, "gelu": F.gelu, "selu": F.selu, "mish": F.mish}


def torch_loss(net: list[torch.Tensor], f, X: torch.Tensor, y: torch.Tensor, kept: list | None = None) -> torch.Tensor:
    for W, b in zip(net[:-2:2], net[1:-2:2], strict=True):
        a = X @ W + b
        if kept is not None:
            a.retain_grad()
            kept.append(a)
        X = f(a)
    return F.binary_cross_entropy_with_logits((X @ net[-2] + net[-1])[:, 0], y)


@pytest.mark.parametrize("name", TORCH)
def test_gradients_are_torch_s(name: str) -> None:
    spec = SPEC(depth=3, width=5, gain=1.7)
    X, y = points(spec)
    net = [torch.tensor(part, requires_grad=True) for part in initial(spec)]
    kept: list[torch.Tensor] = []
    torch_loss(net, TORCH[name], torch.tensor(X), torch.tensor(y), kept).backward()
    parts, by_A = backward(initial(spec), X, y, ACTIVATIONS[name])
    for mine, theirs in zip(parts, net, strict=True):
        np.testing.assert_allclose(mine, theirs.grad, rtol=1e-9, atol=1e-14)
    for mine, theirs in zip(by_A, kept, strict=True):
        np.testing.assert_allclose(mine, theirs.grad, rtol=1e-9, atol=1e-16)
    rms = [float(((a.grad * 200) ** 2).mean().sqrt()) for a in kept]
    np.testing.assert_allclose(gradient_by_layer(spec, name), rms, rtol=1e-10)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "gelu"])
def test_training_is_torch_s(name: str) -> None:
    spec = SPEC(steps=60, data="circle", rate=0.5, seed=4)
    X, y = map(torch.tensor, points(spec))
    net = [torch.tensor(part, requires_grad=True) for part in initial(spec)]
    optimizer, losses = torch.optim.SGD(net, lr=0.5), []
    for rows in batches(spec):
        losses.append(torch_loss(net, TORCH[name], X, y).item())
        optimizer.zero_grad()
        torch_loss(net, TORCH[name], X[rows], y[rows]).backward()
        optimizer.step()
    losses.append(torch_loss(net, TORCH[name], X, y).item())
    found = trained(spec, name)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-10)
    for mine, theirs in zip(found.net, net, strict=True):
        np.testing.assert_allclose(mine, theirs.detach(), rtol=1e-8, atol=1e-12)


def test_everyone_starts_alike_and_sees_the_same_batches() -> None:
    spec = SPEC(steps=30)
    rows = batches(spec)
    assert rows.shape == (30, 20)
    assert (np.sort(rows[:10].ravel()) == np.arange(200)).all()
    first = trained(spec, "step")
    for mine, start in zip(first.net[:-2], initial(spec)[:-2], strict=True):
        np.testing.assert_array_equal(mine, start)  # a step passes no gradient: the hidden layers stay as they were
    assert not np.array_equal(first.net[-2], initial(spec)[-2])


def test_a_linear_net_is_one_line() -> None:
    spec = SPEC(depth=4, steps=50)
    z = forward(trained(spec, "linear").net, np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), ACTIVATIONS["linear"])[2]
    assert z[2] - z[1] == pytest.approx(z[1] - z[0])


def test_a_run_that_diverges_is_a_result() -> None:
    spec = SPEC(rate=3.0, gain=5.0, depth=3, steps=200, shown="Linear, ReLU")
    found = trained(spec, "linear")
    assert np.isnan(found.losses[-1])
    assert np.isnan(found.accuracy)
    assert "diverged" in str(look(SPEC(**{**spec.as_dict(), "lens": "race"})).rows)
    assert all(
        q.answer != "Linear" for q in questions(SPEC(**{**spec.as_dict(), "lens": "race"})) if q.slug.startswith("best")
    )


@pytest.mark.parametrize(
    ("name", "top"), [("sigmoid", 0.25), ("tanh", 1.0), ("relu", 1.0), ("step", 0.0), ("gelu", 1.1289)]
)
def test_the_steepest_slope(name: str, top: float) -> None:
    assert steepest(ACTIVATIONS[name]) == pytest.approx(top, abs=1e-4)


def test_saturated_and_dead_by_definition() -> None:
    spec = SPEC(rate=1.0, depth=3, seed=1)
    found = health(spec, "relu")
    A = forward(trained(spec, "relu").net, points(spec)[0], ACTIVATIONS["relu"])[0]
    for layer, a in enumerate(A):
        assert found.saturated[layer] == pytest.approx((a <= 0).mean())
        assert found.dead[layer] == pytest.approx((a <= 0).all(0).mean())
    assert found.dead.max() > 0
    assert health(spec, "leaky_relu").dead.max() == 0.0
    edge = np.log(39 + np.sqrt(39**2 - 1))  # there s (1 - s) = 0.05 / 4
    z = np.array([-1.001, -0.999, 0.0, 0.999, 1.001]) * edge
    assert is_flat(ACTIVATIONS["sigmoid"], z).tolist() == [True, False, False, False, True]
    assert is_flat(ACTIVATIONS["step"], z).all()


def test_shares_and_ranges() -> None:
    assert shares(np.array([[-99.0, 0.05], [0.05, np.nan]]))[[0, 40]].tolist() == [0.25, 0.5]
    z = np.arange(6.0)
    assert flat_ranges(np.array([True, True, False, False, True, True]), z) == [(0.0, 1.0), (4.0, 5.0)]
    assert flat_ranges(np.zeros(6, bool), z) == []


def test_a_sigmoid_s_gradient_vanishes_and_selu_s_does_not() -> None:
    y = {n: gradient_by_layer(SPEC(depth=8), n) for n in ("sigmoid", "selu")}
    assert y["sigmoid"][0] < y["sigmoid"][-1] / 1000
    assert y["selu"][0] > y["selu"][-1] / 10
    quarter = next(q for q in questions(SPEC(depth=8, lens="depth")) if q.slug.startswith("quarter"))
    assert quarter.answer == "more than 1000 times"


@pytest.mark.parametrize("data", DATA)
def test_two_classes_of_points(data: str) -> None:
    X, y = points(SPEC(data=data))
    assert X.shape == (200, 2)
    assert set(y) == {0.0, 1.0}
    assert np.abs(X).max() < 2.6


def test_numbers_of_the_page() -> None:
    spec = SPEC(shown="Sigmoid, ELU", z=-0.7, alpha=2.0, lens="softmax", logits="1, 2", temperature=0.5)
    found = numbers(spec)
    assert found["Sigmoid at z"] == pytest.approx(1 / (1 + np.exp(0.7)), rel=1e-14)
    assert found["ELU slope at z"] == pytest.approx(2 * np.exp(-0.7), rel=1e-14)
    assert found["softmax p2"] == pytest.approx(np.exp(4) / (np.exp(2) + np.exp(4)), rel=1e-14)
    largest = questions(spec)[0]
    assert largest.answer == found["softmax p2"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
@pytest.mark.parametrize("lens", [lens for lens in LENSES if lens != "cost"])
def test_every_lens_opens_on_every_preset(example, lens: str) -> None:
    spec = SPEC(**{**example.settings, "lens": lens, "steps": 20})
    assert look(spec).sentences
    assert figures(spec)
    assert all(q.answer in q.options for q in questions(spec) if q.options)


def test_cost_is_measured_for_all() -> None:
    seen = look(SPEC(lens="cost"))
    assert len(seen.rows) == len(ACTIVATIONS)
    assert "Measured on this machine" in seen.sentences[0]
    assert all(float(row["f [ns]"]) > 0 for row in seen.rows)


@pytest.mark.parametrize(
    "settings",
    [
        {"shown": "Sigmoidal"},
        {"shown": " , "},
        {"shown": ", ".join(one.title for one in list(ACTIVATIONS.values())[:9])},
    ],
)
def test_names_that_cannot_be_used(settings: dict[str, str]) -> None:
    with pytest.raises(ExplainerError, match=r"unknown|show 1 to"):
        chosen(SPEC(**settings))
    assert menus(SPEC(**settings)) == ([], "")


@pytest.mark.parametrize("text", ["", "1", "1, b", "1, 2, 3, 4, 5, 6, 7", "1, 1e9", "nan, 1"])
def test_logits_that_cannot_be_used(text: str) -> None:
    with pytest.raises(ExplainerError, match="logits"):
        logits_of(SPEC(logits=text))
    assert logits_of(SPEC(logits=logits_text([1.5, -2.0]))) == [1.5, -2.0]


def test_the_net_that_is_opened() -> None:
    assert looked_at(SPEC(looked="ReLU")).name == "relu"
    assert looked_at(SPEC(looked="Mish")).name == "sigmoid"  # not on screen: the first
    assert chosen(SPEC(shown="ELU, ELU", alpha=0.5))[0].parameter == 0.5
