"""The race to take home: what was set, who won, the pictures with their film, and every step as a table."""

from __future__ import annotations

from core.contracts import Figure, View
from core.optimizer_race.compute import run_of
from core.optimizer_race.lenses import about_hill, leaderboard
from core.optimizer_race.spec import OptimizerRaceSpec
from core.report import Section, section, settings, to_csv

TITLES = {"map": "The map", "relief": "The surface in space", "values": "How far above the lowest value"}


def sections(spec: OptimizerRaceSpec, pictures: dict[str, Figure]) -> list[Section]:
    """Leaderboard, pictures, settings. `pictures` are those of the page."""
    run = run_of(spec)
    board = leaderboard(spec, run)
    heading = f"Leaderboard: {run.spec.hill.title}, {run.spec.steps} steps"
    return [
        section(heading, View([about_hill(run), *board.sentences], rows=board.rows)),
        section("Pictures", View((), figures={TITLES[name]: figure for name, figure in pictures.items()})),
        settings(spec),
    ]


def table(spec: OptimizerRaceSpec) -> str:
    """CSV: racer, step, x, y, f(x, y); a racer that left the race ends at its last good place."""
    run = run_of(spec)
    return to_csv(
        ("racer", "step", "x", "y", "value"),
        (
            (label, t, *run.result.paths[k, t].tolist(), float(run.result.values[k, t]))
            for k, label in enumerate(run.labels)
            for t in range(int(run.result.stopped[k]) + 1)
        ),
    )
