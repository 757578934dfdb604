"""What every page has around its picture: title, tabs, prose, code to take home, sources, focus mode for the classroom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from core.contracts import Step
from core.errors import ExplainerError
from core.notebook import to_notebook
from core.registry import explainer

ROOT = Path(__file__).resolve().parents[2]
TABS = ("Picture", "Formula", "Code", "Sources")


def page(slug: str, title: str, icon: str, **more: Any) -> st.Page:
    """The Streamlit page of a slug: pages/<slug>.py at /<slug with dashes>."""
    path = ROOT / "pages" / f"{slug}.py"
    return st.Page(str(path), title=title, icon=f":material/{icon}:", url_path=slug.replace("_", "-"), **more)


def link(slug: str, label: str, query: Mapping[str, str] | None = None, **more: Any) -> None:
    """A link to a page of the app, with the state that it should open in."""
    st.page_link(str(ROOT / "pages" / f"{slug}.py"), label=label, query_params=dict(query or {}), **more)


@contextmanager
def plainly() -> Iterator[None]:
    """Show a user's mistake in its own words where it happens; what was drawn before stays."""
    try:
        yield
    except ExplainerError as problem:
        st.error(str(problem), icon=":material/edit_note:")


def focused() -> bool:
    """Whether the link asks for the picture alone (`?focus=1`): no menu, no controls."""
    return st.query_params.get("focus") == "1"


def arrived() -> bool:
    """Whether this run is the first one after another page."""
    return st.session_state.get("frame:arrived", True)


def run(page: st.Page) -> None:
    """Run the chosen page, and remember that the visitor is there."""
    st.session_state["frame:arrived"] = st.session_state.get("frame:page") != page.url_path
    st.session_state["frame:page"] = page.url_path
    st.set_page_config(page_title=f"{page.title} · Glassnet")
    page.run()


def style() -> None:
    """The few rules that Streamlit's theme has no setting for."""
    st.html(f"<style>{_read('pages/_ui/components/page.css')}</style>")


def header(slug: str) -> None:
    """The page's title and its one-line summary."""
    about = explainer(slug)
    st.title(about.title, anchor=False)
    if not focused():
        st.caption(about.summary)


def tabs(slug: str) -> dict[str, Any]:
    """The four tabs of an explainer by name (in focus mode the picture alone); draw only into the one whose `.open` is true."""
    if focused():
        return {"Picture": _Always()}
    opened = st.tabs(list(TABS), key=f"{slug}.tab", on_change="rerun", bind="query-params")
    return dict(zip(TABS, opened, strict=True))


class _Always:
    """Stands in for the Picture tab in focus mode."""

    open = True

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def prose(slug: str) -> dict[str, str]:
    """assets/text/<slug>.md as {heading: Markdown below it}."""
    return _sections(_read(f"assets/text/{slug}.md"))


def explain(markdown: str) -> None:
    """Prose below a picture; the classroom's link leaves it out."""
    if not focused():
        st.markdown(markdown)


def other_tabs(
    slug: str, tabs: Mapping[str, Any], worked: Callable[[], Sequence[Step]], script: Callable[[], str], note: str
) -> None:
    """Fill Formula (prose, then `worked`: the same formulas with the numbers on screen), Code and Sources."""
    text = prose(slug)
    for name, fill in {
        "Formula": lambda: _formula(text["Formula"], worked()),
        "Code": lambda: code(slug, script(), note),
        "Sources": lambda: st.markdown(text["Sources"]),
    }.items():
        if name in tabs and tabs[name].open:
            with tabs[name], plainly():
                fill()


def _formula(text: str, steps: Sequence[Step]) -> None:
    st.markdown(text)
    lines = [
        f"{step.title}\n\n" + "\n\n".join(f"$${formula}$$" for formula in step.latex) for step in steps if step.latex
    ]
    if lines:
        st.subheader("With the numbers on screen", anchor=False)
        st.markdown("\n\n".join(lines))


def code(slug: str, script: str, note: str) -> None:
    """The run as a script: shown, and to take home as .py and .ipynb."""
    st.caption(note)
    with st.container(horizontal=True):
        st.download_button("Download .py", script, f"{slug}.py", "text/x-python", on_click="ignore", key=f"{slug}.py")
        notebook = to_notebook(script)
        st.download_button(
            "Download notebook", notebook, f"{slug}.ipynb", "application/json", on_click="ignore", key=f"{slug}.ipynb"
        )
    st.code(script, language="python", line_numbers=True)


def _read(path: str) -> str:
    return _read_at(path, (ROOT / path).stat().st_mtime_ns)


@cache
def _read_at(path: str, changed: int) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    parts = ("\n" + text).split("\n## ")[1:]
    return {head.strip(): body.strip() for head, _, body in (part.partition("\n") for part in parts)}
