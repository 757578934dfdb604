"""Pictures of the matrix level: the matrices of each stage, a gradient as a mean of outer products, Jacobians.

A matrix is a heat map with its numbers. Gradients are often a hundred times smaller than values, so each matrix has colours of
its own: z / max |z|, white at 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.backprop_stepper.tensor import Jacobian, Outer, Stage, TensorRun, jacobian, outer_product, stages
from core.contracts import Figure, Frame
from core.plots.theme import BACKWARD, FORWARD, axis, hidden_axis, layout, signed_scale

STAGES_HEIGHT, OUTER_HEIGHT, JACOBIAN_HEIGHT, HISTOGRAM_HEIGHT = 480, 560, 380, 280  # pixels

SLOTS = 4  # two above, two below; the last is the result
GAP = 1.0  # cells between two matrices
EDGE = np.array([-1.35, -0.6])  # where the vectors of an outer product stand beside it
WORDS = SLOTS  # the trace of names and signs
NARROW = 330  # pixels that a phone leaves for the picture

Slots = Sequence[tuple[str, np.ndarray] | None]


def short(value: float) -> str:
    """At most five characters or so: two digits, one for small numbers; a real minus sign."""
    if value == 0:
        return "0"  # also -0.0
    if abs(value) < 0.001:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", "−")
    return f"{value:.{2 if abs(value) >= 0.1 else 1}g}".replace("-", "−")


def stage_film(run: TensorRun) -> Figure:
    """All stages; frame k shows the matrices of stage k, its operands and its result."""
    walk = stages(run)
    filled = [_slots(stage) for stage in walk]
    left, right, top, bottom = _room(filled)
    corners = [(0.0, 1.0), (left + GAP, 1.0), (0.0, top + 2.5), (left + GAP, top + 2.5)]
    frames = [_frame(slots, corners, stage) for slots, stage in zip(filled, walk, strict=True)]
    font = {"size": _font(left + GAP + right)}
    heat = {
        "type": "heatmap",
        "texttemplate": "%{text}",
        "textfont": font,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        **signed_scale(1.0),
    }
    words = {
        "type": "scatter",
        "mode": "text",
        "textposition": "middle right",
        "hoverinfo": "skip",
        "textfont": {"size": 13},
    }
    return Figure(
        data=[{**kind, **change} for kind, change in zip([heat] * SLOTS + [words], frames[0].data, strict=True)],
        layout=layout(
            xaxis=hidden_axis(range=[-0.1, left + GAP + right + 0.1]),
            yaxis=hidden_axis(range=[top + bottom + 2.6, -0.1]),
            margin={"l": 6, "r": 6, "t": 6, "b": 6},
            showlegend=False,
        ),
        alt=_stages_alt(run, walk),
        how_to_read=(
            "Each coloured block is a matrix with its name and shape; the block below on the right is the result of this step. Rows of X, Z1, A1, Z2, P and Y are "
            "examples. Orange is positive, blue negative, white 0; each block has its own scale, so compare numbers between "
            "blocks and colours within one. Hover for more digits."
        ),
        frames=frames,
    )  # fmt: skip


def _slots(stage: Stage) -> Slots:
    """Operands from the top left on, the result at the bottom right."""
    operands = list(stage.operands.items())
    return [*operands, *[None] * (SLOTS - 1 - len(operands)), stage.result]


def _room(filled: Sequence[Slots]) -> tuple[int, int, int, int]:
    """Columns at the left and right, rows above and below that the largest matrices of all stages want."""

    def most(slots: tuple[int, int], side: int) -> int:
        return max(found[1].shape[side] for stage in filled for k in slots if (found := stage[k]) is not None)

    return most((0, 2), 1), most((1, 3), 1), most((0, 1), 0), most((2, 3), 0)


def _font(columns: float) -> int:
    """Text size at which five characters fit into a cell on a phone."""
    return int(np.clip(NARROW / columns / 3.0, 7, 13))


def _frame(slots: Slots, corners: Sequence[tuple[float, float]], stage: Stage) -> Frame:
    blocks = [_block(slot, corner) for slot, corner in zip(slots, corners, strict=True)]
    plus = ["", "", "+ " if "+" in stage.shapes else "", ""]
    named = [
        (f"{sign}{slot[0]} {_shape(slot[1])}", x, y - 0.45)
        for sign, slot, (x, y) in zip(plus, slots, corners, strict=True)
        if slot
    ]
    signs = [(sign, corners[k][0] - 0.8, corners[k][1] + 0.5) for k, sign in _signs(stage).items()]
    text, x, y = zip(*named, *signs, strict=True)
    return Frame([*blocks, {"x": list(x), "y": list(y), "text": list(text)}], list(range(SLOTS + 1)))


def _signs(stage: Stage) -> dict[int, str]:
    """Before which slot which sign stands."""
    between = "@" if "@" in stage.shapes else "∗" if "∗" in stage.shapes else "−" if "−" in stage.shapes else ""
    return {3: "=", **({1: between} if between else {})}


def _block(slot: tuple[str, np.ndarray] | None, corner: tuple[float, float]) -> dict[str, Any]:
    """A matrix as a heat map with its upper left corner at `corner`; an empty slot is one cell without colour."""
    name, M = slot or ("", np.full((1, 1), np.nan))
    rows, columns = M.shape
    return {
        "x": corner[0] + 0.5 + np.arange(columns),
        "y": corner[1] + 0.5 + np.arange(rows),
        "z": M / (np.abs(M).max() or 1.0),
        **_texts(name, M),
    }


def _texts(name: str, M: np.ndarray) -> dict[str, list[list[str]]]:
    """What stands in the cells, and what hovering says."""
    known = np.isfinite(M)
    text = [[short(v) if ok else "" for v, ok in zip(*row, strict=True)] for row in zip(M, known, strict=True)]
    hover = [[f"{name}[{i + 1}, {j + 1}] = {v:.6g}" for j, v in enumerate(row)] for i, row in enumerate(M)]
    return {"text": text, "hovertext": hover}


def _shape(M: np.ndarray) -> str:
    return f"({M.shape[0]}, {M.shape[1]})"


def _stages_alt(run: TensorRun, walk: Sequence[Stage]) -> str:
    sizes = ", ".join(f"{letter} = {size}" for letter, size in run.sizes.items())
    size = {name: np.abs(run.gradients[name]).max() for name in ("W1", "W2")}
    return (
        f"Film of {len(walk)} matrix steps through a net of two layers ({run.activation}, {run.loss.replace('_', '-')}; {sizes}). The loss is {run.L:.4g}; "
        f"the largest gradient entry is {size['W2']:.3g} in W2 and {size['W1']:.3g} in W1."
    )  # fmt: skip


def outer_film(run: TensorRun, layer: int) -> Figure:
    """dL/dW of a layer grows from the outer products of the examples; frame n shows example n and the mean so far."""
    parts = [outer_product(run, layer, n) for n in range(len(run.X))]
    frames = [Frame(_outer_blocks(part, n), [0, 1, 2, 3]) for n, part in enumerate(parts)]
    D, H = parts[-1].mean.shape
    heat = {
        "type": "heatmap",
        "texttemplate": "%{text}",
        "textfont": {"size": _font(H + 2.5)},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        **signed_scale(1.0),
    }
    where = [{}, {}, {}, {"xaxis": "x2", "yaxis": "y2"}]
    x = {"range": [EDGE[0], H - 0.5], "showgrid": False, "zeroline": False}
    ticks = {"tickvals": [EDGE.mean(), *range(H)], "ticktext": ["x" if layer == 1 else "a", *range(1, H + 1)]}
    rows = {"showgrid": False, "zeroline": False}
    return Figure(
        data=[{**heat, **place, **change} for place, change in zip(where, frames[-1].data, strict=True)],
        layout=layout(
            xaxis=axis("unit j of the layer", anchor="y", **x, **ticks),
            yaxis=axis("input i, one example", domain=[0.56, 1.0], range=[D - 0.5, EDGE[0]], tickvals=[EDGE.mean(), *range(D)], ticktext=["δ", *range(1, D + 1)], **rows),
            xaxis2=axis("unit j of the layer", anchor="y2", **x, tickvals=list(range(H)), ticktext=list(range(1, H + 1))),
            yaxis2=axis("input i, mean so far", domain=[0.0, 0.38], anchor="x2", range=[D - 0.5, -0.5], tickvals=list(range(D)), ticktext=list(range(1, D + 1)), **rows),
            showlegend=False,
        ),
        alt=f"Film of {len(parts)} examples: the gradient by W{layer}, {D} × {H}, as the mean of outer products; in the end its entries lie between {parts[-1].mean.min():.3g} and {parts[-1].mean.max():.3g}.",
        how_to_read=(
            f"Above: one example. The column at the left is what enters the layer, the row on top is δ, the gradient of this example's loss at the layer's output; "
            f"each cell is the product of its row's and its column's number. Below: the mean over the examples so far; after the last one it is ∂L/∂W{layer}. "
            "Orange is positive, blue negative; each block has its own scale."
        ),
        frames=frames,
    )  # fmt: skip


def _outer_blocks(part: Outer, n: int) -> list[dict[str, Any]]:
    D, H = part.product.shape
    blocks: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {
        f"x of example {n + 1}": (part.x[:, None], EDGE, np.arange(D)),
        f"δ of example {n + 1}": (part.delta[None], np.arange(H), EDGE),
        f"example {n + 1}": (part.product, np.arange(H), np.arange(D)),
        f"mean of {n + 1}": (part.mean, np.arange(H), np.arange(D)),
    }
    return [
        {"x": x, "y": y, "z": M / (np.abs(M).max() or 1.0), **_texts(name, M)} for name, (M, x, y) in blocks.items()
    ]


def jacobian_figure(run: TensorRun, which: str, example: int = 0) -> Figure:
    """A Jacobian of one example as a signed heat map."""
    J: Jacobian = jacobian(run, which, example)
    rows, columns = J.matrix.shape
    zeros = int(np.count_nonzero(J.matrix == 0))
    heat = {
        "type": "heatmap",
        "x": np.arange(columns),
        "y": np.arange(rows),
        "z": J.matrix,
        **_texts(f"∂{J.out}/∂{J.into}", J.matrix),
        "texttemplate": "%{text}",
        "textfont": {"size": _font(columns + 2.0)},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "colorbar": {"title": {"text": "slope"}, "thickness": 10},
        "xgap": 1,
        "ygap": 1,
        **signed_scale(np.abs(J.matrix).max()),
    }
    ticks = {"showgrid": False, "zeroline": False}
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis(f"entry of {J.into}", tickvals=list(range(columns)), ticktext=list(range(1, columns + 1)), **ticks),
            yaxis=axis(f"entry of {J.out}", autorange="reversed", tickvals=list(range(rows)), ticktext=list(range(1, rows + 1)), **ticks),
        ),
        alt=f"Jacobian of {J.out} by {J.into} at example {example + 1}: {rows} × {columns} slopes from {J.matrix.min():.3g} to {J.matrix.max():.3g}, {zeros} of them 0.",
        how_to_read=f"Row i, column j: by how much entry i of {J.out} grows for a small growth of entry j of {J.into}, all else kept. Orange is positive, blue negative, white 0. Off the diagonal: entries that act on each other.",
    )  # fmt: skip


def gradient_histogram(spread: Mapping[str, np.ndarray]) -> Figure:
    """How the entries of each gradient are spread, on one axis."""
    bound = max(float(np.abs(g).max()) for g in spread.values()) or 1.0
    edges = np.linspace(-bound, bound, 16)
    bars = [
        {
            "type": "bar",
            "name": name,
            "x": (edges[:-1] + edges[1:]) / 2,
            "y": np.histogram(g, edges)[0],
            "marker": {"color": color, "opacity": 0.75, "pattern": {"shape": pattern}},
        }
        for (name, g), color, pattern in zip(spread.items(), (FORWARD, BACKWARD), ("", "/"), strict=True)
    ]
    sizes = ", ".join(f"{name} from {g.min():.3g} to {g.max():.3g}" for name, g in spread.items())
    return Figure(
        data=bars,
        layout=layout(xaxis=axis("entry of the gradient"), yaxis=axis("how many entries  [count]"), barmode="overlay"),
        alt=f"Histogram of the entries of two gradients: {sizes}.",
        how_to_read="Each bar counts the entries of a gradient that lie there. If one layer's bars crowd around 0 while the other's are wide, that layer hardly learns.",
    )  # fmt: skip
