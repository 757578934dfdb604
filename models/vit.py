"""A vision transformer: a picture as a sentence of patches.

    z_0  = [x_class; x_1 E; ...; x_P E] + E_pos        the picture cut into P patches x_i of s x s pixels, each a row    (1)
    z'_l = MSA(LN(z_{l-1})) + z_{l-1}                   l = 1 .. L                                                       (2)
    z_l  = MLP(LN(z'_l)) + z'_l                         MLP(z) = W_2 GELU(W_1 z + b_1) + b_2                             (3)
    y    = LN(z_L^0),  logits = W y + b                 the class token alone is read                                    (4)

z_l is (N, 1 + P, d), the class token first, then the patches row by row. MSA is the attention of models/attention.py: a Watch
sees its weights A, (N, heads, 1 + P, 1 + P) with rows that sum to 1. Without position embeddings E_pos is left out. A hybrid cuts the
maps of a convolutional network, its stem, in place of the picture.

Source: A. Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, section 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.errors import ExplainerError
from models.attention import NOBODY, Watch
from models.transformer import Stack, init_transformer


class ViT(nn.Module):
    """(N, channels, size, size) -> logits (N, classes). With a `stem`, channels and size are those of the maps that it gives.

    Raises:
        ExplainerError: the patches do not tile the picture, or the heads do not share the width evenly.
    """

    def __init__(
        self, *, size: int = 8, patch: int = 2, channels: int = 1, classes: int = 10, d: int = 24, layers: int = 2,
        heads: int = 3, hidden: int = 48, positions: bool = True, stem: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if patch < 1 or size % patch:
            raise ExplainerError(f"patches of {patch} pixels do not tile a side of {size}; try a divisor of {size}")
        self.grid, self.patch, self.stem = size // patch, patch, stem
        self.embedding = nn.Linear(channels * patch**2, d)
        self.x_class = nn.Parameter(torch.zeros(d))
        self.E_pos = nn.Parameter(torch.zeros(1 + self.grid**2, d)) if positions else None
        self.stack = Stack(layers, d, heads, hidden, activation="gelu")
        self.classifier = nn.Linear(d, classes)

    def patches(self, x: Tensor) -> Tensor:
        """(N, C, h s, w s) -> (N, h w, C s s): the patches row by row, each with its pixels channel by channel."""
        N, C, s = *x.shape[:2], self.patch
        cut = x.reshape(N, C, x.shape[2] // s, s, x.shape[3] // s, s)
        return cut.permute(0, 2, 4, 1, 3, 5).reshape(N, -1, C * s * s)

    def embed(self, x: Tensor) -> Tensor:
        """Equation 1: (N, C, size, size) -> z_0 (N, 1 + P, d)."""
        z = self.embedding(self.patches(x if self.stem is None else self.stem(x)))
        z = torch.cat([self.x_class.expand(len(z), 1, -1), z], 1)
        return z if self.E_pos is None else z + self.E_pos

    def read(self, z: Tensor, watch: Watch = NOBODY) -> Tensor:
        """Equations 2 to 4: z_0 (N, T, d) with any number of tokens, the class token first -> logits (N, classes)."""
        return self.classifier(self.stack(z, watch=watch)[:, 0])

    def forward(self, x: Tensor, watch: Watch = NOBODY) -> Tensor:
        return self.read(self.embed(x), watch)


@torch.no_grad()
def init_vit(module: ViT, generator: torch.Generator, spread: float = 0.02) -> ViT:
    """First weights: those of `init_transformer`, the embedding N(0, 1 / fan_in), E_pos N(0, spread^2), x_class and classifier 0."""
    init_transformer(module, generator)
    module.embedding.weight.normal_(0.0, module.embedding.in_features**-0.5, generator=generator)
    module.classifier.weight.zero_()
    if module.E_pos is not None:
        module.E_pos.normal_(0.0, spread, generator=generator)
    return module
