"""Paths from L back to a leaf: closed forms, brute force over all paths, and their sum against the backward pass."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper import Graph, parse
from core.backprop_stepper.spec import FORMULAS
from core.backprop_stepper.vanishing import farthest_leaf, vanishing
from core.errors import ExplainerError
from tests.core.formula.formulas import built, formulas


def all_paths(graph: Graph, source: int) -> list[tuple[tuple[int, ...], float]]:
    """Every path from L to `source` with its product, one after the other."""
    found, open_paths = [], [((graph.loss.id,), 1.0)]
    while open_paths:
        path, product = open_paths.pop()
        node = graph.nodes[path[-1]]
        if node.id == source:
            found.append((path, product))
        open_paths += [((*path, i), product * d) for i, d in zip(node.inputs, node.local or (), strict=False)]
        assert len(open_paths) < 100_000
    return found


def test_a_sigmoid_chain_by_closed_form() -> None:
    found = vanishing(parse("sigmoid(sigmoid(sigmoid(x)))", {"x": 0.0}))
    s1, s2, s3 = 0.5, 1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(-1 / (1 + math.exp(-0.5))))
    slopes = [s * (1 - s) for s in (s3, s2, s1)]
    assert found.leaf == "x"
    assert found.longest.nodes == (3, 2, 1, 0)
    assert [(f.node, f.input) for f in found.longest.factors] == [(3, 2), (2, 1), (1, 0)]
    assert [f.local for f in found.longest.factors] == pytest.approx(slopes, rel=1e-14)
    running = [slopes[0], slopes[0] * slopes[1], math.prod(slopes)]
    assert [f.product for f in found.longest.factors] == pytest.approx(running, rel=1e-14)
    assert [f.log10 for f in found.longest.factors] == pytest.approx([math.log10(p) for p in running], rel=1e-12)
    assert (found.path_count, found.longest) == (1, found.strongest)
    assert found.sum_over_paths == pytest.approx(found.gradient, rel=1e-14)


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_random_graphs_against_all_paths(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    graph.backward()
    for name, leaf in graph.leaves.items():
        found = vanishing(graph, name)
        paths = all_paths(graph, leaf.id)
        scale = max([1.0, *(abs(product) for _, product in paths)])
        assert found.path_count == len(paths)
        assert len(found.longest.nodes) == max(len(path) for path, _ in paths)
        assert found.longest.nodes in [path for path, _ in paths]
        assert abs(found.strongest.product) == pytest.approx(max(abs(p) for _, p in paths), rel=1e-9, abs=1e-300)
        assert found.sum_over_paths == pytest.approx(sum(p for _, p in paths), rel=1e-9, abs=1e-10 * scale)
        assert found.sum_over_paths == pytest.approx(found.gradient, rel=1e-9, abs=1e-10 * scale)
        assert found.longest.product in [p for path, p in paths if path == found.longest.nodes]


def test_the_default_is_the_leaf_farthest_from_the_loss() -> None:
    assert vanishing(parse("y*tanh(tanh(x))", {"x": 1, "y": 1})).leaf == "x"
    assert farthest_leaf(parse(*FORMULAS["deep_sigmoid"])) == "w1"
    assert farthest_leaf(parse("x + y", {"x": 1, "y": 1})) == "x"


def test_paths_are_counted_where_they_cannot_be_listed() -> None:
    doubling = ";".join(["a0=x+x"] + [f"a{k}=a{k - 1}+a{k - 1}" for k in range(1, 38)] + ["a37"])
    found = vanishing(parse(doubling, {"x": 1.0}))
    assert found.path_count == 2**38
    assert found.sum_over_paths == found.gradient == 2.0**38
    assert found.strongest.product == 1.0


def test_the_shared_weight_has_two_paths_that_add_up() -> None:
    found = vanishing(parse(*FORMULAS["shared_weight"]), "w")
    outer = 2 * (0.8 * 1.2 - 2)
    assert found.path_count == 2
    assert found.longest.product == pytest.approx(outer * 0.8 * 1.5, rel=1e-13)
    assert found.strongest.product == pytest.approx(outer * 1.2, rel=1e-13)
    assert found.gradient == pytest.approx(found.longest.product + outer * 1.2, rel=1e-13)


def test_a_zero_slope_has_no_logarithm_and_the_product_stays_zero() -> None:
    found = vanishing(parse("tanh(relu(x)) * 3", {"x": -1.0}))
    assert [f.product for f in found.longest.factors] == [3.0, 3.0, 0.0]
    assert found.longest.factors[-1].log10 == -math.inf
    assert found.gradient == found.sum_over_paths == 0.0


def test_the_logarithm_is_right_where_the_product_underflows() -> None:
    formula = "a = x*1e-6**20; b = a*1e-6**20; b*1e-6**16"
    factors = vanishing(parse(formula, {"x": 1.0})).longest.factors
    assert factors[-1].product == 0.0
    assert factors[-1].log10 == pytest.approx(-336, abs=1e-9)


def test_the_loss_itself_may_be_the_leaf() -> None:
    found = vanishing(parse("x", {"x": 3.0}))
    assert (found.longest.nodes, found.longest.factors, found.longest.product) == ((0,), (), 1.0)
    assert (found.path_count, found.sum_over_paths, found.gradient) == (1, 1.0, 1.0)


def test_what_has_no_path_is_said() -> None:
    graph = parse("h = tanh(x); h*y", {"x": 1, "y": 1})
    with pytest.raises(ExplainerError, match="'q' is no leaf of the formula; choose x or y"):
        vanishing(graph, "q")
    cut = graph.with_value(1, 0.5)
    with pytest.raises(ExplainerError, match="no path leads from 'x'"):
        vanishing(cut, "x")
    assert vanishing(cut).leaf == "y"
    with pytest.raises(ExplainerError, match="depends on no leaf"):
        vanishing(parse("1 + 2", {}))
    with pytest.raises(ExplainerError, match="depends on no leaf"):
        vanishing(graph.with_value(graph.loss.id, 1.0))
