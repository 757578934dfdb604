"""The race to take home: what was set, the pictures, who ended where, and every curve as a table."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings, to_csv
from core.schedules import figures as draw
from core.schedules.compute import run_of
from core.schedules.lenses import look, results
from core.schedules.spec import LENSES, METRICS, SchedulesSpec


def sections(spec: SchedulesSpec) -> list[Section]:
    """The picture, the results, the closer look, settings."""
    picture = {"rates, loss and gradient": draw.main(run_of(spec))}
    closer = [] if spec.lens == "table" else [section(LENSES[spec.lens], look(spec))]
    return [section("Schedules", View((), figures=picture)), section("Results", results(spec)), *closer, settings(spec)]


def table(spec: SchedulesSpec) -> str:
    """CSV: schedule, step, rate of the step to come, then the median over the seeds of every metric."""
    run = run_of(spec)
    names = (*METRICS, "gradient_norm")
    return to_csv(
        ("schedule", "step", "rate", *names),
        (
            (label, int(t), float(run.rates[i, min(t, run.rules.steps - 1)]), *(float(run.metrics[name][i, 1, k]) for name in names))
            for i, label in enumerate(run.labels)
            for k, t in enumerate(run.t)
        ),
    )  # fmt: skip
