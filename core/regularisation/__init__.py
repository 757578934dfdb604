"""Regularisation: eleven kinds on the same points, first weights and batches; what they change, what they are inside, what is luck."""

from __future__ import annotations

from core.contracts import Figure
from core.regularisation import figures as draw
from core.regularisation.code import script
from core.regularisation.compute import AT_ONCE, numbers, plan_of, run_from, run_of, seconds, train
from core.regularisation.lenses import look, names, summary, worked
from core.regularisation.questions import questions
from core.regularisation.report import pictures, sections, table
from core.regularisation.spec import EXAMPLES, GRADED, KINDS, TOUR, chosen
from core.regularisation.spec import RegularisationSpec as SPEC

__all__ = [
    "AT_ONCE",
    "EXAMPLES",
    "GRADED",
    "KINDS",
    "SPEC",
    "TOUR",
    "chosen",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "plan_of",
    "questions",
    "run_from",
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


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    run = run_of(spec)
    return {**pictures(run, spec), **look(run, spec).figures}


def thumbnail() -> Figure:
    """The validation losses of the page's first visit, for the card on the home page."""
    run = run_of(SPEC())
    return draw.thumbnail(names(run), run.looks, run.curves["validation_loss"])
