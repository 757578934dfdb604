"""The closer looks below the curves, as data: sentences, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from core.contracts import Step, View
from core.network_race import figures as draw
from core.network_race.compute import RATES, Outcome, best_rates, plane, rules_of
from core.network_race.spec import NetworkRaceSpec
from core.network_race.spec import field as racing
from core.plots.words import short
from core.training.networks import BUDGETS
from core.training.sharpness import edge


def look(run: Outcome) -> View:
    """The view through the lens that the race's Spec names; what has not been computed yet is announced."""
    needed = {"rates": "rates.final", "batch": "batch.size", "landscape": "paths", "sharpness": "sharp.step"}
    if needed.get(run.spec.lens, "step") not in run.arrays:
        return View(["This look follows when the race is over."])
    return LENS[run.spec.lens](run)


def table(run: Outcome) -> View:
    """Every racer's numbers at the end, ranked by the metric on screen."""
    sentences = [
        f"Ranked by **{draw.METRICS[run.spec.metric].lower()}** at the end, after {run.epochs:.3g} epochs. The lowest test loss was often reached on the way: "
        "stopping there is early stopping. Seconds are each racer's share of the time measured here."
        + (f" Medians over {run.spec.seeds} seeds." if run.spec.seeds > 1 else "")
    ]
    if out := [label for label, gone in zip(run.labels, run.left, strict=True) if gone]:
        sentences.append(
            f"**DNF** (did not finish{' under most seeds' if run.spec.seeds > 1 else ''}): {', '.join(out)}. A weight passed 10⁶ or was no number any more; the racer stands at its last good place. "
            "A smaller rate, a warm-up or clipping keeps it in the race."
        )
    return View(sentences, rows=[_line(run, place, i) for place, i in enumerate(ranking(run), start=1)])


def ranking(run: Outcome) -> list[int]:
    """The racers from the best to the worst at the end by the metric on screen, DNF last."""
    end = run.middle(run.spec.metric)[:, -1]
    order = -end if run.spec.metric.endswith("score") else end
    return sorted(range(len(run.labels)), key=lambda i: (bool(run.left[i]), float(order[i])))


def _line(run: Outcome, place: int, i: int) -> dict[str, Any]:
    end = {metric: float(run.middle(metric)[i, -1]) for metric in (*draw.METRICS, "seconds")}
    test = run.middle("test_loss")[i]
    best = int(np.nanargmin(test))
    score = "R²" if run.regression else "accuracy"
    return {
        "place": "DNF" if run.left[i] else str(place),
        "racer": run.labels[i],
        "rate η": f"{run.rules.racers[i].lr:.4g}",
        "training loss": short(end["train_loss"]),
        "test loss": short(end["test_loss"]),
        f"training {score}": short(end["train_score"]),
        f"test {score}": short(end["test_score"]),
        "lowest test loss": f"{short(float(test[best]))} at step {int(run.arrays['step'][best])}",
        "gradient norm": short(end["gradient_norm"]),
        "seconds": f"{end['seconds']:.2g}",
        **({"diverged": f"{100 * run.arrays['dnf'][i, -1]:.0f} %"} if run.spec.seeds > 1 else {}),
    }


def rates(run: Outcome) -> View:
    """The training loss at the end against the learning rate."""
    kinds = run.kinds
    names = [run.rules.racers[i].optimizer.title for i in kinds]
    final, left, best = (a[kinds] for a in (run.arrays["rates.final"], run.arrays["rates.dnf"], best_rates(run.arrays)))
    sentences = [
        f"Each racer ran {len(RATES)} times, at rates from {RATES[0]:g} to {RATES[-1]:g}, all at once and under the first seed: the same number of tries for everyone. "
        "Tuning takes the lowest **training** loss; a study would hold examples back to choose by."
    ]
    if ends := [label for label, k in zip(names, best, strict=True) if k in (0, len(RATES) - 1)]:
        sentences.append(
            f"The best rate of {', '.join(ends)} lies at the end of the grid: it might do better still beyond."
        )
    rows = [
        {
            "racer": label,
            "best rate": f"{RATES[k]:.3g}",
            "loss there": short(float(row[k])),
            "rates within twice that loss": str(int((~out & (row <= 2.0 * row[k])).sum())),
            "rates that diverge": f"{int(out.sum())} of {len(RATES)}",
        }
        for label, k, row, out in zip(names, best, final, left, strict=True)
    ]
    return View(sentences, figures={"rates": draw.rates(run)}, rows=rows)


def batch(run: Outcome) -> View:
    """The race at other batch sizes."""
    sizes, steps = run.arrays["batch.size"], run.arrays["batch.step"]
    rows = [
        {
            "batch size": str(int(size)),
            "steps": str(int(t)),
            "examples seen": f"{int(seen):,}",
            **{label: short(float(v)) for label, v in zip(run.labels, values, strict=True)},
        }
        for size, t, seen, values in zip(
            sizes, steps, run.arrays["batch.examples"], run.arrays[f"batch.{run.spec.metric}"].T, strict=True
        )
    ]
    sentences = [
        f"Budget: {BUDGETS[run.spec.budget]}. The race above sets it: batches of {min(run.rules.batch, int(sizes[-1]))} for {run.rules.steps} steps.",
        "A larger batch gives a quieter gradient but fewer steps for the same examples. Scaling the rate in proportion makes up for it, "
        "as long as the larger rate is still small enough for the curvature.",
    ]
    return View(sentences, params=["budget"], figures={"batch": draw.batch(run, run.spec.metric)}, rows=rows)


def landscape(run: Outcome) -> View:
    """The loss on the plane through the racers' ways."""
    found = plane(run)
    first, second = (100 * found.plane.explained).tolist()
    named = [label for label in run.labels if label in [part.strip() for part in run.spec.plane.split(",")]]
    rows = [
        {
            "racer": label,
            "loss at the end": short(float(found.loss[i, -1])),
            "loss below its mark": short(float(found.projected_loss[i, -1])),
            "off-plane error": short(float(found.off_plane_error[i, -1])),
            "largest on the way": short(float(np.nanmax(np.abs(found.off_plane_error[i])))),
            "distance from the plane": short(float(found.distance[i, -1])),
        }
        for i, label in enumerate(run.labels)
    ]
    sentences = [
        f"The plane explains **{first + second:.1f} %** of the variance of the ways through {run.arrays['paths'].shape[2]} dimensions (first seed). "
        "The **off-plane error** is the racer's own loss less the loss that the map shows below its mark: where it is large, the racer is not where the picture puts it.",
        "A map chosen to hold these ways says little about what lies beside them, and ridges between two racers may be gone in another direction.",
    ]
    return View(
        sentences, choices={"plane": (run.labels, named)}, figures={"landscape": draw.land(run, found)}, rows=rows
    )


def sharpness(run: Outcome) -> View:
    """The top eigenvalue of the Hessian along each way, and 2/η."""
    edges = [edge(racer) for racer in run.rules.racers]
    value, residual = run.arrays["sharp.value"], run.arrays["sharp.residual"]
    rows = [
        {
            "racer": label,
            "rate η": f"{racer.lr:.4g}",
            "edge": "" if np.isnan(limit) else short(limit),
            "sharpness at the start": short(float(row[0])),
            "at the end": short(float(row[-1])),
            "largest met": short(float(np.nanmax(row))),
            "largest residual": f"{float(np.nanmax(rest)):.1e}",
        }
        for label, racer, limit, row, rest in zip(run.labels, run.rules.racers, edges, value, residual, strict=True)
    ]
    sentences = [
        "Sharpness is the largest eigenvalue of the training loss's Hessian, found by power iteration at the places of the first seed. "
        "The edge is 2/η for plain SGD, (2 + 2μ)/η with momentum; adaptive racers scale each coordinate, so this edge is not theirs."
    ]
    sentences.append(
        "With all examples in every batch, sharpness tends to climb until it meets the edge, and to hover about there (Cohen et al., 2021)."
        if run.rules.batch >= run.N
        else "These are mini-batches: the noise keeps sharpness below the edge. Choose a batch as large as the training set to see it climb."
    )
    return View(sentences, figures={"sharpness": draw.sharp(run, edges)}, rows=rows)


class Pin(NamedTuple):
    """What the run table keeps of a race: numbers, and one curve with the words of its axes."""

    metrics: Mapping[str, float]
    curve: Sequence[float]
    x_title: str
    y_title: str


def summary(run: Outcome) -> Pin:
    """Every racer's number at the end by the metric on screen, and the curve of the best one."""
    end, best = run.middle(run.spec.metric), ranking(run)[0]
    metrics = {label: float(values[-1]) for label, values in zip(run.labels, end, strict=True)}
    moments = len(run.arrays["step"])
    return Pin(
        metrics, end[best].tolist(), f"moment, evenly over the race  [0 to {moments - 1}]",
        f"{draw.title_of(run, run.spec.metric)}, best racer",
    )  # fmt: skip


LENS = {"table": table, "rates": rates, "batch": batch, "landscape": landscape, "sharpness": sharpness}


def worked(spec: NetworkRaceSpec) -> list[Step]:
    """Each racer's rule, with the rate that it has on screen."""
    return [
        Step(f"{entry.label}, η = {racer.lr:.4g}", latex=[racer.optimizer.latex])
        for entry, racer in zip(racing(spec), rules_of(spec).racers, strict=True)
    ]
