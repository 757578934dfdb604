"""What the page says about the numbers, and its pictures."""

from __future__ import annotations

import numpy as np
import pytest

from core.tabular_lab import SPEC, look, pictures, preview, questions, resolved, sections, study_of, table, worked
from core.tabular_lab.compute import Learning, importances
from core.tabular_lab.figures import run_counts
from core.tabular_lab.lenses import about, answer, compared, deep_against, verdict
from core.tabular_lab.spec import LENSES, MODELS

FAST = {"trees": 10, "epochs": 40, "seeds": 2, "width": 8}
SIZES = np.array([20, 100])


def curves(*last: list[float]) -> np.ndarray:
    """Two sizes; the given draws (models in the order of MODELS) at the larger one."""
    return np.stack([np.zeros((len(last), 4)), np.array(last)])


@pytest.fixture(scope="module")
def run():
    return study_of(SPEC(**FAST))


def test_a_lead_is_clear_when_it_exceeds_its_deviation():
    values = np.array([[0.5, 0.1, 0.1, 0.3], [0.6, 0.1, 0.1, 0.5], [0.4, 0.1, 0.1, 0.1]])
    found = compared(values, 0, 3)
    assert found.lead == pytest.approx(0.2)
    assert found.spread == pytest.approx(np.std([0.2, 0.1, 0.3], ddof=1))
    assert found.wins == 3
    assert found.clear
    assert verdict(values)[:2] == (0, 3)
    assert deep_against(values)[:2] == (3, 0)
    assert not compared(values[:2], 0, 3).clear, "two draws decide nothing"


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        ([[0.5, 0.4, 0.4, 0.7], [0.5, 0.4, 0.4, 0.72], [0.5, 0.4, 0.4, 0.71]], "Yes, here a deep net pays"),
        ([[0.5, 0.4, 0.4, 0.2], [0.5, 0.4, 0.4, 0.22], [0.5, 0.4, 0.4, 0.21]], "No, not here"),
        ([[0.5, 0.4, 0.4, 0.6], [0.5, 0.4, 0.4, 0.4], [0.5, 0.4, 0.4, 0.5]], "do not show that it pays"),
        ([[0.5, 0.4, 0.4, 0.9], [0.5, 0.4, 0.4, 0.9]], "too few to tell skill from luck"),
    ],
)
def test_the_answer_follows_from_the_numbers(run, draws, words):
    assert words in answer(run, SIZES, curves(*draws))


def test_the_answer_says_how_far_behind_and_how_often_ahead(run):
    said = answer(run, SIZES, curves([0.5, 0.4, 0.4, 0.2], [0.5, 0.4, 0.4, 0.3], [0.5, 0.4, 0.4, 0.25]))
    assert "behind linear baseline by 0.25 on average, with a deviation of 0.05" in said
    assert "ahead in 0 of 3 draws" in said


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("data", ["diabetes", "wine"])
def test_every_lens_has_words_and_pictures(lens, data):
    seen = look(study_of(SPEC(data=data, lens=lens, **FAST)))
    assert seen.sentences
    assert seen.rows
    assert all(len(figure.alt) > 30 and len(figure.how_to_read) > 30 for figure in seen.figures.values())


def test_unfinished_curves_are_drawn_without_an_answer(run):
    values = np.full((2, 2, 4, 2), np.nan)
    values[0, 0] = 0.3
    seen = look(run, Learning(SIZES, values))
    assert "follows" in seen.sentences[0]
    assert [list(trace["x"]) for trace in seen.figures["learning"].data if trace["mode"] == "lines+markers"] == [
        [20.0]
    ] * 4


def test_the_learning_picture_shows_mean_and_range(run):
    values = np.zeros((2, 3, 4, 2))
    values[1, :, 3, 0] = [0.1, 0.3, 0.2]
    traces = look(run, Learning(SIZES, values)).figures["learning"].data
    assert traces[-1]["y"].tolist() == pytest.approx([0.0, 0.2])
    assert traces[-2]["y"].tolist() == [0.0, 0.3, 0.1, 0.0]


def test_scores_and_curves_show_the_run(run):
    drawn = pictures(run)
    assert drawn["scores"].data[2]["x"].tolist() == [run.scores["test"][m][0] for m in MODELS]
    fit, validation, test, kept, *_ = drawn["training"].data
    net = run.models["single"].learned
    assert [trace["y"].tolist() for trace in (fit, validation, test)] == [
        net.curves[part].tolist() for part in ("fit", "validation", "test")
    ]
    assert (kept["x"], kept["y"]) == ([net.epoch], [net.curves["test"][net.epoch]])


def test_the_confusion_matrix_counts_every_test_row():
    run = study_of(SPEC(data="wine", **FAST))
    counts = run_counts(run, "deep")
    assert counts.sum() == len(run.data.y_test)
    assert np.trace(counts) / counts.sum() == run.scores["test"]["deep"][0]
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(run.data.y_test))


def test_a_leak_is_announced():
    assert "No score here can be trusted" in about(study_of(SPEC(leak="target", **FAST)))


def test_the_questions_are_answered_by_the_run(run):
    asked = {q.slug.split(".")[0]: q for q in questions(run)}
    scores = {title: run.scores["test"][m][0] for m, title in MODELS.items()}
    assert asked["winner"].answer == max(scores, key=scores.__getitem__)
    gaps = {t: run.scores["training"][m][0] - run.scores["test"][m][0] for m, t in MODELS.items()}
    assert asked["gap"].answer == max(gaps, key=gaps.__getitem__)
    assert asked["stopped"].right(float(run.models["deep"].learned.epoch))
    falls = importances(run.spec)["trees"].mean(axis=1)
    assert asked["column"].answer == run.data.columns[int(falls.argmax())]


def test_the_table_is_what_the_script_reads():
    rows = table(SPEC(data="wine")).splitlines()
    run = study_of(SPEC(data="wine", **FAST))
    np.testing.assert_array_equal(np.array([line.split(",") for line in rows[1:]], float)[:, :-1], run.sheet.X)
    assert len(sections(SPEC(**FAST, lens="errors"))) == 3
    assert len(worked(SPEC(**FAST))) == 4
    assert preview(resolved(SPEC(data="california", **FAST))[0]).sizes[0] >= 20
