"""Predict, then reveal: questions answered by the transformer on the table."""

from __future__ import annotations

from core.attention_lab.compute import Subject, ablation, named, pruning
from core.contracts import Question


def questions(who: Subject) -> list[Question]:
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
