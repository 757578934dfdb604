"""The loop's pictures. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
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
from core.plots.tiles import sheet
from core.plots.words import short

LISTING_HEIGHT, TOP_HEIGHT, LENS_HEIGHT, LISTING_WIDTH = 380, 420, 440, 860
AHEAD = "rgba(128, 136, 148, 0.22)"  # over what has not happened yet
BAND = "rgba(209, 73, 91, 0.14)"  # patience
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
DIGITS = np.arange(10)

Array = np.ndarray


def line(name: str, x: Any, y: Any, colour: str, *, dash: str = "solid", width: float = 2.2, unit: str = "", **more: Any) -> dict[str, Any]:  # fmt: skip
    """One curve; where a value is no finite number it has a gap."""
    y = np.asarray(y, float)
    return {
        "type": "scatter", "mode": "lines" if len(y) > 1 else "markers", "name": name, "x": np.asarray(x, float), "y": np.where(np.isfinite(y), y, np.nan),
        "line": {"color": colour, "dash": dash, "width": width}, "hovertemplate": f"step %{{x}}: %{{y:.4g}}{unit}<extra>{name}</extra>", **more,
    }  # fmt: skip


def span(x0: float, x1: float, colour: str, **more: Any) -> dict[str, Any]:
    """A shape: the band between two places of the x-axis, over the whole height."""
    return {"type": "rect", "x0": x0, "x1": x1, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}, "fillcolor": colour, "layer": "below", **more}  # fmt: skip


def course(
    step_loss: Array, smooth: Array, ends: Sequence[int], val_loss: Array, train_accuracy: Array, val_accuracy: Array,
    kept: int, stop: tuple[float, float] | None, saved: Sequence[int], last: int, now: Sequence[int], why: str,
) -> Figure:  # fmt: skip
    """Loss above accuracy over the steps. `stop`: from where to where patience lasted; `saved`: states on disk; `now`: the film's steps."""
    steps = np.arange(1, len(step_loss) + 1)
    data = [
        line("training loss of a step", steps, step_loss, BLUE, width=1, opacity=0.35),
        line("smoothed", steps, smooth, BLUE),
        line("validation loss", ends, val_loss, ORANGE, dash="dash"),
        {"type": "scatter", "mode": "markers", "name": "checkpoints kept", "x": np.array([ends[k] for k in saved]), "y": np.array([val_loss[k] for k in saved], float),
         "marker": {"symbol": "square-open", "size": 8, "color": ORANGE, "line": {"width": 1.6}}, "hovertemplate": "checkpoint at step %{x}<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": "best", "x": [ends[kept]], "y": [float(val_loss[kept])], "marker": {"symbol": "star", "size": 15, "color": VERMILLION},
         "hovertemplate": "lowest validation loss: %{y:.4g} at step %{x}<extra></extra>"},
        line("training accuracy", ends[1:], 100 * train_accuracy, BLUE, yaxis="y2", showlegend=False, unit=" %"),
        line("validation accuracy", ends, 100 * val_accuracy, ORANGE, dash="dash", yaxis="y2", showlegend=False, unit=" %"),
    ]  # fmt: skip
    marks = [] if stop is None else [span(*stop, BAND), upright_line(stop[1], color=VERMILLION, dash="dash", width=1.5)]
    frames = [Frame([], [], {"shapes": [*marks, span(step, last, AHEAD, layer="above")]}) for step in now]
    waited = "" if stop is None else f" The patience band reaches from step {stop[0]:.0f} to {stop[1]:.0f}."
    return Figure(
        data,
        layout(
            xaxis=axis("step", anchor="y2", range=[0, max(1, last)]), yaxis=axis("loss  [nat]", domain=[0.44, 1.0], rangemode="tozero"),
            yaxis2=axis("accuracy  [%]", domain=[0.0, 0.36], range=[0, 104]), shapes=marks, showlegend=True, margin={"l": 56, "r": 16, "t": 44, "b": 48},
        ),
        f"Loss and accuracy over {last} steps. Validation loss from {short(float(val_loss[0]))} to {short(float(val_loss[-1]))}, lowest {short(float(val_loss[kept]))} at step {ends[kept]}; "
        f"validation accuracy at the end {float(val_accuracy[-1]):.1%}.{waited} {why}",
        "Above, loss: thin blue is the loss of each batch before its step, thick blue its running mean, orange dashed the loss on validation digits after each epoch. The star is the lowest of them; squares are checkpoints that are kept. "
        "Below, accuracy: blue on all training digits after each epoch, orange dashed on validation digits. The reddish band is patience: epochs without a new low. Grey lies ahead of the film.",
        frames,
    )  # fmt: skip


def curves(named: Mapping[str, tuple[Any, Any]], x_title: str, y_title: str, how: str, *, shapes: Sequence[Any] = (), log: bool = False, y: Mapping[str, Any] | None = None) -> Figure:  # fmt: skip
    """Some curves in one picture, told apart by colour and dash."""
    data = [
        line(name, x, values, CATEGORIES[k % len(CATEGORIES)], dash=DASHES[k % len(DASHES)], hovertemplate=f"{x_title} %{{x}}: %{{y:.4g}}<extra>{name}</extra>")
        for k, (name, (x, values)) in enumerate(named.items())
    ]  # fmt: skip
    words = "; ".join(f"{name} from {_end(values, 0)} to {_end(values, -1)}" for name, (_, values) in named.items())
    return Figure(
        data,
        layout(
            xaxis=axis(x_title),
            yaxis=axis(y_title, **({"type": "log", "exponentformat": "power", "dtick": 1} if log else {}), **(y or {})),
            showlegend=True,
            shapes=list(shapes),
        ),
        f"{y_title} against {x_title}: {words}.",
        how + (" The axis is logarithmic." if log else ""),
    )


def _end(values: Any, k: int) -> str:
    values = np.asarray(values, float)
    return short(float(values[k])) if len(values) and np.isfinite(values[k]) else "no number"


def level(y: float, colour: str = GREY) -> dict[str, Any]:
    """A shape: the horizontal line at y."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": {"color": colour, "dash": "dot", "width": 1.5}}  # fmt: skip


def histogram(values: Array, times: Sequence[int], what: str, unit: str) -> Figure:
    """How the values (T, n) are spread at each time: one column of counts for each."""
    finite = values[np.isfinite(values)]
    reach = float(np.quantile(np.abs(finite), 0.999)) or 1.0 if finite.size else 1.0
    edges = np.linspace(-reach, reach, 42)
    share = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] / max(1, len(row)) for row in values], axis=1)
    middle = (edges[:-1] + edges[1:]) / 2
    data = [{
        "type": "heatmap", "x": np.arange(len(times)), "y": middle, "z": np.sqrt(share), "customdata": 100 * share, "colorscale": MAGNITUDE, "zmin": 0.0,
        "colorbar": {"title": {"text": "√ share"}, "thickness": 12}, "hovertemplate": "epoch %{x}, about %{y:.3g}: %{customdata:.2f} % of them<extra></extra>",
    }]  # fmt: skip
    spread = [float(np.std(values[k][np.isfinite(values[k])])) if np.isfinite(values[k]).any() else np.nan for k in (0, -1)]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("epoch", showgrid=False), yaxis=axis(f"{what}  [{unit}]", showgrid=False)),
        f"Histograms of {what} over {len(times)} epochs: deviation {short(spread[0])} at first, {short(spread[1])} at last.",
        f"One upright stripe for each epoch: the lighter a cell, the larger the share of the {values.shape[1]:,} numbers that lie there. The colour goes with the square root, so that rare values show. "
        "The thousandth part that lies farthest out is cut off.",
    )


def confusion_film(counts: Array, at: int) -> Figure:
    """Confusion matrices (E, 10, 10) as a film; the figure stands at the last."""
    share = np.sqrt(counts / np.maximum(counts.sum(axis=2, keepdims=True), 1))
    z = np.where(np.eye(10, dtype=bool), -share, share)
    text = [[[str(c) if c else "" for c in row] for row in one] for one in counts.tolist()]
    heat = {
        "type": "heatmap", "x": DIGITS, "y": DIGITS, "z": z[at], "text": text[at], "texttemplate": "%{text}", "showscale": False, "xgap": 1, "ygap": 1,
        "hovertemplate": "%{text} validation digits %{y} read as %{x}<extra></extra>", **signed_scale(1.0),
    }  # fmt: skip
    right, total = int(np.trace(counts[at])), int(counts[at].sum())
    return Figure(
        [heat],
        layout(
            xaxis=axis("digit that the net reads", dtick=1, constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("digit that was written", dtick=1, autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
            margin={"l": 48, "r": 8, "t": 8, "b": 48},
        ),
        f"Film of {len(counts)} confusion matrices, the untrained net first; in the last, {right} of {total} validation digits are right.",
        "Row: the digit that was written; column: what the net reads. The number counts validation digits. Blue on the diagonal is right, orange beside it is wrong; the colour goes with the square root of the share of its row.",
        [Frame([{"z": quantise(one, -1.0, 1.0), "text": words}], [0]) for one, words in zip(z, text, strict=True)],
    )  # fmt: skip


def samples(pictures: Array, labels: Array, p: Array, said: Array, at: int) -> Figure:
    """Some validation digits, and over the epochs how probable the net finds their true digit: `p` (E, n), `said` (E, n) its answer."""
    times, n = p.shape
    known = np.isfinite(p)
    heat = {
        "type": "heatmap", "x": np.arange(times), "y": np.arange(n), "z": np.where(known, 100 * p, np.nan).T, "colorscale": MAGNITUDE, "zmin": 0, "zmax": 100, "ygap": 2,
        "customdata": said.T, "colorbar": {"title": {"text": "p(true) [%]"}, "thickness": 12},
        "hovertemplate": "epoch %{x}: the true digit has %{z:.1f} %, the answer is %{customdata}<extra></extra>",
    }  # fmt: skip
    wrong = np.argwhere((said != labels).T)
    crosses = {
        "type": "scatter", "mode": "markers", "name": "answer is wrong", "x": wrong[:, 1], "y": wrong[:, 0], "hoverinfo": "skip",
        "marker": {"symbol": "x-thin", "size": 6, "line": {"width": 1.4, "color": "#f4f4f2"}},
    }  # fmt: skip
    marks = [upright_line(k, color=VERMILLION, width=2) for k in range(times)]
    return Figure(
        [heat, crosses],
        layout(
            xaxis=axis("epoch", showgrid=False, range=[-0.5, times - 0.5]),
            yaxis=axis("validation digit: what was written", tickvals=np.arange(n), ticktext=[str(d) for d in labels.tolist()], autorange="reversed", showgrid=False),
            shapes=[marks[at]], showlegend=True,
        ),
        f"{n} validation digits over {times} epochs: at the end {int((said[-1] == labels).sum())} of them are read right.",
        "One row for each digit, from the untrained net on the left to the last epoch. Yellow: the net is sure of the true digit; dark blue: it gives it no chance. A cross marks a wrong answer. The red line is where the film stands.",
        [Frame([], [], {"shapes": [mark]}) for mark in marks],
    )  # fmt: skip


def gallery(pictures: Array, words: Sequence[str]) -> Figure:
    """Digits in a row of two, with words below."""
    columns = (len(pictures) + 1) // 2
    picture = sheet(pictures, columns, gap=4)
    notes = [
        {"text": text, "showarrow": False, "x": k % columns * 12 + 3.5, "y": k // columns * 12 + 9.2, "font": {"size": 12}} for k, text in enumerate(words)
    ]  # fmt: skip
    ink = {"type": "heatmap", "z": picture, "zmin": 0, "zmax": 16, "colorscale": MAGNITUDE, "showscale": False, "hoverongaps": False, "hovertemplate": "%{z:.0f} of 16 pixels have ink<extra></extra>"}  # fmt: skip
    return Figure(
        [ink],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=hidden_axis(scaleanchor="x", constrain="domain", range=[picture.shape[0] + 2, -0.5]), annotations=notes, margin={"l": 8, "r": 8, "t": 8, "b": 8}),
        f"{len(pictures)} validation digits: {', '.join(words)}.",
        "The digits of the map beside it, in the same order. Below each: what was written → what the net reads at last, and how probable it finds that. Yellow is ink.",
    )  # fmt: skip


def parallel(axes: Mapping[str, tuple[Array, bool]], value: Array, value_title: str) -> Figure:
    """Runs as broken lines across upright axes: name -> (values, logarithmic). Colour is `value`, low is dark."""
    places, lows, ticks, notes = [], [], [], []
    for k, (name, (values, log)) in enumerate(axes.items()):
        v = np.log10(np.maximum(values, 1e-12)) if log else np.asarray(values, float)
        finite = v[np.isfinite(v)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        width = high - low or 1.0
        places.append((v - low) / width if high > low else np.full(len(v), 0.5))
        lows.append((low, high))
        distinct = np.unique(finite)
        for u in distinct if len(distinct) <= 4 else np.linspace(low, high, 4):
            ticks.append((k, (u - low) / width if high > low else 0.5, short(float(f"{10**u if log else u:.3g}"))))
        notes.append({"x": k, "y": 1.1, "text": name.replace(" ", "<br>"), "showarrow": False, "font": {"size": 12}})
    order = np.argsort(-value, kind="stable")  # the best are drawn last
    low, high = float(np.nanmin(value)), float(np.nanmax(value))
    data: list[dict[str, Any]] = []
    for run in order:
        share = (float(value[run]) - low) / (high - low or 1.0)
        data.append({
            "type": "scatter", "mode": "lines", "x": np.arange(len(places)), "y": np.array([column[run] for column in places]), "showlegend": False,
            "line": {"width": 3.2 if run == order[-1] else 1.8, "color": shade(share)}, "opacity": 0.9,
            "hovertemplate": f"run {run + 1}: {value_title} {short(float(value[run]))}<extra></extra>",
        })  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip",
        "marker": {"color": [low, high], "colorscale": MAGNITUDE, "cmin": low, "cmax": high, "showscale": True, "colorbar": {"title": {"text": value_title}, "thickness": 12}},
    })  # fmt: skip
    notes += [
        {"x": k, "y": y, "text": text, "showarrow": False, "xanchor": "left", "xshift": 5, "font": {"size": 11}, "bgcolor": "rgba(128,136,148,0.25)"}
        for k, y, text in ticks
    ]  # fmt: skip
    best = int(order[-1])
    return Figure(
        data,
        layout(
            xaxis=hidden_axis(range=[-0.3, len(places) - 0.4]), yaxis=hidden_axis(range=[-0.1, 1.24]), annotations=notes,
            shapes=[{"type": "line", "x0": k, "x1": k, "y0": 0, "y1": 1, "line": {"color": GREY, "width": 1.5}} for k in range(len(places))],
            margin={"l": 8, "r": 8, "t": 8, "b": 8},
        ),
        f"{len(value)} runs as lines across {len(places)} axes ({', '.join(axes)}); the best is run {best + 1} with {value_title} {short(float(value[best]))}.",
        "Each broken line is one run. It crosses every upright axis at what was set there (left) or what came out (right). Colour is the validation loss: dark is low, so good; the thick line is the best. Lines that part at an axis show that this setting matters.",
    )  # fmt: skip


def shade(share: float) -> str:
    """A colour of cividis at a share of its length, as the colour bar has it."""
    stops = ((0, 32, 76), (0, 42, 102), (39, 63, 108), (71, 84, 107), (98, 105, 111), (124, 123, 120), (152, 141, 120), (180, 162, 116), (211, 184, 105), (244, 208, 85), (255, 233, 69))  # fmt: skip
    at = min(max(share, 0.0), 1.0) * (len(stops) - 1) if np.isfinite(share) else len(stops) - 1
    k = min(int(at), len(stops) - 2)
    mixed = (round(a + (at - k) * (b - a)) for a, b in zip(stops[k], stops[k + 1], strict=True))
    return f"rgb({', '.join(map(str, mixed))})"


def bars(named: Mapping[str, float], x_title: str, y_title: str, how: str) -> Figure:
    """One bar for each name."""
    return Figure(
        [{"type": "bar", "x": list(named), "y": np.array(list(named.values())), "marker": {"color": BLUE}, "name": y_title, "hovertemplate": "%{x}: %{y:.4g}<extra></extra>"}],
        layout(xaxis=axis(x_title, type="category"), yaxis=axis(y_title, rangemode="tozero"), showlegend=False),
        f"{y_title} by {x_title}: " + "; ".join(f"{name} {short(value)}" for name, value in named.items()) + ".",
        how,
    )  # fmt: skip


def thumbnail(smooth: Array, ends: Sequence[int], val_loss: Array, kept: int, stop: tuple[float, float] | None) -> Figure:  # fmt: skip
    """The two losses, the star and the band of patience, without words."""
    steps = np.arange(1, len(smooth) + 1)
    data = [
        line("training loss", steps, smooth, BLUE, width=3), line("validation loss", ends, val_loss, ORANGE, width=3, dash="dash"),
        {"type": "scatter", "mode": "markers", "x": [ends[kept]], "y": [float(val_loss[kept])], "marker": {"symbol": "star", "size": 18, "color": VERMILLION}},
    ]  # fmt: skip
    bare: dict[str, Any] = {name: {**axis(name), "visible": False} for name in ("step", "loss")}
    return Figure(
        data,
        layout(xaxis=bare["step"], yaxis=bare["loss"], shapes=[] if stop is None else [span(*stop, BAND)], showlegend=False, margin={"l": 4, "r": 4, "t": 6, "b": 6}),
        f"Training and validation loss of a small net; the lowest validation loss, {short(float(val_loss[kept]))}, is marked by a star, and patience by a band.",
        "Blue: the loss in training. Orange: on validation digits. The star is what is kept; the band is how long the loop waited.",
    )  # fmt: skip
