"""The closer looks below the curves, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import contracts
from core.contracts import Step
from core.losses import figures as draw
from core.losses.compute import (
    CLASS_X,
    LINE_X,
    OUT,
    border,
    chances_of,
    class_data,
    class_fits,
    curves,
    distributions,
    information,
    line_data,
    line_fits,
    log_loss,
    prediction,
    target,
)
from core.losses.spec import LossesSpec, chosen
from core.plots.words import short
from core.training.activations import sigmoid


@dataclass(frozen=True)
class View(contracts.View):
    """Also `film`: the words of a transport bar that the figures follow."""

    film: Sequence[Step] = ()


def look(spec: LossesSpec) -> View:
    """The view through the lens that the Spec names."""
    return {"outlier": outlier, "label": label, "information": bits, "log": log}[spec.lens](spec)


def number(value: float) -> str:
    """Four digits in LaTeX."""
    if not np.isfinite(value):
        return r"\text{none}" if np.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    mantissa, _, exponent = f"{value + 0.0:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def table(spec: LossesSpec) -> list[dict[str, Any]]:
    """Value and slope at the prediction, and the source of every loss."""
    p, y = np.array(prediction(spec)), np.array(target(spec))
    papers = {one.title: one.paper for one in chosen(spec)}
    rows = []
    for curve in curves(spec):
        value, slope = curve.of(p, y)
        rows.append(
            {
                "loss": curve.title,
                "value": short(float(value)),
                "slope": short(float(slope)),
                "source": papers.get(curve.title, ""),
            }
        )
    return rows


def clean_line() -> tuple[float, float]:
    """Least squares through the points without the outlier."""
    x, y = line_data(LossesSpec())
    near = np.arange(len(x)) != OUT
    w, b = np.polyfit(x[near], y[near], 1)
    return float(w), float(b)


def outlier(spec: LossesSpec) -> View:
    """One line, three losses, one outlier."""
    (x, y), fits, clean = line_data(spec), line_fits(spec), clean_line()
    rows = [
        {
            "loss": fit.title,
            "slope w": short(fit.line[0]),
            "offset b": short(fit.line[1]),
            "off the clean line by": short(
                float(np.abs((fit.line[0] - clean[0]) * LINE_X + fit.line[1] - clean[1]).max())
            ),
            "distance to the outlier": short(float(abs(fit.line[0] * x[OUT] + fit.line[1] - y[OUT]))),
        }
        for fit in fits.values()
    ]
    sentences = [
        f"Twelve points, eleven of them near a line; the twelfth is yours to move. The same gradient descent ({spec.steps} steps from the flat line at 0) under each loss. "
        "Squared error pulls twice as hard at twice the distance, so the outlier draws its line near; absolute error and, beyond δ, Huber pull no harder however far it is.",
    ]
    return View(
        sentences,
        figures={"line": draw.line_fit(x, y, OUT, fits, clean)},
        film=draw.film_steps(fits, spec.steps),
        rows=rows,
    )


def label(spec: LossesSpec) -> View:
    """Two classes, four losses, one wrong label."""
    (x, y), fits, before = class_data(spec), class_fits(spec), class_fits(spec, wrong=False)
    spoiled = len(CLASS_X)
    rows = [
        {
            "loss": fit.title,
            "border without it": short(border(before[name])),
            "border with it": short(border(fit)),
            "steepness |w|": short(abs(fit.line[0])),
            "p of the wrong label": f"{_given(fit.line, spec.wrong, float(y[spoiled])):.3f}",
        }
        for name, fit in fits.items()
    ]
    sentences = [
        f"Sixteen points that x = 0 separates, and one more at x = {short(spec.wrong)} whose label is turned round. The same gradient descent under each loss, {spec.steps} steps. "
        "Cross-entropy has no upper bound: the more certain the fit, the more the wrong label costs, so it flattens the whole curve and moves the border. Focal loss looks away from points that are easy already, which leaves the wrong one with more of the say. Smoothed targets and the hinge stop caring once a point is right by enough.",
    ]
    return View(
        sentences,
        figures={"classes": draw.class_fit(x, y, fits, spoiled)},
        film=draw.film_steps(fits, spec.steps),
        rows=rows,
    )


def _given(line: tuple[float, float], x: float, y: float) -> float:
    p = float(sigmoid(np.array(line[0] * x + line[1])))
    return p if y else 1.0 - p


def bits(spec: LossesSpec) -> View:
    """Entropy, cross-entropy and KL of two distributions."""
    (y, p), seen = distributions(spec), information(spec)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(y > 0, -y * np.log(y), 0.0)
        extra = np.where(y > 0, y * np.log(y / p), 0.0)
    two = float(np.log(2.0))
    rows = [
        {"quantity": name, "nats": short(value), "bits": short(value / two), "meaning": meaning}
        for name, value, meaning in (
            ("entropy H(y)", seen.entropy, "the least that the truth can cost"),
            ("cross-entropy H(y, p)", seen.cross, "what it costs when you believe p"),
            ("KL(y ‖ p)", seen.kl, "the price of the wrong belief"),
            ("KL(p ‖ y)", seen.reverse, "the other way round: not the same"),
        )
    ]
    sentences = [
        "The price of an event that was given probability p is −log p. Training on cross-entropy lowers only KL: the entropy of the truth stays. KL is infinite where the model says 0 and the truth does not.",
    ]
    return View(
        sentences,
        latex=_bits_in_numbers(spec),
        figures={"distributions": draw.distributions(y, p), "terms": draw.terms(own, extra)},
        rows=rows,
    )


def _bits_in_numbers(spec: LossesSpec) -> list[str]:
    seen = information(spec)
    return [
        rf"H(y, p) = H(y) + \mathrm{{KL}}(y \,\|\, p) = {number(seen.entropy)} + {number(seen.kl)} = {number(seen.cross)}"
    ]


def log(spec: LossesSpec) -> View:
    """Log loss as the geometric mean of probabilities."""
    chances, (mean, geometric) = chances_of(spec), log_loss(spec)
    arithmetic = float(np.mean(chances))
    sentences = [
        f"The mean log loss of these {len(chances)} cases is **{short(mean)}** nats. exp(−{short(mean)}) = **{short(geometric)}**: the model is as good as one that gives the right class {100 * geometric:.1f} % every time. "
        f"The ordinary mean of the probabilities is {short(arithmetic)}: it forgives single bad cases, the log loss does not.",
    ]
    rows = [
        {"guessing among": f"{k} classes", "log loss": short(float(np.log(k))), "reads as": f"{100 / k:.3g} %"}
        for k in (2, 3, 10, 100, 1000)
    ]
    return View(
        sentences, latex=_log_in_numbers(spec), figures={"log": draw.log_curve(chances, mean, geometric)}, rows=rows
    )


def _log_in_numbers(spec: LossesSpec) -> list[str]:
    mean, geometric = log_loss(spec)
    n = len(chances_of(spec))
    return [rf"e^{{-L}} = e^{{-{number(mean)}}} = \left(\prod_i c_i\right)^{{1/{n}}} = {number(geometric)}"]


def worked(spec: LossesSpec) -> list[Step]:
    """Every loss on screen at the prediction, value and slope."""
    p, y = np.array(prediction(spec)), np.array(target(spec))
    formulas = {one.title: (one.latex, one.derivative_latex) for one in chosen(spec)}
    steps = []
    for curve in curves(spec):
        value, slope = (number(float(v)) for v in curve.of(p, y))
        latex, derivative = formulas.get(curve.title, (r"\text{typed}", r"\text{by the chain rule}"))
        by = "z" if spec.family == "score" else "p"
        steps.append(
            Step(
                curve.title,
                latex=[
                    rf"L = {latex},\qquad L({number(float(p))},\ {number(float(y))}) = {value}",
                    rf"\frac{{dL}}{{dp}} = {derivative},\qquad \frac{{dL}}{{d{by}}} = {slope}",
                ],
            )
        )
    return [
        *steps,
        Step("Two distributions", latex=_bits_in_numbers(spec)),
        Step("Log loss", latex=_log_in_numbers(spec)),
    ]
