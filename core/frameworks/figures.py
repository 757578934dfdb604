"""The pictures of the page that compares frameworks. They take arrays and lines of code; nothing is computed here.

The code film draws both programs as text, sections that do the same step beside each other (difflib's longest common
subsequence of the steps), and lights up the lines of one step in each frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Any

import numpy as np

from core.contracts import Figure, Frame
from core.frameworks.programs import STEPS, Section
from core.frameworks.running import Stop
from core.plots.dag import layered
from core.plots.encode import quantise
from core.plots.theme import BLUE, CATEGORIES, GREEN, GREY, MAGNITUDE, ORANGE, SIGNED, axis, hidden_axis, layout
from core.plots.words import short

Array = np.ndarray
VALUES_HEIGHT, LOSS_HEIGHT, LENS_HEIGHT, CODE_WIDTH = 360, 360, 360, 980
LINE, WIDEST, SHOWN, FLOOR = (
    15.5,
    72,
    24,
    1e-18,
)  # px of a line of code, its longest length in characters, values shown of a tensor; lowest bar on a log scale
LIT, LIT_EDGE = "rgba(224, 142, 11, 0.22)", ORANGE
DASHES = ("solid", "dash", "dot", "dashdot")


# --- The two programs --------------------------------------------------------------------------------------------------


def aligned(
    left: Sequence[Section], right: Sequence[Section]
) -> tuple[list[tuple[int, Section]], list[tuple[int, Section]], int]:
    """(first line, section) of every section of both columns, and the number of lines.

    Sections that begin with the same step, in the same order, begin on the same line.
    """
    keys = [[part.steps[0] for part in side] for side in (left, right)]
    places: list[list[tuple[int, Section]]] = [[], []]
    rows, done = [0, 0], [0, 0]
    for block in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
        for k in range(block.size):
            meet = (block.a + k, block.b + k)
            for side, sections in enumerate((left, right)):
                for part in sections[done[side] : meet[side]]:
                    _place(places[side], rows, side, part)
            rows = [max(rows)] * 2
            for side, sections in enumerate((left, right)):
                _place(places[side], rows, side, sections[meet[side]])
                done[side] = meet[side] + 1
    for side, sections in enumerate((left, right)):
        for part in sections[done[side] :]:
            _place(places[side], rows, side, part)
    return places[0], places[1], max(rows)


def _place(places: list[tuple[int, Section]], rows: list[int], side: int, part: Section) -> None:
    places.append((rows[side], part))
    rows[side] += len(part.lines)


def code_film(left: Sequence[Section], right: Sequence[Section], titles: tuple[str, str], at: int) -> Figure:
    """Both programs; frame k lights up the lines of the k-th step."""
    *columns, rows = aligned(left, right)
    data = [_column(places, side) for side, places in enumerate(columns)]
    shapes = [_lit(columns, step) for step in STEPS]
    heads = [
        {"text": f"<b>{escape(title)}</b>", "x": 0.5 * side, "y": 1, "xref": "paper", "yref": "paper", "yanchor": "bottom", "xanchor": "left", "showarrow": False}
        for side, title in enumerate(titles)
    ]  # fmt: skip
    frames = [Frame(data=[], traces=[], layout={"shapes": lit}) for lit in shapes]
    lines = {side: _said(places, list(STEPS)[at]) for side, places in zip(titles, columns, strict=True)}
    return Figure(
        data=data,
        layout=layout(
            xaxis=hidden_axis(range=[0, 2]), yaxis=hidden_axis(range=[rows - 0.4, -0.9]), margin={"l": 6, "r": 6, "t": 26, "b": 4},
            showlegend=False, annotations=heads, shapes=shapes[at], dragmode=False,
        ),
        alt=f"Two programs line by line: {titles[0]} on the left, {titles[1]} on the right. At the step “{STEPS[list(STEPS)[at]]}”: " + "; ".join(f"{side}: {line}" for side, line in lines.items()) + ".",
        how_to_read="Sections that do the same step begin at the same height. The orange bands mark the lines that do the step of the bar below; a band that covers more steps than one is a call that does them all. Long lines end with …: the whole text is under the pictures.",
        frames=frames,
    )  # fmt: skip


def code_height(left: Sequence[Section], right: Sequence[Section]) -> int:
    """Pixels that the code film needs."""
    return int(aligned(left, right)[2] * LINE) + 50


def _column(places: Sequence[tuple[int, Section]], side: int) -> dict[str, Any]:
    lines = [(row + k, line) for row, part in places for k, line in enumerate(part.lines) if line.strip()]
    return {
        "type": "scatter", "mode": "text", "x": np.full(len(lines), float(side)), "y": np.array([row for row, _ in lines], float),
        "text": [_shown(line) for _, line in lines], "textposition": "middle right", "hoverinfo": "skip", "cliponaxis": False,
        "textfont": {"family": "ui-monospace, Menlo, Consolas, monospace", "size": 11},
    }  # fmt: skip


def _shown(line: str) -> str:
    """A line of code as Plotly's text: spaces that stay, signs that are no marks, not too long."""
    cut = line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
    return escape(cut, quote=False).replace(" ", "\u00a0")


def _lit(columns: Sequence[Sequence[tuple[int, Section]]], step: str) -> list[dict[str, Any]]:
    """The bands of a step in both columns."""
    return [
        {"type": "rect", "x0": side + 0.002, "x1": side + 0.98, "y0": row - 0.5, "y1": row + len(part.lines) - 0.5, "fillcolor": LIT, "line": {"color": LIT_EDGE, "width": 1}, "layer": "below"}
        for side, places in enumerate(columns) for row, part in places if step in part.steps
    ]  # fmt: skip


def _said(places: Sequence[tuple[int, Section]], step: str) -> str:
    found = [part.lines[-1].strip() for _, part in places if step in part.steps]
    return found[-1][:WIDEST] if found else "nothing"


# --- Values ------------------------------------------------------------------------------------------------------------


def values_film(stops: Sequence[Stop], at: int) -> Figure:
    """The first values of every tensor on the way of one batch; frame k shows what exists after the k-th step."""
    names = [name for name in _order(stops) if not name.removesuffix(".grad").endswith(".bias")]
    bounds = {
        name: max((np.abs(s.tensors[name]).max() for s in stops if name in s.tensors), default=1.0) or 1.0
        for name in names
    }
    shapes = {name: next(s.tensors[name].shape for s in stops if name in s.tensors) for name in names}
    labels = [f"{name} {'×'.join(map(str, shapes[name]))}" for name in names]
    sheets = [_sheet(stop, names) for stop in stops]
    scaled = [sheet / np.array([bounds[name] for name in names])[:, None] for sheet in sheets]
    trace = {
        "type": "heatmap", "y": labels, "x": np.arange(1, SHOWN + 1), "z": scaled[at], "customdata": sheets[at], "colorscale": [list(s) for s in SIGNED],
        "zmin": -1, "zmax": 1, "xgap": 1, "ygap": 2, "hovertemplate": "%{y}, value %{x}: %{customdata:.5g}<extra></extra>",
        "colorbar": {"title": {"text": "share of the row's<br>largest size", "side": "right"}, "thickness": 12},
    }  # fmt: skip
    frames = [
        Frame(data=[{"z": quantise(z, -1, 1), "customdata": s.astype(np.float32)}], traces=[0])
        for z, s in zip(scaled, sheets, strict=True)
    ]
    there = [name for name in names if name in stops[at].tensors]
    return Figure(
        data=[trace],
        layout=layout(
            xaxis=axis("values in the order of the memory", dtick=4), yaxis=axis("tensor and its shape", autorange="reversed", type="category"), margin={"l": 60, "r": 10, "t": 10, "b": 46},
        ),
        alt=f"Tensors of one batch after the step “{STEPS[stops[at].step]}”: {len(there)} of {len(names)} exist" + (f", among them {', '.join(there[:4])}." if there else "."),
        how_to_read=f"Each row is a tensor of the PyTorch program (activations as height, width, channels) with its shape; its first {SHOWN} values in colour, blue below 0, orange above, by the row's largest size. An empty row does not exist yet, or was cleared.",
        frames=frames,
    )  # fmt: skip


def _order(stops: Sequence[Stop]) -> list[str]:
    """All names: the way forward, then each weight above its gradient."""
    forward = [name for name in stops[len(STEPS) - 2].tensors if "." not in name]
    weights = list(stops[1].tensors)
    return [*forward, *(part for name in weights for part in (name, f"{name}.grad"))]


def _sheet(stop: Stop, names: Sequence[str]) -> Array:
    sheet = np.full((len(names), SHOWN), np.nan)
    for row, name in enumerate(names):
        if name in stop.tensors:
            values = stop.tensors[name].ravel()[:SHOWN]
            sheet[row, : len(values)] = values
    return sheet


# --- Simple pictures -------------------------------------------------------------------------------------------------------


def line(
    name: str, x: Sequence[float] | Array, y: Sequence[float] | Array, k: int, mode: str = "lines", **more: Any
) -> dict[str, Any]:
    """The k-th curve: its own colour and dash."""
    colour = CATEGORIES[k % len(CATEGORIES)]
    return {
        "type": "scatter", "mode": mode, "name": name, "x": np.asarray(x, float), "y": np.asarray(y, float),
        "line": {"color": colour, "width": 2.2, "dash": DASHES[k % 4]}, "marker": {"color": colour, "size": 6, "symbol": ("circle", "diamond", "square", "cross")[k % 4]}, **more,
    }  # fmt: skip


def losses(runs: Mapping[str, Array]) -> Figure:
    """The loss of every batch: a line by hand, marks for the programs that must agree with it."""
    data = [
        line(name, np.arange(1, len(values) + 1), values, k, "lines" if k == 0 else "markers")
        for k, (name, values) in enumerate(runs.items())
    ]
    first = next(iter(runs.values()))
    return Figure(
        data=data,
        layout=layout(xaxis=axis("batch"), yaxis=axis("loss of the batch", rangemode="tozero"), showlegend=True),
        alt=f"Loss of each of {len(first)} batches, from {short(first[0])} to {short(first[-1])}, in {' and '.join(runs)}; the marks lie on the line.",
        how_to_read="The line is the program written by hand, the marks the PyTorch program on the same batches from the same first weights. Where a mark left the line, the two would differ.",
    )


def bars(
    groups: Mapping[str, Mapping[str, float]], x_title: str, y_title: str, what: str, *, log: bool = False
) -> Figure:
    """Bars side by side: group -> label -> height."""
    data = [
        {"type": "bar", "name": name, "x": list(values), "y": np.maximum(list(values.values()), FLOOR if log else -np.inf), "text": [short(v) for v in values.values()], "textposition": "auto",
         "marker": {"color": CATEGORIES[k % len(CATEGORIES)], "pattern": {"shape": ("", "/", "x", ".")[k % 4]}}}
        for k, (name, values) in enumerate(groups.items())
    ]  # fmt: skip
    told = "; ".join(
        f"{name}: " + ", ".join(f"{label} {short(v)}" for label, v in values.items()) for name, values in groups.items()
    )
    return Figure(
        data=data,
        layout=layout(xaxis=axis(x_title, type="category"), yaxis=axis(y_title, type="log" if log else "linear", **({"exponentformat": "power"} if log else {})), barmode="group", showlegend=len(groups) > 1),
        alt=f"{what} {told[:600]}.",
        how_to_read=f"Each bar is one {x_title}; its height is the {y_title}{', on a log scale' if log else ''}. Colours and hatching are the groups in the legend.",
    )  # fmt: skip


def lines(
    curves: Mapping[str, tuple[Sequence[float] | Array, Sequence[float] | Array]],
    x_title: str,
    y_title: str,
    what: str,
    **scales: str,
) -> Figure:
    """Curves (name -> x, y); `scales` may say x="log" or y="log"."""
    data = [line(name, x, y, k) for k, (name, (x, y)) in enumerate(curves.items())]
    known = {name: np.asarray(y)[np.isfinite(y)] for name, (_, y) in curves.items()}
    ends = "; ".join(f"{name} from {short(float(y[0]))} to {short(float(y[-1]))}" for name, y in known.items())
    kind = {side: {"type": "log", "exponentformat": "power"} if scales.get(side) == "log" else {} for side in "xy"}
    return Figure(
        data=data,
        layout=layout(xaxis=axis(x_title, **kind["x"]), yaxis=axis(y_title, **kind["y"]), showlegend=True),
        alt=f"{what} {ends}.",
        how_to_read=f"Each line is named in the legend. Left to right: {x_title}; lower or higher: {y_title}. Click a name to hide its line.",
    )


def graph(names: Sequence[str], edges: Sequence[tuple[int, int]]) -> Figure:
    """The operations that autograd recorded, the result on the right. `edges` (before, after) by place in `names`, results first."""
    count = len(names)
    inputs: list[list[int]] = [[] for _ in range(count)]
    for before, after in edges:  # numbered so that an operation comes after those it came from
        inputs[count - 1 - after].append(count - 1 - before)
    drawn = layered(inputs)
    x, y = np.array(drawn.x), np.array(drawn.y)
    labels = [names[count - 1 - k] for k in range(count)]
    links = [point for path in drawn.paths.values() for point in (*path, (np.nan, np.nan))]
    return Figure(
        data=[
            {"type": "scatter", "mode": "lines", "x": np.array([p[0] for p in links]), "y": np.array([p[1] for p in links]), "line": {"color": GREY, "width": 1.5}, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "markers+text", "x": x, "y": y, "text": [label if count <= 14 else "" for label in labels], "hovertext": labels, "hoverinfo": "text",
             "textposition": ["top center" if k % 2 else "bottom center" for k in range(count)], "marker": {"size": 14, "color": [GREEN if label == "leaf x" else BLUE for label in labels], "symbol": ["square" if label == "leaf x" else "circle" for label in labels]}},
        ],
        layout=layout(xaxis=hidden_axis(range=[-0.7, x.max() + 0.7]), yaxis=hidden_axis(range=[y.min() - 1.2, y.max() + 1.2]), showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8}),
        alt=f"Graph of {count} recorded operations from the leaf on the left to the result on the right: {', '.join(labels[:12])}{' ...' if count > 12 else ''}.",
        how_to_read="Each circle is an operation that autograd recorded, named after its backward function; the square is the leaf whose gradient is collected. backward() walks from right to left.",
    )  # fmt: skip


def memory(cells: Mapping[str, Array], channels: int) -> Figure:
    """Which channel lies in which memory cell: one strip for each layout."""
    z = np.stack(list(cells.values())).astype(float)
    return Figure(
        data=[
            {"type": "heatmap", "z": z, "x": np.arange(1, z.shape[1] + 1), "y": list(cells), "colorscale": MAGNITUDE, "zmin": 0, "zmax": channels - 1, "xgap": 1, "ygap": 6,
             "colorbar": {"title": {"text": "channel"}, "tickvals": list(range(channels)), "thickness": 12}, "hovertemplate": "%{y}, cell %{x}: channel %{z}<extra></extra>"}
        ],
        layout=layout(xaxis=axis("cell of the memory"), yaxis=axis("layout", type="category", autorange="reversed")),
        alt=f"The first {z.shape[1]} memory cells of one picture with {channels} channels: in N, H, W, C the channels alternate, in N, C, H, W each lies in one block.",
        how_to_read="From left to right: neighbouring cells of the memory. The colour says which channel the number there belongs to.",
    )  # fmt: skip


def padded(size: int, sides: Mapping[str, tuple[int, int, Sequence[int]]], kernel: int) -> Figure:
    """Where the kernel stands: name -> (padding left, padding right, first cell of each window, counted from the picture's first)."""
    data: list[dict[str, Any]] = []
    rows: dict[str, float] = {}
    y = 0.0
    for k, (name, (left, right, starts)) in enumerate(sides.items()):
        rows[name] = y
        cells = np.arange(-left, size + right)
        inside = (cells >= 0) & (cells < size)
        for part, colour, words in ((inside, BLUE, "picture"), (~inside, GREY, "zeros")):
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers+text",
                    "x": cells[part] + 1,
                    "y": np.full(part.sum(), y),
                    "text": [str(c + 1) if words == "picture" else "0" for c in cells[part]],
                    "textfont": {"color": "#ffffff", "size": 11},
                    "name": words,
                    "showlegend": k == 0,
                    "legendgroup": words,
                    "marker": {"symbol": "square", "size": 22, "color": colour},
                    "hoverinfo": "skip",
                }
            )
        for n, start in enumerate(starts):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "x": [start + 1, start + kernel],
                    "y": [y + 0.5 + 0.28 * n] * 2,
                    "name": "kernel",
                    "legendgroup": "kernel",
                    "showlegend": k == 0 and n == 0,
                    "line": {"color": ORANGE, "width": 3},
                    "marker": {"color": ORANGE, "size": 6},
                    "hovertemplate": f"window {n + 1}: cells {start + 1} to {start + kernel}<extra>{name}</extra>",
                }
            )
        y += 1.2 + 0.28 * len(starts)
    told = "; ".join(
        f"{name} pads {left} left and {right} right, windows begin at {', '.join(str(s + 1) for s in starts)}"
        for name, (left, right, starts) in sides.items()
    )
    return Figure(
        data=data,
        layout=layout(xaxis=axis("cell of the picture", dtick=1 if size < 12 else 2, zeroline=False), yaxis=axis("framework", tickvals=list(rows.values()), ticktext=list(rows), range=[y - 0.4, -0.7], zeroline=False), showlegend=True),
        alt=f"A row of {size} cells and where a kernel of {kernel} stands: {told}.",
        how_to_read="Blue squares are the cells of the picture, grey ones zeros that padding adds. Each orange line is one place of the kernel, from its first to its last cell: one output.",
    )  # fmt: skip


def order(positions: Mapping[str, Array]) -> Figure:
    """Where in the stream (x) which example (y) comes."""
    data = [
        {"type": "scatter", "mode": "markers", "name": name, "x": np.arange(1, len(where) + 1), "y": where, "marker": {"size": 4.5, "color": CATEGORIES[k], "symbol": ("circle", "diamond")[k]}}
        for k, (name, where) in enumerate(positions.items())
    ]  # fmt: skip
    count = len(next(iter(positions.values())))
    return Figure(
        data=data,
        layout=layout(xaxis=axis("place in the stream"), yaxis=axis("number of the example"), showlegend=True),
        alt=f"The order of {count} examples: " + "; ".join(f"{name}, the first is number {int(where[0])}, the mean way {np.abs(where - np.arange(count)).mean():.0f} places" for name, where in positions.items()) + ".",
        how_to_read="Each mark is an example: left to right the place at which it comes, bottom to top its number before shuffling. A full shuffle fills the square; a small buffer stays near the diagonal.",
    )  # fmt: skip


def timeline(ways: Mapping[str, Sequence[tuple[str, float, float]]]) -> Figure:
    """Who works when: way -> (worker, begin, end) in milliseconds."""
    colours = {"load": GREY, "train": ORANGE}
    data, seen = [], set()
    for way, spans in ways.items():
        for kind, colour in colours.items():
            chosen = [(f"{way}: {worker}", begin, end) for worker, begin, end in spans if worker.startswith(kind)]
            data.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": kind,
                    "legendgroup": kind,
                    "showlegend": kind not in seen,
                    "y": [w for w, _, _ in chosen],
                    "x": np.array([e - b for _, b, e in chosen]),
                    "base": np.array([b for _, b, _ in chosen]),
                    "marker": {"color": colour, "line": {"color": "#ffffff", "width": 1}},
                    "hovertemplate": "%{y}: %{base} to %{x} ms<extra></extra>",
                }
            )
            seen.add(kind)
    ends = "; ".join(f"{way} ends at {short(max(e for _, _, e in spans))} ms" for way, spans in ways.items())
    return Figure(
        data=data,
        layout=layout(xaxis=axis("time (ms)"), yaxis=axis("who works", type="category", autorange="reversed"), barmode="overlay", showlegend=True),
        alt=f"Timeline of eight batches: {ends}.",
        how_to_read="Each bar is one batch being loaded (grey) or trained on (orange). Without prefetch they take turns; with it the next batch is loaded meanwhile.",
    )  # fmt: skip


def calls(names: Sequence[str], order_of: Sequence[str]) -> Figure:
    """Which hook (y) is called when (x)."""
    rows = list(dict.fromkeys(order_of))
    return Figure(
        data=[{"type": "scatter", "mode": "lines+markers", "x": np.arange(1, len(names) + 1), "y": list(names), "line": {"color": GREY, "width": 1}, "marker": {"color": BLUE, "size": 8}, "hovertemplate": "call %{x}: %{y}<extra></extra>"}],
        layout=layout(xaxis=axis("call"), yaxis=axis("method", type="category", categoryorder="array", categoryarray=rows[::-1], tickfont={"size": 11}), showlegend=False),
        alt=f"{len(names)} calls of {len(rows)} methods in order: {', '.join(names[:11])} ...",
        how_to_read="Each mark is one call of a method, from left to right in the order of time. The saw teeth are batches, the two large ones epochs.",
    )  # fmt: skip


def histogram(draws: Mapping[str, Array], title: str) -> Figure:
    """How often which value was drawn."""
    bound = max(float(np.abs(values).max()) for values in draws.values()) or 1.0
    edges = np.linspace(-bound, bound, 41)
    curves = {
        name: ((edges[1:] + edges[:-1]) / 2, np.histogram(values, edges, density=True)[0])
        for name, values in draws.items()
    }
    shown = lines(curves, title, "density", "How first weights are spread:")
    data = [{**trace, "line": {**trace["line"], "shape": "hvh"}} for trace in shown.data]
    told = "; ".join(f"{name} within ±{short(float(np.abs(values).max()))}" for name, values in draws.items())
    return Figure(
        data,
        shown.layout,
        f"Histogram of drawn first weights: {told}.",
        "Each stepped line is the histogram of one framework's first weights; both are flat, but not equally wide.",
    )


def thumbnail(values: Array) -> Figure:
    """The losses for the card."""
    drawn = losses({"NumPy": values, "PyTorch": values})
    hidden = {
        "xaxis": hidden_axis(),
        "yaxis": hidden_axis(),
        "showlegend": False,
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
    }
    return Figure(drawn.data, {**drawn.layout, **hidden}, drawn.alt, drawn.how_to_read)
