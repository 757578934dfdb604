"""Every surface: value and gradient against the formula in torch under autograd, minima where the literature puts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.optimizer_race import SURFACES, Surface
from core.optimizer_race.surfaces import bowl_matrix, surface_named
from tests.core.optimizer_race.reference import FORMULAS

CASES = [
    *((name, {}) for name in SURFACES),
    ("quadratic_bowl", {"condition": 100.0, "angle": 30.0}),
    ("quadratic_bowl", {"condition": 1.0, "angle": -90.0}),
    ("ravine", {"steepness": 3.0}),
    ("noisy_bowl", {"noise": 2.0}),
]


def places(surface: Surface, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Random places in the domain, its corners, and points on both axes."""
    rng = np.random.default_rng(1)
    x, y = (rng.uniform(*side, n) for side in (surface.x, surface.y))
    corners = np.array([(a, b) for a in (*surface.x, 0.0) for b in (*surface.y, 0.0) if (a, b) != (0.0, 0.0)])
    return np.concatenate([x, corners[:, 0]]), np.concatenate([y, corners[:, 1]])


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_value_and_gradient_equal_autograd(name: str, parameters: dict) -> None:
    surface = surface_named(name, **parameters)
    x, y = places(surface)
    tx, ty = (torch.tensor(a, requires_grad=True) for a in (x, y))
    value = FORMULAS[name](tx, ty, **parameters)
    value.sum().backward()
    np.testing.assert_allclose(surface.f(x, y), value.detach().numpy(), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(surface.gradient(x, y), (tx.grad, ty.grad), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_minima_are_minima(name: str, parameters: dict) -> None:
    surface = surface_named(name, **parameters)
    assert surface.minima
    ring = np.exp(2j * np.pi * np.arange(16) / 16) * 1e-3
    for x, y, value in surface.minima:
        assert surface.x[0] <= x <= surface.x[1]
        assert surface.y[0] <= y <= surface.y[1]
        here = surface.f(np.array([x]), np.array([y]))[0]
        assert here == pytest.approx(value, abs=1e-12)
        gx, gy = surface.gradient(np.array([x]), np.array([y]))
        assert abs(gx[0]) < 1e-11
        assert abs(gy[0]) < 1e-11
        assert (surface.f(x + ring.real, y + ring.imag) > here).all()


@pytest.mark.parametrize("name", SURFACES)
def test_the_lowest_minimum_comes_first_and_nothing_in_the_domain_is_lower(name: str) -> None:
    surface = SURFACES[name]
    values = [m[2] for m in surface.minima]
    assert values == sorted(values)
    x, y = np.meshgrid(np.linspace(*surface.x, 401), np.linspace(*surface.y, 401))
    assert surface.f(x, y).min() >= surface.lowest - 1e-12


@pytest.mark.parametrize("name", SURFACES)
def test_the_start_lies_in_the_domain_on_a_slope(name: str) -> None:
    surface = SURFACES[name]
    assert surface.name == name
    assert surface.x[0] < surface.start[0] < surface.x[1]
    assert surface.y[0] < surface.start[1] < surface.y[1]
    gx, gy = surface.gradient(*(np.array([c]) for c in surface.start))
    assert np.hypot(gx, gy)[0] > 1e-3


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [  # printed in the literature
        ("rosenbrock", (1.0, 1.0), 0.0), ("rosenbrock", (-1.2, 1.0), 24.2), ("beale", (3.0, 0.5), 0.0),
        ("himmelblau", (3.0, 2.0), 0.0), ("himmelblau", (-2.805118, 3.131312), 0.0), ("himmelblau", (-3.779310, -3.283186), 0.0),
        ("himmelblau", (3.584428, -1.848126), 0.0), ("himmelblau", (-0.270845, -0.923039), 181.616522),
        ("rastrigin", (0.0, 0.0), 0.0), ("ackley", (0.0, 0.0), 0.0), ("styblinski_tang", (-2.903534, -2.903534), -78.332331),
    ],
)  # fmt: skip
def test_values_that_the_literature_prints(name: str, place: tuple, value: float) -> None:
    assert SURFACES[name].f(*(np.array([c]) for c in place))[0] == pytest.approx(value, abs=1e-5)


def test_how_many_minima() -> None:
    counts = {name: (len(s.minima), len(s.goals)) for name, s in SURFACES.items()}
    assert counts["himmelblau"] == (4, 4)
    assert counts["rastrigin"] == (121, 1)
    assert counts["styblinski_tang"] == (4, 1)
    assert counts["saddle"] == (2, 2)
    assert counts["monkey_saddle"] == (3, 3)
    assert len(SURFACES) == 12


def test_ackleys_tip_has_no_gradient_and_gives_zero() -> None:
    gx, gy = SURFACES["ackley"].gradient(np.array([0.0, 1e-9]), np.array([0.0, 0.0]))
    assert gx[0] == gy[0] == 0.0
    assert gx[1] == pytest.approx(4 / np.sqrt(2.0), rel=1e-6)


def test_the_bowls_hessian() -> None:
    lam, Q = bowl_matrix(9.0, 30.0)
    np.testing.assert_allclose(Q.T @ Q, np.eye(2), atol=1e-15)
    gx, gy = surface_named("quadratic_bowl", condition=9.0, angle=30.0).gradient(*(Q * 1.0))
    np.testing.assert_allclose(np.array([gx, gy]), Q * lam, atol=1e-14)


def test_surfaces_by_name_are_values() -> None:
    assert surface_named("quadratic_bowl", condition=7) is surface_named("quadratic_bowl", condition=7.0)
    assert surface_named("noisy_bowl", noise=0.25).noise == 0.25


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("hill", {}, "surface 'hill' is unknown; choose quadratic_bowl, .* or noisy_bowl"),
        ("beale", {"condition": 3.0}, "beale has no parameter 'condition'; it has none"),
        ("quadratic_bowl", {"slope": 3.0}, "it takes condition or angle"),
        ("quadratic_bowl", {"condition": 0.5}, "condition number 0.5 is outside 1 to 10000; try 25"),
    ],
)
def test_unknown_surfaces_are_refused_in_words(name: str, parameters: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        surface_named(name, **parameters)
