"""The pictures of the memory-length explainer. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.contracts import Figure
from core.memory_length.compute import DELAYS, Explosion, Recall, Spectrum, Way
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, ORANGE, VERMILLION, axis, layout
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 430, 380
TITLES = {"rnn": "Vanilla RNN", "gru": "GRU", "lstm": "LSTM"}
COLOURS = {"rnn": ORANGE, "gru": GREEN, "lstm": BLUE}
DASHES = {"rnn": "dot", "gru": "dash", "lstm": "solid"}
FLOOR = 1e-30  # smaller gradients are drawn here

Array = np.ndarray


def line(name: str, x: Array, y: Array, colour: str, dash: str = "solid", **more: Any) -> dict[str, Any]:
    """One curve."""
    mode = "lines" if len(x) > 1 else "markers"
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": colour, "dash": dash, "width": 2.3},
        **more,
    }


def powers(title: str, values: Array) -> dict[str, Any]:
    """A logarithmic axis over the finite positive values, with a mark at every so many powers of ten."""
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (np.log10(known.min()), np.log10(known.max())) if len(known) else (-1.0, 1.0)
    return axis(
        f"{title}, log scale",
        type="log",
        range=[low - 0.05 * (high - low) - 0.1, high + 0.05 * (high - low) + 0.1],
        exponentformat="power",
        dtick=max(1, int(np.ceil((high - low) / 8))),
    )


def gradient(found: Mapping[str, Way]) -> Figure:
    """|dL/dh_t| of three cells, |dL/dc_t| of the LSTM, and the line of the largest singular value."""
    T = len(found["rnn"].h)
    t = np.arange(1, T + 1)
    data = [
        line(
            f"{TITLES[kind]}: h",
            t,
            np.maximum(way.h, FLOOR),
            COLOURS[kind],
            DASHES[kind],
            hovertemplate="step %{x}: %{y:.3g}<extra></extra>",
        )
        for kind, way in found.items()
    ]
    data.append(
        line(
            "LSTM: c",
            t,
            np.maximum(found["lstm"].c, FLOOR),
            CATEGORIES[4],
            "dashdot",
            hovertemplate="step %{x}: %{y:.3g}<extra></extra>",
        )
    )
    rnn = found["rnn"]
    bound = np.clip(rnn.h[-1] * rnn.sigma ** (T - t), FLOOR, 1e30)
    data.append(line(f"theory: RNN at most σᵀ⁻ᵗ, σ = {short(rnn.sigma)}", t, bound, GREY, "dot", opacity=0.9))
    drawn = np.concatenate([np.maximum(way.h, FLOOR) for way in found.values()] + [np.maximum(found["lstm"].c, FLOOR)])
    keep = np.clip(bound, drawn.min() / 100, drawn.max() * 100)
    ends = "; ".join(
        f"{TITLES[kind]} {short(float(way.h[0]))} at step 1, {short(float(way.h[-1]))} at step {T}"
        for kind, way in found.items()
    )
    return Figure(
        data,
        layout(xaxis=axis("step t of the sequence; the loss is at the last one"), yaxis=powers("|dL/dh_t|, |dL/dc_t|  [1]", np.concatenate([drawn, keep])), showlegend=True),
        f"Norm of the loss's gradient by the state at each of {T} steps, before training. {ends}.",
        "Each line is one cell: how strongly the loss at the last step would change with its state at step t (mean over 32 sequences, log scale). A straight line is a constant factor at every step. The grey line is the most that the vanilla RNN's gradient can be.",
    )  # fmt: skip


def bias(found: Mapping[float, Way]) -> Figure:
    """|dL/dc_t| for several forget biases, with σ(b) to the power of the distance."""
    T = len(next(iter(found.values())).h)
    t = np.arange(1, T + 1)
    data, drawn = [], []
    for k, (b, way) in enumerate(found.items()):
        c = np.maximum(way.c, FLOOR)
        gate = 1 / (1 + np.exp(-b))
        data.append(
            line(f"b = {b:g}", t, c, CATEGORIES[k], hovertemplate=f"b = {b:g}, step %{{x}}: %{{y:.3g}}<extra></extra>")
        )
        data.append(
            line(
                f"σ({b:g})ᵀ⁻ᵗ",
                t,
                np.maximum(way.c[-1] * gate ** (T - t), FLOOR),
                CATEGORIES[k],
                "dot",
                showlegend=False,
                hoverinfo="skip",
                opacity=0.6,
            )
        )
        drawn += [c]
    ends = "; ".join(f"b = {b:g}: {short(float(way.c[0]))}" for b, way in found.items())
    return Figure(
        data,
        layout(
            xaxis=axis("step t of the sequence"), yaxis=powers("|dL/dc_t|  [1]", np.concatenate(drawn)), showlegend=True
        ),
        f"Gradient by the cell at each of {T} steps for {len(found)} forget biases, before training. At step 1: {ends}.",
        "Each line is an LSTM that differs from the others in its forget bias alone. The dotted line of the same colour is σ(b) multiplied at every step: what the cell's own road would keep if every gate stood at its bias.",
    )


def bias_learning(metrics: Mapping[str, Array]) -> Figure:
    """Accuracy over the training, one line for each forget bias."""
    names = [name.removeprefix("score.") for name in metrics if name.startswith("score.")]
    data = [line(f"b = {b}", metrics["step"], 100 * metrics[f"score.{b}"], CATEGORIES[k]) for k, b in enumerate(names)]
    ends = "; ".join(f"b = {b}: {100 * float(metrics[f'score.{b}'][-1]):.0f} %" for b in names)
    return Figure(
        data,
        layout(
            xaxis=axis("training step"),
            yaxis=axis("letters recalled on test sequences  [%]", range=[0, 103]),
            showlegend=True,
        ),
        f"Accuracy of LSTMs with different forget biases up to step {int(metrics['step'][-1])}. {ends}.",
        "Each line is an LSTM that differs from the others in its forget bias alone, trained on the same batches. Guessing gives 25 %.",
    )


def recall(found: Mapping[str, Recall]) -> Figure:
    """Accuracy against the delay; the nets that ship, and those trained here."""
    data, said = [], []
    for origin, one in found.items():
        own = len(found) > 1 and origin == "trained here"
        for kind, values in one.scores.items():
            data.append({
                **line(f"{TITLES[kind]}, {origin}", np.array(DELAYS), 100 * values, COLOURS[kind], DASHES[kind]), "mode": "lines+markers",
                "marker": {"size": 9, "symbol": "diamond-open" if own else "circle"},
            })  # fmt: skip
            said.append(
                f"{TITLES[kind]} {origin}: "
                + ", ".join(f"{d} steps {100 * v:.0f} %" for d, v in zip(DELAYS, values, strict=True) if np.isfinite(v))
            )
    return Figure(
        data,
        layout(
            xaxis=axis("delay between the letter and the question  [steps]", type="log", tickvals=list(DELAYS), ticktext=[str(d) for d in DELAYS]),
            yaxis=axis("letters recalled on test sequences  [%]", range=[0, 103]), showlegend=True,
            shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 25, "y1": 25, "line": {"color": GREY, "dash": "dot", "width": 1.5}}],
        ),
        f"Accuracy of trained nets against the delay. {'; '.join(said)}.",
        "Each mark is a net of its own, trained at that delay and tested on 128 new sequences. The dotted line is guessing, 25 %. Filled: nets that ship; open: trained here with the settings on screen.",
    )  # fmt: skip


def singular(found: Spectrum, sigma: float) -> Figure:
    """Singular values of the product Jacobian against the distance, with σ to the power of the distance."""
    T = len(found.largest)
    back = T - np.arange(1, T + 1)
    bound = np.clip(sigma ** back.astype(float), FLOOR, 1e30)
    largest, median = np.maximum(found.largest, FLOOR), np.maximum(found.median, FLOOR)
    data = [
        line("largest", back, largest, VERMILLION),
        line("median", back, median, BLUE, "dash"),
        line(f"σᵏ, σ = {short(sigma)}", back, bound, GREY, "dot"),
    ]
    return Figure(
        data,
        layout(xaxis=axis("steps back k"), yaxis=powers("singular value of dh_T / dh_{T−k}  [1]", np.concatenate([largest, median])), showlegend=True),
        f"Singular values of the RNN's product Jacobian. {T - 1} steps back the largest is {short(float(found.largest[0]))}, the median {short(float(found.median[0]))}; the bound is {short(float(bound[0]))}.",
        "Red: how much the loudest direction of the state arrives k steps later; blue: the middle one of all directions. Grey: the largest singular value of U to the power k, which no direction can exceed.",
    )  # fmt: skip


def values_of_U(found: Spectrum) -> Figure:  # noqa: N802
    """The singular values of U."""
    data = [
        {
            "type": "bar",
            "x": np.arange(1, len(found.U) + 1),
            "y": found.U,
            "marker": {"color": BLUE},
            "hovertemplate": "%{y:.4g}<extra></extra>",
        }
    ]
    one = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 1,
        "y1": 1,
        "line": {"color": GREY, "dash": "dot", "width": 1.5},
    }
    below = int((found.U < 1 - 1e-9).sum())
    return Figure(
        data,
        layout(
            xaxis=axis("number, from the largest"),
            yaxis=axis("singular value of U  [1]", rangemode="tozero"),
            shapes=[one],
        ),
        f"The {len(found.U)} singular values of the RNN's recurrent weights, from {short(float(found.U[0]))} to {short(float(found.U[-1]))}; {below} are below 1.",
        "One bar for each singular value of the recurrent weights U. Directions below the dotted line at 1 shrink at every step, before the tanh shrinks them further.",
    )


def exploding(found: Explosion) -> dict[str, Figure]:
    """Loss and gradient norm of the two runs."""
    return {
        "loss": _pair(found.losses, "training loss  [nat]", "Training loss"),
        "norms": _pair(found.norms, "norm of the gradient before clipping  [1]", "Gradient norm before clipping"),
    }


def _pair(values: Mapping[str, Array], title: str, words: str) -> Figure:
    looks = ((VERMILLION, "solid"), (BLUE, "dash"))
    steps = np.arange(1, len(next(iter(values.values()))) + 1)
    data = [line(name, steps, v, colour, dash) for (name, v), (colour, dash) in zip(values.items(), looks, strict=True)]
    said = "; ".join(
        f"{name}: at most {short(float(np.nanmax(v)))}, at the end {short(float(v[-1]))}"
        if np.isfinite(v).any()
        else f"{name}: no finite value"
        for name, v in values.items()
    )
    return Figure(
        data,
        layout(
            xaxis=axis("training step"), yaxis=powers(title, np.concatenate(list(values.values()))), showlegend=True
        ),
        f"{words} of the same net trained twice. {said}.",
        f"The same first weights and the same batches, with and without clipping. {words} against the training step, log scale. A line that ends has left the numbers.",
    )


def thumbnail(found: Mapping[str, Way]) -> Figure:
    """The gradients without words, for a card."""
    whole = gradient(found)
    bare = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    return Figure(
        whole.data,
        layout(**bare, margin={"l": 2, "r": 2, "t": 4, "b": 4}, showlegend=False),
        whole.alt,
        whole.how_to_read,
    )
