"""What is looked at: a picture for one of the trained networks, with the true mask where the picture was generated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from core.data.pictures import fitted, fractions
from core.data.small_pictures import small_pictures
from core.vision_transformer.spec import VisionTransformerSpec
from models.vit import ViT
from models.vits import DATA, Variant, load_vit

OWN = "your own picture"


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
        """(1, channels, height, width) in -1..1, float64, as the network takes it."""
        return DATA[self.data].normalise(torch.from_numpy(self.picture()))[None]


def variant_of(spec: VisionTransformerSpec) -> Variant:
    """The network that the Spec names; where none ships with so many patches, the first for those pictures."""
    grids = DATA[spec.data].grids
    grid = int(spec.grid) if spec.grid in map(str, grids) else grids[0]
    return Variant(spec.data, grid, spec.positions)


@lru_cache(maxsize=16)
def network(variant: Variant) -> ViT:
    """The trained network in float64; shared, so nobody may change it."""
    return load_vit(variant).double().requires_grad_(False)


def scene_of(spec: VisionTransformerSpec, own: np.ndarray | None = None) -> Scene:
    """The picture on screen. `own` is a visitor's picture, (height, width, 3) bytes: its middle square is fitted to the network."""
    about = DATA[spec.data]
    if own is not None:
        small = np.rint(fitted(fractions(own), about.input_shape) * 255).astype(np.uint8)
        return Scene(spec.data, small.tobytes(), OWN)
    found = small_pictures(spec.data, "test")
    pixels = np.rint(found.x[spec.picture] * 255).astype(np.uint8)
    mask = b"" if found.masks is None else found.masks[spec.picture].tobytes()
    words = f"it shows {'a ' * (spec.data == 'shapes')}{about.classes[found.y[spec.picture]]}"
    return Scene(spec.data, pixels.tobytes(), words, mask, int(found.y[spec.picture]))


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
    return np.repeat(np.rint(255 * square).astype(np.uint8)[:, :, None], 3, 2)
