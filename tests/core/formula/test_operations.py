"""Each row of the table: values and derivatives against torch, corner points, and what the row says about itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.formula.checks import torch_functions
from core.formula.operations import FUNCTIONS, OPERATIONS, Operation, softmax

HALF_LINE = {"log": (1e-300, 1e-3, 0.5, 1.0, 2.0, 1e6), "sqrt": (1e-12, 0.25, 1.0, 2.0, 1e6)}
LINE = (-1000.0, -30.0, -2.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 2.0, 19.999, 20.0, 20.001, 30.0, 1000.0)
PAIRS = {
    "div": ((1.0, 2.0), (-3.0, 0.5), (0.0, -2.0), (1e5, 1e-5)),
    "pow": ((2.0, 3.0), (0.5, -1.5), (4.0, 0.5), (1.0, 0.0), (1e-3, 2.0), (7.0, 1.0), (1.5, 100.0)),
}
ANY_PAIR = ((1.0, 2.0), (2.0, 1.0), (1.5, 1.5), (-1.0, -1.0), (0.0, 0.0), (-3.0, 4.0), (1e6, -1e-6))
UNARY = [name for name, operation in OPERATIONS.items() if operation.arity == 1]
BINARY = [name for name, operation in OPERATIONS.items() if operation.arity == 2]


def against_torch(name: str, inputs: tuple[float, ...], **keywords: int) -> None:
    """Value and derivatives of an operation, ours and torch's."""
    params = tuple(keywords.values())
    tensors = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in inputs]
    expected = torch_functions()[name](*tensors, **keywords)
    expected.backward()
    out = OPERATIONS[name].forward(*params, *inputs)
    assert out == pytest.approx(expected.item(), rel=1e-13, abs=1e-300)
    slopes = [tensor.grad.item() for tensor in tensors]
    assert OPERATIONS[name].local(out, *params, *inputs) == pytest.approx(slopes, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_input(name: str) -> None:
    points = HALF_LINE.get(name, [a for a in LINE if name != "exp" or a < 709])
    for a in points:
        against_torch(name, (a,))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_inputs_with_ties(name: str) -> None:
    for pair in PAIRS.get(name, ANY_PAIR):
        against_torch(name, pair)


@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("z", [(0.0, 0.0, 0.0), (1.0, -2.0, 0.5), (1000.0, 0.0, -1000.0), (-1e6, 1e6, 1e6)])
def test_softmax_cross_entropy_also_where_exp_would_overflow(z: tuple[float, ...], k: int) -> None:
    against_torch("softmax_cross_entropy", z, k=k)


@pytest.mark.parametrize("py", [(1.0, 3.0), (0.5, 0.5), (1.0, 0.0, -2.0, 3.0), (1.0, 2.0, 3.0, 4.0, 5.0, 7.0)])
def test_mse(py: tuple[float, ...]) -> None:
    against_torch("mse", py)


def test_softmax_is_a_distribution_and_ignores_a_common_shift() -> None:
    assert softmax((0.0, math.log(3.0))) == pytest.approx((0.25, 0.75), rel=1e-15)
    assert softmax((1000.0, 1000.0 + math.log(3.0))) == pytest.approx((0.25, 0.75), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "inputs", "slopes"),
    [
        ("relu", (0.0,), (0.0,)),
        ("leaky_relu", (0.0,), (0.01,)),
        ("abs", (0.0,), (0.0,)),
        ("max", (2.0, 2.0), (0.5, 0.5)),
        ("min", (2.0, 2.0), (0.5, 0.5)),
        ("max", (3.0, 2.0), (1.0, 0.0)),
        ("min", (3.0, 2.0), (0.0, 1.0)),
        ("gelu", (0.0,), (0.5,)),
        ("softplus", (0.0,), (0.5,)),
        ("sigmoid", (0.0,), (0.25,)),
        ("pow", (0.0, 2.0), (0.0,)),
        ("pow", (0.0, 1.0), (1.0,)),
        ("pow", (0.0, 0.0), (0.0,)),
        ("pow", (-2.0, 3.0), (12.0,)),
    ],
)
def test_corner_points_by_hand(name: str, inputs: tuple[float, ...], slopes: tuple[float, ...]) -> None:
    operation = OPERATIONS[name]
    assert operation.local(operation.forward(*inputs), *inputs)[: len(slopes)] == slopes


def test_derivatives_that_do_not_exist_are_not_finite() -> None:
    assert OPERATIONS["sqrt"].local(0.0, 0.0) == (math.inf,)
    assert OPERATIONS["pow"].local(0.0, 0.0, 0.5)[0] == math.inf
    assert math.isnan(OPERATIONS["pow"].local(4.0, -2.0, 2.0)[1])


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("div", (1.0, 0.0), "division by zero"),
        ("log", (0.0,), "positive"),
        ("log", (-1.0,), "positive"),
        ("sqrt", (-1e-9,), "not negative"),
        ("exp", (710.0,), "too large"),
        ("pow", (0.0, -1.0), "division by zero"),
        ("pow", (-8.0, 0.5), "whole exponent"),
        ("pow", (2.0, 100.5), "exponent 100.5 is outside -100 to 100"),
        ("pow", (2.0, -101.0), "exponent -101 is outside -100 to 100"),
    ],
)
def test_where_there_is_no_value_the_rule_raises_and_the_domain_says_why(name, inputs, words) -> None:
    with pytest.raises((ArithmeticError, ValueError)):
        OPERATIONS[name].forward(*inputs)
    assert words in OPERATIONS[name].domain(*inputs)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("div", (1.0, -1e-9)), ("log", (1e-9,)), ("sqrt", (0.0,)), ("exp", (708.9,)), ("pow", (0.0, 0.0)),
     ("pow", (-8.0, 3.0)), ("pow", (2.0, -100.0)), ("add", (1.0, 2.0))],
)  # fmt: skip
def test_where_there_is_a_value_the_domain_says_nothing(name: str, inputs: tuple[float, ...]) -> None:
    assert math.isfinite(OPERATIONS[name].forward(*inputs))
    assert OPERATIONS[name].domain(*inputs) == ""


def points_of(operation: Operation) -> list[tuple[float, ...]]:
    if operation.arity == 2:
        return list(PAIRS.get(operation.name, ANY_PAIR))
    return [(a,) for a in HALF_LINE.get(operation.name, (-2.0, -0.5, 0.0, 0.5, 1.0, 19.0, 21.0))]


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_the_derivative_told_in_words_is_the_one_computed(name: str) -> None:
    operation = OPERATIONS[name]
    assert len(operation.slopes) == operation.arity
    for inputs in points_of(operation):
        out = operation.forward(*inputs)
        names = {
            **vars(math),
            "sigmoid": OPERATIONS["sigmoid"].forward,
            "sign": np.sign,
            **dict(zip("ab", inputs, strict=False)),
            "out": out,
        }
        told = [eval(text, names) for text in operation.slopes]
        assert told == pytest.approx(operation.local(out, *inputs), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_a_derivative_reads_only_what_the_table_says_is_saved(name: str) -> None:
    operation = OPERATIONS[name]
    for inputs in points_of(operation):
        out = operation.forward(*inputs)
        for k, correct in enumerate(operation.local(out, *inputs)):
            needed = operation.needed_for(k)
            kept = [value if "ab"[j] in needed else math.nan for j, value in enumerate(inputs)]
            assert operation.local(out if "output" in needed else math.nan, *kept)[k] == correct


def test_fused_operations_say_what_they_save() -> None:
    assert OPERATIONS["softmax_cross_entropy"].needed_for(2) == ("probabilities",)
    assert OPERATIONS["mse"].needed_for(3) == ("inputs",)


@pytest.mark.parametrize(
    ("name", "inputs", "latex"),
    [
        ("div", ("a", "b"), r"\frac{a}{b}"),
        ("pow", ("(-2)", "3"), "{(-2)}^{3}"),
        ("mul", ("w", "x"), r"w \cdot x"),
        ("tanh", ("z",), r"\tanh\left(z\right)"),
        ("softmax_cross_entropy", ("z_0", "z_1"), r"-\log\,\mathrm{softmax}\left(z_0, z_1\right)"),
    ],
)
def test_latex(name: str, inputs: tuple[str, ...], latex: str) -> None:
    assert OPERATIONS[name].to_latex(*inputs) == latex


def test_every_row_has_latex_with_balanced_braces_and_every_function_a_usage() -> None:
    for name, operation in OPERATIONS.items():
        latex = operation.to_latex(*["u", "v"][: operation.arity or 2])
        assert "u" in latex
        assert latex.count("{") == latex.count("}")
        assert (name in FUNCTIONS) == operation.usage.startswith(f"{name}(")
