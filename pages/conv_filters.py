"""A trained network and a picture: all layers at a glance, one layer, one map taken apart; and a network that learns live."""

import streamlit as st

from core import conv_filters
from core.conv_filters import (
    SPEC,
    accuracy_words,
    draw,
    layers_of,
    learning,
    look,
    picked,
    pictures,
    questions,
    train,
)
from pages._ui import charts, controls, explainer, frame, jobs, own, weights
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "conv_filters.film"
WIDE = ("sum",)  # figures that need the whole width


@st.cache_data(max_entries=32, show_spinner="The network looks ...")
def drawn(spec: SPEC) -> dict:
    return pictures(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec)


FRESH = {"layer": "", "unit": -1, "cell": -1}  # another network: its own first layer, loudest map, strongest cell


def another_network() -> None:
    controls.change(SPEC, **FRESH)


def another_picture() -> None:
    controls.change(SPEC, cell=-1)


def settings(spec: SPEC) -> SPEC:
    """Network and picture, then layer and colours above the pictures; gives the settings that can be shown."""
    with st.grid(3, min_column_width=220):
        controls.draw(spec, ["network"], then=another_network)
        controls.draw(spec, ["picture"], then=another_picture)
        own.follow(spec, own.popover("conv_filters", "Draw something"), cell=-1)
    spec = weights.at_hand(spec, **FRESH)
    if not frame.focused():
        with st.grid(2, min_column_width=220):
            controls.choose(spec, {"layer": layers_of(spec)})
            controls.draw(spec, ["scaling"])
    return spec


def choose(spec: SPEC, *clicks) -> None:
    """Go to the layer, the map or the cell that was clicked."""
    settings = picked(spec, *(c.point if c is not None and isinstance(c.point, tuple) else None for c in clicks))
    if any(getattr(spec, name) != value for name, value in settings.items()):
        controls.change(SPEC, **settings)
        st.rerun()


def maps(spec: SPEC) -> None:
    """The picture and the answer beside all layers; below, the chosen layer beside the chosen map."""
    shown = drawn(spec)
    left, right = st.columns([2, 5], gap="small")
    with left:
        charts.chart(shown["picture"], key="conv_filters:picture", height=draw.PICTURE_HEIGHT)
        charts.chart(shown["answer"], key="conv_filters:answer", height=draw.BARS_HEIGHT)
    with right:
        overview = charts.chart(
            shown["overview"], key="conv_filters:overview", height=draw.OVERVIEW_HEIGHT, min_width=560, clickable=True
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**All maps of the chosen layer**")
        grid = charts.chart(shown["layer"], key="conv_filters:layer", height=draw.GRID_HEIGHT, clickable=True)
    with right:
        st.markdown("**The chosen map**")
        cell = charts.chart(shown["map"], key="conv_filters:map", height=draw.GRID_HEIGHT, clickable=True)
    choose(spec, overview, grid, cell)


def closer(spec: SPEC) -> None:
    """The open lens: its sentences, controls, pictures and table."""
    controls.draw(spec, ["lens"])
    seen = view(spec)
    for sentence in seen.sentences:
        st.markdown(sentence)
    if seen.params:
        with st.grid(4, min_column_width=200):
            controls.draw(spec, seen.params)
    if spec.lens == "training":
        jobs.panel(train, spec, start="Train the network", show=lambda job: lesson(spec, job))
    wide = [name for name in seen.figures if name in WIDE or len(seen.figures) == 1]
    for name in wide:
        charts.chart(seen.figures[name], key=f"conv_filters:lens.{name}", height=draw.LENS_HEIGHT, min_width=560)
    beside = [name for name in seen.figures if name not in wide]
    for row in range(0, len(beside), 2):
        for column, name in zip(st.columns(2, gap="medium"), beside[row : row + 2], strict=False):
            with column:
                charts.chart(seen.figures[name], key=f"conv_filters:lens.{name}", height=draw.LENS_HEIGHT)
    if seen.rows:
        st.dataframe(
            seen.rows,
            hide_index=True,
            height="content" if len(seen.rows) < 9 else 300,
            key=f"conv_filters:rows.{spec.lens}",
        )


def lesson(spec: SPEC, job) -> None:
    """The pictures of the training run so far; when it is over, with the film."""
    shown = learning(job, spec)
    for column, (name, figure) in zip(st.columns(3, gap="small"), shown.items(), strict=True):
        with column:
            charts.chart(figure, key=f"conv_filters:learning.{name}", height=draw.LENS_HEIGHT, film=FILM)
    if job is not None and job.state in ("done", "stopped") and len(job.film) > 1:
        steps = draw.film_steps(job.film)
        transport(FILM, steps, key="conv_filters:transport", at=len(steps) - 1)


def picture(spec: SPEC) -> None:
    """The settings, the maps, the lens, the questions."""
    spec = settings(spec)
    frame.explain(accuracy_words(spec))
    maps(spec)
    closer(spec)
    ask.ask("conv_filters", questions(spec))


explainer.show(
    conv_filters,
    picture,
    "The chosen map from the trained weights, with torch. It prints the page's numbers.",
)
