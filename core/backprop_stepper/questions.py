"""Predict, then reveal: questions about the graph on screen, answered by the graph itself."""

from __future__ import annotations

from collections import Counter

from core.backprop_stepper.compute import first_step
from core.backprop_stepper.spec import OPTIMIZERS, StepperSpec, trained_names
from core.backprop_stepper.walk import said
from core.contracts import Question
from core.formula.checks import finite_difference
from core.formula.graph import BackwardStep, Graph
from core.plots.words import short


def questions(spec: StepperSpec, graph: Graph) -> list[Question]:
    """At most four; one whose answer is not unique is left out."""
    asked = [_sign(spec, graph), _gradient(spec, graph), _uses(graph), _step(spec, graph)]
    return [question for question in asked if question is not None]


def _sign(spec: StepperSpec, graph: Graph) -> Question | None:
    name = trained_names(spec, list(graph.leaves))[-1]
    g = graph.gradients()[name]
    if g == 0 or _at_kink(graph, name):
        return None
    options = ("rises", "falls")
    return Question(
        f"sign.{name}",
        f"Raise **{name}** a little. Does the loss rise or fall?",
        options[g < 0],
        f"dL/d{name} = {short(g)}: the sign of the gradient says which way the loss goes.",
        options,
    )


def _at_kink(graph: Graph, name: str) -> bool:
    """Whether the loss has two slopes here, one to each side."""
    return finite_difference(graph, graph.leaves[name].id)[1]


def _gradient(spec: StepperSpec, graph: Graph) -> Question | None:
    name = trained_names(spec, list(graph.leaves))[0]
    if _at_kink(graph, name):
        return None
    g = graph.gradients()[name]
    return Question(
        f"gradient.{name}",
        f"What is dL/d**{name}**? (10 % either way counts as right; write it down before you walk the film.)",
        g,
        f"Exactly {g!r}. Raise {name} by 0.001 and the loss changes by about {short(0.001 * g)}.",
        tolerance=0.1 * abs(g) + 1e-6,
    )


def _uses(graph: Graph) -> Question | None:
    backward = [step for step in graph.steps() if isinstance(step, BackwardStep)]
    counts = Counter(c.input for step in backward for c in step.contributions)
    most, uses = max(sorted(counts.items()), key=lambda pair: pair[1], default=(0, 0))
    if uses < 2:
        return None
    name = said(graph.nodes[most])
    return Question(
        f"uses.{most}",
        f"How many contributions are added up in the gradient of **{name}**?",
        float(uses),
        f"{name} is used {uses} times on the way to L, and every use sends a contribution back.",
    )


def _step(spec: StepperSpec, graph: Graph) -> Question | None:
    one = first_step(spec, graph)
    if one.actual is None or one.actual == one.loss:
        return None
    options = ("lower", "higher")
    return Question(
        f"step.{spec.optimizer}.{spec.rate:g}",
        f"One step of {OPTIMIZERS[spec.optimizer]} with learning rate {spec.rate:g}: is the loss after it lower or higher?",
        options[one.actual > one.loss],
        f"It goes from {short(one.loss)} to {short(one.actual)}; the gradient predicted {short(one.predicted)}. The prediction holds for small steps only.",
        options,
    )
