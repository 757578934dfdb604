"""The frame that all explainers share: title, tour, the four tabs, presets and sharing above the picture, prose below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import streamlit as st

from core.contracts import Spec
from pages._ui import controls, frame
from pages._ui.tour import tour


def show(
    about: ModuleType,
    picture: Callable[[Any], None],
    note: str,
    *,
    beside: Sequence[str] = (),
    take_home: Callable[[Any], None] | None = None,
) -> None:
    """Run the page of an explainer.

    `about` is its core package (SPEC, EXAMPLES, TOUR, worked, script); `picture(spec)` draws the Picture tab: controls,
    figures, lenses, questions. `note` says what the script in the Code tab does. `beside` names the parameters that
    stand beside the presets; `take_home(spec)` draws further downloads into the Code tab.
    """
    spec: Spec = controls.read(about.SPEC)
    slug = spec.SLUG
    frame.header(slug)
    tour(about.SPEC, about.TOUR)
    tabs = frame.tabs(slug)
    if tabs["Picture"].open:
        with tabs["Picture"]:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                controls.presets(about.SPEC, about.EXAMPLES, spec)
                controls.draw(spec, beside)
                controls.share(spec)
            with frame.plainly():
                picture(spec)
            frame.explain(frame.prose(slug)["What to see"])
    if take_home is not None and "Code" in tabs and tabs["Code"].open:
        with tabs["Code"], frame.plainly():
            take_home(spec)
    frame.other_tabs(slug, tabs, lambda: about.worked(spec), lambda: about.script(spec), note)
