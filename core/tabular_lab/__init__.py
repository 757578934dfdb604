"""Should I use deep learning here? Two nets and two baselines on the same table, and how much data each of them needs."""

from __future__ import annotations

from core.contracts import Figure
from core.tabular_lab import figures as draw
from core.tabular_lab.code import script
from core.tabular_lab.compute import (
    AT_ONCE,
    Study,
    belongs,
    curves_part,
    learned,
    learning,
    numbers,
    preview,
    seconds,
    study_of,
    train,
)
from core.tabular_lab.datasets import keep, own_names, resolved
from core.tabular_lab.lenses import View, about, look, worked
from core.tabular_lab.questions import questions
from core.tabular_lab.report import sections, table
from core.tabular_lab.spec import EXAMPLES, TOUR
from core.tabular_lab.spec import TabularLabSpec as SPEC

__all__ = [
    "AT_ONCE",
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "Study",
    "View",
    "about",
    "belongs",
    "curves_part",
    "draw",
    "figures",
    "keep",
    "learned",
    "look",
    "numbers",
    "own_names",
    "pictures",
    "preview",
    "questions",
    "resolved",
    "script",
    "seconds",
    "sections",
    "study_of",
    "table",
    "thumbnail",
    "train",
    "worked",
]


def pictures(run: Study) -> dict[str, Figure]:
    """Scores of all models and the nets' training curves."""
    return {"scores": draw.scores(run, run.spec.metric), "training": draw.training(run)}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    run = study_of(resolved(spec)[0])
    return {**pictures(run), **look(run).figures}


def thumbnail() -> Figure:
    """The learning curves of the page's first visit, for the card on the home page."""
    return draw.thumbnail(study_of(SPEC()), learning(SPEC()))
