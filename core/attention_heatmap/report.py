"""The page to take home: its pictures and sentences as a report, and the selected head's map as a table."""

from __future__ import annotations

from core.attention_heatmap.compute import anatomy, read
from core.attention_heatmap.lenses import chosen, look
from core.attention_heatmap.spec import LENSES, AttentionHeatmapSpec
from core.attention_heatmap.top import about, pictures
from core.contracts import View
from core.report import Section, section, settings, to_csv


def sections(spec: AttentionHeatmapSpec) -> list[Section]:
    """The maps, the closer look that is open, settings."""
    found = read(spec)
    return [
        section(chosen(found).capitalize(), View([about(found)], figures=pictures(found))),
        section(LENSES[spec.lens], look(found)),
        settings(spec),
    ]


def table(spec: AttentionHeatmapSpec) -> str:
    """CSV: a row for each pair of tokens of the selected head: score (empty where masked), weight, and whether the answer stands there."""
    found = read(spec)
    parts = anatomy(found)
    names = ("query", "query token", "key", "key token", "score", "weight", "holds the answer")
    pairs = ((i, j) for i in range(len(found.rows)) for j in range(len(found.columns)))
    rows, columns = found.rows, found.columns
    return to_csv(
        names,
        (
            (
                i,
                rows[i],
                j,
                columns[j],
                "" if s == float("-inf") else s,
                float(parts.weights[i, j]),
                int(found.truth[i, j]),
            )
            for i, j in pairs
            for s in (float(parts.scores[i, j]),)
        ),
    )
