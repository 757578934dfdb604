"""Buttons that change a page's settings: what they do is a function of the Spec that gives the new settings, or refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.contracts import Spec
from core.errors import ExplainerError
from pages._ui import controls

Action = Callable[..., Mapping[str, Any]]


def act(spec: Spec, action: Action, *given: Any) -> None:
    """In a callback: change the settings to what `action(spec, *given)` says; if it refuses, `refused` says why."""
    try:
        controls.change(type(spec), **action(spec, *given))
    except ExplainerError as problem:
        st.session_state[f"{spec.SLUG}:problem"] = str(problem)


def follow(spec: Spec, action: Action, *given: Any) -> None:
    """Anywhere on the page, for parameters without a widget: as `act`, and draw the page anew unless nothing changes."""
    try:
        settings = action(spec, *given)
    except ExplainerError as problem:
        st.session_state[f"{spec.SLUG}:problem"] = str(problem)
        st.rerun()
    if any(getattr(spec, name) != value for name, value in settings.items()):
        controls.change(type(spec), **settings)
        st.rerun()


def button(spec: Spec, words: str, action: Action, *given: Any, **more: Any) -> None:
    """A button that acts; `more` goes to st.button."""
    st.button(words, key=f"{spec.SLUG}:{words}", on_click=act, args=(spec, action, *given), **more)


def refused(spec: Spec) -> None:
    """Why the last action was refused, once."""
    if problem := st.session_state.pop(f"{spec.SLUG}:problem", None):
        st.error(problem, icon=":material/edit_note:")
