"""From the Spec to pictures, draws, two trained networks, their accuracy on harder pictures, and what a change does to the labels.

Random numbers: the set and its split, first weights, order of the batches, draws in training, draws of the test and the draws on screen each have a generator of
their own from the seed; plain and augmented network share weights and order.

    moved[c, d]      share of the test pictures of class c that the plain network takes for class d once they are changed
    exchange (c, d)  moved[c, d] and moved[d, c] are both at least 0.4 and more than the unchanged pictures' + 0.3

An exchange says that the change makes one class into the other; a one-way move may as well be a network that is not used to the change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from core.augmentation.learning import accuracy, first_weights, fit, network, robustness
from core.augmentation.spec import DATA, AugmentationSpec, stages
from core.augmentation.transforms import CHANGES, Stage, augment, blend, turned
from core.contracts import Snapshot
from core.data.image_sets import available, chosen, even, image_set, keep, kept, split
from core.data.images import ImageSet
from core.data.pictures import fitted, fractions
from core.errors import ExplainerError
from core.rng import generator

TEST, MOST_CLASSES, FEWEST = 300, 20, 4  # test pictures, classes, and pictures of a class
GREY = ("digits", "mnist", "fashion-mnist")  # sets of one channel, 16 x 16; the others have three, 32 x 32
PLAIN, WITH = "plain", "augmented"
MOVED, MORE = 0.4, 0.3
EXAMPLES_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures in 0..1 to learn from and to test on, with labels into `classes`."""

    x: Float[Tensor, "n C S S"]
    y: Int[Tensor, "n"]
    x_test: Float[Tensor, "m C S S"]
    y_test: Int[Tensor, "m"]
    classes: tuple[str, ...]
    source: str


@dataclass(frozen=True, eq=False)
class Run:
    """One trained network: loss and test accuracy after each epoch, accuracy on harder pictures (kind, level), its weights."""

    loss: Float[np.ndarray, "E"]
    test: Float[np.ndarray, "E"]
    harder: Float[np.ndarray, "3 5"]
    weights: tuple[np.ndarray, ...]

    @property
    def held(self) -> float:
        """Mean accuracy over all kinds and levels of harder pictures."""
        return float(self.harder[:, 1:].mean())


@dataclass(frozen=True, eq=False)
class Judged:
    """What a change does, alone and as strong as it is set, to the plain network's answers."""

    before: Float[np.ndarray, "K K"]
    moved: Float[np.ndarray, "K K"]
    exchanges: tuple[tuple[int, int], ...]
    pictures: Float[
        np.ndarray, "M 2 C S S"
    ]  # unchanged and changed, those that went to the most frequent other class first
    answers: Int[np.ndarray, "M 2"]
    labels: Int[np.ndarray, "M"]


def core_of(spec: AugmentationSpec, **more: int) -> AugmentationSpec:
    """What the two networks depend on (and `more`): the rest at default, so that a look at them costs nothing anew."""
    d = AugmentationSpec()
    quiet = ("picture", "draws", "seeds", "lens", "change", "near", "faults", "sentence", "kind", "word_p")
    return replace(spec, **{**{name: getattr(d, name) for name in quiet}, **more})


def resolved(spec: AugmentationSpec) -> tuple[AugmentationSpec, str]:
    """The Spec with pictures that can be had here, and a sentence that says so where others were asked for."""
    if spec.data == "own" and kept(spec.own) is None:
        why = "Your own pictures are not here: choose them above; they are kept in memory only, so a link cannot bring them."
    elif spec.data != "own" and spec.data not in available():
        why = f"{DATA[spec.data]} is not on this computer: name a folder that holds it in GLASSNET_DATA."
    else:
        return spec, ""
    return replace(spec, data="digits"), f"{why} Until then you see the digits."


def source_set(spec: AugmentationSpec) -> ImageSet:
    """All pictures that a resolved Spec names: enough to learn from, and `TEST` more.

    Raises:
        ExplainerError: the visitor's pictures are too few, or have too few or too many classes.
    """
    if spec.data != "own":
        classes = {"digits": 10, "textures": 6, "shapes": 4}.get(spec.data, 10)
        return image_set(spec.data, spec.per_class * classes + TEST, spec.seed)
    found = kept(spec.own)
    counts = np.bincount(found.labels, minlength=len(found.classes))
    usable = np.flatnonzero(counts >= FEWEST)
    if not 2 <= len(usable) <= MOST_CLASSES:
        raise ExplainerError(
            f"your pictures have {len(usable)} classes of at least {FEWEST} pictures; 2 to {MOST_CLASSES} are needed; add some"
        )
    rows = np.flatnonzero(np.isin(found.labels, usable))
    some = chosen(found, rows[even(found.labels[rows], spec.per_class * len(usable) + TEST, spec.seed)])
    number = {int(old): new for new, old in enumerate(usable)}
    labels = np.array([number[int(label)] for label in some.labels], np.int64)
    return replace(some, labels=labels, classes=tuple(found.classes[k] for k in usable))


@lru_cache(maxsize=8)
def _album(spec: AugmentationSpec) -> Album:
    found = source_set(spec)
    shape = (1, 16, 16) if spec.data in GREY else (3, 32, 32)
    x = torch.tensor(np.stack([fitted(fractions(image), shape) for image in found.images]))
    y = torch.tensor(found.labels)
    n = min(spec.per_class * len(found.classes), round(0.7 * len(x)))
    train, test = (torch.tensor(rows) for rows in split(found.labels, (n / len(x), 1 - n / len(x)), spec.seed))
    return Album(x[train], y[train], x[test], y[test], found.classes, found.source)


def album(spec: AugmentationSpec) -> Album:
    """The pictures of a resolved Spec, split by its seed."""
    d = AugmentationSpec()
    return _album(replace(d, data=spec.data, own=spec.own, per_class=spec.per_class, seed=spec.seed))


# Draws


def draws(spec: AugmentationSpec) -> Float[np.ndarray, "N C S S"]:
    """The chosen training picture, then its changed versions."""
    x = album(spec).x
    one = x[spec.picture % len(x)][None]
    changed = augment(one.repeat(spec.draws, 1, 1, 1), stages(spec), generator(spec.seed, "draws", str(spec.picture)))
    return torch.cat([one, changed]).numpy()


def mixtures(spec: AugmentationSpec, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (count, C, S, S) of one mixed batch, and their labels (count, K); MixUp where the Spec mixes nothing."""
    seen = album(spec)
    rows = torch.randperm(len(seen.x), generator=generator(spec.seed, "mixture"))[:count]
    g = generator(spec.seed, "mixture draws")
    parts = [
        blend(augment(seen.x[pair], stages(spec), g), F.one_hot(seen.y[pair], len(seen.classes)).float(), mix_of(spec), spec.alpha, g)
        for pair in (torch.stack([rows[k], rows[k - 1]]) for k in range(len(rows)))
    ]  # fmt: skip
    x, t = (torch.stack([part[place][0] for part in parts]).numpy() for place in (0, 1))
    return x, t


def mix_of(spec: AugmentationSpec) -> str:
    """The mixture that the lens shows."""
    return "mixup" if spec.mix == "none" else spec.mix


# Training


def arms(spec: AugmentationSpec) -> dict[str, tuple[tuple[Stage, ...], str]]:
    """Name -> pipeline and mixture: plain, all changes, and all but one where there are several."""
    used = stages(spec)
    found = {PLAIN: ((), "none"), WITH: (used, spec.mix)}
    if len(used) + (spec.mix != "none") > 1:
        for stage in used:
            found[f"without {CHANGES[stage.name].title.lower()}"] = (tuple(s for s in used if s != stage), spec.mix)
        if spec.mix != "none":
            found["without mixing"] = (used, "none")
    return found


def epochs_of(spec: AugmentationSpec, arm: str) -> Iterator[tuple[float, float, list[Tensor]]]:
    """After each epoch of one arm: loss, test accuracy, the weights."""
    seen, (pipeline, mix) = album(spec), arms(spec)[arm]
    K = len(seen.classes)
    g = generator(spec.seed, "changes")
    weights = first_weights(seen.x.shape[1], seen.x.shape[3], K, generator(spec.seed, "weights"))

    def change(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return blend(augment(x, pipeline, g), t, mix, spec.alpha, g)

    for loss in fit(weights, seen.x, seen.y, K, spec.epochs, generator(spec.seed, "order"), change):
        yield loss, accuracy(weights, seen.x_test, seen.y_test), weights


def tested(spec: AugmentationSpec, weights: list[Tensor]) -> Float[np.ndarray, "3 5"]:
    """Accuracy on harder test pictures, the same for all arms."""
    seen = album(spec)
    return np.array(robustness(weights, seen.x_test, seen.y_test, generator(spec.seed, "harder")))


@lru_cache(maxsize=32)
def _run(spec: AugmentationSpec, arm: str) -> Run:
    found = list(epochs_of(spec, arm))
    weights = found[-1][2]
    return Run(
        np.array([loss for loss, _, _ in found]),
        np.array([right for _, right, _ in found]),
        tested(spec, weights),
        tuple(w.detach().numpy() for w in weights),
    )


def pair(spec: AugmentationSpec) -> dict[str, Run]:
    """The plain and the augmented network of a resolved Spec."""
    return {PLAIN: plain(spec), WITH: _run(core_of(spec), WITH)}


def plain(spec: AugmentationSpec) -> Run:
    """The network that saw the pictures as they are."""
    return _run(_plain(spec), PLAIN)


def _plain(spec: AugmentationSpec) -> AugmentationSpec:
    """What the plain network depends on: no change of the pipeline makes it train again."""
    d = AugmentationSpec()
    return replace(d, data=spec.data, own=spec.own, per_class=spec.per_class, epochs=spec.epochs, seed=spec.seed)


def key_of(spec: AugmentationSpec) -> np.ndarray:
    """Eight bytes that tell whether a job's results belong to these settings."""
    told = repr((core_of(spec), spec.seeds)).encode()
    return np.frombuffer(hashlib.sha256(told).digest()[:8], np.uint8)


def training(spec: AugmentationSpec) -> Callable[[AugmentationSpec], Iterator[Snapshot]]:
    """`train` as a job elsewhere can run it: a visitor's pictures go with it."""
    return partial(train, found=kept(spec.own)) if spec.data == "own" else train


def train(spec: AugmentationSpec, found: ImageSet | None = None) -> Iterator[Snapshot]:
    """All arms for every seed, an epoch at a time. arrays: `test` (arms, seeds, epochs), `harder` (arms, seeds, 3, 5), NaN for not yet.

    `found`: the visitor's pictures, where the Spec names them and this process may not have them.
    """
    if found is not None:
        keep(found)
    names = list(arms(spec))
    test = np.full((len(names), spec.seeds, spec.epochs), np.nan)
    hard = np.full((len(names), spec.seeds, 3, 5), np.nan)
    step, total = 0, test.size
    for k in range(spec.seeds):
        one = replace(spec, seed=(spec.seed + k) % 10_000)
        for a, arm in enumerate(names):
            for epoch, (loss, right, weights) in enumerate(epochs_of(one, arm)):
                test[a, k, epoch] = right
                if epoch == spec.epochs - 1:
                    hard[a, k] = tested(one, weights)
                step += 1
                arrays = {"test": test.copy(), "harder": hard.copy(), "key": key_of(spec)}
                yield Snapshot(step, total, {"loss": loss, "accuracy": right}, arrays)


# Labels


def strongest(spec: AugmentationSpec, x: Tensor) -> Tensor:
    """All pictures under the chosen change alone, as strong as it is set: turned by the whole angle to one side or the other."""
    amount = float(getattr(spec, spec.change, 1.0))
    g = generator(spec.seed, "judged", spec.change)
    if spec.change == "turn":
        return turned(x, amount * (1 - 2 * torch.randint(2, (len(x),), generator=g)))
    return augment(x, (Stage(spec.change, amount, 1.0),) if amount > 0 else (), g)


def judge(spec: AugmentationSpec) -> Judged:
    """Where the plain network puts each class before and after the chosen change."""
    seen, K = album(spec), len(album(spec).classes)
    weights = [torch.tensor(w) for w in plain(spec).weights]
    changed = strongest(spec, seen.x_test)
    with torch.no_grad():
        said = torch.stack([network(weights, x).argmax(1) for x in (seen.x_test, changed)], 1).numpy()
    y = seen.y_test.numpy()
    before, moved = (shares(y, said[:, k], K) for k in (0, 1))
    went = np.array(
        [moved[c, d] if said[n, 0] == c != d else -1 for n, (c, d) in enumerate(zip(y, said[:, 1], strict=True))]
    )
    rows = np.argsort(-went, kind="stable")[:EXAMPLES_SHOWN]
    return Judged(
        before, moved, exchanges(before, moved),
        torch.stack([seen.x_test, changed], 1).numpy()[rows], said[rows], y[rows],
    )  # fmt: skip


def shares(y: np.ndarray, said: np.ndarray, K: int) -> Float[np.ndarray, "K K"]:
    """Of each class, the shares of the answers; 0 for a class without pictures."""
    counts = np.bincount(K * y + said, minlength=K * K).reshape(K, K)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def exchanges(before: np.ndarray, moved: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The pairs of classes that the change makes into each other."""
    much = (moved >= MOVED) & (moved >= before + MORE)
    return tuple((int(c), int(d)) for c, d in zip(*np.nonzero(much & much.T), strict=True) if c < d)


def numbers(spec: AugmentationSpec) -> dict[str, float]:
    """What the script prints."""
    spec, _ = resolved(spec)
    runs = pair(spec)
    return {
        "test accuracy, plain": float(runs[PLAIN].test[-1]),
        "test accuracy, augmented": float(runs[WITH].test[-1]),
        "harder pictures, plain": runs[PLAIN].held,
        "harder pictures, augmented": runs[WITH].held,
        "mean of the draws": float(draws(spec).mean(dtype=np.float64)),
    }
