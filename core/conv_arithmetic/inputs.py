"""The pictures that are convolved: digits, shapes, patches of photographs, and typed or drawn matrices.

Digits are scikit-learn's 8 x 8 cells of 0 to 16 (E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI 1998); the
photographs are scikit-learn's sample images, each cell the mean of a block of pixels, rounded to 0 to 255. Shapes are drawn with
9 on 0, so that sums can be done in the head.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.conv_arithmetic.kernels import parse, to_text
from core.conv_arithmetic.spec import SHAPES, ConvArithmeticSpec
from core.errors import ExplainerError

BRIGHT, BLOCK, MOST_CELLS, MOST_CHANNELS = 9.0, 16, 16, 4
PAD_CELLS = 12
DIGITS = (
    "005d9100 00dfaf50 03f20b80 04c00880 05800980 04b01c70 02e5ac00 006da000",
    "000cd500 000bg900 003fg600 07fgg200 001gg300 001gg600 001gg600 000bga00",
    "0004fc00 003gfe00 008d8g00 0016fb00 018df100 09gg5000 03dggb50 0003bg90",
    "007fd100 08d6f400 021dd000 002fb100 0001cc10 00001a80 00845e90 007dd900",
    "0001b000 00078000 001d6220 007f0980 05ga0g60 04fgdg10 0003fa00 0002g400",
    "00ca0000 00egge00 00dgfa10 00bgg700 00047g70 00004g90 0054cg40 009gga00",
    "000cd000 005g8000 00dg3000 00ed0000 00fc7200 00dgdg30 007gbf80 0019fb30",
    "0078dgf1 00774bc0 00008d10 0488ff60 02bff400 000g5000 009f1000 00d50000",
    "009e8100 00ceec00 009a0f40 003gce20 004gg200 03g8ad20 01f13g80 00bgfb10",
    "00bc0000 02gggd00 03gcae00 01g1cf00 00dg9f20 000309b0 00009f40 009cd300",
)  # the first of each kind, one character a cell: 0 to 9, a to g for 10 to 16


def picture(spec: ConvArithmeticSpec) -> np.ndarray:
    """(channel, height, width); for a 1-D convolution one row from the middle.

    Raises:
        ExplainerError: the typed matrix cannot be read, or is too large.
    """
    whole = _MAKERS[spec.picture](spec)
    if spec.kind in ("line", "causal"):
        middle = whole.shape[1] // 2
        return whole[:, middle : middle + 1]
    return whole


def _digits(spec: ConvArithmeticSpec) -> np.ndarray:
    return np.stack([digit((spec.digit + c) % 10) for c in range(spec.channels)])


def digit(kind: int) -> np.ndarray:
    """The first of its kind in the data set: (8, 8)."""
    return np.array([[int(cell, 17) for cell in row] for row in DIGITS[kind].split()], float)


def _shapes(spec: ConvArithmeticSpec) -> np.ndarray:
    names = list(SHAPES)
    first = names.index(spec.shape)
    return np.stack([shape(names[(first + c) % len(names)], spec.size) for c in range(spec.channels)])


def shape(name: str, n: int) -> np.ndarray:
    """A shape of `n` x `n` cells, 9 on 0."""
    row, column = np.mgrid[:n, :n]
    y, x = row - (n - 1) / 2, column - (n - 1) / 2
    reach = n / 3
    match name:
        case "square":
            inside = np.maximum(np.abs(x), np.abs(y)) < reach
        case "disc":
            inside = x**2 + y**2 < reach**2 + 0.25
        case "cross":
            inside = np.minimum(np.abs(x), np.abs(y)) < max(n / 8, 0.6)
        case "stripes":
            inside = (row + column) % 4 < 2
        case "ramp":
            return np.round(BRIGHT * column / (n - 1))
        case "checks":
            inside = (row + column) % 2 == 0
        case _:
            inside = (row == n // 2) & (column == n // 2)
    return BRIGHT * inside


def _photo(spec: ConvArithmeticSpec) -> np.ndarray:
    whole = photograph(spec.photo)
    side = BLOCK * spec.size
    top, left = (round(place * (n - side)) for place, n in zip((spec.down, spec.across), whole.shape, strict=False))
    patch = whole[top : top + side, left : left + side]
    cells = patch.reshape(spec.size, BLOCK, spec.size, BLOCK, 3).mean((1, 3))
    grey = cells.mean(2, keepdims=True)
    channels = grey if spec.channels == 1 else np.concatenate([cells, grey], axis=2)[:, :, : spec.channels]
    return np.round(channels.transpose(2, 0, 1))


@lru_cache(maxsize=2)
def photograph(name: str) -> np.ndarray:
    """(height, width, 3), 0 to 255."""
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).astype(float)


def _typed(spec: ConvArithmeticSpec) -> np.ndarray:
    array = parse(spec.cells, "picture")
    if max(array.shape[1:]) > MOST_CELLS or len(array) > MOST_CHANNELS:
        raise ExplainerError(
            f"a picture of {len(array)} channels of {array.shape[1]} × {array.shape[2]} cells is too large to be shown cell by cell; "
            f"at most {MOST_CHANNELS} channels of {MOST_CELLS} × {MOST_CELLS}"
        )
    return array


def drawn(ink: np.ndarray) -> str:
    """A drawing (0 to 1, square) as the text of a matrix of 12 x 12 cells from 0 to 9."""
    at = np.arange(len(ink)) * PAD_CELLS // len(ink)
    totals, counts = np.zeros((PAD_CELLS, PAD_CELLS)), np.zeros((PAD_CELLS, PAD_CELLS))
    np.add.at(totals, (at[:, None], at), ink)
    np.add.at(counts, (at[:, None], at), 1)
    return to_text(np.round(BRIGHT * totals / counts))


_MAKERS = {"digit": _digits, "shape": _shapes, "photo": _photo, "matrix": _typed}
