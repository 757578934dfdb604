"""The pictures hold the race's numbers: trails, heads, gaps, marks; films stay small and end in the picture itself."""

from __future__ import annotations

import numpy as np
import pytest

from core.optimizer_race.compute import hill, run_of, theory
from core.optimizer_race.figures import (
    _kept,
    basins,
    eigen_errors,
    film_steps,
    film_times,
    nearest_frame,
    race_map,
    relief,
    stability,
    styles,
    trails,
    values,
)
from core.optimizer_race.spec import ALL, OptimizerRaceSpec
from core.plots.encode import figure_json
from core.training.optimizers import OPTIMIZERS

RUN = run_of(
    OptimizerRaceSpec(surface="quadratic_bowl", rates="same", rate=0.05, racers="SGD, Adam, SGD@0.2", steps=150)
)
HILL = hill(RUN.spec, 31)


def test_sixteen_racers_are_told_apart_by_colour_and_by_symbol() -> None:
    looks = styles(list(OPTIMIZERS))
    assert len({look.symbol for look in looks}) == 16
    assert len({(look.colour, look.solid) for look in looks}) == len({(look.colour, look.dash) for look in looks}) == 16
    famous = styles(["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion"])
    assert len({look.colour for look in famous}) == 8


def test_an_optimizer_keeps_its_style_and_a_second_one_gets_another() -> None:
    assert styles(["adam"])[0] == styles(["sgd", "adam"])[1]
    assert len(set(styles(["sgd"] * 20))) == 20


def test_thinning_keeps_every_visible_zigzag() -> None:
    zigzag = np.column_stack([np.linspace(0, 1, 11), np.resize([0.0, 0.3], 11)])
    assert _kept(zigzag, 10, 0.1).tolist() == list(range(11))
    still = np.zeros((50, 2))
    still[40:] = 0.5
    assert _kept(still, 49, 0.1).tolist() == [0, 40, 49]
    assert _kept(still, 30, 0.1).tolist() == [0, 30]


def test_trails_end_where_the_racers_stand_and_stay_inside_the_frame() -> None:
    for way, path, stop in zip(trails(RUN, 0.004), RUN.result.paths, RUN.result.stopped, strict=True):
        np.testing.assert_allclose(way.xy[-1], np.clip(path[stop], -5, 5))
        assert np.abs(way.xy).max() <= 5
        assert way.t[-1] == stop


def test_the_map_shows_heads_and_marks_who_did_not_finish() -> None:
    figure = race_map(RUN, HILL)
    heads = {t["name"]: t for t in figure.data if t.get("mode") == "markers+text"}
    x, y = RUN.result.paths[0, -1]
    assert heads["SGD"]["x"] == [pytest.approx(x, rel=1e-4)]
    assert heads["SGD"]["y"] == [pytest.approx(y, rel=1e-4)]
    assert "text" not in heads["Adam"]
    assert heads["SGD@0.2"]["text"] == ["DNF"]
    assert abs(RUN.result.paths[2, -1, 1]) > 5 >= abs(heads["SGD@0.2"]["y"][0])  # far out, drawn at the edge
    assert "SGD@0.2 went to infinity" in figure.alt
    assert "SGD ends lowest" in figure.alt


def test_the_film_grows_trails_to_the_frame_s_step_and_ends_in_the_picture() -> None:
    figure, times = race_map(RUN, HILL), film_times(RUN)
    assert len(figure.frames) == len(times) == len(film_steps(RUN)) == len(values(RUN, 1e-3).frames)
    assert (times[0], times[-1]) == (0, 150)
    assert not figure.frames[-1].data
    k, adam = len(times) // 2, 1
    frame = figure.frames[k]
    way = trails(RUN, 0.004)[adam]
    drawn = np.asarray(frame.data[adam]["x"])
    assert len(drawn) == int((way.t <= times[k]).sum())
    np.testing.assert_allclose(drawn, way.xy[: len(drawn), 0], atol=np.ptp(way.xy[:, 0]) / 500)
    assert frame.data[3 + adam]["x"] == [pytest.approx(RUN.result.paths[adam, times[k], 0], rel=1e-4)]
    assert figure.data[frame.traces[adam]]["name"] == "Adam"


def test_the_bar_names_who_is_lowest_and_counts_the_lost() -> None:
    step = film_steps(RUN)[-1]
    assert step.title == "step 150 of 150"
    assert step.text.startswith(f"SGD is lowest, at f = {RUN.rows[0].final:.4g}".replace("-", "−"))
    assert step.text.endswith("1 left the race.")
    assert nearest_frame(RUN, -1) == len(film_times(RUN)) - 1
    assert film_times(RUN)[nearest_frame(RUN, 75)] == pytest.approx(75, abs=1)


def test_the_relief_lies_on_the_surface() -> None:
    figure = relief(RUN, HILL)
    way = figure.data[2]
    lift = way["z"] - HILL.scale(RUN.spec.hill.f(way["x"], way["y"]))
    np.testing.assert_allclose(lift, 0.012 * np.ptp(HILL.h), rtol=1e-9)


def test_the_values_are_the_gap() -> None:
    lines = {t["name"]: t for t in values(RUN, 1e-3).data}
    np.testing.assert_allclose(lines["Adam"]["y"], np.maximum(RUN.gap[1], 1e-16))
    assert len(lines["SGD@0.2"]["x"]) == RUN.result.stopped[2] + 1
    assert values(RUN, 0.02).layout["shapes"][0]["y0"] == 0.02


def test_pictures_are_small_even_for_all_racers_and_a_long_race() -> None:
    run = run_of(OptimizerRaceSpec(surface="rosenbrock", racers=ALL, rates="same", rate=0.001, steps=500))
    big = hill(run.spec, 121)
    size = len(figure_json(race_map(run, big))) + len(figure_json(relief(run, hill(run.spec, 81))))
    assert size < 2_000_000
    assert len(figure_json(race_map(RUN, hill(RUN.spec, 121)))) < 1_000_000


def test_a_basin_has_its_minimum_s_colour_and_none_has_the_first() -> None:
    axis = np.linspace(-1, 1, 3)
    index = np.array([[0, 1, -1], [2, 0, 0], [7, 0, 0]])
    figure = basins(axis, axis, index, np.zeros((3, 3, 2)), ((0.0, 0.0, 0.0),), "SGD", (0.0, 0.0))
    assert figure.data[0]["z"].tolist() == [[1, 2, 0], [3, 1, 1], [1, 1, 1]]
    assert "56 % at the lowest minimum, 11 % at none" in figure.alt


def test_theory_s_pictures_hold_its_numbers() -> None:
    found = theory(OptimizerRaceSpec(surface="quadratic_bowl", rate=0.05, momentum=0.5, steps=30))
    spots = {t["name"]: t for t in stability(found).data if "name" in t}
    assert (spots["here"]["x"], spots["here"]["y"]) == ([0.05], [0.5])
    assert spots["best with momentum"]["x"] == [pytest.approx(1 / 9)]
    lines = eigen_errors(found).data
    np.testing.assert_allclose(lines[2]["y"], np.abs(found.closed[:, 1]))
    np.testing.assert_allclose(lines[3]["y"], lines[2]["y"], rtol=1e-6)
