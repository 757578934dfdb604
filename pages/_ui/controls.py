"""Widgets drawn from a Spec: one for each Param, with the state in the URL, presets, reset, link and settings file.

The URL is the state: `read` takes the Spec from a link, and writes every change back into the URL, also of parameters
whose widgets are not on the page now (Streamlit's own bind="query-params" forgets those). Widgets have the key
"<slug>.<field>", which is also the parameter's name in the URL.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from core.contracts import Example, Param, Spec
from core.errors import ExplainerError
from pages._ui import clipboard
from pages._ui.frame import arrived, focused

S = TypeVar("S", bound=Spec)
FEW = 5  # options that stand side by side; more of them become a menu
ECHO = 3.0  # seconds in which the browser may still send an address that this page has replaced
PRESET = "preset"  # a link to a preset that is all defaults says so, for an empty link means "as I left it"


@dataclass
class _Memory:
    """What a page remembers of its parameters while other pages are shown, and the addresses that it wrote lately."""

    values: dict[str, Any] = field(default_factory=dict)
    written: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)


def read(spec_type: type[S]) -> S:
    """The page's state: what a link says if there is a new one, else what it was, with the moves of the widgets.

    Streamlit tells of a moved widget before the script runs, so a page reads its Spec first, draws its picture and
    puts the widgets wherever they look best. What a link got wrong is said and left out.
    """
    memory = _memory(spec_type)
    if (settings := st.session_state.pop(f"{spec_type.SLUG}:uploaded", None)) is not None:
        spec = spec_type(**settings)
    elif _is_new_link(spec_type, memory):
        spec, problems = spec_type.from_query(st.query_params.to_dict())
        for problem in problems.values():
            st.warning(problem, icon=":material/link_off:")
    else:
        spec = spec_type(**memory.values)
    _store(spec)
    return spec


def _memory(spec_type: type[Spec]) -> _Memory:
    return st.session_state.setdefault(f"{spec_type.SLUG}:memory", _Memory())


def _address(spec_type: type[Spec]) -> tuple[tuple[str, str], ...]:
    """The URL's parameters that belong to this Spec."""
    own = {spec_type.key(name) for name in (*spec_type.params(), PRESET)}
    return tuple(sorted((key, value) for key, value in st.query_params.to_dict().items() if key in own))


def _is_new_link(spec_type: type[Spec], memory: _Memory) -> bool:
    """Whether the URL was not written by this page: a link was opened, or the browser went back or forward."""
    address, now = _address(spec_type), time.monotonic()
    *_older, newest = memory.written or [None]
    memory.written = {known: when for known, when in memory.written.items() if known == newest or now - when < ECHO}
    return not memory.values or (address not in memory.written and not (arrived() and not address))


def _store(spec: Spec, names: Iterable[str] = ()) -> None:
    """Make `spec` the state of memory, URL and the widgets `names` (none given: all)."""
    memory = _memory(type(spec))
    memory.values = spec.as_dict()
    for name in names or memory.values:
        if st.session_state.get(spec.key(name), _Memory) != memory.values[name]:
            st.session_state[spec.key(name)] = memory.values[name]
    _write(spec.to_query(), dict(_address(type(spec))))
    address = _address(type(spec))
    memory.written.pop(address, None)
    memory.written[address] = time.monotonic()


def _write(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    for key in found.keys() - wanted.keys():
        del st.query_params[key]
    if changed := {key: text for key, text in wanted.items() if found.get(key) != text}:
        st.query_params.update(changed)


def draw(current: Spec, names: Sequence[str] | None = None, then: Callable[[], None] | None = None) -> None:
    """Draw the widgets of the visible parameters `names` (None: all, under their group headings); `then` follows a change."""
    if focused():
        return
    group = ""
    for name, about in current.params().items():
        if about.hidden or (names is not None and name not in names):
            continue
        if names is None and about.group and about.group != group:
            st.markdown(f"**{about.group}**")
            group = about.group
        _widget(current, name, then)


def _moved(spec_type: type[Spec], name: str, then: Callable[[], None] | None) -> None:
    """Take over what a widget says: when it leaves the page, session_state falls back to an older value of its key."""
    change(spec_type, **{name: st.session_state[spec_type.key(name)]})
    if then is not None:
        then()


def _widget(current: Spec, name: str, then: Callable[[], None] | None) -> None:
    """The widget that fits the parameter's type."""
    about, value = current.params()[name], current.as_dict()[name]
    common: dict[str, Any] = {
        "key": current.key(name),
        "help": about.help or None,
        "on_change": _moved,
        "args": (type(current), name, then),
    }
    label = f"{about.label} [{about.unit}]" if about.unit else about.label
    if isinstance(about.default, bool):
        st.toggle(label, about.default, **common)
    elif about.options is not None:
        _choice(label, about, common)
    elif isinstance(about.default, str):
        st.text_input(label, about.default, max_chars=about.max_length, **common)
    elif about.log:
        st.select_slider(label, grid(about, value), about.default, format_func=lambda v: f"{v:g}", **common)
    elif math.isinf(about.low) or math.isinf(about.high):
        st.number_input(label, value=about.default, step=about.step, **common)
    else:
        kind = type(about.default)
        st.slider(label, kind(about.low), kind(about.high), about.default, about.step, **common)


def _choice(label: str, about: Param, common: dict[str, Any]) -> None:
    options, words = list(about.options), about.options.__getitem__
    if len(options) <= FEW:
        st.segmented_control(
            label, options, default=about.default, required=True, format_func=words, wrap=True, **common
        )
    else:
        st.selectbox(label, options, index=options.index(about.default), format_func=words, **common)


def grid(about: Param, value: float) -> list[float]:
    """The stops of a logarithmic slider: 1, 2, 3, 5, 7 a decade from low to high, and the value that a link gave."""
    first, last = math.floor(math.log10(about.low)), math.ceil(math.log10(about.high))
    stops = {float(f"{digit}e{power}") for power in range(first, last + 1) for digit in (1, 2, 3, 5, 7)}
    kind = type(about.default)
    return sorted({kind(s) for s in stops if about.low <= s <= about.high} | {about.default, kind(value)})


def choose(current: Spec, choices: Mapping[str, tuple[Sequence[str], str | Sequence[str]]]) -> None:
    """Menus for hidden text parameters whose options depend on the data: name -> (options, what is chosen now).

    Where what is chosen is a list, several may be chosen; the parameter keeps them as text with commas.
    """
    if focused():
        return
    for name, (options, chosen) in choices.items():
        about, key = current.params()[name], f"{current.SLUG}:choose.{name}"
        pick = st.selectbox if isinstance(chosen, str) else st.multiselect
        st.session_state[key] = chosen if isinstance(chosen, str) else list(chosen)
        pick(
            about.label,
            list(options),
            key=key,
            help=about.help or None,
            on_change=_chosen,
            args=(type(current), name, key),
        )


def _chosen(spec_type: type[Spec], name: str, key: str) -> None:
    value = st.session_state[key]
    change(spec_type, **{name: value if isinstance(value, str) else ", ".join(value)})


def sliders(
    current: Spec, name: str, numbers: Mapping[str, float], to_text: Callable[[Mapping[str, float]], str]
) -> None:
    """A slider for each of the `numbers` (label -> value) that the text parameter `name` holds."""
    if focused():
        return

    def moved(label: str) -> None:
        change(type(current), **{name: to_text({**numbers, label: st.session_state[f"{current.SLUG}:{name}.{label}"]})})

    for label, value in numbers.items():
        reach = next(r for r in (3.0, 10.0, 100.0, 1e3, 1e4, 1e6) if abs(value) <= r)
        key = f"{current.SLUG}:{name}.{label}"
        st.session_state[key] = float(value)
        st.slider(label, -reach, reach, step=reach / 300, format="%.3g", key=key, on_change=moved, args=(label,))


def set_values(spec_type: type[Spec], settings: Mapping[str, Any]) -> None:
    """Put the page into the state `settings` (the rest at default). Call it in a callback, before widgets are drawn."""
    _store(spec_type(**settings))


def change(spec_type: type[Spec], **settings: Any) -> None:
    """Change some parameters and keep the others: in a callback, or anywhere for parameters without a widget."""
    _store(spec_type(**{**_memory(spec_type).values, **settings}), settings)  # other widgets may have moved too


def presets(spec_type: type[Spec], examples: Sequence[Example], current: Spec) -> None:
    """A menu of presets that marks the one on screen, and a reset button."""
    if focused():
        return
    by_slug = {e.slug: e for e in examples}
    key = f"{spec_type.SLUG}:preset"
    st.session_state[key] = _matching(spec_type, examples, current)

    def apply() -> None:
        if chosen := by_slug.get(st.session_state[key]):
            set_values(spec_type, chosen.settings)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Preset", list(by_slug), format_func=lambda s: by_slug[s].title, key=key, on_change=apply, index=None,
            placeholder="Your own settings", help="A state worth looking at; choose one and change it from there",
        )  # fmt: skip
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key=f"{spec_type.SLUG}:reset",
            on_click=set_values,
            args=(spec_type, {}),
            help="All settings back to how the page opens",
        )


def _matching(spec_type: type[Spec], examples: Sequence[Example], current: Spec) -> str | None:
    return next((e.slug for e in examples if spec_type(**e.settings) == current), None)


def share(current: Spec) -> None:
    """Copy the link, copy the teacher's link, download the settings, open a settings file."""
    if focused():
        return
    with st.popover("Share", icon=":material/share:"):
        clipboard.copy_link("Copy link", key=f"{current.SLUG}:link")
        clipboard.copy_link("Copy link for projecting (picture only)", key=f"{current.SLUG}:focus", focus=True)
        st.download_button(
            "Download settings",
            current.to_json(),
            f"{current.SLUG}.json",
            "application/json",
            on_click="ignore",
            key=f"{current.SLUG}:json",
        )
        upload = st.file_uploader("Open a settings file", type="json", key=f"{current.SLUG}:upload", max_upload_size=1)
        if upload is not None:
            _open_file(type(current), upload.getvalue(), upload.file_id)


def _open_file(spec_type: type[Spec], content: bytes, file_id: str) -> None:
    """Take over an uploaded configuration once; a bad one changes nothing."""
    opened = f"{spec_type.SLUG}:opened"
    if st.session_state.get(opened) == file_id:
        return
    try:
        settings = spec_type.from_json(content.decode("utf-8", errors="replace")).as_dict()
    except ExplainerError as problem:
        st.error(str(problem))
        return
    st.session_state[opened] = file_id
    st.session_state[f"{spec_type.SLUG}:uploaded"] = settings
    st.rerun()
