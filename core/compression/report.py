"""The page to take home: the front with its table, the open look and the settings as a report; all variants as CSV."""

from __future__ import annotations

from core.compression.lenses import about, look, rows_of, top
from core.compression.spec import LENSES, CompressionSpec
from core.compression.study import variants
from core.contracts import View
from core.report import Section, section, settings, to_csv


def sections(spec: CompressionSpec) -> list[Section]:
    """The front, the closer look that is open, settings."""
    front = View([about(spec)], figures={"accuracy and cost": top(spec)}, rows=rows_of(spec))
    return [section("Every variant of one net", front), section(LENSES[spec.lens], look(spec)), settings(spec)]


def table(spec: CompressionSpec) -> str:
    """CSV: one line for each variant."""
    names = ("name", "family", "right", "accuracy", "loss", "bytes", "macs", "memory")
    return to_csv(names, [[getattr(one, name) for name in names] for one in variants(spec)])  # fmt: skip
