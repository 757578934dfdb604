"""The page's pictures: every layer at a glance, one layer's maps, one map taken apart, filters, statistics, and the film of learning.

Small pictures stand in a grid in a single heat map; NaN is the gap between them. Signed values run from blue over white (0) to orange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Snapshot, Step
from core.plots.encode import Quantised, quantise
from core.plots.theme import BLUE, GREY, MAGNITUDE, ORANGE, PURPLE, VERMILLION, axis, hidden_axis, layout, signed_scale
from core.plots.tiles import columns_of, corner, frame, pixels, resized, sheet, upright
from core.plots.words import plain, short

PICTURE_HEIGHT, BARS_HEIGHT, OVERVIEW_HEIGHT, GRID_HEIGHT, LENS_HEIGHT = 250, 190, 470, 460, 420  # pixels
MAPS_SHOWN, CELL = 8, 20  # of each layer in the overview: maps, and cells of a side
SOURCES_SHOWN = 6  # input maps in the sum
MOST, CELLS = 256, 60_000  # maps of a layer in the grid, and cells of all of them
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}

Maps = Mapping[str, np.ndarray]


def picture(image: np.ndarray, words: str) -> Figure:
    """The picture (C, h, w) in 0..1 that the network looks at."""
    return Figure(
        data=[{"type": "image", "z": pixels(image), "hovertemplate": "row %{y}, column %{x}: %{z}<extra></extra>"}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(range=[image.shape[1] - 0.5, -0.5]), margin=MARGIN),
        alt=f"The picture that the network looks at, {image.shape[1]} by {image.shape[2]} pixels: {words}.",
        how_to_read="The picture at the network's own size; each square is one pixel. Hover for its red, green and blue, 0 to 255.",
    )  # fmt: skip


def answer(probabilities: np.ndarray, classes: Sequence[str], label: str) -> Figure:
    """How probable the network finds each class."""
    best = int(probabilities.argmax())
    order = np.argsort(-probabilities, kind="stable")[:5][::-1]
    bars = {
        "type": "bar", "orientation": "h", "x": 100 * probabilities[order], "y": [classes[k] for k in order],
        "marker": {"color": [BLUE if k == best else GREY for k in order]}, "cliponaxis": False,
        "text": [f"{100 * probabilities[k]:.1f}" for k in order], "textposition": "outside",
        "hovertemplate": "%{y}: %{x:.4g} %<extra></extra>",
    }  # fmt: skip
    truth = f"; it is {label}" if label else ""
    return Figure(
        data=[bars],
        layout=layout(
            xaxis=axis("probability (%)", range=[0, 118], tickvals=[0, 50, 100]),
            yaxis=axis("class", showgrid=False),
            margin={"l": 80, "r": 8, "t": 8, "b": 40},
        ),
        alt=f"The network says {classes[best]} with probability {probabilities[best]:.1%}{truth}.",
        how_to_read="The most probable classes, in per cent; the blue bar is the network's answer. All classes together make 100 %.",
    )


# ---- all layers -------------------------------------------------------------------------------------------------------


def bounds(largest: Mapping[str, np.ndarray], scaling: str) -> dict[str, np.ndarray]:
    """Layer -> for each of its maps the value (size without sign) at which the colours end, from the largest size in each map."""
    if scaling == "map":
        return {name: np.where(sizes > 0, sizes, 1.0) for name, sizes in largest.items()}
    whole = max(float(sizes.max()) for sizes in largest.values())
    ends = {name: whole if scaling == "network" else float(sizes.max()) for name, sizes in largest.items()}
    return {name: np.full(len(sizes), ends[name] or 1.0) for name, sizes in largest.items()}


def overview(
    maps: Maps, ends: Mapping[str, np.ndarray], layers: Sequence[str], scaling: str, layer: str, unit: int
) -> Figure:
    """One column a layer, one small picture a map, the first few maps of each; the colours of a map reach to its end."""
    whole = np.full((MAPS_SHOWN * (CELL + 2) - 2, len(layers) * (CELL + 2) - 2), np.nan)
    for k, name in enumerate(layers):
        scaled = maps[name][:MAPS_SHOWN] / ends[name][:MAPS_SHOWN, None, None]
        column = sheet(resized(scaled, CELL, CELL), 1, gap=2)
        whole[: len(column), k * (CELL + 2) : k * (CELL + 2) + CELL] = column
    centres = np.arange(len(layers)) * (CELL + 2) + (CELL - 1) / 2
    rows = np.arange(MAPS_SHOWN) * (CELL + 2) + (CELL - 1) / 2
    heat = {
        "type": "heatmap", "z": quantise(whole, -1, 1), "hoverongaps": False, "showscale": False,
        "hovertemplate": "%{z:.2f} of the scale's end<extra></extra>", **signed_scale(1.0),
    }  # fmt: skip
    outlined = []
    if layer in layers and unit < MAPS_SHOWN:
        outlined = [frame(unit * len(layers) + layers.index(layer), (CELL, CELL), len(layers), VERMILLION, gap=2)]
    reach = {
        "map": "its own largest value",
        "layer": "the layer's largest value",
        "network": "the network's largest value",
    }
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("layer, in the order of computing", tickvals=centres, ticktext=[plain(n) for n in layers], tickangle=-50, constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("map number", tickvals=rows, ticktext=[str(k) for k in range(MAPS_SHOWN)], scaleanchor="x", autorange="reversed", constrain="domain", showgrid=False, zeroline=False),
            shapes=outlined,
            margin={"l": 48, "r": 8, "t": 8, "b": 90},
        ),
        alt=f"The first {MAPS_SHOWN} maps of each of {len(layers)} layers, from {plain(layers[0])} to {plain(layers[-1])}; map {unit} of {plain(layer)} is chosen.",
        how_to_read=(
            f"Each column is a layer, each small picture one map: what one filter makes of the picture. Orange is above 0, blue below, white 0; the colours end at {reach[scaling]}. "
            "All maps are drawn at one size, though later ones have fewer cells. Click one to look at its layer and to take it apart. A layer with fewer maps leaves cells empty."
        ),
    )  # fmt: skip


def overview_pick(row: int, column: int, layers: Sequence[str]) -> tuple[str, int]:
    """The layer and the map that a cell of the overview belongs to."""
    return layers[column // (CELL + 2)], row // (CELL + 2)


# ---- one layer --------------------------------------------------------------------------------------------------------


def layer_grid(maps: np.ndarray, ends: np.ndarray, dead: np.ndarray, layer: str, unit: int, scaling: str) -> Figure:
    """All maps (channel, h, w) of a layer; each in units of its `ends`, dead ones crossed out."""
    count, shape = grid_size(maps.shape)
    columns, gap = columns_of(count), grid_gap(shape)
    signed = bool(maps.min() < 0)
    end = float(ends[0])
    same = scaling != "map"
    small = resized(maps[:count], *shape)
    shown = sheet(small if same else small / ends[:count, None, None], columns, gap)
    top = end if same else 1.0
    colours = signed_scale(top) if signed else {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": top}
    heat = {
        "type": "heatmap", "z": shown.astype(np.float32) if same else quantise(shown, -1, 1), "hoverongaps": False,
        "hovertemplate": "%{z:.4g}<extra></extra>" if same else "%{z:.2f} of the map's largest size<extra></extra>",
        "colorbar": _bar("value" if same else "value / largest of the map"), **colours,
    }  # fmt: skip
    crosses = [_cross(int(k), shape, columns, gap) for k in np.flatnonzero(dead[:count])]
    many = f"{int(dead.sum())} dead" if dead.any() else "none dead"
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={**MARGIN, "b": 44},
            shapes=[frame(unit, shape, columns, VERMILLION, gap)] if unit < count else [], annotations=crosses,
        ),
        alt=f"{_how_many(maps.shape)} of layer {plain(layer)}, {maps.shape[1]} by {maps.shape[2]} cells each, {many}; map {unit} is chosen, its largest value is {short(float(maps[unit].max()))}.",
        how_to_read=(
            f"{_how_many(maps.shape)} of the chosen layer, number 0 at the upper left, then row by row; the red frame is the chosen one. Click another to choose it. "
            + ("Orange: above 0. Blue: below. White: 0. " if signed else "Dark blue is 0, yellow the largest. ")
            + "A × marks a dead map: it has one and the same value at every place of every example picture."
            + (f" Each is shrunk to {shape[0]} by {shape[1]} cells here; the enlarged map has them all." if shape != maps.shape[1:] else "")
        ),
    )  # fmt: skip


def grid_size(shape: tuple[int, int, int]) -> tuple[int, tuple[int, int]]:
    """How many of (channel, h, w) maps the grid shows, and at what size: at most MOST maps and about CELLS cells in all."""
    count = min(shape[0], MOST)
    by = min(1.0, (CELLS / (count * shape[1] * shape[2])) ** 0.5)
    return count, (max(1, round(shape[1] * by)), max(1, round(shape[2] * by)))


def _how_many(shape: tuple[int, int, int]) -> str:
    return f"All {shape[0]} maps" if shape[0] <= MOST else f"The first {MOST} of {shape[0]} maps"


def grid_gap(shape: tuple[int, int]) -> int:
    """Cells between two maps of the grid: about a twelfth of a map."""
    return max(1, shape[0] // 12)


def one_map(values: np.ndarray, layer: str, unit: int) -> Figure:
    """The chosen map, enlarged, with its numbers where they fit."""
    h, w = values.shape
    signed = bool(values.min() < 0)
    end = float(np.abs(values).max()) or 1.0
    heat = {
        "type": "heatmap", "z": values.astype(np.float32), "colorbar": {"title": {"text": "value"}, "thickness": 12},
        "hovertemplate": "row %{y}, column %{x}: %{z:.5g}<extra></extra>",
        **(signed_scale(end) if signed else {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": end}),
        **({"texttemplate": "%{z:.2g}"} if h <= 8 else {}),
    }  # fmt: skip
    i, j = np.unravel_index(values.argmax(), values.shape)
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("column (cells)", constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("row (cells)", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
        ),
        alt=f"Map {unit} of layer {plain(layer)}, {h} by {w} cells, from {short(float(values.min()))} to {short(float(values.max()))}, largest at row {i}, column {j}.",
        how_to_read="The chosen map, enlarged; each square is one cell. Click one to see how far it looks into the picture. " + ("Orange: above 0. Blue: below. White: 0." if signed else "Dark blue is 0; the lighter, the stronger the answer there."),
    )  # fmt: skip


def the_sum(
    inputs: np.ndarray, kernels: np.ndarray, parts: np.ndarray, sources: Sequence[int], total: np.ndarray
) -> Figure:
    """Top to bottom: the input maps with the largest contributions, their kernels, the contributions, and the sum of all at the right."""
    count = len(parts)
    h = max(parts.shape[1], inputs.shape[1])
    tiles = {
        "y3": resized(inputs, CELL * 2, CELL * 2), "y2": _kernel_tiles(kernels), "y": resized(parts, CELL * 2, CELL * 2),
    }  # fmt: skip
    domains = {"y3": [0.7, 1.0], "y2": [0.35, 0.65], "y": [0.0, 0.3]}
    names = {"y3": "input map", "y2": "its kernel", "y": "contribution"}
    data = []
    for where, shown in tiles.items():
        end = float(np.nanmax(np.abs(shown))) or 1.0
        row = sheet(shown, count, gap=4)
        data.append({
            "type": "heatmap", "z": quantise(row, -end, end), "yaxis": where, "showscale": False, "hoverongaps": False,
            "hovertemplate": f"{names[where]}: %{{z:.3g}}<extra></extra>", **signed_scale(end),
        })  # fmt: skip
    centres = np.arange(count) * (CELL * 2 + 4) + CELL - 0.5
    loud = np.abs(parts).mean(axis=(1, 2))
    ax = {
        where: axis(names[where], domain=domains[where], anchor="x", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False, showticklabels=False)
        for where in tiles
    }  # fmt: skip
    return Figure(
        data=data,
        layout=layout(
            xaxis=axis("input map, the largest contribution first", tickvals=centres, ticktext=[str(s) for s in sources], anchor="y", constrain="domain", showgrid=False, zeroline=False),
            yaxis=ax["y"], yaxis2=ax["y2"], yaxis3=ax["y3"],
            margin={"l": 40, "r": 8, "t": 8, "b": 48},
        ),
        alt=f"The {count} input maps with the largest contributions: " + "; ".join(f"input {s}, mean size {short(float(v))}" for s, v in zip(sources, loud, strict=True)) + f". The whole sum runs from {short(float(total.min()))} to {short(float(total.max()))} over {h} rows.",
        how_to_read="Each column is one input map (top), the kernel that slides over it (middle), and what comes out (bottom). All contributions and the bias are added, cell by cell: that is the map before its activation. Each row has its own colours; orange is above 0, blue below, white 0.",
    )  # fmt: skip


def _kernel_tiles(kernels: np.ndarray) -> np.ndarray:
    return resized(kernels, CELL * 2, CELL * 2)


# ---- filters ----------------------------------------------------------------------------------------------------------


def kernel_grid(bank: np.ndarray, conv: str, unit: int, most: int = 16) -> Figure:
    """Kernels of a convolution (out, in, h, w): one row for each filter, one column for each input map."""
    first = max(0, min(unit - most // 2, len(bank) - most))
    shown = bank[first : first + most, :most]
    out, width, h, w = shown.shape
    end = float(np.abs(bank).max()) or 1.0
    heat = {
        "type": "heatmap", "z": sheet(shown.reshape(out * width, h, w), width).astype(np.float32), "hoverongaps": False,
        "hovertemplate": "weight %{z:.4f}<extra></extra>", "colorbar": {"title": {"text": "weight"}, "thickness": 12}, **signed_scale(end),
    }  # fmt: skip
    rows, columns = np.arange(out) * (h + 1) + (h - 1) / 2, np.arange(width) * (w + 1) + (w - 1) / 2
    outline = {
        "type": "rect", "x0": -0.5, "x1": width * (w + 1) - 1.5, "y0": (unit - first) * (h + 1) - 0.5,
        "y1": (unit - first) * (h + 1) + h - 0.5, "line": {"color": VERMILLION, "width": 3},
    }  # fmt: skip
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("input map", tickvals=columns, ticktext=[str(k) for k in range(width)], constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("filter (the map it makes)", tickvals=rows, ticktext=[str(first + k) for k in range(out)], autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
            shapes=[outline],
        ),
        alt=f"Kernels of {plain(conv)}: filters {first} to {first + out - 1} of {len(bank)}, for {width} of {bank.shape[1]} input maps; weights up to {end:.3f} in size.",
        how_to_read="Each row is one filter, each small square its kernel for one input map. Orange weights add, blue ones take away, white ones do not care. The red frame is the chosen filter.",
    )  # fmt: skip


def colour_filters(views: np.ndarray, conv: str, unit: int) -> Figure:
    """First-layer filters (out, h, w, 3) in bytes as the colours they answer to."""
    columns = columns_of(len(views))
    h, w = views.shape[1:3]
    planes = [np.nan_to_num(sheet(views[..., c].astype(float), columns), nan=255.0) for c in range(3)]
    return Figure(
        data=[{"type": "image", "z": np.stack(planes, axis=-1).astype(np.uint8), "hovertemplate": "%{z}<extra></extra>"}],
        layout=layout(
            xaxis=hidden_axis(constrain="domain"), yaxis=upright(range=[planes[0].shape[0] - 0.5, -0.5]), margin=MARGIN,
            shapes=[frame(unit, (h, w), columns, VERMILLION)],
        ),
        alt=f"The {len(views)} filters of {plain(conv)} as small colour pictures of {h} by {w} cells.",
        how_to_read="Each small picture is one filter: red, green and blue are its weights for the three colours of the picture, grey is 0. It answers most to a patch that looks like it.",
    )  # fmt: skip


def spectrum(values: np.ndarray, unit: int, source: int) -> Figure:
    """The size of a kernel's answer to stripes of each frequency and direction."""
    grid = np.linspace(-0.5, 0.5, len(values))
    i, j = np.unravel_index(values.argmax(), values.shape)
    heat = {
        "type": "heatmap", "x": grid, "y": grid, "z": values, "colorscale": MAGNITUDE, "zmin": 0.0,
        "colorbar": {"title": {"text": "|W|"}, "thickness": 12},
        "hovertemplate": "v %{x:.2f}, u %{y:.2f}: |W| = %{z:.4g}<extra></extra>",
    }  # fmt: skip
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("across v (cycles a pixel)", constrain="domain", showgrid=False),
            yaxis=axis("down u (cycles a pixel)", scaleanchor="x", autorange="reversed", constrain="domain", showgrid=False),
        ),
        alt=f"Frequencies of filter {unit}'s kernel for input {source}: largest, {short(float(values.max()))}, at u = {grid[i]:.2f}, v = {grid[j]:.2f}; {short(float(values[len(grid) // 2, len(grid) // 2]))} in the middle.",
        how_to_read="How strongly the kernel answers to stripes. The middle is an even surface, the rim the finest stripes; right of the middle the stripes stand upright, below it they lie. A blur is bright in the middle, an edge finder dark there.",
    )  # fmt: skip


def likeness(rho: np.ndarray, conv: str, unit: int) -> Figure:
    """Every filter's correlation with every other."""
    heat = {
        "type": "heatmap", "z": rho.astype(np.float32) if len(rho) <= MOST else quantise(rho, -1, 1), "hovertemplate": "filters %{y} and %{x}: ρ = %{z:.3f}<extra></extra>",
        "colorbar": {"title": {"text": "ρ"}, "thickness": 12}, **signed_scale(1.0),
    }  # fmt: skip
    off = rho - np.eye(len(rho)) * 2
    i, j = np.unravel_index(off.argmax(), rho.shape) if len(rho) > 1 else (0, 0)
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("filter", constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("filter", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
            shapes=[{"type": "rect", "x0": -0.5, "x1": len(rho) - 0.5, "y0": unit - 0.5, "y1": unit + 0.5, "line": {"color": VERMILLION, "width": 2}}],
        ),
        alt=f"Correlation of the {len(rho)} filters of {plain(conv)} with one another; the most alike are {i} and {j}, {rho[i, j]:.2f}.",
        how_to_read="Row and column are two filters, the colour their correlation over all weights: orange 1 (the same pattern), white 0 (nothing in common), blue −1 (the negative). Filters that repeat others waste their weights.",
    )  # fmt: skip


# ---- statistics -------------------------------------------------------------------------------------------------------


def statistics(
    mean: np.ndarray, zeros: np.ndarray, high: np.ndarray, dead: np.ndarray, layer: str, unit: int
) -> Figure:
    """Mean, share of zeros and largest value of every map of a layer."""
    index = np.arange(len(mean))
    panels = (("y3", "mean", mean, BLUE), ("y2", "zeros (%)", 100 * zeros, PURPLE), ("y", "largest", high, ORANGE))
    data = [
        {
            "type": "bar", "x": index, "y": values, "yaxis": where, "name": name, "showlegend": False,
            "marker": {"color": [VERMILLION if k == unit else color for k in index]},
            "hovertemplate": f"map %{{x}}: {name} %{{y:.4g}}<extra></extra>",
        }
        for where, name, values, color in panels
    ]  # fmt: skip
    domains = {"y3": [0.7, 1.0], "y2": [0.36, 0.64], "y": [0.0, 0.3]}
    axes = {f"yaxis{w[1:]}": axis(name, domain=domains[w]) for w, name, _, _ in panels}
    axes["yaxis2"]["range"] = [0, 102]
    many = f"{int(dead.sum())} of {len(dead)} maps are dead" if dead.any() else "no map is dead"
    return Figure(
        data=data,
        layout=layout(xaxis=axis("map number", anchor="y", showgrid=False), **axes),
        alt=f"Statistics of the {len(mean)} maps of {plain(layer)}: means from {short(float(mean.min()))} to {short(float(mean.max()))}, zeros from {zeros.min():.0%} to {zeros.max():.0%}, largest value {short(float(high.max()))}; {many}.",
        how_to_read="One bar for each map; the red one is chosen. Top: its mean over all places and pictures. Middle: the share of its values that are exactly 0. Bottom: its largest value. A map at 100 % zeros is dead for these pictures.",
    )  # fmt: skip


# ---- learning ---------------------------------------------------------------------------------------------------------


def curves(metrics: Mapping[str, Any]) -> Figure:
    """Loss and accuracy on the test pictures against epochs."""
    epoch, loss, right = (np.asarray(metrics[name], float) for name in ("epoch", "test_loss", "test_accuracy"))
    mode = "lines+markers" if len(epoch) > 1 else "markers"
    data = [
        {"type": "scatter", "mode": mode, "x": epoch, "y": values, "yaxis": where, "name": name, "line": {"color": color, "width": 2.2}, "hovertemplate": f"epoch %{{x:.3g}}: %{{y:.4g}}<extra>{name}</extra>"}
        for where, name, values, color in (("y", "test loss", loss, BLUE), ("y2", "test accuracy", 100 * right, ORANGE))
    ]  # fmt: skip
    return Figure(
        data=data,
        layout=layout(
            xaxis=axis("epoch (passes over the training pictures)", anchor="y2", rangemode="tozero"),
            yaxis=axis("loss (nats)", domain=[0.56, 1.0], rangemode="tozero"),
            yaxis2=axis("accuracy (%)", domain=[0.0, 0.46], range=[0, 102]),
        ),
        alt=f"Test loss and accuracy: at epoch {epoch[-1]:.3g} loss {short(float(loss[-1]))}, accuracy {right[-1]:.1%}; untrained {right[0]:.1%}.",
        how_to_read="Blue: the loss on pictures that the network does not learn from; lower is better. Orange: the share of them that it gets right. Each dot is one snapshot of the film.",
    )


def learned_filters(moments: Sequence[Mapping[str, np.ndarray]]) -> Figure:
    """The first layer's filters at the last moment and, if there are several, as a film."""
    sheets = [_filter_sheet(m["filters"]) for m in moments]
    end = max(float(np.nanmax(np.abs(s))) for s in sheets) or 1.0
    out, width = moments[-1]["filters"].shape[:2]
    each = "one row for each filter, one column for each colour" if width > 1 else "one picture for each filter"
    return Figure(
        data=[{"type": "heatmap", "z": sheets[-1], "hoverongaps": False, "hovertemplate": "weight %{z:.3f}<extra></extra>", "colorbar": _bar("weight"), **signed_scale(end)}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={**MARGIN, "b": 44}),
        alt=f"{_film(moments)}The {out} filters of the first layer, weights up to {end:.3f} in size.",
        how_to_read=f"The kernels of the first layer, {each}. Orange weights add, blue ones take away. All pictures of the film have the same colours.",
        frames=_frames(sheets, -end, end),
    )  # fmt: skip


def _filter_sheet(filters: np.ndarray) -> np.ndarray:
    out, width, h, w = filters.shape
    if width == 1:
        return sheet(filters[:, 0].astype(float), columns_of(out))
    halves = -(-out // 2)  # two filters side by side, or the picture would be a narrow tower
    both = np.concatenate([filters, np.zeros((2 * halves - out, *filters.shape[1:]), filters.dtype)])
    return sheet(both.astype(float).reshape(-1, h, w), 2 * width)


def learned_maps(moments: Sequence[Mapping[str, np.ndarray]]) -> Figure:
    """The maps of one test picture after each activation, one strip a layer; a film if there are several moments."""
    names = [name for name in moments[-1] if name.startswith("maps ")]
    end = {name: max(float(m[name].max()) for m in moments) or 1.0 for name in names}
    wholes = [_strips([m[name] / end[name] for name in names]) for m in moments]
    return Figure(
        data=[{"type": "heatmap", "z": quantise(wholes[-1], 0, 1), "hoverongaps": False, "colorscale": MAGNITUDE, "zmin": 0, "zmax": 1, "hovertemplate": "%{z:.2f} of the layer's largest<extra></extra>", "colorbar": _bar("value / largest of the layer")}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={**MARGIN, "b": 44}),
        alt=f"{_film(moments)}Maps of one test picture after {', '.join(n.removeprefix('maps ') for n in names)}; largest values " + ", ".join(short(v) for v in end.values()) + ".",
        how_to_read="What the network makes of one test picture: from top to bottom the maps after the first activation, the second, and so on, at most sixteen of each. Dark blue is 0. Each layer has one scale for the whole film.",
        frames=_frames(wholes, 0, 1),
    )  # fmt: skip


def _strips(layers: Sequence[np.ndarray], most: int = 16) -> np.ndarray:
    """Layers one below the other, each at most sixteen maps in rows of eight, all 16 cells wide."""
    strips = [sheet(resized(maps[:most].astype(float), 16, 16), 8) for maps in layers]
    width = max(s.shape[1] for s in strips)
    padded = [np.pad(s, ((0, 4), (0, width - s.shape[1])), constant_values=np.nan) for s in strips]
    return np.concatenate(padded)[:-4]


def film_steps(film: Sequence[Snapshot]) -> list[Step]:
    """What the transport bar says at each snapshot."""
    return [
        Step(
            f"Step {s.step}" if s.step else "Untrained",
            f"Test accuracy {s.metrics['test_accuracy']:.1%}, test loss {short(s.metrics['test_loss'])} nats; {s.metrics['silent_maps']:.0f} maps are silent for the picture.",
        )
        for s in film
    ]


def _frames(sheets: Sequence[np.ndarray], low: float, high: float) -> list[Frame]:
    return [Frame([{"z": quantise(z, low, high)}], [0]) for z in sheets] if len(sheets) > 1 else []


def _film(moments: Sequence[Any]) -> str:
    return f"Film of {len(moments)} pictures. " if len(moments) > 1 else ""


def _bar(title: str) -> dict[str, Any]:
    return {"title": {"text": title, "side": "bottom"}, "orientation": "h", "thickness": 10, "len": 240, "lenmode": "pixels", "y": 0, "yanchor": "top"}  # fmt: skip


def _cross(tile: int, shape: tuple[int, int], columns: int, gap: int) -> dict[str, Any]:
    row, column = corner(tile, shape, columns, gap)
    return {"text": "×", "x": column + (shape[1] - 1) / 2, "y": row + (shape[0] - 1) / 2, "showarrow": False, "font": {"size": 22, "color": VERMILLION}}  # fmt: skip


def thumbnail(maps: np.ndarray) -> Figure:
    """Sixteen maps of one layer, for the card on the home page."""
    shown = resized(maps[:16], CELL, CELL)
    end = shown.max(axis=(1, 2), keepdims=True)
    whole: Quantised = quantise(sheet(shown / np.where(end > 0, end, 1.0), 8), 0, 1)
    return Figure(
        data=[{"type": "heatmap", "z": whole, "colorscale": MAGNITUDE, "showscale": False}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin=MARGIN),
        alt=f"{len(shown)} feature maps of one layer as small pictures, each answering to something else.",
        how_to_read="Each small picture is what one filter makes of the same picture: the lighter, the stronger its answer there.",
    )
