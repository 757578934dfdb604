"""The parser: what it builds, what it refuses and in which words, and that no text whatever makes it do anything else."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.backprop_stepper.spec import FORMULAS
from core.errors import ExplainerError
from core.formula import Graph, leaf_names, parse
from core.formula.operations import FUNCTIONS

VALUES = {"x": 0.5, "y": 2.0, "w": -1.5}


def value(formula: str, **values: float) -> float:
    return parse(formula, values).forward()


def refusal(formula: str, **values: float) -> str:
    with pytest.raises(ExplainerError) as error:
        parse(formula, values or VALUES)
    return str(error.value)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("2 - 3 - 4", -5.0),
        ("2/4/2", 0.25),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("(-2)**2", 4.0),
        ("2**-1", 0.5),
        ("--3", 3.0),
        ("+3", 3.0),
        ("1e3 + .5 + 1_0 + 0x10", 1026.5),
        ("max(1, 5, 3) - min(4, 2, 3)", 3.0),
        ("mse(1, 3, 2, 2)", 2.0),
        ("softmax_cross_entropy(1, 0, 0)", math.log(2)),
        ("a = 2; b = a*a; b + a", 6.0),
        ("a = 2\n\n  b = a*a  # squared\n\tb + a;", 6.0),
        ("a = 2\r\na*3", 6.0),
        ("(1 +\n 2)", 3.0),
    ],
)
def test_numbers_and_precedence_are_those_of_python(formula: str, expected: float) -> None:
    assert value(formula) == pytest.approx(expected, rel=1e-15)


def test_every_use_of_a_name_is_one_node_and_every_number_its_own() -> None:
    graph = parse("h = w*x; h*h + 2*x - 2", {"w": 1, "x": 1, "unused": 5})
    assert [(node.op, node.label) for node in graph.nodes] == [
        ("leaf", "w"), ("leaf", "x"), ("mul", "h"), ("mul", "×"), ("const", "2"), ("mul", "×"), ("add", "+"),
        ("const", "2"), ("sub", "−"),
    ]  # fmt: skip
    assert graph.nodes[3].inputs == (2, 2)
    assert [node.id for node in graph.nodes] == list(range(9))
    assert all(i < node.id for node in graph.nodes for i in node.inputs)


def test_a_definition_may_name_a_leaf_a_number_or_another_definition() -> None:
    graph = parse("a = x; b = a; c = 3; d = b*c; e = d; e", {"x": 2})
    assert [node.label for node in graph.nodes] == ["x", "3", "d"]
    assert graph.forward() == 6.0
    assert [n.label for n in parse("σ = 2*x; q = sigmoid(x); q*σ", {"x": 1}).nodes if n.inputs] == ["σ", "q", "×"]


def test_a_negative_number_is_one_constant_and_a_negated_name_an_operation() -> None:
    assert [node.op for node in parse("-2 * -x", {"x": 1}).nodes] == ["const", "leaf", "neg", "mul"]
    assert parse("-2 * -x", {"x": 1}).nodes[0].value == -2.0


def test_max_of_several_is_folded_and_the_class_is_no_node() -> None:
    graph = parse("max(x, 1, 2) + softmax_cross_entropy(2, x, 1, 2)", {"x": 1})
    assert [node.op for node in graph.nodes if node.inputs] == ["max", "max", "softmax_cross_entropy", "add"]
    fused = graph.nodes[-2]
    assert (fused.params, len(fused.inputs)) == ((2,), 3)


def test_spans_are_places_in_the_formula_also_after_wide_letters_and_indents() -> None:
    formula = "λ = tanh(α*x)\n    λ*λ + 12.5"
    graph = parse(formula, {"α": 1, "x": 2})
    pieces = [formula[slice(*node.span)] for node in graph.nodes]
    assert pieces == ["α", "x", "α*x", "tanh(α*x)", "λ*λ", "12.5", "λ*λ + 12.5"]


def test_names_that_look_alike_are_the_same_name() -> None:
    assert leaf_names("ﬁ + µ") == ["fi", "μ"]  # NFKC: the ligature and the micro sign
    assert value("ﬁ + µ", **{"ﬁ": 1.0, "µ": 2.0}) == 3.0
    assert value("ｔａｎｈ(x)", x=1.0) == math.tanh(1.0)


def test_leaf_names_come_in_order_of_first_use_without_definitions() -> None:
    assert leaf_names("h = w*x + b; (h - y)**2 + w") == ["w", "x", "b", "y"]
    for formula, values in FORMULAS.values():
        assert sorted(leaf_names(formula)) == sorted(values)
    with pytest.raises(ExplainerError, match="unknown function"):
        leaf_names("foo(x)")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("1 + foo(x)", ["unknown function at column 5: 'foo(x)'", "choose exp, log", "or mse"]),
        ("x + q*2", ["unknown name at column 5: 'q'", "known names: x, y or w"]),
        ("x(2)", ["unknown function", "a product is written a*(b)"]),
        ("tanh", ["a function without its brackets at column 1", "tanh(a)"]),
        ("tanh(x, y)", ["tanh was given 2 arguments", "write tanh(a)"]),
        ("2*tanh()", ["tanh was given 0 arguments at column 3: 'tanh()'"]),
        ("max(x)", ["max was given 1 argument at", "max(a, b, ...)"]),
        ("mse(x, 1, 2)", ["mse was given 3 arguments", "mse(p0, y0, p1, y1, ...)"]),
        ("mse()", ["mse was given 0 arguments"]),
        ("tanh(*x)", ["keywords and stars"]),
        ("tanh(a=x)", ["keywords and stars"]),
        ("tanh(x, **y)", ["keywords and stars"]),
        ("softmax_cross_entropy(x, 1, 2)", ["a class", "softmax_cross_entropy(k, z0, z1, ...)"]),
        ("softmax_cross_entropy(2, x, y)", ["whole number below"]),
        ("softmax_cross_entropy(-1, x, y)", ["whole number below"]),
        ("softmax_cross_entropy(1.0, x, y)", ["whole number below"]),
        ("softmax_cross_entropy(True, x, y)", ["whole number below"]),
        ("softmax_cross_entropy(0, x)", ["two or more logits"]),
        ("softmax_cross_entropy()", ["two or more logits"]),
        ("x.real", ["a dot (attribute) is not allowed at column 1: 'x.real'"]),
        ("(1).__class__", ["attribute"]),
        ("x.tanh(1)", ["unknown function"]),
        ("x[0]", ["square brackets"]),
        ("[x]", ["square brackets"]),
        ("[x for x in y]", ["not allowed"]),
        ("{x}", ["not allowed"]),
        ("lambda: x", ["lambda"]),
        ("x < y", ["comparison"]),
        ("x if y else w", ["'if'"]),
        ("x and y", ["not allowed"]),
        ("not x", ["unknown operator"]),
        ("~x", ["unknown operator"]),
        ("x // y", ["unknown operator"]),
        ("x % y", ["unknown operator"]),
        ("x @ y", ["unknown operator"]),
        ("x^2", ["unknown operator", "powers are written x**2"]),
        ("x, y", ["comma"]),
        ("(x := 1)", ["':='"]),
        ("*x", ["star"]),
        ("'text'", ["text is not allowed"]),
        ("f'{x}'", ["text is not allowed"]),
        ("b'1'", ["text is not allowed"]),
        ("True", ["only real numbers"]),
        ("None", ["only real numbers"]),
        ("...", ["only real numbers"]),
        ("2j", ["only real numbers"]),
        ("yield x", ["not allowed"]),
        ("await x", ["not allowed"]),
        ("", ["empty", "try"]),
        (" \n\t ", ["empty"]),
        ("# x", ["empty"]),
        ("x +", ["cannot be read at column 4"]),
        ("2x", ["cannot be read at column 1: '2x'", "2*x"]),
        ("tanh x", ["cannot be read at column 6: 'x'"]),
        ("(x", ["'(' was never closed"]),
        ("x)", ["unmatched ')'"]),
        ("(x]", ["does not match"]),
        ("a = 1;\na + + * 2", ["line 2, column 7"]),
        ("(" * 250 + "x" + ")" * 250, ["501 characters"]),
        ("(" * 240 + "x" + ")" * 240, ["cannot be read"]),
        ("x\0", ["a character that cannot be read at column 2"]),
        ("x\x0c", ["a character that cannot be read"]),
        ("\ud800", ["a character that cannot be read"]),
        ("x\u2028y", ["a character that cannot be read"]),
        ("x $ y", ["cannot be read at column 3"]),
        ("import os", ["the last part must be the loss"]),
        ("h = x", ["the last part must be the loss"]),
        ("x += 1", ["the last part must be the loss"]),
        ("del x", ["the last part must be the loss"]),
        ("x; y", ["this part is no definition at column 1: 'x'"]),
        ("import os; x", ["this part is no definition"]),
        ("a = b = x; a*b", ["this part is no definition"]),
        ("a, b = x; a*b", ["this part is no definition"]),
        ("x.a = 1; x", ["this part is no definition"]),
        ("a: int = 1; a", ["this part is no definition"]),
        ("x = 1; x", ["'x' is defined in the formula and also given a value"]),
        ("tanh = 1; tanh", ["already a function at column 1: 'tanh'"]),
        ("a = 1; a = 2; a", ["already defined at column 8: 'a'"]),
        ("b = 2*a; a = 1; a*b", ["used before its definition at column 10: 'a'"]),
        ("a = a; a", ["used before its definition"]),
        ("a = tanh(x); y", ["'a' is never used at column 5: 'tanh(x)'"]),
        ("1000001", ["outside -1e6 to 1e6 at column 1"]),
        ("x - 1e999", ["outside -1e6 to 1e6 at column 5: '1e999'"]),
        ("-2e6", ["outside -1e6 to 1e6"]),
        ("9" * 400, ["outside -1e6 to 1e6"]),
        ("x**101", ["the exponent is outside -100 to 100 at column 4: '101'"]),
        ("x**-100.5", ["the exponent is outside -100 to 100"]),
        ("+".join(["x*1"] * 110), ["more than 200 nodes"]),
        ("x" * 501, ["501 characters; at most 500"]),
    ],
)
def test_what_is_refused_is_named_with_its_place(formula: str, words: list[str]) -> None:
    message = refusal(formula)
    for word in words:
        assert word in message


def test_long_pieces_are_shortened_in_messages() -> None:
    message = refusal("foo(" + "x + " * 60 + "x)")
    assert "'foo(x + x" in message
    assert "…'" in message
    assert len(message) < 300


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e6 + 1, "abc", "1", None, True, 1j, [1], 10**400])
def test_values_must_be_finite_numbers_up_to_a_million(bad: object) -> None:
    with pytest.raises(ExplainerError, match=r"the value of 'x' is .*; it must be a number from -1e6 to 1e6"):
        parse("x*2", {"x": bad})


def test_the_limits_themselves_are_allowed() -> None:
    assert value("x + 1000000", x=-1e6) == 0.0
    assert value("x**100 + x**-100", x=1) == 2.0
    assert len(parse("+".join(["x"] * 200), {"x": 1}).nodes) == 200
    assert len("x + " + "0" * 496) == 500
    assert value("x + " + "0" * 496, x=3) == 3.0


def test_values_that_are_not_used_may_be_anything() -> None:
    assert value("2*x", x=1, y=math.nan) == 2.0


def test_functions_of_the_builtins_and_of_the_engine_are_out_of_reach() -> None:
    for name in ("eval", "exec", "open", "print", "__import__", "getattr", "add", "mul", "pow", "softmax", "parse"):
        assert name not in FUNCTIONS
        assert "unknown function" in refusal(f"{name}(x)")


@pytest.mark.timeout(60)
def test_a_formula_that_would_take_for_ever_to_compute_is_refused_at_once() -> None:
    for formula in ("9**9**9**9**9", "2**(2**(2**(2**(2**99))))", "(((9**99)**99)**99)**99", "x**99**99"):
        with pytest.raises(ExplainerError):
            parse(formula, VALUES).forward()


def explanation(formula: str, values: dict[str, float]) -> str:
    """The words with which a formula is refused, "" if it is not. Any other exception gets through and fails the test."""
    try:
        graph = parse(formula, values)
        graph.forward()
        graph.backward()
    except ExplainerError as problem:
        return str(problem)
    assert isinstance(graph, Graph)
    assert all(math.isfinite(node.value) for node in graph.nodes)
    assert all(math.isfinite(g) for g in graph.gradients().values())
    return ""


def only_a_graph_or_an_explanation(formula: str) -> None:
    told = explanation(formula, VALUES)
    assert "Traceback" not in told
    assert "ast." not in told
    assert "\n" not in told


HOSTILE = settings(max_examples=600)


@HOSTILE
@given(st.text(max_size=60))
@example("x\\\n+y")
@example("'\\d'")
@example("1if x else 2")
@example("-" * 400 + "x")
@example("tanh(" * 90 + "x" + ")" * 90)
@example("0_0.x")
@example("\ufeffx")
@example("x\u00a0+ y")
@example("#\ud83d\n=x")
@example("é=x;é*é")
def test_any_text_gives_a_graph_or_an_explanation(formula: str) -> None:
    only_a_graph_or_an_explanation(formula)


TOKENS = ["x", "y", "w", "q", "h", "1", "0", "2.5", "1e6", "+", "-", "*", "/", "**", "(", ")", ",", ";", "=", " ", "\n", "tanh(",
          "log(", "sqrt(", "max(", "mse(", "softmax_cross_entropy(", "exp(", ".", "[", "]", ":", "lambda ", "if ", "else ",
          "'", '"', "\\", "{", "}", "@", "^", "!", "==", ":=", "import ", "__", "#", "\t", "é", "∑", "²"]  # fmt: skip


@HOSTILE
@given(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join))
def test_any_heap_of_tokens_gives_a_graph_or_an_explanation(formula: str) -> None:
    only_a_graph_or_an_explanation(formula)


def test_broken_presets_give_a_graph_or_an_explanation() -> None:
    draws, refused = random.Random(0), 0
    for formula, values in FORMULAS.values():
        for _ in range(40):
            at = draws.randrange(len(formula))
            broken = formula[:at] + draws.choice(TOKENS) + formula[at + draws.randrange(3) :]
            refused += bool(explanation(broken, values))
    assert 100 < refused < 40 * len(FORMULAS)
