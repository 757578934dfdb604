"""The vision transformers that ship trained: two sets of pictures, several patch sizes, with and without position embeddings.

Each is a `Variant`; its weights lie in models/weights/vit, with a manifest that says how models/train/vit_small.py made them. For the
digits the patches are cut from the picture. For the shapes they are cut from the maps of a convolutional stem (a hybrid: Dosovitskiy
et al. 2021, section 3.1): the first three blocks of the network smallcnn-shapes, as they were trained there. From few pictures and in
minutes a transformer does not learn these shapes from their pixels. The whole convolutional network is the rival on the same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import nn

from core.errors import ExplainerError, one_of
from core.rng import generator
from models.blocks import Normalised, init_weights
from models.catalogue import MODELS, load
from models.fitting import Rule
from models.smallcnn import SmallCNN
from models.storage import read, restore
from models.vit import ViT, init_vit

PART = "vit"  # folder of models/weights
HUNGER_KEY = "hunger"
SIZES = (40, 100, 250, 600, 1397)  # pictures that the two networks for digits are compared on
HUNGER_RULE = Rule(600, 3e-3, 32)
CNN = "digits-cnn"
PLANTED = MODELS["smallcnn-shapes"]
STEM_CHANNELS = 64


@dataclass(frozen=True)
class Pictures(Normalised):
    """What a set of pictures asks of a network. `grids`: the patches along a side that networks ship for, the default first; `rival`:
    the name of the convolutional network; `stem`: how many of its layers, if any, stand before the patches."""

    size: int
    channels: int
    classes: tuple[str, ...]
    grids: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rival: str
    stem: int = 0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, self.size, self.size)


SHAPE = {"d": 24, "layers": 2, "heads": 3, "hidden": 48}
DATA: Mapping[str, Pictures] = MappingProxyType(
    {
        "digits": Pictures(8, 1, tuple("0123456789"), (4, 2), (0.5,), (0.5,), CNN),
        "shapes": Pictures(64, 3, PLANTED.classes, (8,), PLANTED.mean, PLANTED.std, PLANTED.name, stem=12),
    }
)


@dataclass(frozen=True)
class Variant:
    """One network: its pictures, the patches along a side, and whether it has position embeddings.

    Raises:
        ExplainerError: no such network ships.
    """

    data: str
    grid: int
    positions: bool = True

    def __post_init__(self) -> None:
        if self.data not in DATA:
            raise ExplainerError(f"the pictures {self.data!r} are unknown; choose {one_of(DATA)}")
        if self.grid not in self.pictures.grids:
            known = one_of(str(grid) for grid in self.pictures.grids)
            raise ExplainerError(f"no network cuts {self.data} into {self.grid} patches along a side; choose {known}")

    @property
    def pictures(self) -> Pictures:
        """What it looks at."""
        return DATA[self.data]

    @property
    def patch(self) -> int:
        """Pixels along the side of a patch."""
        return self.pictures.size // self.grid

    @property
    def name(self) -> str:
        """Of its file and in the manifest."""
        return f"{self.data}-{self.grid}" + "-unordered" * (not self.positions)

    @property
    def stemmed(self) -> bool:
        """Whether the patches are cut from maps, not from the picture."""
        return self.pictures.stem > 0

    def build(self, seed: int = 0) -> ViT:
        """The network with its stem as trained, and first weights behind it."""
        about, stem = self.pictures, self.stem()
        size, channels = (about.size, about.channels) if stem is None else (self.grid, STEM_CHANNELS)
        net = ViT(
            size=size, patch=size // self.grid, channels=channels, classes=len(about.classes), positions=self.positions, stem=stem,
            **SHAPE,
        )  # fmt: skip
        return init_vit(net, generator(seed, "weights", self.name))

    def stem(self) -> nn.Module | None:
        """The first layers of the convolutional rival; None for patches of pixels."""
        return load(self.pictures.rival).features[: self.pictures.stem] if self.stemmed else None


VARIANTS = tuple(
    Variant(data, grid, positions)
    for data, about in DATA.items()
    for grid in about.grids
    for positions in (True, False)
)


def build_cnn(seed: int = 0) -> SmallCNN:
    """The untrained convolutional network for the digits, with about as many weights."""
    return init_weights(SmallCNN(blocks=2, width=24), generator(seed, "weights", CNN))


def load_vit(variant: Variant) -> ViT:
    """The trained network, in eval mode.

    Raises:
        ExplainerError: its weights are missing, or not those that were measured.
    """
    return restore(variant.build(), read(variant.name, PART)).eval()


def load_cnn(data: str) -> nn.Module:
    """The trained convolutional network for these pictures, in eval mode."""
    return restore(build_cnn(), read(CNN, PART)).eval() if data == "digits" else load(DATA[data].rival)
