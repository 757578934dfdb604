"""The home page's pictures: curves, confusion matrix, weights, mistakes, and the net's answer to a drawing.

Pictures of 8 x 8 pixels stand in a grid, one row and one column of pixels apart, in a single heat map: NaN is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Snapshot, Step
from core.plots.encode import quantise
from core.plots.theme import BLUE, GREY, MAGNITUDE, ORANGE, axis, hidden_axis, layout, signed_scale

CURVES_HEIGHT, CONFUSION_HEIGHT, WEIGHTS_HEIGHT = 420, 460, 460  # pixels
BARS_HEIGHT, DIGIT_HEIGHT, MISTAKES_HEIGHT, GALLERY_HEIGHT = 280, 280, 420, 320

CELL = 9  # an 8 x 8 picture and the gap after it
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
DIGITS = np.arange(10)

Arrays = Mapping[str, np.ndarray]


def curves(metrics: Mapping[str, Sequence[float] | np.ndarray]) -> Figure:
    """Loss above accuracy, on training and test digits; `metrics` holds one value a snapshot."""
    data = [
        _line(metrics, name, part, color, panel)
        for panel, name in (("y", "loss"), ("y2", "accuracy"))
        for part, color in (("train", BLUE), ("test", ORANGE))
    ]
    x = axis("epoch (passes over the training digits)", anchor="y2", rangemode="tozero")
    return Figure(
        data=data,
        layout=layout(
            xaxis=x,
            yaxis=axis("loss L (nats)", domain=[0.56, 1.0], rangemode="tozero"),
            yaxis2=axis("accuracy (%)", domain=[0.0, 0.46], range=[0, 102]),
            shapes=[_dotted("y2", 10.0)],
            annotations=[
                _note("guessing: 10 %", x=1, xref="paper", xanchor="right", y=10, yref="y2", yanchor="bottom")
            ],
        ),
        alt=_curves_alt(metrics),
        how_to_read=(
            "Above: the loss, the mean of −log(probability given to the right digit); lower is better, and a net that gives every digit "
            "the same probability has ln 10 ≈ 2.303. Below: the share of digits read right. Blue: the digits the net learns from. "
            "Orange: digits it never learned from. The dotted line is what guessing reaches."
        ),
    )


def _line(metrics: Mapping[str, Any], name: str, part: str, color: str, panel: str) -> dict[str, Any]:
    y = np.asarray(metrics[f"{part}_{name}"], float) * (100 if name == "accuracy" else 1)
    unit = " %" if name == "accuracy" else " nats"
    return {
        "type": "scatter",
        "mode": "lines" if len(y) > 1 else "markers",
        "name": {"train": "training digits", "test": "test digits"}[part],
        "legendgroup": part,
        "showlegend": name == "loss",
        "x": np.asarray(metrics["epoch"], float),
        "y": y,
        "yaxis": panel,
        "line": {"color": color, "width": 2.2, "dash": "solid" if part == "train" else "dash"},
        "marker": {"color": color, "size": 8},
        "hovertemplate": f"epoch %{{x:.3g}}: {name} %{{y:.4g}}{unit}<extra>%{{fullData.name}}</extra>",
    }


def _curves_alt(metrics: Mapping[str, Any]) -> str:
    first, last = ({name: float(values[k]) for name, values in metrics.items()} for k in (0, -1))
    if not math.isfinite(last["train_loss"]):
        return f"Loss and accuracy against epochs. The run diverged at epoch {last['epoch']:.3g}: the loss is no number any more."
    return (
        f"Loss and accuracy against epochs. At epoch {last['epoch']:.3g} the loss is {last['train_loss']:.3g} on training and "
        f"{last['test_loss']:.3g} on test digits; accuracy {last['train_accuracy']:.1%} and {last['test_accuracy']:.1%}. "
        f"The untrained net had test accuracy {first['test_accuracy']:.1%}."
    )


def confusion(arrays: Arrays) -> Figure:
    """How many test digits of each kind were read as which; counts as text."""
    counts = arrays["confusion"]
    heat = {
        "type": "heatmap",
        "x": DIGITS,
        "y": DIGITS,
        "z": _right_and_wrong(counts),
        "text": _count_text(counts),
        "texttemplate": "%{text}",
        "hovertemplate": "%{text} test digits %{y} read as %{x}<extra></extra>",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        **signed_scale(1.0),
    }
    return Figure(
        data=[heat],
        layout=layout(
            xaxis=axis("digit that the net reads", dtick=1, constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis("digit that was written", dtick=1, autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False),
            margin={"l": 48, "r": 8, "t": 8, "b": 48},
        ),
        alt=_confusion_alt(counts),
        how_to_read=(
            "Row: the digit that was written. Column: the digit that the net reads. The number counts test digits; an empty cell means none. "
            "Blue on the diagonal is right, orange beside it is wrong. The colour goes with the square root of the share of its row, "
            "so that a single mistake can be seen."
        ),
    )  # fmt: skip


def confusion_film(snapshots: Sequence[Snapshot]) -> Figure:
    """The confusion matrix, from the untrained net to the last snapshot."""
    frames = [
        Frame([{"z": quantise(_right_and_wrong(counts), -1.0, 1.0), "text": _count_text(counts)}], [0])
        for counts in (snapshot.arrays["confusion"] for snapshot in snapshots)
    ]
    still = confusion(snapshots[-1].arrays)
    return Figure(still.data, still.layout, f"Film of {len(frames)} pictures. {still.alt}", still.how_to_read, frames)


def _right_and_wrong(counts: np.ndarray) -> np.ndarray:
    """sqrt(share of the row), with a minus on the diagonal: the two ends of the signed colours."""
    share = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    return np.where(np.eye(10, dtype=bool), -share, share)


def _count_text(counts: np.ndarray) -> list[list[str]]:
    return [[str(count) if count else "" for count in row] for row in counts.tolist()]


def _confusion_alt(counts: np.ndarray) -> str:
    wrong = counts * (1 - np.eye(10, dtype=int))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    most = f"Most often, {wrong[i, j]} times, {_a(i)} is read as {_a(j)}." if wrong.any() else "There is no mistake."
    return f"Confusion matrix of {counts.sum()} test digits: {counts.trace()} on the diagonal, {wrong.sum()} beside it. {most}"


def _a(digit: int | np.integer) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"


def weights(arrays: Arrays) -> Figure:
    """The 64 incoming weights of every hidden unit as an 8 x 8 picture."""
    return _weights([arrays])


def weights_film(snapshots: Sequence[Snapshot]) -> Figure:
    """The weights of every hidden unit, from noise to strokes; all pictures in the same colours."""
    return _weights([snapshot.arrays for snapshot in snapshots])


def _weights(moments: Sequence[Arrays]) -> Figure:
    """The last moment, and if there are several, a film of all."""
    size = np.abs(np.concatenate([arrays["W1"] for arrays in moments]))
    bound = float(np.quantile(size[np.isfinite(size)], 0.995))
    grids = [grid(arrays["W1"].T.reshape(-1, 8, 8)) for arrays in moments]
    units = len(moments[-1]["b1"])
    heat = {
        "type": "heatmap",
        "z": grids[-1],
        "customdata": grid(np.repeat(np.arange(units), 64).reshape(-1, 8, 8)),
        "hoverongaps": False,
        "hovertemplate": "hidden unit %{customdata}: weight %{z:.3f}<extra></extra>",
        "colorbar": {
            "title": {"text": "weight", "side": "bottom"},
            "orientation": "h",
            "thickness": 10,
            "len": 240,
            "lenmode": "pixels",
            "y": 0,
            "yanchor": "top",
        },
        **signed_scale(bound),
    }
    film = f"Film of {len(moments)} pictures: " if len(moments) > 1 else ""
    return Figure(
        data=[heat],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=_image_axis(), margin=MARGIN),
        alt=f"{film}The incoming weights of {units} hidden units as small pictures, from −{bound:.2f} and below (blue) to {bound:.2f} and above (orange).",
        how_to_read=(
            "Each small picture is one hidden unit: its weight at each of the 8 × 8 pixels. Orange: ink there pushes the unit up. "
            f"Blue: ink there holds it down. White: it does not care. The darkest colours stand for ±{bound:.2f} and beyond. Pixels at the left and right edge keep their first, random "
            "weights: almost no digit has ink there, so they get almost no gradient."
        ),
        frames=[Frame([{"z": quantise(z, -bound, bound)}], [0]) for z in grids] if len(moments) > 1 else (),
    )


def film_steps(snapshots: Sequence[Snapshot]) -> list[Step]:
    """What the transport bar says at each picture of the films."""
    return [
        Step(
            f"Epoch {s.metrics['epoch']:.3g}" if s.step else "Untrained",
            f"Test accuracy {s.metrics['test_accuracy']:.1%}, test loss {s.metrics['test_loss']:.3g} nats.",
        )
        for s in snapshots
    ]


def mistakes(arrays: Arrays) -> Figure:
    """The test digits that the net reads wrongly and is surest of."""
    truth, answer, P = arrays["mistake_true"], arrays["mistake_answer"], arrays["mistake_probabilities"]
    words = [f"{t} → {a} ({P[k, a]:.0%})" for k, (t, a) in enumerate(zip(truth, answer, strict=True))]
    picture = gallery(arrays["mistake_image"], words, columns=4)
    spoken = "; ".join(
        f"{_a(t)} read as {_a(a)} with probability {P[k, a]:.0%}"
        for k, (t, a) in enumerate(zip(truth, answer, strict=True))
    )
    return Figure(
        picture.data,
        picture.layout,
        alt=f"{len(words)} test digits read wrongly, the surest first: {spoken or 'there is no mistake'}.",
        how_to_read="Each picture is a test digit that the net reads wrongly. Below it: what was written → what the net reads, and how probable it finds that. The surest mistake comes first; at most twelve are shown.",
    )  # fmt: skip


def gallery(images: np.ndarray, words: Sequence[str], columns: int = 5) -> Figure:
    """Digits in a grid, each with its words below."""
    picture = grid(images, columns, gap=3) if len(images) else np.full((8, 8), np.nan)
    notes = [
        _note(
            text,
            x=(k % columns) * (CELL + 2) + 3.5,
            y=k // columns * (CELL + 2) + 9,
            xanchor="center",
            yanchor="middle",
        )
        for k, text in enumerate(words)
    ]
    return Figure(
        data=[{**_ink(picture), "hoverinfo": "skip"}],
        layout=layout(
            xaxis=hidden_axis(constrain="domain"),
            yaxis=_image_axis(range=[picture.shape[0] + 1.5, -0.5]),
            annotations=notes or [_note("no mistake", x=3.5, y=3.5)],
            margin=MARGIN,
        ),
        alt=f"{len(words)} handwritten digits of 8 × 8 pixels: {', '.join(words)}.",
        how_to_read="Each picture is a handwritten digit of 8 × 8 pixels; the lighter a pixel, the more ink is in it. Below it: the digit that was meant.",
    )  # fmt: skip


def digit(image: np.ndarray) -> Figure:
    """One 8 x 8 picture with its counts: what the net is given."""
    return Figure(
        data=[{**_ink(image), "texttemplate": "%{z:.0f}", "hovertemplate": "row %{y}, column %{x}: %{z:.0f} of 16 pixels have ink<extra></extra>"}],
        layout=layout(xaxis=hidden_axis(constrain="domain"), yaxis=_image_axis(), margin=MARGIN),
        alt=f"The drawing as the net sees it: 8 × 8 numbers from 0 to 16, {np.count_nonzero(image)} of them not 0.",
        how_to_read="Your drawing, turned upright, stretched to 20 × 32 pixels in a box of 32 × 32, and cut into 8 × 8 blocks. The number counts the pixels with ink in a block of 16. These 64 numbers are all that the net gets.",
    )  # fmt: skip


def probabilities(P: np.ndarray) -> Figure:
    """How probable the net finds each digit."""
    known = bool(np.isfinite(P).all())
    best = int(np.argmax(P))
    bars = {
        "type": "bar",
        "x": DIGITS,
        "y": 100 * P,
        "text": [f"{100 * p:.0f}" if p >= 0.005 else "" for p in P],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [BLUE if known and k == best else GREY for k in range(10)]},
        "hovertemplate": "%{x}: %{y:.4g} %<extra></extra>",
    }
    rest = ", ".join(f"{k} {P[k]:.1%}" for k in np.argsort(-P, kind="stable")[1:3])
    answer = f"The net reads {_a(best)} with probability {P[best]:.1%}; next {rest}."
    return Figure(
        data=[bars],
        layout=layout(
            xaxis=axis("digit", dtick=1, showgrid=False),
            yaxis=axis("probability (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100]),
            bargap=0.25,
            annotations=[] if known else [_note("no answer: the run diverged", x=4.5, y=56)],
        ),
        alt=answer if known else "No answer: the weights are no numbers any more, for the run diverged.",
        how_to_read="One bar for each digit: how probable the net finds it, in per cent; the blue bar is its answer. The ten always add up to 100, also for a scribble: the net cannot say that it is no digit.",
    )  # fmt: skip


def grid(images: np.ndarray, columns: int = 0, gap: int = 1) -> np.ndarray:
    """(K, 8, 8) pictures side by side, NaN between them; as many columns as rows unless told."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    cells = np.full((rows * columns, 8 + gap, 8 + gap), np.nan)
    cells[: len(images), :8, :8] = images
    sheet = cells.reshape(rows, columns, 8 + gap, 8 + gap).swapaxes(1, 2).reshape(rows * (8 + gap), columns * (8 + gap))
    return sheet[:-gap, :-gap]


def _ink(z: np.ndarray) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": z,
        "zmin": 0,
        "zmax": 16,
        "colorscale": MAGNITUDE,
        "showscale": False,
        "hoverongaps": False,
    }


def _image_axis(**more: Any) -> dict[str, Any]:
    """Row 0 on top, pixels square."""
    upright = {} if "range" in more else {"autorange": "reversed"}
    return hidden_axis(scaleanchor="x", constrain="domain", constraintoward="top", **upright, **more)


def _dotted(yref: str, y: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": yref,
        "y0": y,
        "y1": y,
        "line": {"color": GREY, "width": 1, "dash": "dot"},
    }


def _note(text: str, **place: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"size": 12}, **place}
