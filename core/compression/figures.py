"""The page's pictures: the front, grids and errors, masks, students, files, queues. Arrays come from the others; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.compression.spec import AGAINST, METHODS
from core.contracts import Figure
from core.plots.theme import BLUE, GREEN, GREY, OLIVE, ORANGE, PURPLE, SKY, VERMILLION, axis, layout, signed_scale
from core.plots.tiles import columns_of, frame, sheet, upright
from core.plots.words import short

FAMILIES = {
    "unchanged": (BLUE, "circle"),
    "rounded": (ORANGE, "square"),
    "pruned": (GREEN, "diamond"),
    "pruned and rounded": (VERMILLION, "star"),
    "factorised": (PURPLE, "cross"),
    "taught": (OLIVE, "triangle-up"),
}
UNITS = {
    "bytes": "size  [byte]",
    "macs": "multiply-adds for one digit",
    "memory": "working memory for one digit  [byte]",
}
LAYER_COLOURS = (BLUE, ORANGE, GREEN)
SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY)
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "cross", "star", "triangle-up")
TOP_HEIGHT, LENS_HEIGHT = 430, 400
BINS = 25
NOTHING: Mapping[str, Any] = {}


def faint(colour: str, share: float = 0.16) -> str:
    """The colour as a see-through area."""
    return f"rgba({', '.join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5))}, {share})"


def pareto(variants: Sequence[Any], best: np.ndarray, own: Sequence[str], against: str, error: float) -> Figure:
    """Accuracy of every variant against one cost; `best` are on the front, `own` the names of the Spec's settings."""
    costs = np.array([float(getattr(one, against)) for one in variants])
    accuracies = np.array([100.0 * one.accuracy for one in variants])
    base = variants[0]
    data: list[dict[str, Any]] = []
    order = np.argsort(costs[best], kind="stable")
    data.append({
        "type": "scatter", "mode": "lines", "name": "front", "x": costs[best][order], "y": accuracies[best][order], "line": {"color": GREY, "width": 2, "shape": "hv"}, "hoverinfo": "skip",
    })  # fmt: skip
    for family, (colour, symbol) in FAMILIES.items():
        at = [k for k, one in enumerate(variants) if one.family == family]
        data.append({
            "type": "scatter", "mode": "markers", "name": family, "x": costs[at], "y": accuracies[at], "text": [variants[k].name for k in at],
            "marker": {
                "color": colour, "symbol": symbol, "size": [16 if variants[k].name in own else 10 for k in at],
                "line": {"width": [2 if variants[k].name in own else 0 for k in at], "color": "#22303c"},
            },
            "hovertemplate": "%{text}<br>%{x:,.0f}: %{y:.1f} %<extra>" + family + "</extra>",
        })  # fmt: skip
    middle = 100.0 * base.accuracy
    band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": middle - 100 * error, "y1": middle + 100 * error, "fillcolor": faint(BLUE, 0.12), "line": {"width": 0}, "layer": "below"}  # fmt: skip
    winners = "; ".join(f"{variants[k].name} with {costs[k]:,.0f} and {accuracies[k]:.1f} %" for k in np.flatnonzero(best)[order])  # fmt: skip
    low, high = np.log10([costs.min(), costs.max()])
    return Figure(
        data,
        layout(
            xaxis=axis(f"{UNITS[against]}, logarithmic", type="log", dtick="D2", range=[low - 0.08, high + 0.08]),
            yaxis=axis("test accuracy  [%]"), shapes=[band], showlegend=True, hovermode="closest", legend={**layout()["legend"], "itemsizing": "constant"},
        ),
        f"Accuracy against {AGAINST[against].lower()} for {len(variants)} variants. Nothing beats: {winners}.",
        "Each mark is a variant of the net: higher is more accurate, further left is cheaper. Large marks with an outline belong to your settings. The grey line joins those that no other beats in both. "
        "The blue band is one standard error of the test around the unchanged net: with 450 digits, marks this close cannot be told apart.",
    )  # fmt: skip


def lines(series: Mapping[str, tuple[Any, Any]], across: str, up: str, how: str, alt: str, marks: Sequence[tuple[float, float]] = (), x: Mapping[str, Any] = NOTHING, y: Mapping[str, Any] = NOTHING, mode: str = "lines+markers") -> Figure:  # fmt: skip
    """Curves by name, told apart by colour, dash and mark; `marks` are the places of the Spec's settings, `x` and `y` more about the axes."""
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": mode, "name": name, "x": np.asarray(at, float), "y": np.asarray(values, float),
            "line": {"color": SERIES[k % 6], "dash": DASHES[k % 4], "width": 2.2}, "marker": {"symbol": SYMBOLS[k % 6], "size": 7},
            "hovertemplate": f"{across} %{{x:.4g}}<br>{up} %{{y:.4g}}<extra>{name}</extra>",
        }
        for k, (name, (at, values)) in enumerate(series.items())
    ]  # fmt: skip
    if marks:
        data.append({
            "type": "scatter", "mode": "markers", "name": "your settings", "x": [float(m[0]) for m in marks], "y": [float(m[1]) for m in marks],
            "marker": {"symbol": "circle-open", "size": 17, "color": GREY, "line": {"width": 2.5}}, "hoverinfo": "skip",
        })  # fmt: skip
    return Figure(data, layout(xaxis=axis(across, **x), yaxis=axis(up, **y), showlegend=True), alt, how)  # fmt: skip


def stairs(w: np.ndarray, rounded: np.ndarray, levels: np.ndarray, name: str) -> Figure:
    """Every weight of a layer (of one channel, where each has its own grid) against the grid's value."""
    edge = float(max(np.abs(w).max(), np.abs(levels).max(), 1e-12)) * 1.05
    middles = (levels[1:] + levels[:-1]) / 2
    x = np.repeat(np.concatenate([[-edge], middles, [edge]]), 2)[1:-1]
    data = [
        {"type": "scatter", "mode": "lines", "name": "exact", "x": [-edge, edge], "y": [-edge, edge], "line": {"color": GREY, "dash": "dot", "width": 1.5}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "name": "grid", "x": x, "y": np.repeat(levels, 2), "line": {"color": BLUE, "width": 1.5}, "hoverinfo": "skip"},
        {
            "type": "scatter", "mode": "markers", "name": "weights", "x": w, "y": rounded, "marker": {"color": ORANGE, "size": 5, "opacity": 0.6},
            "hovertemplate": "w = %{x:.4g}<br>on the grid %{y:.4g}<extra></extra>",
        },
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("weight w", range=[-edge, edge]), yaxis=axis("rounded weight ŵ", range=[-edge, edge]), showlegend=True),
        f"{len(w)} weights of {name} on {len(levels)} grid values from {short(float(levels[0]))} to {short(float(levels[-1]))}; {len(np.unique(rounded))} of the values are used.",
        "Every orange mark is a weight: where it was (across) and where rounding puts it (up). The blue stairs are the grid. The dotted line is no rounding at all; the distance to it is the error. Beyond the last stair weights are clipped.",
    )  # fmt: skip


def errors(found: Mapping[str, np.ndarray]) -> Figure:
    """Histogram of ŵ − w for every layer, in units of the layer's spread."""
    edge = max(1e-12, max(float(np.abs(e).max()) for e in found.values()))
    edges = np.linspace(-edge, edge, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": middles, "y": 100.0 * np.histogram(e, edges)[0] / len(e),
            "line": {"color": LAYER_COLOURS[k % 3], "dash": DASHES[k % 4], "width": 2.2, "shape": "hvh"}, "hovertemplate": "error %{x:.4g}: %{y:.1f} % of the weights<extra>" + name + "</extra>",
        }
        for k, (name, e) in enumerate(found.items())
    ]  # fmt: skip
    words = "; ".join(f"{name}: root mean square {short(float(np.sqrt(np.mean(e**2))))}, largest {short(float(np.abs(e).max()))}" for name, e in found.items())  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("error ŵ − w  [unit of the weights]"), yaxis=axis("share of the layer's weights  [%]"), showlegend=True),
        f"Rounding errors by layer. {words}.",
        "One curve for each layer: how many of its weights are moved by how much. A flat hill as wide as one step of the grid is what plain rounding gives; long tails are clipped weights.",
    )  # fmt: skip


def mask_picture(tiles: np.ndarray, kind: str, share: float) -> Figure:
    """What the first layer's units keep of their inputs: tiles (units, h, w), NaN where the weight is gone."""
    columns = columns_of(len(tiles), 8)
    picture = sheet(tiles, columns)
    edges = [frame(k, tiles.shape[1:], columns, GREY, line={"color": faint(GREY, 0.6), "width": 1}) for k in range(len(tiles))]  # fmt: skip
    bound = float(np.nanmax(np.abs(tiles))) if np.isfinite(tiles).any() else 1.0
    return Figure(
        [{
            "type": "heatmap", "z": picture, **signed_scale(bound), "colorbar": {"title": {"text": "weight"}, "thickness": 12}, "hovertemplate": "weight %{z:.3g}<extra></extra>", "hoverongaps": False,
        }],
        layout(xaxis={"visible": False}, yaxis=upright(), shapes=edges, margin={"l": 8, "r": 8, "t": 8, "b": 8}),
        f"First layer after pruning: {len(tiles)} {kind}, of whose weights {100 * share:.1f} % are gone.",
        f"One frame for each of the {kind}, one cell for each weight: blue pulls down, orange pulls up, white is near 0, and a hole is a weight that was removed. In a dense net each cell belongs to a pixel: the rim, always paper, loses its weights first.",
    )  # fmt: skip


def bars(titles: Sequence[str], values: Sequence[float], x: str, alt: str, how: str, colours: Sequence[str] | str = BLUE, log: bool = False, left: int = 190) -> Figure:  # fmt: skip
    """One lying bar for each title."""
    return Figure(
        [{"type": "bar", "orientation": "h", "x": list(values), "y": list(titles), "marker": {"color": colours}, "hovertemplate": "%{y}: %{x:.4g}<extra></extra>"}],
        layout(xaxis=axis(x, type="log" if log else "linear"), yaxis=axis("variant", type="category", autorange="reversed"), margin={"l": left, "r": 16, "t": 16, "b": 48}),
        alt, how,
    )  # fmt: skip


def knowledge(hard: np.ndarray, soft: np.ndarray, T: float, truth: int) -> Figure:
    """The teacher's probabilities for one digit, at temperature 1 and T."""
    classes = [str(k) for k in range(10)]
    data = [
        {"type": "bar", "name": name, "x": classes, "y": p, "marker": {"color": colour, "pattern": {"shape": shape}}, "hovertemplate": "%{x}: %{y:.3g}<extra>" + name + "</extra>"}
        for name, p, colour, shape in (("T = 1", hard, BLUE, ""), (f"T = {T:g}", soft, ORANGE, "/"))
    ]  # fmt: skip
    second = int(np.argsort(-soft, kind="stable")[1])
    return Figure(
        data,
        layout(xaxis=axis("digit", type="category"), yaxis=axis("teacher's probability, logarithmic", type="log", range=[-6, 0.05], dtick=1, exponentformat="power"), barmode="group", showlegend=True),
        f"The teacher on a {truth}: at T = 1 it gives {int(hard.argmax())} {short(float(hard.max()))}; at T = {T:g} {short(float(soft.max()))}, and {short(float(soft[second]))} to {second}.",
        "Two bars for each digit, on a logarithmic scale: what the teacher says as it stands, and softened by the temperature. The order stays; the small probabilities, which say what the picture resembles, become large enough to learn from. Bars under 10⁻⁶ are left out.",
    )  # fmt: skip


def students(found: Mapping[str, np.ndarray], teacher: float) -> Figure:
    """Test accuracy of each student, alone and taught, joined where first weights and batches are the same."""
    titles = {"alone": "labels alone", "taught": "with the teacher"}
    pairs = np.column_stack([100 * found[name] for name in titles])
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines+markers", "name": f"start {k + 1}", "x": list(titles.values()), "y": pair,
            "line": {"color": SERIES[k], "width": 2, "dash": DASHES[k]}, "marker": {"symbol": SYMBOLS[k], "size": 11}, "hovertemplate": "%{x}: %{y:.1f} %<extra>start " + str(k + 1) + "</extra>",
        }
        for k, pair in enumerate(pairs)
    ]  # fmt: skip
    data.append({"type": "scatter", "mode": "lines", "name": "teacher", "x": list(titles.values()), "y": [100 * teacher] * 2, "line": {"color": GREY, "dash": "dash"}, "hovertemplate": "teacher: %{y:.1f} %<extra></extra>"})  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("student trained with", type="category", range=[-0.3, 1.3]), yaxis=axis("test accuracy  [%]"), showlegend=True),
        f"Students alone reach {', '.join(f'{a:.1f}' for a in pairs[:, 0])} %, with the teacher {', '.join(f'{a:.1f}' for a in pairs[:, 1])} %; the teacher {100 * teacher:.1f} %.",
        "Each line is one student from the same first weights and with the same batches: left it learned from labels alone, right with the teacher. A line that rises is what the teacher was worth. The grey line is the teacher itself.",
    )  # fmt: skip


def gradients(T: np.ndarray, plain: np.ndarray, scaled: np.ndarray, limit: np.ndarray) -> Figure:
    """Mean size of the soft target's gradient against the temperature."""
    series = {"as it comes": (T, plain), "times T²": (T, scaled), "limit (z − v) / (K T²)": (T, limit)}
    return lines(
        series, "temperature T, logarithmic", "mean |dL/dz|, logarithmic",
        "How strongly the soft target pulls at the student's logits. As it comes it fades as 1 / T² (the dotted line is that limit); times T² it keeps its strength, so that α means the same at every temperature.",
        f"The soft target's gradient falls from {short(float(plain[0]))} at T = 1 to {short(float(plain[-1]))} at T = {T[-1]:g}; times T² it is {short(float(scaled[-1]))}.",
        x={"type": "log"}, y={"type": "log", "exponentformat": "power"},
    )  # fmt: skip


def singular(values: Mapping[str, np.ndarray], rank: int) -> Figure:
    """Singular values of every layer."""
    series = {name: (np.arange(1, len(s) + 1), s) for name, s in values.items()}
    drawn = lines(
        series, "number i", "singular value σ",
        "The singular values of each layer's weights, from the largest. What lies right of the upright line is left out at this rank; its squares add up to the squared error.",
        "Singular values by layer: " + "; ".join(f"{name} from {short(float(s[0]))} to {short(float(s[-1]))}" for name, s in values.items()) + ".",
    )  # fmt: skip
    line = {"type": "line", "x0": rank + 0.5, "x1": rank + 0.5, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": GREY, "dash": "dash"}}  # fmt: skip
    return Figure(drawn.data, {**drawn.layout, "shapes": [line]}, drawn.alt, drawn.how_to_read)


def method_titles() -> dict[str, str]:
    """Short names of the pruning methods for a legend."""
    return {name: title.lower() for name, title in METHODS.items()}


def latencies(milliseconds: np.ndarray) -> Figure:
    """How many requests were answered within how long."""
    x = np.sort(milliseconds)
    share = 100.0 * np.arange(1, len(x) + 1) / len(x)
    marks = {p: float(np.percentile(milliseconds, p)) for p in (50, 95, 99)}
    data = [
        {"type": "scatter", "mode": "lines", "name": "requests", "x": x, "y": share, "line": {"color": BLUE, "shape": "hv", "width": 2.2}, "hovertemplate": "%{y:.0f} % within %{x:.3g} ms<extra></extra>"},
        {
            "type": "scatter", "mode": "markers+text", "name": "percentiles", "x": list(marks.values()), "y": list(marks), "text": [f"p{p}" for p in marks], "textposition": "middle left",
            "marker": {"color": ORANGE, "size": 10, "symbol": "diamond"}, "hovertemplate": "p%{y}: %{x:.3g} ms<extra></extra>",
        },
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("time to the answer  [ms], logarithmic", type="log"), yaxis=axis("requests answered  [%]", range=[0, 104]), showlegend=True),
        f"{len(x)} requests: half within {short(marks[50])} ms, 95 % within {short(marks[95])} ms, 99 % within {short(marks[99])} ms. Measured on this machine.",
        "Read up: how many requests were answered within this time. The percentiles are what services promise: p99 is the wait that one request in a hundred exceeds. Measured now, on this machine, without a network.",
    )  # fmt: skip
