"""Predict, then reveal: questions answered by the transformer on the table, by the cache's counts, or by the language model's curve."""

from __future__ import annotations

import numpy as np

from core.attention_lab.caching import timed
from core.attention_lab.compute import Subject, ablation, named, pruning
from core.attention_lab.language import course_of, grams_of, shipped_run
from core.contracts import Question


def questions(who: Subject) -> list[Question]:
    """What fits the operation."""
    if who.spec.lens == "cache":
        return [_fewer(who)]
    if who.spec.lens == "learn":
        return [_overtakes()] if not course_of(who.spec).text else []
    return _heads(who)


def _fewer(who: Subject) -> Question:
    """The counts, beside the clock."""
    t = timed(who.spec)
    times, (anew, cached) = t.seconds.sum(1), t.counts.sum(1).tolist()
    return Question(
        f"fewer.{t.shape}.{who.spec.written}",
        f"How many times fewer multiply-adds does the cache need for all {who.spec.written} tokens together? A quarter more or less counts as right.",
        anew / cached,
        f"{anew / cached:.1f} times: {cached:,} in place of {anew:,}, about half as many times as there are tokens. Measured, it was {times[0] / times[1]:.1f} times faster.",
        tolerance=0.25 * anew / cached,
    )  # fmt: skip


def _overtakes() -> Question:
    """Where the curve of the model that ships crosses the best n-gram."""
    run, grams = shipped_run(), grams_of("")
    best = min(grams, key=grams.__getitem__)
    step = int(run.steps[np.flatnonzero(run.bits < grams[best])[0]])
    return Question(
        "overtakes", f"After how many of its {run.steps[-1]:,} steps was the model that ships first ahead of counting in {best}-grams? Within 200 counts as right.", float(step),
        f"At step {step:,}. A step reads 2,048 characters, so by then it had read {2048 * step:,}, some of them more than once; the counting read all {best}-grams of the text once.", tolerance=200.0,
    )  # fmt: skip


def _heads(who: Subject) -> list[Question]:
    """Which head is missed most, and how many can go."""
    found, pruned = ablation(who), pruning(who.spec.task)
    names = tuple(named(p) for p in who.places)
    worst = int(found.loss.argmax())
    state = f"{who.spec.task}.{who.spec.off}"
    free = sum(a > pruned.accuracy[0] - 0.01 for a in pruned.accuracy[1:])
    return [
        Question(
            f"worst.{state}", "Which head is missed most when it is switched off?", names[worst],
            f"{names[worst]}: the loss goes from {found.before[0]:.4f} to {found.loss.ravel()[worst]:.4f} nats.", names,
        ),
        Question(
            f"free.{who.spec.task}", f"How many of the {len(names)} heads can be switched off, the least needed first, before one answer in a hundred is lost?", float(free),
            f"{free} of {len(names)}. Heads that do the same stand in for each other, so the last of them to go is missed and the others are not.", tolerance=0.0,
        ),
    ]  # fmt: skip
