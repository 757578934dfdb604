"""Compress, export, serve: a digit net made smaller in five ways, written to files, and asked over HTTP."""

from __future__ import annotations

from core.compression import figures as draw
from core.compression.code import script
from core.compression.lenses import about, look, other_runtimes, rows_of, ticketing, top, worked
from core.compression.questions import questions
from core.compression.report import sections, table
from core.compression.spec import EXAMPLES, TOUR
from core.compression.spec import CompressionSpec as SPEC
from core.compression.study import numbers, tickets_part, train
from core.contracts import Figure

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "about",
    "draw",
    "figures",
    "files",
    "look",
    "numbers",
    "other_runtimes",
    "questions",
    "rows_of",
    "script",
    "sections",
    "service",
    "table",
    "thumbnail",
    "ticketing",
    "tickets_part",
    "top",
    "train",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {"front": top(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The front of the page's first visit, for the card on the home page."""
    return top(SPEC())


def files(spec: SPEC) -> dict[str, bytes]:
    """The net in every format that can be made here: file name -> content."""
    from core.compression.deploy import files as made  # torch is imported when it is asked for

    return {one.name: one.content for one in made(spec) if one.content}


def service(spec: SPEC) -> str:
    """The source of the FastAPI service."""
    from core.compression.serving import app_source
    from core.compression.study import base_of

    return app_source(base_of(spec)[2])
