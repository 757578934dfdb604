"""The stepper's pictures: the graph and its film, the loss and its contour, the vanishing product, bugs, memory.

Figures take graphs, rows and arrays that were computed elsewhere; they compute nothing but positions and words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.formula.graph import BackwardStep, ForwardStep, Graph, Node, SeedStep
from core.plots.dag import Drawing, layered
from core.plots.theme import BACKWARD, FORWARD, GREEN, MAGNITUDE, QUIET, VERMILLION, axis, hidden_axis, layout
from core.plots.words import short

COLUMN, ROW, MARGIN = 76, 80, 60  # pixels that one layer, one node and the border want

FACE, CONSTANT, LOSS, EDITED, INK = (
    "#d3e4f0",
    "#e2e5e9",
    "#c6e6da",
    "#f7d3d9",
    "#17242d",
)  # opaque: edges end behind a node

EDGES, ACTIVE, NODES, VALUES, GRADS, LOCALS = range(6)  # the traces of the graph's picture


def graph_size(graph: Graph) -> tuple[int, int]:
    """Width and height in pixels below which the labels of the picture would collide."""
    drawing = layered([node.inputs for node in graph.nodes])
    return drawing.layers * COLUMN + MARGIN, drawing.rows * ROW + MARGIN


def graph_film(graph: Graph) -> Figure:
    """The graph after forward and backward, and its film: frame k shows what is known after k steps."""
    drawing = layered([node.inputs for node in graph.nodes])
    steps = graph.steps()
    words = _Words(graph)
    frames = [_frame(graph, drawing, words, steps[:k]) for k in range(len(steps) + 1)]
    rows, layers = drawing.rows / 2, drawing.layers - 1
    return Figure(
        data=_traces(graph, drawing, words, frames[-1]),
        layout=layout(
            xaxis=hidden_axis(range=[-0.6, layers + 0.6]),
            yaxis=hidden_axis(range=[rows + 0.1, -rows - 0.1]),
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            showlegend=False,
            hovermode="closest",
        ),
        alt=_graph_alt(graph),
        how_to_read=(
            "Squares are values you set, circles are operations, the ring on the right is the loss L. Blue above a node: its value. "
            "Orange below: dL/d(node), blank until backward has reached it. Grey on an edge: the local derivative of the operation by that input. "
            "Thick lines are what the current step uses. Hover for all digits; click a node to edit its value."
        ),
        frames=frames,
    )


def miniature(graph: Graph) -> Figure:
    """The graph alone, small: what the home page's card shows."""
    whole = graph_film(graph)
    edges, nodes = dict(whole.data[EDGES]), dict(whole.data[NODES])
    marker = {**nodes["marker"], "size": 24, "line": {**nodes["marker"]["line"], "width": 1.5}}
    return Figure(
        [edges, {**nodes, "marker": marker, "textfont": {"size": 10, "color": INK}}],
        whole.layout,
        whole.alt,
        whole.how_to_read,
    )


class _Words:
    """Every text that a frame may show, written once."""

    def __init__(self, graph: Graph) -> None:
        self.value = [short(node.value) for node in graph.nodes]
        self.local = {
            (source, node.id): short(sum(d for s, d in zip(node.inputs, node.local, strict=True) if s == source))
            for node in graph.nodes
            if node.local
            for source in node.inputs
        }


def _frame(graph: Graph, drawing: Drawing, words: _Words, done: Sequence[Any]) -> Frame:
    """What is known after the steps `done`; the last of them is the one being looked at."""
    valued = {n.id for n in graph.nodes if n.id not in graph.rules} | {
        s.node for s in done if isinstance(s, ForwardStep)
    }
    grads: dict[int, float] = {}
    for step in done:
        if isinstance(step, SeedStep):
            grads[step.node] = 1.0
        elif isinstance(step, BackwardStep):
            grads.update({c.input: c.after for c in step.contributions})
    now = done[-1] if done else None
    used = (
        {(source, now.node) for source in graph.nodes[now.node].inputs}
        if isinstance(now, (ForwardStep, BackwardStep))
        else set()
    )
    active = {} if now is None else {now.node}
    colour = BACKWARD if isinstance(now, (SeedStep, BackwardStep)) else FORWARD
    xs, ys = _lines({edge: drawing.paths[edge] for edge in used})
    return Frame(
        data=[
            {"x": xs, "y": ys, "line": {"color": colour, "width": 4, "shape": "spline"}},
            {"marker": {"line": {
                "color": [_outline(n.id, valued, grads, active, colour) for n in graph.nodes],
                "width": [4 if n.id in active else 2 for n in graph.nodes],
            }}},
            {"text": [words.value[n.id] if n.id in valued else "" for n in graph.nodes]},
            {"text": [short(grads.get(n.id)) for n in graph.nodes]},
            {"text": [words.local[edge] if edge in words.local and edge[1] in valued else "" for edge in drawing.paths]},
        ],
        traces=[ACTIVE, NODES, VALUES, GRADS, LOCALS],
    )  # fmt: skip


def _outline(node: int, valued: set[int], grads: Mapping[int, float], active: Any, colour: str) -> str:
    if node in active:
        return colour
    if node in grads:
        return BACKWARD
    return FORWARD if node in valued else QUIET


def _traces(graph: Graph, drawing: Drawing, words: _Words, last: Frame) -> list[dict[str, Any]]:
    """The picture itself, in the state of the frame `last`."""
    xs, ys = _lines(drawing.paths)
    x, y = np.array(drawing.x), np.array(drawing.y)
    mids = [_along(path, 0.42) for path in drawing.paths.values()]
    quiet = {"hoverinfo": "skip", "mode": "text", "type": "scatter"}
    active, nodes, values, grads, local = last.data
    return [
        {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip", "line": {"color": "rgba(128,136,148,0.45)", "width": 1.6, "shape": "spline"}},
        {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "opacity": 0.85, **active},
        {
            "type": "scatter", "mode": "markers+text", "x": x, "y": y,
            "text": [_face(node) for node in graph.nodes], "textfont": {"size": 14, "color": INK},
            "customdata": [node.id for node in graph.nodes],
            "hovertext": [_hover(node) for node in graph.nodes], "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "size": [42 if node.inputs else 38 for node in graph.nodes],
                "symbol": ["circle" if node.inputs else "square" for node in graph.nodes],
                "color": [_fill(node, graph) for node in graph.nodes],
                "opacity": 1,
                **nodes["marker"],
            },
        },
        {**quiet, "x": x, "y": y - 0.36, "textfont": {"color": FORWARD, "size": 12}, **values},
        {**quiet, "x": x, "y": y + 0.37, "textfont": {"color": BACKWARD, "size": 12}, **grads},
        {**quiet, "x": [m[0] for m in mids], "y": [m[1] for m in mids], "textposition": "top center", "textfont": {"color": QUIET, "size": 11}, **local},
    ]  # fmt: skip


def _face(node: Node) -> str:
    """What stands inside a node: a leaf's name, a number, or the operation's symbol."""
    return f"<b>{node.symbol if len(node.symbol) < 6 else node.symbol[:5]}</b>" if node.inputs else node.label


def _fill(node: Node, graph: Graph) -> str:
    if node.id in graph.fixed:
        return EDITED
    if node.id == graph.loss.id:
        return LOSS
    return CONSTANT if node.op == "const" else FACE


def _hover(node: Node) -> str:
    missing = "no gradient: a constant" if node.op == "const" else "no gradient reaches it"
    gradient = missing if node.grad is None else f"dL/d({node.label}) = {node.grad!r}"
    local = "".join(f"<br>d({node.label})/d(input {k + 1}) = {d!r}" for k, d in enumerate(node.local or ()))
    return f"<b>{node.label}</b> ({node.op})<br>value = {node.value!r}<br>{gradient}{local}"


def _lines(paths: Mapping[Any, Sequence[tuple[float, float]]]) -> tuple[list[float | None], list[float | None]]:
    """All paths as one trace, with gaps between them."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for path in paths.values():
        xs += [*(p[0] for p in path), None]
        ys += [*(p[1] for p in path), None]
    return xs, ys


def _along(path: Sequence[tuple[float, float]], part: float) -> tuple[float, float]:
    """The point of the path's last piece at this part of its length: labels stand near the operation that they belong to."""
    (x0, y0), (x1, y1) = path[-2], path[-1]
    return x0 + part * (x1 - x0), y0 + part * (y1 - y0)


def _graph_alt(graph: Graph) -> str:
    loss = graph.loss
    grads = ", ".join(f"dL/d{name} = {short(g)}" for name, g in list(graph.gradients().items())[:12])
    return f"Computation graph with {len(graph.nodes)} nodes, from the leaves at the left to the loss L = {short(loss.value)} at the right. Gradients: {grads}."


def contour(x: np.ndarray, y: np.ndarray, z: np.ndarray, names: tuple[str, str], path: np.ndarray) -> Figure:
    """The loss over two leaves, shape (y, x), NaN where it has no value; `path` (points, 2) is the way of training."""
    finite = z[np.isfinite(z)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return Figure(
        data=[
            {"type": "contour", "x": x, "y": y, "z": z, "colorscale": MAGNITUDE, "ncontours": 24, "contours": {"coloring": "heatmap"},
             "line": {"width": 0.6, "color": "rgba(255,255,255,0.35)"}, "colorbar": {"title": {"text": "loss L"}, "thickness": 12},
             "hovertemplate": f"{names[0]} = %{{x:.3g}}<br>{names[1]} = %{{y:.3g}}<br>L = %{{z:.4g}}<extra></extra>"},
            {"type": "scatter", "mode": "lines+markers", "name": "training", "x": path[:, 0], "y": path[:, 1],
             "line": {"color": "#ffffff", "width": 2}, "marker": {"size": 4, "color": "#ffffff", "line": {"width": 1, "color": "#333"}}},
            {"type": "scatter", "mode": "markers", "name": "now", "x": path[:1, 0], "y": path[:1, 1],
             "marker": {"size": 13, "symbol": "x", "color": VERMILLION, "line": {"width": 1.5, "color": "#fff"}}},
        ],
        layout=layout(xaxis=axis(f"{names[0]}  [1]", range=[x[0], x[-1]]), yaxis=axis(f"{names[1]}  [1]", range=[y[0], y[-1]]), margin={"l": 60, "r": 10, "t": 30, "b": 50}),
        alt=f"Loss over {names[0]} and {names[1]}, from {low:.4g} to {high:.4g}. Training goes from ({path[0, 0]:.3g}, {path[0, 1]:.3g}) to ({path[-1, 0]:.3g}, {path[-1, 1]:.3g}).",
        how_to_read="Colour is the loss: dark is low. All other leaves stay at their values now. The cross is where you stand, the white line is where training would go; "
        "it also moves the other trained leaves, so it need not run straight down this slice. Blank: the formula has no value there.",
    )  # fmt: skip


def vanishing(labels: Sequence[str], local: np.ndarray, running: np.ndarray, slope: float) -> Figure:
    """log10 of the local derivatives along a path from L back to a leaf, and of their running product."""
    places = np.arange(len(labels))
    return Figure(
        data=[
            {"type": "bar", "name": "local derivative", "x": places, "y": _log10(local), "marker": {"color": np.where(local < 0, VERMILLION, FORWARD).tolist()}, "customdata": local,
             "hovertemplate": "%{customdata:.4g}<extra>local</extra>"},
            {"type": "scatter", "mode": "lines+markers", "name": "running product", "x": places, "y": _log10(running), "line": {"color": BACKWARD, "width": 3}, "customdata": running,
             "hovertemplate": "%{customdata:.4g}<extra>product so far</extra>"},
        ],
        layout=layout(xaxis=axis("along the path, from the loss back to the leaf", tickvals=places, ticktext=list(labels)), yaxis=axis("log₁₀ |derivative|  [decades]"), bargap=0.45),
        alt=f"Path of {len(labels)} edges; the product of their local derivatives ends at {running[-1]:.4g}; on average each edge changes it by {slope:+.2f} decades.",
        how_to_read="Each bar is one edge's local derivative on a log scale: below 0 it shrinks the gradient, above 0 it lets it grow; red bars turn the sign. "
        "The orange line is the product so far: a straight fall is the vanishing gradient. A derivative of exactly 0 has no logarithm: the line ends there.",
    )  # fmt: skip


def _log10(values: np.ndarray) -> np.ndarray:
    return np.log10(np.abs(values), out=np.full(len(values), np.nan), where=values != 0)


def bug(labels: Sequence[str], right: np.ndarray, wrong: np.ndarray, first: int | None) -> Figure:
    """Every node's gradient without and with a bug, in the order in which backward reaches them."""
    places = np.arange(len(labels))
    marks = (
        {}
        if first is None
        else {
            "shapes": [
                {
                    "type": "rect",
                    "x0": first - 0.5,
                    "x1": first + 0.5,
                    "y0": 0,
                    "y1": 1,
                    "yref": "paper",
                    "fillcolor": VERMILLION,
                    "opacity": 0.15,
                    "line": {"width": 0},
                }
            ]
        }
    )
    alt = (
        "No gradient differs."
        if first is None
        else f"The first wrong gradient is at {labels[first]}: {wrong[first]:.4g} instead of {right[first]:.4g}."
    )
    return Figure(
        data=[
            {"type": "bar", "name": "correct", "x": places, "y": right, "marker": {"color": GREEN}},
            {"type": "bar", "name": "with the bug", "x": places, "y": wrong, "marker": {"color": VERMILLION, "pattern": {"shape": "/"}}},
        ],
        layout=layout(xaxis=axis("node, in the order of the backward pass", tickvals=places, ticktext=list(labels)), yaxis=axis("dL/d(node)  [1]"), barmode="group", **marks),
        alt=f"Gradients of {len(labels)} nodes, correct and with the bug. {alt}",
        how_to_read="Two bars for each node: its true gradient, and what the buggy program computes. Backward runs from left to right; the shaded place is the first that goes wrong, and what follows inherits the error.",
    )  # fmt: skip


def memory(labels: Sequence[str], saved: np.ndarray, kept: np.ndarray, again: np.ndarray) -> Figure:
    """Which operations' values are held between forward and backward; three boolean rows, one column an operation."""
    rows = np.stack([again * 3, kept * 2, saved * 1]).astype(float)
    words = ["computed again in backward", "kept with checkpoints", "kept without checkpoints"]
    stops = [(0, "rgba(128,136,148,0.12)"), (1, FORWARD), (2, GREEN), (3, BACKWARD)]
    steps = [[edge, colour] for level, colour in stops for edge in (level / 4, (level + 1) / 4)]
    return Figure(
        data=[{"type": "heatmap", "z": rows, "x": np.arange(len(labels)), "y": words, "zmin": -0.5, "zmax": 3.5, "colorscale": steps, "showscale": False, "xgap": 2, "ygap": 4, "hoverinfo": "x+y"}],
        layout=layout(xaxis=axis("operation, in the order of the forward pass", tickvals=np.arange(len(labels)), ticktext=list(labels), tickangle=-45), yaxis=axis("what is held"), margin={"l": 10, "r": 10, "t": 10, "b": 60}),
        alt=f"Of {len(labels)} operations, {int(saved.sum())} values are kept without checkpoints and {int(kept.sum())} with them; {int(again.sum())} operations are computed again.",
        how_to_read="A coloured cell means yes. Lower row (blue): what forward must remember for backward when nothing is dropped. Middle (green): what checkpointing keeps. Upper (orange): what backward computes a second time to get the rest back.",
    )  # fmt: skip
