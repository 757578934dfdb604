"""From the Spec to graph, training run and slice: against plain loops with torch.optim and pointwise forward passes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.backprop_stepper import SPEC, edited, graph_of, numbers, parse
from core.backprop_stepper.compute import axes, first_step, leaves_of, slice_of, training
from core.backprop_stepper.spec import EXAMPLES, FORMULAS
from core.errors import ExplainerError
from core.formula import Graph
from core.formula.checks import torch_functions

MAKE = {
    "sgd": lambda w, rate, beta: torch.optim.SGD(w, lr=rate),
    "momentum": lambda w, rate, beta: torch.optim.SGD(w, lr=rate, momentum=beta),
    "adam": lambda w, rate, beta: torch.optim.Adam(w, lr=rate, betas=(beta, 0.999), eps=1e-8),
}


def in_torch(graph: Graph, moved: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of `graph` with these leaves, by torch's own functions."""
    tensors: list[torch.Tensor] = []
    for node in graph.nodes:
        if node.inputs:
            keywords = {"k": node.params[0]} if node.params else {}
            tensors.append(torch_functions()[node.op](*[tensors[i] for i in node.inputs], **keywords))
        else:
            tensors.append(
                moved[node.label]
                if node.op == "leaf" and node.label in moved
                else torch.tensor(node.value, dtype=torch.float64)
            )
    return tensors[-1]


def plain_loop(spec: SPEC, graph: Graph, names: list[str]) -> tuple[list[list[float]], list[float]]:
    """Values of the leaves `names` and losses along torch.optim's way."""
    moved = {name: torch.tensor(graph.leaves[name].value, dtype=torch.float64, requires_grad=True) for name in names}
    optimizer = MAKE[spec.optimizer](list(moved.values()), spec.rate, spec.beta)
    values, losses = [], []
    for _ in range(spec.steps + 1):
        loss = in_torch(graph, moved)
        values.append([w.item() for w in moved.values()])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return values, losses


def test_the_default_neuron_in_closed_form() -> None:
    o = math.tanh(-0.8 * 2 + 0.6 * 0.5 + 0.7)
    slope = 2 * (o - 1) * (1 - o**2)
    expected = {
        "L": (o - 1) ** 2,
        "dL/dw1": slope * 2,
        "dL/dx1": slope * -0.8,
        "dL/dw2": slope * 0.5,
        "dL/dx2": slope * 0.6,
        "dL/db": slope,
        "dL/dy": -2 * (o - 1),
    }
    found = numbers(SPEC())
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-13)


def test_values_and_edits_of_the_spec_reach_the_graph() -> None:
    graph = graph_of(SPEC(formula="h = tanh(w*x); h*w", values="w=2, x=3", edits="3=0.5"))
    assert (graph.leaves["w"].value, graph.leaves["x"].value) == (2.0, 3.0)
    assert graph.nodes[3].value == 0.5
    assert graph.loss.value == 1.0
    assert graph.gradients() == {"w": 0.5, "x": 0.0}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"formula": "2 + 3"}, "the formula has numbers only"),
        ({"formula": "w +"}, "cannot be read"),
        ({"formula": "w/x", "values": "x=0"}, "division by zero"),
        ({"formula": "w", "values": "w"}, "value 'w' cannot be used"),
        ({"formula": "w", "values": "w=1e7"}, "cannot be used"),
        ({"edits": "99=1"}, "node 99 does not exist"),
        ({"edits": "-1=1"}, "node -1 does not exist"),
        ({"edits": "w=1"}, "write node=number"),
        ({"formula": "sqrt(x)", "values": "x=0"}, "derivative of sqrt"),
    ],
)
def test_what_cannot_be_computed_is_said(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ExplainerError, match=sentence):
        graph_of(SPEC(**settings))


def test_leaves_are_known_where_the_loss_is_not() -> None:
    assert leaves_of(SPEC(formula="w/x", values="x=0")) == {"w": 0.5, "x": 0.0}


def test_editing_a_leaf_changes_its_value_another_node_is_cut() -> None:
    spec = SPEC(formula="tanh(w*x)", values="x=3")
    graph = graph_of(spec)  # nodes: w, x, w*x, tanh
    assert edited(spec, graph, 0, 0.25) == {"values": "x=3.0, w=0.25"}
    assert edited(spec, graph, 1, -1e-12) == {"values": "x=-1e-12"}
    assert edited(spec, graph, 2, 4.0) == {"edits": "2=4.0"}
    again = SPEC(**{**spec.as_dict(), "edits": "2=4.0"})
    assert edited(again, graph_of(again), 3, 0.5) == {"edits": "2=4.0, 3=0.5"}
    assert edited(again, graph_of(again), 2, 5.0) == {"edits": "2=5.0"}
    for change in (edited(spec, graph, 0, 0.25), edited(spec, graph, 2, 4.0)):
        graph_of(SPEC(**{**spec.as_dict(), **change}))


@pytest.mark.parametrize("preset", ["neuron", "xor", "xor_all", "softmax_fused", "rnn"])
@pytest.mark.parametrize("optimizer", MAKE)
def test_training_is_torch_s_plain_loop(optimizer: str, preset: str) -> None:
    spec = SPEC(formula=FORMULAS[preset][0], optimizer=optimizer, rate=0.07, beta=0.8, steps=25)
    graph = graph_of(spec)
    run = training(spec, graph)
    names = [name for name in graph.leaves if name[0] not in "xyt"]
    assert run.names == tuple(names)
    values, losses = plain_loop(spec, graph, names)
    np.testing.assert_allclose(run.values, values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-9, atol=1e-12)
    assert run.stopped == ""
    one = first_step(spec, graph)
    assert one.loss == pytest.approx(losses[0], rel=1e-12)
    assert one.actual == pytest.approx(losses[1], rel=1e-12)
    assert one.predicted == pytest.approx(
        losses[0] + sum(graph.gradients()[n] * (values[1][k] - values[0][k]) for k, n in enumerate(names)), rel=1e-9
    )


def test_only_chosen_leaves_move() -> None:
    spec = SPEC(trained="x1, b", steps=3)
    run = training(spec, graph_of(spec))
    assert run.names == ("x1", "b")
    values, losses = plain_loop(spec, graph_of(spec), ["x1", "b"])
    np.testing.assert_allclose(run.values, values, rtol=1e-12)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-12)


def test_a_run_that_leaves_the_formula_s_domain_ends_with_its_reason() -> None:
    """w - log w from w = 1 with rate 10 and a constant pull: after the first step w is negative."""
    spec = SPEC(formula="2*w - log(w)", values="w=1", rate=10.0, steps=5)
    run = training(spec, graph_of(spec))
    assert run.losses.tolist() == [2.0]
    assert run.values.tolist() == [[1.0]]
    assert "log needs a positive number" in run.stopped
    assert first_step(spec, graph_of(spec)).actual is None


def test_a_diverging_run_keeps_every_finite_loss() -> None:
    spec = SPEC(formula="w**2", values="w=1", rate=10.0, steps=400)  # w is multiplied by 1 - 2 * 10 = -19
    run = training(spec, graph_of(spec))
    np.testing.assert_allclose(run.values[:, 0], [(-19.0) ** k for k in range(len(run.losses))], rtol=1e-12)
    assert len(run.losses) == 5  # (-19)^5 is beyond a million
    assert run.stopped


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({}, ("w1", "w2")), ({"axis_x": "y"}, ("y", "w1")), ({"axis_x": "y", "axis_y": "b"}, ("y", "b")), ({"axis_y": "b"}, ("b", "w1")),
        ({"axis_x": "b", "axis_y": "b"}, ("b", "w1")), ({"axis_x": "nobody"}, ("w1", "w2")), ({"trained": "y"}, ("y", "w1")),
        ({"formula": "w**2"}, None), ({"formula": "w*x"}, ("w", "x")),
    ],
)  # fmt: skip
def test_axes_of_the_contour(settings: dict[str, str], chosen: tuple[str, str] | None) -> None:
    spec = SPEC(**settings)
    assert axes(spec, graph_of(spec)) == chosen


@pytest.mark.parametrize("names", [("v1", "v2"), ("y", "w11"), ("x1", "y")])
def test_the_slice_is_the_loss_point_by_point_and_holds_the_way(names: tuple[str, str]) -> None:
    spec = SPEC(formula=FORMULAS["xor"][0], rate=0.3, steps=30)
    graph = graph_of(spec)
    run = training(spec, graph)
    field, path = slice_of(graph, names, run)
    still = {name: leaf.value for name, leaf in graph.leaves.items()}
    for j in (0, 7, 40):
        for i in (0, 20, 40):
            there = {**still, names[0]: field.x[j], names[1]: field.y[i]}
            assert field.z[i, j] == pytest.approx(parse(spec.formula, there).forward(), rel=1e-12)
    assert path.shape == (31, 2)
    for axis, name, grid in zip(path.T, names, (field.x, field.y), strict=True):
        moved = run.values[:, run.names.index(name)] if name in run.names else np.full(31, still[name])
        np.testing.assert_array_equal(axis, moved)
        assert grid[0] <= min(axis.min(), axis[0] - 2)
        assert grid[-1] >= max(axis.max(), axis[0] + 2)
        assert grid[-1] - grid[0] <= 4 + 1.3 * np.ptp(axis) + 1e-9


@pytest.mark.parametrize("example", [e for e in EXAMPLES if "mode" not in e.settings], ids=lambda e: e.slug)
def test_every_preset_s_numbers_are_torch_s(example) -> None:
    spec = SPEC(**example.settings)
    graph = graph_of(spec)
    leaves = {
        name: torch.tensor(leaf.value, dtype=torch.float64, requires_grad=True) for name, leaf in graph.leaves.items()
    }
    loss = in_torch(graph, leaves)
    loss.backward()
    expected = {"L": loss.item(), **{f"dL/d{name}": w.grad.item() for name, w in leaves.items()}}
    assert numbers(spec) == pytest.approx(expected, rel=1e-11, abs=1e-14)
