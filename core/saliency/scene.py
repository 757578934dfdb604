"""What is explained: a trained network and a picture for it, with the true mask where the picture was generated.

Of the two networks that the exported script carries, every convolution and dense layer is used with its weights in 7 bits: for
each output unit a step, s = max |w| / 63 (to 8 bits, so that float32 holds every product exactly), and whole numbers round(w / s).
So the script holds the network of the page itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from core.convolution import trained
from core.data.example_sets import SIDE, ExampleSet, example_set, squares
from core.data.pictures import fitted, fractions
from core.data.shapes import shapes
from core.rng import generator
from core.saliency.spec import PICTURES, SaliencySpec
from models import MODELS, known, load

SCRIPTED = ("smallcnn-shapes", "lenet5-mnist")
LEVELS = 63
OWN = "your own picture"


@dataclass(frozen=True)
class Scene:
    """A picture for a network, hashable: `pixels` are its bytes (channels, height, width), `mask` those of the true mask or b""."""

    network: str
    pixels: bytes
    shape: tuple[int, int, int]
    words: str
    mask: bytes = b""
    label: str = ""

    def picture(self) -> np.ndarray:
        """(channels, height, width) in 0..1, float64."""
        return np.frombuffer(self.pixels, np.uint8).reshape(self.shape) / 255

    def truth(self) -> np.ndarray | None:
        """(height, width), True on the shape; None where nobody knows."""
        return np.frombuffer(self.mask, bool).reshape(self.shape[1:]) if self.mask else None


@lru_cache(maxsize=len(SCRIPTED))
def _rounded(name: str) -> nn.Module:
    return rounded(load(name))


def network(name: str) -> nn.Module:
    """The trained network in evaluation mode; shared, so nobody may change it."""
    return _rounded(name) if name in SCRIPTED else trained.network(name, exact=False)


def weighted(net: nn.Module) -> Mapping[str, nn.Module]:
    """Name -> layer of every convolution and dense layer, in order."""
    return {name: m for name, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}


@torch.no_grad()
def rounded(net: nn.Module) -> nn.Module:
    """`net` with the weights of its convolutions and dense layers in 7 bits, in place."""
    for layer in weighted(net).values():
        codes, step = codes_of(layer)
        layer.weight.copy_(codes * step)
    return net


def codes_of(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers -63 to 63 and the step of each output unit: weight = codes * step."""
    weight = layer.weight.detach()
    step = (weight.flatten(1).abs().amax(1).clamp(min=1e-12) / LEVELS).bfloat16().float()
    step = step.reshape(-1, *[1] * (weight.ndim - 1))
    return torch.round(weight / step), step


def shape_of(name: str) -> tuple[int, int, int]:
    """Channels, height and width of the pictures that a network is given here: a vision transformer takes one size alone."""
    return known(name).input_shape if name in MODELS or name.startswith("vit") else (3, SIDE, SIDE)


@lru_cache(maxsize=8)
def _examples(dataset: str, side: int) -> ExampleSet:
    found = example_set(dataset, PICTURES)
    return found if found.pictures.shape[2] == side else dataclasses.replace(found, pictures=squares(side))


@lru_cache(maxsize=1)
def _masks() -> np.ndarray:
    """The masks of the planted pictures, which the same draw gives again."""
    return shapes(PICTURES, generator(0, "example set")).masks


def scene_of(spec: SaliencySpec, own: np.ndarray | None = None) -> Scene:
    """The picture on screen. `own` is a visitor's picture, (height, width, 3) bytes: its middle square is fitted to the network."""
    model, shape = known(spec.network), shape_of(spec.network)
    if own is not None:
        small = np.rint(fitted(fractions(own), shape) * 255).astype(np.uint8)
        return Scene(spec.network, small.tobytes(), shape, OWN)
    found = _examples(model.dataset, shape[1])
    n = spec.picture % len(found.pictures)
    pixels = np.rint(found.pictures[n] * 255).astype(np.uint8)
    planted = model.dataset == "generated shapes"
    return Scene(
        spec.network,
        pixels.tobytes(),
        tuple(pixels.shape),
        found.words,
        _masks()[n].tobytes() if planted else b"",
        model.classes[int(found.labels[n])] if found.labels is not None else "",
    )


def inputs(scene: Scene, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """(1, channels, height, width): the picture as the network takes it."""
    return known(scene.network).normalise(torch.as_tensor(scene.picture(), dtype=dtype)[None]).numpy()


def blank(scene: Scene, baseline: str, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """(1, channels, height, width): what "nothing there" looks like, as the network takes it."""
    picture = torch.as_tensor(scene.picture(), dtype=dtype)[None]
    made = {
        "grey": lambda: torch.full_like(picture, 0.5),
        "black": lambda: torch.zeros_like(picture),
        "white": lambda: torch.ones_like(picture),
        "mean": lambda: picture.mean((2, 3), keepdim=True).expand_as(picture),
        "blur": lambda: blurred(picture),
    }[baseline]()
    return known(scene.network).normalise(made).contiguous().numpy()


def blurred(picture: torch.Tensor) -> torch.Tensor:
    """The mean of a window of about a third of the side around each pixel; beyond the edge the picture is mirrored."""
    half = picture.shape[-1] // 6
    padded = nn.functional.pad(picture, (half,) * 4, mode="reflect")
    return nn.functional.avg_pool2d(padded, 2 * half + 1, stride=1)
