"""One digit net rounded, pruned, taught, factorised, exported and served: what each variant costs and what it still knows."""

import streamlit as st

from core import compression
from core.compression import (
    SPEC,
    about,
    draw,
    files,
    look,
    other_runtimes,
    questions,
    rows_of,
    sections,
    service,
    table,
    ticketing,
    tickets_part,
    top,
    train,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Making all variants ...")
def front(spec: SPEC):
    """What stands above the lens."""
    return about(spec), top(spec), rows_of(spec), questions(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec)


@st.cache_data(max_entries=16, show_spinner="Writing the files ...")
def content(spec: SPEC) -> dict[str, bytes]:
    return files(spec)


def lab(spec: SPEC) -> None:
    """The net, all its variants, the lens, questions."""
    with st.grid(4, min_column_width=200):
        controls.draw(spec, ["architecture", "width", "seed", "against"])
    words, picture, rows, asked = front(spec)
    frame.explain(words)
    charts.chart(picture, key="compression:front", height=draw.TOP_HEIGHT)
    with st.expander("All variants as a table"):
        st.dataframe(rows, hide_index=True, height="content", key="compression:variants")
    controls.draw(spec, ["lens"])
    if spec.lens == "ticket":
        jobs.panel(train, tickets_part(spec), start="Measure all sparsities", show=lambda job: tickets(spec, job))
    else:
        closer.draw(spec, view(spec), draw.LENS_HEIGHT)
    if spec.lens == "edge":
        frame.explain(other_runtimes())
    if spec.lens == "serve":
        with st.expander("The service that was tried"):
            st.code(service(spec), language="python")
    ask.ask("compression", asked)


def tickets(spec: SPEC, job) -> None:
    """The job's curves so far; before the first start one run of each kind."""
    if job is None or job.newest is None:
        closer.draw(spec, view(spec), draw.LENS_HEIGHT)
    else:
        closer.draw(spec, ticketing(spec, job.newest.arrays), draw.LENS_HEIGHT)


def take_home(spec: SPEC) -> None:
    """The net in every format, its service, the report."""
    st.caption("The net as files: the service reads digits.safetensors from its own folder.")
    with st.container(horizontal=True):
        st.download_button("Download serve.py", service(spec), "serve.py", "text/x-python", on_click="ignore", key="compression:serve")  # fmt: skip
        for name, bytes_ in content(SPEC(architecture=spec.architecture, width=spec.width, seed=spec.seed)).items():
            st.download_button(f"Download {name}", bytes_, name, "application/octet-stream", on_click="ignore", key=f"compression:{name}")  # fmt: skip
    report.downloads("compression", lambda: sections(spec), lambda: table(spec))


explainer.show(
    compression,
    lab,
    "The net and its variants with torch and NumPy. It prints the page's numbers.",
    take_home=take_home,
)
