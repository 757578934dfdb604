"""A pad to draw on. What comes back is ink: 0 where the pad is empty, 1 where it is fully covered."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, UnidentifiedImageError

from core.errors import ExplainerError
from pages._ui.mount import component

PREFIX = "data:image/png;base64,"
MAX_CHARACTERS = 1_500_000  # a scribbled-over pad of 800 x 800 takes a tenth of this
_HTML = """
<div class="pad">
  <canvas tabindex="0" role="img" aria-describedby="help"></canvas>
  <div class="row"><button type="button" class="undo">Undo</button><button type="button" class="clear">Clear</button></div>
  <p id="help">Draw with mouse, pen or finger. With the keyboard: arrows move, space lifts and lowers the pen.</p>
</div>
"""
_PAD = component("pad", _HTML)


def drawing_pad(*, key: str, label: str, size: int = 280) -> np.ndarray | None:
    """Draw the pad. Returns the ink as a float array of shape (size, size), None while the pad is empty.

    Raises:
        ExplainerError: the browser sent something that is no drawing of this pad.
    """
    drawn = (st.session_state.get(key) or {}).get("png")
    data = {"size": size, "label": label, "png": drawn if isinstance(drawn, str) else None}
    png = _PAD(key=key, data=data, on_png_change=_nothing).png
    return None if png is None else decode_drawing(png, size)


def _nothing() -> None:
    """Streamlit wants a callback for every state that it should report."""


def decode_drawing(png: Any, size: int) -> np.ndarray:
    """The opacity of a PNG data URL of `size` x `size` pixels, in 0 to 1.

    Raises:
        ExplainerError: it is too large, no PNG, or of another size; nothing is unpacked before that is known.
    """
    if not isinstance(png, str) or not png.startswith(PREFIX) or len(png) > MAX_CHARACTERS:
        raise ExplainerError("the pad sent something that is not a drawing; clear the pad and draw again")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(png[len(PREFIX) :], validate=True)), formats=["PNG"])
        if image.size != (size, size) or image.mode != "RGBA":
            raise ExplainerError(
                f"the drawing is {image.width} x {image.height} ({image.mode}); the pad is {size} x {size}"
            )
        return np.asarray(image.getchannel("A"), np.float64) / 255
    except (
        binascii.Error,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as problem:
        if isinstance(problem, ExplainerError):
            raise
        raise ExplainerError("the drawing arrived damaged; clear the pad and draw again") from None
