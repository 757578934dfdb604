"""Random changes of pictures and sentences: the draws, the labels, two networks trained with and without, the data behind them."""

import streamlit as st

from core import augmentation
from core.augmentation import (
    FILE,
    SPEC,
    about,
    belongs,
    core_of,
    curves,
    data_file,
    draw,
    live,
    look,
    measured,
    pipeline,
    questions,
    resolved,
    sections,
    table,
    tiles,
    training,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.uploads import own_set


@st.cache_data(max_entries=64, show_spinner=False)
def sheet(spec: SPEC):
    """The draws: nothing is trained for them."""
    return tiles(spec)


@st.cache_data(max_entries=64, show_spinner="Training two small networks ...")
def trained(spec: SPEC):
    """Both networks' curves, and what they come to in words."""
    return curves(spec), about(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec), questions(spec)


def settings(spec: SPEC) -> None:
    """The pictures, then the pipeline."""
    if frame.focused():
        return
    controls.draw(spec, ["data"])
    if spec.data == "own":
        digest = brought(spec)
        if digest != spec.own:
            controls.change(SPEC, own=digest)
            st.rerun()
    with st.grid(4, min_column_width=190):
        controls.draw(
            spec, ["mirror_p", "upside_p", "turn", "shift", "zoom", "brightness", "colour", "erase", "mix", "alpha"]
        )
    with st.expander("Probabilities, picture, seed"), st.grid(4, min_column_width=190):
        controls.draw(spec, ["turn_p", "shift_p", "zoom_p", "brightness_p", "colour_p", "erase_p"])
        controls.draw(spec, ["picture", "draws", "seed"])


def brought(spec: SPEC) -> str:
    """The digest of the visitor's pictures: of those on this page, of none once they are removed, else of the link's."""
    found, had = own_set(key="augmentation:own"), st.session_state.get("augmentation:had", False)
    st.session_state["augmentation:had"] = found is not None
    if found is not None:
        return found.digest
    return "" if had else spec.own


def lab(spec: SPEC) -> None:
    """Draws and curves, the pipeline in torchvision's words, the lens, questions."""
    spec, why = resolved(spec)
    if why:
        st.info(why, icon=":material/photo_library:")
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(sheet(spec), key="augmentation:draws", height=draw.TOP_HEIGHT)
    with right:
        drawn, words = trained(spec)
        charts.chart(drawn, key="augmentation:curves", height=draw.TOP_HEIGHT)
    frame.explain(words)
    if not frame.focused():
        with st.expander("This pipeline with torchvision", icon=":material/code:"):
            st.code(pipeline(spec), language="python")
    controls.draw(spec, ["lens"])
    seen, asked = view(spec)
    if spec.lens == "effect" and not frame.focused():
        with st.grid(3, min_column_width=220):
            controls.draw(spec, seen.params)
        jobs.panel(
            training(spec),
            core_part(spec),
            start="Measure with several seeds",
            show=lambda job: progress(spec, seen, job),
        )
    else:
        closer.draw(spec, seen, draw.LENS_HEIGHT)
    ask.ask("augmentation", asked)


def core_part(spec: SPEC) -> SPEC:
    """What the job depends on."""
    return core_of(spec, seeds=spec.seeds)


def progress(spec: SPEC, seen, job) -> None:
    """The job's curves and results so far, if they belong to these settings; else one seed."""
    if job is None or job.newest is None or not belongs(job.newest.arrays, spec):
        results(seen)
        return
    arrays = job.newest.arrays
    charts.chart(draw.live(live(arrays, spec)), key="augmentation:live", height=draw.LENS_HEIGHT)
    results(measured(spec, arrays))


def results(seen) -> None:
    """Sentences, pictures and table of a view that has controls of its own elsewhere."""
    for sentence in seen.sentences:
        st.markdown(sentence)
    for name, figure in seen.figures.items():
        charts.chart(figure, key=f"augmentation:lens.{name}", height=draw.LENS_HEIGHT, min_width=620)
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, key="augmentation:rows.effect")


def picture(spec: SPEC) -> None:
    """The settings, then the lab."""
    settings(spec)
    lab(spec)


def take_home(spec: SPEC) -> None:
    """The pictures that the script reads where it cannot draw them itself; report and table."""
    st.download_button("Download pictures", lambda: data_file(spec), FILE, on_click="ignore", key="augmentation:npz")
    report.downloads("augmentation", lambda: sections(spec), lambda: table(spec))


explainer.show(
    augmentation,
    picture,
    "Both networks, trained and tested with torch and NumPy alone; the digits come from scikit-learn. It prints the page's numbers. "
    f"For sets other than digits and textures it reads {FILE}, which the button above gives.",
    take_home=take_home,
)
