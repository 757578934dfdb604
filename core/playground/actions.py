"""What a visitor does with the run: train on, change a number, draw a point, bring a table. Each gives the Spec's new settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.contracts import Figure
from core.data.linked import MOST
from core.data.tables import Table, read_csv
from core.errors import ExplainerError
from core.playground.compute import Run, nearest_frame, run_of, units_of
from core.playground.figures import blank, clicked, picked, plan
from core.playground.lenses import pin_text
from core.playground.points import CLASSES, decode, encode, scaled
from core.playground.problem import FEWEST
from core.playground.spec import (
    DRAWN,
    MOST_LAYERS,
    MOST_UNITS,
    Layer,
    PlaygroundSpec,
    events,
    hidden_layers,
    layers_text,
)
from core.playground.training import index
from core.rng import numpy_generator

read_table = read_csv


def train_on(spec: PlaygroundSpec, epochs: int, batches: int) -> dict[str, int]:
    """So many epochs or batches more, and the film at its end; a full epoch of batches becomes an epoch."""
    per_epoch = run_of(spec).about.per_epoch
    total = spec.batches + batches
    most = spec.params()["epochs"].high
    return {
        "epochs": int(min(most, spec.epochs + epochs + total // per_epoch)),
        "batches": total % per_epoch,
        "epoch": -1,
    }


def from_zero(spec: PlaygroundSpec) -> dict[str, Any]:
    """The run before its first step, without what was changed on the way."""
    return {"epochs": 0, "batches": 0, "events": "", "epoch": -1}


def forgotten(spec: PlaygroundSpec) -> dict[str, str]:
    """Without what was changed on the way."""
    return {"events": ""}


def pin(spec: PlaygroundSpec) -> dict[str, str]:
    """The run on screen is kept, to be seen beside others."""
    return {"pinned": pin_text(spec)}


def frame_at(spec: PlaygroundSpec, run: Run, frame: int) -> dict[str, int]:
    """The film stands at this frame; at its end it stays at the end when the run grows."""
    if frame == nearest_frame(run, spec.epoch):
        return {}
    return {"epoch": -1 if frame == len(run.frames) - 1 else frame}


def value_of(spec: PlaygroundSpec, run: Run) -> float | None:
    """The chosen rate, weight or bias where the film stands; None if there is no such place in this net."""
    frame = nearest_frame(run, spec.epoch)
    step = int(run.steps[run.frames[frame]])
    if spec.pick == "rate":
        return next((e.value for e in reversed(events(spec)) if e.kind == "rate" and e.step <= step), spec.rate)
    place = picked(spec.pick)
    if spec.pick[:1] == "b" and not spec.bias:
        return None
    try:
        return (
            float(run.thetas[frame][index(run.about.net, place)]) if len(place) == 2 + (spec.pick[0] == "w") else None
        )
    except (ExplainerError, IndexError):
        return None


def edit(spec: PlaygroundSpec, value: float) -> dict[str, str]:
    """The chosen number becomes `value` where the film stands; what was trained after that is trained anew."""
    run = run_of(spec)
    step = int(run.steps[run.frames[nearest_frame(run, spec.epoch)]])
    others = [
        part for part in spec.events.split(";") if part.strip() and not part.strip().startswith(f"{step}:{spec.pick}=")
    ]
    text = "; ".join([*(part.strip() for part in others), f"{step}:{spec.pick}={value:.6g}"])
    events(PlaygroundSpec(**{**spec.as_dict(), "events": text}))  # refuses what cannot be
    return {"events": text}


def on_click(spec: PlaygroundSpec, run: Run, click: Any) -> dict[str, str]:
    """What a click (with its trace and point; None: there was none) on the picture of the net chooses."""
    return clicked(run, click.trace, click.point) if click is not None else {}


def add_point(spec: PlaygroundSpec, x: float, y: float, label: float) -> dict[str, str]:
    """One more point at (x, y), of class or value `label`.

    Raises:
        ExplainerError: there are 400 already.
    """
    if len(spec.points) >= 6 * MOST:
        raise ExplainerError(f"the map holds {MOST} points, which is all that fits into a link; remove some first")
    return {"points": spec.points + encode(np.array([[x, y]]), np.array([label]), spec.regression)}


def clicked_point(spec: PlaygroundSpec, click: Any, label: float) -> dict[str, str]:
    """The point that a click (with its x and y; None: there was none) on the map adds. Raises ExplainerError as `add_point` does."""
    if click is None or not (isinstance(click.x, float | int) and isinstance(click.y, float | int)):
        return {}
    return add_point(spec, float(click.x), float(click.y), label)


def as_points(spec: PlaygroundSpec) -> dict[str, Any]:
    """The points on screen as drawn points (at most 400 of them), to go on from."""
    about = run_of(spec).about
    text = encode(about.X[:MOST], about.y[:MOST], spec.regression)
    return {"data": "values" if spec.regression else "points", "points": text, "events": ""}


def column_menus(table: Table) -> dict[str, tuple[list[str], int]]:
    """The columns that x1, x2 and the target may be, and which one is proposed."""
    numbers = list(table.numbers)
    return {
        "x1": (numbers, 0),
        "x2": (numbers, max(0, min(1, len(numbers) - 1))),
        "target": (list(table.names), len(table.names) - 1),
    }


def table_points(table: Table, x1: str, x2: str, target: str, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Two columns as x1 and x2 and one as the target: the Spec's settings, and what to tell the visitor.

    Raises:
        ExplainerError: a column is no column of numbers, classes are too many, or too few rows are left.
    """
    for name in (x1, x2):
        if name not in table.numbers:
            raise ExplainerError(f"column {name[:40]!r} holds words; x1 and x2 need numbers")
    whole = ~(table.missing(x1) | table.missing(x2) | table.missing(target))
    if whole.sum() < FEWEST:
        raise ExplainerError(
            f"{int(whole.sum())} rows have all three values; at least {FEWEST} are needed; choose other columns"
        )
    rows = np.flatnonzero(whole)
    notes = list(table.notes)
    if len(rows) < table.rows:
        notes.append(f"{table.rows - len(rows)} of {table.rows} rows lack one of the three values and were left out.")
    if len(rows) > MOST:
        notes.append(f"{MOST} of the {len(rows)} rows were drawn at random: that is what fits into a link.")
        rows = np.sort(numpy_generator(seed, "rows").choice(rows, MOST, replace=False))
    X = scaled([table.numbers[x1][rows], table.numbers[x2][rows]])
    y, regression, words = _labels(table, target, rows)
    notes += [f"x₁ is {x1} and x₂ is {x2}, both stretched onto −5 to 5.", words]
    return {
        "data": "values" if regression else "points",
        "points": encode(X, y, regression),
        "events": "",
        "epoch": -1,
    }, notes


def _labels(table: Table, target: str, rows: np.ndarray) -> tuple[np.ndarray, bool, str]:
    """Classes for words and for up to six whole numbers, values in -1 ... 1 otherwise."""
    if target in table.numbers:
        values = table.numbers[target][rows]
        known = np.unique(values)
        if len(known) > CLASSES or (known != np.rint(known)).any():
            low, high = float(values.min()), float(values.max())
            return (
                2 * (values - low) / ((high - low) or 1.0) - 1,
                True,
                f"y is {target}, {low:g} to {high:g} stretched onto −1 to 1.",
            )
        labels = [f"{v:g}" for v in values]
        names = [f"{v:g}" for v in known]
    else:
        labels = [table.words[target][k] for k in rows.tolist()]
        names = sorted(set(labels))
    if len(names) > CLASSES:
        raise ExplainerError(
            f"column {target[:40]!r} has {len(names)} different words; at most {CLASSES} classes can be told apart; choose another target"
        )
    return (
        np.array([names.index(v) for v in labels]),
        False,
        "Classes: " + ", ".join(f"{k} = {name}" for k, name in enumerate(names)) + ".",
    )


def needs_points(spec: PlaygroundSpec) -> bool:
    """Whether the visitor must draw points before a net can learn."""
    return spec.data in DRAWN and len(spec.points) < 6 * FEWEST


def blank_map(spec: PlaygroundSpec) -> Figure:
    """The map with the first points."""
    return blank(decode(spec.points, spec.regression), spec.regression)


def fewer_points(spec: PlaygroundSpec, count: int) -> dict[str, str]:
    """Without the last `count` points."""
    return {"points": spec.points[: max(0, len(spec.points) - 6 * count)]}


def grown(spec: PlaygroundSpec, what: str) -> dict[str, Any]:
    """One more layer of two units, or one more unit in the last layer."""
    layers = list(hidden_layers(spec))
    if what == "layer" and len(layers) < MOST_LAYERS:
        layers.append(Layer(2, spec.activation, spec.norm))
    elif what == "unit" and layers:
        layers[-1] = layers[-1]._replace(units=min(MOST_UNITS, layers[-1].units + 1))
    return _with_layers(spec, layers)


def shrunk(spec: PlaygroundSpec, what: str) -> dict[str, Any]:
    """Without the last layer, or one unit fewer in it."""
    layers = list(hidden_layers(spec))
    if layers and (what == "layer" or layers[-1].units == 1):
        layers.pop()
    elif layers:
        layers[-1] = layers[-1]._replace(units=layers[-1].units - 1)
    return _with_layers(spec, layers)


def _with_layers(spec: PlaygroundSpec, layers: list[Layer]) -> dict[str, Any]:
    return {"layers": layers_text(spec, layers), "events": "", "pick": "", "unit": "output", "epoch": -1}


def number_menus(spec: PlaygroundSpec, run: Run) -> tuple[dict[str, tuple[list[str], str]], float | None]:
    """Menus for the unit that the map shows and for the number to change, and that number where the film stands."""
    units, value = units_of(run), value_of(spec, run)
    chosen = spec.pick if value is not None else ""
    picks = list(dict.fromkeys(["", *places_of(run), chosen]))
    return {"unit": (units, spec.unit if spec.unit in units else "output"), "pick": (picks, chosen)}, value


def places_of(run: Run) -> list[str]:
    """What can be changed by hand: the rate, and every weight and bias that is drawn."""
    places = plan(run)
    weights = ["w" + ".".join(map(str, link)) for link in places.links]
    biases = [f"b{c}.{u}" for c, u in places.units if c and run.spec.bias]
    return ["rate", *weights, *biases]


RESIZED = (
    ("+ layer", grown, "layer"),
    ("− layer", shrunk, "layer"),
    ("+ unit", grown, "unit"),
    ("− unit", shrunk, "unit"),
)
ONWARD = (("one batch", 0, 1), ("one epoch", 1, 0), ("100 epochs", 100, 0))  # words, epochs, batches
