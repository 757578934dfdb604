"""What the checks say of a set whose faults are known, and the hash against scipy's cosine transform."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from core.data.image_checks import Pair, copies, facts_of, groups_of, hashes, report, robust, spread, thumbnail
from core.data.image_sets import image_set
from core.data.images import ImageSet


def test_the_hash_is_the_cosine_transform_s_low_corner():
    small = np.random.default_rng(0).uniform(0, 255, (5, 32, 32))
    for one, bits in zip(small, hashes(small), strict=True):
        low = dctn(one)[:8, :8].ravel()[1:]  # type II; scipy's factor 4 moves no bit
        np.testing.assert_array_equal(bits, low > np.median(low))
    assert not hashes(np.full((1, 32, 32), 7.0)).any()


def photo(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC))


def jpeg(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file))


def smaller(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((100, 75)))


def brighter(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 1.05 + 8, 0, 255).astype(np.uint8)


def test_copies_are_found_and_others_are_not():
    images = [photo(k) for k in range(20)]
    assert copies(images) == ()
    assert copies([]) == ()
    for change in (jpeg, smaller, brighter):
        (pair,) = copies([*images, change(images[7])])
        assert (pair.first, pair.second, pair.exact) == (7, 20, False)
        assert pair.bits <= 4
    assert copies([*images, images[3].copy()]) == (Pair(3, 20, 0, True),)
    assert copies([images[0], images[0][:, ::-1]]) == ()


def test_an_exact_copy_is_preferred_to_a_near_one():
    image = photo()
    assert copies([brighter(image), image, image.copy()])[0] == Pair(1, 2, 0, True)


def test_thousands_of_equal_pictures_give_one_pair_each():
    images = [np.zeros((4, 4, 3), np.uint8)] * 1100
    assert copies(images) == tuple(Pair(0, k, 0, True) for k in range(1, 1100))


def test_flat_pictures_of_two_colours_are_no_copies():
    assert copies([np.full((8, 8, 3), v, np.uint8) for v in (0, 255)]) == ()
    assert copies([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)]) == ()


def test_groups_are_chains_of_copies():
    pairs = [Pair(0, 3, 0, True), Pair(3, 5, 1, False), Pair(1, 2, 0, True)]
    assert groups_of(7, pairs).tolist() == [0, 1, 1, 0, 4, 0, 6]


def test_spread_finds_the_groups_of_several_kinds():
    assert spread(np.array([0, 0, 2, 2, 4]), np.array([1, 1, 0, 1, 0])).tolist() == [2, 3]
    assert spread(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


def test_a_set_with_known_faults():
    images = [photo(k) for k in range(9)]
    images += [images[0].copy(), jpeg(images[1]), np.full((50, 50, 3), 255, np.uint8)]
    found = ImageSet(tuple(images), np.array([0] * 9 + [0, 1, 1]), ("a", "b"), tuple(map(str, range(12))))
    seen = report(found, [np.arange(9), np.arange(9, 12)])
    assert seen.counts.tolist() == [10, 2]
    assert seen.imbalance == 5.0
    assert [(p.first, p.second) for p in seen.pairs] == [(0, 9), (1, 10)]
    assert seen.crossing.tolist() == [0, 1, 9, 10]
    assert seen.conflicts.tolist() == [1, 10]
    assert seen.blank.tolist() == [11]
    assert 11 in seen.unusual
    assert report(found).crossing.tolist() == []


def test_facts_against_pillow():
    images = [photo(2), np.full((3, 5, 3), 90, np.uint8)]
    facts = facts_of(images)
    grey = np.asarray(Image.fromarray(images[0]).convert("L"), float)
    assert facts.size.tolist() == [[120, 160], [3, 5]]
    np.testing.assert_allclose(facts.brightness, [grey.mean(), 90])
    np.testing.assert_allclose(facts.contrast, [grey.std(), 0])
    assert facts_of([]).size.shape == (0, 2)


def test_robust_scores():
    np.testing.assert_allclose(robust(np.array([1.0, 2, 3, 4, 100])), 0.6745 * np.array([-2.0, -1, 0, 1, 97]))
    assert robust(np.ones(4)).tolist() == [0.0] * 4
    assert robust(np.zeros(0)).size == 0


def test_an_empty_set_has_nothing_to_say():
    seen = report(ImageSet((), np.zeros(0, np.int64), (), ()))
    assert (seen.imbalance, seen.pairs, seen.blank.tolist()) == (0.0, (), [])


@pytest.mark.parametrize("name", ["textures", "shapes"])
def test_generated_sets_have_no_copies(name: str):
    assert report(image_set(name, 120)).pairs == ()


def test_the_thumbnail_is_grey():
    assert thumbnail(photo()).shape == (32, 32)
