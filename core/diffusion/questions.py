"""Predict, then reveal: questions that the run on screen answers."""

from __future__ import annotations

from core.contracts import Question
from core.diffusion import compute
from core.diffusion.compute import SAMPLERS, Study
from core.diffusion.measures import bend
from core.diffusion.paths import Path
from core.plots.words import short


def questions(study: Study) -> list[Question]:
    """Four at most; what the run does not decide is left out."""
    asked = [_equal(study), _bent(study), _one(study), _worst(study)]
    return [question for question in asked if question is not None]


def _equal(study: Study) -> Question:
    name = "straight" if study.straight else study.spec.schedule
    found = {one: compute.equal_time(Path(one)) for one in ("linear", "cosine", "straight")}
    others = "; ".join(f"{other}: {short(t)}" for other, t in found.items() if other != name)
    return Question(
        f"equal.{name}",
        f"At which time t hold the noisy points of the **{name}** path as much data as noise (a = b)? Within 0.05 counts as right.",
        found[name],
        f"t = {short(found[name])} ({others}). Before that time the points show what they were; after it they are mostly noise.",
        tolerance=0.05,
    )


def _bent(study: Study) -> Question | None:
    vp, flow = (bend(study.run("euler", straight, False, study.spec.steps, compute.FEW)) for straight in (False, True))
    if abs(vp - flow) < 0.02:
        return None
    options = ("the schedule's ODE", "flow matching")
    return Question(
        f"bent.{_run(study)}",
        "Euler steps along the exact field: whose ways are straighter, measured by their length over the distance of their ends?",
        options[0] if vp < flow else options[1],
        f"The ODE of the {study.spec.schedule} schedule: {short(vp)}; flow matching: {short(flow)}. Flow matching joins pairs by straight lines, but the field is the mean over all pairs that meet at a place.",
        options,
    )


def _one(study: Study) -> Question | None:
    found = {
        name: study.distance(study.run(*SAMPLERS[name], False, 1, compute.FEW)[-1])
        for name in ("DDIM", "Score SDE", "ODE, Euler", "Flow, Euler")
    }
    best, second, *_ = order = sorted(found, key=found.__getitem__)
    if found[second] - found[best] < 1e-6:
        return None
    return Question(
        f"one.{_run(study)}",
        "One single step from noise to data with the exact field: which sampler ends closest to the data?",
        best,
        "; ".join(f"{name}: {short(found[name])}" for name in order)
        + f". A shapeless cloud of the right size is at {short(study.distance(study.noise('start', compute.FEW)))}: to be close is not yet to have the shape.",
        tuple(found),
    )


def _worst(study: Study) -> Question | None:
    if study.spec.lens != "error":
        return None
    found, _ = compute.errors(study)
    thirds = {
        "near the data": found[:7].mean(),
        "in the middle": found[7:14].mean(),
        "near pure noise": found[14:].mean(),
    }
    answer = max(thirds, key=thirds.__getitem__)
    return Question(
        f"worst.{_run(study)}.{study.spec.updates}.{study.spec.width}.{study.spec.rate}",
        "Where is the net farthest from the exact field, relative to its size?",
        answer,
        "; ".join(f"{name}: {100 * value:.1f} %" for name, value in thirds.items())
        + ". Near the data the field changes over short distances, which a small net learns last.",
        tuple(thirds),
    )


def _run(study: Study) -> str:
    """A short name of this run, so that a guess belongs to it."""
    spec = study.spec
    return f"{spec.data}.{spec.spread}.{spec.schedule}.{spec.steps}.{spec.seed}"
