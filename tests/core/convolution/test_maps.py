"""Feature maps against the layers applied by hand; the network is left as it was, also after an error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.convolution.maps import feature_maps
from core.rng import generator


def small() -> nn.Sequential:
    """Two convolutions with batch normalisation, dropout, pooling and a linear end; filled from a generator."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5),
        nn.Conv2d(4, 2, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 5),
    )  # fmt: skip
    g = generator(0, "weights")
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.5, generator=g)
    return net.double()


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 3, 8, 8))


def test_every_layer_s_output_is_the_layers_applied_one_after_the_other(images: np.ndarray) -> None:
    net = small()
    found = feature_maps(net, images)
    net.eval()
    x = torch.from_numpy(images)
    with torch.no_grad():
        for k, layer in enumerate(net[:8]):
            x = layer(x.clone())
            np.testing.assert_array_equal(found[str(k)], x.numpy())
    assert list(found) == [str(k) for k in range(8)]  # the flat vector and the classes are no pictures


def test_an_in_place_layer_does_not_reach_the_map_before_it(images: np.ndarray) -> None:
    found = feature_maps(small(), images)
    assert found["5"].min() < 0
    np.testing.assert_array_equal(found["6"], np.maximum(found["5"], 0))


def test_modes_hooks_and_running_statistics_are_left_as_they_were(images: np.ndarray) -> None:
    net = small().train()
    net[1].eval()  # a frozen batch norm inside a network that trains
    called: list[int] = []
    net[0].register_forward_hook(lambda *_: called.append(1))
    state = {k: v.clone() for k, v in net.state_dict().items()}
    feature_maps(net, images)
    assert net.training
    assert [m.training for m in net] == [True, False, *[True] * 8]
    assert called == [1]
    assert [len(m._forward_hooks) for m in net] == [1, *[0] * 9]
    assert all(torch.equal(state[k], v) for k, v in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


def test_after_an_error_too() -> None:
    net = small().train()
    with pytest.raises(RuntimeError):
        feature_maps(net, np.zeros((1, 5, 8, 8)))
    assert all(m.training for m in net.modules())
    assert all(not m._forward_hooks for m in net.modules())


def test_a_layer_used_twice_appears_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1, bias=False)
            nn.init.constant_(self.conv.weight, 2.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(self.conv(x)))

    found = feature_maps(Twice(), np.ones((1, 1, 2, 2), np.float32))
    assert {name: float(a[0, 0, 0, 0]) for name, a in found.items()} == {"conv": 2.0, "conv#2": 4.0, "conv#3": 8.0}


def test_tensors_other_number_types_and_an_empty_batch() -> None:
    net = small().float()
    images = torch.ones(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert feature_maps(net, images)["0"].dtype == np.float32
    assert feature_maps(net, np.ones((1, 3, 8, 8), np.uint8))["0"].shape == (1, 4, 8, 8)
    assert feature_maps(net, np.ones((0, 3, 8, 8)))["5"].shape == (0, 2, 2, 2)


def test_a_network_of_one_layer_has_the_layer_s_name() -> None:
    layer = nn.Conv2d(1, 2, 3)
    assert list(feature_maps(layer, np.zeros((1, 1, 3, 3)))) == ["conv2d"]


def test_only_the_named_layers(images: np.ndarray) -> None:
    net = small()
    found = feature_maps(net, images, only=["6", "3"])
    assert list(found) == ["3", "6"]
    np.testing.assert_array_equal(found["6"], feature_maps(net, images)["6"])
