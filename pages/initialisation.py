"""A deep stack before and in training: signal, gradient, and what the first weights have to do with them."""

import streamlit as st

from core import initialisation
from core.initialisation import (
    AT_ONCE,
    OWN,
    SPEC,
    TRAINED,
    about,
    draw,
    look,
    pictures,
    questions,
    schemes_table,
    seconds,
    sections,
    shown_film,
    table,
    train,
    train_part,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "initialisation.film"


@st.cache_data(max_entries=64, show_spinner=False)
def top(spec: SPEC):
    """What stands above the lens."""
    return about(spec), pictures(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    """The lens, from a training that is short enough to be run at once or from its first steps."""
    film = shown_film(spec) if spec.lens in TRAINED else None
    return look(spec, film), questions(spec, film), film


def settings(spec: SPEC) -> None:
    """The stack above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=200):
        controls.draw(
            spec, ["activation", "scheme", *(["sigma"] if spec.scheme in OWN else []), "scale", "depth", "width"]
        )
    controls.draw(spec, ["repair"])
    with st.expander("Biases, normalisation, residual connections, points, training, all schemes"):
        with st.grid(3, min_column_width=220):
            controls.draw(spec, ["bias", "norm", "residual", "data", "rate", "steps", "seed"])
        st.dataframe(schemes_table(spec), hide_index=True, key="initialisation:schemes")


def stack(spec: SPEC) -> None:
    """Signal and gradient, then the lens: a long training is a job."""
    words, shown = top(spec)
    for column, (name, figure) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            charts.chart(figure, key=f"initialisation:{name}", height=draw.TOP_HEIGHT)
    frame.explain(words)
    controls.draw(spec, ["lens"])
    if spec.lens in TRAINED and seconds(spec) > AT_ONCE:
        jobs.panel(train, train_part(spec), start="Train all steps", show=lambda job: progress(spec, job))
    else:
        lesson(spec, *view(spec))


def progress(spec: SPEC, job) -> None:
    """The job's training so far, if it is of these settings; else the first steps."""
    if job is not None and job.newest is not None:
        film = shown_film(spec, job.newest.arrays)
        if film.spec == train_part(spec):
            lesson(spec, look(spec, film), questions(spec, film), film)
            return
    seen, asked, film = view(spec)
    frame.explain(
        f"All {spec.steps} steps take about {seconds(spec):.0f} s. Until you train them you see the first {film.spec.steps}."
    )
    lesson(spec, seen, asked, film)


def lesson(spec: SPEC, seen, asked, film) -> None:
    """The open lens; its film under a transport bar."""
    if spec.lens == "film":
        steps = draw.film_steps(film.step, film.losses[0], film.parts["g"][0])
        transport(FILM, steps, key="initialisation:transport", at=len(steps) - 1)
    closer.draw(spec, seen, draw.LENS_HEIGHT, FILM if spec.lens == "film" else "")
    ask.ask("initialisation", asked)


def picture(spec: SPEC) -> None:
    """The settings, then the stack."""
    settings(spec)
    stack(spec)


explainer.show(
    initialisation,
    picture,
    "The stack on screen by torch, its gradients by autograd, and what the open look computes. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("initialisation", lambda: sections(spec), lambda: table(spec)),
)
