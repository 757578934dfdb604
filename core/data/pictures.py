"""Pictures that need no download: photographs of scikit-learn and matplotlib, digits, and shapes; and how to fit one to a network.

A picture is a float array (channels, height, width) in 0..1, with its name, its source and its licence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from core.data.shapes import SHAPES, shapes
from core.errors import ExplainerError, one_of
from core.rng import generator

Pixels = Float[np.ndarray, "C H W"]
GREY = np.array([0.299, 0.587, 0.114])  # luma of red, green and blue: ITU-R BT.601, section 2.5.1
SKLEARN = "scikit-learn, sklearn.datasets.load_sample_image"


@dataclass(frozen=True)
class Bundled:
    """What is known of a picture before it is read."""

    name: str
    title: str
    source: str
    licence: str
    read: Callable[[], tuple[np.ndarray, np.ndarray | None]]  # pixels, and the mask of a planted shape


@dataclass(frozen=True, eq=False)
class Picture:
    """`pixels` in 0..1; `mask` is True on the planted shape, None where no right answer is known."""

    name: str
    title: str
    source: str
    licence: str
    pixels: Pixels
    mask: Bool[np.ndarray, "H W"] | None = None


def picture(name: str) -> Picture:
    """The bundled picture of that name.

    Raises:
        ExplainerError: no picture has that name.
    """
    known = bundled()
    if name not in known:
        raise ExplainerError(f"the picture {name!r} is unknown; choose {one_of(known)}")
    return _read(name)


@cache
def bundled() -> Mapping[str, Bundled]:
    """Name -> what is known of it, for every picture that is on this computer. Nothing is read yet."""
    photographs = [
        Bundled("flower", "Flower", f"{SKLEARN}; photograph by vultilion, Flickr", "CC BY 2.0", partial(_sklearn, "flower.jpg")),
        Bundled("china", "Summer Palace", f"{SKLEARN}; photograph by danielbuechele, Flickr", "CC BY 2.0", partial(_sklearn, "china.jpg")),
    ]  # fmt: skip
    if find_spec("matplotlib"):
        photographs.append(
            Bundled("grace_hopper", "Grace Hopper", "matplotlib sample data; photograph by James S. Davis, U.S. Navy, 1984", "public domain", _hopper)
        )  # fmt: skip
    digits = [
        Bundled(f"digit_{d}", f"Digit {d}", "scikit-learn, sklearn.datasets.load_digits (UCI, Alpaydin and Kaynak, 1998)", "CC BY 4.0", partial(_digit, d))
        for d in range(10)
    ]  # fmt: skip
    planted = [
        Bundled(f"shape_{name}", name.capitalize(), "drawn by Glassnet", "same as Glassnet", partial(_shape, name))
        for name in SHAPES
    ]
    return MappingProxyType({b.name: b for b in (*photographs, *digits, *planted)})


@cache
def _read(name: str) -> Picture:
    known = bundled()[name]
    pixels, mask = known.read()
    pixels.flags.writeable = False  # shared by all threads
    return Picture(known.name, known.title, known.source, known.licence, pixels, mask)


def _sklearn(file: str) -> tuple[np.ndarray, None]:
    from sklearn.datasets import load_sample_image  # here, for scikit-learn takes a second to import

    return fractions(load_sample_image(file)), None


def _hopper() -> tuple[np.ndarray, None]:
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file, Image.open(file) as image:
        return fractions(np.asarray(image.convert("RGB"))), None


def _digit(digit: int) -> tuple[np.ndarray, None]:
    """The first of scikit-learn's pictures of that digit, 8 x 8."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    first = np.flatnonzero(digits.target == digit)[0]
    return (digits.images[first][None] / 16).astype(np.float32), None


def _shape(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The first picture with that shape of a fixed draw, 64 x 64."""
    drawn = shapes(32, generator(0, "bundled pictures"))
    first = np.flatnonzero(drawn.labels == SHAPES.index(name))[0]
    return drawn.images[first].copy(), drawn.masks[first]


def fractions(pixels: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "3 H W"]:
    """8-bit RGB as (3, height, width) in 0..1."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / 255


def fitted(pixels: Pixels, shape: tuple[int, int, int]) -> Float[np.ndarray, "channels height width"]:
    """The middle square of a picture, with the channels and the size of `shape` (channels, height, width), in 0..1.

    Colour becomes grey by Y = 0.299 R + 0.587 G + 0.114 B; grey becomes three equal channels. Made smaller, each new pixel is a
    weighted mean over all old pixels that it covers (bilinear, widened by the scale), so that nothing is skipped.

    Raises:
        ExplainerError: either has neither 1 nor 3 channels.
    """
    channels, height, width = shape
    if not {len(pixels), channels} <= {1, 3}:
        raise ExplainerError(f"{len(pixels)} channels cannot become {channels}; pictures have 1 (grey) or 3 (RGB)")
    if len(pixels) == 3 and channels == 1:
        pixels = np.tensordot(GREY, pixels, axes=1)[None]
    plane = [_resized(channel, height, width) for channel in _middle(pixels, height / width)]
    return np.clip(np.stack(plane * (channels // len(plane))), 0, 1)


def _middle(pixels: np.ndarray, ratio: float) -> np.ndarray:
    """The largest part in the middle whose height is `ratio` times its width."""
    _, H, W = pixels.shape
    h, w = min(H, max(1, round(W * ratio))), min(W, max(1, round(H / ratio)))
    top, left = (H - h) // 2, (W - w) // 2
    return pixels[:, top : top + h, left : left + w]


def _resized(channel: np.ndarray, height: int, width: int) -> np.ndarray:
    image = Image.fromarray(np.asarray(channel, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
