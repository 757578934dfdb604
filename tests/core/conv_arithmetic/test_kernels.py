"""Preset kernels against their textbook matrices, at every size, and text that is read back."""

from __future__ import annotations

import numpy as np
import pytest

from core.conv_arithmetic.kernels import filters_of, gabor, named, own, parse, to_text
from core.conv_arithmetic.spec import KERNELS, ConvArithmeticSpec
from core.errors import ExplainerError

TEXTBOOK = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "box": np.full((3, 3), 1 / 9),
    "gaussian": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
SUMS = {
    "identity": 1,
    "box": 1,
    "gaussian": 1,
    "sobel_x": 0,
    "sobel_y": 0,
    "laplacian": 0,
    "sharpen": 1,
    "emboss": 1,
    "gabor": 0,
}


def spec_of(kernel: str, **more: object) -> ConvArithmeticSpec:
    return ConvArithmeticSpec(kernel=kernel, **more)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_three_by_three_is_the_textbook_s(name: str) -> None:
    np.testing.assert_allclose(named(spec_of(name), 3, 3), TEXTBOOK[name], atol=1e-15)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (7, 7), (3, 7), (7, 3)])
def test_blurs_keep_brightness_and_edges_ignore_it(name: str, size: tuple[int, int]) -> None:
    kernel = filters_of(spec_of(name), (1, 1, *size))
    assert kernel.shape == (1, 1, *size)
    assert kernel.sum() == pytest.approx(SUMS[name], abs=1e-12)


def test_sobel_of_five_is_opencv_s() -> None:
    np.testing.assert_array_equal(named(spec_of("sobel_x"), 5, 5)[0], [-1, -2, 0, 2, 1])
    np.testing.assert_array_equal(named(spec_of("sobel_x"), 5, 5)[:, -1], [1, 4, 6, 4, 1])


def test_gabor_turns_with_its_angle() -> None:
    np.testing.assert_allclose(gabor(7, 7, 90), gabor(7, 7, 0).T, atol=1e-12)
    upright = gabor(7, 7, 0)
    assert abs(upright.sum(0)).max() > 5 * abs(upright.sum(1)).max()


def test_every_filter_is_turned_further() -> None:
    kernel = filters_of(spec_of("sobel_x"), (4, 2, 3, 3))
    for o in range(4):
        for c in range(2):
            np.testing.assert_array_equal(kernel[o, c], np.rot90(kernel[0, 0], o))
    flat = filters_of(spec_of("sobel_x"), (2, 1, 1, 3))
    np.testing.assert_array_equal(flat[1], flat[0, :, :, ::-1])


def test_random_weights_belong_to_their_seed() -> None:
    first, again, other = (filters_of(spec_of("random", seed=s), (2, 3, 3, 3)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_preset_of_the_menu_has_a_kernel() -> None:
    for name in KERNELS:
        assert np.isfinite(filters_of(spec_of(name), (1, 1, 3, 3))).all()


def test_own_numbers_are_cut_and_filled_up() -> None:
    np.testing.assert_array_equal(own("1 2 / 3 4", 1, 3), [[1, 2, 0]])
    np.testing.assert_array_equal(own("1,2;5,6", 2, 2), [[1, 2], [0, 0]])


@pytest.mark.parametrize("array", [[[1.0, -2.5], [0.0, 1e-3]], [[[1.0], [2.0]], [[3.0], [-4.0]]]])
def test_text_is_read_back(array: list) -> None:
    np.testing.assert_array_equal(np.squeeze(parse(to_text(np.array(array)), "kernel")), np.squeeze(array))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: parse("1 2 / 3", "kernel"), "rows of different length"),
        (lambda: parse("", "kernel"), "rows of different length"),
        (lambda: parse("1 2 / 3 4; 5 6", "kernel"), "rows of different length"),
        (lambda: parse("1 x", "kernel"), "a word that is no number"),
        (lambda: parse("1 nan", "kernel"), "beyond a million"),
        (lambda: parse("1e9", "kernel"), "beyond a million"),
        (lambda: named(spec_of("sobel_y"), 1, 3), "2 cells or more"),
        (lambda: named(spec_of("laplacian"), 2, 1), "3 cells or more"),
    ],
)
def test_what_cannot_be_says_why(call, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        call()
