"""The pictures: digits are scikit-learn's, patches are means of blocks, shapes are what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.conv_arithmetic.inputs import MOST_CELLS, digit, drawn, photograph, picture, shape
from core.conv_arithmetic.kernels import parse
from core.conv_arithmetic.spec import SHAPES, ConvArithmeticSpec
from core.errors import ExplainerError


def test_digits_are_the_first_of_their_kind() -> None:
    data = load_digits()
    for kind in range(10):
        np.testing.assert_array_equal(digit(kind), data.images[np.flatnonzero(data.target == kind)[0]])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("n", [3, 4, 8, 16])
def test_shapes_are_drawn_with_nine_on_nothing(name: str, n: int) -> None:
    drawn_shape = shape(name, n)
    assert drawn_shape.shape == (n, n)
    assert drawn_shape.max() == 9
    assert drawn_shape.min() == 0
    assert (shape("point", n) > 0).sum() == 1


def test_a_patch_is_the_mean_of_blocks() -> None:
    spec = ConvArithmeticSpec(picture="photo", size=4, across=1.0, down=0.0, channels=4)
    found, whole = picture(spec), photograph("china.jpg")
    block = whole[16:32, 640 - 64 : 640 - 48].mean((0, 1))
    np.testing.assert_array_equal(found[:3, 1, 0], np.round(block))
    assert found[3, 1, 0] == np.round(block.mean())
    np.testing.assert_array_equal(
        picture(ConvArithmeticSpec(picture="photo", size=4, across=1.0, down=0.0))[0], found[3]
    )


def test_channels_are_the_next_pictures() -> None:
    found = picture(ConvArithmeticSpec(digit=9, channels=2))
    np.testing.assert_array_equal(found, [digit(9), digit(0)])
    assert picture(ConvArithmeticSpec(picture="shape", shape="point", size=5, channels=4)).shape == (4, 5, 5)


def test_one_dimension_is_the_middle_row() -> None:
    np.testing.assert_array_equal(picture(ConvArithmeticSpec(kind="causal"))[0], digit(3)[4:5])


def test_a_drawing_becomes_cells_from_0_to_9() -> None:
    ink = np.zeros((280, 280))
    ink[:, :140] = 1
    cells = parse(drawn(ink), "picture")[0]
    assert cells.shape == (12, 12)
    np.testing.assert_array_equal(cells[:, :6], 9)
    np.testing.assert_array_equal(cells[:, 6:], 0)
    assert len(drawn(np.full((280, 280), 0.5))) < 1500


def test_a_large_matrix_is_refused() -> None:
    row = " ".join(["1"] * (MOST_CELLS + 1))
    with pytest.raises(ExplainerError, match="too large to be shown cell by cell; at most 4 channels of 16"):
        picture(ConvArithmeticSpec(picture="matrix", cells=row))
