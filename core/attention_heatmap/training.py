"""The film of a training: the one that ships, or the visitor's own as a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from core.attention.shipped import shipped
from core.attention.training import train as lessons
from core.attention_heatmap import figures as draw
from core.attention_heatmap.compute import course_of
from core.attention_heatmap.spec import AttentionHeatmapSpec
from core.attention_heatmap.subjects import COURSE, keep, named
from core.contracts import Figure, Snapshot, Step


def train(spec: AttentionHeatmapSpec) -> Iterator[Snapshot]:
    """The visitor's own transformer learns the task of the page; each snapshot says how, so that its weights can be put to use.

    Raises:
        ExplainerError: the width cannot be shared out among the heads.
    """
    course = course_of(spec)
    for snapshot in lessons(course):
        yield replace(snapshot, arrays={**snapshot.arrays, COURSE: named(course)})


def adopted(view: Any, spec: AttentionHeatmapSpec) -> dict[str, Any]:
    """The settings in which all views show what an ended job has trained; none where it did not learn this task, or diverged."""
    newest = view.newest
    if (
        view.state not in ("done", "stopped")
        or newest is None
        or COURSE not in newest.arrays
        or newest.metrics["diverged"]
    ):
        return {}
    if json.loads(str(newest.arrays[COURSE]))["task"] != spec.task:
        return {}
    return {"own": keep(newest.arrays), "source": "task", "place": "", "row": "", "which": "main"}


def learning(view: Any, spec: AttentionHeatmapSpec) -> tuple[dict[str, Figure], list[Step]]:
    """Curves and film with the captions: of the job as far as it is; without one, of the training that ships."""
    if view is None or view.newest is None or "maps" not in view.newest.arrays:
        film = shipped(spec.task).film
        return _pictures(
            film.maps / 255.0, film.steps, {name: values.tolist() for name, values in film.metrics.items()}
        )
    moments = view.film
    maps = np.stack([s.arrays["maps"].astype(np.float32) for s in moments])
    steps = np.array([s.step for s in moments])
    metrics = {name: [s.metrics[name] for s in moments] for name in moments[0].metrics}
    return _pictures(maps, steps, metrics)


def _pictures(maps: np.ndarray, steps: np.ndarray, metrics: Any) -> tuple[dict[str, Figure], list[Step]]:
    return {"curves": draw.curves(steps, metrics), "film": draw.film(maps, steps)}, draw.film_steps(steps, metrics)
