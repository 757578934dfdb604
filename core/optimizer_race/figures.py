"""The race's pictures: the map and the relief with their film, the values, and the closer looks.

Figures take arrays that were computed elsewhere. A trail keeps every point that lies visibly apart from the one kept before it,
so that no zigzag is lost and a racer at rest costs nothing. In the film it grows, in one byte a coordinate (an error of at most
1/508 of the trail's own extent); where the film ends, the picture itself is seen, at full precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from core.contracts import Figure, Frame, Step
from core.optimizer_race.compute import RATES, Hill, Run, Theory, frame
from core.optimizer_race.leaderboard import lowest_of
from core.plots.encode import Quantised, quantise
from core.plots.theme import (
    BACKWARD,
    BLUE,
    CATEGORIES,
    FORWARD,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILLION,
    axis,
    layout,
    upright_line,
)
from core.plots.words import short
from core.training.optimizers import OPTIMIZERS
from core.training.schedules import SCHEDULES

MAP_HEIGHT, VALUES_HEIGHT, LENS_HEIGHT = 500, 340, 400
MOST_FRAMES, FEWEST_FRAMES = 100, 30
POINTS, PIECES = 300_000, 1200  # of a film: points and trails in all frames together
LAND = (
    (0.0, "rgba(110,124,145,0.03)"),
    (1.0, "rgba(110,124,145,0.62)"),
)  # clear valleys: trails stand out in light and dark
ROCK = ((0.0, "#e9edf2"), (1.0, "#7c8899"))
NEUTRAL = "#7d8590"
SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "pentagon", "hexagon2", "triangle-left",
           "triangle-right", "star-diamond", "hourglass", "bowtie", "star-triangle-up", "star-square")  # fmt: skip
HOME = (
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "lion",
    "adamw",
    "adadelta",
    "adamax",
    "amsgrad",
    "nadam",
    "radam",
    "rprop",
    "lbfgs",
    "lbfgs_wolfe",
)  # the best known first: the first eight differ in colour, the others also in dash
SOLIDS, DASHES = ("circle", "diamond", "square"), ("solid", "dash", "dot")
FLOOR = 1e-16  # values closer to the minimum than this are drawn here


class Style(NamedTuple):
    """How a racer is told apart: colour, symbol on the map, symbol on the relief, dash."""

    colour: str
    symbol: str
    solid: str
    dash: str


def styles(names: Sequence[str]) -> list[Style]:
    """A style for each racer: an optimizer's own, and one that nobody has where an optimizer runs more than once."""
    home = HOME
    free = [k for k in range(24) if k >= len(home) or home[k] not in names]
    seen: set[str] = set()
    places = []
    for name in names:
        places.append(free.pop(0) if name in seen else home.index(name))
        seen.add(name)
    return [Style(CATEGORIES[k % 8], SYMBOLS[k % 16], SOLIDS[k // 8], DASHES[k // 8]) for k in places]


@dataclass(frozen=True, eq=False)
class Trail:
    """A racer's path inside the frame, thinned: `t` steps, `xy` (point, 2) places, and how far one must move to be kept."""

    t: np.ndarray
    xy: np.ndarray


@lru_cache(maxsize=32)
def trails(run: Run, apart: float) -> list[Trail]:
    """Every racer's trail, its points at least `apart` (a part of the map's width) from one another."""
    (x0, x1), (y0, y1) = frame(run.spec)
    size = np.array([x1 - x0, y1 - y0])
    inside = np.clip(run.result.paths, [x0, y0], [x1, y1])
    kept = [_kept(path / size, int(stop), apart) for path, stop in zip(inside, run.result.stopped, strict=True)]
    return [Trail(t, path[t]) for t, path in zip(kept, inside, strict=True)]


def _kept(path: np.ndarray, stop: int, apart: float) -> np.ndarray:
    """The steps 0 .. stop whose place lies `apart` from the last one kept, and the last step."""
    kept, (px, py) = [0], path[0].tolist()
    for t, (x, y) in enumerate(path[: stop + 1].tolist()):
        if abs(x - px) + abs(y - py) > apart:
            kept.append(t)
            px, py = x, y
    return np.array(kept if kept[-1] == stop else [*kept, stop])


@lru_cache(maxsize=32)
def film_times(run: Run) -> np.ndarray:
    """The steps at which the film has a frame: at most 100, fewer if the trails are many or long."""
    ways = trails(run, 0.004)
    most = min(POINTS / sum(len(way.t) for way in ways), PIECES / len(ways))
    frames = int(np.clip(most, FEWEST_FRAMES, MOST_FRAMES))
    return np.unique(np.rint(np.linspace(0, run.spec.steps, frames)).astype(int))


def nearest_frame(run: Run, step: int) -> int:
    """The frame that shows `step`, the last one for −1."""
    times = film_times(run)
    return len(times) - 1 if step < 0 else int(np.abs(times - step).argmin())


def film_steps(run: Run) -> list[Step]:
    """What the transport bar says: the step, and who is lowest there."""
    return [_film_step(run, int(t)) for t in film_times(run)]


def _film_step(run: Run, t: int) -> Step:
    if t == 0:
        return Step("start", f"All stand at f = {short(float(run.result.values[0, 0]))}.")
    alive = np.where(run.result.stopped >= t, run.result.values[:, t], np.inf)
    if not np.isfinite(alive).any():
        return Step(f"step {t} of {run.spec.steps}", "Nobody is left in the race.")
    first, out = int(alive.argmin()), int((run.result.stopped < t).sum())
    text = f"{run.labels[first]} is lowest, at f = {short(float(alive[first]))}." + (
        f" {out} left the race." if out else ""
    )
    return Step(f"step {t} of {run.spec.steps}", text)


def race_map(run: Run, hill: Hill) -> Figure:
    """The map from above with every trail, and the film in which the trails grow."""
    looks, ways = styles([r.name for r in run.spec.racers]), trails(run, 0.004)
    count, times = len(ways), film_times(run)
    ground = [_ground(hill), *_marks(run)]
    lines = [
        {"type": "scatter", "mode": "lines", "name": label, "legendgroup": label, "showlegend": False, "hoverinfo": "skip",
         "x": way.xy[:, 0], "y": way.xy[:, 1], "line": {"color": look.colour, "width": 2, "dash": look.dash}}
        for label, way, look in zip(run.labels, ways, looks, strict=True)
    ]  # fmt: skip
    heads = [
        {"type": "scatter", "mode": "markers+text", "name": label, "legendgroup": label, "hovertemplate": f"{label}<br>x = %{{x:.4g}}, y = %{{y:.4g}}<extra></extra>",
         "cliponaxis": False, "textposition": "top center", "textfont": {"color": VERMILLION, "size": 12},
         "marker": {"color": look.colour, "symbol": look.symbol, "size": 11, "line": {"color": "#ffffff", "width": 1}}, **head}
        for label, look, head in zip(run.labels, looks, _heads(run, run.spec.steps), strict=True)
    ]  # fmt: skip
    grown = _growing(ways, times, frame(run.spec))
    frames = [
        Frame([*lines_at, *_heads(run, int(t))], range(len(ground), len(ground) + 2 * count))
        for t, lines_at in zip(times[:-1], grown, strict=False)
    ]
    (x0, x1), (y0, y1) = frame(run.spec)
    return Figure(
        [*ground, *lines, *heads],
        layout(
            xaxis=axis("x  [1]", range=[x0, x1]),
            yaxis=axis("y  [1]", range=[y0, y1]),
            hovermode="closest",
            uirevision=run.spec.hill.name,
            margin={"l": 50, "r": 8, "t": 10, "b": 44},
        ),
        _race_alt(run) + _gaps(hill),
        "The map seen from above: the darker, the higher; each thin line joins places of equal height, and the colour bar gives f. Every racer has its own colour, dash and symbol; the symbol is where it stands now. "
        "The grey cross is the start (click anywhere to move it), the star the lowest point, small rings other minima. A racer that left the map is drawn at its edge; one marked DNF went to infinity. Click a name to hide that racer."
        + (" Where the map is blank, the formula has no value." if _gaps(hill) else ""),
        [*frames, Frame([], [])],
    )


def _ground(hill: Hill) -> dict[str, Any]:
    values, words = _ticks(hill)
    return {
        "type": "contour", "x": hill.x, "y": hill.y, "z": hill.h, "customdata": hill.f, "colorscale": [list(s) for s in LAND], "ncontours": 22,
        "contours": {"coloring": "heatmap"}, "line": {"width": 0.7, "color": "rgba(110,124,145,0.55)"}, "showlegend": False,
        "colorbar": {"title": {"text": "f(x, y)" + (", log scale" if hill.scale.unit else "")}, "thickness": 10, "tickvals": values, "ticktext": words},
        "hovertemplate": "x = %{x:.3g}, y = %{y:.3g}<br>f = %{customdata:.4g}<br>click: start here<extra></extra>",
    }  # fmt: skip


def _ticks(hill: Hill) -> tuple[list[float], list[str]]:
    """Heights on the colour bar, and the values that they stand for."""
    low, high = hill.scale.low, float(np.nanmax(hill.f))
    if not hill.scale.unit:
        values = np.linspace(float(np.nanmin(hill.f)), high, 6)
        return values.tolist(), [f"{v:.3g}" for v in values]
    powers = 10.0 ** np.arange(np.floor(np.log10(hill.scale.unit)), np.log10(high - low))
    values = low + np.array([0.0, *powers])
    return hill.scale(values).tolist(), [f"{v:.3g}" for v in values]


def _marks(run: Run) -> list[dict[str, Any]]:
    """Minima and start."""
    surface = run.spec.hill
    minima = [m for m in surface.minima if m not in surface.goals]
    quiet = {"type": "scatter", "mode": "markers", "showlegend": False}
    spots = (
        (minima, "minimum", {"symbol": "circle-open", "size": 6, "color": NEUTRAL}),
        (
            surface.goals,
            "lowest point",
            {"symbol": "star", "size": 15, "color": "#ffffff", "line": {"color": "#22303c", "width": 1.6}},
        ),
        (
            [(*run.spec.start, run.result.values[0, 0])],
            "start",
            {"symbol": "cross-thin", "size": 14, "line": {"color": NEUTRAL, "width": 3}},
        ),
    )
    return [
        {**quiet, "name": name, "x": np.array([p[0] for p in points], float), "y": np.array([p[1] for p in points], float), "customdata": np.array([p[2] for p in points], float),
         "marker": marker, "hovertemplate": f"{name}<br>x = %{{x:.4g}}, y = %{{y:.4g}}<br>f = %{{customdata:.4g}}<extra></extra>"}
        for points, name, marker in spots
    ]  # fmt: skip


def _heads(run: Run, t: int) -> list[dict[str, Any]]:
    """Where everyone stands at step t, and DNF beside those who are gone."""
    inside = np.clip(run.result.paths[:, t], *np.transpose(frame(run.spec))).tolist()
    heads: list[dict[str, Any]] = [{"x": [_brief(x)], "y": [_brief(y)]} for x, y in inside]
    for k in np.flatnonzero(run.result.diverged):
        heads[k]["text"] = ["DNF" if t > run.result.stopped[k] else ""]
    return heads


def _brief(value: float) -> float:
    return float(f"{value:.5g}")


def _growing(
    ways: Sequence[Trail], times: np.ndarray, bounds: Sequence[tuple[float, float]]
) -> list[list[dict[str, Any]]]:
    """For every time the trails so far, one byte a coordinate."""
    names = "xyz"[: len(bounds)]
    codes = [[_coded(way.xy[:, k]) for k in range(len(bounds))] for way in ways]
    counts = [np.searchsorted(way.t, times, "right").tolist() for way in ways]
    return [
        [
            {name: _first(code, count[k]) for name, code in zip(names, axes, strict=True)}
            for axes, count in zip(codes, counts, strict=True)
        ]
        for k in range(len(times))
    ]


def _coded(values: np.ndarray) -> Quantised:
    return quantise(values, _brief(np.nanmin(values)), _brief(np.nanmax(values)))


def _first(code: Quantised, count: int) -> Quantised:
    return Quantised(code.codes[:count], code.low, code.high)


def _race_alt(run: Run) -> str:
    best = run.rows[0]
    out = [run.labels[row.index] for row in run.rows if row.dnf]
    gone = f" {', '.join(out)} went to infinity and did not finish." if out else ""
    return (
        f"{len(run.labels)} racers on {run.spec.hill.title} from ({short(run.spec.start[0])}, {short(run.spec.start[1])}), {run.spec.steps} steps. "
        f"{run.labels[best.index]} ends lowest, at f = {short(best.final)} near ({', '.join(short(v) for v in run.result.paths[best.index, -1])}).{gone}"
    )


def _gaps(hill: Hill) -> str:
    """How much of the map is blank, in a sentence."""
    blank = float(np.isnan(hill.f).mean())
    return f" {100 * blank:.0f} % of the map is blank: the formula has no value there." if blank else ""


def relief(run: Run, hill: Hill) -> Figure:
    """The same race on the surface in space."""
    looks = styles([r.name for r in run.spec.racers])
    lift = 0.012 * float(np.nanmax(hill.h) - np.nanmin(hill.h))
    ways = [Trail(way.t, np.column_stack([way.xy, _height(run, hill, way.xy) + lift])) for way in trails(run, 0.008)]
    bounds = (*frame(run.spec), (0.0, 1.0))
    lines = [
        {"type": "scatter3d", "mode": "lines", "name": label, "showlegend": False, "hoverinfo": "skip", "x": way.xy[:, 0], "y": way.xy[:, 1], "z": way.xy[:, 2],
         "line": {"color": look.colour, "width": 5, "dash": look.dash}}
        for label, way, look in zip(run.labels, ways, looks, strict=True)
    ]  # fmt: skip
    heads = {
        "type": "scatter3d", "mode": "markers", "showlegend": False, "text": list(run.labels), "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": [k.colour for k in looks], "symbol": [k.solid for k in looks], "size": 5, "line": {"color": "#ffffff", "width": 1}},
        **_heads_in_space(run, hill, run.spec.steps, lift),
    }  # fmt: skip
    ground = {
        "type": "surface", "x": hill.x, "y": hill.y, "z": hill.h, "colorscale": [list(s) for s in ROCK], "showscale": False,
        "lighting": {"ambient": 0.72, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9}, "contours": {"z": {"show": True, "color": "rgba(80,92,110,0.35)", "width": 1, "highlight": False}},
        "customdata": hill.f, "hovertemplate": "x = %{x:.3g}, y = %{y:.3g}<br>f = %{customdata:.4g}<extra></extra>",
    }  # fmt: skip
    times = film_times(run)
    frames = [
        Frame([*grown, _heads_in_space(run, hill, int(t), lift)], range(1, len(ways) + 2))
        for t, grown in zip(times[:-1], _growing(ways, times, bounds), strict=False)
    ]
    values, words = _ticks(hill)
    scene = {
        "xaxis": axis("x"), "yaxis": axis("y"), "zaxis": axis("f, log scale" if hill.scale.unit else "f", tickvals=values[1:], ticktext=words[1:]),
        "camera": {"eye": {"x": -0.85, "y": -1.2, "z": 1.55}, "center": {"x": 0, "y": 0, "z": -0.15}}, "aspectratio": {"x": 1, "y": 1, "z": 0.5},
    }  # fmt: skip
    return Figure(
        [ground, *lines, heads],
        layout(scene=scene, showlegend=False, uirevision=run.spec.hill.name, margin={"l": 0, "r": 0, "t": 0, "b": 0}),
        f"The same race on the surface in space. {_race_alt(run)}",
        "Height and shade are f"
        + (", on a log scale because its range is large" if hill.scale.unit else "")
        + ". The trails are those of the map, in the same colours. Drag to turn, scroll to come closer.",
        [*frames, Frame([], [])],
    )


def _height(run: Run, hill: Hill, xy: np.ndarray) -> np.ndarray:
    return hill.scale(run.spec.hill.f(xy[..., 0], xy[..., 1]))


def _heads_in_space(run: Run, hill: Hill, t: int, lift: float) -> dict[str, Any]:
    low, high = np.transpose(frame(run.spec))
    xy = np.clip(run.result.paths[:, t], low, high)
    z = _height(run, hill, xy) + lift
    return {name: [_brief(v) for v in values.tolist()] for name, values in zip("xyz", (*xy.T, z), strict=True)}


def thumbnail(run: Run, hill: Hill) -> Figure:
    """The map without words, for a card."""
    whole = race_map(run, hill)
    ground = {**whole.data[0], "showscale": False}
    bare = [{**trace, "showlegend": False} for trace in whole.data[1:]]
    still = layout(
        xaxis=axis("x", visible=False, range=whole.layout["xaxis"]["range"]),
        yaxis=axis("y", visible=False, range=whole.layout["yaxis"]["range"]),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
    )
    return Figure([ground, *bare], still, whole.alt, whole.how_to_read)


def log_axis(title: str, low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis from 10^low to 10^high and a little more, labelled at powers of ten if it spans any."""
    span = high - low
    return axis(
        title,
        type="log",
        range=[low - 0.04 * span - 0.1, high + 0.04 * span + 0.1],
        exponentformat="power",
        dtick=max(1, round(span / 8)) if span > 1 else "D2",
    )


def _decades(*parts: np.ndarray) -> tuple[float, float]:
    """The powers of ten that positive values reach, at most thirteen below the highest."""
    found = np.concatenate([np.log10(part[np.isfinite(part) & (part > 0)]).ravel() for part in parts])
    return (max(float(found.min()), float(found.max()) - 13.0), float(found.max())) if found.size else (-1.0, 0.0)


def values(run: Run, goal: float) -> Figure:
    """The gap to the lowest value over the steps, with a cursor that follows the film."""
    looks = styles([r.name for r in run.spec.racers])
    gap = np.maximum(run.gap, FLOOR)
    data = [
        _line(label, look, np.arange(stop + 1), row[: stop + 1])
        for label, look, row, stop in zip(run.labels, looks, gap, run.result.stopped, strict=True)
    ]
    known = bool(run.spec.hill.minima)
    top = min(float(gap.max()), 1e3 * max(float(gap[0, 0]), 1e-3))
    low = np.log10(max(float(gap.min()), 1e-13)) - 0.3
    finish = {
        "type": "line",
        "x0": 0,
        "x1": 1,
        "xref": "paper",
        "y0": goal,
        "y1": goal,
        "line": {"color": GREEN, "width": 1.4, "dash": "dot"},
    }
    cursors = [
        Frame(
            [],
            [],
            {
                "shapes": [
                    finish,
                    upright_line(int(t), color=NEUTRAL, width=1.2),
                ]
            },
        )
        for t in film_times(run)
    ]
    ends = "; ".join(
        f"{run.labels[row.index]} {'did not finish' if row.dnf else short(float(run.gap[row.index, -1]))}"
        for row in run.rows
    )
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=log_axis("f − f*  [1], log scale" if known else "f − lowest f found  [1], log scale", low, float(np.log10(top))),
               shapes=[finish], showlegend=False, margin={"l": 64, "r": 12, "t": 12, "b": 44}),
        f"How far each racer is above the lowest value, over {run.spec.steps} steps, on a log scale. At the end: {ends}.",
        "Lower is better; each unit on the vertical axis is a factor. A straight fall means that every step takes the same part of what is left. The dotted green line is the finish. A line that ends early belongs to a racer that diverged; values below 1e-13 lie under the frame. The grey line is where the film stands.",
        cursors,
    )  # fmt: skip


def _line(label: str, look: Style, x: np.ndarray, y: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": label, "x": x, "y": y, "line": {"color": look.colour, "width": 2, "dash": look.dash},
        "hovertemplate": f"{label}: %{{y:.4g}} at %{{x:.4g}}<extra></extra>", **more,
    }  # fmt: skip


def anatomy(label: str, history: Mapping[str, np.ndarray], step: int) -> dict[str, Figure]:
    """What the racer keeps and the rate that each coordinate really gets, over all steps; the step looked at is marked."""
    t = np.arange(1, len(history["g"]) + 1)
    cursor = upright_line(step, color=NEUTRAL, width=1.2)
    colours = {"x": BLUE, "y": ORANGE}
    moments = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{words}, {name}",
            "x": t,
            "y": series[:, k],
            "line": {"color": colours[name], "width": width, "dash": dash},
        }
        for words, series, width, dash in _remembered(history)
        for k, name in enumerate(colours)
    ]
    rates = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": t,
            "y": np.where(history["effective_rate"][:, k] > 0, history["effective_rate"][:, k], np.nan),
            "line": {"color": colours[name], "width": 2},
        }
        for k, name in enumerate(colours)
    ]
    chosen = {
        "type": "scatter",
        "mode": "lines",
        "name": "η",
        "x": t,
        "y": history["lr"][:, 0],
        "line": {"color": NEUTRAL, "width": 1.5, "dash": "dot"},
    }
    at = history["effective_rate"][step - 1]
    return {
        "moments": Figure(
            moments, layout(xaxis=axis("step"), yaxis=axis("in units of the gradient  [1/1]"), shapes=[cursor], showlegend=True),
            f"{label}: the gradient and what the racer remembers of it over {len(t)} steps; at step {step} the gradient is ({short(float(history['g'][step - 1, 0]))}, {short(float(history['g'][step - 1, 1]))}).",
            "Blue: the x coordinate; orange: y. Thin solid: the gradient that arrives. Thick: its running mean (or velocity). Dotted: the root of the mean square, by which adaptive racers divide. The grey line is the step in the table.",
        ),
        "effective": Figure(
            [*rates, chosen], layout(xaxis=axis("step"), yaxis=log_axis("effective rate −Δθ / g  [1]", *_decades(history["effective_rate"])), shapes=[cursor], showlegend=True),
            f"{label}: the rate that each coordinate really gets, −Δθ / g, over {len(t)} steps; at step {step}: x {short(float(at[0]))}, y {short(float(at[1]))}.",
            "The step made, divided by the gradient there, for each coordinate: for plain SGD it is η (dotted) itself. Where a line breaks, the racer moved against its gradient, as momentum does.",
        ),
    }  # fmt: skip


def _remembered(history: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray, float, str]]:
    """(words, series, width, dash) of what can be drawn in the gradient's own unit."""
    found = [("g", history["g"], 1.0, "solid")]
    found += [(symbol, history[symbol], 2.6, "solid") for symbol in ("m_hat", "c", "b") if symbol in history][:1]
    found += [
        (f"√{symbol}", np.sqrt(history[symbol]), 1.6, "dot") for symbol in ("v_hat", "v", "G") if symbol in history
    ][:1]
    return found


def sensitivity(
    names: Sequence[str],
    final: np.ndarray,
    diverged: np.ndarray,
    lowest: float,
    here: Sequence[tuple[int, float, float]],
) -> Figure:
    """The gap where each optimizer ended against its rate: a ring at the rate that tuning takes, a dot at each of `here`.

    `names` are optimizers, `final` and `diverged` have shape (optimizer, rate), `here` holds (optimizer, rate, final f) of the race.
    """
    looks, titles = styles(names), [OPTIMIZERS[name].title for name in names]
    gap = np.where(diverged, np.nan, np.maximum(final - lowest, FLOOR))
    best = np.where(diverged, np.inf, final).argmin(1)
    data = [_line(title, look, np.array(RATES), row) for title, look, row in zip(titles, looks, gap, strict=True)]
    marks = [
        *((k, RATES[i], gap[k, i], "circle-open", 17) for k, i in enumerate(best)),
        *((k, rate, max(f - lowest, FLOOR), looks[k].symbol, 9) for k, rate, f in here),
    ]
    spots = [
        {"type": "scatter", "mode": "markers", "showlegend": False, "hoverinfo": "skip", "x": [float(rate)], "y": [float(value)],
         "marker": {"symbol": symbol, "size": size, "color": looks[k].colour, "line": {"width": 2.5 if size > 9 else 0}}}
        for k, rate, value, symbol, size in marks
    ]  # fmt: skip
    words = "; ".join(f"{title} {RATES[i]:.3g}" for title, i in zip(titles, best, strict=True))
    return Figure(
        [*data, *spots],
        layout(
            xaxis=log_axis("learning rate η  [1]", -4.0, 1.0),
            yaxis=log_axis("f − f* at the end  [1], log scale", *_decades(np.minimum(gap, 1e6))),
            showlegend=True,
        ),
        f"Final gap of {len(titles)} optimizers at {len(RATES)} learning rates from 0.0001 to 10. Best rates: {words}.",
        "Each point of a line is a whole race. Left: too timid, right: too bold; where a line ends, the racer diverged. A broad valley forgives a careless rate. The ring is the rate that 'Tuned' takes, the small mark the rate of the race above.",
    )


def basins(
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    ends: np.ndarray,
    minima: Sequence[tuple[float, float, float]],
    label: str,
    start: tuple[float, float],
) -> Figure:
    """Which minimum each start reaches, one colour a minimum; `index` -1 where none."""
    palette = (GREEN, BLUE, ORANGE, PURPLE, VERMILLION, CATEGORIES[5], CATEGORIES[6])
    shown = np.where(index < 0, 0, 1 + index % len(palette)).astype(float)
    colours = ["rgba(128,136,148,0.22)", *palette]
    steps = [[edge, colour] for k, colour in enumerate(colours) for edge in (k / len(colours), (k + 1) / len(colours))]
    spots = np.array(minima, float)[:, :2] if minima else np.empty((0, 2))
    share = float((index == 0).mean())
    return Figure(
        [
            {"type": "heatmap", "x": x, "y": y, "z": shown, "zmin": -0.5, "zmax": len(colours) - 0.5, "colorscale": steps, "showscale": False, "customdata": ends,
             "hovertemplate": "start (%{x:.3g}, %{y:.3g})<br>ends at (%{customdata[0]:.4g}, %{customdata[1]:.4g})<extra></extra>"},
            {"type": "scatter", "mode": "markers", "name": "minimum", "x": spots[:, 0], "y": spots[:, 1], "showlegend": False, "hoverinfo": "skip",
             "marker": {"symbol": "star", "size": 11 if len(spots) < 20 else 5, "color": "#ffffff", "line": {"color": "#22303c", "width": 1.2}}},
            {"type": "scatter", "mode": "markers", "name": "start", "x": [start[0]], "y": [start[1]], "showlegend": False, "hoverinfo": "skip", "marker": {"symbol": "cross-thin", "size": 14, "line": {"color": "#22303c", "width": 3}}},
        ],
        layout(xaxis=axis("x of the start  [1]", range=[x[0], x[-1]]), yaxis=axis("y of the start  [1]", range=[y[0], y[-1]]), showlegend=False),
        f"Where {index.size} starts end under {label}: {100 * share:.0f} % at the lowest minimum, {100 * float((index < 0).mean()):.0f} % at none.",
        "Every cell is a start; its colour says at which minimum (star) that race ends: green for the lowest" + (", and with so many minima the colours repeat" if len(minima) > len(palette) else "") + ". Pale grey: not within 0.1 of any minimum, still on its way or diverged. The cross is the start of the race above; click a cell to start there.",
    )  # fmt: skip


def seed_bands(run: Run, low: np.ndarray, median: np.ndarray, high: np.ndarray, draws: int) -> Figure:
    """Median and the middle 80 % of the gap over the noise seeds."""
    looks, base = styles([r.name for r in run.spec.racers]), lowest_of(low, run.spec.hill)
    gaps = [np.maximum(part - base, FLOOR) for part in (low, median, high)]
    t = np.arange(median.shape[1])
    data = []
    for i, (label, look) in enumerate(zip(run.labels, looks, strict=True)):
        band = {
            "type": "scatter",
            "x": np.concatenate([t, t[::-1]]),
            "y": np.concatenate([gaps[0][i], gaps[2][i][::-1]]),
            "fill": "toself",
            "fillcolor": look.colour,
            "opacity": 0.16,
            "line": {"width": 0},
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": label,
        }
        data += [band, _line(label, look, t, gaps[1][i], legendgroup=label)]
    ends = "; ".join(
        f"{label} {short(float(gaps[1][i, -1]))} ({short(float(gaps[0][i, -1]))} to {short(float(gaps[2][i, -1]))})"
        for i, label in enumerate(run.labels)
    )
    return Figure(
        data,
        layout(
            xaxis=axis("step"),
            yaxis=log_axis("f − f*  [1], log scale", *_decades(gaps[0], gaps[2])),
            showlegend=True,
        ),
        f"Gap over {draws} draws of the noise, median and middle 80 %. At the end: {ends}.",
        "The line is the median over the seeds, the band holds the middle 80 % of them. Where two bands overlap, who wins is a matter of luck.",
    )


def stability(theory: Theory) -> Figure:
    """The largest spectral radius over rate and momentum, the rate and momentum on screen, and the best."""
    here, best, plain = theory.tuning, theory.best, theory.plain
    spots = (
        (here, "here", "x", VERMILLION),
        (best, "best with momentum", "star", GREEN),
        (plain, "best without", "circle", BLUE),
    )
    return Figure(
        [
            {"type": "heatmap", "x": theory.rates, "y": theory.momenta, "z": np.minimum(theory.radius, 2.0), "colorscale": "Cividis", "zmin": best.rate - 0.1, "zmax": 2.1 - best.rate, "zsmooth": "best", "colorbar": {"title": {"text": "ρ, error's factor a step"}, "thickness": 10},
             "hovertemplate": "η = %{x:.4g}, μ = %{y:.3g}<br>ρ = %{z:.4g}<extra></extra>"},
            {"type": "contour", "x": theory.rates, "y": theory.momenta, "z": theory.radius, "contours": {"start": 1.0, "end": 1.0, "size": 1.0, "coloring": "none"}, "line": {"color": "#ffffff", "width": 2.5}, "showscale": False, "showlegend": False, "hoverinfo": "skip"},
            *({"type": "scatter", "mode": "markers", "name": name, "x": [spot.lr], "y": [spot.momentum], "marker": {"symbol": symbol, "size": 14, "color": colour, "line": {"color": "#ffffff", "width": 1.6}},
               "hovertemplate": f"{name}<br>η = {spot.lr:.4g}, μ = {spot.momentum:.4g}<br>ρ = {spot.rate:.4g}<extra></extra>"} for spot, name, symbol, colour in spots),
        ],
        layout(xaxis=axis("learning rate η  [1]", range=[0.0, theory.rates[-1]]), yaxis=axis("momentum μ  [1]", range=[0.0, 0.99]), showlegend=True),
        f"Spectral radius over rate and momentum. Here, at η = {here.lr:.4g} and μ = {here.momentum:.3g}, it is {here.rate:.4g}; the best is {best.rate:.4g} at η = {best.lr:.4g}, μ = {best.momentum:.3g}.",
        "Colour: by what factor the error shrinks a step in the long run (dark: fast). Left of the white line it is below 1 and the race converges from everywhere; right of it, it diverges. The cross is the rate and momentum on screen, the star the best pair, the dot the best rate without momentum.",
    )  # fmt: skip


def eigen_errors(theory: Theory) -> Figure:
    """|error| along the two eigenvectors: dots measured, lines in closed form."""
    t = np.arange(len(theory.closed))
    data = []
    for k, (name, colour) in enumerate((("along the flat axis", FORWARD), ("along the steep axis", BACKWARD))):
        closed, measured = (np.abs(part[:, k]) for part in (theory.closed, theory.measured))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name}, closed form",
                "x": t,
                "y": np.where(closed > 0, closed, np.nan),
                "line": {"color": colour, "width": 2},
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{name}, measured",
                "x": t,
                "y": np.where(measured > 0, measured, np.nan),
                "marker": {"color": colour, "size": 6, "symbol": "circle-open", "line": {"width": 1.6}},
            }
        )
    return Figure(
        data,
        layout(
            xaxis=axis("step"),
            yaxis=log_axis("|error|  [1], log scale", *_decades(np.abs(theory.closed))),
            showlegend=True,
        ),
        f"Error along each eigenvector over {len(t) - 1} steps, measured and in closed form; the largest difference is {theory.difference:.1e}.",
        "The error seen in the bowl's own axes. Lines: the closed form, powers of a 2 x 2 matrix. Rings: the race itself. They must lie on one another. Dips are where the error changes its sign; a straight fall is a constant factor a step.",
    )


def schedule(run: Run) -> Figure:
    """The rate of every racer over the steps; racers whose rates agree lie on one line."""
    looks = styles([r.name for r in run.spec.racers])
    t = np.arange(1, run.spec.steps + 1)
    data = [
        _line(label, look, t, np.maximum(row, FLOOR))
        for label, look, row in zip(run.labels, looks, run.result.rates, strict=True)
    ]
    rates = run.result.rates
    name = SCHEDULES[run.spec.schedule.name].title
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=axis("learning rate η  [1]", rangemode="tozero"), showlegend=True),
        f"{name}: learning rates of {len(run.labels)} racers over {run.spec.steps} steps, from {short(float(rates[:, 0].min()))} to {short(float(rates.max()))}.",
        "The learning rate at each step, one line a racer; where all have the same rate the lines lie on one another. 'Reduce on plateau' watches each racer's value, so there every racer has its own.",
    )


def compare_schedules(curves: Mapping[str, np.ndarray], chosen: str) -> Figure:
    """All schedules that do not watch the race, as parts of the full rate; the chosen one is bold."""
    data = [
        {"type": "scatter", "mode": "lines", "name": SCHEDULES[name].title, "x": np.arange(1, len(curve) + 1), "y": curve, "opacity": 1.0 if name == chosen else 0.55,
         "line": {"width": 4 if name == chosen else 1.6, "color": CATEGORIES[k % 8], "dash": DASHES[k // 8]}, "hovertemplate": "%{y:.3g} of η at step %{x}<extra>%{fullData.name}</extra>"}
        for k, (name, curve) in enumerate(curves.items())
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("step"), yaxis=axis("η_t / η  [1]", range=[0.0, 1.06]), showlegend=True),
        f"{len(curves)} schedules as parts of the full rate over the steps; bold: {SCHEDULES[chosen].title}.",
        "Each line is one schedule with the length and factor set above; the bold one is in use. 'Reduce on plateau' is missing, for it depends on the race.",
    )
