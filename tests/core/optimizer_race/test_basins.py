"""Basin maps, rate sweeps, tuning and seed bands against single races."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.errors import ExplainerError
from core.optimizer_race import SURFACES, Racer, RaceSpec, race
from core.optimizer_race import basins as module
from core.optimizer_race.basins import basins, nearest, seeds, sensitivity, tuned

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1.0)
SPEC = RaceSpec("rosenbrock", (Racer("sgd"), Racer("adam"), Racer("lion")), (-1.5, 2.0), 120, noise=0.5, seed=4)


def test_a_basin_map_is_a_race_from_every_start() -> None:
    racer = Racer("adam", lr=0.1)
    found = basins("himmelblau", racer, n=5, steps=150)
    assert found.ends.shape == (5, 5, 2)
    for row, y in enumerate(found.y):
        for column, x in enumerate(found.x):
            path = race(RaceSpec("himmelblau", (racer,), (float(x), float(y)), 150)).paths[0]
            np.testing.assert_array_equal(found.ends[row, column], path[-1])
    assert found.x.tolist() == found.y.tolist() == [-5.0, -2.5, 0.0, 2.5, 5.0]


def test_himmelblaus_quadrants_lead_to_their_minima() -> None:
    found = basins("himmelblau", Racer("sgd", lr=0.005), n=16, steps=400)
    minima = np.array(SURFACES["himmelblau"].minima)
    for x, y, index in ((4, 4, 0), (-4, 4, 1), (-4, -4, 2), (4, -4, 3)):
        row, column = np.abs(found.y - y).argmin(), np.abs(found.x - x).argmin()
        assert found.index[row, column] == index
        np.testing.assert_allclose(found.ends[row, column], minima[index, :2], atol=1e-6)
    assert set(np.unique(found.index)) == {0, 1, 2, 3}


def test_starts_that_arrive_nowhere_are_minus_one() -> None:
    assert (basins("plateau", Racer("sgd", lr=1e-6), n=4, steps=10).index == -1).all()
    assert (basins("rosenbrock", Racer("sgd", lr=10.0), n=4, steps=50).index[0] == -1).all()


def test_a_diverged_start_belongs_to_no_minimum_even_if_it_stands_at_one() -> None:
    """Rate 1e3 on curvature 1e4: the first step from 0.07 beside the minimum is out of bounds, so all stand where they began."""
    found = basins("quadratic_bowl", Racer("sgd", lr=1e3), n=102, steps=3, parameters={"condition": 1e4})
    assert np.hypot(*found.ends[51, 51]) < 0.1
    assert (found.index == -1).all()


def test_tuning_never_takes_a_rate_that_diverged() -> None:
    """The diverged racer stands at its start, lower than where the barely unstable one (factor -1.001 a step) ends."""
    steep = RaceSpec("quadratic_bowl", (Racer("sgd"),), (0.0, 1.0), 100, parameters={"condition": 1e4})
    final, diverged = sensitivity(steep, (2.001e-4, 1e3))
    assert final[0, 0] > final[0, 1]
    assert diverged[0].tolist() == [False, True]
    assert tuned(steep, (2.001e-4, 1e3)).racers[0].lr == 2.001e-4


def test_the_nearest_minimum() -> None:
    hill = SURFACES["himmelblau"]
    places = np.array([[3.0, 2.05], [3.0, 2.2], [-3.78, -3.28], [0.0, 0.0]])
    assert nearest(places, hill.minima, within=0.1).tolist() == [0, -1, 2, -1]
    assert nearest(places, (), within=0.1).tolist() == [-1] * 4


def test_a_basin_map_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = basins("noisy_bowl", Racer("sgd", lr=0.1), n=6, steps=20)
    monkeypatch.setattr(module, "CHUNK", 7 * 20)
    parts = basins("noisy_bowl", Racer("sgd", lr=0.1), n=6, steps=20)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sensitivity_is_each_racer_at_each_rate() -> None:
    final, diverged = sensitivity(SPEC, RATES)
    for i, racer in enumerate(SPEC.racers):
        for j, rate in enumerate(RATES):
            alone = race(dataclasses.replace(SPEC, racers=(racer.at(rate),)))
            assert final[i, j] == alone.values[0, -1]
            assert diverged[i, j] == alone.diverged[0]
    assert diverged[0].tolist() == [False, False, False, True, True]
    assert not diverged[1:].any()


def test_tuning_takes_the_lowest_end_of_those_that_finish() -> None:
    final, diverged = sensitivity(SPEC, RATES)
    best = tuned(SPEC, RATES)
    values = race(best).values[:, -1]
    np.testing.assert_array_equal(values, np.where(diverged, np.inf, final).min(1))
    assert best.racers[0].lr == 1e-3
    assert [r.name for r in best.racers] == ["sgd", "adam", "lion"]
    assert dataclasses.replace(best, racers=SPEC.racers) == SPEC
    hopeless = tuned(dataclasses.replace(SPEC, racers=(Racer("sgd"),)), (100.0, 200.0))
    assert hopeless.racers[0].lr == 100.0


def test_seed_bands_are_the_quantiles_of_single_races() -> None:
    bands = seeds(SPEC, 7)
    runs = np.stack([race(dataclasses.replace(SPEC, seed=4 + k)).values for k in range(7)])
    np.testing.assert_array_equal(bands.median, np.median(runs, axis=0))
    np.testing.assert_allclose(bands.low, np.quantile(runs, 0.1, axis=0), rtol=1e-14)
    np.testing.assert_allclose(bands.high, np.quantile(runs, 0.9, axis=0), rtol=1e-14)
    assert bands.diverged.tolist() == [0.0, 0.0, 0.0]
    assert (bands.high > bands.low)[:2, -1].all()


def test_without_noise_the_band_has_no_width() -> None:
    bands = seeds(dataclasses.replace(SPEC, noise=0.0, racers=(Racer("adam"), Racer("sgd", lr=1.0))), 3)
    np.testing.assert_array_equal(bands.low, bands.high)
    assert bands.diverged.tolist() == [0.0, 1.0]


def test_what_cannot_be_used_is_refused_in_words() -> None:
    with pytest.raises(ExplainerError, match="n is outside 2 to 256"):
        basins("beale", Racer("sgd"), n=1)
    with pytest.raises(ExplainerError, match="no rates"):
        sensitivity(SPEC, ())
    with pytest.raises(ExplainerError, match="0 noise seeds"):
        seeds(SPEC, 0)
    with pytest.raises(ExplainerError, match="learning rate 0 is outside"):
        tuned(SPEC, (0.0,))
