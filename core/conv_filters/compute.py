"""The trained network of the page, what its layers make of the chosen picture, and the numbers on screen.

Maps are computed in float64 from the shipped weights; statistics over many pictures in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import nn

from core.conv_filters.kernels import Nearest, nearest, similarity
from core.conv_filters.layers import Statistics, Sum, contributions, convolutions, in_batches, statistics
from core.conv_filters.spec import ConvFiltersSpec
from core.convolution.maps import feature_maps, innermost
from core.data.example_sets import ExampleSet, example_set
from core.errors import ExplainerError, one_of
from models import MODELS, Model, load

STATISTICS_OVER = 48  # pictures
ACTIVATIONS = (nn.ReLU, nn.Tanh)


@lru_cache(maxsize=8)
def network(name: str) -> nn.Module:
    """The trained network in float64, shared by all visitors: nobody may change it."""
    return load(name).double()


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture as the network sees it. `maps` holds every layer's (channel, height, width), in the order of computing."""

    about: Model
    examples: ExampleSet
    index: int
    maps: Mapping[str, np.ndarray]
    probabilities: np.ndarray

    @property
    def picture(self) -> np.ndarray:
        """The picture in 0..1."""
        return self.examples.pictures[self.index]

    @property
    def label(self) -> str:
        """Its class; "" where it has none."""
        return "" if self.examples.labels is None else self.about.classes[self.examples.labels[self.index]]

    @property
    def answer(self) -> str:
        """The most probable class."""
        return self.about.classes[int(self.probabilities.argmax())]

    @cached_property
    def convolutions(self) -> dict[str, nn.Conv2d]:
        """Name -> convolution."""
        return convolutions(network(self.about.name))


def normalised(about: Model, pictures: np.ndarray) -> torch.Tensor:
    """Pictures in 0..1 as the network takes them, in float64."""
    return about.normalise(torch.as_tensor(pictures, dtype=torch.float64))


@lru_cache(maxsize=16)
def see(name: str, picture: int) -> Seen:
    """Every map of the network for one of its example pictures; the last one where there are fewer."""
    about = MODELS[name]
    examples = example_set(about.dataset)
    index = min(picture, len(examples.pictures) - 1)
    x = normalised(about, examples.pictures[index : index + 1])
    maps = {layer: found[0] for layer, found in feature_maps(network(name), x).items()}
    with torch.no_grad():
        probabilities = torch.softmax(network(name)(x)[0], 0).numpy()
    return Seen(about, examples, index, maps, probabilities)


@lru_cache(maxsize=64)
def over_examples(name: str, layer: str) -> Statistics:
    """Statistics of a layer's maps over the example pictures."""
    about = MODELS[name]
    pictures = example_set(about.dataset).pictures[:STATISTICS_OVER]
    x = about.normalise(torch.as_tensor(pictures, dtype=torch.float32)).numpy()
    return statistics(load(name), layer, in_batches(x))


def shown_layers(seen: Seen) -> list[str]:
    """Layers with more than one cell to a map, without batch-norm; of a long network only the activations, or it would not fit."""
    kinds = innermost(network(seen.about.name))
    spatial = [n for n, maps in seen.maps.items() if maps.shape[1] > 1 and not isinstance(kinds[n], nn.BatchNorm2d)]
    return spatial if len(spatial) <= 14 else [name for name in spatial if isinstance(kinds[name], ACTIVATIONS)]


def chosen_layer(spec: ConvFiltersSpec, seen: Seen) -> str:
    """The layer of the Spec; the first activation where it names none.

    Raises:
        ExplainerError: the network has no such layer.
    """
    names = [name for name, maps in seen.maps.items() if maps.shape[1] > 1]
    if not spec.layer:
        kinds = innermost(network(seen.about.name))
        return next((n for n in names if isinstance(kinds[n], ACTIVATIONS)), names[0])
    if spec.layer not in names:
        raise ExplainerError(f"{seen.about.title} has no layer {spec.layer[:40]!r}; choose {one_of(names)}")
    return spec.layer


def chosen_unit(spec: ConvFiltersSpec, maps: np.ndarray) -> int:
    """The map of the Spec, the last one where there are fewer; the one with the largest value where it names none."""
    return int(maps.max(axis=(1, 2)).argmax()) if spec.unit < 0 else min(spec.unit, len(maps) - 1)


def made_by(layer: str, seen: Seen) -> str:
    """The convolution that makes a layer's maps: itself, or the one that computed last before it with as many maps."""
    names = list(seen.maps)
    before = names[: names.index(layer) + 1]
    channels = len(seen.maps[layer])
    makers = [n for n in before if n in seen.convolutions and len(seen.maps[n]) == channels]
    return makers[-1]


def entering(conv: str, seen: Seen) -> np.ndarray:
    """The maps that enter a convolution."""
    model, found = network(seen.about.name), []
    handle = seen.convolutions[conv].register_forward_pre_hook(lambda _m, inputs: found.append(inputs[0].clone()))
    try:
        with torch.no_grad():
            model(normalised(seen.about, seen.picture[None]))
    finally:
        handle.remove()
    return found[0][0].numpy()


@dataclass(frozen=True, eq=False)
class Inside:
    """One map: its layer, its number, the convolution that made it, and the sum over that convolution's inputs."""

    layer: str
    unit: int
    conv: str
    inputs: np.ndarray
    sum: Sum
    map: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The inputs, the one with the largest contribution (mean of its absolute values) first."""
        return np.argsort(-np.abs(self.sum.parts).mean(axis=(1, 2)), kind="stable")

    @property
    def strongest(self) -> int:
        """The input whose kernel has the largest norm."""
        return int(np.linalg.norm(self.sum.kernels, axis=(1, 2)).argmax())

    @property
    def likeness(self) -> Nearest | None:
        """The classic filter nearest to that kernel."""
        return nearest(self.sum.kernels[self.strongest])


def inside(spec: ConvFiltersSpec) -> Inside:
    """The chosen map taken apart."""
    seen = see(spec.network, spec.picture)
    layer = chosen_layer(spec, seen)
    unit = chosen_unit(spec, seen.maps[layer])
    conv = made_by(layer, seen)
    inputs = entering(conv, seen)
    return Inside(
        layer, unit, conv, inputs, contributions(seen.convolutions[conv], inputs, unit), seen.maps[layer][unit]
    )


def filters(spec: ConvFiltersSpec) -> tuple[str, np.ndarray]:
    """The convolution that makes the chosen layer, and its kernels (out, in, height, width)."""
    seen = see(spec.network, spec.picture)
    conv = made_by(chosen_layer(spec, seen), seen)
    return conv, seen.convolutions[conv].weight.detach().numpy()


def numbers(spec: ConvFiltersSpec) -> dict[str, float]:
    """What the script prints: the chosen map, its sum, its filter."""
    found = inside(spec)
    _, bank = filters(spec)
    alike = np.delete(np.abs(similarity(bank)[found.unit]), found.unit)
    out = {
        "map mean": float(found.map.mean()),
        "map largest": float(found.map.max()),
        "map share of zeros": float((found.map == 0).mean()),
        "largest contribution": float(np.abs(found.sum.parts).mean(axis=(1, 2)).max()),
        "sum mean": float(found.sum.total.mean()),
        "likeness to the nearest other filter": float(alike.max()),
    }
    if found.likeness is not None:
        out["likeness to the nearest classic filter"] = found.likeness.rho
    return out
