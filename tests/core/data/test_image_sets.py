"""Bundled sets, splits and corrected labels: what is drawn is what its formula says, and no class is lost in a split."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.data.image_sets import (
    SETS,
    TEXTURES,
    available,
    chosen,
    even,
    image_set,
    joined,
    keep,
    kept,
    relabelled,
    split,
    texture,
)
from core.data.images import ImageSet, Limits
from core.errors import ExplainerError
from core.rng import numpy_generator
from tests.samples import sample


@pytest.mark.parametrize(("name", "side", "classes"), [("textures", 64, 6), ("shapes", 64, 4), ("digits", 8, 10)])
def test_a_bundled_set_is_whole_and_the_same_again(name: str, side: int, classes: int):
    found = image_set(name, 60, 3)
    assert {image.shape for image in found.images} == {(side, side, 3)}
    assert {image.dtype for image in found.images} == {np.dtype(np.uint8)}
    assert len(found.images) == len(found.labels) == len(found.names) == 60
    assert len(found.classes) == classes
    image_set.cache_clear()
    assert image_set(name, 60, 3).digest == found.digest
    assert image_set(name, 60, 4).digest != found.digest
    assert found.source


def test_digits_are_scikit_learn_s():
    found, own = image_set("digits", 1797), load_digits()
    assert np.bincount(found.labels).tolist() == np.bincount(own.target).tolist()
    keys = {(image.astype(np.uint8).tobytes(), label) for image, label in zip(own.images, own.target, strict=True)}
    seen = {
        (np.rint(image[..., 0] * (16 / 255)).astype(np.uint8).tobytes(), label)
        for image, label in zip(found.images, found.labels, strict=True)
    }
    assert seen == keys


def direction(pixels: np.ndarray) -> float:
    """The strongest plane wave's angle in degrees, -90 to 90, x to the right and y down."""
    grey = pixels.astype(float).mean(axis=2)
    power = np.abs(np.fft.fft2(grey - grey.mean()))
    ky, kx = np.unravel_index(power.argmax(), power.shape)
    side = len(grey)
    fy, fx = (k - side if k > side // 2 else k for k in (ky, kx))
    return float(np.rad2deg(np.arctan(fy / fx))) if fx else 90.0


def test_stripes_lie_as_their_class_says_and_a_mirror_turns_one_into_the_other():
    g = numpy_generator(0, "test")
    for kind, sign in (("rising stripes", 1), ("falling stripes", -1)):
        for _ in range(12):
            picture = texture(kind, g)
            assert abs(direction(picture) - sign * 45) < 28  # tilted by up to 20, and waves come in whole numbers
            assert abs(direction(picture[:, ::-1]) + sign * 45) < 28


def peaks(pixels: np.ndarray) -> np.ndarray:
    """The share of all power in each plane wave, the strongest first; a wave and its mirror image count once."""
    grey = pixels.astype(float).mean(axis=2)
    power = np.abs(np.fft.rfft2(grey - grey.mean()))[:, 1:-1] ** 2
    return np.sort((power / power.sum()).ravel())[::-1]


def test_stripes_are_one_wave_checks_two_and_grain_many():
    g = numpy_generator(1, "test")
    seen = {kind: np.mean([peaks(texture(kind, g))[:8] for _ in range(30)], axis=0) for kind in TEXTURES}
    assert seen["rising stripes"][0] > 0.3
    assert seen["falling stripes"][0] > 0.3
    assert seen["checks"][0] > seen["checks"][1] > 0.1
    assert max(seen["rings"][0], seen["dots"][0]) < 0.3
    assert seen["grain"][0] < 0.05


def test_real_sets_where_they_are(monkeypatch: pytest.MonkeyPatch):
    folder = sample("mnist").parent
    monkeypatch.setenv("GLASSNET_DATA", str(folder))
    assert set(available()) == set(SETS)
    found = image_set("mnist", 30, 1)
    assert np.bincount(found.labels).tolist() == [3] * 10
    assert found.images[0].shape == (28, 28, 3)
    assert image_set("cifar10", 10).images[0].shape == (32, 32, 3)


def test_a_set_that_is_not_here_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    assert set(available()) == {"textures", "shapes", "digits"}
    with pytest.raises(ExplainerError, match="MNIST is not on this computer; name a folder"):
        image_set("mnist", 11)
    with pytest.raises(ExplainerError, match="'x' is unknown; choose textures"):
        image_set("x")
    for count in (0, 4001):
        with pytest.raises(ExplainerError, match="outside 1 to 4,000"):
            image_set("digits", count)


def test_even_takes_turns_until_a_class_is_used_up():
    labels = np.array([0] * 50 + [1] * 5 + [2] * 50)
    assert np.bincount(labels[even(labels, 15)]).tolist() == [5, 5, 5]
    assert np.bincount(labels[even(labels, 45)]).tolist() == [20, 5, 20]
    assert sorted(even(labels, 105)) == list(range(105))


# Splits


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.5, 0.5), (0.8, 0.1, 0.1), (1 / 3, 1 / 3, 1 / 3)])
def test_every_class_is_divided_in_its_shares(shares: tuple[float, ...]):
    g = np.random.default_rng(0)
    for _ in range(20):
        labels = g.integers(0, 5, int(g.integers(1, 200)))
        parts = split(labels, shares, seed=int(g.integers(100)))
        assert sorted(np.concatenate(parts)) == list(range(len(labels)))
        for label in np.unique(labels):
            n = int((labels == label).sum())
            counts = [int((labels[rows] == label).sum()) for rows in parts]
            assert all(abs(c - n * s) <= len(shares) for c, s in zip(counts, shares, strict=True))
            assert n < len(shares) or min(counts) >= 1


def test_large_classes_are_within_one_picture_of_their_share():
    labels = np.repeat([0, 1], [100, 37])
    for rows, share in zip(split(labels), (0.7, 0.15, 0.15), strict=True):
        assert np.all(np.abs(np.bincount(labels[rows]) - np.array([100, 37]) * share) < 1)


def test_the_seed_decides_and_nothing_else():
    labels = np.arange(60) % 3
    assert all(np.array_equal(a, b) for a, b in zip(split(labels, seed=1), split(labels, seed=1), strict=True))
    assert not np.array_equal(split(labels, seed=1)[0], split(labels, seed=2)[0])


def test_groups_stay_together():
    g = np.random.default_rng(1)
    labels = g.integers(0, 3, 120)
    groups = g.integers(0, 40, 120)
    parts = split(labels, groups=groups, seed=5)
    assert sorted(np.concatenate(parts)) == list(range(120))
    assert sum(len(set(groups[rows])) for rows in parts) == len(set(groups))


def test_shares_must_add_up():
    for bad in ((0.5, 0.4), (1.2, -0.2), (1.0, 0.0)):
        with pytest.raises(ExplainerError, match="add up to 1"):
            split(np.zeros(4, np.int64), bad)


def test_splits_at_their_corners():
    assert [len(rows) for rows in split(np.zeros(0, np.int64))] == [0, 0, 0]
    assert [len(rows) for rows in split(np.zeros(1, np.int64))] == [1, 0, 0]
    assert [len(rows) for rows in split(np.zeros(3, np.int64))] == [1, 1, 1]


# Correcting


def tiny(labels: list[int], classes: tuple[str, ...], side: int = 2) -> ImageSet:
    images = tuple(np.full((side, side, 3), n, np.uint8) for n in range(len(labels)))
    return ImageSet(images, np.array(labels, np.int64), classes, tuple(f"{n}.png" for n in range(len(labels))))


def test_labels_can_be_corrected_and_pictures_left_out():
    found = relabelled(tiny([0, 0, 1], ("a", "b")), ["Ko\u0308ln", "", " 猫 "])
    assert found.classes == ("Köln", "猫")
    assert found.labels.tolist() == [0, 1]
    assert [int(i[0, 0, 0]) for i in found.images] == [0, 2]
    assert found.names == ("0.png", "2.png")
    assert relabelled(tiny([0], ("a",)), [""]).images == ()
    with pytest.raises(ExplainerError, match="1 class names were given for 2 pictures"):
        relabelled(tiny([0, 0], ("a",)), ["a"])


def test_two_sets_become_one_within_the_limits():
    both = joined(tiny([0, 1], ("b", "c")), tiny([0], ("a",)))
    assert both.classes == ("a", "b", "c")
    assert both.labels.tolist() == [1, 2, 0]
    assert both.rejected == ()
    few = joined(tiny([0, 1], ("b", "c")), tiny([0], ("a",)), Limits(pictures=2))
    assert few.classes == ("b", "c")
    assert few.rejected[0][0] == "0.png"
    assert "already holds" in few.rejected[0][1]
    assert len(joined(tiny([0, 1], ("b", "c")), tiny([0], ("a",)), Limits(held=12)).images) == 1


def test_kept_sets_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.data.image_sets.OWN._most", 30)
    monkeypatch.setattr("core.data.image_sets.OWN._kept", {})
    first, second, third = (tiny([0] * n, ("a",)) for n in (1, 1, 2))
    assert keep(first) == first.digest == keep(second)  # the same pictures
    assert kept(first.digest) is second
    keep(third)
    assert kept(first.digest) is None
    assert kept(third.digest) is third
    big = tiny([0], ("a",), side=9)
    keep(big)
    assert kept(big.digest) is big  # the newest stays, however large


def test_choosing_rows_keeps_the_classes():
    found = chosen(tiny([0, 1, 1], ("a", "b")), [2, 0])
    assert found.labels.tolist() == [1, 0]
    assert found.classes == ("a", "b")
    assert found.names == ("2.png", "0.png")
