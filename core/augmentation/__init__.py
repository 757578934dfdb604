"""Augmentation lab: random changes of pictures and sentences, what they do to the labels, and whether a network gains by them."""

from __future__ import annotations

from core.augmentation import figures as draw
from core.augmentation.code import FILE, data_file, pipeline, script
from core.augmentation.compute import core_of, draws, numbers, resolved, train, training
from core.augmentation.lenses import about, belongs, curves, live, look, measured, tiles, worked
from core.augmentation.questions import questions
from core.augmentation.report import sections, table
from core.augmentation.spec import EXAMPLES, TOUR
from core.augmentation.spec import AugmentationSpec as SPEC
from core.contracts import Figure

__all__ = [
    "EXAMPLES",
    "FILE",
    "SPEC",
    "TOUR",
    "about",
    "belongs",
    "core_of",
    "curves",
    "data_file",
    "draw",
    "figures",
    "live",
    "look",
    "measured",
    "numbers",
    "pipeline",
    "questions",
    "resolved",
    "script",
    "sections",
    "table",
    "thumbnail",
    "tiles",
    "train",
    "training",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    spec, _ = resolved(spec)
    return {"draws": tiles(spec), "curves": curves(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """Eleven draws of one digit, for the card on the home page."""
    return draw.thumbnail(draws(SPEC(draws=11)))
