"""Attention heatmap: transformers on tasks whose right alignment is known, so that attention gets a score and not only a picture.

>>> from core.attention_heatmap import TASKS, attention, trace
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.attention import TASKS, attention, trace
from core.attention_heatmap import figures as draw
from core.attention_heatmap.code import script
from core.attention_heatmap.compute import Reading, numbers, read
from core.attention_heatmap.lenses import look
from core.attention_heatmap.lenses import worked as worked_reading
from core.attention_heatmap.questions import questions
from core.attention_heatmap.report import sections, table
from core.attention_heatmap.spec import EXAMPLES, TOUR
from core.attention_heatmap.spec import AttentionHeatmapSpec as SPEC
from core.attention_heatmap.subjects import listed, resolved
from core.attention_heatmap.top import about, pictures
from core.attention_heatmap.training import adopted, learning, train
from core.contracts import Figure, Step

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TASKS",
    "TOUR",
    "about",
    "adopted",
    "attention",
    "draw",
    "figures",
    "heads_of",
    "learning",
    "look",
    "numbers",
    "offered",
    "picked",
    "pictures",
    "questions",
    "read",
    "resolved",
    "rows_of",
    "script",
    "sections",
    "table",
    "thumbnail",
    "trace",
    "train",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`; those of the training before its start."""
    found = read(spec)
    return {**pictures(found), **look(found).figures, **(learning(None, spec)[0] if spec.lens == "training" else {})}


def worked(spec: SPEC) -> Sequence[Step]:
    """The selected row in numbers."""
    return worked_reading(read(spec))


def offered(spec: SPEC) -> dict[str, tuple[Sequence[str], str]]:
    """The language models of the folder to choose from, and the one on screen."""
    names = list(listed())
    return {"folder": (names, spec.folder if spec.folder in names else names[0])} if names else {}


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
    n = len(found.rows)
    row = {"row": rows_of(found)[0][min(n - 1, int((cell[0] + 0.5) * n / min(n, draw.MOST)))]}
    if found.spec.mask != "drawn":
        return row
    cells = set(filter(None, found.spec.crossed.split(",")))
    return {**row, "crossed": ",".join(sorted(cells ^ {f"{cell[0]}-{cell[1]}"}))}


def thumbnail() -> Figure:
    """The map of the page's first visit, for the card on the home page."""
    return draw.thumbnail(read(SPEC()).weights)
