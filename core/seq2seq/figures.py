"""Pictures of encoder-decoders: alignment, states, the answer, accuracy against length, the beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.encode import quantise
from core.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    MAGNITUDE,
    ORANGE,
    PURPLE,
    VERMILLION,
    axis,
    layout,
    signed_scale,
    upright_line,
)
from core.plots.words import short

TOP_HEIGHT, LENS_HEIGHT = 400, 360
KIND_LOOKS = {"none": (VERMILLION, "dot"), "bahdanau": (BLUE, "dash"), "luong": (GREEN, "solid")}
KIND_NAMES = {"none": "no attention", "bahdanau": "Bahdanau", "luong": "Luong"}


def shown(tokens: Sequence[str]) -> list[str]:
    """Tokens with blanks made visible."""
    return ["␣" if token == " " else token for token in tokens]


def _tokens(title: str, words: Sequence[str], **more: Any) -> dict[str, Any]:
    """An axis with a token at each place."""
    return axis(
        title,
        tickvals=np.arange(len(words)),
        ticktext=shown(words),
        showgrid=False,
        tickangle=0,
        zeroline=False,
        **more,
    )


def _truth(truth: np.ndarray) -> dict[str, Any]:
    """Outlines of the cells that are right."""
    rows, columns = np.nonzero(truth)
    return {
        "type": "scatter", "mode": "markers", "name": "what the answer needs", "x": columns, "y": rows, "hoverinfo": "skip",
        "marker": {"symbol": "square-open", "size": 15, "color": ORANGE, "line": {"width": 2}},
    }  # fmt: skip


def _alignment(alpha: Any, source: Sequence[str], said: Sequence[str], truth: np.ndarray) -> tuple[list, dict]:
    heat = {
        "type": "heatmap", "z": alpha, "zmin": 0.0, "zmax": 1.0, "colorscale": MAGNITUDE, "name": "α",
        "colorbar": {"title": {"text": "α"}, "thickness": 12}, "hovertemplate": "answer place %{y}, source place %{x}: α = %{z:.3f}<extra></extra>",
    }  # fmt: skip
    look = layout(
        showlegend=True, xaxis=_tokens("source token", source, range=[-0.5, len(source) - 0.5]),
        yaxis=_tokens("answer, token by token", said, range=[len(said) - 0.5, -0.5]),
    )  # fmt: skip
    return [heat, _truth(truth)], look


HOW_ALIGNMENT = "Row: a token of the answer, from top to bottom. Column: a token of the source. The lighter a cell, the more of its attention the decoder gives to that source token while it says that answer token; a row sums to 1. Outlined: the tokens that hold what the answer needs."


def alignment(alpha: np.ndarray, source: Sequence[str], said: Sequence[str], truth: np.ndarray, score: float) -> Figure:
    """Where the decoder looks."""
    data, look = _alignment(alpha, source, said, truth)
    return Figure(data, look, f"Alignment of {len(said)} answer tokens to {len(source)} source tokens; {100 * score:.0f} % of the answers look most at a token that they need.", HOW_ALIGNMENT)  # fmt: skip


def film(
    alpha: np.ndarray, source: Sequence[str], target: Sequence[str], truth: np.ndarray, steps: np.ndarray
) -> Figure:
    """The alignment of one example during training."""
    data, look = _alignment(quantise(alpha[-1], 0, 1), source, target, truth)
    frames = [Frame([{"z": quantise(a, 0, 1)}], [0]) for a in alpha]
    return Figure(data, look, f"Film of {len(alpha)} moments from step {steps[0]} to step {steps[-1]}: the alignment of one example.", f"{HOW_ALIGNMENT} The rows name the right answer, whatever the model says at that moment.", frames)  # fmt: skip


def states(h: np.ndarray, source: Sequence[str]) -> Figure:
    """The encoder's states, and the part of them that a decoder without attention gets."""
    half, T = h.shape[1] // 2, len(h)
    box = {"type": "rect", "line": {"color": ORANGE, "width": 3}}
    heat = {"type": "heatmap", "z": h.T, **signed_scale(1.0), "colorbar": {"title": {"text": "h"}, "thickness": 12}, "hovertemplate": "unit %{y}, source place %{x}: %{z:.3f}<extra></extra>"}  # fmt: skip
    return Figure(
        [heat],
        layout(
            xaxis=_tokens("source token", source), yaxis=axis("encoder unit [1]", showgrid=False),
            shapes=[{**box, "x0": T - 1.5, "x1": T - 0.5, "y0": -0.5, "y1": half - 0.5}, {**box, "x0": -0.5, "x1": 0.5, "y0": half - 0.5, "y1": 2 * half - 0.5}],
        ),
        f"States of {2 * half} encoder units after each of {T} source tokens. Only the outlined {2 * half} numbers, forward states after the last token and backward states after the first, go on to the decoder.",
        "Column: the encoder's state at a source token; the lower half of the units reads from left to right, the upper half from right to left. Orange positive, blue negative. The outlined numbers are all that the decoder gets.",
    )  # fmt: skip


def answer(p: np.ndarray, said: Sequence[str], right: Sequence[str]) -> Figure:
    """The probability of what was said, and whether it is right."""
    places = np.arange(len(said))
    good = np.array([a == b for a, b in zip(said, right, strict=True)])
    data = [
        {"type": "bar", "name": name, "x": places[mask], "y": p[mask], "text": [t for t, m in zip(shown(said), mask, strict=True) if m], "textposition": "inside", "insidetextanchor": "end",
         "marker": {"color": colour, "pattern": {"shape": pattern}}, "customdata": [r for r, m in zip(shown(right), mask, strict=True) if m], "hovertemplate": "said %{text}, right is %{customdata}: p = %{y:.4f}<extra></extra>"}
        for name, mask, colour, pattern in (("right", good, BLUE, ""), ("wrong", ~good, VERMILLION, "/"))
    ]  # fmt: skip
    return Figure(
        data,
        layout(showlegend=True, xaxis=_tokens("right answer", right), yaxis=axis("probability of what was said [1]", range=[0, 1.03])),
        f"The answer is “{''.join(said)}”, right is “{''.join(right)}”: {int(good.sum())} of {len(said)} tokens are right.",
        "Each bar is one token of the answer, in the order in which it is said; its height is the probability that the decoder gave to it. Under it stands the right token. Hatched bars are wrong.",
    )  # fmt: skip


def lengths(at: Sequence[int], found: Mapping[str, np.ndarray], trained: tuple[int, int]) -> Figure:
    """Whole answers that are right, against the length of the source."""
    lines, ends = _against_length(at, found, 1)
    return Figure(
        lines,
        layout(
            showlegend=True, xaxis=axis("length of the source [tokens]"), yaxis=axis("whole answers right [%]", range=[-3, 103]),
            shapes=[{"type": "rect", "xref": "x", "yref": "paper", "x0": trained[0], "x1": trained[1], "y0": 0, "y1": 1, "fillcolor": GREY, "opacity": 0.14, "line": {"width": 0}}],
        ),
        f"Share of whole answers that are right. {ends}.",
        f"Each line is one model of the same size; only the attention differs. Right means: every token of the answer. Grey: the lengths that were trained, {trained[0]} to {trained[1]}; beyond them the models were never taught.",
    )  # fmt: skip


def tokens(at: Sequence[int], found: Mapping[str, np.ndarray]) -> Figure:
    """Right tokens against the length of the source."""
    lines, ends = _against_length(at, found, 0)
    return Figure(
        lines,
        layout(showlegend=True, xaxis=axis("length of the source [tokens]"), yaxis=axis("tokens right [%]", range=[-3, 103])),
        f"Share of single tokens that are right. {ends}.",
        "The same models and examples, token by token. Guessing one of ten digits would be right in 10 % of the places.",
    )  # fmt: skip


def _against_length(at: Sequence[int], found: Mapping[str, np.ndarray], part: int) -> tuple[list[dict], str]:
    """A line for each model, and its two ends in words; `part` 0 for tokens, 1 for whole answers."""
    unit = ("tokens", "answers")[part]
    lines = [
        {"type": "scatter", "mode": "lines+markers", "name": KIND_NAMES[kind], "x": np.array(at), "y": 100 * values[:, part], "line": {"color": colour, "dash": dash, "width": 2.4}, "hovertemplate": f"length %{{x}}: %{{y:.0f}} % of {unit}<extra>%{{fullData.name}}</extra>"}
        for kind, values in found.items() for colour, dash in [KIND_LOOKS[kind]]
    ]  # fmt: skip
    ends = [f"{KIND_NAMES[k]} {100 * v[0, part]:.0f} % at {at[0]}, {100 * v[-1, part]:.0f} % at {at[-1]}" for k, v in found.items()]  # fmt: skip
    return lines, "; ".join(ends)


def kinds(found: Mapping[str, np.ndarray]) -> Figure:
    """Tokens and whole answers that are right, for a task of one length."""
    names = [KIND_NAMES[kind] for kind in found]
    data = [
        {"type": "bar", "name": name, "x": names, "y": np.array([100 * v[0, part] for v in found.values()]), "marker": {"color": colour}, "hovertemplate": "%{x}: %{y:.0f} %<extra>" + name + "</extra>"}
        for part, name, colour in ((0, "tokens", BLUE), (1, "whole answers", PURPLE))
    ]  # fmt: skip
    words = "; ".join(
        f"{KIND_NAMES[k]} {100 * v[0, 0]:.0f} % of tokens, {100 * v[0, 1]:.0f} % of answers" for k, v in found.items()
    )
    return Figure(
        data,
        layout(barmode="group", showlegend=True, xaxis=axis("attention", type="category"), yaxis=axis("right [%]", range=[0, 103])),
        f"Right on 100 dates that were not trained: {words}.",
        "Three models of the same size, trained equally long. All sources of this task have the same length.",
    )  # fmt: skip


def places(forced: np.ndarray, free: np.ndarray) -> Figure:
    """Accuracy at each place of the answer, heard the truth or itself."""
    x = np.arange(1, len(free) + 1)
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": 100 * values, "line": {"color": colour, "dash": dash, "width": 2.4}, "hovertemplate": "place %{x}: %{y:.0f} %<extra>" + name + "</extra>"}
        for name, values, colour, dash in (("hears the truth", forced, BLUE, "dash"), ("hears itself", free, ORANGE, "solid"))
    ]  # fmt: skip
    return Figure(
        data,
        layout(showlegend=True, xaxis=axis("place in the answer [1]"), yaxis=axis("right at this place [%]", range=[-3, 103])),
        f"Accuracy by place. Hearing the truth: {100 * forced[0]:.0f} % at the first place, {100 * forced[-1]:.0f} % at the last; hearing itself: {100 * free[0]:.0f} % and {100 * free[-1]:.0f} %.",
        "Dashed: the decoder hears the right token before each place, as in training with a teacher. Solid: it hears what it said itself, as in use. Where the lines part, its own mistakes lead it astray.",
    )  # fmt: skip


def exposure(ratios: Sequence[float], found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Accuracy against the ratio of teacher forcing that a model was trained with."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": f"{KIND_NAMES[kind]}, hears {what}", "x": np.array(ratios), "y": 100 * values, "line": {"color": KIND_LOOKS[kind][0], "dash": dash, "width": 2.4}, "hovertemplate": "ratio %{x}: %{y:.0f} %<extra>%{fullData.name}</extra>"}
        for kind, pair in found.items() for values, what, dash in zip(pair, ("the truth", "itself"), ("dash", "solid"), strict=True)
    ]  # fmt: skip
    words = "; ".join(f"{KIND_NAMES[k]}: {100 * free[0]:.0f} % without a teacher, {100 * free[-1]:.0f} % with the teacher always" for k, (_, free) in found.items())  # fmt: skip
    return Figure(
        data,
        layout(showlegend=True, legend={"orientation": "v", "y": -0.3, "yanchor": "top", "x": 0}, margin={"l": 56, "r": 16, "t": 12, "b": 48}, xaxis=axis("teacher forcing ratio while it learned [1]"), yaxis=axis("tokens right [%]", range=[-3, 103])),
        f"Tokens right in free use, by the ratio of teacher forcing. {words}.",
        "Each mark is a model of its own, trained equally long on reversing digits. Dashed: measured while the decoder hears the truth. Solid: in use, where it hears itself.",
    )  # fmt: skip


def forced(before: np.ndarray, after: np.ndarray, right: Sequence[str], place: int) -> Figure:
    """The probability of the right token at each place, without and with the forced token."""
    x = np.arange(len(right))
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": values, "line": {"color": colour, "dash": dash, "width": 2.2}, "hovertemplate": "p(right) = %{y:.4f}<extra>" + name + "</extra>"}
        for name, values, colour, dash in (("left alone", before, BLUE, "dash"), ("with the forced token", after, ORANGE, "solid"))
    ]  # fmt: skip
    return Figure(
        data,
        layout(
            showlegend=True, xaxis=_tokens("right answer", right), yaxis=axis("probability of the right token [1]", range=[-0.03, 1.03]),
            shapes=[upright_line(place, color=GREY, dash="dot", width=2)],
        ),
        f"After the forced token at place {place + 1} the mean probability of the right tokens is {short(float(after[place + 1 :].mean()) if place + 1 < len(after) else None) or 'not defined'}; left alone it is {short(float(before[place + 1 :].mean()) if place + 1 < len(before) else None) or 'not defined'}.",
        "How sure the decoder is of the right token at each place. Dotted: the place whose token is forced; what it believes at that place and before is unchanged, what it believes after it has heard the forced token may not be.",
    )  # fmt: skip


def tree(nodes: Sequence[Any], ranks: Sequence[int], chosen: Sequence[int], words: Sequence[str], width: int) -> Figure:
    """The beam's beginnings; `ranks` says how good a node is at its place, `chosen` are the nodes of the best answer."""
    xs, ys, on = [], [], set(chosen)
    best_x, best_y = [], []
    for k, node in enumerate(nodes):
        start = (node.parent >= 0 and (nodes[node.parent].place, ranks[node.parent])) or (-1, 0)
        line = ([start[0], node.place, None], [start[1], ranks[k], None])
        (best_x if k in on else xs).extend(line[0])
        (best_y if k in on else ys).extend(line[1])
    data = [
        {"type": "scatter", "mode": "lines", "name": "kept in the beam", "x": xs, "y": ys, "line": {"color": GREY, "width": 1.2}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "name": "the best answer", "x": best_x, "y": best_y, "line": {"color": ORANGE, "width": 3}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "markers+text", "showlegend": False, "x": [n.place for n in nodes], "y": list(ranks), "text": shown([words[n.token] for n in nodes]), "customdata": np.array([n.log_p for n in nodes]), "textfont": {"color": "#101418"},
         "marker": {"size": 20, "color": ["#f5d39a" if k in on else "#c9dcec" for k in range(len(nodes))], "line": {"width": 0}}, "hovertemplate": "%{text}: log p = %{customdata:.4f} nats<extra></extra>"},
    ]  # fmt: skip
    best = nodes[chosen[-1]]
    return Figure(
        data,
        layout(showlegend=True, xaxis=axis("place in the answer [1]", tickvals=np.arange(best.place + 1), ticktext=[str(k + 1) for k in range(best.place + 1)], showgrid=False, zeroline=False), yaxis=axis("rank in the beam [1]", range=[max(width, 2) - 0.5, -0.5], dtick=1, tick0=0, tickvals=np.arange(width), ticktext=[str(k + 1) for k in range(width)], showgrid=False, zeroline=False)),
        f"Beam of width {width} over {best.place + 1} places; the best answer has log p {short(best.log_p)} nats.",
        "Each disc is a beginning of an answer that was kept, with its last token; left to right: places; the upper, the more probable. Orange: the way to the best answer. Where the orange way leaves the top row, greedy search would have taken another token.",
    )  # fmt: skip


def learning(steps: np.ndarray, metrics: Mapping[str, np.ndarray]) -> Figure:
    """Accuracies of a training run."""
    looks = (
        ("forced", "tokens, hears the truth", BLUE, "dash"),
        ("free", "tokens, hears itself", ORANGE, "solid"),
        ("whole", "whole answers", PURPLE, "dot"),
    )
    data = [
        {"type": "scatter", "mode": "lines" if len(steps) > 1 else "markers", "name": name, "x": np.asarray(steps), "y": 100 * np.asarray(metrics[key]), "line": {"color": colour, "dash": dash, "width": 2.2}, "hovertemplate": "step %{x}: %{y:.1f} %<extra>" + name + "</extra>"}
        for key, name, colour, dash in looks
    ]  # fmt: skip
    place = {"type": "scatter", "mode": "markers", "name": "the film's place", "x": [int(steps[-1])], "y": [100 * float(metrics["free"][-1])], "marker": {"color": ORANGE, "size": 11}, "hoverinfo": "skip"}  # fmt: skip
    frames = [Frame([{"x": [int(s)], "y": [100 * float(v)]}], [3]) for s, v in zip(steps, metrics["free"], strict=True)]
    ends = ", ".join(f"{name} {100 * float(metrics[key][-1]):.0f} %" for key, name, _, _ in looks)
    return Figure(
        [*data, place],
        layout(showlegend=True, xaxis=axis("training step [1]"), yaxis=axis("right on test examples [%]", range=[-3, 103])),
        f"Accuracy on test examples after {int(steps[-1])} steps: {ends}.",
        "Dashed: tokens right while the decoder hears the truth. Solid: while it hears itself. Dotted: answers without a mistake. The disc follows the film.",
        frames if len(frames) > 1 else [],
    )  # fmt: skip


def film_steps(steps: np.ndarray, metrics: Mapping[str, np.ndarray], attends: bool) -> list[Step]:
    """What the transport bar says at each moment."""
    return [
        Step(
            f"Step {int(s)}" if s else "Untrained",
            f"{100 * free:.0f} % of the tokens right in free use, loss {short(float(loss))} nats"
            + (f"; {100 * found:.0f} % of the answers look at the right token." if attends else "."),
        )
        for s, free, loss, found in zip(steps, metrics["free"], metrics["loss"], metrics["alignment"], strict=True)
    ]


def thumbnail(alpha: np.ndarray, source: Sequence[str], said: Sequence[str], truth: np.ndarray, score: float) -> Figure:
    """The alignment without words, for a card."""
    whole = alignment(alpha, source, said, truth, score)
    bare: dict[str, Any] = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    heat = {**whole.data[0], "showscale": False}
    return Figure(
        [heat], layout(**bare, margin={"l": 4, "r": 4, "t": 4, "b": 4}, showlegend=False), whole.alt, whole.how_to_read
    )
