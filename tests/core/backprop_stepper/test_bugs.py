"""The bug lab against the same bugs made in torch, and the node that goes wrong first."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from core.backprop_stepper import Graph, parse
from core.backprop_stepper.bugs import BUGS, OVERWRITE, SOFTMAX_ONCE, SOFTMAX_TWICE, first_wrong
from core.backprop_stepper.memory import memory
from core.backprop_stepper.spec import BUGS as TITLES
from core.backprop_stepper.spec import FORMULAS
from core.errors import ExplainerError
from core.formula.checks import torch_functions, torch_tensors


def ready(preset: str) -> Graph:
    graph = parse(*FORMULAS[preset])
    graph.backward()
    return graph


def buggy_leaves(graph: Graph, bug: str, place: int | None = None) -> dict[str, float]:
    rows = {row.node: row.buggy for row in first_wrong(graph, bug, place).rows}
    return {name: rows[leaf.id] or 0.0 for name, leaf in graph.leaves.items()}


def torch_leaves(graph: Graph, tensors: list[torch.Tensor]) -> dict[str, float]:
    grads = {name: tensors[leaf.id].grad for name, leaf in graph.leaves.items()}
    return {name: 0.0 if grad is None else grad.item() for name, grad in grads.items()}


def operations(graph: Graph) -> list[int]:
    return [k for k in graph.rules if graph.needs_grad[k]]


def test_the_page_offers_exactly_these_bugs() -> None:
    assert list(BUGS) == list(TITLES)
    for bug in BUGS.values():
        assert bug.wrong != bug.right
        assert all(2 <= len(code.splitlines()) <= 4 or bug.slug == "softmax_twice" for code in (bug.wrong, bug.right))


@pytest.mark.parametrize("preset", FORMULAS)
def test_no_zero_grad_is_two_backward_passes_in_torch(preset: str) -> None:
    graph = ready(preset)
    tensors = torch_tensors(graph)
    for tensor in tensors:
        if not tensor.is_leaf:
            tensor.grad = None
    tensors[-1].backward(retain_graph=True)
    tensors[-1].backward()
    assert buggy_leaves(graph, "no_zero_grad") == pytest.approx(torch_leaves(graph, tensors), rel=1e-9, abs=1e-12)
    found = first_wrong(graph, "no_zero_grad")
    assert graph.nodes[found.first].op == "leaf"
    assert all(row.wrong == (graph.nodes[row.node].op == "leaf") for row in found.rows if row.correct)


@pytest.mark.parametrize("preset", ["neuron", "xor", "rnn", "softmax_expanded", "shared_weight"])
def test_detach_at_every_node_is_detach_in_torch(preset: str) -> None:
    graph = ready(preset)
    for place in operations(graph)[:-1]:
        tensors: list[torch.Tensor] = []
        for node in graph.nodes:
            if node.inputs:
                tensor = torch_functions()[node.op](*[tensors[i] for i in node.inputs])
                tensors.append(tensor.detach() if node.id == place else tensor)
            else:
                tensors.append(torch.tensor(node.value, dtype=torch.float64, requires_grad=node.op == "leaf"))
        if tensors[-1].requires_grad:
            tensors[-1].backward()
        assert buggy_leaves(graph, "detach", place) == pytest.approx(torch_leaves(graph, tensors), rel=1e-9, abs=1e-12)
        assert first_wrong(graph, "detach", place).first in (place, None)
        assert {row.node: row.buggy for row in first_wrong(graph, "detach", place).rows}[place] is None


class WrongSign(torch.autograd.Function):
    """Identity with a negated gradient: put behind an operation, it negates what that operation passes back."""

    @staticmethod
    def forward(ctx, out):
        return out.clone()

    @staticmethod
    def backward(ctx, grad):
        return -grad


@pytest.mark.parametrize("preset", FORMULAS)
def test_wrong_sign_at_every_node_is_a_negated_backward_in_torch(preset: str) -> None:
    graph = ready(preset)
    for place in operations(graph):
        tensors: list[torch.Tensor] = []
        for node in graph.nodes:
            if node.inputs:
                keywords = {"k": node.params[0]} if node.params else {}
                tensor = torch_functions()[node.op](*[tensors[i] for i in node.inputs], **keywords)
                tensors.append(WrongSign.apply(tensor) if node.id == place else tensor)
            else:
                tensors.append(torch.tensor(node.value, dtype=torch.float64, requires_grad=node.op == "leaf"))
        tensors[-1].backward()
        found = first_wrong(graph, "wrong_sign", place)
        assert buggy_leaves(graph, "wrong_sign", place) == pytest.approx(torch_leaves(graph, tensors), rel=1e-9, abs=1e-12)  # fmt: skip
        assert found.first is None or found.first < place


@pytest.mark.parametrize("preset", [name for name in FORMULAS if name not in ("softmax_fused", "xor_all")])
def test_in_place_at_every_saved_node_is_a_data_edit_in_torch(preset: str) -> None:
    graph = ready(preset)
    places = memory(graph).activations
    assert places
    for place in places:
        tensors = torch_tensors(graph)
        tensors[place].data.add_(OVERWRITE)
        tensors[-1].backward()
        assert buggy_leaves(graph, "in_place", place) == pytest.approx(torch_leaves(graph, tensors), rel=1e-9, abs=1e-12)  # fmt: skip


def test_torch_notices_an_in_place_edit_that_bypasses_nothing() -> None:
    graph = ready("neuron")
    tensors = torch_tensors(graph)
    place = first_wrong(graph, "in_place").planted
    with torch.no_grad():
        tensors[place].add_(OVERWRITE)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation") as error:
        tensors[-1].backward()
    said = "one of the variables needed for gradient computation has been modified by an inplace operation"
    assert said in str(error.value)
    assert said in BUGS["in_place"].torch_says


def test_what_torch_says_when_everything_is_detached() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.tensor(1.0).backward()
    assert str(error.value) in BUGS["detach"].torch_says


@pytest.mark.parametrize("z", [(0.5, -1.0, 2.0), (0.0, 0.0, 0.0), (5.0, -5.0, 1.0)])
def test_softmax_twice_is_cross_entropy_of_probabilities_in_torch_and_the_offered_formula(z: tuple[float, ...]) -> None:
    values = {f"z{j}": value for j, value in enumerate(z)}
    logits = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    functional.cross_entropy(torch.softmax(logits, dim=0), torch.tensor(1)).backward()
    found = buggy_leaves(parse(SOFTMAX_ONCE, values), "softmax_twice")
    assert list(found.values()) == pytest.approx(logits.grad.tolist(), rel=1e-12, abs=1e-15)
    assert found == pytest.approx(parse(SOFTMAX_TWICE, values).gradients(), rel=1e-12, abs=1e-15)


def test_softmax_twice_changes_the_loss_that_follows_too() -> None:
    values = {"z0": 0.5, "z1": -1.0, "z2": 2.0}
    *probabilities, loss = SOFTMAX_TWICE.split("; ")
    once = parse(f"L = {SOFTMAX_ONCE}; L*L", values)
    twice = parse("; ".join([*probabilities, f"L = {loss}", "L*L"]), values)
    assert buggy_leaves(once, "softmax_twice") == pytest.approx(twice.gradients(), rel=1e-12)


def test_the_first_wrong_node_stands_right_behind_the_mistake() -> None:
    graph = parse("h = tanh(w*x); g = sigmoid(h*v); (g - y)**2", {"w": 0.5, "x": 2, "v": 1.5, "y": 0})
    graph.backward()
    id_of = {node.label: node.id for node in graph.nodes}
    product = graph.nodes[id_of["h"]].inputs[0]
    assert first_wrong(graph, "wrong_sign", id_of["h"]).first == product
    assert first_wrong(graph, "detach", id_of["h"]).first == id_of["h"]
    found = first_wrong(graph, "in_place", id_of["h"])
    assert found.first == id_of["v"]  # h*v reads h for dL/dv, and backward meets v before it meets tanh
    assert [row.node for row in found.rows] == sorted((row.node for row in found.rows), reverse=True)
    assert [row.label for row in found.rows if row.wrong] == ["v", "×", "x", "w"]
    assert found.rows[0].correct == found.rows[0].buggy == 1.0


@pytest.mark.parametrize("preset", FORMULAS)
@pytest.mark.parametrize("bug", BUGS)
def test_on_presets_a_bug_spoils_a_gradient_or_says_why_not(bug: str, preset: str) -> None:
    graph = ready(preset)
    found = first_wrong(graph, bug)
    assert found.applies == (found.first is not None)
    assert found.applies or "try" in found.reason
    rows = [row.node for row in found.rows if row.wrong]
    assert not rows or rows[0] == found.first
    assert graph.gradients() == ready(preset).gradients()


def test_a_bug_that_changes_nothing_says_so() -> None:
    found = first_wrong(parse("0*tanh(x)", {"x": 1}), "wrong_sign", 2)
    assert (found.first, found.reason) == (None, "here the bug changes no gradient")
    assert found.rows


def test_a_bug_that_leaves_no_gradient_says_so() -> None:
    found = first_wrong(parse("u = x - 1; 1/u", {"x": 0.0}), "in_place")
    assert not found.applies
    assert "no gradient at all" in found.reason


@pytest.mark.parametrize("bug", BUGS)
def test_where_a_bug_cannot_be_made_the_reason_is_told(bug: str) -> None:
    found = first_wrong(parse("1 + 2", {}), bug)
    assert not found.applies
    assert found.reason


def test_unknown_bugs_and_places_are_errors() -> None:
    graph = ready("neuron")
    with pytest.raises(ExplainerError, match="'typo' is unknown; choose no_zero_grad, detach"):
        first_wrong(graph, "typo")
    with pytest.raises(ExplainerError, match="cannot be made at node 0; choose 9"):
        first_wrong(graph, "detach", 0)
