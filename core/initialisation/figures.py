"""The page's pictures: signal and gradient by layer, histograms as a film, health, repair, race, singular values, symmetry, phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.curves import overlay
from core.plots.encode import Quantised
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    PURPLE,
    VERMILLION,
    axis,
    layout,
    signed_scale,
)
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 400, 420
DASHES = ("solid", "dash", "dot", "dashdot")
TARGET = 1e-3  # of update : data
LAYER = "layer  [0 is the input]"
MARGIN = {"l": 64, "r": 12, "t": 64, "b": 46}


def log_axis(title: str, *curves: np.ndarray) -> dict[str, Any]:
    """A logarithmic axis; curves that are level up to a factor of 10 are given room, so that noise is not blown up."""
    values = np.concatenate([visible(curve).ravel() for curve in curves])
    decades = np.log10(values[np.isfinite(values)])
    width = np.ptp(decades) if len(decades) else 0.0
    level = {"range": [decades.mean() - 1, decades.mean() + 1]} if len(decades) and width <= 1 else {}
    ticks = {"dtick": 1} if width <= 8 else {}
    return axis(title, type="log", exponentformat="power", **level, **ticks)


def visible(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis can show; the rest is left out."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def line(
    name: str, x: Any, y: np.ndarray, colour: str, *, dash: str = "solid", symbol: str = "", **more: Any
) -> dict[str, Any]:
    """One curve: with marks if it was measured (`symbol`), without if it was predicted."""
    return {
        "type": "scatter", "mode": "lines+markers" if symbol else "lines", "name": name, "x": x, "y": visible(y),
        "line": {"color": colour, "dash": dash, "width": 1.2 if symbol else 2.4}, "marker": {"symbol": symbol or "circle", "size": 7},
        "hovertemplate": "%{x}: %{y:.4g}<extra>%{fullData.name}</extra>", **more,
    }  # fmt: skip


def nothing(*curves: np.ndarray) -> list[dict[str, Any]]:
    """A word in the middle of a picture that has nothing to show on a logarithmic axis."""
    if np.isfinite(np.concatenate([visible(curve).ravel() for curve in curves])).any():
        return []
    return [
        {
            "text": "every value is exactly 0",
            "showarrow": False,
            "xref": "paper",
            "yref": "paper",
            "x": 0.5,
            "y": 0.5,
            "font": {"size": 15},
        }
    ]


def number(value: float) -> str:
    """A number in words, also where there is none."""
    return "no value" if np.isnan(value) else short(float(value))


def ends(values: np.ndarray) -> str:
    """The first and the last value in words."""
    return f"from {number(values[0])} in the first to {number(values[-1])} in the last"


def signal(
    q: np.ndarray, a: np.ndarray, predicted: tuple[np.ndarray, np.ndarray] | None, before: np.ndarray | None
) -> Figure:
    """Mean squares of weighted sums and activations by layer, with their predictions; `before` is q before the repair."""
    at, with_input = np.arange(1, len(q) + 1), np.arange(len(a))
    data = [] if before is None else [line("before the repair", at, before, GREY, symbol="circle-open")]
    data.append(line("weighted sums z", at, q, BLUE, symbol="circle"))
    data.append(line("activations x", with_input, a, ORANGE, symbol="square"))
    if predicted is not None:
        data.append(line("z predicted", at, predicted[0], BLUE, dash="dash"))
        data.append(line("x predicted", with_input, predicted[1], ORANGE, dash="dash"))
    said = "" if predicted is None else f"; predicted {ends(predicted[0])}"
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("mean square  [1]", q, a), showlegend=True, margin=MARGIN, annotations=nothing(q, a)),
        f"The signal on its way up {len(q)} layers. Mean square of the weighted sums {ends(q)} layer{said}.",
        "Marks: measured over all points and units, on a logarithmic scale. Dashed: predicted from the variance of the weights alone. "
        "A straight line is a constant factor in every layer. Circles: weighted sums z. Squares: activations x, which the next layer reads. "
        "Hollow grey circles: z before the repair. A value of exactly 0 has no mark.",
    )  # fmt: skip


def gradient(g: np.ndarray, dW: np.ndarray, predicted: np.ndarray, before: np.ndarray | None) -> Figure:
    """Size of the gradient by layer, its prediction, and the norms by the weights."""
    at = np.arange(len(g))
    data = [] if before is None else [line("before the repair", at, before, GREY, symbol="circle-open")]
    data.append(line("∂loss/∂x, root mean square", at, g, BLUE, symbol="circle"))
    data.append(line("∂loss/∂W, norm", at[1:], dW, PURPLE, symbol="diamond"))
    if len(predicted):
        data.append(line("∂loss/∂x predicted", at, predicted, BLUE, dash="dash"))
    said = f"; predicted {short(float(predicted[0]))} in the first" if len(predicted) else ""
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("size of the gradient  [1]", g, dW), showlegend=True, margin=MARGIN, annotations=nothing(g, dW)),
        f"The gradient on its way down {len(dW)} layers. Root mean square of ∂loss/∂x {ends(g)} layer{said}.",
        "Read from right to left: the gradient comes in at the top layer. Circles: by the activations. Dashed: predicted from the last layer's "
        "value. Diamonds: norm of the gradient by each layer's weights, which is what a step follows. Hollow grey circles: before the repair. "
        "A value of exactly 0 has no mark.",
    )  # fmt: skip


def film_steps(step: np.ndarray, losses: np.ndarray, g: np.ndarray) -> list[Step]:
    """The captions of the film. `losses` (steps + 1,), `g` (frame, L + 1)."""
    return [
        Step(f"Step {int(t)}", f"Loss {loss(losses[int(t)])}; gradient {short(float(row[0]))} at the input, {short(float(row[-1]))} at the last layer.")
        for t, row in zip(step, g, strict=True)
    ]  # fmt: skip


def loss(value: float) -> str:
    """A loss in words."""
    return short(float(value)) if np.isfinite(value) else "no longer finite (diverged)"


def histogram(codes: np.ndarray, span: tuple[float, float], title: str, what: str, step: np.ndarray) -> Figure:
    """Histograms of all layers as one map, a frame for each step that is shown; `codes` (frame, L, bins) with 254 = the fullest bin."""
    width = (span[1] - span[0]) / codes.shape[2]
    centres = span[0] + width * (np.arange(codes.shape[2]) + 0.5)
    fullest = centres[codes[-1].argmax(1)]
    return Figure(
        [{
            "type": "heatmap", "x": centres, "y": np.arange(1, codes.shape[1] + 1), "z": Quantised(codes[-1], 0.0, 1.0), "colorscale": MAGNITUDE,
            "zmin": 0, "zmax": 1, "colorbar": {"title": {"text": "count, fullest bin = 1", "side": "right"}, "thickness": 10},
            "hovertemplate": "layer %{y}, at %{x:.3g}: %{z:.2f} of the fullest bin<extra></extra>",
        }],
        layout(xaxis=axis(title, showgrid=False), yaxis=axis("layer", showgrid=False), margin=MARGIN | {"t": 16}),
        f"{what} by layer after step {int(step[-1])}: the fullest bin lies at {short(float(fullest[0]))} in layer 1 and at {short(float(fullest[-1]))} in layer {codes.shape[1]}.",
        f"Each row is the histogram of one layer: {what}. Yellow is the fullest bin of that layer, dark blue is empty. Values outside the axis count in the bin at its end.",
        [Frame([{"z": Quantised(one, 0.0, 1.0)}], [0]) for one in codes],
    )  # fmt: skip


def flow_film(g: np.ndarray, step: np.ndarray) -> Figure:
    """The gradient by layer, a frame for each step that is shown; `g` (frame, L + 1)."""
    at = np.arange(g.shape[1])
    frames = [Frame([{"y": visible(row), "name": f"after step {int(t)}"}], [1]) for t, row in zip(step, g, strict=True)]
    data = [
        line("before training", at, g[0], GREY, dash="dash"),
        line(f"after step {int(step[-1])}", at, g[-1], BLUE, symbol="circle"),
    ]
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("root mean square of ∂loss/∂x  [1]", g), showlegend=True, margin=MARGIN, annotations=nothing(g)),
        f"Gradient flow after {int(step[-1])} steps: {ends(g[-1])} layer; before training {ends(g[0])}.",
        "Marks: the gradient that reaches each layer at the film's step. Dashed grey: before training.",
        frames,
    )  # fmt: skip


def health(saturated: np.ndarray, dead: np.ndarray, step: int) -> Figure:
    """Shares by layer; both arrays hold (before, after)."""
    at = np.arange(1, saturated.shape[1] + 1)
    rows = (("saturated", saturated, BLUE, "circle"), ("dead", dead, VERMILLION, "diamond"))
    data = []
    for name, values, colour, symbol in rows:
        for k, (words, dash) in enumerate((("before training", "dot"), (f"after step {step}", "solid"))):
            own = {
                **line(f"{name}, {words}", at, values[k], colour, dash=dash, symbol=symbol if k else f"{symbol}-open"),
                "y": 100 * values[k],
            }
            data.append(own)
    return Figure(
        data,
        layout(xaxis=axis("layer"), yaxis=axis("share  [%]", range=[-3, 103]), showlegend=True, margin=MARGIN | {"t": 84}),
        f"After step {step}, {100 * saturated[1].mean():.1f} % of units × points are saturated and {100 * dead[1].mean():.1f} % of units are dead; before training {100 * saturated[0].mean():.1f} % and {100 * dead[0].mean():.1f} %.",
        "Circles: units × points where the slope is below 5 % of the largest; there hardly any gradient passes. Diamonds: units that are so at every "
        "point. Hollow: before training, filled: after it. For ReLU, a half that is saturated is its normal state.",
    )  # fmt: skip


def ratio(first: np.ndarray, last: np.ndarray, step: int) -> Figure:
    """Update : data by layer, at the first and the last step."""
    at = np.arange(1, len(first) + 1)
    data = [
        line("one in a thousand", at[[0, -1]], np.full(2, TARGET), GREEN, dash="dash"),
        line("first step", at, first, BLUE, symbol="circle-open"), line(f"step {step}", at, last, ORANGE, symbol="square"),
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("layer"), yaxis=log_axis("update : data  [1]", first, last, np.array([TARGET])), showlegend=True, margin=MARGIN),
        f"Relative size of a step: at the first step {ends(first)} layer, at step {step} {ends(last)}.",
        "How large a step of this learning rate is beside the weights that it changes, both as root mean squares. Dashed green: one in a thousand, a rule of thumb for a rate that suits. "
        "Layers far below it hardly move; layers far above it are thrown about. A layer whose weights or gradients are all 0 has no mark.",
    )  # fmt: skip


def losses(names: Sequence[str], curves: np.ndarray) -> Figure:
    """Training losses of several stacks together, each as far as it came."""
    finite = {name: curve[: int(np.isfinite(curve).sum())] for name, curve in zip(names, curves, strict=True)}
    title = "training loss  [nat]"
    drawn = overlay({name: curve.tolist() for name, curve in finite.items() if len(curve)}, "step", title)
    return Figure(
        drawn.data,
        {**drawn.layout, "yaxis": log_axis(title, *finite.values()), "margin": legend_room(names)},
        drawn.alt,
        f"{drawn.how_to_read} A line that ends early has diverged. 0.693 = ln 2 is a stack that has learned nothing.",
    )


def legend_room(names: Sequence[str]) -> dict[str, int]:
    """Margins with room above for the lines of the legend."""
    return MARGIN | {"t": 30 + 18 * -(-len(names) // 2)}


def by_layer(names: Sequence[str], g: np.ndarray, when: str) -> Figure:
    """The gradient by layer of several stacks; `g` (stack, L + 1)."""
    at = np.arange(g.shape[1])
    data = [
        line(name, at, row, CATEGORIES[k % 8], dash=DASHES[k // 8], symbol="circle")
        for k, (name, row) in enumerate(zip(names, g, strict=True))
    ]
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("root mean square of ∂loss/∂x  [1]", g), showlegend=True, margin=legend_room(names), annotations=nothing(g)),
        f"Gradient by layer {when}: " + "; ".join(f"{name} {short(float(row[0]))} at the input, {short(float(row[-1]))} at the last layer" for name, row in zip(names, g, strict=True)) + ".",
        "One line for each stack, in the colours of the losses. Level: every layer gets a gradient of the same size. Falling to the left: the first layers hardly learn. A gradient of exactly 0 has no mark.",
    )  # fmt: skip


def singular(at: np.ndarray, values: np.ndarray, predicted: np.ndarray) -> Figure:
    """Singular values against depth: largest, quartiles, smallest; the root mean square with its prediction."""
    levels = (("largest", 1.0, VERMILLION, "solid"), ("upper quarter", 0.75, ORANGE, "dot"), ("median", 0.5, BLUE, "solid"), ("lower quarter", 0.25, ORANGE, "dashdot"), ("smallest", 0.0, PURPLE, "solid"))  # fmt: skip
    data = [
        line(name, at, np.quantile(values, level, axis=1), colour, dash=dash, symbol="circle")
        for name, level, colour, dash in levels
    ]
    if len(predicted):
        data.append(line("root mean square, predicted", at, predicted, GREY, dash="dash"))
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("singular value of ∂x/∂(input)  [1]", values), showlegend=True, margin=MARGIN),
        f"Singular values of the Jacobian: after {int(at[-1])} layers from {short(float(values[-1].max()))} down to {short(float(values[-1].min()))}.",
        "How much the stretch of the best, the middle and the worst direction at the input grows or shrinks up to each layer, at the first point. Dashed grey: the root mean square that the variance of the weights predicts. "
        "Lines that fan out: some directions explode while others die. Values below about 1e-16 of the largest are rounding.",
    )  # fmt: skip


def spectra(values: Mapping[str, np.ndarray]) -> Figure:
    """All singular values of the last layer, in order, for several schemes."""
    data = [
        line(name, 100 * (np.arange(len(row)) + 0.5) / len(row), row, CATEGORIES[k % 8], dash=DASHES[k % 4], symbol="circle" if len(row) <= 64 else "")
        for k, (name, row) in enumerate(values.items())
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("directions, the most stretched first  [%]"), yaxis=log_axis("singular value  [1]", *values.values()), showlegend=True, margin=MARGIN),
        "Singular values of the whole stack: " + "; ".join(f"{name} from {short(float(row.max()))} to {short(float(row.min()))}" for name, row in values.items()) + ".",
        "All directions at the input, sorted by how much the stack stretches them. Level at 1: every direction passes at its own length (dynamical isometry). Steep: only a few directions get through.",
    )  # fmt: skip


def weights(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], step: int) -> Figure:
    """The first layer's weights of each start, before (above) and after training (below); units are columns."""
    bound = max(float(np.abs(W).max()) for W in after.values())
    data: list[dict[str, Any]] = []
    panels: dict[str, Any] = {}
    for row, (when, matrices) in enumerate((("at the start", before), (f"after {step} steps", after))):
        for k, (name, W) in enumerate(matrices.items()):
            tag = str(1 + k + row * len(after)) if k or row else ""
            panels |= _panel(tag, k, row, len(after), when)
            data.append({
                "type": "heatmap", "z": W, "xaxis": f"x{tag}", "yaxis": f"y{tag}", **signed_scale(bound), "showscale": not data,
                "colorbar": {"title": {"text": "weight"}, "thickness": 10}, "hovertemplate": f"{name}: input %{{y}}, unit %{{x}}: %{{z:.4g}}<extra></extra>",
            })  # fmt: skip
    notes = [_heading(f"<b>{name}</b>", (k + 0.5) / len(after)) for k, name in enumerate(after)]
    alike = [name for name, W in after.items() if np.abs(W - W[:, :1]).max() <= 1e-9]
    return Figure(
        data,
        layout(**panels, annotations=notes, margin={"l": 50, "r": 8, "t": 28, "b": 30}),
        f"Weights of the first layer, units as columns, before and after {step} steps from {len(after)} starts. All columns are equal after training for: {', '.join(alike) or 'none'}.",
        "Each panel is the first layer's weight matrix: a column is a unit, a row an input. Orange is positive, blue negative, white 0. Above: before training. Below: after it. Where all columns have the same colours, all units compute the same.",
    )


def _panel(tag: str, column: int, row: int, columns: int, when: str) -> dict[str, Any]:
    """The axes of one panel; only those at the left and at the foot are drawn."""
    x, y = [column / columns + 0.012, (column + 1) / columns - 0.012], ([0.54, 1.0], [0.06, 0.48])[row]
    plain = {"showgrid": False, "zeroline": False}
    return {
        f"xaxis{tag}": {**axis("unit", **plain), "domain": x, "anchor": f"y{tag}", "visible": row == 1},
        f"yaxis{tag}": {
            **axis(f"input, {when}", **plain),
            "domain": y,
            "anchor": f"x{tag}",
            "visible": column == 0,
            "autorange": "reversed",
        },
    }


def _heading(words: str, x: float) -> dict[str, Any]:
    """Words above a column of panels."""
    return {
        "text": words,
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": 1.0,
        "xanchor": "center",
        "yanchor": "bottom",
        "font": {"size": 11},
    }


def spread(curves: Mapping[str, np.ndarray]) -> Figure:
    """How far the first layer's units are from each other, over the steps."""
    data = [
        line(name, np.arange(len(values)), values, CATEGORIES[k], dash=DASHES[k % 4]) for k, (name, values) in enumerate(curves.items())
    ]  # fmt: skip
    zero = [name for name, values in curves.items() if not np.any(values > 0)]
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=log_axis("spread of the units  [1]", *curves.values()), showlegend=True, margin=MARGIN),
        "Distance of the first layer's units from their mean: " + "; ".join(f"{name} {ends(values)} step" for name, values in curves.items()) + ".",
        "Root mean square distance of the units' incoming weights from the mean unit, on a logarithmic scale. A rising straight line: differences grow by the same factor in every step. "
        + (f"Exactly 0 at every step, so without a line: {', '.join(zero)}." if zero else "Lines at about 1e-17 are rounding."),
    )  # fmt: skip


def phases(
    w: np.ndarray, b: np.ndarray, chi: np.ndarray, border: np.ndarray, here: tuple[float, float] | None
) -> Figure:
    """ln χ_1 over the plane of weight and bias sizes, the border, and where the stack stands."""
    inside = (border[0] <= w[-1]) & (border[1] <= b[-1])
    data: list[dict[str, Any]] = [
        {"type": "heatmap", "x": w, "y": b, "z": np.log(chi), **signed_scale(1.2), "zsmooth": "best", "colorbar": {"title": {"text": "ln χ₁", "side": "right"}, "thickness": 10},
         "hovertemplate": "σ_w %{x:.2f}, σ_b %{y:.2f}: ln χ₁ = %{z:.3f}<extra></extra>"},
        {"type": "scatter", "mode": "lines", "name": "border, χ₁ = 1", "x": border[0][inside], "y": border[1][inside], "line": {"color": "#22303c", "width": 3}, "hovertemplate": "σ_w %{x:.3f}, σ_b %{y:.3f}<extra>border</extra>"},
    ]  # fmt: skip
    if here is not None:
        data.append({"type": "scatter", "mode": "markers", "name": "this stack", "x": [here[0]], "y": [here[1]], "marker": {"symbol": "x", "size": 13, "color": VERMILLION, "line": {"width": 1.5, "color": "#ffffff"}}, "hovertemplate": "σ_w %{x:.3f}, σ_b %{y:.3f}<extra>this stack</extra>"})  # fmt: skip
    at = "" if here is None else f" This stack stands at σ_w = {short(here[0])}, σ_b = {short(here[1])}."
    return Figure(
        data,
        layout(xaxis=axis("σ_w = √(inputs × variance of the weights)", range=[w[0], w[-1]], showgrid=False), yaxis=axis("σ_b of the biases", range=[b[0], b[-1]], showgrid=False), showlegend=True, margin=MARGIN),
        f"Phase diagram of deep tanh stacks: ln χ₁ from {short(float(np.log(chi.min())))} to {short(float(np.log(chi.max())))}; the border leaves σ_b = 0 at σ_w = 1.{at}",
        "Blue, left of the line: order, inputs become alike and gradients vanish. Orange, right of it: chaos, like inputs part and gradients explode. On the line both pass far. The cross is this stack; outside of the picture it is not drawn.",
    )  # fmt: skip


def likeness(measured: np.ndarray, predicted: np.ndarray) -> Figure:
    """The correlation of two inputs by layer. `measured` (draw, L)."""
    at, middle = np.arange(1, len(predicted) + 1), measured.mean(0)
    low, high = measured.min(0), measured.max(0)
    band = {"type": "scatter", "mode": "lines", "x": np.concatenate([at, at[::-1]]), "y": np.concatenate([high, low[::-1]]), "fill": "toself", "fillcolor": "rgba(43,123,186,0.18)", "line": {"width": 0}, "hoverinfo": "skip", "name": "lowest to highest draw"}  # fmt: skip
    data = [
        band,
        line(f"mean of {len(measured)} draws", at, middle, BLUE, symbol="circle") | {"y": middle},
        line("predicted", at, predicted, ORANGE, dash="dash") | {"y": predicted},
    ]
    return Figure(
        data,
        layout(xaxis=axis("layer"), yaxis=axis("correlation of two inputs  [1]", range=[min(-0.05, float(low.min()) - 0.05), 1.05]), showlegend=True, margin=MARGIN),
        f"How alike two inputs are: correlation {ends(middle)} layer, predicted {ends(predicted)}.",
        "Marks: the correlation of the weighted sums of two inputs, mean over draws; band: lowest to highest draw. Dashed: infinite width. At 1 the stack no longer tells the two inputs apart; below, it keeps them apart.",
    )  # fmt: skip


def decay(g: np.ndarray, chi_1: float, fitted: float) -> Figure:
    """The mean squared gradient by layer, with lines of the predicted and the fitted factor."""
    at = np.arange(len(g))
    above = len(g) - 1 - at
    data = [
        line("measured", at, g, BLUE, symbol="circle"), line(f"predicted, χ₁ = {short(chi_1)}", at, chi_1**above, ORANGE, dash="dash"),
        line(f"fitted, χ = {short(fitted)}", at, g[-1] * np.exp(np.log(fitted) * above) if np.isfinite(fitted) else at * np.nan, GREEN, dash="dot"),
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis(LAYER), yaxis=log_axis("mean square of the gradient, 1 at the top", g), showlegend=True, margin=MARGIN),
        f"Mean squared gradient {ends(g)} layer; factor a layer {short(fitted)} fitted, {short(chi_1)} predicted.",
        "Marks: mean square of a random gradient pulled back from the top, over all draws. Dashed: the predicted factor χ₁ in every layer. Dotted: the line fitted to all but the first quarter of the layers, through the top mark.",
    )  # fmt: skip


def thumbnail(q: np.ndarray, line_of_q: np.ndarray, good: np.ndarray) -> Figure:
    """Three signals without words, for a card: a stack that dies, its prediction, and one that holds."""
    whole = signal(q, np.concatenate([[1.0], q]), (line_of_q, np.concatenate([[1.0], line_of_q])), None)
    at = np.arange(1, len(q) + 1)
    data = [
        line("too small", at, q, BLUE, symbol="circle"),
        line("predicted", at, line_of_q, BLUE, dash="dash"),
        line("suited", at, good, ORANGE, symbol="square"),
    ]
    still = layout(
        xaxis=axis("layer", visible=False),
        yaxis=axis("mean square", type="log", visible=False),
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        showlegend=False,
    )
    return Figure(data, still, whole.alt, whole.how_to_read)
