"""What is on screen as files: a report in one HTML file that works offline, and a table as CSV. Made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.registry import explainer
from core.report import Section, to_html
from pages._ui.routes import MODULES, PLOTLY, plotly_build


def downloads(slug: str, sections: Callable[[], Sequence[Section]], table: Callable[[], str]) -> None:
    """The two buttons; `sections` and `table` are called on a click."""

    def page() -> str:
        told = sections()
        build = plotly_build(*(figure for section in told for figure in section.figures.values()))
        library, module = (path.read_text(encoding="utf-8") for path in (PLOTLY[build], MODULES["figure.js"]))
        return to_html(explainer(slug).title, told, library, module)

    st.caption(
        "The page as it stands: a report with settings, tables and films in one file that opens without a network, or every number as a table."
    )
    with st.container(horizontal=True):
        st.download_button(
            "Download report (HTML)", page, f"{slug}.html", "text/html", on_click="ignore", key=f"{slug}:report.html"
        )
        st.download_button(
            "Download CSV", table, f"{slug}.csv", "text/csv", on_click="ignore", key=f"{slug}:report.csv"
        )
