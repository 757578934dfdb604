"""Predict, then reveal: questions whose answers are the numbers of the runs on screen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.transfer_tuner import metrics
from core.transfer_tuner.course import Outcome, data_of
from core.transfer_tuner.lenses import chosen
from core.transfer_tuner.spec import STRATEGIES, TransferTunerSpec


def questions(spec: TransferTunerSpec, runs: Mapping[str, Outcome]) -> list[Question]:
    """What the curve reaches, which class is hardest, and which strategy wins where several have run."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return []
    y, Z = data.labels[data.val], run.arrays["logits_val"]
    accuracy = 100 * float((Z.argmax(1) == y).mean())
    found = [
        Question(
            "accuracy",
            f"Guessing would be right in {100 / len(data.classes):.0f} % of the validation pictures. What does “{STRATEGIES[run.spec.strategy]}” reach, in per cent? (5 either way count as right.)",
            accuracy,
            f"{(Z.argmax(1) == y).sum()} of {len(y)} pictures.",
            tolerance=5.0,
        )
    ]
    return [*found, *_hardest(run, y, data.classes), *_winner(runs)]


def _hardest(run: Outcome, y: np.ndarray, classes: tuple[str, ...]) -> list[Question]:
    """The class that is missed most often; no question where two share the first place, or none is missed."""
    C = metrics.confusion(run.arrays["logits_val"].argmax(1), y, len(classes))
    missed = C.sum(axis=1) - np.diag(C)
    worst = int(missed.argmax())
    if missed[worst] == 0 or np.count_nonzero(missed == missed[worst]) > 1 or len(classes) > 12:
        return []
    taken = int((C[worst] * (np.arange(len(classes)) != worst)).argmax())
    return [
        Question(
            "hardest",
            "Which class is missed most often?",
            classes[worst],
            f"Of {C[worst].sum()} pictures of {classes[worst]!r}, {missed[worst]} are missed, most often for {classes[taken]!r} ({C[worst, taken]} times).",
            classes,
        )
    ]


def _winner(runs: Mapping[str, Outcome]) -> list[Question]:
    """The lowest validation loss, where all four have run."""
    done = {name: run for name, run in runs.items() if run.done}
    if len(done) < len(STRATEGIES):
        return []
    lowest = {name: float(np.nanmin(run.curve("val_loss"))) for name, run in done.items()}
    best = min(lowest, key=lowest.get)
    return [
        Question(
            "winner",
            "Which of the four strategies reaches the lowest validation loss?",
            STRATEGIES[best],
            "; ".join(f"{STRATEGIES[n]} {short(v)} nat" for n, v in lowest.items()) + ".",
            tuple(STRATEGIES.values()),
        )
    ]
