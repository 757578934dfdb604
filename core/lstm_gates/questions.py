"""Predict, then reveal: questions about the sequence on screen, answered by the net itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.contracts import Question
from core.lstm_gates.compute import Scene, operate, probe, saturation
from core.lstm_gates.figures import GATES, NAMES
from core.lstm_gates.spec import CELL_TITLES
from core.plots.words import short


def questions(now: Scene) -> list[Question]:
    """At most four; one that the run does not decide is left out."""
    asked = [_winner(now), _gate(now), _knows(now), _shut(now)]
    return [question for question in asked if question is not None]


def _winner(now: Scene) -> Question | None:
    scores = {kind: float(now.learned.metrics[f"score.{kind}"][-1]) for kind in now.learned.recipe.cells}
    best = max(scores, key=scores.__getitem__)
    if sorted(scores.values())[-2] == scores[best]:
        return None
    return Question(
        f"winner.{_run(now)}",
        "Which cell gives the most right answers on test sequences?",
        CELL_TITLES[best],
        "; ".join(f"{CELL_TITLES[kind]} {100 * value:.1f} %" for kind, value in scores.items()) + ".",
        tuple(CELL_TITLES[kind] for kind in scores),
    )


def _gate(now: Scene) -> Question | None:
    known = now.known
    shares = {NAMES[name]: sum(saturation(values)) for name, values in known.signals.items() if name in GATES}
    if len(shares) < 2 or len(set(shares.values())) < len(shares):
        return None
    return Question(
        f"switch.{_run(now)}",
        "Which gate is most like a switch: most often below 0.1 or above 0.9?",
        max(shares, key=shares.__getitem__),
        "; ".join(f"{name} {100 * value:.0f} %" for name, value in shares.items()) + ".",
        tuple(shares),
    )


def _knows(now: Scene) -> Question | None:
    known = now.known
    found = probe(known.signals[now.signal], known.latent)
    if np.isnan(found.r2_all):
        return None
    return Question(
        f"knows.{_run(now)}.{now.signal}",
        f"How much of the truth ({now.task.latent}) does the best single unit's {now.signal} explain, as R² on new sequences? Within 0.15 counts as right.",
        found.r2_best,
        f"Unit {found.best + 1}; all units together explain {short(found.r2_all)}.",
        tolerance=0.15,
    )


def _shut(now: Scene) -> Question | None:
    if "f" not in now.signals or now.spec.lens == "operate":
        return None
    settings: dict[str, object] = {
        "lens": "operate",
        "action": "clamp",
        "signal": "f",
        "value": 0.0,
        "units": "",
        "first": 1,
        "last": now.T,
    }
    done = operate(replace(now, spec=replace(now.spec, **settings)))
    return Question(
        f"shut.{_run(now)}",
        "Hold every forget gate at 0 at all steps, so that no cell keeps anything. What accuracy is left on test sequences, in percent? Within 10 counts as right.",
        100 * done.accuracy[1],
        f"It was {100 * done.accuracy[0]:.1f} % before. What is left comes from h alone, and from luck.",
        tolerance=10.0,
    )


def _run(now: Scene) -> str:
    """A short name of what is on screen, so that a guess belongs to it."""
    recipe = now.learned.recipe
    return f"{now.spec.cell}.{now.learned.step}.{hash(recipe) & 0xFFFFFFFF:x}"
