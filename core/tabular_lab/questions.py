"""Predict, then reveal: questions about the rows on screen, answered by the models themselves."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.tabular_lab.compute import Study, importances
from core.tabular_lab.spec import MODELS

TITLES = tuple(MODELS.values())


def questions(run: Study) -> list[Question]:
    """At most four; one that the run does not decide is left out."""
    asked = [_winner(run), _gap(run), _stopped(run), _column(run)]
    return [question for question in asked if question is not None]


def _winner(run: Study) -> Question | None:
    scores = np.array([run.scores["test"][model][0] for model in MODELS])
    first, second = np.argsort(-scores, kind="stable")[:2]
    if scores[first] == scores[second]:
        return None
    return Question(
        f"winner.{_run(run)}",
        f"Which model has the highest **test** {run.score_name} on this split?",
        TITLES[first],
        f"{short(float(scores[first]))}; next is {TITLES[second]} with {short(float(scores[second]))}. Another split may turn the order round: the learning curves say how often.",
        TITLES,
    )


def _gap(run: Study) -> Question | None:
    gaps = np.array([run.scores["training"][m][0] - run.scores["test"][m][0] for m in MODELS])
    first, second = np.argsort(-gaps, kind="stable")[:2]
    if gaps[first] <= 0 or gaps[first] == gaps[second]:
        return None
    return Question(
        f"gap.{_run(run)}",
        "Which model loses most from training to test, so has learned most by heart?",
        TITLES[first],
        f"Its {run.score_name} is {short(float(gaps[first]))} lower on test rows; that of {TITLES[second]} is {short(float(gaps[second]))} lower.",
        TITLES,
    )


def _stopped(run: Study) -> Question | None:
    if not run.spec.early:
        return None
    net = run.models["deep"].learned
    return Question(
        f"stopped.{_run(run)}",
        f"From which epoch of {run.spec.epochs} are the deep net's weights kept? Within a tenth counts as right.",
        float(net.epoch),
        f"Its validation loss was lowest there, {short(float(net.curves['validation'][net.epoch]))}; at the end it is {short(float(net.curves['validation'][-1]))}.",
        tolerance=run.spec.epochs / 10,
    )


def _column(run: Study) -> Question | None:
    falls = importances(run.spec)["trees"].mean(axis=1)
    order = np.argsort(-falls, kind="stable")
    if len(order) < 3 or falls[order[0]] == falls[order[1]]:
        return None
    options = sorted(run.data.columns[j] for j in order[:4])
    return Question(
        f"column.{_run(run)}",
        "Which column does the gradient boosting depend on most?",
        run.data.columns[order[0]],
        f"Shuffled, it takes {short(float(falls[order[0]]))} off the test {run.score_name}; {run.data.columns[order[1]]} takes {short(float(falls[order[1]]))}.",
        options,
    )


def _run(run: Study) -> str:
    """A short name of this run, so that a guess belongs to it."""
    spec = run.spec
    return f"{spec.data}.{spec.own}.{spec.target}.{spec.depth}.{spec.width}.{spec.rate}.{spec.epochs}.{spec.decay}.{spec.early}.{spec.trees}.{spec.leak}.{spec.seed}"
