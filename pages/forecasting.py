"""Choose a series, look at its windows, compare three baselines with three nets, and see what the numbers are worth."""

import streamlit as st

from core import forecasting
from core.forecasting import (
    GENERATED,
    OWN,
    SPEC,
    about,
    belongs,
    curves_of,
    draw,
    look,
    pictures,
    questions,
    quick,
    resolved,
    sections,
    study_of,
    table,
    target_names,
    trainer,
    verdict,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

TRAINED = "forecasting:trained"  # the newest nets of this visitor's job


@st.cache_data(max_entries=64, show_spinner="Training the nets for a few epochs ...")
def first(spec: SPEC):
    """What stands above the lens before the nets are trained to the end."""
    snapshot, curves = quick(spec)
    run = study_of(spec, snapshot)
    return run, pictures(run, curves)


@st.cache_data(max_entries=32, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(first(spec)[0])


def settings(spec: SPEC) -> None:
    """Series, windows and models above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    controls.draw(spec, ["data"], then=lambda: controls.change(SPEC, target="", at=-1))
    if spec.data == "own":
        own_series(spec)
    names = target_names(spec)
    with st.grid(4, min_column_width=190):
        controls.draw(spec, ["window", "horizon", "stride", "metric"], then=lambda: controls.change(SPEC, at=-1))
        if names:
            controls.choose(spec, {"target": (names, spec.target if spec.target in names else default(names))})
        controls.draw(spec, ["inputs", "strategy", "cells"])
    with st.expander("Series, scale, nets, intervals, a leak"), st.grid(4, min_column_width=190):
        controls.draw(spec, [*GENERATED.get(spec.data, ()), "season", "log", "anchor"])
        controls.draw(spec, ["units", "epochs", "rate", "seed", "model"])
        if spec.lens != "intervals":
            controls.draw(spec, ["level"])
        if spec.lens != "leak":
            controls.draw(spec, ["leak"])


def default(names: tuple[str, ...]) -> str:
    """The column that is forecast when none was chosen."""
    return next((name for name in ("GOOG", "MSFT") if name in names), names[0])


def own_series(spec: SPEC) -> None:
    """A file of the visitor's."""
    upload = st.file_uploader(
        "A table of your own (CSV, first line: column names, one row a time)",
        type=["csv", "tsv", "txt"],
        key="forecasting:csv",
        max_upload_size=2,
    )
    if upload is not None:
        with frame.plainly():
            digest = OWN.keep(upload.getvalue())
            if digest != spec.own:
                controls.change(SPEC, own=digest, target="", at=-1)
                st.rerun()


def lab(run, drawn) -> None:
    """The four pictures with their film, and what they say."""
    spec = run.problem.spec
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(drawn["windows"], key="forecasting:windows", height=draw.TOP_HEIGHT, film=draw.FILM)
    with right:
        charts.chart(drawn["forecast"], key="forecasting:forecast", height=draw.TOP_HEIGHT, film=draw.FILM)
    at = draw.nearest_frame(run.problem, spec.at)
    rested = transport(draw.FILM, draw.film_steps(run.problem), key="forecasting:transport", at=at)
    if rested != at:
        controls.change(SPEC, at=int(draw.film_windows(run.problem)[rested]))
    frame.explain(about(run))
    st.markdown(verdict(run))
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(drawn["scores"], key="forecasting:scores", height=draw.SMALL_HEIGHT)
    with right:
        charts.chart(drawn["training"], key="forecasting:training", height=draw.SMALL_HEIGHT)


def progress(spec: SPEC, job) -> None:
    """The job's nets so far, if they belong to these settings; else those of the first epochs."""
    newest = job.newest if job is not None else None
    if newest is not None and belongs(newest.arrays, spec):
        run = study_of(spec, newest)
        lab(run, pictures(run, curves_of(job.metrics)))
        st.session_state[TRAINED] = newest
        return
    run, drawn = first(spec)
    if run.epochs < spec.epochs:
        frame.explain(f"The nets have trained {run.epochs} of {spec.epochs} epochs. Train them to the end to compare.")
    lab(run, drawn)


def closer_look(spec: SPEC):
    """The open lens on the trained nets where there are any, else on those of the first epochs."""
    newest = st.session_state.get(TRAINED)
    return look(study_of(spec, newest)) if newest is not None and belongs(newest.arrays, spec) else view(spec)


def picture(spec: SPEC) -> None:
    """The settings, then the lab, the lens, questions."""
    settings(spec)
    spec, why = resolved(spec)
    if why:
        st.info(why, icon=":material/table:")
    run, _ = first(spec)
    jobs.panel(trainer(spec), spec, start="Train the nets", show=lambda job: progress(spec, job))
    controls.draw(spec, ["lens"])
    closer.draw(spec, closer_look(spec), draw.LENS_HEIGHT)
    ask.ask("forecasting", questions(run))


def take_home(spec: SPEC) -> None:
    """The report and the table of test forecasts."""
    report.downloads("forecasting", lambda: sections(spec), lambda: table(spec))


explainer.show(
    forecasting,
    picture,
    "The same windows, baselines and nets with torch and NumPy, all epochs. It prints the page's measures.",
    take_home=take_home,
)
