"""The page's pictures: encodings as heat maps, likeness by distance, waves, turns, slopes, and what trained decoders do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREY, ORANGE, axis, layout, signed_scale, upright_line
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 400, 400
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def table(values: np.ndarray, kind: str, column: str, unit: str) -> Figure:
    """The encoding, one row for each position."""
    bound = float(np.abs(values).max())
    return Figure(
        [
            {
                "type": "heatmap", "z": quantise(values, -(bound or 1), bound or 1), **signed_scale(bound),
                "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12},
                "hovertemplate": f"position %{{y}}, {column} %{{x}}<br>%{{z:.3f}}<extra></extra>",
            }
        ],
        layout(
            xaxis=axis(column, showgrid=False, zeroline=False),
            yaxis=axis("position", autorange="reversed", showgrid=False, zeroline=False),
        ),
        alt=f"{kind}: {values.shape[0]} positions by {values.shape[1]} columns, the largest value {short(bound)} in size.",
        how_to_read="A row is a position. Orange is positive, blue negative, white 0. Two rows that look alike are places that the network can hardly tell apart.",
    )  # fmt: skip


def square(values: np.ndarray, kind: str, unit: str, query: int, key: int) -> Figure:
    """What position alone says about each pair of tokens."""
    bound = float(np.abs(values).max())
    return Figure(
        [
            {
                "type": "heatmap", "z": quantise(values, -(bound or 1), bound or 1), **signed_scale(bound),
                "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12},
                "hovertemplate": "query at %{y}, key at %{x}<br>%{z:.3f}<extra></extra>",
            },
            {
                "type": "scatter", "mode": "markers", "x": [key], "y": [query], "name": "chosen", "showlegend": False,
                "marker": {"symbol": "square-open", "size": 14, "color": "#e6007e", "line": {"width": 3}},
                "hovertemplate": "query at %{y}, key at %{x}<extra>chosen</extra>",
            },
        ],
        layout(
            xaxis=axis("position of the key", constrain="domain", showgrid=False, zeroline=False, range=[-0.5, len(values) - 0.5]),
            yaxis=axis("position of the query", range=[len(values) - 0.5, -0.5], scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
        ),
        alt=f"{kind}: likeness of every pair of {len(values)} positions; query {query} and key {key} have {short(float(values[query, key]))}.",
        how_to_read="Row: where the query stands; column: where the key stands. Stripes along the diagonal mean that the distance alone counts. The magenta square is the chosen pair.",
    )  # fmt: skip


def lines(
    x: np.ndarray,
    curves: Mapping[str, np.ndarray],
    x_title: str,
    y_title: str,
    what: str,
    read: str,
    *,
    mark: float | None = None,
    **more: Any,
) -> Figure:
    """Curves over one axis; `mark` is a dotted line across."""
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": x[: len(y)], "y": y,
            "line": {"color": CATEGORIES[k % len(CATEGORIES)], "width": 2.2, "dash": DASHES[k % len(DASHES)]},
            "hovertemplate": f"{x_title} %{{x}}<br>%{{y:.4g}}<extra>%{{fullData.name}}</extra>",
        }
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    shapes = [] if mark is None else [upright_line(mark, color=GREY, width=1.5, dash="dot")]
    return Figure(
        data,
        layout(xaxis=axis(x_title), yaxis=axis(y_title, **more), showlegend=True, shapes=shapes),
        alt=f"{what}: "
        + "; ".join(f"{name} from {short(float(y[0]))} to {short(float(y[-1]))}" for name, y in curves.items())
        + ".",
        how_to_read=read,
    )


def band(low: np.ndarray, mean: np.ndarray, high: np.ndarray, unit: str) -> Figure:
    """Likeness over the distance of two positions: mean, and the range over all pairs so far apart."""
    x = np.arange(len(mean))
    return Figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]), "fill": "toself",
                "line": {"width": 0}, "fillcolor": "rgba(43,123,186,0.22)", "name": "range over all pairs", "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines", "x": x, "y": mean, "name": "mean", "line": {"color": BLUE, "width": 2.4},
                "hovertemplate": "%{x} positions apart<br>%{y:.4f}<extra></extra>",
            },
        ],
        layout(xaxis=axis("distance [positions]"), yaxis=axis(unit), showlegend=True),
        alt=f"Likeness by distance: {short(float(mean[0]))} at 0, {short(float(mean[1]))} at 1, {short(float(mean[-1]))} at {len(mean) - 1} positions; the widest range is {short(float((high - low).max()))}.",
        how_to_read="The line is the mean over all pairs of positions so far apart, the band their range. Without a band the distance alone decides.",
    )  # fmt: skip


def wavelengths(lengths: np.ndarray, chosen: int, positions: int) -> Figure:
    """Positions in a full turn, for each pair of columns."""
    return Figure(
        [
            {
                "type": "bar", "x": np.arange(len(lengths)), "y": lengths,
                "marker": {"color": [ORANGE if k == chosen else BLUE for k in range(len(lengths))]},
                "hovertemplate": "pair %{x}<br>%{y:.4g} positions<extra></extra>",
            },
            {
                "type": "scatter", "mode": "lines", "x": [-0.5, len(lengths) - 0.5], "y": [positions, positions], "name": "length of the sentence",
                "line": {"color": GREY, "dash": "dash"}, "hovertemplate": "sentence: %{y} positions<extra></extra>",
            },
        ],
        layout(xaxis=axis("pair of columns"), yaxis=axis("wavelength [positions]", type="log"), showlegend=False),
        alt=f"Wavelengths of {len(lengths)} pairs, from {short(float(lengths[0]))} to {short(float(lengths[-1]))} positions; pair {chosen} has {short(float(lengths[chosen]))}.",
        how_to_read="A bar is how many positions a pair of columns needs for one full turn; orange is the chosen pair, the dashed line the length of the sentence. Longer waves never come round within it.",
    )  # fmt: skip


def turn(vectors: Mapping[str, np.ndarray], query: int, key: int) -> Figure:
    """One pair of columns of query and key as arrows, before and after they are turned."""
    reach = 1.15 * max(float(np.hypot(*v)) for v in vectors.values())
    look = {"q": (BLUE, "dot"), "k": (ORANGE, "dot"), "q turned": (BLUE, "solid"), "k turned": (ORANGE, "solid")}
    words = {"q": "query", "k": "key", "q turned": f"query at {query}", "k turned": f"key at {key}"}
    return Figure(
        [
            {
                "type": "scatter", "mode": "lines+markers", "name": words[name], "x": [0, v[0]], "y": [0, v[1]],
                "line": {"color": look[name][0], "dash": look[name][1], "width": 2.5}, "marker": {"size": [0, 9]},
                "hovertemplate": f"{words[name]}: (%{{x:.3f}}, %{{y:.3f}})<extra></extra>",
            }
            for name, v in vectors.items()
        ],
        layout(
            xaxis=axis("first column of the pair", range=[-reach, reach], constrain="domain"),
            yaxis=axis("second column of the pair", range=[-reach, reach], scaleanchor="x", constrain="domain"),
            showlegend=True,
        ),
        alt=f"One pair of columns of a query and a key as arrows; turned to positions {query} and {key} their product is {short(float(vectors['q turned'] @ vectors['k turned']))}.",
        how_to_read="Dotted: query and key as they are. Solid: turned by position times frequency. Lengths stay; the angle between the solid arrows depends on the distance of the positions alone.",
    )  # fmt: skip


def spreads(values: Mapping[str, float]) -> Figure:
    """The largest difference of scores at one distance, for each encoding."""
    shown = [max(v, 1e-17) for v in values.values()]
    return Figure(
        [
            {
                "type": "bar", "x": list(values), "y": shown, "marker": {"color": BLUE},
                "text": [f"{v:.0e}" for v in values.values()], "textposition": "outside",
                "hovertemplate": "%{x}: %{text}<extra></extra>",
            }
        ],
        layout(xaxis=axis("encoding", type="category"), yaxis=axis("spread of the score [1]", type="log", range=[-17.5, 2.5], exponentformat="power")),
        alt="Largest difference of two scores at the same distance: " + ", ".join(f"{name} {v:.0e}" for name, v in values.items()) + ".",
        how_to_read="The same query and key stand at every pair of positions; a bar is how far the scores at one distance lie apart. Bars near 1e-16 are rounding: there the distance alone decides. 0 is drawn at 1e-17.",
    )  # fmt: skip


def answers(letters: Sequence[str], before: np.ndarray, after: np.ndarray) -> Figure:
    """The last token's probabilities before and after the shuffle."""
    return Figure(
        [
            {
                "type": "bar", "name": name, "x": list(letters), "y": p, "marker": {"color": color},
                "hovertemplate": f"%{{x}}, {name}: %{{y:.4f}}<extra></extra>",
            }
            for name, p, color in (("as written", before, BLUE), ("shuffled", after, ORANGE))
        ],
        layout(xaxis=axis("letter", type="category"), yaxis=axis("probability [1]", range=[0, 1]), barmode="group", showlegend=True),
        alt=f"Probabilities of the letter before the last: as written {letters[int(before.argmax())]} with {before.max():.2f}, after the shuffle {letters[int(after.argmax())]} with {after.max():.2f}.",
        how_to_read="What the decoder says at the last token: which letter stood before it. Blue: the sentence as written; orange: all earlier letters shuffled.",
    )  # fmt: skip


def thumbnail(values: np.ndarray) -> Figure:
    """The card on the home page."""
    return Figure(
        [{"type": "heatmap", "z": quantise(values, -1, 1), **signed_scale(1.0), "showscale": False, "hoverinfo": "skip"}],
        layout(
            xaxis={"visible": False}, yaxis={"visible": False, "autorange": "reversed"}, margin={"l": 4, "r": 4, "t": 4, "b": 4}
        ),
        alt="Sinusoidal position vectors: stripes that are narrow on the left and wide on the right, one row for each position.",
        how_to_read="A row is a position, a column one number of its vector; orange is positive, blue negative.",
    )  # fmt: skip
