"""torchvision's ImageNet networks, when their weights can be had: from a folder, from torch's cache, or by download.

The folder is named in `GLASSNET_WEIGHTS` and holds state_dict files named after the model: resnet18.pt, .pth or .safetensors. A
.pt file is read with `weights_only=True`: it may hold tensors, and nothing that runs. Downloads go to torch's own cache.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from models.blocks import Normalised
from models.surgery import separate_activations

SUFFIXES = (".pt", ".pth", ".safetensors")
TIMEOUT = 20  # seconds without an answer
CHUNK = 1 << 18


@dataclass(frozen=True)
class Pretrained(Normalised):
    """One of torchvision's networks: its name there, its weights' name there, and the size of their file."""

    name: str
    title: str
    enum: str
    megabytes: int
    input_shape: ClassVar[tuple[int, int, int]] = (3, 224, 224)
    mean: ClassVar[tuple[float, ...]] = (0.485, 0.456, 0.406)
    std: ClassVar[tuple[float, ...]] = (0.229, 0.224, 0.225)
    dataset: ClassVar[str] = "ImageNet"

    @property
    def classes(self) -> tuple[str, ...]:
        """The 1,000 class names, in output order."""
        return tuple(self._weights().meta["categories"])

    @property
    def test_accuracy(self) -> float:
        """Share of right answers on ImageNet's validation pictures of 224 x 224, as torchvision reports it."""
        return self._weights().meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100

    @property
    def url(self) -> str:
        """Where torchvision keeps the weights."""
        return self._weights().url

    def build(self) -> nn.Module:
        """The untrained network as torchvision makes it."""
        import torchvision  # here, for it takes seconds to import

        return torchvision.models.get_model(self.name, weights=None)

    def _weights(self):
        import torchvision

        return torchvision.models.get_weight(f"{self.enum}.IMAGENET1K_V1")


@dataclass(frozen=True)
class Availability:
    """Whether a network's weights are here: the file, or None and a sentence that says what to do."""

    model: Pretrained
    path: Path | None
    words: str


PRETRAINED: Mapping[str, Pretrained] = MappingProxyType(
    {
        model.name: model
        for model in (
            Pretrained("resnet18", "ResNet-18", "ResNet18_Weights", 45),
            Pretrained("vgg11", "VGG-11", "VGG11_Weights", 507),
            Pretrained("mobilenet_v2", "MobileNetV2", "MobileNet_V2_Weights", 14),
            Pretrained("mobilenet_v3_small", "MobileNetV3-small", "MobileNet_V3_Small_Weights", 10),
            Pretrained("squeezenet1_1", "SqueezeNet 1.1", "SqueezeNet1_1_Weights", 5),
            Pretrained("densenet121", "DenseNet-121", "DenseNet121_Weights", 31),
            Pretrained("vit_b_16", "ViT-B/16", "ViT_B_16_Weights", 331),
        )
    }
)


def available() -> tuple[Availability, ...]:
    """For every network of PRETRAINED, where its weights are, or why they are not here."""
    return tuple(look(model) for model in PRETRAINED.values())


def load_pretrained(
    name: str, *, download: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
) -> nn.Module:
    """The network in eval mode with ImageNet weights, every activation a module of its own.

    With `download`, weights that are not here are fetched; `progress(done, total)` is told the bytes.

    Raises:
        ExplainerError: the name is unknown, the weights cannot be had, or the file is damaged or belongs to another network.
    """
    module = plain(name, download=download, progress=progress)
    return separate_activations(module)


def plain(
    name: str, *, download: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
) -> nn.Module:
    """As `load_pretrained`, but as torchvision wrote it: what fine-tuning and saving want."""
    if name not in PRETRAINED:
        raise ExplainerError(f"the model {name!r} is unknown; choose {one_of(PRETRAINED)}")
    found = look(PRETRAINED[name])
    path = found.path
    if path is None:
        if not download:
            raise ExplainerError(found.words)
        path = fetch(found.model, progress)
    with torch.device("meta"):  # no memory and no first weights, which would only be overwritten
        module = found.model.build()
    try:
        module.load_state_dict(_renamed(read_state(path)), assign=True)
    except RuntimeError:
        raise ExplainerError(
            f"{path.name} holds the weights of another network than {name}; name each file after its model"
        ) from None
    return module.eval()


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state_dict file by name.

    Raises:
        ExplainerError: the file is damaged, or holds something else than tensors.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, SafetensorError):
        raise ExplainerError(
            f"{path.name} is damaged or holds more than weights; save it as torch.save(model.state_dict(), ...)"
        ) from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ExplainerError(f"{path.name} holds no state_dict; save it as torch.save(model.state_dict(), ...)")
    return dict(state)


def fetch(model: Pretrained, progress: Callable[[int, int], None]) -> Path:
    """As `fetching`, to the end; where the weights are then."""
    for done, total in fetching(model):
        progress(done, total)
    return _cache(model)


def fetching(model: Pretrained) -> Iterator[tuple[int, int]]:
    """Download the weights into torch's cache and check them against the hash in their file name; bytes so far, and in all.

    Whoever stops iterating stops the download, and nothing is left of it.

    Raises:
        ExplainerError: they cannot be had, or arrive damaged.
    """
    target = _cache(model)
    part = target.with_suffix(f".{os.getpid()}.part")
    digest, done = hashlib.sha256(), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(model.url, timeout=TIMEOUT) as answer, part.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or model.megabytes * 1_000_000)
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                yield done, total
        if not digest.hexdigest().startswith(target.stem.rpartition("-")[2]):
            raise ExplainerError(f"the weights of {model.title} arrived damaged; try the download again")
        part.replace(target)
    except OSError as problem:
        raise ExplainerError(
            f"the weights of {model.title} could not be downloaded ({problem}); {_elsewhere(model)}"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def look(model: Pretrained) -> Availability:
    """Where the weights of one network are, or why they are not here."""
    for path in _places(model):
        if path.is_file():
            return Availability(model, path, f"{model.title}: {path.name} is here")
    return Availability(
        model,
        None,
        f"The weights of {model.title} are not on this computer; allow the download ({model.megabytes} MB), or {_elsewhere(model)}",
    )


def _elsewhere(model: Pretrained) -> str:
    return f"put {model.name}.pt into the folder named in GLASSNET_WEIGHTS"


def _places(model: Pretrained) -> list[Path]:
    named = os.environ.get("GLASSNET_WEIGHTS")
    folder = [Path(named).expanduser() / f"{model.name}{suffix}" for suffix in SUFFIXES] if named else []
    return [*folder, _cache(model)]


def _cache(model: Pretrained) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / model.url.rpartition("/")[2]


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """In float32 and under today's names: DenseNet's were saved when norm1 and conv2 of a layer were called norm.1 and conv.2."""
    return {
        re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", key): value.float()
        if value.is_floating_point()
        else value
        for key, value in state.items()
    }
