"""The closer looks below the picture, as data, and the formulas with the numbers on screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.contracts import Step, View
from core.plots.words import short
from core.schedules import figures as draw
from core.schedules.compute import (
    HIGHEST,
    LOWEST,
    TESTED,
    TESTS,
    Run,
    clippings,
    epochs,
    patience,
    range_test,
    rules_of,
    run_of,
    sharp,
)
from core.schedules.spec import CLIPS, METRICS, TITLES, SchedulesSpec, chosen
from core.training.schedules import SCHEDULES


def look(spec: SchedulesSpec) -> View:
    """The open lens."""
    return LENS[spec.lens](spec)


def results(spec: SchedulesSpec) -> View:
    """Every schedule's numbers at the end."""
    run = run_of(spec)
    sentences = [
        f"After {run.rules.steps} steps, {epochs(run):.3g} epochs; ranked by **{METRICS[spec.metric].lower()}**."
        + (f" Medians over {spec.seeds} seeds, in brackets the middle 80 % of them." if spec.seeds > 1 else "")
        + " The budget is the same for all: so many gradients of so many examples."
    ]
    if out := [label for label, gone in zip(run.labels, run.gone, strict=True) if gone]:
        sentences.append(f"**Did not finish**: {', '.join(out)}. A weight passed 10⁶ or was no number any more. Try a smaller rate, a warm-up, or clipping.")  # fmt: skip
    return View(sentences, rows=[_row(run, i) for i in ranking(run)])


def ranking(run: Run) -> list[int]:
    """The schedules from best to worst by the metric on screen; those that left the race last."""
    end = run.end(run.spec.metric)
    order = -end if run.spec.metric.endswith("score") else end
    return sorted(range(len(run.labels)), key=lambda i: (bool(run.gone[i]), float(order[i])))


def _row(run: Run, i: int) -> dict[str, Any]:
    def said(metric: str) -> str:
        low, middle, high = run.metrics[metric][i, :, -1]
        band = f" ({short(float(low))} to {short(float(high))})" if run.spec.seeds > 1 else ""
        return short(float(middle)) + band

    score = "R²" if run.regression else "accuracy"
    return {
        "schedule": run.labels[i] + (" (did not finish)" if run.gone[i] else ""),
        "training loss": said("train_loss"),
        "test loss": said("test_loss"),
        f"training {score}": said("train_score"),
        f"test {score}": said("test_score"),
        "first rate": short(float(run.rates[i, 0])),
        "mean rate": short(float(run.rates[i].mean())),
        "last rate": short(float(run.rates[i, -1])),
    }


def finder(spec: SchedulesSpec) -> View:
    """The range test."""
    test = range_test(spec)
    sentences = [
        f"One race of {TESTED} steps at most, from fresh weights, while the rate grows from {LOWEST:g} towards {HIGHEST:g} by the same factor at every step (mean of {TESTS} runs, no clipping). "
        f"The smoothed loss falls fastest at **η = {short(test.suggested)}**: a rate to begin with. It is lowest at {short(float(test.rates[test.lowest]))}, where longer steps already do as much harm as good; a tenth of that, "
        f"**{short(test.tenth)}**, is the older rule of thumb. You have set {short(spec.rate)}.",
        "The test sees only the first steps of a training: a rate that is good for many steps, or after a warm-up, may be larger or smaller by a factor of a few.",
    ]
    return View(sentences, figures={"finder": draw.finder(test, spec.rate)})


def sharpness(spec: SchedulesSpec) -> View:
    """Curvature and the edge."""
    run = run_of(spec)
    found = sharp(run)
    rows = [
        {
            "schedule": label,
            "sharpness at the start": short(float(value[0])),
            "at the end": short(float(value[-1])),
            "edge of the last rate": "" if np.isnan(limit[-1]) else short(float(limit[-1])),
            "largest residual": f"{float(np.nanmax(residual)):.1e}",
        }
        for label, value, limit, residual in zip(run.labels, found.value, found.edge, found.residual, strict=True)
    ]
    sentences = [
        "Sharpness is the largest eigenvalue of the training loss's Hessian, by power iteration, where each schedule stands under the first seed. On a quadratic valley a plain step η is stable below sharpness 2/η: the dotted edge.",
        "With all examples in every batch, sharpness tends to climb until it meets the edge (Cohen et al., 2021), so that a rate which falls lets it climb further, and a warm-up brings it down. With mini-batches it stays lower.",
    ]
    return View(sentences, figures={"sharpness": draw.sharp(run, found)}, rows=rows)


def clipping(spec: SchedulesSpec) -> View:
    """Four ways of clipping."""
    found = clippings(spec)
    first = next(iter(chosen(spec)))
    rows = [
        {
            "clipping": CLIPS[name],
            "steps cut": f"{100 * one.cut.mean():.0f} %",
            "median norm": short(float(np.nanmedian(one.norms))),
            "longest": short(float(np.nanmax(one.norms))),
            "training loss at the end": "did not finish" if one.gone else short(one.end),
        }
        for name, one in found.items()
    ]
    sentences = [
        f"The net on screen under **{first}**, four times: without clipping and cut in three ways at c = {short(spec.threshold)}. *By value* cuts each number of the gradient and so changes its direction; *by norm* shortens all of it; "
        "*adaptive* shortens the gradient of each unit to c times the length of the unit's own weights.",
    ]
    return View(
        sentences,
        figures={"norms": draw.norms(found, spec.threshold, spec.clip), "clipped": draw.clipped(found)},
        rows=rows,
    )


def plateau(spec: SchedulesSpec) -> View:
    """Patience, step by step."""
    found = patience(spec)
    drops = found.drops
    sentences = [
        f"**Reduce on plateau** with patience {spec.period} and factor {short(spec.gamma)}, watching the loss of each batch (first seed). "
        + (f"The rate fell {len(drops)} times, first after step {int(drops[0])}: from {short(float(found.rates[0]))} to {short(float(found.rates[-1]))}." if len(drops) else "The rate never fell: a new best value always came in time.")
        + " In practice one watches the validation loss once an epoch: the loss of one batch is noisy, and its best value may be luck.",
    ]  # fmt: skip
    return View(sentences, figures={"plateau": draw.waiting(found, spec.period)})


LENS = {"table": results, "finder": finder, "sharpness": sharpness, "clipping": clipping, "plateau": plateau}


def worked(spec: SchedulesSpec) -> list[Step]:
    """Every schedule's formula, and its rate at the first, the middle and the last step."""
    run, steps = run_of(spec), rules_of(spec).steps
    places = {0: "0", steps // 2: "T/2", steps - 1: "T-1"}
    return [
        Step(
            label,
            SCHEDULES[TITLES[label]].source,
            latex=[
                SCHEDULES[TITLES[label]].latex,
                r",\qquad ".join(rf"\eta_{{{name}}} = {run.rates[i, t]:.4g}" for t, name in places.items()),
            ],
        )
        for i, label in enumerate(run.labels)
    ]
