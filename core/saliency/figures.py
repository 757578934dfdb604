"""The page's pictures: all maps side by side, one map large, layers, curves, cascade, marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREY, MAGNITUDE, ORANGE, SIGNED, axis, hidden_axis, layout
from core.plots.tiles import resized
from core.plots.words import short

COLUMNS, TILE = 4, 178  # of the small multiples; pixels of one tile with its title
LARGE_HEIGHT, BARS_HEIGHT, PICTURE_HEIGHT, CURVES_HEIGHT, MARKS_HEIGHT = 470, 250, 330, 380, 560
GREYS = ((0.0, "#000000"), (1.0, "#ffffff"))
OUTLINE = "#13b5a6"
SCALES = {True: [list(stop) for stop in SIGNED], False: MAGNITUDE}


def gallery_height(figure: Figure) -> int:
    """Pixels: one row of tiles after the other, and the colour bars."""
    return -(-len(figure.layout["annotations"]) // COLUMNS) * TILE + 66


def shrunk(values: np.ndarray) -> np.ndarray:
    """Pictures or maps (..., height, width) at half their size where a tile could not show them whole."""
    height, width = values.shape[-2:]
    if height <= TILE // 2 + 24:
        return values
    return resized(values.reshape(-1, height, width), height // 2, width // 2).reshape(
        *values.shape[:-2], height // 2, width // 2
    )


def bound_of(heat: np.ndarray, clip: float) -> float:
    """The size at which the colours end: the `clip`-th percentile of |heat|; of a sparse map, its largest value."""
    size = np.abs(heat)
    return float(np.percentile(size, clip)) or float(size.max()) or 1.0


def grey(picture: np.ndarray) -> np.ndarray:
    """(channels, height, width) in 0..1 -> (height, width): the mean of the colours."""
    return picture.mean(0)


def gallery(
    picture: np.ndarray,
    tiles: Mapping[str, np.ndarray | None],
    signed: Mapping[str, bool],
    clip: float,
    overlay: float,
    mask: np.ndarray | None,
    chosen: str = "",
    what: str = "class",
) -> Figure:
    """Tiles (title -> map (height, width), None while it is being made) over the grey picture, which stands first alone."""
    titles = ["The picture", *tiles]
    maps = [None, *tiles.values()]
    rows = -(-len(titles) // COLUMNS)
    data: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    notes = []
    for k, (title, heat) in enumerate(zip(titles, maps, strict=True)):
        left, bottom, width, height = _cell(k, rows)
        suffix = str(k + 1) if k else ""
        side = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        axes[f"xaxis{suffix}"] = hidden_axis(
            domain=[left, left + width], anchor=f"y{suffix}", constrain="domain", matches="x" if k else None
        )
        axes[f"yaxis{suffix}"] = hidden_axis(
            domain=[bottom, bottom + height], anchor=f"x{suffix}", autorange="reversed", scaleanchor=f"x{suffix}",
            constrain="domain",
        )  # fmt: skip
        data.append(_base(picture, side, title))
        if heat is not None:
            data.append(_heat(heat, signed[title], clip, overlay, side, title))
        if mask is not None:
            data.append(_outline(mask, side))
        notes.append(
            _title(
                title + ("" if heat is not None or k == 0 else " ..."),
                left + width / 2,
                bottom + height,
                title == chosen,
            )
        )
    data += _keys(list(signed.values()))
    done = [t for t, heat in tiles.items() if heat is not None]
    return Figure(
        data,
        layout(**axes, annotations=notes, margin={"l": 4, "r": 4, "t": 20, "b": 44}, showlegend=False),
        alt=f"The picture and {len(done)} maps of where the network looked for the {what}: {', '.join(done)}."
        + (" The true outline of the shape is drawn on each." if mask is not None else ""),
        how_to_read="Each tile lays one method's map over the same grey picture. Orange pixels speak for the class, blue ones against it; "
        "maps of sizes alone run from dark blue (none) to yellow. Every tile has its own scale, from 0 to the chosen percentile of its "
        "values, so colours of two tiles cannot be compared as numbers."
        + (" The green line is the true outline of the planted shape." if mask is not None else "")
        + " Click a tile to look closer at its method.",
    )


def _cell(k: int, rows: int) -> tuple[float, float, float, float]:
    row, column = divmod(k, COLUMNS)
    width, height = 1 / COLUMNS, 1 / rows
    return column * width + 0.004, 1 - (row + 1) * height, width - 0.008, height * 0.88


def _base(picture: np.ndarray, side: Mapping[str, str], title: str) -> dict[str, Any]:
    return {
        "type": "heatmap", "z": quantise(grey(picture), 0, 1), "zmin": 0, "zmax": 1, "colorscale": [list(s) for s in GREYS],
        "showscale": False, "hoverinfo": "skip" if title != "The picture" else "z", "name": title, **side,
    }  # fmt: skip


def _heat(
    heat: np.ndarray, signed: bool, clip: float, overlay: float, side: Mapping[str, str], title: str
) -> dict[str, Any]:
    bound = bound_of(heat, clip)
    low = -1.0 if signed else 0.0
    return {
        "type": "heatmap", "z": quantise(heat / bound, low, 1), "zmin": low, "zmax": 1, "colorscale": SCALES[signed],
        "showscale": False, "opacity": overlay, "name": title,
        "hovertemplate": f"row %{{y}}, column %{{x}}<br>%{{z:.2f}} × {short(bound)}<extra>{title}</extra>", **side,
    }  # fmt: skip


def _outline(mask: np.ndarray, side: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "contour", "z": mask.astype(np.uint8), "showscale": False, "hoverinfo": "skip",
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": {"width": 1.6, "color": OUTLINE}, "colorscale": [[0, OUTLINE], [1, OUTLINE]], **side,
    }  # fmt: skip


def _title(text: str, x: float, y: float, chosen: bool) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>" if chosen else text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False,
        "yanchor": "bottom", "xanchor": "center", "font": {"size": 12},
    }  # fmt: skip


def _keys(kinds: Sequence[bool]) -> list[dict[str, Any]]:
    """A colour bar for each kind of map that there is, below the tiles."""
    wanted = [kind for kind in (True, False) if kind in kinds]
    return [
        {
            "type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip", "showlegend": False,
            "marker": {
                "color": [0], "colorscale": SCALES[kind], "cmin": -1 if kind else 0, "cmax": 1, "showscale": True,
                "colorbar": {
                    "orientation": "h", "x": (0.25 if place == 0 else 0.75) if len(wanted) == 2 else 0.5, "xanchor": "center",
                    "y": 0, "yanchor": "top", "ypad": 4, "len": 0.4, "thickness": 9,
                    "tickvals": [-1, 0, 1] if kind else [0, 1],
                    "ticktext": ["against", "0", "for the class"] if kind else ["none", "strong"],
                },
            },
        }
        for place, kind in enumerate(wanted)
    ]  # fmt: skip


def tile_of(data: Sequence[Mapping[str, Any]], trace: int) -> str:
    """The title of the tile that a clicked trace belongs to; "" for none."""
    return str(data[trace].get("name", "")) if 0 <= trace < len(data) else ""


def large(
    picture: np.ndarray,
    heat: np.ndarray,
    title: str,
    signed: bool,
    clip: float,
    overlay: float,
    mask: np.ndarray | None,
    unit: str,
) -> Figure:
    """One map over the grey picture, with rows, columns and its own colour bar in real units."""
    bound = bound_of(heat, clip)
    top = {
        **_heat(heat, signed, clip, overlay, {}, title),
        "z": heat, "zmin": -bound if signed else 0.0, "zmax": bound, "showscale": True,
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12},
        "hovertemplate": "row %{y}, column %{x}<br>%{z:.4g}<extra></extra>",
    }  # fmt: skip
    row, column = np.unravel_index(int(np.argmax(np.abs(heat))), heat.shape)
    return Figure(
        [_base(picture, {}, title), top, *([] if mask is None else [_outline(mask, {})])],
        layout(
            xaxis=axis("column [px]", constrain="domain", showgrid=False),
            yaxis=axis("row [px]", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False),
        ),
        alt=f"{title}: map of {heat.shape[0]} x {heat.shape[1]} pixels over the grey picture; the largest value, {short(float(heat[row, column]))}, is at row {row}, column {column}.",
        how_to_read=f"Colour: {unit} of each pixel, the sum over its colours. The scale ends at the chosen percentile of the values. "
        + ("Orange speaks for the class, blue against it." if signed else "Dark blue is none, yellow is strong.")
        + (" The green line is the true outline." if mask is not None else ""),
    )


def photo(picture: np.ndarray, words: str) -> Figure:
    """The picture in its colours."""
    colours = np.repeat(picture, 3, 0) if len(picture) == 1 else picture
    pixels = np.rint(colours * 255).astype(int).transpose(1, 2, 0)
    return Figure(
        [{"type": "image", "z": pixels.tolist(), "hovertemplate": "row %{y}, column %{x}<br>%{z}<extra></extra>"}],
        layout(
            xaxis=axis("column [px]", constrain="domain", showgrid=False),
            yaxis=axis("row [px]", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False),
            margin={"l": 50, "r": 8, "t": 8, "b": 44},
        ),
        alt=f"The picture that is explained, {picture.shape[1]} x {picture.shape[2]} pixels: {words}.",
        how_to_read="The picture as the network gets it, in its own colours. Numbers on hover: red, green and blue from 0 to 255.",
    )


def bars(classes: Sequence[str], probability: np.ndarray, target: int) -> Figure:
    """The five most probable classes."""
    top = np.argsort(-probability, kind="stable")[:5][::-1]
    names = [classes[k] for k in top]
    return Figure(
        [
            {
                "type": "bar", "orientation": "h", "y": names, "x": probability[top],
                "marker": {"color": [ORANGE if k == target else BLUE for k in top]},
                "text": [f"{100 * probability[k]:.1f} %" for k in top], "textposition": "auto",
                "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
            }
        ],
        layout(
            xaxis=axis("probability [1]", range=[0, 1]), yaxis=axis("class", type="category"),
            margin={"l": 80, "r": 12, "t": 8, "b": 44},
        ),
        alt="The network's most probable classes: "
        + ", ".join(f"{classes[k]} {100 * probability[k]:.1f} %" for k in top[::-1]) + ".",
        how_to_read="Each bar is a class and the probability that the network gives it (softmax of its logits). The orange bar is the class that the maps explain.",
    )  # fmt: skip


def change_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], blind: Mapping[str, tuple[np.ndarray, np.ndarray]], what: str
) -> Figure:
    """Deletion and insertion: the probability of the class over the share of pixels, against a random order."""
    styles = {"Deletion": ORANGE, "Insertion": BLUE}
    data = [
        {
            "type": "scatter", "mode": "lines+markers" if solid else "lines", "x": 100 * shares, "y": p,
            "name": name if solid else f"{name}, random order", "marker": {"size": 4},
            "line": {"color": styles[name], "width": 2.4 if solid else 1.4, "dash": "solid" if solid else "dot"},
            "hovertemplate": "%{x:.0f} % of the pixels<br>probability %{y:.4f}<extra>%{fullData.name}</extra>",
        }
        for solid, some in ((True, curves), (False, blind))
        for name, (shares, p) in some.items()
    ]  # fmt: skip
    areas = "; ".join(f"{name} {np.trapezoid(p, s):.3f}" for name, (s, p) in curves.items())
    return Figure(
        data,
        layout(
            xaxis=axis("pixels taken away or given back [%]"),
            yaxis=axis(f"probability of {what} [1]", range=[-0.03, 1.03]),
            showlegend=True,
        ),
        alt=f"Probability of {what} while pixels are deleted or inserted in the map's order, with random orders beside them. Areas: {areas}.",
        how_to_read="Orange: pixels are replaced by the baseline, most important first; a good map makes the line fall early. Blue: pixels are put back "
        "on the baseline, most important first; a good map makes it rise early. Dotted: the same in a random order.",
    )


def likeness(curves: Mapping[str, Sequence[float]], stages: Sequence[str], title: str) -> Figure:
    """One line a method: how like the first map the map still is, after each layer forgot."""
    names = ["trained", *stages[1:]]
    return Figure(
        [
            {
                "type": "scatter", "mode": "lines+markers", "name": name, "x": names, "y": np.asarray(values, float),
                "line": {"color": CATEGORIES[k % 8], "width": 2.6 if k == 0 else 1.6, "dash": ("solid", "dash", "dot", "dashdot")[k % 4]},
                "hovertemplate": "%{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
            }
            for k, (name, values) in enumerate(curves.items())
        ],
        layout(
            xaxis=axis("layer that forgot last, with all above it", type="category"),
            yaxis=axis(title, range=[-1.05, 1.05]), showlegend=True,
        ),
        alt=f"{title} after each layer lost its weights: "
        + "; ".join(f"{name} ends at {values[-1]:.2f}" for name, values in curves.items()) + ".",
        how_to_read="Left: the trained network. At each step to the right one more layer, counted from the output, has random weights. "
        "A line that stays near 1 belongs to a map that hardly depends on what the network learned.",
    )  # fmt: skip


def marks(names: Sequence[str], values: np.ndarray, chance: float | None, title: str, pictures: int) -> Figure:
    """Horizontal bars, best at the top; `values` (picture, method), each picture a dot."""
    mean = np.nanmean(values, axis=0)
    blind = "" if chance is None else f"; a blind guess gets {chance:.2f}"
    order = np.argsort(mean, kind="stable")
    shown = [names[k] for k in order]
    dots = {
        "type": "scatter", "mode": "markers", "x": values[:, order].T.ravel(), "y": np.repeat(shown, len(values)).tolist(),
        "marker": {"color": GREY, "size": 5, "opacity": 0.7}, "name": "one picture",
        "hovertemplate": "%{y}: %{x:.3f}<extra>one picture</extra>",
    }  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines", "x": [chance, chance], "y": [shown[0], shown[-1]], "name": "blind guess",
        "line": {"color": ORANGE, "width": 2, "dash": "dash"}, "hovertemplate": "blind guess: %{x:.3f}<extra></extra>",
    }  # fmt: skip
    return Figure(
        [
            {
                "type": "bar", "orientation": "h", "y": shown, "x": mean[order], "marker": {"color": BLUE},
                "name": "mean" if pictures > 1 else "this picture",
                "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
            },
            *([dots] if pictures > 1 else []),
            *([] if chance is None else [line]),
        ],
        layout(
            xaxis=axis(title, range=[0, 1]), yaxis=axis("method", type="category"), showlegend=True,
            margin={"l": 150, "r": 12, "t": 28, "b": 48},
        ),
        alt=f"{title} of {len(names)} methods over {pictures} picture{'s' if pictures > 1 else ''}: best {shown[-1]} with {mean[order[-1]]:.2f}, last {shown[0]} with {mean[order[0]]:.2f}{blind}.",
        how_to_read="Each bar is one method; longer is better."
        + ("" if chance is None else " The dashed line is what pixels chosen blindly would get.")
        + (" Grey dots are single pictures." if pictures > 1 else ""),
    )  # fmt: skip


def thumbnail(
    picture: np.ndarray, maps: Sequence[np.ndarray], signed: Sequence[bool], mask: np.ndarray | None
) -> Figure:
    """The picture and three maps in a row."""
    titles = [f"map {k + 1}" for k in range(len(maps))]
    made = gallery(
        picture, dict(zip(titles, maps, strict=True)), dict(zip(titles, signed, strict=True)), 99.0, 0.75, mask
    )
    plain = {key: value for key, value in made.layout.items() if key != "annotations"}
    return Figure(
        [trace for trace in made.data if trace["type"] != "scatter"],
        {**plain, "margin": {"l": 2, "r": 2, "t": 2, "b": 2}},
        alt="A generated shape and three heat maps of where the network looked.",
        how_to_read="From left to right: the grey picture, Grad-CAM, integrated gradients and saliency, with the shape's true outline.",
    )
