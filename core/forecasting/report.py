"""The lab to take home: verdict, pictures and the closer look as a report, and every test forecast as a table."""

from __future__ import annotations

from core.forecasting import figures as draw
from core.forecasting.lenses import about, look, rows, verdict
from core.forecasting.nets import quick, study_of
from core.forecasting.series import resolved
from core.forecasting.spec import LENSES, ForecastingSpec
from core.report import Section, settings, to_csv


def sections(spec: ForecastingSpec) -> list[Section]:
    """Scores, windows and forecasts, the lens that is open, settings."""
    run = study_of(resolved(spec)[0], quick(resolved(spec)[0])[0])
    seen = look(run)
    plain = [sentence.replace("**", "") for sentence in (about(run), verdict(run), *seen.sentences)]
    pictures = {"Windows": draw.windows(run.problem, spec.at), "Forecasts": draw.forecast(run, spec.model, spec.at)}
    return [
        Section("Forecasts", plain[:2], rows(run), pictures),
        Section(LENSES[spec.lens], plain[2:], seen.rows, {name.capitalize(): f for name, f in seen.figures.items()}),
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
