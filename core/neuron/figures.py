"""The neuron's pictures: the plane with its line and the film of the lessons, and the closer looks. They take arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.neuron.compute import Run, Separation, accuracy, margin
from core.neuron.spec import EDGE, RULES
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, ORANGE, PURPLE, axis, layout
from core.plots.words import short

PLANE_HEIGHT, PROGRESS_HEIGHT, LENS_HEIGHT = 520, 240, 400
BOX = EDGE + 0.2
PLUS, MINUS = ORANGE, BLUE
MOST_FRAMES = 240
CELLS = np.linspace(-EDGE, EDGE, 61)  # where a click on free ground may land
ARROW = 1.4  # the longest arrow drawn


def half_plane(w: np.ndarray) -> np.ndarray:
    """The corners (k, 2) of the part of the box where w . x >= 0, in order; none if that is nowhere."""
    box = np.array([(-BOX, -BOX), (BOX, -BOX), (BOX, BOX), (-BOX, BOX)])
    z = box @ w[:2] + w[2]
    corners = []
    for k in range(4):
        p, q, zp, zq = box[k], box[(k + 1) % 4], z[k], z[(k + 1) % 4]
        if zp >= 0:
            corners.append(p)
        if (zp > 0 > zq) or (zp < 0 < zq):
            corners.append(p + (q - p) * zp / (zp - zq))
    return np.array(corners).reshape(-1, 2)


def line(w: np.ndarray, level: float = 0.0) -> np.ndarray:
    """The two ends (2, 2) of w . x = level in the box, NaN where it does not pass through it."""
    length = float(np.hypot(w[0], w[1]))
    if length == 0:
        return np.full((2, 2), np.nan)
    foot, along = w[:2] * (level - w[2]) / length**2, np.array([-w[1], w[0]]) / length
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.sort(np.stack([(-BOX - foot) / along, (BOX - foot) / along]), axis=0)
    inside = np.abs(foot) <= BOX
    reach = np.where(np.abs(along) < 1e-12, np.where(inside, [[-np.inf], [np.inf]], np.nan), reach)
    low, high = float(reach[0].max()), float(reach[1].min())
    return foot + np.outer([low, high], along) if low < high else np.full((2, 2), np.nan)


def _xy(points: np.ndarray) -> dict[str, list[float | None]]:
    """Coordinates of one short trace, to five digits; gaps are None."""
    x, y = ([None if np.isnan(v) else float(f"{v:.5g}") for v in column] for column in np.asarray(points, float).T)
    return {"x": x, "y": y}


def _boundary(w: np.ndarray, near: float) -> list[dict[str, Any]]:
    """What moves with the weights: + side, line, margin, arrow. `near` is the margin; it is drawn where it is positive."""
    length = float(np.hypot(w[0], w[1]))
    gap = np.full((1, 2), np.nan)
    strip = np.vstack([line(w, near * length), gap, line(w, -near * length)]) if near > 0 else gap
    foot = -w[:2] * w[2] / length**2 if length else np.full(2, np.nan)
    tip = foot + w[:2] / length * min(length, ARROW) if length else foot
    return [_xy(half_plane(w)), _xy(line(w)), _xy(strip), _xy(np.stack([foot, tip]))]


def frames_at(run: Run) -> np.ndarray:
    """The steps that the film shows: all if they are few, else the start, the mistakes, thinned, and the end."""
    T = len(run.order)
    if T <= MOST_FRAMES:
        return np.arange(T + 1)
    steps = np.unique([0, *(np.flatnonzero(run.mistake) + 1), T])
    return np.unique(steps[np.linspace(0, len(steps) - 1, min(len(steps), MOST_FRAMES)).round().astype(int)])


def nearest_frame(run: Run, step: int) -> int:
    """The frame that shows `step`, the last one for -1."""
    times = frames_at(run)
    return len(times) - 1 if step < 0 else int(np.abs(times - step).argmin())


def film_steps(run: Run, rule: str, rate: float) -> list[Step]:
    """What the transport bar says about every frame."""
    return [_film_step(run, int(t), rule, rate) for t in frames_at(run)]


def _film_step(run: Run, t: int, rule: str, rate: float) -> Step:
    if t == 0:
        return Step("start", "All weights are 0: there is no line yet.")
    N, i, z = len(run.y), int(run.order[t - 1]), float(run.z[t - 1])
    before, after, y = run.W[t - 1], run.W[t], int(run.y[i])
    moved = not (before == after).all()
    verdict = "a mistake" if run.mistake[t - 1] else "right"
    text = f"Point {i + 1} is {'+' if y > 0 else '−'}: {verdict}" + (
        ", the weights move." if moved else ", nothing changes."
    )
    c = 0.0 if not moved else float((after - before)[2])  # the third component of x is 1
    x1, x2, _ = run.X[i]
    products = (
        rf"{num(before[0])} \cdot {num(x1, inner=True)} + {num(before[1], inner=True)} \cdot {num(x2, inner=True)}"
    )
    latex = [rf"z = {products} + {num(before[2], inner=True)}", rf"z = {num(z)},\quad y z = {num(y * z)}"]
    if moved:
        latex += [
            rf"w \leftarrow {vector(before)} + {num(c, inner=True)} \cdot {vector(run.X[i])}",
            f"w = {vector(after)}",
        ]
    if rule == "averaged":
        latex.append(rf"\bar w = {vector(run.answer[t])}")
    return Step(f"pass {(t - 1) // N + 1}, point {(t - 1) % N + 1} of {N}", text, latex)


def num(value: float, *, inner: bool = False) -> str:
    """Four digits in LaTeX, in parentheses if negative and `inner`; always with a decimal point."""
    digits = f"{value + 0.0:.4g}"
    if "e" in digits:
        mantissa, exponent = digits.split("e")
        digits = rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    elif "." not in digits:
        digits += ".0"
    return f"({digits})" if inner and digits.startswith("-") else digits


def vector(w: Sequence[float] | np.ndarray) -> str:
    """A row of numbers in LaTeX."""
    return f"({', '.join(num(float(v)) for v in w)})"


def plane(run: Run, found: Separation, selected: int, rule: str) -> Figure:
    """Points, line, margin, weight vector; the film of the lessons."""
    w, near = run.w, margin(run.w, run)
    averaged = rule == "averaged"
    side, decision, strip, arrow = _boundary(w, near)
    ring = {"symbol": "circle-open", "size": 19, "color": GREY, "line": {"width": 2.5}}
    data = [
        {"type": "heatmap", "x": CELLS, "y": CELLS, "z": np.zeros((61, 61), np.uint8), "showscale": False, "hoverinfo": "none",
         "colorscale": [[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]], "name": "ground"},
        {"type": "scatter", "mode": "lines", "name": "+ side", "fill": "toself", "fillcolor": "rgba(224,142,11,0.13)", "line": {"width": 0}, "hoverinfo": "skip", **side},
        {"type": "scatter", "mode": "lines", "name": "line w·x + b = 0", "line": {"color": GREEN, "width": 3}, "hoverinfo": "skip", **decision},
        {"type": "scatter", "mode": "lines", "name": "margin", "line": {"color": GREEN, "width": 1.2, "dash": "dot"}, "hoverinfo": "skip", **strip},
        {"type": "scatter", "mode": "lines+markers", "name": "weight vector", "line": {"color": PURPLE, "width": 3},
         "marker": {"symbol": "arrow", "size": [0, 15], "angleref": "previous", "color": PURPLE}, "hoverinfo": "skip", **arrow},
        *(_class(run, sign) for sign in (1, -1)),
        {"type": "scatter", "mode": "markers", "name": "shown now", "marker": {**ring, "symbol": "square-open", "size": 22, "color": PURPLE}, "hoverinfo": "skip", "x": [None], "y": [None]},
        {"type": "scatter", "mode": "markers", "name": "selected", "marker": ring, "hoverinfo": "skip", **_xy(run.X[[selected], :2])},
        {"type": "scatter", "mode": "lines", "name": "newest weights", "visible": averaged, "line": {"color": GREY, "width": 1.6, "dash": "dash"}, "hoverinfo": "skip", **_xy(line(run.W[-1]))},
        {"type": "scatter", "mode": "markers", "name": "mixture of + and of −", "visible": not found.separable, "hovertemplate": "x₁ = %{x:.3g}, x₂ = %{y:.3g}<br>a mixture of + points and of − points<extra></extra>",
         "marker": {"symbol": "star", "size": 15, "color": GREEN, "line": {"color": "#ffffff", "width": 1}},
         **_xy(np.full((1, 2), np.nan) if found.separable else found.common[None])},
    ]  # fmt: skip
    times = frames_at(run)
    span = {"range": [-BOX, BOX], "zeroline": True, "constrain": "domain"}
    return Figure(
        data,
        layout(xaxis=axis("x₁  [1]", **span), yaxis=axis("x₂  [1]", scaleanchor="x", **span), hovermode="closest", showlegend=True,
               margin={"l": 52, "r": 8, "t": 64, "b": 46}),
        _plane_alt(run, found),
        "Orange circles are class +, blue squares class −. The green line is where the weighted sum is 0; the tinted side is answered +. The purple arrow is the weight vector: it stands across the line and points to the + side "
        f"(drawn at most {ARROW:g} long). Dotted lines touch the nearest point when every point is on its own side. The grey ring is the selected point, the purple square the point shown now in the film. Click to select, move, add or remove points.",
        [_frame(run, int(t), averaged) for t in times[:-1]] + [Frame([], [])] if len(times) > 1 else (),
    )  # fmt: skip


def _class(run: Run, sign: int) -> dict[str, Any]:
    own = np.flatnonzero(run.y == sign)
    look = {"color": PLUS, "symbol": "circle"} if sign > 0 else {"color": MINUS, "symbol": "square"}
    return {
        "type": "scatter", "mode": "markers", "name": "class +" if sign > 0 else "class −", "x": run.X[own, 0], "y": run.X[own, 1], "customdata": own, "text": [str(i + 1) for i in own],
        "marker": {**look, "size": 11, "line": {"color": "#ffffff", "width": 1}},
        "hovertemplate": "point %{text}<br>x₁ = %{x:.3g}, x₂ = %{y:.3g}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _frame(run: Run, t: int, averaged: bool) -> Frame:
    w = run.answer[t]
    now = run.X[[run.order[t - 1]], :2] if t else np.full((1, 2), np.nan)
    newest = [_xy(line(run.W[t]))] if averaged else []
    return Frame([*_boundary(w, margin(w, run)), _xy(now), *newest], [1, 2, 3, 4, 7, *([9] if averaged else [])])


def _plane_alt(run: Run, found: Separation) -> str:
    plus = int((run.y > 0).sum())
    lesson = (
        f"after {len(run.order)} points shown and {int(run.mistake.sum())} mistakes"
        if len(run.order)
        else "with weights set by hand"
    )
    verdict = "" if found.separable else " No line can separate the classes."
    return (
        f"{plus} points of class + and {len(run.y) - plus} of class − in the plane, and the neuron's line {lesson}: "
        f"w = ({short(run.w[0])}, {short(run.w[1])}), b = {short(run.w[2])}, {accuracy(run.w, run):.0%} of the points on their own side.{verdict}"
    )


def progress(run: Run) -> Figure:
    """Mistakes counted as the points are shown."""
    t, counted = np.arange(len(run.order) + 1), np.concatenate([[0], np.cumsum(run.mistake)])
    N = len(run.y)
    now = {
        "type": "scatter",
        "mode": "markers",
        "name": "now",
        "marker": {"color": PURPLE, "size": 11},
        "hoverinfo": "skip",
        "x": [int(t[-1])],
        "y": [int(counted[-1])],
    }
    frames = [Frame([{"x": [int(k)], "y": [int(counted[k])]}], [1]) for k in frames_at(run)]
    per_pass = [int(run.mistake[k : k + N].sum()) for k in range(0, len(run.order), N)]
    return Figure(
        [{"type": "scatter", "mode": "lines", "name": "mistakes so far", "x": t, "y": counted, "line": {"color": GREEN, "width": 2.2, "shape": "hv"},
          "hovertemplate": "after %{x} points: %{y} mistakes<extra></extra>"}, now],
        layout(xaxis=axis(f"points shown  [{N} make a pass]", rangemode="tozero"), yaxis=axis("mistakes so far", rangemode="tozero"), showlegend=False),
        f"Mistakes so far against points shown: {int(counted[-1])} mistakes in {len(run.order)} points; {per_pass[0] if per_pass else 0} in the first pass, {per_pass[-1] if per_pass else 0} in the last.",
        "The line goes up by one at every mistake. Where it stays level, the neuron was right. A whole pass without a mistake ends the perceptron's schooling. The dot is where the film stands.",
        frames,
    )  # fmt: skip


def contributions(x: np.ndarray, w: np.ndarray, answer: float, name: str) -> Figure:
    """The terms of the weighted sum of one point, and the neuron's answer."""
    names = ["w₁x₁", "w₂x₂", "b", "z", f"{name}(z)"]
    values = [float(w[0] * x[0]), float(w[1] * x[1]), float(w[2]), float(w @ x), answer]
    colours = [GREY, GREY, GREY, GREEN, PURPLE]
    return Figure(
        [{"type": "bar", "x": names, "y": np.array(values), "text": [short(v) for v in values], "textposition": "auto", "marker": {"color": colours}, "hovertemplate": "%{x} = %{y:.5g}<extra></extra>"}],
        layout(xaxis=axis("term"), yaxis=axis("value  [1]"), showlegend=False),
        "The terms of the weighted sum: " + ", ".join(f"{n} = {short(v)}" for n, v in zip(names, values, strict=True)) + ".",
        "Three grey bars add up to the green one, the weighted sum z; the purple bar is what the activation makes of it.",
    )  # fmt: skip


def proof(length: np.ndarray, along: np.ndarray, found: Separation, rate: float) -> Figure:
    """Novikoff's two sides: |w| after k mistakes lies between k gamma and sqrt(k) R (all divided by the rate)."""
    k = np.arange(len(length))
    reach = np.linspace(0, max(len(length) - 1, min(found.bound, 3.0 * len(length) + 3)), 200)
    curves: Sequence[tuple[str, np.ndarray, np.ndarray, Mapping[str, Any]]] = (
        ("√k · R: at most", reach, np.sqrt(reach) * found.R, {"color": CATEGORIES[3], "dash": "dash"}),
        ("|w| / η", k, length / rate, {"color": GREEN}),
        ("w · w* / η", k, along / rate, {"color": PURPLE}),
        ("k · γ: at least", reach, reach * found.gamma, {"color": BLUE, "dash": "dot"}),
    )
    data = [
        {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": {"width": 2.4, **look}, "hovertemplate": "k = %{x:.4g}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for name, x, y, look in curves
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("mistakes k"), yaxis=axis("length  [1]"), showlegend=True),
        f"Length of the weights against the number of mistakes: {len(length) - 1} mistakes were made; with R = {short(found.R)} and γ = {short(found.gamma)} at most {found.bound:.4g} are possible.",
        "Every mistake moves the weights along the best direction w* by at least γ, so w · w* lies above the dotted line. But |w| cannot grow faster than the dashed root. Where dotted and dashed line meet, k = (R/γ)², there is no room for another mistake.",
    )  # fmt: skip


def hulls(run: Run, found: Separation) -> Figure:
    """The convex hulls of both classes and the point that they share."""
    data = []
    for sign, name, colour, tint in (
        (1, "mixtures of +", PLUS, "rgba(224,142,11,0.22)"),
        (-1, "mixtures of −", MINUS, "rgba(43,123,186,0.22)"),
    ):
        corners = convex_hull(run.X[run.y == sign, :2])
        closed = np.vstack([corners, corners[:1]])
        data.append({"type": "scatter", "mode": "lines+markers", "name": name, "fill": "toself", "fillcolor": tint, "line": {"color": colour, "width": 2}, "hoverinfo": "skip", **_xy(closed)})  # fmt: skip
    data.append({"type": "scatter", "mode": "markers", "name": "both at once", "marker": {"symbol": "star", "size": 16, "color": GREEN}, "hovertemplate": "x₁ = %{x:.4g}, x₂ = %{y:.4g}<extra></extra>", **_xy(found.common[None])})  # fmt: skip
    span = {"range": [-BOX, BOX], "constrain": "domain"}
    return Figure(
        data,
        layout(xaxis=axis("x₁  [1]", **span), yaxis=axis("x₂  [1]", scaleanchor="x", **span), showlegend=True),
        f"The convex hulls of the two classes overlap; the point ({short(found.common[0])}, {short(found.common[1])}) lies in both, so no line separates them.",
        "Each tinted area holds all mixtures (weighted means) of the points of one class. If all + points lay on one side of a line, so would all their mixtures. The star is a mixture of both: it cannot lie on two sides.",
    )  # fmt: skip


def convex_hull(points: np.ndarray) -> np.ndarray:
    """The corners (k, 2) in order, counter-clockwise (A. Andrew, Information Processing Letters 9, 1979)."""
    ordered = sorted({(float(a), float(b)) for a, b in points})
    if len(ordered) < 3:
        return np.array(ordered)

    def chain(candidates: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for c in candidates:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], c) <= 0:
                kept.pop()
            kept.append(c)
        return kept[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def all_rules(run: Run, answers: Mapping[str, np.ndarray]) -> Figure:
    """The final lines of several rules on the same points."""
    dashes = ("solid", "dash", "dot", "dashdot")
    colours = (GREEN, PURPLE, CATEGORIES[3], GREY)
    lines = [
        {"type": "scatter", "mode": "lines", "name": RULES.get(name, name), "line": {"color": colour, "width": 2.6, "dash": dash}, "hoverinfo": "skip", **_xy(line(w))}
        for (name, w), colour, dash in zip(answers.items(), colours, dashes, strict=False)
    ]  # fmt: skip
    span = {"range": [-BOX, BOX], "constrain": "domain"}
    shares = ", ".join(f"{RULES.get(name, name)} {accuracy(w, run):.0%}" for name, w in answers.items())
    return Figure(
        [*(_class(run, sign) for sign in (1, -1)), *lines],
        layout(xaxis=axis("x₁  [1]", **span), yaxis=axis("x₂  [1]", scaleanchor="x", **span), showlegend=True, margin={"l": 52, "r": 8, "t": 64, "b": 46}),
        f"The lines that four rules end with on the same points. Share on the right side: {shares}.",
        "One line for each rule, told apart by colour and dash, after the same points in the same order.",
    )  # fmt: skip


def thumbnail(run: Run, found: Separation) -> Figure:
    """The plane without words, for a card."""
    whole = plane(run, found, 0, "perceptron")
    bare = [{**trace, "showlegend": False} for k, trace in enumerate(whole.data) if k not in (0, 7, 8, 9, 10)]
    hidden = {"visible": False, "range": [-BOX, BOX]}
    still = layout(
        xaxis=axis("x₁", **hidden),
        yaxis=axis("x₂", **hidden),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
    )
    return Figure(bare, still, whole.alt, whole.how_to_read)
