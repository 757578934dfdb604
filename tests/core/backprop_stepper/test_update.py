"""Optimizers against torch.optim step by step, predictions against the loss itself, contours against pointwise forward."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.backprop_stepper import Graph, parse
from core.backprop_stepper.spec import FORMULAS
from core.backprop_stepper.update import Slot, adam, loss_contour, momentum, sgd, step, train
from core.errors import ExplainerError
from core.formula.checks import torch_functions


def graph_of(preset: str) -> Graph:
    return parse(*FORMULAS[preset])


def torch_path(graph: Graph, names: list[str], make, steps: int) -> list[list[float]]:
    """The leaves' values along torch.optim's way down."""
    w = {name: torch.tensor(graph.leaves[name].value, dtype=torch.float64, requires_grad=True) for name in names}
    optimizer, path = make(list(w.values())), []
    for _ in range(steps + 1):
        path.append([tensor.item() for tensor in w.values()])
        optimizer.zero_grad()
        torch_loss(graph, w).backward()
        optimizer.step()
    return path


def torch_loss(graph: Graph, w: dict[str, torch.Tensor]) -> torch.Tensor:
    tensors: list[torch.Tensor] = []
    for node in graph.nodes:
        if node.inputs:
            tensors.append(torch_functions()[node.op](*[tensors[i] for i in node.inputs]))
        else:
            tensors.append(w.get(node.label, torch.tensor(node.value, dtype=torch.float64)))
    return tensors[-1]


OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.1),
    "momentum": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.8),
    "adam": lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.8, 0.999), eps=1e-8),
}


@pytest.mark.parametrize("preset", ["neuron", "xor", "rnn"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_follows_torch_step_by_step(optimizer: str, preset: str) -> None:
    graph = graph_of(preset)
    names = [name for name in graph.leaves if name[0] not in "xy"]
    expected = torch_path(graph, names, OPTIMIZERS[optimizer], 30)
    states = list(train(graph, names, optimizer, 0.1, 0.8, 30))
    assert [state.step for state in states] == list(range(31))
    for state, values in zip(states, expected, strict=True):
        assert list(state.values.values()) == pytest.approx(values, rel=1e-9, abs=1e-12)
        assert state.loss == graph.with_values(state.values).forward()
        assert dict(state.gradients) == {n: g for n, g in graph.with_values(state.values).gradients().items() if n in names}  # fmt: skip
        assert state.stopped == ""


def test_first_steps_by_hand() -> None:
    assert sgd(2.0, Slot(), 0.1, 0.9) == (-0.2, Slot(t=1))
    assert momentum(2.0, Slot(m=1.0, t=1), 0.1, 0.9) == (pytest.approx(-0.29), Slot(m=2.9, t=2))
    dw, slot = adam(2.0, Slot(), 0.1, 0.9)
    assert dw == pytest.approx(-0.1, rel=1e-8)  # the first step of Adam has the length of the learning rate
    assert (slot.m, slot.v, slot.t) == (pytest.approx(0.2), pytest.approx(0.004), 1)
    assert adam(0.0, Slot(), 0.1, 0.9)[0] == 0.0
    assert adam(-2.0, slot, 0.1, 0.9)[0] == pytest.approx(0.1 * 0.02 / 0.19 / 2, rel=1e-7)


def test_a_step_of_sgd_on_a_parabola_predicts_and_lands() -> None:
    update = step(parse("x**2 + y", {"x": 3, "y": 1}), ["x"], {}, "sgd", 0.25)
    assert [(m.name, m.w, m.g, m.dw, m.new_w) for m in update.moves] == [("x", 3.0, 6.0, -1.5, 1.5)]
    assert (update.loss, update.predicted, update.actual) == (10.0, 1.0, 3.25)
    assert update.graph.leaves["x"].value == 1.5
    assert update.state == {"x": Slot(t=1)}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_prediction_is_right_to_first_order(optimizer: str) -> None:
    graph = graph_of("xor")
    errors = []
    for alpha in (1e-3, 1e-4):
        update = step(graph, list(graph.leaves), {}, optimizer, alpha)
        errors.append(abs(update.predicted - update.actual))
        assert update.predicted < update.loss
    assert errors[1] == pytest.approx(errors[0] / 100, rel=0.1)


def test_state_is_carried_and_not_changed_in_place() -> None:
    graph = parse("x**2", {"x": 1})
    first = step(graph, ["x"], {}, "momentum", 0.1, 0.5)
    second = step(first.graph, ["x"], first.state, "momentum", 0.1, 0.5)
    assert first.state["x"] == Slot(m=2.0, t=1)
    assert second.moves[0].dw == pytest.approx(-0.1 * (0.5 * 2.0 + 1.6))


def test_only_trainable_leaves_move() -> None:
    states = list(train(parse("w*x", {"w": 1, "x": 2}), ["w"], "sgd", 0.1, steps=2))
    assert [dict(state.values) for state in states] == [{"w": 1.0}, {"w": 0.8}, {"w": pytest.approx(0.6)}]


def test_a_step_out_of_the_domain_ends_training_with_the_reason() -> None:
    graph = parse("log(x)", {"x": 0.5})
    update = step(graph, ["x"], {}, "sgd", 1.0)
    assert update.actual is None
    assert "positive" in update.reason
    states = list(train(graph, ["x"], "sgd", 1.0, steps=10))
    assert len(states) == 1
    assert "positive" in states[0].stopped


def test_divergence_ends_training_with_the_reason() -> None:
    states = list(train(parse("x**2", {"x": 1}), ["x"], "sgd", 5.0, steps=400))
    assert len(states) == 7  # x is multiplied by -9 each step, and 9**7 is beyond a million
    assert "must be a number from -1e6 to 1e6" in states[-1].stopped
    assert [state.values["x"] for state in states] == [(-9.0) ** k for k in range(7)]
    assert [state.stopped for state in states[:-1]] == [""] * 6


def test_arriving_where_there_is_no_gradient_ends_training_with_the_reason() -> None:
    states = list(train(parse("sqrt(x)", {"x": 0.25}), ["x"], "sgd", 0.25, steps=9))
    assert [state.loss for state in states] == [0.5, 0.0]
    assert "infinite" in states[-1].stopped


def test_the_last_state_asks_for_no_step_beyond_it() -> None:
    states = list(train(parse("log(x)", {"x": 0.5}), ["x"], "sgd", 1.0, steps=0))
    assert [state.stopped for state in states] == [""]


def test_a_start_without_value_and_unknown_names_are_errors() -> None:
    graph = parse("log(x)", {"x": -1})
    with pytest.raises(ExplainerError, match="positive"):
        next(train(graph, ["x"], "sgd", 0.1))
    with pytest.raises(ExplainerError, match="'q' is no leaf of the formula; choose x"):
        step(parse("x", {"x": 1}), ["q"], {}, "sgd", 0.1)
    with pytest.raises(ExplainerError, match="'lion' is unknown; choose sgd, momentum or adam"):
        next(train(parse("x", {"x": 1}), ["x"], "lion", 0.1))


@pytest.mark.parametrize(("name_x", "name_y"), [("v1", "v2"), ("w11", "c"), ("y", "x2"), ("c", "w11")])
def test_contour_against_forward_at_every_point(name_x: str, name_y: str) -> None:
    graph = graph_of("xor")
    graph.forward()
    contour = loss_contour(graph, name_x, name_y, (-1.0, 2.0), (0.5, 3.0), n=7)
    assert contour.x.tolist() == np.linspace(-1, 2, 7).tolist()
    for i, y in enumerate(contour.y.tolist()):
        for j, x in enumerate(contour.x.tolist()):
            assert contour.z[i, j] == graph.with_values({name_x: x, name_y: y}).forward()


def test_contour_range_reaches_around_the_current_values() -> None:
    contour = loss_contour(parse("x*y", {"x": 5, "y": -0.5}), "x", "y", n=3)
    assert contour.x.tolist() == [0.0, 5.0, 10.0]
    assert contour.y.tolist() == [-2.5, -0.5, 1.5]
    assert contour.z.tolist() == [[-0.0, -12.5, -25.0], [-0.0, -2.5, -5.0], [0.0, 7.5, 15.0]]


def test_contour_is_empty_where_the_formula_has_no_value() -> None:
    contour = loss_contour(parse("log(x) + sqrt(y)", {"x": 1, "y": 1}), "x", "y", (-1.0, 1.0), (-1.0, 1.0), n=3)
    assert np.isnan(contour.z).tolist() == [[True, True, True], [True, True, False], [True, True, False]]
    assert contour.z[1:, 2].tolist() == [0.0, 1.0]


def test_contour_follows_an_edited_value() -> None:
    graph = parse("h = x*2; h + y + x", {"x": 1, "y": 1}).with_value(2, 10.0)
    contour = loss_contour(graph, "x", "y", (0.0, 1.0), (0.0, 1.0), n=2)
    assert contour.z.tolist() == [[10.0, 11.0], [11.0, 12.0]]


def test_contour_refuses_what_is_no_leaf_or_twice_the_same() -> None:
    graph = parse("x*y", {"x": 1, "y": 1})
    with pytest.raises(ExplainerError, match="two different leaves"):
        loss_contour(graph, "x", "x")
    with pytest.raises(ExplainerError, match="'z' is no leaf"):
        loss_contour(graph, "x", "z")
