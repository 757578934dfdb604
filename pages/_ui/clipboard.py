"""A button that copies the page's link, with or without the teacher's `focus=1`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent / "components"
_BUTTON = st.components.v2.component(
    "glassnet_copy_link",
    html="<button type='button'></button><span role='status'></span>",
    css=(_HERE / "clipboard.css").read_text(),
    js=(_HERE / "clipboard.js").read_text(),
)


def copy_link(label: str, *, key: str, focus: bool = False) -> None:
    """Draw the button; the link is read from the browser's address bar when it is pressed."""
    _BUTTON(key=key, data={"label": label, "focus": focus})
