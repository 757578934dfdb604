"""A guided tour: numbered stops that set the controls and say what to look at. The stop is in the link (`<slug>.tour`)."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.contracts import Spec, TourStop
from pages._ui.controls import set_values
from pages._ui.frame import focused


def tour(spec_type: type[Spec], stops: Sequence[TourStop]) -> None:
    """The invitation to the tour, or the stop that the visitor has reached."""
    if focused():
        return
    key = spec_type.key("tour")
    at = _position(st.query_params.get(key, ""), len(stops))

    def go(to: int) -> None:
        if 1 <= to <= len(stops):
            st.query_params[key] = str(to)
            set_values(spec_type, stops[to - 1].settings)
        else:
            del st.query_params[key]

    if at == 0:
        st.button(
            f"Take the tour ({len(stops)} stops)", icon=":material/tour:", key=f"{key}.start", on_click=go, args=(1,)
        )
        return
    with st.container(border=True, key=f"{spec_type.SLUG}_tour"):
        stop = stops[at - 1]
        st.markdown(f"**{at} of {len(stops)} · {stop.title}**  \n{stop.text}")
        with st.container(horizontal=True):
            st.button("Back", key=f"{key}.back", on_click=go, args=(at - 1,), disabled=at == 1)
            st.button(
                "Next" if at < len(stops) else "Finish", type="primary", key=f"{key}.next", on_click=go, args=(at + 1,)
            )
            st.button("Leave the tour", key=f"{key}.end", on_click=go, args=(0,))


def _position(text: str, length: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= length else 0
