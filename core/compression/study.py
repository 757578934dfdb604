"""The digit net of the page, everything that was made of it, and which variants nothing else beats.

A variant is judged by the digits of the test that it reads rightly, by its bytes, its multiply-adds and its working memory (cost.py). One
variant beats another if it is at least as good in both and better in one; the front is what nothing beats (V. Pareto, 1906). With n test
digits and accuracy p, the standard error is √(p (1 − p) / n).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from core.compression import cost
from core.compression.distil import taught_pull
from core.compression.factorise import truncated
from core.compression.nets import (
    TEST,
    Array,
    Digits,
    Logits,
    Net,
    batches,
    cross_entropy,
    digits,
    initial,
    learn,
    logits,
    right,
    shapes,
    student_shapes,
    trained,
)
from core.compression.prune import Masks, masked, masks, units, without_units
from core.compression.quantize import Quantized, Rules, fake_logits, quantize
from core.compression.spec import GROUPS, METHODS, MOST_BITS, PRUNING, QUANTIZING, SCHEMES, CompressionSpec
from core.contracts import Snapshot
from core.rng import numpy_generator

DRAWS = 3  # students, each alone and taught
STEPS = 240  # of a student, however few digits it sees
SPARSITIES = (0.5, 0.8, 0.95)  # beside the chosen one
RANKS, WIDTHS, BITS = (4, 8, 16), (16,), (8, 6, 4, 3, 2)
SHOWN = (*QUANTIZING, *PRUNING, "student", "temperature", "alpha", "rows", "rank")  # what the variants depend on
SWEEP = (*(round(0.1 * k, 2) for k in range(10)), 0.95, 0.98)
LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)  # of the tickets, beside the chosen one
TICKETS = {"ticket": "Rewound to its first weights", "fresh": "Same mask, new first weights", "random": "Random mask"}


@dataclass(frozen=True, eq=False)
class Variant:
    """One way to have the net: what it gets right of 450 digits, its loss in nat, and what it costs."""

    name: str
    family: str
    right: int
    loss: float
    bytes: int
    macs: int
    memory: int

    @property
    def accuracy(self) -> float:
        """Share of the test digits."""
        return self.right / TEST


@dataclass(frozen=True, eq=False)
class Pruned:
    """A net before and after fine-tuning, what was kept, and the accuracy after each epoch (first: none)."""

    cut: Net
    tuned: Net
    masks: Masks | None
    curve: tuple[float, ...]


def standard_error(p: float, n: int = TEST) -> float:
    """√(p (1 − p) / n)."""
    return float(np.sqrt(p * (1.0 - p) / n))


def only(spec: CompressionSpec, *names: str) -> CompressionSpec:
    """The Spec with its net and the fields `names`, all else at default: what a cached result depends on."""
    return CompressionSpec(**{name: getattr(spec, name) for name in ("architecture", "width", "seed", *names)})


def base_of(spec: CompressionSpec) -> tuple[Digits, Net, Net]:
    """The digits, the untrained and the trained net."""
    return _base(spec.architecture, spec.width, spec.seed)


@lru_cache(maxsize=16)
def _base(architecture: str, width: int, seed: int) -> tuple[Digits, Net, Net]:
    data, first = digits(seed), initial(shapes(architecture, width), numpy_generator(seed, "weights"))
    return data, first, trained(first, seed, "base", data)


def accuracy(z: Logits, data: Digits) -> float:
    """Share of the test digits."""
    return right(z, data.y_test) / TEST


def judged(name: str, family: str, z: Logits, data: Digits, bytes_: int, macs: int, memory: int) -> Variant:
    """The variant that gives the logits z on the test digits."""
    return Variant(name, family, right(z, data.y_test), cross_entropy(z, data.y_test), bytes_, macs, memory)


# Rounded


def rules_of(spec: CompressionSpec) -> Rules:
    """How the Spec rounds."""
    return Rules(spec.mode, spec.bits, spec.bits_a, spec.scheme, spec.group, spec.percent)


def quantized_of(spec: CompressionSpec, net: Net | None = None) -> Quantized:
    """The trained net, or another, on the Spec's grids."""
    data, _, base = base_of(spec)
    return quantize(base if net is None else net, rules_of(spec), data.X)


def rounded_variant(spec: CompressionSpec, name: str = "") -> Variant:
    """The trained net as the Spec rounds it."""
    data, _, net = base_of(spec)
    q = quantized_of(spec)
    name = name or f"{spec.bits} bits"
    each = cost.FLOAT if spec.mode == "weights" else 1
    return judged(name, "rounded", fake_logits(q, data.X_test), data, cost.quantized_bytes(q), cost.macs(net), cost.memory(net, each))  # fmt: skip


def grid_name(scheme: str, group: str) -> str:
    """A kind of grid in few words."""
    return scheme if group == "tensor" else f"{scheme} by channel"


def bit_sweep(spec: CompressionSpec) -> dict[str, list[float]]:
    """Accuracy at 2 to 8 bits of a weight, for both kinds of scale and both grids; the rest as in the Spec."""
    return _bit_sweep(only(spec, "mode", "bits_a", "percent"))


@lru_cache(maxsize=16)
def _bit_sweep(spec: CompressionSpec) -> dict[str, list[float]]:
    data = base_of(spec)[0]
    found: dict[str, list[float]] = {}
    for group in GROUPS:
        for scheme in SCHEMES:
            specs = [replace(spec, group=group, scheme=scheme, bits=bits) for bits in range(2, MOST_BITS + 1)]
            found[grid_name(scheme, group)] = [
                accuracy(fake_logits(quantized_of(one), data.X_test), data) for one in specs
            ]
    return found


# Pruned


def cut(net: Net, spec: CompressionSpec, sparsity: float) -> tuple[Net, Masks | None]:
    """The net without what the Spec's method removes, and the masks unless whole units are gone."""
    if spec.method == "structured":
        return without_units(net, units(net, sparsity)), None
    found = masks(net, spec.method, sparsity, numpy_generator(spec.seed, "mask"))
    return masked(net, found), found


def pruned_of(spec: CompressionSpec, sparsity: float | None = None) -> Pruned:
    """The trained net pruned to `sparsity` (None: the Spec's), then fine-tuned."""
    share = spec.sparsity if sparsity is None else sparsity
    return _pruned(spec.architecture, spec.width, spec.seed, spec.method, share, spec.tune)


@lru_cache(maxsize=64)
def _pruned(architecture: str, width: int, seed: int, method: str, sparsity: float, tune: int) -> Pruned:
    spec = CompressionSpec(architecture=architecture, width=width, seed=seed, method=method)
    data, _, net = base_of(spec)
    small, kept = cut(net, spec, sparsity)
    curve = [accuracy(logits(small, data.X_test), data)]

    def watch(now: Net) -> None:
        curve.append(accuracy(logits(now, data.X_test), data))

    tuned = trained(small, seed, "tune", data, tune, kept, watch)
    return Pruned(small, tuned, kept, tuple(curve))


def pruned_variant(spec: CompressionSpec, sparsity: float | None = None) -> Variant:
    """The pruned and fine-tuned net."""
    data = base_of(spec)[0]
    found = pruned_of(spec, sparsity)
    share = spec.sparsity if sparsity is None else sparsity
    size = cost.FLOAT * cost.parameters(found.tuned) if found.masks is None else cost.sparse_bytes(found.tuned, found.masks)  # fmt: skip
    what = "units" if spec.method == "structured" else "weights"
    return judged(f"{100 * share:.0f} % of the {what} removed", "pruned", logits(found.tuned, data.X_test), data, size, cost.macs(found.tuned), cost.memory(found.tuned))  # fmt: skip


def both_variant(spec: CompressionSpec) -> Variant:
    """Pruned, fine-tuned, then rounded."""
    data, found = base_of(spec)[0], pruned_of(spec)
    q = quantized_of(spec, found.tuned)
    each = cost.FLOAT if spec.mode == "weights" else 1
    return judged(f"{100 * spec.sparsity:.0f} % removed, {spec.bits} bits", "pruned and rounded", fake_logits(q, data.X_test), data, cost.quantized_bytes(q, found.masks), cost.macs(found.tuned), cost.memory(found.tuned, each))  # fmt: skip


def sparsity_sweep(spec: CompressionSpec) -> dict[str, list[float]]:
    """Accuracy at each sparsity of SWEEP, by every method, without fine-tuning."""
    return _sparsity_sweep(only(spec))


@lru_cache(maxsize=16)
def _sparsity_sweep(spec: CompressionSpec) -> dict[str, list[float]]:
    data, _, net = base_of(spec)
    return {
        method: [accuracy(logits(cut(net, replace(spec, method=method), s)[0], data.X_test), data) for s in SWEEP]
        for method in METHODS
    }


# Lottery tickets


def ticket(spec: CompressionSpec, kind: str, sparsity: float, draw: int = 0) -> float:
    """Test accuracy of a masked net trained from the start. Draw 0 is the page's own net; others have their own first weights."""
    data, first, net = _base(spec.architecture, spec.width, spec.seed + draw)
    g = numpy_generator(spec.seed + draw, "ticket", kind)
    keep = masks(net, "random" if kind == "random" else "global", sparsity, g)
    start = initial(shapes(spec.architecture, spec.width), g) if kind == "fresh" else first
    return accuracy(logits(trained(masked(start, keep), spec.seed + draw, "base", data, masks=keep), data.X_test), data)


@lru_cache(maxsize=16)
def tickets(architecture: str, width: int, seed: int, sparsity: float) -> dict[str, float]:
    """Test accuracy of each kind of ticket at one sparsity."""
    spec = CompressionSpec(architecture=architecture, width=width, seed=seed)
    return {kind: ticket(spec, kind, sparsity) for kind in TICKETS}


def levels(spec: CompressionSpec) -> list[float]:
    """The sparsities at which tickets are measured."""
    return sorted({*LEVELS, spec.sparsity})


def tickets_part(spec: CompressionSpec) -> CompressionSpec:
    """The Spec with only what the tickets depend on."""
    return only(spec, "sparsity")


def train(spec: CompressionSpec) -> Iterator[Snapshot]:
    """All levels, all kinds, three draws: the job. The array "tickets" (level, kind, draw) is nan where it is not measured yet."""
    at = levels(spec)
    values = np.full((len(at), len(TICKETS), DRAWS), np.nan)
    about = {"levels": np.array(at), "of": np.array([spec.to_json()])}
    yield Snapshot(0, values.size, {}, {"tickets": values.copy(), **about})
    for step, (draw, i, k) in enumerate(np.ndindex(DRAWS, *values.shape[:2]), start=1):
        values[i, k, draw] = ticket(spec, list(TICKETS)[k], at[i], draw)
        yield Snapshot(step, values.size, {"accuracy": float(values[i, k, draw])}, {"tickets": values.copy(), **about})


def belongs(arrays: Mapping[str, Array], spec: CompressionSpec) -> bool:
    """Whether a job's arrays are of this Spec."""
    return "of" in arrays and str(arrays["of"][0]) == tickets_part(spec).to_json()


# Taught


@dataclass(frozen=True, eq=False)
class Students:
    """Students of the same first weights and batches, alone and taught: (draw) nets and test accuracies."""

    nets: Mapping[str, tuple[Net, ...]]
    accuracies: Mapping[str, Float[Array, " draws"]]


def students_of(spec: CompressionSpec) -> Students:
    """The Spec's students."""
    data = base_of(spec)[0]
    nets = {
        name: tuple(student(spec, alpha, draw) for draw in range(DRAWS))
        for name, alpha in (("alone", 0.0), ("taught", spec.alpha))
    }
    return Students(nets, {name: np.array([accuracy(logits(net, data.X_test), data) for net in some]) for name, some in nets.items()})  # fmt: skip


def student(spec: CompressionSpec, alpha: float, draw: int = 0, width: int | None = None) -> Net:
    """One student, of the Spec's width if none is given; without the teacher (alpha 0) the temperature plays no part."""
    T = spec.temperature if alpha else 1.0
    return _student(spec.architecture, spec.width, spec.seed, width or spec.student, T, alpha, spec.rows, draw)


@lru_cache(maxsize=256)
def _student(architecture: str, width: int, seed: int, hidden: int, T: float, alpha: float, rows: int, draw: int) -> Net:  # fmt: skip
    data, _, teacher = _base(architecture, width, seed)
    X = data.X[:rows]
    return learn(
        initial(student_shapes(hidden), numpy_generator(seed + draw, "student")),
        X,
        taught_pull(data.y[:rows], logits(teacher, X), T, alpha),
        batches(rows, STEPS, numpy_generator(seed + draw, "batches", "student")),
    )


def student_variant(spec: CompressionSpec, width: int | None = None) -> Variant:
    """The first taught student."""
    data = base_of(spec)[0]
    net = student(spec, spec.alpha, width=width)
    return judged(f"student of {width or spec.student} units", "taught", logits(net, data.X_test), data, cost.FLOAT * cost.parameters(net), cost.macs(net), cost.memory(net))  # fmt: skip


# Factorised, and all together


def rank_variant(spec: CompressionSpec, rank: int | None = None) -> Variant:
    """The trained net with thin factors."""
    data, _, net = base_of(spec)
    r = rank or spec.rank
    size, macs = cost.factored(net, r)
    return judged(f"rank {r}", "factorised", logits(truncated(net, r), data.X_test), data, size, macs, cost.memory(net))  # fmt: skip


def float_variants(spec: CompressionSpec) -> list[Variant]:
    """The trained net in single and in half precision."""
    data, _, net = base_of(spec)
    half = tuple(replace(one, W=one.W.astype(np.float16).astype(float), b=one.b.astype(np.float16).astype(float)) for one in net)  # fmt: skip
    return [
        judged(f"float{8 * each}", "unchanged", logits(one, data.X_test), data, each * cost.parameters(net), cost.macs(net), cost.memory(net, each))
        for one, each in ((net, 4), (half, 2))
    ]  # fmt: skip


def variants(spec: CompressionSpec) -> list[Variant]:
    """The net and all that is made of it; those of the Spec's own settings among them."""
    return _variants(only(spec, *SHOWN))


@lru_cache(maxsize=16)
def _variants(spec: CompressionSpec) -> list[Variant]:
    return [
        *float_variants(spec),
        *(rounded_variant(replace(spec, bits=bits)) for bits in sorted({*BITS, spec.bits}, reverse=True)),
        *(pruned_variant(spec, s) for s in sorted({*SPARSITIES, spec.sparsity})),
        both_variant(spec),
        *(rank_variant(spec, r) for r in sorted({*RANKS, spec.rank}) if cost.factored(base_of(spec)[2], r)[0] < cost.FLOAT * cost.parameters(base_of(spec)[2])),
        *(student_variant(spec, w) for w in sorted({*WIDTHS, spec.student})),
    ]  # fmt: skip


def chosen(spec: CompressionSpec) -> dict[str, Variant]:
    """The net and the five variants of the Spec's own settings."""
    return {
        "float": float_variants(spec)[0],
        "rounded": rounded_variant(spec),
        "pruned": pruned_variant(spec),
        "pruned and rounded": both_variant(spec),
        "factorised": rank_variant(spec),
        "student": student_variant(spec),
    }


def front(costs: Float[Array, " n"], gains: Float[Array, " n"]) -> Bool[Array, " n"]:
    """Which points nothing beats: no other is at most as dear and at least as good, and better in one."""
    cheap, good = costs <= costs[:, None], gains >= gains[:, None]  # [i, j]: j is at least as cheap, as good as i
    strict = (costs < costs[:, None]) | (gains > gains[:, None])
    return ~(cheap & good & strict).any(axis=1)


def numbers(spec: CompressionSpec) -> dict[str, float]:
    """What the script prints."""
    found: dict[str, float] = {}
    for name, one in chosen(spec).items():
        found |= {f"{name} accuracy": one.accuracy, f"{name} loss": one.loss, f"{name} bytes": float(one.bytes), f"{name} multiply-adds": float(one.macs)}  # fmt: skip
    for name, values in students_of(spec).accuracies.items():
        found[f"student {name}, mean accuracy"] = float(values.mean())
    if spec.lens == "ticket":
        kinds = tickets(spec.architecture, spec.width, spec.seed, spec.sparsity)
        found |= {f"ticket accuracy, {kind}": value for kind, value in kinds.items()}
    return found
