"""The explainer to take home: pictures, tables and settings as a report, the gradients step by step as a table."""

from __future__ import annotations

from core.contracts import View
from core.memory_length import figures as draw
from core.memory_length.compute import at_first, ways
from core.memory_length.lenses import look, summary
from core.memory_length.spec import LENSES, MemoryLengthSpec
from core.report import Section, section, settings, to_csv


def sections(spec: MemoryLengthSpec) -> list[Section]:
    """The gradients, the open lens, the settings."""
    words, rows = summary(spec)
    top = {"gradients through time": draw.gradient(ways(at_first(spec)))}
    return [
        section("The way back", View([words], figures=top, rows=rows)),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: MemoryLengthSpec) -> str:
    """CSV: one row for each step."""
    found = ways(at_first(spec))
    names = ["step", *(f"|dL/dh| {kind}" for kind in found), "|dL/dc| lstm"]
    columns = [*(way.h for way in found.values()), found["lstm"].c]
    return to_csv(names, ((t + 1, *(float(column[t]) for column in columns)) for t in range(spec.length)))
