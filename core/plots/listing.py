"""A program as a picture: its lines, what passes through each, how long it takes, and which one runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.plots.theme import BLUE, axis, hidden_axis, layout
from core.plots.words import short


def listing(
    code: Sequence[str],
    passes: Sequence[str],
    milliseconds: Sequence[float],
    lit: Sequence[int],
    first: int = 0,
    told: Sequence[Sequence[str]] = (),
) -> Figure:
    """The loop as text: its lines, what passes through them, the time of each (NaN: not measured).

    Frame k lights line `lit[k]`; with `told`, it also says what passes through the lines then. The figure stands at frame `first`.
    """
    rows = np.arange(len(code))
    known = np.isfinite(milliseconds)
    column = {"type": "scatter", "mode": "text", "y": rows, "textposition": "middle right", "hoverinfo": "skip", "showlegend": False, "cliponaxis": False}  # fmt: skip
    data: list[dict[str, Any]] = [
        {**column, "x": np.zeros(len(code)), "text": [line.replace(" ", "\u00a0") for line in code], "name": "code", "textfont": {"family": "monospace", "size": 13}},
        {**column, "x": np.full(len(code), 0.6), "text": list(passes), "name": "what passes", "textfont": {"size": 12.5}},
    ]  # fmt: skip
    if known.any():
        data.append({
            "type": "bar", "orientation": "h", "x": np.where(known, milliseconds, 0.0), "y": rows, "xaxis": "x2", "name": "time in an epoch", "showlegend": False,
            "marker": {"color": BLUE}, "width": 0.6, "hovertemplate": "%{x:.3g} ms in an epoch<extra></extra>",
        })  # fmt: skip
    marks = [
        [{"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": row - 0.5, "y1": row + 0.5, "line": {"width": 0}, "fillcolor": "rgba(224, 142, 11, 0.28)", "layer": "below"}]
        for row in lit
    ]  # fmt: skip
    longest = int(np.nanargmax(milliseconds)) if known.any() else None
    most = (
        ""
        if longest is None
        else f" Most time goes into “{code[longest].strip()}”: {short(float(milliseconds[longest]))} ms in an epoch."
    )
    return Figure(
        data,
        layout(
            xaxis=hidden_axis(range=[0, 1], domain=[0, 0.84 if known.any() else 1], fixedrange=True),
            yaxis=hidden_axis(range=[len(code) - 0.4, -0.6], fixedrange=True),
            **({"xaxis2": axis("time in an epoch [ms]", domain=[0.86, 1], anchor="y", rangemode="tozero", nticks=3)} if known.any() else {}),
            shapes=marks[first], margin={"l": 8, "r": 12, "t": 8, "b": 44 if known.any() else 8},
        ),
        alt=f"The training loop in {len(code)} lines; lit is “{code[lit[first]].strip()}”: {passes[lit[first]]}.{most}",
        how_to_read="The lines of the loop, and beside each what passes through it, with the shapes of its tensors: pictures in a batch first. The lit line is the one that runs. "
        + ("The bars say how long each line takes in an epoch, measured in this run, all its batches together." if known.any() else "No epoch has been measured yet."),
        frames=[
            Frame([{"text": list(told[k])}] if told else [], [1] if told else [], {"shapes": mark}) for k, mark in enumerate(marks)
        ] if len(marks) > 1 else (),
    )  # fmt: skip
