"""Losses along one prediction, the same fit under several losses, two distributions, and log loss as a probability.

A loss is drawn against what the family says p is:
    number        L(p, y)
    probability   L(p, y) for one probability; of two classes the distributions are (1 - p, p) and (1 - y, y), and the slope along
                  them is dL/dp_2 - dL/dp_1
    score         a score z with p = sigma(z); dL/dz = dL/dp p (1 - p). Hinge takes the score itself and y = -1 or +1

The fits are gradient descent on the mean loss from zero, the same for every loss, with a rate that falls to 0 along half a cosine:
    eta_t = eta (1 + cos(pi t / T)) / 2,    line:  p = w x + b,    classes:  z = w x + b
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.errors import ExplainerError
from core.formula import leaf_names, parse
from core.formula.arrays import ArrayFormula
from core.losses.spec import OWN, LossesSpec, chances_of, chosen, tuned
from core.rng import numpy_generator
from core.training.activations import sigmoid
from core.training.losses import LOSSES, Loss, entropy

Array = Float[np.ndarray, "*shape"] | float
Pair = tuple[Array, Array]
TINY = 1e-9  # a curve of a probability is drawn this far from 0 and 1
LINE_X = np.linspace(-2.0, 2.0, 12)
OUT = 9  # the line's point that is moved away
CLASS_X = np.array([-2.8, -2.4, -2.1, -1.7, -1.4, -1.0, -0.7, -0.3, 0.3, 0.7, 1.0, 1.4, 1.7, 2.1, 2.4, 2.8])
SPEED = 10.0  # losses of a score are flatter than those of a number: their rate is ten times the page's
LINE_LOSSES, CLASS_LOSSES = ("mse", "mae", "huber"), ("bce", "focal", "label_smoothing", "hinge")


@dataclass(frozen=True)
class Curve:
    """One loss along the prediction: `of(p, y)` gives values and slopes."""

    title: str
    of: Callable[[Array, Array], Pair]


def curves(spec: LossesSpec) -> list[Curve]:
    """Every loss on screen, the typed one last.

    Raises:
        ExplainerError: a name or the formula cannot be used.
    """
    along = {"number": _plain, "probability": _along_probability, "score": _along_score}[spec.family]
    known = [Curve(one.title, along(one)) for one in chosen(spec)]
    if not spec.formula.strip():
        return known
    own = _typed(spec.formula)
    return [*known, Curve(OWN, _through_sigmoid(own) if spec.family == "score" else own)]


def _plain(loss: Loss) -> Callable[[Array, Array], Pair]:
    return lambda p, y: (loss.value(p, y), loss.gradient(p, y))


def _along_probability(loss: Loss) -> Callable[[Array, Array], Pair]:
    if loss.kind != "distribution":
        return _plain(loss)

    def of(p: Array, y: Array) -> Pair:
        P, Y = np.stack([1.0 - p, p], -1), np.stack([1.0 - y, y], -1)
        slope = loss.gradient(P, Y)
        return loss.value(P, Y), slope[..., 1] - slope[..., 0]

    return of


def _along_score(loss: Loss) -> Callable[[Array, Array], Pair]:
    if loss.kind == "margin":
        return lambda z, y: (loss.value(z, 2.0 * y - 1.0), loss.gradient(z, 2.0 * y - 1.0))
    return _through_sigmoid(_along_probability(loss))


def _through_sigmoid(of: Callable[[Array, Array], Pair]) -> Callable[[Array, Array], Pair]:
    def chained(z: Array, y: Array) -> Pair:
        p = sigmoid(z)
        value, slope = of(p, y)
        return value, slope * p * (1.0 - p)

    return chained


def _typed(formula: str) -> Callable[[Array, Array], Pair]:
    """The visitor's formula of p and y, and its slope by the chain rule."""
    if strange := [name for name in leaf_names(formula) if name not in ("p", "y")]:
        raise ExplainerError(
            f"the name {strange[0]!r} is unknown in a loss; write a formula of p and y, such as (p - y)**4"
        )
    given = dict.fromkeys(leaf_names(formula), 0.5)
    compiled = ArrayFormula(parse(formula, given), ("p", "y"))
    return lambda p, y: (compiled.value(p, y), compiled.gradient(p, y)[0])


def target(spec: LossesSpec) -> float:
    """y as the family has it: a number, or class 0 or 1."""
    return spec.y if spec.family == "number" else float(spec.y > 0)


def prediction(spec: LossesSpec) -> float:
    """p as the family has it: a probability lies between 0 and 1."""
    return min(max(spec.p, TINY), 1.0 - TINY) if spec.family == "probability" else spec.p


def grid(spec: LossesSpec) -> Float[np.ndarray, " n"]:
    """The predictions along which the curves are drawn."""
    return np.linspace(0.001, 0.999, 400) if spec.family == "probability" else np.linspace(-4.0, 4.0, 321)


@dataclass(frozen=True, eq=False)
class Fit:
    """One gradient descent: the path of (w, b), and the mean loss along it."""

    title: str
    path: Float[np.ndarray, "steps_and_start 2"]
    losses: Float[np.ndarray, " steps_and_start"]

    @property
    def line(self) -> tuple[float, float]:
        """w and b at the end."""
        return float(self.path[-1, 0]), float(self.path[-1, 1])


@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def descend(
    of: Callable[[Array, Array], Pair], x: Array, y: Array, rate: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """The path of (w, b) and the mean loss, by gradient descent with a falling rate."""
    at, path, losses = np.zeros(2), [np.zeros(2)], []
    for t in range(steps):
        value, slope = of(at[0] * x + at[1], y)
        losses.append(float(value.mean()))
        eta = rate * (1.0 + np.cos(np.pi * t / steps)) / 2.0
        at = at - eta * np.array([(slope * x).mean(), slope.mean()])
        path.append(at)
    losses.append(float(of(at[0] * x + at[1], y)[0].mean()))
    return np.array(path), np.array(losses)


def line_data(spec: LossesSpec) -> Pair:
    """Twelve points near the line y = x / 2 + 1/2, one of them moved to `outlier`."""
    y = 0.5 * LINE_X + 0.5 + 0.25 * numpy_generator(0, "line").normal(size=len(LINE_X))
    y = np.round(y, 2)
    y[OUT] = spec.outlier
    return LINE_X, y


def class_data(spec: LossesSpec, *, wrong: bool = True) -> Pair:
    """Sixteen points, class 1 right of 0, and one more at `wrong` whose label is turned round."""
    y = (CLASS_X > 0).astype(float)
    if not wrong:
        return CLASS_X, y
    return np.append(CLASS_X, spec.wrong), np.append(y, float(spec.wrong <= 0))


def fit_part(spec: LossesSpec) -> LossesSpec:
    """The Spec with everything that does not change a fit at its default."""
    about = spec.params()
    kept = ("delta", "gamma", "epsilon", "formula", "outlier", "wrong", "rate", "steps")
    return replace(spec, **{name: p.default for name, p in about.items() if name not in kept})


def line_fits(spec: LossesSpec) -> dict[str, Fit]:
    """The line under MSE, MAE, Huber and the typed loss: name -> fit."""
    return _line_fits(fit_part(spec))


@lru_cache(maxsize=32)
def _line_fits(spec: LossesSpec) -> dict[str, Fit]:
    x, y = line_data(spec)
    fits = {
        name: Fit(LOSSES[name].title, *descend(_plain(tuned(spec, name)), x, y, spec.rate, spec.steps))
        for name in LINE_LOSSES
    }
    if spec.formula.strip():
        fits["own"] = Fit(OWN, *descend(_typed(spec.formula), x, y, spec.rate, spec.steps))
    return fits


def class_fits(spec: LossesSpec, *, wrong: bool = True) -> dict[str, Fit]:
    """The two classes under four losses of a score: name -> fit."""
    return _class_fits(fit_part(spec), wrong)


@lru_cache(maxsize=64)
def _class_fits(spec: LossesSpec, wrong: bool) -> dict[str, Fit]:
    x, y = class_data(spec, wrong=wrong)
    return {
        name: Fit(LOSSES[name].title, *descend(_along_score(tuned(spec, name)), x, y, spec.rate * SPEED, spec.steps))
        for name in CLASS_LOSSES
    }


def border(fit: Fit) -> float:
    """Where the fit changes from class 0 to class 1; NaN without a slope."""
    w, b = fit.line
    return round(-b / w, 12) + 0.0 if w else float("nan")


def distributions(spec: LossesSpec) -> Pair:
    """Truth y and model p over four classes, each bar divided by their sum.

    Raises:
        ExplainerError: all bars of one are 0.
    """
    found = []
    for side, name in (("y", "truth"), ("p", "model")):
        bars = np.array([getattr(spec, f"{side}{k}") for k in range(1, 5)])
        if bars.sum() == 0:
            raise ExplainerError(f"all bars of the {name} are 0; a distribution needs one above 0; raise any of them")
        found.append(bars / bars.sum())
    return found[0], found[1]


@dataclass(frozen=True)
class Information:
    """H(y), H(y, p), KL(y || p), KL(p || y), in nats."""

    entropy: float
    cross: float
    kl: float
    reverse: float


def information(spec: LossesSpec) -> Information:
    """The four sums for the two distributions on screen."""
    y, p = distributions(spec)
    kl = LOSSES["kl"].value
    return Information(float(entropy(y)), float(LOSSES["cross_entropy"].value(p, y)), float(kl(p, y)), float(kl(y, p)))


def log_loss(spec: LossesSpec) -> tuple[float, float]:
    """The mean of -log c over the typed probabilities, and exp(-mean): their geometric mean."""
    mean = float(-np.log(chances_of(spec)).mean())
    return mean, float(np.exp(-mean))


def numbers(spec: LossesSpec) -> dict[str, float]:
    """What the exported script prints too."""
    p, y = np.array(prediction(spec)), np.array(target(spec))
    found: dict[str, float] = {}
    for curve in curves(spec):
        value, slope = curve.of(p, y)
        found[f"{curve.title} value"], found[f"{curve.title} slope"] = float(value), float(slope)
    if spec.lens in ("outlier", "label"):
        fits = line_fits(spec) if spec.lens == "outlier" else class_fits(spec)
        for fit in fits.values():
            found[f"{fit.title} w"], found[f"{fit.title} b"] = fit.line
    if spec.lens == "information":
        seen = information(spec)
        found.update({"H(y)": seen.entropy, "H(y, p)": seen.cross, "KL(y || p)": seen.kl})
    if spec.lens == "log":
        found["mean log loss"], found["geometric mean probability"] = log_loss(spec)
    return found
