"""Pictures, closer looks, questions, report and script against the numbers that they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import entropy, pearsonr

from core.text_generation import figures, sections, table
from core.text_generation import figures as every_figure
from core.text_generation.code import script
from core.text_generation.compute import Model, bits, model_of, ngram_bits, resolved, write
from core.text_generation.figures import BARS, COLUMNS, curves, following, samples, shown, text
from core.text_generation.lenses import about, correlations, look, mean_entropy, quantities, repeated, worked
from core.text_generation.questions import questions
from core.text_generation.spec import LENSES, TextGenerationSpec

SMALL = TextGenerationSpec(corpus="sentences", cell="gru", width=8, steps=30, window=20, prompt="the ", length=60)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of(SMALL)


def test_quantities_count_what_they_say():
    found = quantities('a("B c")\nd')
    assert found["open brackets"].tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert found["inside double quotes"].tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    assert found["place in the line"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 0, 1]
    assert found["letters of the word so far"].tolist() == [1, 0, 0, 1, 0, 1, 0, 0, 0, 1]
    assert found["capital letter"].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert found["space or line end"].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert quantities("))(")["open brackets"].tolist() == [0, 0, 1]


def test_correlations_are_pearson_s_and_0_for_a_constant():
    g = np.random.default_rng(0)
    h = g.normal(size=(50, 3))
    h[:, 2] = 0.5
    wanted = {"a": h[:, 0] + g.normal(size=50), "flat": np.ones(50)}
    found = correlations(h, wanted)
    assert found[0, 0] == pytest.approx(pearsonr(h[:, 0], wanted["a"]).statistic)
    assert found[0, 1] == pytest.approx(pearsonr(h[:, 1], wanted["a"]).statistic)
    assert (found[1] == 0).all()
    assert found[0, 2] == 0


def test_mean_entropy_is_scipy_s(model):
    made = write(model, SMALL)
    by_hand = np.mean([entropy(made.q[t], base=2) for t in range(made.read - 1, len(made.codes) - 1)])
    assert mean_entropy(made, SMALL, SMALL.temperature) == pytest.approx(by_hand)


def test_repeats_are_counted():
    assert repeated("abcdefghabcdefgh") == pytest.approx(1 / 9)
    assert repeated("aaaaaaaaa") == 0.5
    assert repeated("short") == 0.0


def test_the_text_stands_in_its_cells_and_the_film_moves_the_frame(model):
    made = write(model, SMALL)
    drawn = text(made, "unit", 3, -1)
    cells = [sign for row in drawn.data[0]["text"] for sign in row]
    assert "".join(cells[:4]) == "the␣"
    np.testing.assert_allclose(drawn.data[0]["z"].ravel()[: len(made.codes)], made.h[:, 3])
    assert len(drawn.frames) == len(made.codes) - 1
    t = COLUMNS + 5
    assert drawn.frames[t].data[0] == {"x": [5], "y": [1.0]}
    coloured = text(made, "surprise", 3, -1)
    np.testing.assert_allclose(coloured.data[0]["z"].ravel()[1 : len(made.codes)], np.minimum(made.surprise[1:], 8))
    assert shown(made, -1) == 3
    assert shown(made, 9999) == len(made.codes) - 2


def test_the_bars_are_the_largest_probabilities_and_mark_what_came(model):
    made = write(model, SMALL)
    drawn = following(made, 10)
    top = np.sort(made.p[10])[::-1][:BARS]
    np.testing.assert_allclose(drawn.data[0]["x"], top, rtol=1e-3)
    order = np.argsort(-made.p[10], kind="stable")[:BARS]
    np.testing.assert_allclose(drawn.data[1]["x"], made.q[10, order], rtol=1e-3, atol=1e-12)
    orange = [k for k, colour in zip(order, drawn.data[1]["marker"]["color"], strict=True) if colour == "#e08e0b"]
    assert orange in ([], [made.codes[11]])


@pytest.mark.parametrize("lens", LENSES)
def test_every_closer_look_has_words_rows_and_figures(model, lens):
    spec = replace(SMALL, lens=lens)
    seen = look(model, write(model, spec), spec)
    assert seen.sentences
    assert seen.rows
    assert all(f.alt and f.how_to_read for f in seen.figures.values())


def test_the_table_of_rivals_is_the_measured_one(model):
    spec = replace(SMALL, lens="ngrams")
    made = write(model, spec)
    rows = look(model, made, spec).rows
    wanted = [*ngram_bits(model.corpus).values(), bits(model)]
    assert [row["bits"] for row in rows] == [f"{b:.4g}" for b in wanted]
    assert [row["perplexity"] for row in rows] == [f"{2**b:.4g}" for b in wanted]
    asked = {q.slug.split(".")[0]: q for q in questions(model, made, spec)}
    assert asked["rival"].answer == sum(wanted[-1] < b for b in wanted[:-1])
    first = made.corpus.signs[made.p[made.read - 1].argmax()]
    assert asked["next"].answer.strip("“”") in (first, "␣", "↵")
    share = np.mean(made.p[made.read - 1 : -1].argmax(axis=1) == made.codes[made.read :])
    assert asked["greedy"].answer == round(100 * share, 1)


def test_report_table_words_and_formulas_agree(model):
    made = write(model, SMALL)
    assert "trained here for 30 of 30 steps" in about(model, made, SMALL)
    lines = table(SMALL).splitlines()
    assert len(lines) >= 1 + len(made.codes)
    assert made.text in sections(SMALL)[0].sentences
    t = made.read - 1
    assert f"{-np.log2(made.p[t, made.codes[t + 1]]):.4g}" in worked(SMALL)[0].latex[-1]
    assert set(figures(SMALL)) == {"text", "next", "bits"} == set(every_figure(SMALL))


def test_curves_and_samples_show_a_job_s_reports():
    shots = [np.array([1, 2, 3]), np.array([3, 2, 1])]
    film = samples(shots, [0, 10], " abc")
    assert film.frames[0].data[0]["text"][0][:3] == ["a", "b", "c"]
    assert curves({"step": [0, 10], "loss": [3.0, 2.0], "held_out": [3.1, 2.2]}).data[1]["y"].tolist() == [3.1, 2.2]


def test_the_script_of_an_own_text_that_is_gone_is_that_of_python_s_pages():
    spec = resolved(TextGenerationSpec(corpus="own", own="gone"))[0]
    assert "pydoc_data" in script(spec)
