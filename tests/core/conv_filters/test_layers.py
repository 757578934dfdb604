"""Contributions add up to the map; statistics are those of all values at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.conv_filters.layers import contributions, convolutions, in_batches, statistics
from core.convolution.maps import feature_maps
from core.errors import ExplainerError
from core.rng import generator
from models.blocks import init_weights


def conv(**settings) -> nn.Conv2d:
    layer = nn.Conv2d(4, 6, 3, **settings).double()
    g = generator(1, "weights")
    for p in layer.parameters():
        nn.init.normal_(p, generator=g)
    return layer


SETTINGS = [
    {}, {"padding": 1}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"bias": False}, {"groups": 2}, {"padding": "same"},
    {"padding": 1, "padding_mode": "reflect"}, {"padding": 2, "padding_mode": "circular", "stride": (1, 2)},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_contributions_and_the_bias_are_the_map(settings: dict) -> None:
    layer, x = conv(**settings), np.random.default_rng(0).normal(size=(4, 9, 8))
    maps = layer(torch.from_numpy(x)[None])[0].detach().numpy()
    for unit in range(6):
        found = contributions(layer, x, unit)
        np.testing.assert_allclose(found.total, maps[unit], rtol=1e-10, atol=1e-12)
        assert found.bias == (0 if layer.bias is None else layer.bias[unit].item())
        np.testing.assert_array_equal(found.kernels, layer.weight[unit].detach().numpy())


def test_a_contribution_is_what_is_left_when_the_others_are_dark() -> None:
    layer, x = conv(groups=2), np.random.default_rng(0).normal(size=(4, 7, 7))
    found = contributions(layer, x, 4)  # second group: input maps 2 and 3
    assert found.sources == (2, 3)
    alone = np.where(np.arange(4)[:, None, None] == 3, x, 0)
    expected = layer(torch.from_numpy(alone)[None])[0, 4].detach().numpy() - found.bias
    np.testing.assert_allclose(found.parts[1], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("unit", [-1, 6])
def test_a_map_that_is_not_there_is_refused(unit: int) -> None:
    with pytest.raises(ExplainerError, match=rf"map {unit} is outside 0 to 5"):
        contributions(conv(), np.zeros((4, 5, 5)), unit)


def net() -> nn.Sequential:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 1), nn.ReLU()).double()
    init_weights(model, generator(0, "weights"))
    with torch.no_grad():
        model[0].bias[1] = -100.0  # never above 0: dead after the ReLU
    return model


def test_statistics_in_batches_are_those_of_all_values_at_once() -> None:
    model, images = net(), np.random.default_rng(0).normal(size=(11, 1, 8, 8))
    found = statistics(model, in_batches(images, 4))
    for name, maps in feature_maps(model, images).items():
        about = found[name]
        np.testing.assert_allclose(about.mean, maps.mean(axis=(0, 2, 3)), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(about.zeros, (maps == 0).mean(axis=(0, 2, 3)), rtol=1e-12)
        np.testing.assert_array_equal(about.high, maps.max(axis=(0, 2, 3)))
        np.testing.assert_array_equal(about.low, maps.min(axis=(0, 2, 3)))


def test_a_unit_that_never_fires_is_dead_after_its_activation() -> None:
    images = np.random.default_rng(0).normal(size=(5, 1, 8, 8))
    conv, relu, pool = (statistics(net(), [images])[name] for name in ("0", "1", "2"))
    assert conv.dead.tolist() == [False, False, False]
    assert relu.dead.tolist() == [False, True, False]
    assert pool.dead.tolist() == [False, True, False]
    assert relu.zeros[1] == 1.0


def test_no_picture_is_refused() -> None:
    with pytest.raises(ExplainerError, match="no picture"):
        statistics(net(), [])


def test_convolutions_are_listed_in_order() -> None:
    assert list(convolutions(net())) == ["0", "3"]
