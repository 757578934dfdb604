"""From the Spec to a trained net, and from one sequence to every gate: what the inspector's pictures are made of.

The nets are those of core/recurrent: RNN, GRU and LSTM (and, when it is looked into, the LSTM with peepholes) learn side by side from
the same batches. Which weights are on screen: those of a run that has been made in this process, else those that ship with the
project, else those of a first few steps made on the spot. The learning is in single precision, all looking in double.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.lstm_gates.spec import LstmGatesSpec
from core.recurrent import CELLS, TASKS, Net, Task, Trace, jacobians, loaded, trace, weights_in
from core.recurrent.recipes import Recipe, empty_net, held_out, run
from core.recurrent.shipped import shipped

PREVIEW = 40  # steps of a run on the spot, fewer of long sequences or wide nets
KEPT = 64  # runs that the process remembers
TRAINED = (
    "task", "delay", "hidden", "same", "layers", "bidirectional", "weights", "forget_bias", "steps", "rate", "clip", "seed",
)  # fmt: skip  # and whether there are peepholes

Array = np.ndarray
Signals = Mapping[str, Float[Array, "time hidden"]]


@dataclass(frozen=True, eq=False)
class Learned:
    """Trained nets: weights <kind>/<weight>, and metrics (step, loss.<kind>, score.<kind>) along the way.

    `origin` is "run" for a whole run, "shipped", or "preview" for its first steps.
    """

    recipe: Recipe
    weights: Mapping[str, Array]
    metrics: Mapping[str, Array]
    origin: str

    @property
    def step(self) -> int:
        """The training step that the weights belong to."""
        return int(self.metrics["step"][-1])


def recipe_of(spec: LstmGatesSpec) -> Recipe:
    """The race that the Spec asks for."""
    cells = ("rnn", "gru", "lstm") + (("peephole",) if spec.cell == "peephole" else ())
    return Recipe(
        spec.task, spec.delay if TASKS[spec.task].delayed else 0, cells, spec.hidden, spec.same, spec.layers, spec.bidirectional,
        spec.weights, spec.forget_bias, steps=spec.steps, rate=spec.rate, clip=1.0 if spec.clip else None, seed=spec.seed,
    )  # fmt: skip


def train_part(spec: LstmGatesSpec) -> LstmGatesSpec:
    """The Spec with everything that the training does not depend on at its default."""
    cell = spec.cell if spec.cell == "peephole" else LstmGatesSpec().cell
    return LstmGatesSpec(**{name: getattr(spec, name) for name in TRAINED}, cell=cell)


def train(spec: LstmGatesSpec) -> Iterator[Snapshot]:
    """The race as a job: the Snapshots of `recipes.run`, each with `spec` (bytes of its JSON)."""
    mine = np.frombuffer(train_part(spec).to_json().encode(), np.uint8)
    for snapshot in run(recipe_of(spec)):
        yield replace(snapshot, arrays={**snapshot.arrays, "spec": mine})


def learned_from(spec: LstmGatesSpec, metrics: Mapping[str, Array], arrays: Mapping[str, Array]) -> Learned | None:
    """What a job has learned so far, if it is the race that the Spec asks for. A whole run is remembered."""
    if "spec" not in arrays or LstmGatesSpec.from_json(arrays["spec"].tobytes().decode()) != train_part(spec):
        return None
    weights = {name: values for name, values in arrays.items() if name != "spec"}
    found = Learned(recipe_of(spec), weights, metrics, "run")
    if found.step == spec.steps:
        _runs[found.recipe] = found
        while len(_runs) > KEPT:
            _runs.popitem(last=False)
    return found


_runs: OrderedDict[Recipe, Learned] = OrderedDict()


def learned_of(spec: LstmGatesSpec) -> Learned:
    """The best weights that are at hand without waiting."""
    recipe = recipe_of(spec)
    if recipe in _runs:
        return _runs[recipe]
    if (found := shipped(recipe)) is not None:
        return Learned(recipe, *found, "shipped")
    return preview(recipe)[0]


def preview(recipe: Recipe) -> tuple[Learned, tuple[Snapshot, ...]]:
    """The first steps of the race, made on the spot, and its Snapshots for a film."""
    size = recipe.length * recipe.hidden * recipe.layers * (1 + recipe.bidirectional)
    steps = max(6, min(PREVIEW, recipe.steps, PREVIEW * 30 * 16 // size))
    told = _first_steps(replace(recipe, steps=steps))
    metrics = {name: np.array([s.metrics.get(name, np.nan) for s in told]) for name in told[-1].metrics}
    return Learned(recipe, told[-1].arrays, {"step": np.array([s.step for s in told]), **metrics}, "preview"), told


@lru_cache(maxsize=32)
def _first_steps(recipe: Recipe) -> tuple[Snapshot, ...]:
    return tuple(run(recipe, every=max(1, recipe.steps // 8)))


def net_of(learned: Learned, kind: str) -> Net:
    """The net of this kind in double precision, in eval mode."""
    return loaded(empty_net(learned.recipe, kind), weights_in(learned.weights, kind)).double()


@dataclass(frozen=True, eq=False)
class Scene:
    """One sequence read by the net that is looked into. Arrays have (time, ...) shapes; `signals` are those of the chosen layer."""

    spec: LstmGatesSpec
    learned: Learned
    net: Net
    task: Task
    inputs: Float[torch.Tensor, "1 time feature"]
    words: tuple[str, ...]
    targets: Array
    latent: Float[Array, " time"]
    found: Trace
    signals: Signals
    answers: Float[Array, "time output"]
    right: Float[Array, " time"]

    @property
    def T(self) -> int:  # noqa: N802
        """Steps."""
        return len(self.words)

    @property
    def H(self) -> int:  # noqa: N802
        """Units of the layer."""
        return self.net.cell.hidden_size

    @property
    def t(self) -> int:
        """The chosen step, counted from 0."""
        return min(self.spec.at, self.T) - 1

    @property
    def unit(self) -> int:
        """The chosen unit, counted from 0."""
        return min(self.spec.unit, self.H) - 1

    @property
    def signal(self) -> str:
        """The chosen signal: what the Spec names if the cell has it, else the cell's memory."""
        known = CELLS[self.spec.cell].signals
        return self.spec.signal if self.spec.signal in known else "c" if "c" in known else "h"

    @property
    def span(self) -> slice:
        """The chosen steps, counted from 0; the ends may come in either order."""
        first, last = sorted((min(self.spec.first, self.T), min(self.spec.last, self.T)))
        return slice(first - 1, last)

    @cached_property
    def known(self) -> HeldOut:
        """The test set read by the same net."""
        return read_held_out(self)

    @property
    def loss(self) -> float:
        """The task's loss on this sequence; NaN where nothing is asked."""
        return loss_of(self, self.answers)


def ways(net: Net) -> dict[str, tuple[int, int]]:
    """Name of each layer and direction -> its place in a trace."""
    both = net.cell.bidirectional
    names = [f"layer {k + 1}" for k in range(net.cell.num_layers)]
    return {
        name + (", from the end" if d else ", from the start" if both else ""): (k, d)
        for k, name in enumerate(names)
        for d in range(1 + both)
    }


def way_of(spec: LstmGatesSpec, net: Net) -> tuple[int, int]:
    """The chosen layer and direction: the one named, else the top layer's first."""
    known = ways(net)
    return known.get(spec.way, (net.cell.num_layers - 1, 0))


def sequence(spec: LstmGatesSpec) -> Float[torch.Tensor, "1 time feature"]:
    """The typed sequence, or the first of the test set.

    Raises:
        ExplainerError: what was typed is no sequence of the task.
    """
    if spec.text.strip():
        return TASKS[spec.task].encode(spec.text).double()
    return held_out(recipe_of(spec))[0][:1].double()


def scene(spec: LstmGatesSpec, learned: Learned | None = None) -> Scene:
    """Read the sequence with the net that is looked into."""
    learned = learned or learned_of(spec)
    net, task, inputs = net_of(learned, spec.cell), TASKS[spec.task], sequence(spec)
    found = trace(net.cell, inputs)
    targets, latent = task.rule(inputs)
    with torch.no_grad():
        outputs = net.readout(found.output)
    return Scene(
        spec, learned, net, task, inputs, tuple(task.words(inputs[0])), targets[0].numpy(), latent[0].double().numpy(), found,
        signals_of(found, way_of(spec, net)), outputs[0].numpy(), task.right(inputs, outputs)[0].numpy(),
    )  # fmt: skip


def signals_of(found: Trace, way: tuple[int, int]) -> Signals:
    """Every signal of the first sequence in one layer and direction, (time, hidden)."""
    return {name: values[way][0].numpy() for name, values in found.signals.items()}


def probabilities(outputs: Float[Array, "time output"]) -> Float[Array, "time output"]:
    """Softmax of each step's scores."""
    e = np.exp(outputs - outputs.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def loss_of(now: Scene, outputs: Float[Array, "time output"]) -> float:
    """The task's loss of these outputs on the scene's sequence; NaN where nothing is asked."""
    return float(now.task.loss(torch.tensor(outputs)[None], torch.tensor(now.targets)[None]))


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The test set read by the net that is looked into: signals (sequence, time, hidden), latent and words."""

    inputs: Float[torch.Tensor, "batch time feature"]
    signals: Mapping[str, Float[Array, "batch time hidden"]]
    latent: Float[Array, "batch time"]


def read_held_out(now: Scene) -> HeldOut:
    """All gates on all test sequences."""
    inputs, _, latent = held_out(now.learned.recipe)
    found = trace(now.net.cell, inputs.double())
    way = way_of(now.spec, now.net)
    return HeldOut(
        inputs.double(), {name: s[way].numpy() for name, s in found.signals.items()}, latent.double().numpy()
    )


def saturation(values: Array) -> tuple[float, float]:
    """Share of the values of a gate below 0.1 and above 0.9."""
    return float((values < 0.1).mean()), float((values > 0.9).mean())


@dataclass(frozen=True, eq=False)
class Probe:
    """How well units follow the known latent on test sequences: r of each unit, R² of one line through the best unit, R² of all together."""

    r: Float[Array, " hidden"]
    best: int
    r2_best: float
    r2_all: float


def probe(signal: Float[Array, "batch time hidden"], latent: Float[Array, "batch time"]) -> Probe:
    """Lines are fitted on the first half of the sequences, and R² is measured on the second."""
    half = len(latent) // 2
    X, y = (values[:half].reshape(-1, *values.shape[2:]) for values in (signal, latent))
    X_new, y_new = (values[half:].reshape(-1, *values.shape[2:]) for values in (signal, latent))
    r = correlations(X, y)
    best = int(np.argmax(np.abs(r)))
    return Probe(r, best, _r2(X[:, [best]], y, X_new[:, [best]], y_new), _r2(X, y, X_new, y_new))


def correlations(X: Float[Array, "n hidden"], y: Float[Array, " n"]) -> Float[Array, " hidden"]:
    """Pearson's r of every column with y; 0 for a column, or a y, that does not move."""
    X, y = X - X.mean(0), y - y.mean()
    scale = np.sqrt((X * X).sum(0) * (y * y).sum())
    return np.divide(X.T @ y, scale, out=np.zeros(X.shape[1]), where=scale > 1e-12)


def _r2(X: Array, y: Array, X_new: Array, y_new: Array) -> float:
    """R² on new rows of the least-squares line through the old ones; NaN if the new y does not move."""
    mean = X.mean(0)
    w, *_ = np.linalg.lstsq(X - mean, y - y.mean(), rcond=None)
    left = ((y_new - y.mean() - (X_new - mean) @ w) ** 2).sum()
    total = ((y_new - y_new.mean()) ** 2).sum()
    return float(1 - left / total) if total > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Selection:
    """Units that are on at every chosen step, how often each is on outside, and where else all selected ones are on.

    `selected`: on inside, and on in less than half of the steps outside. `places` lists (sequence, step, units on there).
    """

    on: Array
    inside: Array
    outside: Float[Array, " hidden"]
    selected: Array
    places: tuple[tuple[int, int, int], ...]


def select(now: Scene, known: HeldOut, most: int = 8) -> Selection:
    """Threshold the chosen signal over the chosen phrase, and look for similar places in the test set."""
    on = now.signals[now.signal] > now.spec.threshold
    phrase = np.zeros(now.T, bool)
    phrase[now.span] = True
    inside = on[phrase].all(0)
    outside = on[~phrase].mean(0) if (~phrase).any() else np.zeros(now.H)
    selected = np.flatnonzero(inside & (outside < 0.5))
    return Selection(
        on, inside, outside, selected, similar(known.signals[now.signal] > now.spec.threshold, selected, most)
    )


def similar(on: Array, selected: Array, most: int) -> tuple[tuple[int, int, int], ...]:
    """The places in (sequence, time, hidden) where most selected units are on, best first, one for each sequence."""
    if not len(selected):
        return ()
    count = on[:, :, selected].sum(2)
    at = count.argmax(1)
    best = count[np.arange(len(count)), at]
    order = np.argsort(-best, kind="stable")[:most]
    return tuple((int(k), int(at[k]), int(best[k])) for k in order)


def connectivity(now: Scene) -> Float[Array, "time step"]:
    """|dy_t/dx_s|: the Frobenius norm over outputs and features."""
    J = jacobians(now.net.cell, now.found, now.net.readout.weight.detach())
    return J.norm(dim=(1, 3)).numpy()


def chosen_units(spec: LstmGatesSpec, H: int) -> list[int]:
    """The units that an operation acts on, counted from 0.

    Raises:
        ExplainerError: something else than numbers, or a unit that is not there.
    """
    parts = [part for part in re.split(r"[\s,;]+", spec.units) if part]
    if bad := next((part for part in parts if not part.isdecimal() or not 1 <= int(part) <= H), ""):
        raise ExplainerError(
            f"unit {bad[:20]!r} is not there; use numbers from 1 to {H}, such as 1, 2, or leave it empty for all"
        )
    return sorted({int(part) - 1 for part in parts}) or list(range(H))


@dataclass(frozen=True, eq=False)
class Operation:
    """What an intervention did: signals and answers after it, whether each is right, and accuracy on the test set before and after."""

    name: str
    mask: Array
    signals: Signals
    answers: Float[Array, "time output"]
    right: Float[Array, " time"]
    loss: float
    accuracy: tuple[float, float]


def operate(now: Scene) -> Operation:
    """Clamp, zero or swap, on the scene's sequence and on every test sequence.

    A swap puts the memory of another sequence (the second of the test set) in place of the one here.

    Raises:
        ExplainerError: units that are not there.
    """
    name = target(now)
    mask = np.zeros((now.T, now.H), bool)
    mask[np.ix_(np.arange(now.T)[now.span], chosen_units(now.spec, now.H))] = True
    found = trace(now.net.cell, now.inputs, clamp={name: (torch.tensor(mask), held_value(now, name, now.T))})
    with torch.no_grad():
        outputs = now.net.readout(found.output)
    inputs, _, _ = held_out(now.learned.recipe)
    T = inputs.shape[1]
    fitted = np.zeros((T, now.H), bool)
    fitted[: now.T] = mask[:T]
    return Operation(
        name, mask, signals_of(found, way_of(now.spec, now.net)), outputs[0].numpy(), now.task.right(now.inputs, outputs)[0].numpy(),
        loss_of(now, outputs[0].numpy()),
        (score(now, inputs.double(), None), score(now, inputs.double(), {name: (torch.tensor(fitted), held_value(now, name, T))})),
    )  # fmt: skip


def target(now: Scene) -> str:
    """The signal that is operated on: the chosen one, or the cell's memory."""
    return now.signal if now.spec.action == "clamp" else "c" if "c" in now.signals else "h"


def held_value(now: Scene, name: str, T: int) -> float | torch.Tensor:
    """What the signal is held at: a number, or for a swap the memory (time, hidden) of another sequence."""
    if now.spec.action != "swap":
        return now.spec.value if now.spec.action == "clamp" else 0.0
    donor = held_out(now.learned.recipe)[0][1:2].double()
    memory = trace(now.net.cell, donor).signals[name][way_of(now.spec, now.net)][0]
    return memory[torch.arange(T).clamp(max=len(memory) - 1)]


@torch.no_grad()
def score(now: Scene, inputs: Float[torch.Tensor, "batch time feature"], clamp: Mapping[str, object] | None) -> float:
    """Share of right answers under a clamp."""
    outputs = now.net.readout(trace(now.net.cell, inputs, clamp=clamp).output)
    return float(now.task.right(inputs, outputs).nanmean())


def film(now: Scene, told: tuple[Snapshot, ...]) -> list[tuple[int, Float[Array, "time hidden"], float]]:
    """At every kept moment of the training: its step, the chosen signal on the scene's sequence, and the accuracy on the test set."""
    shots = []
    for snapshot in told:
        learned = replace(now.learned, weights=snapshot.arrays)
        found = trace(net_of(learned, now.spec.cell).cell, now.inputs)
        shots.append((
            snapshot.step, signals_of(found, way_of(now.spec, now.net))[now.signal], float(snapshot.metrics[f"score.{now.spec.cell}"]),
        ))  # fmt: skip
    return shots


def numbers(spec: LstmGatesSpec) -> dict[str, float]:
    """What the exported script prints: the chosen unit at the chosen step, and the mean answer of every output."""
    now = scene(spec)
    values = {
        f"{name} of unit {now.unit + 1} at step {now.t + 1}": float(s[now.t, now.unit])
        for name, s in now.signals.items()
    }
    values |= {f"mean of {name}": float(s.mean()) for name, s in now.signals.items()}
    names = now.task.answers or ("the sum",)
    return {
        **values,
        **{f"score of {name} at step {now.t + 1}": float(v) for name, v in zip(names, now.answers[now.t], strict=True)},
    }
