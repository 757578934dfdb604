"""Training that is watched: one vision transformer on the digits, and how it and a convolutional network do with few pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.contracts import Snapshot
from core.data.small_pictures import small_pictures
from core.rng import generator
from core.vision_transformer.compute import likeness, orders, pieces_moved
from core.vision_transformer.spec import VisionTransformerSpec
from models.fitting import Rule, by_number_of_pictures, fitting, tested
from models.storage import manifest
from models.vit import ViT, init_vit
from models.vits import DATA, HUNGER_KEY, HUNGER_RULE, PART, SHAPE, SIZES, Variant, build_cnn

SNAPSHOTS = 30
BATCH = 64
SIZE = DATA["digits"].size
NETS = ("vit", "cnn")


@lru_cache(maxsize=2)
def digits(part: str) -> tuple[Tensor, Tensor]:
    """Normalised pictures and labels."""
    found = small_pictures("digits", part)
    return DATA["digits"].normalise(torch.from_numpy(found.x)), torch.from_numpy(found.y)


def side_of(spec: VisionTransformerSpec) -> int:
    """Pixels along the side of a patch of the network that learns."""
    if spec.side != "above":
        return int(spec.side)
    grids = DATA["digits"].grids
    return SIZE // (int(spec.grid) if spec.grid in map(str, grids) else grids[0])


def untrained(spec: VisionTransformerSpec) -> ViT:
    """The network that the visitor has put together, with its first weights; for the digits, whatever else is on screen."""
    net = ViT(
        size=SIZE,
        patch=side_of(spec),
        positions=spec.positions,
        **{**SHAPE, "layers": spec.depth, "heads": int(spec.heads)},
    )
    return init_vit(net, generator(spec.seed, "weights"))


def train(spec: VisionTransformerSpec) -> Iterator[Snapshot]:
    """Learn, and report: before the first step and about SNAPSHOTS times after it.

    A run whose loss is no finite number any more ends there; its last snapshot has the metric `diverged` = 1.
    """
    net, (x, y) = untrained(spec), digits("train")
    rule = Rule(spec.epochs * -(-len(x) // BATCH), spec.rate, BATCH)
    every, losses = max(1, rule.steps // SNAPSHOTS), []
    yield report(net, spec, 0, rule, float(np.log(10)))
    for step, loss in enumerate(fitting(net, x, y, rule, seed=spec.seed), start=1):
        losses.append(loss)
        if step % every == 0 or step == rule.steps or not np.isfinite(loss):
            yield report(net, spec, step, rule, float(np.mean(losses)))
            losses = []
            if not np.isfinite(loss):
                return


def report(net: ViT, spec: VisionTransformerSpec, step: int, rule: Rule, train_loss: float) -> Snapshot:
    """Loss since the last report, loss and accuracy on the test digits, accuracy with their patches shuffled, likeness of the positions."""
    x, y = digits("test")
    loss, share = tested(net, x, y)
    moved = pieces_moved(x, net.grid, orders(len(x), net.grid, spec.seed))
    metrics = {
        "epoch": spec.epochs * step / rule.steps,
        "train_loss": train_loss,
        "test_loss": loss,
        "test_accuracy": share,
        "shuffled_accuracy": tested(net, moved, y)[1],
        "diverged": float(not np.isfinite(loss)),
    }
    return Snapshot(step, rule.steps, metrics, {"likeness": likeness(net)})


def hunger(spec: VisionTransformerSpec) -> Iterator[Snapshot]:
    """Each network on more and more digits; after each the table so far, accuracy (size, network), NaN where not yet known."""
    builders = {"vit": partial(Variant("digits", 4).build, spec.seed), "cnn": partial(build_cnn, spec.seed)}
    table = np.full((len(SIZES), len(NETS)), np.nan)
    total = table.size
    runs = by_number_of_pictures(builders, digits("train"), digits("test"), SIZES, HUNGER_RULE, spec.seed)
    yield Snapshot(0, total, {"networks": 0.0}, {"accuracy": table.copy()})
    for step, (n, name, share) in enumerate(runs, start=1):
        table[SIZES.index(n), NETS.index(name)] = share
        yield Snapshot(step, total, {"networks": float(step)}, {"accuracy": table.copy()})


def shipped_hunger() -> np.ndarray:
    """The table that this project's own script measured, with seed 0."""
    found: Mapping[str, Any] = manifest(PART)[HUNGER_KEY]["accuracy"]
    return np.array([found[name] for name in NETS]).T


def learn(spec: VisionTransformerSpec) -> Iterator[Snapshot]:
    """The job of the open lens."""
    return hunger(spec) if spec.lens == "hunger" else train(spec)
