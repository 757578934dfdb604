"""Encoder-decoders with and without attention: alignment, bottleneck, teacher forcing, a forced token, beam search."""

import streamlit as st

from core import seq2seq
from core.seq2seq import SPEC, about, course_of, draw, look, questions, run_of, sections, table, top, train
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "seq2seq.film"


@st.cache_data(max_entries=64, show_spinner=False)
def answered(spec: SPEC):
    """What stands above the lens."""
    run = run_of(spec)
    return about(spec, run), top(run)


@st.cache_data(max_entries=64, show_spinner="Measuring ...")
def view(spec: SPEC):
    run = run_of(spec)
    return look(spec, run), questions(spec, run)


def settings(spec: SPEC) -> None:
    """Task, attention, source."""
    if frame.focused():
        return
    controls.draw(spec, ["task"], then=lambda: controls.change(SPEC, source="", token=""))
    with st.grid(2, min_column_width=280):
        controls.draw(spec, ["attention", "source"])


def lens(spec: SPEC) -> None:
    """The open lens; in the last one the visitor trains a model as a job."""
    controls.draw(spec, ["lens"])
    if spec.lens != "training":
        shown(spec, view(spec)[0])
        return
    if not frame.focused():
        with st.grid(3, min_column_width=220):
            controls.draw(spec, ["ratio", "hidden", "steps", "rate", "seed"])
    jobs.panel(train, spec, start="Train this model", show=lambda job: progress(spec, job))


def progress(spec: SPEC, job) -> None:
    """The training so far, if it is that of these settings."""
    film = () if job is None or job.newest is None else job.film if job.state in ("done", "stopped") else (job.newest,)
    if film and str(film[-1].arrays["course"]) != repr(course_of(spec)):
        frame.explain("The settings have changed since this training began; start it again.")
        film = ()
    shown(spec, look(spec, run_of(spec), film))


def shown(spec: SPEC, seen) -> None:
    """The transport bar of the lens's film, and the lens."""
    film = FILM if len(seen.steps) > 1 else ""
    if film:
        transport(film, seen.steps, key=f"seq2seq:transport.{spec.lens}", at=len(seen.steps) - 1)
    closer.draw(spec, seen, draw.LENS_HEIGHT, film)


def picture(spec: SPEC) -> None:
    """The settings, the answer, the lens, the questions."""
    settings(spec)
    words, drawn = answered(spec)
    frame.explain(words)
    for column, name in zip(st.columns(2, gap="medium"), ("look", "answer"), strict=True):
        with column:
            charts.chart(drawn[name], key=f"seq2seq:{name}", height=draw.TOP_HEIGHT)
    lens(spec)
    ask.ask("seq2seq", view(spec)[1])


explainer.show(
    seq2seq,
    picture,
    "The model as its papers write it, with the trained weights, in torch. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("seq2seq", lambda: sections(spec), lambda: table(spec)),
)
