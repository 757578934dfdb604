"""The pictures: block diagram, where parameters and work sit, picture sizes, bubbles, gradients by layer, bars and scaling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.architectures.blocks import WINDOWED, Layer, Split
from core.architectures.count import Count
from core.architectures.layout import Box, Diagram
from core.architectures.words import NAMES, large, memory, named, size
from core.contracts import Figure
from core.plots.field import growth
from core.plots.theme import (  # fmt: skip
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    OLIVE,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    axis,
    hidden_axis,
    layout,
)
from core.plots.words import short

LENS_HEIGHT, CELL, LEAST_WIDTH = 400, 88, 860  # pixels
GROUPS = {
    "convolution": (BLUE, ("conv",)), "dense": (VERMILLION, ("dense",)), "pooling": (GREEN, ("max", "avg", "mean")), "norm": (OLIVE, ("norm", "lrn")),
    "activation": (ORANGE, ("relu", "relu6", "silu", "tanh", "sigmoid")), "flatten, dropout": (GREY, ("flatten", "dropout")), "closed block": (PURPLE, ()),
    "branches meet": (SKY, ()),
}  # fmt: skip
MEASURES = {"parameters": "parameters", "macs": "multiply-adds", "memory": "activation memory"}
SIGNS = {"add": "+", "concat": "∥", "multiply": "×"}
CIVIDIS = ((0, 34, 78), (65, 77, 107), (125, 124, 120), (188, 175, 111), (254, 232, 56))
DARKER = 0.55  # share of the scale below which letters are white
BOTH = (BLUE, ORANGE)


def height_of(drawing: Diagram) -> int:
    """Pixels that a diagram wants."""
    return round(CELL * drawing.height) + 60


def measure(count: Count, what: str) -> float:
    """Parameters, multiply-adds or values of a part of a network."""
    return float({"parameters": count.parameters, "macs": count.macs, "memory": count.values}[what])


def blocks(drawing: Diagram, count: Count, shade: str, chosen: str, title: str) -> Figure:
    """The block diagram; `shade` is "kind" or what the colour measures."""
    whole = measure(count, shade) if shade != "kind" else 1.0
    parts = [(box, count.within(box.path)) for box in drawing.boxes]
    shares = [0.0 if shade == "kind" else measure(part, shade) / (whole or 1.0) for _, part in parts]
    top = max([s for (box, _), s in zip(parts, shares, strict=True) if box.w and not box.opened], default=0.0) or 1.0
    shapes = [
        _shape(box, shade, share / top, box.path == chosen) for (box, _), share in zip(parts, shares, strict=True)
    ]
    legend = _kinds(drawing) if shade == "kind" else [_scale(shade, top)]
    closed = [(box, part, share / top) for (box, part), share in zip(parts, shares, strict=True) if not box.opened]
    opened = [(box, part) for box, part in parts if box.opened]
    data = [_lines(drawing), *legend, _letters(closed, shade, whole), _titles(opened, shade, whole)]
    words = "its kind" if shade == "kind" else f"its share of all {MEASURES[shade]}"
    return Figure(
        data,
        layout(
            xaxis=hidden_axis(range=[-0.1, drawing.width + 0.1]),
            yaxis=hidden_axis(range=[drawing.height + 0.08, -0.08]),
            shapes=shapes,
            showlegend=shade == "kind",
            margin={"l": 6, "r": 6, "t": 34, "b": 6},
        ),
        f"Block diagram of {title}: {len(count.rows)} layers, {large(count.parameters)} parameters, {large(count.macs)} multiply-adds, from {size(count.rows[0].came)} to {size(count.last.went)}. "
        f"Drawn boxes: {', '.join(named(box.node) for box, _ in parts if box.w)}.",
        f"From left to right, row by row. A box is a layer or a closed block; under its name stands what it gives out: channels × height × width. A frame is an opened block. The colour of a box shows {words}. Branches read the same input; where they meet, + adds, ∥ puts channels side by side, × multiplies. Click a closed block or the title of an opened one to open or close it, a layer to see its numbers below.",
    )


def is_block(box: Box) -> bool:
    """Whether a click opens or closes it."""
    return box.w > 0 and not isinstance(box.node, Layer)


def _group(box: Box) -> str:
    if not isinstance(box.node, Layer):
        return "closed block"
    return next(name for name, (_, kinds) in GROUPS.items() if box.node.kind in kinds)


def _shape(box: Box, shade: str, share: float, chosen: bool) -> dict[str, Any]:
    edge = {"color": VERMILLION, "width": 3} if chosen else {"color": GREY, "width": 1}
    if box.w == 0:
        r = 0.13
        return {"type": "circle", "x0": box.x - 0.09, "x1": box.x + 0.09, "y0": box.y - r, "y1": box.y + r, "fillcolor": SKY, "line": {**edge, "width": 1}, "layer": "below"}  # fmt: skip
    inset = 0.03 if box.opened else 0.06
    at = {"x0": box.x + inset, "x1": box.x + box.w - inset, "y0": box.y + inset, "y1": box.y + box.h - inset}
    if box.opened:
        return {"type": "rect", **at, "fillcolor": "rgba(138,143,152,0.08)", "line": {**edge, "dash": "solid" if chosen else "dot"}, "layer": "below"}  # fmt: skip
    fill = _tinted(GROUPS[_group(box)][0]) if shade == "kind" else f"rgb{_cividis(share)}"
    return {"type": "rect", **at, "fillcolor": fill, "line": edge, "layer": "below"}


def _tinted(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def _cividis(share: float) -> tuple[int, int, int]:
    at = min(max(share, 0.0), 1.0) * (len(CIVIDIS) - 1)
    k = min(int(at), len(CIVIDIS) - 2)
    return tuple(round(a + (at - k) * (b - a)) for a, b in zip(CIVIDIS[k], CIVIDIS[k + 1], strict=True))


def _lines(drawing: Diagram) -> dict[str, Any]:
    points = [point for line in drawing.lines for point in (*line, (None, None))]
    x, y = zip(*points, strict=True) if points else ((), ())
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "line": {"color": GREY, "width": 1.5}, "hoverinfo": "skip", "showlegend": False}  # fmt: skip


def _kinds(drawing: Diagram) -> list[dict[str, Any]]:
    """The legend: one mark for each kind that is drawn."""
    drawn = {"branches meet" if box.w == 0 else _group(box) for box in drawing.boxes if not box.opened}
    return [
        {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name, "marker": {"symbol": "square", "size": 12, "color": colour}, "hoverinfo": "skip"}
        for name, (colour, _) in GROUPS.items() if name in drawn
    ]  # fmt: skip


def _scale(shade: str, top: float) -> dict[str, Any]:
    """The colour bar of a measure."""
    return {
        "type": "scatter", "mode": "markers", "x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip",
        "marker": {"color": [0.0], "cmin": 0, "cmax": 100 * top, "colorscale": MAGNITUDE, "showscale": True, "colorbar": {"title": {"text": f"% of all {MEASURES[shade]}", "side": "right"}, "thickness": 10}},
    }  # fmt: skip


def _letters(closed: Sequence[tuple[Box, Count, float]], shade: str, whole: float) -> dict[str, Any]:
    """Words in the boxes, which are also what is hovered and clicked."""
    colours = {} if shade == "kind" else {"color": ["#ffffff" if share < DARKER or not box.w else "#000000" for box, _, share in closed]}  # fmt: skip
    return {
        "type": "scatter", "mode": "markers+text", "showlegend": False,
        "x": [box.x + box.w / 2 for box, _, _ in closed], "y": [box.y + box.h / 2 for box, _, _ in closed],
        "text": [_inside(box, part, shade, whole) for box, part, _ in closed],
        "textfont": {"size": 11, **colours},
        "marker": {"size": [18 if not box.w else 62 for box, _, _ in closed], "color": "rgba(0,0,0,0)", "symbol": "square", "line": {"width": 0}},
        "customdata": [box.path for box, _, _ in closed],
        "hovertext": [_hover(box, part) for box, part, _ in closed], "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip


def _titles(opened: Sequence[tuple[Box, Count]], shade: str, whole: float) -> dict[str, Any]:
    """The titles of opened blocks, at their upper left corner."""

    def words(box: Box, part: Count) -> str:
        return f"⊟ {named(box.node)}" + (
            "" if shade == "kind" else f", {100 * measure(part, shade) / (whole or 1.0):.3g} %"
        )

    return {
        "type": "scatter", "mode": "markers+text", "showlegend": False, "textposition": "middle right",
        "x": [box.x + 0.1 for box, _ in opened], "y": [box.y + 0.23 for box, _ in opened],
        "text": [words(box, part) for box, part in opened], "textfont": {"size": 12},
        "marker": {"size": 18, "color": "rgba(0,0,0,0)", "symbol": "square", "line": {"width": 0}}, "customdata": [box.path for box, _ in opened],
        "hovertext": [_hover(box, part) for box, part in opened], "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip


def _inside(box: Box, part: Count, shade: str, whole: float) -> str:
    if box.w == 0:
        return SIGNS[box.node.join]
    name = named(box.node)
    if isinstance(box.node, Layer):
        name = name.replace(" pool ", " pool<br>").replace("depthwise ", "depthwise<br>")
    else:
        name = f"⊞ {name}" if len(name) <= 9 else f"⊞ {name.replace(' ', '<br>', 1)}"
    went = part.last.went
    sizes = "×".join(map(str, went)) if len(went) == 3 else f"{went[0]}"
    share = "" if shade == "kind" else f"<br>{100 * measure(part, shade) / (whole or 1.0):.2g} %"
    return f"{name}<br>{sizes}{share}"


def _hover(box: Box, part: Count) -> str:
    if not part.rows:
        return named(box.node)
    name = NAMES[box.node.join] if isinstance(box.node, Split) else named(box.node)
    return (
        f"<b>{name}</b><br>{size(part.rows[0].came)} → {size(part.last.went)}<br>{part.parameters:,} parameters<br>{part.macs:,} multiply-adds"
        f"<br>{memory(part.values)} of activations<br>receptive field {part.last.field.size}"
    )


def shares(names: Sequence[str], parts: Sequence[Count], title: str) -> Figure:
    """Where parameters, multiply-adds and memory sit, part by part."""
    values = {what: np.array([measure(part, what) for part in parts]) for what in MEASURES}
    percent = {what: 100 * v / (v.sum() or 1.0) for what, v in values.items()}
    data = [
        {"type": "bar", "orientation": "h", "name": MEASURES[what], "y": list(names), "x": percent[what], "marker": {"color": colour}, "customdata": values[what],
         "hovertemplate": "%{y}: %{x:.3g} %, %{customdata:,}<extra>%{fullData.name}</extra>"}
        for what, colour in zip(MEASURES, (BLUE, ORANGE, GREEN), strict=True)
    ]  # fmt: skip
    most = "; ".join(
        f"most {MEASURES[what]} in {names[int(p.argmax())]} ({p.max():.3g} %)" for what, p in percent.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("share of the whole (%)", rangemode="tozero"), yaxis=axis("part of the network", autorange="reversed"), barmode="group", showlegend=True),
        f"Where {title} keeps what: {most}.",
        "Three bars for each part of the network, in the order of computing: its share of all parameters, of all multiply-adds, and of all numbers that a backward pass must keep.",
    )  # fmt: skip


def fields(count: Count, title: str) -> Figure:
    """How the receptive field grows along the path that sees the most."""
    rows, widest = [], 0
    for row in count.rows:
        windowed = row.layer is None or row.layer.kind in (*WINDOWED, "mean", "flatten", "dense")
        if windowed and row.field.size >= widest:
            rows.append(row)
            widest = row.field.size
    words = f"Receptive field of {title}, layer by layer: at last {widest} cells, of pictures {count.rows[0].came[1]} cells wide."
    return growth([r.field.size for r in rows], [r.field.jump for r in rows], [r.label for r in rows], words)


def sides(names: Sequence[str], pictures: Sequence[int], left: np.ndarray, title: str) -> Figure:
    """The side after each layer (layer, picture), NaN where it does not fit."""
    text = np.where(np.isnan(left), "×", np.char.mod("%d", np.nan_to_num(left)))
    stuck = [str(p) for p, column in zip(pictures, left.T, strict=True) if np.isnan(column).any()]
    data = {
        "type": "heatmap", "z": np.log2(left), "x": [f"{p}" for p in pictures], "y": list(names), "text": text, "texttemplate": "%{text}", "customdata": left,
        "colorscale": MAGNITUDE, "hoverongaps": False, "hovertemplate": "pictures of %{x}, after %{y}: %{customdata} cells<extra></extra>",
        "colorbar": {"title": {"text": "log₂ of the side", "side": "right"}, "thickness": 10},
    }  # fmt: skip
    gone = {
        "type": "scatter", "mode": "markers", "name": "does not fit", "x": [f"{p}" for k in range(len(names)) for j, p in enumerate(pictures) if np.isnan(left[k, j])],
        "y": [names[k] for k in range(len(names)) for j in range(len(pictures)) if np.isnan(left[k, j])], "marker": {"symbol": "x", "color": VERMILLION, "size": 9}, "hoverinfo": "skip",
    }  # fmt: skip
    return Figure(
        [data, gone],
        layout(xaxis=axis("side of the picture (pixels)", type="category"), yaxis=axis("after layer", autorange="reversed", type="category", tickfont={"size": 10}), showlegend=bool(gone["x"]), margin={"l": 120, "r": 10, "t": 30, "b": 48}),
        f"Side of the maps of {title} for pictures of {', '.join(map(str, pictures))} pixels. " + (f"Pictures of {', '.join(stuck)} do not fit." if stuck else "All of them fit."),
        "Each column is a picture size, each row a layer that changes the size; the number is the side that is left after it. A red cross: some window no longer fits there, so that the network cannot take such pictures.",
    )  # fmt: skip


def bubbles(names: Sequence[str], x: Sequence[float], y: Sequence[float], areas: Sequence[float], titles: tuple[str, str, str], *, log: bool = True, drawn: str = "") -> Figure:  # fmt: skip
    """One circle a network; `titles` are those of x, y and the area. Names of circles are in the legend and beside them."""
    a = np.asarray(areas, float)
    widest = np.nanmax(a) if np.isfinite(a).any() else 1.0
    known = [k for k in range(len(names)) if np.isfinite(y[k])]
    place = _above_or_below(np.log(np.asarray(x, float)), np.log(y) if log else np.asarray(y, float), known)
    data = [
        {"type": "scatter", "mode": "markers+text", "name": name, "x": [x[k]], "y": [y[k]], "text": [name], "textposition": place[k], "textfont": {"size": 11}, "cliponaxis": False,
         "marker": {"size": 8 + 34 * math.sqrt(a[k] / widest) if np.isfinite(a[k]) else 8, "color": CATEGORIES[k % len(CATEGORIES)], "opacity": 0.75, "symbol": "diamond" if name == drawn else "circle"},
         "customdata": [float(a[k])], "hovertemplate": f"{name}<br>{titles[0]} %{{x:,}}<br>{titles[1]} %{{y:.4g}}<br>{titles[2]} %{{customdata:.3g}}<extra></extra>"}
        for k, name in enumerate(names) if k in place
    ]  # fmt: skip
    told = "; ".join(f"{names[k]}: {large(x[k])}, {short(float(y[k]))}" for k in known)
    return Figure(
        data or [{"type": "scatter", "x": [], "y": []}],
        layout(xaxis=axis(titles[0], **_decades(x)), yaxis=axis(titles[1], **(_decades(y) if log else {})), showlegend=False),
        f"{titles[1]} against {titles[0]}: {told or 'nothing measured yet'}.",
        f"Each circle is a network, named above or below it. To the right: more {titles[0]}, on a logarithmic scale. Upwards: more {titles[1]}. The area of a circle: {titles[2]}." + (" A diamond is the network of the diagram." if drawn else ""),
    )  # fmt: skip


def _above_or_below(x: np.ndarray, y: np.ndarray, known: Sequence[int]) -> dict[int, str]:
    """Where the name of each circle stands: on the side that its nearest neighbour is not."""
    place = {}
    for k in known:
        others = [n for n in known if n != k]
        distance = [
            np.hypot((x[n] - x[k]) / (np.ptp(x) or 1), 3 * (y[n] - y[k]) / (np.ptp(y[known]) or 1)) for n in others
        ]
        nearest = others[int(np.argmin(distance))] if others else k
        place[k] = "top center" if (y[k], k) >= (y[nearest], nearest) else "bottom center"
    return place


def _decades(values: Sequence[float], form: str = "SI") -> dict[str, Any]:
    """A logarithmic axis with ticks at 1, 2, 5, or at powers of ten alone where there are many."""
    wide = max(values) > 200 * min(values)
    return {"type": "log", "exponentformat": form, "dtick": 1 if wide else "D2"}


def gradients(runs: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> Figure:
    """Gradient length by layer, of each run before training, and after it where known."""
    data = []
    for (name, values), colour in zip(runs.items(), BOTH, strict=True):
        for when, found, dash in (("before training", values, "solid"), ("trained", after.get(name), "dot")):
            if found is not None:
                depth = np.arange(1, len(found) + 1)
                data.append(
                    {"type": "scatter", "mode": "lines+markers", "name": f"{name}, {when}", "x": depth, "y": np.maximum(found, 1e-300), "line": {"color": colour, "dash": dash, "width": 2}, "marker": {"symbol": "circle" if colour == BLUE else "square"},
                     "hovertemplate": "layer %{x}: %{y:.3g}<extra>%{fullData.name}</extra>"}
                )  # fmt: skip
    words = "; ".join(
        f"{name} from {short(float(v[0]))} in the first layer to {short(float(v[-1]))} in the last"
        for name, v in runs.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("layer with weights, counted from the picture"), yaxis=axis("length of the gradient ‖∂L/∂W‖", **_decades([y for trace in data for y in trace["y"]], "power")), showlegend=True),
        f"Gradients by layer before training: {words}.",
        "Each mark is a layer. Upwards, on a logarithmic scale: how long the gradient of its weights is on one batch. Solid: at the first weights. Dotted: after training. A line that climbs to the left means that early layers get louder messages than late ones.",
    )  # fmt: skip


def learning(metrics: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Loss and test accuracy of both runs."""
    data, told = [], []
    for k, (name, colour) in enumerate(zip(names, BOTH, strict=True)):
        known = np.isfinite(metrics[f"accuracy.{k}"])
        step, loss, right = metrics["step"][known], metrics[f"loss.{k}"][known], 100 * metrics[f"accuracy.{k}"][known]
        told.append(f"{name}: loss {short(float(loss[-1]))}, {right[-1]:.1f} % right")
        data += [
            {"type": "scatter", "mode": "lines+markers", "name": f"{name}, test accuracy", "x": step, "y": right, "line": {"color": colour, "width": 2.4}, "hovertemplate": "step %{x}: %{y:.1f} %<extra>%{fullData.name}</extra>"},
            {"type": "scatter", "mode": "lines", "name": f"{name}, training loss", "x": step, "y": loss, "yaxis": "y2", "line": {"color": colour, "dash": "dot", "width": 2}, "hovertemplate": "step %{x}: %{y:.3g}<extra>%{fullData.name}</extra>"},
        ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=axis("test accuracy (%)", range=[0, 102]), yaxis2=axis("training loss (nats)", overlaying="y", side="right", showgrid=False, rangemode="tozero"), showlegend=True, margin={"l": 56, "r": 56, "t": 60, "b": 48}),
        f"Training of both: {'; '.join(told)}.",
        "Solid, left scale: the share of test digits that are read right. Dotted, right scale: the loss on the training batches since the last mark.",
    )  # fmt: skip


def costs(full: Count, apart: Count, seconds: np.ndarray | None) -> Figure:
    """Parameters, multiply-adds and, where measured, time of the separable layer as a share of the full one's."""
    names, values = ["parameters", "multiply-adds"], [apart.parameters / full.parameters, apart.macs / full.macs]
    if seconds is not None:
        names, values = [*names, "time, measured"], [*values, float(np.nanmedian(seconds[:, 1] / seconds[:, 0]))]
    data = [
        {"type": "bar", "name": "full convolution", "x": names, "y": [100.0] * len(names), "marker": {"color": BLUE}, "hovertemplate": "%{x}: 100 %<extra>full</extra>"},
        {"type": "bar", "name": "depthwise-separable", "x": names, "y": [100 * v for v in values], "marker": {"color": ORANGE}, "hovertemplate": "%{x}: %{y:.3g} %<extra>separable</extra>"},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("cost"), yaxis=axis("share of the full convolution (%)", rangemode="tozero"), barmode="group", showlegend=True),
        "Depthwise-separable against full convolution: " + ", ".join(f"{n} {100 * v:.3g} %" for n, v in zip(names, values, strict=True)) + ".",
        "Blue: the full convolution, which is 100 %. Orange: what the depthwise convolution and the 1 × 1 convolution after it cost together. Time is the median over rounds on this machine, one thread.",
    )  # fmt: skip


def scaling(phi: Sequence[int], macs: Sequence[float], law: Sequence[float], mine: tuple[int, float]) -> Figure:
    """Multiply-adds of EfficientNet-B0 to B7 as counted, the law, and the visitor's own scaling."""
    data = [
        {"type": "scatter", "mode": "lines", "name": "B0 · (αβ²γ²)^φ", "x": list(phi), "y": list(law), "line": {"color": GREY, "dash": "dash"}, "hovertemplate": "φ = %{x}: %{y:.3s}<extra>law</extra>"},
        {"type": "scatter", "mode": "markers+text", "name": "B0 to B7, counted", "x": list(phi), "y": list(macs), "text": [f"B{k}" for k in phi], "textposition": "top center", "marker": {"size": 10, "color": BLUE}, "hovertemplate": "%{text}: %{y:.3s} multiply-adds<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": "yours, counted", "x": [mine[0]], "y": [mine[1]], "marker": {"size": 13, "color": ORANGE, "symbol": "diamond"}, "hovertemplate": "φ = %{x}: %{y:.3s}<extra>yours</extra>"},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("compound coefficient φ", dtick=1), yaxis=axis("multiply-adds of one picture", **_decades(macs)), showlegend=True),
        f"Multiply-adds of EfficientNet-B0 to B7: from {large(macs[0])} to {large(macs[-1])}; yours at φ = {mine[0]}: {large(mine[1])}.",
        "Dots: the published networks, counted from their descriptions. Dashed: what the law says, with your α, β and γ. Diamond: your scaling, counted; blocks and channels are whole numbers, so it need not lie on the line.",
    )  # fmt: skip


def thumbnail(drawing: Diagram, count: Count) -> Figure:
    """The diagram for the card: boxes without words."""
    full = blocks(drawing, count, "kind", "", "a small ResNet")
    bare = {**full.layout, "showlegend": False, "margin": {"l": 4, "r": 4, "t": 4, "b": 4}}
    return Figure(full.data[:1], bare, full.alt, full.how_to_read)
