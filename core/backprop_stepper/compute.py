"""From the page's Spec to what it shows: the graph with values and gradients, a training run, a slice of the loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from core.backprop_stepper.spec import (
    StepperSpec,
    edited_values,
    format_values,
    leaf_values,
    parse_values,
    trained_names,
)
from core.backprop_stepper.update import Contour, Update, loss_contour, step, train
from core.errors import ExplainerError
from core.formula import Graph, leaf_names, parse


def leaves_of(spec: StepperSpec) -> dict[str, float]:
    """The value of every leaf of the formula, also where the formula has no value there.

    Raises:
        ExplainerError: the formula cannot be read, or has no leaf, or a value cannot be used.
    """
    names = leaf_names(spec.formula)
    if not names:
        raise ExplainerError(
            "the formula has numbers only, so there is nothing to learn and no gradient; put a name into it, such as (w*2 - 1)**2"
        )
    return leaf_values(spec, names)


def graph_of(spec: StepperSpec) -> Graph:
    """The formula's graph with the Spec's values and edits, after forward and backward.

    Raises:
        ExplainerError: the formula or a value cannot be used; the message names the place.
    """
    graph = parse(spec.formula, leaves_of(spec))
    for node, value in edited_values(spec).items():
        graph = graph.with_value(node, value)
    graph.forward()
    graph.backward()
    return graph


def edited(spec: StepperSpec, graph: Graph, node: int, value: float) -> dict[str, str]:
    """What changes in the Spec when the value of `node` is set by hand: a leaf's goes to `values`, another's to `edits`."""
    about = graph.nodes[node]
    if about.op == "leaf":
        return {"values": format_values({**parse_values(spec.values), about.label: value})}
    return {"edits": format_values({**parse_values(spec.edits), str(node): value})}


@dataclass(frozen=True)
class Training:
    """A run from the values on screen: `names` of the trained leaves, `values` (step, leaf), `losses` (step,)."""

    names: tuple[str, ...]
    values: Float[np.ndarray, "steps leaves"]
    losses: Float[np.ndarray, "steps"]
    stopped: str


def training(spec: StepperSpec, graph: Graph) -> Training:
    """`spec.steps` steps of the chosen optimizer on the trained leaves; `stopped` says why it ended early, or is ""."""
    names = trained_names(spec, list(graph.leaves))
    states = list(train(graph, names, spec.optimizer, spec.rate, spec.beta, spec.steps))
    stopped = states[-1].stopped
    kept = states[:-1] if stopped and len(states) > 1 and states[-1].step == states[-2].step else states
    values = np.array([[state.values[name] for name in names] for state in kept], float)
    return Training(tuple(names), values, np.array([state.loss for state in kept]), stopped)


def first_step(spec: StepperSpec, graph: Graph) -> Update:
    """One step of the chosen optimizer: what the gradient predicts, and what happens."""
    return step(graph, trained_names(spec, list(graph.leaves)), {}, spec.optimizer, spec.rate, spec.beta)


def axes(spec: StepperSpec, graph: Graph) -> tuple[str, str] | None:
    """The two leaves of the contour: those that the Spec names, else the first two trained ones; None if there is only one."""
    leaves = list(graph.leaves)
    order = [n for n in (spec.axis_x, spec.axis_y, *trained_names(spec, leaves), *leaves) if n in leaves]
    first, *others = dict.fromkeys(order)
    return (first, others[0]) if others else None


def slice_of(graph: Graph, names: tuple[str, str], run: Training) -> tuple[Contour, Float[np.ndarray, "steps 2"]]:
    """The loss over two leaves, wide enough for the way of training, and that way."""
    still = {name: leaf.value for name, leaf in graph.leaves.items()}
    columns = [
        run.values[:, run.names.index(n)] if n in run.names else np.full(len(run.losses), still[n]) for n in names
    ]
    spans = [_span(column) for column in columns]
    return loss_contour(graph, *names, *spans), np.stack(columns, axis=1)


def _span(values: Float[np.ndarray, "steps"]) -> tuple[float, float]:
    """From the lowest to the highest value and a good margin, at least 2 to each side of the first."""
    margin = 0.15 * float(np.ptp(values))
    return min(float(values.min()) - margin, float(values[0]) - 2), max(
        float(values.max()) + margin, float(values[0]) + 2
    )


def graph_numbers(spec: StepperSpec) -> dict[str, float]:
    """The loss and every gradient, by the names that the exported script prints."""
    graph = graph_of(spec)
    return {"L": graph.loss.value, **{f"dL/d{name}": g for name, g in graph.gradients().items()}}
