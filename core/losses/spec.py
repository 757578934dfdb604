"""The parameters of the losses page, its presets and its tour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError, one_of
from core.training.losses import LOSSES, Loss

OWN = "Your formula"
FAMILIES = {
    "number": "Regression: a number",
    "score": "Two classes: a score",
    "probability": "Two classes: a probability",
}  # fmt: skip
MEMBERS = {
    "number": ("mse", "mae", "huber"),
    "score": ("bce", "hinge", "focal", "mse", "label_smoothing"),
    "probability": ("bce", "focal", "label_smoothing", "kl", "cross_entropy", "mse", "mae"),
}  # fmt: skip
TUNABLE = {"huber": "delta", "focal": "gamma", "label_smoothing": "epsilon"}
LENSES = {
    "outlier": "An outlier",
    "label": "A wrong label",
    "information": "Entropy and KL",
    "log": "Log loss as a probability",
}  # fmt: skip
BARS = tuple(f"{side}{k}" for side in "yp" for k in range(1, 5))
USED = {
    "outlier": ("outlier", "rate", "steps", "delta"),
    "label": ("wrong", "rate", "steps", "gamma", "epsilon"),
    "information": BARS,
    "log": ("chances",),
}


def _bar(side: str, k: int, value: float) -> Any:
    return param(value, f"{'Truth' if side == 'y' else 'Model'}: weight of class {k}", low=0.0, high=1.0, step=0.05)


@dataclass(frozen=True)
class LossesSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "losses"

    family: str = param("number", "What is predicted", options=FAMILIES)
    shown: str = param("", "Losses", max_length=200, hidden=True, help="Empty: all that fit")
    p: float = param(
        1.5,
        "Prediction p",
        low=-4.0,
        high=4.0,
        step=0.05,
        help="For a probability only 0 to 1 counts: what lies outside is taken as the nearer end",
    )
    y: float = param(
        0.0,
        "Target y",
        low=-3.0,
        high=3.0,
        step=0.1,
        help="For two classes the target is class 1 if this is positive, else class 0",
    )
    delta: float = param(1.0, "Huber's δ", low=0.1, high=5.0, step=0.1)
    gamma: float = param(2.0, "Focal γ", low=0.0, high=5.0, step=0.5)
    epsilon: float = param(0.1, "Label smoothing ε", low=0.0, high=0.5, step=0.05)
    formula: str = param(
        "",
        "A loss of your own",
        max_length=200,
        help="A formula of p and y, such as log(1 + (p - y)**2). It is drawn with the others",
    )
    lens: str = param("outlier", "Look closer", options=LENSES)
    outlier: float = param(8.0, "The outlier's place y", low=-10.0, high=10.0, step=0.5)
    wrong: float = param(2.5, "The wrongly labelled point's place x", low=-3.0, high=3.0, step=0.1)
    rate: float = param(0.1, "Learning rate η", low=1e-3, high=0.5, log=True)
    steps: int = param(300, "Steps", low=10, high=2000, step=10)
    y1: float = _bar("y", 1, 0.7)
    y2: float = _bar("y", 2, 0.2)
    y3: float = _bar("y", 3, 0.1)
    y4: float = _bar("y", 4, 0.0)
    p1: float = _bar("p", 1, 0.4)
    p2: float = _bar("p", 2, 0.3)
    p3: float = _bar("p", 3, 0.2)
    p4: float = _bar("p", 4, 0.1)
    chances: str = param(
        "0.9, 0.8, 0.95, 0.6, 0.2", "Probability given to the right class, case by case", max_length=200
    )


def options(spec: LossesSpec) -> dict[str, str]:
    """Title -> name of the losses that fit what is predicted."""
    return {LOSSES[name].title: name for name in MEMBERS[spec.family]}


def chosen(spec: LossesSpec) -> list[Loss]:
    """The losses on screen, with the parameters that the visitor set.

    Raises:
        ExplainerError: an unknown name.
    """
    fit = options(spec)
    titles = list(dict.fromkeys(part.strip() for part in spec.shown.split(",") if part.strip()))
    known = {one.title for one in LOSSES.values()}
    for title in titles:
        if title not in known:
            raise ExplainerError(f"loss {title[:40]!r} is unknown; choose {one_of(fit)}")
    names = [fit[title] for title in titles if title in fit] or list(fit.values())
    return [tuned(spec, name) for name in names]


def tuned(spec: LossesSpec, name: str) -> Loss:
    """The loss with the visitor's parameter, where it has one."""
    return LOSSES[name].at(getattr(spec, TUNABLE[name])) if name in TUNABLE else LOSSES[name]


def chances_of(spec: LossesSpec) -> list[float]:
    """The typed probabilities.

    Raises:
        ExplainerError: no 1 to 20 numbers above 0 and at most 1.
    """
    try:
        found = [float(part) for part in spec.chances.split(",") if part.strip()]
    except ValueError:
        raise ExplainerError(
            f"probabilities {spec.chances[:40]!r} cannot be read; write numbers, such as 0.9, 0.8, 0.2"
        ) from None
    if not 1 <= len(found) <= 20 or not all(math.isfinite(c) and 0 < c <= 1 for c in found):
        raise ExplainerError(
            f"probabilities {spec.chances[:40]!r} cannot be used; give 1 to 20 numbers above 0, at most 1"
        )
    return found


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "MSE, MAE, Huber and an outlier", "Squared error listens to the farthest point most; absolute error listens to all alike; Huber changes over.", ("mse", "mae", "huber", "outlier", "regression loss", "robust")),
    _preset("scores", "Losses of a score", "Cross-entropy, hinge and focal loss against the score: what a confident mistake costs, and what it pulls.", ("hinge loss", "focal loss", "logistic loss", "margin", "why not mse for classes"), family="score", p=-2.0, y=1.0, lens="label"),
    _preset("wrong_label", "One wrong label", "The same fit under four losses, with one label turned round deep inside the other class.", ("label noise", "wrong label", "label smoothing", "binary cross-entropy"), family="probability", p=0.2, y=1.0, lens="label", steps=1000),
    _preset("information", "Entropy, cross-entropy, KL", "Two distributions with sliders for bars: the cost of believing p when y is true.", ("entropy", "cross-entropy", "kl divergence", "information theory", "softmax loss"), family="probability", p=0.3, y=1.0, lens="information"),
    _preset("log_loss", "Log loss read as a probability", "exp(−loss) is the geometric mean of the probabilities given to the right class.", ("log loss", "likelihood", "geometric mean", "perplexity", "probability"), family="probability", p=0.5, y=1.0, lens="log"),
    _preset("own", "A loss of your own", "Cauchy's loss grows so slowly that far points pull less and less. Type another formula.", ("custom loss", "cauchy loss", "formula", "robust loss"), formula="log(1 + (p - y)**2)", p=2.5),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Price and pull", "Left: what a prediction costs. Right: the gradient, how hard the loss pulls it back. Move the prediction.", {}),
    TourStop("An outlier", "Squared error pulls in proportion to the distance, so one far point outvotes many near ones. Move the outlier.", {"outlier": 10.0}),
    TourStop("Scores", "A confident mistake: the cross-entropy pulls with full strength, squared error on a sigmoid hardly at all. That is why classes are not taught by squared error.", {"family": "score", "p": -3.5, "y": 1.0, "lens": "label"}),
    TourStop("A wrong label", "One point in the middle of the other class has the wrong label. Cross-entropy must explain it; a smoothed target is less sure of every label.", {"family": "probability", "p": 0.2, "y": 1.0, "lens": "label", "steps": 1000}),
    TourStop("Three sums of logarithms", "Entropy is what the truth costs at best, cross-entropy what it costs under your beliefs, KL the difference.", {"family": "probability", "p": 0.3, "y": 1.0, "lens": "information"}),
    TourStop("Back to probabilities", "A mean log loss of 0.4 sounds like nothing. exp(−0.4) = 0.67 says: as if the right class got 67 % every time.", {"family": "probability", "p": 0.5, "y": 1.0, "lens": "log"}),
    TourStop("Your own", "Type a formula of p and y. Its slope is worked out by the chain rule.", {"formula": "log(1 + (p - y)**2)", "p": 2.5}),
)  # fmt: skip
