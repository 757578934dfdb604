"""The transport bar: play, pause, step, jump and speed for every chart that names the same film."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from xml.etree import ElementTree

import streamlit as st
from latex2mathml import converter

from core.contracts import Step
from pages._ui.mount import component

_HTML = """
<div class="bar" role="group">
  <div class="buttons">
    <button type="button" data-do="first" aria-label="First step" title="First step (Home)">
      <svg viewBox="0 0 20 20"><path d="M5 4v12M15 4l-7 6 7 6z"/></svg></button>
    <button type="button" data-do="back" aria-label="One step back" title="One step back (left arrow)">
      <svg viewBox="0 0 20 20"><path d="M13 4l-7 6 7 6z"/></svg></button>
    <button type="button" data-do="play" aria-label="Play" title="Play or pause (space)">
      <svg viewBox="0 0 20 20"><path class="play" d="M6 3.5l10 6.5-10 6.5z"/><path class="pause" d="M6 4h3v12H6zM12 4h3v12h-3z"/></svg></button>
    <button type="button" data-do="next" aria-label="One step on" title="One step on (right arrow)">
      <svg viewBox="0 0 20 20"><path d="M7 4l7 6-7 6z"/></svg></button>
    <button type="button" data-do="last" aria-label="Last step" title="Last step (End)">
      <svg viewBox="0 0 20 20"><path d="M15 4v12M5 4l7 6-7 6z"/></svg></button>
  </div>
  <input type="range" min="0" step="1" aria-label="Step">
  <select aria-label="Speed" title="Speed">
    <option value="0.25">¼×</option><option value="0.5">½×</option><option value="1" selected>1×</option>
    <option value="2">2×</option><option value="4">4×</option><option value="8">8×</option>
  </select>
  <div class="where"></div>
</div>
<div class="caption" aria-live="polite"></div>
"""
_BAR = component("transport", _HTML)
_DECIMAL = re.compile(r"\d+\.\d+")
_MATHML = "{http://www.w3.org/1998/Math/MathML}"


def transport(film: str, steps: Sequence[Step], *, key: str, at: int = 0) -> int:
    """Draw the bar and the caption of the step at which the film stands. Returns the step at which the user rested.

    A new `at` (from a link, a preset, a changed formula) moves the film there. Scrubbing asks the server nothing; the
    position is reported once the film has rested for 0.4 s.
    """
    if not steps:
        return 0
    at = max(0, min(at, len(steps) - 1))
    serial = _serial(key, at)
    data = {
        "film": film,
        "at": at,
        "serial": serial,
        "steps": [{"title": s.title, "text": s.text, "math": [mathml(formula) for formula in s.latex]} for s in steps],
    }
    rested = _BAR(key=key, data=data, on_rested_change=_nothing).rested
    if rested and rested["serial"] == serial:  # a later `at` from Python overrules where the user had stopped
        return max(0, min(int(rested["step"]), len(steps) - 1))
    return at


def _nothing() -> None:
    """Streamlit wants a callback for every state that it should report."""


def _serial(key: str, at: int) -> int:
    """How often `at` has changed: the browser follows `at` only when this number grows."""
    last, serial = st.session_state.get(f"{key}:given", (at, 0))
    if at != last:
        serial += 1
    st.session_state[f"{key}:given"] = (at, serial)
    return serial


def mathml(latex: str) -> str:
    """The formula as MathML, which the browser draws itself.

    A film repeats few formulas with many numbers, so each formula is converted once, with its numbers left open.
    """
    numbers = _DECIMAL.findall(latex)
    parts = _skeleton(_DECIMAL.sub("0.0", latex))
    if len(parts) != len(numbers) + 1:
        return _verbatim(latex)
    return "".join(part + number for part, number in zip(parts, [*numbers, ""], strict=True))


@lru_cache(maxsize=4096)
def _skeleton(latex: str) -> tuple[str, ...]:
    """The formula's MathML, cut where its numbers go."""
    return tuple(_checked(latex).split("0.0"))


def _checked(latex: str) -> str:
    """Well-formed MathML and nothing else, or the source itself: names in a formula may come from a visitor."""
    try:
        markup = converter.convert(latex)
        tree = ElementTree.fromstring(markup)
    except Exception:  # the converter's dozen errors share no other base, and a caption must not break a page
        return _verbatim(latex)
    known = all(e.tag.startswith(_MATHML + "m") and not any(map(_acts, e.keys())) for e in tree.iter())
    return markup if known else _verbatim(latex)


def _acts(attribute: str) -> bool:
    """Whether an attribute does more than describe a formula."""
    return attribute.startswith(("on", "href", "src", "style", "{"))


def _verbatim(latex: str) -> str:
    return f'<math xmlns="{_MATHML[1:-1]}"><mtext>{escape(latex)}</mtext></math>'
