"""Type a formula, see its graph, walk forward and backward, look closer."""

import streamlit as st

from core import backprop_stepper
from core.backprop_stepper import (
    SPEC,
    draw,
    edited,
    format_values,
    graph_of,
    leaves_of,
    look,
    questions,
    said,
    tensor,
    walk,
    worked,
)
from pages._ui import charts, controls, explainer, frame, runs
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM, EXAMPLES_FILM = "backprop_stepper.film", "backprop_stepper.examples"
SIDE = 620  # pixels: more sliders than fit scroll
BESIDE = 760  # pixels: a wider graph gets the whole width, and its sliders stand below


def formula_mode(spec: SPEC) -> None:
    """The formula's graph and its film, the sliders of its leaves, and the lens below."""
    controls.draw(spec, ["formula"], then=lambda: controls.change(SPEC, edits="", step=-1))
    leaves, graph = {}, None
    with frame.plainly():
        leaves = leaves_of(spec)
        graph = graph_of(spec)
    if graph is None:
        with st.grid(6, min_column_width=150):
            sliders(spec, leaves)
        return
    width, height = draw.graph_size(graph)
    if width > BESIDE or frame.focused():
        film(spec, graph, width, height)
        with st.grid(6, min_column_width=150):
            sliders(spec, leaves)
    else:
        picture, side = st.columns([7, 2], gap="medium")
        with side, st.container(height=SIDE if len(leaves) > 7 else "content", border=False):
            sliders(spec, leaves)
        with picture:
            film(spec, graph, width, height)
    controls.draw(spec, ["lens"])
    with frame.plainly():
        lens(spec, graph)
    ask.ask("backprop_stepper", questions(spec, graph))


def sliders(spec: SPEC, leaves: dict[str, float]) -> None:
    """A slider for each leaf, and all of them as text."""
    controls.sliders(spec, "values", leaves, format_values)
    controls.draw(spec, ["values"])


def tensor_mode(spec: SPEC) -> None:
    """The matrices of each stage and their film; below, batch averaging and a Jacobian."""
    net, pictures = tensor.run_of(spec), tensor.figures(spec)
    picture, side = st.columns([7, 2], gap="medium")
    with side:
        controls.draw(spec, ["batch", "inputs", "hidden", "outputs", "activation", "loss", "seed"])
    with picture:
        charts.chart(pictures["stages"], key="backprop_stepper:stages", height=tensor.STAGES_HEIGHT, film=FILM)
        walk_film(spec, worked(spec))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("dL/dW is a mean of outer products", anchor=False)
        controls.draw(spec, ["layer"])
        charts.chart(pictures["outer"], key="backprop_stepper:outer", height=tensor.OUTER_HEIGHT, film=EXAMPLES_FILM)
        transport(EXAMPLES_FILM, tensor.example_steps(net), key="backprop_stepper:averaging", at=spec.batch - 1)
    with right:
        st.subheader("The Jacobian of one layer, at one example", anchor=False)
        controls.draw(spec, ["jacobian", "example"])
        charts.chart(pictures["jacobian"], key="backprop_stepper:jacobian", height=tensor.JACOBIAN_HEIGHT)
        st.latex(tensor.jacobian_of(spec).latex)
    st.subheader("Is the net healthy?", anchor=False)
    left, right = st.columns(2, gap="medium")
    sentence, rows = tensor.diagnosis(spec)
    with left:
        st.markdown(sentence)
        st.dataframe(rows, hide_index=True, key="backprop_stepper:health")
        controls.draw(spec, ["rate"])
    with right:
        charts.chart(pictures["histogram"], key="backprop_stepper:histogram", height=tensor.HISTOGRAM_HEIGHT)


def walk_film(spec: SPEC, stops: list) -> None:
    """The transport bar of the main film; where it rests is part of the link."""
    at = len(stops) - 1 if spec.step < 0 else min(spec.step, len(stops) - 1)
    rested = transport(FILM, stops, key="backprop_stepper:transport", at=at)
    if rested != at:
        controls.change(SPEC, step=rested)


def film(spec: SPEC, graph, width: int, height: int) -> None:
    """The graph, the transport bar, and the node that was clicked."""
    click = charts.chart(
        draw.graph_film(graph), key="backprop_stepper:graph", height=height, min_width=width, film=FILM, clickable=True
    )
    walk_film(spec, walk(graph))
    if click is not None and click.customdata is not None:
        st.session_state["backprop_stepper:node"] = int(click.customdata)
    edit(spec, graph)


def edit(spec: SPEC, graph) -> None:
    """Set the value of the clicked node by hand, and undo that."""
    node = st.session_state.get("backprop_stepper:node", -1)
    if frame.focused() or not (0 <= node < len(graph.nodes) or graph.fixed):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if 0 <= node < len(graph.nodes):
            key = f"backprop_stepper:edit.{node}"
            st.session_state[key] = graph.nodes[node].value
            st.number_input(
                f"Set {said(graph.nodes[node])} by hand",
                key=key,
                format="%.6g",
                step=0.1,
                width=260,
                on_change=lambda: controls.change(SPEC, **edited(spec, graph, node, st.session_state[key])),
            )
        if spec.edits:
            st.button("Undo the edits", key="backprop_stepper:undo", on_click=lambda: controls.change(SPEC, edits=""))
            st.caption(
                "A value set by hand is cut from its inputs: what follows is computed from it, and no gradient flows back through it."
            )


def lens(spec: SPEC, graph) -> None:
    """The closer look: its own controls, sentences, pictures, table."""
    view = look(spec, graph)
    if view.params or view.choices:
        with st.grid(4, min_column_width=200):
            controls.draw(spec, view.params)
            controls.choose(spec, view.choices)
    for sentence in view.sentences:
        st.markdown(sentence)
    for place, (title, lines) in zip(st.columns(max(1, len(view.code))), view.code.items(), strict=False):
        place.markdown(title)
        place.code(lines, language="python")
    if view.figures:
        for place, (name, figure) in zip(st.columns(len(view.figures)), view.figures.items(), strict=True):
            with place:
                charts.chart(figure, key=f"backprop_stepper:figure.{name}", height=360)
    if view.rows:
        st.dataframe(view.rows, hide_index=True, key="backprop_stepper:rows")
    if view.curve:
        runs.table(spec, view.metrics, view.curve, x_title="training step", y_title="loss L")


def picture(spec: SPEC) -> None:
    """The level that the switch beside the presets names."""
    tensor_mode(spec) if spec.mode == "tensor" else formula_mode(spec)


explainer.show(
    backprop_stepper,
    picture,
    "The state on screen: the chain rule by hand in NumPy, then PyTorch. It prints the page's numbers.",
    beside=["mode"],
)
