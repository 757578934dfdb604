"""The explainer to take home: diagram, open lens and settings as a report, the layers as a table."""

from __future__ import annotations

from core.architectures import figures as draw
from core.architectures.compute import chosen, drawing, plan
from core.architectures.lenses import about, look
from core.architectures.spec import LENSES, ArchitecturesSpec
from core.architectures.words import spoken
from core.contracts import View
from core.report import Section, section, settings, to_csv


def sections(spec: ArchitecturesSpec) -> list[Section]:
    """The diagram, the open lens, the settings."""
    found = plan(spec)
    picture = draw.blocks(drawing(spec), found.count, spec.shade, chosen(spec), found.title)
    top = View([about(spec)], figures={"block diagram": picture})
    return [section("The network", top), section(LENSES[spec.lens], look(spec)), settings(spec)]


def table(spec: ArchitecturesSpec) -> str:
    """CSV: one row for each layer."""
    names = ["layer", "operation", "in", "out", "parameters", "multiply-adds", "values given out", "receptive field", "jump"]  # fmt: skip
    rows = plan(spec).count.rows
    shapes = [("x".join(map(str, row.came)), "x".join(map(str, row.went))) for row in rows]
    return to_csv(names, ((spoken(r.path), r.label, *s, r.parameters, r.macs, r.values, r.field.size, r.field.jump) for r, s in zip(rows, shapes, strict=True)))  # fmt: skip
