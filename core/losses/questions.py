"""Predict, then reveal: questions about the losses on screen, answered by them."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.losses.compute import border, class_fits, curves, information, line_fits, log_loss, prediction, target
from core.losses.lenses import clean_line
from core.losses.spec import LossesSpec
from core.plots.words import short


def questions(spec: LossesSpec) -> list[Question]:
    """Two at most: one about the curves, one about the open lens."""
    asked = [
        _pull(spec),
        {"outlier": _slope, "label": _border, "information": _asymmetry, "log": _geometric}[spec.lens](spec),
    ]
    return [question for question in asked if question is not None]


def _largest(values: dict[str, float]) -> str | None:
    """The one name with the largest value; none if two share it or a value is no number."""
    if len(values) < 2 or not np.isfinite(list(values.values())).all():
        return None
    first, second, *_ = sorted(values, key=values.__getitem__, reverse=True)
    return first if values[first] > values[second] * (1 + 1e-9) else None


def _pull(spec: LossesSpec) -> Question | None:
    p, y = np.array(prediction(spec)), np.array(target(spec))
    pulls = {curve.title: abs(float(curve.of(p, y)[1])) for curve in curves(spec)}
    first = _largest(pulls)
    if first is None:
        return None
    words = ", ".join(f"{title} {short(pull)}" for title, pull in sorted(pulls.items(), key=lambda pair: -pair[1]))
    state = f"{spec.family}.{spec.shown}.{spec.p}.{spec.y}.{spec.delta}.{spec.gamma}.{spec.epsilon}.{spec.formula}"
    return Question(
        f"pull.{state}",
        "Which loss on screen pulls hardest on the prediction where it stands now?",
        first,
        f"Size of the slope: {words}.",
        list(pulls),
    )


def _slope(spec: LossesSpec) -> Question | None:
    off = {fit.title: abs(fit.line[0] - clean_line()[0]) for fit in line_fits(spec).values()}
    first = _largest(off)
    if first is None:
        return None
    words = ", ".join(f"{title} {short(value)}" for title, value in off.items())
    return Question(
        f"slope.{spec.outlier}.{spec.delta}.{spec.formula}.{spec.rate}.{spec.steps}",
        "Whose line is tilted most by the outlier?",
        first,
        f"Slopes differ from the clean line's by: {words}.",
        list(off),
    )


def _border(spec: LossesSpec) -> Question | None:
    moved = {fit.title: abs(border(fit)) for fit in class_fits(spec).values()}
    first = _largest(moved)
    if first is None:
        return None
    words = ", ".join(f"{title} {short(value)}" for title, value in moved.items())
    return Question(
        f"border.{spec.wrong}.{spec.gamma}.{spec.epsilon}.{spec.rate}.{spec.steps}",
        "Under which loss does the wrong label move the border between the classes farthest from 0?",
        first,
        f"It moves by: {words}.",
        list(moved),
    )


def _asymmetry(spec: LossesSpec) -> Question | None:
    seen = information(spec)
    if seen.kl == seen.reverse:
        return None
    options = ("KL(y ‖ p)", "KL(p ‖ y)")
    bars = "/".join(str(getattr(spec, f"{side}{k}")) for side in "yp" for k in range(1, 5))
    return Question(
        f"kl.{bars}",
        "Which of the two divergences is larger?",
        options[seen.reverse > seen.kl],
        f"KL(y ‖ p) = {short(seen.kl)}, KL(p ‖ y) = {short(seen.reverse)}. Each weighs the log ratio by its own first distribution.",
        options,
    )


def _geometric(spec: LossesSpec) -> Question:
    mean, geometric = log_loss(spec)
    return Question(
        f"log.{spec.chances}",
        f"The mean log loss of the cases is {short(mean)}. Which probability, given to the right class every time, would cost the same? (0.03 either way counts as right.)",
        geometric,
        f"exp(−{short(mean)}) = {short(geometric)}.",
        tolerance=0.03,
    )
