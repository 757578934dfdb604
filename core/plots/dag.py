"""Where to draw the nodes of a directed acyclic graph, left to right, with few crossings.

The layered method of Sugiyama, Tagawa and Toda (IEEE Trans. SMC 11, 1981): a node's layer is one more than its deepest
input's; an edge that spans several layers gets a bend in each; the order within a layer is improved by sweeps that move
every node to the mean position of its neighbours, and the best of them is kept; each layer is centred.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 8


@dataclass(frozen=True)
class Drawing:
    """`x[i]` is the layer of node i (0 at the left), `y[i]` its place in the layer, in units of one node's height.

    `paths[(source, target)]` lists the points (x, y) of an edge, bends included. `layers` and `rows` are the size.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    paths: Mapping[tuple[int, int], tuple[tuple[float, float], ...]]
    layers: int
    rows: int


def layered(inputs: Sequence[Sequence[int]]) -> Drawing:
    """Lay out the graph in which node i has the inputs `inputs[i]`, all numbered below i."""
    layer = _layers(inputs)
    edges = sorted({(source, target) for target, sources in enumerate(inputs) for source in sources})
    chains = _chains(edges, layer)
    place = _order(chains, layer)
    return Drawing(
        x=tuple(float(layer[i]) for i in range(len(inputs))),
        y=tuple(place[i] for i in range(len(inputs))),
        paths={edge: tuple((float(layer[v]), place[v]) for v in chain) for edge, chain in chains.items()},
        layers=max(layer.values(), default=0) + 1,
        rows=max(_population(layer).values(), default=1),
    )


def _layers(inputs: Sequence[Sequence[int]]) -> dict[int, int]:
    """Longest path from the left; then a node without inputs moves up to its nearest user, so that its edge is short."""
    layer: dict[int, int] = {}
    nearest: dict[int, int] = {}
    for node, sources in enumerate(inputs):
        layer[node] = 1 + max((layer[s] for s in sources), default=-1)
        for source in sources:
            nearest[source] = min(nearest.get(source, layer[node]), layer[node])
    return {node: layer[node] if inputs[node] else nearest.get(node, 1) - 1 for node in layer}


def _chains(edges: Sequence[tuple[int, int]], layer: dict[int, int]) -> dict[tuple[int, int], list[int]]:
    """Edge -> its nodes from source to target; the bends between are new nodes, entered into `layer`."""
    chains = {}
    for source, target in edges:
        bends = range(layer[source] + 1, layer[target])
        first = len(layer)
        layer.update({first + k: at for k, at in enumerate(bends)})
        chains[source, target] = [source, *(first + k for k in range(len(bends))), target]
    return chains


def _order(chains: Mapping[tuple[int, int], Sequence[int]], layer: Mapping[int, int]) -> dict[int, float]:
    """Node -> vertical place, 0 in the middle of each layer."""
    left: dict[int, list[int]] = {v: [] for v in layer}
    right: dict[int, list[int]] = {v: [] for v in layer}
    for chain in chains.values():
        for a, b in itertools.pairwise(chain):
            right[a].append(b)
            left[b].append(a)
    columns: list[list[int]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for v in layer:
        columns[layer[v]].append(v)
    place = {v: float(k) for column in columns for k, v in enumerate(column)}
    tried: list[tuple[int, dict[int, float]]] = []
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 1  # the first sweep starts at the single output
        for column in columns if forward else reversed(columns):
            _sort(column, left if forward else right, place)
        tried.append((_crossings(columns, right, place), dict(place)))
    return min(tried, key=lambda one: one[0])[1]


def _crossings(columns: Sequence[Sequence[int]], right: Mapping[int, Sequence[int]], place: Mapping[int, float]) -> int:
    """How many pairs of edges cross: between two layers, those whose ends stand in another order than their starts."""
    count = 0
    for column in columns:
        ends: list[float] = []
        for _, end in sorted((place[a], place[b]) for a in column for b in right[a]):
            count += len(ends) - bisect_right(ends, end)
            insort(ends, end)
    return count


def _sort(column: list[int], neighbours: Mapping[int, Sequence[int]], place: dict[int, float]) -> None:
    def mean(v: int) -> float:
        near = neighbours[v]
        return sum(place[u] for u in near) / len(near) if near else place[v]

    column.sort(key=mean)
    for k, v in enumerate(column):
        place[v] = k - (len(column) - 1) / 2


def _population(layer: Mapping[int, int]) -> dict[int, int]:
    count: dict[int, int] = {}
    for at in layer.values():
        count[at] = count.get(at, 0) + 1
    return count
