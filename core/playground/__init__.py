"""Playground: a small network that learns on the plane, with every neuron in sight."""

from __future__ import annotations

from dataclasses import replace

from core.contracts import Figure
from core.playground import figures as draw
from core.playground.actions import (
    ONWARD,
    RESIZED,
    Table,
    add_point,
    as_points,
    blank_map,
    clicked_point,
    column_menus,
    edit,
    fewer_points,
    forgotten,
    frame_at,
    from_zero,
    grown,
    needs_points,
    number_menus,
    on_click,
    pin,
    read_table,
    shrunk,
    table_points,
    train_on,
    value_of,
)
from core.playground.code import script
from core.playground.compute import nearest_frame, numbers, run_of, units_of
from core.playground.datasets import FEATURES
from core.playground.lenses import look, worked
from core.playground.notes import notes
from core.playground.questions import questions
from core.playground.spec import (
    ANEW,
    DRAWN,
    EXAMPLES,
    TOUR,
    PlaygroundSpec,
    controls_of,
    feature_names,
    hidden_layers,
    layers_text,
    learning,
)
from core.playground.spec import PlaygroundSpec as SPEC
from core.playground.training import PlaygroundSnapshot, train

__all__ = [
    "ANEW",
    "DRAWN",
    "EXAMPLES",
    "FEATURES",
    "ONWARD",
    "RESIZED",
    "SPEC",
    "TOUR",
    "PlaygroundSnapshot",
    "PlaygroundSpec",
    "Table",
    "add_point",
    "as_points",
    "blank_map",
    "clicked_point",
    "column_menus",
    "controls_of",
    "draw",
    "edit",
    "feature_names",
    "fewer_points",
    "figures",
    "forgotten",
    "frame_at",
    "from_zero",
    "grown",
    "hidden_layers",
    "layers_text",
    "learning",
    "look",
    "nearest_frame",
    "needs_points",
    "notes",
    "number_menus",
    "numbers",
    "on_click",
    "picture_part",
    "pictures",
    "pin",
    "questions",
    "read_table",
    "run_of",
    "script",
    "shrunk",
    "table_points",
    "thumbnail",
    "train",
    "train_on",
    "units_of",
    "value_of",
    "worked",
]


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The net, its answer and the losses, with their film: what does not depend on the lens."""
    run = run_of(spec)
    unit = spec.unit if spec.unit in units_of(run) else "output"
    return {
        "net": draw.net_picture(run, spec.pick, unit),
        "map": draw.answer(run, spec, unit),
        "losses": draw.loss_curves(run),
    }


def picture_part(spec: SPEC) -> SPEC:
    """The Spec with all that does not change `pictures` at its default."""
    return replace(
        learning(spec), **{name: getattr(spec, name) for name in ("pick", "unit", "discretize", "show_test")}
    )


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The map of the page's first visit, for the card on the home page."""
    return draw.thumbnail(run_of(SPEC()))
