"""Kernels against classic filters, direct Fourier sums and numpy's correlations."""

from __future__ import annotations

import numpy as np
import pytest

from core.conv_filters.kernels import (
    THREE,
    Nearest,
    classics,
    correlation,
    enlarged,
    frequencies,
    nearest,
    rgb_view,
    similarity,
    turned,
)

SOBEL = np.array(THREE["Sobel edge"], float)


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("sign", [1, -1])
def test_every_classic_filter_is_nearest_to_itself(size: int, sign: int) -> None:
    for name, angle, kernel in classics(size):
        found = nearest(sign * 0.37 * kernel)
        assert found is not None
        turn = 180 if name == "Sobel edge" and sign < 0 else 0
        assert (found.name, found.angle % 360) == (name, angle + turn)
        assert found.sign == (1 if name == "Sobel edge" else sign)
        assert found.rho == pytest.approx(1.0, abs=1e-12)


def test_sobel_of_five_is_the_usual_one() -> None:
    smooth, slope = np.array([1, 4, 6, 4, 1.0]), np.array([-1, -2, 0, 2, 1.0])
    np.testing.assert_array_equal(enlarged(SOBEL, 5), np.outer(smooth, slope))
    np.testing.assert_array_equal(enlarged(SOBEL, 3), SOBEL)


def test_two_eighths_of_a_turn_are_a_quarter_turn_of_the_array() -> None:
    kernel = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(turned(kernel, 2), np.rot90(kernel, -1))
    np.testing.assert_array_equal(turned(kernel, 8), kernel)
    np.testing.assert_array_equal(turned(SOBEL, 1), [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]])


def test_directions_are_named_once() -> None:
    names = [(name, angle) for name, angle, _ in classics(3)]
    assert names.count(("Laplacian", 0)) == 1
    assert [angle for name, angle in names if name == "Sobel edge"] == [0, 45, 90, 135]
    assert [angle for name, angle in names if name == "Line"] == [0, 45, 90, 135]
    assert [angle for name, angle in names if name == "Corner"] == [0, 45]


def test_a_noisy_edge_is_found_with_its_turn() -> None:
    noisy = -turned(SOBEL, 3) + np.random.default_rng(0).normal(0, 0.3, (3, 3))
    found = nearest(noisy)
    assert found is not None
    assert found[:3] == ("Sobel edge", 135 + 180, 1)
    cosine = -np.vdot(noisy, turned(SOBEL, 3)) / np.linalg.norm(noisy) / np.linalg.norm(SOBEL)
    assert found.rho == pytest.approx(cosine, rel=1e-12)


@pytest.mark.parametrize("kernel", [np.zeros((3, 3)), np.ones((1, 1)), np.ones((2, 2)), np.ones((3, 5))])
def test_what_has_no_classic_likeness(kernel: np.ndarray) -> None:
    assert nearest(kernel) is None


def test_frequencies_are_the_fourier_sum() -> None:
    w = np.random.default_rng(1).normal(size=(5, 3))
    found = frequencies(w, 9)
    for a, u in enumerate(np.linspace(-0.5, 0.5, 9)):
        for b, v in enumerate(np.linspace(-0.5, 0.5, 9)):
            total = sum(w[y, x] * np.exp(-2j * np.pi * (u * y + v * x)) for y in range(5) for x in range(3))
            assert found[a, b] == pytest.approx(abs(total), rel=1e-12, abs=1e-13)
    assert found[4, 4] == pytest.approx(abs(w.sum()), rel=1e-12)  # an even surface


def test_similarity_is_the_cosine_and_zero_is_like_none() -> None:
    bank = np.random.default_rng(2).normal(size=(4, 2, 3, 3))
    bank[3] = 0
    found = similarity(bank)
    for i in range(4):
        for j in range(4):
            assert found[i, j] == pytest.approx(correlation(bank[i], bank[j]), abs=1e-12)
    assert found[3, 3] == 0
    np.testing.assert_allclose(np.diag(found)[:3], 1.0, rtol=1e-12)


def test_rgb_grey_is_zero_and_ends_are_reached() -> None:
    bank = np.zeros((2, 3, 1, 2))
    bank[0, 0, 0] = [2.0, -1.0]
    found = rgb_view(bank)
    assert found[0, 0].tolist() == [[255, 128, 128], [64, 128, 128]]
    assert (found[1] == 128).all()


def test_correlation_of_nothing_is_zero() -> None:
    assert correlation(np.zeros(3), np.ones(3)) == 0.0
    assert Nearest("Line", 45, -1, 0.5).rho == 0.5
