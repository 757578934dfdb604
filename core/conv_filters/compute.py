"""The trained network of the page, what its layers make of the chosen picture, and the numbers on screen.

Maps of the networks that ship are computed in float64, those of the large ImageNet networks in float32; so are statistics over many pictures.
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
from core.convolution.flow import Reach, reaches
from core.convolution.gradient_field import gradient_field
from core.convolution.maps import feature_maps, innermost, made_by
from core.convolution.probe import before_activation, until
from core.convolution.trained import examples_of, network, picture_of, precision
from core.data.example_sets import ExampleSet
from core.data.own import kept
from core.errors import ExplainerError, one_of
from models import MODELS, Model, Pretrained, known
from models.surgery import ACTIVATIONS

STATISTICS_OVER, STATISTICS_OVER_LARGE = 48, 8  # pictures
COLUMNS = 14  # layers in the overview at most


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture as the network sees it. `maps` holds every layer's (channel, height, width), in the order of computing.

    `index` is the example picture's number, -1 for the visitor's own.
    """

    about: Model | Pretrained
    examples: ExampleSet
    index: int
    picture: np.ndarray
    maps: Mapping[str, np.ndarray]
    probabilities: np.ndarray

    @property
    def label(self) -> str:
        """Its class; "" where it has none."""
        if self.examples.labels is None or self.index < 0:
            return ""
        return self.about.classes[self.examples.labels[self.index]]

    @property
    def answer(self) -> str:
        """The most probable class."""
        return self.about.classes[int(self.probabilities.argmax())]

    @cached_property
    def convolutions(self) -> dict[str, nn.Conv2d]:
        """Name -> convolution."""
        return convolutions(network(self.about.name))

    @cached_property
    def layers(self) -> list[str]:
        """The layers to choose from: more than one cell to a map, and made by a convolution."""
        net = network(self.about.name)
        return [n for n, maps in self.maps.items() if maps.shape[1] > 1 and made_by(n, self.maps, net)]

    @cached_property
    def largest(self) -> dict[str, np.ndarray]:
        """Layer -> the largest size of a value of each of its maps."""
        return {name: np.abs(self.maps[name]).max(axis=(1, 2)) for name in self.layers}


def normalised(about: Model | Pretrained, pictures: np.ndarray) -> torch.Tensor:
    """Pictures in 0..1 as the network takes them, in the precision of the page."""
    return about.normalise(torch.as_tensor(pictures, dtype=precision(about.name)))


def see(spec: ConvFiltersSpec) -> Seen:
    """Every map of the network for the visitor's own picture, or for one of the examples; the last one where there are fewer."""
    own = spec.own if kept(spec.own) is not None else ""
    return _see(spec.network, -1 if own else spec.picture, own)


@lru_cache(maxsize=6)
def _see(name: str, picture: int, own: str) -> Seen:
    examples = examples_of(name)
    index = min(picture, len(examples.pictures) - 1)
    shown = picture_of(examples, index, own)
    x = normalised(known(name), shown[None])
    maps = {layer: found[0] for layer, found in feature_maps(network(name), x).items()}
    with torch.no_grad():
        probabilities = torch.softmax(network(name)(x)[0], 0).numpy()
    return Seen(known(name), examples, index, shown, maps, probabilities)


@lru_cache(maxsize=16)
def over_examples(name: str) -> dict[str, Statistics]:
    """Of every layer, the statistics of its maps over the example pictures."""
    pictures = examples_of(name).pictures[: statistics_over(name)]
    x = known(name).normalise(torch.as_tensor(pictures, dtype=torch.float32)).numpy()
    return statistics(network(name, exact=False), in_batches(x))


def statistics_over(name: str) -> int:
    """How many pictures the statistics are taken over, at most."""
    return STATISTICS_OVER if name in MODELS else STATISTICS_OVER_LARGE


def shown_layers(seen: Seen) -> list[str]:
    """Layers of the overview, without batch-norm; of a long network only activations, evenly spread, or they would not fit."""
    kinds = innermost(network(seen.about.name))
    names = [n for n in seen.layers if not isinstance(kinds[n], nn.BatchNorm2d)]
    if len(names) > COLUMNS:
        names = [name for name in names if isinstance(kinds[name], ACTIVATIONS)]
    places = np.unique(np.linspace(0, len(names) - 1, min(COLUMNS, len(names))).round().astype(int))
    return [names[k] for k in places]


def chosen_layer(spec: ConvFiltersSpec, seen: Seen) -> str:
    """The layer of the Spec; the first activation where it names none.

    Raises:
        ExplainerError: the network has no such layer.
    """
    names = seen.layers
    if not spec.layer:
        kinds = innermost(network(seen.about.name))
        return next((n for n in names if isinstance(kinds[n], ACTIVATIONS)), names[0])
    if spec.layer not in names:
        raise ExplainerError(f"{seen.about.title} has no layer {spec.layer[:40]!r}; choose {one_of(names)}")
    return spec.layer


def chosen_unit(spec: ConvFiltersSpec, maps: np.ndarray) -> int:
    """The map of the Spec, the last one where there are fewer; the one with the largest value where it names none."""
    return int(maps.max(axis=(1, 2)).argmax()) if spec.unit < 0 else min(spec.unit, len(maps) - 1)


@lru_cache(maxsize=4)
def entering(conv: str, seen: Seen) -> np.ndarray:
    """The maps that enter a convolution."""
    x = normalised(seen.about, seen.picture[None])
    with torch.no_grad():
        return until(network(seen.about.name), conv, x, entering=True)[0].numpy()


@dataclass(frozen=True, eq=False)
class Inside:
    """One map: its layer, its number, the convolution that made it, and the sum over that convolution's inputs."""

    layer: str
    unit: int
    conv: str
    inputs: np.ndarray
    sum: Sum
    map: np.ndarray

    @cached_property
    def loud(self) -> np.ndarray:
        """The mean size of each input's contribution."""
        return np.abs(self.sum.parts).mean(axis=(1, 2))

    @cached_property
    def order(self) -> np.ndarray:
        """The inputs, the one with the largest contribution first."""
        return np.argsort(-self.loud, kind="stable")

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
    seen = see(spec)
    layer = chosen_layer(spec, seen)
    return _inside(seen, layer, chosen_unit(spec, seen.maps[layer]))


@lru_cache(maxsize=4)
def _inside(seen: Seen, layer: str, unit: int) -> Inside:
    conv = made_by(layer, seen.maps, network(seen.about.name)) or layer
    inputs = entering(conv, seen)
    return Inside(
        layer, unit, conv, inputs, contributions(seen.convolutions[conv], inputs, unit), seen.maps[layer][unit]
    )


def filters(spec: ConvFiltersSpec) -> tuple[str, np.ndarray]:
    """The convolution that makes the chosen layer, and its kernels (out, in, height, width)."""
    found = inside(spec)
    return found.conv, see(spec).convolutions[found.conv].weight.detach().numpy()


# ---- what a cell can see ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sight:
    """What one cell of the chosen map sees: where it is, its value, its layer's reach, the measured field (H, W) over the picture.

    After an activation the field is that of the value that enters it.
    """

    layer: str
    unit: int
    cell: tuple[int, int]
    value: float
    reach: Reach
    field: np.ndarray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """First and last row, first and last column that the cell can see; those beyond the picture lie in the padding."""
        if not np.isfinite(self.reach.size):
            return (0.0, self.field.shape[0] - 1.0, 0.0, self.field.shape[1] - 1.0)
        (top, bottom), (left, right) = (
            (self.reach.low + at * self.reach.jump, self.reach.high + at * self.reach.jump) for at in self.cell
        )
        return top, bottom, left, right


@lru_cache(maxsize=12)
def reaches_of(name: str) -> dict[str, Reach]:
    """Layer -> how far its cells see."""
    return reaches(network(name))


def seen_by_cell(spec: ConvFiltersSpec) -> Sight:
    """What the chosen cell of the chosen map sees; the strongest cell where none is chosen."""
    found = inside(spec)
    cell = spec.cell if 0 <= spec.cell < found.map.size else int(found.map.argmax())
    return _seen_by(see(spec), found, cell)


@lru_cache(maxsize=4)
def _seen_by(seen: Seen, found: Inside, cell: int) -> Sight:
    net = network(seen.about.name)
    row, column = (int(k) for k in np.unravel_index(cell, found.map.shape))

    def one_map(x: torch.Tensor) -> torch.Tensor:
        return before_activation(net, found.layer, seen.about.normalise(x))[:, found.unit : found.unit + 1]

    field = gradient_field(one_map, seen.picture, (row, column), precision(seen.about.name))
    reach = reaches_of(seen.about.name)[found.layer]
    return Sight(found.layer, found.unit, (row, column), float(found.map[row, column]), reach, field)


# ---- numbers ----------------------------------------------------------------------------------------------------------


def numbers(spec: ConvFiltersSpec) -> dict[str, float]:
    """What the script prints: the chosen map, its sum, its filter."""
    found = inside(spec)
    _, bank = filters(spec)
    alike = np.delete(np.abs(similarity(bank)[found.unit]), found.unit)
    out = {
        "map mean": float(found.map.mean()),
        "map largest": float(found.map.max()),
        "map share of zeros": float((found.map == 0).mean()),
        "largest contribution": float(found.loud.max()),
        "sum mean": float(found.sum.total.mean()),
        "likeness to the nearest other filter": float(alike.max()),
    }
    if found.likeness is not None:
        out["likeness to the nearest classic filter"] = found.likeness.rho
    return out
