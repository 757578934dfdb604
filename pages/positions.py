"""Five ways to tell a transformer where a token stands: as tables, as scores, and in trained decoders."""

import streamlit as st

from core import positions
from core.positions import SPEC, about, draw, look, pictures, progress, questions, sections, table, train
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask

OF_KIND = {
    "sinusoidal": ["length", "d", "base", "query", "offset"],
    "learned": ["length", "query", "offset"],
    "rope": ["length", "d", "base", "query", "offset"],
    "alibi": ["length", "heads", "query", "offset"],
    "none": ["length", "query", "offset"],
}


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec), questions(spec)


def encoding(spec: SPEC) -> None:
    """The encoding and what it says about pairs of positions."""
    shown = pictures(spec)
    for column, (name, figure) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            charts.chart(figure, key=f"positions:{name}", height=draw.TOP_HEIGHT)


def lesson(job) -> None:
    """The training run so far."""
    if job is None or job.newest is None:
        return
    shown = progress(job.metrics, job.newest.arrays)
    for column, (name, figure) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            charts.chart(figure, key=f"positions:learning.{name}", height=draw.LENS_HEIGHT)


def picture(spec: SPEC) -> None:
    """The encoding, the lens (which has some of the controls itself), the questions."""
    seen, asked = view(spec)
    if not frame.focused():
        controls.draw(spec, ["kind"])
        with st.grid(3, min_column_width=220):
            controls.draw(spec, [name for name in OF_KIND[spec.kind] if name not in seen.params])
    frame.explain(about(spec))
    encoding(spec)
    controls.draw(spec, ["lens"])
    closer.draw(spec, seen, draw.LENS_HEIGHT)
    if spec.lens == "length" and not frame.focused():
        jobs.panel(train, spec, start="Train the chosen encoding", show=lesson)
    ask.ask("positions", asked)


explainer.show(
    positions,
    picture,
    "The encodings written out with torch, RoPE's property, and the decoder of the shuffle test with its weights. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("positions", lambda: sections(spec), lambda: table(spec)),
)
