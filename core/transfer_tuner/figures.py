"""The tuner's pictures. Arrays come from elsewhere; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    CATEGORIES,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    PURPLE,
    VERMILLION,
    axis,
    hidden_axis,
    layout,
    upright_line,
)
from core.plots.tiles import corner, frame
from core.plots.words import short
from core.transfer_tuner.metrics import apart

COLOURS = {"probe": BLUE, "partial": ORANGE, "full": GREEN, "scratch": PURPLE}
SYMBOLS = {"probe": "circle", "partial": "square", "full": "diamond", "scratch": "cross"}
TITLES = {"probe": "Linear probe", "partial": "Partial", "full": "Full", "scratch": "From scratch"}
TOP_HEIGHT, GALLERY_HEIGHT, LENS_HEIGHT, LISTING_HEIGHT = 400, 300, 400, 340
GAP = 2  # cells between tiles

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]


def curves(runs: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Accuracy above loss, of training (dotted) and validation pictures, for each strategy over its epochs."""
    data = [
        {
            "type": "scatter", "mode": "lines", "name": TITLES[name], "x": run["epoch"], "y": run[f"{part}_{what}"],
            "line": {"color": COLOURS[name], "width": 2.4 if part == "val" else 1.5, "dash": "solid" if part == "val" else "dot"},
            "legendgroup": name, "showlegend": part == "val" and what == "accuracy", "xaxis": "x" if what == "accuracy" else "x2",
            "yaxis": "y" if what == "accuracy" else "y2",
            "hovertemplate": f"{TITLES[name]}, {'validation' if part == 'val' else 'training'}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
        }
        for name, run in runs.items()
        for what in ("accuracy", "loss")
        for part in ("val", "train")
    ]  # fmt: skip
    ends = "; ".join(
        f"{TITLES[name]} {short(float(run['val_accuracy'][-1]))} after epoch {int(run['epoch'][-1])}, best {short(float(np.nanmax(run['val_accuracy'])))}"
        for name, run in runs.items()
    )
    return Figure(
        data,
        layout(
            xaxis=axis("epoch", domain=[0, 0.44]), yaxis=axis("accuracy [share]", range=[-0.02, 1.04]),
            xaxis2=axis("epoch", domain=[0.56, 1], anchor="y2"), yaxis2=axis("loss [nat]", anchor="x2", rangemode="tozero"),
            showlegend=True,
        ),
        alt=f"Accuracy and loss over the epochs. Validation accuracy: {ends}.",
        how_to_read="Left: the share of right answers. Right: cross-entropy. Solid: pictures kept for validation; dotted: the training pictures, as they were seen. Epoch 0 is before the first step. One colour for each strategy.",
    )  # fmt: skip


def gallery(
    pictures: np.ndarray, words: Sequence[str], right: Sequence[bool] | None, title: str, columns: int = 8
) -> Figure:
    """Pictures (K, size, size, 3) of bytes side by side; a frame says whether the answer was right; `words` appear on hover."""
    K, size = pictures.shape[:2]
    columns = max(1, min(columns, K))
    rows = -(-K // columns)
    step = size + GAP
    whole = np.zeros((rows * step - GAP, columns * step - GAP, 4), np.uint8)  # gaps are transparent
    centres = []
    for k, picture in enumerate(pictures):
        top, left = corner(k, (size, size), columns, GAP)
        whole[top : top + size, left : left + size, :3] = picture
        whole[top : top + size, left : left + size, 3] = 255
        centres.append((left + size / 2 - 0.5, top + size / 2 - 0.5))
    x, y = np.array(centres).T if K else (np.empty(0), np.empty(0))
    frames = [frame(k, (size, size), columns, GREEN if good else VERMILLION, GAP) for k, good in enumerate(right or ())]
    marks = "" if right is None else f" {sum(right)} of {K} are answered rightly."
    return Figure(
        [
            {"type": "image", "z": whole, "colormodel": "rgba256", "hoverinfo": "skip"},
            {"type": "scatter", "mode": "markers", "x": x, "y": y, "text": list(words), "hovertemplate": "%{text}<extra></extra>", "marker": {"size": 26, "opacity": 0, "symbol": "square"}, "showlegend": False, "name": "pictures"},
        ],
        layout(
            xaxis=hidden_axis(constrain="domain", range=[-1.5, whole.shape[1] + 0.5]),
            yaxis=hidden_axis(scaleanchor="x", constrain="domain", range=[whole.shape[0] + 0.5, -1.5]),
            shapes=frames, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        ),
        alt=f"{title}: {K} pictures.{marks} First: {'; '.join(list(words)[:3]) or 'none'}.",
        how_to_read=f"{title}."
        + (" A green frame is a right answer, a red one a wrong answer." if right is not None else "")
        + " Hover over a picture to read what it is and what was answered.",
    )  # fmt: skip


def lines(
    runs: Curves,
    x_title: str,
    y_title: str,
    how: str,
    *,
    markers: bool = False,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    diagonal: bool = False,
    shapes: Sequence[Mapping[str, Any]] = (),
) -> Figure:
    """One line for each name; strategies have their own colours."""
    palette = {name: CATEGORIES[k % len(CATEGORIES)] for k, name in enumerate(runs)}
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines+markers" if markers else "lines", "name": TITLES.get(name, name), "x": np.asarray(xs), "y": np.asarray(ys),
            "line": {"color": COLOURS.get(name, palette[name]), "width": 2.2, "dash": "solid" if k < len(CATEGORIES) else "dash"},
            "marker": {"size": 8, "symbol": SYMBOLS.get(name, "circle")},
            "hovertemplate": f"{TITLES.get(name, name)}<br>{x_title}: %{{x:.4g}}<br>{y_title}: %{{y:.4g}}<extra></extra>",
        }
        for k, (name, (xs, ys)) in enumerate(runs.items())
    ]  # fmt: skip
    if diagonal:
        data.append({"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": {"color": GREY, "dash": "dot", "width": 1.4}, "name": "diagonal", "hoverinfo": "skip"})  # fmt: skip
    ends = "; ".join(
        f"{TITLES.get(n, n)} from {short(float(ys[0]))} to {short(float(ys[-1]))}"
        for n, (_, ys) in runs.items()
        if len(ys)
    )
    return Figure(
        data,
        layout(
            xaxis=axis(x_title, **(x or {})), yaxis=axis(y_title, **(y or {})), showlegend=True, shapes=list(shapes)
        ),
        alt=f"{y_title} against {x_title}: {ends or 'nothing yet'}.",
        how_to_read=how,
    )


def confusion(C: np.ndarray, classes: Sequence[str], chosen: tuple[int, int] | None) -> Figure:
    """Rows: what a picture is; columns: what was answered."""
    words = list(classes)
    wrong = int(C.sum() - np.trace(C))
    outline = [] if chosen is None else [
        {"type": "rect", "x0": chosen[1] - 0.5, "x1": chosen[1] + 0.5, "y0": chosen[0] - 0.5, "y1": chosen[0] + 0.5, "line": {"color": VERMILLION, "width": 3}}
    ]  # fmt: skip
    return Figure(
        [
            {
                "type": "heatmap", "z": C, "x": words, "y": words, "colorscale": MAGNITUDE, "zmin": 0, "xgap": 1, "ygap": 1,
                "texttemplate": "%{z}" if len(words) <= 12 else "", "colorbar": {"title": {"text": "pictures"}, "thickness": 12},
                "hovertemplate": "is %{y}<br>answered %{x}<br>%{z} pictures<extra></extra>",
            }
        ],
        layout(
            xaxis=axis("answered", type="category"), yaxis=axis("is", type="category", autorange="reversed"), shapes=outline
        ),
        alt=f"Confusion matrix of {len(words)} classes: {int(np.trace(C))} of {int(C.sum())} pictures on the diagonal, {wrong} off it.",
        how_to_read="Each cell counts validation pictures: its row says what they are, its column what was answered. Right answers lie on the diagonal. Click a cell to see its pictures.",
    )  # fmt: skip


def reliability(
    confidence: np.ndarray, accuracy: np.ndarray, count: np.ndarray, tempered: tuple[np.ndarray, np.ndarray] | None
) -> Figure:
    """Accuracy against confidence, bin by bin."""
    runs = {"as trained": (confidence, accuracy)}
    if tempered is not None:
        runs["with temperature"] = tempered
    drawn = lines(
        runs, "confidence  [probability]", "accuracy  [share]",
        "Validation pictures in ten bins by the probability of the answer. On the dotted diagonal certainty is earned; below it the model is surer than it is right.",
        markers=True, x={"range": [0, 1.02]}, y={"range": [-0.02, 1.04]}, diagonal=True,
    )  # fmt: skip
    return Figure(drawn.data, drawn.layout, f"{drawn.alt} Pictures in the bins: {', '.join(map(str, count))}.", drawn.how_to_read)  # fmt: skip


def bars(
    groups: Mapping[str, Sequence[float]], names: Sequence[str], x_title: str, y_title: str, how: str, **y: Any
) -> Figure:
    """Grouped bars: one colour for each group, one place for each name."""
    data = [
        {
            "type": "bar", "name": TITLES.get(group, group), "x": list(names), "y": np.asarray(values, float),
            "marker": {"color": COLOURS.get(group, CATEGORIES[k % len(CATEGORIES)])},
            "hovertemplate": f"{TITLES.get(group, group)}<br>%{{x}}: %{{y:.4g}}<extra></extra>",
        }
        for k, (group, values) in enumerate(groups.items())
    ]  # fmt: skip
    words = "; ".join(
        f"{TITLES.get(g, g)} " + ", ".join(f"{n} {short(float(v))}" for n, v in zip(names, values, strict=True))
        for g, values in groups.items()
    )
    return Figure(
        data,
        layout(
            xaxis=axis(x_title, type="category"), yaxis=axis(y_title, **y), showlegend=len(groups) > 1, barmode="group"
        ),
        alt=f"{y_title}: {words}."[:900],
        how_to_read=how,
    )


def embedding(before: np.ndarray, after: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """The features of the validation pictures on their two main directions, before and after."""
    data = [
        {
            "type": "scatter", "mode": "markers", "name": name, "legendgroup": name, "showlegend": side == "",
            "x": points[labels == k, 0], "y": points[labels == k, 1], "xaxis": f"x{side}", "yaxis": f"y{side}",
            "marker": {"color": CATEGORIES[k % len(CATEGORIES)], "size": 7, "symbol": ("circle", "square", "diamond")[k // len(CATEGORIES) % 3]},
            "hovertemplate": f"{name}<extra></extra>",
        }
        for side, points in (("", before), ("2", after))
        for k, name in enumerate(classes)
    ]  # fmt: skip
    first, last = (apart(points, labels) for points in (before, after))
    return Figure(
        data,
        layout(
            xaxis=axis("before: 1st component", domain=[0, 0.46]), yaxis=axis("2nd component"),
            xaxis2=axis("after: 1st component", domain=[0.55, 1], anchor="y2"), yaxis2=axis("2nd component", anchor="x2"),
            showlegend=True,
        ),
        alt=f"Features of {len(labels)} validation pictures in two dimensions. The spread between the classes' means is {short(first)} of the whole before training, {short(last)} after it.",
        how_to_read="Each point is one validation picture, seen by the network before (left) and after training (right); colour and mark say its class. Apart means easy to tell apart. Two of many dimensions: points that overlap here may be apart in others.",
    )  # fmt: skip


def space(
    points: np.ndarray,
    epochs: Sequence[int],
    labels: np.ndarray,
    classes: Sequence[str],
    words: Sequence[str],
    kind: str,
) -> Figure:
    """The film of the features: `points` (epochs, pictures, 2), the same axes in every frame; `words` say what each picture is."""
    of_class = [np.flatnonzero(labels == k) for k in range(len(classes))]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    edge = 0.06 * np.maximum(high - low, 1e-9)
    coded = [[quantise(points[t, :, k], low[k], high[k]) for k in (0, 1)] for t in range(len(points))]

    def placed(t: int, rows: np.ndarray) -> dict[str, Any]:
        return {name: values._replace(codes=values.codes[rows]) for name, values in zip("xy", coded[t], strict=True)}

    data = [
        {
            "type": "scatter", "mode": "markers", "name": name, **placed(0, rows), "text": [words[n] for n in rows],
            "marker": {"color": CATEGORIES[k % len(CATEGORIES)], "size": 9, "symbol": ("circle", "square", "diamond")[k // len(CATEGORIES) % 3]},
            "hovertemplate": "%{text}<extra></extra>",
        }
        for k, (name, rows) in enumerate(zip(classes, of_class, strict=True))
    ]  # fmt: skip
    traces = list(range(len(classes)))
    frames = (
        [Frame([placed(t, rows) for rows in of_class], traces) for t in range(len(points))] if len(points) > 1 else ()
    )
    ends = [short(apart(points[t], labels)) for t in (0, -1)]
    one, other = ("1st component", "2nd component") if kind == "pca" else ("t-SNE, 1st axis", "t-SNE, 2nd axis")
    return Figure(
        data,
        layout(
            xaxis=axis(f"{one} [1]", range=[low[0] - edge[0], high[0] + edge[0]]), yaxis=axis(f"{other} [1]", range=[low[1] - edge[1], high[1] + edge[1]]), showlegend=True,
        ),
        alt=f"{len(labels)} validation pictures on a plane, at {len(epochs)} epochs from {epochs[0]} to {epochs[-1]}. On this plane the spread between the classes' means is {ends[0]} of the whole at first and {ends[1]} at last.",
        how_to_read="Each point is one validation picture as the head gets it; colour and mark say its class. Hover to read its number, its class and the answer. "
        + ("All epochs are drawn on the same two directions, those of the largest variance over the whole film, so the axes stay. Points that overlap here may be apart in the other directions." if kind == "pca" else "Near neighbours stay near. Distances between groups, their sizes and how dense they are mean nothing, and neither do the axes; all frames are drawn in one size."),
        frames=frames,
    )  # fmt: skip


def stacked(groups: Mapping[str, np.ndarray], x: np.ndarray, x_title: str, y_title: str, how: str) -> Figure:
    """Bars on top of each other: one colour for each name, one place for each x."""
    data = [
        {
            "type": "bar", "name": name, "x": x, "y": np.asarray(values, float), "marker": {"color": CATEGORIES[k % len(CATEGORIES)]},
            "hovertemplate": f"{name}<br>{x_title} %{{x}}: %{{y:.3g}}<extra></extra>",
        }
        for k, (name, values) in enumerate(groups.items())
    ]  # fmt: skip
    whole = np.sum(list(groups.values()), axis=0)
    return Figure(
        data,
        layout(xaxis=axis(x_title, dtick=max(1, len(x) // 8)), yaxis=axis(y_title), showlegend=True, barmode="stack"),
        alt=f"{y_title} over {len(x)} bars: from {short(float(whole[0]))} to {short(float(whole[-1]))} in all; "
        + ", ".join(f"{name} {short(float(np.mean(values)))} on average" for name, values in groups.items())
        + ".",
        how_to_read=how,
    )


def rates(rates_tried: np.ndarray, losses: np.ndarray, proposal: float) -> Figure:
    """The loss while the rate grows."""
    mark = upright_line(proposal, color=VERMILLION, dash="dash", width=2)
    drawn = lines(
        {"loss": (rates_tried, losses)}, "learning rate η  [1]", "smoothed loss  [nat]",
        "One short run in which the rate grows from step to step. Flat at the left: too small to learn. Rising at the right: too large. The dashed line marks where the loss falls most steeply.",
        x={"type": "log"}, shapes=[mark],
    )  # fmt: skip
    return Figure(drawn.data, drawn.layout, f"{drawn.alt} Steepest fall at {short(proposal)}.", drawn.how_to_read)


def probabilities(classes: Sequence[str], P: np.ndarray, threshold: float) -> Figure:
    """The answer to one picture, and the line below which it counts as unknown."""
    order = np.argsort(-P, kind="stable")[:10]
    words = [classes[k] for k in order]
    line = upright_line(threshold, color=VERMILLION, dash="dash")
    return Figure(
        [{"type": "bar", "orientation": "h", "x": P[order], "y": words, "marker": {"color": BLUE}, "hovertemplate": "%{y}: %{x:.4f}<extra></extra>"}],
        layout(xaxis=axis("probability", range=[0, 1.02]), yaxis=axis("class", type="category", autorange="reversed"), shapes=[line]),
        alt=f"Probabilities for this picture: {', '.join(f'{w} {short(float(P[k]))}' for w, k in zip(words, order, strict=True))}.",
        how_to_read="One bar for each class, the most probable on top (ten at most). If no bar reaches the dashed line, the answer is “unknown”.",
    )  # fmt: skip


def heat(picture: np.ndarray, values: np.ndarray, title: str) -> Figure:
    """Which pixels the answer hangs on, (size, size)."""
    return Figure(
        [{"type": "heatmap", "z": values.astype(np.float32), "colorscale": MAGNITUDE, "zmin": 0, "colorbar": {"title": {"text": "evidence [1]"}, "thickness": 12}, "hovertemplate": "row %{y}, column %{x}: %{z:.3g}<extra></extra>"}],
        layout(
            xaxis=axis("column [px]", constrain="domain", showgrid=False),
            yaxis=axis("row [px]", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False),
        ),
        alt=f"{title} of a picture of {values.shape[1]} by {values.shape[0]} pixels: strongest at row {int(values.max(1).argmax())}, column {int(values.max(0).argmax())}.",
        how_to_read=f"{title}: the lighter a pixel, the more the answer changes with it. Rows and columns are those of the picture as the network gets it.",
    )  # fmt: skip
