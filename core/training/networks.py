"""Many optimizers, one network: small nets trained for all racers at once.

A net d-U-...-U-C; layer l holds its weights and, as last column, its biases in Θ_l (out, in + 1); N samples stand in columns, and
under every layer's input stands a row of ones:

    Z_l = Θ_l [H_{l−1}; 1]      H_0 = X^T      H_l = f(Z_l),  f = tanh or relu      Z = Z_last
    classes     P = softmax(Z) by columns      L = −1/N Σ_n log P[y_n, n]            dZ = (P − Y) / N
    regression  C = 1                          L = 1/N Σ_n (Z_n − y_n)²              dZ = 2 (Z − Y) / N

Backward (D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323, 1986); W_l is Θ_l without its last column:

    dΘ_l = dZ_l [H_{l−1}; 1]^T      dZ_{l−1} = W_l^T dZ_l * f'(Z_{l−1})

θ (row, P) holds the flattened Θ_1, Θ_2, ... of each row; a row is one racer under one seed, and every product above is one
batched matmul over rows. The update rules of core.training.optimizers get θ and its gradient as they are. First weights: W ~ N(0, gain / in),
gain 1 for tanh (Y. LeCun et al., Efficient BackProp, 1998, eq. 16), 2 for relu (K. He et al., ICCV 2015, eq. 10); b = 0.

The race is fair by common random numbers: under one seed all racers have the same first weights and the same batches in the
same order. A racer with a weight that is NaN or beyond ±WEIGHT_BOUND has left the race (DNF) and stands at its last good place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from core.contracts import Param, Snapshot
from core.data.small_sets import NetData, load
from core.errors import ExplainerError, one_of
from core.rng import numpy_generator
from core.training.clipping import CLIPS, adaptive
from core.training.optimizers import Lane, Racer, lanes
from core.training.schedules import CONSTANT, Plateau, Schedule

Theta = Float[np.ndarray, "row P"]
Inputs = Float[np.ndarray, "#row d_and_one N"]  # one row: the same for all
Targets = Float[np.ndarray, "#row C N"]
Outputs = Float[np.ndarray, "row C N"]
Units = Float[np.ndarray, "row _ N"]
PerRow = Float[np.ndarray, " row"]
T = TypeVar("T")
Given = Annotated[T | Any, "brought to type T, or refused in words, by __post_init__"]

WEIGHT_BOUND = 1e6
REPORTS = 60  # snapshots of a race at most
PATH_VALUES = 500_000  # of all racers' weight paths together
CACHE = 32_768  # numbers of one layer that stay near the processor


class Activation(NamedTuple):
    """f and f', each with an `out`; f' in terms of H = f(Z). `gain` belongs to the first weights."""

    f: Callable[..., Units]
    slope: Callable[..., Units]
    gain: float


def _tanh_slope(H: Units, out: Units) -> Units:
    return np.subtract(1.0, np.multiply(H, H, out=out), out=out)


ACTIVATIONS: Mapping[str, Activation] = {
    "tanh": Activation(np.tanh, _tanh_slope, 1.0),
    "relu": Activation(
        lambda Z, out: np.maximum(Z, 0.0, out=out), lambda H, out: np.greater(H, 0.0, out=out, casting="unsafe"), 2.0
    ),
}


class Room(NamedTuple):
    """Memory for [H_l; 1] and dZ_l of the hidden layers, filled again and again: fresh memory would cost more than the maths."""

    H: list[Units]
    D: list[Units]


@dataclass(frozen=True)
class Net:
    """A net's layout: layer widths (d, U, ..., U, C), name of f, task ("classes" or "regression"), and the precision of its products."""

    sizes: tuple[int, ...]
    activation: str
    task: str
    dtype: str = "float64"

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Of each Θ_l: (out, in + 1)."""
        return tuple((out, into + 1) for into, out in zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def P(self) -> int:  # noqa: N802
        """The number of parameters."""
        return sum(out * into for out, into in self.shapes)

    def layers(self, theta: Theta) -> list[Float[np.ndarray, "row _ _"]]:
        """Views Θ_1, Θ_2, ... of θ."""
        ends = np.cumsum([out * into for out, into in self.shapes])
        return [
            theta[:, end - out * into : end].reshape(len(theta), out, into)
            for end, (out, into) in zip(ends.tolist(), self.shapes, strict=True)
        ]

    def room(self, rows: int, N: int) -> Room:
        """Room for so many rows."""
        H = [np.ones((rows, U + 1, N), self.dtype) for U in self.sizes[1:-1]]
        return Room(H, [np.empty((rows, U, N), self.dtype) for U in self.sizes[1:-1]])

    def forward(self, theta: Theta, X: Inputs, room: Room) -> tuple[list[np.ndarray], Outputs]:
        """[H_{l−1}; 1] of every layer, the hidden ones in `room`, and Z."""
        f, H = ACTIVATIONS[self.activation].f, [X, *(H[: len(theta)] for H in room.H)]
        *hidden, last = self.layers(theta)
        for W, into, out in zip(hidden, H, H[1:], strict=False):
            Z = np.matmul(W, into, out=out[:, :-1])
            f(Z, out=Z)
        return H, last @ H[-1]

    def loss(self, Z: Outputs, Y: Targets) -> tuple[PerRow, Outputs]:
        """L and dZ."""
        N = Z.shape[-1]
        if self.task == "regression":
            return ((Z - Y) ** 2).sum((1, 2)) / N, (Z - Y) * (2 / N)
        Z = Z - Z.max(1, keepdims=True)  # so that no exp overflows
        P = np.exp(Z)
        S = P.sum(1, keepdims=True)
        P /= S
        return (np.log(S).sum((1, 2)) - (Y * Z).sum((1, 2))) / N, (P - Y) * (1 / N)

    def backward(self, theta: Theta, H: Sequence[np.ndarray], dZ: Outputs, room: Room) -> Theta:
        """dL/dθ. It uses H up: f' is written over it."""
        slope, g = ACTIVATIONS[self.activation].slope, np.empty_like(theta)
        layers, dlayers = self.layers(theta), self.layers(g)
        for l in reversed(range(1, len(layers))):  # noqa: E741
            np.matmul(dZ, H[l].swapaxes(1, 2), out=dlayers[l])
            dZ = np.matmul(layers[l][:, :, :-1].swapaxes(1, 2), dZ, out=room.D[l - 1][: len(theta)])
            dZ *= slope(H[l][:, :-1], out=H[l][:, :-1])
        np.matmul(dZ, H[0].swapaxes(1, 2), out=dlayers[0])
        return g

    def initial(self, g: np.random.Generator) -> Float[np.ndarray, " P"]:
        """θ of one untrained net."""
        theta, gain = np.zeros((1, self.P)), ACTIVATIONS[self.activation].gain
        for W in self.layers(theta):
            out, into = W.shape[1], W.shape[2] - 1
            W[0, :, :-1] = g.normal(0.0, math.sqrt(gain / into), (out, into))
        return theta[0]


def blocks(net: Net, theta: Theta, X: Inputs, Y: Targets) -> Iterator[tuple[slice, Theta, Inputs, Targets, Room]]:
    """Rows, taken so many at a time that their layers stay in the processor's cache: slice, θ, X, Y, and room for them."""
    N = X.shape[-1]
    size = min(max(CACHE // (max(net.sizes[1:-1]) * N), 1), len(theta))
    room = net.room(size, N)
    X, Y = X.astype(net.dtype, copy=False), Y.astype(net.dtype, copy=False)
    for begin in range(0, len(theta), size):
        rows = slice(begin, begin + size)
        own = (part if len(part) == 1 else part[rows] for part in (X, Y))
        yield rows, theta[rows].astype(net.dtype, copy=False), *own, room


def gradient(net: Net, theta: Theta, X: Inputs, Y: Targets) -> tuple[PerRow, Theta]:
    """L and dL/dθ of every row."""
    L, g = np.empty(len(theta)), np.empty_like(theta)
    for rows, some, x, y, room in blocks(net, theta, X, Y):
        H, Z = net.forward(some, x, room)
        L[rows], dZ = net.loss(Z, y)
        g[rows] = net.backward(some, H, dZ, room)
    return L, g


def evaluate(net: Net, theta: Theta, X: Inputs, Y: Targets) -> tuple[PerRow, PerRow]:
    """L and the score of every row: accuracy, or R² = 1 − Σ (Z − y)² / Σ (y − mean y)² for a regression."""
    L, score = np.empty(len(theta)), np.empty(len(theta))
    for rows, some, x, y, room in blocks(net, theta, X, Y):
        Z = net.forward(some, x, room)[1]
        L[rows] = net.loss(Z, y)[0]
        if net.task == "classes":
            score[rows] = (Z.argmax(1) == y.argmax(1)).mean(1)
    return L, score if net.task == "classes" else 1.0 - L / Y.var((1, 2))


def columns(X: Float[np.ndarray, "N d"]) -> Float[np.ndarray, "1 d_and_one N"]:
    """[X^T; 1]."""
    return np.concatenate([X.T, np.ones((1, len(X)))])[None]


def targets(data: NetData, y: np.ndarray) -> Float[np.ndarray, "1 C N"]:
    """Y: one-hot columns, or for a regression the targets themselves."""
    return (np.eye(data.outputs)[y].T if data.task == "classes" else y[None])[None]


PARAMS: Mapping[str, Param] = {
    "width": Param(16, "hidden units of a layer", low=1, high=64),
    "depth": Param(2, "hidden layers", low=1, high=4),
    "batch": Param(32, "batch size", low=1, high=100_000),
    "steps": Param(500, "steps", low=1, high=50_000),
    "seed": Param(0, "seed", low=0, high=2**53),
    "seeds": Param(1, "number of seeds", low=1, high=50),
    "threshold": Param(1.0, "clipping limit", low=1e-6, high=1e6),
}
PRECISIONS = ("float64", "float32")
MAX_ROWS = 800  # racers x seeds
MAX_ROW_STEPS = 4_000_000


@dataclass(frozen=True)
class NetworkSpec:
    """A race of networks; frozen and hashable. `batch` beyond the training set means all of it at every step.

    `seeds` = K runs every racer K times, with the first weights and batches of seed, seed + 1, ..., seed + K − 1, on the
    same data. `schedule` is one for all racers, or one for each. `clip` cuts each row's gradient by core.training.clipping, at
    `threshold`. `precision` is that of the net's products; with "float32" a race takes half the time, and its weights and update
    rules stay in float64.

    Raises:
        ExplainerError: something is unknown or out of range.
    """

    data: str
    racers: Given[tuple[Racer, ...]]
    activation: str = "tanh"
    width: Given[int] = 16
    batch: Given[int] = 32
    steps: Given[int] = 500
    seed: Given[int] = 0
    seeds: Given[int] = 1
    schedule: Schedule | tuple[Schedule, ...] = CONSTANT
    precision: str = "float64"
    depth: Given[int] = 2
    clip: str = "none"
    threshold: Given[float] = 1.0

    def __post_init__(self) -> None:
        for name, about in PARAMS.items():
            object.__setattr__(self, name, about.check(getattr(self, name)))
        object.__setattr__(self, "racers", _checked_racers(self.racers, self.seeds))
        if self.activation not in ACTIVATIONS:
            raise ExplainerError(f"activation {str(self.activation)[:40]!r} is unknown; choose {one_of(ACTIVATIONS)}")
        if self.clip not in (*CLIPS, "adaptive"):
            raise ExplainerError(f"clipping {str(self.clip)[:40]!r} is unknown; choose {one_of((*CLIPS, 'adaptive'))}")
        if len(self.schedules) != len(self.racers):
            raise ExplainerError(
                f"{len(self.schedules)} schedules do not fit {len(self.racers)} racers; give one, or one for each"
            )
        if self.precision not in PRECISIONS:
            raise ExplainerError(f"precision {str(self.precision)[:40]!r} is unknown; choose {one_of(PRECISIONS)}")
        rows = len(self.racers) * self.seeds
        if rows * self.steps > MAX_ROW_STEPS:
            raise ExplainerError(
                f"{rows} networks x {self.steps} steps is more than {MAX_ROW_STEPS:,}; try {MAX_ROW_STEPS // rows} steps"
            )
        load(self.data, self.seed)

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Of each racer."""
        return self.schedule if isinstance(self.schedule, tuple) else (self.schedule,) * len(self.racers)

    def set_up(self) -> tuple[Net, NetData]:
        """The net's layout and the data."""
        data = load(self.data, self.seed)
        sizes = (data.X_train.shape[1], *[self.width] * self.depth, data.outputs)
        return Net(sizes, self.activation, data.task, self.precision), data


def _checked_racers(racers: Any, seeds: int) -> tuple[Racer, ...]:
    if isinstance(racers, Racer) or not all(isinstance(r, Racer) for r in racers):
        raise ExplainerError("racers must be a tuple of Racer, such as (Racer('adam'),)")
    if not 1 <= len(racers) * seeds <= MAX_ROWS:
        raise ExplainerError(
            f"{len(racers)} racers x {seeds} seeds is outside 1 to {MAX_ROWS} networks; try 8 racers and 5 seeds"
        )
    return tuple(racers)


def batches(N: int, spec: NetworkSpec) -> Iterator[Int[np.ndarray, "seed batch"]]:
    """The samples of each step under each seed, without end: every epoch all of them once, in a new order."""
    orders = [numpy_generator(spec.seed + k, "batches") for k in range(spec.seeds)]
    while True:
        order = np.stack([g.permutation(N) for g in orders])
        for begin in range(0, N, spec.batch):
            yield order[:, begin : begin + spec.batch]


def epoch_steps(N: int, batch: int) -> int:
    """Steps in an epoch; the last batch may be smaller."""
    return -(-N // batch)


@dataclass
class Field:
    """All rows on their way, in the order of the lanes: row i is racer `order[i] // seeds` under seed `order[i] % seeds`.

    `seconds` is each row's share of the time measured: an equal one of the gradients, and of its own rule's calls. `rates` and
    `loss` are those of the last step: η, and L of its batch before it.
    """

    net: Net
    theta: Theta
    lanes: list[Lane]
    order: Int[np.ndarray, " row"]
    seeds: int
    running: Bool[np.ndarray, " row"]
    stopped: Int[np.ndarray, " row"]
    seconds: PerRow
    rates: PerRow
    loss: PerRow
    clip: Callable[[Theta, Theta], Theta]

    @np.errstate(all="ignore")  # a racer that overflows is a result
    def step(self, t: int, X: Inputs, Y: Targets, lr: PerRow | None) -> None:
        """One step of all rows (at these rates, if they changed)."""
        clock = perf_counter()
        self.loss, g = gradient(self.net, self.theta, X, Y)
        g = self.clip(g, self.theta)
        if lr is not None:
            self.rates = lr.copy()
        clock = self._charge(slice(None), clock)
        theta = np.empty_like(g)
        for lane in self.lanes:
            if lr is not None:
                lane.h.lr[:] = lr[lane.rows, None]
            theta[lane.rows] = lane.optimizer.rule(self.theta[lane.rows], g[lane.rows], lane.s, lane.h, t)
            clock = self._charge(lane.rows, clock)
        self._retire(theta, t)

    def _charge(self, rows: slice, since: float) -> float:
        now = perf_counter()
        self.seconds[rows] += (now - since) / len(self.seconds[rows])
        return now

    def _retire(self, theta: Theta, t: int) -> None:
        """Go on to `theta`, but for rows that left the race: they stay where they were last good."""
        good = np.abs(theta).max(1) <= WEIGHT_BOUND  # False for NaN
        self.stopped[self.running & ~good] = t - 1
        self.running &= good
        if not self.running.all():
            theta[~self.running] = self.theta[~self.running]
        self.theta = theta

    def by_racer(self, values: np.ndarray) -> Shaped[np.ndarray, "racer seed *any"]:
        """Values of the rows, sorted by racer and seed."""
        return values[np.argsort(self.order)].reshape(-1, self.seeds, *values.shape[1:])


def start(spec: NetworkSpec, net: Net) -> Field:
    """Every racer at its first weights."""
    K = spec.seeds
    teams, order = lanes(tuple(racer for racer in spec.racers for _ in range(K)), net.P)
    for lane in teams:
        lane.h.shapes = net.shapes
    first = np.stack([net.initial(numpy_generator(spec.seed + k, "weights")) for k in range(K)])
    lr = np.array([racer.lr for racer in spec.racers])[order // K]
    seconds, loss = np.zeros((2, len(order)))
    running, stopped = np.ones(len(order), bool), np.full(len(order), spec.steps)
    return Field(net, first[order % K], teams, order, K, running, stopped, seconds, lr, loss, clipper(spec, net))


def clipper(spec: NetworkSpec, net: Net) -> Callable[[Theta, Theta], Theta]:
    """The gradient as the race cuts it, from g and θ."""
    if spec.clip == "adaptive":
        return lambda g, theta: adaptive(g, theta, net.shapes, spec.threshold)
    return lambda g, theta: CLIPS[spec.clip](g, spec.threshold)


@dataclass
class Pace:
    """The rates of all rows: a table (step, row), or None where they never change; and those rows that watch their losses."""

    table: Float[np.ndarray, "step row"] | None
    watching: Sequence[tuple[Int[np.ndarray, " some"], Plateau]]

    def at(self, t: int) -> PerRow | None:
        """η of step t = 1, 2, ...; None where it never changes."""
        if self.table is None:
            return None
        lr = self.table[t - 1].copy()
        for rows, plateau in self.watching:
            lr[rows] = plateau.lr
        return lr

    def observe(self, L: PerRow) -> None:
        """Take in the losses before the step that was made."""
        for rows, plateau in self.watching:
            plateau.observe(L[rows])


def pace(schedules: Sequence[Schedule], lr: PerRow, steps: int) -> Pace:
    """The schedule of every row, from its first rate."""
    if all(schedule == CONSTANT for schedule in schedules):
        return Pace(None, ())
    table, watching = np.tile(lr, (steps, 1)), []
    for schedule in dict.fromkeys(schedules):
        rows = np.flatnonzero([other == schedule for other in schedules])
        if schedule.watches:
            watching.append((rows, schedule.plateau(lr[rows])))
        else:
            table[:, rows] = schedule.rates(lr[rows], steps)
    return Pace(table, watching)


def descend(spec: NetworkSpec) -> Iterator[tuple[int, Field]]:
    """The race itself: (0, the field at its start), then (t, the same field after step t)."""
    net, data = spec.set_up()
    field, X, Y = start(spec, net), columns(data.X_train), targets(data, data.y_train)
    rates = pace([spec.schedules[i] for i in field.order // spec.seeds], field.rates, spec.steps)
    for lane in field.lanes:
        lane.begin(field.rates if rates.table is None else rates.table[0])
    yield 0, field
    for t, samples in zip(range(1, spec.steps + 1), batches(len(data.X_train), spec), strict=False):
        field.step(t, *(_sampled(part, samples, field) for part in (X, Y)), rates.at(t))
        rates.observe(field.loss)
        yield t, field


def _sampled(part: np.ndarray, samples: Int[np.ndarray, "seed batch"], field: Field) -> np.ndarray:
    """These samples of X or Y: (1, _, batch) if all rows have the same, else (row, _, batch)."""
    if samples.shape[1] == part.shape[-1]:  # all of them: their order does not matter
        return part
    chosen = part[0][:, samples].swapaxes(0, 1)
    return chosen if field.seeds == 1 else chosen[field.order % field.seeds]


def train(spec: NetworkSpec) -> Iterator[Snapshot]:
    """Run the race, and report at most REPORTS times after the start.

    Metrics of racer i, on all training and all test data: train_loss.i, test_loss.i, train_accuracy.i and test_accuracy.i
    (or train_r2.i, test_r2.i), gradient_norm.i, seconds.i: the median over its seeds, and with K > 1 seeds the 10 % and 90 %
    quantiles under the same name with .low and .high; dnf.i: the share of its seeds that left the race; and `examples`, the
    training examples that each racer has seen. Arrays: `theta` (racer, P) under the first seed, `stopped` (racer, seed), the
    last good step; with the last snapshot `paths` (racer, point, P), the way of `theta`, and `path_steps` (point,).
    Everything but seconds is the same in every run of a spec.
    """
    net, data = spec.set_up()
    known = columns(data.X_train), targets(data, data.y_train)
    unseen = columns(data.X_test), targets(data, data.y_test)
    shown = moments(spec.steps, REPORTS + 1)  # 0 is the start
    kept = shown[moments(len(shown) - 1, max(PATH_VALUES // (len(spec.racers) * net.P), 2))]
    path = []
    for t, field in descend(spec):
        theta = field.by_racer(field.theta)[:, 0]
        if t in kept:
            path.append(theta)
        if t in shown:
            arrays = {"theta": theta, "stopped": np.minimum(field.by_racer(field.stopped), t)}
            if t == spec.steps:
                arrays |= {"paths": np.stack(path, axis=1), "path_steps": kept}
            metrics = {"examples": float(examples(t, len(data.X_train), spec.batch)), **report(field, known, unseen)}
            yield Snapshot(t, spec.steps, metrics, arrays)


def moments(last: int, count: int) -> Int[np.ndarray, " moment"]:
    """At most `count` whole numbers from 0 to `last`, evenly spread, both ends among them."""
    return np.linspace(0, last, min(count, last + 1)).round().astype(np.int64)


def examples(t: int, N: int, batch: int) -> int:
    """Training examples seen in t steps, those seen again counted again."""
    epochs, rest = divmod(t, epoch_steps(N, batch))
    return epochs * N + rest * batch


@np.errstate(all="ignore")
def measured(
    field: Field, known: Sequence[np.ndarray], unseen: Sequence[np.ndarray]
) -> dict[str, Float[np.ndarray, "racer seed"]]:
    """What `train` reports of all racers where they stand; `known` and `unseen` are X and Y of the training and the test part."""
    score = "accuracy" if field.net.task == "classes" else "r2"
    g = gradient(field.net, field.theta, *known)[1]
    (L, right), (L_test, right_test) = (evaluate(field.net, field.theta, *part) for part in (known, unseen))
    rows = {
        "train_loss": L, "test_loss": L_test, f"train_{score}": right, f"test_{score}": right_test,
        "gradient_norm": np.sqrt(np.vecdot(g, g)), "seconds": field.seconds,
    }  # fmt: skip
    return {name: field.by_racer(values) for name, values in rows.items()}


def report(field: Field, known: Sequence[np.ndarray], unseen: Sequence[np.ndarray]) -> dict[str, float]:
    """The metrics of a snapshot: `measured` in medians and bands, and who has left the race."""
    metrics = {f"dnf.{i}": float(share) for i, share in enumerate(field.by_racer(~field.running).mean(1))}
    for name, values in measured(field, known, unseen).items():
        metrics |= bands(name, values)
    return metrics


def bands(name: str, values: Float[np.ndarray, "racer seed"]) -> dict[str, float]:
    """name.i -> the median over seeds; name.i.low and .high -> the 10 % and 90 % quantiles, if there are several."""
    if values.shape[1] == 1:
        return {f"{name}.{i}": float(value) for i, value in enumerate(values[:, 0])}
    ends = {"": 0.5, ".low": 0.1, ".high": 0.9}
    quantiles = np.quantile(values, list(ends.values()), axis=1)
    return {f"{name}.{i}{end}": float(q[i]) for end, q in zip(ends, quantiles, strict=True) for i in range(len(values))}


def curves(spec: NetworkSpec) -> dict[str, Float[np.ndarray, " point"]]:
    """Run the race to its end: `step` and every metric over the reports."""
    snapshots = list(train(spec))
    names = snapshots[0].metrics
    return {
        "step": np.array([float(s.step) for s in snapshots]),
        **{name: np.array([s.metrics[name] for s in snapshots]) for name in names},
    }


BUDGETS: Mapping[str, str] = {
    "steps": "equal steps: a larger batch sees more examples",
    "epochs": "equal epochs: a larger batch takes fewer steps",
    "scaled": "equal epochs, the rate proportional to the batch (Goyal et al. 2017, linear scaling rule)",
}


def with_batch(spec: NetworkSpec, batch: int, budget: str) -> NetworkSpec:
    """The same race at another batch size, under a budget of BUDGETS that `spec` itself sets.

    Raises:
        ExplainerError: unknown budget, or the budget takes too many steps or too large a rate.
    """
    if budget not in BUDGETS:
        raise ExplainerError(f"budget {str(budget)[:40]!r} is unknown; choose {one_of(BUDGETS)}")
    other = replace(spec, batch=batch)
    if budget == "steps":
        return other
    N = len(load(spec.data, spec.seed).X_train)
    epochs = spec.steps / epoch_steps(N, spec.batch)
    other = replace(other, steps=max(round(epochs * epoch_steps(N, other.batch)), 1))
    if budget == "epochs":
        return other
    larger = min(other.batch, N) / min(spec.batch, N)
    return replace(other, racers=tuple(racer.at(racer.lr * larger) for racer in spec.racers))


def batch_sweep(
    spec: NetworkSpec, sizes: Sequence[int], budget: str
) -> dict[int, dict[str, Float[np.ndarray, " point"]]]:
    """Batch size -> the curves of the race with it."""
    return {batch: curves(with_batch(spec, batch, budget)) for batch in sizes}
