"""Eleven kinds of regularisation beside a plain net: curves, differences with intervals, a closer look, questions."""

import streamlit as st

from core import regularisation
from core.regularisation import (
    AT_ONCE,
    GRADED,
    KINDS,
    SPEC,
    chosen,
    draw,
    look,
    pictures,
    plan_of,
    questions,
    run_from,
    run_of,
    seconds,
    sections,
    summary,
    table,
    train,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Training all nets at once ...")
def seen(spec: SPEC):
    """What the page shows of nets that are trained while one waits."""
    run = run_of(spec)
    return summary(run, spec), pictures(run, spec), look(run, spec), questions(run, spec)


def settings(spec: SPEC) -> None:
    """Data, kinds and design above the pictures; strengths and the rest in drawers."""
    if frame.focused():
        return
    with st.grid(3, min_column_width=220):
        controls.draw(spec, ["data", "design", "metric"])
    controls.choose(spec, {"kinds": (list(KINDS.values()), [part.strip() for part in spec.kinds.split(",")])})
    with st.grid(3, min_column_width=220):
        controls.draw(spec, [kind for kind in chosen(spec) if kind in GRADED])
    with st.expander("Points, wrong labels, net, optimizer, steps, seeds"), st.grid(3, min_column_width=240):
        controls.draw(
            spec, ["points", "flips", "width", "depth", "optimizer", "rate", "steps", "batch", "seeds", "seed"]
        )


def comparison(spec: SPEC) -> None:
    """At once where it is short; else as a job, with fewer seeds and steps shown until it is done."""
    wait = seconds(plan_of(spec))
    if wait <= AT_ONCE:
        lesson(spec, *seen(spec))
    else:
        jobs.panel(train, spec, start=f"Train all seeds (about {wait:.0f} s)", show=lambda view: progress(spec, view))


def progress(spec: SPEC, view) -> None:
    """The job's nets once they are trained; until then those of a shorter run."""
    run = None if view is None or view.newest is None else run_from(spec, view.newest.arrays)
    if run is None:
        st.caption(
            "Until the whole comparison is trained you see one of fewer seeds and steps; the table says how many."
        )
        lesson(spec, *seen(spec))
    else:
        lesson(spec, summary(run, spec), pictures(run, spec), look(run, spec), questions(run, spec))


def lesson(spec: SPEC, told, shown, closer_look, asked) -> None:
    """Curves, differences and table; the lens; questions."""
    words, rows = told
    frame.explain(words)
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(shown["training"], key="regularisation:training", height=draw.TOP_HEIGHT)
    with right:
        charts.chart(shown["validation"], key="regularisation:validation", height=draw.TOP_HEIGHT)
    height = draw.forest_height(len(rows) - 1)
    charts.chart(shown["differences"], key="regularisation:differences", height=height)
    st.dataframe(rows, hide_index=True, key="regularisation:table")
    controls.draw(spec, ["lens"])
    closer.draw(spec, closer_look, draw.LENS_HEIGHT)
    ask.ask("regularisation", asked)


def picture(spec: SPEC) -> None:
    """The settings, then the comparison."""
    settings(spec)
    comparison(spec)


def take_home(spec: SPEC) -> None:
    """The report and the table of every net."""
    report.downloads("regularisation", lambda: sections(spec), lambda: table(spec))


explainer.show(
    regularisation,
    picture,
    "All nets on screen with torch's autograd and optimizers. It prints the page's numbers.",
    take_home=take_home,
)
