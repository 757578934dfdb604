"""Predict, then reveal: questions about the points on screen, answered by the run."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.neuron.compute import Run, chosen, separation
from core.neuron.spec import NeuronSpec
from core.plots.words import short


def questions(spec: NeuronSpec, run: Run) -> list[Question]:
    """At most three; what the run does not decide is left out."""
    asked = [_separable(run), _mistakes(spec, run), _side(spec, run)]
    return [question for question in asked if question is not None]


def _separable(run: Run) -> Question:
    found = separation(run)
    words = (
        f"The widest margin is γ = {short(found.gamma)}, so the perceptron stops after at most {found.most} mistakes."
        if found.separable
        else f"The point ({short(found.common[0])}, {short(found.common[1])}) is a mixture of + points and of − points at once; no line can have it on both sides."
    )
    options = ("yes", "no")
    return Question(
        f"separable.{_name(run)}",
        "Is there a line with every + point on one side and every − point on the other?",
        options[not found.separable],
        words,
        options,
    )


def _mistakes(spec: NeuronSpec, run: Run) -> Question | None:
    count = int(run.mistake.sum())
    if spec.rule != "perceptron" or not run.clean:
        return None
    return Question(
        f"mistakes.{_name(run)}",
        f"How many mistakes does the perceptron make before it has all {len(run.y)} points right? (A quarter either way counts as right.)",
        float(count),
        f"{count} mistakes in {run.passes} passes; the last pass is the one without any.",
        tolerance=max(1.0, 0.25 * count),
    )


def _side(spec: NeuronSpec, run: Run) -> Question | None:
    i = chosen(spec, run)
    z = float(run.w @ run.X[i])
    if z == 0 or not np.isfinite(z):
        return None
    options = ("+", "−")
    where = f"({short(run.X[i, 0])}, {short(run.X[i, 1])})"
    return Question(
        f"side.{_name(run)}.{i}",
        f"With w = ({short(run.w[0])}, {short(run.w[1])}) and b = {short(run.w[2])}: which class does the neuron give the point {where}? Work it out before you look.",
        options[z < 0],
        f"z = {short(z)}, and its sign is the answer. The point's own class is {'+' if run.y[i] > 0 else '−'}.",
        options,
    )


def _name(run: Run) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return f"{hash((run.points, run.W.tobytes())) & 0xFFFFFF:x}"
