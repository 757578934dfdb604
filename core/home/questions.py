"""Predict, then reveal: questions whose answers are the numbers of the run on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Question

NEAR_CHANCE = 0.05  # within 5 points of 1 in 10


def questions(metrics: Mapping[str, Sequence[float] | np.ndarray], arrays: Mapping[str, np.ndarray]) -> list[Question]:
    """`metrics` holds one value a snapshot, `arrays` the newest snapshot's arrays. None before the first epoch is over."""
    epochs, accuracy = np.asarray(metrics["epoch"], float), np.asarray(metrics["test_accuracy"], float)
    if not np.any(epochs >= 1):
        return []
    first_epoch = float(accuracy[np.argmax(epochs >= 1)])
    return [
        _untrained(float(accuracy[0])),
        _after_one(first_epoch, float(accuracy[-1])),
        *_hardest(arrays["confusion"]),
    ]


def _untrained(accuracy: float) -> Question:
    options = ("clearly worse", "about the same", "clearly better")
    where = 0 if accuracy < 0.1 - NEAR_CHANCE else 2 if accuracy > 0.1 + NEAR_CHANCE else 1
    return Question(
        "untrained",
        "Before its first step, does the net read digits better than someone who guesses (10 %)? More than 5 points count as clearly.",
        options[where],
        f"It read {accuracy:.1%} of the test digits right. Random weights know nothing about digits; they give nearly all of them the same few answers.",
        options,
    )


def _after_one(first: float, last: float) -> Question:
    return Question(
        "one_epoch",
        "What is the test accuracy, in per cent, when the net has seen every training digit once? (5 points either way count as right.)",
        100 * first,
        f"After one epoch: {first:.1%}; in the newest snapshot: {last:.1%}. The first steps bring most of the gain.",
        tolerance=5.0,
    )


def _hardest(counts: np.ndarray) -> list[Question]:
    """Which digit is read wrongly most often; no question when two share the first place."""
    wrong = counts.sum(axis=1) - counts.diagonal()
    worst = int(wrong.argmax())
    if np.count_nonzero(wrong == wrong[worst]) > 1:
        return []
    taken_for = counts[worst] * (np.arange(10) != worst)
    return [
        Question(
            "hardest",
            "Which digit does the trained net read wrongly most often?",
            str(worst),
            f"Of {counts[worst].sum()} test digits {worst} it reads {wrong[worst]} wrongly, most often as {taken_for.argmax()} ({taken_for.max()} times).",
            [str(k) for k in range(10)],
        )
    ]
