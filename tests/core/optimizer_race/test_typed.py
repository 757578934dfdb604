"""A typed f(x, y): the same race as the surface of that formula, gaps where it has no value, what is refused and how."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ExplainerError
from core.optimizer_race import SPEC, SURFACES, Racer, RaceSpec, about_hill, figures, look, race, run_of, typed_surface
from core.optimizer_race.compute import hill
from core.optimizer_race.leaderboard import lowest_of
from core.optimizer_race.spec import EXAMPLES, menus
from core.plots.encode import figure_json

FORMULAS = {
    "rosenbrock": "(1 - x)**2 + 100*(y - x**2)**2",
    "beale": "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
    "himmelblau": "a = x**2 + y - 11; b = x + y**2 - 7; a**2 + b**2",
    "rastrigin": "20 + x**2 - 10*cos(6.283185307179586*x) + y**2 - 10*cos(6.283185307179586*y)",
    "styblinski_tang": "(x**4 - 16*x**2 + 5*x + y**4 - 16*y**2 + 5*y)/2",
    "plateau": "r = x**2 + y**2; r/(1 + r)",
    "ravine": "10*(y - sin(x))**2 + x**2/20",
}
FIELD = (Racer("sgd", lr=1e-4), Racer("adam", lr=0.01), Racer("rmsprop", lr=0.01))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_the_surface_that_it_writes(name: str) -> None:
    ours, theirs = typed_surface(FORMULAS[name]), SURFACES[name]
    x, y = np.random.default_rng(3).uniform(-4, 4, (2, 500))
    np.testing.assert_allclose(ours.f(x, y), theirs.f(x, y), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours.gradient(x, y), theirs.gradient(x, y), rtol=1e-9, atol=1e-8)
    spec = [RaceSpec(surface, FIELD, theirs.start, 100) for surface in (ours, theirs)]
    np.testing.assert_allclose(race(spec[0]).paths, race(spec[1]).paths, rtol=1e-8, atol=1e-10)


def test_the_start_has_a_value_and_a_slope() -> None:
    assert typed_surface("x**2 + y**2").start == (-3.0, 2.0)
    x, y = typed_surface("log(x) + y").start
    assert 0 < x < 0.2
    assert y == pytest.approx(2.0, abs=0.1)
    assert typed_surface("sqrt(x) + y").start[0] > 0


def test_gaps_are_blank_and_the_figures_still_stand() -> None:
    spec = SPEC(surface="typed", formula="x - log(x) + y**2", racers="SGD, Adam", rates="same", rate=0.05, steps=30)
    ground = hill(run_of(spec).spec, 21)
    assert np.isnan(ground.f).tolist() == np.broadcast_to(ground.x <= 0, (21, 21)).tolist()
    drawn = figures(spec)
    assert "% of the map is blank" in drawn["map"].alt
    assert all(figure_json(figure) for figure in drawn.values())


def test_a_racer_that_steps_into_a_gap_is_out_and_stands_at_its_last_good_place() -> None:
    spec = RaceSpec(typed_surface("x - log(x) + y**2"), (Racer("sgd", lr=4.0), Racer("sgd", lr=0.1)), (1.5, 1.0), 20)
    found = race(spec)  # 1.5 - 4 (1 - 1/1.5) = 0.1667, then 0.1667 - 4 (1 - 6) = 20.17, ...; y = 1 - 8 = -7
    assert found.diverged.tolist() == [True, False]
    assert np.isfinite(found.paths).all()
    assert np.isfinite(found.values).all()
    assert found.values[1, -1] == pytest.approx(1.0, abs=0.02)


def test_the_lowest_value_is_the_lowest_found_on_the_map_or_by_a_racer() -> None:
    surface = typed_surface("(x - 0.01)**2 + (y - 0.01)**2 + 2")
    assert surface.seen == pytest.approx(2.0002, abs=1e-12)
    assert lowest_of(np.array([2.5, 3.0]), surface) == surface.seen
    assert lowest_of(np.array([2.00001, 3.0]), surface) == 2.00001
    spec = SPEC(surface="typed", formula="x**2 + y**2 + 2", racers="SGD", rates="same", rate=0.1)
    words = about_hill(run_of(spec))
    assert "from the formula's own graph" in words
    assert "lowest value found, on the map or by any racer: **2**" in words.replace("Lowest", "lowest")


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_says_where_its_gradient_comes_from(name: str) -> None:
    words = about_hill(run_of(SPEC(surface=name, racers="SGD", rates="same", rate=1e-4, steps=10)))
    assert "Gradient: analytic" in words
    assert "known in closed form" in words


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("x + z", "unknown name at column 5: 'z'; known names: x or y"),
        ("3 + 2", "is a constant: it names neither x nor y"),
        ("h = 2*3; h + 1", "is a constant"),
        ("log(-1 - x**2) + y", "no value with a slope anywhere from -5 to 5"),
        ("x.real", "a dot"),
        ("__import__('os')", "unknown function"),
        ("x[0]", "square brackets"),
        ("x +", "cannot be read"),
        ("", "empty"),
        ("x = 3; x + y", "defined in the formula and also given a value"),
        ("x**1000", "exponent is outside"),
    ],
)
def test_what_is_refused_and_how(formula: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        typed_surface(formula)
    spec = SPEC(surface="typed", formula=formula)
    with pytest.raises(ExplainerError, match=words):
        run_of(spec)
    assert menus(spec)[0][:2] == ["SGD", "Momentum"]


def test_a_start_without_a_value_is_refused_in_words() -> None:
    with pytest.raises(ExplainerError, match=r"no value at the start \(-1, 0\); try"):
        run_of(SPEC(surface="typed", formula="log(x) + y**2", start="-1, 0", racers="SGD", rates="same"))


def test_a_flat_formula_races_without_a_fall() -> None:
    spec = SPEC(surface="typed", formula="x - x + 0*y + 7", racers="SGD, Adam", rates="same", steps=10)
    assert all(figure_json(figure) for figure in figures(spec).values())
    assert run_of(spec).result.values.tolist() == [[7.0] * 11] * 2


def test_basins_without_known_minima_gather_where_starts_end() -> None:
    """(x² − 4)² + y² has its minima at (±2, 0)."""
    spec = SPEC(
        surface="typed", formula="(x**2 - 4)**2/8 + y**2", racers="Momentum", rates="same", rate=0.05, lens="basins"
    )
    rows = look(spec).rows
    ends = [tuple(float(v.replace("−", "-")) for v in row["ends at"].strip("()").split(",")) for row in rows[:2]]
    assert sorted(round(x) for x, _ in ends) == [-2, 2]
    assert all(abs(y) < 0.1 for _, y in ends)


def test_what_the_presets_promise_happens() -> None:
    settings = {e.slug: e.settings for e in EXAMPLES}
    waves = run_of(SPEC(**settings["typed_waves"]))
    final = dict(zip(waves.labels, waves.result.values[:, -1], strict=True))
    assert min(final, key=final.get) == "Momentum"
    assert all(value > final["Momentum"] + 0.5 for name, value in final.items() if name != "Momentum")
    barrier = run_of(SPEC(**settings["typed_barrier"]))
    assert [label for label, out in zip(barrier.labels, barrier.result.diverged, strict=True) if out] == ["SGD@1"]


def test_link_and_file_carry_the_formula() -> None:
    spec = SPEC(surface="typed", formula="x**2 + max(y, 0)", extent=2.0)
    assert SPEC.from_query(spec.to_query()) == (spec, {})
    assert SPEC.from_json(spec.to_json()) == spec
