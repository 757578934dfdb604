"""The page to take home: programs, tables, pictures and settings as a report, the losses as a table."""

from __future__ import annotations

from core.contracts import View
from core.frameworks import figures as draw
from core.frameworks.lenses import architecture, look, parity
from core.frameworks.running import run_of
from core.frameworks.spec import EXECUTED, FORMS, LENSES, FrameworksSpec
from core.report import Section, section, settings, to_csv


def sections(spec: FrameworksSpec) -> list[Section]:
    """The net, the agreement of the programs, the open lens, the settings."""
    runs = {FORMS[form]: run_of(spec, form).losses for form in ("numpy", "torch")}
    return [
        section(
            "The net", View(["Layers with the shapes of their weights in both frameworks."], rows=architecture(spec))
        ),
        section("The programs agree", View([], figures={"losses": draw.losses(runs)}, rows=parity(spec))),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: FrameworksSpec) -> str:
    """CSV: the loss of every batch in each program that runs here."""
    runs = [run_of(spec, form).losses for form in EXECUTED]
    return to_csv(
        ["batch", *(FORMS[form] for form in EXECUTED)],
        ((k + 1, *(float(r[k]) for r in runs)) for k in range(len(runs[0]))),
    )
