"""What is saved for backward against what torch's graph really holds; checkpointing against closed forms and a simulation."""

from __future__ import annotations

import math

import pytest
import torch

from core.backprop_stepper import Graph, parse
from core.backprop_stepper.memory import BYTES, checkpointing, memory
from core.backprop_stepper.spec import FORMULAS
from core.errors import ExplainerError
from core.formula.checks import torch_functions
from core.formula.operations import OPERATIONS

ONE_OF_EACH = {
    **{name: f"{name}(u)" for name, operation in OPERATIONS.items() if operation.usage and operation.arity == 1},
    "max": "max(u, v)", "min": "min(u, v)", "add": "u + v", "sub": "u - v", "mul": "u*v", "div": "u/v", "pow": "u**v",
    "neg": "-u",
}  # fmt: skip


def torch_values(graph: Graph) -> list[torch.Tensor]:
    """The graph in torch as one writes it: a constant exponent is a plain number."""
    tensors: list[torch.Tensor] = []
    for node in graph.nodes:
        inputs = [tensors[i] for i in node.inputs]
        if node.op == "pow" and graph.nodes[node.inputs[1]].op == "const":
            inputs[1] = graph.nodes[node.inputs[1]].value
        if node.inputs:
            tensors.append(torch_functions()[node.op](*inputs))
        else:
            tensors.append(torch.tensor(node.value, dtype=torch.float64, requires_grad=node.op == "leaf"))
    return tensors


def held_by_torch(graph: Graph) -> set[int]:
    """The nodes whose tensors torch's grad_fns hold as saved tensors."""
    tensors = torch_values(graph)
    ids = {tensor.data_ptr(): node.id for node, tensor in zip(graph.nodes, tensors, strict=True) if node.op != "const"}
    held = set()
    for grad_fn in filter(None, (tensor.grad_fn for tensor in tensors)):
        for name in (name for name in dir(grad_fn) if name.startswith("_saved_")):
            saved = getattr(grad_fn, name)
            if isinstance(saved, torch.Tensor) and saved.data_ptr() in ids:
                held.add(ids[saved.data_ptr()])
    return held


@pytest.mark.parametrize("op", ONE_OF_EACH)
def test_each_operation_saves_what_torch_saves(op: str) -> None:
    second = "v = y*1; " if OPERATIONS[op].arity == 2 else ""
    graph = parse(f"u = x*1; {second}{ONE_OF_EACH[op]}", {"x": 0.5, "y": 2.0})
    assert graph.loss.op == op
    graph.forward()
    found = memory(graph)
    assert set(found.leaves) | set(found.activations) == held_by_torch(graph)


@pytest.mark.parametrize("formula", ["u = x*1; u*3", "u = x*1; 3*u", "u = x*1; u/3", "u = x*1; 3/u", "u = x*1; u*u", "u = x*1; max(u, 0.2)"])  # fmt: skip
def test_beside_a_constant_only_what_a_derivative_needs_is_saved(formula: str) -> None:
    graph = parse(formula, {"x": 0.5})
    graph.forward()
    assert set(memory(graph).activations) == held_by_torch(graph)


@pytest.mark.parametrize("preset", [name for name in FORMULAS if name not in ("softmax_fused", "xor_all")])
def test_presets_hold_what_torch_holds_once_each(preset: str) -> None:
    graph = parse(*FORMULAS[preset])
    graph.forward()
    found = memory(graph)
    assert set(found.leaves) | set(found.activations) == held_by_torch(graph)
    assert found.scalars == len(held_by_torch(graph))


def test_fused_losses_save_their_probabilities_or_their_inputs() -> None:
    fused = memory(parse("softmax_cross_entropy(1, a, b, c*2)", {"a": 1, "b": 2, "c": 3}))
    assert (fused.leaves, fused.activations, fused.own, fused.extra) == ((), (), 3, 3)
    squares = memory(parse("mse(a*2, 1, b, a)", {"a": 1, "b": 2}))
    assert ((squares.leaves, squares.activations), squares.own) == (((0, 4), (2,)), 0)


def test_leaves_cost_nothing_extra_and_bytes_are_those_of_the_type() -> None:
    found = memory(parse("tanh(w*x)", {"w": 1, "x": 2}))
    assert (found.leaves, found.activations, found.scalars, found.extra) == ((0, 1), (3,), 3, 1)
    assert [(entry.node, entry.values) for entry in found.saved] == [(2, (0, 1)), (3, (3,))]
    for name, size in BYTES.items():
        assert torch.tensor(0, dtype=getattr(torch, name)).element_size() == size


def test_constants_alone_need_nothing() -> None:
    found = memory(parse("exp(2)*exp(3) + x", {"x": 1}))
    assert found.scalars == 0


def tanh_chain(n: int) -> Graph:
    return parse("tanh(" * n + "x" + ")" * n, {"x": 0.5})


@pytest.mark.parametrize(("n", "k"), [(16, 4), (25, 5), (64, 8), (12, 3)])
def test_a_chain_in_equal_segments_by_closed_form(n: int, k: int) -> None:
    found = checkpointing(tanh_chain(n), k)
    assert found.plain == n
    assert found.peak == n // k + k - 2
    assert found.extra_operations == n - n // k
    assert [part.kept for part in found.segments[1:-1]] == [(j * n // k,) for j in range(1, k - 1)]
    assert set(found.kept) == {j * n // k for j in range(1, k - 1)} | set(range(n - n // k + 1, n + 1))
    assert set(found.kept) | set(found.dropped) == set(range(1, n + 1))
    assert not set(found.kept) & set(found.dropped)


def test_the_default_is_about_the_square_root() -> None:
    assert len(checkpointing(tanh_chain(36)).segments) == 6
    assert len(checkpointing(tanh_chain(70)).segments) == round(math.sqrt(70))
    assert len(checkpointing(parse("x*y", {"x": 1, "y": 1}), 16).segments) == 1


@pytest.mark.parametrize("preset", FORMULAS)
@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 16])
def test_a_simulated_run_with_checkpoints_needs_nothing_that_was_dropped(preset: str, k: int) -> None:
    graph = parse(*FORMULAS[preset])
    found = checkpointing(graph, k)
    sources = {node.id for node in graph.nodes if not node.inputs}
    peak, recomputed = 0, 0
    for at in reversed(range(len(found.segments))):
        part = found.segments[at]
        held = {i for earlier in found.segments[: at + 1] for i in earlier.kept}
        if part.recomputed:
            known = held | sources
            for i in part.recomputed:
                assert set(graph.nodes[i].inputs) <= known
                known.add(i)
                recomputed += 1
        own = [entry for entry in memory(graph).saved if entry.node in part.nodes]
        needed = {i for entry in own for i in entry.values if graph.nodes[i].inputs}
        peak = max(peak, len(held | needed) + sum(entry.own for entry in own))
    assert (found.peak, found.extra_operations) == (peak, recomputed)
    assert [i for part in found.segments for i in part.nodes] == list(graph.rules)
    assert found.plain == memory(graph).extra
    assert len(found.segments) > 1 or found.peak == found.plain


def test_nothing_to_cut_and_impossible_counts() -> None:
    assert checkpointing(parse("x", {"x": 1})).segments == ()
    with pytest.raises(ExplainerError, match="-1 segments"):
        checkpointing(tanh_chain(4), -1)
