"""The pictures of the closer looks: single weights, masks, the two modes of batch norm, doubt, double descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.plots.theme import BLUE, GREY, ORANGE, VERMILLION, axis, layout, upright_line
from core.plots.words import short
from core.regularisation.figures import band, caption, level, line, log_axis, look_of, middle

Array = np.ndarray


def thresholds(target: Array, exact: Mapping[str, Array], found: Mapping[str, Array], near: float) -> Figure:
    """The penalised weight against the data's own, in closed form and as descents found it."""
    looks = {"plain": (GREY, "dot"), "L1 penalty": (VERMILLION, "solid"), "L2 penalty": (BLUE, "dash")}
    data = [line(f"{name}, closed form", target, w, {"color": looks[name][0], "dash": looks[name][1], "width": 2.3}) for name, w in exact.items()]  # fmt: skip
    data += [
        {
            "type": "scatter", "mode": "markers", "name": f"{name}, by descent", "x": target[:: len(target) // (len(w) - 1)], "y": w,
            "marker": {"color": looks[name][0], "size": 9, "symbol": "circle-open" if "1" in name else "diamond-open", "line": {"width": 2}},
            "hovertemplate": "%{x:.4g}: %{y:.4g}<extra>%{fullData.name}</extra>",
        }
        for name, w in found.items()
    ]  # fmt: skip
    zeros = int((exact["L1 penalty"] == 0).sum())
    return Figure(
        data,
        layout(xaxis=axis("w*: what the data ask for"), yaxis=axis("w: where loss and penalty balance"), showlegend=True, shapes=[level(0.0)]),
        f"The weight at which loss and penalty balance. Under L1 it is exactly 0 for {zeros} of {len(target)} drawn w*, under L2 only for w* = 0. Descents end within {short(near)} of the closed forms.",
        "Lines: closed forms. Open marks: what a gradient descent of 2,000 steps found. L1 shifts every weight by λ/h and cuts at 0; L2 multiplies by h/(h + λ).",
    )  # fmt: skip


def descents(ways: Mapping[str, Array], target: float) -> Figure:
    """One weight on its way under each penalty."""
    dashes = ("dot", "dash", "solid", "dashdot")
    colours = (GREY, BLUE, VERMILLION, ORANGE)
    steps = np.arange(len(next(iter(ways.values()))))
    data = [line(name, steps, w, {"color": c, "dash": d, "width": 2.3}) for (name, w), c, d in zip(ways.items(), colours, dashes, strict=True)]  # fmt: skip
    said = "; ".join(f"{name} {short(float(w[-1]))}" for name, w in ways.items())
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=axis("weight w"), shapes=[level(0.0)], showlegend=True),
        f"One weight from 1 on its way, the data ask for w* = {short(target)}. After {len(steps) - 1} steps: {said}.",
        "Each line is the same weight under another rule. The subgradient of |w| cannot stand still at 0 and jumps around it; the proximal step lands on exactly 0.",
    )


def twin_norms(steps: Array, norms: Mapping[str, Array]) -> Figure:
    """|w| of the pair under both optimizers: name -> (look, 2)."""
    data = []
    for (name, values), colour in zip(norms.items(), (BLUE, ORANGE), strict=True):
        for i, (kind, dash, width) in enumerate((("L2 penalty", "solid", 4.5), ("decoupled decay", "dot", 2.2))):
            data.append(line(f"{name}, {kind}", steps, values[:, i], {"color": colour, "dash": dash, "width": width}, opacity=1.0 if i else 0.55))  # fmt: skip
    said = "; ".join(f"{name}: {short(float(v[-1, 0]))} with L2, {short(float(v[-1, 1]))} with decay" for name, v in norms.items())  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=axis("length of the weights |w|, mean over seeds", rangemode="tozero"), showlegend=True),
        f"Length of all weights over the training under an L2 penalty and under decoupled decay. At the end: {said}.",
        "Colour: the optimizer. Broad line: the penalty; dotted: decoupled decay with the same λ. Under SGD the dotted line lies on the broad one; under Adam they part.",
    )  # fmt: skip


def twin_distance(steps: Array, apart: Mapping[str, Array]) -> Figure:
    """The largest distance of a weight between the pair, log scale."""
    floor = 1e-18
    data = [
        line(name, steps, np.maximum(values, floor), {"color": c, "dash": d, "width": 2.4})
        for (name, values), c, d in zip(apart.items(), (BLUE, ORANGE), ("solid", "dash"), strict=True)
    ]
    said = "; ".join(f"{name} {float(values[-1]):.2g}" for name, values in apart.items())
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=axis("largest difference of a weight  [1], log scale", type="log", range=[-18.5, 2], exponentformat="power", dtick=4), showlegend=True),
        f"Largest difference of any weight between L2 penalty and decoupled decay. At the end: {said}.",
        f"Each line is one optimizer. Differences below 1e-12 are rounding: the two rules are the same there. Exactly 0 is drawn at {floor:g}.",
    )  # fmt: skip


def masks(on: Array, p: float) -> Figure:
    """Which units (step, unit) are on."""
    data = [{
        "type": "heatmap", "x": np.arange(1, len(on) + 1), "y": np.arange(1, on.shape[1] + 1), "z": on.T.astype(np.uint8), "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1,
        "colorscale": [[0, "#3b4252"], [0.5, "#3b4252"], [0.5, "#e0b64a"], [1, "#e0b64a"]], "hovertemplate": "step %{x}, unit %{y}: %{z}<extra></extra>",
        "colorbar": {"tickvals": [0.25, 0.75], "ticktext": ["off", "on"], "thickness": 12, "title": {"text": "unit"}},
    }]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=axis("unit of the first hidden layer")),
        f"Dropout masks of {on.shape[1]} units in the first {len(on)} steps, p = {short(p)}: {short(100 * (1 - on.mean()))} % are off.",
        "Each column is one step's mask, drawn anew for every point; here that of the batch's first point. Dark: off, so this step neither uses nor changes its weights for that point. Bright: on, its output multiplied by 1/(1 - p).",
    )  # fmt: skip


def ensemble(sizes: Sequence[int], outputs: Array, theory: Array, probabilities: Array) -> Figure:
    """How far the mean of M masked nets is from the scaled net."""
    M = np.array(sizes, float)
    data = [
        {**line("output U, last layer masked", M, outputs, {"color": BLUE, "width": 2.3}), "mode": "lines+markers"},
        line("theory: √(Var / M)", M, theory, {"color": GREY, "dash": "dot", "width": 3}),
        {**line("probability, all layers masked", M, probabilities, {"color": ORANGE, "dash": "dash", "width": 2.3}), "mode": "lines+markers"},
    ]  # fmt: skip
    drawn = np.concatenate([outputs, theory, probabilities])
    return Figure(
        data,
        layout(
            xaxis=axis("masked nets in the mean M, log scale", type="log", tickvals=M, ticktext=[str(s) for s in sizes]),
            yaxis=log_axis("distance from the whole net  [1]", drawn), showlegend=True,
        ),
        f"Distance between the mean of M masked nets and the whole net. Outputs: {short(float(outputs[0]))} for one, {short(float(outputs[-1]))} for {sizes[-1]}; theory {short(float(theory[-1]))}. Probabilities: {short(float(probabilities[-1]))}.",
        "Blue: root mean square over test points and outputs, against theory. It falls as 1/√M: the mean of all masked nets is the whole net. Orange: where masks pass through ReLU and softmax, it levels off at a small difference that stays.",
    )  # fmt: skip


def modes(mean: Array, what: str) -> Figure:
    """One unit's batch statistic and the running one, (step, 2)."""
    steps = np.arange(1, len(mean) + 1)
    data = [
        line("this batch", steps, mean[:, 0], {"color": ORANGE, "width": 1.2}),
        line("running", steps, mean[:, 1], {"color": BLUE, "width": 3}),
    ]
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=axis(f"{what} of unit 1 before its norm"), showlegend=True),
        f"The {what} of the first hidden unit over {len(steps)} steps: the batch's own scatters by {short(float((mean[:, 0] - mean[:, 1]).std()))} around the running one, which ends at {short(float(mean[-1, 1]))}.",
        "Thin: what training normalises by, another value at every step. Thick: the running value that stands in for it afterwards; it goes a tenth of the way at every step.",
    )  # fmt: skip


def mode_losses(steps: Array, by_batch: Array, by_running: Array) -> Figure:
    """The loss on the training points in either mode, (look, K)."""
    data, said = [], []
    for name, values, colour, dash in (
        ("training mode: these points' statistics", by_batch, ORANGE, "dash"), ("test mode: running statistics", by_running, BLUE, "solid"),
    ):  # fmt: skip
        mean, low, high = middle(values)
        data += [band(steps, low, high, colour, name), line(name, steps, mean, {"color": colour, "dash": dash, "width": 2.3})]  # fmt: skip
        said.append(f"{name} {short(float(mean[-1]))}")
    return Figure(
        data,
        layout(xaxis=axis("training step"), yaxis=log_axis("training loss  [nat]", np.concatenate([by_batch, by_running])), showlegend=True),
        f"Loss of the same weights on the training points in batch norm's two modes. At the end: {'; '.join(said)}.",
        "The same weights, the same points, two answers. In the first steps the running statistics still stand near their start, 0 and 1. Lines: mean over seeds; bands: the middle 80 %.",
    )  # fmt: skip


def tiny(sizes: Sequence[int], found: Mapping[str, Array]) -> Figure:
    """Name -> test loss (size, K) against the batch size."""
    x = np.array(sizes, float)
    data, said = [], []
    for k, (name, values) in enumerate(found.items()):
        mean, low, high = middle(values)
        data += [band(x, low, high, look_of(k)["color"], name), {**line(name, x, mean, look_of(k)), "mode": "lines+markers"}]  # fmt: skip
        said.append(f"{name} {short(float(mean[0]))} at batch {sizes[0]}, {short(float(mean[-1]))} at {sizes[-1]}")
    drawn = np.concatenate([values.mean(1) for values in found.values()])
    return Figure(
        data,
        layout(xaxis=axis("points in a batch, log scale", type="log", tickvals=x, ticktext=[str(s) for s in sizes]), yaxis=log_axis("test cross-entropy  [nat]", drawn), showlegend=True),
        f"Test loss against the batch size. {'; '.join(said)}.",
        "Each mark is a net trained with this batch size for equally many steps, mean over seeds; bands hold the middle 80 %. Statistics of two points are noise, and batch norm trains on that noise; a layer norm does not look at the batch.",
    )  # fmt: skip


def doubt(grid: Array, mean: Array, spread: Array, reach: float, true: Array, x: Array, y: Array, name: str) -> Figure:
    """A curve with its band, the points and the truth."""
    data = [
        {**band(grid, mean - reach * spread, mean + reach * spread, BLUE), "showlegend": True, "name": f"mean ± {reach:g} standard deviations"},
        line("mean", grid, mean, {"color": BLUE, "width": 2.4}),
        line("truth", grid, true, {"color": GREY, "dash": "dot", "width": 2}),
        {"type": "scatter", "mode": "markers", "name": "points", "x": x, "y": y, "marker": {"color": VERMILLION, "size": 6}, "hoverinfo": "skip"},
    ]  # fmt: skip
    middle_, inside = spread[len(grid) // 2], spread[(np.abs(grid) > 0.7) & (np.abs(grid) < 2)].mean()
    return Figure(
        data,
        layout(xaxis=axis("x"), yaxis=axis("y", range=[-2.6, 2.6]), annotations=[caption(name)], showlegend=True),
        f"Regression by {name}: the spread is {short(float(inside))} among the points and {short(float(middle_))} in the middle of the hole.",
        "Red: the points that were learned from; nothing is known between -0.7 and 0.7, nor beyond ±2. Band: how much the answers disagree. Dotted: the truth. A good measure of doubt is narrow at the points and wide away from them.",
    )  # fmt: skip


def descent(widths: Sequence[int], strips: Mapping[str, tuple[Array, Array]], points: int) -> Figure:
    """Name -> (train, test) errors (width, K) against the width."""
    p = np.array(widths, float)
    data, said, drawn = [], [], []
    for (name, (train, test)), colour in zip(strips.items(), (VERMILLION, BLUE), strict=True):
        for words, values, dash in (("test", test, "solid"), ("training", train, "dash")):
            centre, low, high = np.median(values, 1), *np.quantile(values, (0.1, 0.9), axis=1)
            shown = np.maximum(centre, 1e-4)
            if words == "test":
                data.append(band(p, np.maximum(low, 1e-4), high, colour, f"{name}, {words}"))
                said.append(f"{name}: {short(float(centre[widths.index(points)]))} at p = {points}, {short(float(centre[-1]))} at {widths[-1]}")  # fmt: skip
                drawn.append(centre)
            data.append(line(f"{name}, {words}", p, shown, {"color": colour, "dash": dash, "width": 2.3 if words == "test" else 1.6}))  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=axis("width p: random features, log scale", type="log", tickvals=[2, 5, 10, 20, 30, 50, 100, 200, 300]),
            yaxis=axis("mean squared error, log scale", type="log", exponentformat="power", dtick=1, range=[-4.2, max(1.0, float(np.log10(np.max(drawn))) + 0.4)]),
            shapes=[upright_line(points, color=GREY, width=1.5, dash="dot")], showlegend=True,
        ),
        f"Error against the number of features, {points} points. {'; '.join(said)}.",
        f"Solid: test; dashed: training; medians over the seeds, bands the middle 80 % of the tests. Left of the dotted line there are fewer features than points; at it, p = n = {points}, the model can just pass through every point. Training errors below 1e-4 are drawn there.",
    )  # fmt: skip


def shortest(widths: Sequence[int], lengths: Mapping[str, Array], points: int) -> Figure:
    """|a| against the width."""
    data = [
        line(name, np.array(widths, float), np.median(values, 1), {"color": c, "dash": d, "width": 2.3})
        for (name, values), c, d in zip(lengths.items(), (VERMILLION, BLUE), ("solid", "dash"), strict=True)
    ]
    peak = {name: float(np.median(values, 1).max()) for name, values in lengths.items()}
    return Figure(
        data,
        layout(
            xaxis=axis("width p: random features, log scale", type="log", tickvals=[2, 5, 10, 20, 30, 50, 100, 200, 300]),
            yaxis=log_axis("length of the fitted weights |a|", np.stack([np.median(v, 1) for v in lengths.values()])),
            shapes=[upright_line(points, color=GREY, width=1.5, dash="dot")], showlegend=True,
        ),
        f"Length of the fitted weights against the width; its largest value is {'; '.join(f'{short(v)} with {name}' for name, v in peak.items())}.",
        "Median over the seeds. Where the model can just pass through every point (dotted line) it needs huge weights to do so; wider models find shorter ones among many that fit, and a ridge never lets them grow.",
    )  # fmt: skip
