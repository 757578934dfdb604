"""GAN lab: a generator and a discriminator play their game on the plane, and every number of it can be seen."""

from __future__ import annotations

from core.contracts import Figure
from core.data.tables import read_csv
from core.gan_lab import figures as draw
from core.gan_lab.actions import (
    MOVES,
    as_points,
    blank_map,
    clicked,
    column_menus,
    fewer,
    frame_at,
    moved,
    needs_points,
    taken_back,
)
from core.gan_lab.code import script
from core.gan_lab.compute import frame_of, numbers, run_of, train
from core.gan_lab.lenses import about, look, worked
from core.gan_lab.points import from_table
from core.gan_lab.questions import questions
from core.gan_lab.report import pictures, sections, table
from core.gan_lab.spec import ANEW, EXAMPLES, TOUR, GanSpec, controls_of, learning
from core.gan_lab.spec import GanSpec as SPEC

__all__ = [
    "ANEW",
    "EXAMPLES",
    "MOVES",
    "SPEC",
    "TOUR",
    "GanSpec",
    "about",
    "as_points",
    "blank_map",
    "clicked",
    "column_menus",
    "controls_of",
    "draw",
    "fewer",
    "figures",
    "frame_at",
    "frame_of",
    "from_table",
    "learning",
    "look",
    "moved",
    "needs_points",
    "numbers",
    "pictures",
    "questions",
    "read_csv",
    "run_of",
    "script",
    "sections",
    "table",
    "taken_back",
    "thumbnail",
    "train",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The map of the page's first visit, for the card on the home page."""
    return draw.thumbnail(run_of(SPEC()))
