"""The computation graph of a formula: forward values, backward gradients, and the steps between.

    forward:   value_i = f_i(value of its inputs)                     in topological order
    backward:  dL/dL = 1;   dL/dinput += dL/dnode * dnode/dinput      in reverse topological order

Reverse-mode accumulation as in Griewank & Walther, Evaluating Derivatives (2nd ed. 2008), sec. 3.2. Everything is a Python
float (float64) and a loop: a chain may be as long as the formula. As in torch, a node needs a gradient if a leaf stands
somewhere under it: constants, and what is made of constants alone, have none.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.errors import ExplainerError
from core.formula.operations import OPERATIONS

VALUE_LIMIT = 1e6

Rule = Callable[..., Any]


@dataclass(slots=True)
class Node:
    """One leaf, constant or operation. `id` is its place in `Graph.nodes`, `inputs` are the ids it is computed from.

    `value`, `grad` (dL/dnode) and `local` (dnode/dinput, one for each input) are None until computed; `grad` stays None
    where backward does not arrive. `span` is the node's piece of the formula (from, to); `params` are numbers that are no
    nodes: the class of a softmax_cross_entropy.
    """

    id: int
    op: str
    label: str
    inputs: tuple[int, ...] = ()
    span: tuple[int, int] = (0, 0)
    params: tuple[int, ...] = ()
    value: float | None = None
    grad: float | None = None
    local: tuple[float, ...] | None = None

    @property
    def symbol(self) -> str:
        """What stands for the node's operation in a picture; a leaf or constant has its label."""
        return OPERATIONS[self.op].symbol if self.inputs else self.label

    def fresh(self) -> Node:
        """The same node before forward: only a leaf or constant has its value."""
        value = None if self.inputs else self.value
        return Node(self.id, self.op, self.label, self.inputs, self.span, self.params, value)


@dataclass(frozen=True)
class ForwardStep:
    """The operation `node` was computed from the values of its inputs."""

    node: int
    inputs: tuple[float, ...]
    value: float


@dataclass(frozen=True)
class SeedStep:
    """Backward begins: dL/dL = 1 at the last node."""

    node: int
    grad: float = 1.0


@dataclass(frozen=True)
class Contribution:
    """What one operation sends to one of its inputs: value = upstream * local, added to what was there `before`."""

    input: int
    upstream: float
    local: float
    value: float
    before: float | None
    after: float


@dataclass(frozen=True)
class BackwardStep:
    """The operation `node` passed its gradient `upstream` on to its inputs (to constants it passes nothing)."""

    node: int
    upstream: float
    contributions: tuple[Contribution, ...]


Step = ForwardStep | SeedStep | BackwardStep


class NoValueError(ArithmeticError):
    """The node with this id has no value (or no derivative) for its inputs."""

    def __init__(self, node: int) -> None:
        self.node = node


class Graph:
    """A formula as a graph. `nodes` are in topological order and the last one is the loss L.

    `fixed` (node id -> value) are operations whose value was set by hand: see `with_value`.
    """

    def __init__(self, formula: str, nodes: Sequence[Node], fixed: Mapping[int, float] | None = None) -> None:
        self.formula = formula
        self.nodes = tuple(nodes)
        self.fixed = dict(fixed or {})
        for node, value in self.fixed.items():
            self.nodes[node].value = value
        self.rules = {n.id: _rules(n) for n in self.nodes if n.inputs and n.id not in self.fixed}
        self.needs_grad = self._needs_grad()

    def _needs_grad(self) -> list[bool]:
        needs: list[bool] = []
        for node in self.nodes:
            from_inputs = any(needs[i] for i in node.inputs)
            needs.append(node.op == "leaf" or node.id in self.fixed or from_inputs)
        return needs

    @property
    def loss(self) -> Node:
        """The last node, L."""
        return self.nodes[-1]

    @property
    def leaves(self) -> dict[str, Node]:
        """Name -> node of every leaf, in order of first use."""
        return {node.label: node for node in self.nodes if node.op == "leaf"}

    def forward(self) -> float:
        """Compute every value, clear every gradient, and return L.

        Raises:
            ExplainerError: an operation has no value there; the message names it and its place in the formula.
        """
        for node in self.nodes:
            node.grad = node.local = None
        values: list[Any] = [node.value for node in self.nodes]
        try:
            self.evaluate(values, self.rules)
        except NoValueError as nowhere:
            for i in self.rules:
                self.nodes[i].value = None
            raise ExplainerError(self._why_no_value(self.nodes[nowhere.node], values)) from None
        for node, value in zip(self.nodes, values, strict=True):
            node.value = value
        return values[-1]

    def evaluate(self, values: list[Any], order: Iterable[int]) -> None:
        """Compute the nodes of `order` in place, `values[i]` being the value of node i.

        Raises:
            NoValueError: one of them has no finite value.
        """
        rules, nodes = self.rules, self.nodes
        node = 0
        try:
            for node in order:
                value = values[node] = rules[node][0](*[values[i] for i in nodes[node].inputs])
                if value - value != 0.0:  # infinite or NaN
                    raise OverflowError
        except (ArithmeticError, ValueError):
            raise NoValueError(node) from None

    def backward(self) -> None:
        """Compute every gradient, after `forward` (which it runs first if that was not done).

        Raises:
            ExplainerError: a derivative that is needed does not exist or is infinite (sqrt at 0); the place is named.
        """
        if any(node.value is None for node in self.nodes):
            self.forward()
        for node in self.nodes:
            node.grad, node.local = None, (0.0,) * len(node.inputs) if node.id in self.fixed else None
        self.loss.grad = 1.0
        try:
            for node in reversed(self.nodes):
                if node.id in self.rules:
                    self._pass_back(node)
        except ExplainerError:
            for node in self.nodes:
                node.grad = node.local = None
            raise

    def _pass_back(self, node: Node) -> None:
        """The chain rule at one operation: dL/dinput += dL/dnode * dnode/dinput."""
        nodes, needs = self.nodes, self.needs_grad
        node.local = self._local(node)
        upstream = node.grad
        if upstream is None or not needs[node.id]:
            return
        for i, d in zip(node.inputs, node.local, strict=True):
            if needs[i]:
                source = nodes[i]
                source.grad = upstream * d if source.grad is None else source.grad + upstream * d
                if source.grad - source.grad != 0.0:
                    raise ExplainerError(self.at(node, f"the gradient of {source.label!r} is too large for a float64"))

    def _local(self, node: Node) -> tuple[float, ...]:
        """dnode/dinput for each input. For a constant, to which nothing flows, 0 stands where there is no derivative."""
        inputs = [self.nodes[i].value for i in node.inputs]
        try:
            local = self.rules[node.id][1](node.value, *inputs)
        except (ArithmeticError, ValueError):
            local = (math.inf,) * len(inputs)
        if all(map(math.isfinite, local)):
            return local
        for i, d in zip(node.inputs, local, strict=True):
            if self.needs_grad[i] and node.grad is not None and not math.isfinite(d):
                raise ExplainerError(self.at(node, self._why_no_slope(node, d)))
        return tuple(d if math.isfinite(d) else 0.0 for d in local)

    def gradients(self) -> dict[str, float]:
        """Leaf name -> dL/dleaf; 0 for a leaf that L does not depend on. Runs `backward` first if that was not done."""
        self._ensure_backward()
        return {name: leaf.grad or 0.0 for name, leaf in self.leaves.items()}

    def steps(self) -> list[Step]:
        """Every operation forward, the seed, and every operation backward that a gradient passes."""
        self._ensure_backward()
        forward = [ForwardStep(i, tuple(self.nodes[j].value for j in self.nodes[i].inputs), self.nodes[i].value) for i in self.rules]  # fmt: skip
        return [*forward, SeedStep(self.loss.id), *self._backward_steps()]

    def _backward_steps(self) -> list[BackwardStep]:
        so_far: dict[int, float] = {self.loss.id: 1.0}
        steps = []
        for node in reversed(self.nodes):
            if node.id in self.rules and node.id in so_far and self.needs_grad[node.id]:
                steps.append(BackwardStep(node.id, so_far[node.id], self._contributions(node, so_far)))
        return steps

    def _contributions(self, node: Node, so_far: dict[int, float]) -> tuple[Contribution, ...]:
        upstream, sent = so_far[node.id], []
        for i, d in zip(node.inputs, node.local or (), strict=True):
            if self.needs_grad[i]:
                before, value = so_far.get(i), upstream * d
                so_far[i] = value if before is None else before + value
                sent.append(Contribution(i, upstream, d, value, before, so_far[i]))
        return tuple(sent)

    def _ensure_backward(self) -> None:
        if self.loss.grad is None:
            self.backward()

    def with_values(self, values: Mapping[str, Any]) -> Graph:
        """A copy with other values of leaves (names that are no leaf are ignored), before forward.

        Raises:
            ExplainerError: a value is no finite number, or beyond a million.
        """
        nodes = [node.fresh() for node in self.nodes]
        for node in nodes:
            if node.op == "leaf" and node.label in values:
                node.value = checked(node.label, values[node.label])
        return self._copy(nodes, self.fixed)

    def with_value(self, node_id: int, value: Any) -> Graph:
        """A copy in which one node has this value, before forward.

        An operation whose value is set by hand is cut from its inputs: what follows is computed from the new value, its own
        gradient is dL/dnode as ever, and nothing flows on to its inputs through it (its local derivatives are 0).

        Raises:
            ExplainerError: there is no such node, or the value is no finite number, or beyond a million.
        """
        if not 0 <= node_id < len(self.nodes):
            raise ExplainerError(f"node {node_id} does not exist; the graph has nodes 0 to {len(self.nodes) - 1}")
        nodes = [node.fresh() for node in self.nodes]
        number = checked(nodes[node_id].label, value)
        if nodes[node_id].inputs:
            return self._copy(nodes, {**self.fixed, node_id: number})
        nodes[node_id].value = number
        if nodes[node_id].op == "const":
            nodes[node_id].label = f"{number:g}"
        return self._copy(nodes, self.fixed)

    def with_rules(self, rules: Mapping[int, tuple[Rule, Rule]]) -> Graph:
        """A copy in which some operations compute by other rules (forward, local): what a bug in the code would do."""
        copy = self._copy([node.fresh() for node in self.nodes], self.fixed)
        copy.rules = {node: rules.get(node, own) for node, own in copy.rules.items()}
        return copy

    def _copy(self, nodes: Sequence[Node], fixed: Mapping[int, float]) -> Graph:
        if fixed != self.fixed:
            return Graph(self.formula, nodes, fixed)
        copy = object.__new__(Graph)
        copy.formula, copy.nodes, copy.fixed = self.formula, tuple(nodes), self.fixed
        copy.rules, copy.needs_grad = self.rules, self.needs_grad
        for node, value in fixed.items():
            nodes[node].value = value
        return copy

    def at(self, node: Node, problem: str) -> str:
        """`problem`, with the place of `node` in the formula."""
        return f"{problem} ({place(self.formula, *node.span)})"

    def _why_no_value(self, node: Node, values: Sequence[Any]) -> str:
        inputs = [values[i] for i in node.inputs]
        why = OPERATIONS[node.op].domain(*inputs)
        return self.at(node, why or f"the result of {node.op} is too large for a float64; try smaller values")

    def _why_no_slope(self, node: Node, d: float) -> str:
        given = ", ".join(f"{self.nodes[i].value:g}" for i in node.inputs)
        if math.isnan(d):
            return f"the derivative of {node.op} at ({given}) by its exponent needs a positive base; try a larger base"
        return f"the derivative of {node.op} at ({given}) is infinite, so there is no gradient; try a value away from there"


def _rules(node: Node) -> tuple[Rule, Rule]:
    """How `node` computes its value and its local derivatives."""
    operation = OPERATIONS[node.op]
    if not node.params:
        return operation.forward, operation.local
    return partial(operation.forward, *node.params), lambda out, *z: operation.local(out, *node.params, *z)


def checked(name: str, value: Any) -> float:
    """`value` as a float. Raises ExplainerError if it is no number, not finite, or beyond a million."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and abs(value) <= VALUE_LIMIT:
        return float(value)
    given = (
        f"{value:g}" if isinstance(value, float) else repr(value[:40]) if isinstance(value, str) else "something else"
    )
    raise ExplainerError(f"the value of {name[:40]!r} is {given}; it must be a number from -1e6 to 1e6")


def place(formula: str, start: int, end: int) -> str:
    """A piece of the formula in words: "at column 7: 'foo(x)'", with the line if there are several."""
    line = formula.count("\n", 0, start) + 1
    column = start - (formula.rfind("\n", 0, start) + 1) + 1
    piece = formula[start:end]
    shown = piece if len(piece) <= 40 else piece[:39] + "…"
    where = f"line {line}, column {column}" if "\n" in formula.strip() else f"column {column}"
    return f"at {where}: {shown!r}" if shown else f"at {where} (its end)"
