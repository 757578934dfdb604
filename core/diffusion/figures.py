"""The page's pictures: the two clouds with their film, and the closer looks. Figures take arrays that were computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, layout, upright_line
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT, RACE_HEIGHT = 430, 400, 560
ROW = 4  # small maps in a row
EDGE, FAR = 2.6, 4.0  # of the maps; marks farther out than FAR stand there
DASHES = ("solid", "dash", "dot", "dashdot")

Array = np.ndarray


def plane(**more: Any) -> dict[str, Any]:
    """The layout of a map of the plane, its units equally long."""
    return layout(
        xaxis=axis("x  [1]", range=[-EDGE, EDGE], constrain="domain"),
        yaxis=axis("y  [1]", range=[-EDGE, EDGE], scaleanchor="x", constrain="domain"),
        **{"showlegend": True, "margin": {"l": 50, "r": 10, "t": 34, "b": 44}, **more},
    )


def dots(X: Array, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """Points of the plane."""
    return {"type": "scatter", "mode": "markers", "name": name, "x": X[:, 0], "y": X[:, 1], "hoverinfo": "skip", "marker": {"color": colour, "size": 4, "opacity": 0.75}, **more}  # fmt: skip


def strokes(x: Array, to: Array, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """A line from each row of x to that of `to`."""
    return {"type": "scatter", "mode": "lines", "name": name, "x": joined(x, to, 0), "y": joined(x, to, 1), "hoverinfo": "skip", "line": {"color": colour, "width": 1.2}, **more}  # fmt: skip


def joined(x: Array, to: Array, k: int) -> Array:
    """Coordinate k of lines that are broken by NaN."""
    return np.stack([x[:, k], to[:, k], np.full(len(x), np.nan)], axis=1).ravel()


def small(values: Array) -> Any:
    """One byte a coordinate."""
    return quantise(values, -FAR, FAR)


def moved(X: Array) -> dict[str, Any]:
    """What changes in a cloud from frame to frame."""
    return {"x": small(X[:, 0]), "y": small(X[:, 1])}


def arrow_heads(x: Array, pull: Array, cell: float) -> tuple[Array, Array]:
    """Where each arrow ends, its length along `pull` at most a cell, and the two barbs of all arrows (4 n points, broken by NaN)."""
    longest = np.sqrt((pull**2).sum(1)).max() or 1.0
    along = pull * (cell / longest)
    tip = x + along
    side = np.column_stack([-along[:, 1], along[:, 0]])
    barbs = np.stack(
        [tip - 0.35 * along + 0.22 * side, tip, tip - 0.35 * along - 0.22 * side, np.full_like(tip, np.nan)], axis=1
    )
    return tip, barbs.reshape(-1, 2)


def arrows(x: Array, pull: Array, cell: float) -> dict[str, Any]:
    """All arrows as one broken line."""
    tip, barbs = arrow_heads(x, pull, cell)
    return {
        "x": small(np.concatenate([joined(x, tip, 0), barbs[:, 0]])),
        "y": small(np.concatenate([joined(x, tip, 1), barbs[:, 1]])),
    }


def forward_film(ways: Array, frames: Array, where: Sequence[str], stage: str) -> Figure:
    """Real points on their way to noise; frame k shows step frames[k] of `ways`, counted from the noise."""
    last = ways[frames[-1]]
    return Figure(
        [dots(last, f"real points, {stage}", BLUE)],
        plane(),
        f"{len(last)} real points and their way into noise, drawn at {len(frames)} times. At the end of the film they are the data, with a spread of {short(spread(last))}; at its beginning noise, with a spread of {short(spread(ways[0]))}. Stands at {where[-1]}.",
        "Each dot is a real point, mixed with a noise of its own; at the end of the film nothing is mixed in. Dots beyond the frame are not drawn. Move the bar below to the left for more noise.",
        [Frame([moved(ways[k])], [0]) for k in frames],
    )


def backward_film(
    ways: Array, frames: Array, pulls: Sequence[Array] | None, places: Array, cell: float, words: str
) -> Figure:
    """Generated points at the same times, over the arrows of the field."""
    last = ways[frames[-1]]
    data: list[dict[str, Any]] = [dots(last, "generated points", VERMILLION)]
    if pulls is not None:
        field = {
            "type": "scatter",
            "mode": "lines",
            "name": words,
            "hoverinfo": "skip",
            "line": {"color": GREY, "width": 1.1},
        }
        data.append({**field, **arrows(places, pulls[-1], cell)})
    shown = [
        [moved(ways[k]), *([] if pulls is None else [arrows(places, pulls[i], cell)])] for i, k in enumerate(frames)
    ]
    told = (
        ""
        if pulls is None
        else f" Grey arrows: {words[0].lower() + words[1:]}, in each frame the longest as long as a cell of the raster."
    )
    return Figure(
        data,
        plane(),
        f"{len(last)} generated points on their way from noise, {len(frames)} frames. At the end they have a spread of {short(spread(last))}, at the beginning {short(spread(ways[0]))}.{told}",
        f"Each red dot begins as noise and becomes a generated point.{told} At equal times both pictures show clouds of the same distribution, if the field is right and the steps are small.",
        [Frame(traces, range(len(traces))) for traces in shown],
    )


def spread(X: Array) -> float:
    """Root mean square distance from the mean."""
    return float(np.sqrt(((X - X.mean(0)) ** 2).sum(1).mean()))


def lines(curves: Mapping[str, tuple[Array, Array]], x: dict[str, Any], y: dict[str, Any], alt: str, read: str, marks: bool = False, shapes: Sequence[Mapping[str, Any]] = (), paired: bool = False) -> Figure:  # fmt: skip
    """Curves by name, told apart by colour and dash; where they come in pairs, a pair has one colour."""
    data = [
        {"type": "scatter", "mode": "lines+markers" if marks else "lines", "name": name, "x": np.asarray(at, float), "y": np.asarray(values, float),
         "line": {"color": CATEGORIES[(k // 2 if paired else k) % 7], "dash": DASHES[k % (2 if paired else 4)], "width": 2.2},
         "hovertemplate": "%{x:.4g}: %{y:.4g}<extra>%{fullData.name}</extra>"}
        for k, (name, (at, values)) in enumerate(curves.items())
    ]  # fmt: skip
    return Figure(data, layout(xaxis=x, yaxis=y, showlegend=True, shapes=list(shapes), margin={"l": 60, "r": 12, "t": 60, "b": 48}), alt, read)  # fmt: skip


def level(y: float) -> dict[str, Any]:
    """A shape: the dotted line at height y."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": GREEN, "width": 1.6, "dash": "dot"},
    }


def shares(t: Array, curves: Mapping[str, tuple[Array, Array]]) -> Figure:
    """a and b of every path."""
    both = {
        f"{part}, {name}": (t, values)
        for name, pair in curves.items()
        for part, values in zip(("a", "b"), pair, strict=True)
    }
    middle = ", ".join(f"{name} {short(float(np.interp(0.5, t, pair[0])))}" for name, pair in curves.items())
    return lines(
        both, axis("time t  [1]"), axis("share  [1]", range=[0, 1.05]),
        f"Shares of data (a) and noise (b) over time on three paths. At t = 0.5 the share a of the data is {middle}.",
        "Solid: a, how much of the clean point is left. Dashed: b, how much noise was mixed in. Each path has its colour.",
        paired=True,
    )  # fmt: skip


def ratios(t: Array, curves: Mapping[str, Array], crossings: Mapping[str, float]) -> Figure:
    """The signal-to-noise ratio."""
    return lines(
        {name: (t, values) for name, values in curves.items()}, axis("time t  [1]"),
        axis("signal-to-noise ratio a² / b²  [1]", type="log", exponentformat="power", dtick=1, range=[-4.5, 4]),
        f"Signal-to-noise ratio over time, on a log scale. Signal and noise are equal at {', '.join(f'{name} t = {short(x)}' for name, x in crossings.items())}.",
        "Above 1 (the dotted line) there is more data than noise. A schedule that falls early spends most of its steps on clouds in which hardly anything is left to see.",
        shapes=[level(1.0)],
    )  # fmt: skip


def quality(curves: Mapping[str, Sequence[tuple[int, float]]], floor: float, blob: float) -> Figure:
    """Distance to the data against evaluations of the field."""
    best = min((d, name, n) for name, row in curves.items() for n, d in row)
    found = {name: (np.array([n for n, _ in row]), np.array([d for _, d in row])) for name, row in curves.items()}
    return lines(
        found, axis("evaluations of the field for each point", type="log", dtick=float(np.log10(2)), tickformat="d"),
        axis("sliced W₂ to held-out points  [1]", type="log", dtick="D2", tickformat=".2~g"),
        f"Distance of generated from real points against the evaluations of the field, log scales. The smallest is {short(best[0])}, by {best[1]} with {best[2]}; real points are {short(floor)} away, a round cloud of the same size {short(blob)}.",
        "Lower is better. Left: few evaluations, so quick. The lower dotted line is how far equally many real points are from the held-out ones: nothing to gain below it, but luck. The upper one is the noise itself, a shapeless cloud of the right size; 1 is about where all points sit in the mean of the data. Heun asks the field twice in a step.",
        marks=True, shapes=[level(floor), level(blob)],
    )  # fmt: skip


def trails(ways: Array, bent: float) -> Figure:
    """The ways of some points."""
    some = ways[:, :70]
    gap = np.full((1, *some.shape[1:]), np.nan)
    walked = np.concatenate([some, gap]).swapaxes(0, 1).reshape(-1, 2)
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "way",
        "x": walked[:, 0],
        "y": walked[:, 1],
        "hoverinfo": "skip",
        "line": {"color": GREY, "width": 1},
    }
    return Figure(
        [line, dots(ways[0, :70], "noise (t = 1)", ORANGE), dots(ways[-1, :70], "generated (t = 0)", VERMILLION)], plane(),
        f"The ways of {some.shape[1]} points from noise to data in {len(ways) - 1} steps. On average a way is {short(bent)} times as long as the straight line between its ends.",
        "Grey: the way of a point, from its orange beginning in the noise to its red end. Methods that add noise in every step wander; an ODE glides.",
    )  # fmt: skip


def guess_film(x: Sequence[Array], guesses: Sequence[Array], centres: Array) -> Figure:
    """From every noisy point a line to the best guess of its clean one."""
    marks = [
        dots(centres, "centres of the data", GREY),
        strokes(x[-1], guesses[-1], "noisy point to guess", ORANGE),
        dots(guesses[-1], "best guess of x₀", VERMILLION),
        dots(x[-1], "noisy point", BLUE),
    ]
    frames = [
        Frame([{"x": small(joined(a, b, 0)), "y": small(joined(a, b, 1))}, moved(b), moved(a)], [1, 2, 3])
        for a, b in zip(x, guesses, strict=True)
    ]
    return Figure(
        marks, plane(),
        f"{len(x[0])} points on their way and the best guess of the clean point for each, over {len(x)} frames. In pure noise the guesses have a spread of {short(spread(guesses[0]))}, at the end of {short(spread(guesses[-1]))}.",
        "Blue: a generated point where the film stands. The orange line leads to the red dot, the best guess of what it will become: an average over all clean points that fit. The guess begins near the mean of the data and sharpens.",
        frames,
    )  # fmt: skip


def over_time(curves: Mapping[str, tuple[Array, Array]], y: str, alt: str, read: str, *, log: bool = False) -> Figure:
    """Curves over the time t."""
    return lines(curves, axis("time t  [1] (0: data, 1: noise)"), axis(y, **({"type": "log", "dtick": "D2", "tickformat": ".2~g"} if log else {"rangemode": "tozero"})), alt, read, marks=True)  # fmt: skip


def training(losses: Mapping[str, Array], floors: Mapping[str, float], title: str) -> Figure:
    """Losses over the updates, smoothed, and the least that is possible."""
    curves = {name: (np.arange(len(values)) + 1.0, smooth(values)) for name, values in losses.items()}
    ends = "; ".join(f"{name} ends at {short(float(smooth(values)[-1]))}" for name, values in losses.items())
    least = "; ".join(f"the least possible is {short(value)}, of {name}" for name, value in floors.items())
    return lines(
        curves, axis("update"), axis(title), f"Training loss, the mean over the last 25 updates. {ends}. {least}.",
        "Lower is better. The dotted line is the loss of the exact answer: on average no net goes below it, but by luck of a batch.",
        shapes=[level(value) for value in floors.values()],
    )  # fmt: skip


def smooth(values: Array) -> Array:
    """Means over the last 25 values, or over all while there are fewer."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - 25, 0)
    return (total[ends] - total[begins]) / (ends - begins)


def guided(X: Array, real: Array, label: int, w: float, share: float) -> Figure:
    """Points under guidance over real points of the class."""
    return Figure(
        [dots(real, f"real points of class {label}", GREY), dots(X, f"generated, w = {w:g}", VERMILLION)], plane(),
        f"Points generated for class {label} with guidance {w:g}: {100 * share:.1f} % of them lie nearest to a cloud of that class, and their spread is {short(spread(X))} against {short(spread(real))} of real points.",
        "Grey: real points of the class that was asked for. Red: generated ones. With more guidance they crowd where the class is least like all the others, also outside of the data.",
    )  # fmt: skip


def guidance_curves(found: Mapping[float, tuple[float, float, float]], now: float) -> Figure:
    """Share, spread and distance against w."""
    w = np.array(list(found))
    names = ("share in the class", "spread of the points", "sliced W₂ to the class")
    curves = {name: (w, np.array([row[k] for row in found.values()])) for k, name in enumerate(names)}
    first, *_, last = found.values()
    return lines(
        curves, axis("guidance w  [1]"), axis("share, spread, distance  [1]", rangemode="tozero"),
        f"From w = {w[0]:g} to {w[-1]:g} the share in the class goes from {short(first[0])} to {short(last[0])}, the spread from {short(first[1])} to {short(last[1])}, the distance to real points of the class from {short(first[2])} to {short(last[2])}.",
        "Blue: how many points belong to the class. Orange, dashed: how far they lie apart. Green, dotted: how far they are from real points of the class. The grey line is the guidance that was chosen.",
        marks=True, shapes=[upright_line(now, color=GREY, width=1.2)],
    )  # fmt: skip


def likelihood_map(line: Array, values: Array, name: str, nats: float, real: Array) -> Figure:
    """log p on a grid, with held-out points over it."""
    n = len(line)
    low = -8.0
    heat = {
        "type": "heatmap", "zsmooth": "best", "x": line, "y": line, "z": quantise(values.reshape(n, n), low, 1.0), "zmin": low, "zmax": 1.0, "colorscale": MAGNITUDE,
        "colorbar": {"title": {"text": "log p  [nats]", "side": "right"}, "thickness": 10}, "hovertemplate": "x = %{x:.2f}, y = %{y:.2f}<br>log p = %{z:.3g}<extra></extra>",
    }  # fmt: skip
    points = dots(
        real,
        "held-out points",
        "#ffffff",
        marker={"color": "#ffffff", "size": 4, "opacity": 0.8, "line": {"color": "#22303c", "width": 0.6}},
    )
    return Figure(
        [heat, points], plane(title={"text": name, "font": {"size": 14}, "x": 0.02, "y": 0.98, "yanchor": "top"}, margin={"l": 50, "r": 10, "t": 56, "b": 44}),
        f"{name}: log-density on a raster of {n} by {n} places, from {short(float(values.min()))} to {short(float(values.max()))} nats. Held-out points have {short(nats)} nats on average.",
        "Yellow: likely; dark blue: a density below e to the −8. White dots: held-out points, which a good model finds likely.",
    )  # fmt: skip


def panels(clouds: Mapping[str, tuple[Array, str]]) -> Figure:
    """Small maps side by side, four in a row."""
    data: list[dict[str, Any]] = []
    look: dict[str, Any] = {}
    rows = -(-len(clouds) // ROW)
    for k, (name, (X, words)) in enumerate(clouds.items()):
        tag, (row, column), colour = "" if k == 0 else str(k + 1), divmod(k, ROW), BLUE if k == 0 else VERMILLION
        data.append(
            {
                **dots(X, name, colour, marker={"color": colour, "size": 3, "opacity": 0.7}),
                "xaxis": f"x{tag}",
                "yaxis": f"y{tag}",
            }
        )
        left, top = column / ROW, 1 - row / rows
        square = {"range": [-EDGE, EDGE], "showticklabels": False, "constrain": "domain", "zeroline": False}
        look[f"xaxis{tag}"] = axis(
            f"{name}<br>{words}", domain=[left + 0.01, left + 0.99 / ROW], anchor=f"y{tag}", **square
        )
        look[f"yaxis{tag}"] = axis(
            "y  [1]" if column == 0 else " ",
            domain=[top - 1 / rows + 0.13, top],
            anchor=f"x{tag}",
            scaleanchor=f"x{tag}",
            **square,
        )
    return Figure(
        data, layout(**look, showlegend=False, margin={"l": 30, "r": 8, "t": 10, "b": 20}),
        f"Small maps of x against y: {'; '.join(f'{name}: {words}' for name, (_, words) in clouds.items())}.",
        "Blue: real points. Red: points of each method, after equally many updates of its net. Under each name stands the sliced W₂ to held-out points; every map runs from −2.6 to 2.6.",
    )  # fmt: skip


def apart(curves: Mapping[str, Array]) -> Figure:
    """Difference between the two engines' losses."""
    found = {name: (np.arange(len(values)) + 1.0, np.maximum(values, 1e-17)) for name, values in curves.items()}
    most = "; ".join(f"{name} {values.max():.1e}" for name, values in curves.items())
    return lines(
        found, axis("update"), axis("|difference of the losses|  [1]", type="log", exponentformat="power", range=[-17.3, -7]),
        f"How far the losses of NumPy and PyTorch lie apart in the first updates, at most: {most}.",
        "Both engines have the same first weights and batches. The dotted line is 1e-10. A difference in the last bit grows slowly, in RealNVP fastest, because its layers multiply. Equal losses are drawn at 1e-17.",
        shapes=[level(1e-10)],
    )  # fmt: skip


def thumbnail(whole: Figure) -> Figure:
    """The generated points and the field without words, for a card."""
    still = layout(
        xaxis=axis("x", visible=False, range=[-2.2, 2.2]), yaxis=axis("y", visible=False, range=[-1.8, 1.8]),
        margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False,
    )  # fmt: skip
    middle = whole.frames[len(whole.frames) * 3 // 4].data
    return Figure(
        [{**trace, **dict(change)} for trace, change in zip(whole.data, middle, strict=True)],
        still,
        whole.alt,
        whole.how_to_read,
    )
