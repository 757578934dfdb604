"""The networks learn: all of them on the same pictures, one with and without its short cuts, and the gradients before the first step.

    |dL/dW_l|   the length of the gradient of layer l's weights, from one batch of pictures at the first weights, in double precision

First weights are those of He et al., ICCV 2015 (eq. 10), drawn from one seed. Training is AdamW with a rate that rises and falls
(models/fitting.py), the same batches for every network. Pictures: scikit-learn's digits, enlarged to the network's size.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from core.architectures.blocks import (
    FLATTEN,
    IDENTITY,
    MEAN,
    NORM,
    RELU,
    Chain,
    chain,
    conv,
    dense,
    depthwise,
    has_skips,
    split,
    without_skips,
)
from core.architectures.compute import CLASSES, SMALL, Plan, small
from core.architectures.module import module
from core.architectures.spec import ArchitecturesSpec
from core.architectures.zoo import NETS
from core.contracts import Snapshot
from core.data.small_pictures import small_pictures
from core.errors import ExplainerError
from core.rng import generator
from models.blocks import init_weights
from models.fitting import Rule, fitting, tested
from models.tuned import Dropout

BATCH, SEEN = 32, 32  # pictures in a batch of training, and of the gradients before it
STACK = 12  # channels of the depth experiment
ROUNDS = 30  # of the timing
PAIR = ("with short cuts", "without")

Array = np.ndarray


@lru_cache(maxsize=8)
def pictures(part: str, side: int) -> tuple[Tensor, Tensor]:
    """Digits (N, 1, side, side) around 0, and labels."""
    found = small_pictures("digits", part)
    x = F.interpolate(torch.from_numpy(found.x), (side, side), mode="bilinear", align_corners=False)
    return x - 0.5, torch.from_numpy(found.y)


def started(plan: Plan, seed: int) -> nn.Module:
    """The module with its first weights; dropout draws from a generator of the run."""
    net = module(plan.net, plan.shape)
    for layer in net.modules():
        if isinstance(layer, Dropout):
            layer.source = generator(seed, "dropout")
    return init_weights(net, generator(seed, "weights"))


def stack(spec: ArchitecturesSpec) -> Plan:
    """The depth experiment: a convolution that halves the side, residual blocks of equal shape, mean, dense."""
    norm = (NORM,) if spec.norm else ()
    one = (conv(STACK, bias=not spec.norm), *norm)
    body = chain("", *one, RELU, *one)
    blocks = [chain(f"block {k + 1}", split("add", body, IDENTITY), RELU) for k in range(spec.blocks)]
    first = conv(STACK, 3, 2, bias=not spec.norm)
    net = chain("", first, *norm, RELU, *blocks, chain("head", MEAN, FLATTEN, dense(CLASSES)))
    return Plan(net, SMALL, f"{2 * spec.blocks + 2} layers")


def pair(spec: ArchitecturesSpec) -> dict[str, Plan]:
    """The network of the lens with its short cuts and without.

    Raises:
        ExplainerError: it has none.
    """
    whole = stack(spec) if spec.lens == "depth" else small(spec)
    if not has_skips(whole.net):
        raise ExplainerError(f"{whole.title} has no short cuts; choose ResNet, DenseNet, MobileNetV2 or EfficientNet, or put a res( ... ) into your own")  # fmt: skip
    return {
        name: replace(whole, net=net) for name, net in zip(PAIR, (whole.net, without_skips(whole.net)), strict=True)
    }


def gradients(net: nn.Module, x: Tensor, y: Tensor) -> Float[Array, " layer"]:
    """|dL/dW_l| of every convolution and dense layer, in the order in which they were built."""
    loss = F.cross_entropy(net(x), y)
    weights = [layer.weight for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    return np.array([float(g.norm()) for g in torch.autograd.grad(loss, weights)])


def quiet(spec: ArchitecturesSpec) -> ArchitecturesSpec:
    """The Spec with everything at its default that the pair at its first weights does not depend on."""
    default = ArchitecturesSpec()
    if spec.lens == "depth":
        return replace(default, lens="depth", blocks=spec.blocks, norm=spec.norm, seed=spec.seed)
    return replace(default, lens="skips", net=spec.net, text=spec.text, pixels=spec.pixels, seed=spec.seed)  # fmt: skip


@lru_cache(maxsize=16)
def before_training(spec: ArchitecturesSpec) -> Mapping[str, Float[Array, " layer"]]:
    """The gradients of both of the pair at their first weights; call it with `quiet(spec)`. Dropout is off, batch norm uses the batch."""
    found = {}
    for name, plan in pair(spec).items():
        x, y = pictures("train", plan.shape[1])
        found[name] = gradients(settled(started(plan, spec.seed).double()), x[:SEEN].double(), y[:SEEN])
    return found


def settled(net: nn.Module) -> nn.Module:
    """Training mode without dropout."""
    net.train()
    for layer in net.modules():
        if isinstance(layer, Dropout):
            layer.eval()
    return net


def train(spec: ArchitecturesSpec) -> Iterator[Snapshot]:
    """The job of the lens. Its arrays hold `spec`: bytes of the JSON of what it depends on."""
    mine = np.frombuffer(job_part(spec).to_json().encode(), np.uint8)
    run = {"race": race, "separable": timing}.get(spec.lens, duel)
    for snapshot in run(spec):
        yield replace(snapshot, arrays={**snapshot.arrays, "spec": mine} if snapshot.arrays else {})


def job_part(spec: ArchitecturesSpec) -> ArchitecturesSpec:
    """The Spec with everything at its default that its job does not depend on."""
    default, learned = ArchitecturesSpec(), {"epochs": spec.epochs, "rate": spec.rate, "seed": spec.seed}
    if spec.lens == "race":
        return replace(default, lens="race", pixels=spec.pixels, **learned)
    if spec.lens == "separable":
        return replace(default, lens="separable", channels=spec.channels, filters=spec.filters, kernel=spec.kernel, side=spec.side)  # fmt: skip
    return replace(quiet(spec), **learned)


def belongs(spec: ArchitecturesSpec, arrays: Mapping[str, Array]) -> bool:
    """Whether a job's arrays are of what the settings ask for."""
    return "spec" in arrays and ArchitecturesSpec.from_json(arrays["spec"].tobytes().decode()) == job_part(spec)


def race(spec: ArchitecturesSpec) -> Iterator[Snapshot]:
    """Every small network in turn. Arrays `accuracy`, `seconds` (of computing, in training), `answer` (for 100 pictures), NaN where not known yet."""
    names = list(NETS)
    told = {what: np.full(len(names), np.nan) for what in ("accuracy", "seconds", "answer")}
    x, y = pictures("train", small(spec).shape[1])
    steps = spec.epochs * -(-len(x) // BATCH)
    rule = Rule(steps, spec.rate, BATCH)
    for place, name in enumerate(names):
        plan = small(replace(spec, net=name))
        net, begun = started(plan, spec.seed), time.process_time()
        for step, _ in enumerate(fitting(net, x, y, rule, seed=spec.seed), 1):
            if step % 4 == 0 and step < steps:
                yield Snapshot(place * steps + step, len(names) * steps, arrays={k: v.copy() for k, v in told.items()})
        told["seconds"][place] = time.process_time() - begun
        begun, test = time.process_time(), pictures("test", plan.shape[1])
        told["accuracy"][place] = tested(net, *test)[1]
        told["answer"][place] = 100 * (time.process_time() - begun) / len(test[1])
        yield Snapshot((place + 1) * steps, len(names) * steps, arrays={k: v.copy() for k, v in told.items()})


def duel(spec: ArchitecturesSpec) -> Iterator[Snapshot]:
    """Both of the pair on the same batches. Metrics loss.0, loss.1 (means since the last), accuracy.0, accuracy.1; arrays gradient.0, gradient.1 of now."""
    plans = list(pair(spec).values())
    x, y = pictures("train", plans[0].shape[1])
    test = pictures("test", plans[0].shape[1])
    rule = Rule(spec.epochs * -(-len(x) // BATCH), spec.rate, BATCH)
    nets = [started(plan, spec.seed) for plan in plans]
    runs = [fitting(net, x, y, rule, seed=spec.seed) for net in nets]
    every, losses = max(1, rule.steps // 15), []
    for step, both in enumerate(zip(*runs, strict=True), 1):
        losses.append(both)
        if step % every and step < rule.steps:
            yield Snapshot(step, rule.steps)
            continue
        metrics = {f"loss.{k}": float(v) for k, v in enumerate(np.mean(losses, 0))}
        metrics |= {f"accuracy.{k}": tested(net, *test)[1] for k, net in enumerate(nets)}
        now = {f"gradient.{k}": gradients(settled(net), x[:SEEN], y[:SEEN]) for k, net in enumerate(nets)}
        losses = []
        yield Snapshot(step, rule.steps, metrics, now)


@dataclass(frozen=True)
class Taken:
    """One convolution and its depthwise-separable counterpart, without biases."""

    full: Chain
    apart: Chain
    shape: tuple[int, int, int]


def taken_apart(spec: ArchitecturesSpec) -> Taken:
    """The two layers of the lens."""
    N, M, k = spec.channels, spec.filters, spec.kernel
    return Taken(
        chain("", conv(M, k, padding=(k - 1) // 2, bias=False)),
        chain("", replace(depthwise(k), padding=(k - 1) // 2), conv(M, 1, bias=False)),
        (N, spec.side, spec.side),
    )


def timing(spec: ArchitecturesSpec) -> Iterator[Snapshot]:
    """Seconds of computing of both for one batch of 8 maps, forward and in turn. Array `seconds` (round, full or apart)."""
    both = taken_apart(spec)
    nets = [module(net, both.shape).eval() for net in (both.full, both.apart)]
    x = torch.randn(8, *both.shape, generator=generator(0, "timing"))
    told = np.full((ROUNDS, 2), np.nan)
    with torch.no_grad():
        for net in nets:
            net(x)
    for k in range(ROUNDS):
        for place, net in enumerate(nets):
            with torch.no_grad():
                begun = time.process_time()
                net(x)
                told[k, place] = time.process_time() - begun
        yield Snapshot(k + 1, ROUNDS, arrays={"seconds": told.copy()})
