"""The visitor's own picture on a page of networks: brought, photographed or drawn. The page's Spec keeps its key in `own`."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.contracts import Spec
from core.data.own import keep
from pages._ui import controls, frame
from pages._ui.pad import drawing_pad
from pages._ui.uploads import own_picture


def popover(slug: str, pad: str = "") -> np.ndarray | None:
    """(height, width, 3) bytes of what the visitor brought or, with a `pad` to draw on (its label), drew; None where there is neither."""
    if frame.focused():
        return None
    with st.popover("Your own picture", icon=":material/add_a_photo:"):
        brought = own_picture(key=f"{slug}:own", longest=512)
        ink = drawing_pad(key=f"{slug}:pad", label=pad) if pad else None
    if brought is not None:
        return brought.pixels
    return None if ink is None else drawn(ink)


def drawn(ink: np.ndarray) -> np.ndarray:
    """Ink (height, width), 0 paper to 1 ink, as a picture of bytes (height, width, 3): light on dark, as the digits are."""
    return np.repeat(np.rint(255 * ink).astype(np.uint8)[:, :, None], 3, 2)


def follow(spec: Spec, pixels: np.ndarray | None, **fresh: int) -> None:
    """Let the Spec's `own` be the key of this picture; with another picture, `fresh` settings. A key from elsewhere's link is dropped."""
    key = "" if pixels is None else keep(pixels)
    if key != spec.own:
        controls.change(type(spec), own=key, **fresh)
        st.rerun()
