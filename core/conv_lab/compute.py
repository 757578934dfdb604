"""The page's network, its pictures and the measurements of each look. Maps and gradients in float64; climbing in float32.

The numbers of every state, with f the mean of the chosen map:

    f(x),    |df / dx|,    f(clip(x + 0.01 sign(df / dx))),    the departure from equivariance under the chosen shift
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from core.contracts import Snapshot
from core.conv_lab.ascent import Wish, ascend
from core.conv_lab.concepts import CONCEPTS, derivatives, direction, score, told_apart
from core.conv_lab.interventions import (
    departure,
    loss_of,
    nudge,
    right_by_class,
    shifted,
    turned,
    with_kernel,
    without_each,
    without_map,
)
from core.conv_lab.patches import Patches, top_patches
from core.conv_lab.spec import ConvLabSpec
from core.convolution.flow import Reach, reaches
from core.convolution.maps import feature_maps, innermost, made_by
from core.convolution.probe import until
from core.convolution.trained import examples_of, network, picture_of, precision
from core.data.example_sets import ExampleSet
from core.data.own import kept
from core.errors import ExplainerError, one_of
from core.rng import generator, numpy_generator
from models import MODELS, Model, Pretrained, known
from models.surgery import ACTIVATIONS

QUICK = 24  # steps of a climb that the page makes at once
NUDGE = 0.01
CONTROLS = 20  # random directions
STEPS = 32  # reports while each map of a layer is removed
WISH = 64  # pixels of a picture that is made for an ImageNet network


@dataclass(frozen=True, eq=False)
class Asked:
    """What a Spec asks about: the network, its pictures in 0..1, the one looked at (`index` -1: the visitor's own), the layer and the unit."""

    about: Model | Pretrained
    examples: ExampleSet
    index: int
    pixels: np.ndarray
    layer: str
    unit: int

    @property
    def net(self) -> nn.Module:
        """The network, in float64 if it is one of Glassnet's own."""
        return network(self.about.name)

    @property
    def picture(self) -> Tensor:
        """The chosen picture (1, C, H, W) in 0..1, in the precision of the network."""
        return torch.as_tensor(self.pixels[None], dtype=precision(self.about.name))

    def logits(self, pictures: Tensor) -> Tensor:
        """Of pictures in 0..1."""
        return self.net(self.about.normalise(pictures.to(precision(self.about.name))))

    def maps(self, pictures: Tensor) -> np.ndarray:
        """The chosen layer's maps of pictures in 0..1."""
        return feature_maps(self.net, self.about.normalise(pictures), only=[self.layer])[self.layer]

    @property
    def labelled(self) -> bool:
        """Whether the class of the chosen picture is known."""
        return self.examples.labels is not None and self.index >= 0

    @property
    def truth(self) -> int:
        """The picture's class; where it has none, the network's own answer."""
        if self.labelled:
            return int(self.examples.labels[self.index])
        with torch.no_grad():
            return int(self.logits(self.picture).argmax())


@dataclass(frozen=True)
class About:
    """What is known of a layer: how many maps it has, the convolution that makes them, how far its cells see."""

    maps: int
    conv: str
    reach: Reach


@lru_cache(maxsize=16)
def layers_of(name: str) -> dict[str, About]:
    """Layers with maps of more than one cell that a convolution makes, in the order of computing."""
    net = network(name)
    maps = feature_maps(net, examples_of(name).pictures[:1])
    reach = reaches(net)
    makers = {layer: made_by(layer, maps, net) for layer, found in maps.items() if found.shape[2] > 1}
    return {layer: About(maps[layer].shape[1], conv, reach[layer]) for layer, conv in makers.items() if conv}


def chosen_layer(spec: ConvLabSpec) -> str:
    """The layer of the Spec; the second activation where it names none.

    Raises:
        ExplainerError: the network has no such layer.
    """
    names = layers_of(spec.network)
    if not spec.layer:
        kinds = innermost(network(spec.network))
        return [n for n in names if isinstance(kinds[n], ACTIVATIONS)][1]
    if spec.layer not in names:
        raise ExplainerError(f"{known(spec.network).title} has no layer {spec.layer[:40]!r}; choose {one_of(names)}")
    return spec.layer


def asked(spec: ConvLabSpec) -> Asked:
    """What the Spec asks about; numbers beyond the last picture or map mean the last one."""
    examples, layer = examples_of(spec.network), chosen_layer(spec)
    own = spec.own if kept(spec.own) is not None else ""
    index = -1 if own else min(spec.picture, len(examples.pictures) - 1)
    unit = min(spec.unit, layers_of(spec.network)[layer].maps - 1)
    return Asked(known(spec.network), examples, index, picture_of(examples, index, own), layer, unit)


# ---- climbing ---------------------------------------------------------------------------------------------------------


def wish_of(spec: ConvLabSpec, steps: int) -> Wish:
    """The climb that the Spec describes, for so many steps."""
    a = asked(spec)
    unit = min(spec.unit, len(a.about.classes) - 1) if spec.objective == "logit" else a.unit
    shape = a.about.input_shape if spec.network in MODELS else (3, WISH, WISH)
    return Wish(
        spec.objective, a.layer, unit, shape, steps, 0.05, spec.frequencies, spec.jitter, spec.blur,
        spec.variation, spec.diversity, spec.seed,
    )  # fmt: skip


def climb(spec: ConvLabSpec) -> Iterator[Snapshot]:
    """The long climb, as a job."""
    yield from ascend(network(spec.network, False), wish_of(spec, spec.steps), known(spec.network).normalise)


@lru_cache(maxsize=32)
def quick_climb(spec: ConvLabSpec) -> tuple[Snapshot, ...]:
    """The first steps of the climb."""
    steps = min(QUICK, spec.steps)
    return tuple(ascend(network(spec.network, False), wish_of(spec, steps), known(spec.network).normalise))


@lru_cache(maxsize=16)
def dream(name: str, layer: str, steps: int, jitter: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """A photograph and what becomes of it when all maps of a layer are driven up; the layer's mean square before and after."""
    about = known(name)
    photo = photograph()
    if about.input_shape[0] == 1:
        photo = photo.mean(axis=0, keepdims=True)
    wish = Wish("layer", layer, 0, photo.shape, steps, 0.03, True, jitter, entering=False)
    film = list(ascend(network(name, False), wish, about.normalise, torch.as_tensor(photo, dtype=torch.float32)[None]))
    return photo, film[-1].arrays["images"][0], film[0].metrics["answer"], film[-1].metrics["answer"]


def photograph() -> np.ndarray:
    """The middle of scikit-learn's photograph of a temple, shrunk to 64 x 96 pixels, (3, 64, 96) in 0..1."""
    from sklearn.datasets import load_sample_image

    part = load_sample_image("china.jpg")[20:404, 30:606] / 255
    return part.reshape(64, 6, 96, 6, 3).mean(axis=(1, 3)).transpose(2, 0, 1)


# ---- measurements -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def patches(name: str, layer: str, unit: int) -> Patches:
    """The strongest patches of the unit over the example pictures."""
    pictures = examples_of(name).pictures
    x = known(name).normalise(torch.as_tensor(pictures))
    parts = [
        feature_maps(network(name, False), x[k : k + 16], only=[layer])[layer][:, unit] for k in range(0, len(x), 16)
    ]
    return top_patches(np.concatenate(parts), layers_of(name)[layer].reach, pictures.shape[2:])


@lru_cache(maxsize=16)
def all_logits(name: str) -> np.ndarray:
    """The logits of all example pictures, in float32."""
    return _logits(network(name, False), name)


def _logits(net: nn.Module, name: str) -> np.ndarray:
    with torch.no_grad():
        return net(known(name).normalise(torch.as_tensor(examples_of(name).pictures))).numpy()


def labels_of(a: Asked) -> np.ndarray:
    """The labels of the example pictures; the network's own answers where there are none."""
    return all_logits(a.about.name).argmax(axis=1) if a.examples.labels is None else a.examples.labels


@dataclass(frozen=True, eq=False)
class Change:
    """A before and after: the unit's map, the probabilities, and each class's share of right answers."""

    maps: tuple[np.ndarray, np.ndarray]
    probabilities: tuple[np.ndarray, np.ndarray]
    right: tuple[np.ndarray, np.ndarray]
    count: np.ndarray

    def accuracy(self, after: int) -> float:
        """The share of right answers over all classes, before (0) or after (1)."""
        return float(np.nansum(self.right[after] * self.count) / self.count.sum())


def learned_kernel(spec: ConvLabSpec) -> tuple[str, int, np.ndarray]:
    """The convolution, the input map and the kernel that the Spec names."""
    a = asked(spec)
    conv = layers_of(spec.network)[a.layer].conv
    weight = innermost(a.net)[conv].weight.detach()
    source = min(spec.source, weight.shape[1] - 1)
    return conv, source, weight[a.unit, source].numpy().copy()


def new_kernel(spec: ConvLabSpec) -> np.ndarray:
    """What the kernel becomes.

    Raises:
        ExplainerError: the visitor's own numbers do not fit.
    """
    _, _, kernel = learned_kernel(spec)
    match spec.edit:
        case "zero":
            return np.zeros_like(kernel)
        case "negative":
            return -kernel
        case "mean":
            return np.full_like(kernel, kernel.mean())
        case "own" if spec.kernel:
            return kernel_from(spec.kernel, kernel.shape)
    return kernel


def kernel_from(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers with commas as a kernel of this shape.

    Raises:
        ExplainerError: they are not that many finite numbers.
    """
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if values.size != np.prod(shape) or not np.isfinite(values).all():
        raise ExplainerError(
            f"the kernel needs {int(np.prod(shape))} numbers with commas between them; choose 'As learned' and start again"
        )
    return values.reshape(shape)


def edited(spec: ConvLabSpec) -> Change:
    """Before and after the change of a kernel."""
    a = asked(spec)
    conv, source, _ = learned_kernel(spec)
    exact = with_kernel(a.net, conv, a.unit, source, new_kernel(spec))
    x = a.about.normalise(a.picture)
    maps = tuple(feature_maps(net, x, only=[a.layer])[a.layer][0, a.unit] for net in (a.net, exact))
    light = with_kernel(network(spec.network, False), conv, a.unit, source, new_kernel(spec))
    with torch.no_grad():
        after = exact(x)
    return _change(a, maps, after, _logits(light, spec.network))


def ablated(spec: ConvLabSpec) -> Change:
    """Before and after the removal of a map."""
    a = asked(spec)
    x = a.about.normalise(a.picture)
    before = a.maps(a.picture)[0, a.unit]
    light = network(spec.network, False)
    pictures = a.about.normalise(torch.as_tensor(a.examples.pictures))
    after = without_map(light, a.layer, a.unit, pictures).numpy()
    return _change(a, (before, np.zeros_like(before)), without_map(a.net, a.layer, a.unit, x), after)


def ablate_each(spec: ConvLabSpec) -> Iterator[Snapshot]:
    """Remove each map of the layer in turn, as a job; `drops` (maps so far, classes): what share of right answers each class loses."""
    a = asked(spec)
    net, labels = network(spec.network, False), labels_of(a)
    before, _ = right_by_class(all_logits(spec.network), labels)
    x = known(spec.network).normalise(torch.as_tensor(a.examples.pictures))
    total = layers_of(spec.network)[a.layer].maps
    drops: list[np.ndarray] = []
    for number, logits in enumerate(without_each(net, a.layer, x), start=1):
        drops.append(before - right_by_class(logits.numpy(), labels)[0])
        if number % max(1, total // STEPS) == 0 or number == total:
            yield Snapshot(number, total, {"maps": float(number)}, {"drops": np.array(drops)})


def _change(a: Asked, maps: tuple[np.ndarray, ...], after: Tensor, all_after: np.ndarray) -> Change:
    with torch.no_grad():
        before = a.logits(a.picture)
    chances = tuple(torch.softmax(z[0], 0).numpy() for z in (before, after))
    labels = labels_of(a)
    (old, count), (new, _) = (right_by_class(z, labels) for z in (all_logits(a.about.name), all_after))
    return Change((maps[0], maps[1]), (chances[0], chances[1]), (old, new), count)


@dataclass(frozen=True, eq=False)
class Moved:
    """The unit's map of the moved picture, its moved map, and the departure of every layer."""

    picture: np.ndarray
    of_moved: np.ndarray
    moved: np.ndarray
    departures: dict[str, float]
    unit: float
    probabilities: tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=16)
def moved(spec: ConvLabSpec) -> Moved:
    """The equivariance test of every layer."""
    a = asked(spec)
    x = a.picture[0].numpy()
    noise = numpy_generator(spec.seed, "noise").normal(size=x.shape)
    other = np.clip(shifted(turned(x, spec.quarters), 0, spec.shift) + spec.noise * noise, 0, 1)
    both = feature_maps(a.net, a.about.normalise(torch.as_tensor(np.stack([x, other]))))
    expected = {
        n: shifted(turned(both[n][0], spec.quarters), 0, spec.shift / about.reach.jump)
        for n, about in layers_of(spec.network).items()
    }
    departures = {n: departure(both[n][1], maps, both[n][0]) for n, maps in expected.items()}
    mine, theirs, still = both[a.layer][1][a.unit], expected[a.layer][a.unit], both[a.layer][0][a.unit]
    with torch.no_grad():
        chances = torch.softmax(a.logits(torch.as_tensor(np.stack([x, other]))), 1).numpy()
    one = departure(mine[None], theirs[None], still[None])
    return Moved(other, mine, theirs, departures, one, (chances[0], chances[1]))


@dataclass(frozen=True, eq=False)
class Nudged:
    """The nudged picture, the loss before and after, the probabilities, the unit's maps, and each layer's relative change."""

    picture: np.ndarray
    losses: tuple[float, float]
    probabilities: tuple[np.ndarray, np.ndarray]
    maps: tuple[np.ndarray, np.ndarray]
    changes: dict[str, float]


@lru_cache(maxsize=16)
def nudged(spec: ConvLabSpec) -> Nudged:
    """The adversarial nudge and what it does to every layer."""
    a = asked(spec)
    near = nudge(a.logits, a.picture, a.truth, spec.eps, spec.attack_steps)
    both = feature_maps(a.net, a.about.normalise(torch.cat([a.picture, near])))
    with torch.no_grad():
        chances = torch.softmax(a.logits(torch.cat([a.picture, near])), 1).numpy()
    return Nudged(
        near[0].numpy(),
        (loss_of(a.logits, a.picture, a.truth), loss_of(a.logits, near, a.truth)),
        (chances[0], chances[1]),
        (both[a.layer][0, a.unit], both[a.layer][1, a.unit]),
        {n: departure(both[n][1], both[n][0], both[n][0]) for n in layers_of(spec.network)},
    )


@dataclass(frozen=True, eq=False)
class Concept:
    """The direction's hits on pictures that it did not learn from, its TCAV, those of random directions; an example pair."""

    held_out: float
    score: float
    random: np.ndarray
    pair: tuple[np.ndarray, np.ndarray]
    pictures: int

    @property
    def beyond(self) -> bool:
        """Whether the concept's score lies outside all random ones."""
        return bool(self.score < self.random.min() or self.score > self.random.max())


@lru_cache(maxsize=16)
def concept(spec: ConvLabSpec) -> Concept:
    """The concept test of the chosen layer and class."""
    a = asked(spec)
    pictures = a.examples.pictures
    half = len(pictures) // 2
    planted = np.concatenate([CONCEPTS[spec.concept](pictures[:half]), pictures[half:]])
    has = np.arange(len(pictures)) < half
    light = network(spec.network, False)
    h = until_means(light, a.layer, a.about.normalise(torch.as_tensor(planted)))
    learn = np.arange(len(pictures)) % 2 == 0
    v = direction(h[learn], has[learn])
    k = class_of(spec, a)
    of_class = torch.as_tensor(pictures[labels_of(a) == k])
    if not len(of_class):
        raise ExplainerError(f"no example picture belongs to class {k}; choose another class")
    plain = until_means(light, a.layer, a.about.normalise(torch.as_tensor(pictures)))
    g = generator(spec.seed, "random directions")
    halves = [(torch.randperm(len(pictures), generator=g) < half).numpy() for _ in range(CONTROLS)]
    directions = np.stack([v, *(direction(plain, random) for random in halves)], axis=1)
    S = derivatives(light, a.layer, a.about.normalise(of_class), k, directions)
    scores = np.array([score(column) for column in S.T])
    return Concept(
        told_apart(v, h[~learn], has[~learn]), float(scores[0]), scores[1:], (pictures[0], planted[0]), len(of_class)
    )


def class_of(spec: ConvLabSpec, a: Asked) -> int:
    """The class of the Spec's number, the last one where there are fewer; of ImageNet's thousand only those that occur are counted."""
    classes = range(len(a.about.classes)) if len(a.about.classes) <= 10 else np.unique(labels_of(a)).tolist()
    return classes[min(spec.target, len(classes) - 1)]


@torch.no_grad()
def until_means(net: nn.Module, layer: str, x: Tensor) -> np.ndarray:
    """The means of the layer's maps (N, C), in float64."""
    return until(net, layer, x).double().mean(dim=(2, 3)).numpy()


# ---- numbers ----------------------------------------------------------------------------------------------------------


def numbers(spec: ConvLabSpec) -> dict[str, float]:
    """What the script prints."""
    a = asked(spec)

    def f(x: Tensor) -> Tensor:
        return until(a.net, a.layer, a.about.normalise(x))[0, a.unit].mean()

    x = a.picture.requires_grad_()
    answer = f(x)
    (slope,) = torch.autograd.grad(answer, x)
    with torch.no_grad():
        after = f((x + NUDGE * slope.sign()).clamp(0, 1))
        jump = layers_of(spec.network)[a.layer].reach.jump
        other = torch.roll(x, spec.shift, 3)
        maps, of_moved = (a.maps(one.detach())[0] for one in (x, other))
    return {
        "answer": float(answer.detach()),
        "size of the gradient": float(slope.norm()),
        "answer after a step": float(after),
        "departure under the shift": departure(of_moved, shifted(maps, 0, spec.shift / jump), maps),
    }
