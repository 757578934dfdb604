"""A generator and a discriminator play on the plane: map, sheet of noise, pulls, losses, distances, and what goes wrong."""

import streamlit as st

from core import gan_lab as lab
from pages._ui import charts, closer, controls, explainer, frame, report, tables
from pages._ui import questions as ask
from pages._ui.acting import button, follow, refused
from pages._ui.transport import transport

FILM = "gan_lab.film"

film = st.cache_data(lab.pictures, max_entries=24, show_spinner="Playing the game ...")
view = st.cache_data(lab.look, max_entries=64, show_spinner="Looking closer ...")
told = st.cache_data(lab.about, max_entries=64, show_spinner=False)
asked = st.cache_data(lab.questions, max_entries=64, show_spinner=False)


def anew() -> None:
    """Single moves belong to the game that they were made in."""
    controls.change(lab.SPEC, **lab.ANEW)


def settings(spec: lab.SPEC) -> None:
    """Data, loss and the two players' turns above the pictures; the rest in drawers."""
    if frame.focused():
        return
    shown = lab.controls_of(spec)
    with st.grid(2, min_column_width=280):
        controls.draw(spec, ["data", "loss"], then=anew)
    with st.grid(3, min_column_width=200):
        controls.draw(spec, shown["game"], then=anew)
    nets, learn = st.columns(2)
    with nets, st.expander("Noise, nets, batch, seed"), st.grid(2, min_column_width=160):
        controls.draw(spec, shown["nets"], then=anew)
    with learn, st.expander("Optimizer, rates, what the loss needs"), st.grid(2, min_column_width=160):
        controls.draw(spec, shown["learning"], then=anew)
    own_points(spec)


def own_points(spec: lab.SPEC) -> None:
    """Draw points, take them back, or bring a table."""
    with st.expander("Points of your own", expanded=lab.needs_points(spec)):
        with st.container(horizontal=True):
            button(spec, "Draw onto these", lab.as_points, icon=":material/draw:", disabled=spec.data == "own")
            button(spec, "Remove the last", lab.fewer, 1, disabled=spec.data != "own")
            button(spec, "Remove all", lab.fewer, 400, disabled=spec.data != "own")
        with frame.plainly():
            if given := tables.columns(lab.SPEC, lab.read_csv, lab.column_menus):
                found, notes = lab.from_table(*given, spec.seed)
                button(spec, "Play with these columns", lambda _: found, type="primary")
                st.caption("  \n".join(notes))


def game(spec: lab.SPEC) -> None:
    """The map, the sheet, their film, single moves, the curves, and the lens."""
    run, shown, draw = lab.run_of(spec), film(lab.learning(spec)), lab.draw
    frame.explain(told(lab.learning(spec)))
    drawn = spec.data == "own" and not frame.focused()
    left, right = st.columns([6, 5], gap="small")
    with left:
        click = charts.chart(shown["game"], key="gan_lab:game", height=draw.MAP_HEIGHT, film=FILM, clickable=drawn)
    with right:
        charts.chart(shown["sheet"], key="gan_lab:sheet", height=draw.MAP_HEIGHT, film=FILM)
    at = lab.frame_of(run, spec.frame)
    follow(spec, lab.frame_at, run, transport(FILM, draw.film_steps(run), key="gan_lab:transport", at=at))
    single_moves(spec)
    for column, name in zip(st.columns(2, gap="small"), ("losses", "progress"), strict=True):
        with column:
            charts.chart(shown[name], key=f"gan_lab:{name}", height=draw.CURVE_HEIGHT, film=FILM)
    if drawn:
        follow(spec, lab.clicked, click)
    controls.draw(spec, ["lens"])
    closer.draw(spec, view(spec), draw.LENS_HEIGHT, FILM)
    ask.ask("gan_lab", asked(lab.learning(spec)))


def single_moves(spec: lab.SPEC) -> None:
    """One update of D, of G, or of both, after the last round."""
    if frame.focused():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, move in lab.MOVES:
            button(spec, words, lab.moved, move, icon=":material/step:")
        button(spec, "Take one back", lab.taken_back, icon=":material/undo:", disabled=not spec.moves)
        if spec.moves:
            st.caption(f"Moves after the last round: {spec.moves}")


def picture(spec: lab.SPEC) -> None:
    """The settings, then the game; while there are too few points, an empty map to draw them on."""
    settings(spec)
    refused(spec)
    if lab.needs_points(spec):
        st.info("Click on the map to draw at least 8 points, or bring a table above.", icon=":material/draw:")
        look = {"height": lab.draw.MAP_HEIGHT, "clickable": True}
        follow(spec, lab.clicked, charts.chart(lab.blank_map(spec), key="gan_lab:blank", **look))
    else:
        game(spec)


explainer.show(
    lab,
    picture,
    "The game on screen: this page's engine in NumPy, and PyTorch beside it for the first rounds. It prints the page's final numbers.",
    take_home=lambda spec: report.downloads("gan_lab", lambda: lab.sections(spec), lambda: lab.table(spec)),
)
