"""Diffusion and flows: noise becomes data on the plane, by fields that are known exactly and by nets that learn them."""

from __future__ import annotations

from core.contracts import Figure
from core.diffusion import figures as draw
from core.diffusion.code import script
from core.diffusion.compute import Study, needed, numbers
from core.diffusion.lenses import about, film_steps, frame_at, frame_of, look, pictures, worked
from core.diffusion.live import at_once, nets_from, train
from core.diffusion.questions import questions
from core.diffusion.report import sections, table
from core.diffusion.spec import EXAMPLES, TOUR, DiffusionSpec, controls_of, without_film
from core.diffusion.spec import DiffusionSpec as SPEC

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "DiffusionSpec",
    "Study",
    "about",
    "at_once",
    "controls_of",
    "draw",
    "figures",
    "film_steps",
    "frame_at",
    "frame_of",
    "look",
    "needed",
    "nets_from",
    "numbers",
    "pictures",
    "questions",
    "script",
    "sections",
    "table",
    "thumbnail",
    "train",
    "without_film",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    study = Study(spec)
    return {**pictures(study), **look(study).figures}


def thumbnail() -> Figure:
    """The generated points and their field at the page's first visit, for the card on the home page."""
    return draw.thumbnail(pictures(Study(SPEC()))["backward"])
