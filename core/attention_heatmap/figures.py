"""The page's pictures: maps, lines, thumbnails, one row, matrices of a head, scores, evidence, stream, cost, and the film of a training.

Weights are drawn from dark blue (0) to yellow (1 or the largest); signed numbers from blue over white (0) to orange. Positions count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    VERMILLION,
    axis,
    hidden_axis,
    layout,
    signed_scale,
    upright_line,
)
from core.plots.tiles import columns_of, frame, resized, sheet, tile_at, upright
from core.plots.token_maps import LABELS, tokens

MAP_HEIGHT, GRID_HEIGHT, LINES_HEIGHT, ROW_HEIGHT, LENS_HEIGHT = 450, 210, 380, 230, 400  # pixels
MOST = 128  # cells of a side that are drawn; longer sequences are averaged
NAMED = 60  # tokens that are named under bars and states
BINS = 8  # strengths of line
GAP = 2
SIDES = ("top center", "bottom center", "middle right", "middle left")  # of a mark, for the words of neighbours
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def across(title: str, words: Sequence[str]) -> dict[str, Any]:
    """An axis of tokens: their words, or of a long text their positions."""
    return (
        tokens(title, words) if len(words) <= NAMED else axis(f"{title}, by position", showgrid=False, zeroline=False)
    )


# ---- the map of one head ----------------------------------------------------------------------------------------------


def heat(
    weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], truth: np.ndarray, row: int, name: str
) -> Figure:
    """One head's weights (query, key); dots where the answers stand, a frame around the selected row."""
    n, m = weights.shape
    shown, note = pooled(weights)
    if note:
        rows, columns, truth, row = range(shown.shape[0]), range(shown.shape[1]), np.zeros(shown.shape, bool), int(row * shown.shape[0] / n)  # fmt: skip
        rows, columns = (
            [str(round(k * size / len(ticks))) for k in ticks] for ticks, size in ((rows, n), (columns, m))
        )
    q, k = np.nonzero(truth)
    data = [
        {
            "type": "heatmap", "z": shown.astype(np.float32), "colorscale": MAGNITUDE, "zmin": 0.0, "zmax": max(float(shown.max()), 1e-9),
            "colorbar": {"title": {"text": "weight"}, "thickness": 12}, "hovertemplate": "row %{y} looks at column %{x}: %{z:.4f}<extra></extra>",
            **({"texttemplate": "%{z:.2f}", "textfont": {"size": 10}} if max(n, m) <= 12 else {}),
        },
        {
            "type": "scatter", "mode": "markers", "x": k, "y": q, "name": "where the answer stands", "showlegend": bool(len(q)),
            "marker": {"symbol": "circle-open", "size": 26 if max(n, m) <= 12 else 15 if max(n, m) <= 20 else 7, "color": VERMILLION, "line": {"width": 2.2}}, "hoverinfo": "skip",
        },
    ]  # fmt: skip
    outline = {
        "type": "rect",
        "x0": -0.5,
        "x1": shown.shape[1] - 0.5,
        "y0": row - 0.5,
        "y1": row + 0.5,
        "line": {"color": ORANGE, "width": 3},
    }
    i, j = np.unravel_index(weights.argmax(), weights.shape)
    return Figure(
        data=data,
        layout=layout(
            xaxis=tokens("looks at (key)", columns, constrain="domain"),
            yaxis=tokens("token that looks (query)", rows, autorange="reversed", scaleanchor="x", constrain="domain"),
            shapes=[outline],
            margin={"l": 56, "r": 8, "t": 34, "b": 48},
        ),
        alt=f"Attention weights of {name}, {n} rows by {m} columns; the largest, {weights.max():.3f}, is at row {i}, column {j}. {note}",
        how_to_read=(
            "Each row is one token that looks, each column one that is looked at; the cell's colour is the weight, dark blue 0, and a row adds up to 1. "
            "Red circles mark the tokens that hold what the answer of that row needs. The orange frame is the selected row: click a cell to select its row. " + note
        ),
    )  # fmt: skip


def pooled(weights: np.ndarray) -> tuple[np.ndarray, str]:
    """The map as it is drawn, at most MOST cells a side, and the note that says so where cells were averaged."""
    n, m = weights.shape
    if max(n, m) <= MOST:
        return weights, ""
    size = min(n, MOST), min(m, MOST)
    return resized(weights[None], *size)[
        0
    ], f"{n} by {m} weights are drawn as {size[0]} by {size[1]} means; the numbers at the axes are token positions."


def thumbnails(weights: np.ndarray, layer: int, head: int, labels: np.ndarray) -> Figure:
    """All maps (layer, head, query, key) small: one row a layer. `labels` (layer, head) is a share of right answers, or NaN."""
    L, H, n, m = weights.shape
    tiles = weights.reshape(L * H, n, m)
    size = min(n, 24), min(m, 24)
    small = resized(tiles, *size) if max(n, m) > 24 else tiles
    top = small.max(axis=(1, 2), keepdims=True)
    whole = sheet(small / np.where(top > 0, top, 1.0), H, GAP)
    h, w = small.shape[1:]
    notes = [_under(k, (h, w), H, f"{_percent(share)}") for k, share in enumerate(labels.ravel()) if np.isfinite(share)]
    ticks = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    return Figure(
        data=[{"type": "heatmap", "z": quantise(whole, 0, 1), "colorscale": MAGNITUDE, "zmin": 0, "zmax": 1, "showscale": False, "hoverongaps": False, "hovertemplate": "%{z:.2f} of the head's largest weight<extra></extra>"}],
        layout=layout(
            xaxis=axis("head", tickvals=np.arange(H) * (w + GAP) + (w - 1) / 2, ticktext=[str(k + 1) for k in range(H)], **ticks),
            yaxis=axis("layer", tickvals=np.arange(L) * (h + GAP) + (h - 1) / 2, ticktext=[str(k + 1) for k in range(L)], autorange="reversed", scaleanchor="x", **ticks),
            shapes=[frame(layer * H + head, (h, w), H, VERMILLION, GAP)], annotations=notes, margin={"l": 48, "r": 8, "t": 8, "b": 44},
        ),
        alt=f"The maps of all {L * H} heads in {L} layers; head {head + 1} of layer {layer + 1} is selected.",
        how_to_read="Each small map is one head, coloured up to its own largest weight. The red frame is the selected head: click another. The number says how often the head's largest weight is on a right token, over other examples.",
    )  # fmt: skip


def _under(tile: int, shape: tuple[int, int], columns: int, text: str) -> dict[str, Any]:
    """Words in the lower right corner of a tile."""
    row, column = tile // columns * (shape[0] + GAP), tile % columns * (shape[1] + GAP)
    return {"x": column + shape[1] - 0.5, "y": row + shape[0] - 0.5, "text": text, "showarrow": False, "xanchor": "right", "yanchor": "bottom",
            "font": {"size": 11, "color": "#ffffff"}, "bgcolor": "rgba(0,0,0,0.6)", "borderpad": 1}  # fmt: skip


def thumbnail_at(row: int, column: int, shape: tuple[int, int, int, int]) -> tuple[int, int]:
    """The layer and the head, from 0, that a cell of the thumbnails belongs to."""
    _, H, n, m = shape
    tile = tile_at(row, column, (min(n, 24), min(m, 24)), H, GAP)
    return tile // H, tile % H


def lines(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], row: int, name: str) -> Figure:
    """The same weights as lines from each token to those that it looks at; those of the selected row in orange."""
    n, m = weights.shape
    height = max(n, m)
    y_left, y_right = np.linspace(0, height - 1, n), np.linspace(0, height - 1, m)
    data = []
    strength = np.minimum((weights * BINS).astype(int), BINS - 1)
    long = height > MOST
    for level in () if long else range(BINS):
        q, k = np.nonzero((strength == level) & (weights > 0.04) & (np.arange(n) != row)[:, None])
        data.append(
            _strands(
                y_left[q],
                y_right[k],
                BLUE,
                (level + 1) / BINS,
                f"weight {level / BINS:.2g} to {(level + 1) / BINS:.2g}",
            )
        )
    k = np.flatnonzero(weights[row] > 0.04)
    for j in k:
        data.append(_strands(y_left[[row]], y_right[[j]], ORANGE, float(weights[row, j]), "selected row"))
    if max(n, m) <= 2 * LABELS:
        data += [_labels(0, y_left, rows, "middle left", row), _labels(1, y_right, columns, "middle right", -1)]
    return Figure(
        data=data,
        layout=layout(
            xaxis=axis("left: looks · right: looked at", range=[-0.25, 1.25], tickvals=[0, 1], ticktext=["query", "key"], showgrid=False, zeroline=False),
            yaxis=axis("position", range=[height - 0.5, -0.5], showgrid=False, zeroline=False, showticklabels=False),
            showlegend=False, margin={"l": 40, "r": 8, "t": 8, "b": 44},
        ),
        alt=f"Lines of {name} from each token to the tokens it looks at; the selected row looks most at column {int(weights[row].argmax())} with weight {weights[row].max():.3f}.",
        how_to_read="Left the tokens that look, right those that are looked at, from top to bottom. The stronger a line, the larger the weight; weights below 0.04 are left out. Orange: the selected row."
        + f" Of {height} tokens only the selected row's lines are drawn." * long,
    )  # fmt: skip


def _strands(left: np.ndarray, right: np.ndarray, color: str, opacity: float, name: str) -> dict[str, Any]:
    gaps = np.full(len(left), np.nan)
    return {"type": "scatter", "mode": "lines", "x": np.tile([0.0, 1.0, np.nan], len(left)), "y": np.stack([left, right, gaps], 1).ravel(),
            "line": {"color": color, "width": 1 + 2.5 * opacity}, "opacity": max(0.12, opacity), "name": name, "hoverinfo": "name"}  # fmt: skip


def _labels(x: float, y: np.ndarray, words: Sequence[str], side: str, row: int) -> dict[str, Any]:
    text = [f"<b>{w}</b>" if k == row else w for k, w in enumerate(words)]
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.full(len(y), x),
        "y": y,
        "text": text,
        "textposition": side,
        "hoverinfo": "skip",
    }


def bar(weights: np.ndarray, columns: Sequence[str], truth: np.ndarray, word: str, row: int) -> Figure:
    """One row of the map: how much the token looks at each other one."""
    colors = [VERMILLION if t else BLUE for t in truth]
    width = max(float(weights.max()), 0.05)
    best = int(weights.argmax())
    return Figure(
        data=[
            {
                "type": "bar", "x": np.arange(len(weights)), "y": weights, "marker": {"color": colors}, "showlegend": False,
                "hovertemplate": "column %{x}: %{y:.4f}<extra></extra>",
                **({"text": [f"{w:.2f}" for w in weights], "textposition": "outside", "cliponaxis": False} if len(weights) <= 12 else {}),
            },
            *({"type": "bar", "x": [None], "y": [None], "name": n, "marker": {"color": c}, "showlegend": True} for n, c in (("holds the answer", VERMILLION), ("other token", BLUE)) if truth.any()),
        ],
        layout=layout(
            xaxis=across(f"looked at by row {row} ({word})", columns),
            yaxis=axis("weight", range=[0, 1.15 * width]),
            margin={"l": 56, "r": 8, "t": 30, "b": 48}, barmode="overlay",
        ),
        alt=f"The weights of row {row} ({word}); the largest, {weights[best]:.3f}, on column {best} ({columns[best]}).",
        how_to_read="One row of the map: the height is the weight that the selected token gives to each token. All bars add up to 1. Red: the token holds what the answer needs.",
    )  # fmt: skip


CHANCES = 16  # likeliest tokens


def chances(p: np.ndarray, names: Sequence[str], right: np.ndarray, where: str) -> Figure:
    """The likeliest tokens of one row with their probabilities, the right one in red."""
    colors = [VERMILLION if r else BLUE for r in right]
    legend = [{"type": "bar", "x": [None], "y": [None], "name": n, "marker": {"color": c}} for n, c in (("right token", VERMILLION), ("other token", BLUE)) if right.any()]  # fmt: skip
    return Figure(
        data=[{"type": "bar", "x": np.arange(len(p)), "y": p, "marker": {"color": colors}, "showlegend": False, "text": [f"{v:.3f}" for v in p], "textposition": "outside", "cliponaxis": False, "hovertemplate": "%{y:.5f}<extra></extra>"}, *legend],
        layout=layout(xaxis=tokens(f"token at {where}", names), yaxis=axis("probability", range=[0, 1.15 * max(float(p[0]), 0.05)]), barmode="overlay", margin={"l": 56, "r": 8, "t": 30, "b": 48}),
        alt=f"The {len(p)} likeliest tokens at {where}; the first, {names[0]}, has probability {p[0]:.3f}.",
        how_to_read="The likeliest tokens from left to right; the height is the probability that the model gives, after the softmax over all its tokens. Red: the token that is right.",
    )  # fmt: skip


# ---- scores, evidence, stream, cost -----------------------------------------------------------------------------------


def scored(accuracy: np.ndarray, entropy: np.ndarray, chance: float, most: float, layer: int, head: int) -> Figure:
    """Each head by how often it is right and how spread out it looks."""
    L, H = accuracy.shape
    data = [
        {
            "type": "scatter", "mode": "markers+text", "x": entropy[k], "y": 100 * accuracy[k], "name": f"layer {k + 1}",
            "text": [f"head {j + 1}" for j in range(H)], "textposition": [SIDES[j % 4] for j in range(H)],
            "marker": {"size": [20 if (k, j) == (layer, head) else 12 for j in range(H)], "color": CATEGORIES[k], "symbol": ("circle", "square", "diamond", "cross")[k % 4],
                       "line": {"width": [3 if (k, j) == (layer, head) else 0 for j in range(H)], "color": VERMILLION}},
            "hovertemplate": "%{text}: right %{y:.1f} %, entropy %{x:.3f} bits<extra>%{fullData.name}</extra>",
        }
        for k in range(L)
    ]  # fmt: skip
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [0.0, most],
        "y": [100 * chance] * 2,
        "name": "looking anywhere",
        "line": {"color": GREY, "dash": "dash"},
    }
    i, j = np.unravel_index(np.nan_to_num(accuracy, nan=-1).argmax(), accuracy.shape)
    return Figure(
        data=[*data, line],
        layout=layout(xaxis=axis("entropy of a row (bits)", range=[-0.1, most * 1.05]), yaxis=axis("looks at a right token (% of answers)", range=[-6, 114])),
        alt=f"Accuracy against entropy of {L * H} heads. The most often right is head {j + 1} of layer {i + 1}, {_percent(accuracy[i, j])} of the answers; chance is {_percent(chance)}.",
        how_to_read="Each mark is a head. Higher: its largest weight is more often on a token that holds the answer. Further left: its rows are sharper; 0 bits is one token alone, the right end all tokens evenly. Dashed: what a random token would get. Ringed: the selected head.",
    )  # fmt: skip


def importances(
    importance: Mapping[str, np.ndarray], names: Mapping[str, str], columns: Sequence[str], truth: np.ndarray
) -> Figure:
    """What each method says about one answer, each in units of its largest."""
    rows = np.stack([importance[name] / (importance[name].max() or 1.0) for name in names])
    k = np.flatnonzero(truth)
    marks = {"type": "scatter", "mode": "markers", "x": np.repeat(k, len(rows)), "y": np.tile(np.arange(len(rows)), len(k)), "name": "holds the answer",
             "marker": {"symbol": "circle-open", "size": 13, "color": VERMILLION, "line": {"width": 2}}, "hoverinfo": "skip", "showlegend": bool(len(k))}  # fmt: skip
    best = ", ".join(f"{names[n]} at column {int(importance[n].argmax())}" for n in names)
    return Figure(
        data=[{"type": "heatmap", "z": rows.astype(np.float32), "colorscale": MAGNITUDE, "zmin": 0, "zmax": 1, "colorbar": {"title": {"text": "of the<br>largest"}, "thickness": 12}, "hovertemplate": "%{y}, column %{x}: %{z:.3f} of its largest<extra></extra>"}, marks],
        layout=layout(xaxis=tokens("token", columns), yaxis=axis("method", tickvals=np.arange(len(rows)), ticktext=list(names.values()), autorange="reversed", showgrid=False), margin={"l": 140, "r": 8, "t": 34, "b": 48}),
        alt=f"How important five methods find each token for one answer. The most important token: {best}.",
        how_to_read="Each row is a method, each column a token; yellow is the token that the method finds most important, dark blue has no importance. Red circles: tokens that hold what the answer needs.",
    )  # fmt: skip


def agreement(rho: np.ndarray, names: Sequence[str]) -> Figure:
    """Rank correlation of every two methods."""
    ticks = {"tickvals": np.arange(len(names)), "ticktext": list(names), "showgrid": False, "zeroline": False}
    off = rho[~np.eye(len(rho), dtype=bool)]
    return Figure(
        data=[{"type": "heatmap", "z": rho.astype(np.float32), "texttemplate": "%{z:.2f}", "colorbar": {"title": {"text": "ρ"}, "thickness": 12}, "hoverongaps": False, "hovertemplate": "%{y} and %{x}: %{z:.3f}<extra></extra>", **signed_scale(1.0)}],
        layout=layout(xaxis=axis("method", tickangle=-40, **ticks), yaxis=axis("method", autorange="reversed", **ticks), margin={"l": 140, "r": 8, "t": 12, "b": 110}),
        alt=f"Rank correlations of {len(names)} methods, from {np.nanmin(off):.2f} to {np.nanmax(off):.2f}." if np.isfinite(off).any() else "No two methods can be compared here.",
        how_to_read="Spearman's rank correlation of the tokens' importances, mean over all answers of the sequence. 1 (orange): the same order. 0 (white): nothing in common. Below 0 (blue): opposite.",
    )  # fmt: skip


def norms(values: np.ndarray, states: Sequence[str], words: Sequence[str]) -> Figure:
    """Length of the residual stream after every part, for every token."""
    return Figure(
        data=[{"type": "heatmap", "z": values.astype(np.float32), "colorscale": MAGNITUDE, "zmin": 0.0, "zmax": float(values.max()), "colorbar": {"title": {"text": "|x|"}, "thickness": 12}, "hovertemplate": "%{y}, token %{x}: %{z:.3f}<extra></extra>"}],
        layout=layout(xaxis=across("token", words), yaxis=axis("after", tickvals=np.arange(len(states)), ticktext=list(states), showgrid=False), margin={"l": 120, "r": 8, "t": 12, "b": 48}),
        alt=f"Norm of the residual stream after {len(states)} parts, mean {values[0].mean():.2f} after the first, {values[-1].mean():.2f} after the last.",
        how_to_read="From bottom to top the parts in order of computing, from left to right the tokens. The colour is the length of the token's vector: what every part has added so far.",
    )  # fmt: skip


def lens(likely: np.ndarray, said: Sequence[Sequence[str]], states: Sequence[str], asked: Sequence[str]) -> Figure:
    """The logit lens: how likely the right answer is after every part, and which token would be said."""
    return Figure(
        data=[{"type": "heatmap", "z": likely.astype(np.float32), "text": [list(r) for r in said], "texttemplate": "%{text}", "colorscale": MAGNITUDE, "zmin": 0, "zmax": 1, "colorbar": {"title": {"text": "p(right)"}, "thickness": 12}, "hovertemplate": "%{y}: would say %{text}, right answer %{z:.3f}<extra></extra>"}],
        layout=layout(xaxis=tokens("right answer", asked), yaxis=axis("read off after", tickvals=np.arange(len(states)), ticktext=list(states), showgrid=False), margin={"l": 120, "r": 8, "t": 12, "b": 48}),
        alt=f"Probability of the right answers read off after each of {len(states)} parts: mean {likely[0].mean():.2f} after the first, {likely[-1].mean():.2f} after the last.",
        how_to_read="Each column is an answer, each row the state of the stream after one part, sent through the last layer norm and the output layer. The letter is the token that would be said; yellow: the right one is likely.",
    )  # fmt: skip


def growth(lengths: np.ndarray, linear: np.ndarray, quadratic: np.ndarray, maps: np.ndarray, n: int) -> Figure:
    """How the cost of one pass grows with the number of tokens."""
    curves = (
        ("projections, feed-forward, output: ~ n", linear, BLUE, "solid"),
        ("scores and weighted sums: ~ n²", quadratic, ORANGE, "dash"),
        ("weights held: ~ n²", maps, GREEN, "dot"),
    )
    data = [{"type": "scatter", "mode": "lines", "x": lengths, "y": y.astype(float), "name": name, "line": {"color": c, "dash": dash, "width": 2.4}, "hovertemplate": "%{x} tokens: %{y:,.0f}<extra>%{fullData.name}</extra>"} for name, y, c, dash in curves]  # fmt: skip
    here = upright_line(n, color=GREY, dash="dash")
    cross = next((int(x) for x, a, b in zip(lengths, linear, quadratic, strict=True) if b > a), 0)
    return Figure(
        data=data,
        layout=layout(xaxis=axis("tokens n", type="log"), yaxis=axis("multiply-adds, or numbers held", type="log", exponentformat="power"), shapes=[here]),
        alt=f"Multiply-adds against the number of tokens. The part that grows with the square overtakes the other near {cross} tokens; here are {n}.",
        how_to_read="Both axes are logarithmic: a line twice as steep grows with the square. Solid: what each token costs by itself. Dashed: what every pair of tokens costs. Dotted: how many attention weights are held. Grey: the sequence on screen.",
    )  # fmt: skip


# ---- training ---------------------------------------------------------------------------------------------------------

CURVES = (("accuracy", "right answers", BLUE, "solid"), ("alignment", "best head looks right", ORANGE, "dash"), ("induction", "induction score of the best head", GREEN, "dot"))  # fmt: skip


def curves(steps: np.ndarray, metrics: Mapping[str, Sequence[float]]) -> Figure:
    """Accuracy, best head and loss against the training step."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "x": steps, "y": np.asarray(metrics[key], float), "name": name, "line": {"color": c, "dash": dash, "width": 2.2}, "marker": {"size": 4}}
        for key, name, c, dash in CURVES
        if key in metrics
    ]  # fmt: skip
    loss = np.asarray(metrics["loss"], float)
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": steps,
            "y": loss,
            "name": "loss (right axis)",
            "yaxis": "y2",
            "line": {"color": GREY, "width": 2},
        }
    )
    frames = [Frame([{}], [0], {"shapes": [upright_line(int(s), color=VERMILLION, width=2)]}) for s in steps]  # fmt: skip
    last = {key: float(np.asarray(metrics[key])[-1]) for key, *_ in CURVES if key in metrics}
    best = f"best head {_percent(last['alignment'])}, " if "alignment" in last else ""
    return Figure(
        data=data,
        layout=layout(
            xaxis=axis("training step"), yaxis=axis("share", range=[-0.03, 1.05]),
            yaxis2={**axis("loss (nats)"), "overlaying": "y", "side": "right", "showgrid": False, "rangemode": "tozero", "tickmode": "auto"},
            margin={"l": 56, "r": 56, "t": 60, "b": 48}, showlegend=True,
        ),
        alt=f"Training over {int(steps[-1])} steps: right answers {_percent(last['accuracy'])} at the end, {best}loss {loss[-1]:.3f} nats.",
        how_to_read="Left axis: the share of right answers on examples never trained on, and how often the best head's largest weight is on a right token. Right axis, grey: the loss. The red line is where the film stands.",
        frames=frames,
    )  # fmt: skip


def film(maps: np.ndarray, steps: np.ndarray) -> Figure:
    """All heads (frame, layer, head, query, key), one frame after another; opens on the last."""
    L, H, n, m = maps.shape[1:]
    columns = H if L > 1 else columns_of(H)
    size = (min(n, 24), min(m, 24))
    small = resized(maps.reshape(-1, n, m).astype(np.float64), *size) if max(n, m) > 24 else maps.reshape(-1, n, m)
    tiles = small.reshape(len(maps), L * H, *small.shape[1:])
    sheets = [quantise(sheet(t.astype(np.float64), columns, GAP), 0, 1) for t in tiles]
    heat_map = {
        "type": "heatmap",
        "z": sheets[-1],
        "colorscale": MAGNITUDE,
        "zmin": 0,
        "zmax": 1,
        "hoverongaps": False,
        "colorbar": {"title": {"text": "weight"}, "thickness": 12},
        "hovertemplate": "%{z:.2f}<extra></extra>",
    }
    return Figure(
        data=[heat_map],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin=MARGIN),
        alt=f"Maps of {L * H} heads for one example at {len(maps)} moments of the training, from step {int(steps[0])} to {int(steps[-1])}.",
        how_to_read="Each small map is one head (a row for each layer), always for the same example: rows look, columns are looked at, yellow is weight 1. Move the film to see them form.",
        frames=[Frame([{"z": s}], [0]) for s in sheets],
    )  # fmt: skip


def film_steps(steps: np.ndarray, metrics: Mapping[str, Sequence[float]]) -> list[Step]:
    """The captions of the film."""
    return [
        Step(f"Step {int(s)}: {_percent(metrics['accuracy'][k])} right, loss {metrics['loss'][k]:.3f}")
        for k, s in enumerate(steps)
    ]


def thumbnail(weights: np.ndarray) -> Figure:
    """The map of the page's first visit, for its card."""
    return Figure(
        data=[{"type": "heatmap", "z": weights.astype(np.float32), "colorscale": MAGNITUDE, "zmin": 0, "zmax": 1, "showscale": False}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin=MARGIN),
        alt=f"Attention weights of a head that reverses {len(weights)} digits: the bright cells run from the lower left to the upper right.",
        how_to_read="Each row is a token that looks, each column one that is looked at; yellow is a large weight.",
    )  # fmt: skip
