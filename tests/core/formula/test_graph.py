"""Forward, backward and the steps: against torch.autograd on hundreds of random graphs, and by hand where it is instructive."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper.spec import FORMULAS
from core.errors import ExplainerError
from core.formula import Graph, parse
from core.formula.checks import torch_gradients, torch_tensors
from core.formula.graph import BackwardStep, ForwardStep, SeedStep
from tests.core.formula.formulas import built, formulas

MANY = settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def run(formula: str, **values: float) -> Graph:
    graph = parse(formula, values)
    graph.forward()
    graph.backward()
    return graph


def assert_like_torch(graph: Graph) -> None:
    """Every value and every gradient as torch has them."""
    tensors = torch_tensors(graph)
    grads = torch_gradients(graph)
    scale = max(1.0, *(abs(g) for g in grads if g is not None), *(abs(n.value) for n in graph.nodes))
    for node, tensor, grad in zip(graph.nodes, tensors, grads, strict=True):
        assert node.value == pytest.approx(tensor.item(), rel=1e-10, abs=1e-12)
        if tensor.requires_grad:  # torch says 0 where backward does not arrive
            assert (node.grad or 0.0) == pytest.approx(grad, rel=1e-9, abs=1e-11 * scale)
            assert node.grad is not None or grad == 0.0
        else:
            assert node.grad is None or node is graph.loss


@MANY
@given(formulas())
def test_random_graphs_against_autograd(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    graph.backward()
    assert_like_torch(graph)


@MANY
@given(formulas())
def test_steps_retell_forward_and_backward(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    steps = graph.steps()
    operations = [node for node in graph.nodes if node.inputs]
    forward = [step for step in steps if isinstance(step, ForwardStep)]
    assert [step.node for step in forward] == [node.id for node in operations]
    assert [step.value for step in forward] == [node.value for node in operations]
    assert steps[len(forward)] == SeedStep(graph.loss.id, 1.0)
    grads = {graph.loss.id: 1.0}
    for step in steps[len(forward) + 1 :]:
        assert isinstance(step, BackwardStep)
        assert step.upstream == grads[step.node] == graph.nodes[step.node].grad
        for sent in step.contributions:
            assert sent.value == step.upstream * sent.local
            assert sent.before == grads.get(sent.input)
            assert sent.after == (sent.value if sent.before is None else sent.before + sent.value)
            grads[sent.input] = sent.after
    needed = {node.id: node.grad for node in graph.nodes if node.grad is not None}
    assert grads == needed


@pytest.mark.parametrize("preset", FORMULAS)
def test_presets_against_autograd(preset: str) -> None:
    formula, values = FORMULAS[preset]
    assert_like_torch(run(formula, **values))


@pytest.mark.parametrize(
    ("formula", "x", "slope"),
    [
        ("relu(x)", 0.0, 0.0),
        ("relu(x)", -0.0, 0.0),
        ("leaky_relu(x)", 0.0, 0.01),
        ("abs(x)", 0.0, 0.0),
        ("max(x, 0)", 0.0, 0.5),
        ("min(0, x)", 0.0, 0.5),
        ("max(x, x)", 3.0, 1.0),
        ("max(x, 0, 0)", 0.0, 0.25),
        ("x*x*x", 2.0, 12.0),
        ("x - x", 5.0, 0.0),
        ("x/x", 5.0, 0.0),
        ("x**0", 0.0, 0.0),
        ("x**x", 2.0, 4 * (1 + math.log(2))),
        ("-x**2", 3.0, -6.0),
        ("2**-x", 1.0, -math.log(2) / 2),
        ("sigmoid(1000*x)", -1.0, 0.0),
        ("softplus(1000*x)", 1.0, 1000.0),
        ("softplus(1000*x)", -1.0, 0.0),
        ("x", 4.0, 1.0),
    ],
)
def test_corner_points(formula: str, x: float, slope: float) -> None:
    assert run(formula, x=x).gradients() == {"x": pytest.approx(slope, rel=1e-14)}
    assert_like_torch(run(formula, x=x))


@pytest.mark.parametrize(
    ("formula", "nodes", "slope"),
    [
        ("x" + "*x" * 150, 151, 151 * 0.99**150),
        ("x" + " + x" * 120, 121, 121.0),
        ("-" * 150 + "x", 151, 1.0),
        ("abs(" * 99 + "x" + ")" * 99, 100, 1.0),
        (";".join(["a0=x+x"] + [f"a{k}=a{k - 1}+a{k - 1}" for k in range(1, 40)] + ["a39"]), 41, 2.0**40),
    ],
)
def test_long_chains_need_no_recursion(formula: str, nodes: int, slope: float) -> None:
    graph = run(formula, x=0.99)
    assert len(graph.nodes) == nodes
    assert graph.gradients()["x"] == pytest.approx(slope, rel=1e-12)
    assert_like_torch(graph)


def test_the_shared_weight_gets_the_sum_of_both_contributions_one_after_the_other() -> None:
    graph = run("h = relu(w*x); (w*h - y)**2", w=0.8, x=1.5, y=2.0)
    w = graph.leaves["w"].id
    sent = [c for step in graph.steps() if isinstance(step, BackwardStep) for c in step.contributions if c.input == w]
    assert [c.before for c in sent] == [None, sent[0].after]
    assert [c.value for c in sent] == pytest.approx([2 * (0.96 - 2) * 1.2, 2 * (0.96 - 2) * 0.8 * 1.5], rel=1e-14)
    assert sent[-1].after == graph.gradients()["w"]


def test_nothing_is_known_before_it_is_computed() -> None:
    graph = parse("w*x + 1", {"w": 2, "x": 3})
    assert [node.value for node in graph.nodes] == [2.0, 3.0, None, 1.0, None]
    assert {node.grad for node in graph.nodes} == {node.local for node in graph.nodes} == {None}
    assert graph.forward() == 7.0
    assert {node.grad for node in graph.nodes} == {None}
    graph.backward()
    assert [node.grad for node in graph.nodes] == [3.0, 2.0, 1.0, None, 1.0]
    assert [node.local for node in graph.nodes] == [None, None, (3.0, 2.0), None, (1.0, 1.0)]
    graph.forward()
    assert {node.grad for node in graph.nodes} == {node.local for node in graph.nodes} == {None}


def test_backward_gradients_and_steps_run_what_they_need_first() -> None:
    formula, values = "tanh(w*x)", {"w": 0.5, "x": 2.0}
    graph = parse(formula, values)
    graph.backward()
    assert graph.loss.value == math.tanh(1.0)
    assert parse(formula, values).gradients() == graph.gradients()
    assert parse(formula, values).steps() == graph.steps()


def test_backward_twice_gives_the_same() -> None:
    graph = run("h = x*y; h*h", x=2.0, y=3.0)
    once = graph.gradients()
    graph.backward()
    assert graph.gradients() == once == {"x": 36.0, "y": 24.0}


def test_constants_and_what_is_made_of_them_have_no_gradient_and_take_no_step() -> None:
    graph = run("(2 - 3)*x + sqrt(0)", x=5.0)
    assert [node.grad for node in graph.nodes if node.op in ("const", "sub", "sqrt")] == [None] * 5
    walked = {step.node for step in graph.steps() if isinstance(step, BackwardStep)}
    assert {graph.nodes[k].op for k in walked} == {"add", "mul"}
    assert run("2 + 3").steps()[-1] == SeedStep(2, 1.0)


def test_a_local_derivative_stands_at_every_edge_also_at_constants() -> None:
    graph = run("3*x**2 / 4", x=-2.0)
    assert [node.local for node in graph.nodes if node.inputs] == [(-4.0, 0.0), (4.0, 3.0), (0.25, -0.75)]


@pytest.mark.parametrize(
    ("formula", "values", "words"),
    [
        ("1 + x/(y - y)", {"x": 1, "y": 2}, ["division by zero", "column 5", "'x/(y - y)'"]),
        ("tanh(log(x))", {"x": -1}, ["log", "-1", "column 6", "'log(x)'"]),
        ("log(x)", {"x": 0}, ["positive", "got 0"]),
        ("sqrt(x)", {"x": -4}, ["sqrt", "-4"]),
        ("(-x)**0.5", {"x": 4}, ["whole exponent"]),
        ("x**-1", {"x": 0}, ["division by zero"]),
        ("x**y", {"x": 2, "y": 101}, ["exponent 101", "-100 to 100"]),
        ("9**9**9", {}, ["exponent", "column 1"]),
        ("exp(x)", {"x": 1000}, ["exp(1000)", "too large", "column 1"]),
        ("1e6**60 + x", {"x": 1}, ["too large", "pow", "'1e6**60'"]),
        ("y = x**90\ny*y*y*y", {"x": 1e3}, ["too large", "line 2, column 1"]),
    ],
)
def test_where_there_is_no_value_forward_names_the_place(formula: str, values: dict, words: list[str]) -> None:
    graph = parse(formula, values)
    with pytest.raises(ExplainerError) as error:
        graph.forward()
    for word in words:
        assert word in str(error.value)
    assert all(node.value is None for node in graph.nodes if node.inputs)


@pytest.mark.parametrize(
    ("formula", "values", "words"),
    [
        ("1 + sqrt(x)", {"x": 0}, ["sqrt", "infinite", "column 5: 'sqrt(x)'"]),
        ("x**0.5", {"x": 0}, ["pow", "infinite"]),
        ("x**y", {"x": -2, "y": 2}, ["exponent", "positive base"]),
        ("x**y", {"x": 0, "y": 2}, ["positive base"]),
    ],
)
def test_where_there_is_no_gradient_backward_names_the_place(formula: str, values: dict, words: list[str]) -> None:
    graph = parse(formula, values)
    graph.forward()
    with pytest.raises(ExplainerError) as error:
        graph.backward()
    for word in words:
        assert word in str(error.value)
    assert {node.grad for node in graph.nodes} == {node.local for node in graph.nodes} == {None}
    with pytest.raises(ExplainerError):
        graph.gradients()


def test_a_gradient_beyond_float64_is_said_in_words() -> None:
    big = parse("a = 1e6**20; b = a*a; tanh(b*tanh(b*tanh(b*x)))", {"x": 0})
    assert big.forward() == 0.0
    with pytest.raises(ExplainerError, match=r"gradient of .* is too large for a float64 \(at column"):
        big.backward()


def test_other_values_give_a_new_graph_and_leave_the_old_one() -> None:
    graph = run("w*x", w=2.0, x=3.0)
    other = graph.with_values({"w": 5, "unused": 1})
    assert [node.value for node in other.nodes] == [5.0, 3.0, None]
    assert other.gradients() == {"w": 3.0, "x": 5.0}
    assert (graph.loss.value, graph.gradients()) == (6.0, {"w": 3.0, "x": 2.0})
    with pytest.raises(ExplainerError, match="'w' is nan"):
        graph.with_values({"w": math.nan})


def test_an_edited_value_changes_what_follows_and_cuts_what_came_before() -> None:
    graph = run("h = tanh(w*x); h*h + w", w=0.5, x=2.0)
    h = next(node.id for node in graph.nodes if node.label == "h")
    edited = graph.with_value(h, 3.0)
    assert edited.forward() == 9.5
    edited.backward()
    assert edited.nodes[h].grad == 6.0
    assert edited.nodes[h].local == (0.0,)
    assert edited.gradients() == {"w": 1.0, "x": 0.0}
    assert edited.nodes[edited.nodes[h].inputs[0]].grad is None
    assert all(step.node != h for step in edited.steps() if not isinstance(step, SeedStep))
    assert_like_torch(edited)
    assert graph.forward() == pytest.approx(math.tanh(1.0) ** 2 + 0.5)


def test_edits_add_up_and_survive_other_leaf_values() -> None:
    graph = run("a = x*2; b = y*3; a*b", x=1.0, y=1.0)
    a, b = (next(node.id for node in graph.nodes if node.label == name) for name in "ab")
    both = graph.with_value(a, 5.0).with_value(b, 7.0)
    assert both.forward() == 35.0
    assert both.with_values({"x": 9.0}).forward() == 35.0
    assert both.with_value(a, 6.0).forward() == 42.0
    assert graph.with_value(a, 5.0).with_values({"y": 2.0}).gradients() == {"x": 0.0, "y": 15.0}


def test_leaves_constants_and_the_loss_can_be_edited_too() -> None:
    graph = run("2*x", x=3.0)
    two, x, loss = (node.id for node in graph.nodes)
    assert graph.with_value(x, 4.0).gradients() == {"x": 2.0}
    assert graph.with_value(two, 5.0).gradients() == {"x": 5.0}
    assert graph.with_value(two, 5.0).nodes[two].label == "5"
    fixed = graph.with_value(loss, 1.0)
    fixed.forward()
    assert (fixed.loss.value, fixed.gradients()) == (1.0, {"x": 0.0})
    assert fixed.loss.grad == 1.0


@pytest.mark.parametrize(("node", "value", "words"), [(3, 1.0, "nodes 0 to 2"), (-1, 1.0, "nodes 0 to 2"), (2, math.inf, "inf"), (2, 1e7, "1e[+]07")])  # fmt: skip
def test_edits_that_cannot_be(node: int, value: float, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        run("2*x", x=3.0).with_value(node, value)


def test_what_lies_before_a_cut_needs_no_derivative() -> None:
    graph = parse("h = sqrt(x); h + y", {"x": 0, "y": 1})
    h = next(node.id for node in graph.nodes if node.label == "h")
    inner = parse("g = sqrt(x); h = g*2; h + y", {"x": 0, "y": 1})
    assert graph.with_value(h, 4.0).gradients() == {"x": 0.0, "y": 1.0}
    assert inner.with_value(next(n.id for n in inner.nodes if n.label == "h"), 4.0).gradients() == {"x": 0.0, "y": 1.0}
