"""Optimizer race: many optimizers, one hill, and a fair start."""

from __future__ import annotations

from core.contracts import Figure
from core.optimizer_race import figures as draw
from core.optimizer_race.code import script
from core.optimizer_race.compute import Run, hill, numbers, race_part, run_of
from core.optimizer_race.lenses import about_hill, look, worked
from core.optimizer_race.questions import questions
from core.optimizer_race.race import RaceResult, RaceSpec, anatomy, race
from core.optimizer_race.report import sections, table
from core.optimizer_race.spec import EXAMPLES, PLAYED, TITLES, TOUR, menus, start_text
from core.optimizer_race.spec import OptimizerRaceSpec as SPEC
from core.optimizer_race.surfaces import SURFACES, Surface
from core.optimizer_race.typed import typed_surface
from core.training.optimizers import OPTIMIZERS, Racer
from core.training.schedules import SCHEDULED, SCHEDULES, Schedule

__all__ = [
    "EXAMPLES",
    "OPTIMIZERS",
    "PLAYED",
    "SCHEDULED",
    "SCHEDULES",
    "SPEC",
    "SURFACES",
    "TITLES",
    "TOUR",
    "RaceResult",
    "RaceSpec",
    "Racer",
    "Run",
    "Schedule",
    "Surface",
    "about_hill",
    "anatomy",
    "draw",
    "figures",
    "look",
    "menus",
    "numbers",
    "pictures",
    "questions",
    "race",
    "race_part",
    "run_of",
    "script",
    "sections",
    "start_text",
    "table",
    "thumbnail",
    "typed_surface",
    "worked",
]

MAP_GRID, RELIEF_GRID = 121, 81


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The map and the relief with their film, and the values: what does not depend on the lens."""
    run = run_of(spec)
    return {
        "map": draw.race_map(run, hill(run.spec, MAP_GRID)),
        "relief": draw.relief(run, hill(run.spec, RELIEF_GRID)),
        "values": draw.values(run, spec.goal),
    }


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The race of the page's first visit, for the card on the home page."""
    run = run_of(SPEC())
    return draw.thumbnail(run, hill(run.spec, 61))
