"""The verdict above the pictures and the closer looks below them, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from core.contracts import Figure, Step, View
from core.forecasting import figures as draw
from core.forecasting.compute import (
    Study,
    core_of,
    fold_borders,
    folded,
    inside,
    lead,
    leaky,
    problem_of,
    study,
)
from core.forecasting.nets import quick, quick_epochs, run_quickly, study_of, trained
from core.forecasting.series import resolved
from core.forecasting.spec import CELLS, LEAKS, METRICS, MODELS, ForecastingSpec
from core.plots.words import short


def about(run: Study) -> str:
    """How the series was cut, and what its table needed."""
    p = run.problem
    counts = {name: len(rows) for name, rows in p.parts._asdict().items()}
    lost = len(p.starts) - sum(counts.values())
    seen = (
        "the series alone"
        if len(p.series.names) == 1
        else f"{len(p.series.names)} columns ({', '.join(p.series.names)})"
    )
    return (
        f"{len(p.series.values)} rows give {len(p.starts)} windows: {counts['train']} train, {counts['validation']} validate, {counts['test']} test; "
        f"{lost} whose targets cross a border are left out. The models see {seen}. The seasonal naive repeats what was {p.series.season} rows ago. {' '.join(p.series.notes)}"
    ).strip()


def verdict(run: Study) -> str:
    """Who is best on the test part, whether the nets beat the naive forecast, and after how much training."""
    p, found = run.problem, run.scores
    order = sorted(found, key=lambda name: found[name]["mae"])
    best, after = order[0], f"{run.epochs} epoch{'s' * (run.epochs != 1)}"
    parts = [
        f"**{MODELS[best]}** has the lowest test MAE, {short(found[best]['mae'])}; the naive forecast has {short(found['naive']['mae'])}."
    ]
    for cell in (c for c in CELLS if c in found):
        over = lead(run, cell)
        word = "beats" if over.lead > 0 else "is behind"
        sure = (
            f"clear, DM {short(over.statistic)}"
            if over.clear
            else f"within what chance does, DM {short(over.statistic)}"
        )
        parts.append(f"After {after} the {MODELS[cell]} {word} naive by {short(abs(over.lead))} ({sure}).")
    if p.spec.data in ("weekly", "monthly"):
        winners = [
            MODELS[name] for name in found if name != "naive" and lead(run, name).clear and lead(run, name).lead > 0
        ]
        parts.append(
            f"**On these prices {', '.join(winners)} did better than the last price,** in one stretch of one stock; a rising stock rewards every model that learned to say “up”. This is no trading rule."
            if winners
            else "**On these prices no model clearly beats the last price.** A chart in which forecast and truth lie close together shows only that tomorrow is like today."
        )  # fmt: skip
    if p.spec.leak != "none":
        parts.append(f"**The leak “{LEAKS[p.spec.leak].lower()}” is on: these scores are not honest.**")
    return " ".join(parts)


def rows(run: Study) -> list[dict[str, Any]]:
    """Every model with all measures."""
    found = run.scores
    return [
        {
            "model": title,
            **{METRICS[m]: short(found[name][m]) if math.isfinite(found[name][m]) else "not defined" for m in METRICS},
            "coverage": f"{found[name]['coverage']:.1%}",
            "width of the interval": short(found[name]["width"]),
            "DM against naive": "" if name == "naive" else draw.lead_words(lead(run, name)),
        }
        for name, title in MODELS.items()
        if name in found
    ]


def look(run: Study) -> View:
    """The view through the lens that the Spec names."""
    return LENS[run.problem.spec.lens](run)


def by_step(run: Study) -> dict[str, np.ndarray]:
    """Model -> mean absolute error on the test part at every step ahead."""
    test, truth = run.problem.parts.test, run.problem.truth
    return {MODELS[name]: np.abs(truth[test] - f[test]).mean(axis=0) for name, f in run.forecasts.items()}


def steps(run: Study) -> View:
    """The error by the step ahead."""
    p = run.problem
    picture = draw.lines(
        by_step(run), p, f"mean |error|  [{p.series.unit}]", "Mean absolute error by step ahead",
        "Left: the next step; right: the last one of the horizon. Where the lines meet, the models know the same.",
    )  # fmt: skip
    return View(["The further ahead, the less is known: most errors grow with the step. DM compares a model's errors with the naive ones, window by window; beyond ±1.96 it is called clear."], figures={"steps": picture}, rows=rows(run))  # fmt: skip


def one_net(spec: ForecastingSpec) -> ForecastingSpec:
    """The same with one net, for looks that have to train it several times."""
    return replace(core_of(spec), cells="gru" if spec.cells == "all" else spec.cells)


def strategies(spec: ForecastingSpec) -> dict[str, Study]:
    """The same windows, direct and recursive, each after the epochs that are computed at once."""
    return {name: _briefly(replace(one_net(spec), strategy=name)) for name in ("direct", "recursive")}


@lru_cache(maxsize=32)
def _briefly(spec: ForecastingSpec) -> Study:
    return study_of(spec, quick(spec)[0])


def strategy(run: Study) -> View:
    """Recursive against direct."""
    found = strategies(run.problem.spec)
    learned = [name for name in next(iter(found.values())).forecasts if name not in ("naive", "seasonal")]
    curves = {f"{MODELS[name]}, {kind}": by_step(one)[MODELS[name]] for name in learned for kind, one in found.items()}
    p = run.problem
    picture = draw.lines(
        curves, p, f"mean |error|  [{p.series.unit}]", "Mean absolute error by step ahead, direct and recursive",
        "Solid: all steps at once. Dotted: one step, fed back. A dotted line that leaves its solid one shows errors that add up.",
    )  # fmt: skip
    table = [{"model": name, "step 1": short(float(v[0])), f"step {len(v)}": short(float(v[-1])), "mean": short(float(v.mean()))} for name, v in curves.items()]  # fmt: skip
    epochs = " and ".join(f"{one.epochs} epochs ({kind})" for kind, one in found.items())
    return View(
        [
            f"Direct learns {p.spec.horizon} answers; recursive learns one step and lives on its own forecasts, for all columns that it sees. The net stands after {epochs}, so compare its two lines with care."
        ],
        figures={"strategy": picture},
        rows=table,
    )


def intervals(run: Study) -> View:
    """Promised and measured coverage."""
    p, test = run.problem, run.problem.parts.test
    held = {MODELS[n]: inside(p.truth[test], run.low[n][test], run.high[n][test]).mean(axis=0) for n in run.forecasts}
    width = {MODELS[n]: (run.high[n][test] - run.low[n][test]).mean(axis=0) for n in run.forecasts}
    figures = {
        "coverage": draw.lines(held, p, "coverage  [share]", "Share of test values inside the interval", "The dashed line is the promise. Below it the interval is too narrow, above it too wide: the test part is not like the validation part.", p.spec.level),
        "width": draw.lines(width, p, f"mean width  [{p.series.unit}]", "Mean width of the interval", "Narrow is good only where the promise is kept."),
    }  # fmt: skip
    return View(
        [
            f"The band is forecast plus the middle {p.spec.level:.0%} of the errors on {len(p.parts.validation)} validation windows, step by step. Nothing is assumed about their shape, but that the test part errs like the validation part."
        ],
        params=["level"],
        figures=figures,
        rows=rows(run),
    )


@lru_cache(maxsize=8)
def _folds(spec: ForecastingSpec) -> tuple[tuple[tuple[int, int], Study], ...]:
    p = problem_of(spec)
    out = []
    for block in fold_borders(p):
        fold = folded(p, block)
        epochs = quick_epochs(fold)
        out.append((block, study(fold, trained(run_quickly(fold, epochs)[0].arrays, fold), epochs)))
    return tuple(out)


def folds(run: Study) -> View:
    """Walk-forward: every fold learns from its past and is tested on its future."""
    found = _folds(one_net(run.problem.spec))
    p = run.problem
    values = {f"fold {k + 1}": {MODELS[n]: s["mae"] for n, s in one.scores.items()} for k, (_, one) in enumerate(found)}
    figures: dict[str, Figure] = {
        "plan": draw.fold_plan(p, [block for block, _ in found]),
        "folds": draw.groups(values, "fold", f"test {draw.metric_unit(p, 'mae')}", "Test MAE in each fold of the walk forward", "One group a fold, in time order. An order of the models that changes from fold to fold is luck."),
    }  # fmt: skip
    wins = {
        t: sum(g[t] < g[MODELS["naive"]] for g in values.values()) for t in values["fold 1"] if t != MODELS["naive"]
    }
    table = [{"model": title, "mean MAE": short(float(np.mean([g[title] for g in values.values()]))), "folds ahead of naive": "" if title not in wins else f"{wins[title]} of {len(values)}"} for title in values["fold 1"]]  # fmt: skip
    words = ", ".join(f"{title} in {count}" for title, count in wins.items())
    return View(
        [
            f"One split is one draw of luck. Here {len(found)} folds move forward through the last 40 % of the rows; each model is made anew from what lies before. Ahead of naive, of {len(found)}: {words}. "
            f"The net trains {', '.join(str(one.epochs) for _, one in found)} epochs."
        ],
        figures=figures,
        rows=table,
    )


def relative(run: Study) -> dict[str, float]:
    """The test MAE of every model that learns, in units of the naive one on the same windows."""
    scores = run.scores
    return {MODELS[n]: s["mae"] / scores["naive"]["mae"] for n, s in scores.items() if n not in ("naive", "seasonal")}


def leak(run: Study) -> View:
    """What each leak seems to gain."""
    spec = one_net(run.problem.spec)
    found = {name: _briefly(other) for name, other in leaky(spec).items()}
    values = {name: relative(one) for name, one in found.items()}
    sentences = [
        f"**{LEAKS[name]}**, test MAE in units of the naive one: "
        + ", ".join(f"{t} {short(v)} (honestly {short(values['none'][t])})" for t, v in values[name].items())
        + "."
        for name in ("scaling", "shuffled")
    ]  # fmt: skip
    sentences.append(
        "Scaling changes nothing for the linear model, whatever constant and factor it gets; a net whose inputs leave the range that it knows may gain. Shuffled windows share rows with their neighbours: answers of the test part "
        "stand in training windows, and a model that remembers finds them. None of these gains would be seen tomorrow."
    )
    table = [{"leak": LEAKS[name], **{t: short(v) for t, v in group.items()}} for name, group in values.items()]
    epochs = ", ".join(str(one.epochs) for one in found.values())
    sentences.append(f"The net stands after {epochs} epochs.")
    return View(sentences, params=["leak"], figures={"leak": draw.leaks_figure(values)}, rows=table)


LENS = {"steps": steps, "strategy": strategy, "intervals": intervals, "folds": folds, "leak": leak}


def worked(spec: ForecastingSpec) -> list[Step]:
    """The formulas with the numbers of the naive forecast on the window shown."""
    spec, _ = resolved(spec)
    run = study_of(spec, quick(spec)[0])
    p, scores = run.problem, run.scores
    w = draw.shown(p, spec.at)
    y, f = float(p.truth[w, 0]), float(run.forecasts["linear"][w, 0])
    mae, mase = scores["linear"]["mae"], scores["linear"]["mase"]
    lines = [
        rf"e_{{1}} = y_1 - \hat y_1 = {short(y)} - {short(f)} = {short(y - f)}",
        rf"\mathrm{{MAE}} = \tfrac{{1}}{{{len(p.parts.test)}\cdot {spec.horizon}}} \sum |e| = {short(mae)}",
    ]
    if mase and math.isfinite(mase):
        lines.append(rf"\mathrm{{MASE}} = \frac{{{short(mae)}}}{{{short(mae / mase)}}} = {short(mase)}")
    return [Step(f"Linear autoregression, window {w + 1}, first step", latex=lines)]


def curves_of(metrics: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """The losses among a job's metrics."""
    return {name: list(values) for name, values in metrics.items() if name.split()[0] in CELLS}
