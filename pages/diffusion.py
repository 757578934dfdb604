"""Noise becomes data: the two clouds with their film, the field, nine closer looks, and nets that learn while one watches."""

import streamlit as st

from core import diffusion
from core.diffusion import (
    SPEC,
    Study,
    about,
    at_once,
    controls_of,
    draw,
    film_steps,
    frame_at,
    frame_of,
    look,
    nets_from,
    pictures,
    questions,
    sections,
    table,
    train,
    without_film,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.acting import follow
from pages._ui.transport import transport

FILM = "diffusion.film"


def told(study: Study):
    """Everything that the page shows of a run."""
    return about(study), pictures(study), look(study), questions(study)


@st.cache_data(max_entries=48, show_spinner="Computing ...")
def seen(spec: SPEC):
    return told(Study(spec))


def settings(spec: SPEC) -> None:
    """Target and method above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    shown = controls_of(spec)
    for place in ("first", "second"):
        if shown[place]:
            with st.grid(4, min_column_width=210):
                controls.draw(spec, shown[place])
    with st.expander("Width of the clouds, net, training, seed"), st.grid(3, min_column_width=240):
        controls.draw(spec, shown["drawer"])


def run(spec: SPEC) -> None:
    """At once where training is short; else as a job, with fewer updates shown until it has begun."""
    whole = without_film(spec)
    quick = at_once(whole)
    if quick == whole:
        lesson(spec, *seen(whole))
    else:
        jobs.panel(train, whole, start=f"Train {spec.updates} updates", show=lambda view: progress(spec, quick, view))


def progress(spec: SPEC, quick: SPEC, view) -> None:
    """The job's nets so far; before it has any, those of a shorter training."""
    whole = without_film(spec)
    nets = None if view is None or view.newest is None else nets_from(whole, view.newest.arrays)
    if nets is None:
        st.caption(f"Until you train, you see nets of {quick.updates} updates.")
        lesson(spec, *seen(quick))
    else:
        lesson(spec, *told(Study(whole, nets)))


def lesson(spec: SPEC, words, drawn, closer_look, asked) -> None:
    """The two clouds, their film, the lens, questions."""
    for place, name in zip(st.columns(2, gap="medium"), ("forward", "backward"), strict=True):
        with place:
            charts.chart(drawn[name], key=f"diffusion:{name}", height=draw.TOP_HEIGHT, film=FILM)
    follow(spec, frame_at, transport(FILM, film_steps(spec), key="diffusion:transport", at=frame_of(spec)))
    frame.explain(words)
    controls.draw(spec, ["lens"])
    height = draw.RACE_HEIGHT if spec.lens == "race" else draw.LENS_HEIGHT
    closer.draw(spec, closer_look, height, FILM if spec.lens == "denoise" else "")
    ask.ask("diffusion", asked)


def picture(spec: SPEC) -> None:
    """The settings, then the run."""
    settings(spec)
    run(spec)


def take_home(spec: SPEC) -> None:
    """The report and the table of points."""
    report.downloads("diffusion", lambda: sections(spec), lambda: table(spec))


explainer.show(
    diffusion,
    picture,
    "The page's engine in NumPy with PyTorch beside it. It prints the page's numbers.",
    take_home=take_home,
)
