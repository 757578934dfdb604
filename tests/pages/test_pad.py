"""The pad's drawing, and whatever else a browser might send in its place."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.errors import ExplainerError
from pages._ui.pad import PREFIX, decode_drawing


def data_url(image: Image.Image, kind: str = "PNG") -> str:
    file = io.BytesIO()
    image.save(file, kind)
    return PREFIX + base64.b64encode(file.getvalue()).decode()


def test_ink_is_the_opacity_whatever_its_colour():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[1, 2] = [10, 200, 30, 255]
    pixels[3, 0] = [255, 255, 255, 51]
    ink = decode_drawing(data_url(Image.fromarray(pixels, "RGBA")), 4)
    expected = np.zeros((4, 4))
    expected[1, 2], expected[3, 0] = 1.0, 0.2
    np.testing.assert_allclose(ink, expected, atol=1e-12)


WHOLE = data_url(Image.new("RGBA", (8, 8)))
BAD = {
    "another size": (data_url(Image.new("RGBA", (9, 8))), "9 x 8"),
    "no opacity": (data_url(Image.new("RGB", (8, 8))), "RGB"),
    "a giant": (data_url(Image.new("1", (20_000, 20_000))), "20000|damaged"),
    "not PNG": (data_url(Image.new("RGB", (8, 8)), "GIF"), "damaged"),
    "cut short": (WHOLE[:60], "damaged"),
    "not base64": (PREFIX + "§$%", "damaged"),
    "empty": (PREFIX, "damaged"),
    "an address": ("http://example.org/x.png", "not a drawing"),
    "too long": (PREFIX + "A" * 2_000_000, "not a drawing"),
    "a number": (7, "not a drawing"),
    "a list": ([WHOLE], "not a drawing"),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused_in_words(name):
    png, words = BAD[name]
    with pytest.raises(ExplainerError, match=words):
        decode_drawing(png, 8)
