"""The inspector's pictures: gates on one token axis, answers, learning curves, and the closer looks. Arrays come from compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from core.contracts import Figure, Frame, Step
from core.lstm_gates.compute import Learned, Operation, Probe, Scene, Selection, Signals, probabilities, saturation
from core.lstm_gates.spec import CELL_TITLES
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, layout, signed_scale
from core.plots.words import short

Array = np.ndarray
GATES = "ifozr"  # signals in 0..1
NAMES = {
    "i": "input gate i", "f": "forget gate f", "g": "candidate g", "o": "output gate o", "c": "cell c", "h": "output h", "r": "reset gate r",
    "z": "update gate z", "n": "candidate n",
}  # fmt: skip
LINES = {
    "i": BLUE,
    "f": VERMILLION,
    "g": GREEN,
    "o": ORANGE,
    "c": CATEGORIES[4],
    "h": CATEGORIES[5],
    "r": BLUE,
    "z": VERMILLION,
    "n": GREEN,
}
ROW, GAP, MARGIN = 92, 0.22, 96  # px of one heat map, the part of it that is gap, px around all of them
CURVES_HEIGHT, ANSWERS_HEIGHT, LENS_HEIGHT = 300, 300, 380
CELL_COLOURS = {"rnn": ORANGE, "gru": GREEN, "lstm": BLUE, "peephole": CATEGORIES[4]}
CELL_DASHES = {"rnn": "dot", "gru": "dash", "lstm": "solid", "peephole": "dashdot"}


def maps_height(now: Scene) -> int:
    """Pixels that the heat maps need."""
    return ROW * len(now.signals) + MARGIN


def tokens(now: Scene, title: str = "step: what is read there", **more: Any) -> dict[str, Any]:
    """The token axis: steps from 1, labelled by the symbols as long as they fit."""
    T = now.T
    every = max(1, -(-T // 40))
    steps = np.arange(1, T + 1)[::every]
    words = [now.words[k - 1] for k in steps]
    return axis(
        title,
        tickvals=steps,
        ticktext=words,
        range=[0.5, T + 0.5],
        tickangle=-90 if max(map(len, words)) > 2 else 0,
        **more,
    )


def bound(values: Array) -> float:
    """The end of a signed scale that holds all values, at least 1."""
    return max(1.0, float(np.abs(values).max()))


def colours(name: str, values: Array) -> dict[str, Any]:
    """The colour scale of a signal: gates 0 to 1, the others signed."""
    return {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": 1.0} if name in GATES else signed_scale(bound(values))


def maps(now: Scene) -> Figure:
    """All signals of one layer over the sequence, one heat map below the other."""
    names, T, H = list(now.signals), now.T, now.H
    data, axes = [], {}
    part = 1 / len(names)
    for k, name in enumerate(names):
        top = 1 - k * part
        low, high = top - part * (1 - GAP), top
        number = "" if k == 0 else str(k + 1)
        data.append({
            "type": "heatmap", "x": np.arange(1, T + 1), "y": np.arange(1, H + 1), "z": now.signals[name].T, "xaxis": "x", "yaxis": f"y{number}",
            **colours(name, now.signals[name]), "xgap": 1 if T <= 60 else 0, "customdata": np.array([now.words] * H),
            "colorbar": {"thickness": 8, "len": part * (1 - GAP), "y": (low + high) / 2, "x": 1.01, "tickfont": {"size": 10}, "nticks": 3},
            "hovertemplate": f"step %{{x}}: %{{customdata}}<br>unit %{{y}}<br>{name} = %{{z:.4g}}<extra></extra>",
        })  # fmt: skip
        axes[f"yaxis{number}"] = axis(f"{name}: unit", domain=[low, high], nticks=3, showgrid=False)
    chosen = {
        "type": "scatter", "mode": "markers", "x": [now.t + 1] * len(names), "y": [now.unit + 1] * len(names), "showlegend": False,
        "hoverinfo": "skip", "marker": {"symbol": "square-open", "size": 11, "color": "#d1495b", "line": {"width": 2}},
    }  # fmt: skip
    data += [
        {**chosen, "x": [now.t + 1], "y": [now.unit + 1], "yaxis": f"y{'' if k == 0 else k + 1}"}
        for k in range(len(names))
    ]
    last = "y" if len(names) == 1 else f"y{len(names)}"
    means = ", ".join(f"{name} {short(float(now.signals[name].mean()))}" for name in names)
    return Figure(
        data,
        layout(xaxis=tokens(now, anchor=last, showgrid=False), **axes, margin={"l": 62, "r": 60, "t": 10, "b": 56}, uirevision=f"{T}{H}{names}"),
        f"Heat maps of {one_line(names)} for {H} units over {T} steps of the sequence {' '.join(now.words[:30])}. Means: {means}.",
        "One heat map for each signal, one row for each unit, one column for each step of the sequence. Gates (i, f, o, r, z) run from 0, dark: shut, to 1, bright: open. "
        "The other signals are signed: orange positive, blue negative, white 0. The red square is the unit and step that are taken apart below.",
    )  # fmt: skip


def one_line(names: Sequence[str]) -> str:
    return ", ".join(NAMES[name] for name in names)


def answers(
    now: Scene, outputs: Float[Array, "time output"] | None = None, right: Float[Array, " time"] | None = None
) -> Figure:
    """The predicted distribution at every step with the right answer; for the adding problem the running answer."""
    outputs, right = (now.answers if outputs is None else outputs), (now.right if right is None else right)
    share = float(np.nanmean(right)) if (~np.isnan(right)).any() else float("nan")
    words = (
        "nothing is asked here"
        if np.isnan(share)
        else f"{100 * share:.0f} % of the {int((~np.isnan(right)).sum())} answers that are asked are right"
    )
    return (_sum if not now.task.answers else _classes)(now, outputs, right, words)


def _classes(now: Scene, outputs: Array, right: Array, words: str) -> Figure:
    P, names = probabilities(outputs), list(now.task.answers)
    data: list[dict[str, Any]] = [{
        "type": "heatmap", "x": np.arange(1, now.T + 1), "y": np.arange(len(names)), "z": P.T, "colorscale": MAGNITUDE, "zmin": 0.0, "zmax": 1.0,
        "colorbar": {"title": {"text": "probability"}, "thickness": 8}, "customdata": np.array([[n] * now.T for n in names]),
        "hovertemplate": "step %{x}<br>%{customdata}: probability %{z:.3f}<extra></extra>",
    }]  # fmt: skip
    asked = now.targets >= 0
    for title, here, symbol, colour in (
        ("right answer, given", right == 1, "circle", "#ffffff"),
        ("answer, missed", right == 0, "x", VERMILLION),
    ):
        rows = np.flatnonzero(asked & here)
        data.append({
            "type": "scatter", "mode": "markers", "name": title, "x": rows + 1, "y": now.targets[rows], "hoverinfo": "skip",
            "marker": {"symbol": symbol, "size": 8, "color": colour, "line": {"width": 2, "color": "#22303c"}},
        })  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens(now, showgrid=False), yaxis=axis("answer", tickvals=list(range(len(names))), ticktext=names, showgrid=False), showlegend=True),
        f"Predicted distribution over {len(names)} answers at each of {now.T} steps; {words}.",
        "Each column is the distribution that the net predicts after that step, bright: probable. A white dot: the right answer, and the net's best guess follows the rule; a red cross: it does not. Without a mark nothing is asked.",
    )  # fmt: skip


def _sum(now: Scene, outputs: Array, right: Array, words: str) -> Figure:
    steps, asked = np.arange(1, now.T + 1), ~np.isnan(now.targets)
    data = [
        {"type": "scatter", "mode": "lines", "name": "what the net says", "x": steps, "y": outputs[:, 0], "line": {"color": BLUE, "width": 2.2}},
        {"type": "scatter", "mode": "lines", "name": "sum of the marked numbers so far", "x": steps, "y": now.latent, "line": {"color": GREY, "dash": "dot", "width": 2, "shape": "hv"}},
        {"type": "scatter", "mode": "markers", "name": "right answer", "x": steps[asked], "y": now.targets[asked], "marker": {"symbol": "circle-open", "size": 12, "color": ORANGE, "line": {"width": 2.5}}},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens(now), yaxis=axis("sum  [1]"), showlegend=True),
        f"The net's running answer, {short(float(outputs[-1, 0]))} at the end, the right one is {short(float(now.targets[-1]))}; {words}.",
        "The line is what the net would answer after each step; only the last counts. The dotted line is the sum so far, the ring the right answer. Right means nearer than 0.04.",
    )


def curves(learned: Learned) -> Figure:
    """Accuracy against the rule on test sequences, over the training."""
    steps, data, ends = learned.metrics["step"], [], []
    for kind in learned.recipe.cells:
        values = learned.metrics[f"score.{kind}"]
        loss = learned.metrics.get(f"loss.{kind}", np.full(len(values), np.nan))
        data.append({
            "type": "scatter", "mode": "lines" if len(values) > 1 else "markers", "name": CELL_TITLES[kind], "x": steps, "y": 100 * values, "customdata": loss,
            "line": {"color": CELL_COLOURS[kind], "dash": CELL_DASHES[kind], "width": 2.4},
            "hovertemplate": f"{CELL_TITLES[kind]}<br>step %{{x}}: %{{y:.1f}} % right<br>training loss %{{customdata:.4g}}<extra></extra>",
        })  # fmt: skip
        ends.append(f"{CELL_TITLES[kind]} {100 * float(values[-1]):.1f} %")
    return Figure(
        data,
        layout(
            xaxis=axis("training step"),
            yaxis=axis("right answers on test sequences  [%]", range=[0, 103]),
            showlegend=True,
        ),
        f"Accuracy over the training, up to step {learned.step}: {', '.join(ends)}.",
        "One line for each cell, all trained on the same batches. Higher is better; the accuracy is measured against the task's own rule on 128 sequences that no net was trained on. Hover for the training loss.",
    )


def lines(now: Scene) -> Figure:
    """All signals of the chosen unit over the sequence, with the true latent."""
    steps = np.arange(1, now.T + 1)
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines+markers", "name": NAMES[name], "x": steps, "y": values[:, now.unit], "line": {"color": LINES[name], "width": 2}, "marker": {"size": 4}}
        for name, values in now.signals.items()
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "lines", "name": f"truth: {now.task.latent}", "x": steps, "y": now.latent, "yaxis": "y2",
        "line": {"color": GREY, "dash": "dot", "width": 2, "shape": "hv"},
    })  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=tokens(now), yaxis=axis(f"signals of unit {now.unit + 1}  [1]"), showlegend=True,
            yaxis2=axis(now.task.latent, overlaying="y", side="right", showgrid=False, tickmode="auto", nticks=7), margin={"l": 56, "r": 56, "t": 28, "b": 56},
        ),
        f"Signals of unit {now.unit + 1} over {now.T} steps: " + ", ".join(f"{n} from {short(float(v[:, now.unit].min()))} to {short(float(v[:, now.unit].max()))}" for n, v in now.signals.items()) + ".",
        "Each line is one signal of the chosen unit, against the left axis. The dotted line is what a perfect memory would hold, against the right axis.",
    )  # fmt: skip


def distributions(signals: Mapping[str, Float[Array, "batch time hidden"]]) -> Figure:
    """Histograms of every signal over all test sequences, steps and units."""
    data, said = [], []
    for name, values in signals.items():
        low, high = (0.0, 1.0) if name in GATES else (-bound(values), bound(values))
        counts, edges = np.histogram(values, 40, (low, high))
        data.append({
            "type": "scatter", "mode": "lines", "name": NAMES[name], "x": (edges[1:] + edges[:-1]) / 2, "y": 100 * counts / values.size,
            "line": {"color": LINES[name], "width": 2, "shape": "hvh", "dash": "solid" if name in GATES else "dot"},
        })  # fmt: skip
        if name in GATES:
            shut, open_ = saturation(values)
            said.append(f"{name} {100 * shut:.0f} % below 0.1 and {100 * open_:.0f} % above 0.9")
    return Figure(
        data,
        layout(xaxis=axis("value of the signal  [1]"), yaxis=axis("share of all units and steps  [%]", rangemode="tozero"), showlegend=True),
        f"Distributions of {one_line(list(signals))} over the test set. {'; '.join(said)}.",
        "Each line is a histogram of one signal over all units, steps and test sequences, in 40 bins: solid for gates, dotted for the others. A gate that piles up at 0 or 1 acts as a switch; such gates pass little gradient.",
    )  # fmt: skip


def probes(now: Scene, found: Probe) -> Figure:
    """Each unit's correlation with the true latent."""
    H = len(found.r)
    data = [{
        "type": "bar", "x": np.arange(1, H + 1), "y": found.r, "marker": {"color": [ORANGE if k == found.best else BLUE for k in range(H)]},
        "hovertemplate": "unit %{x}: r = %{y:.3f}<extra></extra>",
    }]  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=axis("unit"), yaxis=axis(f"correlation of {now.signal} with {now.task.latent}", range=[-1.05, 1.05])
        ),
        f"Correlation of {H} units' {NAMES[now.signal]} with the true {now.task.latent}. The strongest is unit {found.best + 1} with {short(float(found.r[found.best]))}.",
        "One bar for each unit: Pearson's correlation of its signal with the truth, over all steps of half of the test sequences. Near 1 or −1: this unit alone follows the truth. The strongest is orange.",
    )


def followed(
    now: Scene, known: Float[Array, "batch time hidden"], latent: Float[Array, "batch time"], best: int
) -> Figure:
    """The best unit's values, sorted by the true latent."""
    values = np.unique(latent) if len(np.unique(latent)) <= 12 else np.linspace(latent.min(), latent.max(), 9)
    nearest = np.abs(latent[..., None] - values).argmin(-1)
    data = []
    for k, value in enumerate(values):
        here = known[..., best][nearest == k]
        if len(here):
            low, middle, high = np.quantile(here, [0.1, 0.5, 0.9])
            data.append((value, low, middle, high))
    x, low, middle, high = np.array(data).T
    trace = {
        "type": "scatter", "mode": "lines+markers", "x": x, "y": middle, "line": {"color": ORANGE, "width": 2}, "marker": {"size": 8},
        "error_y": {"type": "data", "symmetric": False, "array": high - middle, "arrayminus": middle - low, "color": GREY},
        "hovertemplate": "truth %{x:.3g}: median %{y:.3g}<extra></extra>",
    }  # fmt: skip
    return Figure(
        [trace],
        layout(xaxis=axis(f"truth: {now.task.latent}"), yaxis=axis(f"{now.signal} of unit {best + 1}")),
        f"{NAMES[now.signal]} of unit {best + 1} against the true {now.task.latent}: " + ", ".join(f"{short(float(a))} → {short(float(b))}" for a, b in zip(x, middle, strict=True)) + ".",
        "The dot is the median of the unit's signal wherever the truth has that value, the bar holds the middle 80 %. A straight line with short bars is a counter.",
    )  # fmt: skip


def phrase(now: Scene) -> dict[str, Any]:
    """A frame around the chosen steps of all units."""
    return {
        "type": "rect", "x0": now.span.start + 0.5, "x1": now.span.stop + 0.5, "y0": 0.5, "y1": now.H + 0.5,
        "line": {"color": VERMILLION, "width": 2.5},
    }  # fmt: skip


def raster(now: Scene, found: Selection) -> Figure:
    """Which units are on where, with the phrase."""
    chosen = np.isin(np.arange(now.H), found.selected)
    z = found.on.T * (1.0 + chosen[:, None])
    data = [{
        "type": "heatmap", "x": np.arange(1, now.T + 1), "y": np.arange(1, now.H + 1), "z": z, "zmin": 0, "zmax": 2, "showscale": False, "xgap": 1, "ygap": 1,
        "colorscale": [[0, "rgba(138,143,152,0.15)"], [0.5, "#4aa8d8"], [1, "#e08e0b"]], "customdata": now.signals[now.signal].T,
        "hovertemplate": f"step %{{x}}, unit %{{y}}: {now.signal} = %{{customdata:.3g}}<extra></extra>",
    }]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens(now, showgrid=False), yaxis=axis("unit", showgrid=False), shapes=[phrase(now)]),
        f"Units whose {NAMES[now.signal]} is above {short(now.spec.threshold)} at steps {now.span.start + 1} to {now.span.stop}: selected {[int(k) + 1 for k in found.selected]}.",
        f"A filled cell: the unit's {now.signal} is above the threshold at that step. The frame is the phrase. Orange units are on at every step of the phrase and in less than half of the steps outside.",
    )  # fmt: skip


def connected(now: Scene, J: Float[Array, "time step"]) -> Figure:
    """|dy_t/dx_s| on a log scale."""
    floor = max(float(J.max()) * 1e-6, 1e-30)
    z = np.where(J > 0, np.log10(np.maximum(J, floor)), np.nan)
    ticks = np.arange(np.floor(np.log10(floor)), np.ceil(np.log10(max(float(J.max()), floor))) + 1)
    steps = np.arange(1, now.T + 1)
    data = [{
        "type": "heatmap", "x": steps, "y": steps, "z": z, "customdata": J, "colorscale": MAGNITUDE,
        "colorbar": {"title": {"text": "|dy/dx|"}, "thickness": 10, "tickvals": ticks, "ticktext": [f"1e{int(k)}" for k in ticks]},
        "hovertemplate": "answer at step %{y} by input at step %{x}<br>%{customdata:.3g}<extra></extra>",
    }]  # fmt: skip
    row = J[-1] if not now.net.cell.bidirectional else J[now.t]
    strongest = int(row.argmax())
    return Figure(
        data,
        layout(xaxis=tokens(now, "input at step s", showgrid=False), yaxis=axis("answer at step t", autorange="reversed", showgrid=False)),
        f"Derivative of each answer by each input over {now.T} steps. The last answer hangs most on step {strongest + 1} ({now.words[strongest]}), {short(float(row[strongest]))}.",
        "Row t, column s: how strongly the answer at step t would move if the input at step s moved a little (Frobenius norm, log scale; bright: strong). Above the diagonal is the future: blank, unless a layer reads from the end.",
    )  # fmt: skip


def changed(now: Scene, done: Operation) -> Figure:
    """The operated signal after the intervention, less before."""
    show = "c" if "c" in now.signals else "h"
    z = done.signals[show] - now.signals[show]
    data = [{
        "type": "heatmap", "x": np.arange(1, now.T + 1), "y": np.arange(1, now.H + 1), "z": z.T, **signed_scale(float(np.abs(z).max())),
        "colorbar": {"title": {"text": f"change of {show}"}, "thickness": 8}, "hovertemplate": "step %{x}, unit %{y}: change %{z:.3g}<extra></extra>",
    }]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens(now, showgrid=False), yaxis=axis("unit", showgrid=False), shapes=[phrase(now)]),
        f"Change of {NAMES[show]} by the operation on {done.name}: at most {short(float(np.abs(z).max()))}.",
        "Orange: higher than without the operation, blue: lower, white: unchanged. The frame holds the steps that are operated on; before it nothing can change, unless a layer reads from the end.",
    )  # fmt: skip


def film(now: Scene, shots: Sequence[tuple[int, Float[Array, "time hidden"], float]]) -> Figure:
    """The chosen signal on the sequence, at moments of the training."""
    low, high = (
        (0.0, 1.0) if now.signal in GATES else (-max(bound(s) for _, s, _ in shots), max(bound(s) for _, s, _ in shots))
    )
    values = [quantise(s.T, low, high) for _, s, _ in shots]
    data = {
        "type": "heatmap", "x": np.arange(1, now.T + 1), "y": np.arange(1, now.H + 1), "z": values[-1], **colours(now.signal, np.array([high])), "xgap": 1,
        "colorbar": {"title": {"text": now.signal}, "thickness": 8}, "hovertemplate": f"step %{{x}}, unit %{{y}}: {now.signal} = %{{z:.3f}}<extra></extra>",
    }  # fmt: skip
    return Figure(
        [data],
        layout(xaxis=tokens(now, showgrid=False), yaxis=axis("unit", showgrid=False), uirevision=f"film{now.T}{now.H}"),
        f"{NAMES[now.signal].capitalize()} on the sequence at {len(shots)} moments of the training, from step {shots[0][0]} to step {shots[-1][0]}.",
        f"One row for each unit, one column for each step of the sequence; colour is {now.signal}. Play the film: every frame is the same sequence read by the net as it was at that training step.",
        [Frame([{"z": z}], [0]) for z in values],
    )


def film_steps(shots: Sequence[tuple[int, Float[Array, "time hidden"], float]]) -> list[Step]:
    """The captions of the film."""
    return [
        Step(f"Training step {step}", f"{100 * accuracy:.1f} % of the test answers are right.")
        for step, _, accuracy in shots
    ]


def thumbnail(now: Scene) -> Figure:
    """The cell alone, for a card."""
    signals: Signals = {"c": now.signals["c"]}
    z = signals["c"].T
    data = [{"type": "heatmap", "z": z, **signed_scale(bound(z)), "showscale": False, "xgap": 1, "ygap": 1}]
    bare = {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
    still = layout(**bare, margin={"l": 2, "r": 2, "t": 4, "b": 4}, showlegend=False)
    return Figure(
        data,
        still,
        f"The cell of an LSTM with {now.H} units while it reads {now.T} brackets.",
        "One row for each unit, one column for each bracket; orange positive, blue negative.",
    )
