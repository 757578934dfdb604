"""Operations on a trained transformer: heads off, a pattern forced, activations patched; a decoder that writes, and one that learns to."""

import streamlit as st

from core import attention_lab
from core.attention_lab import OWN, SPEC, draw, learned, look, questions, sections, subject, switched, table, trainer
from pages._ui import acting, charts, closer, controls, explainer, frame, jobs, own, report
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
    """Operation above the pictures, and what it is done to; two of the lenses bring models of their own."""
    if frame.focused():
        return
    controls.draw(spec, ["lens"])
    if spec.lens in ("cache", "learn"):
        return
    with st.grid(2, min_column_width=240):
        controls.draw(spec, ["task"], then=another_task)
        controls.draw(spec, ["text"])


def picture(spec: SPEC) -> None:
    """The settings, the operation, the questions."""
    settings(spec)
    if spec.lens == "learn":
        lesson(spec)
    elif spec.lens == "ablate":
        heads(spec, view(spec))
    else:
        closer.draw(spec, view(spec), draw.HEIGHT)
    ask.ask("attention_lab", asked(spec))


def lesson(spec: SPEC) -> None:
    """A language model that the visitor trains, on a text of their own if they like, against the one that ships."""
    if not frame.focused():
        controls.draw(spec, ["corpus"])
        if spec.corpus == "own":
            own.pasted(spec, OWN.keep)
        with st.grid(3, min_column_width=220):
            controls.draw(spec, ["depth", "width", "positions", "steps", "seed"])
    jobs.panel(trainer(spec), spec, start="Train this language model", show=lambda job: lesson_so_far(spec, job))


def lesson_so_far(spec: SPEC, job) -> None:
    """Curve and samples of the job, beside what ships."""
    said = () if job is None or job.newest is None else job.film or (job.newest,)
    closer.draw(spec, learned(spec, job.metrics if said else {}, said), draw.HEIGHT)


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
    "The whole transformer with its trained weights, and the loss with every head off in turn; for the cache, a decoder that counts what it multiplies. With torch; it prints the page's numbers.",
    take_home=lambda spec: report.downloads("attention_lab", lambda: sections(spec), lambda: table(spec)),
)
