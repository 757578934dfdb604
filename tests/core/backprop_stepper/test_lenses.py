"""The numbers in every lens's sentences, tables and figures, each computed a second time by other means."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from core.backprop_stepper import SPEC, graph_of, look
from core.backprop_stepper.lenses import LENS, View, digits
from core.backprop_stepper.spec import BUGS, EXAMPLES, FORMULAS
from core.formula.checks import torch_functions
from core.plots.words import short
from tests.core.backprop_stepper.test_compute import MAKE, plain_loop

PRESETS = [pytest.param(SPEC(**e.settings), id=e.slug) for e in EXAMPLES if "mode" not in e.settings]


def seen(spec: SPEC, lens: str) -> View:
    return look(SPEC(**{**spec.as_dict(), "lens": lens}), graph_of(spec))


def bold(sentence: str) -> list[str]:
    return re.findall(r"\*\*(.+?)\*\*", sentence)


def by_torch(spec: SPEC) -> list[float | None]:
    """dL/dnode of every node that needs one, by torch."""
    graph, tensors = graph_of(spec), []
    for node in graph.nodes:
        if node.inputs and node.id not in graph.fixed:
            keywords = {"k": node.params[0]} if node.params else {}
            tensors.append(torch_functions()[node.op](*[tensors[i] for i in node.inputs], **keywords))
        else:
            tensors.append(torch.tensor(node.value, dtype=torch.float64, requires_grad=node.op != "const"))
        if tensors[-1].requires_grad:
            tensors[-1].retain_grad()
    tensors[-1].backward()
    return [t.grad.item() if t.requires_grad and t.grad is not None else None for t in tensors]


@pytest.mark.parametrize("spec", PRESETS)
def test_proof_shows_three_equal_columns(spec: SPEC) -> None:
    view, graph, expected = seen(spec, "proof"), graph_of(spec), by_torch(spec)
    wanted = [node for node in graph.nodes if graph.needs_grad[node.id]]
    assert len(view.rows) == len(wanted)
    off_torch, off_difference = 0.0, 0.0
    for row, node in zip(view.rows, wanted, strict=True):
        assert row["value"] == digits(node.value)
        assert row["ours"] == digits(node.grad)
        assert float(row["torch.autograd"]) == pytest.approx(expected[node.id], rel=1e-9, abs=1e-15)
        off_torch = max(off_torch, abs(node.grad - expected[node.id]))
        if row["central difference"]:
            h = 1e-6 * max(1.0, abs(node.value))
            two = [graph.with_value(node.id, node.value + step).forward() for step in (h, -h)]
            slope = (two[0] - two[1]) / (2 * h)
            assert float(row["central difference"]) == pytest.approx(slope, rel=1e-6, abs=1e-9)
            off_difference = max(off_difference, abs(node.grad - slope))
        else:
            assert row["note"] == "kink: no difference is defined"
    largest = [float(words) for words in bold(view.sentences[0])]
    assert largest[0] == pytest.approx(off_torch, rel=0.1, abs=1e-15)
    assert largest[1] == pytest.approx(off_difference, rel=0.1, abs=1e-13)
    assert largest[0] < 1e-12
    assert largest[1] < 1e-6


def test_proof_says_where_no_difference_is_defined() -> None:
    view = seen(SPEC(formula="relu(x) + w", values="x=0"), "proof")
    notes = {row["node"]: (row["central difference"], row["note"]) for row in view.rows}
    assert notes["x"] == ("", "kink: no difference is defined")
    assert notes["w"] == ("1", "")


@pytest.mark.parametrize("optimizer", MAKE)
@pytest.mark.parametrize("preset", ["neuron", "xor", "bce_neuron"])
def test_update_s_sentences_are_torch_s_numbers(preset: str, optimizer: str) -> None:
    spec = SPEC(formula=FORMULAS[preset][0], optimizer=optimizer, rate=0.3, beta=0.7, steps=17)
    graph, view = graph_of(spec), seen(spec, "update")
    names = [name for name in graph.leaves if name[0] not in "xyt"]
    values, losses = plain_loop(spec, graph, names)
    grads = [by_torch(spec)[graph.leaves[name].id] for name in names]
    predicted = losses[0] + sum(
        g * (after - before) for g, before, after in zip(grads, values[0], values[1], strict=True)
    )
    assert bold(view.sentences[0]) == [short(predicted), short(losses[1])]
    assert f"from L = {short(losses[0])}:" in view.sentences[0]
    assert view.sentences[1] == f"After 17 steps the loss is **{short(losses[17])}**."
    assert view.metrics == {"final loss": pytest.approx(losses[17], rel=1e-9)}
    assert view.curve == pytest.approx(losses, rel=1e-9)
    np.testing.assert_allclose(view.figures["losses"].data[0]["y"], losses, rtol=1e-9, atol=1e-15)
    for k, row in enumerate(map(dict, view.rows)):
        expected = {
            "leaf": names[k],
            "w": values[0][k],
            "g = dL/dw": grads[k],
            "Δw": values[1][k] - values[0][k],
            "new w": values[1][k],
            "w after 17 steps": values[17][k],
        }
        assert list(row) == list(expected)
        assert row.pop("leaf") == expected.pop("leaf")
        assert row == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_update_says_when_there_is_no_value_after_the_step() -> None:
    view = seen(SPEC(formula="2*w - log(w)", values="w=1", rate=10.0), "update")
    assert "the gradient predicts **−8**" in view.sentences[0]
    assert "the new loss is undefined, for the formula has no value there" in view.sentences[0]
    assert view.sentences[1].startswith("After 0 steps the loss is **2**. Training ended early: ")
    assert view.curve == [2.0]
    assert "contour" not in view.figures


def test_update_offers_the_formula_s_leaves() -> None:
    view = seen(SPEC(axis_x="y"), "update")
    assert view.choices["trained"] == (["w1", "x1", "w2", "x2", "b", "y"], ("w1", "w2", "b"))
    assert view.choices["axis_x"] == (["x1", "w2", "x2", "b", "y"], "y")
    assert view.choices["axis_y"] == (["w1", "x1", "w2", "x2", "b"], "w1")
    assert view.figures["contour"].layout["xaxis"]["title"]["text"].startswith("y ")
    assert view.figures["contour"].layout["yaxis"]["title"]["text"].startswith("w1 ")
    assert set(view.params) == {"optimizer", "rate", "beta", "steps"}


def test_a_loss_below_zero_is_drawn_without_a_logarithm() -> None:
    assert seen(SPEC(), "update").figures["losses"].layout["yaxis"]["type"] == "log"
    assert seen(SPEC(formula="w - 5"), "update").figures["losses"].layout["yaxis"]["type"] == "linear"


def test_vanishing_is_the_product_of_slopes_and_weights() -> None:
    spec = SPEC(formula=FORMULAS["deep_sigmoid"][0], source="x")
    view, w, edges = seen(spec, "vanish"), 1.0, []
    a = 1.0
    for _ in range(8):
        a = 1 / (1 + math.exp(-w * a))
        edges += [w, a * (1 - a)]
    edges = edges[::-1]  # from the loss back to the leaf
    running = np.cumprod(edges)
    assert view.sentences[0].startswith("There is one path from x to L. Along the longest, 16 edges,")
    assert bold(view.sentences[0]) == [short(running[-1])] * 3
    assert [row["local derivative"] for row in view.rows] == pytest.approx(edges, rel=1e-12)
    assert [row["product so far"] for row in view.rows] == pytest.approx(running, rel=1e-12)
    assert [row["log₁₀ |product|"] for row in view.rows] == pytest.approx(np.log10(running), rel=1e-12)
    figure = view.figures["vanishing"]
    np.testing.assert_allclose(figure.data[0]["y"], np.log10(edges), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(figure.data[1]["y"], np.log10(running), rtol=1e-12)
    assert f"on average each edge changes it by {np.log10(running[-1]) / 16:+.2f} decades" in figure.alt


def test_vanishing_counts_every_path() -> None:
    """(x + x w) x: x reaches L by three ways, whose products are x, w x and x + x w."""
    view = seen(SPEC(formula="(x + x*w)*x", values="x=3, w=0.5", source="x"), "vanish")
    assert view.sentences[0].startswith("There are 3 paths from x to L. Along the longest, 3 edges, ")
    assert bold(view.sentences[0]) == ["1.5", "9", "9"]
    assert view.choices["source"] == (["x", "w"], "x")


def test_vanishing_of_an_unknown_source_takes_the_farthest_leaf() -> None:
    assert seen(SPEC(source="nobody"), "vanish").choices["source"][1] in ("w1", "x1")


def test_vanishing_of_a_lone_leaf_has_no_edge() -> None:
    view = seen(SPEC(formula="x"), "vanish")
    assert "0 edges, the product is **1**" in view.sentences[0]
    assert not view.figures


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("spec", PRESETS)
def test_the_bug_lab_names_the_first_gradient_that_differs(spec: SPEC, bug: str) -> None:
    chosen = SPEC(**{**spec.as_dict(), "bug": bug})
    view, graph = seen(chosen, "bugs"), graph_of(spec)
    if not view.figures:
        assert "does not apply to this formula: " in view.sentences[0]
        return
    bars = view.figures["bug"].data
    right, wrong = np.array(bars[0]["y"]), np.array(bars[1]["y"])
    expected = [g for g in reversed(by_torch(spec)) if g is not None]
    np.testing.assert_allclose(right, expected, rtol=1e-9, atol=1e-13)
    differs = np.flatnonzero(np.abs(right - wrong) > 1e-9 * np.maximum(1, np.abs(right)))
    labels = view.figures["bug"].layout["xaxis"]["ticktext"]
    if len(differs):
        assert f"The first gradient that goes wrong is that of **{labels[differs[0]]}**." in view.sentences[0]
        box = view.figures["bug"].layout["shapes"][0]
        assert (box["x0"], box["x1"]) == (differs[0] - 0.5, differs[0] + 0.5)
    else:
        assert "Here the bug changes no gradient." in view.sentences[0]
    assert len(labels) == sum(graph.needs_grad)
    assert set(view.code) == {"Wrong", "Right"}


def test_forgotten_zero_grad_doubles_every_leaf() -> None:
    view = seen(SPEC(bug="no_zero_grad"), "bugs")
    right, wrong = (np.array(bar["y"]) for bar in view.figures["bug"].data)
    labels = view.figures["bug"].layout["xaxis"]["ticktext"]
    leaves = np.isin(labels, ["w1", "x1", "w2", "x2", "b", "y"])
    np.testing.assert_allclose(wrong[leaves], 2 * right[leaves])
    np.testing.assert_array_equal(wrong[~leaves], right[~leaves])


def test_memory_of_the_deep_chain_counted_by_hand() -> None:
    """Eight products save their factors (9 leaves, 7 activations), eight sigmoids their outputs: 8 activations in all.

    16 operations in 4 segments of 2 sigmoids each: kept are s2 and s4 (what enters segments 2 and 3) and what the last
    segment saves (s6, s7, s8): 5 at once; the first three segments, 12 operations, run again.
    """
    view = seen(SPEC(formula=FORMULAS["deep_sigmoid"][0]), "memory")
    assert bold(view.sentences[0]) == ["17", "8"]
    assert "9 leaves" in view.sentences[0]
    assert "(64 bytes in float64, 32 in float32)" in view.sentences[0]
    assert view.sentences[1].startswith("With 4 checkpoint segments ")
    assert bold(view.sentences[1]) == ["5", "12"]
    rows = np.asarray(view.figures["memory"].data[0]["z"])  # from below: again, kept, saved
    assert (np.count_nonzero(rows[2]), np.count_nonzero(rows[1]), np.count_nonzero(rows[0])) == (8, 5, 12)
    assert view.rows[0]["backward needs"] == "w1, x"
    assert view.rows[1]["backward needs"] == view.rows[1]["operation"]


@pytest.mark.parametrize("segments", [0, 1, 3, 16])
@pytest.mark.parametrize("spec", PRESETS)
def test_memory_adds_up(spec: SPEC, segments: int) -> None:
    view = seen(SPEC(**{**spec.as_dict(), "segments": segments}), "memory")
    total, extra = map(int, bold(view.sentences[0]))
    leaves = int(re.search(r"(\d+) leaves", view.sentences[0])[1])
    assert total == leaves + extra
    needed = {name for row in view.rows for name in row["backward needs"].split(", ") if name != "nothing"}
    own = sum(row["numbers of its own"] for row in view.rows)
    assert len(needed) + own == total
    assert f"({8 * extra} bytes in float64, {4 * extra} in float32)" in view.sentences[0]
    count = int(re.search(r"With (\d+) checkpoint", view.sentences[1])[1])
    operations = len(view.rows)
    assert count == min(segments or round(math.sqrt(operations)), operations)
    assert int(bold(view.sentences[1])[1]) == operations - (operations - (count - 1) * operations // count)


@pytest.mark.parametrize("lens", LENS)
def test_every_lens_opens_on_a_formula_of_one_leaf_and_no_operation(lens: str) -> None:
    assert seen(SPEC(formula="x", values="x=2"), lens).sentences


@pytest.mark.parametrize("lens", LENS)
def test_look_takes_the_lens_that_the_spec_names(lens: str) -> None:
    spec = SPEC(lens=lens)
    assert look(spec, graph_of(spec)).sentences == LENS[lens](spec, graph_of(spec)).sentences


def test_digits() -> None:
    assert (digits(None), digits(1 / 3), digits(-2.0), digits(-0.0)) == ("", "0.3333333333", "-2", "0")
