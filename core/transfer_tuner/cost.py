"""What a run costs: weights that learn, multiplications and additions, memory, seconds; counted before it starts.

FLOPs are counted by torch's own counter (torch.utils.flop_counter: 2 for each multiply-add of convolutions and matrix products) on
one picture, forward and backward as the strategy runs it. Memory is what a step holds at its peak, without the library itself:

    weights + gradients + moments (Adam 2, SGD 1 for each weight that learns) + the tensors that the backward pass has saved

These are those that autograd packs away (saved_tensors_hooks), once each, times the batch. Seconds are measured: two steps on this
machine times the number of steps; a later one runs beside other things, so it is an estimate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from core.transfer_tuner.spec import STRATEGIES, TuneSpec
from core.transfer_tuner.tuning import Learner, Task, chunks, device, dtype_of, learns, network, tensor
from models.tuned import Tuned

MOMENTS = {"sgd": 1, "adam": 2, "adamw": 2}


@dataclass(frozen=True)
class Cost:
    """Of one strategy: weights in all and learning, FLOPs of the whole run, bytes at the peak, seconds (NaN until measured)."""

    strategy: str
    parameters: int
    trainable: int
    flops: float
    bytes: int
    seconds: float = float("nan")


def cost(spec: TuneSpec, data: Task) -> Cost:
    """The cost of `spec`, counted on one training picture."""
    net = network(spec, len(data.classes))
    parameters = dict(net.named_parameters())
    for name, p in parameters.items():
        p.requires_grad_(learns(spec, net, name))
    trainable = [p for p in parameters.values() if p.requires_grad]
    x = tensor(data.pictures[:1], spec)
    forward, step, saved = _counted(spec, net, x, trainable)
    n, images = len(data.train), len(data.labels)
    per_epoch = n * step + (images - n) * (step / 3 if spec.strategy == "probe" else forward)
    flops = spec.epochs * per_epoch + (images * forward if spec.strategy == "probe" else 0)
    width = torch.finfo(dtype_of(spec)).bits // 8
    learning = sum(p.numel() for p in trainable)
    total = sum(p.numel() for p in parameters.values())
    held = width * (total + learning * (1 + MOMENTS[spec.optimizer])) + spec.batch * saved
    return Cost(spec.strategy, total, learning, float(flops), int(held))


def _counted(spec: TuneSpec, net: Tuned, x: torch.Tensor, trainable: list[torch.Tensor]) -> tuple[int, int, int]:
    """FLOPs of a forward pass and of a training step on one picture, and the bytes that its backward pass keeps."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        found = net.body(x)
    forward = counter.get_total_flops()
    inputs = found.requires_grad_(False) if spec.strategy == "probe" else x
    model = net.head if spec.strategy == "probe" else net
    known = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept: dict[int, int] = {}

    def pack(t: torch.Tensor) -> torch.Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return t

    label = torch.zeros(1, dtype=torch.long, device=device())
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            loss = F.cross_entropy(model(inputs), label)
        torch.autograd.grad(loss, trainable)
    return forward, counter.get_total_flops(), sum(kept.values())


def costs(spec: TuneSpec, data: Task) -> list[Cost]:
    """The cost of all four strategies with these settings."""
    return [cost(replace(spec, strategy=strategy), data) for strategy in STRATEGIES]


def timed(spec: TuneSpec, data: Task, steps: int = 2) -> float:
    """Seconds that the run would take here, from two steps of training (and one chunk of features for a probe)."""
    net = network(spec, len(data.classes))
    begun = time.perf_counter()
    with torch.no_grad():
        features = net.body(tensor(data.pictures[:32], spec))
    chunk = time.perf_counter() - begun
    if spec.strategy == "probe":
        return chunk * chunks(len(data.labels))
    run = Learner(replace(spec, epochs=1), data, net)
    begun, stepping = time.perf_counter(), run.learn()
    for _ in range(min(steps, run.steps)):
        next(stepping)
    step = (time.perf_counter() - begun) / min(steps, run.steps)
    stepping.close()
    held = chunk * len(data.val) / len(features)
    return float(spec.epochs * (run.steps * step + held) + np.ceil(len(data.train) / 32) * chunk)
