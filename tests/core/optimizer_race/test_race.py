"""The loop: clipping and noise as in torch, divergence contained, the inside of a step, and what is refused."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings

import numpy as np
import pytest

from core.errors import ExplainerError
from core.optimizer_race import OPTIMIZERS, SURFACES, Racer, RaceSpec, Schedule, Surface, anatomy, race
from core.optimizer_race.race import VALUE_BOUND, internals
from tests.core.optimizer_race.reference import torch_race

TAME = (
    Racer("sgd", lr=1e-3), Racer("momentum", lr=2e-4), Racer("adam", lr=0.02), Racer("adamw", lr=0.02, weight_decay=0.3),
    Racer("adagrad", lr=0.3), Racer("adamax", lr=0.02), Racer("radam", lr=0.01),
)  # fmt: skip


@pytest.mark.parametrize("clip", ["none", "value", "norm"])
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("surface", ["himmelblau", "noisy_bowl"])
def test_clipping_and_noise_equal_torch(surface: str, clip: str, noise: float) -> None:
    spec = RaceSpec(surface, TAME, steps=150, seed=5, clip=clip, threshold=1.5, noise=noise)
    np.testing.assert_allclose(race(spec).paths, torch_race(spec)[0], rtol=1e-10, atol=1e-12)


def test_clipping_changes_what_the_rule_gets() -> None:
    spec = RaceSpec("quadratic_bowl", (Racer("sgd", lr=1.0),), (3.0, 4.0), 1, parameters={"condition": 1.0})
    step = {c: race(dataclasses.replace(spec, clip=c, threshold=1.0)).paths[0, 1] for c in ("none", "value", "norm")}
    np.testing.assert_allclose(step["none"], [0.0, 0.0])
    np.testing.assert_allclose(step["value"], [2.0, 3.0])
    np.testing.assert_allclose(step["norm"], [3.0 - 0.6, 4.0 - 0.8], rtol=1e-6)


def test_noise_is_of_the_size_asked_for_and_the_same_for_all_racers() -> None:
    racers = (Racer("sgd", lr=1e-9), Racer("sgd", lr=1e-9), Racer("adam", lr=1e-9))
    spec = RaceSpec("noisy_bowl", racers, (0.0, 0.0), 4000, parameters={"noise": 3.0}, noise=4.0)
    g = [internals(spec, i)["g"] for i in range(3)]
    assert np.array_equal(g[0], g[1])
    np.testing.assert_allclose(g[0], g[2], atol=1e-4)  # same noise, places a hair apart
    assert g[0].std() == pytest.approx(5.0, rel=0.03)
    assert abs(g[0].mean()) < 0.2
    other = internals(dataclasses.replace(spec, seed=1), 0)["g"]
    assert abs(np.corrcoef(g[0].ravel(), other.ravel())[0, 1]) < 0.05


def test_the_same_spec_gives_the_same_arrays() -> None:
    spec = RaceSpec("noisy_bowl", TAME, steps=50, noise=0.3)
    assert np.array_equal(race(spec).paths, race(spec).paths)
    assert hash(spec) == hash(RaceSpec("noisy_bowl", TAME, steps=50, noise=0.3))


@pytest.mark.parametrize("surface", SURFACES)
def test_values_are_the_surface_at_the_places(surface: str) -> None:
    result = race(RaceSpec(surface, TAME, steps=40))
    np.testing.assert_array_equal(result.values, SURFACES[surface].f(result.paths[..., 0], result.paths[..., 1]))
    np.testing.assert_array_equal(result.paths[:, 0], np.tile(SURFACES[surface].start, (len(TAME), 1)))


@pytest.mark.parametrize("surface", SURFACES)
def test_diverged_racers_stand_still_and_disturb_nobody(surface: str) -> None:
    """Every optimizer at an absurd rate among tame ones: no warning, nothing infinite, the tame ones as if alone."""
    wild = tuple(Racer(name, lr=1e3) for name in OPTIMIZERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = race(RaceSpec(surface, (*wild, *TAME), steps=300))
    assert np.isfinite(result.paths).all()
    assert (np.abs(result.values) <= VALUE_BOUND).all()
    n = len(wild)
    np.testing.assert_array_equal(result.paths[n:], race(RaceSpec(surface, TAME, steps=300)).paths)
    for i in np.flatnonzero(result.diverged):
        last = result.stopped[i]
        assert 0 <= last < 300
        assert (result.paths[i, last:] == result.paths[i, last]).all()
        assert (result.values[i, last:] == result.values[i, last]).all()
    assert (result.stopped[~result.diverged] == 300).all()


def test_divergence_is_noticed_at_its_step() -> None:
    """f = ½x² with rate 11: x grows by −10 a step from 1, so f passes 1e12 at the step to |x| = 1e7."""
    spec = RaceSpec("quadratic_bowl", (Racer("sgd", lr=11.0), Racer("sgd", lr=0.1)), (1.0, 0.0), 30)
    result = race(spec)
    assert result.diverged.tolist() == [True, False]
    assert result.stopped.tolist() == [6, 30]
    assert result.paths[0, -1, 0] == pytest.approx(1e6)
    assert result.paths[1, -1, 0] == pytest.approx(0.9**30)


def test_the_core_needs_no_torch() -> None:
    check = "import sys, core.optimizer_race, core.optimizer_race.theory; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_nan_counts_as_diverged() -> None:
    """Adam without eps on a coordinate whose gradient is exactly 0 divides 0 by 0 at its first step, as torch does."""
    result = race(RaceSpec("quadratic_bowl", (Racer("adam", eps=0.0), Racer("adam")), (2.0, 0.0), 5))
    assert result.diverged.tolist() == [True, False]
    assert result.stopped[0] == 0
    assert (result.paths[0] == [2.0, 0.0]).all()


def test_a_surface_object_races_too() -> None:
    """The hook for a typed formula: any f with its gradient, no minima known."""
    tilt = Surface(
        "typed", "x + y^2", "x+y^2", lambda x, y: x + y * y, lambda x, y: (1.0, 2 * y), (-1, 1), (-1, 1), (0.5, 0.5)
    )
    result = race(RaceSpec(tilt, (Racer("sgd", lr=0.1), Racer("lbfgs")), steps=10))
    np.testing.assert_allclose(result.paths[0, :, 0], 0.5 - 0.1 * np.arange(11), atol=1e-15)
    np.testing.assert_allclose(result.paths[0, :, 1], 0.5 * 0.8 ** np.arange(11), rtol=1e-12)


def test_parameters_reach_the_surface() -> None:
    spec = RaceSpec("quadratic_bowl", (Racer("sgd", lr=0.01),), (1.0, 1.0), 1, parameters={"condition": 50.0})
    np.testing.assert_allclose(race(spec).paths[0, 1], [0.99, 0.5])
    assert spec == RaceSpec("quadratic_bowl", spec.racers, (1, 1), 1, parameters=(("condition", 50.0),))


def test_anatomy_of_adam_by_hand() -> None:
    """f = ½(x² + 25y²) from (1, 1), gradients g_1 = (1, 25); the second step in the paper's symbols."""
    spec = RaceSpec("quadratic_bowl", (Racer("sgd"), Racer("adam", lr=0.1)), (1.0, 1.0), 3)
    first, second = anatomy(spec, 1, 1), anatomy(spec, 1, 2)
    g1, g2 = np.array([1.0, 25.0]), np.array([0.9, 22.5])
    np.testing.assert_allclose(first["m"], 0.1 * g1)
    np.testing.assert_allclose(first["m_hat"], g1)
    np.testing.assert_allclose(first["v_hat"], g1**2)
    np.testing.assert_allclose(first["delta_theta"], [-0.1, -0.1], rtol=1e-7)
    np.testing.assert_allclose(first["effective_rate"], 0.1 / g1, rtol=1e-7)
    m, v = 0.09 * g1 + 0.1 * g2, 0.999e-3 * g1**2 + 1e-3 * g2**2
    np.testing.assert_allclose(second["theta"], [0.9, 0.9], rtol=1e-7)
    np.testing.assert_allclose(second["g"], g2, rtol=1e-7)
    np.testing.assert_allclose(second["m"], m, rtol=1e-7)
    np.testing.assert_allclose(second["v"], v, rtol=1e-7)
    np.testing.assert_allclose(second["m_hat"], m / (1 - 0.81), rtol=1e-7)
    np.testing.assert_allclose(second["v_hat"], v / (1 - 0.998001), rtol=1e-7)
    step = -0.1 * (m / 0.19) / np.sqrt(v / 0.001999)
    np.testing.assert_allclose(second["delta_theta"], step, rtol=1e-6)
    np.testing.assert_allclose(second["effective_rate"], -step / g2, rtol=1e-6)
    np.testing.assert_allclose(second["lr"], [0.1, 0.1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_internals_belong_to_the_race(name: str) -> None:
    spec = RaceSpec(
        "noisy_bowl", (Racer("sgd"), Racer(name)), steps=30, noise=0.2, clip="norm", schedule=Schedule("cosine")
    )
    inside, result = internals(spec, 1), race(spec)
    made = result.stopped[1]
    np.testing.assert_array_equal(inside["theta"], result.paths[1, :made])
    np.testing.assert_array_equal(inside["delta_theta"], np.diff(result.paths[1, : made + 1], axis=0))
    np.testing.assert_allclose(inside["gradient"], inside["theta"] * [1.0, 4.0])
    assert (np.hypot(*inside["g"].T) <= 1.0).all()
    assert all(history.shape == (made, 2) for history in inside.values())
    assert set(OPTIMIZERS[name].shows) <= set(inside) or name == "sgd"  # without momentum it has nothing to show
    np.testing.assert_allclose(inside["lr"][:, 0], result.rates[1, :made])


def test_every_rule_shows_its_symbols() -> None:
    expected = {"momentum": {"b", "d"}, "rmsprop": {"v", "v_tilde"}, "adagrad": {"G", "eta"}, "adadelta": {"v", "u", "delta"},
                "radam": {"m", "v", "rho", "r", "l"}, "lion": {"m", "c"}, "rprop": {"delta"}, "lbfgs": {"d", "gamma", "s", "y"},
                "nadam": {"m", "v", "m_hat", "v_hat", "mu_product"}, "adamax": {"m", "u", "m_hat"}}  # fmt: skip
    for name, symbols in expected.items():
        assert symbols <= set(anatomy(RaceSpec("himmelblau", (Racer(name),), steps=5), 0, 3)), name


def test_anatomy_where_the_gradient_is_zero_has_no_effective_rate() -> None:
    step = anatomy(RaceSpec("quadratic_bowl", (Racer("adam"),), (2.0, 0.0), 3), 0, 1)
    assert step["effective_rate"][0] > 0
    assert np.isnan(step["effective_rate"][1])


@pytest.mark.parametrize(
    ("racer", "step", "words"),
    [
        (2, 1, "racer 2 does not run; choose 0 to 1"),
        (0, 0, "step 0 was not made"),
        (0, 31, "choose 1 to 30"),
        (1, 9, "choose 1 to 6"),
    ],
)
def test_anatomy_of_a_step_that_was_not_made(racer: int, step: int, words: str) -> None:
    spec = RaceSpec("quadratic_bowl", (Racer("sgd", lr=0.1), Racer("sgd", lr=11.0)), (1.0, 0.0), 30)
    with pytest.raises(ExplainerError, match=words):
        anatomy(spec, racer, step)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surface": "hill"}, "surface 'hill' is unknown"),
        ({"racers": ()}, "at least one racer"),
        ({"racers": Racer("adam")}, "must be a tuple of Racer"),
        ({"racers": ("adam",)}, "must be a tuple of Racer"),
        ({"start": (float("nan"), 0.0)}, r"start's x nan is outside -100 to 100; try -1.5"),
        ({"start": (0.0, 1e6)}, r"start's y 1e\+06 is outside"),
        ({"start": (1.0,)}, "is not a pair"),
        ({"start": ("a", 0.0)}, "'a' is not a number"),
        ({"surface": "beale", "start": (100.0, 100.0)}, r"lies at f = 1.0001e\+16, outside"),
        ({"steps": 0}, "steps 0 is outside 1 to 5000; try 500"),
        ({"steps": 5001}, "steps 5001 is outside"),
        ({"steps": 10.5}, "10.5 is not a whole number; try 10"),
        ({"seed": -1}, "seed -1 is outside"),
        ({"clip": "hard"}, "clipping 'hard' is unknown; choose none, value or norm"),
        ({"threshold": 0.0}, "clipping threshold 0 is outside"),
        ({"noise": -1.0}, "gradient noise -1 is outside 0 to 100"),
        ({"parameters": {"condition": 2.0}}, "rosenbrock has no parameter 'condition'"),
        ({"racers": (Racer("sgd"),) * 1000, "steps": 5000}, "more than 4,000,000; try fewer"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(change: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        RaceSpec(**{"surface": "rosenbrock", "racers": (Racer("adam"),), **change})
