"""Predict, then reveal: questions about the picture on screen, answered by its own network."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.vision_transformer.compute import View, change_by_order, distances, evidence, reach, rollout


def questions(view: View) -> list[Question]:
    """At most four; one that this picture does not decide is left out."""
    asked = [_order(view), _half(view), _far(view), _map(view)]
    return [question for question in asked if question is not None]


def _key(view: View) -> str:
    return f"{hash((view.scene, view.variant, view.layer, view.head, view.query, view.spec.seed)) & 0xFFFFFF:x}"


def _order(view: View) -> Question:
    change, _ = change_by_order(view)
    options = ("They stay the same", "They change")
    return Question(
        f"order.{_key(view)}",
        "The patches of this picture are put in a random order. What do the logits do?",
        options[change > 1e-9],
        f"The largest change is {short(change)}: "
        + ("each patch gets the embedding of its new place." if view.variant.positions else "without position embeddings nothing in the network knows the order."),
        options,
    )  # fmt: skip


def _half(view: View) -> Question:
    row = np.sort(rollout(view.seen.A)[0, 1:])[::-1]
    count = int(np.searchsorted(np.cumsum(row) / row.sum(), 0.5) + 1)
    return Question(
        f"half.{_key(view)}",
        f"By rollout, how many of the {len(row)} patches together make up half of what the class token takes from patches? (A tenth more or less counts as right.)",
        float(count),
        f"{count}: the strongest alone has {100 * row[0] / row.sum():.0f} %; even shares would be {100 / len(row):.1f} % each.",
        tolerance=max(1.0, len(row) / 10),
    )


def _far(view: View) -> Question | None:
    mean = reach(view.seen.A, distances(view.variant)).mean(1)
    if len(mean) < 2 or np.ptp(mean) < 0.01:
        return None
    options = [f"Layer {k + 1}" for k in range(len(mean))]
    return Question(
        f"far.{_key(view)}",
        "In which layer do the heads look farthest on average?",
        options[int(mean.argmax())],
        "; ".join(f"{name} {short(float(m))} px" for name, m in zip(options, mean, strict=True)) + ".",
        options,
    )


def _map(view: View) -> Question | None:
    if view.scene.truth() is None:
        return None
    found = [e for e in evidence(view) if e.iou is not None]
    if not found or len({e.iou for e in found}) < len(found):
        return None
    best = max(found, key=lambda e: e.iou)
    return Question(
        f"map.{_key(view)}",
        "Which map covers the true shape best (largest IoU)?",
        best.title,
        "; ".join(f"{e.title} {e.iou:.2f}" for e in found) + ".",
        [e.title for e in found],
    )
