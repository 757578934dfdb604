"""The visitor's own picture or text on a page: brought, photographed, drawn or pasted. The page's Spec keeps its key in `own`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from core.contracts import Spec
from core.data.images import from_ink
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
    return None if ink is None else from_ink(ink)


def follow(spec: Spec, pixels: np.ndarray | None, **fresh: int) -> None:
    """Let the Spec's `own` be the key of this picture; with another picture, `fresh` settings. A key from elsewhere's link is dropped."""
    key = "" if pixels is None else keep(pixels)
    if key != spec.own:
        controls.change(type(spec), own=key, **fresh)
        st.rerun()


def pasted(spec: Spec, keep_text: Callable[[bytes], str], **fresh: Any) -> None:
    """A text that the visitor pastes: `keep_text` gives its key, or raises ExplainerError; with another text, `fresh` settings."""
    text = st.text_area(
        "Paste a text of your own", key=f"{spec.SLUG}:pasted", height=160, max_chars=400_000,
        help="At least 600 characters; the more the better, up to 200,000",
    )  # fmt: skip
    if text:
        with frame.plainly():
            key = keep_text(text.encode("utf-8", "replace"))
            if key != spec.own:
                controls.change(type(spec), own=key, **fresh)
                st.rerun()
