"""Why a gradient vanishes or explodes: along one path from L back to a leaf it is a product of local derivatives.

    dL/dleaf = sum over all paths from the leaf to L of  prod over the path's edges of  d node / d input

(Bauer 1974; Bengio, Simard & Frasconi 1994, sec. III, for the product through time). One path is shown edge by edge, with the
running product and its log10. The number of paths, their sum and their strongest one are found by sweeps over the graph,
for paths can be exponentially many; the sum is accumulated from the leaf forward, so it checks the backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import ExplainerError, one_of
from core.formula import Graph

T = TypeVar("T", int, float)


@dataclass(frozen=True)
class Factor:
    """One edge of the path, from `node` to its input `input`: d node / d input, and the product from L up to here.

    `log10` is log10 |product|, -inf for 0. It is summed, so that it is right also where the product underflows to 0.
    """

    node: int
    input: int
    local: float
    product: float
    log10: float


@dataclass(frozen=True)
class Path:
    """A path from L back to a leaf: its nodes (ids, L first) and one factor for each edge. L itself has no edge."""

    nodes: tuple[int, ...]
    factors: tuple[Factor, ...]

    @property
    def product(self) -> float:
        return self.factors[-1].product if self.factors else 1.0


@dataclass(frozen=True)
class Vanishing:
    """The longest and the strongest path (largest |product|) from L to a leaf, and the sum over all of them.

    `gradient` is dL/dleaf by the backward pass; `sum_over_paths` is the same number, accumulated from the leaf.
    """

    leaf: str
    longest: Path
    strongest: Path
    path_count: int
    sum_over_paths: float
    gradient: float


def vanishing(graph: Graph, leaf: str = "") -> Vanishing:
    """The paths from L back to `leaf`; without a name, to the leaf whose longest path is longest.

    Raises:
        ExplainerError: no such leaf, or nothing leads from it to L (its way is cut by a value set by hand).
    """
    gradients = graph.gradients()
    name = leaf or farthest_leaf(graph)
    if name not in gradients:
        raise ExplainerError(f"{name[:40]!r} is no leaf of the formula; choose {one_of(gradients)}")
    source = graph.leaves[name].id
    counts = _sweep(graph, source, 1, lambda so_far, count, d: so_far + count, 0)
    if not counts[-1]:
        raise ExplainerError(
            f"no path leads from {name!r} to L; choose another leaf, or undo the edit that cuts it off"
        )
    totals = _sweep(graph, source, 1.0, lambda so_far, total, d: so_far + d * total, 0.0)
    lengths = _sweep(graph, source, 0.0, lambda so_far, length, d: max(so_far, length + 1), -math.inf)
    weights = _sweep(graph, source, 0.0, lambda so_far, weight, d: max(so_far, weight + _log10(d)), -math.inf)
    longest = _trace(graph, source, counts, lambda i, d: lengths[i])
    strongest = _trace(graph, source, counts, lambda i, d: weights[i] + _log10(d))
    return Vanishing(name, longest, strongest, counts[-1], totals[-1], gradients[name])


def farthest_leaf(graph: Graph) -> str:
    """The leaf with the longest path to L; the first of them if there are several.

    Raises:
        ExplainerError: the formula has no leaf that L depends on.
    """
    depth = [-1] * len(graph.nodes)
    depth[-1] = 0
    for k in reversed(list(graph.rules)):
        for i in graph.nodes[k].inputs:
            if depth[k] >= 0:
                depth[i] = max(depth[i], depth[k] + 1)
    reached = [(depth[node.id], name) for name, node in graph.leaves.items() if depth[node.id] >= 0]
    if not reached:
        raise ExplainerError("L depends on no leaf; put a name into the formula, or undo the edit that cuts it off")
    return max(reached, key=lambda pair: pair[0])[1]


def _sweep(graph: Graph, source: int, start: T, join: Callable[[T, T, float], T], nothing: T) -> list[T]:
    """One number a node, from `source` forward: `join(so far, number of the input, local derivative)` over its edges."""
    found = [nothing] * len(graph.nodes)
    found[source] = start
    for k in graph.rules:
        for i, d in zip(graph.nodes[k].inputs, graph.nodes[k].local, strict=True):
            found[k] = join(found[k], found[i], d)
    return found


def _trace(graph: Graph, source: int, counts: Sequence[int], score: Callable[[int, float], float]) -> Path:
    """From L back to `source`, at each node to the input with the best score among those that a path passes."""
    at, nodes, factors = graph.loss.id, [graph.loss.id], []
    product, log10 = 1.0, 0.0
    while at != source:
        edges = zip(graph.nodes[at].inputs, graph.nodes[at].local, strict=True)
        i, d = max(((i, d) for i, d in edges if counts[i]), key=lambda edge: score(*edge))
        product, log10 = product * d, log10 + _log10(d)
        factors.append(Factor(at, i, d, product, log10))
        nodes.append(i)
        at = i
    return Path(tuple(nodes), tuple(factors))


def _log10(d: float) -> float:
    return math.log10(abs(d)) if d else -math.inf
