"""How far back recurrent nets learn: gradients through time at the first weights, and what trained nets recall.

The task is first-token recall: a letter, distractors, and a cue at the last step T, where the letter is asked. With L the loss there,

    |dL/dh_t|, |dL/dc_t|      mean over 32 sequences of the gradient's norm, by one sweep backward through time
    |dL/dh_t| ≤ σ^(T−t) |dL/dh_T|      vanilla RNN, σ the largest singular value of U, since tanh' ≤ 1        R. Pascanu et al., ICML 2013, section 2
    dc_T/dc_t ≈ product of f_s, t < s ≤ T      along the LSTM's cell alone                                  F. Gers et al., 2000

The product Jacobian dh_T/dh_t has its own singular values: the largest says how far the loudest direction reaches, the median how far most do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float

from core.contracts import Snapshot
from core.memory_length.spec import MemoryLengthSpec
from core.recurrent import TASKS, Net, descend, gradients, loaded, network, trace, weights_in
from core.recurrent.learning import train as learn
from core.recurrent.recipes import Recipe, accuracy, batches, empty_net, held_out, run
from core.recurrent.shipped import DELAY_RECIPES, delay_nets
from core.rng import generator

KINDS = ("rnn", "gru", "lstm")
SEQUENCES = 32
DELAYS = tuple(DELAY_RECIPES)
BIASES = (-1.0, 0.0, 1.0, 3.0, 5.0)
CLIP_STEPS, CLIP_LENGTH = 150, 30
RECALL = TASKS["recall"]
QUIET = {"delay": ("length", "limit"), "bias": ("forget_bias", "limit")}  # what does not change what is trained

Array = np.ndarray


def first_net(spec: MemoryLengthSpec, kind: str, forget_bias: float | None = None) -> Net:
    """A net before training, in double precision."""
    return network(
        kind, RECALL.features, spec.hidden, RECALL.outputs, generator(spec.seed, "weights", kind), weights=spec.weights,
        forget_bias=spec.forget_bias if forget_bias is None else forget_bias, gain=spec.gain, dtype=torch.float64,
    )  # fmt: skip


def sequences(spec: MemoryLengthSpec) -> tuple[torch.Tensor, torch.Tensor]:
    """The inputs (32, T, feature) in double precision, and the letter that each one asks for (32,)."""
    inputs, targets, _ = RECALL.sample(SEQUENCES, spec.length, generator(spec.seed, "sequences"))
    return inputs.double(), targets[:, -1]


@dataclass(frozen=True, eq=False)
class Way:
    """The way back of one net: mean norms |dL/dh_t| and |dL/dc_t| (time,), the mean forget gate, the largest singular value of U."""

    h: Float[Array, " time"]
    c: Float[Array, " time"] | None
    forget: float
    sigma: float


def way_back(net: Net, inputs: torch.Tensor, letters: torch.Tensor) -> Way:
    """One forward pass, one sweep backward."""
    found = trace(net.cell, inputs)
    with torch.no_grad():
        d_scores = torch.softmax(net.readout(found.output[:, -1]), 1) - torch.nn.functional.one_hot(
            letters, RECALL.outputs
        )
        d_output = torch.zeros_like(found.output)
        d_output[:, -1] = d_scores @ net.readout.weight
        sigma = float(torch.linalg.matrix_norm(net.cell.weight_hh_l0, 2))
    back = gradients(net.cell, found, d_output)
    h, c = (None if g is None else g[0, 0].norm(dim=-1).mean(0).numpy() for g in (back.h, back.c))
    return Way(h, c, float(found.f.mean()) if "f" in found.signals else float("nan"), sigma)


@lru_cache(maxsize=64)
def ways(spec: MemoryLengthSpec) -> Mapping[str, Way]:
    """The way back in every cell at the first weights."""
    return {kind: way_back(first_net(spec, kind), *sequences(spec)) for kind in KINDS}


def at_first(spec: MemoryLengthSpec) -> MemoryLengthSpec:
    """The Spec with everything at its default that the gradients at the first weights do not depend on."""
    return MemoryLengthSpec(spec.length, spec.hidden, spec.weights, spec.gain, spec.forget_bias, spec.seed)


def reach(norms: Float[Array, " time"], share: float = 0.01) -> int:
    """How many steps back the gradient is at least `share` of what it is at the last step, without a gap."""
    kept = norms[::-1] >= share * norms[-1]
    return int(len(kept) - 1 if kept.all() else kept.argmin() - 1)


@lru_cache(maxsize=16)
def biases(spec: MemoryLengthSpec) -> Mapping[float, Way]:
    """The way back in LSTMs that differ in their forget bias alone."""
    return {b: way_back(first_net(spec, "lstm", b), *sequences(spec)) for b in BIASES}


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The RNN's U, and the product Jacobian dh_T/dh_t of one sequence: singular values of U (H,), largest and median of the product (time,)."""

    U: Float[Array, " hidden"]
    largest: Float[Array, " time"]
    median: Float[Array, " time"]


@lru_cache(maxsize=16)
def spectrum(spec: MemoryLengthSpec) -> Spectrum:
    """Measured on the first sequence."""
    net, (inputs, _) = first_net(spec, "rnn"), sequences(spec)
    found = trace(net.cell, inputs[:1])
    H, T = spec.hidden, spec.length
    d_output = torch.zeros(H, T, H, dtype=torch.float64)
    d_output[:, -1] = torch.eye(H)
    J = gradients(net.cell, found, d_output).h[0, 0].transpose(0, 1)  # (time, by which output of h_T, by which of h_t)
    values = torch.linalg.svdvals(J).numpy()
    U = torch.linalg.svdvals(net.cell.weight_hh_l0.detach()).numpy()
    return Spectrum(U, values[:, 0], np.median(values, axis=1))


@dataclass(frozen=True, eq=False)
class Explosion:
    """The same RNN trained twice by plain gradient descent: losses and gradient norms before clipping, (step,) by name."""

    losses: Mapping[str, Array]
    norms: Mapping[str, Array]


@lru_cache(maxsize=16)
def explosion(spec: MemoryLengthSpec) -> Explosion:
    """150 steps without and with clipping, on the same batches. A run that is no number any more is NaN from there."""
    recipe = Recipe("recall", min(spec.length, CLIP_LENGTH) - 2, batch=32, seed=spec.seed)
    told: dict[str, list[tuple[float, float]]] = {}
    for name, clip in (("without clipping", None), (f"clipped at {spec.limit:g}", spec.limit)):
        net = {name: first_net(spec, "rnn").float()}
        steps = descend(
            net, batches(recipe), RECALL.loss, CLIP_STEPS, rate=spec.rate, clip=clip, optimizer=torch.optim.SGD
        )
        told[name] = [(losses[name], norms[name]) for _, losses, norms in steps]
    both = {name: np.array(values).T for name, values in told.items()}
    return Explosion({n: v[0] for n, v in both.items()}, {n: v[1] for n, v in both.items()})


@dataclass(frozen=True, eq=False)
class Recall:
    """Accuracy of trained nets on new sequences, by cell and delay; NaN where none was trained yet. `steps` they were trained for."""

    scores: Mapping[str, Float[Array, " delay"]]
    steps: int


@lru_cache(maxsize=1)
def shipped_recall() -> Recall:
    """The nets that ship, on sequences that are drawn now."""
    scores = {kind: [] for kind in KINDS}
    for delay, recipe in DELAY_RECIPES.items():
        inputs, _, _ = held_out(replace(recipe, seed=1))
        weights = delay_nets(delay)
        for kind in KINDS:
            scores[kind].append(accuracy(recipe, loaded(empty_net(recipe, kind), weights_in(weights, kind)), inputs))
    return Recall({kind: np.array(values) for kind, values in scores.items()}, next(iter(DELAY_RECIPES.values())).steps)


def train_part(spec: MemoryLengthSpec) -> MemoryLengthSpec:
    """The Spec with everything at its default that the job of its lens does not depend on."""
    default = MemoryLengthSpec()
    return replace(spec, **{name: getattr(default, name) for name in QUIET.get(spec.lens, ())})


def train(spec: MemoryLengthSpec) -> Iterator[Snapshot]:
    """The job of the lens. Arrays: `spec` (bytes of its JSON), and for "delay" accuracies `scores` (cell, delay), NaN where none is trained yet.

    Metrics of "bias": score.<bias> and loss.<bias> of each LSTM; of "delay" nothing but the steps.
    """
    mine = np.frombuffer(train_part(spec).to_json().encode(), np.uint8)
    for snapshot in train_delays(spec) if spec.lens == "delay" else train_biases(spec):
        yield replace(snapshot, arrays={**snapshot.arrays, "spec": mine})


def train_delays(spec: MemoryLengthSpec) -> Iterator[Snapshot]:
    """Three nets for each delay, one delay after the other."""
    scores, total = np.full((len(KINDS), len(DELAYS)), np.nan), len(DELAYS) * spec.steps
    for place, delay in enumerate(DELAYS):
        recipe = Recipe(
            "recall", delay, KINDS, spec.hidden, weights=spec.weights, forget_bias=spec.forget_bias, gain=spec.gain, steps=spec.steps, batch=32, rate=spec.rate, seed=spec.seed,
        )  # fmt: skip
        for snapshot in run(recipe):
            scores[:, place] = [snapshot.metrics[f"score.{kind}"] for kind in KINDS]
            yield Snapshot(place * spec.steps + snapshot.step, total, arrays={"scores": scores.copy()})


def train_biases(spec: MemoryLengthSpec) -> Iterator[Snapshot]:
    """LSTMs that differ in their forget bias alone, on the same batches."""
    recipe = Recipe("recall", spec.length - 2, batch=32, seed=spec.seed)
    nets = {f"{b:g}": first_net(spec, "lstm", b).float() for b in BIASES}
    inputs, _, _ = held_out(recipe)
    every = max(1, spec.steps // 40)
    for snapshot in learn(
        nets,
        batches(recipe),
        RECALL.loss,
        spec.steps,
        rate=spec.rate,
        clip=1.0,
        every=every,
        score=lambda net: accuracy(recipe, net, inputs),
    ):
        yield replace(snapshot, arrays={})


def belongs(spec: MemoryLengthSpec, arrays: Mapping[str, Array]) -> bool:
    """Whether a job's arrays are of what the settings ask for."""
    return "spec" in arrays and MemoryLengthSpec.from_json(arrays["spec"].tobytes().decode()) == train_part(spec)


def numbers(spec: MemoryLengthSpec) -> dict[str, float]:
    """What the exported script prints: the gradients at the first, middle and last step, and the largest singular values."""
    T, values = spec.length, {}
    for kind, way in ways(at_first(spec)).items():
        for t in dict.fromkeys((1, (T + 1) // 2, T)):
            values[f"{kind} dL/dh at step {t}"] = float(way.h[t - 1])
            if way.c is not None:
                values[f"{kind} dL/dc at step {t}"] = float(way.c[t - 1])
        values[f"{kind} largest singular value of U"] = way.sigma
    return values
