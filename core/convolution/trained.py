"""Trained networks to look into, and the pictures that go with each: what the pages of trained networks share.

Glassnet's own networks ship with their weights. torchvision's ImageNet networks can be chosen too; their weights have to be had first
(models.pretrained). Own networks compute in float64 where the page says so; ImageNet networks always in float32, for their weights would
take up to a gigabyte, and on pictures of 160 x 160 pixels, half of the surface that they were trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from core.contracts import Snapshot, Spec, param
from core.data.example_sets import ExampleSet, example_set
from core.data.own import kept
from core.data.pictures import fitted, fractions
from models import MODELS, PRETRAINED, Model, Pretrained, fetching, known, load, look

LARGE = ("resnet18", "vgg11", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1")
TITLES = {
    **{name: model.title for name, model in MODELS.items()},
    **{name: f"{PRETRAINED[name].title} on ImageNet" for name in LARGE},
}
OWN = "a picture of your own"


def missing(name: str) -> str:
    """Why a network cannot be shown, in a sentence that says what to do; "" where its weights are here."""
    if name in MODELS:
        return ""
    found = look(PRETRAINED[name])
    return "" if found.path else found.words


@dataclass(frozen=True)
class Wanted(Spec):
    """The network whose weights a visitor wants to have downloaded."""

    SLUG: ClassVar[str] = "weights"

    network: str = param(LARGE[0], "Network", options={name: model.title for name, model in PRETRAINED.items()})


def fetched(spec: Wanted) -> Iterator[Snapshot]:
    """Download the weights of a network, as a job; steps are megabytes.

    Raises:
        ExplainerError: they cannot be had.
    """
    told = -1
    for done, total in fetching(PRETRAINED[spec.network]):
        megabytes = done // 1_000_000
        if megabytes > told or done == total:
            yield Snapshot(megabytes, max(1, total // 1_000_000))
            told = megabytes


@lru_cache(maxsize=8)
def network(name: str, exact: bool = True) -> nn.Module:
    """The trained network in evaluation mode, its own ones in float64 if `exact`; shared by all visitors: nobody may change it."""
    net = load(name).requires_grad_(False)
    return net.double() if exact and name in MODELS else net


def precision(name: str) -> torch.dtype:
    """The number type in which `network(name)` computes."""
    return torch.float64 if name in MODELS else torch.float32


def picture_of(examples: ExampleSet, index: int, own: str = "") -> Float[np.ndarray, "C H W"]:
    """The example picture number `index` in 0..1, or the visitor's own with the key `own`: its middle square at the network's size."""
    pixels = kept(own) if own else None
    return examples.pictures[index] if pixels is None else fitted(fractions(pixels), examples.pictures.shape[1:])


def examples_of(name: str, count: int = 96) -> ExampleSet:
    """Pictures for a network, of the size that it is shown with."""
    return example_set(known(name).dataset, count)


def known_accuracy(about: Model | Pretrained) -> str:
    """What is known of a network's accuracy, in words."""
    if isinstance(about, Pretrained):
        return f"torchvision reports {about.test_accuracy:.1%} right answers on ImageNet's own pictures of 224 × 224 pixels"
    if about.test_accuracy is None:
        return "untrained: no weights ship"
    return f"measured test accuracy **{about.test_accuracy:.1%}**"
