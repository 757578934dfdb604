"""Predict, then reveal: questions answered by the network and the picture on screen."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.conv_lab.compute import ablated, asked, moved, nudged
from core.conv_lab.lenses import picture_words
from core.conv_lab.spec import ConvLabSpec
from core.plots.words import plain

FEW = 7  # layers to choose from, where there are many


def questions(spec: ConvLabSpec) -> list[Question]:
    """One or two, about the look that is open."""
    return {"ablation": _ablation, "equivariance": _moving, "attack": _attack}.get(spec.lens, _attack)(spec)


def _ablation(spec: ConvLabSpec) -> list[Question]:
    a, found = asked(spec), ablated(spec)
    drops = np.nan_to_num(found.right[0] - found.right[1])
    options = ("no class loses", "one class loses", "several classes lose")
    losing = int((drops > 0).sum())
    return [
        Question(
            f"ablation.{spec.network}.{a.layer}.{a.unit}",
            f"Map {a.unit} of {plain(a.layer)} is removed. How many classes lose right answers?",
            options[min(losing, 2)],
            f"{losing} of {int((found.count > 0).sum())}; over all classes {found.accuracy(0):.1%} before and {found.accuracy(1):.1%} after.",
            options,
        )
    ]


def _moving(spec: ConvLabSpec) -> list[Question]:
    a, found = asked(spec), moved(spec)
    worst = max(found.departures, key=found.departures.__getitem__)
    names = list(found.departures)
    some = {worst, *names[:: max(1, len(names) // FEW)]}
    options = tuple(plain(n) for n in names if len(names) <= 2 * FEW or n in some)
    return [
        Question(
            f"moving.{spec.network}.{spec.own[:6] or spec.picture}.{spec.shift}.{spec.quarters}.{spec.noise:g}",
            "At which layer is the departure from equivariance largest?",
            plain(worst),
            f"At {plain(worst)}: {found.departures[worst]:.1%} of its size; at {plain(a.layer)} it is {found.departures[a.layer]:.1%}.",
            options,
        )
    ]


def _attack(spec: ConvLabSpec) -> list[Question]:
    a, found = asked(spec), nudged(spec)
    y = a.truth
    options = ("it stays", "it changes")
    changed = int(found.probabilities[0].argmax() != found.probabilities[1].argmax())
    return [
        Question(
            f"attack.{spec.network}.{spec.own[:6] or a.index}.{spec.eps:g}.{spec.attack_steps}",
            f"Every pixel of {picture_words(a)} is changed by at most {spec.eps:g}, in {spec.attack_steps} steps along the gradient's sign. Does the network's answer stay?",
            options[changed],
            f"The probability of {a.about.classes[y]} goes from {found.probabilities[0][y]:.1%} to {found.probabilities[1][y]:.1%}.",
            options,
        )
    ]
