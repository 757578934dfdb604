"""Grad-CAM at a layer of tokens: laid back on the grid of patches, against the gradient written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.attribution import attribute
from core.errors import ExplainerError
from core.rng import generator
from models.vit import ViT, init_vit

SHAPE = {"size": 12, "patch": 3, "channels": 2, "classes": 4, "d": 12, "layers": 2, "heads": 3, "hidden": 16}


@pytest.fixture(scope="module")
def net() -> ViT:
    found = init_vit(ViT(**SHAPE), generator(0, "test"), 0.5).double()
    with torch.no_grad():
        found.classifier.weight.normal_(0.0, 1.0, generator=generator(1, "test"))
    return found


def picture(height: int = 12, width: int = 12) -> torch.Tensor:
    return torch.randn(1, 2, height, width, generator=generator(2, "test"), dtype=torch.float64)


def by_hand(net: ViT, x: torch.Tensor, target: int, block: int) -> torch.Tensor:
    """ReLU(sum_k alpha_k Z_k) from the tokens that enter block number `block`, enlarged."""
    z = net.stack.blocks[:block]
    tokens = net.embed(x)
    for b in z:
        tokens = b(tokens)
    tokens = tokens.detach().requires_grad_()
    out = tokens
    for b in net.stack.blocks[block:]:
        out = b(out)
    y = net.classifier(net.stack.norm(out))[0, 0, target]
    (slope,) = torch.autograd.grad(y, tokens)
    Z, alpha = tokens.detach()[0, 1:], slope[0, 1:].mean(0)
    cam = (Z * alpha).sum(1).relu().reshape(1, 1, 4, 4)
    return F.interpolate(cam, (12, 12), mode="bilinear")[0, 0]


@pytest.mark.parametrize("target", range(4))
def test_tokens_are_read_as_maps(net: ViT, target: int) -> None:
    x = picture()
    found = attribute(net, x, target, "grad_cam", "stack.blocks.0")
    assert found.shape == (1, 2, 12, 12)
    np.testing.assert_allclose(found[0, 0], by_hand(net, x, target, 1).numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(found[0, 0], found[0, 1])


def test_some_map_is_not_empty(net: ViT) -> None:
    assert max(attribute(net, picture(), t, "grad_cam", "stack.blocks.0").max() for t in range(4)) > 0


def test_the_output_of_the_last_block_says_nothing(net: ViT) -> None:
    assert not attribute(net, picture(), 0, "grad_cam", "stack.blocks.1").any()


def test_the_network_itself_is_not_touched(net: ViT) -> None:
    names = [name for name, _ in net.named_modules()]
    attribute(net, picture(), 0, "grad_cam", "stack.blocks.0.norm_attention")
    assert [name for name, _ in net.named_modules()] == names
    assert not any(m._forward_hooks for m in net.modules())


class Rows(nn.Module):
    """Tokens of a picture that is twice as wide as high, or too many of them."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.tokens, self.extra = nn.Identity(), extra

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = F.avg_pool2d(x, 3).flatten(2).mT
        z = self.tokens(torch.cat([z.mean(1, keepdim=True)] * self.extra + [z], 1))
        return (z**2).sum(1)


def test_the_grid_has_the_picture_s_proportions() -> None:
    x = picture(6, 12)
    found = attribute(Rows(1), x, 1, "grad_cam", "tokens")
    z = F.avg_pool2d(x, 3)
    alpha = torch.tensor([0.0, 2 * z[0, 1].mean()])  # the output is a sum of squares, so its slope is 2 z
    cam = F.interpolate((alpha[:, None, None] * z[0]).sum(0).relu()[None, None], (6, 12), mode="bilinear")
    np.testing.assert_allclose(found[0, 0], cam[0, 0].numpy(), rtol=1e-10, atol=1e-12)


def test_tokens_that_are_no_grid_are_refused() -> None:
    with pytest.raises(ExplainerError, match="no class token and a grid of patches"):
        attribute(Rows(2), picture(), 0, "grad_cam", "tokens")
