"""Kernels by name, of any size: identity, blurs, Sobel, Laplacian, sharpen, emboss, Gabor, random, and the visitor's own.

With b_n the binomial row of n numbers (1 2 1 for n = 3), a close relative of the Gaussian of variance (n - 1) / 4:

    gaussian      b_h b_w^T / (sum b_h sum b_w)
    sobel_x       b_h d_w^T,  d_n = b_(n-1) * (-1, 1)      (3: -1 0 1)
    laplacian     e_h c_w^T + c_h e_w^T,  c_n = b_(n-2) * (1, -2, 1),  e_n the unit at the middle
    sharpen       identity - laplacian
    emboss        identity + (i - middle) + (j - middle)
    gabor         exp(-(x'^2 + y'^2 / 4) / 2 sigma^2) cos(2 pi x' / lambda), less its mean; lambda = (k + 1) / 2, sigma = 0.56 lambda

Sources: I. Sobel, G. Feldman, An isotropic 3 x 3 image gradient operator, 1968; D. Gabor, Theory of communication, 1946, and
J. Daugman, JOSA A 2, 1985 (in two dimensions); G. Bradski, OpenCV, 2000 (Sobel of other sizes).
"""

from __future__ import annotations

from math import comb

import numpy as np

from core.conv_arithmetic.spec import ConvArithmeticSpec
from core.errors import ExplainerError
from core.rng import numpy_generator


def filters_of(spec: ConvArithmeticSpec, shape: tuple[int, int, int, int]) -> np.ndarray:
    """The kernel of four axes: filter number o is the preset turned o times; for a transposed convolution the axes change place.

    `shape` is (filters, channels that each of them sees, height, width).

    Raises:
        ExplainerError: the preset cannot have this size, or the visitor's own numbers cannot be read.
    """
    filters, seen, height, width = shape
    if spec.kernel == "random":
        scale = np.sqrt(2 / (seen * height * width))
        return np.round(numpy_generator(spec.seed, "kernel").normal(scale=scale, size=shape), 3)
    turned = [_turned(spec, height, width, o, filters) for o in range(filters)]
    return np.repeat(np.stack(turned)[:, None], seen, axis=1)


def _turned(spec: ConvArithmeticSpec, height: int, width: int, o: int, filters: int) -> np.ndarray:
    if spec.kernel == "gabor":
        return gabor(height, width, spec.angle + 180 * o / filters)
    kernel = named(spec, height, width)
    if height == width:
        return np.rot90(kernel, o)
    return kernel[::-1, ::-1] if o % 2 else kernel


def named(spec: ConvArithmeticSpec, height: int, width: int) -> np.ndarray:
    """One preset of `height` x `width`."""
    match spec.kernel:
        case "own":
            return own(spec.weights, height, width)
        case "identity":
            return _unit(height)[:, None] * _unit(width)
        case "box":
            return np.full((height, width), 1 / (height * width))
        case "gaussian":
            rows, columns = _binomial(height), _binomial(width)
            return rows[:, None] * columns / (rows.sum() * columns.sum())
        case "sobel_x":
            return _binomial(height)[:, None] * _slope(width)
        case "sobel_y":
            return _slope(height)[:, None] * _binomial(width)
        case "laplacian":
            return _laplacian(height, width)
        case "sharpen":
            return _unit(height)[:, None] * _unit(width) - _laplacian(height, width)
    return _unit(height)[:, None] * _unit(width) + _ramp(height)[:, None] + _ramp(width)  # emboss


def gabor(height: int, width: int, degrees: float) -> np.ndarray:
    """Stripes under a Gaussian; at 0 degrees they stand upright and answer to upright edges."""
    wavelength = (max(height, width) + 1) / 2
    sigma, angle = 0.56 * wavelength, np.deg2rad(degrees)
    y, x = _ramp(height)[:, None], _ramp(width)
    along, beside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave = np.exp(-(along**2 + beside**2 / 4) / (2 * sigma**2)) * np.cos(2 * np.pi * along / wavelength)
    return wave - wave.mean()


def own(text: str, height: int, width: int) -> np.ndarray:
    """The visitor's numbers, cut or filled up with zeros to `height` x `width`."""
    rows = parse(text, "kernel")[0]
    kernel = np.zeros((height, width))
    kernel[: len(rows), : len(rows[0])] = rows[:height, :width]
    return kernel


def parse(text: str, name: str) -> np.ndarray:
    """ "1 2 / 3 4; 5 6 / 7 8" as an array (channel, row, column).

    Raises:
        ExplainerError: a word is no number, or rows differ in length.
    """
    channels = [[row.replace(",", " ").split() for row in part.split("/")] for part in text.split(";")]
    sizes = {len(row) for rows in channels for row in rows}
    if len(sizes) != 1 or sizes == {0} or len({len(rows) for rows in channels}) != 1:
        raise ExplainerError(
            f"the {name} {text[:40]!r} has rows of different length; write rows of equal length with / between them, such as 1 0 / 0 1"
        )
    try:
        array = np.array(channels, dtype=float)
    except ValueError:
        raise ExplainerError(
            f"the {name} {text[:40]!r} holds a word that is no number; write it like 1 0 -1 / 2 0 -2"
        ) from None
    if not (np.abs(array) <= 1e6).all():
        raise ExplainerError(f"the {name} {text[:40]!r} holds a number beyond a million; write smaller ones")
    return array


def to_text(rows: np.ndarray) -> str:
    """The text that `parse` reads back: (row, column) or (channel, row, column)."""
    channels = rows if np.ndim(rows) == 3 else [rows]
    return "; ".join(" / ".join(" ".join(f"{v + 0.0:g}" for v in row) for row in part) for part in channels)


def _binomial(n: int) -> np.ndarray:
    return np.array([comb(n - 1, i) for i in range(n)], float)


def _unit(n: int) -> np.ndarray:
    return (np.arange(n) == (n - 1) // 2).astype(float)


def _ramp(n: int) -> np.ndarray:
    return np.arange(n) - (n - 1) / 2


def _slope(n: int) -> np.ndarray:
    if n < 2:
        raise ExplainerError(
            "Sobel compares neighbours, so its kernel needs 2 cells or more in that direction; try size 3"
        )
    return np.convolve(_binomial(n - 1), [-1, 1])


def _laplacian(height: int, width: int) -> np.ndarray:
    """Second differences along every axis that has 3 cells or more."""
    if max(height, width) < 3:
        raise ExplainerError("second differences need 3 cells or more in a row; try kernel size 3")
    total = np.zeros((height, width))
    if width >= 3:
        total += _unit(height)[:, None] * np.convolve(_binomial(width - 2), [1, -2, 1])
    if height >= 3:
        total += np.convolve(_binomial(height - 2), [1, -2, 1])[:, None] * _unit(width)
    return total
