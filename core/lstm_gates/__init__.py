"""LSTM gate inspector: recurrent nets trained side by side, and every gate of one of them to read, to search and to operate on."""

from __future__ import annotations

from core.contracts import Figure
from core.lstm_gates import figures as draw
from core.lstm_gates.code import script
from core.lstm_gates.compute import Scene, learned_from, numbers, scene, train, train_part
from core.lstm_gates.lenses import look, shots_of, summary, worked
from core.lstm_gates.questions import questions
from core.lstm_gates.report import sections, table
from core.lstm_gates.spec import EXAMPLES, TOUR
from core.lstm_gates.spec import LstmGatesSpec as SPEC
from core.recurrent import TASKS, trace
from core.recurrent.recipes import DELAYS

__all__ = [
    "DELAYS",
    "EXAMPLES",
    "SPEC",
    "TASKS",
    "TOUR",
    "Scene",
    "draw",
    "figures",
    "learned_from",
    "look",
    "numbers",
    "pictures",
    "questions",
    "scene",
    "script",
    "sections",
    "shots_of",
    "summary",
    "table",
    "thumbnail",
    "trace",
    "train",
    "train_part",
    "worked",
]


def pictures(now: Scene) -> dict[str, Figure]:
    """Gates, answers, learning curves."""
    return {"maps": draw.maps(now), "answers": draw.answers(now), "curves": draw.curves(now.learned)}


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    now = scene(spec)
    return {**pictures(now), **look(now).figures}


def thumbnail() -> Figure:
    """The cell of the page's first visit, for the card on the home page."""
    return draw.thumbnail(scene(SPEC()))
