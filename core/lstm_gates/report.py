"""The inspector to take home: net, pictures, closer look and settings as a report, the sequence step by step as a table."""

from __future__ import annotations

from core.contracts import View
from core.lstm_gates import figures as draw
from core.lstm_gates.compute import scene
from core.lstm_gates.lenses import heading, look, summary, table_rows
from core.lstm_gates.spec import LstmGatesSpec
from core.report import Section, section, settings, to_csv


def sections(spec: LstmGatesSpec) -> list[Section]:
    """The gates, the open lens, the settings."""
    now = scene(spec)
    top = {"gates": draw.maps(now), "answers": draw.answers(now), "learning": draw.curves(now.learned)}
    return [
        section("One sequence from inside", View([summary(now)], figures=top)),
        section(heading(spec), look(now)),
        settings(spec),
    ]


def table(spec: LstmGatesSpec) -> str:
    """CSV: one row for each step."""
    rows = table_rows(scene(spec))
    return to_csv(list(rows[0]), (list(row.values()) for row in rows))
