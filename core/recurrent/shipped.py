"""Nets that learned before anyone came, so that a page opens on something that works: one race for every task.

    python -m core.recurrent.shipped        trains them again (about two minutes) and writes core/recurrent/shipped.npz

The file holds plain numbers: <task>/<kind>/<weight>, and <task>/metrics/<name> for the learning curves; delay-<steps>/<kind>/<weight> for
first-token recall over growing delays, from torch's own first weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from core.recurrent.learning import weights_in
from core.recurrent.recipes import DELAYS, Recipe, run

PATH = Path(__file__).parent / "shipped.npz"
RECIPES: Mapping[str, Recipe] = {
    task: Recipe(task, delay, weights="orthogonal", forget_bias=1.0, steps=600) for task, delay in DELAYS.items()
}

DELAY_RECIPES: Mapping[int, Recipe] = {
    delay: Recipe("recall", delay, weights="uniform", forget_bias=3.0, steps=600, batch=32) for delay in (5, 10, 20, 40)
}


@cache
def _file() -> Mapping[str, np.ndarray]:
    with np.load(PATH, allow_pickle=False) as found:
        return dict(found)


def shipped(recipe: Recipe) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]] | None:
    """Weights (<kind>/<weight>) and metrics of this very race, if it is one of those that ship."""
    if recipe != RECIPES[recipe.task]:
        return None
    found = weights_in(_file(), recipe.task)
    metrics = weights_in(found, "metrics")
    return {name: values for name, values in found.items() if not name.startswith("metrics/")}, metrics


def delay_nets(delay: int) -> dict[str, np.ndarray]:
    """Weights (<kind>/<weight>) of the nets that learned to recall over this delay."""
    return weights_in(_file(), f"delay-{delay}")


def make() -> None:
    """Train all of them and write the file."""
    import torch

    torch.set_num_threads(1)
    kept: dict[str, np.ndarray] = {}
    for task, recipe in RECIPES.items():
        told = list(run(recipe))
        kept |= {f"{task}/{name}": values for name, values in told[-1].arrays.items()}
        kept[f"{task}/metrics/step"] = np.array([snapshot.step for snapshot in told])
        for name in told[-1].metrics:
            kept[f"{task}/metrics/{name}"] = np.array([s.metrics.get(name, np.nan) for s in told], np.float32)
        print(task, {name: round(value, 3) for name, value in told[-1].metrics.items() if "score" in name}, flush=True)
    for delay, recipe in DELAY_RECIPES.items():
        *_, last = run(recipe, every=recipe.steps)
        kept |= {f"delay-{delay}/{name}": values for name, values in last.arrays.items()}
        print(delay, {name: round(value, 3) for name, value in last.metrics.items() if "score" in name}, flush=True)
    np.savez_compressed(PATH, **kept)


if __name__ == "__main__":
    make()
