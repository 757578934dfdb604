"""A character model that writes: trained here or before, its guesses at every place, its hidden units, its rivals."""

from __future__ import annotations

from core.contracts import Figure
from core.text_generation import figures as draw
from core.text_generation.code import script
from core.text_generation.compute import (
    OWN,
    Model,
    Writing,
    belongs,
    is_shipped,
    learned,
    model_of,
    numbers,
    resolved,
    trainer,
    write,
)
from core.text_generation.lenses import about, look, worked
from core.text_generation.questions import questions
from core.text_generation.report import sections, table
from core.text_generation.spec import EXAMPLES, TOUR
from core.text_generation.spec import TextGenerationSpec as SPEC

__all__ = [
    "EXAMPLES",
    "OWN",
    "SPEC",
    "TOUR",
    "Model",
    "Writing",
    "about",
    "belongs",
    "draw",
    "figures",
    "is_shipped",
    "learned",
    "look",
    "model_of",
    "numbers",
    "pictures",
    "questions",
    "resolved",
    "script",
    "sections",
    "table",
    "thumbnail",
    "trainer",
    "worked",
    "write",
]


def pictures(made: Writing, spec: SPEC) -> dict[str, Figure]:
    """The coloured text and the next character, with their film."""
    return {
        "text": draw.text(made, spec.colour, spec.unit % made.h.shape[1], spec.at),
        "next": draw.following(made, spec.at),
    }


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`, before anything is trained to the end."""
    spec, _ = resolved(spec)
    model = model_of(spec)
    made = write(model, spec)
    return {**pictures(made, spec), **look(model, made, spec).figures}


def thumbnail() -> Figure:
    """The first lines that the page's first visit shows, for the card on the home page."""
    return draw.thumbnail(write(model_of(SPEC()), SPEC()))
