"""Choose a picture and a kernel, walk over the output cell by cell, look closer."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from core import conv_arithmetic
from core.conv_arithmetic import (
    SPEC,
    clicked,
    draw,
    drawn,
    film_steps,
    given,
    kernel_grid,
    look,
    picture,
    questions,
    run_of,
    size_latex,
    stage,
    to_text,
)
from core.errors import ExplainerError
from pages._ui import charts, controls, explainer, frame
from pages._ui import questions as ask
from pages._ui.pad import drawing_pad
from pages._ui.transport import transport

FILM = "conv_arithmetic.film"
PICTURED = {"digit": ["digit"], "shape": ["shape", "size"], "photo": ["photo", "size", "across", "down"], "matrix": []}


@st.cache_data(max_entries=64, show_spinner=False)
def view(spec: SPEC):
    return look(spec)


def settings(spec: SPEC) -> None:
    """Picture, kind, kernel, stride and padding above the film; the rest in a drawer."""
    if frame.focused():
        return
    flat, up = spec.kind in ("line", "causal"), spec.kind == "transposed"
    with st.grid(3, min_column_width=300):
        controls.draw(spec, ["picture", "kind", "kernel"])
    with st.grid(5, min_column_width=150):
        controls.draw(spec, PICTURED[spec.picture])
        controls.draw(spec, ["kernel_size", *(["angle"] if spec.kernel == "gabor" else [])])
        controls.draw(spec, ["stride", *(["padding"] if spec.kind != "causal" else []), "dilation"])
        controls.draw(spec, ["output_padding"] if up else [])
    with (
        st.expander("Channels, filters, groups, bias, padding mode, width by itself"),
        st.grid(4, min_column_width=200),
    ):
        controls.draw(
            spec, [*(["channels"] if spec.picture != "matrix" else []), "filters", "filter", "groups", "bias"]
        )
        controls.draw(
            spec, [*(["seed"] if spec.kernel == "random" else []), *([] if up or spec.kind == "causal" else ["mode"])]
        )
        if not flat:
            controls.draw(spec, ["kernel_width", "stride_width", "padding_width", "dilation_width"])
            controls.draw(spec, ["output_padding_width"] if up else [])
    if spec.picture == "matrix" or spec.kernel == "own":
        with frame.plainly():
            grids(spec)


def grids(spec: SPEC) -> None:
    """The typed picture and the kernel as grids of numbers, and a pad to draw the picture on."""
    with st.expander("Type numbers, or draw", expanded=True), st.grid(3, min_column_width=300) as grid:
        if spec.kernel == "own":
            with grid.cell():
                st.caption("Kernel")
                numbers(spec, "weights", kernel_grid(spec))
        if spec.picture == "matrix":
            with grid.cell():
                st.caption("Picture" if spec.cells.count(";") == 0 else "Picture, channel 0")
                numbers(spec, "cells", picture(spec)[0], rest=spec.cells.split(";")[1:])
            with grid.cell():
                ink = drawing_pad(key="conv_arithmetic.pad", label="Draw a picture of 12 × 12 cells")
                take_drawing(None if ink is None else drawn(ink))


def numbers(spec: SPEC, name: str, values, rest: list[str] = ()) -> None:
    """A grid for the matrix that the text parameter `name` holds."""
    edited = st.data_editor(values, key=f"conv_arithmetic:{name}.{getattr(spec, name)}", hide_index=True)
    if (edited != values).any():
        controls.change(SPEC, **{name: ";".join([to_text(edited), *rest])})
        st.rerun()


def take_drawing(cells: str | None) -> None:
    """A new drawing becomes the picture; an old one does not undo what was typed since."""
    if cells is not None and cells != st.session_state.get("conv_arithmetic:drawn"):
        st.session_state["conv_arithmetic:drawn"] = cells
        controls.change(SPEC, cells=cells)
        st.rerun()


def film(spec: SPEC) -> SPEC:
    """Input, kernel and output, their film, and the size of the output. Returns the state with the step at which the film rests."""
    made = run_of(spec)
    steps = film_steps(spec)
    at = len(steps) - 1 if spec.step < 0 else min(spec.step, len(steps) - 1)
    height = draw.stage_height(len(made.image), max(made.seen.shape[1], made.y.shape[1]))
    click = charts.chart(
        stage(spec), key="conv_arithmetic:stage", height=height, min_width=draw.MIN_WIDTH, film=FILM, clickable=True
    )
    wanted = clicked(spec, click.trace, click.point) if click is not None and isinstance(click.point, tuple) else None
    if wanted is not None and wanted != at:
        controls.change(SPEC, step=wanted)
        st.rerun()
    rested = transport(FILM, steps, key="conv_arithmetic:transport", at=at)
    if rested != at:
        spec = replace(spec, step=-1 if rested == len(steps) - 1 else rested)
        controls.change(SPEC, step=spec.step)
    for line in size_latex(made):
        st.latex(line)
    return spec


def closer(spec: SPEC) -> None:
    """The open lens: its own controls, sentences, formulas, pictures, table."""
    controls.draw(spec, ["lens"])
    seen = view(spec)
    if seen.params:
        with st.grid(4, min_column_width=200):
            controls.draw(spec, seen.params)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    wide = [name for name in seen.figures if name in draw.WIDE]
    for name in wide:
        charts.chart(
            seen.figures[name], key=f"conv_arithmetic:{name}", height=draw.LENS_HEIGHT, min_width=draw.MIN_WIDTH
        )
    with st.grid(2, min_column_width=360) as grid:
        for name in [name for name in seen.figures if name not in wide]:
            with grid.cell():
                charts.chart(seen.figures[name], key=f"conv_arithmetic:{name}", height=draw.LENS_HEIGHT)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, height="content", key=f"conv_arithmetic:rows.{spec.lens}")


def lesson(spec: SPEC) -> None:
    """The settings, the film, the lens, the questions; where the settings give no output, why, and the picture as given."""
    settings(spec)
    try:
        spec = film(spec)
    except ExplainerError as problem:
        st.info(f"These settings give no output: {problem}.", icon=":material/edit_note:")
        with suppress(ExplainerError):
            charts.chart(given(spec), key="conv_arithmetic:given", height=draw.LENS_HEIGHT)
        return
    with frame.plainly():
        closer(spec)
    ask.ask("conv_arithmetic", questions(spec))


explainer.show(
    conv_arithmetic,
    lesson,
    "The state on screen: a plain loop in NumPy, held against PyTorch. It prints the page's numbers.",
)
