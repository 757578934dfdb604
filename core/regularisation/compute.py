"""What the page compares: the trained nets of a Spec, and whether a difference is more than luck.

Every kind runs on the same points, first weights and batches as the plain net, seed by seed. So each of K seeds gives a difference
d_k, and what is said about the kind is the mean of these with Student's interval,

    d̄ ± t_{K-1, 0.975} s / √K,      s² = Σ (d_k - d̄)² / (K - 1)                       Student, Biometrika 6, 1908

Where all combinations of m kinds are trained, the effect of a set S of kinds is the contrast

    effect(S) = 2^(1-m) Σ_v Π_{i in S} s_i(v) y_v,     s_i(v) = +1 where kind i is on in variant v, else -1     Yates 1937

so the effect of one kind is its mean difference over all settings of the others, and an effect of two kinds is their interaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from core.contracts import Snapshot
from core.regularisation import training
from core.regularisation.datasets import VALIDATION
from core.regularisation.spec import KINDS, RegularisationSpec, chosen
from core.regularisation.training import METRICS, PLAIN, Plan, Run, Variant, measure

Array = np.ndarray
LEVEL = 0.95  # of the intervals
AT_ONCE = 3.0  # estimated seconds that a visitor waits for without a job
FEWEST = 3  # seeds of a shorter run
SWEEPS: Mapping[str, tuple[float, ...]] = {
    "l1": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "l2": (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "decay": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0), "dropout": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9),
    "early": (1, 2, 3, 5, 10, 20, 40), "smoothing": (0.01, 0.03, 0.05, 0.1, 0.2, 0.4, 0.6),
    "max_norm": (0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0), "noise": (0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
    "mixup": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
}  # fmt: skip


class Interval(NamedTuple):
    """A mean over seeds with the ends of its interval; NaN where fewer than two seeds have a number."""

    mean: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


def quantile(seeds: int) -> float:
    """t_{K-1, 0.975}."""
    return float(stdtrit(seeds - 1, 0.5 + LEVEL / 2))


def interval(values: Float[np.ndarray, " K"]) -> Interval:
    """Mean and Student's interval over the seeds that have a finite value."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Interval(np.nan, np.nan, np.nan)
    half = quantile(len(known)) * known.std(ddof=1) / np.sqrt(len(known))
    return Interval(float(known.mean()), float(known.mean() - half), float(known.mean() + half))


def strength(spec: RegularisationSpec, kind: str) -> float:
    """What the Spec says of a kind; the norms have none."""
    return float(getattr(spec, kind, 1.0))


def variants(spec: RegularisationSpec) -> tuple[Variant, ...]:
    """The plain net, then one for each kind, or for each combination of kinds."""
    kinds = chosen(spec)
    most = len(kinds) if spec.design == "all" else 1
    sets = [combination for size in range(1, most + 1) for combination in itertools.combinations(kinds, size)]
    return PLAIN, *(variant(spec, *combination) for combination in sets)


def variant(spec: RegularisationSpec, *kinds: str) -> Variant:
    """The net with these kinds, at the strengths of the Spec."""
    return Variant(" + ".join(KINDS[kind] for kind in kinds), tuple((kind, strength(spec, kind)) for kind in kinds))


def plan_of(spec: RegularisationSpec, compared: Sequence[Variant] = ()) -> Plan:
    """The training that the Spec asks for, of `compared` or of the Spec's own variants."""
    hidden = (spec.width,) * spec.depth
    return Plan(
        spec.data, spec.points, spec.flips, hidden, spec.optimizer, spec.rate, spec.steps, spec.batch, spec.seeds, spec.seed, tuple(compared) or variants(spec)
    )  # fmt: skip


def seconds(plan: Plan) -> float:
    """About how long a training takes on one core."""
    inputs, outputs = (64, 10) if plan.data == "digits" else (2, 2)
    weights = sum(i * o for i, o in itertools.pairwise((inputs, *plan.hidden, outputs)))
    nets, units, batch = plan.seeds * len(plan.variants), sum(plan.hidden), min(plan.batch, plan.points)
    each = 3e-4 * len(plan.hidden) + nets * 2e-8 * (weights + units * batch)
    looks = training.REPORTS * nets * (plan.points + VALIDATION) * (1e-10 * weights + 5e-9 * units)
    return plan.steps * each + looks


def affordable(plan: Plan) -> Plan:
    """The same training, or with fewer seeds and then fewer steps where it takes longer than AT_ONCE."""
    if seconds(plan) <= AT_ONCE:
        return plan
    plan = replace(plan, seeds=min(plan.seeds, FEWEST))
    share = AT_ONCE / max(seconds(plan), AT_ONCE)
    return replace(plan, steps=max(int(plan.steps * share) // 10 * 10, 20))


@lru_cache(maxsize=24)
def trained(plan: Plan) -> Run:
    """The nets of a plan, trained once."""
    return training.run(plan)


def run_of(spec: RegularisationSpec) -> Run:
    """The Spec's nets; where they take long, of fewer seeds and steps."""
    return trained(affordable(plan_of(spec)))


def with_kind(spec: RegularisationSpec, kind: str, **changes: object) -> Plan:
    """A training of nets with this kind alone, with some of the plan changed."""
    return replace(plan_of(spec, [variant(spec, kind)]), **changes)


def train(spec: RegularisationSpec) -> Iterator[Snapshot]:
    """The whole training as a job. Metrics: mean validation loss of each variant; arrays: `history` (look, 4, V, K), `test` (2, V, K),
    `stopped`, with the last look also `theta`."""
    plan, history = plan_of(spec), []
    with np.errstate(all="ignore"):
        for t, found, nets in training.train(plan):
            history.append(np.stack(found))
            metrics = {f"validation loss, {one.name}": float(np.mean(found[2][v])) for v, one in enumerate(plan.variants)}  # fmt: skip
            arrays = {"history": np.stack(history), "test": np.stack(measure(plan.net, nets.theta, plan.sets.test))}
            arrays["stopped"] = np.minimum(nets.stopped, t)
            if t == plan.steps:
                arrays["theta"] = nets.theta
            yield Snapshot(t, plan.steps, metrics, arrays)


def run_from(spec: RegularisationSpec, arrays: Mapping[str, Array]) -> Run | None:
    """The run that a finished job reported; None if it has not ended, or belongs to other settings."""
    plan = plan_of(spec)
    shape = (len(plan.variants), plan.seeds, plan.net.parameters)
    if arrays.get("theta", np.empty(0)).shape != shape:
        return None
    found = arrays["history"]
    curves = {name: found[:, i] for i, name in enumerate(METRICS)}
    return Run(plan, plan.looks, curves, arrays["theta"], arrays["stopped"], *arrays["test"])


def differences(run: Run, metric: str) -> dict[str, Interval]:
    """Variant -> its value of `metric` minus the plain net's, seed by seed, as an interval."""
    values = run.at_end(metric)
    return {one.name: interval(values[v] - values[0]) for v, one in enumerate(run.plan.variants) if v}


def contrasts(run: Run, metric: str) -> dict[str, Float[np.ndarray, " K"]]:
    """Set of kinds -> its effect on `metric` under each seed, where all combinations were trained."""
    y, on = run.at_end(metric), [set(dict(one.kinds)) for one in run.plan.variants]
    factors = [kind for kind in KINDS if kind in set().union(*on)]
    found = {}
    for size in range(1, len(factors) + 1):
        for S in itertools.combinations(factors, size):
            signs = np.array([np.prod([1.0 if kind in kinds else -1.0 for kind in S]) for kinds in on])
            name = " × ".join(KINDS[kind] for kind in S)
            found[name] = 2.0 ** (1 - len(factors)) * signs @ y
    return found


def sweep(spec: RegularisationSpec) -> tuple[tuple[float, ...], Run]:
    """The strengths of SWEEPS of the kind `swept`, and the nets at all of them, the plain one first."""
    grid = SWEEPS[spec.swept]
    compared = [PLAIN, *(Variant(f"{s:g}", ((spec.swept, s),)) for s in grid)]
    return grid, trained(affordable(plan_of(spec, compared)))


def numbers(spec: RegularisationSpec) -> dict[str, float]:
    """What the script prints: means over seeds of every variant, and its difference from the plain net with its interval."""
    run, found = run_of(spec), {}
    for v, one in enumerate(run.plan.variants):
        for name, metric in (("training loss", "train_loss"), ("validation loss", "validation_loss"), ("test loss", "test_loss"), ("test accuracy", "test_accuracy")):  # fmt: skip
            found[f"{one.name}, {name}"] = float(run.at_end(metric)[v].mean())
    for name, between in differences(run, "test_loss").items():
        for part, value in zip(("mean", "low end", "high end"), between, strict=True):
            found[f"{name} minus Plain, test loss, {part}"] = value
    return found
