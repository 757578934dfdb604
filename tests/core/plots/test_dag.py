"""The layered drawing: edges run to the right, nothing lies on anything else, and small graphs look as one would draw them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backprop_stepper.spec import FORMULAS
from core.formula import leaf_names, parse
from core.plots.dag import Drawing, layered

Inputs = list[tuple[int, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Inputs:
    """Any graph in which a node's inputs have smaller numbers."""
    count = draw(st.integers(1, 25))
    return [tuple(draw(st.lists(st.integers(0, k - 1), max_size=3))) if k else () for k in range(count)]


@st.composite
def trees(draw: st.DrawFn) -> Inputs:
    """Every node but the last is the input of exactly one other."""
    inputs, roots = [], []
    for k in range(draw(st.integers(1, 30))):
        take = draw(st.integers(0, min(3, len(roots))))
        inputs.append(tuple(roots.pop(draw(st.integers(0, len(roots) - 1))) for _ in range(take)))
        roots.append(k)
    return [*inputs, tuple(roots)]


def of(formula: str) -> Inputs:
    return [node.inputs for node in parse(formula, dict.fromkeys(leaf_names(formula), 0.5)).nodes]


def crossings(drawing: Drawing) -> int:
    """Pairs of pieces of edges that cross, by looking at every pair."""
    pieces = sorted({piece for path in drawing.paths.values() for piece in pairwise(path)})
    return sum(
        (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < 0
        for k, a in enumerate(pieces)
        for b in pieces[:k]
        if a[0][0] == b[0][0]
    )


def check(inputs: Sequence[tuple[int, ...]], drawing: Drawing) -> None:
    """All that must hold of any drawing."""
    places = list(zip(drawing.x, drawing.y, strict=True))
    assert len(places) == len(inputs)
    assert set(drawing.paths) == {(s, t) for t, sources in enumerate(inputs) for s in sources}
    bends = [point for path in drawing.paths.values() for point in path[1:-1]]
    assert len(set(places)) == len(places), "two nodes at one place"
    assert len(set(places + bends)) == len(places) + len(bends), "an edge runs through a node or along another edge"
    for (source, target), path in drawing.paths.items():
        assert (path[0], path[-1]) == (places[source], places[target])
        assert [b[0] - a[0] for a, b in pairwise(path)] == [1.0] * (len(path) - 1), "one layer to the right at a time"
        assert len(path) >= 2
    columns = {x: sorted(y for at, y in set(places + bends) if at == x) for x in set(drawing.x)}
    assert sorted(columns) == list(range(drawing.layers))
    assert max(map(len, columns.values())) == drawing.rows
    for column in columns.values():
        assert column == [k - (len(column) - 1) / 2 for k in range(len(column))], (
            "each layer is centred, one row a node"
        )


@settings(max_examples=100)
@given(graphs())
def test_any_graph_can_be_read_from_left_to_right(inputs: Inputs) -> None:
    drawing = layered(inputs)
    check(inputs, drawing)
    assert layered(inputs) == drawing


@settings(max_examples=100)
@given(trees())
def test_a_tree_has_no_crossing(inputs: Inputs) -> None:
    assert crossings(layered(inputs)) == 0


@pytest.mark.parametrize(
    ("formula", "crossed"),
    [
        ("x", 0), ("x*x", 0), ("tanh(w*x + b)", 0), ("(tanh(w1*x1 + w2*x2 + b) - y)**2", 0), (FORMULAS["deep_sigmoid"][0], 0),
        ("a*b + c*d + e*f + g*h", 0), (FORMULAS["shared_weight"][0], 0), ("h = a*b; (h + c)*(h + d)", 0), ("h = exp(x); sin(h) + cos(h)", 0),
        ("a*c + a*d + b*c + b*d", 3),  # between two layers a ring of 2n edges crosses itself n - 1 times
        (FORMULAS["xor"][0], 3),
        (FORMULAS["softmax_expanded"][0], 2),
        (FORMULAS["conv1d"][0], 18),
        (FORMULAS["rnn"][0], 7),
    ],
)  # fmt: skip
def test_small_graphs_have_no_more_crossings_than_this(formula: str, crossed: int) -> None:
    drawing = layered(of(formula))
    check(of(formula), drawing)
    assert crossings(drawing) <= crossed


def test_a_neuron_by_hand() -> None:
    """w and x beside each other at the left; b waits until it is needed."""
    drawing = layered(of("tanh(w*x + b)"))  # nodes: w, x, w*x, b, +, tanh
    assert drawing.x == (0, 0, 1, 1, 2, 3)
    assert sorted(drawing.y[:2]) == sorted(drawing.y[2:4]) == [-0.5, 0.5]
    assert drawing.y[4:] == (0, 0)
    assert (drawing.layers, drawing.rows) == (4, 2)


def test_a_long_edge_bends_once_in_every_layer_between() -> None:
    drawing = layered([(), (0,), (1,), (2, 0)])
    assert drawing.x == (0, 1, 2, 3)
    assert [x for x, _ in drawing.paths[0, 3]] == [0, 1, 2, 3]
    assert {y for _, y in drawing.paths[0, 3][1:-1]}.isdisjoint({drawing.y[1], drawing.y[2]})


def test_nothing_and_one() -> None:
    assert layered([]) == Drawing((), (), {}, 1, 1)
    assert layered([()]) == Drawing((0.0,), (0.0,), {}, 1, 1)


def test_two_hundred_nodes_are_laid_out_at_once() -> None:
    """The formula with most nodes, and a far denser graph than a formula of 500 characters can be."""
    chain = of("h0 = x*w; " + "; ".join(f"h{k} = sin(h{k - 1})" for k in range(1, 30)) + "; h29")
    dense = [() if k < 20 else (k * 7919 % k, (k * 104729 + 13) % k) for k in range(200)]
    for inputs in (chain, dense):
        start = time.process_time()
        drawing = layered(inputs)
        assert time.process_time() - start < 1.0
        check(inputs, drawing)
