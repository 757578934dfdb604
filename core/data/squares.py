"""Pictures of any size as equal squares: the middle of each, made smaller or larger.

Made smaller, each new pixel is a weighted mean over all pixels that it covers (Pillow's bilinear filter, widened by the scale).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def square(picture: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """The largest square in the middle of a picture, `size` pixels wide."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, box=box))


def squares(pictures: Sequence[np.ndarray], size: int) -> UInt8[np.ndarray, "N size size 3"]:
    """All pictures, each as `square` gives it."""
    return np.stack([square(picture, size) for picture in pictures])
