"""Variances against torch.nn.init and in the draws, orthogonality, LSUV's division, and the points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.initialisation.points import POINTS, points
from core.initialisation.schemes import SCHEMES, draw, orthogonal, to_unit_variance
from core.initialisation.spec import DATA
from core.rng import numpy_generator

N, M = 300, 500
TORCH = {
    "normal": lambda W: nn.init.normal_(W, std=0.3), "uniform": lambda W: nn.init.uniform_(W, -0.3, 0.3), "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_, "he_normal": lambda W: nn.init.kaiming_normal_(W, nonlinearity="relu"),
    "he_uniform": lambda W: nn.init.kaiming_uniform_(W, nonlinearity="relu"), "lecun_normal": lambda W: nn.init.kaiming_normal_(W, nonlinearity="linear"),
    "orthogonal": nn.init.orthogonal_, "zero": nn.init.zeros_, "constant": lambda W: nn.init.constant_(W, 0.3),
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_a_scheme_has_torch_s_variance_and_bounds(name: str) -> None:
    """torch keeps W as (outputs, inputs). 150,000 draws: the variance is known to about 0.4 %."""
    W = draw(name, N, M, 0.3, numpy_generator(0, name))
    with torch.no_grad():
        theirs = TORCH[name](torch.empty(M, N, dtype=torch.float64)).numpy().T
    variance = SCHEMES[name].variance(N, M, 0.3)
    assert W.shape == theirs.shape
    np.testing.assert_allclose([W.var(), theirs.var()], variance, rtol=0.02, atol=1e-12)
    if SCHEMES[name].law == "uniform":
        np.testing.assert_allclose([np.abs(W).max(), np.abs(theirs).max()], np.sqrt(3 * variance), rtol=1e-3)
    if SCHEMES[name].law == "constant":
        np.testing.assert_array_equal(W, theirs)


def test_the_variances_in_closed_form() -> None:
    at = {name: one.variance(8, 2, 0.5) for name, one in SCHEMES.items()}
    assert at == {
        "zero": 0.0, "constant": 0.0, "normal": 0.25, "uniform": 0.25 / 3, "xavier_normal": 0.2, "xavier_uniform": 0.2, "he_normal": 0.25,
        "he_uniform": 0.25, "lecun_normal": 0.125, "linear_default": 1 / 24, "orthogonal": 0.125, "lsuv": 0.125,
    }  # fmt: skip


def test_nn_linear_starts_as_its_scheme_says() -> None:
    W = nn.Linear(N, M, dtype=torch.float64).weight.detach().numpy()
    own = draw("linear_default", N, M, 0.0, numpy_generator(1, "linear"))
    np.testing.assert_allclose([W.var(), own.var()], 1 / (3 * N), rtol=0.02)
    np.testing.assert_allclose([np.abs(W).max(), np.abs(own).max()], 1 / np.sqrt(N), rtol=1e-3)


def test_normal_schemes_share_their_draws() -> None:
    a, b = (draw(name, 6, 6, 0.1, numpy_generator(3, "x")) for name in ("he_normal", "lecun_normal"))
    np.testing.assert_allclose(a, np.sqrt(2) * b, rtol=1e-14)


@pytest.mark.parametrize(("n", "m"), [(7, 7), (9, 4), (4, 9), (1, 1), (5, 1)])
def test_an_orthogonal_matrix_is_orthonormal_on_its_shorter_side(n: int, m: int) -> None:
    W = orthogonal(n, m, numpy_generator(0, "q"))
    product = W.T @ W if n >= m else W @ W.T
    np.testing.assert_allclose(product, np.eye(min(n, m)), atol=1e-12)


def test_orthogonal_draws_favour_no_sign() -> None:
    """Without the correction by R's signs, numpy's QR would give the first entry one sign only."""
    g = numpy_generator(0, "signs")
    share = np.mean([orthogonal(4, 4, g)[0, 0] > 0 for _ in range(400)])
    assert 0.4 < share < 0.6


def test_lsuv_divides_to_unit_variance_and_leaves_silence_alone() -> None:
    g = numpy_generator(0, "lsuv")
    X, W = 3.0 + g.normal(size=(50, 6)), g.normal(size=(6, 6))
    assert (X @ to_unit_variance(W, X)).var() == pytest.approx(1.0)
    np.testing.assert_array_equal(to_unit_variance(W, np.zeros((5, 6))), W)


@pytest.mark.parametrize("data", DATA)
def test_points_have_mean_square_one_and_two_even_classes(data: str) -> None:
    X, y = points(data, 12, 4)
    assert X.shape == (POINTS, 12)
    assert (X**2).mean() == pytest.approx(1.0, abs=1e-12)
    assert sorted(set(y)) == [0.0, 1.0]
    assert y.mean() == 0.5
    assert np.linalg.matrix_rank(X) == (12 if data == "noise" else 2)


def test_xor_s_classes_lie_in_opposite_quarters() -> None:
    from core.initialisation.points import plane

    y = np.tile([0.0, 1.0], POINTS // 2)
    P = plane("xor", y, numpy_generator(0, "p"))
    np.testing.assert_array_equal(P[:, 0] * P[:, 1] < 0, y == 1)
