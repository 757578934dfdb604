"""The training of all variants and seeds as one batch of nets: same points, first weights and batches for every variant.

With learning rate η, one step of a variant is

    X' = X + σ N(0, 1)                            input noise        Bishop, Neural Computation 7, 1995
    Y' = (1 - ε) Y + ε / C                        label smoothing    Szegedy et al., CVPR 2016, section 7
    X', Y' = s (X, Y) + (1 - s) (X, Y)[shuffled]  mixup, s ~ Beta(α, α), one s a batch     Zhang et al., ICLR 2018, eq. 1
    g = dL/dθ + λ sign(w) or + λ w                L1 or L2 penalty
    w = (1 - ηλ) w, then the optimizer's step     decoupled decay    Loshchilov & Hutter, ICLR 2019, algorithms 1 and 2
    w_u = w_u min(1, c / |w_u|)                   max norm of the weights into hidden unit u       Srivastava et al., JMLR 15, 2014, section 5.1

with dropout and the norms inside of the net. Penalties touch weights only, not b and γ. Early stopping looks at the validation loss
REPORTS times a run; after `patience` looks without a new minimum the net is done, and it keeps the weights of the minimum.

Every loss that is reported is taken without noise, mixing, smoothing, penalty and dropout, with the running statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int

from core.regularisation.datasets import CLASSES, Data, Part, load
from core.regularisation.networks import Net, Seen, answers, backward, follow, forward, losses, output_error, right
from core.rng import numpy_generator
from core.training.optimizers import Lane, Racer, lanes

Array = np.ndarray
REPORTS = 40
OPTIMIZERS: Mapping[str, Callable[..., Racer]] = MappingProxyType({
    "sgd": partial(Racer, "sgd"), "momentum": partial(Racer, "momentum"), "adam": partial(Racer, "adam"),
})  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A net as it is told from the others: its name, and kind -> strength (batch and layer norm: any) as pairs."""

    name: str
    kinds: tuple[tuple[str, float], ...] = ()


PLAIN = Variant("Plain")


@dataclass(frozen=True)
class Plan:
    """All that a training depends on. `shared`: all seeds learn from the points of the first."""

    data: str
    points: int
    flips: float
    hidden: tuple[int, ...]
    optimizer: str
    rate: float
    steps: int
    batch: int
    seeds: int
    seed: int
    variants: tuple[Variant, ...]
    shared: bool = False

    @cached_property
    def sets(self) -> Data:
        """The points of all seeds."""
        return load(self.data, self.points, self.flips, self.seeds, self.seed, self.shared)

    @cached_property
    def net(self) -> Net:
        """The shape of all nets."""
        part, regression = self.sets.train, not CLASSES[self.data]
        sizes = (part.X.shape[-1], *self.hidden, part.Y.shape[-1])
        return Net(sizes, regression, tuple(self.having("batch")), tuple(self.having("layer")))

    def having(self, kind: str) -> list[int]:
        """The variants with this kind."""
        return [v for v, variant in enumerate(self.variants) if kind in dict(variant.kinds)]

    def strengths(self, kind: str) -> Float[np.ndarray, " _"]:
        """Its strength in each of them."""
        return np.array([dict(self.variants[v].kinds)[kind] for v in self.having(kind)])

    @property
    def looks(self) -> Int[np.ndarray, " look"]:
        """The steps after which the nets are looked at."""
        return np.linspace(0, self.steps, min(REPORTS, self.steps) + 1).round().astype(int)


@dataclass
class Field:
    """All nets at one step. `best` are those of the lowest validation loss so far, `stopped` the step of a net that is done, `tape` what the
    layers saw in this step."""

    theta: Float[np.ndarray, "V K P"]
    runs: Bool[np.ndarray, "V K"]
    stopped: Int[np.ndarray, "V K"]
    best: Float[np.ndarray, "V K P"] = field(init=False)
    lowest: Float[np.ndarray, "V K"] = field(init=False)
    waited: Int[np.ndarray, "V K"] = field(init=False)
    tape: Sequence[Seen] = ()

    def __post_init__(self) -> None:
        self.best, self.lowest = self.theta.copy(), np.full(self.stopped.shape, np.inf)
        self.waited = np.zeros_like(self.stopped)


class Draws:
    """The random numbers of K seeds: each seed has a generator of its own for each purpose, shared by all variants."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

        def of(purpose: str) -> list[np.random.Generator]:
            return [numpy_generator(plan.seed + k, purpose) for k in range(plan.seeds)]

        self.order, self.dropout, self.noise, self.partners = map(of, ("batches", "dropout", "noise", "partners"))
        self.shares = [of("mixup") for _ in plan.having("mixup")]

    def batches(self) -> Iterator[Int[np.ndarray, "K B"]]:
        """Rows of the training part, shuffled anew every epoch; what is left of an epoch is left out."""
        size = min(self.plan.batch, self.plan.points)
        while True:
            shuffled = np.stack([g.permutation(self.plan.points) for g in self.order])
            for at in range(0, self.plan.points - size + 1, size):
                yield shuffled[:, at : at + size]

    def masks(self, rows: int) -> list[Array]:
        """D of every hidden layer: 1 / (1 - p) with probability 1 - p, else 0; 1 for variants without dropout."""
        who, p = self.plan.having("dropout"), self.plan.strengths("dropout")[:, None, None, None]
        found = []
        for units in self.plan.hidden:
            u = np.stack([g.random((rows, units)) for g in self.dropout])
            D = np.ones((len(self.plan.variants), *u.shape))
            D[who] = (u >= p) / (1.0 - p)
            found.append(D)
        return found

    def changed(self, X: Array, Y: Array) -> tuple[Array, Array]:
        """The batch (K, B, _) as each variant sees it, (V, K, B, _), or (1, K, B, _) if all see the same."""
        plan = self.plan
        who = {kind: plan.having(kind) for kind in ("noise", "smoothing", "mixup")}
        X, Y = (np.repeat(part[None], len(plan.variants) if any(who.values()) else 1, axis=0) for part in (X, Y))
        if rows := who["noise"]:
            sigma = plan.strengths("noise")[:, None, None, None]
            X[rows] += sigma * np.stack([g.standard_normal(X.shape[2:]) for g in self.noise])
        if rows := who["smoothing"]:
            eps = plan.strengths("smoothing")[:, None, None, None]
            Y[rows] = (1.0 - eps) * Y[rows] + eps / Y.shape[-1]
        if rows := who["mixup"]:
            partner = np.stack([g.permutation(X.shape[2]) for g in self.partners])[None, :, :, None]
            s = self._shares()
            for part in (X, Y):
                other = np.take_along_axis(part[rows], np.broadcast_to(partner, part[rows].shape), axis=2)
                part[rows] = s * part[rows] + (1.0 - s) * other
        return X, Y

    def _shares(self) -> Float[np.ndarray, "mixed K 1 1"]:
        alphas = self.plan.strengths("mixup")
        s = [[g.beta(a, a) for g in seeds] for seeds, a in zip(self.shares, alphas, strict=True)]
        return np.array(s)[:, :, None, None]


class Rules:
    """What acts on the weights: penalties, decay, optimizer, max norm."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.net = plan, plan.net
        (self.lane,), _ = lanes((OPTIMIZERS[plan.optimizer](lr=plan.rate),), self.net.parameters)
        self.lane: Lane
        self.lane.begin(np.array([plan.rate]))
        self.kinds = {kind: (plan.having(kind), plan.strengths(kind)[:, None, None]) for kind in ("l1", "l2", "decay", "max_norm")}  # fmt: skip

    def step(self, theta: Array, g: Array, t: int) -> Array:
        """θ after step t = 1, 2, ... with gradient g."""
        weights = self.net.is_weight
        for kind, pull in (("l1", np.sign), ("l2", np.asarray)):
            rows, strength = self.kinds[kind]
            if rows:
                g[rows] += strength * pull(theta[rows]) * weights
        rows, strength = self.kinds["decay"]
        if rows:
            theta = theta.copy()
            theta[rows] *= 1.0 - self.plan.rate * strength * weights
        theta = self.lane.optimizer.rule(theta, g, self.lane.s, self.lane.h, t)
        rows, c = self.kinds["max_norm"]
        if rows:
            theta[rows] = shortened(self.net, theta[rows], c)
        return theta


def shortened(net: Net, theta: Array, c: Array) -> Array:
    """θ with the weights into every hidden unit no longer than c."""
    *hidden, _ = net.layers(theta)
    for layer in hidden:
        norm = np.sqrt((layer.W * layer.W).sum(-2))
        layer.W[...] *= np.minimum(1.0, c / np.maximum(norm, 1e-300))[..., None, :]
    return theta


def descend(plan: Plan) -> Iterator[tuple[int, Field]]:
    """(0, the nets at their start), then (t, the same nets after step t); a net that is done stays as it is."""
    net, train = plan.net, plan.sets.train
    V, K = len(plan.variants), plan.seeds
    first = np.stack([net.first(plan.seed + k) for k in range(K)])
    nets = Field(np.repeat(first[None], V, axis=0), np.ones((V, K), bool), np.full((V, K), plan.steps))
    rules, draws, seeds = Rules(plan), Draws(plan), np.arange(K)[:, None]
    drops = bool(plan.having("dropout"))
    yield 0, nets
    for t, rows in zip(range(1, plan.steps + 1), draws.batches(), strict=False):
        X, Y = draws.changed(train.X[seeds, rows], train.Y[seeds, rows])
        masks = draws.masks(rows.shape[1]) if drops else ()
        U, tape = forward(net, nets.theta, X, training=True, masks=masks)
        theta = rules.step(nets.theta, backward(net, nets.theta, tape, output_error(net, U, Y)), t)
        if net.batch:
            follow(net, theta, tape)
        if not nets.runs.all():
            theta[~nets.runs] = nets.theta[~nets.runs]
        nets.theta, nets.tape = theta, tape
        yield t, nets


def measure(net: Net, theta: Array, part: Part) -> tuple[Array, Array]:
    """Mean loss and share of right answers of every net on a part, both (V, K)."""
    U = answers(net, theta, part.X[None])
    Y = part.Y[None]
    return losses(net, U, Y).mean(-1), right(U, Y).mean(-1)


def patience(plan: Plan, nets: Field, validation: Float[np.ndarray, "V K"], t: int) -> bool:
    """Early stopping, at a look after step t: nets that are done go back to their best weights. Whether there were any."""
    better = validation < nets.lowest
    nets.lowest = np.where(better, validation, nets.lowest)
    nets.best[better] = nets.theta[better]
    nets.waited = np.where(better, 0, nets.waited + 1)
    rows, done = plan.having("early"), np.zeros_like(better)
    done[rows] = nets.runs[rows] & ((nets.waited[rows] >= plan.strengths("early")[:, None]) | (t == plan.steps))
    nets.theta[done], nets.stopped[done] = nets.best[done], t
    nets.runs &= ~done
    return bool(done.any())


METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True, eq=False)
class Run:
    """A training: METRICS -> (look, V, K) at the steps `looks`, and the nets at the end with their test loss and accuracy (V, K)."""

    plan: Plan
    looks: Int[np.ndarray, " look"]
    curves: Mapping[str, Float[np.ndarray, "look V K"]]
    theta: Float[np.ndarray, "V K P"]
    stopped: Int[np.ndarray, "V K"]
    test_loss: Float[np.ndarray, "V K"]
    test_accuracy: Float[np.ndarray, "V K"]

    def at_end(self, metric: str) -> Float[np.ndarray, "V K"]:
        """Of METRICS at the last look, or the "test_loss" or "test_accuracy"."""
        return getattr(self, metric) if metric.startswith("test") else self.curves[metric][-1]


def look(plan: Plan, nets: Field) -> list[Array]:
    """METRICS of all nets where they stand."""
    sets, net = plan.sets, plan.net
    return [*measure(net, nets.theta, sets.train), *measure(net, nets.theta, sets.validation)]


def train(plan: Plan) -> Iterator[tuple[int, Sequence[Array], Field]]:
    """(step, METRICS, the nets) at every look; what early stopping brings back is looked at in its place."""
    shown = set(plan.looks.tolist())
    for t, nets in descend(plan):
        if t not in shown:
            continue
        found = look(plan, nets)
        if plan.having("early") and patience(plan, nets, found[2], t):
            found = look(plan, nets)
        yield t, found, nets


def finish(plan: Plan, history: Sequence[Sequence[Array]], nets: Field) -> Run:
    """The run, once its last look is there."""
    curves = {name: np.stack(values) for name, values in zip(METRICS, zip(*history, strict=True), strict=True)}
    test = measure(plan.net, nets.theta, plan.sets.test)
    return Run(plan, plan.looks, curves, nets.theta, nets.stopped, *test)


@np.errstate(all="ignore")  # a net that overflows is a result
def run(plan: Plan) -> Run:
    """Train to the end."""
    looks = list(train(plan))
    return finish(plan, [found for _, found, _ in looks], looks[-1][2])
