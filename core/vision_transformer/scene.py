"""What is looked at: a picture for one of the trained networks, with the true mask where the picture was generated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from core.data.images import from_ink
from core.data.own import kept
from core.data.pictures import bundled, fitted, fractions, picture
from core.data.small_pictures import small_pictures
from core.vision_transformer.spec import VisionTransformerSpec
from models.pretrained import PRETRAINED, look
from models.vit import ViT
from models.vits import DATA, Variant, load_vit

OWN = "your own picture"
PHOTOGRAPHS = tuple(name for name in ("flower", "china", "grace_hopper") if name in bundled())


@dataclass(frozen=True)
class Scene:
    """A picture, hashable: `pixels` are its bytes (channels, height, width), `mask` those of the true mask or b""."""

    data: str
    pixels: bytes
    words: str
    mask: bytes = b""
    label: int = -1

    def picture(self) -> np.ndarray:
        """(channels, height, width) in 0..1, float64."""
        return np.frombuffer(self.pixels, np.uint8).reshape(DATA[self.data].input_shape) / 255

    def truth(self) -> np.ndarray | None:
        """(height, width), True on the shape; None where nobody knows."""
        size = DATA[self.data].size
        return np.frombuffer(self.mask, bool).reshape(size, size) if self.mask else None

    def inputs(self) -> torch.Tensor:
        """(1, channels, height, width), normalised as the network takes it, in the numbers that it computes in."""
        return DATA[self.data].normalise(torch.from_numpy(self.picture()))[None].to(precision(self.data))


def precision(data: str) -> torch.dtype:
    """Networks that ship compute in float64, one of 86 million weights in float32."""
    return torch.float32 if DATA[data].pretrained else torch.float64


def missing(spec: VisionTransformerSpec) -> str:
    """Why the network for these pictures is not here; nothing if it is."""
    name = DATA[spec.data].pretrained
    found = look(PRETRAINED[name]) if name else None
    return found.words if found is not None and found.path is None else ""


def resolved(spec: VisionTransformerSpec) -> VisionTransformerSpec:
    """The Spec with pictures whose network is here."""
    return replace(spec, data="digits", own="", layer=-1, head=-1, query=-1) if missing(spec) else spec


def variant_of(spec: VisionTransformerSpec) -> Variant:
    """The network that the Spec names; where none is known with so many patches, the first for those pictures."""
    about = DATA[spec.data]
    grid = int(spec.grid) if spec.grid in map(str, about.grids) else about.grids[0]
    return Variant(spec.data, grid, spec.positions or bool(about.pretrained))


@lru_cache(maxsize=16)
def network(variant: Variant) -> ViT:
    """The trained network in the numbers that it computes in; shared, so nobody may change it."""
    return load_vit(variant).to(precision(variant.data)).requires_grad_(False)


def scene_of(spec: VisionTransformerSpec, own: np.ndarray | None = None) -> Scene:
    """The picture on screen. `own` is a visitor's picture, (height, width, 3) bytes: its middle square is fitted to the network."""
    about = DATA[spec.data]
    own = kept(spec.own) if own is None and spec.own else own
    if own is not None:
        return Scene(spec.data, _bytes(fitted(fractions(own), about.input_shape)), OWN)
    if about.pretrained:
        shown = picture(PHOTOGRAPHS[spec.picture % len(PHOTOGRAPHS)])
        return Scene(
            spec.data, _bytes(fitted(shown.pixels, about.input_shape)), f"it is *{shown.title}* ({shown.source})"
        )
    found = small_pictures(spec.data, "test")
    mask = b"" if found.masks is None else found.masks[spec.picture].tobytes()
    words = f"it shows {'a ' * (spec.data == 'shapes')}{about.classes[found.y[spec.picture]]}"
    return Scene(spec.data, _bytes(found.x[spec.picture]), words, mask, int(found.y[spec.picture]))


def _bytes(pixels: np.ndarray) -> bytes:
    return np.rint(pixels * 255).astype(np.uint8).tobytes()


def drawn(ink: np.ndarray) -> np.ndarray:
    """Ink (height, width), 0 paper to 1 ink, as bytes (side, side, 3): light on dark, cut to the ink's height as the digits are."""
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis=k)) for k in (1, 0))
    if not len(rows):
        return np.zeros((8, 8, 3), np.uint8)
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(cut.shape)
    square = np.zeros((side, side))
    top, left = (side - cut.shape[0]) // 2, (side - cut.shape[1]) // 2
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return from_ink(square)
