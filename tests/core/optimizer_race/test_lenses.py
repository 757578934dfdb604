"""The closer looks: their numbers are the race's, and every rule's shown update is the step that was made."""

from __future__ import annotations

import numpy as np
import pytest

from core.optimizer_race.compute import inside, race_spec, run_of, strip
from core.optimizer_race.lenses import LENS, look, number, update_of, worked
from core.optimizer_race.spec import ALL, LENSES, OptimizerRaceSpec, chosen


def spec_of(**settings: object) -> OptimizerRaceSpec:
    return OptimizerRaceSpec(**{"rates": "same", "surface": "himmelblau", "steps": 40, **settings})


def test_every_lens_of_the_menu_is_there() -> None:
    assert set(LENS) == set(LENSES)


@pytest.mark.parametrize("index", range(16), ids=[entry.name for entry in chosen(ALL)])
@pytest.mark.parametrize("step", [1, 2, 17])
def test_the_update_shown_is_the_step_made(index: int, step: int) -> None:
    rules = race_spec(spec_of(racers=ALL, rates="torch", weight_decay=0.0))
    history, racer = inside(rules, index), rules.racers[index]
    for k in range(2):
        here = {symbol: float(series[step - 1, k]) for symbol, series in history.items()}
        words, numbers, value = update_of(racer.name, here)
        decay = here["lr"] * 0.01 * here["theta"] if racer.name == "adamw" else 0.0
        assert value - decay == pytest.approx(here["delta_theta"], rel=2e-4, abs=1e-12)
        assert r"\eta" in words or racer.name in ("rprop", "lbfgs", "lbfgs_wolfe")
        assert number(here["lr"]) in numbers or racer.name in ("adagrad", "rprop", "lbfgs", "lbfgs_wolfe")


def test_numbers_in_latex() -> None:
    assert number(-0.5) == "(-0.5)"
    assert number(-0.5, alone=True) == "-0.5"
    assert number(1.25e-7) == r"1.25\cdot 10^{-7}"


def test_the_anatomy_follows_the_film_and_shows_its_step() -> None:
    view = look(spec_of(racers="SGD, Adam", lens="anatomy", racer="Adam", step=7, rate=0.05))
    history = inside(race_spec(spec_of(racers="SGD, Adam", rate=0.05)), 1)
    row = {r["symbol"]: r for r in view.rows}
    assert "step **7** of 40" in view.sentences[0]
    assert row["m̂"]["x"] == f"{history['m_hat'][6, 0]:.4g}".replace("-", "−")
    assert row["Δθ"]["y"] == f"{history['delta_theta'][6, 1]:.4g}".replace("-", "−")
    assert len(view.latex) == 3
    assert number(float(history["delta_theta"][6, 0]), alone=True) in view.latex[1]
    assert view.choices == {"racer": (("SGD", "Adam"), "Adam")}


def test_decoupled_decay_is_written_beside_the_step() -> None:
    spec = spec_of(racers="Adam, AdamW", lens="anatomy", racer="AdamW", step=3, rate=0.05, weight_decay=0.5)
    here = {symbol: series[2] for symbol, series in inside(race_spec(spec), 1).items()}
    assert f"{-0.05 * 0.5 * here['theta'][0]:+.3g}" in look(spec).latex[1]
    adam, adamw = worked(spec)
    assert (adam.title, adamw.title) == ("Adam, step 3", "AdamW, step 3")
    assert list(adamw.latex) == look(spec).latex[1:]
    assert "lambda" not in "".join(adam.latex)


def test_the_anatomy_stops_at_the_last_step_of_one_who_left() -> None:
    spec = spec_of(surface="beale", start="-4, 4", racers="SGD", rate=1.0, lens="anatomy")
    made = int(run_of(spec).result.stopped[0])
    assert f"step **{max(made, 1)}** of {max(made, 1)}" in look(spec).sentences[0]


def test_the_leaderboard_explains_who_did_not_finish() -> None:
    view = look(spec_of(surface="quadratic_bowl", racers="SGD, SGD@0.2", rate=0.05))
    assert [row["racer"] for row in view.rows] == ["SGD", "SGD@0.2"]
    assert view.rows[1]["place"] == "DNF"
    assert "SGD@0.2" in view.sentences[1]
    final = run_of(spec_of(surface="quadratic_bowl", racers="SGD, SGD@0.2", rate=0.05)).result.values[0, -1]
    assert view.rows[0]["f at the end"] == f"{final:.4g}".replace("-", "−")


def test_the_strip_merges_racers_that_differ_in_their_rate_alone() -> None:
    spec = spec_of(surface="quadratic_bowl", racers="SGD@0.01, SGD@0.05, Adam", lens="sensitivity")
    view = look(spec)
    assert [row["optimizer"] for row in view.rows] == ["SGD", "Adam"]
    found = strip(run_of(spec).spec)
    best = np.where(found.diverged[0], np.inf, found.final[0]).min()
    assert view.rows[0]["f there"] == f"{best:.4g}".replace("-", "−")
    assert view.rows[0]["rates that diverge"] == f"{int(found.diverged[0].sum())} of 21"


def test_the_basins_shares_add_up() -> None:
    view = look(spec_of(racers="Momentum", rate=0.01, lens="basins"))
    assert sum(float(row["share of the starts"].split()[0]) for row in view.rows) == pytest.approx(100, abs=0.3)


def test_the_seeds_lens_says_when_there_is_no_noise() -> None:
    assert "no noise" in look(spec_of(racers="SGD", lens="seeds", draws=3)).sentences[0]
    view = look(spec_of(racers="SGD", rate=0.01, lens="seeds", draws=3, noise=1.0, seed=4))
    assert "seeds 4 to 6" in view.sentences[0]
    finals = [run_of(spec_of(racers="SGD", rate=0.01, noise=1.0, seed=seed)).result.values[0, -1] for seed in (4, 5, 6)]
    assert view.rows[0]["median f at the end"] == f"{np.median(finals):.4g}"


def test_the_theory_prints_radius_and_difference() -> None:
    view = look(spec_of(surface="quadratic_bowl", racers="SGD", rate=1 / 9, momentum=0.5, lens="theory"))
    assert "spectral radius **0.7071**, so the race converges" in view.sentences[0]
    assert "**0.6667** at η = 0.1111, μ = 0.4444" in view.sentences[0]
    assert not look(spec_of(lens="theory")).figures


def test_the_schedule_is_drawn_for_the_chosen_length() -> None:
    view = look(spec_of(racers="SGD", rate=0.1, schedule="step", period=10, gamma=0.5, lens="schedule"))
    np.testing.assert_allclose(view.figures["rates"].data[0]["y"], 0.1 * 0.5 ** (np.arange(40) // 10))
    lines = {line["name"]: line["y"] for line in view.figures["schedules"].data}
    np.testing.assert_allclose(lines["Step decay"], 0.5 ** (np.arange(40) // 10))
    assert len(lines) == 10
