"""The training loop: R nets learn side by side, and their state at any step is enough to go on exactly.

    for each epoch: a new order of the rows; for each batch: g = dL/dθ, g shortened to the longest norm, θ <- Optimizer(θ, g; η_t)

A `State` holds what the next step depends on: θ, what the optimizer remembers and how often it has stepped, the random generators, the
order of the epoch in progress, what the plateau has seen. No array in it is changed afterwards, so keeping a state costs nothing; `to_bytes`
writes it into one file. Resuming from it gives the uninterrupted run to the last bit.

Source of the loop: L. Bottou, F. E. Curtis, J. Nocedal, SIAM Review 60, 2018, algorithm 4.1; of `early`: L. Prechelt, 1998, with K. Kawaguchi's
"patience" as Keras and most libraries count it.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Int

from core.errors import ExplainerError
from core.rng import numpy_generator
from core.training.clipping import CLIPS
from core.training.optimizers import Racer, gather
from core.training.schedules import Plateau, Schedule
from core.training_loop.net import Net, Theta, evaluate, first_weights, gradient

PLATEAU = Schedule("plateau", factor=0.5, patience=2)  # observed once an epoch
MEMORY = "memory/"  # how the names of the optimizer's arrays begin in a file

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """What is trained, and how: one racer, seed and dropout for each of the R nets. X and y have R rows, or 1 that all share."""

    net: Net
    X: Float[Array, "_ N d"]
    y: Int[Array, "_ N"]
    X_val: Float[Array, "_ V d"]
    y_val: Int[Array, "_ V"]
    racers: tuple[Racer, ...]
    seeds: tuple[int, ...]
    dropout: tuple[float, ...]
    schedule: Schedule
    clip: float
    batch: int
    epochs: int

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch; the last batch may be smaller."""
        return -(-self.X.shape[1] // self.batch)

    @property
    def steps(self) -> int:
        return self.per_epoch * self.epochs

    @cached_property
    def rates(self) -> Float[Array, "step R"] | None:
        """η_t of all nets, where it is known beforehand."""
        lr = np.array([racer.lr for racer in self.racers])
        return None if self.schedule.watches else self.schedule.rates(lr, self.steps)


@dataclass(frozen=True, eq=False)
class State:
    """All that the rest of a run depends on, after `step` steps."""

    step: int
    theta: Theta
    memory: Mapping[str, Array]  # the optimizer's
    taken: int  # steps that the optimizer has taken since its memory began
    random: tuple[Mapping[str, Any], ...]  # of each net's generator
    order: Int[Array, "R N"]  # of the epoch in progress
    plateau: Mapping[str, Array]  # empty without one


@dataclass(frozen=True, eq=False)
class Epoch:
    """What is written down about (a part of) an epoch: one row a step, and the state and validation at its end."""

    state: State
    before: Theta  # θ ahead of the first of these steps
    losses: Float[Array, "S R"]
    rates: Float[Array, "S R"]
    gradient: Theta  # of the last step, before it was shortened
    gradient_norm: Float[Array, "S R"]  # before it was shortened
    weight_norm: Float[Array, "S L R"]  # |W_l| before the step
    update_norm: Float[Array, "S L R"]  # |ΔW_l|
    val_loss: Float[Array, " R"]
    val_accuracy: Float[Array, " R"]


def begin(plan: Plan) -> State:
    """The state before the first step."""
    theta = np.stack([first_weights(plan.net, numpy_generator(seed, "weights")) for seed in plan.seeds])
    random = tuple(numpy_generator(seed, "loop").bit_generator.state for seed in plan.seeds)
    order = np.zeros((len(plan.seeds), plan.X.shape[1]), np.int64)
    plateau = _told(plan.schedule.plateau(np.array([r.lr for r in plan.racers]))) if plan.schedule.watches else {}
    return State(0, theta, fresh(plan), 0, random, order, plateau)


def fresh(plan: Plan) -> dict[str, Array]:
    """The memory of an optimizer that has not stepped yet."""
    h = gather(list(plan.racers), plan.net.count)
    return {symbol: first(h) for symbol, first in plan.racers[0].optimizer.state.items()}


def _told(plateau: Plateau) -> dict[str, Array]:
    return {name: np.array(value) for name, value in vars(plateau).items() if isinstance(value, np.ndarray)}


def masks(plan: Plan, generators: Sequence[np.random.Generator], rows: int) -> list[Array]:
    """Dropout's mask of each hidden layer, (R, rows, units); none where nothing is dropped, and a net without dropout draws nothing."""
    if not any(plan.dropout):
        return []
    return [
        np.stack([(g.random((rows, units)) < 1 - p) / (1 - p) if p else np.ones((rows, units)) for g, p in zip(generators, plan.dropout, strict=True)])
        for units in plan.net.sizes[1:-1]
    ]  # fmt: skip


def epochs(plan: Plan, state: State, until: int) -> Iterator[Epoch]:
    """Train on from `state`, and tell after each epoch; the last ends at step `until`, or at a loss that is no finite number.

    A run that overflows is a result: the caller switches NumPy's warnings off.
    """
    generators = [np.random.default_rng() for _ in plan.seeds]
    for g, random in zip(generators, state.random, strict=True):
        g.bit_generator.state = random
    h, optimizer = gather(list(plan.racers), plan.net.count), plan.racers[0].optimizer
    s, theta, order, step, taken = SimpleNamespace(**state.memory), state.theta, state.order, state.step, state.taken
    plateau = plan.schedule.plateau(np.array([r.lr for r in plan.racers])) if plan.schedule.watches else None
    if plateau is not None:
        vars(plateau).update({name: value.copy() for name, value in state.plateau.items()})
    alone = np.arange(len(plan.seeds))[:, None] if len(plan.X) > 1 else np.zeros((1, 1), np.int64)
    finite = True
    while step < until and finite:
        if step % plan.per_epoch == 0:
            order = np.stack([g.permutation(order.shape[1]) for g in generators])
        end = min(until, (step // plan.per_epoch + 1) * plan.per_epoch)
        before, losses, rates, lengths = theta, [], [], []
        while step < end and finite:
            start = step % plan.per_epoch * plan.batch
            rows = order[:, start : start + plan.batch]
            loss, g = gradient(plan.net, theta, plan.X[alone, rows], plan.y[alone, rows], masks(plan, generators, rows.shape[1]))  # fmt: skip
            rate = plan.rates[step] if plateau is None else plateau.lr
            h.lr[:] = rate[:, None]
            step, taken = step + 1, taken + 1
            last, theta = theta, optimizer.rule(theta, CLIPS["norm"](g, plan.clip) if plan.clip else g, s, h, taken)
            lengths.append((norm(g), layer_norms(plan.net, last), layer_norms(plan.net, theta - last)))
            losses.append(loss)
            rates.append(rate)
            finite = len(plan.seeds) > 1 or bool(np.isfinite(loss[0]))
        val_loss, val_accuracy = evaluate(plan.net, theta, plan.X_val, plan.y_val)
        if plateau is not None and step % plan.per_epoch == 0:
            plateau.observe(val_loss)
        memory = {symbol: vars(s)[symbol] for symbol in state.memory}
        random = tuple(g.bit_generator.state for g in generators)
        now = State(step, theta, memory, taken, random, order, {} if plateau is None else _told(plateau))
        gradient_norm, weight_norm, update_norm = map(np.array, zip(*lengths, strict=True))
        yield Epoch(
            now, before, np.stack(losses), np.stack(rates), g, gradient_norm, weight_norm, update_norm, val_loss, val_accuracy,
        )  # fmt: skip


def norm(values: Float[Array, "R n"]) -> list[float]:
    """The length of each row."""
    return [math.sqrt(row @ row) for row in values]


def layer_norms(net: Net, values: Theta) -> list[list[float]]:
    """The length of each layer's weights, or of what moves them, (L, R)."""
    return [norm(values[:, w]) for w, _ in net.places]


@dataclass(frozen=True)
class Stop:
    """What early stopping says: the epoch with the lowest loss so far, and the epoch at which it ends the run (None: not yet)."""

    best: int
    at: int | None


def early(losses: Sequence[float], patience: int) -> Stop:
    """Validation losses after 0, 1, ... epochs: stop at the first epoch that is `patience` epochs after the last new low; 0: never.

    A loss that is no number is no new low; of equal losses the first counts.
    """
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] or not np.isfinite(losses[best]):
            best = epoch if np.isfinite(loss) else best
        if patience and epoch - best >= patience:
            return Stop(best, epoch)
    return Stop(best, None)


def to_bytes(state: State) -> bytes:
    """The state as one .npz file; random generators and counters are JSON in it."""
    about = json.dumps({"step": state.step, "taken": state.taken, "random": state.random})
    arrays = {f"{MEMORY}{name}": value for name, value in state.memory.items()}
    arrays |= {f"plateau/{name}": value for name, value in state.plateau.items()}
    out = io.BytesIO()
    np.savez(out, about=np.array(about), theta=state.theta, order=state.order, **arrays)
    return out.getvalue()


def from_bytes(data: bytes) -> State:
    """The state in a file that `to_bytes` wrote.

    Raises:
        ExplainerError: it is no such file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            arrays = dict(found)
        about = json.loads(str(arrays["about"]))
        memory, plateau = ({name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)} for start in (MEMORY, "plateau/"))  # fmt: skip
        return State(about["step"], arrays["theta"], memory, about["taken"], tuple(about["random"]), arrays["order"], plateau)  # fmt: skip
    except (ValueError, KeyError, OSError, EOFError, BadZipFile):
        raise ExplainerError("this is no checkpoint; it should be the file that 'Download checkpoint' gives") from None


def forgetful(plan: Plan, state: State) -> State:
    """The state as a file of weights alone would give it back: the optimizer begins anew."""
    return replace(state, memory=fresh(plan), taken=0)


def other_luck(state: State) -> State:
    """The state with other random generators, as if they had not been saved."""
    random = tuple(numpy_generator(0, "other", str(k)).bit_generator.state for k in range(len(state.random)))
    return replace(state, random=random)
