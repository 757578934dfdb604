"""Activations: what each function lets through, forward and backward, and what becomes of a net that uses it."""

from __future__ import annotations

import numpy as np

from core.activations import figures as draw
from core.activations.code import script
from core.activations.compute import CURVE, numbers, trained
from core.activations.lenses import look, sliders_text, table, worked
from core.activations.questions import questions
from core.activations.spec import EXAMPLES, TITLES, TOUR, chosen, menus
from core.activations.spec import ActivationsSpec as SPEC
from core.contracts import Figure

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TITLES",
    "TOUR",
    "draw",
    "figures",
    "look",
    "menus",
    "numbers",
    "pictures",
    "questions",
    "script",
    "sliders_text",
    "table",
    "thumbnail",
    "trained",
    "worked",
]


def pictures(spec: SPEC) -> dict[str, Figure]:
    """f and f' of everything on screen."""
    shown, z = chosen(spec), np.array(spec.z)
    return {
        "f": draw.shape("f", CURVE, {one.title: one.f(CURVE) for one in shown}, spec.z, {one.title: float(one.f(z)) for one in shown}),
        "slope": draw.shape("slope", CURVE, {one.title: one.derivative(CURVE) for one in shown}, spec.z, {one.title: float(one.derivative(z)) for one in shown}),
    }  # fmt: skip


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The functions of the page's first visit, for the card on the home page."""
    return draw.thumbnail(CURVE, {one.title: one.f(CURVE) for one in chosen(SPEC())})
