"""A model writes character by character: its guesses, its hidden units, its rivals; and a smaller one to train here."""

import streamlit as st

from core import text_generation
from core.text_generation import (
    OWN,
    SPEC,
    about,
    belongs,
    draw,
    is_shipped,
    learned,
    look,
    model_of,
    pictures,
    questions,
    resolved,
    sections,
    table,
    trainer,
    write,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, own, report
from pages._ui import questions as ask
from pages._ui.transport import transport

TRAINED = "text_generation:trained"  # the newest net of this visitor's job


@st.cache_resource(
    max_entries=32, show_spinner="The model writes ..."
)  # shared: to copy a film takes longer than a rerun
def opened(spec: SPEC):
    """The page's parts with the model that it opens with."""
    return parts(model_of(spec), spec)


def parts(model, spec: SPEC):
    """Sentence, text, pictures, lens and questions for one model."""
    made = write(model, spec)
    return about(model, made, spec), made, pictures(made, spec), look(model, made, spec), questions(model, made, spec)


def settings(spec: SPEC) -> None:
    """Text and writing above the pictures; the net in a drawer."""
    if frame.focused():
        return
    controls.draw(spec, ["corpus"], then=start_over)
    if spec.corpus == "own":
        own.pasted(spec, OWN.keep, at=-1)
    controls.draw(spec, ["prompt"], then=start_over)
    with st.grid(4, min_column_width=190):
        controls.draw(spec, ["temperature", "top_k", "top_p", "length"], then=start_over)
        controls.draw(spec, ["draw", "colour", *(["unit"] if spec.colour == "unit" else [])])
    with st.expander("The net and its training"), st.grid(4, min_column_width=190):
        controls.draw(spec, ["cell", "width", "layers", "steps", "window", "rate", "seed"])


def start_over() -> None:
    """The film stands where the writing begins."""
    controls.change(SPEC, at=-1)


def writing(spec: SPEC):
    """The coloured text and the next character, with their film; what follows from them."""
    newest = st.session_state.get(TRAINED)
    mine = newest is not None and belongs(newest.arrays, spec)
    words, made, drawn, seen, asked = parts(learned(newest, spec), spec) if mine else opened(spec)
    charts.chart(drawn["text"], key="text_generation:text", height=draw.TEXT_HEIGHT, min_width=900, film=draw.FILM)
    at = draw.shown(made, spec.at)
    rested = transport(draw.FILM, draw.film_steps(made), key="text_generation:transport", at=at)
    if rested != at:
        controls.change(SPEC, at=rested)
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(drawn["next"], key="text_generation:next", height=draw.BARS_HEIGHT, film=draw.FILM)
    with right:
        st.code(made.text, language=None, wrap_lines=True, height=draw.BARS_HEIGHT // 2)
        frame.explain(words)
    return seen, asked


def progress(job) -> None:
    """Curves, and the film of what the net wrote on the way."""
    if job is None or job.newest is None:
        return
    if job.state != "running" and st.session_state.get(TRAINED) is not job.newest:
        st.session_state[TRAINED] = job.newest
        st.rerun()
    left, right = st.columns(2, gap="medium")
    with left:
        charts.chart(draw.curves(job.metrics), key="text_generation:curves", height=draw.CURVES_HEIGHT)
    shots = [shot for shot in (job.film or (job.newest,)) if "sample" in shot.arrays]
    steps = [shot.step for shot in shots]
    held_out = [float(shot.metrics["held_out"]) for shot in shots]
    with right:
        drawn = draw.samples([shot.arrays["sample"] for shot in shots], steps, signs_of(job.newest))
        charts.chart(drawn, key="text_generation:samples", height=draw.CURVES_HEIGHT, film=draw.SAMPLES_FILM)
    at = len(shots) - 1
    transport(draw.SAMPLES_FILM, draw.sample_steps(steps, held_out), key="text_generation:samples.bar", at=at)


def signs_of(snapshot) -> str:
    """The signs that a job's samples are written in."""
    return str(snapshot.arrays["signs"])


def picture(spec: SPEC) -> None:
    """The settings, the writing, the training, the lens, questions."""
    settings(spec)
    spec, why = resolved(spec)
    if why:
        st.info(why, icon=":material/notes:")
    seen, asked = writing(spec)
    if is_shipped(spec):
        frame.explain(
            "This net is trained already. Train it again from its first weights to see how that goes; a smaller one learns faster."
        )
    jobs.panel(trainer(spec), spec, start="Train the net", show=progress)
    controls.draw(spec, ["lens"])
    closer.draw(spec, seen, draw.LENS_HEIGHT)
    ask.ask("text_generation", asked)


def take_home(spec: SPEC) -> None:
    """The report and the table of the text."""
    report.downloads("text_generation", lambda: sections(spec), lambda: table(spec))


explainer.show(
    text_generation,
    picture,
    "The model, its writing and its bits with torch and NumPy. It prints the numbers that the page opens with, and the text itself.",
    take_home=take_home,
)
