"""Memory length: how far back a recurrent net's gradient reaches, what it recalls, and what forget bias and clipping do."""

from __future__ import annotations

from core.contracts import Figure
from core.memory_length import figures as draw
from core.memory_length.code import script
from core.memory_length.compute import at_first, numbers, train, ways
from core.memory_length.lenses import look, summary, worked
from core.memory_length.questions import questions
from core.memory_length.report import sections, table
from core.memory_length.spec import EXAMPLES, TOUR
from core.memory_length.spec import MemoryLengthSpec as SPEC

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "TRAINED",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "questions",
    "script",
    "sections",
    "summary",
    "table",
    "thumbnail",
    "train",
    "worked",
]

TRAINED = {"delay": "Train nets for every delay", "bias": "Train these LSTMs"}
"""The lenses that have a job, with the words on its button."""


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The gradients on their way back."""
    return {"gradient": draw.gradient(ways(at_first(spec)))}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The gradients of the page's first visit, for the card on the home page."""
    return draw.thumbnail(ways(at_first(SPEC())))
