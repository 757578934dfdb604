"""The page's pictures: the text as coloured cells, the next character, bits, training, units, temperature. Only drawn here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.theme import BLUE, GREEN, GREY, ORANGE, VERMILLION, axis, hidden_axis, layout, signed_scale
from core.plots.words import short
from core.text_generation.compute import Writing

COLUMNS, BARS = 48, 12
TEXT_HEIGHT, BARS_HEIGHT, LENS_HEIGHT, CURVES_HEIGHT = 360, 400, 380, 300
FILM, SAMPLES_FILM = "text_generation.film", "text_generation.samples"
PALE_SIGNED = [[0.0, "#7db3e0"], [0.5, "#f4f4f2"], [1.0, "#f2b25c"]]  # dark letters stay readable on both ends
PALE = [[0.0, "#f4f4f2"], [1.0, "#f2a33a"]]
INK = "#101418"
MOST_BITS = 8.0
NAMES = {"\n": "↵", " ": "␣"}


def named(sign: str) -> str:
    """A sign that can be seen: line end and space have their own."""
    return NAMES.get(sign, sign)


def shown(made: Writing, at: int) -> int:
    """The place on screen: `at`, or the last character of the seed text for −1, after which the writing begins."""
    return made.read - 1 if at < 0 else min(at, len(made.codes) - 2)


def film_steps(made: Writing) -> list[Step]:
    """What the transport bar says at each place."""
    return [_film_step(made, t) for t in range(len(made.codes) - 1)]


def _film_step(made: Writing, t: int) -> Step:
    following = named(made.text[t + 1])
    p, q = float(made.p[t, made.codes[t + 1]]), float(made.q[t, made.codes[t + 1]])
    done = "read" if t + 1 < made.read else "written"
    drawn = f", drawn with {short(q)}" if done == "written" else ""
    return Step(
        f"character {t + 1}",
        f"After “{named(made.text[t])}” comes “{following}” ({done}): the model gave it {short(p)}{drawn}.",
    )


def text(made: Writing, colour: str, unit: int, at: int) -> Figure:
    """Every character in a cell, coloured by a hidden unit or by its surprise; the film moves the cursor."""
    n = len(made.codes)
    values = made.h[:, unit] if colour == "unit" else np.minimum(made.surprise, MOST_BITS)
    signs, surprise = [named(s) for s in made.text], made.surprise
    hover = [
        f"“{s}”, {'read' if t < made.read else 'written'}<br>unit {unit}: {short(float(made.h[t, unit]))}<br>surprise {'' if t == 0 else short(float(surprise[t]))} bit"
        for t, s in enumerate(signs)
    ]
    scale = {"colorscale": PALE_SIGNED, "zmin": -1.0, "zmax": 1.0} if colour == "unit" else {"colorscale": PALE, "zmin": 0.0, "zmax": MOST_BITS}  # fmt: skip
    rows = -(-n // COLUMNS)
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap", "z": _rows(values, np.nan), "text": _cells(signs), "customdata": _cells(hover), "texttemplate": "%{text}", "textfont": {"color": INK, "size": 14, "family": "monospace"},
            **scale, "xgap": 1, "ygap": 2, "colorbar": {"title": {"text": f"unit {unit}  [1]" if colour == "unit" else "surprise  [bit]"}, "thickness": 12}, "hovertemplate": "%{customdata}<extra></extra>",
        },
        {"type": "scatter", "mode": "markers", "name": "seed text", "showlegend": True, "hoverinfo": "skip", **_places(range(made.read), 0.44),
         "marker": {"symbol": "line-ew-open", "size": 12, "color": GREEN, "line": {"width": 3, "color": GREEN}}},
        {"type": "scatter", "mode": "markers", "name": "the film stands here", "showlegend": True, "hoverinfo": "skip", **_places([shown(made, at)]),
         "marker": {"symbol": "square-open", "size": 22, "color": VERMILLION, "line": {"width": 3, "color": VERMILLION}}},
    ]  # fmt: skip
    what = (
        f"unit {unit} of the last layer, from {short(float(values.min()))} to {short(float(values.max()))}"
        if colour == "unit"
        else f"surprise, {short(float(np.nanmean(surprise)))} bit on average"
    )
    return Figure(
        data,
        layout(
            xaxis=hidden_axis(range=[-0.7, COLUMNS - 0.3]), yaxis=hidden_axis(range=[max(rows, 4) - 0.4, -0.6]), showlegend=True,
            margin={"l": 6, "r": 6, "t": 28, "b": 6},
        ),
        f"{made.read} characters of seed text and {n - made.read} written ones, coloured by {what}. The text begins: {' '.join(made.text[:120].split())}",
        ("Colour: the hidden unit after reading that character, blue below 0, orange above. " if colour == "unit" else "Colour: how surprising that character was to the model, in bits; a pale one was expected, an orange one was not. ")
        + "Green lines mark the seed text. ↵ is a line end, ␣ a space. The red frame is where the film stands; the bars beside show what may come after it.",
        [Frame([_places([t])], (2,)) for t in range(n - 1)],
    )  # fmt: skip


def _rows(values: np.ndarray, empty: float) -> np.ndarray:
    """A long row cut into lines of the picture."""
    rows = -(-len(values) // COLUMNS)
    whole = np.full(rows * COLUMNS, empty)
    whole[: len(values)] = values
    return whole.reshape(rows, COLUMNS)


def _cells(words: Sequence[str]) -> list[list[str]]:
    rows = -(-len(words) // COLUMNS)
    whole = [*words, *[""] * (rows * COLUMNS - len(words))]
    return [whole[k * COLUMNS : (k + 1) * COLUMNS] for k in range(rows)]


def _places(at: Sequence[int], down: float = 0.0) -> dict[str, Any]:
    return {"x": [t % COLUMNS for t in at], "y": [t // COLUMNS + down for t in at]}


def following(made: Writing, at: int) -> Figure:
    """The likeliest next characters at the place of the film: before and after temperature, top k and top p."""
    t = shown(made, at)
    first = _bars(made, t)
    looks = (
        {"name": "the model's own", "marker": {"color": "rgba(0,0,0,0)", "line": {"color": GREY, "width": 2}}, "hovertemplate": "%{x:.4f}<extra>the model's own</extra>"},
        {"name": "after temperature and cuts", "textposition": "outside", "cliponaxis": False, "width": 0.5, "hovertemplate": "%{text}: %{x:.4f}<extra>drawn from</extra>"},
    )  # fmt: skip
    data = [{"type": "bar", "orientation": "h", **look, **where} for look, where in zip(looks, first, strict=True)]
    order = np.argsort(-made.p[t], kind="stable")[:3]
    words = ", ".join(f"“{named(made.corpus.signs[k])}” {short(float(made.p[t, k]))}" for k in order)
    return Figure(
        data,
        layout(
            xaxis=axis("probability of the next character  [1]", range=[0, 1.12]), yaxis=axis(f"the {BARS} likeliest  [rank]", range=[BARS + 0.6, 0.4], dtick=1, showgrid=False),
            barmode="overlay", showlegend=True,
        ),
        f"After “{named(made.text[t])}” the model expects {words}; “{named(made.text[t + 1])}” came.",
        "Outline: what the model thinks. Filled: what the character is drawn from, after temperature, top k and top p. Orange: the one that came. The sign stands at the end of its bar.",
        [Frame(_bars(made, k), (0, 1)) for k in range(len(made.codes) - 1)],
    )  # fmt: skip


def _bars(made: Writing, t: int) -> list[dict[str, Any]]:
    order = np.argsort(-made.p[t], kind="stable")[:BARS]
    rank, came = list(range(1, len(order) + 1)), int(made.codes[t + 1])
    names = [f"“{named(made.corpus.signs[k])}”" for k in order]
    colours = [ORANGE if k == came else BLUE for k in order]
    p, q = ([float(f"{v:.4g}") for v in row[t, order]] for row in (made.p, made.q))
    return [{"x": p, "y": rank}, {"x": q, "y": rank, "text": names, "marker": {"color": colours}}]


def bits(model: float, grams: Mapping[int, float], signs: int) -> Figure:
    """Bits per character on held-out text: n-grams, the net, and the bound that every sign alike would give."""
    names = [*(f"{n}-gram" for n in grams), "the net"]
    values = [*grams.values(), model]
    data = [{"type": "bar", "x": names, "y": values, "marker": {"color": [GREY] * len(grams) + [BLUE]}, "text": [short(v) for v in values], "textposition": "auto", "hovertemplate": "%{x}: %{y:.4f} bit<extra></extra>"}]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("model", type="category"), yaxis=axis("bits per character, held-out text  [bit]"), showlegend=False),
        f"Bits per character on held-out text: {', '.join(f'{n} {short(v)}' for n, v in zip(names, values, strict=True))}; guessing blindly among {signs} signs costs {short(float(np.log2(signs)))}.",
        "Lower is better: so many yes-or-no questions does a character cost. Grey: counting which sign follows the last few. Blue: the net. One bit less is half the perplexity.",
    )  # fmt: skip


def curves(metrics: Mapping[str, Sequence[float]]) -> Figure:
    """Loss of the training windows and bits on held-out text at every report (`metrics["step"]`)."""
    steps = np.asarray(metrics["step"], float)
    looks = (("loss", "training windows", BLUE, "solid"), ("held_out", "held-out text", ORANGE, "dot"))
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": title, "x": steps, "y": np.asarray(metrics[name], float), "line": {"color": colour, "dash": dash, "width": 2.2}, "hovertemplate": "step %{x}: %{y:.4f} bit<extra>%{fullData.name}</extra>"}
        for name, title, colour, dash in looks
    ]  # fmt: skip
    ends = "; ".join(
        f"{title} {short(float(metrics[name][0]))} to {short(float(metrics[name][-1]))}" for name, title, *_ in looks
    )
    return Figure(
        data,
        layout(
            xaxis=axis("training step"), yaxis=axis("bits per character  [bit]", rangemode="tozero"), showlegend=True
        ),
        f"Bits per character over {int(steps[-1])} steps of training: {ends}.",
        "Solid: the windows since the last report. Dotted: held-out text. Where the dotted line turns up while the solid one falls, the net learns its text by heart.",
    )


def samples(shots: Sequence[np.ndarray], steps: Sequence[int], signs: str) -> Figure:
    """What the net wrote at every report: a film."""
    pages = [_cells([named(signs[c]) for c in shot]) for shot in shots]
    rows = len(pages[-1])
    data = [{"type": "heatmap", "z": np.zeros((rows, COLUMNS)), "text": pages[-1], "texttemplate": "%{text}", "textfont": {"color": INK, "size": 14, "family": "monospace"},
             **signed_scale(1.0), "showscale": False, "xgap": 1, "ygap": 2, "hoverinfo": "skip"}]  # fmt: skip
    first, last = ("".join(signs[c] for c in shot[:60]).replace("\n", " ") for shot in (shots[0], shots[-1]))
    return Figure(
        data,
        layout(xaxis=hidden_axis(), yaxis=hidden_axis(autorange="reversed"), margin={"l": 6, "r": 6, "t": 6, "b": 6}),
        f"{len(shots)} samples, from step {steps[0]} ({first}) to step {steps[-1]} ({last}).",
        "What the net writes at that moment of its training, at temperature 0.7 and from the same draw. ↵ is a line end, ␣ a space.",
        [Frame([{"text": page}], (0,)) for page in pages],
    )


def sample_steps(steps: Sequence[int], held_out: Sequence[float]) -> list[Step]:
    """What the transport bar of the samples says."""
    return [
        Step(f"step {s}", f"{short(float(b))} bits per character on held-out text.")
        for s, b in zip(steps, held_out, strict=True)
    ]


def units(found: np.ndarray, names: Sequence[str], words: str) -> Figure:
    """Correlation of every unit (columns) with every named quantity (rows)."""
    data = [{"type": "heatmap", "z": found, "y": list(names), "x": np.arange(found.shape[1]), **signed_scale(1.0), "colorbar": {"title": {"text": "correlation  [1]"}, "thickness": 12},
             "hovertemplate": "unit %{x}, %{y}: r = %{z:.3f}<extra></extra>"}]  # fmt: skip
    return Figure(
        data,
        layout(
            xaxis=axis("unit of the last layer  [number]"),
            yaxis=axis("what the text does", type="category", autorange="reversed"),
        ),
        f"Correlation of {found.shape[1]} hidden units with {len(names)} quantities on held-out text. {words}",
        "Each column is a hidden unit, each row something one can count in the text. Orange: the unit rises with it; blue: it falls; white: no straight-line relation.",
    )


def entropy(taus: np.ndarray, before: np.ndarray, now: float, here: float) -> Figure:
    """Mean entropy of what characters are drawn from, against the temperature."""
    data = [
        {"type": "scatter", "mode": "lines", "name": "at this temperature", "x": taus, "y": before, "line": {"color": BLUE, "width": 2.4}, "hovertemplate": "τ = %{x:.2f}: %{y:.3f} bit<extra></extra>"},
        {"type": "scatter", "mode": "markers", "name": "now", "x": [now], "y": [here], "marker": {"color": ORANGE, "size": 12, "symbol": "diamond"}, "hovertemplate": "τ = %{x:.2f}: %{y:.3f} bit<extra></extra>"},
    ]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis("temperature τ  [1]"), yaxis=axis("mean entropy of the draw  [bit]", rangemode="tozero"), showlegend=True),
        f"Mean entropy of the draw rises from {short(float(before[0]))} bit at temperature {short(float(taus[0]))} to {short(float(before[-1]))} at {short(float(taus[-1]))}; now {short(here)}.",
        "How open the choice of the next character is, on average over the places of this text: 0 means no choice, 1 bit two equal ones. Top k and top p are as set.",
    )  # fmt: skip


def thumbnail(made: Writing) -> Figure:
    """The first lines of the text, for a card."""
    whole = text(made, "unit", 114, -1)
    cells = {**whole.data[0], "z": whole.data[0]["z"][:4, :24], "text": [row[:24] for row in whole.data[0]["text"][:4]], "showscale": False, "hoverinfo": "skip"}  # fmt: skip
    del cells["customdata"], cells["hovertemplate"]
    still = layout(
        xaxis=hidden_axis(),
        yaxis=hidden_axis(autorange="reversed"),
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        showlegend=False,
    )
    return Figure([cells], still, whole.alt, whole.how_to_read)
