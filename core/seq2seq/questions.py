"""Predict, then reveal: questions about the model on screen, answered by the model."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.seq2seq import figures as draw
from core.seq2seq.compute import Run, bottleneck, by_place, forced_place, forced_run, lengths_of
from core.seq2seq.spec import Seq2SeqSpec
from core.seq2seq.tasks import TRANSLATIONS

ASKED = 8  # the length that a question is about


def questions(spec: Seq2SeqSpec, run: Run) -> list[Question]:
    """At most four; one that the state does not decide is left out."""
    found = [_looks(spec, run), _length(spec), _forced(spec, run), _alone(spec)]
    return [question for question in found if question is not None]


def _looks(spec: Seq2SeqSpec, run: Run) -> Question | None:
    if not run.attends:
        return None
    last = int(np.flatnonzero(run.truth.any(axis=1))[-1])
    at = int(run.alpha[last].argmax())
    return Question(
        f"looks.{_run(spec)}",
        f"While it says its token {last + 1}, “{draw.shown(run.words(run.said))[last]}”: at which place of the source (1 to {len(run.x)}) does the decoder look most?",
        float(at + 1),
        f"At “{draw.shown(run.source_words())[at]}”, with α = {short(float(run.alpha[last, at]))}.",
    )


def _length(spec: Seq2SeqSpec) -> Question | None:
    if TRANSLATIONS[spec.task].fixed:
        return None
    at, values = lengths_of(spec.task), bottleneck(spec.task)
    k = at.index(ASKED)
    none, luong = 100 * values["none"][k, 1], 100 * values["luong"][k, 1]
    return Question(
        f"length.{spec.task}",
        f"What share of the answers is wholly right without attention at length {ASKED}, in percent? Within 10 counts as right.",
        float(none),
        f"With Luong's attention it is {luong:.0f} %. At length {at[0]} it is {100 * values['none'][0, 1]:.0f} % without.",
        tolerance=10.0,
    )


def _forced(spec: Seq2SeqSpec, run: Run) -> Question | None:
    place, token = forced_place(spec)
    after = len(run.y) - place - 1
    if not after:
        return None
    changed = int((forced_run(spec).said != run.said)[place + 1 :].sum())
    return Question(
        f"forced.{_run(spec)}",
        f"The decoder is made to say “{draw.shown([run.about.target[token]])[0]}” at place {place + 1}. How many of the {after} tokens after it change?",
        float(changed),
        f"{changed} of {after}. With attention the decoder can read on at the right place; without, its state is all that it has.",
    )


def _alone(spec: Seq2SeqSpec) -> Question | None:
    forced, free = by_place(spec.task, spec.attention)
    return Question(
        f"alone.{spec.task}.{spec.attention}",
        f"This model is right at {100 * forced.mean():.0f} % of the places while it hears the truth. And while it hears itself, in percent? Within 5 counts as right.",
        float(100 * free.mean()),
        f"At the first place both are equal ({100 * free[0]:.0f} %); at the last it is {100 * forced[-1]:.0f} % with the truth and {100 * free[-1]:.0f} % alone.",
        tolerance=5.0,
    )


def _run(spec: Seq2SeqSpec) -> str:
    """A short name of this state, so that a guess belongs to it."""
    return f"{spec.task}.{spec.attention}.{spec.source}.{spec.place}.{spec.token}"
