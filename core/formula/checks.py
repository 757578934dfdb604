"""Is it right? Every gradient three ways: our chain rule, torch.autograd, and a difference that knows no calculus.

    central finite difference:  dL/dnode ~ (L(v + h) - L(v - h)) / 2h,   h = 1e-6 max(1, |v|),

where v is the value of THAT node and only what follows it is computed anew; its error is O(h^2) + O(eps/h) (Nocedal & Wright,
Numerical Optimization, 2nd ed. 2006, eq. 8.7). torch builds the same graph from its own functions, in float64. At a kink
(relu at 0, a tie of max) the two sides of the difference disagree, so no difference is defined there, and the row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.formula.graph import Graph, NoValueError

KINKS: dict[str, Callable[..., float]] = {  # operation -> a number that is 0 at its kink
    "relu": lambda a: a,
    "leaky_relu": lambda a: a,
    "abs": lambda a: a,
    "max": lambda a, b: a - b,
    "min": lambda a, b: a - b,
}


@dataclass(frozen=True)
class Row:
    """dL/dnode three ways; all None for a constant. `difference` is None where no finite difference is defined."""

    node: int
    label: str
    ours: float | None
    autograd: float | None
    difference: float | None
    at_kink: bool

    @property
    def off_autograd(self) -> float:
        """|ours - torch.autograd|."""
        return 0.0 if self.ours is None or self.autograd is None else abs(self.ours - self.autograd)

    @property
    def off_difference(self) -> float:
        """|ours - finite difference|."""
        return 0.0 if self.ours is None or self.difference is None else abs(self.ours - self.difference)


@dataclass(frozen=True)
class Comparison:
    """One row for each node, and the largest distance of ours from each of the other two."""

    rows: tuple[Row, ...]

    @property
    def largest_off_autograd(self) -> float:
        return max(row.off_autograd for row in self.rows)

    @property
    def largest_off_difference(self) -> float:
        return max(row.off_difference for row in self.rows)


def compare(graph: Graph) -> Comparison:
    """Every node's gradient by our backward pass, by torch.autograd and by a central finite difference.

    Raises:
        ExplainerError: the graph has no value or no gradient.
    """
    graph.gradients()
    autograd = torch_gradients(graph)
    return Comparison(tuple(_row(graph, i, autograd[i]) for i in range(len(graph.nodes))))


def _row(graph: Graph, i: int, autograd: float | None) -> Row:
    node = graph.nodes[i]
    if not graph.needs_grad[i]:
        return Row(i, node.label, None, None, None, False)
    slope, at_kink = finite_difference(graph, i)
    return Row(i, node.label, node.grad or 0.0, autograd, slope, at_kink)


def finite_difference(graph: Graph, i: int) -> tuple[float | None, bool]:
    """(L(v + h) - L(v - h)) / 2h for the value v of node i after forward, and whether a kink lies between v - h and v + h.

    None at a kink, and where the formula has no value on one of the two sides.
    """
    value = graph.nodes[i].value
    h = 1e-6 * max(1.0, abs(value))
    try:
        below, above = (_values_with(graph, i, value + step) for step in (-h, h))
    except NoValueError:
        return None, False
    if _crosses_kink(graph, below, above):
        return None, True
    return (above[-1] - below[-1]) / (2 * h), False


def _values_with(graph: Graph, i: int, value: float) -> list[float]:
    """All values when node i has this value and what follows it is computed anew."""
    values = [node.value for node in graph.nodes]
    values[i] = value
    graph.evaluate(values, [k for k in graph.rules if k > i])
    return values


def _crosses_kink(graph: Graph, below: Sequence[float], above: Sequence[float]) -> bool:
    return any(
        _side(graph, k, below) * _side(graph, k, above) <= 0 and _side(graph, k, below) != _side(graph, k, above)
        for k in graph.rules
        if graph.nodes[k].op in KINKS
    )


def _side(graph: Graph, k: int, values: Sequence[float]) -> float:
    """On which side of its kink the operation k is: a number that changes its sign there."""
    return KINKS[graph.nodes[k].op](*[values[i] for i in graph.nodes[k].inputs])


@cache
def torch_functions() -> dict[str, Callable[..., Any]]:
    """Operation -> torch's own function of the same name; written apart from our table, to check it."""
    import torch
    from torch.nn import functional

    return {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow, "neg": torch.neg,
        "exp": torch.exp, "log": torch.log, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu,
        "leaky_relu": functional.leaky_relu, "gelu": functional.gelu, "softplus": functional.softplus, "sin": torch.sin, "cos": torch.cos,
        "sqrt": torch.sqrt, "abs": torch.abs, "max": torch.maximum, "min": torch.minimum,
        "softmax_cross_entropy": lambda *z, k: functional.cross_entropy(torch.stack(z), torch.tensor(k)),
        "mse": lambda *py: functional.mse_loss(torch.stack(py[::2]), torch.stack(py[1::2])),
    }  # fmt: skip


def torch_tensors(graph: Graph) -> list[Any]:
    """The graph built in torch, in float64: one tensor a node, each of which keeps its gradient after backward."""
    import torch

    functions, tensors = torch_functions(), []
    for node in graph.nodes:
        if node.id in graph.rules:
            keywords = {"k": node.params[0]} if node.params else {}
            tensor = functions[node.op](*[tensors[i] for i in node.inputs], **keywords)
        else:
            tensor = torch.tensor(node.value, dtype=torch.float64, requires_grad=graph.needs_grad[node.id])
        if tensor.requires_grad:
            tensor.retain_grad()
        tensors.append(tensor)
    return tensors


def torch_gradients(graph: Graph) -> list[float | None]:
    """dL/dnode of every node by torch.autograd; None for constants, 0 where backward does not arrive."""
    tensors = torch_tensors(graph)
    if tensors[-1].requires_grad:
        tensors[-1].backward()
    return [
        None if not tensor.requires_grad else 0.0 if tensor.grad is None else float(tensor.grad) for tensor in tensors
    ]
