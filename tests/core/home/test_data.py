"""The digits, their split, and a drawing made into one of them."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from core.errors import ExplainerError
from core.home.compute import pixels, predict, train
from core.home.data import crop, even_stroke, load, overlap, split, stretch, thicken, thin, to_digit, upright
from core.home.spec import HomeSpec
from tests.samples import sample


def enlarge(image: np.ndarray, size: int = 280) -> np.ndarray:
    """A picture with values in 0..1 at `size` x `size`, by linear interpolation between pixel centres."""
    n = len(image)
    at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
    low = np.minimum(at.astype(int), n - 2)
    R = np.zeros((size, n))
    R[np.arange(size), low], R[np.arange(size), low + 1] = 1 - (at - low), at - low
    return np.clip(R @ image @ R.T, 0, 1)


def a_seven(top: int = 60, left: int = 80) -> np.ndarray:
    drawing = np.zeros((280, 280))
    drawing[top : top + 22, left : left + 100] = 1
    for row in range(150):
        column = left + 90 - row // 3
        drawing[top + row, column - 11 : column + 11] = 1
    return drawing


def test_there_are_1797_digits_with_counts_from_0_to_16() -> None:
    images, labels = load()
    assert images.shape == (1797, 8, 8)
    assert set(np.unique(images)) == set(range(17))
    assert sorted(np.unique(labels)) == list(range(10))


def test_what_the_set_s_description_says_can_be_seen_in_it() -> None:
    images, _ = load()
    assert (images[:, [0, -1]].sum(axis=2) > 0).all()  # every digit reaches top and bottom
    assert (images[:, :, 0] == 0).mean() > 0.99  # 20 of 32 pixels: the ink stays in the six middle columns
    share = images.sum(axis=(1, 2)) / (32 * 32)
    assert 0.25 < np.quantile(share, 0.05) < np.quantile(share, 0.95) < 0.36


def test_split_keeps_a_quarter_of_each_digit_and_all_rows_once() -> None:
    digits = split(3)
    assert (np.sort(np.concatenate([digits.train, digits.test])) == np.arange(1797)).all()
    counts, test = np.bincount(digits.labels), np.bincount(digits.labels[digits.test])
    assert (test == np.round(counts / 4)).all()


def test_split_depends_on_the_seed_alone() -> None:
    assert (split(3).test == split(3).test).all()
    assert not np.array_equal(split(3).test, split(4).test)


def test_a_blank_pad_is_refused() -> None:
    with pytest.raises(ExplainerError, match="empty; draw"):
        to_digit(np.zeros((280, 280)))


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, 255.0])
def test_what_is_no_drawing_is_refused(value: float) -> None:
    drawing = a_seven()
    drawing[0, 0] = value
    with pytest.raises(ExplainerError, match="from 0"):
        to_digit(drawing)


@pytest.mark.parametrize("place", [(0, 0), (140, 140), (279, 279)])
def test_a_single_dot_is_a_blot_in_the_middle(place: tuple[int, int]) -> None:
    drawing = np.zeros((280, 280))
    drawing[place] = 1
    image = to_digit(drawing)
    assert image[3:5, 3:5].sum() == 4 * 16
    np.testing.assert_array_equal(image, image[::-1])
    np.testing.assert_array_equal(image, image[:, ::-1])


@pytest.mark.parametrize("place", [(0, 0), (10, 130), (125, 20), (120, 170)])
def test_where_on_the_pad_it_is_drawn_does_not_matter(place: tuple[int, int]) -> None:
    np.testing.assert_array_equal(to_digit(a_seven(*place)), to_digit(a_seven()))


def test_how_large_it_is_drawn_hardly_matters() -> None:
    image, half = to_digit(a_seven()), to_digit(a_seven()[::2, ::2])
    assert np.abs(image - half).mean() < 1


def test_values_are_whole_counts() -> None:
    image = to_digit(a_seven())
    assert image.shape == (8, 8)
    assert ((image >= 0) & (image <= 16) & (image == np.round(image))).all()
    assert image[0].sum() > 0
    assert image[-1].sum() > 0
    assert 0.25 <= image.sum() / 1024 <= 0.40


def test_a_block_counts_its_ink() -> None:
    """A ring of 20 x 32 that needs no thickening comes out as the counts of its own blocks."""
    ring = np.zeros((32, 32))
    ring[:, 6:26] = 1
    ring[4:28, 10:22] = 0
    expected = [[ring[4 * r : 4 * r + 4, 4 * c : 4 * c + 4].sum() for c in range(8)] for r in range(8)]
    np.testing.assert_array_equal(to_digit(ring), expected)
    np.testing.assert_array_equal(to_digit(np.kron(ring, np.ones((8, 8)))), expected)


def test_a_slanted_line_is_set_upright() -> None:
    slanted = np.zeros((100, 100), bool)
    for row in range(100):
        slanted[row, 80 - row // 2 : 90 - row // 2] = True
    straight = upright(slanted)
    assert straight.sum() == slanted.sum()
    assert straight.shape[1] <= 12
    y, x = np.nonzero(straight)
    assert abs(np.cov(x, y)[0, 1] / np.var(y)) < 0.02


def test_what_stands_upright_stays() -> None:
    cross = np.zeros((30, 30), bool)
    cross[14:16], cross[:, 14:16] = True, True
    np.testing.assert_array_equal(upright(cross), cross)


def test_crop_keeps_what_is_inked() -> None:
    ink = np.zeros((9, 9), bool)
    ink[2, 3] = ink[6, 4] = True
    assert crop(ink).shape == (5, 2)


def test_overlap_shares_old_pixels_among_new_ones() -> None:
    np.testing.assert_allclose(overlap(4, 2), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    np.testing.assert_allclose(overlap(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    np.testing.assert_allclose(overlap(2, 4), [[1, 0], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_allclose(overlap(37, 20).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((64, 40), (32, 20)), ((100, 100), (32, 20)), ((120, 10), (32, 5)), ((10, 120), (3, 20)), ((1, 1), (32, 20))],
)
def test_stretch_fills_20_by_32_but_makes_no_slab_of_a_line(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert stretch(np.ones(shape, bool)).shape == expected


def test_thicken_and_thin_move_the_edge_by_one_pixel() -> None:
    dot = np.zeros((5, 5), bool)
    dot[2, 2] = True
    plus = thicken(dot)
    assert plus.sum() == 5
    np.testing.assert_array_equal(thin(plus), dot)
    assert thin(np.ones((5, 5), bool)).all()


def test_even_stroke_brings_ink_near_the_data_set_s() -> None:
    line, slab = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    line[:, 15:17], slab[:, 6:26] = True, True
    assert 0.25 <= even_stroke(line).mean() <= 0.36
    assert 0.25 <= even_stroke(slab).mean() <= 0.36


def accuracy(pictures: list[np.ndarray], labels: np.ndarray) -> float:
    *_, last = train(HomeSpec())
    return float(
        np.mean(
            [predict(last.arrays, to_digit(picture)).argmax() == y for picture, y in zip(pictures, labels, strict=True)]
        )
    )


def test_digits_of_the_set_enlarged_to_the_pad_are_still_read() -> None:
    digits = split(0)
    pictures = [enlarge(image / 16, 112) for image in digits.images[digits.test]]
    assert accuracy(pictures, digits.labels[digits.test]) > 0.9


def test_digits_of_other_writers_are_read_worse_but_far_better_than_guessed() -> None:
    """MNIST (250 other writers, other scanner) through the pad's door: the text on the page says "about three in four"."""
    mnist = sample("mnist")
    images = np.frombuffer(gzip.decompress((mnist / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)[
        : 500 * 784
    ]
    labels = np.frombuffer(gzip.decompress((mnist / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)[
        :500
    ]
    pictures = [enlarge(image / 255, 112) for image in images.reshape(-1, 28, 28)]
    assert 0.68 < accuracy(pictures, labels) < 0.85


def test_pixels_are_rows_in_0_to_1() -> None:
    images, _ = load()
    X = pixels(images)
    assert X.shape == (1797, 64)
    assert X[7, 8 * 3 + 4] == images[7, 3, 4] / 16
