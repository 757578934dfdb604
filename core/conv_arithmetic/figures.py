"""Pictures of one convolution: input, kernel and output as heat maps with numbers, and the film that walks over the cells.

Every matrix has axes of its own with square cells, row 0 on top. Pixel values are drawn in cividis; what can be negative in
blue, white at 0, orange. Green outlines mark what belongs to the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.plots.theme import GREEN, MAGNITUDE, VERMILLION, axis, hidden_axis, layout, signed_scale

STAGE_WIDTH, LENS_HEIGHT, MIN_WIDTH, TITLE = 1000, 340, 640, 34  # pixels
WIDE = ("cell", "im2col", "backward", "flip", "separable", "pooling")  # pictures of matrices side by side
FOG = "rgba(128, 136, 148, 0.55)"
MARGIN = {"l": 6, "r": 6, "t": 46, "b": 6}
SMALLEST_FONT = 7
MOST_SQUARES = 20_000  # in a film: beyond, a dilated window is one rectangle


def cell_text(values: np.ndarray) -> list[list[str]]:
    """What stands in the cells: whole numbers as they are, others to three digits; blank for NaN."""
    return [[_number(float(v)) for v in row] for row in values]


def _number(value: float) -> str:
    if not np.isfinite(value):
        return ""
    whole = value == round(value) and abs(value) < 1e5
    return (f"{value + 0.0:.0f}" if whole else f"{value:.3g}").replace("-", "−")


def heat(
    values: np.ndarray, name: str, room: tuple[float, float], *, signed: bool | None = None, bound: float | None = None
) -> dict[str, Any]:
    """A matrix as a heat map whose numbers stand in the cells where they fit; `room`: width and height in pixels."""
    text = cell_text(values)
    widest = max((len(word) for row in text for word in row), default=1)
    cell = min(room[0] / values.shape[1], room[1] / values.shape[0])
    font = min(15.0, 0.8 * cell, cell / (0.62 * max(widest, 2)))
    known = values[np.isfinite(values)]
    largest = bound if bound is not None else (float(np.abs(known).max()) if known.size else 1.0)
    signed = bool((known < 0).any()) if signed is None else signed
    colours = signed_scale(largest) if signed else {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": largest or 1.0}
    numbers = (
        {"text": text, "texttemplate": "%{text}", "textfont": {"size": round(font, 1)}} if font >= SMALLEST_FONT else {}
    )
    return {
        "type": "heatmap",
        "z": values,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": f"{name}[%{{y}}, %{{x}}] = %{{z:.6~g}}<extra></extra>",
        **numbers,
        **colours,
    }


def panels(
    parts: Sequence[tuple[str, np.ndarray, Mapping[str, Any]]],
    alt: str,
    how_to_read: str,
    widths: Sequence[float] | None = None,
    *,
    square: bool = True,
) -> Figure:
    """Matrices side by side, each (title, values, settings of `heat`); `widths`: their shares of the room.

    Without `square`, all rows are equally high and cells as wide as the room allows.
    """
    asked = widths or [max(values.shape[1], 3) for _, values, _ in parts]
    places = _domains([float(w) for w in asked], gap=0.035)
    data, axes, notes = [], {}, []
    most = max(len(values) for _, values, _ in parts)
    for k, ((title, values, settings), (left, right)) in enumerate(zip(parts, places, strict=True), 1):
        half = 0.5 if square else 0.5 * len(values) / most
        room = STAGE_WIDTH * (right - left), 2 * half * (LENS_HEIGHT - MARGIN["t"])
        data.append({**heat(values, title, room, **settings), **_on(k)})
        axes |= _axes(k, values.shape, (left, right), (0.5 - half, 0.5 + half), square=square)
        notes.append(_title(title, values.shape, k))
    return Figure(data, layout(**axes, annotations=notes, margin=MARGIN, showlegend=False), alt, how_to_read)


def _domains(widths: Sequence[float], gap: float) -> list[tuple[float, float]]:
    room, total, left, places = 1 - gap * (len(widths) - 1), sum(widths), 0.0, []
    for width in widths:
        places.append((left, left + room * width / total))
        left += room * width / total + gap
    return [(a, min(b, 1.0)) for a, b in places]


def _on(k: int) -> dict[str, str]:
    return {"xaxis": f"x{k if k > 1 else ''}", "yaxis": f"y{k if k > 1 else ''}"}


def _axes(
    k: int, shape: tuple[int, ...], x: tuple[float, float], y: tuple[float, float], *, square: bool = True
) -> dict[str, Any]:
    """Cells inside the box x × y of the figure; `shape` in cells, upper left cell 0, 0."""
    number = k if k > 1 else ""
    bound = {"scaleanchor": f"x{number}"} if square else {}
    across = hidden_axis(range=[-0.6, shape[1] - 0.4], domain=list(x), constrain="domain", anchor=f"y{number}")
    down = hidden_axis(range=[shape[0] - 0.4, -0.6], domain=list(y), constrain="domain", anchor=f"x{number}", **bound)
    return {f"xaxis{number}": across, f"yaxis{number}": down}


def _title(text: str, shape: tuple[int, ...], k: int) -> dict[str, Any]:
    number = k if k > 1 else ""
    place = {
        "x": (shape[1] - 1) / 2,
        "y": -0.6,
        "xref": f"x{number}",
        "yref": f"y{number}",
        "yanchor": "bottom",
        "xanchor": "center",
    }
    return {"text": text, "showarrow": False, "font": {"size": 13}, **place}


def _sign(text: str, x: float) -> dict[str, Any]:
    """An operator between two panels."""
    place = {"x": x, "y": 0.5, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "middle"}
    return {"text": text, "showarrow": False, "font": {"size": 22}, **place}


def outline(rows: np.ndarray, columns: np.ndarray, *, whole: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of a line around the cells rows × columns: one rectangle where they touch or as a `whole`, else one square a cell."""
    if whole or ((np.diff(rows) == 1).all() and (np.diff(columns) == 1).all()):
        boxes = [(rows[0], rows[-1], columns[0], columns[-1])]
    else:
        boxes = [(r, r, c, c) for r in rows for c in columns]
    x = [[a - 0.5, b + 0.5, b + 0.5, a - 0.5, a - 0.5, np.nan] for _, _, a, b in boxes]
    y = [[a - 0.5, a - 0.5, b + 0.5, b + 0.5, a - 0.5, np.nan] for a, b, _, _ in boxes]
    return np.ravel(x)[:-1], np.ravel(y)[:-1]


def fog(u: int, v: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the region of cells after (u, v), read row by row."""
    height, width = shape
    x = np.array([v, width - 1, width - 1, -1, -1, v, v]) + 0.5
    y = np.array([u - 1, u - 1, height - 1, height - 1, u, u, u - 1]) + 0.5
    return x, y


def stage_height(channels: int, rows: int) -> int:
    """Pixels for the main picture of so many input channels; flat where input and output have one row."""
    if rows == 1:
        return 90 + 80 * channels
    return {1: 430, 2: 620, 3: 840}.get(channels, 1060)


def stage(scene: Mapping[str, Any]) -> Figure:
    """Input, kernel and output, and the film. `scene` holds arrays and words (see `core.conv_arithmetic.scene`)."""
    seen, weights, y = scene["seen"], scene["weights"], scene["y"]
    channels, first, count = len(seen), scene["first"], len(weights)
    shares = [max(seen.shape[2], 4), max(2.6, 0.3 * max(seen.shape[2], y.shape[1])), max(y.shape[1], 4)]
    (left, middle, right) = _domains(shares, gap=0.05)
    height = stage_height(channels, max(seen.shape[1], len(y))) - MARGIN["t"] - MARGIN["b"]
    gap = TITLE / height
    band = (1 - gap * (channels - 1)) / channels
    bands = [(1 - c * (band + gap) - band, 1 - c * (band + gap)) for c in range(channels)]
    data, axes, notes = [], {}, []
    bound = float(np.abs(weights).max()) or 1.0
    signed_input, largest = bool((seen < 0).any()), float(np.abs(seen).max())
    for c in range(channels):
        used = first <= c < first + count
        k = 2 * c + 1
        faded = {} if used else {"opacity": 0.25, "texttemplate": ""}
        room = STAGE_WIDTH * (left[1] - left[0]), band * height
        data.append({**heat(seen[c], f"input {c}", room, signed=signed_input, bound=largest), **_on(k), **faded})
        axes |= _axes(k, seen.shape[1:], left, bands[c])
        notes.append(_title(scene["input_titles"][c], seen.shape[1:], k))
        if used:
            room = STAGE_WIDTH * (middle[1] - middle[0]), band * height
            data.append({**heat(weights[c - first], f"kernel {c}", room, signed=True, bound=bound), **_on(k + 1)})
            axes |= _axes(k + 1, weights.shape[1:], middle, bands[c])
            notes.append(_title(scene["kernel_titles"][c - first], weights.shape[1:], k + 1))
    last = 2 * channels + 1
    data.append({**heat(y, "output", (STAGE_WIDTH * (right[1] - right[0]), height)), **_on(last)})
    axes |= _axes(last, y.shape, right, (0.0, 1.0))
    notes.append(_title(scene["output_title"], y.shape, last))
    notes += [_sign(sign, (a + b) / 2) for sign, a, b in (("∗", left[1], middle[0]), ("=", middle[1], right[0]))]
    data += _borders(scene)
    moving, frames = _film(scene, len(data))
    return Figure(
        data=[*data, *moving],
        layout=layout(**axes, annotations=notes, margin=MARGIN, showlegend=False, hovermode="closest"),
        alt=scene["alt"],
        how_to_read=scene["how_to_read"],
        frames=frames,
    )


def clicked(scene: Mapping[str, Any], trace: int, row: int, column: int) -> int | None:
    """The film's step for a click on a cell of the main picture: of the output, or of an input where cells stamp; else None."""
    channels, first, count = len(scene["seen"]), scene["first"], len(scene["weights"])
    kinds = [
        kind for c in range(channels) for kind in (["input", "kernel"] if first <= c < first + count else ["input"])
    ]
    kind = [*kinds, "output"][trace] if trace <= len(kinds) else ""
    if kind != ("input" if scene["stamps"] else "output"):
        return None
    width = scene["seen"].shape[2] if scene["stamps"] else scene["y"].shape[1]
    return row * width + column


def _line(k: int, **style: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "connectgaps": False, **_on(k), **style}


def _borders(scene: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A dashed line around the true picture where there is padding."""
    top, left, height, width = scene["inner"]
    if (height, width) == scene["seen"].shape[1:]:
        return []
    x, y = outline(np.arange(top, top + height), np.arange(left, left + width))
    return [
        _line(2 * c + 1, x=x, y=y, line={"color": VERMILLION, "width": 2, "dash": "dash"})
        for c in range(len(scene["seen"]))
    ]


def _film(scene: Mapping[str, Any], offset: int) -> tuple[list[dict[str, Any]], list[Frame]]:
    """What moves: the marks on inputs and output, and the fog over the cells to come. The traces at the place of `scene["at"]`."""
    last = 2 * len(scene["seen"]) + 1
    inputs = [2 * c + 1 for c in range(scene["first"], scene["first"] + len(scene["weights"]))]
    mark = {"line": {"color": GREEN, "width": 3.5}}
    traces = [*(_line(k, **mark) for k in inputs), _line(last, **mark)]
    foggy = last if not scene["stamps"] else None
    if foggy:
        traces.append(_line(foggy, fill="toself", fillcolor=FOG, line={"width": 0}))
    whole = len(scene["stops"]) * scene["weights"].size > MOST_SQUARES
    frames = []
    for at in scene["stops"]:
        changes = []
        here, there = (at["cell"], at["taps"]) if scene["stamps"] else (at["taps"], at["cell"])
        x, y = outline(*here, whole=whole)
        changes += [{"x": x, "y": y} for _ in inputs]
        x, y = outline(*there, whole=whole)
        changes.append({"x": x, "y": y})
        if foggy:
            x, y = fog(int(at["cell"][0][0]), int(at["cell"][1][0]), scene["y"].shape)
            changes.append({"x": x, "y": y})
        frames.append(Frame(changes, list(range(offset, offset + len(changes)))))
    now = frames[scene["at"]].data
    return [{**trace, **change} for trace, change in zip(traces, now, strict=True)], frames


def given(image: np.ndarray) -> Figure:
    """The input alone: (channel, height, width)."""
    parts = [(f"Input, channel {c}: {len(x)} × {x.shape[1]}", x, {}) for c, x in enumerate(image)]
    alt = f"The input alone: {len(image)} channel{'s' if len(image) > 1 else ''} of {image.shape[1]} × {image.shape[2]} cells. These settings give no output."
    return panels(
        parts,
        alt,
        "The input's cells with their numbers, the brighter the larger. There is no output until the settings fit.",
    )


def one_cell(parts: Sequence[np.ndarray], names: Sequence[str], alt: str) -> Figure:
    """Window, weights and products, the channels below one another."""
    stacked = [np.concatenate([_with_gap(m) for m in part], axis=0)[:-1] for part in parts]
    signs = ({}, {"signed": True}, {"signed": True})
    titled = list(zip(names, stacked, signs, strict=True))
    return panels(
        titled,
        alt,
        "Left: the cells under the kernel. Middle: its weights. Right: their products, cell by cell; added up they are the output. With several channels one block for each stands below the other. Blue is negative, white 0, orange positive; each block has a scale of its own.",
    )


def _with_gap(matrix: np.ndarray) -> np.ndarray:
    return np.vstack([matrix, np.full((1, matrix.shape[1]), np.nan)])


def pooling(x: np.ndarray, pooled: np.ndarray, grad: np.ndarray, winners: np.ndarray, alt: str) -> Figure:
    """A picture, what pooling keeps of it, and where the gradient goes; `winners`: (n, 2) rows and columns."""
    figure = panels(
        [("y, before pooling", x, {}), ("pooled", pooled, {}), ("gradient, if 1 arrives everywhere", grad, {})],
        alt,
        "Left: the output of the convolution; green outlines mark the winner of each window (max pooling). Middle: the pooled picture. Right: where the gradient goes when 1 arrives at every pooled cell. Where windows overlap, shares add up. Each block has a scale of its own.",
        widths=[4, 3, 4],
    )
    lines = [outline(winners[n : n + 1, 0], winners[n : n + 1, 1]) for n in range(len(winners))]
    gap = np.array([np.nan])
    x_line, y_line = (np.concatenate([part for line in lines for part in (line[k], gap)] or [gap]) for k in (0, 1))
    return replace(figure, data=[*figure.data, _line(1, x=x_line, y=y_line, line={"color": GREEN, "width": 2.5})])


def bars(values: Mapping[str, float], y_title: str, alt: str, how_to_read: str, colour: str = GREEN) -> Figure:
    """Counts on a logarithmic scale."""
    names, counts = list(values), list(values.values())
    bar = {
        "type": "bar",
        "x": names,
        "y": counts,
        "text": [f"{c:,.0f}".replace(",", " ") for c in counts],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colour},
        "hovertemplate": "%{x}: %{y:,.0f}<extra></extra>",
    }
    top = float(np.log10(max(counts))) + 0.4
    return Figure(
        [bar],
        layout(
            xaxis=axis("layer", showgrid=False), yaxis=axis(y_title, type="log", range=[0, top], dtick=1), bargap=0.3
        ),
        alt,
        how_to_read,
    )


def matrix(A: np.ndarray, alt: str) -> Figure:
    """The layer as a matrix."""
    picture = {**heat(A, "A", (1.0, 1.0), signed=True), "xgap": 0, "ygap": 0}
    return Figure(
        [picture],
        layout(
            xaxis=axis("input cell (read row by row)", constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis(
                "output cell (read row by row)",
                autorange="reversed",
                constrain="domain",
                scaleanchor="x",
                showgrid=False,
                zeroline=False,
            ),
            margin={"l": 56, "r": 10, "t": 10, "b": 48},
        ),
        alt,
        "The convolution as the matrix A of a dense layer, y = A x + b. A row is an output cell, a column an input cell. White is 0: the cell is not seen. Orange and blue are the kernel's weights: the same few numbers in every row, moved along.",
    )


def shift_lines(curves: Mapping[str, np.ndarray], colours: Mapping[str, tuple[str, str]], alt: str) -> Figure:
    """How much each pooling changes while the picture moves."""
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": np.arange(len(values)),
            "y": 100 * values,
            "line": {"color": colours[name][0], "dash": colours[name][1], "width": 2.2},
            "hovertemplate": "moved %{x} cells: %{y:.3g} %<extra>%{fullData.name}</extra>",
        }
        for name, values in curves.items()
    ]
    return Figure(
        data,
        layout(
            xaxis=axis("picture moved to the left (cells)", dtick=1),
            yaxis=axis("change of the pooled picture (%)", rangemode="tozero"),
            showlegend=True,
        ),
        alt,
        "Left to right: the picture moves, wrapped round. Up: how far the pooled picture then is from the first one, moved by whole cells as well as can be, in per cent of its size. A move by the stride changes nothing; what rises between is what aliasing costs.",
    )


def thumbnail(scene: Mapping[str, Any]) -> Figure:
    """Input and output of the first visit, for the card."""
    figure = panels(
        [("", scene["seen"][0], {}), ("", scene["y"], {})],
        "A digit of 8 × 8 cells and what Sobel's kernel makes of it: its edges, blue where ink ends and orange where it begins.",
        "Left the picture, right the output of the convolution; blue is negative, orange positive.",
    )
    plain = [
        {key: value for key, value in trace.items() if key not in ("text", "texttemplate", "textfont")}
        for trace in figure.data
    ]
    return Figure(plain, {**figure.layout, "margin": {"l": 4, "r": 4, "t": 4, "b": 4}}, figure.alt, figure.how_to_read)
