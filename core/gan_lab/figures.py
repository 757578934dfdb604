"""The pictures: D over the plane with real and generated points, the sheet that G makes of its noise, losses, measures, closer looks.

Figures take arrays that were computed elsewhere. In films D's map has one byte a value; a film's last frame is the figure itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.gan_lab.alarms import Alarm
from core.gan_lab.compute import Run, floor_of
from core.gan_lab.data import EDGE
from core.gan_lab.maps import SCALES, SHOWN, Best, Scale, answers, arrows, family, sheet
from core.gan_lab.measures import LINE, SHARE
from core.gan_lab.spec import LOSSES
from core.plots.encode import quantise
from core.plots.theme import BLUE, GREEN, GREY, MAGNITUDE, ORANGE, PURPLE, SIGNED, VERMILLION, axis, hidden_axis, layout
from core.plots.words import short

MAP_HEIGHT, CURVE_HEIGHT, LENS_HEIGHT = 450, 260, 400
REAL_DOT = {"color": GREEN, "size": 5, "symbol": "circle", "line": {"color": "#ffffff", "width": 0.6}}
FAKE_DOT = {"color": PURPLE, "size": 6, "symbol": "diamond", "line": {"color": "#ffffff", "width": 0.6}}
ARROW, STAND = "#333333", {"color": GREY, "width": 1.5}
SQUARE = {"range": [-EDGE, EDGE], "zeroline": False, "showgrid": False}
MOST_POINTS = 400  # of a curve
FAINT = 0.002  # of the fullest cell: below it D* is a matter of tails


def plane_axes(**more: Any) -> dict[str, Any]:
    """The layout of a map: x and y at one scale."""
    return layout(
        xaxis=axis("x", constrain="domain", **SQUARE),
        yaxis=axis("y", scaleanchor="x", constrain="domain", **SQUARE),
        margin={"l": 50, "r": 10, "t": 40, "b": 46},
        **more,
    )


def heat(z: Any, scale: Scale, **more: Any) -> dict[str, Any]:
    """A map of D: orange where it says real, blue where it says generated."""
    return {
        "type": "heatmap", "x": LINE, "y": LINE, "z": z, "zmin": scale.low, "zmax": scale.high, "colorscale": [list(stop) for stop in SIGNED],
        "colorbar": {"title": {"text": scale.title, "side": "right"}, "thickness": 10}, "hovertemplate": "x %{x:.2f}, y %{y:.2f}: %{z:.3g}<extra>D</extra>",
        **more,
    }  # fmt: skip


def dots(X: np.ndarray, name: str, marker: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Points of the plane."""
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": X[:, 0], "y": X[:, 1], "marker": dict(marker),
        "hovertemplate": "x %{x:.2f}, y %{y:.2f}<extra>" + name + "</extra>", **more,
    }  # fmt: skip


def path(X: np.ndarray) -> dict[str, Any]:
    """The coordinates of a line, its gaps included."""
    return {"x": X[:, 0], "y": X[:, 1]}


def game(run: Run) -> Figure:
    """D's map, real and generated points, and where G's loss pulls them; the film of the game."""
    scale, maps, frames = SCALES[family(run.spec.loss)], answers(run), range(len(run.rounds))
    coded = [quantise(z, scale.low, scale.high) for z in maps]
    pulls = [arrows(run, k).reshape(-1, 2) for k in frames]
    moving = [({"z": coded[k]}, path(run.fakes[k][:SHOWN]), path(pulls[k])) for k in frames[:-1]]
    arrow = {
        "type": "scatter", "mode": "lines", "name": "where G's loss pulls", **path(pulls[-1]),
        "line": {"color": ARROW, "width": 1.2}, "hoverinfo": "skip",
    }  # fmt: skip
    m = run.measures
    return Figure(
        [heat(maps[-1], scale), dots(run.stick.real[:SHOWN], "real", REAL_DOT), dots(run.fakes[-1][:SHOWN], "generated", FAKE_DOT), arrow],
        plane_axes(showlegend=True, uirevision=f"map {run.spec.data} {run.spec.loss}"),
        f"D over the plane with real and generated points after {run.rounds[-1]} rounds: {int(m['covered'][-1])} of {len(run.source.places)} places are covered, and {100 * m['inside'][-1]:.0f} % of the generated points lie in one.",
        f"Background: D, {scale.title.removeprefix('D: ')}; orange says real, blue says generated, white is undecided. Green circles: real points. Purple diamonds: points that G makes of noise, the same noise in every frame. A dark line runs from a generated point to where G's loss pulls it; its length is 0.35 g / (g + 0.2) for a gradient of length g, so no line means no pull.",
        [*(Frame(list(data), [0, 2, 3]) for data in moving), Frame([], [])],
    )  # fmt: skip


def sheets(run: Run) -> Figure:
    """What G makes of an even grid of noise; the film."""
    found = [sheet(run.spec, theta) for theta in run.G]
    names = ("z₁ fixed, z₂ runs", "z₂ fixed, z₁ runs") if len(found[0]) == 2 else ("z runs",)
    lines = [
        {"type": "scatter", "mode": "lines", "name": name, **path(X), "line": {"color": colour, "width": 1.3}, "hoverinfo": "skip"}
        for name, colour, X in zip(names, (BLUE, ORANGE), found[-1], strict=False)
    ]  # fmt: skip
    traces = list(range(1, 1 + len(lines)))
    spread = [float(np.ptp(X[~np.isnan(X[:, 0])], axis=0).max()) for X in found[-1]]
    return Figure(
        [dots(run.stick.real[:SHOWN], "real", REAL_DOT, opacity=0.55), *lines],
        plane_axes(showlegend=True, uirevision=f"sheet {run.spec.data}"),
        f"The sheet of noise as G maps it after {run.rounds[-1]} rounds, over the real points: it spans {short(max(spread))} of the map's 4 units.",
        "A grid of evenly spaced noise, drawn where G sends it. Where lines crowd, G makes many points; where they are stretched between clouds of real points, it makes few, but not none: a smooth map cannot tear the sheet.",
        [*(Frame([path(X) for X in k], traces) for k in found[:-1]), Frame([], [])],
    )  # fmt: skip


def binned(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 400 means over equal stretches of rounds: the last round of each stretch, and the mean losses (stretch, player)."""
    width = -(-max(1, len(losses)) // MOST_POINTS)
    ends = np.minimum(np.arange(width, len(losses) + width, width), len(losses))
    return ends, np.array(
        [losses[end - width if end % width == 0 else end - end % width : end].mean(0) for end in ends]
    ).reshape(-1, 2)


def window(values: Sequence[np.ndarray]) -> list[float]:
    """An axis range for curves with spikes: from the 1st to the 99th percentile, and a margin."""
    known = np.concatenate([v[np.isfinite(v)] for v in values] or [np.zeros(0)])
    if not len(known):
        return [0.0, 1.0]
    low, high = np.percentile(known, [1, 99])
    return [float(low - 0.1 * (high - low) - 0.05), float(high + 0.1 * (high - low) + 0.05)]


def curves(
    run: Run,
    lines: Sequence[tuple[str, np.ndarray, np.ndarray, str, str]],
    y_title: str,
    reach: list[float],
    alt: str,
    words: str,
    **more: Any,
) -> Figure:
    """Curves (name, rounds, values, colour, dash) over the rounds, with a line where the film stands."""
    data = [
        {"type": "scatter", "mode": "lines" if len(x) > 1 else "markers", "name": name, "x": x, "y": y, "line": {"color": colour, "width": 2, "dash": dash}, "hovertemplate": "round %{x}: %{y:.4g}<extra>" + name + "</extra>"}
        for name, x, y, colour, dash in lines
    ]  # fmt: skip
    ends = [10**v for v in reach] if more.get("type") == "log" else reach
    stand = {
        "type": "scatter",
        "mode": "lines",
        "y": ends,
        "x": [float(run.rounds[-1])] * 2,
        "line": STAND,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return Figure(
        [*data, stand],
        layout(xaxis=axis("round"), yaxis=axis(y_title, range=reach, **more), showlegend=True, uirevision=f"{y_title} {run.rounds[-1]}"),
        alt,
        f"{words} The grey line is where the film stands.",
        [*(Frame([{"x": [float(k)] * 2}], [len(data)]) for k in run.rounds[:-1]), Frame([], [])],
    )  # fmt: skip


def losses(run: Run) -> Figure:
    """Both losses over the rounds."""
    ends, means = binned(run.losses)
    D, G = means.T
    told = "no round was played" if not len(ends) else f"at the end D {short(float(D[-1]))} and G {short(float(G[-1]))}"
    even = {"log": ", and 2 log 2 = 1.386 for a D that cannot tell", "least": ", and 0.25 for a D that cannot tell", "hinge": ", and 2 for a D that cannot tell"}.get(family(run.spec.loss), "")  # fmt: skip
    return curves(
        run, [("loss of D", ends, D, BLUE, "solid"), ("loss of G", ends, G, VERMILLION, "dash")], "loss", window([D, G]),
        f"Losses of D and G over {len(run.losses)} rounds: {told}.",
        f"Solid: what D pays, dashed: what G pays, each a mean over a stretch of rounds{even}. They do not both fall: one player's gain is the other's loss, so neither curve says how good the points are.",
    )  # fmt: skip


def progress(run: Run) -> Figure:
    """Places covered, JS, and how well D tells the two apart, all as shares."""
    m, n = run.measures, len(run.source.places)
    lines = [
        ("places covered", run.rounds, m["covered"] / n, GREEN, "solid"),
        ("JS / log 2", run.rounds, m["JS"] / np.log(2), PURPLE, "dash"),
        ("pairs that D ranks right", run.rounds, m["ranked"], BLUE, "dot"),
    ]
    return curves(
        run, lines, "share", [-0.03, 1.05],
        f"After {run.rounds[-1]} rounds {int(m['covered'][-1])} of {n} places are covered, the Jensen-Shannon divergence is {short(float(m['JS'][-1]))} nats, and D ranks {100 * m['ranked'][-1]:.0f} % of the pairs right.",
        f"Green: the share of places that get at least {100 * SHARE:.0f} % of their even share of the points; 1 is all of them. Purple: the divergence of generated from real points; 0 is equal. Blue: in how many pairs D puts the real point above the generated one; 0.5 is guessing.",
    )  # fmt: skip


def film_steps(run: Run) -> list[Step]:
    """What the transport bar says at each frame."""
    m, n, told = run.measures, len(run.source.places), []
    for k, done in enumerate(run.rounds.tolist()):
        loss = (
            ""
            if not done
            else f" · D {short(float(run.losses[done - 1, 0]))} · G {short(float(run.losses[done - 1, 1]))}"
        )
        told.append(
            Step(
                f"round {done}{loss.replace('nan', 'rests')} · {int(m['covered'][k])} of {n} places · JS {short(float(m['JS'][k]))}"
            )
        )
    return told


def blank(X: np.ndarray) -> Figure:
    """The map with the points drawn so far."""
    ground = {**heat(np.full((len(LINE), len(LINE)), 0.5), SCALES["log"]), "showscale": False}
    return Figure(
        [ground, dots(X, "real", REAL_DOT)], plane_axes(), f"An empty map with {len(X)} points; click to add one.", "Each green circle is a point that G is to imitate; a click adds one."
    )  # fmt: skip


# --- The closer looks -------------------------------------------------------------------------------------------------


def strip(run: Run, found: Sequence[Alarm]) -> Figure:
    """When which alarm is raised."""
    raised = np.array([alarm.raised for alarm in found], float)
    names = [alarm.name for alarm in found]
    return Figure(
        [{"type": "heatmap", "x": np.arange(len(run.rounds)), "y": names, "z": raised, "zmin": 0, "zmax": 1, "colorscale": [[0, "rgba(138,143,152,0.18)"], [1, VERMILLION]], "showscale": False, "ygap": 4,
          "customdata": np.repeat(run.rounds[None].astype(float), len(names), 0), "hovertemplate": "%{y}, round %{customdata}: %{z}<extra></extra>"}],
        layout(xaxis=axis("frame of the film"), yaxis=axis("alarm", autorange="reversed")),
        "Alarms over the film: " + "; ".join(f"{name} in {int(row.sum())} of {len(row)} frames" for name, row in zip(names, raised, strict=True)) + ".",
        "A row for each alarm, a column for each frame of the film: red where the rule holds, grey where it does not.",
    )  # fmt: skip


def limits(run: Run, moved: np.ndarray, limit: Mapping[str, float]) -> Figure:
    """The measures that the rules read, with their limits."""
    m = run.measures
    lines = [
        ("variety", run.rounds, m["variety"], GREEN, "solid"),
        ("points that moved, 8 frames", run.rounds, moved, ORANGE, "dash"),
        ("pairs that D ranks right", run.rounds, m["ranked"], BLUE, "dot"),
    ]
    figure = curves(
        run, lines, "share", [-0.03, 2.0],
        f"At the end G fills {short(float(m['variety'][-1]))} cells for each cell of the data, {100 * moved[-1]:.0f} % of its points move from frame to frame, and D ranks {100 * m['ranked'][-1]:.0f} % of the pairs right.",
        f"Green: cells that G fills for each that the data fill; 1 is equal, below {limit['variety']:.2f} is thin. Orange: points that change their place from frame to frame; from {limit['moved']:g} on it is wandering. Blue: pairs that D ranks right; from {limit['ranked']:g} on D is nearly sure. Values above 2 lie over the picture.",
    )  # fmt: skip
    shapes = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit[name], "y1": limit[name], "line": {"color": colour, "width": 1, "dash": dash}}
        for name, colour, dash in (("variety", GREEN, "solid"), ("moved", ORANGE, "dash"), ("ranked", BLUE, "dot"))
    ]  # fmt: skip
    return Figure(figure.data, {**figure.layout, "shapes": shapes}, figure.alt, figure.how_to_read, figure.frames)


def divergences(run: Run) -> Figure:
    """JS and KL over the rounds."""
    m, floor = run.measures, floor_of(run)["JS"]
    lines = [
        ("JS", run.rounds, m["JS"], PURPLE, "solid"),
        ("KL(real ‖ generated)", run.rounds, m["KL"], ORANGE, "dash"),
        ("JS of two real samples", run.rounds[[0, -1]], np.array([floor, floor]), GREY, "dot"),
    ]
    reach = np.log10([0.8 * min(floor, m["JS"].min()), 1.3 * max(m["KL"].max(), 0.7)]).tolist()
    return curves(
        run, lines, "divergence (nats)", reach,
        f"JS goes from {short(float(m['JS'][0]))} to {short(float(m['JS'][-1]))} nats, KL from {short(float(m['KL'][0]))} to {short(float(m['KL'][-1]))}; two real samples have a JS of {short(floor)}.",
        "Purple: Jensen-Shannon, at most log 2 = 0.693. Orange: Kullback-Leibler, large where G makes nothing although there are data. Dotted: the JS of two draws of real points, as low as a sample of this size can get on average.",
        type="log",
    )  # fmt: skip


def transport_cost(run: Run, frames: np.ndarray, exact: np.ndarray, floor: float) -> Figure:
    """Wasserstein distances: sliced at all frames, exact at some."""
    sliced, even = run.measures["sliced W1"], floor_of(run)["sliced W1"]
    lines = [
        ("exact W₁", run.rounds[frames], exact, VERMILLION, "solid"),
        ("sliced W₁", run.rounds, sliced, BLUE, "dash"),
        ("exact W₁ of two real samples", run.rounds[[0, -1]], np.array([floor, floor]), GREY, "dot"),
    ]
    return curves(
        run, lines, "distance (units of the map)", [0.0, 1.1 * float(max(exact.max(), sliced.max()))],
        f"The exact Wasserstein distance goes from {short(float(exact[0]))} to {short(float(exact[-1]))}, the sliced one from {short(float(sliced[0]))} to {short(float(sliced[-1]))}; two real samples are {short(floor)} and {short(even)} apart.",
        "Red: how far each generated point has to go on average, if they are paired with real ones in the cheapest way (300 of each). Blue: the mean of the same over 32 directions, each a line. Dotted: two draws of real points.",
    )  # fmt: skip


def visited(run: Run, counts: np.ndarray) -> Figure:
    """How many generated points each place gets, frame by frame."""
    share = counts * len(run.source.places) / run.fakes.shape[1]
    return Figure(
        [{"type": "heatmap", "x": np.arange(len(counts)), "y": np.arange(1, counts.shape[1] + 1), "z": quantise(share.T, 0.0, 3.0), "zmin": 0, "zmax": 3, "colorscale": MAGNITUDE,
          "colorbar": {"title": {"text": "points, 1 = even share", "side": "right"}, "thickness": 10}, "hovertemplate": "frame %{x}, place %{y}: %{z:.2f} of its share<extra></extra>"}],
        layout(xaxis=axis("frame of the film"), yaxis=axis("place", dtick=1 if counts.shape[1] <= 12 else 5)),
        f"Generated points at each of {counts.shape[1]} places over {len(counts)} frames; at the end the fullest place has {short(float(share[-1].max()))} times its even share, the emptiest {short(float(share[-1].min()))}.",
        "A row for each place, a column for each frame. Dark: nobody comes; 1 is an even share; bright: three times that or more. A row that stays dark is a place that G misses; stripes that jump from row to row are wandering.",
    )  # fmt: skip


def shares(run: Run, counts: np.ndarray, frame: int) -> Figure:
    """Generated and real points at each place, at one frame."""
    n, real = run.fakes.shape[1], counts[1]
    x = np.arange(1, len(real) + 1)
    bars = [
        {"type": "bar", "name": name, "x": x, "y": 100 * values / n, "marker": {"color": colour, "pattern": {"shape": shape}}, "hovertemplate": "place %{x}: %{y:.1f} %<extra>" + name + "</extra>"}
        for name, values, colour, shape in (("generated", counts[0], PURPLE, ""), ("real", real, GREEN, "/"))
    ]  # fmt: skip
    even = 100 / len(real)
    line = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": SHARE * even,
        "y1": SHARE * even,
        "line": {"color": GREY, "dash": "dot"},
    }
    return Figure(
        bars,
        layout(xaxis=axis("place", dtick=1 if len(real) <= 12 else 5), yaxis=axis("points there (%)"), barmode="group", showlegend=True, shapes=[line]),
        f"After {run.rounds[frame]} rounds: from {100 * counts[0].min() / n:.1f} % to {100 * counts[0].max() / n:.1f} % of the generated points at a place, and {100 * (1 - counts[0].sum() / n):.0f} % at none.",
        f"Purple: generated points at each place, hatched green: real ones. A place counts as covered from the dotted line on: {100 * SHARE:.0f} % of an even share of {even:.1f} %.",
    )  # fmt: skip


def best_maps(found: Best, run: Run) -> dict[str, Figure]:
    """D* and D, side by side."""
    scale, weight = SCALES[family(run.spec.loss)], found.p + found.q
    star, own = (np.where(weight > FAINT * weight.max(), z, np.nan) for z in (found.star, found.own))
    words = f"Orange says real, blue says generated, white is undecided. Cells with next to no points of either kind (less than {100 * FAINT:g} % of the fullest cell) are left empty: nothing there decides what is best."
    return {
        "the best D": Figure(
            [heat(star, scale, hoverongaps=False)], plane_axes(), f"The best D for these densities: its loss on the grid is {short(found.least)}.", words
        ),
        "this D": Figure(
            [heat(own, scale, hoverongaps=False)], plane_axes(), f"The D of this run: its loss on the grid is {short(found.cost)}, and it is {short(found.gap)} away from the best one on average.", words
        ),
    }  # fmt: skip


def race(run: Run, rival: Run) -> dict[str, Figure]:
    """The rival's game, and how both fare."""
    pair = [
        (LOSSES[r.spec.loss], r, colour, dash) for r, colour, dash in ((run, BLUE, "solid"), (rival, ORANGE, "dash"))
    ]
    ends = "; ".join(
        f"{name} {short(float(r.measures['JS'][-1]))} with {int(r.measures['covered'][-1])} places"
        for name, r, _, _ in pair
    )
    return {
        "the other game": game(rival),
        "both": curves(
            run, [(name, r.rounds, r.measures["JS"], colour, dash) for name, r, colour, dash in pair], "JS (nats)", [0.0, 0.72],
            f"Jensen-Shannon divergence of both games, at the end: {ends}.",
            "The divergence of generated from real points under each loss; lower is better, 0.693 is the most there is.",
        ),
    }  # fmt: skip


def engines(both: np.ndarray) -> dict[str, Figure]:
    """The losses of both engines, and how far they are apart."""
    x = np.arange(1, both.shape[1] + 1)
    gap = np.nanmax(np.abs(both[0] - both[1]), initial=0.0)
    lines = [
        {"type": "scatter", "mode": "lines" if e else "markers", "name": f"{player}, {engine}", "x": x, "y": both[e, :, p], "line": {"color": colour, "width": 2}, "marker": {"color": colour, "size": 4, "symbol": symbol}, "hovertemplate": "round %{x}: %{y:.6g}<extra>%{fullData.name}</extra>"}
        for p, (player, colour) in enumerate((("D", BLUE), ("G", VERMILLION)))
        for e, (engine, symbol) in enumerate((("NumPy", "circle"), ("PyTorch", "circle")))
    ]  # fmt: skip
    apart = [
        {"type": "scatter", "mode": "markers", "name": f"loss of {player}", "x": x, "y": np.maximum(np.abs(both[0, :, p] - both[1, :, p]), 1e-17), "marker": {"color": colour, "size": 5, "symbol": symbol}, "hovertemplate": "round %{x}: %{y:.2g}<extra>%{fullData.name}</extra>"}
        for p, (player, colour, symbol) in enumerate((("D", BLUE, "circle"), ("G", VERMILLION, "diamond")))
    ]  # fmt: skip
    return {
        "losses of both engines": Figure(
            lines, layout(xaxis=axis("round"), yaxis=axis("loss"), showlegend=True),
            f"Losses of both engines over the first {len(x)} rounds: the largest difference is {gap:.1e}.",
            "Dots: this page's engine. Lines: PyTorch, from the same first weights, batches and noise.",
        ),
        "how far apart": Figure(
            apart, layout(xaxis=axis("round"), yaxis=axis("|difference|", type="log", exponentformat="power"), showlegend=True),
            f"Differences of the losses, round by round; the largest is {gap:.1e}.",
            "The two engines add up in another order, so the last bit differs, and the game magnifies it slowly. Differences of 0 are drawn at 1e-17.",
        ),
    }  # fmt: skip


def thumbnail(run: Run) -> Figure:
    """The game's last frame, small."""
    figure = game(run)
    ground, *others = figure.data
    edges = {"range": [-EDGE, EDGE]}
    return Figure(
        [{**ground, "showscale": False}, *others],
        layout(xaxis=hidden_axis(**edges), yaxis=hidden_axis(**edges), margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False),
        figure.alt, figure.how_to_read,
    )  # fmt: skip
