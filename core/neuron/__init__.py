"""One neuron: weighted sum, bias, activation, decision line, and four rules that teach it."""

from __future__ import annotations

from core.contracts import Figure
from core.neuron import figures as draw
from core.neuron.code import script
from core.neuron.compute import chosen, numbers, points_of, run_of, separation
from core.neuron.lenses import look, worked
from core.neuron.questions import questions
from core.neuron.spec import EXAMPLES, SETTINGS, TOUR, TUNED, after_click, points_text, read_points
from core.neuron.spec import NeuronSpec as SPEC
from core.training.activations import ACTIVATIONS
from core.training.losses import LOSSES

__all__ = [
    "ACTIVATIONS",
    "EXAMPLES",
    "LOSSES",
    "SETTINGS",
    "SPEC",
    "TOUR",
    "TUNED",
    "after_click",
    "chosen",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "points_of",
    "points_text",
    "questions",
    "read_points",
    "run_of",
    "script",
    "thumbnail",
    "worked",
]


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The plane and, where a rule teaches, the count of mistakes."""
    run = run_of(spec)
    plane = draw.plane(run, separation(run), chosen(spec, run), spec.rule)
    return {"plane": plane} if spec.rule == "hand" else {"plane": plane, "progress": draw.progress(run)}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The neuron of the page's first visit, for the card on the home page."""
    run = run_of(SPEC())
    return draw.thumbnail(run, separation(run))
