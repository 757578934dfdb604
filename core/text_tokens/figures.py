"""Pictures of tokens, vocabularies, padding and word vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Frame, Step
from core.plots.encode import quantise
from core.plots.theme import BLUE, GREEN, GREY, MAGNITUDE, ORANGE, VERMILLION, axis, hidden_axis, layout, upright_line
from core.plots.words import short

STRIP_HEIGHT, TOP_HEIGHT, LENS_HEIGHT = 260, 280, 380
LINE, MOST_LINES = 46, 6  # characters in a line of tokens; of more lines each gets longer
TINTS = (
    "#a9cdea",
    "#f5d39a",
    "#a5dcc9",
    "#eab3ba",
    "#d9bfe2",
    "#bfe0f2",
    "#d6d29c",
)  # CATEGORIES, lightened for dark letters
INK = "#101418"
WAY_COLOURS, WAY_DASHES = (GREEN, ORANGE, VERMILLION), ("solid", "dash", "dot")


def visible(token: str) -> str:
    """A token with its spaces and line ends made visible, and lone bytes in hexadecimal."""
    plain = token.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    return plain.replace("\\x", "").upper() if token.startswith("\\x") else plain


def _placed(widths: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Start and line of every token's box, in characters, and the line's length; a box that does not fit begins the next line."""
    length = max(LINE, float(widths.sum()) / MOST_LINES)
    starts, lines, at, line = [], [], 0.0, 0
    for width in widths:
        if at and at + width > length:
            at, line = 0.0, line + 1
        starts.append(at)
        lines.append(line)
        at += width
    return np.array(starts), np.array(lines, int), length


def _boxes(ids: Sequence[int], tokens: Sequence[str], unknown: bool) -> dict[str, Any]:
    """The attributes of the bars that are the tokens."""
    words = [visible(token) for token in tokens]
    widths = np.array([len(word) + 1.0 for word in words])
    starts, lines, length = _placed(widths)
    colours = ["#c9cdd3" if unknown and i == 0 else TINTS[i % len(TINTS)] for i in ids]
    return {
        "x": widths - 0.16, "base": starts, "y": lines, "text": words, "customdata": np.array(ids, int),
        "textfont": {"color": INK, "size": max(7.0, 13 * LINE / length), "family": "ui-monospace, Menlo, Consolas, monospace"},
        "marker": {"color": colours, "line": {"width": 0}},
    }  # fmt: skip


def strip(ids: Sequence[int], tokens: Sequence[str], title: str, unknown: bool) -> Figure:
    """A text as its tokens; `unknown`: token 0 stands for what is not known."""
    boxes = _boxes(ids, tokens, unknown)
    count = sum(i == 0 for i in ids) if unknown else 0
    return Figure(
        [_bars(boxes)],
        _strip_layout([boxes]),
        f"{title}: {len(ids)} tokens, {count} of them unknown. They are: {' | '.join(map(visible, tokens[:40]))}.",
        "Each box is one token, left to right and line by line. Equal colours mean equal tokens, though different tokens may share a colour; grey is a token that stands for something unknown. ␣ is a space, two signs such as F0 a single byte. Point at a box to see its number.",
    )


def _bars(boxes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "bar", "orientation": "h", "width": 0.78, "textposition": "inside", "insidetextanchor": "middle", "textangle": 0,
        "constraintext": "none", "cliponaxis": False,
        "hovertemplate": "token %{customdata}: %{text}<extra></extra>", **boxes,
    }  # fmt: skip


def _strip_layout(moments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Room for the boxes of all moments."""
    lines = max((int(boxes["y"].max()) + 1 for boxes in moments if len(boxes["y"])), default=1)
    width = max((float((boxes["base"] + boxes["x"]).max()) for boxes in moments if len(boxes["y"])), default=LINE)
    return layout(
        xaxis=hidden_axis(range=[-0.5, max(LINE, width) + 1]), yaxis=hidden_axis(range=[max(lines, 3) - 0.4, -0.6]),
        margin={"l": 4, "r": 4, "t": 4, "b": 4}, showlegend=False,
    )  # fmt: skip


def strip_film(moments: Sequence[int], ids: Sequence[Sequence[int]], tokens: Sequence[Sequence[str]]) -> Figure:
    """The text to encode after more and more merges."""
    boxes = [_boxes(i, t, False) for i, t in zip(ids, tokens, strict=True)]
    whole = strip(ids[-1], tokens[-1], "All merges", False)
    return Figure(
        whole.data,
        _strip_layout(boxes),
        f"Film of {len(moments)} moments: {len(ids[0])} bytes become {len(ids[-1])} tokens after {moments[-1]} merges. {whole.alt}",
        f"The text to encode while the merges are applied in the order in which they were learned. {whole.how_to_read}",
        [Frame([box], [0]) for box in boxes],
    )


def counts(results: Mapping[str, Any], chosen: str) -> Figure:
    """Tokens of the text to encode by tokenizer, known and unknown."""
    names = list(results)
    known = np.array([r.tokens - r.unknown for r in results.values()])
    unknown = np.array([r.unknown for r in results.values()])
    data = [
        {"type": "bar", "name": "known", "x": names, "y": known, "marker": {"color": BLUE, "opacity": [1.0 if n == chosen else 0.55 for n in names]}, "hovertemplate": "%{y} known tokens<extra>%{x}</extra>"},
        {"type": "bar", "name": "unknown", "x": names, "y": unknown, "marker": {"color": VERMILLION, "pattern": {"shape": "/"}}, "hovertemplate": "%{y} unknown tokens<extra>%{x}</extra>"},
    ]  # fmt: skip
    totals = [
        {"x": name, "y": r.tokens, "text": f"{r.tokens}" + f", {r.unknown} unknown" * bool(r.unknown), "showarrow": False, "yanchor": "bottom"}
        for name, r in results.items()
    ]  # fmt: skip
    return Figure(
        data,
        layout(
            barmode="stack", showlegend=True, annotations=totals, xaxis=axis("tokenizer", type="category"),
            yaxis=axis("tokens of the text to encode [1]", range=[0, 1.15 * max(1, int((known + unknown).max()))]),
        ),
        "Tokens of the text to encode: " + "; ".join(f"{n} {r.tokens}, {r.unknown} of them unknown" for n, r in results.items()) + ".",
        "Bar: how many tokens the text to encode becomes. The hatched part is unknown: the model would see <unk> there. The full colour marks the tokenizer that you have chosen.",
    )  # fmt: skip


def compression(moments: Sequence[int], values: np.ndarray) -> Figure:
    """Bytes a token of the training text against merges, with the film's place."""
    line = {"type": "scatter", "mode": "lines", "name": "training text", "x": np.array(moments), "y": values, "line": {"color": BLUE, "width": 2.4}, "hovertemplate": "%{x} merges: %{y:.3f} bytes a token<extra></extra>"}  # fmt: skip
    mark = {"type": "scatter", "mode": "markers", "name": "the film's place", "x": [moments[-1]], "y": [values[-1]], "marker": {"color": ORANGE, "size": 12}, "hoverinfo": "skip"}  # fmt: skip
    return Figure(
        [line, mark],
        layout(showlegend=True, xaxis=axis("merges learned [1]"), yaxis=axis("compression [bytes a token]", rangemode="tozero")),
        f"Compression of the training text grows from {short(float(values[0]))} to {short(float(values[-1]))} bytes a token in {moments[-1]} merges.",
        "Line: how many bytes of the training text one token stands for. The first merges save most, for the most frequent pairs come first. The dot follows the film.",
        [Frame([{"x": [m], "y": [float(v)]}], [1]) for m, v in zip(moments, values, strict=True)],
    )  # fmt: skip


def film_steps(bpe: Any, moments: Sequence[int], ids: Sequence[Sequence[int]]) -> list[Step]:
    """What the transport bar says at each moment."""
    steps = []
    for m, tokens in zip(moments, ids, strict=True):
        if m == 0:
            steps.append(Step("No merge yet", f"Every byte is a token: {len(tokens)} tokens."))
            continue
        merge = bpe.merges[m - 1]
        left, right, made = (visible(w) for w in bpe.words([*merge.pair, merge.token]))
        steps.append(Step(f"Merge {m}", f"“{left}” + “{right}” become “{made}”, token {merge.token}: the pair stood {merge.count} times in the training text. The text to encode now has {len(tokens)} tokens."))  # fmt: skip
    return steps


def zipf(words: Sequence[str], found: np.ndarray) -> Figure:
    """How often each word stands in the training text, by rank."""
    rank = np.arange(1, len(found) + 1)
    data = [{"type": "scatter", "mode": "markers", "x": rank, "y": found, "text": list(words), "marker": {"color": BLUE, "size": 6}, "hovertemplate": "%{text}: %{y} times, rank %{x}<extra></extra>"}]  # fmt: skip
    once = int((found == 1).sum())
    return Figure(
        data,
        layout(
            xaxis=axis("rank of the word [1]", type="log"), yaxis=axis("times in the training text [1]", type="log")
        ),
        f"{len(found)} different words; the most frequent one, “{words[0] if words else ''}”, stands {int(found[0]) if len(found) else 0} times, and {once} words stand once.",
        "Each dot is a word, the most frequent one on the left; both axes are logarithmic. A straight falling line is Zipf's law: a few words are everywhere, most are rare, so a vocabulary never holds them all.",
    )


def unknown(sizes: Sequence[int], share: np.ndarray, at: int) -> Figure:
    """Share of unknown words in the text to encode, by size of the vocabulary."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": "words", "x": np.array(sizes), "y": 100 * share, "line": {"color": VERMILLION, "width": 2.2, "shape": "hv"}, "hovertemplate": "%{x} words known: %{y:.0f} % unknown<extra></extra>"},
        {"type": "scatter", "mode": "lines", "name": "byte-pair encoding", "x": np.array([sizes[0], sizes[-1]]), "y": np.zeros(2), "line": {"color": GREEN, "width": 2.2, "dash": "dash"}, "hovertemplate": "never unknown<extra></extra>"},
    ]  # fmt: skip
    return Figure(
        data,
        layout(
            showlegend=True, xaxis=axis("vocabulary of words [words]", type="log"), yaxis=axis("unknown words of the text to encode [%]", range=[-4, 104]),
            shapes=[upright_line(at, color=GREY, dash="dot")],
        ),
        f"With {sizes[-1]} words, all of the training text, {100 * share[-1]:.0f} % of the words to encode are unknown; with {sizes[0]} it is {100 * share[0]:.0f} %. Byte-pair encoding: 0 %.",
        "Solid: how many of the words to encode have no number, if only the most frequent words of the training text have one. Where the line stays above 0, no size helps: those words were never there. Dotted: the vocabulary that you have set. Dashed: bytes know every text.",
    )  # fmt: skip


def batch(ids: np.ndarray, words: Sequence[Sequence[str]], mask: np.ndarray) -> Figure:
    """Sentences as a padded rectangle of token numbers, and their mask."""
    data = [{
        "type": "heatmap", "z": mask, "text": ids.astype(str), "texttemplate": "%{text}", "customdata": [list(row) for row in words], "colorscale": [[0, "#e4e6ea"], [1, "#a9cdea"]],
        "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2, "textfont": {"color": INK, "size": 11}, "x": np.arange(1, mask.shape[1] + 1), "y": np.arange(1, len(mask) + 1),
        "colorbar": {"title": {"text": "mask m"}, "tickvals": [0, 1], "thickness": 12}, "hovertemplate": "sentence %{y}, place %{x}: token %{text}, %{customdata}; mask %{z}<extra></extra>",
    }]  # fmt: skip
    real = int(mask.sum())
    return Figure(
        data,
        layout(xaxis=axis("place t [1]", showgrid=False, dtick=1), yaxis=axis("sentence [1]", autorange="reversed", showgrid=False, dtick=1)),
        f"{len(mask)} sentences as a rectangle of {mask.shape[1]} places: {real} tokens and {mask.size - real} places of padding, {100 - 100 * real / mask.size:.0f} % of the rectangle.",
        "Each row is a sentence, each cell the number of a token, which is all that the reader is given; point at it to see its word. Blue: a word, mask 1. Grey: padding, token 0, mask 0. The mask is a second rectangle of the same shape; without it the reader takes the grey cells for words.",
    )  # fmt: skip


def damage(found: Mapping[str, tuple[np.ndarray, np.ndarray]], amounts: Sequence[int]) -> Figure:
    """Accuracy on test sentences against the padding added to each."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": way, "x": np.array(amounts), "y": 100 * accuracy, "line": {"color": colour, "dash": dash, "width": 2.4}, "hovertemplate": "%{x} padding tokens: %{y:.1f} %<extra>" + way + "</extra>"}
        for (way, (accuracy, _)), colour, dash in zip(found.items(), WAY_COLOURS, WAY_DASHES, strict=True)
    ]  # fmt: skip
    words = "; ".join(
        f"{way}: {100 * a[0]:.0f} % without padding, {100 * a[-1]:.0f} % with {amounts[-1]}"
        for way, (a, _) in found.items()
    )
    return Figure(
        data,
        layout(showlegend=True, legend={"orientation": "v", "y": -0.28, "yanchor": "top", "x": 0}, margin={"l": 56, "r": 16, "t": 12, "b": 48}, xaxis=axis("padding added to each sentence [tokens]"), yaxis=axis("test accuracy [%]", range=[0, 104])),
        f"Test accuracy against padding. {words}.",
        "Each line is one way to treat padding, on the same sentences; only the amount of padding changes from left to right. With the mask the line is flat, for padding is not read at all. 50 % is a guess.",
    )  # fmt: skip


def drift(found: Mapping[str, tuple[np.ndarray, np.ndarray]], amounts: Sequence[int]) -> Figure:
    """How far the answers move, against the padding."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": way, "x": np.array(amounts), "y": change, "line": {"color": colour, "dash": dash, "width": 2.4}, "hovertemplate": "%{x} padding tokens: %{y:.3f}<extra>" + way + "</extra>"}
        for (way, (_, change)), colour, dash in zip(found.items(), WAY_COLOURS, WAY_DASHES, strict=True)
    ]  # fmt: skip
    ends = "; ".join(f"{way}: {short(float(change[-1]))}" for way, (_, change) in found.items())
    return Figure(
        data,
        layout(showlegend=False, margin={"l": 56, "r": 16, "t": 12, "b": 48}, xaxis=axis("padding added to each sentence [tokens]"), yaxis=axis("mean change of the answer |Δp| [1]", rangemode="tozero")),
        f"Mean change of the answer's probability with {amounts[-1]} padding tokens. {ends}.",
        "The same readers and sentences: how far the probability of “positive” moves on average from what it is without padding. The right answers may survive a while when the probabilities already drift. Colours and dashes as in the other picture.",
    )  # fmt: skip


def projection(
    words: Sequence[str],
    film: Sequence[np.ndarray],
    share: float,
    asked: Mapping[str, Sequence[int]],
    pairs: Sequence[tuple[int, int]],
) -> Figure:
    """Words in the plane of greatest variance; `film` (moments of (k, 2)), `pairs` joined by lines, the `asked` ones marked."""
    points = film[-1]
    low, high = min(p.min() for p in film), max(p.max() for p in film)
    marked = {i: role for role, places in asked.items() for i in places}
    colours = [ORANGE if marked.get(i) == "analogy" else VERMILLION if marked.get(i) == "answer" else GREEN if marked.get(i) == "neighbours" else BLUE for i in range(len(words))]  # fmt: skip
    data = [_joined(points, pairs), _dots(points, words, colours)]
    frames = [Frame([_line(p, pairs, low, high), {"x": quantise(p[:, 0], low, high), "y": quantise(p[:, 1], low, high)}], [0, 1]) for p in film] if len(film) > 1 else []  # fmt: skip
    reach = [float(low - 0.08 * (high - low)), float(high + 0.08 * (high - low))]
    names = ", ".join(words[i] for i in marked)
    return Figure(
        data,
        layout(showlegend=False, margin={"l": 56, "r": 16, "t": 8, "b": 48}, xaxis=axis("first principal direction [1]", range=reach), yaxis=axis("second principal direction [1]", range=reach)),
        f"{'Film of ' + str(len(film)) + ' moments. ' if frames else ''}{len(words)} words in the plane of greatest variance, which holds {100 * share:.0f} % of it. Marked: {names}.",
        f"Each dot is a word's vector, of length 1, seen from the direction in which the words differ most. Orange: the three words of the analogy; red: its answer; green: the nearest neighbours asked for. Lines join words that stand in the asked relation. The plane holds {100 * share:.0f} % of the variance: what looks near here may be far apart in the other directions.",
        frames,
    )  # fmt: skip


def _dots(points: np.ndarray, words: Sequence[str], colours: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers+text", "x": points[:, 0], "y": points[:, 1], "text": list(words), "textposition": "top center", "textfont": {"size": 11},
        "marker": {"color": list(colours), "size": [11 if c != BLUE else 7 for c in colours]}, "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _line(points: np.ndarray, pairs: Sequence[tuple[int, int]], low: float, high: float) -> dict[str, Any]:
    """The ends of all lines with gaps between them."""
    ends = np.array([row for a, b in pairs for row in (points[a], points[b], [np.nan, np.nan])]).reshape(-1, 2)
    return {"x": quantise(ends[:, 0], low, high), "y": quantise(ends[:, 1], low, high)}


def _joined(points: np.ndarray, pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "line": {"color": GREY, "width": 1.4}, "hoverinfo": "skip", **_line(points, pairs, float(points.min()), float(points.max()))}  # fmt: skip


def vector_steps(film: Sequence[tuple[int, np.ndarray]]) -> list[Step]:
    """What the transport bar says at each moment of the training."""
    return [
        Step(f"Step {step}" if step else "Untrained", "The vectors are random." if step == 0 else "")
        for step, _ in film
    ]


def neighbours(word: str, names: Sequence[str], cosine: Sequence[float]) -> Figure:
    """The nearest words with their cosine."""
    data = [{"type": "bar", "orientation": "h", "y": list(names), "x": np.array(cosine), "text": [short(c) for c in cosine], "marker": {"color": GREEN}, "hovertemplate": "%{y}: cosine %{x:.4f}<extra></extra>"}]  # fmt: skip
    return Figure(
        data,
        layout(margin={"l": 96, "r": 16, "t": 8, "b": 48}, xaxis=axis(f"cosine with “{word}” [1]", range=[min(0.0, *cosine), 1.05]), yaxis=axis("word", type="category", autorange="reversed")),
        f"Nearest to “{word}”: " + ", ".join(f"{n} ({short(c)})" for n, c in zip(names, cosine, strict=True)) + ".",
        "Bar: the cosine of the angle between the two vectors, in all their dimensions. 1: the same direction; 0: nothing in common.",
    )  # fmt: skip


def grid(
    values: np.ndarray, x: Sequence[str], y: Sequence[str], words: tuple[str, str, str], alt: str, how: str
) -> Figure:
    """A table of magnitudes; `words` name the two axes and the colour."""
    data = [{"type": "heatmap", "z": values, "x": list(x), "y": list(y), "colorscale": MAGNITUDE, "zmin": 0.0, "zmax": max(1e-9, float(values.max())), "xgap": 1, "ygap": 1, "colorbar": {"title": {"text": words[2]}, "thickness": 12}, "hovertemplate": "%{y}<br>%{x}: %{z:.3f}<extra></extra>"}]  # fmt: skip
    return Figure(
        data,
        layout(margin={"l": 60, "r": 16, "t": 8, "b": 72}, xaxis=axis(words[0], type="category", showgrid=False), yaxis=axis(words[1], type="category", autorange="reversed", showgrid=False)),
        alt, how,
    )  # fmt: skip


def thumbnail(ids: Sequence[int], tokens: Sequence[str]) -> Figure:
    """The tokens of a sentence, for the card."""
    whole = strip(ids, tokens, "A sentence as tokens", False)
    bars = {**whole.data[0], "textfont": {"color": INK, "size": 8}}
    return Figure([bars], whole.layout, whole.alt, whole.how_to_read)
