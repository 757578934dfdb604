"""What a visitor may write into the race's text parameters, and that presets and tour can run."""

from __future__ import annotations

import pytest

from core.errors import ExplainerError
from core.optimizer_race.compute import run_of
from core.optimizer_race.spec import (
    ALL,
    EXAMPLES,
    MOST_RACERS,
    TOUR,
    OptimizerRaceSpec,
    chosen,
    menus,
    start_of,
    start_text,
    surface_parameters,
)
from core.training.optimizers import OPTIMIZERS


def test_entries_read_titles_names_and_rates() -> None:
    found = chosen("SGD, adamw,L-BFGS, sgd@0.05, SGD ")
    assert [tuple(entry) for entry in found] == [
        ("SGD", "sgd", None),
        ("AdamW", "adamw", None),
        ("L-BFGS", "lbfgs", None),
        ("SGD@0.05", "sgd", 0.05),
    ]


def test_all_names_every_optimizer() -> None:
    assert [entry.name for entry in chosen(ALL)] == list(OPTIMIZERS)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "0 racers"), ("Adem", "racer 'Adem' is unknown"), ("SGD@fast", "after @ comes a learning rate")],
)
def test_entries_refuse_in_words(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        chosen(text)


def test_there_is_a_limit_to_the_field() -> None:
    many = [f"SGD@{k}" for k in range(1, MOST_RACERS + 2)]
    assert len(chosen(", ".join(many[:-1]))) == MOST_RACERS
    with pytest.raises(ExplainerError, match="needs 1 to 24"):
        chosen(", ".join(many))


def test_start_is_the_surface_s_own_or_two_numbers() -> None:
    assert start_of(OptimizerRaceSpec(surface="rosenbrock")) == (-1.5, 2.0)
    assert start_of(OptimizerRaceSpec(start=start_text(-0.25, 1.5))) == (-0.25, 1.5)
    for text in ("1", "1, 2, 3", "a, b"):
        with pytest.raises(ExplainerError, match="write two numbers"):
            start_of(OptimizerRaceSpec(start=text))


def test_the_menus_stand_also_for_a_broken_link() -> None:
    assert menus(OptimizerRaceSpec(racers="SGD, adam", start="1, 2")) == (["SGD", "Adam"], (1.0, 2.0))
    assert menus(OptimizerRaceSpec(surface="rosenbrock", racers="nobody", start="1, 2")) == ([], (1.0, 2.0))
    assert menus(OptimizerRaceSpec(surface="rosenbrock", racers="SGD", start="here")) == (["SGD"], (-1.5, 2.0))
    assert menus(OptimizerRaceSpec(surface="typed", formula="x +", racers="SGD")) == (["SGD"], (0.0, 0.0))


def test_only_the_surface_s_own_parameters_are_set() -> None:
    assert surface_parameters(OptimizerRaceSpec(surface="quadratic_bowl", condition=9.0)) == {
        "condition": 9.0,
        "angle": 0.0,
    }
    assert surface_parameters(OptimizerRaceSpec(surface="noisy_bowl", sigma=2.0)) == {"noise": 2.0}
    assert surface_parameters(OptimizerRaceSpec(surface="beale", condition=9.0)) == {}


@pytest.mark.parametrize("settings", [e.settings for e in EXAMPLES] + [s.settings for s in TOUR])
def test_presets_and_tour_name_racers_that_run(settings: dict) -> None:
    spec = OptimizerRaceSpec(**settings)
    assert not spec.racer or spec.racer in run_of(spec).labels


def outcome(slug: str, **changed: object) -> dict[str, tuple[float, bool]]:
    """Label -> (final value, did not finish) of a preset, some settings changed."""
    settings = next(e.settings for e in EXAMPLES if e.slug == slug)
    run = run_of(OptimizerRaceSpec(**{**settings, **changed}))
    return {run.labels[row.index]: (row.final, row.dnf) for row in run.rows}


def test_what_the_presets_promise_happens() -> None:
    ravine = outcome("ravine_momentum")
    assert 1e3 * ravine["Momentum"][0] < ravine["SGD"][0]
    assert [gone for _, gone in outcome("lr_too_high").values()].count(True) == 1
    assert outcome("lr_too_high")["SGD@0.09"][1]
    assert outcome("warmup_schedule", schedule="constant")["Momentum"][1]
    assert not outcome("warmup_schedule")["Momentum"][1]
    assert outcome("clipping", clip="none")["SGD"][1]
    assert not any(gone for _, gone in outcome("clipping").values())
    decay = outcome("adam_vs_adamw_decay")
    assert decay["AdamW"][0] > 100 * decay["Adam"][0]
    assert outcome("rotated_bowl")["RMSprop"][0] > 1e6 * outcome("rotated_bowl", angle=0.0)["RMSprop"][0]
