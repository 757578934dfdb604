"""The page to take home: its pictures and sentences as a report, and the encoding as a table."""

from __future__ import annotations

from core.contracts import View
from core.positions import compute
from core.positions.lenses import about, key_of, look
from core.positions.spec import LENSES, PositionsSpec
from core.positions.top import pictures
from core.report import Section, section, settings, to_csv


def sections(spec: PositionsSpec) -> list[Section]:
    """The encoding, the closer look that is open, settings."""
    return [
        section("The encoding", View([about(spec)], figures=pictures(spec))),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: PositionsSpec) -> str:
    """CSV: a row for each position (for ALiBi each distance), with its likeness to the query's position and its numbers."""
    found, likeness = compute.table(spec), compute.likeness(spec)
    query, _ = key_of(spec)
    names = ("position", f"likeness to position {query}", *(f"number {k}" for k in range(found.shape[1])))
    return to_csv(names, ((t, float(likeness[query, t]), *map(float, row)) for t, row in enumerate(found)))
