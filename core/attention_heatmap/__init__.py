"""Attention heatmap: transformers on tasks whose right alignment is known, so that attention gets a score and not only a picture.

>>> from core.attention_heatmap import TASKS, attention, trace
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.attention import TASKS, attention, trace
from core.attention.layout import in_place
from core.attention_heatmap import figures as draw
from core.attention_heatmap.code import script
from core.attention_heatmap.compute import Reading, numbers, read
from core.attention_heatmap.lenses import chosen, draw_word, look
from core.attention_heatmap.lenses import worked as worked_reading
from core.attention_heatmap.questions import questions
from core.attention_heatmap.spec import EXAMPLES, TOUR
from core.attention_heatmap.spec import AttentionHeatmapSpec as SPEC
from core.attention_heatmap.training import learning, train
from core.contracts import Figure, Step

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TASKS",
    "TOUR",
    "about",
    "attention",
    "draw",
    "figures",
    "heads_of",
    "learning",
    "look",
    "numbers",
    "picked",
    "pictures",
    "questions",
    "read",
    "rows_of",
    "script",
    "thumbnail",
    "trace",
    "train",
    "worked",
]


def pictures(found: Reading) -> dict[str, Figure]:
    """All heads, the selected head as map and as lines, and its selected row."""
    shares = found.graded.accuracy.numpy() if found.main else np.full(found.maps.weights.shape[1:3], np.nan)
    name = chosen(found)
    return {
        "thumbnails": draw.thumbnails(found.maps.weights[0].numpy(), found.layer, found.head, shares),
        "map": draw.heat(found.weights, found.rows, found.columns, found.truth, found.row, name),
        "lines": draw.lines(found.weights, found.rows, found.columns, found.row, name),
        "row": draw.bar(
            found.weights[found.row], found.columns, found.truth[found.row], found.rows[found.row], found.row
        ),
    }


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`; those of the training before its start."""
    found = read(spec)
    return {**pictures(found), **look(found).figures, **(learning(None, spec)[0] if spec.lens == "training" else {})}


def worked(spec: SPEC) -> Sequence[Step]:
    """The selected row in numbers."""
    return worked_reading(read(spec))


def about(found: Reading) -> str:
    """What is asked, what the transformer says, and how it is doing, in two sentences."""
    said = " ".join(draw_word(found.task.vocabulary[found.answers[q]]) for q in found.asked)
    forced = (
        ""
        if in_place(found.task, found.ship.course.kind)
        else " At each place it is given the right answers before it (teacher forcing)."
    )
    shape, heads = found.ship.course, found.graded.accuracy.shape
    size = f"{heads[0]} {'layer' if heads[0] == 1 else 'layers'} of {heads[1]} heads, width {shape.d}"
    fixed = found.task.shortest == found.task.longest
    length = "" if fixed else f" It was trained on {shape.length} tokens; another length is a test that it may fail."
    return f"**{found.task.help.removesuffix('?') + ('?' if '?' in found.task.help else '.')}** The transformer ({size}) answers {said}: **{found.right} of {len(found.asked)} right**.{forced}{length}"


def heads_of(found: Reading) -> tuple[list[str], str]:
    """The heads to choose from as "layer.head", and the selected one."""
    L, H = found.maps.weights.shape[1:3]
    return [f"{k + 1}.{j + 1}" for k in range(L) for j in range(H)], f"{found.layer + 1}.{found.head + 1}"


def rows_of(found: Reading) -> tuple[list[str], str]:
    """The rows to choose from as "position: token", and the selected one."""
    names = [f"{k}: {word}" for k, word in enumerate(found.rows)]
    return names, names[found.row]


def picked(found: Reading, thumbnail: tuple[int, ...] | None, cell: tuple[int, ...] | None) -> dict[str, Any]:
    """What a click on the thumbnails or on the map, at (row, column), chooses; on a drawn mask the map's cell changes sides."""
    if thumbnail is not None:
        layer, head = draw.thumbnail_at(*thumbnail, found.maps.weights.shape[1:])
        return {"place": f"{layer + 1}.{head + 1}"}
    if cell is None:
        return {}
    row = {"row": rows_of(found)[0][cell[0]]}
    if found.spec.mask != "drawn":
        return row
    cells = set(filter(None, found.spec.crossed.split(",")))
    return {**row, "crossed": ",".join(sorted(cells ^ {f"{cell[0]}-{cell[1]}"}))}


def thumbnail() -> Figure:
    """The map of the page's first visit, for the card on the home page."""
    return draw.thumbnail(read(SPEC()).weights)
