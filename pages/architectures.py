"""Networks for pictures as block diagrams: what each layer costs and sees, eleven families compared, short cuts on trial, your own stack."""

import streamlit as st

from core import architectures
from core.architectures import (
    JOBS,
    SPEC,
    about,
    as_text,
    clicked,
    detail,
    diagram,
    draw,
    look,
    menus,
    opened_menu,
    questions,
    sections,
    table,
    train,
)
from pages._ui import acting, charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask

FRESH = {"open": "", "layer": ""}


@st.cache_data(max_entries=64, show_spinner="Counting ...")
def top(spec: SPEC):
    """What stands above the lens, and the questions."""
    return about(spec), diagram(spec), detail(spec), menus(spec), opened_menu(spec), questions(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec)


def settings(spec: SPEC) -> None:
    """The network, its size, the pictures; the text of one's own."""
    if frame.focused():
        return
    with st.grid(3, min_column_width=200):
        controls.draw(spec, ["net"], then=lambda: controls.change(SPEC, **FRESH))
        if spec.net != "own":
            controls.draw(spec, ["scale"], then=lambda: controls.change(SPEC, **FRESH))
        controls.draw(spec, ["pixels"])
    if spec.net == "own":
        st.text_area(
            "Layers, with commas between them",
            key=SPEC.key("text"),
            height=110,
            max_chars=spec.params()["text"].max_length,
            help="conv16k3s2p1g4, dw3s2, max2, avg2, mean, norm, relu, dropout, flatten, dense10; res( a | b ) adds, cat( a | b ) puts side by side, gate( a ) multiplies, 3*( a ) repeats, name( a ) makes a block. b0 leaves the biases out.",
            on_change=lambda: controls.change(SPEC, text=st.session_state[SPEC.key("text")], **FRESH),
        )
    acting.refused(spec)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        controls.draw(spec, ["shade"])
        if spec.net != "own":
            acting.button(spec, "Edit as text", as_text, icon=":material/edit:")


def blocks(spec: SPEC, shown, opened) -> None:
    """The diagram, and menus for those who use no mouse."""
    figure, height = shown
    click = charts.chart(
        figure, key="architectures:blocks", height=height, min_width=draw.LEAST_WIDTH, clickable=True, caption=True
    )
    if click is not None and click.customdata:
        controls.change(SPEC, **clicked(spec, click.customdata))
        st.rerun()
    if not frame.focused():
        with st.popover("Choose layer and blocks by menu", icon=":material/list:"):
            controls.choose(spec, {**opened, **menus(spec)})


def below(spec: SPEC) -> None:
    """The open lens, with its job if it has one."""
    controls.draw(spec, ["lens"])
    if spec.lens in JOBS and not frame.focused():
        jobs.panel(train, spec, start=JOBS[spec.lens], show=lambda job: progress(spec, job))
    else:
        closer.draw(spec, view(spec), draw.LENS_HEIGHT)


def progress(spec: SPEC, job) -> None:
    """The lens with what its job has found so far."""
    told = job is not None and job.newest is not None
    with frame.plainly():
        closer.draw(spec, look(spec, job.metrics, job.newest.arrays) if told else view(spec), draw.LENS_HEIGHT)


def picture(spec: SPEC) -> None:
    """Settings, diagram, the chosen layer, the lens, questions."""
    settings(spec)
    words, shown, chosen, _, opened, asked = top(spec)
    frame.explain(words)
    blocks(spec, shown, opened)
    closer.draw(spec, chosen, draw.LENS_HEIGHT)
    with frame.plainly():
        below(spec)
    ask.ask("architectures", asked)


explainer.show(
    architectures,
    picture,
    "The module on screen written out with torch, and counted by hooks where the page counts by formula. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("architectures", lambda: sections(spec), lambda: table(spec)),
)
