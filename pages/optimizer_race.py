"""Choose a hill and a field of optimizers, set the start by a click, watch the race, look closer."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from core import optimizer_race
from core.errors import ExplainerError
from core.optimizer_race import (
    PLAYED,
    SCHEDULED,
    SPEC,
    TITLES,
    about_hill,
    draw,
    look,
    menus,
    pictures,
    questions,
    race_part,
    run_of,
    sections,
    start_text,
    table,
)
from pages._ui import charts, controls, explainer, frame, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "optimizer_race.film"


@st.cache_resource(max_entries=32, show_spinner=False)  # shared: to copy a film takes longer than a rerun
def film(spec: SPEC) -> dict:
    return pictures(spec)


@st.cache_data(max_entries=64, show_spinner="Running many races at once ...")
def view(spec: SPEC):
    return look(spec)


def anew() -> None:
    """Another hill: its own start, the end of the film."""
    controls.change(SPEC, start="", step=-1)


def settings(spec: SPEC) -> None:
    """Hill, racers and rate above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=220):
        controls.draw(spec, ["surface"], then=anew)
        controls.draw(
            spec,
            [name for name in PLAYED.get(spec.surface, ()) if name != "formula"],
            then=anew if spec.surface == "typed" else None,
        )
        controls.draw(spec, ["rates", *(["rate"] if spec.rates == "same" or spec.lens == "theory" else []), "steps"])
    if spec.surface == "typed":
        controls.draw(spec, ["formula"], then=anew)
    field(spec)
    with st.expander("Momentum, decay, schedule, clipping, noise"), st.grid(3, min_column_width=240):
        controls.draw(spec, ["momentum", "beta1", "beta2", "weight_decay", "decoupled", "noise", "seed", "schedule"])
        controls.draw(spec, SCHEDULED.get(spec.schedule, ()))
        controls.draw(spec, ["clip", *(["threshold"] if spec.clip != "none" else [])])


def field(spec: SPEC) -> None:
    """Who races, and from where."""
    racers, start = st.columns([3, 2], gap="medium")
    chosen, (x, y) = menus(spec)
    with racers:
        controls.choose(spec, {"racers": (list(dict.fromkeys([*TITLES, *chosen])), chosen)})
    with start, st.grid(2, min_column_width=160):
        controls.sliders(spec, "start", {"start x": x, "start y": y}, lambda at: start_text(*at.values()))


def start_here(spec: SPEC, click) -> None:
    """Move the start to the place that was clicked, and run the race from there."""
    if click is None or click.x is None or click.y is None:
        return
    start = start_text(click.x, click.y)
    if start != spec.start:
        controls.change(SPEC, start=start)
        st.rerun()


def race(spec: SPEC) -> None:
    """The map, the relief, their film, the values, and the lens."""
    run, drawn = run_of(spec), film(race_part(spec))
    left, right = st.columns([5, 4], gap="small")
    with left:
        click = charts.chart(drawn["map"], key="optimizer_race:map", height=draw.MAP_HEIGHT, film=FILM, clickable=True)
    with right:
        charts.chart(drawn["relief"], key="optimizer_race:relief", height=draw.MAP_HEIGHT, film=FILM)
    start_here(spec, click)
    times, at = draw.film_times(run), draw.nearest_frame(run, spec.step)
    rested = transport(FILM, draw.film_steps(run), key="optimizer_race:transport", at=at)
    if rested != at:
        spec = replace(spec, step=-1 if rested == len(times) - 1 else int(times[rested]))
        controls.change(SPEC, step=spec.step)
    frame.explain(about_hill(run))
    st.markdown("**How far above the lowest value**")
    charts.chart(drawn["values"], key="optimizer_race:values", height=draw.VALUES_HEIGHT, film=FILM)
    controls.draw(spec, ["lens"])
    closer(spec)
    ask.ask("optimizer_race", questions(spec, run))


def closer(spec: SPEC) -> None:
    """The open lens: its own controls, sentences, formulas, pictures, table."""
    seen = view(spec)
    if seen.params or seen.choices:
        with st.grid(4, min_column_width=200):
            controls.draw(spec, seen.params)
            controls.choose(spec, seen.choices)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    beside = len(seen.figures) == 1 and seen.rows
    columns = st.columns([3, 2] if beside else max(1, len(seen.figures)), gap="medium")
    for column, (name, figure) in zip(columns, seen.figures.items(), strict=False):
        with column:
            click = charts.chart(
                figure, key=f"optimizer_race:lens.{name}", height=draw.LENS_HEIGHT, clickable=name == "basins"
            )
        if name == "basins":
            start_here(spec, click)
    if seen.rows:
        with columns[1] if beside else st.container():
            st.dataframe(seen.rows, hide_index=True, height="content", key=f"optimizer_race:rows.{spec.lens}")


def picture(spec: SPEC) -> None:
    """The settings, then the race."""
    settings(spec)
    race(spec)


def take_home(spec: SPEC) -> None:
    """The report and the table of the race; where it cannot be run, the tab itself says why."""
    with suppress(ExplainerError):
        run_of(spec)
        report.downloads("optimizer_race", lambda: sections(spec, pictures(spec)), lambda: table(spec))


explainer.show(
    optimizer_race,
    picture,
    "The race on screen with torch's own optimizers. It prints the page's final values.",
    take_home=take_home,
)
