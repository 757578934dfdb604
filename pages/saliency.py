"""Where did the network look? All methods on one picture, and how far each map can be trusted."""

import streamlit as st

from core import saliency
from core.saliency import (
    NETWORKS,
    SMALL,
    SPEC,
    Slow,
    bring,
    chosen_method,
    draw,
    errand,
    look,
    menus,
    overview,
    questions,
    score,
    score_figure,
    score_rows,
    slow_maps,
    small,
    tiles,
    view_of,
)
from pages._ui import charts, controls, explainer, frame, jobs, own, weights
from pages._ui import questions as ask

READY = "saliency:ready"
HEIGHTS = {
    "large": draw.LARGE_HEIGHT,
    "rank": draw.CURVES_HEIGHT,
    "curves": draw.CURVES_HEIGHT,
    "marks": draw.MARKS_HEIGHT,
}


FRESH = {"target": "predicted", "layer": "last"}  # another network has its own classes and layers


def settings(spec: SPEC):
    """Network and picture; the settings that can be shown, and the visitor's own picture, if there is one: it is not part of the link."""
    with st.grid(3, min_column_width=260):
        controls.draw(spec, ["network"], then=lambda: controls.change(SPEC, **FRESH))
        controls.draw(spec, ["picture"])
        brought = own.popover("saliency", "Draw a digit" if "digits" in NETWORKS[spec.network] else "")
    return weights.at_hand(spec, **FRESH), brought


def gallery(view, ready: bool) -> None:
    """The picture, the answer and the tiles; the slow methods follow on a second run, those of a large network as a job."""
    spec, methods = view.spec, view.at_hand if ready else view.quick
    side, picture = st.columns([3, 8], gap="medium")
    first = small(view)
    with side:
        charts.chart(first["photo"], key="saliency:photo", height=draw.PICTURE_HEIGHT)
        charts.chart(first["bars"], key="saliency:bars", height=draw.BARS_HEIGHT)
        with st.grid(2, min_column_width=150):
            controls.choose(spec, menus(spec))
    with picture:
        all_maps = tiles(view, methods)
        height = draw.gallery_height(all_maps)
        click = charts.chart(all_maps, key="saliency:tiles", height=height, min_width=560, clickable=True)
        with st.grid(2, min_column_width=240):
            controls.draw(spec, ["baseline", "sign", "clip", "overlay"])
        with st.expander("Time, sum and mark of each method"):
            st.dataframe(overview(view, methods), hide_index=True, key="saliency:overview")
    if view.spec.network not in SMALL and not frame.focused():
        about = Slow(view)
        start = "Make the slow maps too"
        jobs.panel(slow_maps, about, start=start, again=start, name=".slow", show=lambda job: arrive(about, job))
    if click is not None and (method := chosen_method(click.trace, view, methods)) and method != spec.method:
        controls.change(SPEC, method=method, lens="method")
        st.rerun()


def arrive(about: Slow, job) -> None:
    """Keep the maps that the job has made so far, and draw the tiles anew with them."""
    if job is not None and job.newest is not None and bring(about, job.newest):
        st.rerun()


def closer(view) -> None:
    """The open lens: its controls, sentences, formulas, pictures, table, and the measurement on many pictures."""
    with st.spinner("Measuring ..."):
        seen = look(view)
    if seen.params:
        with st.grid(4, min_column_width=200):
            controls.draw(view.spec, seen.params)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for formula in seen.latex:
        st.latex(formula)
    beside = "large" in seen.figures and bool(seen.rows)
    columns = st.columns([4, 5] if beside else 1, gap="medium")
    for name, figure in seen.figures.items():
        multiples = name not in HEIGHTS
        height = draw.gallery_height(figure) if multiples else HEIGHTS[name]
        with columns[0]:
            charts.chart(figure, key=f"saliency:lens.{name}", height=height, min_width=560 if multiples else 0)
    if seen.rows:
        with columns[-1]:
            st.dataframe(seen.rows, hide_index=True, height="content", key=f"saliency:rows.{view.spec.lens}")
    if seen.job and not frame.focused():
        jobs.panel(
            score,
            view.spec,
            start="Score all methods on many pictures",
            again="Score again",
            show=lambda job: scores(view.spec, job),
        )


def scores(spec: SPEC, job) -> None:
    """The marks so far."""
    if job is None or job.newest is None:
        return
    arrays = job.newest.arrays
    left, right = st.columns([3, 3], gap="medium")
    with left:
        charts.chart(score_figure(arrays), key="saliency:scores", height=draw.MARKS_HEIGHT)
    with right:
        st.dataframe(score_rows(arrays), hide_index=True, height="content", key="saliency:score_rows")


def picture(spec: SPEC) -> None:
    """All maps (the quick methods first), then the lens and the questions."""
    spec, brought = settings(spec)
    view = view_of(spec, brought)
    ready = st.session_state.get(READY) == errand(view)
    gallery(view, ready)
    if not ready:  # the quick methods are on screen; now the rest, and what is measured on them
        st.session_state[READY] = errand(view)
        st.rerun()
    controls.draw(spec, ["lens"])
    closer(view)
    ask.ask("saliency", questions(view))


explainer.show(
    saliency,
    picture,
    "Four maps of the picture on screen, written out with torch and NumPy alone; the network's weights are in the script. It prints the page's numbers.",
)
