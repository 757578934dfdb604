"""A small net learns on the plane: build it, train it, look into every neuron, change a weight and train on."""

import streamlit as st

from core import playground as pg
from pages._ui import charts, closer, controls, explainer, frame, tables
from pages._ui import questions as ask
from pages._ui.acting import act, button, follow, refused
from pages._ui.transport import transport

FILM = "playground.film"

film = st.cache_data(pg.pictures, max_entries=32, show_spinner="Training ...")
view = st.cache_data(pg.look, max_entries=64, show_spinner="Looking closer ...")


def anew() -> None:
    """Other data or another net: what was changed on the way belongs to the old one."""
    controls.change(pg.SPEC, **pg.ANEW)


def settings(spec: pg.SPEC) -> None:
    """The choices of TensorFlow Playground above the pictures; the rest in two drawers."""
    if frame.focused():
        return
    shown = pg.controls_of(spec)
    with st.grid(4, min_column_width=200):
        controls.draw(spec, ["data"], then=anew)
        controls.draw(spec, shown["first"])
    controls.draw(spec, shown["typed"], then=anew)
    left, middle, right = st.columns([3, 2, 4], vertical_alignment="bottom")
    with left, frame.plainly():
        controls.choose(spec, {"features": (list(pg.FEATURES), list(pg.feature_names(spec)))})
    with middle:
        controls.draw(spec, ["layers"], then=anew)
    with right, st.container(horizontal=True, vertical_alignment="bottom"):
        for words, action, what in pg.RESIZED:
            button(spec, words, action, what, help="Units are added to the last hidden layer, or taken from it")
    controls.draw(spec, shown["own"])
    data, learn = st.columns(2)
    with data, st.expander("Data: noise, split, drawing, table"):
        with st.grid(2, min_column_width=160):
            controls.draw(spec, shown["data"])
        own_points(spec)
    words = "Learning: start, loss, schedule, penalty, normalisation, stop"
    with learn, st.expander(words), st.grid(2, min_column_width=180):
        controls.draw(spec, shown["learning"])


def own_points(spec: pg.SPEC) -> None:
    """Go on from the points on screen by hand, or bring a table."""
    words = "Draw more points onto these"
    button(spec, words, pg.as_points, icon=":material/draw:", disabled=pg.needs_points(spec))
    with frame.plainly():
        if given := tables.columns(pg.SPEC, pg.read_table, pg.column_menus):
            found, notes = pg.table_points(*given, spec.seed)
            button(spec, "Learn from these columns", lambda _: found, type="primary")
            st.caption("  \n".join(notes))


def pen(spec: pg.SPEC) -> float:
    """Which class or value a click on the map draws."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if spec.regression:
            label = st.slider("A click draws the value", -1.0, 1.0, 1.0, 0.1, key="playground:pen.value")
        else:
            words = "A click draws class"
            label = st.segmented_control(words, range(6), default=0, required=True, key="playground:pen.class")
        button(spec, "Remove the last", pg.fewer_points, 1)
        button(spec, "Remove all", pg.fewer_points, 400)
    return float(label)


def trained(spec: pg.SPEC) -> None:
    """The net, its answer, their film, the losses, and the lens."""
    run, shown = pg.run_of(spec), film(pg.picture_part(spec))
    drawn, draw = spec.data in pg.DRAWN and not frame.focused(), pg.draw
    left, right = st.columns([5, 4], gap="small")
    with left:
        look = {"height": draw.NET_HEIGHT, "min_width": 560, "film": FILM, "clickable": True}
        click = charts.chart(shown["net"], key="playground:net", **look)
        number(spec, run)
    with right:
        label = pen(spec) if drawn else 0.0
        spot = charts.chart(shown["map"], key="playground:map", height=draw.MAP_HEIGHT, film=FILM, clickable=drawn)
        with st.container(horizontal=True):
            controls.draw(spec, ["show_test", "discretize"])
    at = pg.nearest_frame(run, spec.epoch)
    follow(spec, pg.frame_at, run, transport(FILM, draw.film_steps(run), key="playground:transport", at=at))
    onward(spec)
    for note in pg.notes(spec, run):
        st.info(note)
    charts.chart(shown["losses"], key="playground:losses", height=draw.LOSS_HEIGHT, film=FILM)
    follow(spec, pg.on_click, run, click)
    if drawn:
        follow(spec, pg.clicked_point, spot, label)
    controls.draw(spec, ["lens"])
    if spec.lens == "beside" and not frame.focused():
        button(spec, "Pin the run on screen", pg.pin, icon=":material/push_pin:")
    seen = view(spec)
    closer.draw(spec, seen, draw.LENS_HEIGHT, FILM if seen.films else "")
    ask.ask("playground", pg.questions(spec, run))


def onward(spec: pg.SPEC) -> None:
    """Train on from where the run ended, or begin again before the first step."""
    if frame.focused():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, epochs, batches in pg.ONWARD:
            button(spec, f"Train on: {words}", pg.train_on, epochs, batches, icon=":material/step:")
        button(spec, "Before the first step", pg.from_zero, icon=":material/restart_alt:")


def number(spec: pg.SPEC, run) -> None:
    """Choose a weight, a bias or the learning rate, and give it another value where the film stands."""
    if frame.focused():
        return
    menus, value = pg.number_menus(spec, run)
    left, middle, right = st.columns([3, 3, 3], vertical_alignment="bottom")
    for column, (name, menu) in zip((left, middle), menus.items(), strict=True):
        with column:
            controls.choose(spec, {name: menu})
    if value is None:
        right.caption("Click a dot on a link or a square, or choose a number here, to change it by hand.")
        return
    key = f"playground:value.{spec.pick}.{spec.epoch}.{hash(run.spec)}"
    moved = {"key": key, "on_change": lambda: act(spec, pg.edit, st.session_state[key])}
    right.number_input("Its value there", value=value, format="%.6g", **moved)
    if spec.events:
        button(spec, f"Undo all changes made by hand ({spec.events.count('=')})", pg.forgotten)


def picture(spec: pg.SPEC) -> None:
    """The settings, then the net; while there are no points, an empty map to draw them on."""
    settings(spec)
    refused(spec)
    if pg.needs_points(spec):
        look = {"height": pg.draw.MAP_HEIGHT, "clickable": True}
        click = charts.chart(pg.blank_map(spec), key="playground:blank", **look)
        follow(spec, pg.clicked_point, click, pen(spec))
    else:
        trained(spec)


explainer.show(
    pg,
    picture,
    "The run on screen in PyTorch: the same points, first weights and order. It prints the page's final numbers.",
)
