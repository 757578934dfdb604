"""The training as a job: all nets that the state on screen needs, an equal number of updates each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from core.contracts import Snapshot
from core.diffusion.compute import Learned, lesson_of, lesson_steps, needed, start_of
from core.diffusion.spec import DiffusionSpec

AT_ONCE = 2000  # updates of all nets together that a visitor waits for without a job
SHOTS = 60  # snapshots of a training


def at_once(spec: DiffusionSpec) -> DiffusionSpec:
    """The Spec itself, or with as few updates as can be waited for."""
    nets = len(needed(spec))
    return replace(spec, updates=min(spec.updates, AT_ONCE // nets)) if nets else spec


def train(spec: DiffusionSpec) -> Iterator[Snapshot]:
    """Train the nets side by side. Metrics: the loss of each; arrays: `kind.theta` and `kind.losses`."""
    kinds = needed(spec) or ["noise"]
    runs = {kind: lesson_steps(lesson_of(spec, kind)) for kind in kinds}
    losses: dict[str, list[float]] = {kind: [] for kind in kinds}
    shown = set(np.unique(np.rint(np.geomspace(1, spec.updates, SHOTS)).astype(int)).tolist())
    for k in range(1, spec.updates + 1):
        arrays = {}
        for kind, run in runs.items():
            theta, loss = next(run)
            losses[kind].append(loss)
            if k in shown:
                arrays |= {f"{kind}.theta": theta, f"{kind}.losses": np.array(losses[kind])}
        if k in shown:
            yield Snapshot(k, spec.updates, {f"loss, {kind}": values[-1] for kind, values in losses.items()}, arrays)


def nets_from(spec: DiffusionSpec, arrays: Mapping[str, np.ndarray]) -> dict[str, Learned] | None:
    """The nets that a job has reported; None if one that is needed is missing or has another shape."""
    found = {}
    for kind in needed(spec):
        lesson, theta = lesson_of(spec, kind), arrays.get(f"{kind}.theta")
        if theta is None or theta.shape != start_of(lesson).shape:
            return None
        found[kind] = Learned(theta, arrays[f"{kind}.losses"])
    return found
