"""Functions and slopes side by side, and the nets that use them."""

import streamlit as st

from core import activations
from core.activations import (
    SPEC,
    TITLES,
    draw,
    look,
    menus,
    pictures,
    questions,
    sliders_text,
    table,
)
from pages._ui import charts, controls, explainer, frame
from pages._ui import questions as ask

SLOPED = ("Leaky ReLU", "PReLU")


@st.cache_data(max_entries=64, show_spinner="Training the nets ...")
def view(spec: SPEC):
    return look(spec), questions(spec)


def settings(spec: SPEC) -> None:
    """Which activations, where they are read off, and the slopes of those that have one."""
    titles, _ = menus(spec)
    controls.choose(spec, {"shown": (list(TITLES), titles)})
    own = ["leak"] * any(t in SLOPED for t in titles) + ["alpha"] * ("ELU" in titles)
    if not frame.focused():
        with st.grid(3, min_column_width=220):
            controls.draw(spec, ["z", *own])


def curves(spec: SPEC) -> None:
    """Function and slope, then the lens."""
    drawn = pictures(spec)
    for place, name in zip(st.columns(2, gap="small"), ("f", "slope"), strict=True):
        with place:
            charts.chart(drawn[name], key=f"activations:{name}", height=draw.SHAPE_HEIGHT)
    st.dataframe(table(spec), hide_index=True, height="content", key="activations:table")
    controls.draw(spec, ["lens"])
    seen, asked = view(spec)
    closer(spec, seen)
    ask.ask("activations", asked)


def closer(spec: SPEC, seen) -> None:
    """The open lens: its own controls, sentences, formulas, pictures, table."""
    if not frame.focused():
        with st.grid(4, min_column_width=200):
            controls.choose(spec, seen.choices)
            controls.draw(spec, seen.params)
            for name, numbers in seen.sliders.items():
                controls.sliders(spec, name, numbers, sliders_text)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    beside = not seen.heights and len(seen.figures) == 2
    places = st.columns(2, gap="medium") if beside else [st.container() for _ in seen.figures]
    for place, (name, figure) in zip(places, seen.figures.items(), strict=True):
        with place:
            wide = 640 if name == "planes" else 0
            height = seen.heights.get(name, draw.LENS_HEIGHT)
            charts.chart(figure, key=f"activations:lens.{name}", height=height, min_width=wide)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, height="content", key=f"activations:rows.{spec.lens}")


def picture(spec: SPEC) -> None:
    """The settings, then the curves and the lens."""
    settings(spec)
    curves(spec)


explainer.show(
    activations,
    picture,
    "Values by torch, slopes by autograd, and the training on screen by torch. It prints the page's numbers.",
)
