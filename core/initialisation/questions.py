"""Predict, then reveal: questions about the stack on screen, answered by it."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.initialisation import isometry, phase, symmetry
from core.initialisation.compute import Film, measured, net_part
from core.initialisation.spec import InitialisationSpec, repaired
from core.plots.words import short


def questions(spec: InitialisationSpec, film: Film | None = None) -> list[Question]:
    """At most two: one about the gradient, one about the open lens. `film` is the training on screen, where there is one."""
    of_lens = {"isometry": _isometry, "symmetry": _symmetry, "phase": _phase}.get(spec.lens)
    own = of_lens(spec) if of_lens else _training(spec, film) if film is not None else None
    return [question for question in (_gradient(spec), own) if question is not None]


def _name(spec: InitialisationSpec) -> str:
    """A name for the stack on screen, so that a guess belongs to it."""
    return "/".join(str(value) for value in net_part(spec).as_dict().values())


def _gradient(spec: InitialisationSpec) -> Question | None:
    g = measured(spec)[0].g
    if spec.depth < 2 or not g[-1] > 0 or not g[0] > 0:
        return None
    change = float(g[0] / g[-1])
    options = ("less than a thousandth", "a thousandth to a tenth", "a tenth to 10 times", "more than 10 times")
    return Question(
        f"gradient.{_name(spec)}",
        f"The gradient enters the stack at the top. How much of its size is left {repaired(spec).depth} layers below, at the input? (Cover the right picture!)",
        options[int(np.searchsorted([1e-3, 0.1, 10.0], change))],
        f"{short(change)} times: that is a factor of {short(change ** (1 / repaired(spec).depth))} in each of {repaired(spec).depth} layers.",
        options,
    )


def _training(spec: InitialisationSpec, film: Film) -> Question | None:
    finite = {name: float(end) for name, end in zip(film.names, film.ends, strict=True) if np.isfinite(end)}
    if spec.lens == "health":
        return _ratio(spec, film)
    if len(finite) < 2:
        return None
    first, second, *_ = sorted(finite, key=finite.__getitem__)
    return Question(
        f"best.{spec.lens}.{int(film.step[-1])}.{_name(spec)}",
        f"Which stack has the lowest loss after {int(film.step[-1])} steps?",
        first,
        f"{first} ends at {short(finite[first])}, next is {second} with {short(finite[second])}. A loss of 0.693 is a stack that has learned nothing.",
        list(film.names),
    )


def _ratio(spec: InitialisationSpec, film: Film) -> Question | None:
    ratio = film.parts["ratio"][0, 0]
    if len(ratio) < 2 or not np.isfinite(ratio).all() or ratio[0] == ratio[-1]:
        return None
    options = ("the first layer", "the last layer")
    return Question(
        f"ratio.{_name(spec)}",
        "At the first step, which layer's weights change more, relative to their size?",
        options[int(ratio[-1] > ratio[0])],
        f"The first layer's step is {short(float(ratio[0]))} of its weights, the last one's {short(float(ratio[-1]))}.",
        options,
    )


def _isometry(spec: InitialisationSpec) -> Question | None:
    values = isometry.singular(spec)[-1]
    if not np.isfinite(values).all() or not values.max() > 0:
        return None
    kept = float(100 * (values > 0.1 * values.max()).mean())
    return Question(
        f"kept.{_name(spec)}",
        "How many percent of all directions at the input are stretched at least a tenth as much as the best one? (5 either way counts as right)",
        kept,
        f"{short(kept)} %. The others arrive at the top so weakly that the stack hardly answers to them.",
        tolerance=5.0,
    )


def _symmetry(spec: InitialisationSpec) -> Question:
    own, found = symmetry.small(spec), symmetry.lessons(spec)["constant"].different[0]
    return Question(
        f"kinds.{own.width}.{own.depth}.{own.steps}.{_name(spec)}",
        f"All weights begin at {short(own.sigma)}. How many different units has the first layer of {own.width} after {own.steps} steps?",
        float(found),
        f"{found}. Units with the same weights in and out get the same gradient at every step.",
    )


def _phase(spec: InitialisationSpec) -> Question | None:
    here = phase.place(spec)
    if here is None:
        return None
    chi = phase.chi(*here)
    options = ("order: inputs become alike, gradients vanish", "chaos: like inputs part, gradients explode")
    return Question(
        f"phase.{here[0]:.6g}.{here[1]:.6g}",
        f"A deep tanh stack with σ_w = {short(here[0])} and σ_b = {short(here[1])}: order or chaos? (Cover the diagram!)",
        options[int(chi > 1)],
        f"χ₁ = {short(chi)}, so the gradient's mean square changes by that factor in every layer.",
        options,
    )
