"""Predict, then reveal: questions answered by the network and the picture on screen."""

from __future__ import annotations

from core.contracts import Question
from core.conv_filters.compute import inside, over_examples
from core.conv_filters.spec import ConvFiltersSpec
from core.plots.words import plain


def questions(spec: ConvFiltersSpec) -> list[Question]:
    """At most three; one that the maps do not decide is left out."""
    return [q for q in (_zeros(spec), _loudest(spec), _negative(spec)) if q is not None]


def _zeros(spec: ConvFiltersSpec) -> Question | None:
    found = inside(spec)
    zeros = 100 * float(over_examples(spec.network)[found.layer].zeros.mean())
    if zeros < 1:
        return None
    return Question(
        f"zeros.{spec.network}.{found.layer}",
        f"What share of all values in **{plain(found.layer)}** is exactly 0, over the example pictures? In per cent; 10 points either way count as right.",
        round(zeros, 2),
        f"{zeros:.1f} %. The ReLU cuts off everything below 0, so each picture lights only a part of the maps.",
        tolerance=10.0,
    )


def _loudest(spec: ConvFiltersSpec) -> Question | None:
    found = inside(spec)
    if len(found.order) < 2:
        return None
    loud = found.loud
    top = [found.sum.sources[k] for k in found.order[:4]]
    options = tuple(str(s) for s in sorted(top))
    return Question(
        f"loudest.{spec.network}.{spec.own[:6] or spec.picture}.{found.conv}.{found.unit}",
        f"Which input map of **{plain(found.conv)}** contributes most to map {found.unit}?",
        str(top[0]),
        f"Input {top[0]}: the mean size of its contribution is {loud[found.order[0]]:.3g}; next is input {top[1]} with {loud[found.order[1]]:.3g}. What counts is the kernel times what the input map holds: a large kernel on a dark map adds nothing.",
        options,
    )


def _negative(spec: ConvFiltersSpec) -> Question:
    found = inside(spec)
    below = 100 * float((found.sum.total < 0).mean())
    options = ("less than half", "more than half")
    return Question(
        f"negative.{spec.network}.{spec.own[:6] or spec.picture}.{found.conv}.{found.unit}",
        f"Of the cells of map {found.unit} as **{plain(found.conv)}** leaves it, before anything else: how many are below 0?",
        options[below > 50],
        f"{below:.1f} % are below 0.",
        options,
    )
