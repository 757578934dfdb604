"""Learning-rate schedules: rate, loss and gradient on one axis, and a closer look."""

import streamlit as st

from core import schedules
from core.schedules import SPEC, TITLES, draw, look, menus, questions, ranking, run_of, sections, table, used
from pages._ui import charts, closer, controls, explainer, frame, report, runs
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Training one net under every schedule ...")
def seen(spec: SPEC) -> tuple:
    """The picture, the closer look and the questions."""
    run = run_of(spec)
    return run, draw.main(run), look(spec), questions(spec)


def settings(spec: SPEC) -> None:
    """Which schedules and how high; the net and the clipping in a drawer."""
    if frame.focused():
        return
    controls.choose(spec, {"shown": (list(TITLES), menus(spec))})
    with st.grid(4, min_column_width=200):
        controls.draw(spec, ["data", "optimizer", "rate", "steps", *used(spec)])
    with st.expander("Network, batches, seeds, clipping"), st.grid(4, min_column_width=200):
        controls.draw(spec, ["width", "depth", "activation", "batch", "seeds", "seed", "clip"])
        controls.draw(spec, ["threshold"] if spec.clip != "none" else [])


def picture(spec: SPEC) -> None:
    """The settings, the three panels, the open lens."""
    settings(spec)
    run, main, closely, asked = seen(spec)
    controls.draw(spec, ["metric"])
    charts.chart(main, key="schedules:main", height=draw.MAIN_HEIGHT)
    controls.draw(spec, ["lens"])
    if spec.lens == "clipping" and not frame.focused():
        with st.grid(2, min_column_width=240):
            controls.draw(spec, ["threshold"] if spec.clip == "none" else [])
    closer.draw(spec, closely, draw.LENS_HEIGHT)
    best = ranking(run)[0]
    runs.table(
        spec,
        {label: float(value) for label, value in zip(run.labels, run.end(spec.metric), strict=True)},
        run.metrics[spec.metric][best, 1].tolist(),
        x_title=f"moment, evenly over the race  [0 to {len(run.t) - 1}]",
        y_title=f"{draw.title_of(run, spec.metric)}, best schedule",
    )
    ask.ask("schedules", asked)


def take_home(spec: SPEC) -> None:
    """The report and the table."""
    report.downloads("schedules", lambda: sections(spec), lambda: table(spec))


explainer.show(
    schedules,
    picture,
    "The race on screen with torch's nn, autograd, optimizers and schedulers, one schedule after the other. It prints the page's final numbers.",
    take_home=take_home,
)
