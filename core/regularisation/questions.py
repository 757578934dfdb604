"""Predict, then reveal: questions about the nets on screen, answered by the nets themselves."""

from __future__ import annotations

import zlib

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.regularisation.compute import differences
from core.regularisation.penalties import near_zero, weights_of
from core.regularisation.spec import RegularisationSpec
from core.regularisation.training import Run


def questions(run: Run, spec: RegularisationSpec) -> list[Question]:
    """At most four; one that the nets do not decide is left out."""
    asked = (_best(run), _turning(run), _luck(run), _small(run))
    return [question for question in asked if question is not None]


def _best(run: Run) -> Question | None:
    means = {one.name: float(run.test_loss[v].mean()) for v, one in enumerate(run.plan.variants)}
    first, second = sorted(means, key=means.__getitem__)[:2]
    if not means[first] < 0.99 * means[second]:
        return None
    return Question(
        f"best.{_run(run)}", "Which net has the lowest **test** loss, on average over the seeds?", first,
        f"{short(means[first])}; next is {second} with {short(means[second])}.", tuple(means),
    )  # fmt: skip


def _turning(run: Run) -> Question | None:
    mean = run.curves["validation_loss"][:, 0].mean(-1)
    lowest = int(np.nanargmin(mean)) if np.isfinite(mean).any() else 0
    if lowest in (0, len(mean) - 1):
        return None
    return Question(
        f"turning.{_run(run)}", f"After which step of {run.plan.steps} does the **plain** net's validation loss turn up? Within a tenth of the run counts as right.",
        float(run.looks[lowest]), f"Its mean over the seeds is lowest there, {short(float(mean[lowest]))}; at the end it is {short(float(mean[-1]))}.",
        tolerance=run.plan.steps / 10,
    )  # fmt: skip


def _luck(run: Run) -> Question:
    found = differences(run, "test_accuracy")
    better = sum(one.decided and one.mean > 0 for one in found.values())
    return Question(
        f"luck.{_run(run)}", f"How many of the {len(found)} regularised nets beat the plain one on test **accuracy** by more than luck?",
        float(better), "Their intervals, in points: " + "; ".join(f"{name} {short(100 * one.low)} to {short(100 * one.high)}" for name, one in found.items()) + ".",
    )  # fmt: skip


def _small(run: Run) -> Question | None:
    shares = dict(zip((one.name for one in run.plan.variants), near_zero(weights_of(run.plan, run.theta)).tolist(), strict=True))  # fmt: skip
    first, second = sorted(shares, key=shares.__getitem__, reverse=True)[:2]
    if shares[first] < 1.05 * shares[second]:
        return None
    return Question(
        f"small.{_run(run)}", "Which net has the largest share of weights near 0 (smaller than 0.01)?", first,
        "; ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()) + ".", tuple(shares),
    )  # fmt: skip


def _run(run: Run) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return f"{zlib.crc32(repr(run.plan).encode()):08x}"
