"""Pictures to show a trained network, always there: the real test pictures where the visitor has them, else the nearest kin.

    generated shapes   drawn anew, from another seed than those that the network learned from
    MNIST              scikit-learn's digits of 8 x 8 pixels (other writers, another scanner), enlarged to 20 x 20 in a field of
                       28 x 28, which is how MNIST's own digits lie in theirs
    CIFAR-10           windows of scikit-learn's two photographs, shrunk to 32 x 32; they have no class
    Fashion-MNIST      the digits again; to a network for clothes they have no class
    ImageNet           photographs of scikit-learn and matplotlib, whole and in parts, at 160 x 160; their classes are not known here

Enlarging is linear interpolation between the cells' centres; shrinking takes the mean of each block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.data.pictures import bundled, fitted, picture
from core.data.shapes import shapes
from core.data.vision import DATASETS, data_folder, dataset
from core.errors import ExplainerError, one_of
from core.rng import generator, numpy_generator

REAL = {source.title: name for name, source in DATASETS.items()}
WINDOWS = (416, 192, 96)  # pixels of a photograph's windows; multiples of 32
PHOTOGRAPHS, SIDE = ("china", "grace_hopper", "flower"), 160  # for networks that learned from ImageNet


@dataclass(frozen=True, eq=False)
class ExampleSet:
    """`pictures` in 0..1; `labels` into the network's classes, None where the pictures have none of them; `words` say what they are."""

    pictures: Float[np.ndarray, "N C H W"]
    labels: Int[np.ndarray, "N"] | None
    words: str


@lru_cache(maxsize=8)
def example_set(trained_on: str, count: int = 96) -> ExampleSet:
    """At most `count` pictures for a network that was trained on the data set with this title.

    Raises:
        ExplainerError: no such data set, or fewer than one picture is asked for.
    """
    if count < 1:
        raise ExplainerError(f"{count} pictures cannot be shown; try 1 or more")
    if trained_on == "generated shapes":
        drawn = shapes(count, generator(0, "example set"))
        return ExampleSet(drawn.images, drawn.labels, "generated shapes that the network has not seen")
    if trained_on == "ImageNet":
        return ExampleSet(squares(SIDE)[:count], None, "three photographs, whole and in parts: they have no label here")
    if trained_on not in REAL:
        raise ExplainerError(
            f"the data set {trained_on!r} is unknown; choose {one_of(['generated shapes', 'ImageNet', *REAL])}"
        )
    real = _real(trained_on, count)
    if real is not None:
        return real
    if trained_on == "CIFAR-10":
        return ExampleSet(
            photographs()[:count], None, "windows of two photographs: CIFAR-10's own pictures are not here"
        )
    pictures, labels = digits(count)
    if trained_on == "MNIST":
        return ExampleSet(
            pictures, labels, "scikit-learn's digits, enlarged: another data set than the network's own MNIST"
        )
    return ExampleSet(pictures, None, f"handwritten digits, for {trained_on}'s own pictures are not here")


def _real(title: str, count: int) -> ExampleSet | None:
    """Test pictures from the visitor's folder, some of each class; None where it does not hold them."""
    if data_folder() is None:
        return None
    try:
        found = dataset(REAL[title], "test")
    except ExplainerError:
        return None
    rows = numpy_generator(0, "example set", title).permutation(len(found.labels))[:count]
    return ExampleSet(found.images[rows].astype(np.float32) / 255, found.labels[rows], f"{title}'s own test pictures")


def digits(count: int) -> tuple[Float[np.ndarray, "N 1 28 28"], Int[np.ndarray, "N"]]:
    """scikit-learn's digits as they would lie in MNIST, with their labels."""
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    found = load_digits()
    rows = numpy_generator(0, "example set", "digits").permutation(len(found.target))[:count]
    fields = np.zeros((len(rows), 1, 28, 28), np.float32)
    fields[:, 0, 4:24, 4:24] = enlarged(found.images[rows] / 16, 20)
    return fields, found.target[rows].astype(np.int64)


def enlarged(pictures: Float[np.ndarray, "N n n"], size: int) -> Float[np.ndarray, "N size size"]:
    """Linear interpolation between the centres of the cells; beyond the outer centres the edge goes on."""
    n = pictures.shape[1]
    places = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(n)))  # (size, n): each row sums to 1
    return weights @ pictures @ weights.T


@lru_cache(maxsize=2)
def squares(side: int) -> Float[np.ndarray, "N 3 {side} {side}"]:
    """The middle square of each photograph, then its four corners, two thirds as wide as that."""
    whole = [picture(name).pixels for name in PHOTOGRAPHS if name in bundled()]
    parts = [pixels[:, rows, columns] for pixels in whole for rows, columns in _corners(*pixels.shape[1:])]
    return np.stack([fitted(pixels, (3, side, side)) for pixels in (*whole, *parts)]).astype(np.float32)


def _corners(height: int, width: int) -> list[tuple[slice, slice]]:
    side = min(height, width) * 2 // 3
    return [(rows, columns) for rows in _ends(height, side) for columns in _ends(width, side)]


def _ends(length: int, side: int) -> tuple[slice, slice]:
    return slice(0, side), slice(length - side, length)


def photographs() -> Float[np.ndarray, "N 3 32 32"]:
    """Windows of the two photographs in scikit-learn, large ones first."""
    from sklearn.datasets import load_sample_images

    whole = [np.asarray(image, np.float32) / 255 for image in load_sample_images().images]
    windows = [
        image[top : top + side, left : left + side]
        for side in WINDOWS
        for image in whole
        for top in range(0, image.shape[0] - side + 1, side)
        for left in range(0, image.shape[1] - side + 1, side)
    ]
    return np.stack([_blocks(window) for window in windows]).transpose(0, 3, 1, 2)


def _blocks(window: np.ndarray) -> np.ndarray:
    k = len(window) // 32
    return window.reshape(32, k, 32, k, 3).mean(axis=(1, 3))
