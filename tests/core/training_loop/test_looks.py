"""The film of the listing, the closer looks, and the questions."""

from __future__ import annotations

import numpy as np
import pytest

from core.training_loop import (
    SPEC,
    captions,
    checkpoint_file,
    look,
    moments,
    pictures,
    questions,
    run_of,
    sections,
    worked,
)
from core.training_loop.figures import shade
from core.training_loop.lenses import film_steps, followed, identity, saved, stop_band
from core.training_loop.listing import code, passes
from core.training_loop.loop import from_bytes
from core.training_loop.spec import LENSES

FAST = {"points": 100, "epochs": 6, "width": 8, "depth": 1, "patience": 0}


@pytest.fixture(scope="module")
def run():
    return run_of(SPEC(**FAST))


def test_the_film_goes_through_one_step_then_steps_then_epochs(run):
    shown = moments(run)
    assert [m.key for m in shown[:6]] == ["load", "forward", "loss", "backward", "step", "log"]
    assert {m.step for m in shown[:6]} == {0}
    assert [m.step for m in shown if m.closed and m.key in ("keep", "validate")][-1] == run.ends[-1] - 1
    drawn = pictures(run)
    assert len(drawn["loop"].frames) == len(drawn["course"].frames) == len(captions(run)) == len(shown)


def test_the_values_beside_the_lines_are_the_run_s(run):
    first, last = moments(run)[0], moments(run)[-1]
    told = passes(run, first)
    assert told["load"] == "x (32, 64), y (32,)"
    assert told["forward"] == "(32, 64) → (32, 8) → (32, 10)"
    assert f"{run.series('losses')[0]:.4g}" in told["loss"]
    assert f"{run.series('gradient_norm')[0]:.4g}" in told["backward"]
    assert "610 numbers" in told["backward"]
    end = passes(run, last)
    assert end["load"] == "x (4, 64), y (4,)", "100 digits in batches of 32 leave 4"
    assert f"{run.val_loss[-1]:.4g}" in end["validate"]
    assert f"{run.val_loss.min():.4g}" in end["keep"]


def test_lines_of_callbacks_that_are_off_are_not_there(run):
    assert not {"clip", "stop", "plateau"} & set(code(run))
    on = run_of(SPEC(points=100, epochs=3, clip=1.0, schedule="plateau", dropout=0.1))
    assert {"clip", "stop", "plateau"} <= set(code(on))
    assert ".train()" in code(on)["forward"]


def test_the_band_reaches_from_the_best_epoch_to_the_stop(run):
    assert stop_band(run) is None
    stopped = run_of(SPEC(points=100, epochs=40, rate=0.02, patience=3))
    low, high = stop_band(stopped)
    assert (low, high) == (stopped.ends[stopped.kept], stopped.ends[-1])
    assert len(stopped.epochs) - stopped.kept == 3


def test_checkpoints_are_best_last_and_every_k_th(run):
    assert set(saved(run)) == {run.kept, 6, 5}
    state = from_bytes(checkpoint_file(run.spec, "best"))
    np.testing.assert_array_equal(state.theta, run.states[run.kept].theta)
    np.testing.assert_array_equal(from_bytes(checkpoint_file(run.spec, "last")).theta, run.states[-1].theta)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("more", [{}, {"stand": 0}, {"stand": 5}, {"hole": True}])
def test_every_look_has_words_wherever_the_run_stands(lens, more):
    spec = SPEC(**{**FAST, **more}, lens=lens)
    seen = look(run_of(spec))
    assert seen.sentences
    assert all(len(figure.alt) > 30 and len(figure.how_to_read) > 30 for figure in seen.figures.values())
    assert questions(run_of(spec)) is not None


def test_the_ratio_is_update_by_weight(run):
    drawn = look(run_of(SPEC(**FAST, lens="signals"))).figures["ratio"]
    place, _ = run.plan.net.places[0]
    before, epoch = run.states[0].theta[0, place], run.epochs[0]
    one = run_of(SPEC(**FAST, stand=1)).states[-1].theta[0, place]
    assert drawn.data[0]["y"][0] == pytest.approx(np.linalg.norm(one - before) / np.linalg.norm(before), rel=1e-12)
    assert len(drawn.data) == epoch.weight_norm.shape[1] == 2


def test_histograms_hold_every_weight(run):
    seen = look(run_of(SPEC(**FAST, lens="histograms", layer=4)))
    assert "layer 2 of 2" in seen.sentences[0].lower()
    columns = seen.figures["weights"].data[0]["customdata"].sum(axis=0)
    assert len(columns) == 7
    assert (columns > 95).all()
    assert (columns <= 100 + 1e-9).all()


def test_followed_digits_change_their_answer(run):
    rows = followed(run)
    assert len(rows) == 12
    assert (np.diff(rows) > 0).all()
    seen = look(run_of(SPEC(**FAST, lens="predictions")))
    assert len(seen.figures["confusion"].frames) == len(seen.figures["samples"].frames) == len(film_steps(run)) == 7


def test_all_sanity_tests_are_told(run):
    seen = look(run_of(SPEC(points=300, epochs=15, depth=1, lens="sanity")))
    assert [row["passed"] for row in seen.rows] == ["yes"] * 4


def test_fingerprints_name_the_run(run):
    same, other = identity(run), identity(run_of(SPEC(**{**FAST, "points": 150})))
    assert same == identity(run_of(SPEC(**FAST)))
    assert same["training digits and labels"] != other["training digits and labels"]
    assert same["first weights"] == other["first weights"]


def test_questions_are_answered_by_the_run(run):
    asked = questions(run)
    assert asked[0].right(float(run.val_loss.argmin()))
    branch = {q.slug.split(".")[0]: q for q in questions(run_of(SPEC(**FAST, lens="branch")))}
    assert branch["forgotten"].answer == "another run"
    plain = {q.slug.split(".")[0]: q for q in questions(run_of(SPEC(**{**FAST, "optimizer": "sgd"}, lens="branch")))}
    assert plain["forgotten"].answer == "the same to the last bit"
    best = {q.slug.split(".")[0]: q for q in questions(run_of(SPEC(**FAST, lens="sweep")))}["rate"]
    assert best.answer in best.options


def test_report_and_formula_hold_the_run(run):
    assert len(sections(run.spec)) == 3
    assert f"{run.series('losses')[0]:.4f}" in worked(run.spec)[0].latex[0]


def test_colours_run_along_the_scale():
    assert shade(0.0) == "rgb(0, 32, 76)"
    assert shade(1.0) == "rgb(255, 233, 69)"
    assert shade(float("nan")) == shade(1.0)
