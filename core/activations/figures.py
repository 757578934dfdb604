"""The pictures of the activations page: functions and slopes, units of a net, races, depth, softmax, cost. They take arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    ORANGE,
    SIGNED,
    VERMILLION,
    axis,
    hidden_axis,
    layout,
    signed_scale,
    upright_line,
)
from core.plots.words import short

SHAPE_HEIGHT, LENS_HEIGHT, PANEL_HEIGHT, COLUMNS = 380, 360, 230, 4
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot")
BINS = np.linspace(-8.0, 8.0, 81)
TITLES = {"f": "f(z)  [1]", "slope": "f′(z)  [1]"}


def shape(kind: str, z: np.ndarray, curves: Mapping[str, np.ndarray], at: float, values: Mapping[str, float]) -> Figure:
    """f ("f") or f' ("slope") of every activation on screen, read off at z = `at`."""
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "x": z, "y": y, "line": {"width": 2.6, "color": CATEGORIES[k], "dash": DASHES[k]},
         "hovertemplate": "z = %{x:.3g}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "name": f"at z = {short(at)}", "showlegend": False, "x": [at] * len(values), "y": list(values.values()), "text": list(values),
        "marker": {"size": 11, "color": list(CATEGORIES[: len(values)]), "line": {"color": "#ffffff", "width": 1.5}}, "hovertemplate": "%{text}(" + short(at) + ") = %{y:.5g}<extra></extra>",
    })  # fmt: skip
    line = upright_line(at, color=GREY, width=1, dash="dot")
    span = {"range": [-2.1, 4.1]} if kind == "f" else {"range": [-0.3, 1.3]}
    said = "; ".join(f"{name} {short(v)}" for name, v in values.items())
    return Figure(
        data,
        layout(xaxis=axis("weighted sum z  [1]"), yaxis=axis(TITLES[kind], **span), shapes=[line], showlegend=True, margin={"l": 52, "r": 8, "t": 64, "b": 46}),
        f"{'Values' if kind == 'f' else 'Slopes'} of {len(curves)} activations from z = −6 to 6. At z = {short(at)}: {said}.",
        ("What a unit passes on for a weighted sum z." if kind == "f" else "The slope of each activation: what a gradient is multiplied by when it passes the unit backwards. Near 0 the unit hardly learns.")
        + " One colour and dash for each activation. The dotted line stands at the z of the slider, the dots are the values there.",
    )  # fmt: skip


def histogram(A: Sequence[np.ndarray], flat: Sequence[tuple[float, float]], title: str) -> Figure:
    """Where the units of each layer stand, and where the activation is flat."""
    centres = (BINS[1:] + BINS[:-1]) / 2
    data = [
        {"type": "scatter", "mode": "lines", "name": f"layer {k + 1}", "x": centres, "y": 100 * shares(a), "line": {"color": CATEGORIES[k % 8], "dash": DASHES[k % 4], "width": 2, "shape": "hvh"},
         "hovertemplate": "a near %{x:.2f}: %{y:.2f} %<extra>%{fullData.name}</extra>"}
        for k, a in enumerate(A)
    ]  # fmt: skip
    tint = [
        {"type": "rect", "x0": low, "x1": high, "yref": "paper", "y0": 0, "y1": 1, "fillcolor": "rgba(209,73,91,0.13)", "line": {"width": 0}, "layer": "below"}
        for low, high in flat
    ]  # fmt: skip
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{title} is flat",
            "x": [None],
            "y": [None],
            "marker": {"symbol": "square", "size": 12, "color": "rgba(209,73,91,0.35)"},
        }
    )
    middle = ", ".join(f"layer {k + 1} {short(float(np.median(a)))}" for k, a in enumerate(A))
    return Figure(
        data,
        layout(xaxis=axis("pre-activation a  [1]", range=[-8, 8]), yaxis=axis("share of units × points  [%]", rangemode="tozero"), shapes=tint, showlegend=True),
        f"Distribution of the pre-activations of a trained {title} net, layer by layer. Medians: {middle}.",
        "One line for each hidden layer: how often its units stand at a pre-activation a, over all points. What lies beyond −8 or 8 is counted at the edge. In the tinted range the slope is below 5 % of its largest value: a unit there is saturated.",
    )  # fmt: skip


def shares(a: np.ndarray) -> np.ndarray:
    """The share of the values in every bin; what lies outside counts at the edge, what is no number nowhere."""
    known = a[np.isfinite(a)]
    counts, _ = np.histogram(np.clip(known, BINS[0], BINS[-1]), BINS)
    return counts / max(a.size, 1)


def flat_ranges(flat: np.ndarray, z: np.ndarray) -> list[tuple[float, float]]:
    """The stretches of z over which `flat` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    return [(float(z[a]), float(z[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def health(names: Sequence[str], saturated: Sequence[float], dead: Sequence[float]) -> Figure:
    """Share of saturated units and of dead units, one pair of bars for each activation."""
    bars = (("saturated: units × points", saturated, ORANGE, ""), ("dead units", dead, VERMILLION, "/"))
    data = [
        {"type": "bar", "name": name, "x": list(names), "y": 100 * np.array(values, float), "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{x}: %{y:.1f} %<extra>%{fullData.name}</extra>"}
        for name, values, colour, pattern in bars
    ]  # fmt: skip
    said = "; ".join(f"{n} {100 * s:.0f} % and {100 * d:.0f} %" for n, s, d in zip(names, saturated, dead, strict=True))
    return Figure(
        data,
        layout(xaxis=axis("activation"), yaxis=axis("share  [%]", range=[0, 100]), barmode="group", showlegend=True),
        f"Saturated share and dead share of the trained nets: {said}.",
        "Orange: how often, over all units and points, the slope is below 5 % of its largest value. Hatched red: units for which that is so at every point, so that hardly any gradient passes them.",
    )  # fmt: skip


def losses(curves: Mapping[str, np.ndarray]) -> Figure:
    """The loss of every net against the step."""
    data = [
        {"type": "scatter", "mode": "lines", "name": name, "x": np.arange(len(y)), "y": y, "line": {"width": 2.2, "color": CATEGORIES[k % 8], "dash": DASHES[k % 8]},
         "hovertemplate": "step %{x}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    lowest = float(np.log10(max(min(np.nanmin(y) for y in curves.values()), 1e-6))) - 0.1
    said = "; ".join(
        f"{name} {short(float(y[-1])) if np.isfinite(y[-1]) else 'diverged'}" for name, y in curves.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("step  [batches of 20 points]"), yaxis=axis("cross-entropy over all points  [nats]", type="log", range=[lowest, 0.3]), showlegend=True, margin={"l": 60, "r": 8, "t": 64, "b": 46}),
        f"Loss curves of the same net under {len(curves)} activations. Loss at the end: {said}.",
        "One line for each activation; lower is better, and the scale is logarithmic. 0.693 is a net that says one half for every point. A line that ends early belongs to a net that diverged.",
    )  # fmt: skip


def planes_height(count: int) -> int:
    """Pixels that the panels need."""
    return 60 + PANEL_HEIGHT * -(-count // COLUMNS)


def planes(
    fields: Mapping[str, np.ndarray], X: np.ndarray, y: np.ndarray, reach: float, said: Mapping[str, str]
) -> Figure:
    """The probability of class 1 over the plane, one panel for each net, with the points."""
    rows = -(-len(fields) // COLUMNS)
    axis_of = np.linspace(-reach, reach, next(iter(fields.values())).shape[0])
    data: list[dict[str, Any]] = []
    panels: dict[str, Any] = {"annotations": []}
    for k, (name, p) in enumerate(fields.items()):
        row, column, tag = k // COLUMNS, k % COLUMNS, "" if k == 0 else str(k + 1)
        x0, y1 = column / COLUMNS, 1 - row / rows
        spans = {"x": [x0 + 0.012, x0 + 1 / COLUMNS - 0.012], "y": [y1 - 1 / rows + 0.03, y1 - 0.11 / rows]}
        first, lowest = column == 0, k + COLUMNS >= len(fields)
        panels[f"xaxis{tag}"] = _panel_axis("x₁  [1]", lowest, spans["x"], reach, f"y{tag}")
        panels[f"yaxis{tag}"] = _panel_axis("x₂  [1]", first, spans["y"], reach, f"x{tag}")
        panels["annotations"].append(
            {
                "text": f"<b>{name}</b> {said[name]}",
                "showarrow": False,
                "xref": "paper",
                "yref": "paper",
                "x": sum(spans["x"]) / 2,
                "y": spans["y"][1],
                "yanchor": "bottom",
                "font": {"size": 12},
            }
        )
        data.append({"type": "heatmap", "x": axis_of, "y": axis_of, "z": quantise(p, 0.0, 1.0), "xaxis": f"x{tag}", "yaxis": f"y{tag}", "colorscale": [list(s) for s in SIGNED], "zmin": 0, "zmax": 1, "showscale": k == 0,
                     "colorbar": {"title": {"text": "p(class 1)"}, "thickness": 10}, "hovertemplate": "p = %{z:.3f}<extra>" + name + "</extra>"})  # fmt: skip
        for label, colour, symbol in ((0, BLUE, "square"), (1, ORANGE, "circle")):
            own = y == label
            data.append({"type": "scatter", "mode": "markers", "x": X[own, 0], "y": X[own, 1], "xaxis": f"x{tag}", "yaxis": f"y{tag}", "showlegend": False, "hoverinfo": "skip", "marker": {"color": colour, "symbol": symbol, "size": 4, "line": {"color": "#ffffff", "width": 0.6}}})  # fmt: skip
    return Figure(
        data,
        layout(**panels, margin={"l": 50, "r": 8, "t": 10, "b": 44}, uirevision=len(fields)),
        f"What {len(fields)} nets say over the plane after training: " + "; ".join(f"{name} {words}" for name, words in said.items()) + ".",
        "One panel for each activation: orange where the net says class 1, blue where it says class 0, white where it is undecided. Circles are points of class 1, squares of class 0. All panels share their axes.",
    )  # fmt: skip


def _panel_axis(title: str, shown: bool, domain: Sequence[float], reach: float, anchor: str) -> dict[str, Any]:
    span = {"domain": list(domain), "range": [-reach, reach], "anchor": anchor}
    return axis(title, **span) if shown else hidden_axis(**span)


def depth(curves: Mapping[str, np.ndarray]) -> Figure:
    """The size of the gradient at every layer of the untrained nets."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": name, "x": np.arange(1, len(y) + 1), "y": np.where(y > 0, y, np.nan), "line": {"width": 2.2, "color": CATEGORIES[k % 8], "dash": DASHES[k % 8]},
         "hovertemplate": "layer %{x}: %{y:.3g}<extra>%{fullData.name}</extra>"}
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    said = "; ".join(
        f"{name} {short(float(y[0]))} in layer 1, {short(float(y[-1]))} in the last" for name, y in curves.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("hidden layer  [1 is the first]", dtick=1), yaxis=axis("root mean square of ∂loss/∂a  [1]", type="log", exponentformat="power"), showlegend=True, margin={"l": 64, "r": 8, "t": 64, "b": 46}),
        f"Size of the gradient by layer before training: {said}.",
        "The gradient comes in at the right, from the output, and goes to the left, layer by layer. A straight line down to the left is a gradient that vanishes by the same factor in every layer. A point is missing where it is exactly 0.",
    )  # fmt: skip


def bars(logits: Sequence[float], p: np.ndarray, plain: np.ndarray, temperature: float) -> Figure:
    """The probabilities at this temperature beside those at 1."""
    names = [f"class {k + 1}<br>z = {short(z)}" for k, z in enumerate(logits)]
    sets = ((f"T = {short(temperature)}", p, GREEN, ""), ("T = 1", plain, GREY, "/"))
    data = [
        {"type": "bar", "name": name, "x": names, "y": np.array(values), "text": [f"{v:.3f}" for v in values], "textposition": "auto", "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{x}: p = %{y:.5f}<extra>%{fullData.name}</extra>"}
        for name, values, colour, pattern in sets
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("class and its logit"), yaxis=axis("probability  [1]", range=[0, 1]), barmode="group", showlegend=True),
        f"Softmax of {len(logits)} logits at temperature {short(temperature)}: " + ", ".join(f"{v:.3f}" for v in p) + ".",
        "Green: the probabilities at the chosen temperature; hatched grey: at temperature 1. They add up to 1. A low temperature gives nearly all to the largest logit, a high one makes all equal.",
    )  # fmt: skip


def jacobian(J: np.ndarray) -> Figure:
    """How every probability answers to every logit."""
    names = [str(k + 1) for k in range(len(J))]
    return Figure(
        [{"type": "heatmap", "x": names, "y": names, "z": J, **signed_scale(float(np.abs(J).max())), "colorbar": {"title": {"text": "∂p / ∂z"}, "thickness": 10},
          "text": [[f"{v:.3f}" for v in row] for row in J], "texttemplate": "%{text}", "hovertemplate": "∂p%{y}/∂z%{x} = %{z:.5f}<extra></extra>"}],
        layout(xaxis=axis("logit z of class", type="category"), yaxis=axis("probability p of class", type="category", autorange="reversed")),
        f"Jacobian of the softmax, {len(J)} by {len(J)}: the diagonal is positive, up to {short(float(J.max()))}, all else negative.",
        "Row: whose probability. Column: whose logit is raised. Orange grows, blue shrinks: what one class gains, the others lose, so every row and every column adds up to 0.",
    )  # fmt: skip


def cost(measured: Mapping[str, tuple[float, float]]) -> Figure:
    """Nanoseconds an element, value and slope."""
    names = list(measured)
    sets = (("f", 0, BLUE, ""), ("f′", 1, ORANGE, "/"))
    data = [
        {"type": "bar", "orientation": "h", "name": name, "y": names, "x": np.array([pair[k] for pair in measured.values()]), "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{y}: %{x:.2f} ns<extra>%{fullData.name}</extra>"}
        for name, k, colour, pattern in sets
    ]  # fmt: skip
    cheap, dear = min(names, key=lambda n: measured[n][0]), max(names, key=lambda n: measured[n][0])
    return Figure(
        data,
        layout(xaxis=axis("time  [ns an element, measured on this machine]", type="log"), yaxis=axis("activation", autorange="reversed"), barmode="group", showlegend=True, margin={"l": 100, "r": 8, "t": 30, "b": 46}),
        f"Measured time of {len(names)} activations in NumPy, in nanoseconds an element: {cheap} is the cheapest at {measured[cheap][0]:.2g}, {dear} the dearest at {measured[dear][0]:.2g}.",
        "Blue: the function, hatched orange: its slope, on a logarithmic scale. Fastest of 15 tries on 100,000 float64 numbers, measured once since the server started. A fused GPU kernel is bound by memory and shows smaller differences.",
    )  # fmt: skip


def thumbnail(z: np.ndarray, curves: Mapping[str, np.ndarray]) -> Figure:
    """The functions without words, for a card."""
    whole = shape("f", z, curves, 0.0, {})
    still = layout(
        xaxis=axis("z", visible=False),
        yaxis=axis("f", visible=False, range=[-1.3, 2.6]),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
    )
    return Figure([{**trace, "showlegend": False} for trace in whole.data[:-1]], still, whole.alt, whole.how_to_read)
