"""Predict, then reveal: questions about the run on screen, answered by the run."""

from __future__ import annotations

import hashlib

from core.contracts import Question
from core.plots.words import short
from core.training_loop.compute import Run, branches, core_of, sweep


def questions(run: Run) -> list[Question]:
    """At most three; one that the run does not decide is left out."""
    asked = [_kept(run), _forgotten(run), _rate(run)]
    return [question for question in asked if question is not None]


def _kept(run: Run) -> Question | None:
    last = len(run.epochs)
    if last < 4 or run.why in ("nan", "paused"):
        return None
    return Question(
        f"kept.{_run(run)}",
        f"This run took {last} epochs. After which of them was the validation loss lowest? Within 2 counts as right.",
        float(run.kept),
        f"Epoch {run.kept}, with {short(float(run.val_loss[run.kept]))}; at the end it was {short(float(run.val_loss[-1]))}, while the training loss had fallen to {short(run.means[-1])}.",
        tolerance=2.0,
    )


def _forgotten(run: Run) -> Question | None:
    if run.spec.lens != "branch" or run.why == "nan" or not run.epochs:
        return None
    found = branches(run)
    options = ("the same to the last bit", "another run")
    lost = found["optimizer's state forgotten"]
    return Question(
        f"forgotten.{run.spec.fork}.{_run(run)}",
        "The weights come from the checkpoint, the optimizer is new. What comes out?",
        options[lost.at_end != 0],
        f"After one step the largest difference of a weight is {short(lost.after_step)}, at the end {short(lost.at_end)}. What SGD without momentum does depends on nothing but the weights and the batch; every other optimizer here remembers.",
        options,
    )


def _rate(run: Run) -> Question | None:
    if run.spec.lens != "sweep":
        return None
    found = sweep(run.spec)
    options = [f"{rate:.3g}" for rate in dict.fromkeys(found.rate.tolist())]
    best = int(found.lowest.argmin())
    return Question(
        f"rate.{_run(run)}",
        "Which learning rate has the lowest validation loss of all runs?",
        f"{found.rate[best]:.3g}",
        f"Run {best + 1}, with {short(float(found.lowest[best]))}. After more epochs a smaller rate may catch up: a comparison of rates holds for its budget.",
        options,
    )


def _run(run: Run) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return hashlib.sha256(core_of(run.spec).to_json().encode()).hexdigest()[:10]
