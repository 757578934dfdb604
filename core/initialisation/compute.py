"""The stack on screen: its first weights, what passes through them, and how they learn.

    signal of layer l      mean of z_l² and of x_l² over points and units
    gradient of layer l    √(mean of (dloss/dx_l)²) over points and units; norm of dloss/dW_l
    saturated              share of points x units where |f'| is below 5 % of its largest value; dead: a unit that is so at every point
    update : data          η √(mean dW_l²) / √(mean W_l²), the relative size of one step           A. Karpathy, makemore, part 3, 2022
    training               gradient descent, W <- W - η dloss/dW, on all points

`train` trains several stacks in step and says after up to 25 of the steps what is known; it serves the page, the jobs and the tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8

from core.contracts import Snapshot
from core.initialisation.points import POINTS, X_, Y_, points
from core.initialisation.schemes import SCHEMES, draw, to_unit_variance
from core.initialisation.spec import REPAIRS, InitialisationSpec, repaired
from core.initialisation.stack import Gradients, How, Pass, Theta, backward, forward, layers, loss_of
from core.initialisation.theory import Predicted, predict
from core.rng import numpy_generator
from core.training.activations import ACTIVATIONS, Activation

FLAT = 0.05  # of the largest slope
FRAMES = 25
BINS = 61
LOWEST = -18  # log10 of the smallest gradient that a histogram tells apart from 0
RUNAWAY = 1e6  # a loss above this has diverged
AT_ONCE = 1.5  # seconds that a training may take on the spot; a longer one is a job
LAYER_COST, FLOP_COST = 1.4e-4, 1.5e-10  # seconds: of a layer's step, and of a multiplication in it
FLOW = ("q", "a", "g", "dW", "ratio", "saturated", "dead")  # the parts of `Flow` by layer
TRAINED = ("film", "health", "repair", "race")  # lenses that train


def how_of(spec: InitialisationSpec) -> How:
    """What the stack does in each layer."""
    return How(ACTIVATIONS[spec.activation], spec.norm, spec.residual)


def start(spec: InitialisationSpec) -> Theta:
    """The first weights. The readout has the variance 1 / w; under "zero" and "constant" it is like the layers."""
    g = numpy_generator(spec.seed, "weights")
    x, how, theta = points(spec.data, spec.width, spec.seed)[0], how_of(spec), []
    none = [np.zeros((spec.width, 1)), np.zeros(1)]
    for _ in range(spec.depth):
        W = draw(spec.scheme, spec.width, spec.width, spec.sigma, g)
        W = spec.scale * (to_unit_variance(W, x) if spec.scheme == "lsuv" else W)
        theta += [W, spec.bias * g.normal(size=spec.width)]
        if spec.scheme == "lsuv":
            x = forward([*theta[-2:], *none], x, how).x[-1]
    equal = SCHEMES[spec.scheme].law == "constant"
    return [*theta, draw(spec.scheme if equal else "lecun_normal", spec.width, 1, spec.sigma, g), none[1]]


def sigma_w(spec: InitialisationSpec) -> float | None:
    """√(inputs x variance of the weights); None where the data decide it (LSUV)."""
    if spec.scheme == "lsuv":
        return None
    return spec.scale * float(np.sqrt(spec.width * SCHEMES[spec.scheme].variance(spec.width, spec.width, spec.sigma)))


@dataclass(frozen=True, eq=False)
class Flow:
    """One pass up and down: mean squares of weighted sums `q` (L,) and activations `a` (L + 1,), gradients `g` (L + 1,) by x,
    `dW` (L,) norms, `ratio` (L,) update : data, `saturated` and `dead` (L,) shares, and the loss. The input comes first."""

    q: Float[np.ndarray, " L"]
    a: Float[np.ndarray, " L_and_input"]
    g: Float[np.ndarray, " L_and_input"]
    dW: Float[np.ndarray, " L"]
    ratio: Float[np.ndarray, " L"]
    saturated: Float[np.ndarray, " L"]
    dead: Float[np.ndarray, " L"]
    loss: float


def rms(values: np.ndarray) -> float:
    """√(mean of the squares)."""
    return float(np.sqrt((values**2).mean()))


@lru_cache(maxsize=16)
def steepest(name: str) -> float:
    """The largest |f'| between -8 and 8."""
    return float(np.abs(ACTIVATIONS[name].derivative(np.linspace(-8.0, 8.0, 1601))).max())


def flow_of(theta: Theta, seen: Pass, back: Gradients, y: Y_, how: How, rate: float) -> Flow:
    """The measures of one pass."""
    flat = [np.abs(how.f.derivative(n)) < FLAT * steepest(how.f.name) for n in seen.n]
    sizes = [(rms(W), rms(dW)) for (W, _), (dW, _) in zip(layers(theta), layers(back.theta), strict=True)]
    return Flow(
        np.array([(z**2).mean() for z in seen.z]), np.array([(x**2).mean() for x in seen.x]), np.array([rms(g) for g in back.x]),
        np.array([dW * np.sqrt(W.size) for (W, _), (_, dW) in zip(layers(theta), sizes, strict=True)]),
        np.array([rate * dW / W if W else np.nan for W, dW in sizes]),
        np.array([m.mean() for m in flat]), np.array([m.all(0).mean() for m in flat]), loss_of(seen.logit, y),
    )  # fmt: skip


def net_part(spec: InitialisationSpec) -> InitialisationSpec:
    """The repaired stack's Spec, with all that changes nothing before training at its default."""
    spec = repaired(spec)
    return replace(spec, **{name: spec.params()[name].default for name in ("lens", "steps")})


@lru_cache(maxsize=64)
@np.errstate(over="ignore", invalid="ignore")  # a stack that overflows is a result
def _measured(spec: InitialisationSpec) -> tuple[Flow, Predicted | None, np.ndarray]:
    (X, y), theta, how = points(spec.data, spec.width, spec.seed), start(spec), how_of(spec)
    seen = forward(theta, X, how)
    back = backward(theta, seen, y, how)
    flow = flow_of(theta, seen, back, y, how, spec.rate)
    if SCHEMES[spec.scheme].law == "constant":
        return flow, None, np.empty(0)
    line = predict(*how, sigma_w(spec), spec.bias, spec.depth, spec.scale, (X**2).mean(1), X.mean(1))
    return flow, line, expected_gradient(line, back.x[-1], how.norm)


def expected_gradient(line: Predicted, g: np.ndarray, norm: str) -> Float[np.ndarray, " L_and_input"]:
    """The gradient's line, from the measured one at the last layer downwards; none under batch norm."""
    if norm == "batch":
        return np.empty(0)
    with np.errstate(divide="ignore"):
        climbs = np.cumsum(np.log(line.chi[::-1]), axis=0)[::-1]
    by_point = np.exp(np.vstack([climbs, np.zeros(len(g))])) * (g**2).mean(1)
    return np.sqrt(by_point.mean(1))


def expected_chi(line: Predicted) -> float:
    """The mean factor of the gradient's mean square from layer to layer, all points together."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(line.chi).mean()))


def measured(spec: InitialisationSpec) -> tuple[Flow, Predicted | None, Float[np.ndarray, " _"]]:
    """The stack before training: what was measured, the predicted signal (None for equal weights), the predicted gradient (L + 1,)
    or nothing."""
    return _measured(net_part(spec))


def starts(spec: InitialisationSpec) -> dict[str, InitialisationSpec]:
    """The stacks that the open lens trains, by name."""
    if spec.lens == "race":
        own = repaired(spec)
        return {one.title: replace(own, scheme=name) for name, one in SCHEMES.items()}
    if spec.lens == "repair":
        return {words: repaired(spec, stage) for stage, words in REPAIRS.items()}
    return {"stack": repaired(spec)}


def train_part(spec: InitialisationSpec) -> InitialisationSpec:
    """The Spec with all that does not change a training at its default; "health" trains what "film" does."""
    lens = spec.lens if spec.lens in ("race", "repair") else "film"
    own = spec if lens == "repair" else repaired(spec)
    return replace(own, lens=lens, repair="none")


def seconds(spec: InitialisationSpec) -> float:
    """About how long the open lens trains on one core."""
    layer = LAYER_COST * max(1.0, spec.width / 32) + FLOP_COST * POINTS * spec.width**2 * 3
    return spec.steps * spec.depth * len(starts(spec)) * layer


def shown_at(steps: int) -> Float[np.ndarray, " frame"]:
    """The steps that are shown: at most 25, 0 and the last among them."""
    return np.unique(np.rint(np.linspace(0, steps, min(FRAMES, steps + 1))))


class Bounds:
    """The ends of the histograms, set by the untrained stack: activations in ±`reach`, log10 of gradients in LOWEST to `top`."""

    def __init__(self, f: Activation, seen: Pass, back: Gradients) -> None:
        largest = max(rms(x) for x in seen.x[1:])
        self.reach = 1.0 if f.name in ("tanh", "sigmoid") else 4.0 * largest if 0 < largest < np.inf else 1.0
        gradients = [float(np.abs(g).max()) for g in back.x]
        self.top = float(np.ceil(np.log10(max(1.0, *filter(np.isfinite, gradients)))) + 1)


def histogram(values: np.ndarray, low: float, high: float) -> UInt8[np.ndarray, " bins"]:
    """How many values fall into each of 61 bins, 254 = the fullest; what lies outside counts in the bin at the end."""
    finite = values[np.isfinite(values)]
    place = np.clip((finite - low) / (high - low) * BINS, 0, BINS - 1).astype(np.int64)
    counts = np.bincount(place.ravel(), minlength=BINS)
    return np.rint(254 * counts / max(1, counts.max())).astype(np.uint8)


def histograms(
    seen: Pass, back: Gradients, ends: Bounds
) -> tuple[UInt8[np.ndarray, "L bins"], UInt8[np.ndarray, "L bins"]]:
    """Activations x_l, and log10 |dloss/dx_l|, of each layer."""
    smallest = 10.0**LOWEST
    of_x = [histogram(x, -ends.reach, ends.reach) for x in seen.x[1:]]
    of_g = [histogram(np.log10(np.maximum(np.abs(g), smallest)), LOWEST, ends.top) for g in back.x[1:]]
    return np.stack(of_x), np.stack(of_g)


class Learner:
    """One stack in training, with its losses before each step and after the last: NaN where it has diverged, or not come yet.

    After a divergence it stays where it was last good.
    """

    def __init__(self, spec: InitialisationSpec, theta: Theta | None = None) -> None:
        self.theta, self.how, self.rate = start(spec) if theta is None else theta, how_of(spec), spec.rate
        self.losses = np.full(spec.steps + 1, np.nan)
        self.good, self.alive = self.theta, True

    def look(self, X: X_, y: Y_, step: int) -> tuple[Pass, Gradients]:
        """A pass up and down; notes the loss."""
        seen = forward(self.theta, X, self.how)
        loss = loss_of(seen.logit, y)
        if self.alive and not loss < RUNAWAY:  # also NaN
            self.alive, self.theta = False, self.good
            seen = forward(self.theta, X, self.how)
        if self.alive:
            self.losses[step], self.good = loss, self.theta
        return seen, backward(self.theta, seen, y, self.how)

    def descend(self, back: Gradients) -> None:
        """One step, unless the stack has diverged."""
        if self.alive:
            self.theta = [part - self.rate * d for part, d in zip(self.theta, back.theta, strict=True)]


@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def train(spec: InitialisationSpec) -> Iterator[Snapshot]:
    """Train the stacks of the open lens in step.

    Arrays: `spec` (bytes of its JSON), `losses` (stack, steps + 1), `step` (frame,), each part of `Flow` but the loss (stack, frame,
    layers); under "film" also `hist.x` and `hist.g` (frame, L, bins) and `ends` (2,), the reach and top of `Bounds`.
    """
    X, y = points(spec.data, spec.width, spec.seed)
    runs = [Learner(one) for one in starts(spec).values()]
    shown, frames, ends = shown_at(spec.steps), [], None
    for step in range(spec.steps + 1):
        passes = [run.look(X, y, step) for run in runs]
        if step in shown:
            flows = [flow_of(run.theta, *one, y, run.how, spec.rate) for run, one in zip(runs, passes, strict=True)]
            frame = {name: np.stack([getattr(flow, name) for flow in flows]) for name in FLOW}
            if spec.lens == "film":
                ends = ends or Bounds(runs[0].how.f, *passes[0])
                frame["hist.x"], frame["hist.g"] = histograms(*passes[0], ends)
                frame["ends"] = np.array([ends.reach, ends.top])
            frames.append(frame)
            yield Snapshot(step, spec.steps, arrays=so_far(spec, runs, shown, frames))
        for run, (_, back) in zip(runs, passes, strict=True):
            run.descend(back)


def so_far(
    spec: InitialisationSpec, runs: list[Learner], shown: np.ndarray, frames: list[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """All frames as arrays: (stack, frame, layers), histograms (frame, L, bins)."""
    joined = {name: np.stack([frame[name] for frame in frames], axis=1 if name in FLOW else 0) for name in frames[0]}
    return {
        "spec": np.frombuffer(spec.to_json().encode(), np.uint8),
        "losses": np.stack([run.losses for run in runs]),
        "step": shown[: len(frames)],
        **joined,
    }


@dataclass(frozen=True, eq=False)
class Film:
    """A training so far: names of the stacks, `losses` (stack, steps + 1), `step` (frame,), and the arrays of `train`."""

    spec: InitialisationSpec
    names: tuple[str, ...]
    losses: Float[np.ndarray, "stack steps_and_end"]
    step: Float[np.ndarray, " frame"]
    parts: Mapping[str, np.ndarray]

    @property
    def came(self) -> list[int]:
        """The last step of each stack at which its loss was finite: -1 if it never was."""
        return [int(np.isfinite(row).sum()) - 1 for row in self.losses]

    @property
    def ends(self) -> Float[np.ndarray, " stack"]:
        """The last loss of each stack: NaN after a divergence."""
        return self.losses[:, int(self.step[-1])]


def film_of(arrays: Mapping[str, np.ndarray]) -> Film:
    """What a Snapshot of `train` knows."""
    spec = InitialisationSpec.from_json(arrays["spec"].tobytes().decode())
    return Film(spec, tuple(starts(spec)), arrays["losses"], arrays["step"], arrays)


@lru_cache(maxsize=24)
def _trained(spec: InitialisationSpec) -> Film:
    *_, last = train(spec)
    return film_of(last.arrays)


def trained(spec: InitialisationSpec) -> Film:
    """The whole training that the open lens asks for."""
    return _trained(train_part(spec))


def preview(spec: InitialisationSpec) -> Film:
    """As many steps of it as can be taken at once."""
    steps = max(1, int(spec.steps * AT_ONCE / max(seconds(spec), AT_ONCE)))
    return trained(replace(spec, steps=steps))


def shown_film(spec: InitialisationSpec, arrays: Mapping[str, np.ndarray] | None = None) -> Film:
    """The film that the page shows: the job's, if it is of these settings; else the whole training if it is short, else its first steps."""
    if arrays is not None and (film := film_of(arrays)).spec == train_part(spec):
        return film
    return trained(spec) if seconds(spec) <= AT_ONCE else preview(spec)
