"""The pictures of the augmentation lab: draws in a grid, curves, robustness, flows between classes, soft labels, findings."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from core.contracts import Figure
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, hidden_axis, layout
from core.plots.tiles import columns_of, pixels, upright
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 380, 340
COLOURS = (GREY, BLUE)
KINDS = (("shift", "shift along both sides  [share of a side]"), ("turn", "turn  [degrees]"), ("noise", "noise  [standard deviation, white = 1]"))  # fmt: skip
PAIRS = 6  # in a row


def contact_sheet(pictures: Sequence[np.ndarray], columns: int, gap: int = 1) -> np.ndarray:
    """Pictures (h, w, 3) of bytes and of one size, side by side; what lies between them is transparent."""
    h, w, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, 4), np.uint8)
    for n, picture in enumerate(pictures):
        y, x = n // columns * (h + gap), n % columns * (w + gap)
        sheet[y : y + h, x : x + w, :3] = picture
        sheet[y : y + h, x : x + w, 3] = 255
    return sheet


def paired_sheet(pairs: Sequence[Sequence[np.ndarray]], gap: int = 1) -> np.ndarray:
    """Pairs of pictures, the first above the second, PAIRS in a row; a wide space between the rows of pairs."""
    columns = min(PAIRS, len(pairs))
    rows = [
        contact_sheet([pair[k] for pair in pairs[n : n + PAIRS]], columns, gap)
        for n in range(0, len(pairs), PAIRS)
        for k in range(2)
    ]
    below = [gap if k % 2 == 0 else len(rows[0]) // 5 for k in range(len(rows))]
    below[-1] = 0
    spaced = [np.pad(row, ((0, space), (0, 0), (0, 0))) for row, space in zip(rows, below, strict=True)]
    return np.concatenate(spaced)


def _image(sheet: np.ndarray) -> dict[str, Any]:
    """The sheet as a trace: a PNG file, which is a tenth of its numbers as text."""
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"type": "image", "source": source, "zsmooth": False, "hoverinfo": "skip"}


def columns_for(count: int) -> int:
    """As many columns as fill whole rows, if a number near the root does; else the rounded root."""
    near = columns_of(count, 12)
    return next((k for k in (near, near + 1, near + 2) if count % k == 0), near)


def draws(found: np.ndarray, label: str) -> Figure:
    """The picture itself in the first tile, framed; then its draws."""
    tiles = [pixels(x) for x in found]
    columns = columns_for(len(tiles))
    side = tiles[0].shape[0]
    change = np.abs(found[1:] - found[0]).mean(axis=(1, 2, 3))
    mark = {
        "type": "rect",
        "x0": -0.5,
        "x1": side - 0.5,
        "y0": -0.5,
        "y1": side - 0.5,
        "line": {"color": ORANGE, "width": 3},
    }
    return Figure(
        [_image(contact_sheet(tiles, columns))],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), shapes=[mark], margin={"l": 4, "r": 4, "t": 8, "b": 8}),
        f"{len(tiles) - 1} random draws of one training picture of class {label}; a pixel changes by {short(float(change.mean()))} of white on average.",
        "Framed: the training picture as it is. Every other tile is the same picture after the pipeline, with new random draws. Black comes in from beyond the edge.",
    )  # fmt: skip


def live(found: Mapping[str, Sequence[float]]) -> Figure:
    """Test accuracy after each epoch, for each arm."""
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": np.arange(1, len(y) + 1), "y": np.asarray(y, float), "line": {"color": _colour(a), "width": 2.4, "dash": "dash" if a == 0 else "solid"},
            "hovertemplate": "epoch %{x}: %{y:.3f}<extra>" + name + "</extra>",
        }
        for a, (name, y) in enumerate(found.items())
    ]  # fmt: skip
    ends = "; ".join(f"{name} {y[-1]:.3f} after {len(y)} epochs" for name, y in found.items() if len(y))
    return Figure(
        data,
        layout(xaxis=axis("epoch  [passes over the training pictures]"), yaxis=axis("test accuracy  [share]", range=[0, 1.02]), showlegend=True),
        f"Accuracy on unchanged test pictures over the epochs: {ends}.",
        "Each line: a network's share of right answers on unchanged test pictures after each epoch (with several seeds, the mean). All start from the same weights. The augmented one has the harder task, so it is slower at first.",
    )  # fmt: skip


def robustness(values: Mapping[str, np.ndarray], levels: Sequence[Sequence[float]]) -> Figure:
    """Accuracy on harder pictures for each arm: `values[arm]` is (seeds, 3, 5); a band where there are several seeds."""
    data: list[dict[str, Any]] = []
    look: dict[str, Any] = {}
    for kind, (_, title) in enumerate(KINDS):
        place = "" if kind == 0 else str(kind + 1)
        look[f"xaxis{place}"] = axis(title, domain=[kind * 0.345, kind * 0.345 + 0.29], anchor=f"y{place}")
        look[f"yaxis{place}"] = axis(
            "test accuracy  [share]" if kind == 0 else "share", range=[0, 1.02], anchor=f"x{place}"
        )
        for a, (arm, seen) in enumerate(values.items()):
            mean, spread = seen[:, kind].mean(axis=0), seen[:, kind].std(axis=0)
            data.append(
                {
                    "type": "scatter", "mode": "lines+markers", "name": arm, "legendgroup": arm, "showlegend": kind == 0, "x": np.array(levels[kind]), "y": mean,
                    "xaxis": f"x{place}", "yaxis": f"y{place}", "line": {"color": _colour(a), "width": 2.2, "dash": "dash" if a == 0 else "solid"},
                    "error_y": {"type": "data", "array": spread, "visible": len(seen) > 1, "thickness": 1, "width": 2},
                    "hovertemplate": "%{x:g}: %{y:.3f}<extra>" + arm + "</extra>",
                }
            )  # fmt: skip
    ends = "; ".join(
        f"{arm}: " + ", ".join(f"{word} {short(float(seen[:, k, -1].mean()))}" for k, (word, _) in enumerate(KINDS))
        for arm, seen in values.items()
    )
    return Figure(
        data, layout(showlegend=True, **look),
        f"Accuracy on harder test pictures, at the strongest level: {ends}.",
        "Left to right in each panel: the test pictures get harder; the first point is the unchanged test part. A line that stays high belongs to a network that does not mind. Whiskers: standard deviation over the seeds, where there are several.",
    )  # fmt: skip


def _colour(a: int) -> str:
    return (*COLOURS, *(c for c in CATEGORIES if c not in COLOURS))[a % len(CATEGORIES)]


def gains(values: Mapping[str, np.ndarray]) -> Figure:
    """What each change brought: mean accuracy on harder pictures with all changes, less that without this one."""
    whole = values["augmented"][:, :, 1:].mean(axis=(1, 2))
    names = [name for name in values if name.startswith("without ")]
    gain = np.array([(whole - values[name][:, :, 1:].mean(axis=(1, 2))).mean() for name in names])
    return Figure(
        [{"type": "bar", "x": [n.removeprefix("without ") for n in names], "y": gain, "marker": {"color": GREEN}, "hovertemplate": "%{x}: %{y:+.4f}<extra></extra>"}],
        layout(xaxis=axis("change that was left out", type="category"), yaxis=axis("accuracy it brought on harder pictures  [share]", zeroline=True)),
        "What each change brought: " + "; ".join(f"{n.removeprefix('without ')} {short(float(g))}" for n, g in zip(names, gain, strict=True)) + ".",
        "Bar: mean accuracy on harder pictures with all changes, less that of a network trained without this one. Above 0: it pays; below 0: the others do better alone.",
    )  # fmt: skip


def flow(moved: np.ndarray, classes: Sequence[str], change: str, marked: Sequence[tuple[int, int]]) -> Figure:
    """True class against the plain network's answer for changed pictures."""
    K = len(classes)
    frames = [
        {"type": "rect", "x0": d - 0.5, "x1": d + 0.5, "y0": c - 0.5, "y1": c + 0.5, "line": {"color": VERMILLION, "width": 3}}
        for pair in marked
        for c, d in (pair, pair[::-1])
    ]  # fmt: skip
    ticks = {"tickvals": list(range(K)), "ticktext": list(classes), "showgrid": False}
    return Figure(
        [{
            "type": "heatmap", "z": moved, "zmin": 0.0, "zmax": 1.0, "colorscale": MAGNITUDE, "xgap": 1, "ygap": 1, "x": np.arange(K), "y": np.arange(K),
            "customdata": [[f"{a} taken for {b}" for b in classes] for a in classes], "hovertemplate": "%{customdata}: %{z:.2f}<extra></extra>",
            "colorbar": {"title": {"text": "share"}, "thickness": 12},
        }],
        layout(xaxis=axis("answer of the plain network", constrain="domain", **ticks), yaxis=axis("true class", autorange="reversed", **ticks), shapes=frames),
        f"After {change.lower()}, {short(float(np.trace(moved) / K))} of each class on average keeps its answer; {len(marked)} pairs of classes are exchanged.",
        "Row: the true class. Column: what the network, trained on unchanged pictures, takes the changed ones for. The diagonal is unmoved. Framed in red: two classes that turn into each other.",
    )  # fmt: skip


def pairs(pictures: np.ndarray, change: str) -> Figure:
    """Pictures above, the same after the change below."""
    M = len(pictures)
    return Figure(
        [_image(paired_sheet([[pixels(x) for x in pair] for pair in pictures]))],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={"l": 4, "r": 4, "t": 8, "b": 8}),
        f"{M} test pictures, each above itself after {change.lower()}.",
        "Close above each other: first a test picture as it is, below it the same picture changed. At the start come those that most of their class followed to another class; the table names the answers.",
    )  # fmt: skip


def mixtures(pictures: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """Mixed pictures above, their labels as bars below."""
    M, S = len(pictures), pictures.shape[2]
    sheet = contact_sheet([pixels(x) for x in pictures], M, 2)
    centres = np.arange(M) * (S + 2) + (S - 1) / 2
    bars = []
    for k, word in enumerate(classes):
        if labels[:, k].any():
            bars.append(
                {
                    "type": "bar", "name": str(word), "x": centres, "y": labels[:, k], "width": 0.7 * S, "xaxis": "x", "yaxis": "y2",
                    "marker": {"color": CATEGORIES[k % len(CATEGORIES)], "pattern": {"shape": ("", "/", "x")[k // len(CATEGORIES) % 3]}},
                    "hovertemplate": f"{word}: %{{y:.3f}}<extra></extra>",
                }
            )  # fmt: skip
    words = "; ".join(
        " and ".join(f"{labels[m, k]:.2f} {classes[k]}" for k in np.flatnonzero(labels[m])) for m in range(M)
    )
    return Figure(
        [_image(sheet), *bars],
        layout(
            barmode="stack", showlegend=True, xaxis=hidden_axis(range=[-1, M * (S + 2) - 1]),
            yaxis=hidden_axis(domain=[0.45, 1], range=[S, -1], scaleanchor="x"), yaxis2=axis("label  [share]", domain=[0, 0.4], range=[0, 1.02]),
        ),
        f"{M} mixed pictures with their labels: {words}.",
        "Above: pictures made of two. Below each: the label that the network learns from, one colour for each class; the bar's parts add up to 1.",
    )  # fmt: skip


def counts(classes: Sequence[str], parts: Mapping[str, np.ndarray]) -> Figure:
    """Pictures of each class in each part of the split."""
    data = [
        {"type": "bar", "name": name, "x": list(classes), "y": n, "marker": {"color": colour}, "hovertemplate": "%{x}: %{y}<extra>" + name + "</extra>"}
        for (name, n), colour in zip(parts.items(), (BLUE, ORANGE, GREEN), strict=False)
    ]  # fmt: skip
    total = np.sum(list(parts.values()), axis=0)
    return Figure(
        data,
        layout(barmode="stack", showlegend=True, xaxis=axis("class", type="category"), yaxis=axis("pictures  [count]")),
        "Pictures of each class: " + "; ".join(f"{c} {int(n)}" for c, n in zip(classes, total, strict=True)) + ".",
        "Height: the pictures of a class; colours: the parts of the stratified split. Bars of one height mean balanced classes; a short bar is a class that the network will hardly learn.",
    )  # fmt: skip


def brightness(
    mean: np.ndarray, deviation: np.ndarray, labels: np.ndarray, classes: Sequence[str], odd: np.ndarray
) -> Figure:
    """Every picture by brightness and contrast."""
    ring = np.isin(np.arange(len(mean)), odd)
    data = [
        {
            "type": "scatter", "mode": "markers", "name": str(word), "x": mean[labels == k], "y": deviation[labels == k],
            "marker": {"color": CATEGORIES[k % len(CATEGORIES)], "size": 6, "symbol": ("circle", "diamond", "x")[k // len(CATEGORIES) % 3]},
            "hovertemplate": "mean %{x:.1f}, deviation %{y:.1f}<extra>" + str(word) + "</extra>",
        }
        for k, word in enumerate(classes)
    ]  # fmt: skip
    data.append({"type": "scatter", "mode": "markers", "name": "blank or unusual", "x": mean[ring], "y": deviation[ring], "marker": {"symbol": "circle-open", "size": 15, "color": VERMILLION, "line": {"width": 2}}, "hoverinfo": "skip"})  # fmt: skip
    return Figure(
        data,
        layout(showlegend=True, xaxis=axis("brightness: mean grey value  [0 to 255]"), yaxis=axis("contrast: deviation of the grey values  [0 to 255]")),
        f"{len(mean)} pictures by brightness ({short(float(mean.min()))} to {short(float(mean.max()))}) and contrast; {int(ring.sum())} are blank or unusual.",
        "Each mark is a picture. Left: dark; right: light; low: hardly any contrast. Ringed: blank, or far from all others in brightness. A class that lies apart from the others can be told by its brightness alone.",
    )  # fmt: skip


def copies(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Copies side by side: the earlier picture above."""
    return Figure(
        [_image(paired_sheet(found))],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={"l": 4, "r": 4, "t": 8, "b": 8}),
        f"{len(found)} pairs of copies, the earlier picture above.",
        "Close above each other: first a picture, below it a later one that is its copy, exactly or nearly. The table says in how many bits the hashes differ, and where the two lie.",
    )  # fmt: skip


def thumbnail(found: np.ndarray) -> Figure:
    """A few draws, for a card."""
    whole = draws(found, "it")
    return Figure(whole.data, {**whole.layout, "shapes": []}, whole.alt, whole.how_to_read)
