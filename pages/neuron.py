"""Points that can be moved, one neuron's line between them, and the lessons that put it there."""

from dataclasses import replace

import streamlit as st

from core import neuron
from core.neuron import (
    SETTINGS,
    SPEC,
    TUNED,
    after_click,
    draw,
    look,
    pictures,
    points_of,
    points_text,
    questions,
    read_points,
    run_of,
)
from pages._ui import charts, controls, explainer, frame
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "neuron.film"
NAMES = {"x₁": 0, "x₂": 1, "class": 2}


def anew() -> None:
    """Generated points again, and the end of the film."""
    controls.change(SPEC, points="", step=-1, selected=0)


def rewind() -> None:
    """The end of the film."""
    controls.change(SPEC, step=-1)


def settings(spec: SPEC) -> None:
    """Points, then the rule and what belongs to it."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["data", *SETTINGS.get(spec.data, ())], then=anew)
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["rule", *TUNED[spec.rule]], then=rewind)


def table(spec: SPEC) -> None:
    """Every point as a row that can be edited, added and deleted."""
    if frame.focused():
        return
    with st.expander("The points as a table"):
        rows = [{"x₁": x1, "x₂": x2, "class": "+" if y > 0 else "-"} for x1, x2, y in points_of(spec)]
        edited = st.data_editor(
            rows, num_rows="dynamic", key=f"neuron:table.{hash(points_text(points_of(spec)))}", width="stretch",
            column_config={"class": st.column_config.SelectboxColumn(options=["+", "-"], required=True)},
        )  # fmt: skip
        whole = [row for row in edited if all(row.get(name) not in (None, "") for name in NAMES)]
        with frame.plainly():
            text = points_text(read_points("; ".join(" ".join(str(row[name]) for name in NAMES) for row in whole)))
            if text != points_text(points_of(spec)):
                controls.change(SPEC, points=text, step=-1)
                st.rerun()


def clicked(spec: SPEC, click) -> None:
    """Select, move, add or remove the point that the click is about."""
    if click is None or click.x is None or click.y is None:
        return
    hit = click.customdata if isinstance(click.customdata, int) else None
    points = points_of(spec)
    text, selected = after_click(points, spec.click, min(spec.selected, len(points)), (click.x, click.y), hit)
    if text != points_text(points):
        controls.change(SPEC, points=text, selected=selected, step=-1)
        st.rerun()
    if selected != spec.selected:
        controls.change(SPEC, selected=selected)
        st.rerun()


def lesson(spec: SPEC) -> None:
    """The plane, the film of the lessons, and the lens."""
    drawn, run = pictures(spec), run_of(spec)
    left, right = st.columns(2, gap="medium")
    with left:
        clicked(
            spec, charts.chart(drawn["plane"], key="neuron:plane", height=draw.PLANE_HEIGHT, film=FILM, clickable=True)
        )
        controls.draw(spec, ["click"])
    with right:
        if "progress" in drawn:
            at = draw.nearest_frame(run, spec.step)
            steps = draw.film_steps(run, spec.rule, spec.rate)
            rested = transport(FILM, steps, key="neuron:transport", at=at)
            if rested != at:
                spec = replace(spec, step=-1 if rested == len(steps) - 1 else int(draw.frames_at(run)[rested]))
                controls.change(SPEC, step=spec.step)
            charts.chart(drawn["progress"], key="neuron:progress", height=draw.PROGRESS_HEIGHT, film=FILM)
        table(spec)
    controls.draw(spec, ["lens"])
    closer(spec)
    ask.ask("neuron", questions(spec, run))


def closer(spec: SPEC) -> None:
    """The open lens: sentences, formulas, its control and picture, table."""
    seen = look(spec)
    if seen.drawing:
        st.image(str(frame.ROOT / "assets/img/neuron.svg"), caption="Left: a nerve cell. Right: an artificial neuron.")
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    controls.draw(spec, seen.params)
    for name, figure in seen.figures.items():
        charts.chart(figure, key=f"neuron:lens.{name}", height=draw.LENS_HEIGHT)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, height="content", key=f"neuron:rows.{spec.lens}")


def picture(spec: SPEC) -> None:
    """The settings, then the lesson."""
    settings(spec)
    lesson(spec)


explainer.show(
    neuron,
    picture,
    "The points and the lessons on screen. It prints the page's numbers; the delta rule's correction is autograd's gradient.",
)
