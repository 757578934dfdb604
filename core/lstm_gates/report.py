"""The inspector to take home: net, pictures, closer look and settings as a report, the sequence step by step as a table."""

from __future__ import annotations

from core.lstm_gates import figures as draw
from core.lstm_gates.compute import scene
from core.lstm_gates.lenses import heading, look, summary, table_rows
from core.lstm_gates.spec import LstmGatesSpec
from core.report import Section, settings, to_csv


def sections(spec: LstmGatesSpec) -> list[Section]:
    """The gates, the open lens, the settings."""
    now = scene(spec)
    seen = look(now)
    plain = [sentence.replace("**", "") for sentence in (summary(now), *seen.sentences)]
    top = {"Gates": draw.maps(now), "Answers": draw.answers(now), "Learning": draw.curves(now.learned)}
    return [
        Section("One sequence from inside", plain[:1], (), top),
        Section(heading(spec), plain[1:], seen.rows, {name.capitalize(): f for name, f in seen.figures.items()}),
        settings(spec),
    ]


def table(spec: LstmGatesSpec) -> str:
    """CSV: one row for each step."""
    rows = table_rows(scene(spec))
    return to_csv(list(rows[0]), (list(row.values()) for row in rows))
