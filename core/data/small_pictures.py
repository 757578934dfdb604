"""Two small sets of labelled pictures that are always there, in a training and a test part that never change.

digits   scikit-learn's 1,797 handwritten digits, 8 x 8 pixels, shuffled once; the first 400 are the test part
shapes   generated shapes of 64 x 64 pixels with their masks (core/data/shapes.py), each part drawn for a seed of its own
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from core.data.shapes import SHAPES, shapes
from core.errors import ExplainerError, one_of
from core.rng import generator, numpy_generator

SETS = ("digits", "shapes")
PARTS = ("train", "test")
TEST_DIGITS = 400
SHAPES_OF = {"train": 1500, "test": 240}


@dataclass(frozen=True, eq=False)
class Labelled:
    """`x` in 0..1, `y` into `classes`; `masks` True on the shape, None where no right answer to "where" is known."""

    x: Float[np.ndarray, "N C H W"]
    y: Int[np.ndarray, "N"]
    classes: tuple[str, ...]
    masks: Bool[np.ndarray, "N H W"] | None = None


@lru_cache(maxsize=8)
def small_pictures(name: str, part: str, count: int = 0) -> Labelled:
    """The first `count` pictures of a part (0: all of them).

    Raises:
        ExplainerError: set or part is unknown, or the part holds fewer pictures.
    """
    if name not in SETS:
        raise ExplainerError(f"the pictures {name!r} are unknown; choose {one_of(SETS)}")
    if part not in PARTS:
        raise ExplainerError(f"the part {part!r} is unknown; choose {one_of(PARTS)}")
    found = _digits(part) if name == "digits" else _shapes(part)
    if count > len(found.y):
        raise ExplainerError(f"{count} pictures are more than the {len(found.y)} of this part; try {len(found.y)}")
    n = count or len(found.y)
    return Labelled(found.x[:n], found.y[:n], found.classes, None if found.masks is None else found.masks[:n])


def _digits(part: str) -> Labelled:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    found = load_digits()
    order = numpy_generator(0, "small pictures", "digits").permutation(len(found.target))
    rows = order[:TEST_DIGITS] if part == "test" else order[TEST_DIGITS:]
    x = (found.images[rows, None] / 16).astype(np.float32)
    return Labelled(x, found.target[rows].astype(np.int64), tuple("0123456789"))


@lru_cache(maxsize=2)
def _shapes(part: str) -> Labelled:
    drawn = shapes(SHAPES_OF[part], generator(0, "small pictures", part))
    return Labelled(drawn.images, drawn.labels, SHAPES, drawn.masks)
