"""Figures, lenses, questions and the script, on the small digit network."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from core.attribution import METHODS, iou, pointing
from core.errors import ExplainerError
from core.saliency import (
    Slow,
    bring,
    chosen_method,
    draw,
    errand,
    look,
    menus,
    overview,
    score_figure,
    score_rows,
    script,
    slow_maps,
    tiles,
    view_of,
    worked,
)
from core.saliency.compute import FAST, MARKS, WITHOUT, numbers, trust
from core.saliency.questions import questions
from core.saliency.spec import LENSES, SMALL, SaliencySpec

DIGIT = {"network": "lenet5-mnist", "baseline": "black"}


def spec_of(**settings: object) -> SaliencySpec:
    return SaliencySpec(**{**DIGIT, **settings})


def printed(text: str) -> dict[str, float]:
    """What the script says, run here: a second interpreter would cost seconds."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "script", "exec"), {"__name__": "__main__"})
    return {n: float(v) for n, v in (line.split(" = ") for line in out.getvalue().splitlines())}


@pytest.mark.parametrize("baseline", ["grey", "black", "white", "mean", "blur"])
def test_the_script_prints_the_page_s_numbers_for_every_baseline(baseline: str) -> None:
    spec = spec_of(baseline=baseline, layer="act2", target="7", method="integrated_gradients", steps=20)
    assert printed(script(spec)) == pytest.approx(numbers(spec), rel=1e-9, abs=1e-12)


def test_the_script_fits_into_one_argument_and_a_large_network_is_refused() -> None:
    assert len(script(SaliencySpec())) < 128_000
    with pytest.raises(
        ExplainerError, match="too many weights for a script; choose Small network on planted shapes or LeNet-5"
    ):
        script(SaliencySpec(network="resnet20-cifar10"))


def test_the_tiles_hold_the_maps_over_the_grey_picture() -> None:
    view = view_of(spec_of(clip=90.0))
    figure = tiles(view)
    maps = {trace["name"]: trace for trace in figure.data if trace.get("opacity") == 0.65}
    assert list(maps) == [about.title for about in METHODS.values()]
    heat = view.map("lrp").heat
    bound = np.percentile(np.abs(heat), 90)
    np.testing.assert_allclose(np.asarray(maps["LRP"]["z"]), np.clip(heat / bound, -1, 1), atol=1 / 127)
    assert maps["LRP"]["zmin"] == -1
    assert maps["Saliency"]["zmin"] == 0
    clicked = next(k for k, trace in enumerate(figure.data) if trace is maps["LRP"])
    assert chosen_method(clicked, view) == "lrp"
    assert chosen_method(0, view) == ""
    assert chosen_method(10_000, view) == ""


def test_the_first_run_draws_what_is_quick() -> None:
    figure = tiles(view_of(spec_of()), FAST)
    titles = [note["text"] for note in figure.layout["annotations"]]
    assert "Occlusion ..." in titles
    assert "<b>Grad-CAM</b>" in titles
    assert draw.gallery_height(figure) == 4 * draw.TILE + 66


def test_slow_maps_are_made_anew_only_for_what_they_depend_on() -> None:
    start = errand(view_of(spec_of()))
    same = [
        {"overlay": 0.1},
        {"sign": "absolute"},
        {"layer": "act1"},
        {"lens": "trust"},
        {"method": "lrp", "epsilon": 0.1},
    ]
    new = [{"picture": 1}, {"baseline": "grey"}, {"target": "1"}, {"method": "lime", "trials": 40}]
    assert all(errand(view_of(spec_of(**settings))) == start for settings in same)
    assert all(errand(view_of(spec_of(**settings))) != start for settings in new)


def test_a_sparse_map_keeps_its_largest_value() -> None:
    heat = np.zeros((10, 10))
    heat[0, 0] = -4.0
    assert draw.bound_of(heat, 90.0) == 4.0
    assert draw.bound_of(np.zeros((2, 2)), 90.0) == 1.0
    assert draw.bound_of(np.arange(101.0), 80.0) == 80.0


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_speaks(lens: str) -> None:
    seen = look(view_of(spec_of(lens=lens, method="integrated_gradients")))
    assert seen.sentences
    assert seen.figures or lens == "score"


def test_the_number_check_is_shown_with_its_difference() -> None:
    rows = look(view_of(spec_of(method="grad_cam"))).rows
    assert [row["method"] for row in rows] == ["Saliency", "Input × gradient", "Integrated gradients", "Grad-CAM"]
    assert all(float(row["largest difference"]) < 1e-6 for row in rows)
    assert not look(view_of(spec_of(method="lime"))).rows


def test_the_trust_lens_prints_what_was_measured() -> None:
    view = view_of(spec_of(lens="trust", method="integrated_gradients"))
    found, rows = trust(view, "integrated_gradients"), {row["measure"]: row for row in look(view).rows}
    assert rows["deletion area"]["value"] == f"{found.deletion.area:.3f}"
    assert rows["insertion area"]["beside"] == f"random order {found.blind_insertion.area:.3f}"
    assert rows["infidelity"]["beside"].startswith(f"{100 * found.infidelity.share:.1f} %")
    assert rows["completeness gap"]["value"].replace("−", "-") == f"{found.gap:.4g}"


def test_the_overview_marks_what_is_known() -> None:
    view = view_of(SaliencySpec(sign="absolute"))
    row = {r["method"]: r for r in overview(view, FAST)}["Grad-CAM"]
    mask = view.scene.truth()
    assert row["IoU"] == pytest.approx(iou(view.ranking("grad_cam"), mask), abs=1e-3)
    assert row["hit"] == ("yes" if pointing(view.ranking("grad_cam"), mask) else "no")
    assert "IoU" not in overview(view_of(spec_of()), ("saliency",))[0]


def made_up(known: bool) -> dict[str, np.ndarray]:
    draw_ = np.random.default_rng(0)
    arrays = {name: draw_.random((3, len(METHODS))) for name in MARKS}
    if not known:
        arrays["iou"] = arrays["hit"] = arrays["chance"] = np.full((3, len(METHODS)), np.nan)
    return arrays


def test_the_score_s_table_and_bars_are_means_over_the_pictures() -> None:
    arrays = made_up(known=True)
    best = int(np.argmax(arrays["iou"].mean(0)))
    rows, figure = score_rows(arrays), score_figure(arrays)
    assert rows[0]["method"] == list(METHODS.values())[best].title
    assert rows[0]["IoU"] == f"{arrays['iou'][:, best].mean():.3f}"
    assert figure.data[0]["y"][-1] == rows[0]["method"]
    assert max(figure.data[0]["x"]) == pytest.approx(arrays["iou"].mean(0).max())
    assert "insertion" in score_figure(made_up(known=False)).alt
    assert "IoU" not in score_rows(made_up(known=False))[0]


def test_questions_are_answered_by_the_picture() -> None:
    view = view_of(SaliencySpec())
    asked = {q.slug.split(".")[0]: q for q in questions(view)}
    mask = view.scene.truth()
    rivals = {
        METHODS[m].title: iou(view.ranking(m), mask)
        for m in ("saliency", "integrated_gradients", "grad_cam", "guided_backprop")
    }
    assert asked["finder"].answer == max(rivals, key=rivals.__getitem__)
    missed = sum(not pointing(view.ranking(m), mask) for m in METHODS)
    assert asked["hits"].answer == missed
    assert asked["hits"].right(missed + 1)
    assert asked["complete"].answer == "the logit of the picture minus that of the baseline"
    assert {q.slug.split(".")[0] for q in questions(view_of(spec_of()))} == {"complete", "alike"}


def test_menus_fall_back() -> None:
    assert menus(spec_of(target="circle", layer="nowhere"))["target"][1] == "predicted"
    assert menus(spec_of(layer="act1"))["layer"] == (("last", "act1", "act2", "pool2"), "act1")


def test_the_formulas_show_the_numbers() -> None:
    steps = worked(spec_of())
    found = numbers(spec_of())
    assert f"{found['integrated_gradients largest']:.6g}" in steps[0].latex[1]
    assert f"{found['grad_cam largest']:.6g}" in steps[1].latex[1]


def test_a_large_network_shows_the_quick_maps_and_a_job_brings_the_slow_ones(monkeypatch) -> None:
    """A small network stands in for a large one: what is slow, what a job brings, and that another picture's maps are left."""
    small = {name: title for name, title in SMALL.items() if name != "lenet5-mnist"}
    for module in ("compute", "lenses", "spec"):
        monkeypatch.setattr(f"core.saliency.{module}.SMALL", small)
    monkeypatch.setattr("core.saliency.compute._brought", {})
    view, other = view_of(spec_of()), view_of(spec_of(picture=1))
    assert view.at_hand == view.quick
    assert "lime" not in view.quick
    assert "Start the slow maps" in look(view_of(spec_of(method="lime"))).sentences[0]
    assert "hundreds of passes" in look(view_of(spec_of(lens="cascade"))).sentences[0]
    assert {q.slug.split(".")[0] for q in questions(view)} == {"alike"}
    steps = slow_maps(Slow(view))
    first = next(steps)
    assert (first.step, first.total) == (1, len(METHODS) - len(view.quick))
    assert not bring(Slow(other), first)
    assert bring(Slow(view), first)
    assert not bring(Slow(view), first)
    (method,) = set(view.at_hand) - set(view.quick)
    np.testing.assert_array_equal(view.map(method).attribution, first.arrays[method])
    assert other.at_hand == other.quick


def test_methods_without_a_rule_for_the_network_have_no_tile(monkeypatch) -> None:
    monkeypatch.setitem(WITHOUT, "lenet5-mnist", ("lrp",))
    names = [note["text"] for note in tiles(view_of(spec_of())).layout["annotations"]]
    assert "LRP" not in names
    assert "LIME" in names


def test_large_pictures_are_shrunk_for_their_tiles() -> None:
    assert draw.shrunk(np.ones((28, 28))).shape == (28, 28)
    whole = np.arange(160.0 * 160).reshape(1, 160, 160)
    assert draw.shrunk(whole).shape == (1, 80, 80)
    assert draw.shrunk(whole)[0, 0, 0] == whole[0, :2, :2].mean()
