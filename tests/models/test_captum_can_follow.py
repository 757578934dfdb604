"""Captum's strictest methods accept every network: DeepLift's contributions add up to the change of the logit."""

from __future__ import annotations

import pytest
import torch
from captum.attr import DeepLift, GuidedBackprop

from core.rng import generator
from models import MODELS, LeNet5, ResNet, SmallCNN, load
from models.blocks import init_weights

pytestmark = pytest.mark.filterwarnings("ignore:Setting (forward, )?backward hooks:UserWarning")


# Captum's rule for max pooling is not exact where the largest pixel moves, so these pool by the mean or the stride.
NETS = {
    "resnet20-cifar10": lambda: load("resnet20-cifar10"),
    "ResNet, option A": lambda: ResNet(n=1, width=4, shortcut="A"),
    "LeNet-5": lambda: LeNet5(channels=3, pool="avg"),
    "LeNet-5, tanh": lambda: LeNet5(channels=3, pool="avg", activation="tanh"),
    "small, mean": lambda: SmallCNN(channels=3, width=8, pool="avg"),
    "small, stride": lambda: SmallCNN(channels=3, width=8, blocks=4, pool="stride"),
}


@pytest.mark.parametrize("kind", NETS)
def test_deep_lift_is_complete(kind: str):
    module = NETS[kind]()
    if "cifar10" not in kind:
        init_weights(module, generator(0, "weights"))
    module = module.double().eval()
    x, baseline = torch.randn(2, 1, 3, 28, 28, generator=generator(0, "test"), dtype=torch.float64)
    contributions = DeepLift(module).attribute(x.requires_grad_(), baseline, target=1)
    with torch.no_grad():
        change = (module(x) - module(baseline))[0, 1].item()
    assert abs(change) > 0.01
    assert contributions.sum().item() == pytest.approx(change, rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_guided_backpropagation_runs_and_leaves_no_hook(name: str):
    model, module = MODELS[name], load(name)
    x = model.normalise(torch.rand(1, *model.input_shape, generator=generator(1, "test"))).requires_grad_()
    assert GuidedBackprop(module).attribute(x, target=0).abs().max() > 0
    assert not any(m._backward_hooks or m._forward_hooks or m._forward_pre_hooks for m in module.modules())
