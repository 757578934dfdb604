"""Pictures against the graph: what a frame shows is what is known by then, and marks stand where their numbers are."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper import EXAMPLES, SPEC, Graph, draw, graph_of, parse, walk
from core.backprop_stepper.compute import slice_of, training
from core.backprop_stepper.figures import ACTIVE, EDGES, GRADS, LOCALS, NODES, VALUES
from core.backprop_stepper.spec import FORMULAS
from core.contracts import Figure
from core.plots.dag import layered
from core.plots.encode import figure_json
from core.plots.words import short
from tests.core.formula.formulas import built, formulas

PRESETS = [pytest.param(SPEC(**e.settings), id=e.slug) for e in EXAMPLES if "mode" not in e.settings]


def known(graph: Graph) -> list[tuple[list[str], list[str]]]:
    """The texts of values and gradients after 0, 1, ... steps, by a plain forward and backward pass."""
    values = [short(n.value) if n.id not in graph.rules else "" for n in graph.nodes]
    grads: list[float | None] = [None] * len(graph.nodes)
    states = [(list(values), [""] * len(grads))]
    for k in graph.rules:
        values[k] = short(graph.nodes[k].value)
        states.append((list(values), [short(g) for g in grads]))
    grads[-1] = 1.0
    states.append((list(values), [short(g) for g in grads]))
    for k in reversed(list(graph.rules)):
        if grads[k] is None or not graph.needs_grad[k]:
            continue
        node = graph.nodes[k]
        for i, d in zip(node.inputs, node.local, strict=True):
            if graph.needs_grad[i]:
                grads[i] = (grads[i] or 0.0) + grads[k] * d
        states.append((list(values), [short(g) for g in grads]))
    return states


def check_film(graph: Graph) -> Figure:
    film = draw.graph_film(graph)
    states, slopes = known(graph), slopes_of(graph)
    assert len(film.frames) == len(states) == len(walk(graph))
    for frame, (values, grads) in zip(film.frames, states, strict=True):
        shown = dict(zip(frame.traces, frame.data, strict=True))
        assert shown[VALUES]["text"] == values
        assert shown[GRADS]["text"] == grads
        assert shown[LOCALS]["text"] == [slope if values[target] else "" for target, slope in slopes]
    assert film.data[VALUES]["text"] == states[-1][0] == [short(node.value) for node in graph.nodes]
    assert film.data[GRADS]["text"] == states[-1][1] == [short(node.grad) for node in graph.nodes]
    return film


def slopes_of(graph: Graph) -> list[tuple[int, str]]:
    """Target and text of every edge: d target / d source, over all places where the source stands in the target."""
    edges = layered([node.inputs for node in graph.nodes]).paths
    inputs = {
        target: list(zip(graph.nodes[target].inputs, graph.nodes[target].local, strict=True)) for _, target in edges
    }
    return [(target, short(sum(d for i, d in inputs[target] if i == source))) for source, target in edges]


@pytest.mark.parametrize("spec", PRESETS)
def test_every_frame_of_a_preset_shows_what_is_known_and_no_more(spec: SPEC) -> None:
    check_film(graph_of(spec))


@settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_every_frame_of_any_formula_shows_what_is_known_and_no_more(drawn: tuple[str, dict[str, float]]) -> None:
    graph = built(*drawn)
    graph.backward()
    check_film(graph)


def test_before_the_seed_no_gradient_is_shown() -> None:
    graph = graph_of(SPEC())
    film = draw.graph_film(graph)
    forward = len(graph.rules)
    for k, frame in enumerate(film.frames):
        shown = [text for text in frame.data[frame.traces.index(GRADS)]["text"] if text]
        assert len(shown) == (0 if k <= forward else 1 if k == forward + 1 else len(shown))
        assert k <= forward + 1 or len(shown) > 1


def test_the_same_node_twice_is_one_edge_with_both_slopes() -> None:
    graph = graph_of(SPEC(formula="x*x", values="x=3"))
    film = check_film(graph)
    assert film.data[LOCALS]["text"] == ["6"]
    assert film.data[GRADS]["text"] == ["6", "1"]


def test_a_node_set_by_hand_shows_its_value_from_the_start() -> None:
    graph = graph_of(SPEC(formula="tanh(w*x) + w", values="w=0.5, x=1", edits="3=0.25"))
    film = check_film(graph)
    first = dict(zip(film.frames[0].traces, film.frames[0].data, strict=True))
    assert first[VALUES]["text"] == ["0.5", "1", "", "0.25", ""]
    assert film.data[VALUES]["text"] == ["0.5", "1", "0.5", "0.25", "0.75"]
    assert film.data[GRADS]["text"] == ["1", "", "", "1", "1"], "nothing flows back through it"
    assert film.data[NODES]["marker"]["color"][3] == draw.EDITED
    assert film.data[NODES]["hovertext"][2].startswith("<b>×</b> (mul)<br>value = 0.5<br>no gradient reaches it")


def test_hover_has_every_digit() -> None:
    graph = graph_of(SPEC(formula="w/3 + 2", values="w=0.30000000000000004"))
    hover = draw.graph_film(graph).data[NODES]["hovertext"]
    assert hover[0] == f"<b>w</b> (leaf)<br>value = 0.30000000000000004<br>dL/d(w) = {1 / 3!r}"
    assert hover[1] == "<b>3</b> (const)<br>value = 3.0<br>no gradient: a constant"
    assert hover[2].split("<br>") == [
        "<b>÷</b> (div)",
        f"value = {0.30000000000000004 / 3!r}",
        "dL/d(÷) = 1.0",
        f"d(÷)/d(input 1) = {1 / 3!r}",
        f"d(÷)/d(input 2) = {-0.30000000000000004 / 3 / 3!r}",
    ]


def test_marks_tell_what_kind_a_node_is() -> None:
    film = draw.graph_film(graph_of(SPEC(formula="softplus(w)*2")))  # w, softplus, 2, *
    nodes = film.data[NODES]
    assert nodes["marker"]["symbol"] == ["square", "circle", "square", "circle"]
    assert nodes["marker"]["color"] == [draw.FACE, draw.FACE, draw.CONSTANT, draw.LOSS]
    assert nodes["text"] == ["w", "<b>softp</b>", "2", "<b>×</b>"]
    assert nodes["customdata"] == [0, 1, 2, 3]


def test_nodes_and_words_stand_where_the_drawing_puts_them() -> None:
    graph = graph_of(SPEC())
    film, drawing = draw.graph_film(graph), layered([node.inputs for node in graph.nodes])
    for trace in (NODES, VALUES, GRADS):
        np.testing.assert_array_equal(film.data[trace]["x"], drawing.x)
    np.testing.assert_array_equal(film.data[NODES]["y"], drawing.y)
    assert (film.data[VALUES]["y"] < film.data[NODES]["y"]).all()
    assert film.layout["yaxis"]["range"][0] > film.layout["yaxis"]["range"][1], "so smaller y is above"
    assert (film.data[GRADS]["y"] > film.data[NODES]["y"]).all()
    edges = film.data[EDGES]
    assert edges["x"].count(None) == len(drawing.paths)
    assert len(film.data[LOCALS]["x"]) == len(drawing.paths)


def test_the_step_s_edges_and_node_are_marked() -> None:
    graph = graph_of(SPEC(formula="w*x + b"))  # w, x, w*x, b, +
    film, drawing = draw.graph_film(graph), layered([node.inputs for node in graph.nodes])
    marked = []
    for frame in film.frames:
        shown = dict(zip(frame.traces, frame.data, strict=True))
        line = shown[NODES]["marker"]["line"]
        marked.append(
            (
                [k for k, width in enumerate(line["width"]) if width == 4],
                shown[ACTIVE]["line"]["color"],
                shown[ACTIVE]["x"].count(None),
            )
        )
    assert marked == [
        ([], draw.FORWARD, 0),
        ([2], draw.FORWARD, 2),
        ([4], draw.FORWARD, 2),
        ([4], draw.BACKWARD, 0),
        ([4], draw.BACKWARD, 2),
        ([2], draw.BACKWARD, 2),
    ]
    last = dict(zip(film.frames[-1].traces, film.frames[-1].data, strict=True))
    assert (last[ACTIVE]["x"][:2], last[ACTIVE]["y"][:2]) == (
        [drawing.x[0], drawing.x[2]],
        [drawing.y[0], drawing.y[2]],
    )
    assert last[NODES]["marker"]["line"]["color"] == [draw.BACKWARD] * 5


def test_alt_names_the_loss_and_gradients() -> None:
    graph = graph_of(SPEC(formula="w*x", values="w=-2, x=0.5"))
    assert (
        draw.graph_film(graph).alt
        == "Computation graph with 3 nodes, from the leaves at the left to the loss L = −1 at the right. Gradients: dL/dw = 0.5, dL/dx = −2."
    )


def test_a_graph_of_constants_and_of_one_leaf_can_be_drawn() -> None:
    for formula, values in (("2*3", {}), ("x", {"x": 1.0})):
        graph = parse(formula, values)
        graph.backward()
        json.loads(figure_json(check_film(graph)))


def test_the_miniature_is_the_graph_without_numbers() -> None:
    graph = graph_of(SPEC())
    small, whole = draw.miniature(graph), draw.graph_film(graph)
    assert len(small.data) == 2
    assert small.data[0]["x"] == whole.data[EDGES]["x"]
    assert small.data[1]["text"] == whole.data[NODES]["text"]
    assert (small.alt, small.frames) == (whole.alt, ())
    assert whole.data[NODES]["marker"]["size"] != 24, "the large picture keeps its own marks"


def test_the_size_grows_with_layers_and_rows() -> None:
    assert draw.graph_size(parse("x", {"x": 1.0})) == (draw.COLUMN + draw.MARGIN, draw.ROW + draw.MARGIN)
    assert draw.graph_size(parse("tanh(w*x)", {"w": 1.0, "x": 1.0})) == (
        3 * draw.COLUMN + draw.MARGIN,
        2 * draw.ROW + draw.MARGIN,
    )


def test_the_contour_marks_where_one_stands_and_the_way() -> None:
    spec = SPEC(formula=FORMULAS["xor"][0], rate=0.2, steps=12)
    graph = graph_of(spec)
    field, path = slice_of(graph, ("v1", "v2"), training(spec, graph))
    figure = draw.contour(field.x, field.y, field.z, ("v1", "v2"), path)
    heat, way, now = figure.data
    np.testing.assert_array_equal(heat["z"], field.z)
    np.testing.assert_array_equal((heat["x"], heat["y"]), (field.x, field.y))
    np.testing.assert_array_equal(np.stack([way["x"], way["y"]], axis=1), path)
    assert (now["x"].tolist(), now["y"].tolist()) == ([0.7], [-0.5])
    assert figure.layout["xaxis"]["range"] == [field.x[0], field.x[-1]]
    assert figure.layout["yaxis"]["range"] == [field.y[0], field.y[-1]]
    assert (
        figure.alt
        == f"Loss over v1 and v2, from {field.z.min():.4g} to {field.z.max():.4g}. Training goes from (0.7, -0.5) to ({path[-1, 0]:.3g}, {path[-1, 1]:.3g})."
    )


def test_a_contour_with_holes_or_nothing_but_holes() -> None:
    x = np.array([0.0, 1.0])
    some, none = np.array([[np.nan, 2.0], [3.0, np.nan]]), np.full((2, 2), np.nan)
    way = np.array([[0.5, 0.5]])
    assert "from 2 to 3." in draw.contour(x, x, some, ("a", "b"), way).alt
    for z in (some, none):
        json.loads(figure_json(draw.contour(x, x, z, ("a", "b"), way)))


def test_vanishing_draws_logarithms_and_stops_at_zero() -> None:
    local = np.array([0.1, -10.0, 0.0, 5.0])
    figure = draw.vanishing(["a", "b", "c", "d"], local, np.cumprod(local), -math.inf)
    bars, line = figure.data
    np.testing.assert_allclose(bars["y"], [-1, 1, np.nan, math.log10(5)], rtol=1e-12)
    np.testing.assert_allclose(line["y"], [-1, 0, np.nan, np.nan], atol=1e-12)
    np.testing.assert_array_equal(bars["customdata"], local)
    np.testing.assert_array_equal(line["customdata"], [0.1, -1.0, 0.0, 0.0])
    assert bars["marker"]["color"] == [draw.FORWARD, draw.VERMILLION, draw.FORWARD, draw.FORWARD]
    assert figure.layout["xaxis"]["ticktext"] == ["a", "b", "c", "d"]
    assert "Path of 4 edges; the product of their local derivatives ends at 0;" in figure.alt.replace("-0", "0")
    json.loads(figure_json(figure))


def test_a_bug_s_bars_and_its_mark() -> None:
    figure = draw.bug(["L", "h", "w"], np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 4.0]), 1)
    np.testing.assert_array_equal(figure.data[0]["y"], [1, 2, 3])
    np.testing.assert_array_equal(figure.data[1]["y"], [1, -2, 4])
    assert (figure.layout["shapes"][0]["x0"], figure.layout["shapes"][0]["x1"]) == (0.5, 1.5)
    assert (
        figure.alt
        == "Gradients of 3 nodes, correct and with the bug. The first wrong gradient is at h: -2 instead of 2."
    )
    same = draw.bug(["L"], np.array([1.0]), np.array([1.0]), None)
    assert "shapes" not in same.layout
    assert "No gradient differs." in same.alt


def test_memory_rows_and_counts() -> None:
    saved, kept, again = (
        np.array([True, True, False, True]),
        np.array([False, True, False, True]),
        np.array([True, False, True, False]),
    )
    figure = draw.memory(["a", "b", "c", "d"], saved, kept, again)
    heat = figure.data[0]
    rows = dict(zip(heat["y"], heat["z"] != 0, strict=True))
    np.testing.assert_array_equal(rows["kept without checkpoints"], saved)
    np.testing.assert_array_equal(rows["kept with checkpoints"], kept)
    np.testing.assert_array_equal(rows["computed again in backward"], again)
    assert (
        figure.alt
        == "Of 4 operations, 3 values are kept without checkpoints and 2 with them; 2 operations are computed again."
    )
    colours = {colour_at(heat, value) for value in (0, 1, 2, 3)}
    assert len(colours) == 4


def colour_at(heat: dict, value: float) -> str:
    """The colour that the stepped scale gives to a value."""
    part = (value - heat["zmin"]) / (heat["zmax"] - heat["zmin"])
    return next(
        colour
        for (low, colour), (high, _) in zip(heat["colorscale"][::2], heat["colorscale"][1::2], strict=True)
        if low <= part < high
    )
