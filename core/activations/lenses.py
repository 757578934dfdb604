"""The closer looks below the curves, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import contracts
from core.activations import figures as draw
from core.activations.compute import REACH, cost, gradient_by_layer, health, is_flat, plane, points, steepest, trained
from core.activations.spec import USED, ActivationsSpec, chosen, logits_of, logits_text, looked_at
from core.contracts import Step
from core.plots.words import short
from core.training.activations import ACTIVATIONS, Activation, softmax, softmax_jacobian
from core.training.losses import entropy


@dataclass(frozen=True)
class View(contracts.View):
    """Also: `sliders`, the numbers that a text parameter holds (name -> label -> value), and the figures' `heights`."""

    sliders: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    heights: Mapping[str, int] = field(default_factory=dict)


def look(spec: ActivationsSpec) -> View:
    """The view through the lens that the Spec names."""
    return {"net": net, "race": race, "depth": depth, "softmax": soft, "cost": priced}[spec.lens](spec)


def number(value: float) -> str:
    """Four digits in LaTeX."""
    mantissa, _, exponent = f"{value + 0.0:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def table(spec: ActivationsSpec) -> list[dict[str, Any]]:
    """Value and slope at z, range and largest slope of everything on screen, with its source."""
    z = np.array(spec.z)
    return [
        {
            "activation": one.title,
            f"f({short(spec.z)})": short(float(one.f(z))),
            f"f′({short(spec.z)})": short(float(one.derivative(z))),
            "values": f"{_bound(one.low)} to {_bound(one.high)}",
            "largest slope": short(steepest(one)),
            "source": one.paper,
        }
        for one in chosen(spec)
    ]


def _bound(value: float) -> str:
    return short(value) if np.isfinite(value) else "−∞" if value < 0 else "∞"


def _outcome(spec: ActivationsSpec, one: Activation) -> str:
    found = trained(spec, one.name)
    return "diverged" if np.isnan(found.losses[-1]) else f"{100 * found.accuracy:.0f} % right"


def net(spec: ActivationsSpec) -> View:
    """Where the units of a trained net stand."""
    shown, one = chosen(spec), looked_at(spec)
    states = {other.name: health(spec, other.name) for other in shown}
    z = np.linspace(-8.0, 8.0, 1601)
    flat = draw.flat_ranges(is_flat(one, z), z)
    own = states[one.name]
    rows = [
        {
            "activation": other.title,
            "saturated": f"{100 * states[other.name].saturated.mean():.1f} %",
            "dead units": f"{100 * states[other.name].dead.mean():.1f} %",
            "loss": short(float(trained(spec, other.name).losses[-1])),
            "points": _outcome(spec, other),
        }
        for other in shown
    ]
    sentences = [
        f"A net with {spec.depth} hidden layer{'s' * (spec.depth > 1)} of {spec.width} units was trained for {spec.steps} steps with **{one.title}** and asked about all 200 points. "
        f"**{100 * own.saturated.mean():.1f} %** of its units × points are saturated: there the slope is below 5 % of the largest, {short(steepest(one))}. "
        f"**{100 * own.dead.mean():.1f} %** of its units are dead: saturated at every point. For ReLU both words mean a slope of exactly 0, and a half that is 0 is no defect, only a unit that is 0 for all is.",
    ]
    titles = [other.title for other in shown]
    return View(
        sentences,
        params=USED["net"],
        choices={"looked": (titles, one.title)},
        figures={
            "histogram": draw.histogram(own.A, flat, one.title),
            "health": draw.health(
                titles, [s.saturated.mean() for s in states.values()], [s.dead.mean() for s in states.values()]
            ),
        },
        rows=rows,
    )


def race(spec: ActivationsSpec) -> View:
    """The same net with each activation."""
    shown = chosen(spec)
    runs = {one.title: trained(spec, one.name) for one in shown}
    X, y = points(spec)
    rows = [
        {
            "activation": title,
            "loss at the end": "diverged" if np.isnan(run.losses[-1]) else short(float(run.losses[-1])),
            "right": "" if np.isnan(run.accuracy) else f"{100 * run.accuracy:.1f} %",
            "half-way to its end at step": _half_way(run.losses),
        }
        for title, run in runs.items()
    ]
    sentences = [
        f"{len(shown)} nets with {spec.depth} hidden layer{'s' * (spec.depth > 1)} of {spec.width} units, the same points, first weights and batches; only f differs. "
        "One rate does not suit all equally: move it and the order may change, so this shows how they differ, not which is best.",
    ]
    said = {one.title: _outcome(spec, one) for one in shown}
    fields = {one.title: plane(spec, one.name) for one in shown}
    return View(
        sentences,
        params=USED["race"],
        figures={
            "losses": draw.losses({t: r.losses for t, r in runs.items()}),
            "planes": draw.planes(fields, X, y, REACH, said),
        },
        heights={"planes": draw.planes_height(len(shown))},
        rows=rows,
    )


def _half_way(losses: np.ndarray) -> str:
    """The first step at which half of the fall from the first to the last loss is done; none without a fall."""
    if not losses[-1] < losses[0]:
        return ""
    return str(int(np.argmax(losses <= (losses[0] + losses[-1]) / 2)))


def depth(spec: ActivationsSpec) -> View:
    """What is left of the gradient, layer by layer."""
    shown = chosen(spec)
    curves = {one.title: gradient_by_layer(spec, one.name) for one in shown}
    rows = [
        {
            "activation": title,
            "in layer 1": short(float(y[0])),
            f"in layer {spec.depth}": short(float(y[-1])),
            "factor a layer": short(float((y[0] / y[-1]) ** (1 / (spec.depth - 1))))
            if spec.depth > 1 and y[-1] > 0
            else "",
            "loss after training": short(float(trained(spec, one.name).losses[-1])),
        }
        for (title, y), one in zip(curves.items(), shown, strict=True)
    ]
    sentences = [
        f"The untrained nets, {spec.depth} hidden layer{'s' * (spec.depth > 1)} deep: how large the gradient of a point's loss is at each layer's pre-activations. "
        "Going back one layer multiplies it by the weights and by f′. Where f′ is small, as in a sigmoid (at most 1/4), it shrinks like a power; the gain of the first weights can make up for some of it.",
    ]
    return View(
        sentences,
        params=("data", "depth", "width", "gain", "rate", "steps", "seed"),
        figures={"depth": draw.depth(curves)},
        rows=rows,
    )


def soft(spec: ActivationsSpec) -> View:
    """Softmax of the logits at the temperature, and its Jacobian."""
    logits = logits_of(spec)
    z, T = np.array(logits), spec.temperature
    p, plain = softmax(z, T), softmax(z)
    sentences = [
        f"The entropy is {short(float(entropy(p)))} nats at T = {short(T)} and {short(float(entropy(plain)))} at T = 1; equal probabilities would have {short(float(np.log(len(z))))}. "
        "Adding the same number to all logits changes nothing: only their differences count.",
    ]
    return View(
        sentences,
        latex=_soft_in_numbers(z, T, p),
        params=USED["softmax"],
        sliders={"logits": {f"logit z{k + 1}": value for k, value in enumerate(logits)}},
        figures={"bars": draw.bars(logits, p, plain, T), "jacobian": draw.jacobian(softmax_jacobian(p, T))},
    )


def _soft_in_numbers(z: np.ndarray, T: float, p: np.ndarray) -> list[str]:
    parts = " + ".join(rf"e^{{{number(v)} / {number(T)}}}" for v in z)
    return [
        rf"p_1 = \frac{{e^{{z_1 / T}}}}{{\sum_j e^{{z_j / T}}}} = \frac{{e^{{{number(z[0])} / {number(T)}}}}}{{{parts}}} = {number(float(p[0]))}"
    ]


def sliders_text(values: Mapping[str, float]) -> str:
    """What the sliders of the logits say, as the text parameter."""
    return logits_text(list(values.values()))


def priced(spec: ActivationsSpec) -> View:
    """What each costs on this machine."""
    measured = {ACTIVATIONS[name].title: pair for name, pair in cost().items()}
    base = measured["ReLU"][0]
    rows = [
        {"activation": title, "f [ns]": f"{f:.2f}", "f′ [ns]": f"{d:.2f}", "times ReLU": f"{f / base:.1f}"}
        for title, (f, d) in measured.items()
    ]
    sentences = [
        "**Measured on this machine**, in this server's NumPy, one thread, float64: nanoseconds for one number. The figures move with the load of the machine. An exponential costs more than a comparison; in a large net the matrix products cost far more than either.",
    ]
    return View(sentences, figures={"cost": draw.cost(measured)}, heights={"cost": 560}, rows=rows)


def worked(spec: ActivationsSpec) -> list[Step]:
    """Every activation on screen at z, value and slope, and the softmax."""
    z = np.array(spec.z)
    steps = [
        Step(
            one.title,
            latex=[
                rf"f(z) = {one.latex},\qquad f({number(spec.z)}) = {number(float(one.f(z)))}",
                rf"f'(z) = {one.derivative_latex},\qquad f'({number(spec.z)}) = {number(float(one.derivative(z)))}",
            ],
        )
        for one in chosen(spec)
    ]
    logits = np.array(logits_of(spec))
    return [
        *steps,
        Step("Softmax", latex=_soft_in_numbers(logits, spec.temperature, softmax(logits, spec.temperature))),
    ]
