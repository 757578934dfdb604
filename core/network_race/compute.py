"""The race on screen: from the Spec to the races of `networks`, and from their snapshots to arrays that figures take.

    tuned       every racer at all rates of RATES as one race of many rows; each takes the rate with the lowest training loss at the end
    the race    all racers under K seeds; median, 10 % and 90 % quantile over the seeds at up to 61 moments
    batch size  the race at other batch sizes, under one budget (P. Goyal et al., 2017: the rate in proportion to the batch)
    sharpness   the top eigenvalue of the training loss's Hessian along each racer's way under the first seed

`train` is a generator, so that a long race can run elsewhere and be stopped; a short one is run on the spot. Its snapshots hold
all that is known so far, as arrays; `outcome_of` makes an `Outcome` of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from core.contracts import Snapshot
from core.data.small_sets import SOURCES, load
from core.errors import ExplainerError
from core.network_race.landscape import Landscape, landscape
from core.network_race.spec import NetworkRaceSpec, field
from core.training import networks
from core.training.entries import Entry, racer
from core.training.networks import REPORTS, NetworkSpec, columns, descend, moments, targets
from core.training.optimizers import Racer
from core.training.schedules import by_period
from core.training.sharpness import sharpness

RATES = tuple((10.0 ** np.linspace(-4.0, 0.0, 9)).tolist())  # what tuning tries: the same budget for every racer
SIZES = (8, 16, 32, 64, 128)  # of the batch-size sweep, and all examples
SHARP_POINTS, SHARP_ITERATIONS = 14, 120
GRID = 31
PREVIEW = 0.25  # seconds that a preview may take
AT_ONCE = 1.0  # seconds that a race may take to be run on the spot; a longer one is a job
QUIET = ("metric", "clock", "plane")  # what does not change what is computed
COMPUTED = ("rates", "batch", "sharpness")  # lenses that need more than the race

SCORES = {f"{part}_{score}": f"{part}_score" for part in ("train", "test") for score in ("accuracy", "r2")}

Arrays = Mapping[str, np.ndarray]


def network_spec(spec: NetworkRaceSpec) -> NetworkSpec:
    """The race before tuning.

    Raises:
        ExplainerError: racers that cannot be read, or more of everything than can be run.
    """
    return NetworkSpec(
        spec.data, tuple(racer_of(spec, entry) for entry in field(spec)), spec.activation, spec.width, spec.batch, spec.steps,
        spec.seed, spec.seeds, by_period(spec.schedule, spec.period, spec.gamma), depth=spec.depth, clip=spec.clip, threshold=spec.threshold,
    )  # fmt: skip


def racer_of(spec: NetworkRaceSpec, entry: Entry) -> Racer:
    """The entry with the Spec's hyper-parameters, as far as its optimizer has them."""
    return racer(
        entry,
        rate=spec.rate if spec.rates == "same" else None,
        momentum=spec.momentum,
        betas=(spec.beta1, spec.beta2),
        weight_decay=spec.weight_decay,
    )


def race_part(spec: NetworkRaceSpec) -> NetworkRaceSpec:
    """The Spec with everything that does not change what is computed at its default."""
    default = {name: spec.params()[name].default for name in QUIET}
    lens = spec.lens if spec.lens in COMPUTED else "table"
    budget = spec.budget if lens == "batch" else spec.params()["budget"].default
    return replace(spec, **default, lens=lens, budget=budget)


def tries(spec: NetworkRaceSpec) -> bool:
    """Whether every racer is tried at all rates."""
    return spec.lens == "rates" or (spec.rates == "tuned" and any(entry.rate is None for entry in field(spec)))


def train(spec: NetworkRaceSpec) -> Iterator[Snapshot]:
    """Tune if asked to, race, and look closer; `step` counts the steps of all of it.

    Arrays: `spec` (bytes of its JSON), `lr` (racer,), `step`, `examples` (point,), of each metric (racer, 3, point), `dnf` (racer,
    point), `theta` (racer, P), `stopped` (racer, seed); at the end `paths` (racer, point, P) and `path_steps`; with the lens also
    `rates.final`, `rates.dnf` (racer, rate); `batch.sizes`, `batch.steps` (size,), `batch.<metric>`, `batch.dnf` (racer, size);
    `sharp.step` (point,), `sharp.value`, `sharp.residual` (racer, point).
    """
    rules = network_spec(spec)
    known: dict[str, np.ndarray] = {"spec": np.frombuffer(spec.to_json().encode(), np.uint8)}
    total = rules.steps * (1 + tries(spec)) + sum(other.steps for other in sweep(spec, rules))
    total += SHARP_POINTS if spec.lens == "sharpness" else 0
    done = 0
    if tries(spec):
        found = yield from _silently(try_rates(rules), done, total)
        known |= found
        rules = with_best(spec, rules, found)
        done += rules.steps
    known["lr"] = np.array([racer.lr for racer in rules.racers])
    columns_so_far: list[dict[str, np.ndarray]] = []
    for snapshot in networks.train(rules):
        columns_so_far.append(column(snapshot, len(rules.racers)))
        known |= {**snapshot.arrays, **beside(columns_so_far)}
        yield Snapshot(done + snapshot.step, total, arrays=dict(known))
    done += rules.steps
    points: list[dict[str, np.ndarray]] = []
    for other in sweep(spec, rules):
        points.append((yield from _silently(to_the_end(other), done, total)))
        known |= {f"batch.{name}": values for name, values in beside(points).items()}
        done += other.steps
        yield Snapshot(done, total, arrays=dict(known))
    if spec.lens == "sharpness":
        for point in along(rules, known):
            points.append(point)
            known |= {f"sharp.{name}": values for name, values in beside(points).items()}
            done += 1
            yield Snapshot(done, total, arrays=dict(known))


def _silently(race: Iterator[int], done: int, total: int) -> Iterator[Snapshot]:
    """Report the steps of a race that shows nothing until its end; returns what the race returns."""
    while True:
        try:
            yield Snapshot(done + next(race), total)
        except StopIteration as end:
            return end.value


def beside(points: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The values of all points, along a new last axis."""
    return {name: np.stack([point[name] for point in points], axis=-1) for name in points[0]}


def column(snapshot: Snapshot, racers: int) -> dict[str, np.ndarray]:
    """A snapshot's metrics: name -> (racer, 3) 10 % quantile, median, 90 % quantile; `dnf` (racer,); `step`, `examples`."""
    said = snapshot.metrics
    names = dict.fromkeys(key.split(".")[0] for key in said if key.endswith(".0") and not key.startswith("dnf"))
    quantiles = {
        name: np.array(
            [
                [said.get(f"{name}.{i}{end}", said[f"{name}.{i}"]) for end in (".low", "", ".high")]
                for i in range(racers)
            ]
        )
        for name in names
    }
    return {
        **{SCORES.get(name, name): values for name, values in quantiles.items()},
        "dnf": np.array([said[f"dnf.{i}"] for i in range(racers)]),
        "step": np.array(float(snapshot.step)),
        "examples": np.array(said["examples"]),
    }


def try_rates(rules: NetworkSpec) -> Iterator[int]:
    """Race every racer at every rate under the first seed; returns the training losses at the end, and who left the race."""
    many = replace(rules, racers=tuple(racer.at(rate) for racer in rules.racers for rate in RATES), seeds=1)
    end = yield from to_the_end(many)
    shape = (len(rules.racers), len(RATES))
    return {"rates.final": end["train_loss"].reshape(shape), "rates.dnf": end["dnf"].reshape(shape) > 0.0}


def to_the_end(rules: NetworkSpec) -> Iterator[int]:
    """Race without reports; yields the step now and then, returns every racer's median metrics at the end: name -> (racer,)."""
    pause = max(rules.steps // REPORTS, 1)
    for t, rows in descend(rules):  # noqa: B007
        if t % pause == 0:
            yield t
    _, data = rules.set_up()
    parts = [(columns(X), targets(data, y)) for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))]
    examples = networks.examples(rules.steps, len(data.X_train), rules.batch)
    end = Snapshot(rules.steps, rules.steps, {"examples": float(examples), **networks.report(rows, *parts)})
    shown = column(end, len(rules.racers))
    return {
        "size": np.array(min(rules.batch, len(data.X_train))),
        **{name: values[:, 1] if values.ndim == 2 else values for name, values in shown.items()},
    }


def with_best(spec: NetworkRaceSpec, rules: NetworkSpec, found: Arrays) -> NetworkSpec:
    """Each racer at its best rate, unless the mode, or the racer itself, has a rate. Ties and all diverged: the lowest rate."""
    if spec.rates != "tuned":
        return rules
    best = best_rates(found)
    chosen = [r if e.rate else r.at(RATES[k]) for e, r, k in zip(field(spec), rules.racers, best, strict=True)]
    return replace(rules, racers=tuple(chosen))


def best_rates(found: Arrays) -> Int[np.ndarray, " racer"]:
    """The index in RATES where each racer ended lowest."""
    return np.where(found["rates.dnf"], np.inf, found["rates.final"]).argmin(1)


def sweep(spec: NetworkRaceSpec, rules: NetworkSpec) -> list[NetworkSpec]:
    """The races of the batch-size sweep, one a size; none but for that lens."""
    if spec.lens != "batch":
        return []
    N = len(load(spec.data, spec.seed).X_train)
    return [networks.with_batch(rules, size, spec.budget) for size in (*SIZES, N)]


def along(rules: NetworkSpec, known: Arrays) -> Iterator[dict[str, np.ndarray]]:
    """Step by step the sharpness of all racers on their ways under the first seed, NaN where one has left the race."""
    net, data = rules.set_up()
    X, Y = columns(data.X_train), targets(data, data.y_train)
    for k in moments(len(known["path_steps"]) - 1, SHARP_POINTS):
        t = known["path_steps"][k]
        with np.errstate(all="ignore"):
            found = sharpness(net, known["paths"][:, k], X, Y, iterations=SHARP_ITERATIONS)
        here = known["stopped"][:, 0] >= t
        yield {
            "step": np.array(float(t)),
            "value": np.where(here, found.eigenvalue, np.nan),
            "residual": np.where(here, found.residual, np.nan),
        }


@dataclass(frozen=True, eq=False)
class Outcome:
    """A race that was run, or that runs still: its Spec, labels, rules (with the rates that were used) and arrays (see `train`)."""

    spec: NetworkRaceSpec
    labels: tuple[str, ...]
    rules: NetworkSpec
    arrays: Arrays

    def middle(self, metric: str) -> Float[np.ndarray, "racer point"]:
        """The median over the seeds, at every moment."""
        return self.arrays[metric][:, 1]

    @property
    def left(self) -> Bool[np.ndarray, " racer"]:
        """Who has left the race under more than half of the seeds, so that its median says nothing."""
        return self.arrays["dnf"][:, -1] > 0.5

    @property
    def kinds(self) -> list[int]:
        """The racers, but one only of those that differ in nothing but their rate."""
        same = [racer.at(1.0) for racer in self.rules.racers]
        return [i for i, racer in enumerate(same) if racer not in same[:i]]

    @property
    def regression(self) -> bool:
        return SOURCES[self.spec.data].task == "regression"

    @property
    def N(self) -> int:  # noqa: N802
        """Training examples."""
        return len(load(self.spec.data, self.spec.seed).X_train)

    @property
    def epochs(self) -> float:
        """How often the race goes through them."""
        return self.rules.steps / networks.epoch_steps(self.N, self.rules.batch)


def outcome_of(arrays: Arrays) -> Outcome | None:
    """The race that a snapshot tells of; None if it has no curves yet."""
    if "step" not in arrays:
        return None
    spec = NetworkRaceSpec.from_json(arrays["spec"].tobytes().decode())
    rules = network_spec(spec)
    racers = tuple(racer.at(float(lr)) for racer, lr in zip(rules.racers, arrays["lr"], strict=True))
    return Outcome(spec, tuple(entry.label for entry in field(spec)), replace(rules, racers=racers), arrays)


def run_of(spec: NetworkRaceSpec) -> Outcome:
    """The race that the Spec describes, run to its end."""
    return replace(_run(race_part(spec)), spec=spec)


@lru_cache(maxsize=24)
def _run(spec: NetworkRaceSpec) -> Outcome:
    *_, last = train(spec)
    return outcome_of(last.arrays)


def seconds(spec: NetworkRaceSpec) -> float:
    """About how long the race takes on one core of 2020: gradients at 12 million multiplications a millisecond, and calls."""
    rules = network_spec(spec)
    net, data = rules.set_up()
    N, racers = len(data.X_train), len(rules.racers)

    def race(other: NetworkSpec, rows: int) -> float:
        row = 4e-6 + 3.0 * net.P * min(other.batch, N) / 6e9
        return other.steps * (5e-5 + 1.5e-5 * len({r.key for r in other.racers}) + rows * row)

    reports = min(rules.steps, REPORTS) * (1e-3 + racers * rules.seeds * 6.0 * net.P * N / 6e9)
    cost = race(rules, racers * rules.seeds) + reports
    cost += race(rules, racers * len(RATES)) if tries(spec) else 0.0
    cost += sum(race(other, racers * rules.seeds) for other in sweep(spec, rules))
    closer = SHARP_POINTS * 60 * racers * 9.0 * net.P * N / 6e9 if spec.lens == "sharpness" else 0.0
    return cost + closer


def rules_of(spec: NetworkRaceSpec) -> NetworkSpec:
    """The race with the rates that it has on screen; only tuning has to be run to know them.

    Raises:
        ExplainerError: the race is to be tuned, and too long to be run on the spot.
    """
    return at_once(spec).rules if spec.rates == "tuned" else network_spec(spec)


def at_once(spec: NetworkRaceSpec) -> Outcome:
    """The race, if it is a short one.

    Raises:
        ExplainerError: it is too long to be run on the spot.
    """
    if (long := seconds(spec)) > AT_ONCE:
        raise ExplainerError(
            f"this race takes about {long:.0f} s, and up to {AT_ONCE:g} s can be run here; try fewer steps, seeds or racers"
        )
    return run_of(spec)


def preview(spec: NetworkRaceSpec) -> Outcome:
    """A race like it that takes a moment, seen as the Spec asks: at a given rate, under one seed, its first steps only."""
    short = shorter(spec)
    seen = {name: getattr(spec, name) for name in (*QUIET, "lens")}
    return replace(_run(short), spec=replace(short, **seen))


def shorter(spec: NetworkRaceSpec) -> NetworkRaceSpec:
    """What the preview runs."""
    short = replace(race_part(spec), lens="table", rates="same" if spec.rates == "tuned" else spec.rates, seeds=1)
    while short.steps > 10 and seconds(short) > PREVIEW:
        short = replace(short, steps=max(short.steps // 2, 10))
    return short


def plane(outcome: Outcome) -> Landscape:
    """The loss on the plane through the ways of the racers that the Spec names, or of all that finished."""
    named = [label.strip() for label in outcome.spec.plane.split(",")]
    chosen = np.array([label in named for label in outcome.labels])
    shapes = ~outcome.left & (chosen if chosen.any() else ~chosen)
    return landscape(outcome.rules, outcome.arrays["paths"], shapes, GRID)


def numbers(spec: NetworkRaceSpec) -> dict[str, float]:
    """Losses and score of every racer at the end, medians over the seeds, by the names that the exported script prints."""
    run = run_of(spec)
    return {
        f"{metric} {label}": float(run.middle(metric)[i, -1])
        for metric in ("train_loss", "test_loss", "test_score")
        for i, label in enumerate(run.labels)
    }
