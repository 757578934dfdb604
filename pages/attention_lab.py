"""Operations on a trained transformer: heads off, a pattern forced, activations patched, a decoder that writes."""

import streamlit as st

from core import attention_lab
from core.attention_lab import SPEC, draw, look, questions, subject, switched
from pages._ui import acting, charts, closer, controls, explainer, frame
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Operating ...")
def view(spec: SPEC):
    return look(subject(spec))


@st.cache_data(max_entries=64, show_spinner=False)
def asked(spec: SPEC) -> list:
    return questions(subject(spec))


def another_task() -> None:
    """Another task: its own heads and its own example."""
    controls.change(SPEC, text="", off="", place="", row="")


def settings(spec: SPEC) -> None:
    """Task, tokens and operation above the pictures."""
    if frame.focused():
        return
    with st.grid(2, min_column_width=240):
        controls.draw(spec, ["task"], then=another_task)
        controls.draw(spec, ["text"])
    controls.draw(spec, ["lens"])


def picture(spec: SPEC) -> None:
    """The settings, the operation, the questions."""
    settings(spec)
    seen = view(spec)
    if spec.lens != "ablate":
        closer.draw(spec, seen, draw.HEIGHT)
    else:
        heads(spec, seen)
    ask.ask("attention_lab", asked(spec))


def heads(spec: SPEC, seen) -> None:
    """The matrix of effects, whose cells switch heads off, beside the order of pruning."""
    for sentence in seen.sentences:
        st.markdown(sentence)
    left, right = st.columns(2, gap="medium")
    with left:
        click = charts.chart(seen.figures["effects"], key="attention_lab:effects", height=draw.HEIGHT, clickable=True)
    with right:
        charts.chart(seen.figures["pruning"], key="attention_lab:pruning", height=draw.HEIGHT)
    st.dataframe(seen.rows, hide_index=True, key="attention_lab:order")
    cell = click.point if click is not None and isinstance(click.point, tuple) else None
    acting.follow(spec, lambda _: switched(spec, cell))


explainer.show(
    attention_lab,
    picture,
    "The whole transformer with its trained weights, and the loss with every head off in turn, with torch. It prints the page's numbers.",
)
