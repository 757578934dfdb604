"""The vision transformers that ship trained: two sets of pictures, several patch sizes, with and without position embeddings.

Each is a `Variant`; its weights lie in models/weights/vit, with a manifest that says how models/train/vit_small.py made them. For the
digits the patches are cut from the picture. For the shapes they are cut from the maps of a convolutional stem (a hybrid: Dosovitskiy
et al. 2021, section 3.1): the first three blocks of the network smallcnn-shapes, as they were trained there. From few pictures and in
minutes a transformer does not learn these shapes from their pixels. The whole convolutional network is the rival on the same pictures.

ViT-B/16 of torchvision, trained on ImageNet, does not ship: it is shown where its weights can be had (models/pretrained.py), its
tensors under the names of models/vit.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from core.rng import generator
from models.blocks import Normalised, init_weights
from models.catalogue import MODELS, load
from models.fitting import Rule
from models.pretrained import PRETRAINED, plain
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
LARGE = PRETRAINED["vit_b_16"]
LARGE_EPS = 1e-6  # of its layer norms


@dataclass(frozen=True)
class Pictures(Normalised):
    """What a set of pictures asks of a network. `grids`: the patches along a side that networks ship for, the default first; `rival`:
    the name of the convolutional network; `stem`: how many of its layers, if any, stand before the patches; `pretrained`: torchvision's
    name of a network that does not ship, with its `rival` and `classes` empty."""

    size: int
    channels: int
    classes: tuple[str, ...]
    grids: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rival: str
    stem: int = 0
    pretrained: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of the logits."""
        return PRETRAINED[self.pretrained].classes if self.pretrained else self.classes

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, self.size, self.size)


SHAPE = {"d": 24, "layers": 2, "heads": 3, "hidden": 48}
DATA: Mapping[str, Pictures] = MappingProxyType(
    {
        "digits": Pictures(8, 1, tuple("0123456789"), (4, 2), (0.5,), (0.5,), CNN),
        "shapes": Pictures(64, 3, PLANTED.classes, (8,), PLANTED.mean, PLANTED.std, PLANTED.name, stem=12),
        "photographs": Pictures(224, 3, (), (14,), LARGE.mean, LARGE.std, "", pretrained=LARGE.name),
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
        if self.pictures.pretrained and not self.positions:
            raise ExplainerError(f"no network without position embeddings is known for {self.data}; switch them on")

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
    if not about.pretrained
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
    if variant.pictures.pretrained:
        return of_torchvision(plain(variant.pictures.pretrained))
    return restore(variant.build(), read(variant.name, PART)).eval()


def load_cnn(data: str) -> nn.Module:
    """The trained convolutional network for these pictures, in eval mode."""
    return restore(build_cnn(), read(CNN, PART)).eval() if data == "digits" else load(DATA[data].rival)


def of_torchvision(module: nn.Module) -> ViT:
    """A torchvision.models.VisionTransformer as ours, in eval mode; the two share their tensors."""
    state = dict(_renamed(module.state_dict()))
    layers, (d, pixels) = len(module.encoder.layers), state["embedding.weight"].shape
    with torch.device("meta"):
        net = ViT(
            size=module.image_size, patch=module.patch_size, channels=pixels // module.patch_size**2, classes=len(state["classifier.bias"]),
            d=d, layers=layers, heads=module.encoder.layers[0].num_heads, hidden=module.mlp_dim,
        )  # fmt: skip
    net.load_state_dict(state, assign=True)
    for part in net.modules():
        if isinstance(part, nn.LayerNorm):
            part.eps = LARGE_EPS
    return net.eval()


NAMES = {
    "encoder.layers.encoder_layer_": "stack.blocks.", ".ln_1.": ".norm_attention.", ".ln_2.": ".norm_feed.", ".self_attention.out_proj.": ".attention.out.",
    ".mlp.0.": ".feed.first.", ".mlp.3.": ".feed.second.", "encoder.ln.": "stack.norm.", "heads.head.": "classifier.", "conv_proj.": "embedding.",
}  # fmt: skip


def _renamed(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """torchvision's tensors under our names: its convolution of the patches is a matrix, its joint matrix of q, k and v three."""
    for name, values in state.items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        if ".self_attention.in_proj_" in name:
            place, kind = name.split(".self_attention.in_proj_")
            for part, rows in zip(("query", "key", "value"), values.chunk(3), strict=True):
                yield f"{place}.attention.{part}.{kind}", rows
        else:
            whole = {
                "class_token": ("x_class", (-1,)),
                "encoder.pos_embedding": ("E_pos", values.shape[1:]),
                "embedding.weight": (name, (len(values), -1)),
            }
            name, shape = whole.get(name, (name, values.shape))
            yield name, values.reshape(shape)
