"""Pictures for a network that learns while one watches: few enough that it takes seconds.

The digits of scikit-learn (8 x 8 pixels, each pixel doubled) and the generated shapes (32 x 32) are always there; MNIST,
Fashion-MNIST and CIFAR-10 are read from the folder named in GLASSNET_DATA. Pictures are brought from 0..1 to -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.data.shapes import SHAPES, shapes
from core.data.vision import dataset
from core.errors import ExplainerError
from core.rng import generator, numpy_generator

TRAIN, TEST = 1500, 300  # pictures at most


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures in -1..1 and their labels into `classes`, to learn from and to be tested on."""

    train: Float[np.ndarray, "N C H W"]
    train_labels: Int[np.ndarray, "N"]
    test: Float[np.ndarray, "M C H W"]
    test_labels: Int[np.ndarray, "M"]
    classes: tuple[str, ...]

    def probe(self, label: int) -> int:
        """The row of the first test picture of a class; of the last class where there is no such."""
        return int(np.argmax(self.test_labels == min(label, len(self.classes) - 1)))


@lru_cache(maxsize=2)
def lesson(name: str) -> Lesson:
    """The pictures with this name in LESSONS.

    Raises:
        ExplainerError: they have to be read from a folder that does not hold them.
    """
    if name == "digits":
        return _digits()
    if name == "shapes":
        learn, test = shapes(TRAIN, generator(1, "lesson"), 32), shapes(TEST, generator(2, "lesson"), 32)
        return _lesson((learn.images, learn.labels), (test.images, test.labels), SHAPES)
    parts = [_some(name, part, count) for part, count in (("train", TRAIN), ("test", TEST))]
    return _lesson(*parts, dataset(name, "test").classes)


def _lesson(train, test, classes) -> Lesson:
    return Lesson(_centred(train[0]), train[1], _centred(test[0]), test[1], classes)


def _centred(pictures: np.ndarray) -> np.ndarray:
    return (2 * pictures - 1).astype(np.float32)


def _digits() -> Lesson:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    found = load_digits()
    rows = numpy_generator(0, "lesson").permutation(len(found.target))
    pictures = found.images[rows, None].repeat(2, axis=2).repeat(2, axis=3) / 16
    labels = found.target[rows].astype(np.int64)
    return _lesson((pictures[TEST:], labels[TEST:]), (pictures[:TEST], labels[:TEST]), tuple("0123456789"))


def _some(name: str, part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        found = dataset(name, part)
    except ExplainerError as problem:
        raise ExplainerError(f"{problem}; or choose the digits or the shapes, which are always here") from None
    rows = numpy_generator(0, "lesson", name, part).permutation(len(found.labels))[:count]
    return found.images[rows] / 255, found.labels[rows]
