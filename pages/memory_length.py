"""How far back a recurrent net's gradient reaches; recall against the delay, forget bias, clipping, singular values."""

import streamlit as st

from core import memory_length
from core.memory_length import SPEC, TRAINED, draw, look, pictures, questions, sections, summary, table, train
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Computing the gradients ...")
def top(spec: SPEC):
    """What stands above the lens, and the questions."""
    return pictures(spec), summary(spec), questions(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec)


def settings(spec: SPEC) -> None:
    """The nets and their first weights."""
    if frame.focused():
        return
    with st.grid(3, min_column_width=220):
        controls.draw(spec, ["length", "weights", "gain", "forget_bias", "hidden", "seed"])


def picture(spec: SPEC) -> None:
    """The gradients, the open lens with its job, the questions."""
    settings(spec)
    drawn, (words, rows), asked = top(spec)
    frame.explain(words)
    charts.chart(drawn["gradient"], key="memory_length:gradient", height=draw.TOP_HEIGHT)
    st.dataframe(rows, hide_index=True, key="memory_length:table")
    controls.draw(spec, ["lens"])
    if spec.lens in TRAINED:
        jobs.panel(train, spec, start=TRAINED[spec.lens], show=lambda job: progress(spec, job))
    else:
        closer.draw(spec, view(spec), draw.LENS_HEIGHT)
    ask.ask("memory_length", asked)


def progress(spec: SPEC, job) -> None:
    """The lens with what its job has found so far."""
    told = job is not None and job.newest is not None
    seen = look(spec, job.metrics, job.newest.arrays) if told else view(spec)
    closer.draw(spec, seen, draw.LENS_HEIGHT)


def take_home(spec: SPEC) -> None:
    """The report and its table."""
    report.downloads("memory_length", lambda: sections(spec), lambda: table(spec))


explainer.show(
    memory_length,
    picture,
    "The three cells at the first weights on screen; autograd gives the gradients that the page finds by its own sweep. It prints the page's numbers.",
    take_home=take_home,
)
