"""The network race's pictures: learning curves, and the closer looks. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from core.contracts import Figure
from core.network_race.compute import RATES, Landscape, Outcome, best_rates
from core.network_race.spec import METRICS
from core.plots.theme import CATEGORIES, GREY, MAGNITUDE, VERMILLION, axis, layout
from core.plots.words import short

CURVES_HEIGHT, LENS_HEIGHT = 460, 420
HOME = (
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "lion", "adamw", "adadelta", "adamax", "muon", "amsgrad", "nadam",
    "radam", "rprop",
)  # fmt: skip  # the first eight differ in colour, the others also in dash
DASHES, SYMBOLS = ("solid", "dash", "dot"), ("circle", "square", "diamond", "cross", "triangle-up", "x")
CLOCK_TITLES = {"step": "step", "examples": "training examples seen", "seconds": "seconds of computing, measured"}
FLOOR = 1e-12  # lower losses are drawn here


class Style(NamedTuple):
    """How a racer is told apart."""

    colour: str
    dash: str
    symbol: str


def styles(run: Outcome) -> list[Style]:
    """A style for each racer: its optimizer's own, and a free one where an optimizer runs more than once."""
    names = [racer.name for racer in run.rules.racers]
    free = [k for k in range(24) if k >= len(HOME) or HOME[k] not in names]
    places = [HOME.index(name) if name not in names[:i] else free.pop(0) for i, name in enumerate(names)]
    return [Style(CATEGORIES[k % 8], DASHES[k // 8], SYMBOLS[i % 6]) for i, k in enumerate(places)]


def title_of(run: Outcome, metric: str) -> str:
    """The metric by its name on this data set, with its unit."""
    score = "R²  [1]" if run.regression else "accuracy  [share]"
    loss = "mean squared error  [1]" if run.regression else "cross-entropy  [nat]"
    part = "test" if metric.startswith("test") else "training"
    if metric == "gradient_norm":
        return "norm of the training loss's gradient  [1]"
    return f"{part} {score if metric.endswith('score') else loss}"


def curves(run: Outcome, metric: str, clock: str) -> Figure:
    """Every racer's metric against steps, examples or seconds; under several seeds the median and a band."""
    log, looks = not metric.endswith("score"), styles(run)
    data: list[dict[str, Any]] = []
    lines = [_line(run, i, metric, clock, log) for i in range(len(run.labels))]
    if run.spec.seeds > 1:
        data += [_band(x, low, high, look) for (x, low, _, high), look in zip(lines, looks, strict=True)]
    data += [
        {
            "type": "scatter", "mode": "lines" if len(x) > 1 else "markers", "name": label, "x": x, "y": middle,
            "line": {"color": look.colour, "dash": look.dash, "width": 2.4},
            "hovertemplate": f"{label}<br>{CLOCK_TITLES[clock]} %{{x:.4g}}<br>%{{y:.4g}}<extra></extra>",
        }
        for label, (x, _, middle, _), look in zip(run.labels, lines, looks, strict=True)
    ]  # fmt: skip
    low, high = _span([middle for _, _, middle, _ in lines], run.left, log)
    data += [
        _gone(x, middle, high, look, log)
        for i, ((x, _, middle, _), look) in enumerate(zip(lines, looks, strict=True))
        if run.left[i]
    ]
    return Figure(
        data,
        layout(
            xaxis=axis(CLOCK_TITLES[clock], rangemode="tozero"),
            yaxis=log_axis(title_of(run, metric), low, high) if log else axis(title_of(run, metric), range=[low, high]),
            showlegend=True,
            hovermode="closest",
            uirevision=f"{run.spec.data}{metric}{clock}",
        ),
        _alt(run, metric),
        f"Each line is one racer, told apart by colour and dash; left to right: {CLOCK_TITLES[clock]}; {'lower' if log else 'higher'} is better. "
        + (f"A band holds the middle 80 % of the {run.spec.seeds} seeds, the line is their median. " if run.spec.seeds > 1 else "")
        + "A cross marked DNF: the racer's weights went to infinity under most seeds, and its line ends. Click a name in the legend to hide its line.",
    )  # fmt: skip


def log_axis(title: str, low: float, high: float) -> dict[str, Any]:
    """From 10^low to 10^high, with marks at 1, 2 and 5 of each decade, or at powers of ten where there are many."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    digits = (1, 2, 5) if high - low < 2.5 else (1,)
    marks = [float(f"{digit}e{k}") for k in decades for digit in digits]
    words = [f"{mark:g}" for mark in marks]
    return axis(f"{title}, log scale", type="log", range=[low, high], tickvals=marks, ticktext=words)


def _line(run: Outcome, i: int, metric: str, clock: str, log: bool) -> tuple[np.ndarray, ...]:
    """x, low, median, high of one racer until it has left the race."""
    made = run.arrays["dnf"][i] <= 0.5
    made[0] = True
    x = run.arrays["seconds"][i, 1] if clock == "seconds" else run.arrays[clock]
    values = run.arrays[metric][i]
    return x[made], *(np.maximum(values, FLOOR) if log else values)[:, made]


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, look: Style) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]), "fill": "toself",
        "fillcolor": _faint(look.colour), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _span(middles: Sequence[np.ndarray], left: np.ndarray, log: bool) -> tuple[float, float]:
    """The axis: all values of those who finished; one that goes to infinity does not press the others flat."""
    start = max(float(middle[0]) for middle in middles)
    stayed = [middle for middle, gone in zip(middles, left, strict=True) if not gone] or [np.array([start])]
    values = np.concatenate([*stayed, [start]])
    values = values[np.isfinite(values)]
    if log:
        low, high = np.log10(values.min()), np.log10(min(values.max(), 100.0 * start))
        margin = 0.06 * max(high - low, 0.3)
        return float(low - margin), float(high + margin + (0.3 if left.any() else 0.0))
    low, high = max(float(values.min()), -1.0), 1.0
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _gone(x: np.ndarray, y: np.ndarray, high: float, look: Style, log: bool) -> dict[str, Any]:
    top = min(float(y[-1]), 10.0 ** (high - 0.05)) if log else max(float(y[-1]), -1.0)
    return {
        "type": "scatter", "mode": "markers+text", "x": [float(x[-1])], "y": [top], "text": ["DNF"], "textposition": "middle right",
        "textfont": {"color": VERMILLION, "size": 12}, "marker": {"symbol": "x", "size": 10, "color": look.colour}, "showlegend": False,
        "cliponaxis": False, "hovertemplate": "did not finish<extra></extra>",
    }  # fmt: skip


def _alt(run: Outcome, metric: str) -> str:
    ends = "; ".join(
        f"{label} {'did not finish' if gone else short(float(end))}"
        for label, end, gone in zip(run.labels, run.middle(metric)[:, -1], run.left, strict=True)
    )
    return (
        f"{METRICS[metric]} of {len(run.labels)} racers over {int(run.arrays['step'][-1])} steps. At the end: {ends}."
    )


def rates(run: Outcome) -> Figure:
    """The training loss at the end for every racer at every rate."""
    kinds = run.kinds
    final, left, best = (a[kinds] for a in (run.arrays["rates.final"], run.arrays["rates.dnf"], best_rates(run.arrays)))
    names = [run.rules.racers[i].optimizer.title for i in kinds]
    looks = [styles(run)[i] for i in kinds]
    shown = np.where(left, np.nan, np.maximum(final, FLOOR))
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": label, "x": np.array(RATES), "y": values, "connectgaps": False,
            "line": {"color": look.colour, "dash": look.dash, "width": 2}, "marker": {"size": 6, "symbol": look.symbol},
            "hovertemplate": f"{label}<br>rate %{{x:.3g}}<br>loss %{{y:.4g}}<extra></extra>",
        }
        for label, values, look in zip(names, shown, looks, strict=True)
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "name": "best", "x": np.array(RATES)[best], "y": shown[np.arange(len(best)), best],
        "marker": {"symbol": "circle-open", "size": 15, "color": GREY, "line": {"width": 2}}, "hoverinfo": "skip",
    })  # fmt: skip
    ends = "; ".join(f"{label} {RATES[k]:.2g}" for label, k in zip(names, best, strict=True))
    return Figure(
        data,
        layout(
            xaxis=axis(
                "learning rate η, log scale",
                type="log",
                tickvals=list(RATES[::2]),
                ticktext=[f"{rate:g}" for rate in RATES[::2]],
            ),
            yaxis=axis(title_of(run, "train_loss") + " at the end, log scale", type="log"),
            showlegend=True,
        ),
        f"Training loss at the end against the learning rate, {len(names)} racers at {len(RATES)} rates. Best rate: {ends}.",
        "Each line is one racer at all rates under the first seed; a wide valley forgives a careless rate. The ring is the lowest point, which tuning takes. A gap: the racer did not finish there.",
    )


def batch(run: Outcome, metric: str) -> Figure:
    """The metric at the end against the batch size."""
    log = not metric.endswith("score")
    sizes, values = run.arrays["batch.size"], run.arrays[f"batch.{metric}"]
    values = np.where(run.arrays["batch.dnf"] < 1.0, np.maximum(values, FLOOR) if log else values, np.nan)
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": label, "x": sizes, "y": row,
            "line": {"color": look.colour, "dash": look.dash, "width": 2}, "marker": {"size": 8, "symbol": look.symbol},
            "hovertemplate": f"{label}<br>batches of %{{x}}<br>%{{y:.4g}}<extra></extra>",
        }
        for label, row, look in zip(run.labels, values, styles(run), strict=True)
    ]  # fmt: skip
    ends = "; ".join(
        f"{label} {short(float(row[0]))} at {sizes[0]}, {short(float(row[-1]))} at {sizes[-1]}"
        for label, row in zip(run.labels, values, strict=True)
    )
    return Figure(
        data,
        layout(
            xaxis=axis("batch size  [examples], log scale", type="log", tickvals=sizes.tolist()),
            yaxis=axis(title_of(run, metric) + " at the end" + (", log scale" if log else ""), type="log" if log else "linear"),
            showlegend=True,
        ),
        f"{METRICS[metric]} at the end against the batch size. {ends}.",
        "Each line is one racer; left to right the batches grow until all training examples are in one. A gap: the racer did not finish.",
    )  # fmt: skip


def land(run: Outcome, found: Landscape) -> Figure:
    """The loss on the plane with every racer's way projected on it."""
    top = float(np.log10(np.nanmax(found.surface[np.isfinite(found.surface)])))
    z = np.log10(np.maximum(np.where(np.isfinite(found.surface), found.surface, 10.0**top), FLOOR))
    ticks = np.linspace(float(z.min()), float(z.max()), 6)
    data: list[dict[str, Any]] = [{
        "type": "contour", "x": found.x, "y": found.y, "z": z, "customdata": found.surface, "colorscale": MAGNITUDE, "ncontours": 24,
        "line": {"width": 0.5, "color": "rgba(255,255,255,0.35)"}, "contours": {"coloring": "heatmap"}, "showlegend": False,
        "colorbar": {"title": {"text": "training loss"}, "thickness": 10, "tickvals": ticks.tolist(), "ticktext": [f"{10**v:.2g}" for v in ticks]},
        "hovertemplate": "loss %{customdata:.4g}<extra></extra>",
    }]  # fmt: skip
    for i, (label, look) in enumerate(zip(run.labels, styles(run), strict=True)):
        x, y = np.clip(found.paths[i], [found.x[0], found.y[0]], [found.x[-1], found.y[-1]]).T
        common = {"type": "scatter", "name": label, "legendgroup": label, "x": x, "y": y}
        data.append(
            {
                **common,
                "mode": "lines",
                "showlegend": False,
                "hoverinfo": "skip",
                "line": {"color": "#ffffff", "width": 4.5},
            }
        )
        data.append(
            {
                **common,
                "mode": "lines",
                "showlegend": False,
                "hoverinfo": "skip",
                "line": {"color": look.colour, "width": 2.5},
            }
        )
        data.append({
            **common, "mode": "markers", "x": x[-1:], "y": y[-1:], "hovertemplate": f"{label}: loss {short(float(found.loss[i, -1]))}, below its mark {short(float(found.projected_loss[i, -1]))}<extra></extra>",
            "marker": {"color": look.colour, "symbol": look.symbol, "size": 12, "line": {"color": "#ffffff", "width": 1.5}},
        })  # fmt: skip
    start = found.paths[0, 0]
    data.append({
        "type": "scatter", "mode": "markers", "name": "start", "x": [float(start[0])], "y": [float(start[1])], "hovertemplate": "start<extra></extra>",
        "marker": {"color": "#ffffff", "symbol": "star", "size": 14, "line": {"color": "#22303c", "width": 1.5}},
    })  # fmt: skip
    first, second = (100 * found.plane.explained).tolist()
    return Figure(
        data,
        layout(
            xaxis=axis(f"first direction, {first:.1f} % of the variance  [weight units]"),
            yaxis=axis(f"second, {second:.1f} %  [weight units]"),
            hovermode="closest", uirevision=f"{run.spec.data}{run.spec.plane}", showlegend=True,
        ),
        f"The training loss on {len(found.x)} x {len(found.y)} places of the plane nearest to the racers' ways, which explains {first + second:.1f} % of their variance; "
        + "; ".join(f"{label} ends at loss {short(float(v))}" for label, v in zip(run.labels, found.loss[:, -1], strict=True)) + ".",
        "Colour is the training loss on a log scale, bright is high. Each line is a racer's way, projected on the plane, from the star to its mark; one that leaves the map is drawn at its edge.",
    )  # fmt: skip


def sharp(run: Outcome, edges: Sequence[float]) -> Figure:
    """The sharpness along each racer's way, and the most that its step allows."""
    t, values = run.arrays["sharp.step"], run.arrays["sharp.value"]
    data: list[dict[str, Any]] = []
    for label, row, limit, look in zip(run.labels, values, edges, styles(run), strict=True):
        data.append({
            "type": "scatter", "mode": "lines+markers", "name": label, "x": t, "y": row, "line": {"color": look.colour, "width": 2.2},
            "marker": {"size": 6, "symbol": look.symbol}, "hovertemplate": f"{label}<br>step %{{x}}<br>sharpness %{{y:.4g}}<extra></extra>",
        })  # fmt: skip
        if np.isfinite(limit):
            data.append({
                "type": "scatter", "mode": "lines", "name": f"edge of {label}", "x": t[[0, -1]], "y": [limit, limit], "showlegend": False,
                "line": {"color": look.colour, "width": 1.6, "dash": "dash"}, "hovertemplate": f"edge of {label}: {short(limit)}<extra></extra>",
            })  # fmt: skip
    top = float(np.nanmax(values, initial=1.0))
    near = [limit for limit in edges if np.isfinite(limit) and limit < 3.0 * top]
    return Figure(
        data,
        layout(
            xaxis=axis("step"),
            yaxis=axis("sharpness: top eigenvalue of the Hessian  [1]", range=[min(0.0, float(np.nanmin(values))), 1.1 * max([top, *near])]),
            showlegend=True,
        ),
        "Sharpness along the way. At the end: "
        + "; ".join(f"{label} {short(float(row[-1]))}, edge {short(limit)}" if np.isfinite(limit) else f"{label} {short(float(row[-1]))}" for label, row, limit in zip(run.labels, values, edges, strict=True)) + ".",
        "Each line is the largest curvature of the training loss where the racer stands. The dashed line of its colour is the edge: on a quadratic that is steeper, its steps would grow. An edge far above the picture is left out.",
    )  # fmt: skip


def thumbnail(run: Outcome) -> Figure:
    """The curves without words, for a card."""
    whole = curves(run, "train_loss", "step")
    bare = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    still = layout(**bare, margin={"l": 2, "r": 2, "t": 4, "b": 4}, showlegend=False)
    return Figure(whole.data, still, whole.alt, whole.how_to_read)
