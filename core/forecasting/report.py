"""The lab to take home: verdict, pictures and the closer look as a report, and every test forecast as a table."""

from __future__ import annotations

from core.contracts import View
from core.forecasting import figures as draw
from core.forecasting.lenses import about, look, rows, verdict
from core.forecasting.nets import quick, study_of
from core.forecasting.series import resolved
from core.forecasting.spec import LENSES, ForecastingSpec
from core.report import Section, section, settings, to_csv


def sections(spec: ForecastingSpec) -> list[Section]:
    """Scores, windows and forecasts, the lens that is open, settings."""
    run = study_of(resolved(spec)[0], quick(resolved(spec)[0])[0])
    pictures = {"windows": draw.windows(run.problem, spec.at), "forecasts": draw.forecast(run, spec.model, spec.at)}
    return [
        section("Forecasts", View([about(run), verdict(run)], figures=pictures, rows=rows(run))),
        section(LENSES[spec.lens], look(run)),
        settings(spec),
    ]


def table(spec: ForecastingSpec) -> str:
    """CSV: window, row, step ahead, truth, and each model's forecast, for the windows of the test part."""
    run = study_of(resolved(spec)[0], quick(resolved(spec)[0])[0])
    p = run.problem
    return to_csv(
        ("window", "row", "step", "truth", *run.forecasts),
        (
            (int(w) + 1, int(p.starts[w]) + p.spec.window + h + 1, h + 1, float(p.truth[w, h]), *(float(f[w, h]) for f in run.forecasts.values()))
            for w in p.parts.test
            for h in range(p.spec.horizon)
        ),
    )  # fmt: skip
