"""The array passes against torch.autograd and against the graph of one point, corner points and points without a value included."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.errors import ExplainerError
from core.formula import Graph, parse
from core.formula.arrays import FORWARD, LOCAL, ArrayFormula
from core.formula.checks import torch_gradients
from core.formula.operations import OPERATIONS
from tests.core.formula.formulas import NAMES, formulas

CORNERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-12, 20.0, 30.0, -30.0, 1e6)
NUMBERS = st.one_of(st.sampled_from(CORNERS), st.floats(-3, 3, allow_subnormal=False))


def alone(graph: Graph, names: tuple[str, ...], point: tuple[float, ...]) -> tuple[float, ...]:
    """Value and gradient at one point: the value by the graph, the gradient by torch, NaN for what the graph refuses."""
    here = graph.with_values(dict(zip(names, point, strict=True)))
    value, gradient = np.nan, [np.nan] * len(names)
    with suppress(ExplainerError):
        value = here.forward()
        here.backward()
        by_torch = torch_gradients(here)
        gradient = [by_torch[here.leaves[name].id] if name in here.leaves else 0.0 for name in names]
    return value, *gradient


def check(formula: str, names: tuple[str, ...], points: list[tuple[float, ...]]) -> None:
    graph = parse(formula, dict.fromkeys(names, 0.0))
    arrays = ArrayFormula(graph, names)
    columns = [np.array(column) for column in zip(*points, strict=True)]
    value, *gradient = np.array([alone(graph, names, point) for point in points]).T
    np.testing.assert_allclose(arrays.value(*columns), value, rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(arrays.gradient(*columns), gradient, strict=True):
        scale = np.nanmax(np.abs([1.0, *theirs]))  # where large terms cancel, the last digits of the small rest differ
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale)


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(), st.lists(st.tuples(*[NUMBERS] * 4), min_size=1, max_size=6))
def test_any_formula_at_any_points(drawn: tuple[str, dict[str, float]], points: list[tuple[float, ...]]) -> None:
    assume(len(drawn[0]) <= 500)
    check(drawn[0], NAMES, points)


CALLS = {
    "add": "x + y", "sub": "x - y", "mul": "x*y", "div": "x/y", "pow": "x**y", "neg": "-x", "softmax_cross_entropy": "softmax_cross_entropy(1, x, y, 2)",
    "mse": "mse(x, y, y, 2)", "max": "max(x, y, 0.25)", "min": "min(x, y, 0.25)",
}  # fmt: skip
GRID = [(x, y) for x in (*CORNERS, 2.5, 700.0, 720.0) for y in (*CORNERS, 2.5)]


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_at_its_corner_points(op: str) -> None:
    check(CALLS.get(op, f"{op}(x) + y"), ("x", "y"), GRID)


def test_the_table_has_only_operations_that_exist() -> None:
    assert FORWARD.keys() | LOCAL.keys() <= OPERATIONS.keys()


@pytest.mark.parametrize(
    ("formula", "x", "known"),
    [
        ("log(x)", (-1.0, 0.0, 2.0), (False, False, True)),
        ("1/x", (0.0, 2.0, -1.0), (False, True, True)),
        ("x**0.5", (-1.0, 0.0, 4.0), (False, True, True)),
        ("x**101", (1.0, 2.0, 0.0), (False, False, False)),
        ("(0*log(x))**0", (-1.0, 1.0, 2.0), (False, True, True)),
        ("1/exp(x)", (800.0, 700.0, 0.0), (False, True, True)),
        ("1/(2 - 2) + x", (0.0, 1.0, 2.0), (False, False, False)),
    ],
)
def test_a_point_without_a_value_is_a_gap_and_the_others_stay(formula: str, x: tuple, known: tuple) -> None:
    if "101" in formula:
        formula = "x**(x*0 + 101)"  # a literal exponent is refused by the parser
    values = ArrayFormula(parse(formula, {"x": 0.0}), ["x"]).value(np.array(x))
    assert np.isfinite(values).tolist() == list(known)
    assert np.isnan(values).tolist() == [not k for k in known]


def test_a_value_without_a_slope_has_no_gradient() -> None:
    arrays = ArrayFormula(parse("sqrt(x) + y", {"x": 0.0, "y": 0.0}), ["x", "y"])
    x, y = np.array([0.0, 4.0]), np.zeros(2)
    np.testing.assert_array_equal(arrays.value(x, y), [0.0, 2.0])
    np.testing.assert_array_equal(arrays.gradient(x, y), [[np.nan, 0.25], [np.nan, 1.0]])


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 0)])
def test_any_shape_and_constants(shape: tuple[int, ...]) -> None:
    arrays = ArrayFormula(parse("3 + 2*k", {"k": 0.5}), ["x", "y"])
    x = np.ones(shape)
    np.testing.assert_array_equal(arrays.value(x, x), np.full(shape, 4.0))
    for g in arrays.gradient(x, x):
        np.testing.assert_array_equal(g, np.zeros(shape))


def test_the_order_of_names_is_the_order_of_arrays() -> None:
    arrays = ArrayFormula(parse("x - 10*y", {"x": 0.0, "y": 0.0}), ["y", "x"])
    y, x = np.array([1.0]), np.array([2.0])
    assert arrays.value(y, x)[0] == -8.0
    assert [g[0] for g in arrays.gradient(y, x)] == [-10.0, 1.0]
