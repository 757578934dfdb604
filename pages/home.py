"""The home page: what this is, a net that learns to read digits in the first minute, and the way to every explainer."""

import streamlit as st

from core.home import EXAMPLES, SPEC, TOUR, draw, figures, pictures, questions, reading, script, train
from pages._ui import cards, charts, controls, frame, jobs, topics
from pages._ui import questions as ask
from pages._ui.pad import drawing_pad
from pages._ui.tour import tour
from pages._ui.transport import transport

HEIGHTS = {
    "curves": draw.CURVES_HEIGHT,
    "confusion": draw.CONFUSION_HEIGHT,
    "weights": draw.WEIGHTS_HEIGHT,
    "mistakes": draw.MISTAKES_HEIGHT,
}


@st.cache_data(max_entries=64, show_spinner=False)
def untrained(spec: SPEC) -> dict:
    return figures(spec)


def lesson(view) -> None:
    """The pictures of the run so far; before the first start, of the untrained net."""
    if view is None or view.newest is None:
        shown, film = untrained(spec), ()
    else:
        shown, film = pictures(view.metrics, view.newest.arrays), view.film if view.state in ("done", "stopped") else ()
    if len(film) > 1:
        shown = {**shown, "weights": draw.weights_film(film), "confusion": draw.confusion_film(film)}
    left, right = st.columns(2)
    for place, name in zip((left, right, left, right), HEIGHTS, strict=True):
        with place:
            charts.chart(shown[name], key=f"home.{name}", height=HEIGHTS[name], film="home.film")
    if len(film) > 1:
        steps = draw.film_steps(film)
        transport("home.film", steps, key="home.transport", at=len(steps) - 1)
    if view is not None and view.newest is not None:
        ask.ask("home", questions(view.metrics, view.newest.arrays))
        recognise(view.newest.arrays)


def recognise(arrays) -> None:
    """The pad, and what the net that is trained so far reads on it."""
    st.subheader("Now you: draw a digit", anchor=False)
    pad, seen, answer = st.columns([2, 2, 3])
    with pad:
        ink = drawing_pad(key="home.pad", label="Draw a digit")
    if ink is None:
        answer.markdown(frame.prose("home")["Before you draw"])
        return
    found = reading(arrays, ink)
    with seen:
        charts.chart(found["digit"], key="home.digit", height=draw.DIGIT_HEIGHT)
    with answer:
        charts.chart(found["probabilities"], key="home.probabilities", height=draw.BARS_HEIGHT)


spec = controls.read(SPEC)
if not frame.focused():
    st.title("Deep learning, to look at", anchor=False)
    st.markdown(
        "Move a slider and a real model is computed or trained there and then. The numbers are held against PyTorch in double precision, and every run goes home with you as a script."
    )
    topics.finder()
st.subheader("Your first minute: a net learns to read", anchor=False)
tour(SPEC, TOUR)
tabs = frame.tabs("home")
if tabs["Picture"].open:
    with tabs["Picture"]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            controls.presets(SPEC, EXAMPLES, spec)
            controls.share(spec)
        if not frame.focused():
            with st.expander("Settings of the net"), st.grid(3):
                controls.draw(spec)
        jobs.panel(train, spec, start="Train the net", show=lesson)
        frame.explain(frame.prose("home")["What to see"])
frame.other_tabs(
    "home",
    tabs,
    lambda: [],
    lambda: script(spec),
    "The same run, from data to result, with NumPy; scikit-learn only holds the digits. It prints the page's final numbers.",
)
if not frame.focused():
    st.header("Explainers", anchor=False, divider="gray")
    cards.cards()
