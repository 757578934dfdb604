"""The page's pictures: small pictures side by side, maps before and after, and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Snapshot, Step
from core.plots.theme import BLUE, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, hidden_axis, layout, signed_scale
from core.plots.tiles import corner, pixels, sheet, upright
from core.plots.words import plain, short

PICTURES_HEIGHT, BARS_HEIGHT, WISH_HEIGHT, REMOVALS_HEIGHT = 330, 360, 400, 460  # pixels
MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}


def row_of_pictures(
    images: Sequence[np.ndarray], titles: Sequence[str], alt: str, how_to_read: str, columns: int = 0
) -> Figure:
    """Pictures (C, h, w) in 0..1 of one size, side by side, each with its title above."""
    columns = columns or len(images)
    gap = _gap(images[0].shape[1:])
    shown = _pixel_sheet(images, columns, gap)
    return Figure(
        data=[{"type": "image", "z": shown, "colormodel": "rgba256", "hovertemplate": "%{z}<extra></extra>"}],
        layout=layout(
            xaxis=hidden_axis(constrain="domain"), yaxis=upright(range=[shown.shape[0] - 0.5, -0.5 - gap]), margin=MARGIN,
            annotations=_titles(titles, images[0].shape[1:], columns, gap),
        ),
        alt=alt,
        how_to_read=how_to_read,
    )  # fmt: skip


def _gap(shape: tuple[int, ...]) -> int:
    """Room for a title above each picture."""
    return max(3, shape[0] // 7)


def _pixel_sheet(images: Sequence[np.ndarray], columns: int, gap: int) -> np.ndarray:
    planes = np.stack([pixels(image) for image in images]).astype(float)
    sheets = [sheet(planes[..., c], columns, gap) for c in range(3)]
    whole = np.stack(sheets, axis=-1)
    clear = np.isnan(whole[..., :1])
    return np.concatenate([np.nan_to_num(whole, nan=128.0), np.where(clear, 0.0, 255.0)], axis=-1).astype(np.uint8)


def _titles(titles: Sequence[str], shape: tuple[int, ...], columns: int, gap: int) -> list[dict[str, Any]]:
    """One above each tile."""
    places = [corner(k, (shape[0], shape[1]), columns, gap) for k in range(len(titles))]
    return [
        {"text": text, "x": column + (shape[1] - 1) / 2, "y": row - 0.5, "yanchor": "bottom", "showarrow": False, "font": {"size": 12}}
        for text, (row, column) in zip(titles, places, strict=True)
    ]  # fmt: skip


def row_of_maps(maps: Sequence[np.ndarray], titles: Sequence[str], alt: str, how_to_read: str) -> Figure:
    """Maps (h, w) of one size side by side in one colour scale, signed if one of them is."""
    gap = _gap(maps[0].shape)
    end = max(float(np.abs(m).max()) for m in maps) or 1.0
    signed = min(float(m.min()) for m in maps) < 0
    shown = sheet(np.stack(maps), len(maps), gap)
    colours = signed_scale(end) if signed else {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": end}
    return Figure(
        data=[{"type": "heatmap", "z": shown, "hoverongaps": False, "hovertemplate": "%{z:.4g}<extra></extra>", "colorbar": {"title": {"text": "value"}, "thickness": 12}, **colours}],
        layout=layout(
            xaxis=hidden_axis(constrain="domain"), yaxis=upright(range=[shown.shape[0] - 0.5, -0.5 - gap]), margin=MARGIN,
            annotations=_titles(titles, maps[0].shape, len(maps), gap),
        ),
        alt=alt,
        how_to_read=how_to_read + (" Orange is above 0, blue below, white 0." if signed else " Dark blue is 0, yellow the largest value."),
    )  # fmt: skip


def two_bars(
    names: Sequence[str], before: np.ndarray, after: np.ndarray, what: str, alt: str, how_to_read: str
) -> Figure:
    """Two bars for each class, in per cent: before and after."""
    data = [
        {"type": "bar", "name": name, "x": list(names), "y": 100 * values, "marker": {"color": color}, "hovertemplate": f"%{{x}}: %{{y:.4g}} %<extra>{name}</extra>"}
        for name, values, color in (("before", before, GREY), ("after", after, BLUE))
    ]  # fmt: skip
    return Figure(
        data=data,
        layout=layout(xaxis=axis("class", showgrid=False), yaxis=axis(f"{what} (%)", range=[0, 104]), bargap=0.3, showlegend=True),
        alt=alt,
        how_to_read=how_to_read,
    )  # fmt: skip


def along_layers(values: Mapping[str, float], chosen: str, what: str, alt: str, how_to_read: str) -> Figure:
    """One bar a layer, in the order of computing."""
    names = [plain(name) for name in values]
    colors = [VERMILLION if name == chosen else BLUE for name in values]
    return Figure(
        data=[{"type": "bar", "x": names, "y": list(values.values()), "marker": {"color": colors}, "hovertemplate": "%{x}: %{y:.4g}<extra></extra>"}],
        layout=layout(xaxis=axis("layer, in the order of computing", tickangle=-50, showgrid=False), yaxis=axis(what, rangemode="tozero"), margin={"l": 56, "r": 16, "t": 16, "b": 96}),
        alt=alt,
        how_to_read=how_to_read,
    )  # fmt: skip


def removals(drops: np.ndarray, classes: Sequence[str], whole: np.ndarray, layer: str) -> Figure:
    """Maps down, classes across: the share of right answers that each class loses without the map; `whole`, all classes together."""
    shown = 100 * np.column_stack([drops, whole])
    end = float(np.abs(shown).max()) or 1.0
    worst = int(whole.argmax())
    return Figure(
        data=[{
            "type": "heatmap", "z": shown.astype(np.float32), "x": [*classes, "all"], "y": np.arange(len(shown)),
            "hovertemplate": "without map %{y}: %{x} loses %{z:.3g} points<extra></extra>",
            "colorbar": {"title": {"text": "loss (points)", "side": "right"}, "thickness": 12}, **signed_scale(end),
        }],
        layout=layout(
            xaxis=axis("class", type="category", showgrid=False, tickangle=-50), yaxis=axis("map that is removed", autorange="reversed", showgrid=False),
            margin={"l": 56, "r": 16, "t": 16, "b": 96},
        ),
        alt=f"Loss of right answers for {len(classes)} classes without each of {len(drops)} maps of {layer}; most is lost without map {worst}: {100 * whole[worst]:.3g} percentage points over all classes.",
        how_to_read="Each row is one map that is 0 everywhere, each column a class; the last column is all classes together. Orange: so many percentage points of right answers are lost; blue: gained; white: nothing changes.",
    )  # fmt: skip


def kernels(before: np.ndarray, after: np.ndarray) -> Figure:
    """A kernel as learned and as it is now, with its numbers."""
    figure = row_of_maps(
        [before, after], ["as learned", "now"],
        alt=f"The kernel as learned, weights from {short(float(before.min()))} to {short(float(before.max()))}, and now, from {short(float(after.min()))} to {short(float(after.max()))}.",
        how_to_read="The kernel's weights, as learned and as they are now, in one colour scale.",
    )  # fmt: skip
    return Figure([{**figure.data[0], "texttemplate": "%{z:.2f}"}], figure.layout, figure.alt, figure.how_to_read)


def wishes(moments: Sequence[Snapshot], what: str) -> Figure:
    """The pictures at the last moment and, if there are several, a film of the climb."""
    images = moments[-1].arrays["images"]
    columns = 2 if len(images) > 1 else 1
    gap = _gap(images.shape[2:])
    sheets = [_pixel_sheet(list(m.arrays["images"]), columns, gap)[..., :3] for m in moments]
    first, last = moments[0].metrics["answer"], moments[-1].metrics["answer"]
    return Figure(
        data=[{"type": "image", "z": sheets[-1], "hovertemplate": "%{z}<extra></extra>"}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(range=[sheets[-1].shape[0] - 0.5, -0.5]), margin={**MARGIN, "t": 8}),
        alt=f"{f'Film of {len(moments)} pictures. ' if len(moments) > 1 else ''}A picture made to excite {what}: its answer is {short(last)} after {moments[-1].step} steps, {short(first)} at the start.",
        how_to_read="The picture is changed step by step so that the unit answers more strongly. It shows what drives the unit, in colours of the network's own; nothing like it need be in the pictures that it learned from.",
        frames=[Frame([{"z": s}], [0]) for s in sheets] if len(sheets) > 1 else [],
    )  # fmt: skip


def progress(steps: Sequence[float], answers: Sequence[float]) -> Figure:
    """The unit's answer at each step."""
    x, y = np.asarray(steps, float), np.asarray(answers, float)
    return Figure(
        data=[{"type": "scatter", "mode": "lines+markers", "x": x, "y": y, "line": {"color": ORANGE, "width": 2.2}, "marker": {"size": 5}, "hovertemplate": "step %{x}: %{y:.4g}<extra></extra>"}],
        layout=layout(xaxis=axis("step", rangemode="tozero"), yaxis=axis("answer f (the network's units)"), showlegend=False),
        alt=f"The answer over {x[-1]:.0f} steps: from {short(float(y[0]))} to {short(float(y[-1]))}.",
        how_to_read="How strongly the unit answers to the picture at each step of the climb. With jitter or blur the line is not smooth: the picture is moved or blurred between steps.",
    )  # fmt: skip


def film_steps(moments: Sequence[Snapshot]) -> list[Step]:
    """What the transport bar says."""
    return [
        Step(f"Step {m.step}" if m.step else "Start", f"Answer {short(m.metrics['answer'])}, total variation {short(m.metrics['variation'])}.")
        for m in moments
    ]  # fmt: skip


def against_chance(score: float, random: np.ndarray, name: str) -> Figure:
    """A concept's score among those of random directions."""
    values, counts = np.unique(np.round(100 * random, 6), return_counts=True)
    data = [
        {"type": "bar", "name": "random directions", "x": values, "y": counts, "width": 1.6, "marker": {"color": GREY}, "hovertemplate": "%{x:.3g} %: %{y} of the random directions<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": name, "x": [100 * score], "y": [0], "marker": {"color": VERMILLION, "size": 14, "symbol": "diamond"}, "cliponaxis": False, "hovertemplate": "%{x:.3g} %<extra>" + name + "</extra>"},
    ]  # fmt: skip
    return Figure(
        data=data,
        layout=layout(xaxis=axis("TCAV: pictures whose logit grows along the direction (%)", range=[-4, 104]), yaxis=axis("random directions (count)", rangemode="tozero"), showlegend=True),
        alt=f"The score of {name} is {score:.0%}; {len(random)} random directions score from {random.min():.0%} to {random.max():.0%}.",
        how_to_read="The diamond is the concept: the share of the class's pictures whose logit grows when their maps move towards the concept. Grey: the same for directions that tell random halves of the pictures apart. Only a score outside the grey ones means anything.",
    )  # fmt: skip


def thumbnail(images: np.ndarray) -> Figure:
    """Pictures that units want, for the card on the home page."""
    return row_of_pictures(
        list(images), [""] * len(images),
        alt=f"{len(images)} pictures, each changed until one unit of a network answers to it strongly.",
        how_to_read="Each picture began as noise and was changed until one unit of the network answered strongly.",
        columns=4,
    )  # fmt: skip
