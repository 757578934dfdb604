"""Transfer-learning tuner: four strategies on one split, what each changes, and the model to take along."""

from dataclasses import replace

import streamlit as st

from core import transfer_tuner
from core.errors import ExplainerError
from core.transfer_tuner import (
    SPEC,
    STRATEGIES,
    CurveErrand,
    Errand,
    NetsErrand,
    belongs,
    chosen,
    compare,
    draw,
    film,
    first_look,
    glimpse,
    home,
    like_digits,
    live_loop,
    look,
    measure,
    nets_look,
    outcomes,
    questions,
    reopened,
    resolved,
    same_run,
    summary,
    train,
)
from pages._ui import charts, closer, controls, explainer, frame, jobs, runs, take_home, weights
from pages._ui import questions as ask
from pages._ui.pad import drawing_pad
from pages._ui.transport import transport
from pages._ui.uploads import own_picture, own_set

FILM = "transfer_tuner.film"

MAIN = ["data", "count", "backbone", "strategy", "epochs", "rate"]
MORE = [
    ["batch", "optimizer", "schedule", "decay", "body_rate", "block_decay", "blocks", "norms"],
    ["depth", "dropout", "smoothing", "weighted", "patience", "best", "share", "precision", "seed"],
]


def settings(spec: SPEC):
    """The controls; returns the visitor's own pictures, if those are what to learn from."""
    if frame.focused():
        return None
    with st.grid(3, min_column_width=230):
        controls.draw(spec, MAIN)
    found = None
    if spec.data == "own":
        with st.expander("Your own pictures", expanded=True, icon=":material/add_photo_alternate:"):
            found = own_set(key="transfer_tuner:own")
        digest = "" if found is None else found.digest
        if digest != spec.own:
            controls.change(SPEC, own=digest)
            st.rerun()
    with st.expander("Optimizer, rates, head, early stopping, precision, seed"):
        for names in MORE:
            with st.grid(4, min_column_width=200):
                controls.draw(spec, names)
    return found


@st.cache_data(max_entries=32, show_spinner="The network looks at the pictures ...")
def warmed(spec: SPEC) -> bool:
    """Compute the quick runs once for all visitors; they stay in the core's own cache."""
    return bool(glimpse(spec))


def runs_of(spec: SPEC, view) -> dict:
    """The runs to show: the quick ones, one that was kept, and those of the job, if it has begun to say something."""
    runs, kept = dict(glimpse(spec)), st.session_state.get("transfer_tuner:opened")
    if kept is not None and same_run(kept.spec, spec):
        runs[kept.spec.strategy] = kept
    if view is None or view.newest is None or "spec" not in view.newest.arrays or not belongs(view.newest.arrays, spec):
        return runs
    told = st.session_state.get("transfer_tuner:told")
    if told is None or told[0] is not view.newest:
        told = st.session_state["transfer_tuner:told"] = (view.newest, outcomes(view.newest.arrays))
    return {**runs, **told[1]}


def lesson(spec: SPEC, view) -> None:
    """Curves and pictures, also while the job runs."""
    runs = runs_of(spec, view)
    st.session_state["transfer_tuner:outcomes"] = runs
    st.session_state["transfer_tuner:live"] = (
        (spec, view) if view is not None and view.state in ("queued", "running") else None
    )
    st.session_state["transfer_tuner:film"] = () if view is None else view.film
    if spec.strategy not in runs:
        frame.explain(
            f"Shown at once: the linear probe. Press the button to train “{STRATEGIES[spec.strategy]}”."
            if runs
            else "The pictures are ready. A network of this size learns in a job: press the button."
        )
    shown = first_look(spec, runs)
    for place, (name, figure) in zip(st.columns([5, 4], gap="medium"), shown.items(), strict=False):
        with place:
            wide, height = (520, draw.TOP_HEIGHT) if name == "curves" else (0, draw.GALLERY_HEIGHT)
            charts.chart(figure, key=f"transfer_tuner:{name}", height=height, min_width=wide)
    if runs:
        st.dataframe(summary(runs), hide_index=True, key="transfer_tuner:summary")
    done = [name for name, run in runs.items() if run.done]
    if st.session_state["transfer_tuner:live"] and done != st.session_state.get("transfer_tuner:done"):
        st.session_state["transfer_tuner:done"] = done
        st.rerun()  # a strategy has come to its end while others go on: the closer look can take it


def closely(spec: SPEC, runs) -> None:
    """The open lens with its film; a click on the confusion matrix opens a cell, and a new picture may be brought to the last one."""
    brought = new_picture(spec) if spec.lens == "predict" and not frame.focused() else None
    with st.spinner("Looking closer ..."):
        seen = look(spec, runs, picture=brought)
    steps = film(spec, runs)
    if spec.lens == "confusion" and "confusion" in seen.figures:
        cells(spec, seen)
    elif spec.lens == "loop":
        charts.chart(
            seen.figures["loop"], key="transfer_tuner:loop", height=draw.LISTING_HEIGHT, min_width=860, film=FILM
        )
        transport(FILM, steps, key="transfer_tuner:transport.loop")
        closer.draw(
            spec, replace(seen, figures={n: f for n, f in seen.figures.items() if n != "loop"}), draw.LENS_HEIGHT
        )
    else:
        closer.draw(spec, seen, draw.LENS_HEIGHT, film=FILM if steps else "")
        transport(FILM, steps, key=f"transfer_tuner:transport.{spec.lens}", at=len(steps) - 1)


def new_picture(spec: SPEC):
    """(height, width, 3) bytes of what the visitor drew or brought; None where there is neither."""
    if spec.data not in ("digits", "mnist"):
        brought = own_picture(key="transfer_tuner:new", longest=512)
        return None if brought is None else brought.pixels
    left, right = st.columns(2, gap="medium")
    with left:
        ink = drawing_pad(key="transfer_tuner:pad", label="Draw a digit", size=200)
    with right:
        brought = own_picture(key="transfer_tuner:new", longest=512)
    if ink is not None:
        return like_digits(ink, spec.data)
    return None if brought is None else brought.pixels


@st.fragment(run_every=jobs.POLL)
def running() -> None:
    """The loop of the job that runs, with the line that it was last heard of at."""
    if st.session_state["transfer_tuner:live"] is None:  # it has just ended: the page is about to run again
        return
    spec, view = st.session_state["transfer_tuner:live"]
    words, figure = live_loop(spec, {} if view.newest is None else view.newest.arrays, view.metrics)
    st.markdown(words)
    charts.chart(figure, key="transfer_tuner:listing", height=draw.LISTING_HEIGHT, min_width=860)


def cells(spec: SPEC, seen) -> None:
    """The confusion matrix beside the pictures of its chosen cell."""
    st.markdown(seen.sentences[0])
    columns = st.columns([4, 5], gap="medium")
    with columns[0]:
        click = charts.chart(seen.figures["confusion"], key="transfer_tuner:confusion", height=draw.LENS_HEIGHT, clickable=True)  # fmt: skip
    with columns[1]:
        for name in [n for n in seen.figures if n != "confusion"]:
            charts.chart(seen.figures[name], key=f"transfer_tuner:{name}", height=draw.LENS_HEIGHT // 2)
    st.dataframe(seen.rows, hide_index=True, key="transfer_tuner:classes")
    if click is not None and isinstance(click.point, tuple):
        cell = f"{click.point[0]},{click.point[1]}"
        if cell != spec.cell:
            controls.change(SPEC, cell=cell)
            st.rerun()


def sizes(spec: SPEC, job) -> None:
    """The learning curves so far; the probe's own until the job has said something."""
    found = None
    if job is not None and job.newest is not None and belongs(job.newest.arrays, spec):
        found = (job.newest.arrays["sizes"], job.newest.arrays["accuracy"])
    closer.draw(spec, look(spec, {}, found), draw.LENS_HEIGHT)


def others(spec: SPEC, job) -> None:
    """The other networks so far; the smallest of them until the job has said something."""
    told = job is not None and job.newest is not None and "spec" in job.newest.arrays
    found = job.newest.arrays if told and belongs(job.newest.arrays, spec) else None
    closer.draw(spec, nets_look(spec, found), draw.LENS_HEIGHT)


def errand(spec: SPEC, kind=Errand):
    """What the job is started with; a visitor's own pictures travel along."""
    return kind(spec, transfer_tuner.pictures(spec) if spec.data == "own" else None, start_of(spec))


def start_of(spec: SPEC):
    """The checkpoint that the visitor has chosen to go on from; None for the beginning."""
    return st.session_state.get("transfer_tuner:start") if spec.run == "one" else None


def again(spec: SPEC) -> None:
    """Where the next start of one strategy begins. Stop, then go on from the last epoch: a pause. An earlier one: a rewind."""
    st.session_state.pop("transfer_tuner:start", None)
    if spec.run != "one" or frame.focused():
        return
    film = st.session_state.get("transfer_tuner:film", ())
    points = {"the beginning": None, **home.checkpoints(film, spec.strategy)}
    picked = st.selectbox(
        "Start from",
        list(points),
        key="transfer_tuner:from",
        help="The newest epoch: a pause ends. An earlier one: a rewind. With other settings: a branch. Pin a run to lay its curve beside the next.",
    )
    st.session_state["transfer_tuner:start"] = points[picked]


def picture(spec: SPEC) -> None:
    """Settings, the job, and what is seen."""
    settings(spec)
    wanted = spec.backbone
    spec, why = resolved(spec)
    absent = why.pop() if spec.backbone != wanted else ""
    for sentence in why:
        st.info(sentence, icon=":material/info:")
    weights.offered(wanted, absent)
    warmed(spec)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        controls.draw(spec, ["run"])
        again(spec)
    jobs.panel(train, errand(spec), start="Train", again="Train again", show=lambda view: lesson(spec, view))
    found = st.session_state["transfer_tuner:outcomes"]
    run = found.get(spec.strategy) or chosen(spec, found)  # one that was stopped can be pinned too
    if run is not None:
        metrics = {"validation accuracy": float(run.curve("val_accuracy")[-1]), "validation loss": float(run.curve("val_loss")[-1])}  # fmt: skip
        runs.table(run.spec, metrics, run.curve("val_loss"), x_title="epoch", y_title="validation loss [nat]")
    controls.draw(spec, ["lens"])
    if spec.lens == "size":
        show = lambda job: sizes(spec, job)  # noqa: E731
        jobs.panel(measure, errand(spec, CurveErrand), start="Measure all four strategies", again="Measure again", show=show)  # fmt: skip
    elif spec.lens == "nets":
        show = lambda job: others(spec, job)  # noqa: E731
        jobs.panel(compare, errand(spec, NetsErrand), start="Train all six", again="Train them again", show=show)
    elif spec.lens == "loop" and st.session_state["transfer_tuner:live"]:
        running()
    else:
        closely(spec, found)
    ask.ask("transfer_tuner", questions(spec, found))


def along(spec: SPEC) -> None:
    """The model of the run on screen: weights, card, exports; keep it, and ask it over HTTP."""
    spec, _ = resolved(spec)
    run = chosen(spec, st.session_state.get("transfer_tuner:outcomes") or glimpse(spec))
    if run is None:
        st.info("Train a strategy first; its model can then be taken along.", icon=":material/info:")
        return
    take_home.shelf("transfer_tuner", lambda: home.files(run), lambda name: home.saved(run, name), home.lines)
    if kept := st.session_state.get("transfer_tuner:chosen"):
        st.button("Show this model on the tab Picture", icon=":material/undo:", key="transfer_tuner:reopen", on_click=reopen, args=(kept,))  # fmt: skip
        if problem := st.session_state.pop("transfer_tuner:problem", None):
            st.error(problem, icon=":material/edit_note:")


def reopen(kept: str) -> None:
    """In a callback: put the page into the state of a model that was kept, with its curve and its weights."""
    try:
        run = reopened(kept)
    except ExplainerError as problem:
        st.session_state["transfer_tuner:problem"] = str(problem)
        return
    st.session_state["transfer_tuner:opened"] = run
    controls.set_values(SPEC, run.spec.as_dict())
    st.toast(f"The kept model “{STRATEGIES[run.spec.strategy]}” is on the tab Picture, with its settings.", icon=":material/undo:")  # fmt: skip


explainer.show(
    transfer_tuner,
    picture,
    "The run on screen, from the pictures to its numbers, with torch and NumPy; TinyVGG's weights are in the script. It prints the page's numbers.",
    take_home=along,
)
