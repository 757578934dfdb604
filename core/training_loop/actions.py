"""Pause, step, go on, rewind: each gives the new place of the run. A step of −1 means that it goes on to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.training_loop.compute import run_of
from core.training_loop.spec import TrainingLoopSpec


def rewind(spec: TrainingLoopSpec) -> Mapping[str, Any]:
    """Back to before the first step."""
    return {"stand": 0}


def one_step(spec: TrainingLoopSpec) -> Mapping[str, Any]:
    """One step more; from the end, back to the first."""
    return _on(spec, 1)


def one_epoch(spec: TrainingLoopSpec) -> Mapping[str, Any]:
    """To the end of the epoch that runs, or of the next."""
    per = run_of(spec).plan.per_epoch
    return _on(spec, per - max(0, spec.stand) % per)


def resume(spec: TrainingLoopSpec) -> Mapping[str, Any]:
    """On to the end."""
    return {"stand": -1}


def pause(spec: TrainingLoopSpec, step: int) -> Mapping[str, Any]:
    """Stand where the film stands."""
    return {"stand": step}


def _on(spec: TrainingLoopSpec, steps: int) -> Mapping[str, Any]:
    return {"stand": min(max(0, spec.stand) + steps, spec.params()["stand"].high)}
