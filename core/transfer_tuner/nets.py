"""Other networks on the same pictures, from scratch: fully connected ones and convolutional ones, each deeper than the one before.

    dense d   x ↦ flat ↦ (dense layer of HIDDEN units, ReLU) d times ↦ head
    conv d    d blocks of models/smallcnn.py: convolution 3 x 3, batch-norm, ReLU, the largest of 2 x 2; then the mean ↦ head

All of them take pictures of SIDE x SIDE pixels and learn by the loop of core/transfer_tuner/tuning.py with the settings on the page.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from torch import nn

from core.contracts import Snapshot
from core.rng import generator
from core.transfer_tuner.course import Errand, bare, data_of
from core.transfer_tuner.spec import TransferTunerSpec
from core.transfer_tuner.tuning import Learner, Task, device, dtype_of, task
from models.blocks import init_weights
from models.smallcnn import SmallCNN
from models.tuned import Tuned, start_head

NETS = {
    "dense1": "1 hidden layer", "dense2": "2 hidden layers", "dense3": "3 hidden layers",
    "conv2": "2 convolutions", "conv3": "3 convolutions", "conv4": "4 convolutions",
}  # fmt: skip
AT_ONCE = ("dense1", "dense2")  # learned without a job
HIDDEN, WIDTH, SIDE = 64, 16, 32


class NetsErrand(Errand):
    """What the job that trains these networks is started with: it runs beside the training job."""

    SLUG = "transfer_tuner_nets"


def plain(spec: TransferTunerSpec) -> TransferTunerSpec:
    """The settings of these runs: pictures of SIDE pixels in single precision, all weights learn."""
    return replace(bare(spec), backbone="tinyvgg-cifar10", strategy="scratch", precision="single", depth=1, dropout=0.0)


def net(name: str, classes: int, seed: int) -> Tuned:
    """One of NETS with first weights of this seed."""
    depth = int(name[-1])
    body = dense(depth) if name.startswith("dense") else convolutional(depth)
    width = HIDDEN if name.startswith("dense") else WIDTH * 2 ** (depth - 1)
    init_weights(body, generator(seed, "weights", name))
    head = start_head(nn.Sequential(nn.Linear(width, classes)), generator(seed, "head"))
    return Tuned(body, head)


def dense(depth: int) -> nn.Sequential:
    """(N, 3, SIDE, SIDE) -> (N, HIDDEN)."""
    widths = (3 * SIDE**2, *[HIDDEN] * depth)
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers)


def convolutional(depth: int) -> SmallCNN:
    """(N, 3, SIDE, SIDE) -> (N, WIDTH 2^(depth − 1))."""
    body = SmallCNN(channels=3, blocks=depth, width=WIDTH)
    body.classifier = nn.Identity()
    return body


def taught(spec: TransferTunerSpec, data: Task, name: str) -> Iterator[Learner]:
    """The network after each epoch, from 0 on."""
    run = Learner(spec, data, net(name, len(data.classes), spec.seed).to(device(), dtype_of(spec)))
    run.begin()
    yield run
    while not run.over():
        for _ in run.learn():
            pass
        yield run


def told(name: str, run: Learner) -> dict[str, np.ndarray]:
    """Its curves so far, and how many weights it has."""
    curves = {f"{name}/{c}": np.array(run.curve[c]) for c in ("val_accuracy", "val_loss", "train_accuracy")}
    return {**curves, f"{name}/parameters": np.array(sum(p.numel() for p in run.parameters.values()))}


def compare(errand: Errand) -> Iterator[Snapshot]:
    """Train all of NETS, the shallow ones first."""
    spec = plain(errand.spec)
    data = task(spec, errand.pictures)
    found: dict[str, np.ndarray] = {"spec": np.array(json.dumps(errand.spec.as_dict()))}
    for k, name in enumerate(NETS):
        for run in taught(spec, data, name):
            found |= told(name, run)
            yield Snapshot(k * spec.epochs + run.epoch, len(NETS) * spec.epochs, {}, dict(found))


@lru_cache(maxsize=8)
def quick_nets(spec: TransferTunerSpec) -> Mapping[str, np.ndarray]:
    """What the smallest ones reach, for the page to show at once; `spec` is `plain`."""
    found: dict[str, np.ndarray] = {}
    for name in AT_ONCE:
        *_, run = taught(spec, data_of(spec), name)
        found |= told(name, run)
    return found


def names(found: Mapping[str, np.ndarray]) -> list[str]:
    """Which networks have said something."""
    return [name for name in NETS if f"{name}/val_loss" in found]
