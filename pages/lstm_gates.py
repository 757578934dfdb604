"""Recurrent nets trained side by side; every gate of one of them on one sequence, to read, to search and to operate on."""

import streamlit as st

from core import lstm_gates
from core.lstm_gates import (
    DELAYS,
    SPEC,
    TASKS,
    draw,
    learned_from,
    look,
    pictures,
    questions,
    scene,
    sections,
    shots_of,
    summary,
    table,
    train,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "lstm_gates:film"


def settings(spec: SPEC) -> None:
    """Task, cell and sequence above the pictures; the training in a drawer."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["task"], then=own_delay)
        controls.draw(spec, ["cell", "text", *(["delay"] if TASKS[spec.task].delayed else [])])
    with st.expander("The nets and their training"), st.grid(3, min_column_width=230):
        controls.draw(spec, ["hidden", "same", "layers", "bidirectional", "weights", "forget_bias"])
        controls.draw(spec, ["steps", "rate", "clip", "seed"])


def own_delay() -> None:
    """A new task begins at a delay that suits it, with a sequence of its own."""
    task = st.session_state[SPEC.key("task")]
    controls.change(SPEC, delay=DELAYS[task], text="")


def lesson(spec: SPEC, job) -> None:
    """Everything that depends on the weights: those of the job, if it trains what the settings ask for."""
    learned = told = None
    if job is not None and job.newest is not None and len(job.metrics.get("step", ())):
        learned = learned_from(spec, job.metrics, job.newest.arrays)
        told = job.film if learned is not None else None
    with frame.plainly():
        below(spec, scene(spec, learned), told or ())


def below(spec: SPEC, now, told) -> None:
    """The gates, the answers and the curves; the closer look; the questions."""
    shown = pictures(now)
    frame.explain(summary(now))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        charts.chart(shown["maps"], key="lstm_gates:maps", height=draw.maps_height(now), min_width=420)
    with right:
        charts.chart(shown["answers"], key="lstm_gates:answers", height=draw.ANSWERS_HEIGHT)
        charts.chart(shown["curves"], key="lstm_gates:curves", height=draw.CURVES_HEIGHT)
    controls.draw(spec, ["lens"])
    seen = look(now, told)
    with frame.plainly():
        closer.draw(spec, seen, draw.LENS_HEIGHT, film=FILM if spec.lens == "film" else "")
        if spec.lens == "film":
            steps = shots_of(now, told)
            transport(FILM, steps, key="lstm_gates:transport", at=len(steps) - 1)
    ask.ask("lstm_gates", questions(now))


def picture(spec: SPEC) -> None:
    """The settings, then the job and what it has learned so far."""
    settings(spec)
    jobs.panel(train, spec, start="Train the nets", show=lambda job: lesson(spec, job))


def take_home(spec: SPEC) -> None:
    """The report and its table."""
    report.downloads("lstm_gates", lambda: sections(spec), lambda: table(spec))


explainer.show(
    lstm_gates,
    picture,
    "The net on screen with its weights as text: every gate from the equations, held against torch's own layer. It prints the numbers of the chosen unit and step.",
    take_home=take_home,
)
