"""The closer looks below the scores, as data; and what the numbers say about the page's question."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from core.contracts import Step, View
from core.plots.words import short
from core.tabular_lab import figures as draw
from core.tabular_lab.compute import (
    Learning,
    Study,
    importances,
    leaks,
    learning,
    study_of,
)
from core.tabular_lab.datasets import resolved
from core.tabular_lab.spec import LEAKS, MODELS, TabularLabSpec

TITLES = tuple(MODELS.values())


class Verdict(NamedTuple):
    """The best model by the mean at one size, its lead over another in each draw, and whether the lead exceeds the draws' spread."""

    best: int
    other: int
    lead: float
    spread: float
    wins: int
    clear: bool


def compared(values: np.ndarray, best: int, other: int) -> Verdict:
    """Model `best` against `other` from `values` (draws, models): mean lead, and its deviation over the draws (n − 1).

    The lead is called clear if it exceeds its deviation and three draws at least were made.
    """
    leads = values[:, best] - values[:, other]
    spread = float(np.std(leads, ddof=1)) if len(leads) > 1 else float("nan")
    lead = float(leads.mean())
    return Verdict(best, other, lead, spread, int((leads > 0).sum()), len(leads) > 2 and lead > spread)


def verdict(values: np.ndarray) -> Verdict:
    """The best model at one size against the next."""
    order = np.argsort(-values.mean(axis=0), kind="stable")
    return compared(values, int(order[0]), int(order[1]))


def deep_against(values: np.ndarray) -> Verdict:
    """The deep net against the best of the other three."""
    deep = len(TITLES) - 1
    others = values[:, :deep].mean(axis=0)
    return compared(values, deep, int(others.argmax()))


def complete(found: Learning) -> np.ndarray:
    """Scores (sizes, draws, models) of the draws that are finished."""
    return found.values[..., 0][:, ~np.isnan(found.values).any(axis=(0, 2, 3))]


def size(run: Study, found: Learning) -> View:
    """Learning curves, and an answer to the page's question."""
    values = complete(found)
    figures = {"learning": draw.learning(run, found, run.spec.metric)}
    if not values.shape[1]:
        return View(["The answer follows when the first draw has been measured at every size."], figures=figures)
    return View([answer(run, found.sizes, values)], figures=figures, rows=_size_rows(run, found.sizes, values))


def answer(run: Study, sizes: np.ndarray, values: np.ndarray) -> str:
    """What the learning curves say, from their numbers alone."""
    draws, n = values.shape[1], f"{int(sizes[-1]):,}"
    top, deep = verdict(values[-1]), deep_against(values[-1])
    middle = values[-1].mean(axis=0)
    best, other = TITLES[top.best].lower(), TITLES[top.other].lower()
    first = (
        f"With {n} rows **{best}** has the highest mean {run.score_name}, {short(float(middle[top.best]))}; next is {other} with {short(float(middle[top.other]))}."
        if middle[top.best] > middle[top.other]
        else f"With {n} rows **{best}** and **{other}** share the highest mean {run.score_name}, {short(float(middle[top.best]))}."
    )
    if draws < 3:
        return f"{first} This is {'one draw' if draws == 1 else 'two draws'} of the rows: too few to tell skill from luck. Measure three draws or more."
    rival = TITLES[deep.other].lower()
    by = f"by {short(abs(deep.lead))} on average, with a deviation of {short(deep.spread)} from draw to draw; it is ahead in {deep.wins} of {draws} draws."
    if deep.clear:
        end = f"**Yes, here a deep net pays:** it beats {rival} {by}"
    elif deep.lead < -deep.spread:
        end = f"**No, not here:** the deep net is behind {rival} {by}"
    else:
        end = (
            f"**These draws do not show that it pays:** the deep net and {rival} differ by {short(abs(deep.lead))} on average, "
            f"no more than the deviation of {short(deep.spread)} from draw to draw. Then take the model that is simpler to train and to explain."
        )
    growing = float(values[-1, :, -1].mean() - values[-2, :, -1].mean()) if len(values) > 1 else 0.0
    trend = (
        f" The last step in rows still brought the deep net {short(growing)}: more rows may help it further."
        if growing > np.std(values[-1, :, -1], ddof=1)
        else ""
    )
    return f"{first} {end}{trend}"


def _size_rows(run: Study, sizes: np.ndarray, values: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for n, at in zip(sizes, values, strict=True):
        top = verdict(at)
        rows.append(
            {
                "rows": f"{int(n):,}",
                **{title: short(float(m)) for title, m in zip(TITLES, at.mean(axis=0), strict=True)},
                "best": TITLES[top.best],
                "lead over the next": short(top.lead),
                "deviation of the lead": "" if np.isnan(top.spread) else short(top.spread),
                "clear?": "one draw" if np.isnan(top.spread) else "yes" if top.clear else "no",
            }
        )
    return rows


def errors(run: Study) -> View:
    """Residuals of a regression, confusion matrix of a classification."""
    model = run.spec.model
    rows = []
    for name, title in MODELS.items():
        line: dict[str, Any] = {"model": title}
        for part in ("training", "test"):
            score, loss = run.scores[part][name]
            line |= {f"{part} {run.score_name}": short(score), f"{part} {run.loss_name}": short(loss)}
        rows.append(line)
    score, loss = run.scores["test"][model]
    n = len(run.data.y_test)
    if run.sheet.classes:
        wrong = n - int(np.trace(draw.run_counts(run, model)))
        words = [
            f"**{MODELS[model]}** errs on {wrong} of {n} test rows (accuracy {short(score)}). One row more or less is worth {short(1 / n)}: smaller differences between models mean nothing here. "
            f"The log loss {short(loss)} also counts how sure it was."
        ]
        return View(words, params=["model"], figures={"confusion": draw.confusion(run, model)}, rows=rows)
    base = float(run.data.y_test.std())
    words = [
        f"**{MODELS[model]}** is off by {short(loss)} {run.sheet.unit} (RMSE) on {n} test rows; always saying the test part's mean would be off by {short(base)}. "
        f"R² = 1 − ({short(loss)} / {short(base)})² = {short(score)}."
    ]
    return View(
        words,
        params=["model"],
        figures={"predicted": draw.predicted(run, model), "residuals": draw.residuals(run, model)},
        rows=rows,
    )


def importance(run: Study) -> View:
    """Which columns the models depend on."""
    falls = importances(run.spec)
    means = {model: fall.mean(axis=1) for model, fall in falls.items()}
    order = np.argsort(-np.mean(list(means.values()), axis=0), kind="stable")
    rows = [
        {"column": run.data.columns[j], **{MODELS[m]: f"{short(float(means[m][j]))} ± {short(float(falls[m][j].std()))}" for m in MODELS}}
        for j in order
    ]  # fmt: skip
    words = [
        f"Each column of the test part is shuffled {next(iter(falls.values())).shape[1]} times, the same way for every model, and nothing is trained anew. "
        "This says what a *model* depends on, not what causes the outcome; a model with a poor score has nothing to say about the world."
    ]
    return View(words, figures={"importance": draw.importance(run, falls)}, rows=rows)


def leak(run: Study) -> View:
    """What two mistakes in the preparation do to the score."""
    found = leaks(run.spec)
    honest = found["none"].scores["test"]
    rows = [
        {
            "leak": LEAKS[name],
            **{title: short(one.scores["test"][m][0]) for m, title in MODELS.items()},
            "gain of the best": short(max(v[0] for v in one.scores["test"].values()) - max(v[0] for v in honest.values())),
        }
        for name, one in found.items()
    ]  # fmt: skip
    change = {
        name: max(abs(one.scores["test"][m][0] - honest[m][0]) for m in MODELS) for name, one in found.items() if name != "none"
    }  # fmt: skip
    words = [
        f"**Scaled on all rows:** median, mean and deviation were taken with the test rows in. Here that moves no model's {run.score_name} by more than {short(change['scaling'])}: two numbers for each column say little about one test row. It is a mistake all the same; with few rows, or with a choice of columns in place of a scale, the same mistake costs more.",
        f"**Target in a column:** one more column holds the outcome with noise of half its deviation, as a field filled in afterwards would. That moves the {run.score_name} by up to {short(change['target'])}. Nothing in the test score gives it away; only asking *when* each column was known does.",
    ]
    return View(words, figures={"leak": draw.leak(found)}, rows=rows)


def look(run: Study, found: Learning | None = None) -> View:
    """The view through the lens that the Spec names; the learning curves are measured here if they are not given."""
    if run.spec.lens == "size":
        return size(run, learning(run.spec) if found is None else found)
    return {"errors": errors, "importance": importance, "leak": leak}[run.spec.lens](run)


def about(run: Study) -> str:
    """One paragraph about the rows."""
    kind = f"one of {len(run.sheet.classes)} classes" if run.sheet.classes else "a number"
    words = f"**{run.sheet.title}:** predict {run.sheet.target} ({kind}) from {len(run.data.columns)} columns; {len(run.data.y)} rows train, {len(run.data.y_test)} test."
    leaked = (
        ""
        if run.spec.leak == "none"
        else f" **A leak is switched on: {LEAKS[run.spec.leak].lower()}.** No score here can be trusted."
    )
    return " ".join([words, *run.sheet.notes]) + leaked


def worked(spec: TabularLabSpec) -> list[Step]:
    """R² and RMSE, or accuracy and log loss, of every model with the numbers on screen."""
    spec, _ = resolved(spec)
    run = study_of(spec)
    n, steps = len(run.data.y_test), []
    for model, title in MODELS.items():
        score, loss = run.scores["test"][model]
        if run.sheet.classes:
            right = round(score * n)
            latex = rf"\text{{accuracy}} = \frac{{{right}}}{{{n}}} = {score:.4f}, \qquad e^{{-\text{{log loss}}}} = e^{{-{loss:.4f}}} = {np.exp(-loss):.4f}"
        else:
            total = float(np.sum((run.data.y_test - run.data.y_test.mean()) ** 2))
            latex = rf"R^2 = 1 - \frac{{{loss**2 * n:.6g}}}{{{total:.6g}}} = {score:.4f}, \qquad \text{{RMSE}} = \sqrt{{{loss**2 * n:.6g} / {n}}} = {loss:.4g}"
        steps.append(Step(title, latex=[latex]))
    return steps
