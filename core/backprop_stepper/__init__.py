"""The backprop stepper: a typed formula as a graph, forward and backward one operation at a time."""

from __future__ import annotations

from core.backprop_stepper import figures as draw
from core.backprop_stepper import tensor_mode as tensor
from core.backprop_stepper.code import script as graph_script
from core.backprop_stepper.compute import edited, graph_numbers, graph_of, leaves_of
from core.backprop_stepper.lenses import look
from core.backprop_stepper.questions import questions
from core.backprop_stepper.spec import EXAMPLES, TOUR, format_values
from core.backprop_stepper.spec import StepperSpec as SPEC
from core.backprop_stepper.walk import said, walk
from core.contracts import Figure, Step
from core.formula import Graph, Node, parse

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "Graph",
    "Node",
    "draw",
    "edited",
    "figures",
    "format_values",
    "graph_of",
    "leaves_of",
    "look",
    "numbers",
    "parse",
    "questions",
    "said",
    "script",
    "tensor",
    "thumbnail",
    "walk",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    if spec.mode == "tensor":
        return tensor.figures(spec)
    graph = graph_of(spec)
    return {"graph": draw.graph_film(graph), **look(spec, graph).figures}


def numbers(spec: SPEC) -> dict[str, float]:
    """The loss and all gradients, by the names that the exported script prints."""
    return tensor.numbers(spec) if spec.mode == "tensor" else graph_numbers(spec)


def worked(spec: SPEC) -> list[Step]:
    """What the transport bar walks, with the formulas and their numbers."""
    return tensor.steps(tensor.run_of(spec)) if spec.mode == "tensor" else walk(graph_of(spec))


def script(spec: SPEC) -> str:
    """The state `spec` as a script that prints `numbers(spec)`."""
    return tensor.script(spec) if spec.mode == "tensor" else graph_script(graph_of(spec))


def thumbnail() -> Figure:
    """The default graph, for the card on the home page."""
    return draw.miniature(graph_of(SPEC()))
