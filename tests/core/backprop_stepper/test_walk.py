"""What the walk says, step by step: names as LaTeX, and numbers that are those of the graph and multiply and add up."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper import Graph, parse, walk
from core.backprop_stepper.walk import formula_latex, number, said, symbol, variable
from core.contracts import Step
from core.formula.graph import BackwardStep, ForwardStep, SeedStep
from tests.core.formula.formulas import built, formulas

POWER = r"-?[\d.]+(?: \\cdot 10\^\{-?\d+\})?"
NUMBER = rf"(?:\\left\({POWER}\\right\)|{POWER})"
CHAIN = re.compile(
    rf"\\frac\{{\\partial L\}}\{{\\partial (?P<source>.+?)\}} (?P<sign>=|\\;\\text\{{\+=\}}\\;) "
    rf"\\frac\{{\\partial L\}}\{{\\partial (?P<node>.+?)\}} \\cdot \\frac\{{\\partial (?P=node)\}}\{{\\partial (?P=source)\}} = "
    rf"\\underbrace\{{(?P<upstream>{NUMBER})\}}_\{{\\text\{{upstream\}}\}} \\cdot \\underbrace\{{(?P<local>{NUMBER})\}}_\{{\\text\{{local\}}\}}"
    rf"(?: = (?P<value>{POWER})|:\\quad (?P<before>{NUMBER}) \+ (?P<added>{NUMBER}) = (?P<after>{POWER}))"
)


def read(latex: str) -> float:
    """The number that LaTeX of `number` shows."""
    plain = latex.removeprefix(r"\left(").removesuffix(r"\right)")
    return float(re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", plain))


def shown(value: float) -> float:
    """Four digits of it."""
    return float(f"{value:.4g}")


def film(formula: str, values: dict[str, float]) -> tuple[Graph, list[Step]]:
    graph = parse(formula, values)
    return graph, walk(graph)


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_every_number_of_the_walk_is_the_graph_s(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    graph.backward()
    stops, engine = walk(graph), graph.steps()
    assert len(stops) == 1 + len(engine)
    assert stops[0].latex == ()
    so_far = {graph.loss.id: 1.0}
    for stop, step in zip(stops[1:], engine, strict=True):
        node = graph.nodes[step.node]
        if isinstance(step, ForwardStep):
            check_forward(graph, stop, step)
        elif isinstance(step, SeedStep):
            assert stop.latex == [r"\frac{\partial L}{\partial L} = 1"]
        else:
            wanted = [(k, i) for k, i in enumerate(node.inputs) if graph.needs_grad[i]]
            assert len(stop.latex) == len(wanted)
            for latex, (k, i) in zip(stop.latex, wanted, strict=True):
                so_far[i] = check_contribution(graph, latex, node.id, k, so_far.get(i))
    for node in graph.nodes:  # the last sum is the gradient
        assert (node.id in so_far) == (node.grad is not None)
        if node.grad is not None:
            assert so_far[node.id] == pytest.approx(node.grad, rel=1e-12, abs=1e-300)


def check_forward(graph: Graph, stop: Step, step: ForwardStep) -> None:
    node, (latex,) = graph.nodes[step.node], stop.latex
    assert stop.title == f"forward, {said(node)}"
    left, *_, numbers, result = latex.split(" = ")
    assert left == symbol(node)
    assert read(result) == shown(node.value)
    for i in node.inputs:
        assert number(graph.nodes[i].value, alone=True) in numbers


def check_contribution(graph: Graph, latex: str, user: int, which: int, before: float | None) -> float:
    """The gradient of the input after this contribution, from the graph; the LaTeX shows the same, to four digits."""
    found = CHAIN.fullmatch(latex)
    assert found, latex
    node, source = graph.nodes[user], graph.nodes[graph.nodes[user].inputs[which]]
    assert (found["node"], found["source"]) == (symbol(node), symbol(source))
    assert read(found["upstream"]) == shown(node.grad)
    assert read(found["local"]) == shown(node.local[which])
    value = node.grad * node.local[which]
    if before is None:
        assert found["sign"] == "="
        assert read(found["value"]) == shown(value)
        return value
    assert "+=" in found["sign"]
    assert (read(found["before"]), read(found["added"]), read(found["after"])) == (
        shown(before),
        shown(value),
        shown(before + value),
    )
    return before + value


def test_a_square_by_hand() -> None:
    """w x - y = 1.5 * 2 - 4 = -1, L = 1: dL/d(wx - y) = -2, dL/dw = -2 * 2."""
    _, stops = film("(w*x - y)**2", {"w": 1.5, "x": 2.0, "y": 4.0})
    assert [stop.title for stop in stops] == [
        "start",
        "forward, v2 (×)",
        "forward, v4 (−)",
        "forward, v6 (xⁿ)",
        "backward begins",
        "backward, v6 (xⁿ)",
        "backward, v4 (−)",
        "backward, v2 (×)",
    ]
    assert stops[1].latex == [r"v_{2} = w \cdot x = 1.5 \cdot 2 = 3"]
    assert stops[2].latex == [r"v_{4} = v_{2} - y = 3 - 4 = -1"]
    assert stops[3].latex == [r"v_{6} = {v_{4}}^{2} = {\left(-1\right)}^{2} = 1"]
    assert "the loss is L = 1." in stops[4].text
    assert stops[5].text == "v6 (xⁿ) hands its gradient 1 on: upstream × local = contribution."
    assert stops[7].latex[0] == (
        r"\frac{\partial L}{\partial w} = \frac{\partial L}{\partial v_{2}} \cdot \frac{\partial v_{2}}{\partial w} = "
        r"\underbrace{\left(-2\right)}_{\text{upstream}} \cdot \underbrace{2}_{\text{local}} = -4"
    )
    assert len(stops[5].latex) == 1, "a constant gets no gradient"


def test_used_twice_by_two_operations_is_said_at_the_second() -> None:
    _, stops = film("h = w*x; tanh(h) + w", {"w": 0.5, "x": 0.0})
    texts = {stop.title: stop.text for stop in stops if stop.title.startswith("backward, ")}
    assert "w was reached before" in texts["backward, h"]
    assert "(+=)" in texts["backward, h"]
    assert not any("reached before" in text for title, text in texts.items() if title != "backward, h")
    added = [latex for stop in stops for latex in stop.latex if "+=" in latex]
    assert len(added) == 1
    assert added[0].endswith(r":\quad 1 + 0 = 1")


def test_used_twice_by_one_operation_is_said_there_once() -> None:
    _, stops = film("x*x", {"x": 3.0})
    assert (
        stops[-1].text
        == "v1 (×) hands its gradient 1 on: upstream × local = contribution. x was reached before, so this contribution is added to what is there (+=)."
    )
    assert stops[-1].latex[0].endswith(" = 3")
    assert stops[-1].latex[1].endswith(r":\quad 3 + 3 = 6")


def test_the_shared_weight_of_the_preset_adds_up() -> None:
    graph, stops = film("h = relu(w*x); (w*h - y)**2", {"w": 0.8, "x": 1.5, "y": 2.0})
    last = next(
        CHAIN.fullmatch(latex) for stop in reversed(stops) for latex in stop.latex if r"{\partial w} \;" in latex
    )
    assert read(last["after"]) == shown(graph.gradients()["w"]) == shown(-2 * 1.04 * 2 * 0.8 * 1.5)


def test_a_node_set_by_hand_is_a_start_not_a_step() -> None:
    graph = parse("tanh(w*x) + w", {"w": 0.5, "x": 1.0}).with_value(3, 0.25)
    stops = walk(graph)
    assert not any("v3" in stop.title for stop in stops)
    assert len(stops) == 1 + len(graph.steps())


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        ("-a", r"v_{1} = -a = -\left(-2\right) = 2"),
        ("a + b", r"v_{2} = a + b = \left(-2\right) + 1 \cdot 10^{-12} = -2"),
        ("a - b", None), ("a*a", r"v_{1} = a \cdot a = \left(-2\right) \cdot \left(-2\right) = 4"), ("b**2", r"v_{2} = {b}^{2} = {\left(1 \cdot 10^{-12}\right)}^{2} = 1 \cdot 10^{-24}"),
        ("a/4", r"v_{2} = \frac{a}{4} = \frac{\left(-2\right)}{4} = -0.5"),
        ("exp(a)", r"v_{1} = e^{a} = e^{-2} = 0.1353"),
        ("tanh(a)", r"v_{1} = \tanh\left(a\right) = \tanh\left(-2\right) = -0.964"),
        ("abs(a)", r"v_{1} = \left|a\right| = \left|-2\right| = 2"),
        ("max(a, 0)", r"v_{2} = \max\left(a, 0\right) = \max\left(-2, 0\right) = 0"),
        ("mse(a, 1)", r"v_{2} = \mathrm{mse}\left(a, 1\right) = \mathrm{mse}\left(-2, 1\right) = 9"),
        ("relu(a)", r"v_{1} = \mathrm{relu}\left(a\right) = \mathrm{relu}\left(-2\right) = 0"),
    ],
)  # fmt: skip
def test_forward_lines(formula: str, latex: str | None) -> None:
    found = film(formula, {"a": -2.0, "b": 1e-12})[1][1].latex[0]
    if latex is None:
        assert re.fullmatch(r"v_\{2\} = a - b = \\left\(-2\\right\) - .*10\^\{-12\}.* = -2", found)
    elif "a + b" in latex:
        assert found.replace(r"\left(1 \cdot 10^{-12}\right)", r"1 \cdot 10^{-12}") == latex
    else:
        assert found == latex


@pytest.mark.parametrize(
    ("value", "inside", "alone"),
    [
        (0.0, "0", "0"), (-0.0, "0", "0"), (2.0, "2", "2"), (-2.0, r"\left(-2\right)", "-2"), (0.123456, "0.1235", "0.1235"), (1e-12, r"\left(1 \cdot 10^{-12}\right)", r"1 \cdot 10^{-12}"),
        (-1e-12, r"\left(-1 \cdot 10^{-12}\right)", r"-1 \cdot 10^{-12}"), (123456.0, r"\left(1.235 \cdot 10^{5}\right)", r"1.235 \cdot 10^{5}"), (9999.9, r"\left(1 \cdot 10^{4}\right)", r"1 \cdot 10^{4}"),
    ],
)  # fmt: skip
def test_numbers_in_latex(value: float, inside: str, alone: str) -> None:
    assert (number(value), number(value, alone=True)) == (inside, alone)


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w", "w"), ("w1", "w_{1}"), ("w_1", "w_{1}"), ("w12", "w_{12}"), ("λ", "λ"), ("λ2", "λ_{2}"), ("rate", r"\mathrm{rate}"), ("learning_rate", r"\mathrm{learning\_rate}"),
        ("w1b", r"\mathrm{w1b}"), ("ww1", r"\mathrm{ww1}"), ("_", r"\_"), ("_1", r"\mathrm{\_1}"), ("größe", r"\mathrm{größe}"),
    ],
)  # fmt: skip
def test_names_in_latex(name: str, latex: str) -> None:
    assert variable(name) == latex


def test_names_in_sentences() -> None:
    graph = parse("h1 = w1*learning_rate; tanh(h1) - -2.5", {"w1": 1.0, "learning_rate": 2.0})
    assert [said(node) for node in graph.nodes] == ["w1", "learning_rate", "h1", "v3 (tanh)", "-2.5", "v5 (−)"]
    assert [symbol(node) for node in graph.nodes] == [
        "w_{1}",
        r"\mathrm{learning\_rate}",
        "h_{1}",
        "v_{3}",
        r"\left(-2.5\right)",
        "v_{5}",
    ]


def test_definitions_in_latex() -> None:
    graph = parse("h = tanh(w*x); h**2", {"w": 1.0, "x": 2.0})
    lines = formula_latex(graph, [node.id for node in graph.nodes if node.inputs])
    assert lines == [r"v_{2} &= w \cdot x", r"h &= \tanh\left(v_{2}\right)", r"v_{5} &= {h}^{2}"]


def test_a_lone_leaf_has_a_walk_too() -> None:
    graph, stops = film("x", {"x": 2.0})
    assert [stop.title for stop in stops] == ["start", "backward begins"]
    assert [type(step) for step in graph.steps()] == [SeedStep]
    assert BackwardStep not in map(type, graph.steps())
