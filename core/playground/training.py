"""Training as a sequence of snapshots, by either engine: the same first weights, order and masks, the same loss curve.

L = mean over the points of ½ |p - y|², of |p - y|, of max(0, 1 - y p) (hinge), or of -log p_y (cross-entropy). The curves show L without the penalty, as the
learner is judged by. A snapshot is taken before the first step, after each epoch, and after each batch of a run that has no
more than 60.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.playground import network
from core.playground.compiler import COMPILES
from core.playground.network import LINEAR, Net
from core.playground.problem import Problem, problem
from core.playground.spec import Event, PlaygroundSpec, events, learning
from core.rng import numpy_generator
from core.training.losses import LOSSES

SHORT_RUN = 60  # batches
BOUND = 1e6  # of the loss, above which a run has diverged
SOLVED, PATIENCE = 0.005, 30


@dataclass(frozen=True)
class PlaygroundSnapshot(Snapshot):
    """The net after `step` updates. `reason` says why a run ended before its time."""

    net: Net | None = field(default=None, compare=False)
    reason: str = ""

    @property
    def train_loss(self) -> float:
        """Mean loss over the training points."""
        return self.metrics["train_loss"]

    @property
    def test_loss(self) -> float:
        """Mean loss over the test points."""
        return self.metrics["test_loss"]

    @property
    def theta(self) -> np.ndarray:
        """All parameters in one vector."""
        return self.arrays["theta"]

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """W (inputs, outputs) of each layer."""
        return tuple(network.matrix(self.theta, self.net, k) for k in range(len(self.net.kinds)))

    @property
    def biases(self) -> tuple[np.ndarray, ...]:
        """b (outputs) of each layer."""
        return tuple(bias(self.theta, self.net, k) for k in range(len(self.net.kinds)))


def bias(theta: np.ndarray, net: Net, layer: int) -> np.ndarray:
    """b of layer layer, β in a normalised one: (..., outputs)."""
    return network.row(theta, net, layer, network.SHIFT)


@runtime_checkable
class Engine(Protocol):
    """What moves the weights: it holds θ, may be told another one, and makes the batches `first` to `last` of an epoch."""

    def theta(self) -> np.ndarray:
        """A copy of all parameters."""

    def put(self, theta: np.ndarray) -> None:
        """Go on from these parameters; the optimizer keeps its memory."""

    def run(self, rows: np.ndarray, masks: np.ndarray, first: int, last: int, rates: np.ndarray, t: int) -> None:
        """Batches `first` to `last` (not included); t updates were made before."""


class NumpyEngine:
    """core/playground/network.py: as machine code, or as plain NumPy (`plain`)."""

    def __init__(self, about: Problem, plain: bool) -> None:
        self.about, self.now = about, about.theta.copy()
        self.m, self.v = np.zeros_like(self.now), np.zeros_like(self.now)
        self.steps = network.steps if plain else network.steps_compiled

    def theta(self) -> np.ndarray:
        return self.now.copy()

    def put(self, theta: np.ndarray) -> None:
        self.now[:] = theta

    def run(self, rows: np.ndarray, masks: np.ndarray, first: int, last: int, rates: np.ndarray, t: int) -> None:
        a = self.about
        with np.errstate(all="ignore"):  # a run that diverges is a result, not a mistake
            self.steps(
                self.now,
                self.m,
                self.v,
                a.net,
                a.rules,
                a.weights,
                a.F,
                a.Y,
                rows,
                masks,
                a.batch,
                first,
                last,
                rates,
                t,
            )


def make_engine(name: str, about: Problem) -> Engine:
    """The engine of this name: "numpy" (compiled where numba is installed), "plain" (never compiled) or "torch"."""
    if name in ("numpy", "plain"):
        return NumpyEngine(about, name == "plain" or not COMPILES)
    if name == "torch":
        from core.playground.torch_engine import TorchEngine

        return TorchEngine(about)
    raise ExplainerError(f"engine {str(name)[:20]!r} is unknown; choose numpy, plain or torch")


def train(spec: PlaygroundSpec, engine: str = "numpy") -> Iterator[PlaygroundSnapshot]:
    """Train the net of `spec` and tell about it as it goes.

    Raises:
        ExplainerError: the Spec's layers, features, points or changes cannot be used, or the engine is unknown.
    """
    about, changes = problem(learning(spec)), list(events(spec))
    motor, total = make_engine(engine, about), spec.epochs * about.per_epoch + spec.batches
    order, drops = numpy_generator(spec.seed, "order"), numpy_generator(spec.seed, "dropout")
    t, rate, best, since = 0, spec.rate, math.inf, 0
    rate = _change(motor, about.net, changes, 0, rate)
    yield (snapshot := _look(about, motor, t, total))
    while t < total:
        rows, masks = order.permutation(about.train), masks_of(about, drops)
        end = min(about.per_epoch, total - t)
        begun = t
        for first, last in _pieces(end, [c.step - begun for c in changes], total):
            rates = rate * factors(spec, (begun + np.arange(about.per_epoch)) / about.per_epoch)
            motor.run(rows, masks, first, last, rates, t)
            t += last - first
            rate = _change(motor, about.net, changes, t, rate)
            if last == end or total <= SHORT_RUN:
                snapshot = _look(about, motor, t, total)
                best, since = (snapshot.test_loss, 0) if snapshot.test_loss < best else (best, since + 1)
                if reason := _reason(spec, snapshot, since):
                    yield _look(about, motor, t, total, reason)
                    return
                yield snapshot


def _pieces(end: int, changes: list[int], total: int) -> Iterator[tuple[int, int]]:
    """The epoch's batches 0 ... end, cut where something changes, or after each batch of a short run."""
    inner = range(1, end) if total <= SHORT_RUN else [c for c in changes if 0 < c < end]
    cuts = sorted({0, end, *inner})
    return itertools.pairwise(cuts)


def factors(spec: PlaygroundSpec, epoch: np.ndarray) -> np.ndarray:
    """What the schedule multiplies the rate by at these epochs, counted from 0 with fractions."""
    part = epoch / spec.period
    return {
        "constant": np.ones_like(part),
        "step": 0.5 ** np.floor(part),
        "exponential": 0.5**part,
        "cosine": 0.5 * (1 + np.cos(np.pi * np.minimum(part, 1.0))),
        "warm_up": np.minimum(1.0, part + 1e-3),
    }[spec.schedule]


def masks_of(about: Problem, drops: np.random.Generator) -> np.ndarray:
    """Dropout's 0 or 1/keep for each row of the epoch and hidden unit (Srivastava et al. 2014, inverted); empty without it."""
    keep, hidden = about.rules.keep, int(about.net.sizes[1:-1].sum())
    if keep == 1.0:
        return np.zeros((0, 0))
    return (drops.random((about.train, hidden)) < keep) / keep


def _change(motor: Engine, net: Net, changes: list[Event], t: int, rate: float) -> float:
    """Make the changes that are due after t updates; the rate from here on."""
    due = [c for c in changes if c.step == t]
    if any(c.place for c in due):
        theta = motor.theta()
        for c in due:
            if c.place:
                theta[index(net, c.place)] = c.value
        motor.put(theta)
    return next((c.value for c in reversed(due) if c.kind == "rate"), rate)


def index(net: Net, place: tuple[int, ...]) -> int:
    """Where θ holds the weight (layer, to, from) or the bias (layer, to), all counted from 1.

    Raises:
        ExplainerError: the net has no such unit.
    """
    layer, to, *source = place
    if layer > len(net.kinds) or to > net.sizes[layer]:
        raise ExplainerError(f"unit {to} of layer {layer} is not in this net; choose another weight")
    outputs = int(net.sizes[layer])
    if source:
        return int(net.starts[layer - 1]) + (source[0] - 1) * outputs + to - 1
    return int(net.starts[layer]) - outputs + to - 1


def _look(about: Problem, motor: Engine, t: int, total: int, reason: str = "") -> PlaygroundSnapshot:
    theta = motor.theta()
    error = losses(theta, about)
    metrics = {"train_loss": float(error[: about.train].mean()), "test_loss": float(error[about.train :].mean())}
    return PlaygroundSnapshot(t, total, metrics, {"theta": theta}, about.net, reason)


def losses(theta: np.ndarray, about: Problem) -> np.ndarray:
    """The loss at every point: (..., n)."""
    with np.errstate(all="ignore"):
        return point_losses(logits(theta, about.net, about.F), about)


def logits(theta: np.ndarray, net: Net, F: np.ndarray) -> np.ndarray:
    """The output before its activation: (..., rows, outputs)."""
    kinds = net.kinds.copy()
    kinds[-1] = LINEAR
    return network.forward(theta, net._replace(kinds=kinds), F)


def point_losses(Z: np.ndarray, about: Problem) -> np.ndarray:
    """The loss of each point, from the output before its activation: no logarithm of 0 arises."""
    kind, Y = int(about.net.kinds[-1]), about.Y
    if about.rules.loss == network.SQUARED:
        return 0.5 * ((network.activate(kind, Z) - Y) ** 2).sum(-1)
    if about.rules.loss in (network.ABSOLUTE, network.HINGE):
        name = "mae" if about.rules.loss == network.ABSOLUTE else "hinge"
        return LOSSES[name].value(network.activate(kind, Z), Y).sum(-1)
    if kind == network.SIGMOID:
        return (np.logaddexp(0.0, Z) - Y * Z).sum(-1)
    top = Z.max(-1, keepdims=True)
    return (top + np.log(np.exp(Z - top).sum(-1, keepdims=True)) - (Y * Z).sum(-1, keepdims=True))[..., 0]


def _reason(spec: PlaygroundSpec, snapshot: PlaygroundSnapshot, since: int) -> str:
    """Why the run ends here; empty if it does not."""
    loss = snapshot.train_loss
    if not (loss <= BOUND and np.isfinite(snapshot.theta).all()):
        return "diverged"
    if spec.stop == "solved" and loss < SOLVED:
        return "solved"
    if spec.stop == "patience" and since >= PATIENCE:
        return "stuck"
    return ""
