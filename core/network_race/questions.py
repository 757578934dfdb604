"""Predict, then reveal: questions about the race on screen, answered by the race itself."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.network_race.compute import Outcome
from core.network_race.lenses import ranking
from core.network_race.spec import METRICS
from core.plots.words import short


def questions(run: Outcome) -> list[Question]:
    """At most four; one that the race does not decide is left out."""
    asked = [_winner(run), _diverged(run), _same_winner(run), _turn(run)]
    return [question for question in asked if question is not None]


def _winner(run: Outcome) -> Question | None:
    stayed = [i for i in ranking(run) if not run.left[i]]
    end = run.middle(run.spec.metric)[:, -1]
    if len(stayed) < 2 or end[stayed[0]] == end[stayed[1]]:
        return None
    first, second = stayed[:2]
    best = "highest" if run.spec.metric.endswith("score") else "lowest"
    return Question(
        f"winner.{run.spec.metric}.{_race(run)}",
        f"Whose **{METRICS[run.spec.metric].lower()}** is {best} at the end?",
        run.labels[first],
        f"{short(float(end[first]))} at rate {run.rules.racers[first].lr:.4g}; next is {run.labels[second]} with {short(float(end[second]))}. Another seed, rate or number of steps may turn the order round.",
        run.labels,
    )


def _diverged(run: Outcome) -> Question:
    out = [label for label, gone in zip(run.labels, run.left, strict=True) if gone]
    words = (
        f"{', '.join(out)}: each step was longer than the one before."
        if out
        else "Nobody: no rate was too high for the curvature met on the way."
    )
    return Question(
        f"diverged.{_race(run)}",
        f"How many of the {len(run.labels)} racers leave for infinity?",
        float(len(out)),
        words,
    )


def _same_winner(run: Outcome) -> Question | None:
    stayed = np.flatnonzero(~run.left)
    if len(stayed) < 2:
        return None
    train, test = (run.middle(metric)[stayed, -1] for metric in ("train_loss", "test_loss"))
    on_train, on_test = run.labels[stayed[train.argmin()]], run.labels[stayed[test.argmin()]]
    options = ("the same racer", "another racer")
    return Question(
        f"same.{_race(run)}",
        "Does the racer with the lowest **training** loss also have the lowest **test** loss?",
        options[on_train != on_test],
        f"Training: {on_train} with {short(float(train.min()))}. Test: {on_test} with {short(float(test.min()))}. An optimizer is judged by the loss that it is given, a model by new data.",
        options,
    )


def _turn(run: Outcome) -> Question | None:
    """Whose test loss has climbed most since its lowest point."""
    test = run.middle("test_loss")
    climbed = np.where(run.left, -np.inf, test[:, -1] / np.nanmin(test, axis=1))
    worst = int(climbed.argmax())
    if len(run.labels) < 2 or not climbed[worst] > 1.05:
        return None
    best = int(test[worst].argmin())
    return Question(
        f"turn.{_race(run)}",
        "Whose test loss ends farthest above its own lowest point?",
        run.labels[worst],
        f"It was {short(float(test[worst, best]))} at step {int(run.arrays['step'][best])} and is {short(float(test[worst, -1]))} at the end: it learns the noise of the training set, or its steps are too long to stay where it was best.",
        run.labels,
    )


def _race(run: Outcome) -> str:
    """A short name of this race, so that a guess belongs to it."""
    return f"{hash(run.rules) & 0xFFFFFF:x}"
