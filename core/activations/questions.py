"""Predict, then reveal: questions about the activations and nets on screen, answered by them."""

from __future__ import annotations

import numpy as np

from core.activations.compute import gradient_by_layer, health, trained
from core.activations.spec import ActivationsSpec, chosen, logits_of
from core.contracts import Question
from core.plots.words import short
from core.training.activations import softmax


def questions(spec: ActivationsSpec) -> list[Question]:
    """At most two; what the open lens does not compute is not asked."""
    asked = {
        "net": (_slope, _dead),
        "race": (_slope, _best),
        "depth": (_quarter, _best),
        "softmax": (_softmax,),
        "cost": (_slope,),
    }[spec.lens]
    return [question for question in (ask(spec) for ask in asked) if question is not None]


def _slope(spec: ActivationsSpec) -> Question | None:
    z = np.array(spec.z)
    slopes = {one.title: abs(float(one.derivative(z))) for one in chosen(spec)}
    first, *others = sorted(slopes, key=slopes.__getitem__, reverse=True)
    if not others or slopes[others[0]] == slopes[first]:
        return None
    return Question(
        f"slope.{spec.shown}.{spec.z}.{spec.leak}.{spec.alpha}",
        f"Which activation on screen lets the largest gradient through at z = {short(spec.z)}?",
        first,
        f"Its slope there is {short(slopes[first])}; next is {others[0]} with {short(slopes[others[0]])}.",
        list(slopes),
    )


def _dead(spec: ActivationsSpec) -> Question | None:
    shown = {one.title: float(health(spec, one.name).dead.mean()) for one in chosen(spec)}
    first, *others = sorted(shown, key=shown.__getitem__, reverse=True)
    if not others or shown[first] == shown[others[0]]:
        return None
    return Question(
        f"dead.{_net(spec)}",
        "In which trained net is the largest share of units dead?",
        first,
        f"{100 * shown[first]:.0f} % of its units; next is {others[0]} with {100 * shown[others[0]]:.0f} %.",
        list(shown),
    )


def _best(spec: ActivationsSpec) -> Question | None:
    ends = {one.title: float(trained(spec, one.name).losses[-1]) for one in chosen(spec)}
    finite = {title: loss for title, loss in ends.items() if np.isfinite(loss)}
    if len(finite) < 2:
        return None
    first, second, *_ = sorted(finite, key=finite.__getitem__)
    return Question(
        f"best.{_net(spec)}",
        f"Which of these nets, {spec.depth} hidden layer{'s' * (spec.depth > 1)} deep, has the lowest loss after {spec.steps} steps?",
        first,
        f"{first} ends at {short(finite[first])}, {second} at {short(finite[second])}. A loss of 0.693 is a net that has learned nothing.",
        list(ends),
    )


def _quarter(spec: ActivationsSpec) -> Question | None:
    if spec.depth < 2:
        return None
    y = gradient_by_layer(spec, "sigmoid")
    times = float(y[-1] / y[0])
    options = ("less than 10 times", "10 to 1000 times", "more than 1000 times")
    return Question(
        f"quarter.{_net(spec)}",
        f"In the untrained **sigmoid** net: how many times smaller is the gradient in layer 1 than in layer {spec.depth}?",
        options[int(np.searchsorted([10.0, 1000.0], times))],
        f"{short(times)} times. The slope of a sigmoid is at most 1/4, so {spec.depth - 1} layers alone take a factor of at least {4 ** (spec.depth - 1)}; weights above 1 give a part of it back.",
        options,
    )


def _softmax(spec: ActivationsSpec) -> Question:
    z = np.array(logits_of(spec))
    p = float(softmax(z, spec.temperature).max())
    return Question(
        f"softmax.{spec.logits}.{spec.temperature}",
        "What is the largest of the probabilities? (0.05 either way counts as right. Cover the bars!)",
        p,
        f"{short(p)}, and at T = 1 it is {short(float(softmax(z).max()))}.",
        tolerance=0.05,
    )


def _net(spec: ActivationsSpec) -> str:
    """A name for the nets on screen, so that a guess belongs to them."""
    return "/".join(
        str(v)
        for v in (
            spec.shown,
            spec.data,
            spec.depth,
            spec.width,
            spec.gain,
            spec.rate,
            spec.steps,
            spec.seed,
            spec.leak,
            spec.alpha,
        )
    )
