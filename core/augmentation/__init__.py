"""Augmentation lab: random changes of pictures and sentences, what they do to the labels, and whether a network gains by them."""

from __future__ import annotations

from core.augmentation import figures as draw
from core.augmentation.code import FILE, data_file, pipeline, script
from core.augmentation.compute import album, core_of, draws, numbers, pair, resolved, train, training
from core.augmentation.lenses import about, belongs, live, look, measured, worked
from core.augmentation.questions import questions
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
    "thumbnail",
    "tiles",
    "train",
    "training",
    "worked",
]


def tiles(spec: SPEC) -> Figure:
    """The chosen picture of a resolved Spec and its draws."""
    seen = album(spec)
    return draw.draws(draws(spec), seen.classes[int(seen.y[spec.picture % len(seen.y)])])


def curves(spec: SPEC) -> Figure:
    """The test accuracy of both networks of a resolved Spec."""
    return draw.live({name: run.test.tolist() for name, run in pair(spec).items()})


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    spec, _ = resolved(spec)
    return {"draws": tiles(spec), "curves": curves(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """Eleven draws of one digit, for the card on the home page."""
    return draw.thumbnail(draws(SPEC(draws=11)))
