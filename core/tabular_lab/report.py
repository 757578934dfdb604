"""The lab to take home: settings, pictures and sentences as a report, and the prepared rows as a table that the script reads."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings, to_csv
from core.tabular_lab import figures as draw
from core.tabular_lab.compute import study_of
from core.tabular_lab.datasets import resolved, sheet
from core.tabular_lab.lenses import about, look
from core.tabular_lab.spec import LENSES, TabularLabSpec


def sections(spec: TabularLabSpec) -> list[Section]:
    """The scores, the closer look that is open, settings."""
    run = study_of(resolved(spec)[0])
    top = {"scores": draw.scores(run, spec.metric), "training curves": draw.training(run)}
    return [
        section("Four models on one split", View([about(run)], figures=top)),
        section(LENSES[spec.lens], look(run)),
        settings(spec),
    ]


def table(spec: TabularLabSpec) -> str:
    """CSV: the columns before filling and standardising (a missing number is nan), then the target (a class by its number)."""
    found = sheet(resolved(spec)[0])
    return to_csv(
        (*found.columns, found.target), ((*map(float, x), y.item()) for x, y in zip(found.X, found.y, strict=True))
    )
