"""A card for each explainer of the registry: its own default picture, its summary, the way in."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import groupby

import streamlit as st

from core.contracts import Figure
from core.registry import EXPLAINERS, Explainer
from pages._ui.charts import chart
from pages._ui.frame import link

HEIGHT = 190


def cards() -> None:
    """All explainers in teaching order, section by section."""
    for section, explainers in groupby(EXPLAINERS, key=lambda e: e.section):
        st.subheader(section, anchor=False)
        grid = st.grid(3, min_column_width=280)
        for e in explainers:
            with grid.cell(), st.container(border=True, height="stretch"):
                _card(e)


def _card(e: Explainer) -> None:
    chart(picture(e.slug), key=f"card.{e.slug}", height=HEIGHT, static=True)
    link(e.slug, f"**{e.title}**", icon=f":material/{e.icon}:")
    st.caption(e.summary)


@cache
def picture(slug: str) -> Figure:
    """The card's picture, computed once for all visitors; the server asks for it before the first of them comes."""
    return import_module(f"core.{slug}").thumbnail()
