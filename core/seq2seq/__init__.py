"""Encoder, decoder, bottleneck: GRU encoder-decoders with and without attention on translations whose alignment is known."""

from __future__ import annotations

from core.contracts import Figure
from core.seq2seq import figures as draw
from core.seq2seq.code import script
from core.seq2seq.compute import course_of, numbers, run_of
from core.seq2seq.lenses import View, about, look, top, worked
from core.seq2seq.questions import questions
from core.seq2seq.report import sections, table
from core.seq2seq.spec import EXAMPLES, TOUR
from core.seq2seq.spec import Seq2SeqSpec as SPEC
from core.seq2seq.training import train as train_course

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "View",
    "about",
    "course_of",
    "draw",
    "figures",
    "look",
    "numbers",
    "questions",
    "run_of",
    "script",
    "sections",
    "table",
    "thumbnail",
    "top",
    "train",
    "worked",
]


def train(spec: SPEC):
    """The visitor's own training, as a job runs it."""
    yield from train_course(course_of(spec))


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    run = run_of(spec)
    return {**top(run), **look(spec, run).figures}


def thumbnail() -> Figure:
    """The alignment of the page's first visit, for the card on the home page."""
    run = run_of(SPEC())
    return draw.thumbnail(run.alpha, run.source_words(), run.words(run.said), run.truth, run.score)
