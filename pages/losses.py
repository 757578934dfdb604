"""What a prediction costs and how hard it is pulled back; below, what that does to a fit."""

import streamlit as st

from core import losses
from core.losses import (
    SPEC,
    TUNABLE,
    USED,
    chosen,
    draw,
    look,
    options,
    pictures,
    questions,
    table,
)
from pages._ui import charts, controls, explainer, frame
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "losses.film"


@st.cache_data(max_entries=64, show_spinner="Fitting under every loss ...")
def view(spec: SPEC):
    return look(spec), questions(spec)


def settings(spec: SPEC) -> None:
    """What is predicted, under which losses, and where."""
    if frame.focused():
        return
    controls.draw(spec, ["family"])
    shown = chosen(spec)
    controls.choose(spec, {"shown": (list(options(spec)), [one.title for one in shown])})
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["p", "y", "formula"])
        own = [TUNABLE[one.name] for one in shown if one.name in TUNABLE]
        controls.draw(spec, [name for name in own if name not in USED[spec.lens]])


def picture(spec: SPEC) -> None:
    """Price and pull, then the lens."""
    settings(spec)
    drawn = pictures(spec)
    for place, name in zip(st.columns(2, gap="small"), ("value", "slope"), strict=True):
        with place:
            charts.chart(drawn[name], key=f"losses:{name}", height=draw.CURVE_HEIGHT)
    st.dataframe(table(spec), hide_index=True, height="content", key="losses:table")
    controls.draw(spec, ["lens"])
    if not frame.focused():
        with st.grid(4, min_column_width=200):
            controls.draw(spec, USED[spec.lens])
    seen, asked = view(spec)
    closer(spec, seen)
    ask.ask("losses", asked)


def closer(spec: SPEC, seen) -> None:
    """The open lens: sentences, formulas, pictures with their film, table."""
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    height = draw.FIT_HEIGHT if seen.film else draw.LENS_HEIGHT
    for place, (name, figure) in zip(st.columns(len(seen.figures), gap="medium"), seen.figures.items(), strict=True):
        with place:
            charts.chart(figure, key=f"losses:lens.{name}", height=height, film=FILM if seen.film else "")
    if seen.film:
        transport(FILM, seen.film, key="losses:transport", at=len(seen.film) - 1)
    st.dataframe(seen.rows, hide_index=True, height="content", key=f"losses:rows.{spec.lens}")


explainer.show(
    losses,
    picture,
    "Values by torch, slopes by autograd, and the fits on screen by torch's SGD. It prints the page's numbers.",
)
