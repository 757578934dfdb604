"""The lab's pictures: windows, forecasts, scores, training, and the closer looks. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.forecasting.compute import Lead, Problem, Study
from core.forecasting.spec import LEAKS, METRICS, MODELS
from core.plots.theme import BLUE, GREEN, GREY, OLIVE, ORANGE, PURPLE, SKY, VERMILLION, axis, layout, upright_line
from core.plots.words import short

COLOURS = {
    "naive": GREY,
    "seasonal": OLIVE,
    "linear": BLUE,
    "analogue": SKY,
    "rnn": VERMILLION,
    "lstm": PURPLE,
    "gru": GREEN,
}
DASHES = {
    "naive": "dash",
    "seasonal": "dot",
    "linear": "dashdot",
    "analogue": "longdash",
    "rnn": "solid",
    "lstm": "solid",
    "gru": "solid",
}
SYMBOLS = {
    "naive": "x",
    "seasonal": "diamond",
    "linear": "square",
    "analogue": "star",
    "rnn": "triangle-up",
    "lstm": "cross",
    "gru": "circle",
}
PART_WORDS = {"train": "training", "validation": "validation", "test": "test"}
SHADES = ("rgba(43,123,186,0.05)", "rgba(43,123,186,0.13)", "rgba(224,142,11,0.13)")
TOP_HEIGHT, SMALL_HEIGHT, LENS_HEIGHT = 440, 330, 380
FRAMES, NEIGHBOURS = 50, 2
FILM = "forecasting.film"


def film_windows(p: Problem) -> np.ndarray:
    """The windows that the film shows."""
    return np.unique(np.rint(np.linspace(0, len(p.starts) - 1, FRAMES)).astype(int))


def shown(p: Problem, at: int) -> int:
    """The window on screen: `at`, or the middle of the test part for −1."""
    return min(at, len(p.starts) - 1) if at >= 0 else int(p.parts.test[len(p.parts.test) // 2])


def nearest_frame(p: Problem, at: int) -> int:
    """The frame of the film that shows this window, or the nearest one."""
    return int(np.abs(film_windows(p) - shown(p, at)).argmin())


def part_of(p: Problem, window: int) -> str:
    """The part that a window belongs to."""
    return next((PART_WORDS[name] for name, rows in p.parts._asdict().items() if window in rows), "no part: its targets cross a border")  # fmt: skip


def film_steps(p: Problem) -> list[Step]:
    """What the transport bar says of each window."""
    return [_film_step(p, int(w)) for w in film_windows(p)]


def _film_step(p: Problem, w: int) -> Step:
    s, L, H = int(p.starts[w]), p.spec.window, p.spec.horizon
    return Step(
        f"window {w + 1} of {len(p.starts)}",
        f"x: rows {s + 1} to {s + L}. y: rows {s + L + 1} to {s + L + H}. Part: {part_of(p, w)}.",
    )


def _unit(p: Problem) -> str:
    return f"{p.series.names[0]}  [{p.series.unit}]"


def _rows_axis(p: Problem, **more: Any) -> dict[str, Any]:
    """Row numbers, or the times that a table gives."""
    times = p.series.times
    if not times:
        return axis(f"row  [{p.series.step}]", **more)
    at = np.unique(np.linspace(0, len(times) - 1, 7).astype(int))
    return axis(f"time  [{p.series.step}]", tickvals=(at + 1).tolist(), ticktext=[times[k] for k in at], **more)


def windows(p: Problem, at: int) -> Figure:
    """The series with its parts, one window in it, and below the rows of its neighbours."""
    y, n = p.series.values[:, 0], len(p.series.values)
    t = np.arange(1, n + 1)
    window = _window_traces(p, shown(p, at))
    looks = (
        {"name": "x: what the model sees", "mode": "markers", "marker": {"color": BLUE, "size": 6}},
        {"name": "y: what it has to foretell", "mode": "markers", "marker": {"color": ORANGE, "size": 8, "symbol": "diamond"}},
        {"mode": "lines", "line": {"color": BLUE, "width": 7}, "showlegend": False, "yaxis": "y2", "hoverinfo": "skip"},
        {"mode": "lines", "line": {"color": ORANGE, "width": 7}, "showlegend": False, "yaxis": "y2", "hoverinfo": "skip"},
    )  # fmt: skip
    data = [
        {"type": "scatter", "mode": "lines", "name": "series", "x": t, "y": y, "line": {"color": GREY, "width": 1.4}, "hovertemplate": "row %{x}: %{y:.5g}<extra></extra>"},
        *({"type": "scatter", "hovertemplate": "row %{x}: %{y:.5g}<extra></extra>", **look, **where} for look, where in zip(looks, window, strict=True)),
    ]  # fmt: skip
    edges = (0, *p.borders, n)
    shades = [
        {"type": "rect", "xref": "x", "yref": "y domain", "x0": a + 0.5, "x1": b + 0.5, "y0": 0, "y1": 1, "fillcolor": shade, "line": {"width": 0}, "layer": "below"}
        for a, b, shade in zip(edges[:-1], edges[1:], SHADES, strict=True)
    ]  # fmt: skip
    words = [
        {"xref": "x", "yref": "y domain", "x": (a + b) / 2, "y": 1, "yanchor": "bottom", "showarrow": False, "text": word, "font": {"size": 12}}
        for a, b, word in zip(edges[:-1], edges[1:], PART_WORDS.values(), strict=True)
    ]  # fmt: skip
    counts = ", ".join(f"{len(rows)} {PART_WORDS[name]}" for name, rows in p.parts._asdict().items())
    w = shown(p, at)
    leak = " The leak is on: windows belong to the parts at random, so the shades do not hold." if p.spec.leak == "shuffled" else ""  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=_rows_axis(p, range=[0, n + 1], anchor="y2"),
            yaxis=axis(_unit(p), domain=[0.3, 0.94]),
            yaxis2=axis("window", domain=[0, 0.2], autorange="reversed", dtick=1, anchor="x"),
            shapes=shades, annotations=words, showlegend=True, hovermode="closest",
        ),
        f"{p.series.title}: {n} rows of {p.series.names[0]} from {short(float(y.min()))} to {short(float(y.max()))}, cut into {len(p.starts)} windows ({counts}). "
        f"Shown is window {w + 1}, rows {int(p.starts[w]) + 1} to {int(p.starts[w]) + p.spec.window + p.spec.horizon}.",
        "Grey: the series; behind it the three parts in time order. Blue points are the inputs x of one window, orange ones its targets y. Each bar below is a window: the one shown and its "
        f"neighbours, blue for x, orange for y; from bar to bar the start moves by the stride. A window belongs to the part that holds all its targets.{leak}",
        [Frame(_window_traces(p, int(k)), (1, 2, 3, 4)) for k in film_windows(p)],
    )  # fmt: skip


def _window_traces(p: Problem, w: int) -> list[dict[str, Any]]:
    """x and y of window w, then the bars of its neighbours."""
    s, L, H, y = int(p.starts[w]), p.spec.window, p.spec.horizon, p.series.values[:, 0]
    first = max(0, min(w - NEIGHBOURS, len(p.starts) - 2 * NEIGHBOURS - 1))
    bars: list[list[float | None]] = [[], [], []]  # x of the blue bars, of the orange ones, and the windows' numbers
    for k in range(first, min(first + 2 * NEIGHBOURS + 1, len(p.starts))):
        a = int(p.starts[k])
        bars[0] += [a + 0.6, a + L + 0.4, None]
        bars[1] += [a + L + 0.6, a + L + H + 0.4, None]
        bars[2] += [k + 1, k + 1, None]
    return [
        {"x": np.arange(s + 1, s + L + 1), "y": y[s : s + L]},
        {"x": np.arange(s + L + 1, s + L + H + 1), "y": y[s + L : s + L + H]},
        {"x": bars[0], "y": bars[2]},
        {"x": bars[1], "y": bars[2]},
    ]


def forecast(run: Study, model: str, at: int) -> Figure:
    """All models from the origin of one window, and the interval of one of them."""
    p = run.problem
    names = list(run.forecasts)
    model = model if model in names else "linear"
    looks = [
        {"name": f"{p.spec.level:.0%} interval", "mode": "lines", "fill": "toself", "fillcolor": _faint(COLOURS[model]), "line": {"width": 0}, "hoverinfo": "skip"},
        {"name": "known", "mode": "lines+markers", "line": {"color": BLUE, "width": 1.5}, "marker": {"size": 4}},
        {"name": "what came", "mode": "lines+markers", "line": {"color": ORANGE, "width": 3}, "marker": {"size": 8, "symbol": "diamond"}},
        *({"name": MODELS[name], "mode": "lines+markers", "line": {"color": COLOURS[name], "dash": DASHES[name], "width": 2}, "marker": {"size": 6, "symbol": SYMBOLS[name]}} for name in names),
    ]  # fmt: skip
    w = shown(p, at)
    data = [
        {"type": "scatter", "hovertemplate": "row %{x}: %{y:.5g}<extra>%{fullData.name}</extra>", **look, **where}
        for look, where in zip(looks, _forecast_traces(run, names, model, w), strict=True)
    ]
    ends = "; ".join(f"{MODELS[name]} {short(float(run.forecasts[name][w, -1]))}" for name in names)
    return Figure(
        data,
        layout(xaxis=axis(f"row  [{p.series.step}]"), yaxis=axis(_unit(p)), showlegend=True, hovermode="closest"),
        f"Forecasts of {p.spec.horizon} steps from row {int(p.starts[w]) + p.spec.window}. At the last step came {short(float(p.truth[w, -1]))}; foretold: {ends}.",
        "Blue: what is known at this moment. Orange: what came then. Each other line is one model's forecast. The band holds what the errors of one model (here " + MODELS[model] + ") on the validation part "
        "lead one to expect. In the training part a model has seen these answers: judge it in the test part.",
        [Frame(_forecast_traces(run, names, model, int(k)), range(len(data))) for k in film_windows(p)],
    )  # fmt: skip


def _forecast_traces(run: Study, names: Sequence[str], model: str, w: int) -> list[dict[str, Any]]:
    p = run.problem
    s, L, H, y = int(p.starts[w]), p.spec.window, p.spec.horizon, p.series.values[:, 0]
    ahead, first = np.arange(s + L + 1, s + L + H + 1), max(0, s + L - max(L, 12))
    low, high = run.low[model][w], run.high[model][w]
    return [
        {"x": np.concatenate([ahead, ahead[::-1]]), "y": np.concatenate([high, low[::-1]])},
        {"x": np.arange(first + 1, s + L + 1), "y": y[first : s + L]},
        {"x": ahead, "y": y[s + L : s + L + H]},
        *({"x": ahead, "y": run.forecasts[name][w]} for name in names),
    ]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def metric_unit(p: Problem, metric: str) -> str:
    """A measure with its unit."""
    return f"{METRICS[metric]}  [{ {'mape': '%', 'mase': '1'}.get(metric, p.series.unit) }]"


def scores(run: Study, metric: str) -> Figure:
    """One measure of every model on the test part."""
    found, names = run.scores, list(run.forecasts)
    values = [found[name][metric] for name in names]
    data = [
        {
            "type": "bar", "orientation": "h", "y": [MODELS[name] for name in names], "x": values, "marker": {"color": [COLOURS[name] for name in names]},
            "text": [short(v) if math.isfinite(v) else "not defined" for v in values], "textposition": "auto", "hovertemplate": "%{y}: %{x:.5g}<extra></extra>",
        }
    ]  # fmt: skip
    line = upright_line(values[0], color=GREY, dash="dash", width=1.5)
    words = "; ".join(f"{MODELS[name]} {short(v)}" for name, v in zip(names, values, strict=True) if math.isfinite(v))
    return Figure(
        data,
        layout(
            xaxis=axis(f"test {metric_unit(run.problem, metric)}", rangemode="tozero"), yaxis=axis("model", type="category", autorange="reversed"),
            shapes=[line] if math.isfinite(values[0]) else [], showlegend=False, margin={"l": 150, "r": 16, "t": 16, "b": 48},
        ),
        f"Test {METRICS[metric]} of {len(names)} models: {words or 'not defined, for a true value is 0'}.",
        "Shorter is better. The dashed line is the naive forecast: a bar that reaches it is not worth its training. "
        "MAE and RMSE are in the series' unit, MAPE in percent of the truth, MASE in naive steps on the training part.",
    )  # fmt: skip


def training(curves: Mapping[str, Sequence[float]], total: int) -> Figure:
    """Training and validation loss of the nets after every epoch."""
    cells = list(dict.fromkeys(name.split()[0] for name in curves if name.split()[0] in COLOURS))
    data = [
        {
            "type": "scatter", "mode": "lines", "name": f"{MODELS[cell]}, {part}", "x": np.arange(len(curves[f"{cell} {part}"])), "y": np.asarray(curves[f"{cell} {part}"], float),
            "line": {"color": COLOURS[cell], "dash": dash, "width": 2}, "hovertemplate": "epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
        }
        for cell in cells
        for part, dash in (("training", "solid"), ("validation", "dot"))
    ]  # fmt: skip
    ends = "; ".join(
        f"{MODELS[c]} {short(float(curves[f'{c} training'][-1]))} in training, {short(float(curves[f'{c} validation'][-1]))} in validation"
        for c in cells
    )
    done = max((len(values) - 1 for values in curves.values()), default=0)
    return Figure(
        data,
        layout(
            xaxis=axis("epoch", range=[0, max(done, 1)]), yaxis=axis("squared error  [σ²]", type="log"), showlegend=True
        ),
        f"Loss after {done} of {total} epochs: {ends}.",
        "Solid: the training windows. Dotted: the validation windows, which decide the epoch whose weights are kept. The axis is logarithmic; the unit is the variance of the training rows.",
    )


def lines(
    values: Mapping[str, np.ndarray], p: Problem, y_title: str, alt: str, read: str, promise: float | None = None
) -> Figure:
    """One line a model over the steps ahead; `promise` is drawn across."""
    steps = np.arange(1, p.spec.horizon + 1)
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines+markers", "name": name, "x": steps, "y": found, **look_of(name), "hovertemplate": "step %{x}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for name, found in values.items()
    ]  # fmt: skip
    if promise is not None:
        data.append({"type": "scatter", "mode": "lines", "name": "promised", "x": [0.7, p.spec.horizon + 0.3], "y": [promise] * 2, "line": {"color": ORANGE, "dash": "dash"}, "hoverinfo": "skip"})  # fmt: skip
    ends = "; ".join(f"{name} from {short(float(v[0]))} to {short(float(v[-1]))}" for name, v in values.items())
    return Figure(
        data,
        layout(xaxis=axis(f"steps ahead  [{p.series.step}]"), yaxis=axis(y_title, rangemode="tozero"), showlegend=True),
        f"{alt}: {ends}.",
        read,
    )


def look_of(name: str) -> dict[str, Any]:
    """Colour, dash and symbol of a model, also under a longer name such as "GRU, recursive"."""
    key = next(key for key, title in MODELS.items() if name.startswith(title))
    dash = "dot" if "recursive" in name else "solid" if "direct" in name else DASHES[key]
    return {"line": {"color": COLOURS[key], "dash": dash, "width": 2}, "marker": {"symbol": SYMBOLS[key], "size": 8}}


def fold_plan(p: Problem, blocks: Sequence[tuple[int, int]]) -> Figure:
    """Which rows each fold learns from, validates on, and is tested on."""
    kinds = (("training", BLUE), ("validation", GREEN), ("test", ORANGE))
    data = []
    for part, (word, colour) in enumerate(kinds):
        edges = [[(0, round(0.75 * a)), (round(0.75 * a), a), (a, b)][part] for a, b in blocks]
        data.append({
            "type": "bar", "orientation": "h", "name": word, "y": [f"fold {k + 1}" for k in range(len(blocks))], "base": [a for a, _ in edges], "x": [b - a for a, b in edges],
            "marker": {"color": colour}, "hovertemplate": f"{word}: %{{x}} rows from row %{{base}} on<extra></extra>",
        })  # fmt: skip
    return Figure(
        data,
        layout(barmode="overlay", showlegend=True, xaxis=axis(f"row  [{p.series.step}]"), yaxis=axis("fold", type="category", autorange="reversed")),
        f"Walk-forward plan of {len(blocks)} folds: each learns from all rows before its test block; the blocks cover rows {blocks[0][0] + 1} to {blocks[-1][1]}.",
        "One bar a fold. Blue: rows it learns from. Green: rows that choose the epoch. Orange: rows it is tested on, always later. No fold knows its future.",
    )  # fmt: skip


def groups(values: Mapping[str, Mapping[str, float]], x_title: str, y_title: str, alt: str, read: str) -> Figure:
    """Grouped bars: group -> model title -> value."""
    titles = list(next(iter(values.values())))
    data = [
        {"type": "bar", "name": title, "x": list(values), "y": [group[title] for group in values.values()], "marker": {"color": look_of(title)["line"]["color"]},
         "hovertemplate": "%{x}: %{y:.5g}<extra>%{fullData.name}</extra>"}
        for title in titles
    ]  # fmt: skip
    words = "; ".join(
        f"{name}: " + ", ".join(f"{t} {short(v)}" for t, v in group.items()) for name, group in values.items()
    )
    return Figure(
        data,
        layout(barmode="group", showlegend=True, xaxis=axis(x_title, type="category"), yaxis=axis(y_title)),
        f"{alt}. {words}.",
        read,
    )


def leaks_figure(values: Mapping[str, Mapping[str, float]]) -> Figure:
    """Test error in units of the naive error on the same windows, under each leak."""
    return groups(
        {LEAKS[leak]: found for leak, found in values.items()}, "leak", "test MAE / test MAE of naive  [1]", "Test MAE relative to naive with and without a leak",
        "Each group is one way to prepare the same windows, each bar a model; at 1 it is as good as the naive forecast on the same test windows. Only the first group is honest: where a bar is shorter beside it, the gain is not real.",
    )  # fmt: skip


def lead_words(found: Lead) -> str:
    """DM in a cell of a table."""
    return f"{short(found.statistic)}{', clear' if found.clear else ''}"


def thumbnail(run: Study) -> Figure:
    """The forecast of the middle of the test part, for a card."""
    whole = forecast(run, "linear", -1)
    bare: dict[str, Any] = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    still = layout(**bare, margin={"l": 4, "r": 4, "t": 6, "b": 6}, showlegend=False)
    return Figure(whole.data, still, whole.alt, whole.how_to_read)
