"""The race to take home: what was set, who ended where, the pictures, and every curve as a table."""

from __future__ import annotations

from core.contracts import View
from core.network_race import figures as draw
from core.network_race.compute import at_once
from core.network_race.lenses import look
from core.network_race.spec import LENSES, METRICS, NetworkRaceSpec
from core.report import Section, section, settings, to_csv


def sections(spec: NetworkRaceSpec) -> list[Section]:
    """The closer look that is open, the curves, settings."""
    run = at_once(spec)
    curves = {"learning curves": draw.curves(run, spec.metric, spec.clock)}
    return [section(LENSES[spec.lens], look(run)), section("Curves", View((), figures=curves)), settings(spec)]


def table(spec: NetworkRaceSpec) -> str:
    """CSV: racer, step, examples, seconds, then the median over the seeds of every metric."""
    run = at_once(spec)
    return to_csv(
        ("racer", "step", "examples", "seconds", *METRICS),
        (
            (label, int(t), int(seen), *(float(run.middle(name)[i, k]) for name in ("seconds", *METRICS)))
            for i, label in enumerate(run.labels)
            for k, (t, seen) in enumerate(zip(run.arrays["step"], run.arrays["examples"], strict=True))
        ),
    )
