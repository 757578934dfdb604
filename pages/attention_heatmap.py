"""A trained transformer on a task with a known alignment: all heads, one head's map, lines and rows; and one that learns live."""

import streamlit as st

from core import attention_heatmap
from core.attention_heatmap import (
    SPEC,
    about,
    adopted,
    draw,
    heads_of,
    learning,
    look,
    offered,
    picked,
    pictures,
    questions,
    read,
    resolved,
    rows_of,
    sections,
    table,
    train,
)
from pages._ui import acting, charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "attention_heatmap.film"
TRAINED = "attention_heatmap:trained"  # the newest snapshot of the job whose transformer the views have shown


@st.cache_data(max_entries=64, show_spinner="The transformer reads ...")
def drawn(spec: SPEC) -> dict:
    return pictures(read(spec))


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(read(spec))


@st.cache_data(max_entries=64, show_spinner=False)
def asked(spec: SPEC) -> list:
    return questions(read(spec))


def another_task() -> None:
    """Another task or model: its own example, its own best head."""
    controls.change(SPEC, text="", place="", row="", crossed="", which="main", own="")


def start_over() -> None:
    """The transformer that ships, in place of one that is not here."""
    controls.change(SPEC, source="task", folder="")
    another_task()


def same_head() -> None:
    """Another text: its last row."""
    controls.change(SPEC, row="", crossed="")


def settings(spec: SPEC) -> None:
    """Transformer, task or text, mask and temperature above the pictures."""
    if frame.focused():
        return
    controls.draw(spec, ["source"], then=another_task)
    if spec.source == "folder":
        controls.draw(spec, ["prompt"], then=same_head)
    with st.grid(4, min_column_width=200):
        if spec.source == "folder":
            controls.choose(spec, offered(spec))
        else:
            controls.draw(spec, ["task"], then=another_task)
            controls.draw(spec, ["text"])
        controls.draw(spec, ["temperature", "mask"])
    extra = {"local": ["window"], "padding": ["hidden_end"]}.get(spec.mask, [])
    controls.draw(spec, extra)
    if spec.mask == "drawn":
        st.caption("Click a cell of the map to forbid it, or to allow it again.")


def selection(spec: SPEC, found) -> None:
    """Which maps, which head, which row."""
    if frame.focused():
        return
    names = ["which"] if len(found.seen.maps) > 1 else []
    controls.draw(spec, names, then=lambda: controls.change(SPEC, row="", place=""))
    with st.grid(2, min_column_width=120):
        controls.choose(spec, {"place": heads_of(found), "row": rows_of(found)})


def maps(spec: SPEC) -> None:
    """All heads and the selected row at the left, the selected head's map at the right, its lines below."""
    found, shown = read(spec), drawn(spec)
    frame.explain(about(found))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        selection(spec, found)
        small = charts.chart(
            shown["thumbnails"], key="attention_heatmap:heads", height=draw.GRID_HEIGHT, clickable=True
        )
        charts.chart(shown["row"], key="attention_heatmap:row", height=draw.ROW_HEIGHT)
    with right:
        cell = charts.chart(
            shown["map"], key="attention_heatmap:map", height=draw.MAP_HEIGHT, min_width=480, clickable=True
        )
    charts.chart(shown["lines"], key="attention_heatmap:lines", height=draw.LINES_HEIGHT)
    acting.follow(spec, lambda _: picked(found, _place(small), _place(cell)))


def _place(click) -> tuple | None:
    return click.point if click is not None and isinstance(click.point, tuple) else None


def own_or_shipped(spec: SPEC) -> None:
    """Whose transformer the views show, where it is the visitor's, and the way back."""
    if spec.own and not frame.focused():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(":material/person: **Your own transformer, trained here, is on screen.**")
            st.button("Back to the one that ships", key="attention_heatmap:back", on_click=another_task)


def lesson(spec: SPEC, job) -> None:
    """Curves and film of the training that ships, or of the visitor's own as far as it is; an ended one goes to all views."""
    ended = {} if job is None else adopted(job, spec)
    if ended and spec.own != ended["own"]:
        new = st.session_state.get(TRAINED) is not job.newest
        if new or st.button("Show my transformer", key="attention_heatmap:mine"):
            st.session_state[TRAINED] = job.newest
            controls.change(SPEC, **ended)
            st.rerun()
        job = None
    shown, steps = learning(job, spec)
    for column, (name, figure) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            charts.chart(figure, key=f"attention_heatmap:{name}", height=draw.LENS_HEIGHT, film=FILM)
    transport(FILM, steps, key="attention_heatmap:transport", at=len(steps) - 1)


def picture(spec: SPEC) -> None:
    """The settings, the maps, the lens, the questions."""
    settings(spec)
    spec, why = resolved(spec)
    if why:
        st.info(why, icon=":material/folder_off:")
        st.button("Stay with the one that ships", key="attention_heatmap:stay", on_click=start_over)
    own_or_shipped(spec)
    maps(spec)
    controls.draw(spec, ["lens"])
    with frame.plainly():
        closer.draw(spec, view(spec), draw.LENS_HEIGHT)
    if spec.lens == "training" and spec.source == "task":
        jobs.panel(train, spec, start="Train this transformer", show=lambda job: lesson(spec, job))
    ask.ask("attention_heatmap", asked(spec))


explainer.show(
    attention_heatmap,
    picture,
    "The selected head with its trained matrices, by the paper's formula, with torch. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("attention_heatmap", lambda: sections(spec), lambda: table(spec)),
)
