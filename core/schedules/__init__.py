"""Learning-rate schedules: what the rate does over the steps, and what that does to loss, gradient and curvature."""

from __future__ import annotations

from core.contracts import Figure
from core.schedules import figures as draw
from core.schedules.code import script
from core.schedules.compute import numbers, run_of
from core.schedules.lenses import look, ranking, worked
from core.schedules.questions import questions
from core.schedules.report import sections, table
from core.schedules.spec import EXAMPLES, METRICS, TITLES, TOUR, menus, used
from core.schedules.spec import SchedulesSpec as SPEC

__all__ = [
    "EXAMPLES",
    "METRICS",
    "SPEC",
    "TITLES",
    "TOUR",
    "draw",
    "figures",
    "look",
    "menus",
    "numbers",
    "questions",
    "ranking",
    "run_of",
    "script",
    "sections",
    "table",
    "thumbnail",
    "used",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {"main": draw.main(run_of(spec)), **look(spec).figures}


def thumbnail() -> Figure:
    """The rates of the page's first visit, for the card on the home page."""
    return draw.thumbnail(run_of(SPEC()))
