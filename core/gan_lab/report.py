"""The game to take home: its pictures and sentences as a report, and what was measured at each frame as a table."""

from __future__ import annotations

from core.contracts import View
from core.gan_lab import figures as draw
from core.gan_lab.compute import run_of
from core.gan_lab.lenses import about, look
from core.gan_lab.spec import LENSES, GanSpec
from core.report import Section, section, settings, to_csv


def pictures(spec: GanSpec) -> dict[str, draw.Figure]:
    """The game, the sheet, the losses and the progress, with their film: what does not depend on the lens."""
    run = run_of(spec)
    return {
        "game": draw.game(run),
        "sheet": draw.sheets(run),
        "losses": draw.losses(run),
        "progress": draw.progress(run),
    }


def sections(spec: GanSpec) -> list[Section]:
    """The game, the closer look that is open, settings."""
    return [
        section("The game", View([about(spec)], figures=pictures(spec))),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: GanSpec) -> str:
    """CSV: a row for each frame of the film, with its round and all that was measured there."""
    run = run_of(spec)
    names = list(run.measures)
    rows = ((int(done), *(float(run.measures[name][k]) for name in names)) for k, done in enumerate(run.rounds))
    return to_csv(("round", *names), rows)
