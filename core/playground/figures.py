"""The playground's pictures: the net with a map in every neuron, the map of its answer, the losses, and the closer looks.

Figures take arrays that were computed elsewhere. A film holds its maps in one byte a value (an error of at most 1/508 of the
range); its last frame is the figure itself, at full precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.playground import network
from core.playground.compute import (
    DRAWN,
    EDGE,
    FILM_GRID,
    FINE_GRID,
    LINE_GRID,
    UNIT_GRID,
    Ensemble,
    Parity,
    Quality,
    Run,
    grid,
    halves,
    neuron_maps,
    output_map,
    quality,
)
from core.playground.spec import ACTIVATIONS, PlaygroundSpec, feature_names, hidden_layers
from core.playground.training import bias
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    PURPLE,
    SIGNED,
    VERMILLION,
    axis,
    hidden_axis,
    layout,
    signed_scale,
)
from core.plots.words import short

NET_HEIGHT, MAP_HEIGHT, LOSS_HEIGHT, LENS_HEIGHT = 440, 440, 250, 420
NET_WIDTH, FEWEST_ROWS = 560, 4  # px that the picture of the net is laid out for; rows that it has at least
LEVELS = (0.15, 0.4, 0.8, 1.5, 3.0)  # |w| at which a link becomes one step thicker
WIDTHS = (0.5, 1.2, 2.2, 3.6, 5.5, 8.0)
NEGATIVE, POSITIVE = SIGNED[0][1], SIGNED[-1][1]
LOSS_WORDS = {
    network.SQUARED: "½ (p − y)²", network.CROSS_ENTROPY: "−log p", network.ABSOLUTE: "|p − y|", network.HINGE: "max(0, 1 − y p)",
}  # fmt: skip
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")


# --- The net ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Where units stand: per column (features, hidden layers, output) the heights of its drawn units, and a box's half sizes."""

    rows: tuple[tuple[float, ...], ...]
    hx: float
    hy: float
    top: float
    pixels: float

    @property
    def links(self) -> list[tuple[int, int, int]]:
        """Every drawn link (layer, to, from), counted from 1."""
        return [
            (c, to + 1, source + 1)
            for c in range(1, len(self.rows))
            for to in range(len(self.rows[c]))
            for source in range(len(self.rows[c - 1]))
        ]

    @property
    def units(self) -> list[tuple[int, int]]:
        """Every drawn unit (column, unit): column 0 holds the features."""
        return [(c, u + 1) for c, row in enumerate(self.rows) for u in range(len(row))]


@lru_cache(maxsize=32)
def plan(run: Run) -> Plan:
    """The layout of this run's net."""
    counts = [min(DRAWN, int(n)) for n in run.about.net.sizes]
    most = max(FEWEST_ROWS, *counts)
    px, py = NET_WIDTH / (len(counts) - 0.1), (NET_HEIGHT - 30) / (most + 1.2)
    side = min(0.8 * py, 0.5 * px, 62.0)
    rows = tuple(tuple((n - 1) / 2 - k for k in range(n)) for n in counts)
    return Plan(rows, side / px / 2, side / py / 2, most / 2, side)


def net_picture(run: Run, pick: str = "", unit: str = "output") -> Figure:
    """Features, neurons and links, and the film in which they learn. Traces: links, maps, weights, units, marks."""
    about, places, maps = run.about, plan(run), neuron_maps(run)
    columns = len(places.rows)
    weights = [_drawn_weights(theta, run) for theta in run.thetas]
    biases = [_drawn_biases(theta, run) for theta in run.thetas]
    last = len(run.thetas) - 1
    links = [{**_link_style(k), **trace} for k, trace in enumerate(_links(weights[last], places))]
    boxes = [_boxes(c, maps.maps[c][-1], places) for c in range(columns)]
    spots = {
        "type": "scatter", "mode": "markers", "showlegend": False, "hoverlabel": {"align": "left"},
        **_link_spots(places), "text": [_link_name(run, link) for link in places.links], "customdata": weights[last],
        "marker": {"size": 9, "color": "rgba(127,127,127,0.35)"},
        "hovertemplate": "%{text}: %{customdata:.4g}<br>click to change it<extra></extra>",
    }  # fmt: skip
    frames_of = {
        "type": "scatter", "mode": "markers", "showlegend": False, "text": [_unit_name(run, u) for u in places.units],
        "x": [c for c, _ in places.units], "y": [places.rows[c][u - 1] for c, u in places.units], "customdata": biases[last],
        "marker": {"symbol": "square", "size": places.pixels, "color": "rgba(0,0,0,0)"},
        "hovertemplate": "%{text}: %{customdata:.4g}<br>click to see it on the map<extra></extra>",
    }  # fmt: skip
    frames = [
        Frame(
            [*_links(weights[k], places, quantised=True), *(_coded_boxes(maps.maps[c][k]) for c in range(1, columns)),
             {"customdata": weights[k]}, {"customdata": biases[k]}],
            [*range(len(links)), *range(len(links) + 1, len(links) + columns), len(links) + columns, len(links) + columns + 1],
        )
        for k in range(last)
    ]  # fmt: skip
    return Figure(
        [*links, *boxes, spots, frames_of, _mark(places, pick)],
        layout(
            xaxis=hidden_axis(range=[-0.5, columns - 0.6]), yaxis=hidden_axis(range=[-places.top - 0.45, places.top + 0.75]),
            showlegend=False, hovermode="closest", annotations=_headings(run, places), shapes=_outlines(run, places, unit), margin={"l": 4, "r": 4, "t": 4, "b": 4},
            uirevision=f"{[int(n) for n in about.net.sizes]}",
        ),
        _net_alt(run),
        "Left the features, right the output, between them the hidden layers. The map in each square shows where on the plane x₁, x₂ the neuron answers with plus (orange) "
        "and minus (blue), each in its own range. A link is a weight: the thicker, the larger (steps at 0.15, 0.4, 0.8, 1.5 and 3); orange is positive, blue negative. "
        "Click a link's grey dot to change its weight, a square to see it large and to change its bias. A layer of more than 8 units shows its first 8.",
        [*frames, Frame([], [])],
    )  # fmt: skip


def _drawn_weights(theta: np.ndarray, run: Run) -> np.ndarray:
    """The weights of all drawn links, in the order of `Plan.links`."""
    net = run.about.net
    return np.concatenate([network.matrix(theta, net, k)[:DRAWN, :DRAWN].T.ravel() for k in range(len(net.kinds))])


def _drawn_biases(theta: np.ndarray, run: Run) -> np.ndarray:
    """The biases of all drawn units; 0 for the features."""
    net = run.about.net
    features = np.zeros(min(DRAWN, int(net.sizes[0])))
    return np.concatenate([features, *(bias(theta, net, k)[:DRAWN] for k in range(len(net.kinds)))])


def _link_style(k: int) -> dict[str, Any]:
    """Trace k of 12: six widths of negative weights, then six of positive ones."""
    colour = NEGATIVE if k < len(WIDTHS) else POSITIVE
    return {
        "type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False, "opacity": 0.35 + 0.1 * (k % len(WIDTHS)),
        "line": {"color": colour, "width": WIDTHS[k % len(WIDTHS)]},
    }  # fmt: skip


def _links(weights: np.ndarray, places: Plan, quantised: bool = False) -> list[dict[str, Any]]:
    """The ends of the links of each style, parted by gaps."""
    links = np.array(places.links).reshape(-1, 3)
    level = np.digitize(np.abs(np.nan_to_num(weights)), LEVELS) + len(WIDTHS) * (weights > 0)
    ends = np.array([[places.rows[c - 1][s - 1], places.rows[c][t - 1], np.nan] for c, t, s in places.links])
    across = np.column_stack([links[:, 0] - 1 + places.hx, links[:, 0] - places.hx, np.full(len(links), np.nan)])
    traces = []
    for k in range(2 * len(WIDTHS)):
        x, y = across[level == k].ravel(), ends[level == k].ravel()
        if quantised:
            x, y = quantise(x, -0.5, len(places.rows)), quantise(y, -places.top, places.top)
        traces.append({"x": x, "y": y})
    return traces


def _link_spots(places: Plan) -> dict[str, Any]:
    """A spot on each link, at a third to two thirds of its way, so that the spots of one neuron do not cover each other."""
    part = np.array([0.3 + 0.4 * ((0.37 * t + 0.61 * s) % 1.0) for _, t, s in places.links])
    a = np.array([places.rows[c - 1][s - 1] for c, _, s in places.links])
    b = np.array([places.rows[c][t - 1] for c, t, _ in places.links])
    column = np.array([c for c, _, _ in places.links])
    return {"x": column - 1 + places.hx + part * (1 - 2 * places.hx), "y": a + part * (b - a)}


def _boxes(c: int, maps: np.ndarray, places: Plan) -> dict[str, Any]:
    """The maps (unit, 20, 20) of one column as a single heatmap with gaps, its units from below."""
    steps = np.linspace(-1, 1, UNIT_GRID + 1)
    edges = np.concatenate([y + places.hy * steps for y in reversed(places.rows[c])])
    return {
        "type": "heatmap", "x": c + places.hx * steps, "y": edges, "z": _stack(maps), "showscale": False, "hoverinfo": "skip",
        **signed_scale(1.0),
    }  # fmt: skip


def _stack(maps: np.ndarray) -> np.ndarray:
    gap = np.full((1, UNIT_GRID), np.nan)
    parts = [row for one in maps[::-1] for row in (one, gap)]
    return np.concatenate(parts[:-1])


def _coded_boxes(maps: np.ndarray) -> dict[str, Any]:
    return {"z": quantise(_stack(maps), -1.0, 1.0)}


def _outlines(run: Run, places: Plan, unit: str) -> list[dict[str, Any]]:
    """A frame around each neuron, and a red one around the neuron that the map shows."""
    shown = unit_place(run, unit)
    return [
        {"type": "rect", "x0": c - places.hx, "x1": c + places.hx, "y0": places.rows[c][u - 1] - places.hy, "y1": places.rows[c][u - 1] + places.hy,
         "line": {"color": VERMILLION if (c, u) == shown else GREY, "width": 3 if (c, u) == shown else 1}}
        for c, u in places.units
    ]  # fmt: skip


def _mark(places: Plan, pick: str) -> dict[str, Any]:
    """A ring around the chosen weight."""
    spots, k = _link_spots(places), places.links.index(picked(pick)) if picked(pick) in places.links else None
    return {
        "type": "scatter", "mode": "markers", "hoverinfo": "skip", "showlegend": False,
        "x": [] if k is None else [float(spots["x"][k])], "y": [] if k is None else [float(spots["y"][k])],
        "marker": {"symbol": "circle-open", "size": 18, "color": VERMILLION, "line": {"width": 2.5}},
    }  # fmt: skip


def picked(pick: str) -> tuple[int, ...]:
    """ "w1.2.3" or "b1.2" as numbers; nothing for a text that says neither."""
    parts = pick[1:].split(".")
    return tuple(map(int, parts)) if pick[:1] in ("w", "b") and all(p.isascii() and p.isdigit() for p in parts) else ()


def unit_place(run: Run, unit: str) -> tuple[int, int]:
    """Column and unit of "output" or "1.2"."""
    if unit == "output":
        return len(run.about.net.kinds), 1
    layer, _, which = unit.partition(".")
    return int(layer), int(which)


def _link_name(run: Run, link: tuple[int, int, int]) -> str:
    c, to, source = link
    return f"weight from {_short_name(run, c - 1, source)} to {_short_name(run, c, to)}"


def _unit_name(run: Run, unit: tuple[int, int]) -> str:
    c, u = unit
    if c == 0 or not run.spec.bias:
        return f"{'' if c else 'feature '}{_short_name(run, c, u)}, no bias"
    return f"{_short_name(run, c, u)}, {'shift β' if run.about.net.norms[c - 1] else 'bias'}"


def _short_name(run: Run, c: int, u: int) -> str:
    if c == 0:
        return pretty(feature_names(run.spec)[u - 1])
    if c == len(run.about.net.kinds):
        return "output" if run.about.k <= 2 else f"output {u}"
    return f"unit {u} of layer {c}"


def pretty(feature: str) -> str:
    """ "sin x1" as sin x₁, "x1^2" as x₁²."""
    return feature.replace("^2", "²").replace("x1", "x₁").replace("x2", "x₂")


def _headings(run: Run, places: Plan) -> list[dict[str, Any]]:
    """Names above the columns, features beside their maps, and how many units are not drawn."""
    sizes, hidden = run.about.net.sizes.tolist(), hidden_layers(run.spec)
    titles = [
        "features",
        *(f"{layer.units} {layer.activation.replace('_', ' ')}{' · BN' * layer.norm}" for layer in hidden),
        "output",
    ]
    plain = {"showarrow": False, "xanchor": "center", "yanchor": "middle", "font": {"size": 12}}
    notes = [{**plain, "x": c, "y": places.top + 0.45, "text": title} for c, title in enumerate(titles)]
    notes += [
        {**plain, "x": -places.hx - 0.03, "xanchor": "right", "y": y, "text": pretty(name)}
        for name, y in zip(feature_names(run.spec), places.rows[0], strict=False)
    ]
    notes += [
        {**plain, "x": c, "y": -places.top - 0.22, "text": f"+ {n - DRAWN} more", "font": {"size": 11}}
        for c, n in enumerate(sizes)
        if n > DRAWN
    ]
    return notes


def _net_alt(run: Run) -> str:
    layers = (
        ", ".join(
            f"{layer.units} {layer.activation}{' with batch normalisation' * layer.norm}"
            for layer in hidden_layers(run.spec)
        )
        or "none"
    )
    W = np.concatenate(
        [network.matrix(run.thetas[-1], run.about.net, k).ravel() for k in range(len(run.about.net.kinds))]
    )
    return (
        f"A network with {len(feature_names(run.spec))} features, hidden layers: {layers}, and {int(run.about.net.sizes[-1])} output(s): "
        f"{run.about.parameters} parameters. Its weights run from {short(float(W.min()))} to {short(float(W.max()))}."
    )


def clicked(run: Run, trace: int, point: Any) -> dict[str, str]:
    """What a click on the picture of the net chooses: a weight, or a unit and its bias."""
    places = plan(run)
    spots = 2 * len(WIDTHS) + len(places.rows)
    if trace == spots and isinstance(point, int) and point < len(places.links):
        return {"pick": "w" + ".".join(map(str, places.links[point]))}
    if trace == spots + 1 and isinstance(point, int) and point < len(places.units):
        c, u = places.units[point]
        if c == len(places.rows) - 1:
            return {"pick": f"b{c}.{u}", "unit": "output"}
        return {"pick": f"b{c}.{u}", "unit": f"{c}.{u}"} if c else {}
    return {}


# --- The answer over the plane ----------------------------------------------------------------------------------------


def answer(run: Run, spec: PlaygroundSpec, unit: str) -> Figure:
    """The map of the output (or of one unit) with the points, or the curve where the data have one dimension."""
    return curve(run) if run.spec.one and unit == "output" else answer_map(run, spec, unit)


def answer_map(run: Run, spec: PlaygroundSpec, unit: str) -> Figure:
    """The map with its film."""
    classes, whole = (run.about.k if unit == "output" else 0), spec.discretize and unit == "output" and run.about.k > 0
    fine = _cut(output_map(run, run.thetas[-1], FINE_GRID, unit), classes, whole)
    film = _cut(output_map(run, run.thetas[:-1], FILM_GRID, unit), classes, whole)
    low, high = (0.0, float(classes)) if classes > 2 else (-1.0, 1.0)
    colours, line = _colours(classes), grid(FINE_GRID)[0]
    coarse = grid(FILM_GRID)[0]
    ground = {
        "type": "heatmap", "x": line, "y": line, "z": np.clip(fine, low, high), "zmin": low, "zmax": high, "colorscale": colours,
        "zsmooth": "best" if classes <= 2 and not whole else False, "opacity": 0.85,
        "colorbar": _bar(run, classes, unit), "hovertemplate": "x₁ = %{x:.2f}, x₂ = %{y:.2f}<br>%{z:.3f}<extra></extra>",
    }  # fmt: skip
    frames = [Frame([{"x": coarse, "y": coarse, "z": quantise(z, low, high)}], [0]) for z in film]
    named = "the output" if unit == "output" else f"unit {unit.partition('.')[2]} of layer {unit.partition('.')[0]}"
    return Figure(
        [ground, *_points(run, spec.show_test)],
        layout(
            xaxis=axis("x₁  [1]", range=[-EDGE, EDGE], constrain="domain"), yaxis=axis("x₂  [1]", range=[-EDGE, EDGE], scaleanchor="x", constrain="domain"),
            hovermode="closest", uirevision="map", margin={"l": 44, "r": 8, "t": 24, "b": 40},
        ),
        f"Over the plane, {named} after {int(run.steps[-1])} updates. {score_words(run)}",
        _map_words(classes, named),
        [*frames, Frame([], [])],
    )  # fmt: skip


def _cut(z: np.ndarray, classes: int, whole: bool) -> np.ndarray:
    z = np.nan_to_num(z, nan=0.0, posinf=1e9, neginf=-1e9)
    if not whole:
        return z
    return np.floor(z) + 0.98 if classes > 2 else np.where(z > 0, 1.0, -1.0)


def _colours(classes: int) -> list[list[Any]]:
    """Blue to orange; for more than two classes from pale to full in each class's colour."""
    if classes <= 2:
        return [list(stop) for stop in SIGNED]
    return [
        stop
        for c in range(classes)
        for stop in ([c / classes, "#f1f1ee"], [(c + 0.999) / classes if c < classes - 1 else 1.0, CATEGORIES[c]])
    ]


def _bar(run: Run, classes: int, unit: str) -> dict[str, Any]:
    if classes > 2:
        return {
            "title": {"text": "class"},
            "thickness": 10,
            "tickvals": [c + 0.5 for c in range(classes)],
            "ticktext": [str(c + 1) for c in range(classes)],
        }
    return {"title": {"text": "output" if unit == "output" else "activation<br>/ largest"}, "thickness": 10}


def _map_words(classes: int, named: str) -> str:
    if classes > 2:
        return "Colour: the most probable class; the fuller, the more probable. Each class's points have its colour and a symbol of their own. Filled: training points; open: test points."
    return (
        f"Colour: {named}, orange above 0 and blue below, white where it is undecided. Points: orange diamonds are class 1 (or positive values), blue circles class 0 (or negative ones); "
        "filled ones train the net, open ones test it. A point on ground of the other colour is a mistake."
    )


def _points(run: Run, show_test: bool) -> list[dict[str, Any]]:
    """The training points, and the test points if wanted: one trace for each class."""
    traces = []
    for part, name in zip(halves(run)[: 1 + show_test], ("training", "test"), strict=False):
        X, y = run.about.X[part], run.about.y[part]
        groups = [y == c for c in range(run.about.k)] if run.about.k else [y < 0, y >= 0]
        for c, group in enumerate(groups):
            colour = (NEGATIVE, POSITIVE)[c] if run.about.k <= 2 else CATEGORIES[c]
            fill = (
                {"color": y[group], "colorscale": _colours(2), "cmin": -1, "cmax": 1}
                if not run.about.k
                else {"color": colour}
            )
            shape = SYMBOLS[c] + ("-open" if name == "test" else "")
            line = {"width": 1.6 if name == "test" else 0.8, "color": colour if name == "test" else "#ffffff"}
            traces.append({
                "type": "scatter", "mode": "markers", "x": X[group, 0], "y": X[group, 1], "customdata": y[group],
                "name": f"{name}: " + (f"class {c + (run.about.k > 2)}" if run.about.k else ("below 0", "from 0")[c]), "showlegend": False,
                "marker": {**fill, "symbol": shape, "size": 7, "line": line},
                "hovertemplate": "x₁ = %{x:.2f}, x₂ = %{y:.2f}<br>y = %{customdata:.3g}<extra>%{fullData.name}</extra>",
            })  # fmt: skip
    return traces


def blank(points: tuple[np.ndarray, np.ndarray], regression: bool) -> Figure:
    """An empty map to draw the first points on."""
    (X, y), line = points, grid(FINE_GRID)[0]
    ground = {"type": "heatmap", "x": line, "y": line, "z": np.zeros((FINE_GRID, FINE_GRID)), "showscale": False, **signed_scale(1.0), "hovertemplate": "click: a point at %{x:.2f}, %{y:.2f}<extra></extra>"}  # fmt: skip
    colour = [POSITIVE if v > 0 else NEGATIVE for v in y.tolist()] if regression else [CATEGORIES[int(c)] for c in y]
    return Figure(
        [ground, {"type": "scatter", "mode": "markers", "x": X[:, 0], "y": X[:, 1], "name": "your points", "marker": {"size": 8, "color": colour}}],
        layout(xaxis=axis("x₁  [1]", range=[-EDGE, EDGE], constrain="domain"), yaxis=axis("x₂  [1]", range=[-EDGE, EDGE], scaleanchor="x", constrain="domain"), showlegend=False),
        f"An empty map with {len(X)} points. A click adds a point of the chosen class or value.",
        "Each click adds one point of the class or value that is chosen beside the map. The net starts to learn with the fourth point.",
    )  # fmt: skip


def score_words(run: Run) -> str:
    word = "accuracy" if run.about.k else "R²"
    train, test = (quality(run, run.thetas[-1], part).score for part in halves(run))
    return f"Training loss {short(float(run.train_loss[-1]))}, test loss {short(float(run.test_loss[-1]))}; {word} {short(train)} on training points, {short(test)} on test points."


def curve(run: Run) -> Figure:
    """The output over x1 with the points: data of one dimension."""
    x = np.linspace(-EDGE, EDGE, LINE_GRID)
    y = _line_answers(run, run.thetas)
    about, (train, test) = run.about, halves(run)
    dots = [
        {"type": "scatter", "mode": "markers", "name": name, "x": about.X[part, 0], "y": about.y[part],
         "marker": {"color": colour, "size": 6, "symbol": shape, "opacity": 0.75}, "hovertemplate": "x₁ = %{x:.2f}, y = %{y:.3f}<extra>%{fullData.name}</extra>"}
        for part, name, colour, shape in ((train, "training points", ORANGE, "circle"), (test, "test points", GREY, "circle-open"))
    ]  # fmt: skip
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "output",
        "x": x,
        "y": y[-1],
        "line": {"color": BLUE, "width": 3},
        "hovertemplate": "x₁ = %{x:.2f}, output %{y:.3f}<extra></extra>",
    }
    return Figure(
        [*dots, line],
        layout(xaxis=axis("x₁  [1]", range=[-EDGE, EDGE]), yaxis=axis("y  [1]", range=[-1.8, 1.8]), uirevision="curve"),
        f"The net's output over x₁, through {about.train} training points. {score_words(run)}",
        "Blue line: what the net answers at each x₁. Filled orange points train it, open grey ones test it. What lies beyond the frame is cut off.",
        [*(Frame([{"y": quantise(row, -2.5, 2.5)}], [2]) for row in y[:-1]), Frame([], [])],
    )  # fmt: skip


def _line_answers(run: Run, thetas: np.ndarray) -> np.ndarray:
    from core.playground.compute import layers_of
    from core.playground.datasets import features

    x = np.linspace(-EDGE, EDGE, LINE_GRID)
    F = features(feature_names(run.spec), np.column_stack([x, np.zeros(LINE_GRID)]))
    return np.nan_to_num(layers_of(thetas, run.about.net, F)[-1][..., 0], nan=0.0, posinf=1e9, neginf=-1e9)


# --- The losses -------------------------------------------------------------------------------------------------------


def loss_curves(run: Run) -> Figure:
    """Both losses over the epochs, and where the film stands."""
    top = float(np.nanmax(np.where(np.isfinite(run.train_loss), run.train_loss, np.nan)))
    top = min(max(top, float(np.nanmax(np.where(np.isfinite(run.test_loss), run.test_loss, np.nan)))), 1e6) or 1.0
    lines = [
        {"type": "scatter", "mode": "lines" if len(values) > 1 else "markers", "name": name, "x": run.epochs, "y": values, "line": {"color": colour, "width": 2.4, "dash": dash},
         "hovertemplate": "epoch %{x:.3g}<br>loss %{y:.5g}<extra>%{fullData.name}</extra>"}
        for name, values, colour, dash in (("training loss", run.train_loss, BLUE, "solid"), ("test loss", run.test_loss, VERMILLION, "dash"))
    ]  # fmt: skip
    at = run.epochs[run.frames]
    stand = {
        "type": "scatter",
        "mode": "lines",
        "x": [float(at[-1])] * 2,
        "y": [0.0, 1.05 * top],
        "hoverinfo": "skip",
        "showlegend": False,
        "line": {"color": GREY, "width": 1.5},
    }
    loss = LOSS_WORDS[run.about.rules.loss]
    return Figure(
        [*lines, stand],
        layout(xaxis=axis("epoch"), yaxis=axis(f"mean loss, {loss}", range=[0, 1.05 * top]), hovermode="x unified", uirevision=f"loss {run.steps[-1]} {top}"),
        f"Loss against epochs. Training loss from {short(float(run.train_loss[0]))} to {short(float(run.train_loss[-1]))}, test loss from {short(float(run.test_loss[0]))} to {short(float(run.test_loss[-1]))}.",
        "Solid blue: the mean loss over the training points; dashed red: over the test points, which the net never learns from. The grey line is where the film stands.",
        [*(Frame([{"x": [float(e)] * 2}], [2]) for e in at[:-1]), Frame([], [])],
    )  # fmt: skip


def film_steps(run: Run) -> list[Step]:
    """What the transport bar says at each frame."""
    steps = []
    for k in run.frames:
        epoch, rest = divmod(int(run.steps[k]), run.about.per_epoch)
        when = f"epoch {epoch}" + (f", batch {rest}" if rest else "")
        steps.append(Step(f"{when} · training loss {run.train_loss[k]:.4g} · test loss {run.test_loss[k]:.4g}"))
    return steps


def thumbnail(run: Run) -> Figure:
    """The map alone, small."""
    figure = answer_map(run, run.spec, "output")
    ground = {
        **figure.data[0],
        "z": output_map(run, run.thetas[-1], FILM_GRID),
        "x": grid(FILM_GRID)[0],
        "y": grid(FILM_GRID)[0],
        "showscale": False,
    }
    return Figure(
        [ground, *figure.data[1:]],
        layout(xaxis=hidden_axis(range=[-EDGE, EDGE]), yaxis=hidden_axis(range=[-EDGE, EDGE]), margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False),
        figure.alt, figure.how_to_read,
    )  # fmt: skip


# --- The closer looks -------------------------------------------------------------------------------------------------


def confusion(run: Run, part: str, found: Quality) -> Figure:
    """True against predicted class, as counts."""
    names = [f"class {c + (run.about.k > 2)}" for c in range(run.about.k)]
    return Figure(
        [{"type": "heatmap", "x": names, "y": names, "z": found.confusion, "colorscale": MAGNITUDE, "zmin": 0, "text": [[str(v) for v in row] for row in found.confusion.tolist()],
          "texttemplate": "%{text}", "colorbar": {"title": {"text": "points"}, "thickness": 10}, "hovertemplate": "truth %{y}, answer %{x}: %{z} points<extra></extra>"}],
        layout(xaxis=axis("answer of the net"), yaxis=axis(f"truth ({part} points)", autorange="reversed")),
        f"Confusion matrix of the {part} points: {int(np.trace(found.confusion))} of {len(found.y)} lie on the diagonal, accuracy {short(found.score)}.",
        "Each row is a true class, each column an answer. Counts on the diagonal are right, all others are mistakes.",
    )  # fmt: skip


def residuals(run: Run, train: Quality, test: Quality) -> Figure:
    """Prediction minus truth against truth."""
    dots = [
        {"type": "scatter", "mode": "markers", "name": name, "x": q.y, "y": q.P - q.y, "marker": {"color": colour, "symbol": shape, "size": 6},
         "hovertemplate": "truth %{x:.3f}<br>answer − truth %{y:.3f}<extra>%{fullData.name}</extra>"}
        for q, name, colour, shape in ((train, "training points", ORANGE, "circle"), (test, "test points", BLUE, "circle-open"))
    ]  # fmt: skip
    return Figure(
        dots,
        layout(xaxis=axis("true value y  [1]"), yaxis=axis("answer − truth  [1]", zeroline=True)),
        f"Residuals over the true value; R² is {short(train.score)} on training points and {short(test.score)} on test points.",
        "Each point is one example: across its true value, up how far the answer lies above the truth. A good net leaves a flat cloud around 0 without a pattern.",
    )  # fmt: skip


def surface(run: Run) -> Figure:
    """The output as a surface in space, with its film."""
    line = grid(FILM_GRID)[0]
    stack = np.clip(np.nan_to_num(_heights(run)), -1.5, 1.5)
    ground = {"type": "surface", "x": line, "y": line, "z": stack[-1], "surfacecolor": stack[-1], "cmin": -1, "cmax": 1, "colorscale": _colours(2), "showscale": False,
              "contours": {"z": {"show": True, "color": "rgba(80,92,110,0.4)", "width": 1, "highlight": False}}, "hovertemplate": "x₁ = %{x:.2f}, x₂ = %{y:.2f}<br>output %{z:.3f}<extra></extra>"}  # fmt: skip
    part, about = halves(run)[0], run.about
    y = about.y[part] if about.k == 0 else 2.0 * about.y[part] / max(1, about.k - 1) - 1.0
    dots = {
        "type": "scatter3d",
        "mode": "markers",
        "x": about.X[part, 0],
        "y": about.X[part, 1],
        "z": y,
        "marker": {"size": 2.5, "color": y, "colorscale": _colours(2), "cmin": -1, "cmax": 1},
        "hoverinfo": "skip",
    }
    return Figure(
        [ground, dots],
        layout(scene={"xaxis": axis("x₁"), "yaxis": axis("x₂"), "zaxis": axis("output", range=[-1.5, 1.5]), "aspectratio": {"x": 1, "y": 1, "z": 0.55}, "camera": {"eye": {"x": -1.1, "y": -1.3, "z": 0.95}}},
               showlegend=False, uirevision="surface", margin={"l": 0, "r": 0, "t": 0, "b": 0}),
        f"The output as a height over the plane, from {short(float(stack[-1].min()))} to {short(float(stack[-1].max()))}. {score_words(run)}",
        "Height and colour are the output; the points stand at their target. It follows the film. Drag to turn. Heights beyond ±1.5 are cut off.",
        [*(Frame([{"z": quantise(z, -1.5, 1.5), "surfacecolor": quantise(z, -1.5, 1.5)}], [0]) for z in stack[:-1]), Frame([], [])],
    )  # fmt: skip


def _heights(run: Run) -> np.ndarray:
    """The output (frame, n, n); for more than two classes the most probable class stretched onto -1 ... 1."""
    stack = output_map(run, run.thetas, FILM_GRID)
    return 2 * np.floor(stack) / (run.about.k - 1) - 1 if run.about.k > 2 else stack


def warp(run: Run, layer: int, lines: np.ndarray, points: np.ndarray, axes: Sequence[str], shown: str) -> Figure:
    """The plane's grid (frame, line, point, 2) and the training points (frame, n, 2) in the space of one layer, as a film."""
    everything = np.concatenate([lines.reshape(len(lines), -1, 2), points], 1)
    low, high = float(everything.min()), float(everything.max())
    gaps = np.concatenate([lines, np.full((*lines.shape[:2], 1, 2), np.nan)], 2).reshape(len(lines), -1, 2)
    y = run.about.y[halves(run)[0]]
    colour = [CATEGORIES[c] for c in y.tolist()] if run.about.k > 2 else y if run.about.k == 0 else 2.0 * y - 1
    mesh = {
        "type": "scatter",
        "mode": "lines",
        "name": "grid of the plane",
        "x": gaps[-1, :, 0],
        "y": gaps[-1, :, 1],
        "line": {"color": GREY, "width": 0.8},
        "hoverinfo": "skip",
    }
    dots = {"type": "scatter", "mode": "markers", "name": "training points", "x": points[-1, :, 0], "y": points[-1, :, 1],
            "marker": {"color": colour, "colorscale": _colours(2), "cmin": -1, "cmax": 1, "size": 6, "line": {"width": 0.6, "color": GREY}}, "hoverinfo": "skip"}  # fmt: skip
    pad = 0.05 * (high - low) or 1.0
    frames = [
        Frame([{"x": quantise(g[:, 0], low, high), "y": quantise(g[:, 1], low, high)}, {"x": quantise(p[:, 0], low, high), "y": quantise(p[:, 1], low, high)}], [0, 1])
        for g, p in zip(gaps[:-1], points[:-1], strict=True)
    ]  # fmt: skip
    return Figure(
        [mesh, dots],
        layout(xaxis=axis(axes[0], range=[low - pad, high + pad]), yaxis=axis(axes[1], range=[low - pad, high + pad], scaleanchor="x"), uirevision=f"warp {layer}"),
        f"The plane as layer {layer} sees it: {shown}, from {short(low)} to {short(high)}, with the training points in it.",
        "Each grey line is a straight line of the plane x₁, x₂ (every unit from −6 to 6), each dot a training point, both at the place to which this layer sends them. "
        "What follows can only cut this picture with straight lines: learning bends it until one cut is enough.",
        [*frames, Frame([], [])],
    )  # fmt: skip


def bumps(run: Run, x: np.ndarray, parts: np.ndarray, rest: float, total: np.ndarray, across: str) -> Figure:
    """Each unit's share in the output (unit, n), their sum, and the training points if they lie on the line."""
    shares = [
        {"type": "scatter", "mode": "lines", "name": f"unit {k + 1}", "x": x, "y": part, "line": {"width": 1.4, "color": CATEGORIES[k % 8], "dash": ("solid", "dash", "dot", "dashdot")[k // 8 % 4]},
         "hovertemplate": f"unit {k + 1}: %{{y:.3f}}<extra></extra>"}
        for k, part in enumerate(parts)
    ]  # fmt: skip
    sum_line = {
        "type": "scatter",
        "mode": "lines",
        "name": "sum + bias",
        "x": x,
        "y": total,
        "line": {"width": 4, "color": VERMILLION},
        "hovertemplate": "sum %{y:.3f}<extra></extra>",
    }
    part = halves(run)[0]
    dots = [{"type": "scatter", "mode": "markers", "name": "training points", "x": run.about.X[part, 0], "y": run.about.y[part], "marker": {"size": 5, "color": GREY}, "hoverinfo": "skip"}] if run.spec.one else []  # fmt: skip
    return Figure(
        [*dots, *shares, sum_line],
        layout(xaxis=axis(f"{across}  [1]"), yaxis=axis("share in the output, before its activation  [1]")),
        f"{len(parts)} thin lines, one for each unit of the last hidden layer, and their sum with the bias {short(rest)}, which runs from {short(float(total.min()))} to {short(float(total.max()))}.",
        "Each thin line is one unit's activation times its weight to the output. The thick line is their sum plus the output's bias, before the output's activation. Click names to hide lines.",
    )  # fmt: skip


def flat_map(run: Run, z: np.ndarray, title: str, classes: int, alt: str) -> Figure:
    """A still map with the training points."""
    line, low, high = grid(len(z))[0], 0.0 if classes > 2 else -1.0, float(classes) if classes > 2 else 1.0
    ground = {"type": "heatmap", "x": line, "y": line, "z": np.clip(np.nan_to_num(z), low, high), "zmin": low, "zmax": high, "colorscale": _colours(classes), "opacity": 0.85,
              "zsmooth": False if classes > 2 else "best", "colorbar": _bar(run, classes, "output"), "hovertemplate": "x₁ = %{x:.2f}, x₂ = %{y:.2f}<br>%{z:.3f}<extra></extra>"}  # fmt: skip
    return Figure(
        [ground, *_points(run, False)],
        _still(title),
        alt,
        _map_words(classes, title),
    )


def _still(title: str) -> dict[str, Any]:
    return layout(
        title={"text": title, "font": {"size": 14}}, xaxis=axis("x₁  [1]", range=[-EDGE, EDGE], constrain="domain"),
        yaxis=axis("x₂  [1]", range=[-EDGE, EDGE], scaleanchor="x", constrain="domain"), margin={"l": 44, "r": 8, "t": 40, "b": 40},
    )  # fmt: skip


def spread_map(run: Run, found: Ensemble) -> Figure:
    """How far the nets of an ensemble disagree."""
    line = grid(FILM_GRID)[0]
    ground = {"type": "heatmap", "x": line, "y": line, "z": found.spread, "colorscale": MAGNITUDE, "zmin": 0, "zsmooth": "best",
              "colorbar": {"title": {"text": "standard<br>deviation"}, "thickness": 10}, "hovertemplate": "x₁ = %{x:.2f}, x₂ = %{y:.2f}<br>σ = %{z:.3f}<extra></extra>"}  # fmt: skip
    return Figure(
        [ground, *_points(run, False)],
        _still("Where they disagree"),
        f"The standard deviation of {len(found.alone)} nets' answers over the plane, from {short(float(found.spread.min()))} to {short(float(found.spread.max()))}.",
        "Yellow: the nets give different answers, so none of them should be trusted there; dark: they agree. All learned from the same points; only their first weights differ.",
    )


def engine_curves(found: Parity) -> Figure:
    """Both engines' training losses and the gap between them."""
    epochs, gap = (
        np.arange(len(found.numpy)),
        np.abs(found.numpy[: len(found.torch), 0] - found.torch[: len(found.numpy), 0]),
    )
    lines = [
        {"type": "scatter", "mode": "lines", "name": name, "x": epochs, "y": values[:, 0], "line": {"color": colour, "width": width, "dash": dash}, "hovertemplate": "loss %{y:.12g}<extra>%{fullData.name}</extra>"}
        for name, values, colour, width, dash in (("NumPy", found.numpy, BLUE, 5, "solid"), ("PyTorch", found.torch, ORANGE, 2, "dash"))
    ]  # fmt: skip
    difference = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "|difference|",
        "x": epochs[: len(gap)],
        "y": np.maximum(gap, 1e-18),
        "yaxis": "y2",
        "line": {"color": PURPLE, "width": 1.2},
        "marker": {"size": 4},
        "hovertemplate": "difference %{y:.3g}<extra></extra>",
    }
    return Figure(
        [*lines, difference],
        layout(xaxis=axis("epoch"), yaxis=axis("training loss"), yaxis2=axis("|difference|, log scale", type="log", overlaying="y", side="right", showgrid=False, range=[-18.5, -6], exponentformat="power"), hovermode="x unified"),
        f"The training loss of both engines over {len(found.numpy) - 1} epochs lies on one line; the largest difference is {found.difference:.2g}.",
        "Blue and dashed orange: the training loss by the NumPy engine and by PyTorch, left axis. Purple: the size of their difference, right axis, on a log scale (exact agreement is drawn at 10⁻¹⁸).",
    )  # fmt: skip


def two_losses(runs: Mapping[str, Run]) -> Figure:
    """The losses of two runs in one picture."""
    lines = [
        {"type": "scatter", "mode": "lines", "name": f"{name}: {which}", "x": run.epochs, "y": values, "line": {"color": colour, "width": 2.2, "dash": dash}}
        for (name, run), colour in zip(runs.items(), (PURPLE, GREEN), strict=False)
        for which, values, dash in (("training", run.train_loss, "solid"), ("test", run.test_loss, "dash"))
    ]  # fmt: skip
    ends = "; ".join(f"{name} ends at test loss {short(float(run.test_loss[-1]))}" for name, run in runs.items())
    return Figure(
        lines,
        layout(xaxis=axis("epoch"), yaxis=axis("mean loss", rangemode="tozero")),
        f"The losses of two runs: {ends}.",
        "Purple: the pinned run; green: the run on screen. Solid lines are training losses, dashed ones test losses.",
    )


def activation_names(run: Run) -> list[str]:
    """The name of each layer's activation, the output's included."""
    names = {number: name for name, number in ACTIVATIONS.items()} | {network.SOFTMAX: "softmax"}
    return [names[int(kind)] for kind in run.about.net.kinds]
