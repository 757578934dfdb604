"""Ask one unit of a trained network what it wants, and change one thing to see what follows."""

import streamlit as st

from core import conv_lab
from core.conv_lab import (
    SPEC,
    ablate_each,
    climb,
    climbing,
    draw,
    kernel_cells,
    kernel_text,
    look,
    menu,
    questions,
    removals,
    where,
)
from pages._ui import charts, controls, explainer, frame, jobs, own, weights
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "conv_lab.film"
HEIGHTS = {"pictures": draw.PICTURES_HEIGHT, "patches": 560, "dream": 400}


@st.cache_data(max_entries=64, show_spinner="Asking the network ...")
def view(spec: SPEC):
    return look(spec)


FRESH = {"layer": "", "unit": 0, "kernel": ""}  # another network: its own second layer


def another_network() -> None:
    controls.change(SPEC, **FRESH)


def settings(spec: SPEC) -> SPEC:
    """Network and picture, layer and unit, then what to do; gives the settings that can be shown."""
    with st.grid(3, min_column_width=220):
        controls.draw(spec, ["network"], then=another_network)
        controls.draw(spec, ["picture"])
        own.follow(spec, own.popover("conv_lab", "Draw something"))
    spec = weights.at_hand(spec, **FRESH)
    with st.grid(2, min_column_width=220):
        controls.choose(spec, {"layer": menu(spec)})
        controls.draw(spec, ["unit"])
    controls.draw(spec, ["lens"])
    return spec


def climbed(spec: SPEC, job) -> None:
    """The climb so far; when it is over, with the film."""
    shown, steps = climbing(job, spec)
    for column, (name, figure) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            film = FILM if name == "wish" else ""
            charts.chart(figure, key=f"conv_lab:{name}", height=draw.WISH_HEIGHT, film=film)
    if len(steps) > 1:
        transport(FILM, steps, key="conv_lab:transport", at=len(steps) - 1)


def done(spec: SPEC) -> None:
    """The open look: its sentences, controls, pictures and table."""
    seen = view(spec)
    for sentence in seen.sentences:
        st.markdown(sentence)
    if seen.params:
        with st.grid(4, min_column_width=200):
            controls.draw(spec, seen.params)
    if spec.lens == "kernel" and spec.edit == "own":
        cells = kernel_cells(spec)
        with st.expander("The kernel's numbers", expanded=True), st.grid(5, min_column_width=130):
            controls.sliders(spec, "kernel", cells, kernel_text)
    if spec.lens == "wants":
        jobs.panel(climb, spec, start="Start", again="Start again", show=lambda job: climbed(spec, job))
    else:
        pictures(seen.figures)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, height="content", key=f"conv_lab:rows.{spec.lens}")
    if spec.lens == "ablation" and not frame.focused():
        each = "Remove each map in turn"
        jobs.panel(ablate_each, spec, start=each, again=each, name=".each", show=lambda job: removed(spec, job))


def removed(spec: SPEC, job) -> None:
    """What the removal of each map so far costs each class."""
    if job is None or job.newest is None:
        return
    figure, rows = removals(job.newest.arrays["drops"], spec)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        charts.chart(figure, key="conv_lab:removals", height=draw.REMOVALS_HEIGHT, min_width=420)
    with right:
        st.dataframe(rows, hide_index=True, height="content", key="conv_lab:removals.rows")


def pictures(figures) -> None:
    """Wide ones alone, the others two in a row."""
    wide = [name for name in figures if name in ("patches", "dream", "maps") or len(figures) == 1]
    for name in wide:
        charts.chart(
            figures[name], key=f"conv_lab:{name}", height=HEIGHTS.get(name, draw.PICTURES_HEIGHT), min_width=420
        )
    rest = [name for name in figures if name not in wide]
    for k in range(0, len(rest), 2):
        for column, name in zip(st.columns(2, gap="medium"), rest[k : k + 2], strict=False):
            with column:
                charts.chart(figures[name], key=f"conv_lab:{name}", height=HEIGHTS.get(name, draw.BARS_HEIGHT))


def picture(spec: SPEC) -> None:
    """The settings, what was asked for, the questions."""
    spec = settings(spec)
    frame.explain(where(spec))
    done(spec)
    ask.ask("conv_lab", questions(spec))


explainer.show(
    conv_lab,
    picture,
    "The chosen unit from the trained weights, with torch. It prints the page's numbers.",
)
