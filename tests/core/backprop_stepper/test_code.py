"""The exported script, run in this process: it prints the page's numbers, whatever the formula, names, values and edits."""

from __future__ import annotations

import ast
import io
import warnings
from contextlib import redirect_stdout

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.backprop_stepper import SPEC, Graph, format_values, graph_of, graph_script, numbers, parse, script
from core.errors import ExplainerError
from core.formula.operations import OPERATIONS
from tests.core.formula.formulas import built, formulas


def printed(code: str) -> dict[str, float]:
    """Run a script; its lines "name = number". What it asserts about torch must hold, and nothing may warn."""
    out = io.StringIO()
    with redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, "script", "exec"), {"__name__": "__main__"})
    pairs = (line.split(" = ") for line in out.getvalue().splitlines() if line.count(" = ") == 1)
    return {name: float(value) for name, value in pairs}


def check(formula: str, values: dict[str, float] | None = None, edits: str = "") -> dict[str, float]:
    spec = SPEC(formula=formula, values=format_values(values or {}), edits=edits)
    found = printed(script(spec))
    assert list(found) == list(numbers(spec))
    assert found == pytest.approx(numbers(spec), rel=1e-9, abs=1e-12)
    return found


@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_any_formula(drawn: tuple[str, dict[str, float]]) -> None:
    assume(built(*drawn).leaves)
    check(*drawn)


@settings(max_examples=50, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(), st.data())
def test_any_formula_with_nodes_set_by_hand(drawn: tuple[str, dict[str, float]], data: st.DataObject) -> None:
    graph = built(*drawn)
    assume(graph.leaves)
    chosen = data.draw(
        st.lists(st.sampled_from([node.id for node in graph.nodes]), min_size=1, max_size=3, unique=True)
    )
    edits = {node: data.draw(st.sampled_from((0.5, -1.25, 2.0))) for node in chosen}
    for node, value in edits.items():
        graph = graph.with_value(node, value)
    drop_what_has_no_gradient(graph)
    check(*drawn, edits=format_values({str(node): value for node, value in edits.items()}))


def drop_what_has_no_gradient(graph: Graph) -> None:
    try:
        graph.backward()
    except ExplainerError:
        assume(False)
    assume(all(abs(node.value) < 1e4 and abs(node.grad or 0.0) < 1e6 for node in graph.nodes))


CALLS = {
    "add": "a + b", "sub": "a - b", "mul": "a*b", "div": "a/b", "pow": "a**b", "neg": "-a", "softmax_cross_entropy": "softmax_cross_entropy(1, a, b, a*b)",
    "mse": "mse(a, b, b, 2, a, a)", "max": "max(a, b, 0.25)", "min": "min(a, b, 0.25)",
}  # fmt: skip


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("a", [0.3, 1.0, 2.5, 25.0])
def test_every_operation_of_the_table(op: str, a: float) -> None:
    formula = CALLS.get(op, f"{op}(a)")
    assert op in {node.op for node in parse(formula, {"a": a, "b": 1.7}).nodes}
    check(f"({formula})*1.5 - 0.5*a", {"a": a, "b": 1.7})


@pytest.mark.parametrize(
    "op", ["tanh", "sigmoid", "relu", "leaky_relu", "gelu", "softplus", "sin", "cos", "abs", "exp", "neg"]
)
@pytest.mark.parametrize("a", [-30.0, -1.0, -1e-12, 0.0, -0.0])
def test_every_function_left_of_zero(op: str, a: float) -> None:
    check("-a + 1" if op == "neg" else f"{op}(a) + a", {"a": a})


@pytest.mark.parametrize(
    ("formula", "values", "expected"),
    [
        ("max(a, b)", {"a": 1.0, "b": 1.0}, {"L": 1.0, "dL/da": 0.5, "dL/db": 0.5}),
        ("min(a, b)", {"a": 1.0, "b": 1.0}, {"L": 1.0, "dL/da": 0.5, "dL/db": 0.5}),
        ("max(a, a)", {"a": 3.0}, {"L": 3.0, "dL/da": 1.0}),
        ("relu(a)", {"a": 0.0}, {"L": 0.0, "dL/da": 0.0}),
        ("abs(a)", {"a": 0.0}, {"L": 0.0, "dL/da": 0.0}),
        ("leaky_relu(a)", {"a": 0.0}, {"L": 0.0, "dL/da": 0.01}),
        ("softplus(a)", {"a": 20.5}, {"L": 20.5, "dL/da": 1.0}),
        ("softplus(a)", {"a": -800.0}, {"L": 0.0, "dL/da": 0.0}),
        ("sigmoid(a)", {"a": -800.0}, {"L": 0.0, "dL/da": 0.0}),
        ("a**2", {"a": 0.0}, {"L": 0.0, "dL/da": 0.0}),
        ("a**0", {"a": 0.0}, {"L": 1.0, "dL/da": 0.0}),
        ("a**1", {"a": 0.0}, {"L": 0.0, "dL/da": 1.0}),
        ("a**3", {"a": -2.0}, {"L": -8.0, "dL/da": 12.0}),
        ("a**-1", {"a": -2.0}, {"L": -0.5, "dL/da": -0.25}),
        ("2**a", {"a": 0.0}, {"L": 1.0, "dL/da": 0.6931471805599453}),
        ("softmax_cross_entropy(0, a, b)", {"a": 0.0, "b": 1000.0}, {"L": 1000.0, "dL/da": -1.0, "dL/db": 1.0}),
        ("gelu(exp(a))", {"a": 400.0}, {"L": 5.221469689764144e173, "dL/da": 5.221469689764144e173}),
        ("a/exp(b)", {"a": 1.0, "b": 400.0}, {"L": 1.9151695967140057e-174, "dL/da": 1.9151695967140057e-174, "dL/db": 0.0}),  # 1/b² is below the smallest float64
        ("exp(a)*exp(-a)", {"a": 700.0}, {"L": 1.0, "dL/da": 0.0}),
        ("a**b", {"a": 1e6, "b": 50.0}, {"L": 1e300, "dL/da": 5e295, "dL/db": 1.3815510557964274e301}),
        ("a**-50/1e-6", {"a": 1e-4}, {"L": 1e206, "dL/da": -5e211}),
        ("mse(exp(a), 0)", {"a": 300.0}, {"L": 3.773020300929998e260, "dL/da": 7.546040601859996e260}),
        ("a + 1e-12", {"a": 1e-300}, {"L": 1e-12, "dL/da": 1.0}),
        ("x", {"x": 2.0}, {"L": 2.0, "dL/dx": 1.0}),
        ("x - x", {"x": 2.0}, {"L": 0.0, "dL/dx": 0.0}),
    ],
)  # fmt: skip
def test_corner_points(formula: str, values: dict[str, float], expected: dict[str, float]) -> None:
    assert check(formula, values) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    "names",
    [
        ("F", "F_", "F__"), ("F", "leaf_F", "leaf_leaf_F"), ("torch", "values", "ours"), ("loss", "L", "gradients"), ("match", "case", "type"), ("_", "__", "___"),
        ("v0", "v3", "v99"), ("g_w", "w", "g_g_w"), ("g_", "g_v3", "leaf_g_"), ("e", "pi", "erf"), ("log1p", "print", "float"), ("sum", "range", "list"),
        ("a", "b", "out"), ("name", "g", "t"), ("theirs", "tensors", "by_torch"), ("zip", "dict", "len"), ("softmax", "cross_entropy", "z"), ("__debug__", "__name__", "self"),
        ("λ", "é", "ﬁ"), ("tensor", "item", "math"), ("grad", "abs_", "max_"), ("async_", "print_", "None_"),
    ],
)  # fmt: skip
def test_any_name_may_be_a_leaf(names: tuple[str, str, str]) -> None:
    p, q, r = names
    formula = f"{p} * exp({q} - {r}) + softmax_cross_entropy(1, {p}, {q}) + max({q}, {r}, {p}) + sigmoid({r})*abs({q}) + gelu({p})"
    assert len(check(formula)) == 4


@pytest.mark.parametrize(
    "formula",
    [
        "h = tanh(w*x); h*h",
        "v0 = w*x; v1 = exp(v0); v1 + w",
        "L = w*x; F = L**2; F",
        "g_w = w*2; g_w + w",
        "torch = w*x\nprint = torch**2\n\nprint",
        "a = w; a*a",
    ],
)
def test_definitions_are_no_leaves(formula: str) -> None:
    found = check(formula)
    assert set(found) <= {"L", "dL/dw", "dL/dx"}


@pytest.mark.parametrize("edits", ["0=3", "2=0.5", "3=0.5", "4=0.5", "2=0.5, 3=-1", "0=3, 4=2"])
def test_a_node_set_by_hand_is_cut_from_its_inputs(edits: str) -> None:
    """Nodes: w, x, w*x, tanh, the loss tanh * w."""
    check("tanh(w*x)*w", {"w": 0.7, "x": 1.1}, edits)


def test_what_leads_to_a_cut_is_not_differentiated() -> None:
    """sqrt has no slope at 0, and needs none: its only user was set by hand."""
    found = check("sqrt(x)*w + w", {"x": 0.0, "w": 2.0}, "3=5")
    assert found == {"L": 7.0, "dL/dx": 0.0, "dL/dw": 1.0}


@pytest.mark.parametrize("formula", ["2 + 3", "1", "exp(2)*-3", "mse(1, 2)"])
def test_a_formula_without_leaves_still_gives_a_script(formula: str) -> None:
    graph = parse(formula, {})
    graph.backward()
    assert printed(graph_script(graph)) == {"L": graph.loss.value}


def test_the_script_shows_the_formula_and_needs_numpy_and_torch_alone() -> None:
    code = script(SPEC(formula="h = w*x;\n  (h - y)**2"))
    imported = {
        name
        for node in ast.walk(ast.parse(code))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported == {"numpy", "torch", "torch.nn.functional"}
    assert "import math  # for its erf" in script(SPEC(formula="gelu(w)"))
    head = code.split("# %%\n")[0]
    assert "#     h = w*x;" in head
    assert "(h - y)**2" in head
    assert all(line.startswith("#") for line in head.strip().splitlines())


def test_the_script_keeps_every_digit() -> None:
    found = check("w*x", {"w": 0.1 + 0.2, "x": 1e-12})
    assert found == {"L": (0.1 + 0.2) * 1e-12, "dL/dw": 1e-12, "dL/dx": 0.1 + 0.2}


def test_the_script_notices_a_wrong_gradient() -> None:
    """The comparison with torch at its end is no decoration."""
    code = script(SPEC(formula="w*x"))
    assert "g_w = g_v2 * (x)" in code
    with pytest.raises(AssertionError):
        printed(code.replace("g_w = g_v2 * (x)", "g_w = g_v2 * (-x)"))


def test_the_graph_of_the_page_is_the_script_s() -> None:
    spec = SPEC(values="w1=3", edits="2=0.25")
    assert graph_script(graph_of(spec)) == script(spec)
