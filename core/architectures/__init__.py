"""Architectures: networks from LeNet to EfficientNet as blocks; what they cost, what they see, and how they learn."""

from __future__ import annotations

from core.architectures import figures as draw
from core.architectures.code import numbers, script
from core.architectures.compute import chosen, drawing, plan, toggled
from core.architectures.learning import train
from core.architectures.lenses import JOBS, about, detail, look, menus, opened_menu, worked
from core.architectures.questions import questions
from core.architectures.report import sections, table
from core.architectures.spec import EXAMPLES, TOUR
from core.architectures.spec import ArchitecturesSpec as SPEC
from core.architectures.text import render
from core.contracts import Figure

__all__ = [
    "EXAMPLES",
    "JOBS",
    "SPEC",
    "TOUR",
    "about",
    "as_text",
    "clicked",
    "detail",
    "diagram",
    "draw",
    "figures",
    "look",
    "menus",
    "numbers",
    "opened_menu",
    "questions",
    "script",
    "sections",
    "table",
    "thumbnail",
    "train",
    "worked",
]


def diagram(spec: SPEC) -> tuple[Figure, int]:
    """The block diagram and the pixels that it is high."""
    drawn, found = drawing(spec), plan(spec)
    return draw.blocks(drawn, found.count, spec.shade, chosen(spec), found.title), draw.height_of(drawn)


def clicked(spec: SPEC, path: str) -> dict[str, str]:
    """A click on a box: a block opens or closes, and what was clicked is looked at."""
    if path in {box.path for box in drawing(spec).boxes if draw.is_block(box)}:
        return {**toggled(spec, path), "layer": path}
    return {"layer": path}


def as_text(spec: SPEC) -> dict[str, str]:
    """The network on screen as the visitor's own, to be changed.

    Raises:
        ExplainerError: its text is longer than a link may hold.
    """
    return {"net": "own", "text": render(plan(spec).net), "layer": ""}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {"blocks": diagram(spec)[0], **look(spec).figures}


def thumbnail() -> Figure:
    """The block diagram of the page's first visit, for the card on the home page."""
    return draw.thumbnail(drawing(SPEC()), plan(SPEC()).count)
