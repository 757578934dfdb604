"""The page's numbers: heads by the formula, logit lens, evidence, cost by counting, masks, selections and clicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core import attention_heatmap as page
from core.attention.shipped import in_float64
from core.attention.tasks import TASKS
from core.attention_heatmap import SPEC, draw, read
from core.attention_heatmap.compute import (
    anatomy,
    block_of,
    cost,
    course_of,
    inputs_of,
    numbers,
    row_entropy,
    stream,
)
from core.attention_heatmap.evidence import METHODS, Answers, evidence
from core.attention_heatmap.questions import questions
from core.attention_heatmap.spec import LENSES
from core.contracts import Figure
from core.errors import ExplainerError
from models.attention import causal
from models.transformer import Shape, transformer

PLACES = [
    {"task": "reverse"}, {"task": "dates"}, {"task": "dates", "which": "encoder"}, {"task": "dates", "which": "decoder"},
    {"task": "induction", "place": "2.2"}, {"task": "brackets", "place": "2.1", "temperature": 2.0, "mask": "local"},
]  # fmt: skip


@pytest.mark.parametrize("settings", PLACES, ids=str)
def test_the_selected_head_by_the_formula(settings: dict):
    """From the head's own input, by slices of the trained matrices, to scores, weights and output."""
    found = read(SPEC(**settings))
    x, memory = inputs_of(found)
    block = block_of(found)
    attention = block.cross if found.kind == "cross" else block.attention
    d = x.shape[1] // attention.h
    rows = slice(found.head * d, (found.head + 1) * d)
    q, k, v = (F.linear(y, f.weight[rows], f.bias[rows]) for f, y in ((attention.query, x), (attention.key, memory), (attention.value, memory)))  # fmt: skip
    parts = anatomy(found)
    if attention.positions != "rope":
        for ours, by_hand in ((parts.q, q), (parts.k, k)):
            np.testing.assert_allclose(ours, by_hand, atol=1e-12)
    np.testing.assert_allclose(parts.v, v, atol=1e-12)
    np.testing.assert_allclose(parts.products, parts.q @ parts.k.T, atol=1e-10)
    finite = np.isfinite(parts.scores)
    scaled = parts.products / np.sqrt(d) / found.spec.temperature
    np.testing.assert_allclose(parts.scores[finite], scaled[finite], atol=1e-10)
    shares = np.where(finite, np.exp(scaled), 0)
    np.testing.assert_allclose(parts.weights, shares / shares.sum(1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(parts.z, parts.weights @ parts.v, atol=1e-12)
    row = parts.weights[found.row]
    assert row_entropy(found) == pytest.approx(-sum(w * np.log2(w) for w in row if w > 0))
    assert numbers(found.spec)["output norm"] == pytest.approx(np.linalg.norm(parts.z[found.row]))


def test_the_logits_are_the_model_s_and_the_lens_ends_in_them():
    found = read(SPEC(task="brackets"))
    logits = in_float64("brackets")(found.arranged.inputs)[0]
    torch.testing.assert_close(found.seen.logits[0], logits)
    s = stream(found)
    p = logits.softmax(-1)[found.asked]
    right = found.arranged.targets[0][found.asked]
    np.testing.assert_allclose(s.likely[-1], p.gather(1, right[:, None])[:, 0])
    assert s.said[-1].tolist() == p.argmax(-1).tolist() == found.answers[found.asked].tolist()
    assert s.states == ["embedding", "1: attention", "1: feed-forward", "2: attention", "2: feed-forward"]
    np.testing.assert_allclose(s.norms[0], in_float64("brackets").embedding(found.arranged.inputs)[0].norm(dim=-1))


@pytest.mark.parametrize("task", ["reverse", "dates", "brackets"])
def test_evidence(task: str):
    found = read(SPEC(task=task))
    answers, e = Answers(found), evidence(found)
    n = len(found.asked)
    with torch.no_grad():
        y = answers.logits(answers.x[None])[0]
    torch.testing.assert_close(y, found.seen.logits[0].max(-1).values[found.asked])
    # a gradient by differences, at one number of one token
    x = answers.x.expand(1, n, -1, -1)
    slope = answers.gradients(x)[0, 0, 2, 3]
    moved = answers.x.clone()
    moved[2, 3] += 1e-6
    with torch.no_grad():
        assert slope.item() == pytest.approx(((answers.logits(moved[None])[0, 0] - y[0]) / 1e-6).item(), rel=1e-3, abs=1e-5)  # fmt: skip
        gone = answers.x.clone()
        gone[1] = answers.base[1]
        occluded = (y - answers.logits(gone[None])[0]).abs()
    np.testing.assert_allclose(e.importance["occlusion"][:, 1], occluded, atol=1e-10)
    assert set(e.importance) == set(METHODS)
    assert all(v.shape == (n, found.arranged.keys.shape[1]) and (v >= 0).all() for v in e.importance.values())
    np.testing.assert_allclose(e.importance["raw"], found.seen.weights[0, -1].mean(0)[found.asked])
    np.testing.assert_allclose(np.diag(e.rho), 1)
    np.testing.assert_allclose(e.rho, e.rho.T)


def test_integrated_gradients_add_up_the_better_the_finer_the_line(monkeypatch: pytest.MonkeyPatch):
    found = read(SPEC(task="brackets"))
    coarse = evidence(found).gap
    monkeypatch.setattr("core.attention_heatmap.evidence.STEPS", 600)
    assert evidence(found).gap < min(0.1, coarse / 5)


def test_attention_times_gradient_by_forced_weights():
    """dy/da of one weight by differences: the weight is forced up by a little."""
    from core.attention.tracing import trace

    found = read(SPEC(task="reverse"))
    model, q = in_float64("reverse"), int(found.asked[3])
    said, total = int(found.answers[q]), np.zeros(10)
    for head in range(2):
        own = found.seen.weights[0, 0, head]
        for j in range(10):
            pushed = own.clone()
            pushed[q, j] += 1e-6
            with torch.no_grad():
                y = trace(model, found.arranged.inputs, force={(0, head): pushed}).logits[0, q, said]
            total[j] += (own[q, j] * (y - found.seen.logits[0, q, said]) / 1e-6).item()
    np.testing.assert_allclose(evidence(found).importance["gradient"][3], np.abs(total), rtol=1e-3, atol=1e-6)


# Cost


SHAPES = [
    Shape(11, 10, "encoder", 2, 4, 32), Shape(8, 7, "decoder", 1, 2, 16, norm="post", positions="learned", length=20),
    Shape(9, 5, "both", 2, 2, 16), Shape(9, 5, "both", 3, 2, 16, hidden=24, norm="post"),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_by_formula(shape: Shape):
    net = transformer(shape, torch.Generator())
    assert sum(cost(shape, 3, 4).parameters.values()) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_multiply_adds_by_counting(shape: Shape):
    """torch counts 2 for each multiply-add of a matrix product."""
    from torch.utils.flop_counter import FlopCounterMode

    net = transformer(shape, torch.Generator()).eval()
    n, m = (5, 7) if shape.kind == "both" else (6, 6)
    x, source = torch.zeros(1, n, dtype=torch.long), torch.zeros(1, m, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net((source, x) if shape.kind == "both" else x)
    found = cost(shape, n, m)
    assert found.linear + found.quadratic == counter.get_total_flops() / 2


def test_the_formula_of_the_text():
    L, d, C, n = 2, 32, 10, 10
    found = cost(Shape(11, C, "encoder", L, 4, d), n, n)
    assert found.linear == L * 12 * n * d * d + n * d * C
    assert found.quadratic == L * 2 * n * n * d
    assert found.maps == L * 4 * n * n
    assert found.cache == 2 * L * n * d
    whole = [cost(Shape(11, C, "encoder", L, 4, d), t, t) for t in range(1, n + 1)]
    assert found.regenerate == sum(c.linear + c.quadratic for c in whole)
    assert found.generate == found.linear + sum(2 * L * d * t for t in range(1, n + 1))


# Masks and selections


def test_masks_forbid_and_a_row_without_tokens_reads_nothing():
    for mask, forbidden in (("causal", ~causal(10)), ("none", torch.zeros(10, 10, dtype=torch.bool))):
        assert (read(SPEC(mask=mask)).seen.weights[..., forbidden] == 0).all()
    last = torch.arange(10) > 7
    assert (read(SPEC(mask="padding")).seen.weights[..., last] == 0).all()
    near = read(SPEC(mask="local", window=0))
    assert torch.equal(near.seen.weights[0, 0, 0], torch.eye(10, dtype=torch.float64))
    cells = ",".join(f"0-{j}" for j in range(10))
    nothing = read(SPEC(mask="drawn", crossed=cells, row="0: 3"))
    assert (nothing.weights[0] == 0).all()
    assert numbers(nothing.spec)["output norm"] == 0
    assert row_entropy(nothing) == 0
    ahead = read(SPEC(task="induction", mask="local", window=16)).seen.weights
    assert (ahead[..., ~causal(20)] == 0).all()
    assert (read(SPEC(task="induction", mask="none")).seen.weights[..., ~causal(20)] > 0).any()


def test_selection():
    found = read(SPEC())
    assert (found.layer, found.head, found.row) == (0, int(found.graded.accuracy.argmax()), 0)
    assert page.heads_of(found) == (["1.1", "1.2"], f"1.{found.head + 1}")
    assert page.rows_of(found)[0][2] == "2: 4"
    assert read(SPEC(place="1.2", row="4: x")).row == 4
    for bad in ("9.9", "x", "0.1", "1"):
        assert read(SPEC(place=bad, row=bad)).layer == 0
    other = read(SPEC(task="dates", which="encoder"))
    assert not other.main
    assert not other.truth.any()
    assert other.weights.shape == (10, 10)
    assert read(SPEC(which="encoder")).main


@pytest.mark.parametrize("task", TASKS)
def test_every_task_opens_with_right_answers(task: str):
    found = read(SPEC(task=task))
    assert found.right == len(found.asked)
    assert f"{found.right} of {found.right} right" in page.about(found)
    assert found.truth[found.row].any()


def test_clicks():
    found = read(SPEC(task="brackets"))
    for layer in range(2):
        for head in range(2):
            assert page.picked(found, (layer * 14 + 3, head * 14 + 11), None) == {"place": f"{layer + 1}.{head + 1}"}
    assert page.picked(found, None, (4, 2)) == {"row": "4: ."}
    assert page.picked(found, None, None) == {}
    drawing = read(SPEC(mask="drawn", crossed="1-2"))
    assert page.picked(drawing, None, (3, 0))["crossed"] == "1-2,3-0"
    assert page.picked(drawing, None, (1, 2))["crossed"] == ""


def test_typed_tokens():
    assert read(SPEC(text="0000000009")).columns == list("0000000009")
    with pytest.raises(ExplainerError, match="no token of this task"):
        read(SPEC(text="hello"))
    with pytest.raises(ExplainerError, match="no cell of a mask"):
        read(SPEC(mask="drawn", crossed="nonsense"))


def test_course_of_a_visitor():
    assert course_of(SPEC(task="dates", length=32)).length == 10
    assert course_of(SPEC(task="addition", length=32)).length == 14
    course = course_of(SPEC(kind="decoder", layers=3, heads=4, d=64, positions="alibi", norm="post", steps=100, seed=5))
    assert (course.kind, course.layers, course.heads, course.d, course.positions, course.norm, course.steps, course.seed) == ("decoder", 3, 4, 64, "alibi", "post", 100, 5)  # fmt: skip
    with pytest.raises(ExplainerError, match="cannot be shared out"):
        next(page.train(SPEC(heads=5)))


# Pictures


def test_the_map_shows_the_weights():
    found = read(SPEC())
    figure = page.pictures(found)["map"]
    np.testing.assert_allclose(figure.data[0]["z"], found.weights, atol=1e-7)
    assert list(zip(figure.data[1]["y"], figure.data[1]["x"], strict=True)) == [(i, 9 - i) for i in range(10)]
    row = page.pictures(found)["row"].data[0]
    np.testing.assert_allclose(row["y"], found.weights[found.row])


def test_512_tokens_are_averaged_and_said_so():
    weights = np.random.default_rng(0).dirichlet(np.ones(512), 512)
    figure = draw.heat(weights, ["a"] * 512, ["b"] * 512, np.eye(512, dtype=bool), 300, "a head")
    z = figure.data[0]["z"]
    assert z.shape == (128, 128)
    np.testing.assert_allclose(z[3, 5], weights[12:16, 20:24].mean(), rtol=1e-5)
    assert "512 by 512 weights are drawn as 128 by 128 means" in figure.how_to_read
    assert figure.layout["shapes"][0]["y0"] == 74.5


def test_lines_carry_every_weight_above_the_limit():
    found = read(SPEC())
    figure = page.pictures(found)["lines"]
    drawn = sum(len(t["x"]) // 3 for t in figure.data if t["mode"] == "lines")
    assert drawn == (found.weights > 0.04).sum()


class View:
    """A job's view with these snapshots."""

    def __init__(self, snapshots: list) -> None:
        self.film, self.newest, self.state = snapshots, snapshots[-1], "running"


def test_the_film_of_the_shipped_training_and_of_one_s_own():
    spec = SPEC(steps=50, length=4, d=16, lens="training")
    shown, steps = page.learning(None, spec)
    assert len(steps) == len(shown["film"].frames) == len(shown["curves"].frames) > 20
    assert "100 % right" in steps[-1].title
    snapshots = list(page.train(spec))
    shown, steps = page.learning(View(snapshots), spec)
    assert len(steps) == len(snapshots)
    assert isinstance(shown["film"], Figure)
    first = np.asarray(shown["film"].frames[0].data[0]["z"])
    np.testing.assert_allclose(first[:4, :4], snapshots[0].arrays["maps"][0, 0], atol=0.005)
    assert shown["curves"].data[0]["y"][-1] == snapshots[-1].metrics["accuracy"]


def test_questions_have_the_live_answers():
    found = read(SPEC())
    best, bits, hot = questions(found)
    assert best.answer == f"layer 1, head {int(found.graded.accuracy.argmax()) + 1}"
    assert bits.answer == pytest.approx(row_entropy(found), abs=1e-4)
    assert hot.answer == read(SPEC(temperature=10.0)).right < found.right
    assert len(questions(read(SPEC(temperature=20.0)))) == 2


@pytest.mark.parametrize("lens", LENSES)
def test_a_character_model_has_maps_but_no_score(lens: str) -> None:
    """Nobody knows where it should look: no cell is marked, and every lens says something all the same."""
    found = read(SPEC(task="text", lens=lens, text="for i in"))
    assert found.rows == ["f", "o", "r", "␣", "i", "␣", "i", "n"]
    assert not found.truth.any()
    np.testing.assert_allclose(found.seen.weights.sum(-1), 1, atol=1e-12)
    seen = page.look(found)
    assert seen.sentences
    assert all(len(f.alt) > 30 for f in (*page.pictures(found).values(), *seen.figures.values()))
