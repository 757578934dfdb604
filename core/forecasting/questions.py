"""Predict, then reveal: questions about the series on screen, answered by the models themselves."""

from __future__ import annotations

from core.contracts import Question
from core.forecasting.compute import Study, lead
from core.forecasting.spec import BASELINES, MODELS
from core.plots.words import short


def questions(run: Study) -> list[Question]:
    """At most four; one that the run does not decide is left out."""
    asked = [_count(run), _winner(run), _naive(run), _coverage(run)]
    return [question for question in asked if question is not None]


def _count(run: Study) -> Question:
    p = run.problem
    n, L, H, s = len(p.series.values), p.spec.window, p.spec.horizon, p.spec.stride
    return Question(
        f"count.{_run(run)}",
        f"{n} rows, a window of {L}, a horizon of {H}, a stride of {s}: how many windows fit?",
        float(len(p.starts)),
        f"⌊({n} − {L} − {H}) / {s}⌋ + 1 = {len(p.starts)}.",
    )


def _winner(run: Study) -> Question | None:
    scores = {name: found["mae"] for name, found in run.scores.items() if name in BASELINES}
    first, second, *_ = sorted(scores, key=lambda name: scores[name])
    if scores[first] == scores[second]:
        return None
    return Question(
        f"winner.{_run(run)}",
        "Which of the four that need no training in steps has the lowest test **MAE**?",
        MODELS[first],
        f"{short(scores[first])}; next is {MODELS[second]} with {short(scores[second])}.",
        tuple(MODELS[name] for name in scores),
    )


def _naive(run: Study) -> Question:
    found = lead(run, "linear")
    options = ("clearly better", "no clear difference", "clearly worse")
    return Question(
        f"naive.{_run(run)}",
        "Is linear autoregression better than the **naive** forecast, by more than chance?",
        options[1] if not found.clear else options[0 if found.lead > 0 else 2],
        f"Its mean absolute error is {short(abs(found.lead))} {'lower' if found.lead > 0 else 'higher'}; DM = {short(found.statistic)}, and beyond ±1.96 it counts as clear.",
        options,
    )


def _coverage(run: Study) -> Question:
    p, held = run.problem, 100 * run.scores["linear"]["coverage"]
    return Question(
        f"coverage.{_run(run)}",
        f"The interval of linear autoregression promises {p.spec.level:.0%}. What percentage of the test values does it hold? (5 either way count as right.)",
        round(held, 1),
        f"{held:.1f} % of {len(p.parts.test) * p.spec.horizon} values. The promise holds only if the test part errs like the validation part.",
        tolerance=5.0,
    )


def _run(run: Study) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return f"{hash(run.problem.spec) & 0xFFFFFF:x}"
