"""The pictures of the comparison. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.curves import DASHES
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREY, ORANGE, SIGNED, axis, layout
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 400, 390
INK = CATEGORIES[:-1]  # the last, grey, is the plain net's

Array = np.ndarray
UNITS = {"loss": "cross-entropy  [nat]", "accuracy": "right answers  [%]"}


def look_of(k: int) -> dict[str, Any]:
    """Colour and dash of variant k; the plain net, k = 0, is grey."""
    if k == 0:
        return {"color": GREY, "dash": "solid", "width": 3}
    return {"color": INK[(k - 1) % len(INK)], "dash": DASHES[(k - 1) // len(INK) % len(DASHES)], "width": 2.3}


def faint(colour: str, share: float = 0.16) -> str:
    """The colour, nearly clear."""
    return "rgba({}, {}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), share)


def band(x: Array, low: Array, high: Array, colour: str, group: str = "") -> dict[str, Any]:
    """The area between two lines; it follows `group` in the legend."""
    return {
        "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]), "fill": "toself",
        "fillcolor": faint(colour), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": group,
    }  # fmt: skip


def line(name: str, x: Array, y: Array, look: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One curve with its place in the legend."""
    return {
        "type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "x": x, "y": y, "line": dict(look),
        "hovertemplate": "%{x:.4g}: %{y:.4g}<extra>%{fullData.name}</extra>", **more,
    }  # fmt: skip


def level(y: float, **more: Any) -> dict[str, Any]:
    """A shape: the dotted horizontal line at y."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": {"color": GREY, "dash": "dot", "width": 1.5}, **more}  # fmt: skip


def caption(text: str) -> dict[str, Any]:
    """An annotation: what a picture among its likes is of, in its upper left corner."""
    return {"text": f"<b>{text}</b>", "xref": "paper", "yref": "paper", "x": 0.015, "y": 0.98, "xanchor": "left", "yanchor": "top", "showarrow": False, "bgcolor": "rgba(255,255,255,0.85)", "font": {"color": "#22303c"}}  # fmt: skip


def middle(values: Array, axis: int = -1) -> tuple[Array, Array, Array]:
    """Mean over seeds, and the 10 % and 90 % quantiles."""
    low, high = np.quantile(values, (0.1, 0.9), axis=axis)
    return values.mean(axis), low, high


def curves(names: Sequence[str], steps: Array, values: Array, part: str, metric: str) -> Figure:
    """`values` (look, V, K) of one part of the data over the training, a band over the seeds for every variant."""
    shown = values * (100.0 if metric == "accuracy" else 1.0)
    mean, low, high = middle(shown)
    data = [band(steps, low[:, v], high[:, v], look_of(v)["color"], name) for v, name in enumerate(names)]
    data += [line(name, steps, mean[:, v], look_of(v)) for v, name in enumerate(names)]
    ends = "; ".join(f"{name} {short(float(mean[-1, v]))}" for v, name in enumerate(names))
    title = f"{part} {UNITS[metric]}"
    y = log_axis(title, mean) if metric == "loss" else axis(title, range=[0, 103])
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=y, showlegend=True),
        f"{part.capitalize()} {metric} of {len(names)} nets over {int(steps[-1])} steps, mean of {values.shape[-1]} seeds. At the end: {ends}.",
        f"Each line is the mean over the seeds, the band around it holds the middle 80 % of them. Grey is the plain net. {part.capitalize()} points only; measured without dropout, noise or penalty. Click a name to hide it.",
    )  # fmt: skip


def log_axis(title: str, values: Array) -> dict[str, Any]:
    """A logarithmic axis around the finite positive values, with some air, marked at round numbers."""
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (np.log10(known.min()), np.log10(known.max())) if len(known) else (-1.0, 0.0)
    low, high = (float(end) for end in (low - 0.06 * (high - low) - 0.06, high + 0.06 * (high - low) + 0.06))
    digits = (1, 1.5, 2, 3, 4, 5, 7) if high - low < 1 else (1, 2, 5) if high - low < 3 else (1,)
    marks = np.array([d * 10.0**power for power in range(math.floor(low), math.ceil(high)) for d in digits])
    return axis(
        f"{title}, log scale", type="log", range=[low, high], tickvals=marks, ticktext=[f"{m:g}" for m in marks]
    )


def forest(found: Mapping[str, Sequence[float]], seeds: Mapping[str, Array], metric: str, words: str) -> Figure:
    """Name -> (mean, low end, high end) as marks with intervals, and name -> its value at every seed as small marks."""
    scale = 100.0 if metric == "accuracy" else 1.0
    names = list(found)[::-1]
    mean, low, high = (scale * np.array([found[name][i] for name in names]) for i in range(3))
    decided = [bool(a > 0 or b < 0) for a, b in zip(low, high, strict=True)]
    dots = {
        "type": "scatter", "mode": "markers", "name": "one seed", "x": scale * np.concatenate([seeds[name] for name in names]),
        "y": [name for name in names for _ in seeds[name]], "marker": {"color": GREY, "size": 14, "symbol": "line-ns-open", "line": {"width": 2, "color": GREY}},
        "hovertemplate": "%{x:.4g}<extra>one seed</extra>",
    }  # fmt: skip
    marks = {
        "type": "scatter", "mode": "markers", "name": "mean, with 95 % interval", "x": mean, "y": names,
        "error_x": {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "thickness": 2.5, "width": 6, "color": BLUE},
        "marker": {"color": BLUE, "size": 12, "symbol": ["circle" if d else "circle-open" for d in decided], "line": {"width": 2}},
        "hovertemplate": "%{x:.4g}<extra>%{y}</extra>",
    }  # fmt: skip
    said = "; ".join(f"{name} {short(m)}, from {short(a)} to {short(b)}" for name, m, a, b in zip(names[::-1], mean[::-1], low[::-1], high[::-1], strict=True))  # fmt: skip
    better = "Left of 0 is better" if metric == "loss" else "Right of 0 is better"
    return Figure(
        [dots, marks],
        layout(
            xaxis=axis(f"{words}, test {UNITS[metric].replace('[%]', '[% points]')}", zeroline=True, zerolinecolor=GREY, zerolinewidth=2),
            yaxis=axis("kind", type="category", categoryarray=names, range=[-0.6, len(names) - 0.4]), showlegend=True,
        ),
        f"{words} on test points, with 95 % intervals over seeds. {said}.",
        f"{better}. Thin marks: the seeds, each with the same points, first weights and batches on both sides. Circle: their mean; bar: Student's 95 % interval. A filled circle, whose bar does not reach 0, is more than luck; an open one may be luck.",
    )  # fmt: skip


def gap_bars(names: Sequence[str], train: Array, other: Array, metric: str) -> Figure:
    """Training and validation at the end side by side, (V, K) each."""
    scale = 100.0 if metric == "accuracy" else 1.0
    data = []
    for words, values, colour, pattern in (("training", train, BLUE, ""), ("validation", other, ORANGE, "/")):
        mean, low, high = middle(scale * values)
        error = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": GREY, "thickness": 1.5}  # fmt: skip
        data.append({"type": "bar", "name": words, "x": list(names), "y": mean, "error_y": error, "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{y:.4g}<extra>%{fullData.name}</extra>"})  # fmt: skip
    said = "; ".join(f"{name}: training {short(float(scale * train[v].mean()))}, validation {short(float(scale * other[v].mean()))}" for v, name in enumerate(names))  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("kind", type="category"), yaxis=axis(UNITS[metric], rangemode="tozero"), barmode="group", showlegend=True),
        f"Training and validation {metric} at the end. {said}.",
        "Two bars for each net, means over the seeds; thin bars hold the middle 80 % of them. The difference in height is the generalisation gap.",
    )  # fmt: skip


def gap_curves(names: Sequence[str], steps: Array, gap: Array, metric: str) -> Figure:
    """The gap (look, V, K) over the training."""
    mean, low, high = middle((100.0 if metric == "accuracy" else 1.0) * gap)
    data = [band(steps, low[:, v], high[:, v], look_of(v)["color"], name) for v, name in enumerate(names)]
    data += [line(name, steps, mean[:, v], look_of(v)) for v, name in enumerate(names)]
    sign = "validation - training" if metric == "loss" else "training - validation"
    said = "; ".join(f"{name} {short(float(mean[-1, v]))}" for v, name in enumerate(names))
    top = float(np.nanmax(np.append(mean[np.isfinite(mean)], 0.1)))
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=axis(f"gap: {sign}, {UNITS[metric]}", range=[min(-0.05 * top, float(np.nanmin(mean)) * 1.1), 1.15 * top]), shapes=[level(0.0)], showlegend=True),
        f"Gap between training and validation {metric} over the training. At the end: {said}.",
        "Each line is how much worse a net does on validation points than on those it learned from, mean and middle 80 % of the seeds. At 0 nothing was learned by heart.",
    )  # fmt: skip


def sweep(grid: Sequence[float], train: Array, test: Array, plain: Array, title: str, metric: str, log: bool) -> Figure:
    """Training and test values over the strengths, (strength, K), and the plain net's test value."""
    scale = 100.0 if metric == "accuracy" else 1.0
    x = np.array(grid, float)
    data, said = [], []
    for words, values, colour, dash in (("training", train, BLUE, "dash"), ("test", test, ORANGE, "solid")):
        mean, low, high = middle(scale * values)
        data += [band(x, low, high, colour, words), {**line(words, x, mean, {"color": colour, "dash": dash, "width": 2.4}), "mode": "lines+markers"}]  # fmt: skip
        said.append(f"{words} from {short(float(mean[0]))} to {short(float(mean[-1]))}")
    best = int(np.nanargmin(test.mean(1)) if metric == "loss" else np.nanargmax(test.mean(1)))
    flat = line("plain net, test", x[[0, -1]], np.full(2, scale * plain.mean()), {"color": GREY, "dash": "dot", "width": 2})  # fmt: skip
    return Figure(
        [*data, flat],
        layout(xaxis=axis(title, type="log" if log else "linear", **({"tickvals": x, "ticktext": [f"{v:g}" for v in x]})), yaxis=axis(UNITS[metric], rangemode="tozero"), showlegend=True),
        f"Training and test {metric} against {title}: {'; '.join(said)}. Best test value at {grid[best]:g}.",
        "Each mark is the mean over the seeds of nets with this strength; the band holds the middle 80 % of them. Solid: test; dashed: training; dotted: the plain net's test value.",
    )  # fmt: skip


def decision(name: str, xs: Array, ys: Array, p: Array, X: Array, y: Array, flipped: Array, accuracy: float) -> Figure:
    """P(class 1) over the plane, with the training points; those with a wrong label are crossed."""
    field = {
        "type": "heatmap", "x": xs, "y": ys, "z": quantise(p, 0.0, 1.0), "zmin": 0, "zmax": 1, "colorscale": [list(stop) for stop in SIGNED], "hovertemplate": "P(class 1) = %{z:.2f}<extra></extra>",
        "colorbar": {"title": {"text": "P(class 1)", "side": "right"}, "thickness": 10},
    }  # fmt: skip
    points = [
        {
            "type": "scatter", "mode": "markers", "name": f"class {c}, {words}", "x": X[chosen, 0], "y": X[chosen, 1], "hoverinfo": "skip",
            "marker": {"color": ("#0b4f8a", "#a04a00")[c], "size": 8, "symbol": symbol, "line": {"color": "#ffffff", "width": 1}},
        }
        for c in (0, 1) for words, symbol, wrong in (("right label", ("circle", "square")[c], 0), ("wrong label", "x", 1))
        if (chosen := (y == c) & (flipped == wrong)).any()
    ]  # fmt: skip
    return Figure(
        [field, *points],
        layout(xaxis=axis("x₁"), yaxis=axis("x₂", scaleanchor="x", constrain="domain"), annotations=[caption(name)], showlegend=True, margin={"l": 50, "r": 10, "t": 30, "b": 52}),
        f"Decision map, {name}: {short(100 * accuracy)} % of the test points right, {int(flipped.sum())} of {len(y)} training labels wrong.",
        "Colour: the net's probability of class 1, white where it is undecided. Circles and squares: training points of the two classes; a cross is a point whose label is wrong. Islands around crosses are learned by heart.",
    )  # fmt: skip


def histogram(names: Sequence[str], weights: Array) -> Figure:
    """The weights (V, W) of every variant as a share of each bin, log scale."""
    reach = max(float(np.quantile(np.abs(weights[np.isfinite(weights)]), 0.998)), 0.1)
    edges = np.linspace(-reach, reach, 82)
    centres = (edges[1:] + edges[:-1]) / 2
    data = []
    for v, name in enumerate(names):
        share = np.histogram(weights[v], edges)[0] / weights.shape[1]
        data.append(line(name, centres, np.where(share > 0, 100 * share, np.nan), {**look_of(v), "shape": "hvh"}))
    said = "; ".join(f"{name} {short(float(np.abs(weights[v]).mean()))}" for v, name in enumerate(names))
    return Figure(
        data,
        layout(xaxis=axis("weight  [1]"), yaxis=axis("share of the weights in a bin  [%], log scale", type="log", dtick=1), showlegend=True),
        f"Histogram of the weights of {len(names)} nets over all seeds. Mean absolute weight: {said}.",
        f"Each line counts one net's weights in {len(centres)} bins, all seeds together; b and γ are left out. A peak at 0 means that many weights are hardly used. A line ends where a bin is empty.",
    )  # fmt: skip


def thumbnail(names: Sequence[str], steps: Array, values: Array) -> Figure:
    """Validation losses without words, for a card."""
    whole = curves(names, steps, values, "validation", "loss")
    bare = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    return Figure(whole.data, layout(**bare, margin={"l": 2, "r": 2, "t": 4, "b": 4}, showlegend=False), whole.alt, whole.how_to_read)  # fmt: skip


def forest_height(count: int) -> int:
    """Pixels for the intervals of `count` kinds."""
    return 170 + 34 * count
