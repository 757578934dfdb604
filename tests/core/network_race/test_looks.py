"""Pictures, closer looks and questions hold the race's numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ExplainerError
from core.network_race import draw, script, sections, table
from core.network_race.compute import RATES, Outcome, outcome_of, plane, run_of, train
from core.network_race.lenses import look, ranking, summary, worked
from core.network_race.questions import questions
from core.network_race.spec import EXAMPLES, RACERS, NetworkRaceSpec, menus
from core.plots.words import short

SPEC = NetworkRaceSpec(racers="SGD, Adam, Adam@0.1", rates="same", rate=0.03, steps=20, width=4, seeds=3)
LEFT = NetworkRaceSpec(data="diabetes", racers="SGD@5, Adam@0.01", rates="same", activation="relu", steps=60, seeds=1)


def lines(figure, mode: str = "lines") -> dict:
    return {t["name"]: t for t in figure.data if t["mode"] == mode and "name" in t}


@pytest.mark.parametrize("metric", draw.METRICS)
@pytest.mark.parametrize("clock", draw.CLOCK_TITLES)
def test_a_line_is_the_median_and_its_band_the_quantiles(metric: str, clock: str) -> None:
    run = run_of(SPEC)
    figure = draw.curves(run, metric, clock)
    x = run.arrays["seconds"][1, 1] if clock == "seconds" else run.arrays[clock]
    line = lines(figure)["Adam"]
    np.testing.assert_array_equal(line["x"], x)
    np.testing.assert_array_equal(line["y"], run.arrays[metric][1, 1])
    bands = [t for t in figure.data if t.get("fill") == "toself"]
    assert len(bands) == 3
    np.testing.assert_array_equal(bands[1]["y"], [*run.arrays[metric][1, 2], *run.arrays[metric][1, 0][::-1]])
    y = figure.layout["yaxis"]
    assert (y.get("type") == "log") == (not metric.endswith("score"))
    inside = np.log10(line["y"]) if y.get("type") == "log" else line["y"]
    assert (y["range"][0] <= inside).all()
    assert (inside <= y["range"][1]).all()
    assert not [t for t in draw.curves(run_of(replace(SPEC, seeds=1)), metric, clock).data if "fill" in t]


def test_every_racer_has_a_look_of_its_own() -> None:
    everyone = ", ".join(RACERS[name].title for name in draw.HOME[:12])
    for text in (everyone, "SGD, SGD@1, SGD@2, SGD@3, Adam, Adam@1"):
        run = run_of(NetworkRaceSpec(racers=text, rates="same", steps=10, width=2, seeds=1))
        looks = draw.styles(run)
        assert len({(look.colour, look.dash) for look in looks}) == len(looks)
    assert set(draw.HOME) == set(RACERS)


def test_who_left_is_marked_and_does_not_press_the_others_flat() -> None:
    run = run_of(LEFT)
    assert run.left.tolist() == [True, False]
    figure = draw.curves(run, "train_loss", "step")
    mark = next(t for t in figure.data if t.get("text") == ["DNF"])
    assert mark["x"][0] <= run.arrays["stopped"][0, 0]
    assert np.log10(mark["y"][0]) <= figure.layout["yaxis"]["range"][1] < 3
    assert "SGD@5 did not finish" in figure.alt
    assert len(lines(figure)["SGD@5"]["x"]) < len(lines(figure)["Adam@0.01"]["x"])
    for metric in draw.METRICS:
        assert draw.curves(run, metric, "examples").data
    everyone_left = run_of(replace(LEFT, racers="SGD@5"))
    assert draw.curves(everyone_left, "train_loss", "step").data[0]["x"].size
    sentence = look(run).sentences[1]
    assert "DNF" in sentence
    assert "SGD@5" in sentence


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [(-1.0, 0.0, [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]), (-2.2, 1.0, [1e-3, 0.01, 0.1, 1.0, 10.0])],
)
def test_marks_of_a_log_axis(low: float, high: float, marks: list[float]) -> None:
    assert draw.log_axis("loss", low, high)["tickvals"] == marks


def test_the_table_ranks_by_the_metric_on_screen() -> None:
    for metric, sign in (("train_loss", 1), ("test_score", -1)):
        run = run_of(replace(SPEC, metric=metric))
        end = run.middle(metric)[:, -1]
        assert [sign * end[i] for i in ranking(run)] == sorted(sign * end)
        rows = look(run).rows
        assert [row["racer"] for row in rows] == [run.labels[i] for i in ranking(run)]
        first = ranking(run)[0]
        assert rows[0]["training loss"] == short(float(run.middle("train_loss")[first, -1]))
        assert rows[0]["test accuracy"] == short(float(run.middle("test_score")[first, -1]))
        test = run.middle("test_loss")[first]
        assert rows[0]["lowest test loss"] == f"{short(test.min())} at step {int(run.arrays['step'][test.argmin()])}"
    assert look(run_of(LEFT)).rows[-1]["place"] == "DNF"
    pin = summary(run_of(SPEC))
    assert pin.metrics == {k: float(v) for k, v in zip(run.labels, run.middle("train_loss")[:, -1], strict=True)}
    assert pin.curve == run.middle("train_loss")[ranking(run_of(SPEC))[0]].tolist()


def test_rates_show_every_try_and_ring_the_best() -> None:
    run = run_of(replace(SPEC, rates="tuned", lens="rates", seeds=1, data="diabetes", activation="relu", steps=40))
    figure = look(run).figures["rates"]
    final, left = run.arrays["rates.final"], run.arrays["rates.dnf"]
    drawn = lines(figure, "lines+markers")
    assert list(drawn) == ["SGD", "Adam"]  # Adam@0.1 is Adam at all rates
    np.testing.assert_array_equal(drawn["SGD"]["y"], np.where(left[0], np.nan, final[0]))
    best = np.where(left, np.inf, final).argmin(1)[:2]
    np.testing.assert_array_equal(figure.data[-1]["x"], np.array(RATES)[best])
    rows = look(run).rows
    assert rows[0]["rates that diverge"] == f"{left[0].sum()} of 9"
    near = [loss <= 2 * final[0, best[0]] and not out for loss, out in zip(final[0], left[0], strict=True)]
    assert rows[0]["rates within twice that loss"] == str(sum(near))


def test_the_batch_picture_and_its_table() -> None:
    run = run_of(replace(SPEC, lens="batch", metric="test_loss", seeds=1))
    view = look(run)
    np.testing.assert_array_equal(
        lines(view.figures["batch"], "lines+markers")["SGD"]["y"], run.arrays["batch.test_loss"][0]
    )
    assert [row["batch size"] for row in view.rows] == ["8", "16", "32", "64", "128", "256"]
    assert view.rows[2]["SGD"] == short(float(run.arrays["batch.test_loss"][0, 2]))
    assert view.params == ["budget"]


def test_the_landscape_says_how_far_it_can_be_trusted() -> None:
    run = run_of(replace(SPEC, lens="landscape", plane="Adam, SGD", seeds=1))
    view, found = look(run), plane(run)
    share = 100 * found.plane.explained.sum()
    assert f"**{share:.1f} %**" in view.sentences[0]
    assert view.choices == {"plane": (run.labels, ["SGD", "Adam"])}
    figure = view.figures["landscape"]
    assert f"{100 * found.plane.explained[0]:.1f} %" in figure.layout["xaxis"]["title"]["text"]
    np.testing.assert_array_equal(figure.data[0]["customdata"], found.surface)
    for i, row in enumerate(view.rows):
        assert row["loss at the end"] == short(float(run.middle("train_loss")[i, -1]))
        assert row["off-plane error"] == short(float(found.loss[i, -1] - found.projected_loss[i, -1]))
        assert row["largest on the way"] == short(float(np.abs(found.off_plane_error[i]).max()))


@pytest.mark.parametrize("batch", [16, 512])
def test_the_edge_stands_beside_the_sharpness(batch: int) -> None:
    spec = replace(SPEC, racers="SGD@0.5, Momentum, Adam", lens="sharpness", seeds=1, batch=batch)
    run = run_of(spec)
    view = look(run)
    figure = view.figures["sharpness"]
    np.testing.assert_array_equal(lines(figure, "lines+markers")["Adam"]["y"], run.arrays["sharp.value"][2])
    limits = {name: trace["y"] for name, trace in lines(figure).items()}
    assert limits["edge of SGD@0.5"] == [4.0, 4.0]
    assert limits["edge of Momentum"] == pytest.approx([2 * 3.8 / 0.06] * 2)
    assert "edge of Adam" not in limits
    assert [row["edge"] for row in view.rows] == ["4", short(3.8 / 0.03), ""]
    assert ("mini-batches" in view.sentences[1]) == (batch == 16)


@pytest.mark.parametrize("lens", ["rates", "batch", "landscape", "sharpness"])
def test_a_look_that_is_not_computed_yet_is_announced(lens: str) -> None:
    said = [outcome_of(s.arrays) for s in train(replace(SPEC, lens=lens, seeds=1))]
    first = next(run for run in said if run is not None)
    if lens != "rates":  # the rates come before the race
        assert look(first).sentences == ["This look follows when the race is over."]
    assert draw.curves(first, "train_loss", "step").data
    assert look(said[-1]).rows


def test_the_rules_are_shown_with_their_rates() -> None:
    steps = worked(SPEC)
    assert [step.title for step in steps] == ["SGD, η = 0.03", "Adam, η = 0.03", "Adam@0.1, η = 0.1"]
    assert all(step.latex for step in steps)


def test_the_report_holds_the_screen() -> None:
    spec = replace(SPEC, lens="landscape", metric="test_loss", seeds=1)
    run, (closer, curves, settings) = run_of(spec), sections(spec)
    assert (closer.heading, closer.rows) == ("Loss landscape", look(run).rows)
    np.testing.assert_array_equal(lines(curves.figures["Learning curves"])["SGD"]["y"], run.middle("test_loss")[0])
    assert len(settings.rows) == len(spec.params())
    head, *rows = table(spec).splitlines()
    assert head == "racer,step,examples,seconds,train_loss,test_loss,train_score,test_score,gradient_norm"
    assert len(rows) == 3 * 21
    name, step, examples, _, train_loss, *_ = rows[21 + 20].split(",")
    assert (name, step, examples) == ("Adam", "20", "1280")
    assert float(train_loss) == run.middle("train_loss")[1, 20]


def test_what_is_too_long_is_not_run_for_a_file() -> None:
    heavy = NetworkRaceSpec(data="digits", steps=1000, width=64, batch=512, seeds=10)
    for ask in (sections, table, script, worked):
        with pytest.raises(ExplainerError, match=r"takes about \d+ s, and up to 1 s can be run here; try fewer steps"):
            ask(heavy)
    assert "STEPS, BATCH = 0, 10, 1000, 512" in script(replace(heavy, rates="same"))


def answers(run: Outcome) -> dict:
    return {question.slug.split(".")[0]: question for question in questions(run)}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
def test_answers_come_from_the_run(example) -> None:
    run = run_of(NetworkRaceSpec(**example.settings))
    asked = answers(run)
    metric, stayed = run.spec.metric, np.flatnonzero(~run.left)
    end = {name: run.middle(name)[stayed, -1] for name in ("train_loss", "test_loss", metric)}
    best = end[metric].argmax() if metric.endswith("score") else end[metric].argmin()
    assert asked["winner"].answer == run.labels[stayed[best]]
    assert asked["diverged"].answer == run.left.sum()
    same = end["train_loss"].argmin() == end["test_loss"].argmin()
    assert asked["same"].answer == ("the same racer" if same else "another racer")
    if "turn" in asked:
        test = run.middle("test_loss")[stayed]
        assert asked["turn"].answer == run.labels[stayed[(test[:, -1] / test.min(1)).argmax()]]


def test_a_race_of_one_asks_only_what_it_can_answer() -> None:
    assert set(answers(run_of(replace(SPEC, racers="SGD")))) == {"diverged"}
    assert set(answers(run_of(LEFT))) >= {"diverged"}
    assert answers(run_of(LEFT))["diverged"].answer == 1.0


def test_menus_survive_a_text_that_cannot_be_read() -> None:
    assert menus(SPEC) == ["SGD", "Adam", "Adam@0.1"]
    assert menus(replace(SPEC, racers="nobody")) == []


def test_the_presets_show_what_their_titles_say() -> None:
    runs = {e.slug: run_of(NetworkRaceSpec(**e.settings)) for e in EXAMPLES}
    assert runs["divergence"].left.tolist() == [False, True, False, True]
    tamed = replace(NetworkRaceSpec(**{e.slug: e for e in EXAMPLES}["divergence"].settings), clip="norm")
    assert not run_of(tamed).left[1]
    test = runs["overfitting"].middle("test_loss")
    assert (test[2:, -1] > 1.1 * test[2:].min(1)).all()
    sharp = runs["edge"].arrays["sharp.value"]
    assert sharp[2].max() > 2 / 0.2 > sharp[2].min()  # it hovers about the edge
    assert (np.diff(sharp[1, 2:]) > 0).all()  # and this one climbs to it
    steady = run_of(replace(runs["batch_size"].spec, budget="epochs")).arrays["batch.train_loss"]
    scaled = runs["batch_size"].arrays["batch.train_loss"]
    assert (scaled[:, -1] < steady[:, -1]).all()
    assert plane(runs["landscape"]).plane.explained.sum() > 0.9
    assert runs["digits"].middle("test_score")[:, -1].max() > 0.9
