"""Forecasting: windows, three baselines and three nets on one series, and what their numbers are worth."""

from __future__ import annotations

from core.contracts import Figure
from core.forecasting import figures as draw
from core.forecasting.code import script
from core.forecasting.compute import Study
from core.forecasting.lenses import about, curves_of, look, rows, verdict, worked
from core.forecasting.nets import belongs, numbers, quick, study_of, trainer
from core.forecasting.questions import questions
from core.forecasting.report import sections, table
from core.forecasting.series import OWN, resolved, target_names
from core.forecasting.spec import EXAMPLES, GENERATED, TOUR
from core.forecasting.spec import ForecastingSpec as SPEC

__all__ = [
    "EXAMPLES",
    "GENERATED",
    "OWN",
    "SPEC",
    "TOUR",
    "Study",
    "about",
    "belongs",
    "curves_of",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "questions",
    "quick",
    "resolved",
    "rows",
    "script",
    "sections",
    "study_of",
    "table",
    "target_names",
    "thumbnail",
    "trainer",
    "verdict",
    "worked",
]


def pictures(run: Study, curves: dict[str, list[float]]) -> dict[str, Figure]:
    """Windows and forecasts with their film, scores, the nets' curves."""
    spec = run.problem.spec
    return {
        "windows": draw.windows(run.problem, spec.at),
        "forecast": draw.forecast(run, spec.model, spec.at),
        "scores": draw.scores(run, spec.metric),
        "training": draw.training(curves, spec.epochs),
    }


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`, before the nets are trained to the end."""
    spec, _ = resolved(spec)
    snapshot, curves = quick(spec)
    run = study_of(spec, snapshot)
    return {**pictures(run, curves), **look(run).figures}


def thumbnail() -> Figure:
    """The forecast of the page's first visit, for the card on the home page."""
    return draw.thumbnail(study_of(SPEC(), quick(SPEC())[0]))
