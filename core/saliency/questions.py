"""Predict, then reveal: questions about the picture on screen, answered by its own maps."""

from __future__ import annotations

import numpy as np

from core.attribution import METHODS, chance_iou, completeness_gap, iou, pointing, spearman
from core.contracts import Question
from core.plots.words import short
from core.saliency.compute import View, blank, inputs, network


def questions(view: View) -> list[Question]:
    """At most four; one that this picture does not decide is left out."""
    asked = [_finder(view), _hits(view), _complete(view), _alike(view)]
    return [question for question in asked if question is not None]


def _key(view: View) -> str:
    return f"{hash((view.scene, view.target, view.layer, view.spec.baseline, view.spec.sign)) & 0xFFFFFF:x}"


def _finder(view: View) -> Question | None:
    mask = view.scene.truth()
    if mask is None:
        return None
    rivals = ("saliency", "integrated_gradients", "grad_cam", "guided_backprop")
    marks = {METHODS[m].title: iou(view.ranking(m), mask) for m in rivals}
    ordered = sorted(marks, key=lambda title: -marks[title])
    if marks[ordered[0]] == marks[ordered[1]]:
        return None
    return Question(
        f"finder.{_key(view)}",
        "Which of these maps covers the true shape best (largest IoU)?",
        ordered[0],
        "; ".join(f"{t} {marks[t]:.2f}" for t in ordered) + f". Blind pixels get {chance_iou(mask):.2f}.",
        list(marks),
    )


def _hits(view: View) -> Question | None:
    mask = view.scene.truth()
    if mask is None:
        return None
    missed = [METHODS[m].title for m in METHODS if not pointing(view.ranking(m), mask)]
    return Question(
        f"hits.{_key(view)}",
        f"For how many of the {len(METHODS)} methods does the highest pixel lie **outside** the shape? (One more or less counts as right.)",
        float(len(missed)),
        f"Outside: {', '.join(missed)}." if missed else "For none: every highest pixel lies on the shape.",
        tolerance=1.0,
    )


def _complete(view: View) -> Question | None:
    if "integrated_gradients" not in view.at_hand:
        return None
    gap = trust_gap(view)
    options = (
        "the logit of the picture",
        "the logit of the picture minus that of the baseline",
        "1, like probabilities",
    )
    return Question(
        f"complete.{_key(view)}",
        "All pixels of the integrated-gradients map are added up. What comes out?",
        options[1],
        f"Here they miss it by {short(gap)} logits, for the integral is summed at finitely many points.",
        options,
    )


def trust_gap(view: View) -> float:
    """How far integrated gradients are from their promise."""
    made = view.map("integrated_gradients").attribution[None]
    gap = completeness_gap(
        network(view.scene.network), inputs(view.scene), view.target, made, "integrated_gradients",
        baseline=blank(view.scene, view.spec.baseline),
    )  # fmt: skip
    return float(gap or 0.0)


def _alike(view: View) -> Question:
    """Which fast method's map is most like the plain gradient's?"""
    rivals = [m for m in ("input_x_gradient", "integrated_gradients", "smooth_grad", "grad_cam") if m in view.at_hand]
    plain = np.abs(view.map("saliency").heat)
    marks = {METHODS[m].title: spearman(plain, np.abs(view.map(m).heat)) for m in rivals}
    ordered = sorted(marks, key=lambda title: -marks[title])
    return Question(
        f"alike.{_key(view)}",
        "Whose map, by size, ranks the pixels most like plain saliency does?",
        ordered[0],
        "Rank correlations: " + "; ".join(f"{t} {marks[t]:.2f}" for t in ordered) + ".",
        list(marks),
    )
