"""Losses: what a wrong prediction costs, how hard it is pulled back, and what that does to a fit."""

from __future__ import annotations

import numpy as np

from core.contracts import Figure
from core.losses import figures as draw
from core.losses.code import script
from core.losses.compute import curves, grid, numbers, prediction, target
from core.losses.lenses import look, table, worked
from core.losses.questions import questions
from core.losses.spec import EXAMPLES, TOUR, TUNABLE, USED, chosen, options
from core.losses.spec import LossesSpec as SPEC

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "TUNABLE",
    "USED",
    "chosen",
    "draw",
    "figures",
    "look",
    "numbers",
    "options",
    "pictures",
    "questions",
    "script",
    "table",
    "thumbnail",
    "worked",
]


def pictures(spec: SPEC) -> dict[str, Figure]:
    """Value and slope of everything on screen."""
    x, p, y = grid(spec), np.array(prediction(spec)), np.array(target(spec))
    along = {curve.title: curve.of(x, np.full(x.shape, float(y))) for curve in curves(spec)}
    here = {curve.title: curve.of(p, y) for curve in curves(spec)}
    return {
        kind: draw.curve(kind, x, {t: v[k] for t, v in along.items()}, float(p), {t: float(v[k]) for t, v in here.items()}, spec.family, float(y))
        for k, kind in enumerate(("value", "slope"))
    }  # fmt: skip


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The losses of the page's first visit, for the card on the home page."""
    x = grid(SPEC())
    return draw.thumbnail(x, {curve.title: curve.of(x, np.zeros(x.shape))[0] for curve in curves(SPEC())})
