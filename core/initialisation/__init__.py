"""First weights and gradient flow: what a deep stack does to a signal and to a gradient, predicted and measured."""

from __future__ import annotations

from core.contracts import Figure
from core.initialisation import figures as draw
from core.initialisation.code import numbers, script
from core.initialisation.compute import AT_ONCE, TRAINED, measured, seconds, shown_film, train, train_part
from core.initialisation.lenses import about, look, pictures, schemes_table, worked
from core.initialisation.questions import questions
from core.initialisation.report import sections, table
from core.initialisation.spec import EXAMPLES, OWN, TOUR
from core.initialisation.spec import InitialisationSpec as SPEC

__all__ = [
    "AT_ONCE",
    "EXAMPLES",
    "OWN",
    "SPEC",
    "TOUR",
    "TRAINED",
    "about",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "questions",
    "schemes_table",
    "script",
    "seconds",
    "sections",
    "shown_film",
    "table",
    "thumbnail",
    "train",
    "train_part",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The signal of the first visit's stack, with its prediction, and of one with suited weights, for the card."""
    poor, line, _ = measured(SPEC())
    return draw.thumbnail(poor.q, line.q, measured(SPEC(repair="init"))[0].q)
