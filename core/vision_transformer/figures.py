"""The page's pictures: a map over the patches, all heads, the film of tokens, positions, curves of what is lost, and training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    axis,
    hidden_axis,
    layout,
    signed_scale,
    upright_line,
)
from core.plots.tiles import resized, sheet, upright
from core.plots.words import short

MAP_HEIGHT, HEADS_HEIGHT, BARS_HEIGHT, LENS_HEIGHT = 430, 340, 240, 400
GREYS = [[0.0, "#000000"], [1.0, "#ffffff"]]
OUTLINE, CHOSEN = "#13b5a6", "#e6007e"
CELL = 16  # pixels of a patch in the sheets, at least
FEW = 3  # of a patch of a large picture there
COMPONENTS, FILTERS = 96, 64  # of a token in its film, and of the embedding, at most


def grey(picture: np.ndarray) -> np.ndarray:
    """(channels, height, width) -> (height, width): the mean of the colours."""
    return picture.mean(0)


def _ground(z: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "type": "heatmap", "z": quantise(z, 0, 1), "zmin": 0, "zmax": 1, "colorscale": GREYS, "showscale": False,
        "hoverinfo": "skip", **more,
    }  # fmt: skip


def _outline(mask: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "type": "contour", "z": mask.astype(np.uint8), "showscale": False, "hoverinfo": "skip", "name": "true outline",
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": {"width": 2, "color": OUTLINE}, "colorscale": [[0, OUTLINE], [1, OUTLINE]], **more,
    }  # fmt: skip


def _square(row: int, column: int, side: float, color: str, width: float = 3) -> dict[str, Any]:
    """The outline of a patch, in pixels of the picture."""
    x, y = column * side - 0.5, row * side - 0.5
    return {"type": "rect", "x0": x, "x1": x + side, "y0": y, "y1": y + side, "line": {"color": color, "width": width}}


def _lines(size: int, side: int) -> list[dict[str, Any]]:
    """The cuts between the patches."""
    cuts = [k * side - 0.5 for k in range(1, size // side)]
    look = {"type": "line", "line": {"color": "rgba(128,136,148,0.55)", "width": 1}}
    return [{**look, "x0": c, "x1": c, "y0": -0.5, "y1": size - 0.5} for c in cuts] + [
        {**look, "y0": c, "y1": c, "x0": -0.5, "x1": size - 0.5} for c in cuts
    ]


def _picture_axes(size: int) -> dict[str, Any]:
    """Rows and columns of the picture, in pixels; the cells are square."""
    return {
        "xaxis": axis("column [px]", constrain="domain", showgrid=False, zeroline=False, range=[-0.5, size - 0.5]),
        "yaxis": axis(
            "row [px]", range=[size - 0.5, -0.5], scaleanchor="x", constrain="domain", showgrid=False, zeroline=False
        ),
        "margin": {"l": 52, "r": 10, "t": 10, "b": 44},
    }


def over_patches(
    picture: np.ndarray, values: np.ndarray, query: int, overlay: float, mask: np.ndarray | None, title: str, unit: str
) -> Figure:
    """One number for each patch over the grey picture; the patch that looks is framed. A click on a patch makes it look."""
    size, side = picture.shape[-1], picture.shape[-1] // len(values)
    fine = values.astype(np.float32).repeat(side, 0).repeat(side, 1)
    number = np.arange(values.size, dtype=np.uint8).reshape(values.shape).repeat(side, 0).repeat(side, 1)
    top = {
        "type": "heatmap", "z": fine, "zmin": 0, "zmax": float(values.max()) or 1.0, "colorscale": MAGNITUDE, "opacity": overlay,
        "customdata": number + 1, "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12},
        "hovertemplate": "patch %{customdata}<br>%{z:.4f}<extra></extra>",
    }  # fmt: skip
    frame = [] if query < 0 else [_square(*divmod(query, len(values)), side, CHOSEN)]
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    who = "the class token" if query < 0 else f"patch {query + 1}"
    return Figure(
        [_ground(grey(picture)), top, *([] if mask is None else [_outline(mask)])],
        layout(**_picture_axes(size), shapes=[*_lines(size, side), *frame]),
        alt=f"{title} of {who} over the picture, {values.shape[0]} by {values.shape[1]} patches; the largest value, "
        f"{short(float(values.max()))}, is at patch row {row + 1}, column {column + 1}.",
        how_to_read=f"The picture in grey, cut into patches; yellow patches have a large value, dark blue ones none. Looking: {who}"
        + (", framed in magenta" if query >= 0 else "")
        + ". Click a patch to let it look."
        + (" The green line is the true outline of the shape." if mask is not None else ""),
    )


def tile_side(size: int, grid: int) -> int:
    """Cells along a tile of the sheet of heads: a whole number for each patch, few where tiles are many and large."""
    side = max(size, CELL * grid // 2) if size <= 64 else FEW * grid
    return side - side % grid


def heads(picture: np.ndarray, maps: np.ndarray, overlay: float, layer: int, head: int, who: str) -> Figure:
    """`maps` (layers, heads + 1, h, w), the mean over the heads last, each over the picture and by its own largest value."""
    L, H, h, _ = maps.shape
    side = tile_side(picture.shape[-1], h)
    small = resized(grey(picture)[None], side, side)
    fine = (maps / np.maximum(maps.max((2, 3), keepdims=True), 1e-12)).reshape(L * H, h, h)
    fine = fine.repeat(side // h, 1).repeat(side // h, 2)
    gap = max(1, side // 16)
    ground = sheet(np.repeat(small, L * H, 0), H, gap)
    cells = sheet(fine, H, gap)
    middle = side / 2 - 0.5
    step = side + gap
    at = (L and layer) * step, (head if head >= 0 else H - 1) * step
    names = [f"head {k + 1}" for k in range(H - 1)] + ["mean"]
    return Figure(
        [
            _ground(ground),
            {
                "type": "heatmap", "z": quantise(cells, 0, 1), "zmin": 0, "zmax": 1, "colorscale": MAGNITUDE, "opacity": overlay,
                "colorbar": {"title": {"text": "share of the tile's largest weight [1]", "side": "right"}, "thickness": 12},
                "hovertemplate": "%{z:.2f} of this head's largest weight<extra></extra>",
            },
        ],
        layout(
            xaxis=axis("head", tickvals=[k * step + middle for k in range(H)], ticktext=names, showgrid=False, zeroline=False, constrain="domain"),
            yaxis=axis(
                "layer", tickvals=[k * step + middle for k in range(L)], ticktext=[str(k + 1) for k in range(L)], showgrid=False,
                zeroline=False, scaleanchor="x", constrain="domain", autorange="reversed",
            ),
            shapes=[
                {"type": "rect", "x0": at[1] - 0.5, "x1": at[1] + side - 0.5, "y0": at[0] - 0.5, "y1": at[0] + side - 0.5, "line": {"color": CHOSEN, "width": 3}}
            ],
            margin={"l": 52, "r": 10, "t": 10, "b": 44},
        ),
        alt=f"Attention of {who} in {L} layers and {H - 1} heads, with the mean of each layer, laid over the picture.",
        how_to_read="A row is a layer, a column a head, the last column the mean over the heads. Each tile has its own scale: yellow is its largest weight. "
        "The magenta frame is the one shown large. Click a tile to choose its layer and head.",
    )  # fmt: skip


def tile_clicked(row: int, column: int, size: int, grid: int, layers: int, heads: int) -> tuple[int, int]:
    """Layer and head of a click on the sheet of `heads`; head -1 is the mean."""
    step = tile_side(size, grid)
    step += max(1, step // 16)
    layer, head = min(row // step, layers - 1), min(column // step, heads)
    return int(layer), int(head) if head < heads else -1


def bars(classes: Sequence[str], probability: np.ndarray, truth: str) -> Figure:
    """The most probable classes."""
    top = np.argsort(-probability, kind="stable")[:5][::-1]
    return Figure(
        [
            {
                "type": "bar", "orientation": "h", "y": [classes[k] for k in top], "x": probability[top], "marker": {"color": BLUE},
                "text": [f"{100 * probability[k]:.1f} %" for k in top], "textposition": "auto",
                "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
            }
        ],
        layout(
            xaxis=axis("probability [1]", range=[0, 1]), yaxis=axis("class", type="category"), margin={"l": 70, "r": 12, "t": 8, "b": 44}
        ),
        alt="The most probable classes: " + ", ".join(f"{classes[k]} {100 * probability[k]:.1f} %" for k in top[::-1]) + f"; {truth}.",
        how_to_read="Each bar is a class and its probability: the softmax of the logits that are read from the class token.",
    )  # fmt: skip


# --- patches to tokens ---


def filters(E: np.ndarray) -> Figure:
    """The columns of the embedding as small pictures: what a patch is compared with. E is given as (d, channels, s, s)."""
    total, (channels, s) = len(E), E.shape[1:3]
    E = E[:FILTERS].mean(1)
    bound = float(np.abs(E).max())
    return Figure(
        [
            {
                "type": "heatmap", "z": sheet(E.astype(np.float64), 6 if total <= FILTERS else 8), **signed_scale(bound),
                "colorbar": {"title": {"text": "weight [1]", "side": "right"}, "thickness": 12},
                "hovertemplate": "weight %{z:.3f}<extra></extra>",
            }
        ],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={"l": 8, "r": 8, "t": 10, "b": 10}),
        alt=f"{len(E)} filters of the patch embedding, {s} by {s} pixels each; the largest weight is {short(bound)} in size.",
        how_to_read="Each tile is one column of E, laid out as a patch: orange weights are positive, blue ones negative. A patch that looks like the tile gets a large number there."
        + f" The first {FILTERS} of {total}." * (total > FILTERS) + " The mean over the colours is drawn." * (channels > 1),
    )  # fmt: skip


def matrix(E: np.ndarray) -> Figure:
    """The embedding of a hybrid: how much of each map of the stem goes into each component. E is given as (d, maps)."""
    bound = float(np.abs(E).max())
    return Figure(
        [
            {
                "type": "heatmap", "z": E, **signed_scale(bound),
                "colorbar": {"title": {"text": "weight [1]", "side": "right"}, "thickness": 12},
                "hovertemplate": "map %{x}, component %{y}<br>weight %{z:.3f}<extra></extra>",
            }
        ],
        layout(xaxis=axis("map of the stem"), yaxis=axis("component of the token")),
        alt=f"The embedding: {E.shape[0]} components by {E.shape[1]} maps; the largest weight is {short(bound)} in size.",
        how_to_read="Each row says what a component of a token is made of: orange maps count for it, blue ones against it.",
    )  # fmt: skip


def stops(patches: int, grid: int) -> range:
    """After which patches the film stops: after each, or after each row of a large picture."""
    return range(0, patches + 1, 1 if patches <= 64 else grid)


def sentence(picture: np.ndarray, z: np.ndarray, grid: int) -> Figure:
    """A film: patch after patch is cut out of the picture (left) and becomes a row of z_0 (right). z is (1 + P, d)."""
    size, P, d = picture.shape[-1], len(z) - 1, z.shape[1]
    z = z[:, :COMPONENTS]
    bound = float(np.abs(z).max())

    def rows(count: int) -> Any:
        return quantise(np.where(np.arange(len(z))[:, None] <= count, z, np.nan), -bound, bound)

    side = size // grid

    def frame(k: int) -> list[dict[str, Any]]:
        return [*_lines(size, side), *([_square(*divmod(k - 1, grid), side, CHOSEN)] if k else [])]

    data = [
        _ground(grey(picture)),
        {
            "type": "heatmap", "z": rows(P), **signed_scale(bound), "xaxis": "x2", "yaxis": "y2",
            "colorbar": {"title": {"text": "component of z₀ [1]", "side": "right"}, "thickness": 12},
            "hovertemplate": "token %{y}, component %{x}<br>%{z:.3f}<extra></extra>",
        },
    ]  # fmt: skip
    axes = _picture_axes(size)
    return Figure(
        data,
        layout(
            **{
                **axes,
                "xaxis": {**axes["xaxis"], "domain": [0, 0.34]},
                "xaxis2": axis("component", anchor="y2", domain=[0.56, 1], showgrid=False, zeroline=False),
                "yaxis2": axis(
                    "token (0: class token)", anchor="x2", autorange="reversed", showgrid=False, zeroline=False
                ),
            },
            shapes=frame(P),
        ),
        alt=f"Left the picture cut into {P} patches, right the {P + 1} tokens of {d} numbers that they become; the largest is {short(bound)} in size.",
        how_to_read="Play the film: the framed patch on the left becomes the next row on the right. Row 0 is the class token, which belongs to no patch. "
        "Orange numbers are positive, blue ones negative; position embeddings are already added."
        + f" Of {d} components the first {COMPONENTS} are drawn."
        * (d > COMPONENTS),
        frames=[Frame([{"z": rows(k)}], [1], {"shapes": frame(k)}) for k in stops(P, grid)],
    )


def film_steps(count: int, grid: int) -> list[Step]:
    """The stops of the film of `sentence`."""
    named = [f"Patch {k} (row {(k - 1) // grid + 1}, column {(k - 1) % grid + 1})" for k in stops(count - 1, grid)[1:]]
    return [Step("The class token"), *map(Step, named)]


# --- heads ---


def scattered(values: np.ndarray, title: str, y_title: str, most: float, most_words: str) -> Figure:
    """A number for each head (layers, heads), layer by layer, with the value of a head that looks everywhere alike."""
    L, H = values.shape
    data = [
        {
            "type": "scatter", "mode": "markers", "name": f"head {h + 1}", "x": np.arange(1, L + 1), "y": values[:, h],
            "marker": {"size": 10, "color": CATEGORIES[h % len(CATEGORIES)], "symbol": ("circle", "square", "diamond", "cross")[h % 4]},
            "hovertemplate": "layer %{x}<br>%{y:.3f}<extra>%{fullData.name}</extra>",
        }
        for h in range(H)
    ]  # fmt: skip
    even = {
        "type": "scatter", "mode": "lines", "name": most_words, "x": [1, L], "y": [most, most], "line": {"color": GREY, "dash": "dash", "width": 1.5},
        "hovertemplate": f"{most_words}: {short(most)}<extra></extra>",
    }  # fmt: skip
    return Figure(
        [*data, even],
        layout(xaxis=axis("layer", dtick=1, range=[0.7, L + 0.3]), yaxis=axis(y_title, rangemode="tozero"), showlegend=True),
        alt=f"{title}: " + "; ".join(f"layer {k + 1} from {short(float(v.min()))} to {short(float(v.max()))}" for k, v in enumerate(values)) + ".",
        how_to_read=f"Each mark is a head. {title}. The dashed line is a head that looks everywhere alike.",
    )  # fmt: skip


# --- where did it look ---


def over_pixels(picture: np.ndarray, map_: np.ndarray, mask: np.ndarray | None, title: str, mark: str) -> Figure:
    """A map (height, width) over the grey picture, with the true outline."""
    top = {
        "type": "heatmap", "z": map_.astype(np.float32), "colorscale": MAGNITUDE, "opacity": 0.7, "zmin": 0, "zmax": float(map_.max()) or 1.0,
        "colorbar": {"thickness": 10, "title": {"text": title, "side": "right"}},
        "hovertemplate": "row %{y}, column %{x}<br>%{z:.4g}<extra></extra>",
    }  # fmt: skip
    return Figure(
        [_ground(grey(picture)), top, *([] if mask is None else [_outline(mask)])],
        layout(**_picture_axes(picture.shape[-1])),
        alt=f"{title} over the picture{mark}; the largest value is {short(float(map_.max()))}.",
        how_to_read="The picture in grey; yellow is where the map is large. Values of patches are enlarged bilinearly to the picture."
        + (" The green line is the true outline of the shape." if mask is not None else ""),
    )


# --- positions ---


def likeness(table: np.ndarray) -> Figure:
    """For every patch (its place in the sheet) the likeness of its embedding to all others (its tile). table is (P, P)."""
    grid = int(len(table) ** 0.5)
    tiles = sheet(table.reshape(-1, grid, grid), grid)
    step = grid + 1
    ticks = {
        "tickvals": [k * step + (grid - 1) / 2 for k in range(grid)],
        "ticktext": [str(k + 1) for k in range(grid)],
    }
    return Figure(
        [
            {
                "type": "heatmap", "z": quantise(tiles, -1, 1), **signed_scale(1.0),
                "colorbar": {"title": {"text": "cosine [1]", "side": "right"}, "thickness": 12},
                "hovertemplate": "cosine %{z:.2f}<extra></extra>",
            }
        ],
        layout(
            xaxis=axis("column of the patch", constrain="domain", showgrid=False, zeroline=False, **ticks),
            yaxis=axis("row of the patch", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False, **ticks),
            margin={"l": 52, "r": 10, "t": 10, "b": 44},
        ),
        alt=f"Cosines between the {len(table)} position embeddings, a map of {grid} by {grid} for each patch; away from itself they lie between "
        f"{short(float(_others(table).min()))} and {short(float(_others(table).max()))}.",
        how_to_read="The tile at row r, column c compares the embedding of that patch with those of all patches, each at its own place in the tile. "
        "Orange: alike, up to the same (1); white: nothing in common (0); blue: opposite. A warm spot around a tile's own place means that neighbours have alike embeddings.",
    )  # fmt: skip


def _others(table: np.ndarray) -> np.ndarray:
    return table[~np.eye(len(table), dtype=bool)]


def by_distance(distance: np.ndarray, cosine: np.ndarray) -> Figure:
    """The mean cosine over the distance of two patches."""
    return Figure(
        [
            {
                "type": "scatter", "mode": "lines+markers", "x": distance, "y": cosine, "line": {"color": BLUE, "width": 2}, "name": "mean",
                "hovertemplate": "%{x:.1f} px<br>cosine %{y:.3f}<extra></extra>",
            }
        ],
        layout(xaxis=axis("distance of two patches [px]"), yaxis=axis("mean cosine of their embeddings [1]")),
        alt=f"Mean cosine of position embeddings against the patches' distance: {short(float(cosine[1]))} for neighbours, {short(float(cosine[-1]))} at {short(float(distance[-1]))} pixels.",
        how_to_read="Each mark is the mean over all pairs of patches so far apart. A line that falls says that the embeddings know what is near.",
    )  # fmt: skip


# --- broken pictures ---


def losses_of_patches(shares: Sequence[float], curves: Mapping[str, np.ndarray], chance: float, here: float) -> Figure:
    """Share of right answers against the share of patches that are left out."""
    return _curves(
        100 * np.asarray(shares), curves, chance, "patches left out [%]", "Left out", 100 * here,
        "A transformer takes a shorter sentence (solid blue), or sees the patches painted in the picture's mean colour (dashed orange), as a "
        "convolutional network must (dotted green). Every treatment loses the same patches.",
    )  # fmt: skip


def losses_of_order(cuts: Sequence[int], curves: Mapping[str, np.ndarray], chance: float, here: float) -> Figure:
    """Share of right answers against the pieces that are shuffled."""
    return _curves(
        np.array([c * c for c in cuts], float), curves, chance, "pieces that are shuffled", "Shuffled", here**2,
        "The picture is cut into so many equal pieces, which change their places at random; 1 piece is the picture itself. A line that stays "
        "high belongs to a network that hardly minds where things lie.",
        type="log", tickvals=[c * c for c in cuts], ticktext=[str(c * c) for c in cuts],
    )  # fmt: skip


def _curves(
    x: np.ndarray,
    curves: Mapping[str, np.ndarray],
    chance: float,
    title: str,
    what: str,
    here: float,
    read: str,
    **more: Any,
) -> Figure:
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": 100 * y,
            "line": {"color": (BLUE, ORANGE, GREEN)[k], "width": 2.2, "dash": ("solid", "dash", "dot")[k]},
            "hovertemplate": "%{x:.0f}: %{y:.1f} % right<extra>%{fullData.name}</extra>",
        }
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    guess = {
        "type": "scatter", "mode": "lines", "name": "blind guess", "x": [x[0], x[-1]], "y": [100 * chance] * 2,
        "line": {"color": GREY, "dash": "dash", "width": 1.2}, "hovertemplate": "blind guess %{y:.0f} %<extra></extra>",
    }  # fmt: skip
    mark = np.log10(here) if more.get("type") == "log" else here
    return Figure(
        [*data, guess],
        layout(
            xaxis=axis(title, **more), yaxis=axis("right answers [%]", range=[0, 103]), showlegend=True,
            shapes=[upright_line(here if more.get("type") == "log" else mark, color=CHOSEN, width=1.5, dash="dot")],
        ),
        alt=f"{what}: share of right answers, " + "; ".join(f"{name} from {100 * y[0]:.1f} % to {100 * y[-1]:.1f} %" for name, y in curves.items()) + ".",
        how_to_read=f"{read} The magenta line is the picture on screen.",
    )  # fmt: skip


def spoiled(picture: np.ndarray, words: str) -> Figure:
    """The picture as it is after patches were left out and pieces shuffled."""
    colours = np.repeat(picture, 3, 0) if len(picture) == 1 else picture
    pixels = np.rint(255 * np.clip(colours, 0, 1)).astype(int).transpose(1, 2, 0)
    return Figure(
        [{"type": "image", "z": pixels.tolist(), "hovertemplate": "row %{y}, column %{x}<extra></extra>"}],
        layout(**_picture_axes(picture.shape[-1])),
        alt=f"The broken picture: {words}.",
        how_to_read="The picture after its pieces were shuffled and patches left out; what is left out is painted in the picture's mean colour.",
    )


# --- training ---


def training(epoch: np.ndarray, curves: Mapping[str, np.ndarray]) -> Figure:
    """Loss on training and test pictures."""
    return _over(epoch, curves, "epoch", "cross-entropy [nat]", "Loss", rangemode="tozero")


def accuracy(epoch: np.ndarray, share: np.ndarray, shuffled: np.ndarray) -> Figure:
    """Right answers on test pictures, as they are and with their patches in a random order."""
    curves = {"test digits": 100 * share, "their patches shuffled": 100 * shuffled}
    return _over(epoch, curves, "epoch", "right answers [%]", "Accuracy", range=[0, 103])


def _over(
    x: np.ndarray, curves: Mapping[str, np.ndarray], x_title: str, y_title: str, what: str, **more: Any
) -> Figure:
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y, "marker": {"size": 4},
            "line": {"color": (BLUE, ORANGE)[k], "width": 2.2, "dash": ("solid", "dash")[k]},
            "hovertemplate": "%{x:.1f}: %{y:.3f}<extra>%{fullData.name}</extra>",
        }
        for k, (name, y) in enumerate(curves.items())
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis(x_title), yaxis=axis(y_title, **more), showlegend=True),
        alt=f"{what}: " + "; ".join(f"{name} {short(float(y[0]))} at the start, {short(float(y[-1]))} now" for name, y in curves.items()) + ".",
        how_to_read=f"{what} against the passes through the training digits. The first mark is the untrained network.",
    )  # fmt: skip


def hunger(sizes: Sequence[int], table: np.ndarray, names: Sequence[str]) -> Figure:
    """Right answers against the number of training pictures; table is (sizes, networks), NaN where not yet measured."""
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": list(sizes), "y": 100 * table[:, k],
            "line": {"color": (BLUE, GREEN)[k], "width": 2.2, "dash": ("solid", "dash")[k]},
            "hovertemplate": "%{x} pictures: %{y:.1f} %<extra>%{fullData.name}</extra>",
        }
        for k, name in enumerate(names)
    ]  # fmt: skip
    known = [
        f"{name} from {100 * v[0]:.1f} % with {s[0]} pictures to {100 * v[-1]:.1f} % with {s[-1]}"
        for k, name in enumerate(names)
        if len(v := table[:, k][~np.isnan(table[:, k])]) and (s := np.array(sizes)[~np.isnan(table[:, k])]) is not None
    ]
    return Figure(
        data,
        layout(
            xaxis=axis("training pictures", type="log", tickvals=list(sizes), ticktext=[str(n) for n in sizes]),
            yaxis=axis("right answers on test digits [%]", range=[0, 103]), showlegend=True,
        ),
        alt="Right answers against the number of training pictures: " + ("; ".join(known) or "nothing measured yet") + ".",
        how_to_read="Each mark is a network trained from new first weights on so many digits, all for the same number of steps. The higher line needs fewer pictures.",
    )  # fmt: skip


def thumbnail(picture: np.ndarray, values: np.ndarray) -> Figure:
    """The card on the home page: attention over the patches."""
    side = picture.shape[-1] // len(values)
    fine = values.repeat(side, 0).repeat(side, 1)
    return Figure(
        [
            _ground(grey(picture)),
            {"type": "heatmap", "z": quantise(fine / fine.max(), 0, 1), "zmin": 0, "zmax": 1, "colorscale": MAGNITUDE, "opacity": 0.6, "showscale": False, "hoverinfo": "skip"},
        ],
        layout(
            xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={"l": 4, "r": 4, "t": 4, "b": 4},
            shapes=_lines(picture.shape[-1], side),
        ),
        alt=f"A picture cut into {values.size} patches with the attention of the class token laid over it.",
        how_to_read="Yellow patches are those that the class token looks at most; dark blue ones it hardly looks at.",
    )  # fmt: skip
