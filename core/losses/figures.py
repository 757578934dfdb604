"""The pictures of the losses page: price and pull, the two fits with their films, two distributions, log loss. They take arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, ORANGE, PURPLE, VERMILLION, axis, layout, upright_line
from core.plots.words import short

CURVE_HEIGHT, FIT_HEIGHT, LENS_HEIGHT = 380, 420, 340
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot")
FRAMES = 60
PREDICTED = {
    "number": "prediction p  [units of y]",
    "probability": "predicted probability p of class 1  [1]",
    "score": "score z  [1], with p = σ(z)",
}


def curve(
    kind: str,
    x: np.ndarray,
    curves: Mapping[str, np.ndarray],
    at: float,
    values: Mapping[str, float],
    family: str,
    y: float,
) -> Figure:
    """The "value" or the "slope" of every loss along the prediction, read off at `at`."""
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": c, "line": {"width": 2.6, "color": CATEGORIES[k % 8], "dash": DASHES[k % 8]},
         "hovertemplate": "at %{x:.3g}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for k, (name, c) in enumerate(curves.items())
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "showlegend": False, "name": "here", "x": [at] * len(values), "y": list(values.values()), "text": list(values),
        "marker": {"size": 11, "color": [CATEGORIES[k % 8] for k in range(len(values))], "line": {"color": "#ffffff", "width": 1.5}}, "hovertemplate": "%{text}: %{y:.5g}<extra></extra>",
    })  # fmt: skip
    top = 6.0 if kind == "value" else 5.0
    finite = np.concatenate([c[np.isfinite(c)] for c in curves.values()] or [np.zeros(1)])
    low, high = max(float(finite.min(initial=0.0)), -top), min(float(finite.max(initial=0.0)), top)
    pad = 0.06 * (high - low or 1.0)
    line = upright_line(at, color=GREY, width=1, dash="dot")
    said = "; ".join(f"{name} {short(v)}" for name, v in values.items())
    title = "loss L  [1 or nats]" if kind == "value" else f"slope dL/d{'z' if family == 'score' else 'p'}  [1]"
    return Figure(
        data,
        layout(xaxis=axis(PREDICTED[family]), yaxis=axis(title, range=[low - pad, high + pad]), shapes=[line], showlegend=True, margin={"l": 52, "r": 8, "t": 84, "b": 46}),
        f"{'Value' if kind == 'value' else 'Slope'} of {len(curves)} losses against the prediction, for the target {short(y)}. At {short(at)}: {said}.",
        ("What each prediction costs." if kind == "value" else "The gradient: how hard, and in which direction, each loss pulls the prediction. Below 0 it pulls to the right, above 0 to the left.")
        + " One colour and dash for each loss; the dotted line stands at the prediction of the slider. Very large values are cut off.",
    )  # fmt: skip


def film_times(steps: int) -> np.ndarray:
    """The steps that the film shows, denser at the start, where the lines move most."""
    return np.unique(np.rint(steps * np.linspace(0.0, 1.0, FRAMES) ** 2).astype(int))


def film_steps(fits: Mapping[str, Any], steps: int) -> list[Step]:
    """What the transport bar says: the step, and the mean loss of every fit there."""
    return [
        Step(f"step {t} of {steps}", "; ".join(f"{fit.title}: mean loss {short(float(fit.losses[t]))}" for fit in fits.values()) + ".")
        for t in film_times(steps)
    ]  # fmt: skip


def line_fit(x: np.ndarray, y: np.ndarray, out: int, fits: Mapping[str, Any], clean: tuple[float, float]) -> Figure:
    """The points, the outlier, and the lines that the losses find."""
    ends = np.array([-2.3, 2.3])
    near = np.arange(len(x)) != out
    data = [
        {"type": "scatter", "mode": "markers", "name": "points", "x": x[near], "y": y[near], "marker": {"color": GREY, "size": 9}, "hovertemplate": "x = %{x:.3g}, y = %{y:.3g}<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": "outlier", "x": x[[out]], "y": y[[out]], "marker": {"color": VERMILLION, "size": 14, "symbol": "diamond"}, "hovertemplate": "x = %{x:.3g}, y = %{y:.3g}<extra>outlier</extra>"},
        {"type": "scatter", "mode": "lines", "name": "without the outlier", "x": ends, "y": clean[0] * ends + clean[1], "line": {"color": GREY, "width": 1.4, "dash": "dot"}, "hoverinfo": "skip"},
        *_moving(fits, ends, lambda w, b: w * ends + b),
    ]  # fmt: skip
    said = "; ".join(f"{f.title} slope {short(f.line[0])}" for f in fits.values())
    low, high = min(-1.5, float(y.min()) - 0.8), max(3.0, float(y.max()) + 0.8)
    return Figure(
        data,
        layout(xaxis=axis("x  [1]", range=[-2.4, 2.4]), yaxis=axis("y  [1]", range=[low, high]), showlegend=True, margin={"l": 52, "r": 8, "t": 84, "b": 46}),
        f"Twelve points, one of them an outlier at y = {short(float(y[out]))}, and the line that each loss finds: {said}; without the outlier least squares has slope {short(clean[0])}.",
        "Grey dots are the points, the red diamond the outlier. One line for each loss, found by gradient descent from the flat line at 0; the dotted line is least squares without the outlier. Play the film to see them move.",
        _film(fits, lambda w, b: w * ends + b),
    )  # fmt: skip


def class_fit(x: np.ndarray, y: np.ndarray, fits: Mapping[str, Any], spoiled: int) -> Figure:
    """Labels, the one that is wrong, and the probability under every loss."""
    places = np.linspace(-3.3, 3.3, 100)

    def sigma(w: float, b: float) -> np.ndarray:
        return 0.5 * (1.0 + np.tanh((w * places + b) / 2.0))

    right = np.arange(len(x)) != spoiled
    data = [
        {"type": "scatter", "mode": "markers", "name": "labels", "x": x[right], "y": y[right], "marker": {"color": GREY, "size": 9}, "hovertemplate": "x = %{x:.3g}, class %{y}<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": "wrong label", "x": x[[spoiled]], "y": y[[spoiled]], "marker": {"color": VERMILLION, "size": 14, "symbol": "diamond"}, "hovertemplate": "x = %{x:.3g}, class %{y}<extra>wrong</extra>"},
        *_moving(fits, places, sigma),
    ]  # fmt: skip
    said = "; ".join(
        f"{f.title} {float(0.5 * (1 + np.tanh((f.line[0] * x[spoiled] + f.line[1]) / 2))):.2f}" for f in fits.values()
    )
    return Figure(
        data,
        layout(xaxis=axis("x  [1]", range=[-3.4, 3.4]), yaxis=axis("probability of class 1  [1]", range=[-0.08, 1.08]), showlegend=True, margin={"l": 52, "r": 8, "t": 84, "b": 46}),
        f"Points of two classes, one of them at x = {short(float(x[spoiled]))} with the wrong label, and the probability that each loss's fit gives. For class 1 at that place: {said}.",
        "Grey dots are the labels, 0 below and 1 above; the red diamond has the wrong one. One curve for each loss: σ(z) of its fit. The hinge fits a score, which is read through σ only for this picture. Play the film to see the curves form.",
        _film(fits, sigma),
    )  # fmt: skip


def _moving(fits: Mapping[str, Any], x: np.ndarray, of: Any) -> list[dict[str, Any]]:
    return [
        {"type": "scatter", "mode": "lines", "name": fit.title, "x": x, "y": of(*fit.line), "line": {"width": 2.6, "color": (BLUE, ORANGE, GREEN, PURPLE)[k % 4], "dash": DASHES[k % 4]}, "hoverinfo": "skip"}
        for k, fit in enumerate(fits.values())
    ]  # fmt: skip


def _film(fits: Mapping[str, Any], of: Any) -> list[Frame]:
    """The curves over the steps; they are the figure's last traces."""
    first = next(iter(fits.values()))
    times = film_times(len(first.path) - 1)
    start = 3 if "mse" in fits else 2
    traces = range(start, start + len(fits))
    frames = [Frame([{"y": of(*map(float, fit.path[t]))} for fit in fits.values()], traces) for t in times[:-1]]
    return [*frames, Frame([], [])]


def distributions(y: np.ndarray, p: np.ndarray) -> Figure:
    """Truth and model side by side."""
    names = [f"class {k + 1}" for k in range(len(y))]
    sets = (("truth y", y, BLUE, ""), ("model p", p, ORANGE, "/"))
    data = [
        {"type": "bar", "name": name, "x": names, "y": bars, "text": [f"{v:.2f}" for v in bars], "textposition": "auto", "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{x}: %{y:.4f}<extra>%{fullData.name}</extra>"}
        for name, bars, colour, pattern in sets
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("class"), yaxis=axis("probability  [1]", range=[0, 1]), barmode="group", showlegend=True),
        "Two distributions over four classes. Truth: " + ", ".join(f"{v:.2f}" for v in y) + "; model: " + ", ".join(f"{v:.2f}" for v in p) + ".",
        "Blue: how often each class really occurs. Hatched orange: what the model believes. The sliders are weights; each set is divided by its sum.",
    )  # fmt: skip


def terms(own: np.ndarray, extra: np.ndarray) -> Figure:
    """What each class adds to the entropy, and to KL on top of it."""
    names = [f"class {k + 1}" for k in range(len(own))]
    sets = (("entropy: −y log y", own, BLUE, ""), ("KL: y log(y / p)", extra, VERMILLION, "/"))
    data = [
        {"type": "bar", "name": name, "x": names, "y": np.where(np.isfinite(bars), bars, np.nan), "marker": {"color": colour, "pattern": {"shape": pattern}}, "hovertemplate": "%{x}: %{y:.4f} nats<extra>%{fullData.name}</extra>"}
        for name, bars, colour, pattern in sets
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("class"), yaxis=axis("contribution  [nats]"), barmode="relative", showlegend=True),
        f"Contribution of each class to the cross-entropy: entropy {short(float(own.sum()))} and KL {short(float(extra.sum()))} nats in all.",
        "Blue bars add up to the entropy of the truth, hatched red ones to KL, and all together to the cross-entropy. A red bar points down where the model gives a class more than it deserves; the sum of the red ones is never below 0. An infinite term is not drawn.",
    )  # fmt: skip


def log_curve(chances: Sequence[float], mean: float, geometric: float) -> Figure:
    """-log c with every case, and the mean read back as a probability."""
    c = np.geomspace(0.005, 1.0, 200)
    data = [
        {"type": "scatter", "mode": "lines", "name": "−log c", "x": c, "y": -np.log(c), "line": {"color": BLUE, "width": 2.4}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "markers", "name": "cases", "x": np.array(chances), "y": -np.log(np.array(chances)), "marker": {"color": ORANGE, "size": 11, "symbol": "square"}, "hovertemplate": "c = %{x:.3g}: loss %{y:.4g} nats<extra></extra>"},
        {"type": "scatter", "mode": "lines+markers", "name": "mean loss, and the probability that has it", "x": [0.0, geometric, geometric], "y": [mean, mean, 0.0], "line": {"color": GREEN, "width": 2, "dash": "dash"}, "marker": {"size": [0, 12, 9]}, "hoverinfo": "skip"},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("probability c given to the right class  [1]", range=[0, 1.03]), yaxis=axis("log loss  [nats]", range=[-0.1, max(3.0, float(-np.log(min(chances))) + 0.4)]), showlegend=True),
        f"Log loss of {len(chances)} cases; the mean is {short(mean)} nats, which is what a probability of {short(geometric)} would cost every time.",
        "The blue curve is the price of giving the right class the probability c; squares are the cases. Follow the green line from the mean loss to the curve and down: there stands exp(−loss), the geometric mean of the probabilities.",
    )  # fmt: skip


def thumbnail(x: np.ndarray, curves: Mapping[str, np.ndarray]) -> Figure:
    """The values without words, for a card."""
    whole = curve("value", x, curves, 0.0, {}, "number", 0.0)
    still = layout(
        xaxis=axis("p", visible=False, range=[-3, 3]),
        yaxis=axis("L", visible=False, range=[-0.3, 5.0]),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
    )
    return Figure([{**trace, "showlegend": False} for trace in whole.data[:-1]], still, whole.alt, whole.how_to_read)
