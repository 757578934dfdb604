"""The matrix level against torch.autograd, torch's Jacobians and central differences, all in float64."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian as torch_jacobian

from core.backprop_stepper.tensor import (
    TensorRun,
    dot,
    jacobian,
    jacobian_names,
    number,
    outer_product,
    passes,
    run,
    signed,
    stages,
    steps,
)
from core.errors import ExplainerError

ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
LOSSES = ("cross_entropy", "mse")
LEAVES = ("X", "W1", "b1", "W2", "b2")
SIZES = [(1, 1, 1, 2), (4, 3, 4, 3), (8, 5, 6, 4), (3, 2, 1, 2)]

every_net = pytest.mark.parametrize(("activation", "loss"), [(a, loss) for a in ACTIVATIONS for loss in LOSSES])


def torch_pass(at: TensorRun, **changed: np.ndarray) -> dict[str, torch.Tensor]:
    """The same net in torch, every matrix kept with its gradient."""
    M = {name: torch.tensor(changed.get(name, getattr(at, name)), requires_grad=True) for name in LEAVES}
    M["Z1"] = M["X"] @ M["W1"] + M["b1"]
    M["A1"] = ACTIVATIONS[at.activation](M["Z1"])
    M["Z2"] = M["A1"] @ M["W2"] + M["b2"]
    for name in ("Z1", "A1", "Z2"):
        M[name].retain_grad()
    Y = torch.tensor(at.Y)
    M["L"] = (
        torch.nn.functional.cross_entropy(M["Z2"], Y)
        if at.loss == "cross_entropy"
        else torch.nn.functional.mse_loss(M["Z2"], Y)
    )
    M["L"].backward()
    return M


@every_net
@pytest.mark.parametrize("sizes", SIZES)
def test_every_matrix_and_gradient_is_torch_s(sizes: tuple[int, ...], activation: str, loss: str) -> None:
    for seed in range(5):
        ours = run(*sizes, activation, loss, seed)
        torchs = torch_pass(ours)
        for name in ("Z1", "A1", "Z2"):
            np.testing.assert_allclose(
                getattr(ours, name), torchs[name].detach().numpy(), rtol=1e-13, atol=1e-15, err_msg=name
            )
        assert pytest.approx(torchs["L"].item(), rel=1e-13) == ours.L
        assert set(ours.gradients) == {*LEAVES, "Z1", "A1", "Z2"}
        for name, gradient in ours.gradients.items():
            np.testing.assert_allclose(gradient, torchs[name].grad.numpy(), rtol=1e-11, atol=1e-15, err_msg=name)


@every_net
def test_gradients_are_central_differences(activation: str, loss: str) -> None:
    at = run(4, 3, 4, 3, activation, loss, 2)
    leaves = {name: getattr(at, name) for name in LEAVES}
    for name in LEAVES:
        for place in np.ndindex(leaves[name].shape):
            ends = []
            for h in (1e-6, -1e-6):
                moved = leaves[name].copy()
                moved[place] += h
                ends.append(passes(Y=at.Y, activation=activation, loss=loss, **{**leaves, name: moved}).L)
            assert at.gradients[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=2e-8), (name, place)


@every_net
def test_at_exactly_0_the_slope_is_torch_s(activation: str, loss: str) -> None:
    at = run(3, 2, 4, 3, activation, loss, 0)
    zero = passes(at.X, at.Y, np.zeros_like(at.W1), np.zeros_like(at.b1), at.W2, at.b2, activation, loss)
    torchs = torch_pass(zero)
    for name, gradient in zero.gradients.items():
        np.testing.assert_allclose(gradient, torchs[name].grad.numpy(), rtol=1e-12, atol=1e-16, err_msg=name)
    assert (zero.slope == {"relu": 0.0, "tanh": 1.0, "sigmoid": 0.25}[activation]).all()


def test_huge_scores_stay_numbers() -> None:
    at = run(3, 2, 4, 3, "tanh", "cross_entropy", 0)
    huge = passes(at.X, at.Y, at.W1, at.b1, 1e4 * at.W2, at.b2, "tanh", "cross_entropy")
    assert pytest.approx(torch_pass(huge)["L"].item(), rel=1e-12) == huge.L
    far = passes(1e4 * at.X, at.Y, at.W1, at.b1, at.W2, at.b2, "sigmoid", "mse")
    np.testing.assert_allclose(far.A1, torch.sigmoid(torch.tensor(far.Z1)).numpy(), atol=1e-15)


def test_the_loss_is_the_mean_of_the_examples_losses() -> None:
    for loss in LOSSES:
        at = run(5, 3, 4, 3, "tanh", loss, 1)
        one_by_one = [
            passes(at.X[n : n + 1], at.Y[n : n + 1], at.W1, at.b1, at.W2, at.b2, "tanh", loss).L for n in range(5)
        ]
        np.testing.assert_allclose(at.losses, one_by_one, rtol=1e-13)
        assert pytest.approx(np.mean(one_by_one), rel=1e-13) == at.L


def test_the_same_seed_gives_the_same_run_and_weights_do_not_follow_the_data() -> None:
    first, again, other = (run(4, 3, 4, 3, "tanh", "mse", seed) for seed in (5, 5, 6))
    assert all(
        np.array_equal(getattr(first, f.name), getattr(again, f.name))
        for f in fields(first)
        if f.name in ("X", "Y", "W1", "b1", "W2", "b2")
    )
    assert not np.array_equal(first.W1, other.W1)
    assert not np.array_equal(first.X, other.X)
    np.testing.assert_array_equal(run(8, 3, 4, 3, "tanh", "mse", 5).W1, first.W1)
    np.testing.assert_array_equal(first.X, np.round(first.X, 1))


# Outer products


@every_net
@pytest.mark.parametrize("layer", [1, 2])
def test_an_outer_product_is_the_gradient_of_one_example(activation: str, loss: str, layer: int) -> None:
    at = run(4, 3, 4, 3, activation, loss, 3)
    seen = []
    for n in range(4):
        alone = torch_pass(passes(at.X[n : n + 1], at.Y[n : n + 1], at.W1, at.b1, at.W2, at.b2, activation, loss))
        seen.append(alone[f"W{layer}"].grad.numpy())
        part = outer_product(at, layer, n)
        np.testing.assert_allclose(part.product, seen[-1], rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(part.product, np.outer(part.x, part.delta), rtol=1e-15)
        np.testing.assert_allclose(part.mean, np.mean(seen, axis=0), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(part.mean, at.gradients[f"W{layer}"], rtol=1e-12, atol=1e-15)


# Jacobians


@every_net
def test_jacobians_are_torch_s(activation: str, loss: str) -> None:
    at = run(4, 3, 5, 3, activation, loss, 1)
    W2, b2, Y = torch.tensor(at.W2), torch.tensor(at.b2), torch.tensor(at.Y)
    for n in range(4):
        whole = {
            "A1/Z1": (ACTIVATIONS[activation], at.Z1[n]),
            "Z2/A1": (lambda a: a @ W2 + b2, at.A1[n]),
            "P/Z2": (lambda z: torch.softmax(z, 0), at.Z2[n]),
            "l/Z2": (
                (lambda z, n=n: torch.nn.functional.cross_entropy(z[None], Y[n : n + 1])[None])
                if loss == "cross_entropy"
                else (lambda z, n=n: torch.nn.functional.mse_loss(z, Y[n])[None]),
                at.Z2[n],
            ),
        }
        assert set(jacobian_names(loss)) == set(whole) - ({"P/Z2"} if loss == "mse" else set())
        for which in jacobian_names(loss):
            function, point = whole[which]
            expected = torch_jacobian(function, torch.tensor(point)).numpy()
            np.testing.assert_allclose(jacobian(at, which, n).matrix, expected, rtol=1e-11, atol=1e-15, err_msg=which)


def test_the_jacobians_in_a_row_give_the_gradient() -> None:
    """The chain rule for one example: dl/dZ2 dZ2/dA1 dA1/dZ1 = delta of layer 1; and dl/dZ2 = -(dP/dZ2)[y] / P[y]."""
    at = run(4, 3, 5, 3, "tanh", "cross_entropy", 1)
    J = {which: jacobian(at, which, 2).matrix for which in jacobian_names("cross_entropy")}
    np.testing.assert_allclose((J["l/Z2"] @ J["Z2/A1"] @ J["A1/Z1"])[0], outer_product(at, 1, 2).delta, rtol=1e-12)
    y = at.Y[2].argmax()
    np.testing.assert_allclose(J["l/Z2"][0], -J["P/Z2"][y] / at.P[2, y], rtol=1e-12)
    np.testing.assert_allclose(J["P/Z2"].sum(axis=0), 0, atol=1e-15)


def test_a_jacobian_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ExplainerError, match=r"'P/Z2' with the loss 'mse'; choose A1/Z1, Z2/A1 or l/Z2"):
        jacobian(run(2, 2, 2, 2, "relu", "mse", 0), "P/Z2")


# Stages


@every_net
def test_stages_go_forward_then_backward_and_end_at_the_inputs(activation: str, loss: str) -> None:
    walk = stages(run(4, 3, 5, 2, activation, loss, 0))
    made = [s.result[0] for s in walk]
    loss_stages = ["P", "L"] if loss == "cross_entropy" else ["L"]
    assert made == [
        "Z1",
        "A1",
        "Z2",
        *loss_stages,
        *(f"∂L/∂{name}" for name in ("Z2", "W2", "b2", "A1", "Z1", "W1", "b1", "X")),
    ]
    directions = [s.direction for s in walk]
    assert directions == sorted(directions, reverse=True)
    assert all(1 <= len(s.operands) <= 3 for s in walk)


@every_net
def test_a_stage_s_result_follows_from_its_operands(activation: str, loss: str) -> None:
    at = run(4, 3, 5, 2, activation, loss, 0)
    for stage in stages(at):
        name, result = stage.result
        M = list(stage.operands.values())
        if "@" in stage.shapes:
            np.testing.assert_allclose(
                M[0] @ M[1] + (M[2] if len(M) == 3 else 0), result, rtol=1e-12, atol=1e-15, err_msg=name
            )
        elif "∗" in stage.shapes:
            np.testing.assert_allclose(M[0] * M[1], result, rtol=1e-12, err_msg=name)
        elif "sum over" in stage.shapes:
            np.testing.assert_allclose(M[0].sum(axis=0, keepdims=True), result, rtol=1e-12, err_msg=name)
        elif name == "∂L/∂Z2":
            np.testing.assert_allclose(
                (M[0] - M[1]) * (1 / 4 if loss == "cross_entropy" else 2 / (4 * 2)), result, rtol=1e-12
            )
        elif name == "L":
            assert result.item() == pytest.approx(M[2].mean(), rel=1e-13)
        else:
            assert result is {"A1": at.A1, "P": at.P}[name]


@every_net
def test_shapes_say_the_sizes_of_the_matrices(activation: str, loss: str) -> None:
    at = run(4, 3, 5, 2, activation, loss, 0)
    for stage in stages(at):
        letters, here = stage.shapes.split(", here ")
        assert re.sub(r"\b[NDHK]\b", lambda letter: str(at.sizes[letter[0]]), letters) == here
        said = re.findall(r"\(([\d, ]*)\)", here)
        shapes = [M.shape for M in stage.operands.values()]
        first = tuple(int(size) for size in said[0].split(", "))
        assert first == shapes[0]
        last = tuple(int(size) for size in said[-1].split(", ") if size)
        result = stage.result[1].shape
        assert result == {0: (1, 1), 1: (1, *last), 2: last}[len(last)]


def worked(latex: str) -> float:
    """The middle of an entry, "name = expression = number", reckoned out."""
    text = latex.split(" = ")[1]
    text = re.sub(r"e\^\{([^}]*)\}", r"exp(\1)", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", text)
    text = text.replace(r"\big(", "*(" if text.startswith("((") else "(").replace(r"\big)", ")").replace(r"\cdot", "*")
    text = re.sub(r"\\(mathrm\{ReLU\}|tanh|sigma)", lambda m: {"m": "relu", "t": "tanh", "s": "sigmoid"}[m[1][0]], text)
    names = {"exp": np.exp, "tanh": np.tanh, "relu": lambda z: max(z, 0.0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    return float(eval(text, {"__builtins__": {}}, names))


@every_net
@pytest.mark.parametrize("seed", range(4))
def test_the_worked_entry_is_the_result_s_first_entry(activation: str, loss: str, seed: int) -> None:
    """Its numbers are rounded to three digits, so its sum agrees to about that."""
    at = run(4, 3, 5, 2, activation, loss, seed)
    for stage in stages(at):
        told = float(re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", stage.entry.split(" = ")[-1]))
        first = stage.result[1].flat[0]
        assert told == pytest.approx(first, rel=5.1e-3)
        assert worked(stage.entry) == pytest.approx(first, abs=8e-3 * max(1.0, abs(first))), stage.title


def test_steps_carry_the_stages_words() -> None:
    at = run(4, 3, 5, 2, "relu", "mse", 0)
    for step, stage in zip(steps(at), stages(at), strict=True):
        assert step.title == f"{stage.direction.capitalize()}: {stage.title}"
        assert tuple(step.latex) == (stage.latex, stage.entry)
        assert step.text == stage.shapes


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (-0.0, "0"), (1.23456, "1.23"), (-2e-5, r"-2 \cdot 10^{-5}"), (1234567.0, r"1.23 \cdot 10^{6}")],
)
def test_numbers_in_latex(value: float, text: str) -> None:
    assert number(value) == text


def test_what_stands_after_a_sign_is_in_brackets() -> None:
    assert signed(-1.5) == "(-1.5)"
    assert signed(1.5) == "1.5"
    assert dot([1.0, -2.0], [0.5, 1e-6]) == r"1 \cdot 0.5 + (-2) \cdot (1 \cdot 10^{-6})"
