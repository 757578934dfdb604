"""The networks themselves: weights counted by hand, forward passes by plain functions, activations that Captum can follow."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.errors import ExplainerError
from core.rng import generator
from models import MODELS, LeNet5, ResNet, SmallCNN, TinyVGG
from models.blocks import init_weights
from models.surgery import ACTIVATIONS


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def started(module: nn.Module) -> nn.Module:
    return init_weights(module, generator(0, "test")).double().eval()


def picture(*shape: int) -> torch.Tensor:
    return torch.randn(2, *shape, generator=generator(1, "test"), dtype=torch.float64)


def dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


def conv(inputs: int, outputs: int, k: int, bias: bool = True) -> int:
    return (inputs * k * k + bias) * outputs


# Weights, counted by hand


def test_lenet_has_61706_weights():
    by_hand = conv(1, 6, 5) + conv(6, 16, 5) + dense(400, 120) + dense(120, 84) + dense(84, 10)
    assert weights(LeNet5()) == by_hand == 61_706


def test_tiny_vgg_of_cnn_explainer():
    by_hand = conv(3, 10, 3) + 3 * conv(10, 10, 3) + dense(10 * 13 * 13, 10)
    assert weights(TinyVGG()) == by_hand
    assert weights(TinyVGG(width=24, size=32)) == conv(3, 24, 3) + 3 * conv(24, 24, 3) + dense(24 * 25, 10)


def test_resnet20_has_the_paper_s_270_thousand_weights():
    stages = 6 * conv(16, 16, 3, False) + conv(16, 32, 3, False) + 5 * conv(32, 32, 3, False)
    stages += conv(32, 64, 3, False) + 5 * conv(64, 64, 3, False)
    norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    by_hand = conv(3, 16, 3, False) + stages + norms + dense(64, 10)
    assert weights(ResNet(shortcut="A")) == by_hand == 269_722
    projections = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    assert weights(ResNet(shortcut="B")) == by_hand + projections == 272_474


@pytest.mark.parametrize("n", [1, 2, 5])
def test_resnet_has_6n_plus_2_layers(n: int):
    module = ResNet(n=n, shortcut="A")
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in module.modules()) == 6 * n + 2


def test_small_cnn_with_and_without_batch_norm():
    plain = conv(1, 8, 5) + conv(8, 16, 5) + dense(16, 10)
    assert weights(SmallCNN(blocks=2, width=8, kernel=5, batch_norm=False)) == plain
    normed = conv(1, 8, 5, False) + 16 + conv(8, 16, 5, False) + 32 + dense(16, 10)
    assert weights(SmallCNN(blocks=2, width=8, kernel=5)) == normed


# Forward passes by plain functions


def test_lenet_by_functions():
    m, x = started(LeNet5()), picture(1, 28, 28)
    h = F.max_pool2d(F.relu(F.conv2d(x, m.conv1.weight, m.conv1.bias, padding=2)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, m.conv2.weight, m.conv2.bias)), 2).reshape(2, 400)
    h = F.relu(h @ m.dense1.weight.T + m.dense1.bias)
    h = F.relu(h @ m.dense2.weight.T + m.dense2.bias)
    torch.testing.assert_close(m(x), h @ m.classifier.weight.T + m.classifier.bias)


def test_lenet_with_tanh_and_average():
    m, x = started(LeNet5(activation="tanh", pool="avg")), picture(1, 28, 28)
    h = F.avg_pool2d(torch.tanh(m.conv1(x)), 2)
    h = F.avg_pool2d(torch.tanh(m.conv2(h)), 2).flatten(1)
    torch.testing.assert_close(m(x), m.classifier(torch.tanh(m.dense2(torch.tanh(m.dense1(h))))))


@pytest.mark.parametrize("pool", ["max", "avg", "stride"])
def test_small_cnn_by_functions(pool: str):
    m, x = started(SmallCNN(channels=3, classes=4, blocks=3, width=4, pool=pool)), picture(3, 20, 26)
    h = x
    for b in (1, 2, 3):
        h = F.conv2d(h, getattr(m.features, f"conv{b}").weight, stride=2 if pool == "stride" else 1, padding=1)
        norm = getattr(m.features, f"norm{b}")
        h = F.relu(F.batch_norm(h, norm.running_mean, norm.running_var, norm.weight, norm.bias))
        if pool != "stride":
            h = {"max": F.max_pool2d, "avg": F.avg_pool2d}[pool](h, 2)
    torch.testing.assert_close(m(x), m.classifier(h.mean((2, 3))))


def test_tiny_vgg_by_functions():
    m, x = started(TinyVGG(width=4, size=32)), picture(3, 32, 32)
    h = F.max_pool2d(F.relu(m.conv1_2(F.relu(m.conv1_1(x)))), 2)
    h = F.max_pool2d(F.relu(m.conv2_2(F.relu(m.conv2_1(h)))), 2)
    assert h.shape == (2, 4, 5, 5)
    torch.testing.assert_close(m(x), m.classifier(h.reshape(2, -1)))


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_resnet_by_functions(shortcut: str):
    m, x = started(ResNet(n=1, width=4, shortcut=shortcut)), picture(3, 32, 32)

    def block(b: nn.Module, h: torch.Tensor) -> torch.Tensor:
        residual = b.norm2(b.conv2(F.relu(b.norm1(b.conv1(h)))))
        if residual.shape != h.shape and shortcut == "A":
            half = (residual.shape[1] - h.shape[1]) // 2
            zeros = residual.new_zeros(2, half, *residual.shape[2:])
            h = torch.cat([zeros, h[:, :, ::2, ::2], zeros], 1)
        elif residual.shape != h.shape:
            h = b.shortcut[1](F.conv2d(h, b.shortcut[0].weight, stride=2))
        return F.relu(residual + h)

    h = F.relu(m.norm(m.conv(x)))
    for stage in (m.stage1, m.stage2, m.stage3):
        h = block(stage[0], h)
    assert h.shape == (2, 16, 8, 8)
    torch.testing.assert_close(m(x), m.classifier(h.mean((2, 3))))


# First weights


def test_first_weights_follow_he_and_the_generator():
    m = init_weights(SmallCNN(channels=3, width=32, blocks=4), generator(0, "test"))
    conv4 = m.features.conv4.weight
    assert conv4.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert m.classifier.bias.abs().max() == 0
    again = init_weights(SmallCNN(channels=3, width=32, blocks=4), generator(0, "test"))
    assert all(torch.equal(p, q) for p, q in zip(m.parameters(), again.parameters(), strict=True))


# Activations


@pytest.mark.parametrize("name", MODELS)
def test_every_activation_is_its_own_module_used_once_and_not_in_place(name: str):
    module = MODELS[name].build().eval()
    calls: list[nn.Module] = []
    found = [m for m in module.modules() if isinstance(m, ACTIVATIONS)]
    for m in found:
        m.register_forward_hook(lambda layer, _, __: calls.append(layer))
    module(torch.zeros(1, *MODELS[name].input_shape))
    assert found
    assert len(calls) == len(found) == len({id(m) for m in calls})
    assert not any(getattr(m, "inplace", False) for m in found)


@pytest.mark.parametrize("name", MODELS)
def test_no_leaf_module_is_used_twice(name: str):
    module, calls = MODELS[name].build().eval(), []
    for m in module.modules():
        if not list(m.children()):
            m.register_forward_hook(lambda layer, _, __: calls.append(id(layer)))
    module(torch.zeros(1, *MODELS[name].input_shape))
    assert len(calls) == len(set(calls))


# Refusals

BAD = [
    (lambda: SmallCNN(blocks=1), "2 to 4"),
    (lambda: SmallCNN(blocks=5), "2 to 4"),
    (lambda: SmallCNN(width=0), "below 1"),
    (lambda: SmallCNN(kernel=4), "odd"),
    (lambda: SmallCNN(pool="sum"), "choose max, avg or stride"),
    (lambda: LeNet5(activation="step"), "choose relu or tanh"),
    (lambda: LeNet5(pool="stride"), "choose max or avg"),
    (lambda: TinyVGG(size=15), "16 or more"),
    (lambda: ResNet(shortcut="C"), "choose A or B"),
    (lambda: ResNet(n=0), "no network"),
]


@pytest.mark.parametrize("k", range(len(BAD)))
def test_what_cannot_be_built_is_refused(k: int):
    build, words = BAD[k]
    with pytest.raises(ExplainerError, match=words):
        build()


def test_the_smallest_pictures_that_fit():
    assert TinyVGG(size=16)(torch.zeros(1, 3, 16, 16)).shape == (1, 10)
    assert SmallCNN(blocks=4)(torch.zeros(1, 1, 16, 16)).shape == (1, 10)
