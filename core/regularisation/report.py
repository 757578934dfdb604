"""The comparison to take home: pictures, tables and settings as a report, and every net's numbers as a table."""

from __future__ import annotations

from core.contracts import Figure, View
from core.regularisation import figures as draw
from core.regularisation.compute import differences, run_of
from core.regularisation.lenses import look, names, summary
from core.regularisation.spec import LENSES, RegularisationSpec
from core.regularisation.training import METRICS, Run
from core.report import Section, section, settings, to_csv


def pictures(run: Run, spec: RegularisationSpec) -> dict[str, Figure]:
    """What stands at the top of the page."""
    metric, one = spec.metric, names(run)
    values = run.at_end(f"test_{metric}")
    apart = {name: values[v] - values[0] for v, name in enumerate(one) if v}
    return {
        "training": draw.curves(one, run.looks, run.curves[f"train_{metric}"], "training", metric),
        "validation": draw.curves(one, run.looks, run.curves[f"validation_{metric}"], "validation", metric),
        "differences": draw.forest(differences(run, f"test_{metric}"), apart, metric, "Net minus plain net"),
    }


def sections(spec: RegularisationSpec) -> list[Section]:
    """The comparison, the open lens, the settings."""
    run = run_of(spec)
    words, rows = summary(run, spec)
    return [
        section("Regularised nets beside a plain one", View([words], figures=pictures(run, spec), rows=rows)),
        section(LENSES[spec.lens], look(run, spec)),
        settings(spec),
    ]


def table(spec: RegularisationSpec) -> str:
    """CSV: one row for each net and seed."""
    run = run_of(spec)
    measures = (*METRICS, "test_loss", "test_accuracy")
    rows = (
        (one.name, run.plan.seed + k, int(run.stopped[v, k]), *(float(run.at_end(metric)[v, k]) for metric in measures))
        for v, one in enumerate(run.plan.variants)
        for k in range(run.plan.seeds)
    )
    return to_csv(["net", "seed", "stopped", *measures], rows)
