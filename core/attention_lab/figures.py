"""The lab's pictures: effects of heads, the order of pruning, answers before and after, effects of patches, next tokens and beams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.plots.theme import BLUE, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, hidden_axis, layout, signed_scale
from core.plots.tiles import upright
from core.plots.token_maps import matrix, tokens

HEIGHT = 400  # pixels
NEIGHBOURS = 9  # steps that a smooth line takes together


def effects(change: np.ndarray, layers: Sequence[str], off: np.ndarray) -> Figure:
    """Change of the loss with each head (layer, head) off; crosses on those that are off already."""
    k, j = np.nonzero(off)
    heads = [str(h + 1) for h in range(change.shape[1])]
    figure = matrix(
        change,
        "Δ loss (nats)",
        ("layer", layers),
        ("head", heads),
        None,
        "Change of the loss with this head off",
        digits=3,
    )
    crosses = {
        "type": "scatter",
        "mode": "markers",
        "x": j,
        "y": k,
        "marker": {"symbol": "x", "size": 16, "color": VERMILLION},
        "name": "off",
        "hoverinfo": "skip",
    }
    worst = np.unravel_index(change.argmax(), change.shape)
    return Figure(
        [*figure.data, crosses], figure.layout | {"margin": {"l": 110, "r": 8, "t": 34, "b": 48}, "showlegend": False},
        alt=f"Change of the loss for each of {change.size} heads switched off; the largest, {change[worst]:.4f} nats, for head {worst[1] + 1} of {layers[worst[0]]}.",
        how_to_read="Each cell is a head. Orange: without it the loss rises, so it is needed. Blue: without it the loss falls. White: no change. A red cross marks a head that is off; click a cell to switch it off or on.",
    )  # fmt: skip


def pruning(names: Sequence[str], loss: Sequence[float], accuracy: Sequence[float]) -> Figure:
    """Accuracy and loss while heads go, the least needed first."""
    x = np.arange(len(loss))
    words = ["none", *names]
    data = [
        {"type": "scatter", "mode": "lines+markers", "x": x, "y": 100 * np.array(accuracy), "text": words, "name": "right answers", "line": {"color": BLUE, "width": 2.4}, "hovertemplate": "%{x} off, last %{text}: %{y:.1f} %<extra></extra>"},
        {"type": "scatter", "mode": "lines+markers", "x": x, "y": np.array(loss), "text": words, "name": "loss (right axis)", "yaxis": "y2", "line": {"color": ORANGE, "dash": "dash", "width": 2.2}, "hovertemplate": "%{x} off, last %{text}: %{y:.4f} nats<extra></extra>"},
    ]  # fmt: skip
    free = int(np.flatnonzero(np.array(accuracy) > accuracy[0] - 0.01).max())
    return Figure(
        data,
        layout(
            xaxis=axis("heads switched off", dtick=1), yaxis=axis("right answers (%)", range=[-3, 105]),
            yaxis2={**axis("loss (nats)"), "overlaying": "y", "side": "right", "showgrid": False, "rangemode": "tozero", "tickmode": "auto"}, margin={"l": 56, "r": 60, "t": 34, "b": 48}, showlegend=True,
        ),
        alt=f"Right answers against the number of heads switched off, the least needed first. {free} of {len(names)} can go at a cost of less than one per cent.",
        how_to_read="From left to right one more head is switched off, always the one whose absence costs least then. Blue, left axis: right answers on other examples. Orange, right axis: the loss.",
    )  # fmt: skip


def answers(before: np.ndarray, after: np.ndarray, right: Sequence[str], row: int) -> Figure:
    """The right answers' probabilities before and after an operation."""
    x = np.arange(len(before))
    data = [
        {"type": "bar", "x": x, "y": values, "name": name, "marker": {"color": color}, "hovertemplate": "answer %{x}: %{y:.4f}<extra>%{fullData.name}</extra>"}
        for name, values, color in (("as it is", before, GREY), ("with the forced weights", after, BLUE))
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens("right answer", right), yaxis=axis("its probability", range=[0, 1.05]), barmode="group", showlegend=True, margin={"l": 56, "r": 8, "t": 34, "b": 48}),
        alt=f"Probability of {len(before)} right answers: mean {before.mean():.3f} as it is, {after.mean():.3f} with the forced weights; the followed one goes from {before[row]:.3f} to {after[row]:.3f}.",
        how_to_read="Each pair of bars is an answer: how likely the right token is, grey as the model is, blue with the forced weights.",
    )  # fmt: skip


def patches(effect: np.ndarray, states: Sequence[str], words: Sequence[str], stack: str) -> Figure:
    """Effect of one state of the first run put into the other, (state, token)."""
    end = max(1.0, float(np.abs(effect).max()))
    best = np.unravel_index(effect.argmax(), effect.shape)
    return Figure(
        [{"type": "heatmap", "z": effect.astype(np.float32), "colorbar": {"title": {"text": "effect"}, "thickness": 12}, "hovertemplate": "%{y}, token %{x}: %{z:.3f}<extra></extra>", **signed_scale(end)}],
        layout(xaxis=tokens(f"token of the {stack} (first / other sequence)", words), yaxis=axis("state after", tickvals=np.arange(len(states)), ticktext=list(states), showgrid=False), margin={"l": 120, "r": 8, "t": 12, "b": 60}),
        alt=f"Effect of {effect.size} patches in the {stack}, from {effect.min():.2f} to {effect.max():.2f}; the largest at token {best[1]} after {states[best[0]]}.",
        how_to_read="Each cell is one experiment: the other sequence is run, and this one state of this one token is taken from the first run. 1 (orange): the answer becomes that of the first sequence. 0 (white): nothing changes.",
    )  # fmt: skip


def next_tokens(plain: np.ndarray, kept: np.ndarray, names: Sequence[str], right: str = "") -> Figure:
    """Probabilities of the next token, as they are and after the filters; the likeliest dozen. `right` is empty where it is not known."""
    order = np.argsort(-plain, kind="stable")[:12]
    data = [
        {"type": "bar", "x": np.arange(len(order)), "y": 100 * values[order], "name": name, "marker": {"color": color}, "hovertemplate": "%{y:.3f} %<extra>%{fullData.name}</extra>"}
        for name, values, color in (("after the temperature", plain, GREY), ("after top-k and top-p", kept, BLUE))
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=tokens("next token, likeliest first", [names[k] for k in order]), yaxis=axis("probability (%)"), barmode="group", showlegend=True, margin={"l": 56, "r": 8, "t": 34, "b": 48}),
        alt=f"The likeliest next token is {names[order[0]]} with {100 * plain[order[0]]:.1f} %{f'; right is {right}' * bool(right)}; {int((kept > 0).sum())} tokens are left after the filters.",
        how_to_read="Each pair of bars is a token: grey its probability after the temperature, blue what is left of it after top-k and top-p, brought to a sum of 100 %. No blue bar: the token cannot be drawn.",
    )  # fmt: skip


def beam_tree(levels: Sequence[tuple[Sequence[str], np.ndarray, np.ndarray]]) -> Figure:
    """The kept beginnings of every step as a tree; a level is (newest tokens, parents, sums of log p)."""
    x, y, words, hover, lines_x, lines_y = [], [], [], [], [], []
    for t, (names, parents, scores) in enumerate(levels):
        for b, name in enumerate(names):
            x.append(t)
            y.append(b)
            words.append(name)
            hover.append(f"log p {scores[b]:.3f}")
            if t:
                lines_x += [t - 1, t, np.nan]
                lines_y += [int(parents[b]), b, np.nan]
    best = levels[-1][2][0]
    data = [
        {"type": "scatter", "mode": "lines", "x": np.array(lines_x), "y": np.array(lines_y), "line": {"color": GREY, "width": 1.5}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "markers+text", "x": np.array(x), "y": np.array(y), "text": words, "hovertext": hover, "hoverinfo": "text", "marker": {"size": 24, "color": [ORANGE if b == 0 else BLUE for b in y]}, "textfont": {"color": "#ffffff"}},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("token written", dtick=2, zeroline=False), yaxis=axis("place in the beam", autorange="reversed", dtick=1, zeroline=False), showlegend=False, margin={"l": 56, "r": 8, "t": 12, "b": 48}),
        alt=f"A beam search over {len(levels) - 1} tokens; the best text has a log-probability of {best:.3f}.",
        how_to_read="From left to right the tokens, from top to bottom the kept beginnings, the likeliest on top (orange). A line leads to each from the beginning that it continues; a beginning without a line to the right was given up.",
    )  # fmt: skip


def smooth(values: np.ndarray) -> np.ndarray:
    """The median of NEIGHBOURS steps around each, along the last axis; fewer at the ends."""
    r = NEIGHBOURS // 2
    return np.stack([np.median(values[..., max(0, k - r) : k + r + 1], -1) for k in range(values.shape[-1])], -1)


def two_ways(values: np.ndarray, title: str, unit: str, *, measured: bool = False) -> Figure:
    """What each step costs, (2, step): without and with a cache. What was `measured` is drawn as marks, and a line through their medians."""
    x, lines = np.arange(1, values.shape[1] + 1), smooth(values) if measured else values
    names, looks = ("everything anew", "with a cache"), ((ORANGE, "dash"), (BLUE, "solid"))
    hover = f"step %{{x}}: %{{y:.4g}} {unit}<extra>%{{fullData.name}}</extra>"
    data = [
        {"type": "scatter", "mode": "lines", "x": x, "y": row, "name": name, "line": {"color": color, "dash": dash, "width": 2.4}, "hovertemplate": hover}
        for row, name, (color, dash) in zip(lines, names, looks, strict=True)
    ]  # fmt: skip
    marks = [
        {"type": "scatter", "mode": "markers", "x": x, "y": row, "name": name, "showlegend": False, "marker": {"color": color, "size": 4, "opacity": 0.5}, "hovertemplate": hover}
        for row, name, (color, _) in zip(values, names, looks, strict=True)
    ]  # fmt: skip
    upright = {"range": [0, 1.4 * float(lines.max())]} if measured else {"type": "log", "dtick": 1}
    last = lines[:, -1]
    return Figure(
        data + marks * measured,
        layout(xaxis=axis("token that is written"), yaxis=axis(f"{title} ({unit})", **upright), showlegend=True),
        alt=f"{title.capitalize()} against the token that is written. At the last of {len(x)}: {last[0]:.4g} {unit} with everything anew, {last[1]:.4g} with a cache.",
        how_to_read="From left to right the tokens as they are written. Orange, dashed: the decoder reads the whole text again for each. Blue: it keeps keys and values, and reads the newest token alone."
        + f" Each mark is one step as measured, the line the median of {NEIGHBOURS} steps; marks above the picture were disturbed by other work." * measured,
    )  # fmt: skip


def learning(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], grams: Mapping[int, float]) -> Figure:
    """Bits per character against the step, of each run (steps, bits), and the n-grams (order -> bits) as level lines."""
    last = max((int(steps[-1]) for steps, _ in runs.values()), default=1)
    data = [
        {"type": "scatter", "mode": "lines+markers", "x": steps, "y": bits, "name": name, "line": {"color": color, "dash": dash, "width": 2.4}, "marker": {"size": 5}, "hovertemplate": "step %{x}: %{y:.3f} bits<extra>%{fullData.name}</extra>"}
        for (name, (steps, bits)), color, dash in zip(runs.items(), (BLUE, ORANGE), ("solid", "dash"), strict=False)
    ]  # fmt: skip
    levels = [
        {"type": "scatter", "mode": "lines+text", "x": np.array([0, last]), "y": np.array([b, b]), "text": ["", f"{n}-gram"], "textposition": "middle right", "textfont": {"size": 11}, "cliponaxis": False, "name": "n-grams", "showlegend": n == min(grams), "line": {"color": GREY, "dash": "dot", "width": 1.4}, "hovertemplate": f"{n}-gram: {b:.3f} bits<extra></extra>"}
        for n, b in grams.items()
    ]  # fmt: skip
    ends = "; ".join(f"{name} from {bits[0]:.2f} to {bits[-1]:.2f}" for name, (_, bits) in runs.items()) or "no run yet"
    best = min(grams, key=grams.__getitem__)
    return Figure(
        [*data, *levels],
        layout(xaxis=axis("training step"), yaxis=axis("bits per character (bit), log scale", type="log", tickvals=np.array([0.1, 0.2, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8])), showlegend=True, margin={"l": 56, "r": 56, "t": 28, "b": 48}),
        alt=f"Bits per character on a kept part of the text: {ends}; the best n-gram, of order {best}, needs {grams[best]:.2f}.",
        how_to_read="Lower is better: so many yes-or-no questions a character costs, on text that was kept aside. Dotted: counting which character follows the last n − 1. Where a line crosses the lowest dotted one, the transformer has learned more than counting knows.",
    )  # fmt: skip


def thumbnail(change: np.ndarray) -> Figure:
    """The effects of the first visit, for the card."""
    return Figure(
        [{"type": "heatmap", "z": change.astype(np.float32), "colorscale": MAGNITUDE, "showscale": False}],
        layout(xaxis=hidden_axis(constrain="domain"), yaxis=upright(), margin={"l": 8, "r": 8, "t": 8, "b": 8}),
        alt=f"How much the loss rises with each of {change.size} heads switched off, one cell a head.",
        how_to_read="Each cell is a head, a row for each layer; yellow heads are needed most.",
    )  # fmt: skip
