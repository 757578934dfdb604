"""Four ways, one result: against torch for drawn settings, at the corners, and in plain words where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from core.convolution import convolve, geometry
from core.convolution.convolve import METHODS, flipped
from core.errors import ExplainerError
from tests.core.convolution.settings import Drawn, by_torch, settings

METHOD = pytest.mark.parametrize("method", METHODS)
BOX = np.ones((1, 1, 3, 3))


@hypothesis_settings(max_examples=300)
@given(settings())
def test_all_methods_agree_with_torch_also_in_what_they_refuse(drawn: Drawn) -> None:
    image, kernel, about = drawn
    try:
        expected = by_torch(torch.tensor(image), torch.tensor(kernel), about).numpy()
    except RuntimeError:
        expected = np.zeros((0,))
    if expected.size:
        g = geometry(image, kernel, **about)
        assert g.output_size(image.shape[1:], kernel.shape[2:]) == expected.shape[1:]
    for method in METHODS:
        if expected.size:
            found = convolve(image, kernel, method=method, **about)
            assert found.dtype == np.float64
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
        else:
            with pytest.raises(ExplainerError, match=r"try|choose"):
                convolve(image, kernel, method=method, **about)


@METHOD
def test_a_sum_by_hand(method: str) -> None:
    image = np.arange(9.0).reshape(1, 3, 3)
    found = convolve(image, [[[[1, 0], [0, -2]]]], method=method)
    np.testing.assert_allclose(found, [[[0 - 8, 1 - 10], [3 - 14, 4 - 16]]], atol=1e-12)


@METHOD
def test_a_transposed_convolution_stamps_the_kernel(method: str) -> None:
    found = convolve(
        [[[1, 2]]], [[[[1, 10, 100]]]], stride=(1, 2), transposed=True, output_padding=(0, 1), method=method
    )
    np.testing.assert_allclose(found, [[[1, 10, 102, 20, 200, 0]]], atol=1e-9)


@METHOD
@pytest.mark.parametrize("value", [0.0, 1e300, -1e-300])
def test_one_cell(method: str, value: float) -> None:
    np.testing.assert_allclose(convolve([[[value]]], [[[[1]]]], method=method), [[[value]]])


@METHOD
def test_the_flipped_kernel_turns_correlation_into_convolution(method: str) -> None:
    """Of an impulse, the true convolution is the kernel itself; full convolution of polynomials is their product."""
    kernel = np.arange(6.0).reshape(1, 1, 2, 3)
    impulse = np.zeros((1, 3, 5))
    impulse[0, 1, 2] = 1
    np.testing.assert_allclose(convolve(impulse, flipped(kernel), method=method)[0, :2], kernel[0, 0], atol=1e-12)
    first, second = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])
    product = convolve(first[None, None], flipped(second[None, None, None]), padding=(0, 1), method=method)
    np.testing.assert_allclose(product[0, 0], np.convolve(first, second), atol=1e-12)


def test_inputs_are_left_as_they_were() -> None:
    image, kernel = np.ones((1, 4, 4)), np.ones((1, 1, 3, 3))
    for method in METHODS:
        convolve(image, kernel, method=method, padding=1)
    assert (image == 1).all()
    assert (kernel == 1).all()


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"kernel": np.ones((1, 1, 5, 5))}, "spans 5 cells of height, the padded picture has only 4; try padding 1"),
        ({"dilation": (1, 2)}, "spans 5 cells of width"),
        ({"groups": 2}, "2 groups do not divide 1 input channels; try 1"),
        (
            {"image": np.ones((2, 4, 4)), "groups": 2, "kernel": np.ones((3, 1, 3, 3))},
            "2 groups do not divide 3 output channels",
        ),
        ({"image": np.ones((2, 4, 4))}, "sees 1 channels"),
        ({"image": np.ones((2, 4, 4)), "transposed": True}, "first axis is 1, the picture has 2"),
        ({"mode": "reflect", "padding": 4}, "reflect padding 4 needs a picture of height 5"),
        ({"mode": "circular", "padding": 5}, "circular padding 5 needs a picture of height 5"),
        ({"mode": "mirror"}, "'mirror' is unknown; choose zeros, reflect, circular or replicate"),
        ({"mode": "reflect", "transposed": True}, "choose zeros"),
        ({"output_padding": 1}, "belongs to a transposed"),
        ({"output_padding": 2, "transposed": True, "stride": 2}, "smaller than the stride 2 or the dilation 1; try 1"),
        ({"transposed": True, "padding": 3}, "crops the whole height of the output away; try padding 2"),
        ({"stride": 0}, "stride 0 is below 1"),
        ({"stride": (1, 2, 3)}, "neither a whole number nor a pair"),
        ({"padding": -1}, "padding -1 is below 0"),
        ({"image": np.ones((4, 4))}, "has no (channel, height, width)"),
        ({"image": np.ones((1, 0, 4))}, "three sizes of 1 or more"),
        ({"kernel": np.ones((3, 3))}, "has no (out, in / groups, height, width)"),
        ({"image": [[["a"]]]}, "the picture is not an array of real numbers"),
        ({"kernel": [[[[1], [1, 2]]]]}, "the kernel is not an array of real numbers"),
        ({"method": "winograd"}, "choose naive, im2col, fft or torch"),
    ],
)
def test_what_cannot_be_says_why(about: dict, words: str) -> None:
    given_ = {"image": np.ones((1, 4, 4)), "kernel": BOX, **about}
    with pytest.raises(ExplainerError) as problem:
        convolve(given_.pop("image"), given_.pop("kernel"), **given_)
    assert words in str(problem.value)


def test_the_padding_that_an_error_proposes_works() -> None:
    assert convolve(np.ones((1, 4, 4)), np.ones((1, 1, 5, 5)), padding=1).shape == (1, 2, 2)
    assert convolve(np.ones((1, 4, 4)), BOX, transposed=True, padding=2).shape == (1, 2, 2)
