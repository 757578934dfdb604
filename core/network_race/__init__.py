"""Optimizer race on real networks: one small net, many optimizers, the same start and the same batches."""

from __future__ import annotations

from core.contracts import Figure
from core.network_race import figures as draw
from core.network_race.code import script
from core.network_race.compute import AT_ONCE, Outcome, numbers, outcome_of, preview, race_part, run_of, seconds, train
from core.network_race.lenses import View, look, summary, worked
from core.network_race.questions import questions
from core.network_race.report import sections, table
from core.network_race.spec import EXAMPLES, TITLES, TOUR, menus
from core.network_race.spec import NetworkRaceSpec as SPEC
from core.training.schedules import SCHEDULED

__all__ = [
    "AT_ONCE",
    "EXAMPLES",
    "SCHEDULED",
    "SPEC",
    "TITLES",
    "TOUR",
    "Outcome",
    "View",
    "draw",
    "figures",
    "look",
    "menus",
    "numbers",
    "outcome_of",
    "pictures",
    "preview",
    "questions",
    "race_part",
    "run_of",
    "script",
    "seconds",
    "sections",
    "summary",
    "table",
    "thumbnail",
    "train",
    "worked",
]


def pictures(run: Outcome) -> dict[str, Figure]:
    """The learning curves."""
    return {"curves": draw.curves(run, run.spec.metric, run.spec.clock)}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    run = run_of(spec)
    return {**pictures(run), **look(run).figures}


def thumbnail() -> Figure:
    """The race of the page's first visit, for the card on the home page."""
    return draw.thumbnail(run_of(SPEC()))
