"""What the page runs: which pictures, the quick look that needs no button, and the jobs that train and measure.

An `Outcome` is what is known of one strategy's run: the arrays that `tune` and `examine` gave. A job sends those of all its
strategies in one dictionary, "<strategy>/<name>", with the settings that it was started with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from core.contracts import Snapshot
from core.data.image_sets import available, even, image_set, kept
from core.data.images import ImageSet
from core.data.vision import DATASETS
from core.transfer_tuner.evaluation import LEVELS, PARTS, examine
from core.transfer_tuner.spec import BACKBONES, DATA, OWN_BACKBONES, SHIFTS, STRATEGIES, TransferTunerSpec, TuneSpec
from core.transfer_tuner.tuning import Arrays, Learner, Task, chunks, extracted, learner, network, task, tune
from core.transfer_tuner.watch import Watch
from models.tuned import missing

ORDER = ("probe", "partial", "full", "scratch")  # quickest first
AT_ONCE = 800  # pictures times epochs of a whole network that a visitor may wait for
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)  # training pictures of a class
MOST_EPOCHS = 100


@dataclass(frozen=True, eq=False)
class Outcome:
    """One strategy's run: its settings and all that is known of it."""

    spec: TransferTunerSpec
    arrays: Mapping[str, np.ndarray]

    @property
    def done(self) -> bool:
        """Whether the run has come to its end."""
        return "logits_val" in self.arrays

    def curve(self, name: str) -> np.ndarray:
        """A curve over the epochs, from 0 (before the first step) on."""
        return self.arrays[f"curve/{name}"]


@dataclass(frozen=True, eq=False)
class Errand:
    """What a job is started with. The worker has no shelf, so a visitor's own pictures travel along."""

    spec: TransferTunerSpec
    own: ImageSet | None = None
    start: Mapping[str, np.ndarray] | None = None  # a checkpoint from which the chosen strategy goes on

    SLUG = "transfer_tuner"

    @property
    def pictures(self) -> ImageSet:
        """The pictures to learn from."""
        return pictures(self.spec) if self.own is None else self.own


class CurveErrand(Errand):
    """The same for the job that measures learning curves: it runs beside the training job."""

    SLUG = "transfer_tuner_curve"


def resolved(spec: TransferTunerSpec) -> tuple[TransferTunerSpec, list[str]]:
    """The settings that can be had here, and a sentence for each that cannot."""
    why = []
    if spec.data == "own" and kept(spec.own) is None:
        why.append("Add your own pictures first: two classes or more. Until then the page shows generated textures.")
        spec = replace(spec, data="textures")
    elif spec.data in DATASETS and spec.data not in available():
        why.append(
            f"{DATA[spec.data]} is not on this computer: name a folder that holds it in GLASSNET_DATA. Until then the page shows generated textures."
        )
        spec = replace(spec, data="textures")
    if absent := missing(spec.backbone):
        first = next(iter(BACKBONES))
        why.append(f"{absent}. Until they are here, the page shows {BACKBONES[first]}.")
        spec = replace(spec, backbone=first)
    return spec, why


def pictures(spec: TransferTunerSpec) -> ImageSet:
    """The picture set of (resolved) settings."""
    return kept(spec.own) if spec.data == "own" else image_set(spec.data, spec.count, spec.seed)


def bare(spec: TransferTunerSpec) -> TransferTunerSpec:
    """The settings without what only changes the view."""
    runs = {f.name for f in fields(TuneSpec)} | {"data", "count", "own"}
    return TransferTunerSpec(**{name: value for name, value in spec.as_dict().items() if name in runs})


@lru_cache(maxsize=16)
def _task(spec: TransferTunerSpec) -> Task:
    return task(spec, pictures(spec))


def data_of(spec: TransferTunerSpec) -> Task:
    """The prepared pictures of (resolved) settings."""
    return _task(replace(bare(spec), strategy="probe"))


def quick(spec: TransferTunerSpec) -> bool:
    """Whether the chosen strategy is shown without a job."""
    if spec.backbone not in OWN_BACKBONES:
        return False
    return spec.strategy == "probe" or (len(data_of(spec).labels) * spec.epochs <= AT_ONCE and spec.backbone == "tinyvgg-cifar10")  # fmt: skip


def glimpse(spec: TransferTunerSpec) -> dict[str, Outcome]:
    """The runs that need no job: the probe on Glassnet's own networks, and the chosen strategy where it is small."""
    if spec.backbone not in OWN_BACKBONES:
        return {}
    names = ("probe", spec.strategy) if quick(spec) else ("probe",)
    return {name: _quick_run(replace(bare(spec), strategy=name)) for name in dict.fromkeys(names)}


@lru_cache(maxsize=24)
def _quick_run(spec: TransferTunerSpec) -> Outcome:
    known = features(spec) if spec.strategy == "probe" else None
    *_, last = tune(spec, pictures(spec), features=known, watch=Watch())
    return Outcome(spec, last.arrays)


def features(spec: TransferTunerSpec) -> Tensor:
    """The frozen body's features of all pictures (N, D); they depend on pictures, backbone and precision alone."""
    own = {name: getattr(spec, name) for name in ("data", "count", "own", "seed", "backbone", "precision")}
    return _features(TransferTunerSpec(**own))


@lru_cache(maxsize=8)
def _features(spec: TransferTunerSpec) -> Tensor:
    data = data_of(spec)
    return torch.cat(list(extracted(network(spec, len(data.classes)), data.pictures, spec)))


def examined(outcome: Outcome, data: Task, part: str) -> Mapping[str, np.ndarray]:
    """The outcome's arrays with those of a part of the examination, computed here if its job did not."""
    return {**outcome.arrays, **_examined(outcome, data, part)}


@lru_cache(maxsize=64)
def _examined(outcome: Outcome, data: Task, part: str) -> dict[str, np.ndarray]:
    names = {"embedding": "cka", "moved": "cka", "shift": "shift/noise", "forget": "source_end"}
    if names[part] in outcome.arrays:
        return {}
    return {name: value for piece in examine(outcome.spec, data, outcome.arrays, (part,)) for name, value in piece.items()}  # fmt: skip


def train(errand: Errand) -> Iterator[Snapshot]:
    """Train the strategies one after another, quickest first, and examine each when it is done; a step is about one forward pass."""
    spec, found = bare(errand.spec), errand.pictures
    names = ORDER if errand.spec.run == "all" else (spec.strategy,)
    kept_arrays: dict[str, np.ndarray] = {"spec": np.array(json.dumps(errand.spec.as_dict()))}
    offset, totals = 0, 0
    after = sum(passes(spec, found).values())
    for k, strategy in enumerate(names):
        own = replace(spec, strategy=strategy)
        start = errand.start if strategy == spec.strategy else None
        for snapshot in tune(own, found, start, watch=Watch()):
            totals = offset + (len(names) - k) * (snapshot.total + after)
            arrays = {**kept_arrays, **_named(strategy, snapshot.arrays)} if snapshot.arrays else {}
            last = snapshot
            yield Snapshot(offset + snapshot.step, totals, dict(snapshot.metrics), arrays)
        offset += last.total
        kept_arrays |= _named(strategy, last.arrays)
        for steps, piece in zip(
            passes(spec, found).values(), examine(own, task(own, found), last.arrays, PARTS), strict=True
        ):
            offset += steps
            kept_arrays |= _named(strategy, piece)
            yield Snapshot(offset, totals, {}, dict(kept_arrays))


def passes(spec: TransferTunerSpec, found: ImageSet) -> dict[str, int]:
    """How many forward passes each piece of an examination takes, in its order: before and after, each shift, the source task."""
    held = chunks(round(spec.share * len(found.labels)))
    return {"compared": 2 * held, **dict.fromkeys(SHIFTS, LEVELS * held), "forgotten": 2}


def _named(strategy: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {f"{strategy}/{name}": value for name, value in arrays.items()}


def outcomes(arrays: Arrays) -> dict[str, Outcome]:
    """What a training job has said so far, strategy by strategy."""
    spec = TransferTunerSpec(**json.loads(str(arrays["spec"])))
    found: dict[str, Outcome] = {}
    for strategy in STRATEGIES:
        own = {n.removeprefix(f"{strategy}/"): v for n, v in arrays.items() if n.startswith(f"{strategy}/")}
        if "curve/epoch" in own:
            found[strategy] = Outcome(replace(spec, strategy=strategy), own)
    return found


def belongs(arrays: Arrays, spec: TransferTunerSpec) -> bool:
    """Whether a job ran with these settings (the strategy and the view aside)."""
    told = TransferTunerSpec(**json.loads(str(arrays["spec"])))
    return replace(bare(told), strategy="probe") == replace(bare(spec), strategy="probe")


# Learning curves


def sizes(data: Task) -> list[int]:
    """Training pictures of a class, doubling up to what there is."""
    most = int(np.bincount(data.labels[data.train]).max())
    return [n for n in SIZES if n < most] + [most]


def smaller(data: Task, n: int, seed: int) -> Task:
    """The same task with at most n training pictures of each class; the validation pictures stay."""
    y = data.labels[data.train]
    chosen = even(y, min(len(y), n * len(data.classes)), seed)
    return replace(data, train=np.sort(data.train[chosen]))


def stretched(spec: TuneSpec, data: Task, n: int) -> TuneSpec:
    """As many steps for few pictures as for all of them, as far as MOST_EPOCHS allow."""
    most = sizes(data)[-1]
    return replace(spec, epochs=min(MOST_EPOCHS, round(spec.epochs * most / n)))


def measure(errand: Errand) -> Iterator[Snapshot]:
    """Validation accuracy of each strategy at each size; `accuracy` (strategies, sizes) is NaN where it is not measured yet."""
    spec, data = bare(errand.spec), task(errand.spec, errand.pictures)
    steps = sizes(data)
    found = np.full((len(ORDER), len(steps)), np.nan)
    about = {"spec": np.array(json.dumps(errand.spec.as_dict())), "sizes": np.array(steps)}
    for row, strategy in enumerate(ORDER):
        own = replace(spec, strategy=strategy)
        for column, accuracy in enumerate(_accuracies(own, data)):
            found[row, column] = accuracy
            yield Snapshot(row * len(steps) + column + 1, found.size, {}, {**about, "accuracy": found.copy()})


def _accuracies(spec: TransferTunerSpec, data: Task, known: Tensor | None = None) -> Iterator[float]:
    """The final validation accuracy at each size; a probe computes its features once."""
    *_, first = learner(spec, data, known)
    for n in sizes(data):
        own = stretched(spec, data, n)
        run = Learner(own, smaller(data, n, spec.seed), network(own, len(data.classes)), first.inputs)
        run.begin()
        while not run.over():
            for _ in run.learn():
                pass
        run.finish()
        yield run.measured(data.val)[1]


@lru_cache(maxsize=8)
def probe_curve(spec: TransferTunerSpec) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and accuracies of the probe alone: what the page can show at once."""
    data = data_of(spec)
    return np.array(sizes(data)), np.array(
        list(_accuracies(replace(bare(spec), strategy="probe"), data, features(spec)))
    )


# Learning-rate finder


@lru_cache(maxsize=16)
def rate_search(
    spec: TransferTunerSpec, steps: int = 60, low: float = 1e-5, high: float = 3.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """One short run whose rate grows from step to step: rates, smoothed losses, and a proposal.

    L. N. Smith, "Cyclical learning rates", WACV 2017, section 3.3. Smoothed by an exponential mean with 0.9, its start corrected.
    The search ends when the loss is four times its minimum. Proposed is the rate at which the loss falls most steeply over log η.
    """
    data = data_of(spec)
    own = replace(bare(spec), epochs=MOST_EPOCHS, patience=0, schedule="constant")
    *_, run = learner(own, data, features(spec) if own.strategy == "probe" else None)
    run.begin()
    run.shares = np.geomspace(low, high, steps) / own.rate
    found: list[float] = []
    mean = 0.0
    while len(found) < steps:
        for loss, _ in run.learn():
            mean = 0.9 * mean + 0.1 * loss
            found.append(mean / (1 - 0.9 ** (len(found) + 1)))
            if len(found) >= steps or not found[-1] <= 4 * min(found):
                return _proposed(np.geomspace(low, high, steps)[: len(found)], np.array(found))
    return _proposed(np.geomspace(low, high, steps), np.array(found))


def _proposed(rates: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    slope = np.gradient(losses, np.log(rates))
    return rates, losses, float(rates[int(np.nanargmin(slope))])
