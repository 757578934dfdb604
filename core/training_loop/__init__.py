"""The training loop: every line of it lit as it runs, its records, its callbacks, and how to trust, stop, save and repeat it."""

from __future__ import annotations

from core.contracts import Figure
from core.training_loop import actions
from core.training_loop import figures as draw
from core.training_loop.code import script
from core.training_loop.compute import core_of, numbers, run_of, smoothed
from core.training_loop.lenses import FILMED, about, film_steps, look, pictures, stop_band, timed, worked
from core.training_loop.listing import captions, moments
from core.training_loop.questions import questions
from core.training_loop.report import checkpoint_file, events, sections, table
from core.training_loop.spec import EXAMPLES, TOUR
from core.training_loop.spec import TrainingLoopSpec as SPEC

__all__ = [
    "EXAMPLES",
    "FILMED",
    "SPEC",
    "TOUR",
    "about",
    "actions",
    "captions",
    "checkpoint_file",
    "core_of",
    "draw",
    "events",
    "figures",
    "film_steps",
    "look",
    "moments",
    "numbers",
    "pictures",
    "questions",
    "run_of",
    "script",
    "sections",
    "table",
    "thumbnail",
    "timed",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`, without measured seconds: they differ from run to run."""
    run = run_of(spec)
    return {**pictures(run), **look(run).figures}


def thumbnail() -> Figure:
    """The losses of the first visit's run, for the card."""
    run = run_of(SPEC())
    smooth = smoothed(run.series("losses"), run.spec.smooth)
    return draw.thumbnail(smooth, run.ends, run.val_loss, run.kept, stop_band(run))
