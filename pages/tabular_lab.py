"""Two nets beside two baselines on one table: scores, training, how many rows each needs, errors, importance, leaks."""

import streamlit as st

from core import tabular_lab
from core.tabular_lab import (
    AT_ONCE,
    SPEC,
    about,
    belongs,
    curves_part,
    draw,
    keep,
    learned,
    look,
    own_names,
    pictures,
    preview,
    questions,
    resolved,
    seconds,
    sections,
    study_of,
    table,
    train,
)
from pages._ui import charts, controls, explainer, frame, jobs, report
from pages._ui import questions as ask


@st.cache_data(max_entries=64, show_spinner="Training four models ...")
def top(spec: SPEC):
    """What stands above the lens."""
    run = study_of(spec)
    return about(run), pictures(run), questions(run)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(study_of(spec))


@st.cache_data(max_entries=64, show_spinner=False)
def glimpse(spec: SPEC):
    """One draw at three sizes, for as long as the whole has not been measured."""
    return look(study_of(spec), preview(spec))


def settings(spec: SPEC) -> None:
    """Table, nets and splits above the pictures; the rest in a drawer."""
    if frame.focused():
        return
    controls.draw(spec, ["data"], then=lambda: controls.change(SPEC, target=""))
    if spec.data == "own":
        own_table(spec)
    with st.grid(4, min_column_width=210):
        controls.draw(spec, ["depth", "width", "early", "metric"])
    with st.expander("Learning rate, epochs, decay, trees, draws, a leak"), st.grid(3, min_column_width=240):
        controls.draw(spec, ["rate", "epochs", "decay", "trees", "seeds", "seed", "leak"])


def own_table(spec: SPEC) -> None:
    """A file of the visitor's, and the column to predict."""
    upload = st.file_uploader(
        "A table of your own (CSV, first line: column names)",
        type=["csv", "tsv", "txt"],
        key="tabular_lab:csv",
        max_upload_size=2,
    )
    if upload is not None:
        with frame.plainly():
            digest = keep(upload.getvalue())
            if digest != spec.own:
                controls.change(SPEC, own=digest, target="")
                st.rerun()
    if names := own_names(spec):
        controls.choose(spec, {"target": (names, spec.target if spec.target in names else names[-1])})


def lab(spec: SPEC) -> None:
    """Scores and training curves, the lens, questions."""
    spec, why = resolved(spec)
    if why:
        st.info(why, icon=":material/table:")
    words, drawn, asked = top(spec)
    frame.explain(words)
    for place, name in zip(st.columns(2, gap="medium"), ("scores", "training"), strict=True):
        with place:
            charts.chart(drawn[name], key=f"tabular_lab:{name}", height=draw.TOP_HEIGHT)
    controls.draw(spec, ["lens"])
    if spec.lens != "size" or spec.data == "own" or seconds(spec) <= AT_ONCE:
        closer(spec, view(spec))
    else:
        jobs.panel(train, curves_part(spec), start="Measure the learning curves", show=lambda job: progress(spec, job))
    ask.ask("tabular_lab", asked)


def progress(spec: SPEC, job) -> None:
    """The job's curves so far, if they belong to these settings; else a glimpse."""
    if job is not None and job.newest is not None and belongs(job.newest.arrays, spec):
        closer(spec, look(study_of(spec), learned(job.newest.arrays)))
        return
    frame.explain(
        f"All draws at all sizes take about {seconds(spec):.0f} s of computing. Until you measure them you see one draw at three sizes."
    )
    closer(spec, glimpse(spec))


def closer(spec: SPEC, seen) -> None:
    """The open lens: its own controls, sentences, pictures, table."""
    controls.draw(spec, seen.params)
    for sentence in seen.sentences:
        st.markdown(sentence)
    for place, (name, figure) in zip(st.columns(len(seen.figures), gap="medium"), seen.figures.items(), strict=True):
        with place:
            charts.chart(figure, key=f"tabular_lab:lens.{name}", height=draw.LENS_HEIGHT)
    st.dataframe(seen.rows, hide_index=True, height="content", key=f"tabular_lab:rows.{spec.lens}")


def picture(spec: SPEC) -> None:
    """The settings, then the lab."""
    settings(spec)
    lab(spec)


def take_home(spec: SPEC) -> None:
    """The report and its table."""
    report.downloads("tabular_lab", lambda: sections(spec), lambda: table(spec))


explainer.show(
    tabular_lab,
    picture,
    "The four models with torch and scikit-learn. It prints the page's numbers.",
    take_home=take_home,
)
