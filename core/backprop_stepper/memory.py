"""What backward needs from forward: the tensors that each operation saves, and what gradient checkpointing drops.

An operation saves what the derivatives of those inputs need that need a gradient: tanh its output, a product its factors, a sum
nothing. A value saved by several operations is held once. Constants are part of the program and leaves exist anyway, so
the price of backward is the activations: saved outputs of operations, and the vector of probabilities in a softmax.

Checkpointing (Chen et al. 2016, arXiv:1604.06174, sec. 3) cuts the n operations into k segments, k about sqrt(n). Forward keeps
only what enters each segment; backward, from the last segment to the first, computes a segment again from there and then
needs the saved tensors of that segment alone. The last segment is not dropped, for its backward follows at once. It pays
where many operations follow one another and few values pass from segment to segment; elsewhere it may even cost more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import ExplainerError
from core.formula import Graph, Node
from core.formula.operations import OPERATIONS

BYTES = {"float64": 8, "float32": 4}


@dataclass(frozen=True)
class Saved:
    """What the operation `node` saves: values of nodes (ids, without constants) and scalars of its own (probabilities)."""

    node: int
    values: tuple[int, ...]
    own: int = 0


@dataclass(frozen=True)
class Memory:
    """What is held between forward and backward. `leaves` and `activations` are ids, `own` counts further scalars."""

    saved: tuple[Saved, ...]
    leaves: tuple[int, ...]
    activations: tuple[int, ...]
    own: int

    @property
    def scalars(self) -> int:
        """How many scalars are held, each once."""
        return len(self.leaves) + len(self.activations) + self.own

    @property
    def extra(self) -> int:
        """How many of them are there for backward only: all but the leaves."""
        return len(self.activations) + self.own


@dataclass(frozen=True)
class Segment:
    """One segment of operations: the checkpoints `kept` for it, what is `recomputed`, and the extra scalars `held` in its backward."""

    nodes: tuple[int, ...]
    kept: tuple[int, ...]
    recomputed: tuple[int, ...]
    held: int


@dataclass(frozen=True)
class Checkpointing:
    """Segments in forward order, and the activations that are `kept` and `dropped` between forward and backward.

    `peak` is the most extra scalars held at once, `plain` the same without checkpointing (`Memory.extra`).
    """

    segments: tuple[Segment, ...]
    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    peak: int
    extra_operations: int
    plain: int


def memory(graph: Graph) -> Memory:
    """What each operation saves for backward, and what that comes to."""
    return _memory(graph, [graph.nodes[k] for k in graph.rules])


def _memory(graph: Graph, operations: Iterable[Node]) -> Memory:
    saved = tuple(_saved(graph, node) for node in operations)
    values = sorted({i for entry in saved for i in entry.values})
    leaves = tuple(i for i in values if not graph.nodes[i].inputs)
    activations = tuple(i for i in values if graph.nodes[i].inputs)
    return Memory(saved, leaves, activations, sum(entry.own for entry in saved))


def _saved(graph: Graph, node: Node) -> Saved:
    """What the derivatives by those inputs remember that need a gradient."""
    wanted = [k for k, i in enumerate(node.inputs) if graph.needs_grad[i]]
    names = {name for k in wanted for name in OPERATIONS[node.op].needed_for(k)}
    stands_for = {"a": node.inputs[:1], "b": node.inputs[1:2], "inputs": node.inputs, "output": (node.id,)}
    values = {i for name in names for i in stands_for.get(name, ()) if graph.nodes[i].op != "const"}
    return Saved(node.id, tuple(sorted(values)), len(node.inputs) if "probabilities" in names else 0)


def checkpointing(graph: Graph, segments: int = 0) -> Checkpointing:
    """Backward with checkpoints after equal runs of operations; 0 segments means about sqrt(operations).

    Raises:
        ExplainerError: fewer than 0 segments.
    """
    if segments < 0:
        raise ExplainerError(
            f"{segments} segments cannot be; try 0, which means about the square root of the operations"
        )
    order, plain = list(graph.rules), memory(graph)
    if not order:
        return Checkpointing((), (), (), 0, 0, 0)
    count = min(segments or round(math.sqrt(len(order))), len(order))
    runs = [order[k * len(order) // count : (k + 1) * len(order) // count] for k in range(count)]
    checkpoints = [*(_entering(graph, run) for run in runs[:-1]), set()]
    parts = tuple(_segment(graph, runs, checkpoints, k) for k in range(count))
    kept = set().union(*checkpoints, _memory(graph, [graph.nodes[i] for i in runs[-1]]).activations)
    return Checkpointing(
        segments=parts,
        kept=tuple(sorted(kept)),
        dropped=tuple(i for i in plain.activations if i not in kept),
        peak=max(part.held for part in parts),
        extra_operations=sum(len(part.recomputed) for part in parts),
        plain=plain.extra,
    )


def _entering(graph: Graph, run: Sequence[int]) -> set[int]:
    """The activations from earlier segments that this one is computed from."""
    inputs = {i for k in run for i in graph.nodes[k].inputs}
    return {i for i in inputs if graph.nodes[i].inputs} - set(run)


def _segment(graph: Graph, runs: Sequence[Sequence[int]], checkpoints: Sequence[set[int]], k: int) -> Segment:
    """Segment k. While its backward runs, the checkpoints of all segments up to it are held beside what it saves itself."""
    own = _memory(graph, [graph.nodes[i] for i in runs[k]])
    held = len(set().union(*checkpoints[: k + 1], own.activations)) + own.own
    recomputed = tuple(runs[k]) if k < len(runs) - 1 else ()
    return Segment(tuple(runs[k]), tuple(sorted(checkpoints[k])), recomputed, held)
