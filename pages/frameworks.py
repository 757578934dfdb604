"""One net in two frameworks, line beside line; the same numbers in both; below, where they differ."""

import streamlit as st

from core import frameworks
from core.frameworks import (
    INSTALL,
    LAYERS,
    SPEC,
    architecture,
    both_programs,
    code_height,
    draw,
    film_steps,
    keras_is_here,
    look,
    parity,
    parity_in_keras,
    pictures,
    questions,
    sections,
    table,
)
from pages._ui import charts, closer, controls, explainer, frame, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "frameworks.film"


@st.cache_data(max_entries=64, show_spinner="Running the programs ...")
def top(spec: SPEC):
    """What stands above the lens, and the questions."""
    return pictures(spec), film_steps(spec), parity(spec), questions(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec)


@st.cache_data(max_entries=16, show_spinner="Running the three Keras programs; TensorFlow takes its time to start ...")
def keras_rows(spec: SPEC):
    return parity_in_keras(spec)


def settings(spec: SPEC) -> None:
    """The net and its training; which two programs are shown."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["left", "right"])
        controls.draw(spec, ["data"], then=fitting)
        controls.draw(spec, ["layers"])
    with st.expander("Activation, loss, optimizer, batches, seed"), st.grid(4, min_column_width=200):
        controls.draw(spec, ["activation", "loss", "optimizer", "rate", "batch", "epochs", "seed"])


def fitting() -> None:
    """Other data: layers that fit them."""
    controls.change(SPEC, layers=LAYERS[st.session_state[SPEC.key("data")]])


def side_by_side(spec: SPEC) -> None:
    """Both programs with their film, the tensors, the losses, and the proof that they agree."""
    drawn, steps, agreement, _ = top(spec)
    charts.chart(drawn["code"], key="frameworks:code", height=code_height(spec), min_width=draw.CODE_WIDTH, film=FILM)
    at = min(spec.step, len(steps) - 1)
    rested = transport(FILM, steps, key="frameworks:transport", at=at)
    if rested != at:
        controls.change(SPEC, step=rested)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        charts.chart(drawn["values"], key="frameworks:values", height=draw.VALUES_HEIGHT, film=FILM)
    with right:
        charts.chart(drawn["losses"], key="frameworks:losses", height=draw.LOSS_HEIGHT)
    st.dataframe(agreement, hide_index=True, height="content", key="frameworks:parity")
    in_keras(spec)
    with st.expander("The layers, and their weights in both frameworks"):
        st.dataframe(architecture(spec), hide_index=True, height="content", key="frameworks:layers")
    with st.expander("Both programs in full, to copy"):
        beside(both_programs(spec))


def in_keras(spec: SPEC) -> None:
    """The Keras programs' part of the proof where TensorFlow is installed; else how to install it."""
    if not keras_is_here():
        frame.explain(INSTALL)
    elif st.button("Run the Keras programs too", icon=":material/play_arrow:", key="frameworks:keras"):
        with frame.plainly():
            st.dataframe(keras_rows(spec), hide_index=True, height="content", key="frameworks:keras.parity")


def beside(codes) -> None:
    """Programs next to each other, with a button to copy each."""
    for place, (title, text) in zip(st.columns(len(codes), gap="medium"), codes.items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            st.code(text, language="python")


def picture(spec: SPEC) -> None:
    """The settings, the two programs, the lens, the questions."""
    settings(spec)
    side_by_side(spec)
    controls.draw(spec, ["lens"])
    seen = view(spec)
    closer.draw(spec, seen, draw.LENS_HEIGHT)
    if not frame.focused():
        beside(seen.codes)
    ask.ask("frameworks", top(spec)[-1])


def take_home(spec: SPEC) -> None:
    """The report and its table."""
    report.downloads("frameworks", lambda: sections(spec), lambda: table(spec))


explainer.show(
    frameworks,
    picture,
    "The program by hand, the PyTorch loop, and the PyTorch program of the open look. It prints the page's numbers.",
    take_home=take_home,
)
