"""From the Spec to the run on screen: the loop with its callbacks, and what the closer looks compute.

stops       patience, a loss that is no finite number, a budget of steps, or the visitor's pause: whichever comes first
kept        the weights with the lowest validation loss; the test part is looked at once, with them
smoothed    s_t = β s_{t-1} + (1 - β) L_t, shown as s_t / (1 - βᵗ): a mean of the steps so far, the latest counting most
ratio       |ΔW| / |W| of a layer in one step; about 1e-3 is a healthy pace (A. Karpathy, CS231n, "Babysitting the learning process")
first loss  of outputs z: mean_n ln Σ_k e^{z_nk} - mean_k z_nk ≈ ln K + ½ Var_k z, for labels that z knows nothing about
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.rng import numpy_generator
from core.training.optimizers import Racer
from core.training.schedules import Schedule, by_period
from core.training_loop.data import CLASSES, Parts, parts
from core.training_loop.loop import (
    PLATEAU,
    Epoch,
    Plan,
    State,
    Stop,
    begin,
    early,
    epochs,
    forgetful,
    from_bytes,
    other_luck,
    to_bytes,
)
from core.training_loop.net import Net, Theta, cross_entropy, evaluate, forward, gradient, log_softmax
from core.training_loop.spec import SCALES, TrainingLoopSpec

VIEWS = ("stand", "smooth", "lens", "layer", "fork", "fork_rate", "every")  # what does not change the run
BATCH_STEPS = 100  # on one batch, for the test that it can be learned by heart
FACTORS, DROPOUTS, SEEDS = (0.1, 0.3, 1.0, 3.0), (0.0, 0.3), 2  # of the sweep
SHUFFLES, T_95 = 8, 2.3646  # of the labels; 97.5 % quantile of Student's t for 7 degrees of freedom
CHECKED, H = 60, 1e-6  # weights whose gradient is checked, and the step of the difference quotient
WAITS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)  # what other patience would have done

QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a run that overflows is a result

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """The loop's records. `states[k]` and `val_loss[k]` are from the step `ends[k]`; 0 is before the first step."""

    spec: TrainingLoopSpec
    parts: Parts
    plan: Plan
    states: tuple[State, ...]
    epochs: tuple[Epoch, ...]
    val_loss: Float[Array, " E"]
    val_accuracy: Float[Array, " E"]
    why: str  # "end", "patience", "nan", "budget" or "paused"
    test: tuple[float, float]  # loss and accuracy of the kept weights

    @property
    def ends(self) -> list[int]:
        """Steps done at each state."""
        return [state.step for state in self.states]

    @property
    def kept(self) -> int:
        """The number of the state with the lowest validation loss."""
        return early(self.val_loss.tolist(), 0).best

    def series(self, name: str) -> Array:
        """A record of single steps, over the whole run, without the axis of the nets."""
        found = [getattr(epoch, name)[..., 0] for epoch in self.epochs]
        return np.concatenate(found) if found else np.empty(0)

    @property
    def means(self) -> list[float]:
        """The mean of the loss over the batches of each epoch."""
        return [float(epoch.losses.mean()) for epoch in self.epochs]


def core_of(spec: TrainingLoopSpec) -> TrainingLoopSpec:
    """What the run depends on, up to its end: the rest at default."""
    default = TrainingLoopSpec()
    return replace(spec, **{name: getattr(default, name) for name in VIEWS})


def racer(spec: TrainingLoopSpec, rate: float) -> Racer:
    """The optimizer with this rate."""
    return Racer("sgd", lr=rate, momentum=0.9) if spec.optimizer == "momentum" else Racer(spec.optimizer, lr=rate)


def schedule(spec: TrainingLoopSpec, steps: int) -> Schedule:
    """The schedule by its name: a step down every third of the run, a warm-up over its first tenth."""
    if spec.schedule == "plateau":
        return PLATEAU
    period = {"step": max(1, steps // 3), "warm_up": max(1, steps // 10)}.get(spec.schedule, steps)
    return by_period(spec.schedule, period, 0.3)


def plan_of(spec: TrainingLoopSpec, data: Parts, **changes: object) -> Plan:
    """The plan for one net; `changes` are fields of the Plan."""
    steps = -(-spec.points // spec.batch) * spec.epochs
    net = Net((data.X.shape[1], *[spec.width] * spec.depth, CLASSES))
    made = Plan(
        net, data.X[None], data.y[None], data.X_val[None], data.y_val[None], (racer(spec, spec.rate),), (spec.seed,),
        (spec.dropout,), schedule(spec, steps), spec.clip, spec.batch, spec.epochs,
    )  # fmt: skip
    return replace(made, **changes)


def data_of(spec: TrainingLoopSpec) -> Parts:
    return parts(spec.points, spec.scale, spec.labels, spec.seed, spec.hole)


def run_of(spec: TrainingLoopSpec) -> Run:
    """The run, to its end or to where it is paused."""
    whole = replace(_run(core_of(spec)), spec=spec)
    return paused(whole, spec.stand) if 0 <= spec.stand < whole.ends[-1] else whole


@lru_cache(maxsize=24)
@QUIET
def _run(spec: TrainingLoopSpec) -> Run:
    data = data_of(spec)
    plan, until = plan_of(spec, data), spec.budget or math.inf
    start = begin(plan)
    losses, found = [evaluate(plan.net, start.theta, plan.X_val, plan.y_val)[0].item()], []
    why = "budget" if until < plan.steps else "end"
    for epoch in epochs(plan, start, int(min(until, plan.steps))):
        found.append(epoch)
        losses.append(epoch.val_loss.item())
        if not np.isfinite(epoch.losses[-1]).all():
            why = "nan"
        elif early(losses, spec.patience).at is not None:
            why = "patience"
            break
    return written(spec, data, plan, start, found, why)


def written(spec: TrainingLoopSpec, data: Parts, plan: Plan, start: State, found: Sequence[Epoch], why: str) -> Run:
    """The records as a Run; the kept weights meet the test part."""
    first = evaluate(plan.net, start.theta, plan.X_val, plan.y_val)
    val_loss, val_accuracy = (
        np.array([first[k].item(), *(getattr(epoch, name).item() for epoch in found)]) for k, name in enumerate(("val_loss", "val_accuracy"))
    )  # fmt: skip
    states = (start, *(epoch.state for epoch in found))
    kept = states[early(val_loss.tolist(), 0).best]
    loss, accuracy = evaluate(plan.net, kept.theta, data.X_test[None], data.y_test[None])
    return Run(spec, data, plan, states, tuple(found), val_loss, val_accuracy, why, (loss.item(), accuracy.item()))


@QUIET
def paused(run: Run, step: int) -> Run:
    """The run as it stood after `step` steps: the last epoch that was begun is run again from its checkpoint."""
    whole = [epoch for epoch in run.epochs if epoch.state.step <= step]
    last = run.states[len(whole)]
    return written(
        run.spec, run.parts, run.plan, run.states[0], [*whole, *epochs(run.plan, last, step)], "paused"
    )  # fmt: skip


def smoothed(values: Float[Array, " n"], beta: float) -> Float[Array, " n"]:
    """The running mean of `values`, free of the bias of its start."""
    out, s, weight = np.empty(len(values)), 0.0, 0.0
    for t, value in enumerate(values.tolist()):
        s, weight = beta * s + (1 - beta) * value, beta * weight + (1 - beta)
        out[t] = s / weight
    return out


def waits(run: Run) -> dict[int, Stop]:
    """What every other patience would have done with the validation losses of this run."""
    return {patience: early(run.val_loss.tolist(), patience) for patience in WAITS}


@dataclass(frozen=True, eq=False)
class Branch:
    """A run from a checkpoint on: validation losses from there, and how far its weights are from the uninterrupted run's."""

    losses: Float[Array, " E"]
    after_step: float  # largest |Δθ| after one step
    at_end: float
    accuracy: float


def fork_of(run: Run) -> int:
    """The epoch to rewind to: the Spec's, or the last one that has an epoch after it."""
    return min(run.spec.fork, max(0, len(run.epochs) - 1))


def branches(run: Run) -> dict[str, Branch]:
    """On from one checkpoint in five ways; each begins with the checkpoint's file."""
    return _branches(core_of(run.spec), fork_of(run), run.spec.fork_rate)


@lru_cache(maxsize=16)
@QUIET
def _branches(spec: TrainingLoopSpec, fork: int, rate: float) -> dict[str, Branch]:
    run = _run(spec)
    state, plan, last = from_bytes(to_bytes(run.states[fork])), run.plan, run.ends[-1]
    other = replace(plan, racers=(racer(spec, rate),))
    lowered = {**state.plateau, "lr": state.plateau["lr"] * rate / spec.rate} if state.plateau else {}
    ways = {
        "resumed with everything": (plan, state),
        "another learning rate": (other, replace(state, plateau=lowered)),
        "optimizer's state forgotten": (plan, forgetful(plan, state)),
        "random state forgotten": (plan, other_luck(state)),
    }
    if last == state.step:
        return {}
    (one,) = epochs(plan, state, state.step + 1)
    made = {}
    for name, (how, origin) in ways.items():
        found = list(epochs(how, origin, last))
        (first,) = epochs(how, origin, state.step + 1)
        made[name] = Branch(
            np.array([run.val_loss[fork], *(epoch.val_loss.item() for epoch in found)]), distance(first.state.theta, one.state.theta),
            distance(found[-1].state.theta, run.states[-1].theta), found[-1].val_accuracy.item(),
        )  # fmt: skip
    return made


def distance(one: Theta, other: Theta) -> float:
    """The largest difference of two weights; NaN where a run diverged."""
    return float(np.abs(one - other).max())


@dataclass(frozen=True, eq=False)
class Sanity:
    """Four tests of a loop."""

    first_loss: float
    predicted: float
    one_batch: Float[Array, " steps"]
    memorised: float  # accuracy on that batch at the end
    shuffled: float  # accuracy in training after learning shuffled labels, the mean over SHUFFLES shuffles
    guesses: Float[Array, " shuffles"]  # and in validation, where nothing but guessing is left
    honest: tuple[float, float]  # the same after learning the true ones
    difference: float  # of the gradient from its difference quotient, relative
    worst: float  # the largest single difference

    @property
    def chance(self) -> tuple[float, float]:
        """Where the mean of guesses over as many shuffles lies in 95 of 100 cases, by Student's t.

        The spread is measured: similar digits get the same answer, so the digits of one shuffle are not independent throws of a die.
        """
        reach = T_95 * float(self.guesses.std(ddof=1)) / math.sqrt(len(self.guesses))
        return 1 / CLASSES - reach, 1 / CLASSES + reach


def sanity(spec: TrainingLoopSpec) -> Sanity:
    return _sanity(replace(core_of(spec), labels="true", hole=False, patience=0, budget=0))


@lru_cache(maxsize=16)
@QUIET
def _sanity(spec: TrainingLoopSpec) -> Sanity:
    data = data_of(spec)
    plan = plan_of(spec, data)
    start = begin(plan)
    z = forward(plan.net, start.theta, plan.X)[-1]
    batch = replace(
        plan, X=plan.X[:, : spec.batch], y=plan.y[:, : spec.batch], dropout=(0.0,), epochs=BATCH_STEPS, schedule=by_period("constant", 1, 1.0),
    )  # fmt: skip
    learned = list(epochs(batch, begin(batch), BATCH_STEPS))
    lost = [parts(spec.points, spec.scale, "shuffled", spec.seed + k).y for k in range(SHUFFLES)]
    nets = 1 + SHUFFLES
    both = replace(
        plan, X=np.repeat(plan.X, nets, axis=0), y=np.stack([data.y, *lost]), racers=plan.racers * nets, seeds=plan.seeds * nets, dropout=plan.dropout * nets,
    )  # fmt: skip
    *_, last = epochs(both, begin(both), both.steps)
    training = evaluate(plan.net, last.state.theta, both.X, both.y)[1]
    theta = learned[0].state.theta
    rows, labels = batch.X, batch.y
    _, by_hand, quotients = check(plan.net, theta, rows, labels, spec.seed)
    return Sanity(
        cross_entropy(log_softmax(z), plan.y).item(), math.log(CLASSES) + 0.5 * float(z.var(axis=-1).mean()),
        np.array([epoch.losses.item() for epoch in learned]), evaluate(plan.net, learned[-1].state.theta, rows, labels)[1].item(),
        training[1:].mean().item(), last.val_accuracy[1:], (training[0].item(), last.val_accuracy[0].item()),
        float(np.linalg.norm(by_hand - quotients) / (np.linalg.norm(by_hand) + np.linalg.norm(quotients))), float(np.abs(by_hand - quotients).max()),
    )  # fmt: skip


def check(
    net: Net, theta: Theta, X: Array, y: Array, seed: int
) -> tuple[Int[Array, " n"], Float[Array, " n"], Float[Array, " n"]]:
    """Some weights by lot, their gradient by hand, and (L(θ + h) - L(θ - h)) / 2h: all shifted nets pass as one batch of nets."""
    chosen = np.sort(numpy_generator(seed, "check").permutation(net.count)[:CHECKED])
    g = gradient(net, theta, X, y)[1][0, chosen]
    shift = np.zeros((len(chosen), net.count))
    shift[np.arange(len(chosen)), chosen] = H
    above, below = (cross_entropy(log_softmax(forward(net, theta + sign * shift, X)[-1]), y) for sign in (1, -1))
    return chosen, g, (above - below) / (2 * H)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Runs side by side: what was set, and what came of it."""

    rate: Float[Array, " R"]
    dropout: Float[Array, " R"]
    seed: Int[Array, " R"]
    val_loss: Float[Array, "R E"]  # after 0, 1, ... epochs
    train_loss: Float[Array, " R"]  # mean over the last epoch
    best: Int[Array, " R"]  # the epoch with the lowest validation loss
    accuracy: Float[Array, " R"]  # validation accuracy there

    @property
    def lowest(self) -> Float[Array, " R"]:
        """The lowest validation loss of each run."""
        return self.val_loss[np.arange(len(self.best)), self.best]


def settings_of_sweep(spec: TrainingLoopSpec) -> list[tuple[float, float, int]]:
    """Learning rate, dropout and seed of every run."""
    return [
        (factor * spec.rate, p, spec.seed + k) for factor in FACTORS for p in DROPOUTS for k in range(SEEDS)
    ]  # fmt: skip


def sweep(spec: TrainingLoopSpec) -> Sweep:
    return _sweep(replace(core_of(spec), hole=False, patience=0, budget=0, dropout=0.0))


@lru_cache(maxsize=16)
@QUIET
def _sweep(spec: TrainingLoopSpec) -> Sweep:
    data = data_of(spec)
    rates, drops, seeds = zip(*settings_of_sweep(spec), strict=True)
    plan = plan_of(spec, data, racers=tuple(racer(spec, min(rate, 1e3)) for rate in rates), seeds=seeds, dropout=drops)
    start = begin(plan)
    found = list(epochs(plan, start, plan.steps))
    losses = np.stack(
        [evaluate(plan.net, start.theta, plan.X_val, plan.y_val)[0], *(e.val_loss for e in found)], axis=1
    )
    accuracies = np.stack([evaluate(plan.net, start.theta, plan.X_val, plan.y_val)[1], *(e.val_accuracy for e in found)], axis=1)  # fmt: skip
    best = np.array([early(row.tolist(), 0).best for row in losses])
    return Sweep(
        np.array(rates), np.array(drops), np.array(seeds), losses, found[-1].losses.mean(axis=0), best, accuracies[np.arange(len(best)), best],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scaled:
    """One way to prepare the inputs, and what became of the same net."""

    val_loss: Float[Array, " E"]
    first_gradient: float  # norm at the first step
    stretch: float  # the largest eigenvalue of the inputs' second moments
    accuracy: float  # validation accuracy at the end


def scaled(spec: TrainingLoopSpec) -> dict[str, Scaled]:
    return _scaled(replace(core_of(spec), hole=False, patience=0, budget=0, scale="standard"))


@lru_cache(maxsize=16)
@QUIET
def _scaled(spec: TrainingLoopSpec) -> dict[str, Scaled]:
    data = [parts(spec.points, how, spec.labels, spec.seed) for how in SCALES]
    plan = plan_of(spec, data[0])
    plan = replace(
        plan, X=np.stack([p.X for p in data]), y=np.stack([p.y for p in data]), X_val=np.stack([p.X_val for p in data]),
        racers=plan.racers * len(data), seeds=plan.seeds * len(data), dropout=plan.dropout * len(data),
    )  # fmt: skip
    start = begin(plan)
    found = list(epochs(plan, start, plan.steps))
    losses = np.stack(
        [evaluate(plan.net, start.theta, plan.X_val, plan.y_val)[0], *(e.val_loss for e in found)], axis=1
    )
    return {
        how: Scaled(losses[k], found[0].gradient_norm[0, k].item(), stretch(plan.X[k]), found[-1].val_accuracy[k].item())
        for k, how in enumerate(SCALES)
    }  # fmt: skip


def stretch(X: Float[Array, "n d"]) -> float:
    """The largest eigenvalue of XᵀX / n: a linear model with squared error is stable below the rate 2 / this."""
    return float(np.linalg.eigvalsh(X.T @ X / len(X))[-1])


def answers(run: Run) -> Float[Array, "E V K"]:
    """The probabilities that each state gives to every validation digit."""
    thetas = np.concatenate([state.theta for state in run.states])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(log_softmax(forward(run.plan.net, thetas, run.plan.X_val)[-1]))


def confusion(run: Run, p: Float[Array, "V K"]) -> Int[Array, "K K"]:
    """How many validation digits i were read as j; what has no answer is not counted."""
    known = np.isfinite(p).all(axis=-1)
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (run.parts.y_val[known], p[known].argmax(axis=-1)), 1)
    return counts


def numbers(spec: TrainingLoopSpec) -> dict[str, float]:
    """What the script prints: the run, then what the open look computes. Of a run that diverged only where it ended."""
    run = run_of(spec)
    out = {"steps": float(run.ends[-1]), "first loss": float(run.epochs[0].losses[0, 0]) if run.epochs else math.nan}
    if run.why == "nan" or not run.epochs:
        return {name: value for name, value in out.items() if math.isfinite(value)}
    out |= {f"validation loss at step {step}": float(loss) for step, loss in zip(run.ends, run.val_loss, strict=True)}
    out |= {
        "training loss of the last epoch": run.means[-1],
        "last gradient norm": float(run.series("gradient_norm")[-1]),
        "last learning rate": float(run.series("rates")[-1]),
        "kept from step": float(run.ends[run.kept]),
        "test loss": run.test[0],
        "test accuracy": run.test[1],
    }
    ratios = run.series("update_norm")[-1] / run.series("weight_norm")[-1]
    out |= {f"last update : data of layer {k}": float(ratio) for k, ratio in enumerate(ratios, 1)}
    return out | _looked(run)


def _looked(run: Run) -> dict[str, float]:
    spec = run.spec
    if spec.lens == "branch":
        found = branches(run)
        return {
            f"{name}: {what}": value
            for name, one in found.items()
            for what, value in (("last validation loss", float(one.losses[-1])), ("after one step", one.after_step), ("at the end", one.at_end))
        }  # fmt: skip
    if spec.lens == "sanity":
        s = sanity(spec)
        return {
            "first loss of all training digits": s.first_loss, "predicted first loss": s.predicted, "one batch by heart": float(s.one_batch[-1]),
            "shuffled labels, training accuracy": s.shuffled, "shuffled labels, validation accuracy": float(s.guesses.mean()), "gradient right": float(s.difference < 1e-6),
        }  # fmt: skip
    if spec.lens == "sweep":
        s = sweep(spec)
        return {f"lowest validation loss of run {k}": float(value) for k, value in enumerate(s.lowest, 1)}
    if spec.lens == "scale":
        return {
            f"{SCALES[how]}: {what}": value
            for how, one in scaled(spec).items()
            for what, value in (("last validation loss", float(one.val_loss[-1])), ("first gradient", one.first_gradient), ("stretch", one.stretch))
        }  # fmt: skip
    return {}
