"""The closed forms against numpy's eigenvalues, against a search for the optimum, and against the race itself."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ExplainerError
from core.optimizer_race import Racer, RaceSpec, race
from core.optimizer_race.theory import (
    along_eigenvectors,
    critical_momentum,
    errors,
    iteration_matrix,
    largest_rate,
    matrix_powers,
    optimal_momentum,
    optimal_plain,
    spectral_radius,
    stability_map,
)

PAIRS = [(0.01, 0.0), (0.03, 0.5), (0.05, 0.9), (0.078, 0.0), (0.1, 0.8), (0.15, 0.95), (0.04, 1.0)]


@pytest.mark.parametrize(("lr", "momentum"), [*PAIRS, (0.2, 0.3), (1.0, 0.99), (0.0, 0.5)])
@pytest.mark.parametrize("eigenvalue", [0.01, 1.0, 25.0])
def test_spectral_radius_is_the_largest_eigenvalue(lr: float, momentum: float, eigenvalue: float) -> None:
    sigma = np.linalg.eigvals(iteration_matrix(lr, momentum, eigenvalue))
    assert spectral_radius(lr, momentum, eigenvalue) == pytest.approx(
        np.abs(sigma).max(), rel=1e-7
    )  # a double root splits
    assert np.prod(sigma).real == pytest.approx(momentum, abs=1e-12)


@pytest.mark.parametrize(("lr", "momentum"), PAIRS)
@pytest.mark.parametrize("angle", [0.0, 30.0])
def test_the_race_follows_the_closed_form(lr: float, momentum: float, angle: float) -> None:
    """Error along each eigenvector, measured and by matrix powers; converging, oscillating and diverging alike."""
    lam = np.array([1.0, 25.0])
    parameters = {"condition": 25.0, "angle": angle}
    spec = RaceSpec(
        "quadratic_bowl", (Racer("sgd", lr=lr, momentum=momentum),), (-4.0, 2.0), 400, parameters=parameters
    )
    measured = along_eigenvectors(race(spec).paths[0], 25.0, angle)
    predicted = errors(lam, measured[0], lr, momentum, 400)
    reach = np.maximum(np.linalg.norm(predicted, axis=-1, keepdims=True), np.linalg.norm(measured[0]) * 1e-6)
    assert (np.abs(measured - predicted) <= 1e-10 * reach).all()


def test_matrix_powers_one_by_one() -> None:
    R = iteration_matrix(0.05, 0.9, 25.0)
    product = np.eye(2)
    for power in matrix_powers(R, 40):
        np.testing.assert_allclose(power, product, rtol=1e-12, atol=1e-15)
        product = R @ product
    assert matrix_powers(R, 0).shape == (1, 2, 2)


@pytest.mark.parametrize(("low", "high"), [(1.0, 25.0), (0.1, 100.0), (2.0, 2.0)])
def test_no_rate_and_momentum_beat_the_optimum(low: float, high: float) -> None:
    best = optimal_momentum(low, high)
    lam = np.array([low, high])
    assert float(spectral_radius(best.lr, best.momentum, lam).max()) == pytest.approx(best.rate, abs=1e-6)
    rates, momenta = np.linspace(1e-4, 4.0 / high, 200), np.linspace(0.0, 0.999, 200)
    assert stability_map(rates, momenta, lam).min() >= best.rate - 1e-6
    plain = optimal_plain(low, high)
    assert float(spectral_radius(plain.lr, 0.0, lam).max()) == pytest.approx(plain.rate, abs=1e-12)
    assert stability_map(rates, np.zeros(1), lam).min() >= plain.rate - 1e-12
    kappa = high / low
    assert best.momentum == pytest.approx(((kappa**0.5 - 1) / (kappa**0.5 + 1)) ** 2)
    assert plain.rate == pytest.approx((kappa - 1) / (kappa + 1))


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
def test_the_edge_of_stability(momentum: float) -> None:
    edge = float(largest_rate(momentum, 25.0))
    assert spectral_radius(edge, momentum, 25.0) == pytest.approx(1.0)
    assert spectral_radius(edge * 0.999, momentum, 25.0) < 1.0 < spectral_radius(edge * 1.001, momentum, 25.0)
    assert largest_rate(0.0, 25.0) == pytest.approx(2 / 25)


@pytest.mark.parametrize("lr", [0.001, 0.02, 0.03])
def test_critical_momentum_is_the_fastest_for_its_eigenvector(lr: float) -> None:
    beta = float(critical_momentum(lr, 25.0))
    here = float(spectral_radius(lr, beta, 25.0))
    assert here == pytest.approx(beta**0.5, abs=1e-6)
    assert spectral_radius(lr, np.linspace(0, 0.9999, 5000), 25.0).min() >= here - 1e-6
    sigma = np.linalg.eigvals(iteration_matrix(lr, beta + 0.01, 25.0))
    assert np.abs(sigma.imag).min() > 0


def test_the_stability_map_is_momentum_by_rate() -> None:
    rates, momenta, lam = np.array([0.01, 0.05, 0.1]), np.array([0.0, 0.9]), np.array([1.0, 25.0])
    radius = stability_map(rates, momenta, lam)
    assert radius.shape == (2, 3)
    for i, beta in enumerate(momenta):
        for j, lr in enumerate(rates):
            assert radius[i, j] == max(spectral_radius(lr, beta, e) for e in lam)
    assert radius[0, 2] > 1 > radius[1, 2]


def test_eigenvalues_must_be_positive_and_ordered() -> None:
    for low, high in ((0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0)):
        with pytest.raises(ExplainerError, match="must be positive"):
            optimal_momentum(low, high)
        with pytest.raises(ExplainerError, match="must be positive"):
            optimal_plain(low, high)
