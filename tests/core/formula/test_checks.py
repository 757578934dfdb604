"""The three columns agree on random graphs, say so at kinks, and would disagree if a rule were wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper.spec import FORMULAS
from core.formula import parse
from core.formula.checks import compare, finite_difference, torch_functions, torch_gradients
from core.formula.operations import OPERATIONS
from tests.core.formula.formulas import built, formulas


def test_torch_has_a_function_for_every_operation() -> None:
    assert set(torch_functions()) == set(OPERATIONS)


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_random_graphs_three_ways(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    found = compare(graph)
    scale = max([1.0, *(abs(node.value) for node in graph.nodes)])
    scale = max([scale, *(abs(row.ours) for row in found.rows if row.ours is not None)])
    assert found.largest_off_autograd <= 1e-11 * scale
    for row in found.rows:
        assert row.difference is None or row.off_difference <= 2e-5 * scale**2
    assert all(row.ours is None for row in found.rows if graph.nodes[row.node].op == "const")


@pytest.mark.parametrize("preset", FORMULAS)
def test_presets_three_ways(preset: str) -> None:
    found = compare(parse(*FORMULAS[preset]))
    assert found.largest_off_autograd < 1e-14
    assert found.largest_off_difference < 1e-8
    assert all(row.difference is not None for row in found.rows if row.ours is not None)


def test_every_intermediate_node_is_perturbed_itself() -> None:
    graph = parse("h = w*x; h*h*x", {"w": 2.0, "x": 3.0})
    rows = {row.label: row for row in compare(graph).rows}
    assert rows["h"].ours == 36.0  # 2 h x: x is held while h moves
    assert rows["h"].difference == pytest.approx(36.0, rel=1e-8)
    assert rows["x"].difference == pytest.approx(2 * 6 * 2 * 3 + 36, rel=1e-8)


def test_constants_have_no_gradient_in_any_column_and_loss_has_one() -> None:
    rows = compare(parse("2*x + (1 + 3)", {"x": 5.0})).rows
    by_label = [(row.label, row.ours, row.autograd) for row in rows]
    assert by_label == [("2", None, None), ("x", 2.0, 2.0), ("×", 1.0, 1.0), ("1", None, None), ("3", None, None), ("+", None, None), ("+", 1.0, 1.0)]  # fmt: skip
    assert [row.difference is None for row in rows] == [row.ours is None for row in rows]


@pytest.mark.parametrize("formula", ["relu(x)", "leaky_relu(x)", "abs(x)", "max(x, 0)", "min(0, x)", "abs(2*x) + x"])
def test_at_a_kink_there_is_no_finite_difference_and_no_false_alarm(formula: str) -> None:
    graph = parse(formula, {"x": 0.0})
    found = compare(graph)
    row = found.rows[graph.leaves["x"].id]
    assert row.difference is None
    assert row.at_kink
    assert found.largest_off_autograd == 0.0
    assert found.largest_off_difference < 1e-9


def test_beside_a_kink_there_is_one() -> None:
    graph = parse("relu(x) + relu(y)", {"x": 0.1, "y": 0.0})
    rows = {row.label: row for row in compare(graph).rows}
    assert rows["x"].difference == pytest.approx(1.0, rel=1e-9)
    assert not rows["x"].at_kink
    assert rows["y"].at_kink


def test_a_kink_that_the_node_cannot_cross_is_none() -> None:
    row = compare(parse("max(x, x)", {"x": 2.0})).rows[0]
    assert row.difference == pytest.approx(1.0, rel=1e-9)


def test_at_the_edge_of_the_domain_no_difference_is_defined() -> None:
    graph = parse("x**1.5", {"x": 0.0})
    graph.backward()
    assert finite_difference(graph, 0) == (None, False)
    assert compare(graph).rows[0].ours == compare(graph).rows[0].autograd == 0.0


def test_an_edited_value_is_a_leaf_in_all_three() -> None:
    graph = parse("h = tanh(w*x); h*h + w", {"w": 0.5, "x": 2.0})
    edited = graph.with_value(3, 3.0)
    found = compare(edited)
    assert torch_gradients(edited)[:3] == [1.0, 0.0, 0.0]
    assert [row.ours for row in found.rows[:4]] == [1.0, 0.0, 0.0, 6.0]
    assert found.largest_off_difference < 1e-8


def test_a_wrong_rule_shows_in_both_distances() -> None:
    graph = parse("tanh(w*x)", {"w": 0.5, "x": 2.0})
    forward, local = graph.rules[3]
    wrong = graph.with_rules({3: (forward, lambda *at: tuple(-d for d in local(*at)))})
    found = compare(wrong)
    slope = 1 - math.tanh(1.0) ** 2
    assert found.largest_off_autograd == pytest.approx(2 * 2 * slope, rel=1e-12)
    assert found.largest_off_difference == pytest.approx(2 * 2 * slope, rel=1e-8)


def test_a_formula_without_leaves_compares_to_nothing() -> None:
    found = compare(parse("2 + 3", {}))
    assert (found.largest_off_autograd, found.largest_off_difference) == (0.0, 0.0)
