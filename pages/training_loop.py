"""The loop lit line by line, its course with the callbacks, pause and step, and closer looks."""

import time

import streamlit as st

from core import training_loop
from core.training_loop import (
    FILMED,
    SPEC,
    about,
    actions,
    captions,
    checkpoint_file,
    core_of,
    draw,
    events,
    film_steps,
    look,
    moments,
    pictures,
    questions,
    run_of,
    sections,
    table,
    timed,
)
from pages._ui import acting, charts, closer, controls, explainer, frame, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM, EPOCHS = "training_loop.film", "training_loop.epochs"


@st.cache_data(max_entries=32, show_spinner="The loop runs ...")
def measured(spec: SPEC):
    """Seconds of the parts of this loop, and a sentence about them."""
    return timed(run_of(spec))


@st.cache_data(max_entries=64, show_spinner="The loop runs ...")
def top(spec: SPEC):
    """What stands above the lens."""
    run, (seconds, words) = run_of(spec), measured(core_of(spec))
    return about(run), words, pictures(run, seconds), captions(run), [moment.step for moment in moments(run)]


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    run = run_of(spec)
    return look(run), questions(run), film_steps(run) if spec.lens in FILMED else []


def settings(spec: SPEC) -> None:
    """Data, net and optimizer above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=200):
        controls.draw(spec, ["optimizer", "rate", "epochs", "patience"])
    with st.expander("Data, net, dropout, schedule, clipping, budget"), st.grid(3, min_column_width=230):
        controls.draw(spec, ["points", "scale", "labels", "batch", "depth", "width", "dropout", "schedule", "clip"])
        controls.draw(spec, ["budget", "smooth", "seed", "hole"])


def pace(spec: SPEC, at: int) -> None:
    """Pause, step, go on: the run itself stands still, and everything below shows it there."""
    if frame.focused():
        return
    run = run_of(spec)
    with st.container(horizontal=True, vertical_alignment="center"):
        acting.button(spec, "Rewind", actions.rewind, icon=":material/first_page:")
        acting.button(spec, "One step", actions.one_step, icon=":material/skip_next:")
        acting.button(spec, "One epoch", actions.one_epoch, icon=":material/fast_forward:")
        acting.button(spec, "Pause at the film", actions.pause, at, icon=":material/pause:")
        acting.button(spec, "Go on", actions.resume, icon=":material/play_arrow:", disabled=spec.stand < 0)
        st.markdown(f"The run stands after step **{run.ends[-1]}** of {run.plan.steps}.")


def loop(spec: SPEC) -> None:
    """The listing and the course under one transport bar, then the lens."""
    words, speed, drawn, steps, places = top(spec)
    charts.chart(
        drawn["loop"], key="training_loop:loop", height=draw.LISTING_HEIGHT, min_width=draw.LISTING_WIDTH, film=FILM
    )
    rested = transport(FILM, steps, key="training_loop:transport")
    charts.chart(drawn["course"], key="training_loop:course", height=draw.TOP_HEIGHT, film=FILM)
    pace(spec, places[rested])
    frame.explain(words)
    if not frame.focused():
        st.caption(speed)
    controls.draw(spec, ["lens"])
    seen, asked, film = view(spec)
    if film:
        transport(EPOCHS, film, key="training_loop:transport.epochs", at=len(film) - 1)
    closer.draw(spec, seen, draw.LENS_HEIGHT, EPOCHS if film else "")
    ask.ask("training_loop", asked)


def picture(spec: SPEC) -> None:
    """The settings, then the loop."""
    settings(spec)
    loop(spec)


def take_home(spec: SPEC) -> None:
    """Report, history, event file, checkpoints."""
    report.downloads("training_loop", lambda: sections(spec), lambda: table(spec))
    files = {
        "Download event file (TensorBoard)": (lambda: events(spec, time.time()), "events.out.tfevents.0.glassnet"),
        "Download checkpoint (best)": (lambda: checkpoint_file(spec, "best"), "best.npz"),
        "Download checkpoint (last)": (lambda: checkpoint_file(spec, "last"), "last.npz"),
    }
    with st.container(horizontal=True):
        for words, (made, name) in files.items():
            st.download_button(
                words, made, name, "application/octet-stream", on_click="ignore", key=f"training_loop:{name}"
            )
    st.caption(
        "The event file goes into a folder of its own; `tensorboard --logdir` with that folder shows it. A checkpoint is opened by `numpy.load`: theta, the optimizer's memory, the order of the epoch, and as JSON the counters and the random generator."
    )


explainer.show(
    training_loop,
    picture,
    "The whole loop by torch: batches, callbacks, checkpoints, and what the open look computes. It prints the page's numbers.",
    take_home=take_home,
)
