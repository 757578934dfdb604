"""The schedules page's pictures. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.theme import BLUE, CATEGORIES, GREY, VERMILLION, axis, layout, upright_line
from core.plots.words import short
from core.schedules.compute import EXPLODED, Clipped, Patience, RangeTest, Run, Sharp
from core.schedules.spec import CLIPS, METRICS

MAIN_HEIGHT, LENS_HEIGHT = 620, 420
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
FLOOR = 1e-12  # lower values are drawn here
DECADES = {"type": "log", "dtick": 1, "exponentformat": "power"}


def title_of(run: Run, metric: str) -> str:
    """The metric by its name on this data set, with its unit."""
    part = "test" if metric.startswith("test") else "training"
    score = "R²  [1]" if run.regression else "accuracy  [share]"
    loss = "mean squared error  [1]" if run.regression else "cross-entropy  [nat]"
    return f"{part} {score if metric.endswith('score') else loss}"


def main(run: Run) -> Figure:
    """Rate, metric and gradient norm of every schedule, one below the other on one axis of steps."""
    metric, log = run.spec.metric, not run.spec.metric.endswith("score")
    data: list[dict[str, Any]] = []
    for i, label in enumerate(run.labels):
        good = ~run.left[i]
        good[0] = True
        steps = np.arange(1, run.rules.steps + 1)
        data.append(_line(i, label, steps, run.rates[i], "y", "rate %{y:.4g}", legend=True))
        for name, place in ((metric, "y2"), ("gradient_norm", "y3")):
            low, middle, high = run.metrics[name][i][:, good]
            if run.spec.seeds > 1:
                data.append(_band(i, label, run.t[good], low, high, place))
            data.append(_line(i, label, run.t[good], middle, place, "%{y:.4g}"))
    ends = "; ".join(f"{label} {'did not finish' if out else short(float(end))}" for label, end, out in zip(run.labels, run.end(metric), run.gone, strict=True))  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=axis("step", anchor="y3", range=[0, run.rules.steps]),
            yaxis=axis("learning rate η  [1]", domain=[0.72, 1.0], rangemode="tozero"),
            yaxis2=axis(title_of(run, metric), domain=[0.31, 0.66], **(_log(run.metrics[metric]) if log else {"range": _scores(run, metric)})),
            yaxis3=axis("gradient norm  [1]", domain=[0.0, 0.25], **_log(run.metrics["gradient_norm"])),
            showlegend=True,
            hovermode="closest",
            uirevision=f"{run.spec.data}{metric}",
        ),
        f"Learning rate, {title_of(run, metric)} and norm of the gradient against the step for {len(run.labels)} schedules. At the end: {ends}.",
        "Each schedule has one colour and dash in all three panels. Top: its rate. Middle: "
        + f"{METRICS[metric].lower()}, measured on all data. Bottom: the length of the training loss's gradient. "
        + (f"A band holds the middle 80 % of {run.spec.seeds} seeds, the line is their median; the rates are those of the first seed. " if run.spec.seeds > 1 else "")
        + "A line that ends early has left the race: its weights went to infinity. Click a name in the legend to hide it.",
    )  # fmt: skip


def _line(i: int, label: str, x: Any, y: Any, place: str, hover: str, legend: bool = False) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": label, "legendgroup": label, "showlegend": legend, "x": x, "y": y, "yaxis": place,
        "line": {"color": CATEGORIES[i], "dash": DASHES[i], "width": 2.2}, "hovertemplate": f"{label}<br>step %{{x}}<br>{hover}<extra></extra>",
    }  # fmt: skip


def _band(i: int, label: str, x: np.ndarray, low: np.ndarray, high: np.ndarray, place: str) -> dict[str, Any]:
    red, green, blue = (int(CATEGORIES[i][k : k + 2], 16) for k in (1, 3, 5))
    return {
        "type": "scatter", "mode": "lines", "legendgroup": label, "showlegend": False, "hoverinfo": "skip", "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([high, low[::-1]]), "yaxis": place, "fill": "toself", "fillcolor": f"rgba({red},{green},{blue},0.16)", "line": {"width": 0},
    }  # fmt: skip


def _log(values: np.ndarray) -> dict[str, Any]:
    """A log axis with marks at 1, 2 and 5 of each decade, or at powers of ten where there are many."""
    found = values[np.isfinite(values) & (values > 0.0)]
    many = len(found) > 0 and np.log10(found.max() / found.min()) > 2.0
    return {**DECADES, "dtick": 1 if many else "D2"}


def _scores(run: Run, metric: str) -> list[float]:
    low = max(float(np.nanmin(np.where(np.isfinite(run.metrics[metric]), run.metrics[metric], np.nan))), -1.0)
    return [low - 0.04 * (1.0 - low), 1.0 + 0.04 * (1.0 - low)]


def finder(test: RangeTest, rate: float) -> Figure:
    """Loss against rate over the range test, with what is read off."""
    marks = {
        f"steepest: η = {short(test.suggested)}": (test.steepest, "triangle-down", BLUE),
        f"lowest: η = {short(float(test.rates[test.lowest]))}": (test.lowest, "square", VERMILLION),
    }
    return Figure(
        [
            {"type": "scatter", "mode": "lines", "name": "each step", "x": test.rates, "y": test.losses, "line": {"color": GREY, "width": 1}, "opacity": 0.6,
             "hovertemplate": "η %{x:.3g}<br>loss %{y:.4g}<extra>each step</extra>"},
            {"type": "scatter", "mode": "lines", "name": "smoothed", "x": test.rates, "y": test.smooth, "line": {"color": BLUE, "width": 2.6},
             "hovertemplate": "η %{x:.3g}<br>smoothed loss %{y:.4g}<extra></extra>"},
            *(
                {"type": "scatter", "mode": "markers", "name": words, "x": [float(test.rates[k])], "y": [float(test.smooth[k])],
                 "marker": {"symbol": symbol, "size": 13, "color": colour}, "hovertemplate": f"{words}<extra></extra>"}
                for words, (k, symbol, colour) in marks.items()
            ),
        ],
        layout(
            xaxis=axis("learning rate η of the step  [1]", **DECADES), yaxis=axis("loss of the batch", rangemode="tozero"), showlegend=True,
            shapes=[upright_line(rate, color=GREY, width=1.5, dash="dash")],
            annotations=[{"x": float(np.log10(rate)), "y": 1.0, "yref": "paper", "text": f"now {short(rate)}", "showarrow": False, "xanchor": "left"}],
        ),
        f"Loss against learning rate while the rate grows from {short(float(test.rates[0]))} to {short(float(test.rates[-1]))}: steepest fall at {short(test.suggested)}, lowest at {short(float(test.rates[test.lowest]))}.",
        f"Left to right: the rate, which grows by the same factor at every step. Grey: the batches' loss at each step, the mean of all runs; blue: smoothed. The triangle marks where it falls fastest, the square where it is lowest; the test ends where it exceeds {EXPLODED:g} times the lowest. Dashed: the rate that is set above.",
    )  # fmt: skip


def sharp(run: Run, found: Sharp) -> Figure:
    """Sharpness along each way, and the edge that its rate draws."""
    data = [
        trace
        for i, label in enumerate(run.labels)
        for trace in (
            _line(i, label, found.t, np.maximum(found.value[i], FLOOR), "y", "sharpness %{y:.4g}", legend=True)
            | {"mode": "lines+markers", "line": {"color": CATEGORIES[i], "width": 2.4}},
            _line(i, label, found.t, found.edge[i], "y", "edge %{y:.4g}") | {"line": {"color": CATEGORIES[i], "width": 1.4, "dash": "dot"}},
        )
    ]  # fmt: skip
    last = "; ".join(
        f"{label} {short(float(value))}" for label, value in zip(run.labels, found.value[:, -1], strict=True)
    )
    high = float(np.nanmax(found.value)) if np.isfinite(found.value).any() else 1.0
    low = float(np.nanmin(np.where(found.value > 0.0, found.value, np.nan)))
    return Figure(
        data,
        layout(
            xaxis=axis("step", range=[0, run.rules.steps]),
            yaxis=axis("top eigenvalue of the Hessian  [1]", type="log", range=[np.log10(low) - 0.2, np.log10(max(high, 2.0 / run.spec.rate)) + 0.5]),
            showlegend=True,
        ),
        f"Sharpness against the step for {len(run.labels)} schedules; at the end: {last}.",
        "Solid with dots: the largest curvature of the training loss where this schedule stands (first seed). Dotted in the same colour: the edge 2/η of its rate at that step (with momentum (2 + 2μ)/η): above it, steps along that direction grow. A rate that falls moves its edge up. Adaptive optimizers have no such edge.",
    )  # fmt: skip


def norms(found: Mapping[str, Clipped], limit: float, how: str) -> Figure:
    """How long the gradients are, without clipping and with the way on screen."""
    shown = {"none": GREY} | ({how: BLUE} if how != "none" else {})
    logs = {name: np.log10(found[name].norms[found[name].norms > 0.0]) for name in shown}
    every = np.concatenate([values for values in logs.values() if len(values)] or [np.zeros(1)])
    edges = np.linspace(every.min() - 0.05, every.max() + 0.05, 31)
    data = [
        {
            "type": "bar", "name": f"clipping: {CLIPS[name].lower()}", "x": 10.0 ** ((edges[1:] + edges[:-1]) / 2), "y": np.histogram(logs[name], edges)[0],
            "marker": {"color": colour}, "opacity": 0.65, "hovertemplate": "norm %{x:.3g}: %{y} steps<extra></extra>", "width": np.diff(10.0**edges),
        }
        for name, colour in shown.items()
    ]  # fmt: skip
    lines = [upright_line(limit, color=VERMILLION, width=2, dash="dash")] if how == "norm" else []
    return Figure(
        data,
        layout(xaxis=axis("norm of the batch's gradient before the cut  [1]", **DECADES), yaxis=axis("steps  [count]"), barmode="overlay", showlegend=True, shapes=lines),
        f"Histogram of the gradient norms of {len(found['none'].norms)} steps, without clipping and with clipping: {CLIPS[how].lower()}.",
        "How many steps had a gradient of this length, before anything was cut; log scale from left to right. Grey: a race without clipping, blue: with the way chosen above."
        + (" Dashed: the limit; what lies to its right is shortened to it." if how == "norm" else ""),
    )  # fmt: skip


def clipped(found: Mapping[str, Clipped]) -> Figure:
    """The batches' loss under every way of clipping."""
    data = [_line(i, CLIPS[name], np.arange(1, len(one.losses) + 1), one.losses, "y", "loss %{y:.4g}", legend=True) for i, (name, one) in enumerate(found.items())]  # fmt: skip
    told = "; ".join(
        f"{CLIPS[name].lower()} {'did not finish' if one.gone else short(one.end)}" for name, one in found.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=axis("loss of the batch, log scale", **DECADES), showlegend=True),
        f"Loss of each batch under four ways of clipping. Training loss at the end: {told}.",
        "Each line is a race with the same rate, weights and batches (first seed); only the clipping differs. A line that ends early went to infinity.",
    )


def waiting(found: Patience, allowed: int) -> Figure:
    """What reduce on plateau sees and does."""
    t = np.arange(1, len(found.losses) + 1)
    return Figure(
        [
            {"type": "scatter", "mode": "lines", "name": "loss of the batch", "x": t, "y": found.losses, "line": {"color": GREY, "width": 1.2}, "hovertemplate": "step %{x}: %{y:.4g}<extra>loss</extra>"},
            {"type": "scatter", "mode": "lines", "name": "best so far", "x": t, "y": found.best, "line": {"color": BLUE, "width": 2.4}, "hovertemplate": "step %{x}: %{y:.4g}<extra>best</extra>"},
            {"type": "scatter", "mode": "lines", "name": "steps without a new best", "x": t, "y": found.waited, "yaxis": "y2", "line": {"color": CATEGORIES[1], "width": 2}, "hovertemplate": "step %{x}: %{y}<extra>waited</extra>"},
            {"type": "scatter", "mode": "lines", "name": "patience", "x": [1, len(t)], "y": [allowed, allowed], "yaxis": "y2", "line": {"color": VERMILLION, "width": 1.5, "dash": "dash"}, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "lines", "name": "rate η", "x": t, "y": found.rates, "yaxis": "y3", "line": {"color": CATEGORIES[2], "width": 2.4, "shape": "hv"}, "hovertemplate": "step %{x}: η %{y:.4g}<extra></extra>"},
        ],
        layout(
            xaxis=axis("step", anchor="y3"),
            yaxis=axis("loss  [log scale]", domain=[0.62, 1.0], **DECADES),
            yaxis2=axis("waited  [steps]", domain=[0.3, 0.56], rangemode="tozero"),
            yaxis3=axis("rate η", domain=[0.0, 0.24], **DECADES),
            shapes=[upright_line(int(step) + 1, color=GREY, width=1, dash="dot") for step in found.drops],
            showlegend=True,
        ),
        f"Loss, best loss, steps without progress and rate of reduce on plateau over {len(t)} steps; the rate fell {len(found.drops)} times.",
        "Top: the loss of each batch and the best value so far. Middle: how many steps have passed without a new best; where that exceeds the patience (dashed) the rate is multiplied by γ and the count begins anew. Bottom: the rate. Dotted lines mark its falls.",
    )  # fmt: skip


def thumbnail(run: Run) -> Figure:
    """The rates of the first visit, for the card on the home page."""
    lines = [_line(i, label, np.arange(run.rules.steps), run.rates[i], "y", "%{y:.3g}") for i, label in enumerate(run.labels)]  # fmt: skip
    return Figure(
        lines,
        layout(xaxis=axis("step"), yaxis=axis("learning rate η  [1]"), margin={"l": 44, "r": 8, "t": 8, "b": 36}),
        f"Learning rates of {', '.join(run.labels)} over {run.rules.steps} steps.",
        "Each line is one schedule: its learning rate at every step.",
    )
