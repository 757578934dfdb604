"""Planted shapes: the mask is the formula's, the box the mask's, and nothing but the outline tells the class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.data.shapes import CONTRAST, REACH, SHAPES, ShapeSet, inside, shapes
from core.errors import ExplainerError
from core.rng import generator


@pytest.fixture(scope="module")
def drawn() -> ShapeSet:
    return shapes(400, generator(3, "test"), 48)


def grid(n: int = 2001) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(-2, 2, n)
    return np.meshgrid(line, line)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_has_the_circle_s_area_and_its_stated_reach(name: str):
    u, v = grid()
    member = inside(name, u, v)
    assert member.mean() * 16 == pytest.approx(math.pi, rel=0.004)
    assert np.hypot(u, v)[member].max() == pytest.approx(REACH[name], abs=0.004)


def test_points_inside_and_outside_by_hand():
    half = math.sqrt(math.pi) / 2
    assert inside("circle", np.array([0.0, 1.0, 1.01]), np.zeros(3)).tolist() == [True, True, False]
    assert inside("square", np.array([half, half + 0.01]), np.array([-half, 0.0])).tolist() == [True, False]
    T = REACH["triangle"]
    corners = T * np.array([(0.0, -1.0), (math.sqrt(3) / 2, 0.5), (-math.sqrt(3) / 2, 0.5)])
    assert inside("triangle", *(0.999 * corners.T)).all()
    assert not inside("triangle", *(1.001 * corners.T)).any()
    assert inside("cross", np.array([1.2, 0.3, 0.4]), np.array([0.3, -1.2, 0.4])).tolist() == [True, True, False]
    with pytest.raises(ExplainerError, match="choose circle"):
        inside("star", *grid(3))


def test_arrays_agree_with_each_other(drawn: ShapeSet):
    assert drawn.images.shape == (400, 3, 48, 48)
    assert drawn.images.dtype == np.float32
    assert drawn.images.min() >= 0
    assert drawn.images.max() <= 1
    assert set(drawn.labels) == set(range(len(SHAPES)))
    for mask, (top, left, bottom, right) in zip(drawn.masks, drawn.boxes, strict=True):
        rows, columns = np.nonzero(mask)
        assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (top, left, bottom, right)
        assert 0 < top < bottom < 48  # wholly inside, never at the rim
        assert 0 < left < right < 48


def test_turned_shapes_keep_their_form(drawn: ShapeSet):
    """A circle is as wide as high and fills pi/4 of its box; every shape fills its box as no stretched one could."""
    for name, (low, high) in {"circle": (0.70, 0.86), "square": (0.45, 1.0), "triangle": (0.33, 0.6), "cross": (0.28, 0.67)}.items():  # fmt: skip
        chosen = drawn.labels == SHAPES.index(name)
        top, left, bottom, right = drawn.boxes[chosen].T
        filled = drawn.masks[chosen].sum(axis=(1, 2)) / ((bottom - top) * (right - left))
        assert low < filled.min()
        assert filled.max() < high + 0.02
        if name in ("circle", "cross", "square"):  # turned by a quarter they are the same
            assert np.abs((bottom - top) - (right - left)).max() <= 1


def test_the_shape_stands_out_from_its_ground(drawn: ShapeSet):
    for image, mask in zip(drawn.images, drawn.masks, strict=True):
        step = np.abs(image[:, mask].mean(axis=1) - image[:, ~mask].mean(axis=1))
        assert (step > CONTRAST[0] - 0.1).all()


def test_colour_place_and_size_say_nothing_about_the_class(drawn: ShapeSet):
    ground = np.array([image[:, ~mask].mean() for image, mask in zip(drawn.images, drawn.masks, strict=True)])
    area = drawn.masks.mean(axis=(1, 2))
    middle = drawn.boxes.reshape(-1, 2, 2).mean(axis=(1, 2))
    for value in (ground, area, middle):
        means = [value[drawn.labels == k].mean() for k in range(len(SHAPES))]
        assert np.ptp(means) < 0.5 * value.std()


def test_the_same_generator_draws_the_same_and_another_draws_others():
    first, again, other = (shapes(4, generator(seed, "test"), 16) for seed in (1, 1, 2))
    for name in ("images", "labels", "masks", "boxes"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize(
    ("count", "size", "words"), [(0, 64, "1 or more"), (1, 15, "16 to 256"), (1, 257, "16 to 256")]
)
def test_what_cannot_be_drawn_is_refused(count: int, size: int, words: str):
    with pytest.raises(ExplainerError, match=words):
        shapes(count, generator(0, "test"), size)
