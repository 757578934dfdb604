"""From gradients to steps: SGD, momentum and Adam on the leaves of a formula, training, and the landscape of the loss.

With g = dL/dw and the learning rate alpha, a step moves w to w + dw:

    SGD        dw = -alpha g
    momentum   b <- beta b + g,  dw = -alpha b                               (Sutskever et al. 2013, as torch.optim.SGD has it)
    Adam       m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,
               m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t),
               dw = -alpha m_hat / (sqrt(v_hat) + eps)                       (Kingma & Ba 2015, arXiv:1412.6980, alg. 1)

The gradient predicts, to first order, the new loss L + sum_w g dw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import ExplainerError, one_of
from core.formula.graph import Graph, NoValueError

BETA2 = 0.999
EPS = 1e-8


@dataclass(frozen=True)
class Slot:
    """What an optimizer remembers of one leaf: m (momentum's b), v, and the number t of steps made."""

    m: float = 0.0
    v: float = 0.0
    t: int = 0


State = Mapping[str, Slot]  # leaf name -> slot
Optimizer = Callable[[float, Slot, float, float], tuple[float, Slot]]  # (g, slot, alpha, beta) -> (dw, slot)


def sgd(g: float, s: Slot, alpha: float, beta: float) -> tuple[float, Slot]:
    """dw = -alpha g."""
    return -alpha * g, Slot(t=s.t + 1)


def momentum(g: float, s: Slot, alpha: float, beta: float) -> tuple[float, Slot]:
    """dw = -alpha b with b <- beta b + g."""
    b = beta * s.m + g
    return -alpha * b, Slot(m=b, t=s.t + 1)


def adam(g: float, s: Slot, alpha: float, beta: float) -> tuple[float, Slot]:
    """dw = -alpha m_hat / (sqrt(v_hat) + eps), with beta1 = beta."""
    t = s.t + 1
    m = beta * s.m + (1 - beta) * g
    v = BETA2 * s.v + (1 - BETA2) * g * g
    m_hat = m / (1 - beta**t)
    v_hat = v / (1 - BETA2**t)
    return -alpha * m_hat / (math.sqrt(v_hat) + EPS), Slot(m, v, t)


OPTIMIZERS: dict[str, Optimizer] = {"sgd": sgd, "momentum": momentum, "adam": adam}


@dataclass(frozen=True)
class Move:
    """One leaf's part in a step: its value w, gradient g, change dw and new value."""

    name: str
    w: float
    g: float
    dw: float
    new_w: float


@dataclass(frozen=True)
class Update:
    """One optimizer step. `actual` is None, and `reason` says why, where the formula has no value at the new leaves."""

    moves: tuple[Move, ...]
    loss: float
    predicted: float
    actual: float | None
    state: State
    graph: Graph
    reason: str = ""


def step(
    graph: Graph, trainable: Sequence[str], state: State, optimizer: str, alpha: float, beta: float = 0.9
) -> Update:
    """One step of `optimizer` on the leaves `trainable`, from `state` ({} at the start). `graph` of the result is at the new leaves.

    Raises:
        ExplainerError: the graph has no gradient, or a name is no leaf or no optimizer.
    """
    gradients, slots, moves = graph.gradients(), dict(state), []
    for name in _known_leaves(graph, trainable):
        dw, slots[name] = _optimizer(optimizer)(gradients[name], slots.get(name, Slot()), alpha, beta)
        w = graph.leaves[name].value
        moves.append(Move(name, w, gradients[name], dw, w + dw))
    predicted = graph.loss.value + sum(move.g * move.dw for move in moves)
    moved, actual, reason = _try_values(graph, {move.name: move.new_w for move in moves})
    return Update(tuple(moves), graph.loss.value, predicted, actual, slots, moved, reason)


def _try_values(graph: Graph, values: Mapping[str, float]) -> tuple[Graph, float | None, str]:
    """The graph at these leaves with its loss, or the graph as it was with the reason why there is none."""
    try:
        moved = graph.with_values(values)
        return moved, moved.forward(), ""
    except ExplainerError as problem:
        return graph, None, str(problem)


def _known_leaves(graph: Graph, names: Sequence[str]) -> Sequence[str]:
    leaves = graph.leaves
    for name in names:
        if name not in leaves:
            raise ExplainerError(f"{name[:40]!r} is no leaf of the formula; choose {one_of(leaves)}")
    return names


def _optimizer(name: str) -> Optimizer:
    if name not in OPTIMIZERS:
        raise ExplainerError(f"optimizer {name[:40]!r} is unknown; choose {one_of(OPTIMIZERS)}")
    return OPTIMIZERS[name]


@dataclass(frozen=True)
class TrainState:
    """Training after `step` steps. `stopped` says why it went no further ("" as long as it goes on)."""

    step: int
    values: Mapping[str, float]
    loss: float
    gradients: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""


def train(
    graph: Graph, trainable: Sequence[str], optimizer: str, alpha: float, beta: float = 0.9, steps: int = 40
) -> Iterator[TrainState]:
    """The states 0 to `steps` of gradient descent from the graph's leaves.

    Where there is no gradient, or the next step would lead to no value or take a leaf out of -1e6 to 1e6, that state is the
    last one and its `stopped` says why: a diverged run is a result.

    Raises:
        ExplainerError: the graph has no value at the start, or a name is no leaf or no optimizer.
    """
    graph.forward()
    names, state = _known_leaves(graph, trainable), {}
    _optimizer(optimizer)
    for k in range(steps + 1):
        values = {name: graph.leaves[name].value for name in names}
        try:
            update = step(graph, names, state, optimizer, alpha, beta)
        except ExplainerError as problem:
            yield TrainState(k, values, graph.loss.value, {}, str(problem))
            return
        stopped = update.reason if k < steps else ""
        yield TrainState(k, values, update.loss, {move.name: move.g for move in update.moves}, stopped)
        if stopped:
            return
        graph, state = update.graph, update.state


@dataclass(frozen=True)
class Contour:
    """The loss over two leaves: z[i, j] = L(x[j], y[i]), NaN where the formula has no value."""

    name_x: str
    name_y: str
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray


def loss_contour(
    graph: Graph,
    name_x: str,
    name_y: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    n: int = 41,
) -> Contour:
    """The loss on an n x n grid over two leaves, the others staying as they are.

    A range that is not given reaches as far to both sides of the current value as that value is from 0, and 2 at least.
    Only what depends on the leaf that changed is computed anew: once a column for x, once a point for y.

    Raises:
        ExplainerError: a name is no leaf, or both are the same.
    """
    _known_leaves(graph, (name_x, name_y))
    if name_x == name_y:
        raise ExplainerError(f"a contour needs two different leaves, and {name_x!r} was given twice")
    x, y = (
        np.linspace(*(span or _around(graph.leaves[name].value)), n)
        for name, span in ((name_x, x_range), (name_y, y_range))
    )
    return Contour(name_x, name_y, x, y, _grid(graph, graph.leaves[name_x].id, graph.leaves[name_y].id, x, y))


def _around(value: float) -> tuple[float, float]:
    reach = max(2.0, abs(value))
    return value - reach, value + reach


def _grid(graph: Graph, x_id: int, y_id: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The loss at every point of the grid."""
    after_y = _dependents(graph, y_id)
    before_y = [k for k in graph.rules if k not in set(after_y)]
    z = np.full((len(y), len(x)), np.nan)
    for j, x_j in enumerate(x.tolist()):
        column = [node.value for node in graph.nodes]
        column[x_id] = x_j
        try:
            graph.evaluate(column, before_y)
        except NoValueError:
            continue
        z[:, j] = [_loss(graph, column, y_id, y_i, after_y) for y_i in y.tolist()]
    return z


def _loss(graph: Graph, values: list[Any], y_id: int, y: float, order: Sequence[int]) -> float:
    values[y_id] = y
    try:
        graph.evaluate(values, order)
    except NoValueError:
        return math.nan
    return values[-1]


def _dependents(graph: Graph, source: int) -> list[int]:
    """The operations whose value changes with node `source`, in topological order."""
    changed = {source}
    for k in graph.rules:
        if not changed.isdisjoint(graph.nodes[k].inputs):
            changed.add(k)
    return sorted(changed - {source})
