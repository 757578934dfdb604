"""Train one small network with many optimizers at once, compare their curves, look closer."""

from dataclasses import replace

import streamlit as st

from core import network_race
from core.network_race import (
    AT_ONCE,
    SCHEDULED,
    SPEC,
    TITLES,
    draw,
    look,
    menus,
    outcome_of,
    pictures,
    preview,
    questions,
    race_part,
    run_of,
    seconds,
    sections,
    summary,
    table,
    train,
)
from pages._ui import charts, controls, explainer, frame, jobs, report, runs
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Training all racers at once ...")
def seen(spec: SPEC) -> tuple:
    """The race, its curves and its closer look."""
    run = run_of(spec)
    return run, pictures(run), look(run)


@st.cache_data(max_entries=16, show_spinner=False)
def glimpse(spec: SPEC):
    """A shorter race, for as long as the whole one has not been run."""
    return preview(spec)


def settings(spec: SPEC) -> None:
    """Data, racers, rate and length above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=220):
        controls.draw(spec, ["data", "rates", *(["rate"] if spec.rates == "same" else []), "steps", "batch"])
    chosen = menus(spec)
    controls.choose(spec, {"racers": (list(dict.fromkeys([*TITLES, *chosen])), chosen)})
    with st.expander("Network, seeds, momentum, decay, schedule, clipping"), st.grid(3, min_column_width=240):
        controls.draw(spec, ["width", "depth", "activation", "seeds", "seed"])
        controls.draw(spec, ["momentum", "beta1", "beta2", "weight_decay", "schedule"])
        controls.draw(spec, SCHEDULED.get(spec.schedule, ()))
        controls.draw(spec, ["clip", *(["threshold"] if spec.clip != "none" else [])])


def race(spec: SPEC) -> None:
    """A short race at once; a long one as a job, with the first steps of a shorter one shown until it is run."""
    if seconds(spec) <= AT_ONCE:
        lesson(*seen(spec), spec)
        return
    jobs.panel(train, race_part(spec), start="Run the whole race", show=lambda view: progress(spec, view))


def progress(spec: SPEC, view) -> None:
    """The job's race so far, if it is the one that the settings ask for; else a shorter one."""
    run = None if view is None or view.newest is None else outcome_of(view.newest.arrays)
    if run is not None and run.spec == race_part(spec):
        run = replace(run, spec=spec)
        lesson(run, pictures(run), look(run), spec)
        return
    short = glimpse(spec)
    st.caption(
        f"The whole race takes about {seconds(spec):.0f} s of computing. Until you run it you see a shorter one: "
        f"{short.spec.steps} steps under one seed" + (", at one rate for all." if spec.rates == "tuned" else ".")
    )
    lesson(short, pictures(short), look(short), spec)


def lesson(run, shown, closer, spec: SPEC) -> None:
    """The curves, the closer look, the run table and the questions."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        controls.draw(spec, ["metric"])
    with right:
        controls.draw(spec, ["clock"])
    charts.chart(shown["curves"], key="network_race:curves", height=draw.CURVES_HEIGHT)
    controls.draw(spec, ["lens"])
    below(closer, spec)
    pin = summary(run)
    runs.table(spec, pin.metrics, pin.curve, x_title=pin.x_title, y_title=pin.y_title)
    ask.ask("network_race", questions(run))


def below(closer, spec: SPEC) -> None:
    """The open lens: its own controls, sentences, pictures, table."""
    if closer.params or closer.choices:
        with st.grid(2, min_column_width=320):
            controls.draw(spec, closer.params)
            controls.choose(spec, closer.choices)
    for sentence in closer.sentences:
        st.markdown(sentence)
    for name, figure in closer.figures.items():
        charts.chart(figure, key=f"network_race:lens.{name}", height=draw.LENS_HEIGHT)
    if closer.rows:
        st.dataframe(closer.rows, hide_index=True, height="content", key=f"network_race:rows.{spec.lens}")


def picture(spec: SPEC) -> None:
    """The settings, then the race."""
    settings(spec)
    race(spec)


def take_home(spec: SPEC) -> None:
    """The report and the table of a race that is run while one waits."""
    if seconds(spec) <= AT_ONCE:
        report.downloads("network_race", lambda: sections(spec), lambda: table(spec))


explainer.show(
    network_race,
    picture,
    "The race on screen with torch's nn, autograd and optimizers, one racer after the other. It prints the page's final numbers.",
    take_home=take_home,
)
