"""A small net learns on the plane: build it, train it, look into every neuron, change a weight and train on."""

import streamlit as st

from core import playground as pg
from core.errors import ExplainerError
from pages._ui import charts, controls, frame
from pages._ui import questions as ask
from pages._ui.tour import tour
from pages._ui.transport import transport

FILM = "playground.film"


@st.cache_data(max_entries=32, show_spinner="Training ...")
def film(spec: pg.SPEC) -> dict:
    return pg.pictures(spec)


@st.cache_data(max_entries=64, show_spinner="Looking closer ...")
def view(spec: pg.SPEC):
    return pg.look(spec)


def anew() -> None:
    """Other data or another net: what was changed on the way belongs to the old one."""
    controls.change(pg.SPEC, events="", pick="", unit="output", epoch=-1, batches=0)


def act(action, *given) -> None:
    """Let a button or a click change the settings; say why it cannot."""
    try:
        controls.change(pg.SPEC, **action(*given))
    except ExplainerError as problem:
        st.session_state["playground:problem"] = str(problem)


def settings(spec: pg.SPEC) -> None:
    """The choices of TensorFlow Playground above the pictures; the rest in two drawers."""
    if frame.focused():
        return
    with st.grid(4, min_column_width=200):
        controls.draw(spec, ["data"], then=anew)
        controls.draw(spec, ["activation", "optimizer", "rate"])
    left, middle, right = st.columns([3, 2, 4], vertical_alignment="bottom")
    with left, frame.plainly():
        controls.choose(spec, {"features": (list(pg.FEATURES), list(pg.feature_names(spec)))})
    with middle:
        controls.draw(spec, ["layers"], then=anew)
    with right, st.container(horizontal=True, vertical_alignment="bottom"):
        for words, action, what in (
            ("+ layer", pg.grown, "layer"),
            ("− layer", pg.shrunk, "layer"),
            ("+ unit", pg.grown, "unit"),
            ("− unit", pg.shrunk, "unit"),
        ):
            st.button(
                words,
                key=f"playground:{words}",
                on_click=act,
                args=(action, spec, what),
                help="Units are added to the last hidden layer, or taken from it",
            )
    data, learn = st.columns(2)
    with data, st.expander("Data: noise, split, drawing, table"):
        with st.grid(2, min_column_width=160):
            controls.draw(spec, ["noise", "share", "count", "classes", "batch", "seed"])
        own_points(spec)
    with (
        learn,
        st.expander("Learning: start, loss, schedule, penalty, dropout, stop"),
        st.grid(2, min_column_width=180),
    ):
        controls.draw(
            spec,
            ["epochs", "start", "loss", "momentum", "schedule", *(["period"] if spec.schedule != "constant" else [])],
        )
        controls.draw(spec, ["penalty", *(["strength"] if spec.penalty != "none" else []), "dropout", "stop"])


def own_points(spec: pg.SPEC) -> None:
    """Go on from the points on screen by hand, or bring a table."""
    st.button(
        "Draw more points onto these",
        icon=":material/draw:",
        key="playground:draw",
        on_click=act,
        args=(pg.as_points, spec),
        disabled=pg.needs_points(spec),
    )
    upload = st.file_uploader(
        "A table of your own (CSV)", type=["csv", "tsv", "txt"], key="playground:csv", max_upload_size=2
    )
    if upload is None:
        return
    with frame.plainly():
        table = pg.read_table(upload.getvalue())
        with st.grid(3, min_column_width=110):
            chosen = [
                st.selectbox(
                    name,
                    table.names if name == "target" else list(table.numbers),
                    index=k,
                    key=f"playground:csv.{name}",
                )
                for k, name in enumerate(("x1", "x2"))
            ]
            target = st.selectbox("target", table.names, index=len(table.names) - 1, key="playground:csv.target")
        if None not in chosen:
            found, notes = pg.table_points(table, *chosen, target, spec.seed)
            st.button(
                "Learn from these columns",
                type="primary",
                key="playground:csv.use",
                on_click=act,
                args=(lambda: found,),
            )
            st.caption("  \n".join(notes))


def pen(spec: pg.SPEC) -> float:
    """Which class or value a click on the map draws."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if spec.regression:
            label = st.slider("A click draws the value", -1.0, 1.0, 1.0, 0.1, key="playground:pen.value")
        else:
            label = st.segmented_control(
                "A click draws class", range(6), default=0, required=True, key="playground:pen.class"
            )
        st.button("Remove the last", key="playground:undo", on_click=act, args=(pg.fewer_points, spec, 1))
        st.button("Remove all", key="playground:clear", on_click=act, args=(pg.fewer_points, spec, 400))
    return float(label)


def put_point(spec: pg.SPEC, click, label: float) -> None:
    """A click on the map of drawn points adds one."""
    if click is not None and isinstance(click.x, float | int) and isinstance(click.y, float | int):
        act(pg.add_point, spec, float(click.x), float(click.y), label)
        st.rerun()


def trained(spec: pg.SPEC) -> None:
    """The net, its answer, their film, the losses, and the lens."""
    run, shown = pg.run_of(spec), film(pg.picture_part(spec))
    drawn = spec.data in pg.DRAWN and not frame.focused()
    left, right = st.columns([5, 4], gap="small")
    with left:
        click = charts.chart(
            shown["net"], key="playground:net", height=pg.draw.NET_HEIGHT, min_width=560, film=FILM, clickable=True
        )
        number(spec, run)
    with right:
        label = pen(spec) if drawn else 0.0
        spot = charts.chart(shown["map"], key="playground:map", height=pg.draw.MAP_HEIGHT, film=FILM, clickable=drawn)
        with st.container(horizontal=True):
            controls.draw(spec, ["show_test", "discretize"])
    steps, at = pg.draw.film_steps(run), pg.nearest_frame(run, spec.epoch)
    rested = transport(FILM, steps, key="playground:transport", at=at)
    if rested != at:
        controls.change(pg.SPEC, epoch=-1 if rested == len(steps) - 1 else rested)
        st.rerun()
    onward(spec)
    if run.reason:
        st.warning(pg.draw.STOPPED[run.reason], icon=":material/front_hand:")
    charts.chart(shown["losses"], key="playground:losses", height=pg.draw.LOSS_HEIGHT, film=FILM)
    if click is not None and (chosen := pg.on_click(run, click.trace, click.point)):
        controls.change(pg.SPEC, **chosen)
        st.rerun()
    if drawn:
        put_point(spec, spot, label)
    controls.draw(spec, ["lens"])
    closer(spec)
    ask.ask("playground", pg.questions(spec, run))


def onward(spec: pg.SPEC) -> None:
    """Train on from where the run ended, or begin again before the first step."""
    if frame.focused():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, epochs, batches in (("One batch", 0, 1), ("One epoch", 1, 0), ("100 epochs", 100, 0)):
            st.button(
                f"Train on: {words.lower()}",
                icon=":material/step:",
                key=f"playground:{words}",
                on_click=act,
                args=(pg.train_on, spec, epochs, batches),
            )
        st.button(
            "Before the first step",
            icon=":material/restart_alt:",
            key="playground:zero",
            on_click=controls.change,
            args=(pg.SPEC,),
            kwargs={"epochs": 0, "batches": 0, "events": "", "epoch": -1},
        )


def number(spec: pg.SPEC, run) -> None:
    """Choose a weight, a bias or the learning rate, and give it another value where the film stands."""
    if frame.focused():
        return
    picks, value = pg.places_of(run), pg.value_of(spec, run)
    chosen = spec.pick if value is not None else ""
    left, middle, right = st.columns([3, 3, 3], vertical_alignment="bottom")
    with left:
        controls.choose(spec, {"unit": (pg.units_of(run), spec.unit if spec.unit in pg.units_of(run) else "output")})
    with middle:
        controls.choose(spec, {"pick": (list(dict.fromkeys(["", *picks, chosen])), chosen)})
    if value is None:
        right.caption("Click a dot on a link or a square, or choose a number here, to change it by hand.")
        return
    key = f"playground:value.{spec.pick}.{spec.epoch}.{hash(run.spec)}"
    right.number_input(
        "Its value there",
        value=value,
        format="%.6g",
        key=key,
        on_change=lambda: act(pg.edit, spec, run, st.session_state[key]),
    )
    if spec.events:
        st.button(
            f"Undo all changes made by hand ({spec.events.count('=')})",
            key="playground:forget",
            on_click=controls.change,
            args=(pg.SPEC,),
            kwargs={"events": ""},
        )


def closer(spec: pg.SPEC) -> None:
    """The open lens: its own controls, sentences, formulas, pictures, table."""
    seen = view(spec)
    if seen.params or seen.choices:
        with st.grid(3, min_column_width=220):
            controls.draw(spec, seen.params)
            controls.choose(spec, seen.choices)
    for sentence in seen.sentences:
        st.markdown(sentence)
    if spec.lens == "beside" and not frame.focused():
        st.button(
            "Pin the run on screen",
            icon=":material/push_pin:",
            key="playground:pin",
            on_click=controls.change,
            args=(pg.SPEC,),
            kwargs={"pinned": pg.pin_text(spec)},
        )
    for formula in seen.latex:
        st.latex(formula)
    for column, (name, figure) in zip(
        st.columns(max(1, min(2, len(seen.figures)))) * 2, seen.figures.items(), strict=False
    ):
        with column:
            charts.chart(
                figure, key=f"playground:lens.{name}", height=pg.draw.LENS_HEIGHT, film=FILM if seen.films else ""
            )
    if seen.rows:
        st.dataframe(seen.rows, hide_index=True, key="playground:rows")


spec = controls.read(pg.SPEC)
frame.header("playground")
tour(pg.SPEC, pg.TOUR)
tabs = frame.tabs("playground")
if tabs["Picture"].open:
    with tabs["Picture"]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            controls.presets(pg.SPEC, pg.EXAMPLES, spec)
            controls.share(spec)
        settings(spec)
        if problem := st.session_state.pop("playground:problem", None):
            st.error(problem, icon=":material/edit_note:")
        with frame.plainly():
            if pg.needs_points(spec):
                put_point(
                    spec,
                    charts.chart(pg.blank_map(spec), key="playground:blank", height=pg.draw.MAP_HEIGHT, clickable=True),
                    pen(spec),
                )
            else:
                trained(spec)
        frame.explain(frame.prose("playground")["What to see"])
frame.other_tabs(
    "playground",
    tabs,
    lambda: pg.worked(spec),
    lambda: pg.script(spec),
    "The run on screen in PyTorch: the same points, first weights and order. It prints the page's final numbers.",
)
