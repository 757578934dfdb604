"""Real handwritten digits, and a drawing made into one of them.

scikit-learn holds 1,797 digits of 13 people: the test part of the UCI set "Optical Recognition of Handwritten Digits"
(E. Alpaydin, C. Kaynak, "Cascading classifiers", Kybernetika 34, 1998). Its description: NIST's programs made a black
and white picture of 32 x 32 pixels of each digit; it is cut into blocks of 4 x 4, and the pixels with ink are counted:

    image[r, c] = sum_{i, j < 4} B[4 r + i, 4 c + j]  in 0..16,    B in {0, 1}, shape (32, 32)

NIST's programs (M. D. Garris et al., "NIST form-based handprint recognition system", NISTIR 5469, 1994) take the slant
out, stretch the ink to 20 x 32 pixels in the middle of the 32 x 32, and even out the width of the stroke. `to_digit` does
the same three things to a drawing in its own way, so its digits are close to the set's, but not made by the same program.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int

from core.errors import ExplainerError
from core.rng import numpy_generator

Images = Float[np.ndarray, "N 8 8"]
Labels = Int[np.ndarray, "N"]
Rows = Int[np.ndarray, "_"]
Ink = Bool[np.ndarray, "_ _"]
Drawing = Float[np.ndarray, "n n"]
Image = Float[np.ndarray, "8 8"]
Overlap = Float[np.ndarray, "m n"]

TEST_SHARE = 0.25
BOX, WIDTH, BLOCK = 32, 20, 4  # pixels: the picture, the ink in it, the block that is counted
STRETCH = 2.0  # a drawn 1 is a line: more would make it a slab
LIGHT, HEAVY = 0.25, 0.36  # share of the box that is ink; in the data set nine digits in ten lie near 0.3


@dataclass(frozen=True, eq=False)
class Digits:
    """`images` in 0..16 and their `labels` 0..9, and the rows that are for training and for the test."""

    images: Images
    labels: Labels
    train: Rows
    test: Rows


@cache
def load() -> tuple[Images, Labels]:
    """All digits: images (1797, 8, 8) in 0..16, labels (1797,)."""
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    digits = load_digits()
    images, labels = digits.images.astype(np.float64), digits.target.astype(np.int64)
    images.flags.writeable = labels.flags.writeable = False  # shared by all threads
    return images, labels


def split(seed: int) -> Digits:
    """A quarter of each digit's pictures is kept for the test; which ones, depends on the seed alone."""
    images, labels = load()
    shuffled = numpy_generator(seed, "split").permutation(len(labels))
    by_digit = [shuffled[labels[shuffled] == digit] for digit in range(10)]
    cuts = [round(TEST_SHARE * len(rows)) for rows in by_digit]
    test = np.concatenate([rows[:cut] for rows, cut in zip(by_digit, cuts, strict=True)])
    train = np.concatenate([rows[cut:] for rows, cut in zip(by_digit, cuts, strict=True)])
    return Digits(images, labels, np.sort(train), np.sort(test))


def to_digit(drawing: Drawing) -> Image:
    """A drawing (0 = paper, 1 = ink) as a picture of the data set.

    Raises:
        ExplainerError: there is no ink, or the drawing is not made of numbers in 0 to 1.
    """
    if not np.all((drawing >= 0) & (drawing <= 1)):  # also refuses NaN
        raise ExplainerError("a drawing is made of numbers from 0 (paper) to 1 (ink)")
    ink = drawing > 0.5
    if not ink.any():
        raise ExplainerError("the pad is empty; draw one digit, as large as you like")
    box = even_stroke(centre(stretch(crop(upright(ink)))))
    return box.reshape(8, BLOCK, 8, BLOCK).sum(axis=(1, 3)).astype(np.float64)


def upright(ink: Ink) -> Ink:
    """Shift every row sideways so that the ink leans neither way: cov(x, y) / var(y) becomes 0."""
    y, x = np.nonzero(ink)
    slant = np.cov(x, y, bias=True)[0, 1] / max(np.var(y), 1.0)  # a flat line has no slant
    shift = -np.rint(slant * (y - y.mean())).astype(int)
    x = x + shift
    straight = np.zeros((ink.shape[0], np.ptp(x) + 1), bool)
    straight[y, x - x.min()] = True
    return straight


def crop(ink: Ink) -> Ink:
    """The smallest rectangle that holds all ink."""
    rows, columns = np.nonzero(ink.any(axis=1))[0], np.nonzero(ink.any(axis=0))[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stretch(ink: Ink) -> Ink:
    """The ink at 20 x 32 pixels, or less in one direction where that would stretch it more than twice as much."""
    h, w = ink.shape
    down, across = BOX / h, WIDTH / w
    height = max(1, round(h * min(down, STRETCH * across)))
    width = max(1, round(w * min(across, STRETCH * down)))
    return overlap(h, height) @ ink @ overlap(w, width).T >= 0.5


def overlap(n: int, m: int) -> Overlap:
    """R[i, j]: the share of new pixel i that old pixel j covers, when n pixels become m. Each row sums to 1."""
    edges = np.linspace(0, n, m + 1)
    left = np.maximum(edges[:-1, None], np.arange(n))
    right = np.minimum(edges[1:, None], np.arange(n) + 1)
    return np.maximum(right - left, 0) * m / n


def centre(ink: Ink) -> Ink:
    """The ink in the middle of 32 x 32 pixels."""
    (h, w), box = ink.shape, np.zeros((BOX, BOX), bool)
    top, left = (BOX - h) // 2, (BOX - w) // 2
    box[top : top + h, left : left + w] = ink
    return box


def even_stroke(box: Ink) -> Ink:
    """Thicken or thin the stroke, a pixel at a time, until its ink is near the data set's."""
    while box.mean() < LIGHT:
        box = thicken(box)
    while box.mean() > HEAVY and thin(box).mean() >= LIGHT:
        box = thin(box)
    return box


def thicken(box: Ink) -> Ink:
    """Ink, and the four neighbours of ink."""
    p = np.pad(box, 1)
    return box | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]


def thin(box: Ink) -> Ink:
    """Ink whose four neighbours are ink; what lies outside the box counts as ink."""
    return ~thicken(~box)
