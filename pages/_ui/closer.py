"""A closer look as a page draws it: its controls, sentences, formulas, pictures side by side, and its table."""

from __future__ import annotations

import streamlit as st

from core.contracts import Spec, View
from pages._ui import charts, controls


def draw(spec: Spec, seen: View, height: int, film: str = "") -> None:
    """The view's controls, sentences, formulas, pictures in two columns (following `film`, if one is named), and table."""
    if seen.params or seen.choices:
        with st.grid(3, min_column_width=220):
            controls.draw(spec, seen.params)
            controls.choose(spec, seen.choices)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    columns = st.columns(max(1, min(2, len(seen.figures)))) * len(seen.figures)
    for column, (name, figure) in zip(columns, seen.figures.items(), strict=False):
        with column:
            charts.chart(figure, key=f"{spec.SLUG}:lens.{name}", height=height, film=film)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, key=f"{spec.SLUG}:rows")
