"""The closer looks hold the numbers of the study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import compression
from core.compression import lenses
from core.compression.nets import logits, softmax
from core.compression.runtimes import CYCLES, DEVICES
from core.compression.spec import LENSES
from core.compression.study import (
    base_of,
    both_variant,
    pruned_of,
    quantized_of,
    rank_variant,
    students_of,
    variants,
)
from tests.core.compression.conftest import SMALL


def drawn(spec, name, trace=0):
    return compression.look(spec).figures[name].data[trace]


def test_the_front_shows_every_variant_once():
    figure = compression.top(SMALL)
    names = [name for trace in figure.data[1:] for name in trace["text"]]
    assert sorted(names) == sorted(one.name for one in variants(SMALL))
    on = [row["variant"] for row in compression.rows_of(SMALL) if row["on the front"]]
    assert len(figure.data[0]["x"]) == len(on)
    assert all(name in figure.alt for name in on)


def test_the_stairs_are_the_grid():
    spec = replace(SMALL, bits=3, layer=2)
    q = quantized_of(spec)
    figure = compression.look(spec).figures["stairs"]
    weights = figure.data[2]
    np.testing.assert_array_equal(weights["y"], q.weights[1].rounded(q.net[1].W).ravel())
    levels = np.unique(figure.data[1]["y"])
    assert len(levels) == 8
    assert {float(v) for v in weights["y"]} <= {float(v) for v in levels}
    each = compression.look(replace(spec, group="channel")).figures["stairs"].data[2]
    assert len(each["x"]) == 8


def test_errors_are_shares_of_all_weights():
    for trace in compression.look(SMALL).figures["errors"].data:
        assert np.sum(trace["y"]) == pytest.approx(100.0)


@pytest.mark.parametrize("method", ["global", "layer", "structured", "random"])
def test_the_mask_has_a_hole_for_every_weight_that_is_gone(method):
    spec = replace(SMALL, lens="prune", method=method, sparsity=0.5)
    z = drawn(spec, "mask")["z"]
    found = pruned_of(spec)
    kept = found.masks[0].sum() if found.masks is not None else found.tuned[0].W.size
    assert np.isfinite(z).sum() == kept
    np.testing.assert_array_equal(drawn(spec, "recovery")["y"], 100 * np.array(found.curve))


def test_a_mask_without_any_weight_can_be_drawn():
    spec = replace(SMALL, lens="prune", method="layer", sparsity=0.98, architecture="conv", width=8)
    assert compression.look(spec).figures["mask"].alt


def test_dark_knowledge_is_the_teacher_s():
    spec = replace(SMALL, lens="distil", digit=7, temperature=3.0)
    data, _, net = base_of(spec)
    v = logits(net, data.X_test[7:8])
    np.testing.assert_allclose(drawn(spec, "knowledge", 1)["y"], softmax(v, 3.0)[0])
    pairs = [trace["y"] for trace in compression.look(spec).figures["students"].data[:3]]
    found = students_of(spec).accuracies
    np.testing.assert_allclose(np.array(pairs).T, 100 * np.array([found["alone"], found["taught"]]))


def test_the_scaled_curve_is_the_plain_one_times_t_squared():
    plain, scaled = (drawn(replace(SMALL, lens="distil"), "gradients", k)["y"] for k in (0, 1))
    np.testing.assert_allclose(scaled, plain * lenses.TEMPERATURES**2)


def test_the_ring_of_the_rank_is_its_variant():
    spec = replace(SMALL, lens="rank", rank=3)
    ring = drawn(spec, "rank", 1)
    assert ring["x"] == [3.0]
    assert ring["y"] == [100 * rank_variant(spec).accuracy]
    rows = compression.look(spec).rows
    W = base_of(spec)[2][0].W
    s = np.linalg.svd(W, compute_uv=False)
    assert rows[0]["‖W − Wᵣ‖ / ‖W‖"] == f"{100 * np.sqrt((s[3:] ** 2).sum() / (s**2).sum()):.1f} %"


def test_devices_are_counted():
    spec = replace(SMALL, lens="edge")
    own, rows = both_variant(spec), compression.look(spec).rows
    assert [row["device"] for row in rows] == [d.name for d in DEVICES]
    assert rows[0]["used"] == f"{100 * own.bytes / 32768:.2f} %"
    assert float(rows[0]["estimated time [ms]"]) == pytest.approx(1e3 * own.macs * CYCLES / 16e6, rel=1e-3)


LOOKED_AT = [("dense", lens) for lens in LENSES] + [("conv", lens) for lens in ("quantize", "prune", "rank", "edge")]


@pytest.mark.parametrize(("architecture", "lens"), LOOKED_AT)
def test_every_look_has_words_and_figures(architecture, lens):
    seen = compression.look(replace(SMALL, lens=lens, architecture=architecture, mode="weights", layer=3, tune=0))
    assert seen.figures
    assert all(sentence.endswith((".", ".*", "it.")) or "\n" in sentence for sentence in seen.sentences)
    assert "nan" not in " ".join(seen.sentences)


def test_questions_are_answered_by_the_run():
    for spec in (SMALL, replace(SMALL, tune=0, alpha=0.0), replace(SMALL, bits=2, scheme="symmetric", group="channel")):
        for question in compression.questions(spec):
            assert question.right(question.answer)
            assert not question.options or question.answer in question.options
            assert "nan" not in question.explanation
    assert {q.slug.split(".")[0] for q in compression.questions(replace(SMALL, tune=0, alpha=0.0))} <= {
        "bits",
        "method",
    }


def test_the_formula_tab_has_the_same_numbers():
    titles = [step.title for step in compression.worked(SMALL)]
    assert len(titles) == 5
    assert len(compression.worked(replace(SMALL, mode="weights", method="structured"))) == 4


def test_the_report_holds_the_page():
    front, closer, settings = compression.sections(SMALL)
    assert len(front.rows) == len(variants(SMALL))
    assert closer.figures
    assert settings.rows
    lines = compression.table(SMALL).splitlines()
    assert len(lines) == 1 + len(variants(SMALL))
    assert lines[1].startswith("float32,unchanged,")
