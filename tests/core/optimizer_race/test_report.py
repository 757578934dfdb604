"""The race to take home: the table is the race, the sections are the page's; and who is called chaotic."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np

from core.optimizer_race import SPEC, look, pictures, race, run_of, sections, table
from core.optimizer_race.compute import with_shadows
from core.report import to_html


def spec_of(**more: object) -> SPEC:
    return SPEC(
        **{"surface": "quadratic_bowl", "racers": "SGD@0.05, SGD@0.2, Adam", "rates": "same", "steps": 40, **more}
    )


def test_the_table_is_the_race_to_the_last_digit() -> None:
    run, rows = run_of(spec_of()), list(csv.DictReader(io.StringIO(table(spec_of()))))
    for k, label in enumerate(run.labels):
        mine = [row for row in rows if row["racer"] == label]
        last = int(run.result.stopped[k])
        assert [int(row["step"]) for row in mine] == list(range(last + 1))
        found = np.array([[float(row[name]) for name in ("x", "y", "value")] for row in mine])
        assert np.array_equal(found[:, :2], run.result.paths[k, : last + 1])
        assert np.array_equal(found[:, 2], run.result.values[k, : last + 1])
    assert run.result.diverged.tolist() == [False, True, False]


def test_the_report_has_leaderboard_pictures_and_settings() -> None:
    spec = spec_of()
    found = sections(spec, pictures(spec))
    assert [section.heading.split(":")[0] for section in found] == ["Leaderboard", "Pictures", "Settings"]
    assert found[0].rows == look(spec).rows
    assert list(found[1].figures) == ["The map", "The surface in space", "How far above the lowest value"]
    assert not any("**" in sentence for sentence in found[0].sentences)
    assert "SGD@0.05" in to_html("Optimizer race", found, "", "")


def said(spec: SPEC) -> list[str]:
    return [sentence for sentence in look(spec).sentences if "Chaotic" in sentence]


def test_a_racer_at_the_edge_of_stability_is_called_chaotic_and_no_other() -> None:
    """At x = ±1 the curvature is 8: a rate above 2 / 8 = 0.25 bounces, and at 0.45 it never settles."""
    spec = SPEC(
        surface="typed",
        formula="(x**2 - 1)**2 + y**2",
        start="0.3, 0.1",
        racers="SGD@0.05, SGD@0.45",
        rates="same",
        steps=200,
    )
    calm, wild = run_of(spec).unrest
    assert calm < 1e-12
    assert wild > 1e-3
    (sentence,) = said(spec)
    assert "SGD@0.45." in sentence
    assert "SGD@0.05" not in sentence
    assert not said(spec_of(racers="SGD@0.05, Adam"))


def test_unrest_is_how_far_a_shadow_ends_from_its_racer() -> None:
    """On the round bowl f ends at 12.5 · 0.95²⁰ whatever the last bit; the racers of the race are those without shadows."""
    rules = run_of(spec_of(racers="SGD@0.05, Adam", condition=1.0, start="3, 4", steps=10)).spec
    result, unrest = with_shadows(rules)
    alone = race(rules)
    for part in ("paths", "values", "diverged", "stopped", "rates", "evaluations"):
        np.testing.assert_allclose(getattr(result, part), getattr(alone, part), rtol=1e-14)
    near = race(replace(rules, start=tuple(np.nextafter(rules.start, np.inf).tolist())))
    np.testing.assert_allclose(unrest * alone.values[:, -1], np.abs(near.values - alone.values)[:, -1], atol=1e-15)
    assert unrest.max() < 1e-14
