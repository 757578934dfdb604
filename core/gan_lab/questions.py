"""Predict, then reveal: questions about the run on screen, answered by its own numbers."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.gan_lab.compute import Run, run_of, sizes_of
from core.gan_lab.engine import output, sigmoid
from core.gan_lab.maps import best, family
from core.gan_lab.spec import GanSpec, learning
from core.plots.words import short


def questions(spec: GanSpec) -> list[Question]:
    """At most four; one that the loss does not decide is left out."""
    run = run_of(spec)
    asked = [_places(run), _guess(run), _ratio(run), _least(run)]
    return [question for question in asked if question is not None]


def _name(run: Run) -> str:
    return "&".join(f"{key}={value}" for key, value in learning(run.spec).to_query().items())


def _places(run: Run) -> Question:
    n, found = len(run.source.places), float(run.measures["covered"][-1])
    return Question(
        f"places.{_name(run)}",
        f"How many of the {n} places are covered at the end?",
        found,
        f"{int(found)} of {n} get at least a quarter of their even share, and {100 * run.measures['inside'][-1]:.0f} % of all generated points lie in a place.",
    )


def _guess(run: Run) -> Question:
    first, last = (float(run.measures["ranked"][k]) for k in (0, -1))
    options = ("more than 90 %", "60 to 90 %", "less than 60 %")
    answer = options[0] if last > 0.9 else options[1] if last >= 0.6 else options[2]
    return Question(
        f"guess.{_name(run)}",
        "In how many pairs of a real and a generated point does D rank the real one higher at the end?",
        answer,
        f"In {100 * last:.0f} %; before the first round it was {100 * first:.0f} %. If G were perfect, D could only guess: 50 %.",
        options,
    )


def _ratio(run: Run) -> Question | None:
    """How much longer the non-saturating gradient is: (1 - D) / D."""
    if family(run.spec.loss) != "log":
        return None
    f = output(run.D[-1], sizes_of(run.spec)[1], run.spec.activation, run.fakes[-1])[:, 0]
    p = float(sigmoid(np.median(f)))
    if not 1e-3 < p < 0.999:
        return None
    return Question(
        f"ratio.{_name(run)}",
        f"To half of the generated points D gives at most {p:.3f}. At {p:.3f}, how many times as long is the gradient of the non-saturating loss as that of the minimax loss? (Within a tenth counts as right.)",
        (1 - p) / p,
        f"The slopes by the logit are 1 − D and D, and the rest of the chain is the same: (1 − {p:.3f}) / {p:.3f} = {short((1 - p) / p)}. The surer D is that a point is generated, the larger the ratio.",
        tolerance=0.1 * (1 - p) / p,
    )


def _least(run: Run) -> Question | None:
    """The loss of the best D."""
    found = best(run, len(run.rounds) - 1)
    if family(run.spec.loss) != "log" or run.spec.target != 1.0 or found is None:
        return None
    return Question(
        f"least.{_name(run)}",
        f"At the end the Jensen-Shannon divergence is {short(found.js)} nats. What would the best possible D pay? (Within 0.05 counts as right.)",
        found.least,
        f"2 log 2 − 2 JS = 1.3863 − 2 · {short(found.js)} = {short(found.least)}. This D pays {short(found.cost)} on the same grid.",
        tolerance=0.05,
    )
