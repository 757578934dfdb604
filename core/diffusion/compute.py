r"""The run on screen: nets trained, points drawn, and what the page measures. Every number comes from here.

best loss   mean |e - E[e | x_t]|^2: what no net can go below; of a velocity net mean |(e - x_0) - E[e - x_0 | x_t]|^2
error(t)    sqrt(mean |net - exact|^2 / mean |exact|^2) over noisy data at time t
guidance    e = (1 + w) e(x, t, label) - w e(x, t)                         Ho, Salimans, arXiv:2207.12598, equation 6
nats        mean log p(x) over held-out points
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from core.diffusion.coupling import DEPTH, coupling_loss, coupling_sizes, log_likelihood, to_data, to_noise
from core.diffusion.measures import bend, shadows, sliced
from core.diffusion.nets import (
    batch,
    divergence,
    field_loss,
    field_sizes,
    first_weights,
    forward,
    inputs,
    layers_of,
    learn,
)
from core.diffusion.paths import Path
from core.diffusion.samplers import evaluations, ode_log_likelihood, sample, velocity
from core.diffusion.targets import Mixture, target_of
from core.rng import numpy_generator

Array = np.ndarray
POINTS, FEW, MANY, HELD = 400, 500, 4000, 128  # of the film, of curves, that distances are measured to, of likelihoods
SHARP = 0.02  # least width of a cloud whose density is asked for
DRAWS = 8  # of real points, for their own distance
STEPS = (1, 2, 4, 8, 16, 32)
TIMES = np.linspace(0.05, 1.0, 20)
WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0)
EDGE, CELLS = 2.6, 25
FIRST, ODE_STEPS = 0.001, 24  # where the ODE's likelihood begins, and its Runge-Kutta steps
SAMPLERS = {  # name -> (rule, whether on the straight path)
    "DDPM": ("ddpm", False), "DDIM": ("ddim", False), "Score SDE": ("sde", False), "ODE, Euler": ("euler", False),
    "ODE, Heun": ("heun", False), "Flow, Euler": ("euler", True), "Flow, Heun": ("heun", True),
}  # fmt: skip


class Lesson(NamedTuple):
    """What a training depends on. `kind`: noise (e-prediction), labelled (the same with labels), flow (velocity) or coupling."""

    kind: str
    data: str
    spread: float
    schedule: str
    updates: int
    width: int
    rate: float
    seed: int


class Learned(NamedTuple):
    """A trained net and its loss before every update."""

    theta: Array
    losses: Array


def lesson_of(spec: Any, kind: str) -> Lesson:
    """The training of one of the Spec's nets."""
    schedule = spec.schedule if kind in ("noise", "labelled") else "straight"
    return Lesson(kind, spec.data, spec.spread, schedule, spec.updates, spec.width, spec.rate, spec.seed)


def sizes_of(lesson: Lesson) -> list[int]:
    """Units of each layer; for RealNVP those of each of its nets."""
    return (
        coupling_sizes(lesson.width)
        if lesson.kind == "coupling"
        else field_sizes(lesson.width, lesson.kind == "labelled")
    )


def start_of(lesson: Lesson) -> Array:
    """The first weights."""
    g, sizes = numpy_generator(lesson.seed, "weights", lesson.kind), sizes_of(lesson)
    if lesson.kind != "coupling":
        return first_weights(g, sizes)
    return np.concatenate(
        [first_weights(g, sizes, bias=1.0) for _ in range(DEPTH)]
    )  # with one input, 0 would bend all units at one place


def batches(lesson: Lesson):
    """Endless batches: (inputs, what is asked) for a field, (points, None) for RealNVP."""
    g, target, path = (
        numpy_generator(lesson.seed, "batches"),
        target_of(lesson.data, lesson.spread),
        Path(lesson.schedule),
    )
    while True:
        X, x0, e = batch(g, target, path, lesson.kind == "labelled")
        if lesson.kind == "coupling":
            yield x0, None
        else:
            yield X, e - x0 if lesson.kind == "flow" else e


def lesson_steps(lesson: Lesson):
    """(theta, loss) after every update."""
    drawn, sizes = batches(lesson), sizes_of(lesson)

    def losses(theta):
        X, Y = next(drawn)
        return coupling_loss(theta, sizes, X) if Y is None else field_loss(theta, sizes, X, Y)

    return learn(start_of(lesson), losses, lesson.rate, lesson.updates)


@lru_cache(maxsize=48)
def trained(lesson: Lesson) -> Learned:
    """Train to the end."""
    steps = list(lesson_steps(lesson))
    return Learned(steps[-1][0], np.array([loss for _, loss in steps]))


@lru_cache(maxsize=16)
def held_out(data: str, spread: float, seed: int, label: int = -1) -> Array:
    """The shadows of real points that no net is trained on, of one class or (-1) of both."""
    target = target_of(data, spread)
    return shadows((target if label < 0 else target.only(label)).draw(numpy_generator(seed, "held-out"), MANY)[0])


def exact(target: Mixture, path: Path):
    """The best predictor of x_0 and e there is."""

    def predict(x, t):
        x0 = target.denoise(x, path.a(t), path.b(t))
        return x0, (x - path.a(t) * x0) / path.b(t)

    return predict


def by_net(net: Learned, lesson: Lesson, labels: Array | None = None):
    """The same from a trained field."""
    layers, path = layers_of(net.theta, sizes_of(lesson)), Path(lesson.schedule)

    def predict(x, t):
        out = forward(layers, inputs(x, t, labels))[0]
        if lesson.kind == "flow":
            return x - t * out, x + (1.0 - t) * out
        return (x - path.b(t) * out) / path.a(t), out

    return predict


def guided(own, common, path: Path, w: float):
    """Two predictors of e as one: (1 + w) own - w common."""

    def predict(x, t):
        e = (1.0 + w) * own(x, t)[1] - w * common(x, t)[1]
        return (x - path.b(t) * e) / path.a(t), e

    return predict


class Study:
    """A Spec with its target and nets. `given` holds nets that were trained elsewhere, by kind; others are trained when they are asked for."""

    def __init__(self, spec: Any, given: Any = None) -> None:
        self.spec, self.given, self.target = spec, dict(given or {}), target_of(spec.data, spec.spread)

    def lesson(self, kind: str) -> Lesson:
        """The training of a kind of net."""
        return lesson_of(self.spec, kind)

    def net(self, kind: str) -> Learned:
        """A trained net."""
        return self.given[kind] if kind in self.given else trained(self.lesson(kind))

    def path(self, straight: bool) -> Path:
        """The straight path, or that of the schedule."""
        return Path("straight" if straight else self.spec.schedule)

    def field(self, straight: bool, learned: bool):
        """A predictor of x_0 and e, by net or by formula."""
        if not learned:
            return exact(self.target, self.path(straight))
        kind = "flow" if straight else "noise"
        return by_net(self.net(kind), self.lesson(kind))

    @property
    def straight(self) -> bool:
        """Whether the film runs on the straight path."""
        return self.spec.method == "flow"

    def rule(self) -> str:
        """The sampler's name in `sample`."""
        return self.spec.solver if self.spec.method in ("ode", "flow") else self.spec.method

    def data(self, purpose: str, n: int) -> Array:
        """n fresh points of the target."""
        return self.target.draw(numpy_generator(self.spec.seed, purpose), n)[0]

    def noise(self, purpose: str, n: int) -> Array:
        """n points of noise."""
        return numpy_generator(self.spec.seed, purpose).standard_normal((n, 2))

    def run(self, method: str, straight: bool, learned: bool, steps: int, n: int) -> Array:
        """Ways (steps + 1, n, 2) of n points."""
        g = numpy_generator(self.spec.seed, "steps")
        return sample(method, self.field(straight, learned), self.path(straight), steps, self.noise("start", n), g)

    @cached_property
    def ways(self) -> Array:
        """The film on the right: from noise to data, (frame, point, 2)."""
        if self.spec.method == "coupling":
            lesson = self.lesson("coupling")
            return np.stack(to_data(self.net("coupling").theta, sizes_of(lesson), self.noise("start", POINTS)))
        return self.run(self.rule(), self.straight, self.spec.field == "learned", self.spec.steps, POINTS)

    @cached_property
    def forward_ways(self) -> Array:
        """The film on the left at the same times: real points, mixed with a noise of their own; under RealNVP layer by layer."""
        x0, e = self.data("data", POINTS), self.noise("noise", POINTS)
        if self.spec.method == "coupling":
            return np.stack(to_noise(self.net("coupling").theta, sizes_of(self.lesson("coupling")), x0)[0][::-1])
        path = self.path(self.straight)
        times = np.linspace(1.0, 0.0, self.spec.steps + 1)[:, None, None]
        return path.a(times) * x0 + path.b(times) * e

    def distance(self, X: Array) -> float:
        """Sliced W2 to held-out points."""
        return sliced(X, held_out(self.spec.data, self.spec.spread, self.spec.seed))

    def nats(self, X: Array) -> float:
        """Mean log-density of the points in the exact target; of a target without width, with clouds of 0.02."""
        return float(
            Mixture(self.target.centres, self.target.labels, max(self.target.s, SHARP)).log_density(X, 1.0, 0.0).mean()
        )

    def floor(self, n: int) -> float:
        """The same distance of n real points, in the mean over several draws."""
        return float(np.mean([self.distance(self.data(f"others {k}", n)) for k in range(DRAWS)]))


def arrows_at(study: Study, x: Array, t: float) -> Array:
    """What the arrows show at x (n, 2): -v, the score -e / b, or x0 - x."""
    t = max(t, FIRST)
    path, predict = study.path(study.straight), study.field(study.straight, study.spec.field == "learned")
    if study.spec.arrows == "velocity":
        return -velocity(predict, path, x, t)
    x0, e = predict(x, t)
    return -e / path.b(t) if study.spec.arrows == "score" else x0 - x


def quality(study: Study, learned: bool) -> dict[str, list[tuple[int, float]]]:
    """Sampler -> (evaluations of the field, distance) for each number of steps."""
    return {
        name: [
            (evaluations(method, n), study.distance(study.run(method, straight, learned, n, crowd(learned))[-1]))
            for n in STEPS
        ]
        for name, (method, straight) in SAMPLERS.items()
    }


def crowd(learned: bool) -> int:
    """Points of the curve of `quality`: more by formula, which is quicker than a net."""
    return FEW if learned else 2 * FEW


def bends(study: Study, learned: bool) -> dict[str, tuple[float, float]]:
    """Sampler -> how bent its ways are, and the distance of its points, at the Spec's number of steps."""
    found = {}
    for name, (method, straight) in SAMPLERS.items():
        ways = study.run(method, straight, learned, study.spec.steps, FEW)
        found[name] = (bend(ways), study.distance(ways[-1]))
    return found


def equal_time(path: Path) -> float:
    """The time at which a = b, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if path.a(middle) > path.b(middle) else (low, middle)
    return low


def schedules(study: Study) -> dict[str, tuple[float, float, float]]:
    """Path -> the time at which signal and noise are equal, and the distance of DDIM's points in 5 and in 20 steps of the exact field."""
    found = {}
    for name in ("linear", "cosine", "straight"):
        path, g = Path(name), numpy_generator(study.spec.seed, "steps")
        ends = [sample("ddim", exact(study.target, path), path, n, study.noise("start", FEW), g)[-1] for n in (5, 20)]
        found[name] = (equal_time(path), *(study.distance(X) for X in ends))
    return found


def guesses(study: Study, learned: bool) -> Array:
    """At each of TIMES the root mean square distance between x_0 and its best guess from x_t."""
    path, predict = study.path(study.straight), study.field(study.straight, learned)
    x0, e = study.data("data", POINTS), study.noise("noise", POINTS)
    off = [predict(path.a(t) * x0 + path.b(t) * e, t)[0] - x0 for t in TIMES.tolist()]
    return np.sqrt((np.stack(off) ** 2).sum(2).mean(1))


def outputs(study: Study, x: Array, t: float, learned: bool) -> Array:
    """What a net of the film's path is asked for: v on the straight path, else e."""
    x0, e = study.field(study.straight, learned)(x, t)
    return e - x0 if study.straight else e


def errors(study: Study) -> tuple[Array, float]:
    """error(t) at TIMES, and the best loss."""
    path = study.path(study.straight)
    x0, e = study.data("data", POINTS), study.noise("noise", POINTS)
    shares = []
    for t in TIMES.tolist():
        x = path.a(t) * x0 + path.b(t) * e
        right = outputs(study, x, t, learned=False)
        shares.append(np.sqrt(((outputs(study, x, t, learned=True) - right) ** 2).sum() / (right**2).sum()))
    return np.array(shares), best_loss(study)


def best_loss(study: Study) -> float:
    """The loss of the exact field over 32 times, a rule of midpoints, and POINTS noisy points at each."""
    path, total = study.path(study.straight), 0.0
    x0, e = study.data("data", POINTS), study.noise("noise", POINTS)
    asked = e - x0 if study.straight else e
    for t in ((np.arange(32) + 0.5) / 32).tolist():
        total += ((asked - outputs(study, path.a(t) * x0 + path.b(t) * e, t, learned=False)) ** 2).sum() / POINTS / 32
    return float(total)


def guidance_field(study: Study, label: int, w: float):
    """The guided predictor for a class, by formula or by the labelled net."""
    path = study.path(straight=False)
    if study.spec.field == "exact":
        return guided(exact(study.target.only(label), path), exact(study.target, path), path, w)
    net, lesson = study.net("labelled"), study.lesson("labelled")
    return guided(by_net(net, lesson, np.eye(2)[np.full(FEW, label)]), by_net(net, lesson, np.zeros((FEW, 2))), path, w)


def guided_points(study: Study, label: int, w: float) -> Array:
    """Points of DDIM under guidance."""
    path, g = study.path(straight=False), numpy_generator(study.spec.seed, "steps")
    return sample("ddim", guidance_field(study, label, w), path, study.spec.steps, study.noise("start", FEW), g)[-1]


def in_class(study: Study, X: Array, label: int) -> float:
    """Share of the points that lie nearer to a cloud of this class than to any other."""
    gaps = ((X[:, None] - study.target.centres) ** 2).sum(2)
    return float((study.target.labels[gaps.argmin(1)] == label).mean())


def around_mean(X: Array) -> float:
    """Root mean square distance from the mean."""
    return float(np.sqrt(((X - X.mean(0)) ** 2).sum(1).mean()))


def guidance(study: Study) -> dict[float, tuple[float, float, float]]:
    """w -> share in the class, spread around the mean, distance to real points of the class."""
    label = study.spec.label
    real = held_out(study.spec.data, study.spec.spread, study.spec.seed, label)
    found = {}
    for w in sorted({*WEIGHTS, study.spec.weight}):
        X = guided_points(study, label, w)
        found[w] = (in_class(study, X, label), around_mean(X), sliced(X, real))
    return found


def flow_of(study: Study, straight: bool, learned: bool):
    """(x, t) -> v and div v of the probability-flow ODE, by formula or by net."""
    path = study.path(straight)
    if not learned:
        return lambda x, t: exact_flow(study.target, path, x, t)
    kind = "flow" if straight else "noise"
    layers = layers_of(study.net(kind).theta, sizes_of(study.lesson(kind)))

    def flow(x, t):
        out, div = divergence(layers, x, t)
        if straight:
            return out, div
        c = path.db(t) - path.b(t) * path.drift(t)
        return path.drift(t) * x + c * out, 2 * path.drift(t) + c * div

    return flow


def exact_flow(target: Mixture, path: Path, x: Array, t: float) -> tuple[Array, Array]:
    """v = a' x0 + b' e and its divergence from those of x0; on the straight path at t = 1, where a = 0, too."""
    a, b, c = path.a(t), path.b(t), path.db(t) / path.b(t)
    x0, div = target.denoise(x, a, b), target.divergence(x, a, b)
    return (path.da(t) - a * c) * x0 + c * x, (path.da(t) - a * c) * div + 2 * c


def grid() -> tuple[Array, Array]:
    """The cells of the likelihood map: the line, and all places (CELLS^2, 2), rows of equal y."""
    line = np.linspace(-EDGE, EDGE, CELLS)
    return line, np.column_stack([np.tile(line, CELLS), np.repeat(line, CELLS)])


def likelihoods(study: Study, x: Array) -> dict[str, Array]:
    """log p(x) of every row by each model that has one."""
    s, path = study.straight, study.path(study.straight)
    nvp = study.lesson("coupling")
    return {
        "exact": study.target.log_density(x, path.a(FIRST), path.b(FIRST)),
        "ODE, exact field": ode_log_likelihood(flow_of(study, s, learned=False), x, FIRST, ODE_STEPS),
        "ODE, learned field": ode_log_likelihood(flow_of(study, s, learned=True), x, FIRST, ODE_STEPS),
        "RealNVP": log_likelihood(study.net("coupling").theta, sizes_of(nvp), x),
    }


def held_out_nats(study: Study) -> dict[str, float]:
    """Mean log-likelihood of held-out points, at the time where the ODE begins."""
    return {name: float(values.mean()) for name, values in likelihoods(study, study.data("held-out", HELD)).items()}


def race(study: Study) -> dict[str, tuple[Array, int]]:
    """Method -> its points after equal training, and how often its nets were asked for each."""
    n = study.spec.steps
    found = {
        name: (study.run(method, straight, True, n, POINTS)[-1], evaluations(method, n))
        for name, (method, straight) in SAMPLERS.items()
        if method != "heun"
    }
    z = study.noise("start", POINTS)
    found["RealNVP"] = (to_data(study.net("coupling").theta, sizes_of(study.lesson("coupling")), z)[-1], DEPTH)
    return found


def needed(spec: Any) -> list[str]:
    """The kinds of nets that the state on screen shows."""
    own = "flow" if spec.method == "flow" else "noise"
    learned = spec.field == "learned"
    top = ["coupling"] if spec.method == "coupling" else [own] if learned else []
    closer = {
        "steps": ["noise", "flow"] if learned else [], "paths": ["noise", "flow"] if learned else [],
        "denoise": [own] if learned and spec.method != "coupling" else [],
        "error": [own], "guidance": ["labelled"] if learned else [],
        "likelihood": [own, "coupling"], "race": ["noise", "flow", "coupling"],
    }  # fmt: skip
    return list(dict.fromkeys([*top, *closer.get(spec.lens, [])]))


def numbers(spec: Any) -> dict[str, float]:
    """What the script prints: distances of the film's points, and the numbers of the closer look."""
    study = Study(spec)
    found = {
        "distance": study.distance(study.ways[-1]),
        "nats": study.nats(study.ways[-1]),
        f"distance of {POINTS} real points": study.floor(POINTS),
    }
    for kind in needed(spec):
        found[f"last loss, {kind}"] = float(study.net(kind).losses[-1])
    learned = spec.field == "learned"
    if spec.lens == "schedule":
        for name, (t, *distances) in schedules(study).items():
            found[f"equal shares at t, {name}"] = t
            found |= {f"DDIM in {n} steps, {name}": d for n, d in zip((5, 20), distances, strict=True)}
    if spec.lens == "steps":
        found |= {f"{name}, {n} calls": d for name, row in quality(study, learned).items() for n, d in row}
    if spec.lens == "paths":
        found |= {f"bend, {name}": bent for name, (bent, _) in bends(study, learned).items()}
    if spec.lens == "denoise":
        found |= {f"guess off at {t:.2f}": float(d) for t, d in zip(TIMES, guesses(study, learned), strict=True)}
    if spec.lens == "error":
        shares, best = errors(study)
        found |= {f"error at {t:.2f}": float(d) for t, d in zip(TIMES, shares, strict=True)} | {"best loss": best}
    if spec.lens == "guidance":
        for w, values in guidance(study).items():
            found |= {
                f"{name}, w {w:g}": v for name, v in zip(("share", "spread", "class distance"), values, strict=True)
            }
    if spec.lens == "likelihood":
        found |= {f"nats, {name}": value for name, value in held_out_nats(study).items()}
    if spec.lens == "race":
        for name, (X, _) in race(study).items():
            found |= {f"distance, {name}": study.distance(X), f"nats, {name}": study.nats(X)}
    return found
