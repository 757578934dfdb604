"""The networks by name, each with the pictures that it was trained for; `load` gives one, ready to predict.

A network takes normalised pictures, x = (picture - mean) / std for each colour, with picture in 0..1: `Model.normalise`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from torch import nn

from core.errors import ExplainerError, one_of
from core.rng import generator
from models.blocks import Normalised, init_weights
from models.lenet import LeNet5
from models.pretrained import PRETRAINED, Pretrained, load_pretrained
from models.resnet import ResNet
from models.smallcnn import SmallCNN
from models.storage import manifest, read, restore
from models.tinyvgg import TinyVGG

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPES = ("circle", "square", "triangle", "cross")


@dataclass(frozen=True)
class Model(Normalised):
    """One network and the pictures it is for. `input_shape` is (channels, height, width); `classes` are in output order."""

    name: str
    title: str
    builder: Callable[[], nn.Module]
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dataset: str

    @property
    def record(self) -> Mapping[str, Any]:
        """How the shipped weights were made; empty where none ship."""
        return manifest().get(self.name, {})

    @property
    def weights(self) -> str | None:
        """The file in models/weights, None where none ships."""
        return self.record.get("file")

    @property
    def test_accuracy(self) -> float | None:
        """Share of right answers on test pictures, measured on the shipped weights; None where none ship."""
        return self.record.get("test_accuracy")

    def build(self, seed: int = 0) -> nn.Module:
        """The untrained network, its first weights drawn for this seed."""
        return init_weights(self.builder(), generator(seed, "weights", self.name))


MNIST = {"classes": DIGITS, "input_shape": (1, 28, 28), "mean": (0.1307,), "std": (0.3081,), "dataset": "MNIST"}
FASHION = {
    "classes": CLOTHES,
    "input_shape": (1, 28, 28),
    "mean": (0.2860,),
    "std": (0.3530,),
    "dataset": "Fashion-MNIST",
}
CIFAR10 = {
    "classes": OBJECTS,
    "input_shape": (3, 32, 32),
    "mean": (0.4914, 0.4822, 0.4465),
    "std": (0.2470, 0.2435, 0.2616),
    "dataset": "CIFAR-10",
}
PLANTED = {
    "classes": SHAPES,
    "input_shape": (3, 64, 64),
    "mean": (0.5, 0.5, 0.5),
    "std": (0.25, 0.25, 0.25),
    "dataset": "generated shapes",
}

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            Model("lenet5-mnist", "LeNet-5 on handwritten digits", LeNet5, **MNIST),
            Model("smallcnn-fashion", "Small network on clothes", partial(SmallCNN, blocks=3, width=24), **FASHION),
            Model("tinyvgg-cifar10", "TinyVGG on ten kinds of object", partial(TinyVGG, width=24, size=32), **CIFAR10),
            Model("resnet20-cifar10", "ResNet-20 on ten kinds of object", partial(ResNet, n=3, width=16), **CIFAR10),
            Model(
                "smallcnn-shapes",
                "Small network on planted shapes",
                partial(SmallCNN, channels=3, classes=4, blocks=4, width=16),
                **PLANTED,
            ),
        )
    }
)


def known(name: str) -> Model | Pretrained:
    """What is known of a network, Glassnet's own or torchvision's.

    Raises:
        ExplainerError: no network has that name.
    """
    found = MODELS.get(name) or PRETRAINED.get(name)
    if found is None:
        raise ExplainerError(f"the model {name!r} is unknown; choose {one_of([*MODELS, *PRETRAINED])}")
    return found


def load(name: str) -> nn.Module:
    """The network in eval mode, with its shipped weights; with its first weights of seed 0 where none ship.

    A name of PRETRAINED gives torchvision's network, if its ImageNet weights are on this computer (`load_pretrained` can fetch them).

    Raises:
        ExplainerError: no network has that name, or its weights are missing or damaged.
    """
    if name in PRETRAINED:
        return load_pretrained(name)
    module = known(name).build()
    return (restore(module, read(name)) if name in manifest() else module).eval()
