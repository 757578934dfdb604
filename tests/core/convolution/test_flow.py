"""How far layers see through branches: published sizes, the counting of a chain, and the gradient itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import nn

from core.convolution.flow import EVERYTHING, Reach, reaches
from core.convolution.gradient_field import gradient_field
from core.convolution.probe import before_activation, hooked, layer_of, until
from core.convolution.receptive_field import receptive_field
from core.errors import ExplainerError
from models import MODELS, separate_activations


@pytest.mark.parametrize(
    ("name", "layer", "size", "jump"),
    [("resnet18", "layer4.1.relu_2", 435, 32), ("vgg16", "features.30", 212, 32), ("squeezenet1_1", "features.0", 3, 2)],
)  # fmt: skip
def test_published_sizes_of_torchvision_s_networks(name: str, layer: str, size: int, jump: int) -> None:
    import torchvision

    with torch.device("meta"):
        found = reaches(separate_activations(torchvision.models.get_model(name, weights=None)))[layer]
    assert (found.size, found.jump) == (size, jump)


@pytest.mark.parametrize(
    ("name", "layer", "size", "jump"),
    [("lenet5-mnist", "act2", 14, 2), ("lenet5-mnist", "pool2", 16, 4), ("tinyvgg-cifar10", "relu2_2", 14, 2), ("resnet20-cifar10", "stage1.0.relu2", 7, 1)],
)  # fmt: skip
def test_sizes_of_the_networks_that_ship(name: str, layer: str, size: int, jump: int) -> None:
    """LeNet: 5, 6 after pooling, 6 + 4 * 2 = 14, 16. TinyVGG: 3, 5, 6, 10, 14. ResNet: 3, 5, 7."""
    found = reaches(MODELS[name].build())[layer]
    assert (found.size, found.jump) == (size, jump)


def test_a_chain_is_counted_as_ever() -> None:
    stack = [(3, 2, 1, 1), (5, 1, 0, 2), (2, 2, 0, 1)]
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 5, dilation=2), nn.MaxPool2d(2))
    for reach, field in zip(reaches(net).values(), receptive_field(stack), strict=True):
        assert (reach.size, reach.jump, reach.start) == (field.size, field.jump, field.start)


class Gated(nn.Module):
    """A sum of two paths, then a product with a mean over the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow, self.mean, self.gate = (
            nn.Conv2d(1, 1, 5, padding=2), nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Sigmoid(),
        )  # fmt: skip
        self.after, self.last = nn.ReLU(), nn.Conv2d(1, 1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.after(self.wide(x) + self.narrow(x))
        return self.last(x * self.gate(self.mean(x)))


def test_where_paths_meet_a_cell_sees_what_any_of_them_sees() -> None:
    found = reaches(Gated())
    assert found["after"] == Reach(-2, 2, 1)
    assert found["gate"] == EVERYTHING
    assert found["last"].size == np.inf
    assert found["last"].window(1, 1, (6, 7)) == (0, 0, 6, 7)


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(ExplainerError, match="not square"):
        reaches(nn.Sequential(nn.Conv2d(1, 1, (3, 5))))
    with pytest.raises(ExplainerError, match="layer 0 sees is not known: it is a Fold"):
        reaches(nn.Sequential(nn.Fold(4, 2)))


@pytest.mark.parametrize("cell", [(0, 0), (4, 5)])
def test_the_box_is_exactly_where_the_gradient_lives(cell: tuple[int, int]) -> None:
    """With positive weights on a positive picture every activation is on and nothing cancels."""
    net = MODELS["resnet20-cifar10"].build().double().eval()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.abs_()
    field = gradient_field(lambda x: until(net, "stage2.0.relu2", x), np.ones((3, 48, 64)), cell)
    rows, columns = np.nonzero(field)
    window = reaches(net)["stage2.0.relu2"].window(*cell, (48, 64))
    assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == window


def test_what_enters_an_activation_has_a_slope_where_it_is_off() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()).double()
    with torch.no_grad():
        net[0].weight.fill_(2.0), net[0].bias.fill_(-9.0)
    x = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    assert until(net, "1", x).sum() == 0
    torch.testing.assert_close(before_activation(net, "1", x), torch.full_like(x, -7.0))
    torch.testing.assert_close(before_activation(net, "0", x), torch.full_like(x, -7.0))


def test_a_hook_hears_its_own_thread_alone() -> None:
    """All visitors share a network: what one of them runs must not end up in another's maps."""
    net, heard = nn.Sequential(nn.Conv2d(1, 1, 1)), []
    with hooked(layer_of(net, "0"), heard.append):
        other = threading.Thread(target=net, args=(torch.zeros(1, 1, 2, 2),))
        other.start()
        other.join()
        assert not heard
        net(torch.zeros(1, 1, 2, 2))
    assert len(heard) == 1
