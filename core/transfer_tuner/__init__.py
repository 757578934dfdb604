"""Transfer learning: four ways to teach a trained network new classes, what each changes, and the model to take along."""

from __future__ import annotations

from core.contracts import Figure, Step
from core.transfer_tuner import figures as draw
from core.transfer_tuner import home
from core.transfer_tuner.code import numbers, script, shown
from core.transfer_tuner.course import (
    CurveErrand,
    Errand,
    Outcome,
    belongs,
    data_of,
    glimpse,
    measure,
    outcomes,
    pictures,
    quick,
    resolved,
    train,
)
from core.transfer_tuner.evaluation import like_digits
from core.transfer_tuner.kept import reopened, same_run
from core.transfer_tuner.lenses import chosen, film, first_look, live_loop, look, nets_look, summary
from core.transfer_tuner.lenses import worked as _worked
from core.transfer_tuner.nets import NetsErrand, compare
from core.transfer_tuner.questions import questions
from core.transfer_tuner.spec import EXAMPLES, RUNS, STRATEGIES, TOUR, TuneSpec
from core.transfer_tuner.spec import TransferTunerSpec as SPEC
from core.transfer_tuner.tuning import tune

__all__ = [
    "EXAMPLES",
    "RUNS",
    "SPEC",
    "STRATEGIES",
    "TOUR",
    "CurveErrand",
    "Errand",
    "NetsErrand",
    "Outcome",
    "TuneSpec",
    "belongs",
    "chosen",
    "compare",
    "data_of",
    "draw",
    "figures",
    "film",
    "first_look",
    "glimpse",
    "home",
    "like_digits",
    "live_loop",
    "look",
    "measure",
    "nets_look",
    "numbers",
    "outcomes",
    "pictures",
    "questions",
    "quick",
    "reopened",
    "resolved",
    "same_run",
    "script",
    "shown",
    "summary",
    "thumbnail",
    "train",
    "tune",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`, before any job; seconds are left out, for they differ from run to run."""
    spec, _ = resolved(spec)
    runs = glimpse(spec)
    return {**first_look(spec, runs), **look(spec, runs, clock=False).figures}


def worked(spec: SPEC) -> list[Step]:
    """The formulas with the numbers on screen."""
    spec, _ = resolved(spec)
    return _worked(spec, glimpse(spec))


def thumbnail() -> Figure:
    """The probe's curves on the first visit, for the card on the home page."""
    return first_look(SPEC(), glimpse(SPEC()))["curves"]
