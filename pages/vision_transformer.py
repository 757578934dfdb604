"""A picture as a sentence: patches, attention laid over the picture, three maps of where it looked, and live training."""

import streamlit as st

from core import vision_transformer
from core.vision_transformer import (
    SPEC,
    about,
    chosen_head,
    chosen_patch,
    draw,
    drawn,
    fetched,
    large,
    learn,
    look,
    looking,
    menus,
    missing,
    pictures,
    progress,
    questions,
    resolved,
    sections,
    table,
    view_of,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, own, report
from pages._ui import questions as ask
from pages._ui.pad import drawing_pad
from pages._ui.transport import transport
from pages._ui.uploads import own_picture

FILM = "vision_transformer.film"
FRESH = {"layer": -1, "head": -1, "query": -1}


def settings(spec: SPEC):
    """Pictures, patches, positions; returns the visitor's own picture, if there is one: a link holds only its key."""
    if frame.focused():
        return None
    controls.draw(spec, ["data"], then=lambda: controls.change(SPEC, **FRESH))
    with st.grid(4, min_column_width=180):
        controls.choose(spec, menus(spec))
        controls.draw(spec, ["picture"] if spec.data == "photographs" else ["positions", "picture"])
        with st.popover("Your own picture", icon=":material/add_a_photo:"):
            brought = own_picture(key="vision_transformer:own", longest=512)
            ink = drawing_pad(key="vision_transformer:pad", label="Draw a digit") if spec.data == "digits" else None
    if brought is not None:
        return brought.pixels
    return None if ink is None else drawn(ink)


def go(spec: SPEC, wanted: dict) -> None:
    """Change what was clicked, and draw anew."""
    if any(getattr(spec, name) != value for name, value in wanted.items()):
        controls.change(SPEC, **wanted)
        st.rerun()


def maps(view) -> None:
    """The map over the picture with the answer, beside all heads."""
    spec, shown = view.spec, pictures(view)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        controls.draw(spec, ["view"])
        patch = charts.chart(shown["map"], key="vision_transformer:map", height=draw.MAP_HEIGHT, clickable=True)
        frame.explain(looking(view))
    with right:
        heads = charts.chart(
            shown["heads"], key="vision_transformer:heads", height=draw.HEADS_HEIGHT, min_width=480, clickable=True
        )
        controls.draw(spec, ["overlay"])
        charts.chart(shown["bars"], key="vision_transformer:bars", height=draw.BARS_HEIGHT)
    if patch is not None and isinstance(patch.point, tuple):
        go(spec, chosen_patch(view, patch.point))
    if heads is not None and isinstance(heads.point, tuple):
        go(spec, chosen_head(view, heads.point))


def below(view) -> None:
    """The open lens, its film or its job."""
    spec = view.spec
    controls.draw(spec, ["lens"])
    with st.spinner("Looking closer ..."):
        seen = look(view)
    closer.draw(spec, seen, draw.LENS_HEIGHT, film=FILM)
    if spec.lens == "tokens":
        steps = draw.film_steps(view.seen.z.shape[1], view.variant.grid)
        transport(FILM, steps, key="vision_transformer:transport", at=len(steps) - 1)
    if spec.lens in ("training", "hunger"):
        start = "Train the network" if spec.lens == "training" else "Measure both networks"
        jobs.panel(learn, spec, start=start, show=lambda job: lesson(spec, job))


def lesson(spec: SPEC, job) -> None:
    """The job's pictures so far."""
    newest = None if job is None else job.newest
    shown = progress(spec, None if job is None else job.metrics, {} if newest is None else newest.arrays)
    columns = st.columns(min(2, len(shown)), gap="small") * len(shown)
    for column, (name, figure) in zip(columns, shown.items(), strict=False):
        with column:
            charts.chart(figure, key=f"vision_transformer:learning.{name}", height=draw.LENS_HEIGHT)


def picture(spec: SPEC) -> None:
    """The settings, the maps, the lens, the questions."""
    own.follow(spec, settings(spec), **FRESH)
    if why := missing(spec):
        st.info(f"{why}. Until then the page shows handwritten digits.", icon=":material/download:")
        if not frame.focused():
            jobs.panel(fetched, large(), start="Download the weights", again="Try again", show=lambda _: None)
    with st.spinner("The network looks ..."):
        view = view_of(resolved(spec))
    frame.explain(about(view))
    maps(view)
    below(view)
    ask.ask("vision_transformer", questions(view))


explainer.show(
    vision_transformer,
    picture,
    "The network on screen written out with torch; its weights and the picture are in the script. It prints the page's numbers.",
    take_home=lambda spec: report.downloads("vision_transformer", lambda: sections(spec), lambda: table(spec)),
)
