"""Text as tokens, byte-pair encoding as it learns, padding and its mask, word vectors trained live."""

import streamlit as st

from core import text_tokens
from core.text_tokens import (
    MOST_OWN,
    SPEC,
    about,
    at_once,
    belongs,
    draw,
    keep,
    look,
    questions,
    resolved,
    sections,
    space_of,
    table,
    top,
    train,
    training_part,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, report
from pages._ui import questions as ask
from pages._ui.transport import transport

FILM = "text_tokens.film"


@st.cache_data(max_entries=64, show_spinner=False)
def tokens(spec: SPEC):
    """What stands above the lens."""
    return about(spec), top(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: SPEC):
    return look(spec), questions(spec)


def settings(spec: SPEC) -> None:
    """The two texts, the tokenizer and its vocabulary."""
    if frame.focused():
        return
    controls.draw(spec, ["probe"])
    with st.grid(3, min_column_width=250):
        controls.draw(spec, ["text", "tokenizer", "vocabulary"])
    if spec.text == "own" or (spec.lens == "embeddings" and spec.corpus == "own"):
        st.text_area(
            "Your own text (a text file's content can be pasted here)",
            key=SPEC.key("own"),
            max_chars=MOST_OWN,
            on_change=lambda: controls.change(SPEC, own=st.session_state[SPEC.key("own")]),
        )


def lens(spec: SPEC) -> None:
    """The open lens; word vectors that take long are trained as a job."""
    controls.draw(spec, ["lens"])
    if spec.lens != "embeddings":
        shown(spec, view(spec)[0])
        return
    spec = training(spec)
    if at_once(spec):
        shown(spec, view(spec)[0])
    else:
        jobs.panel(train, training_part(spec), start="Train the vectors", show=lambda job: progress(spec, job))


def training(spec: SPEC) -> SPEC:
    """Where the vectors come from; the Spec with words that can be had here."""
    controls.draw(spec, ["corpus"])
    if spec.corpus == "file":
        upload = st.file_uploader(
            "Word vectors: .npz with words and vectors, or word2vec and GloVe text, up to 20 MB",
            type=["npz", "txt", "vec"],
            key="text_tokens:file",
            max_upload_size=20,
        )
        if upload is not None:
            with frame.plainly():
                digest = keep(upload.getvalue())
                if digest != spec.file:
                    controls.change(SPEC, file=digest)
                    st.rerun()
    found, why = resolved(spec)
    if why:
        st.info(why, icon=":material/text_fields:")
    if found.corpus != "file" and not frame.focused():
        with st.expander("Objective, window, vector length, negative samples, rate, steps"), st.grid(3):
            controls.draw(spec, ["objective", "window", "size", "negatives", "rate", "steps", "seed"])
    return found


def progress(spec: SPEC, job) -> None:
    """The job's vectors so far, if they belong to these settings; else a quick beginning."""
    if job is None or job.newest is None or not belongs(job.newest.arrays, spec):
        frame.explain("This training takes a while. Until you start it you see its first steps.")
        shown(spec, view(spec)[0])
        return
    film = job.film if job.state in ("done", "stopped") else (job.newest,)
    shown(spec, look(spec, space_of(spec, film)))


def shown(spec: SPEC, seen) -> None:
    """The transport bar of the lens's film, and the lens."""
    if seen.steps:
        transport(FILM, seen.steps, key=f"text_tokens:transport.{spec.lens}", at=len(seen.steps) - 1)
    closer.draw(spec, seen, draw.LENS_HEIGHT, FILM if seen.steps else "")


def picture(spec: SPEC) -> None:
    """The settings, the tokens, the lens, the questions."""
    settings(spec)
    words, drawn = tokens(spec)
    frame.explain(words)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        charts.chart(drawn["tokens"], key="text_tokens:tokens", height=draw.STRIP_HEIGHT, min_width=560)
    with right:
        charts.chart(drawn["counts"], key="text_tokens:counts", height=draw.TOP_HEIGHT)
    lens(spec)
    ask.ask("text_tokens", view(spec)[1])


explainer.show(
    text_tokens,
    picture,
    "The tokenizers, and what the open lens shows, in NumPy (the readers in torch). It prints the page's numbers.",
    take_home=lambda spec: report.downloads("text_tokens", lambda: sections(spec), lambda: table(spec)),
)
