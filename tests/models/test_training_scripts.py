"""The scripts that made the weights: pictures are moved as said, the loss is the formula's, and a small run learns."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from core.rng import generator
from models import MODELS, SmallCNN, storage
from models.blocks import init_weights
from models.train import common
from models.train.common import TEMPERATURE, Recipe, accuracy, fit, let_down, loss_of, moved, tensors
from models.train.resnet20_cifar10 import renamed


def test_moved_pictures_are_windows_of_the_padded_picture():
    x = torch.randn(20, 2, 6, 5, generator=generator(0, "test"))
    seen = moved(x, Recipe(epochs=1, rate=0.1, shift=2, flip=True), generator(1, "test"))
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    kinds = set()
    for n in range(20):
        found = [
            (dy, dx, mirrored)
            for dy in range(5)
            for dx in range(5)
            for mirrored in (False, True)
            if torch.equal(seen[n].flip(-1) if mirrored else seen[n], padded[n, :, dy : dy + 6, dx : dx + 5])
        ]
        assert len(found) == 1
        kinds.add(found[0])
    assert len(kinds) > 8
    assert torch.equal(moved(x, Recipe(epochs=1, rate=0.1), generator(1, "test")), x)


def test_the_loss_with_and_without_a_teacher():
    g = generator(0, "test")
    z, t = (torch.randn(7, 10, generator=g, dtype=torch.float64) for _ in range(2))
    y = torch.randint(10, (7,), generator=g)
    by_hand = -z.softmax(1).log()[torch.arange(7), y].mean()
    torch.testing.assert_close(loss_of(z, y, None), by_hand)
    p, q = (t / TEMPERATURE).softmax(1), (z / TEMPERATURE).softmax(1)
    torch.testing.assert_close(loss_of(z, y, t), TEMPERATURE**2 * (p * (p / q).log()).sum(1).mean())
    assert loss_of(t, y, t).abs() < 1e-12


def task() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures whose class is the bright half: left or right."""
    g = generator(3, "test")
    y = torch.randint(2, (128,), generator=g)
    x = 0.3 * torch.randn(128, 1, 8, 8, generator=g)
    x[y == 0, :, :, :4] += 1
    x[y == 1, :, :, 4:] += 1
    return x, y


def net() -> SmallCNN:
    return init_weights(SmallCNN(blocks=2, width=4, classes=2), generator(0, "weights"))


def test_a_small_run_learns_and_comes_out_the_same_again(capsys: pytest.CaptureFixture[str]):
    x, y = task()
    recipe = Recipe(epochs=8, rate=0.1, batch=32)
    first, again = (fit(net(), x, y, recipe) for _ in range(2))
    assert not first.training
    assert accuracy(first, x, y) > 0.9
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), again.parameters(), strict=True))
    assert "epoch   8 of 8" in capsys.readouterr().out


def test_the_rate_rises_falls_and_is_let_down():
    """One cycle of 10 planned epochs, left after 4: the last 2 epochs multiply it by a cosine from 1 to 0."""
    layer = torch.nn.Linear(1, 1)
    rates = {}
    for epochs, planned, cooldown in ((10, 0, 0), (4, 10, 2)):
        recipe = Recipe(epochs=epochs, rate=1.0, planned=planned, cooldown=cooldown)
        optimizer = recipe.optimizer(layer)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 10, pct_start=0.2, cycle_momentum=False)
        rates[epochs] = []
        for left in reversed(range(epochs)):
            optimizer.step()
            cycle.step()
            let_down(optimizer, left, cooldown)
            rates[epochs].append(optimizer.param_groups[0]["lr"])
    whole, cut = rates[10][:-1], rates[4]  # the last step has no rate after it
    assert whole[0] == pytest.approx(1.0)
    assert cut == pytest.approx([whole[0], whole[1], whole[2] / 2, 0.0])
    assert "planned for 10 epochs and let down to 0 in the last 2" in recipe.words()


def test_the_first_pictures_of_each_class(tmp_path):
    (tmp_path / "cifar10").mkdir()
    images = np.zeros((30, 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(30)
    for part in ("train", "test"):
        np.savez(tmp_path / f"cifar10/{part}.npz", images=images, labels=np.arange(30) % 10)
    x, y, x_test, y_test = tensors("tinyvgg-cifar10", "cifar10", tmp_path, each_class=2, tested=7)
    model = MODELS["tinyvgg-cifar10"]
    assert (model.restore_colours(x)[:, 0, 0, 0] * 255).round().tolist() == list(range(20))
    assert y.tolist() == [k % 10 for k in range(20)]
    assert (len(x_test), y_test.tolist()) == (7, list(range(7)))


def test_published_weights_are_measured_as_stored(tmp_path, monkeypatch):
    for place in (storage, common):
        monkeypatch.setattr(place, "FOLDER", tmp_path)
    name = "smallcnn-shapes"
    model = MODELS[name]
    x = torch.randn(12, *model.input_shape, generator=generator(0, "test"))
    y = torch.arange(12) % 4
    measured = common.train(
        name, (x, y, x, y), Recipe(epochs=1, rate=0.01), "models/train/smallcnn_shapes.py", "noise", owes=None
    )
    record = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))[name]
    stored = storage.restore(model.build(), (tmp_path / record["file"]).read_bytes()).eval()
    assert accuracy(stored, x, y) == measured == pytest.approx(record["test_accuracy"], abs=5e-5)
    assert record["pictures"] == record["test_pictures"] == 12
    assert record["epochs"] == 1


def test_the_teacher_s_names():
    assert renamed("conv1.weight") == "conv.weight"
    assert renamed("bn1.bias") == "norm.bias"
    assert renamed("layer2.0.bn2.running_mean") == "stage2.0.norm2.running_mean"
    assert renamed("layer3.1.conv1.weight") == "stage3.1.conv1.weight"
    assert renamed("linear.bias") == "classifier.bias"
