"""The loop against torch written out by hand, and what must hold of every run: repeatable, resumable, frozen where it says so."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.data.image_sets import image_set
from core.data.images import ImageSet
from core.errors import ExplainerError
from core.rng import generator
from core.transfer_tuner.spec import BACKBONES, OWN_BACKBONES, STRATEGIES
from core.transfer_tuner.tuning import (
    Learner,
    best_epoch,
    class_weights,
    learner,
    network,
    plateau_share,
    rate_of,
    rebuilt,
    schedule,
    task,
    tensor,
    tune,
)
from models import tuned as room
from tests.core.transfer_tuner.conftest import SMALL


def curves(snapshots):
    return {name: values for name, values in snapshots[-1].arrays.items() if name.startswith("curve/")}


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_menu_names_the_backbones_that_there_are():
    assert set(BACKBONES) == set(room.BACKBONES)
    assert tuple(OWN_BACKBONES) == room.OWN


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_settings_give_the_same_run(strategy, told, pictures):
    again = list(tune(replace(SMALL, strategy=strategy), pictures))
    assert [s.metrics for s in again] == [s.metrics for s in told[strategy]]
    same(again[-1].arrays, told[strategy][-1].arrays)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "sgd", "dropout": 0.4, "schedule": "cosine"}], ids=["adamw", "sgd"]
)
def test_a_checkpoint_goes_on_bit_for_bit(strategy, settings, pictures):
    spec = replace(SMALL, strategy=strategy, **settings)
    snapshots = list(tune(spec, pictures))
    (middle,) = [s for s in snapshots if s.metrics.get("epoch") == 1.0 and "val_loss" in s.metrics and s.step < s.total]
    *_, last = tune(spec, pictures, middle.arrays)
    same(last.arrays, snapshots[-1].arrays)
    assert last.metrics == snapshots[-1].metrics


def test_a_branch_keeps_the_old_curve_and_takes_the_new_settings(told, pictures):
    start = next(s for s in told["probe"] if s.metrics.get("epoch") == 1.0)
    *_, last = tune(replace(SMALL, epochs=3, rate=0.1), pictures, start.arrays)
    old = start.arrays["curve/val_loss"]
    np.testing.assert_array_equal(last.arrays["curve/val_loss"][: len(old)], old)
    assert len(last.arrays["curve/val_loss"]) == 4
    assert last.arrays["curve/rate"][-1] == pytest.approx(0.1)


def test_a_probe_is_what_torch_does_with_the_features(pictures, data, told):
    """Features by hand, head by hand, AdamW by torch: the same curve."""
    net = network(SMALL, len(data.classes))
    with torch.no_grad():
        X = net.body(tensor(data.pictures, SMALL))
    y, head = torch.from_numpy(data.labels), net.head[-1]
    assert not head.weight.any()  # so the first loss is log K
    optimizer = torch.optim.AdamW(net.head.parameters(), lr=SMALL.rate, weight_decay=SMALL.decay)
    losses = [F.cross_entropy(net.head(X[data.val]), y[data.val]).item()]
    for epoch in range(SMALL.epochs):
        order = torch.randperm(len(data.train), generator=generator(SMALL.seed, "batches", str(epoch)))
        for chosen in order.split(SMALL.batch):
            rows = data.train[chosen.numpy()]
            optimizer.zero_grad()
            F.cross_entropy(net.head(X[rows]), y[rows]).backward()
            optimizer.step()
        losses.append(F.cross_entropy(net.head(X[data.val]), y[data.val]).item())
    np.testing.assert_allclose(curves(told["probe"])["curve/val_loss"], losses, rtol=1e-12)
    assert losses[0] == pytest.approx(math.log(len(data.classes)))


def test_full_training_is_what_torch_does_with_the_network(data, told):
    spec = replace(SMALL, strategy="full")
    net = network(spec, len(data.classes))
    body = {"params": list(net.body.parameters()), "lr": spec.rate * spec.body_rate}
    optimizer = torch.optim.AdamW(
        [body, {"params": list(net.head.parameters())}], lr=spec.rate, weight_decay=spec.decay
    )
    X, y = tensor(data.pictures, spec), torch.from_numpy(data.labels)
    for epoch in range(spec.epochs):
        order = torch.randperm(len(data.train), generator=generator(spec.seed, "batches", str(epoch)))
        for chosen in order.split(spec.batch):
            rows = data.train[chosen.numpy()]
            optimizer.zero_grad()
            F.cross_entropy(net(X[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        loss = F.cross_entropy(net(X[data.val]), y[data.val]).item()
    assert curves(told["full"])["curve/val_loss"][-1] == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize(("strategy", "moved"), [("probe", 0), ("partial", 1), ("full", 4), ("scratch", 4)])
def test_only_what_may_learn_moves(strategy, moved, pictures, data):
    spec = replace(SMALL, strategy=strategy, best=False)  # the best weights may be the first
    *_, last = tune(spec, pictures)
    before, after = network(spec, len(data.classes)), rebuilt(spec, len(data.classes), last.arrays)
    changed = {
        before.block(name)
        for (name, p), q in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(p, q)
    }
    B = len(before.blocks)
    assert changed == set(range(B - moved, B + 1))


@pytest.mark.parametrize("norms", ["frozen", "batch"])
def test_statistics_move_only_where_the_policy_says_so(norms, pictures):
    spec = replace(SMALL, backbone="resnet20-cifar10", strategy="partial", norms=norms, epochs=1)
    *_, last = tune(spec, pictures)
    start = network(spec, 6).state_dict()
    named = {n.removeprefix("weights/"): v for n, v in last.arrays.items() if n.endswith("running_mean")}
    assert named
    moved = {n for n, v in named.items() if not np.array_equal(v, start[n].numpy())}
    assert moved == (set(named) if norms == "batch" else set())
    assert all(name.startswith("body.stage3") for name in named)


def test_the_rates_of_the_blocks():
    spec = replace(SMALL, strategy="full", body_rate=0.1, block_decay=0.5)
    net = network(spec, 3)
    shares = {net.block(name): rate_of(spec, net, name) for name, _ in net.named_parameters()}
    assert shares == pytest.approx({0: 0.1 / 8, 1: 0.1 / 4, 2: 0.1 / 2, 3: 0.1, 4: 1.0})


def test_gradient_norms_are_those_of_autograd(data):
    spec = replace(SMALL, strategy="full")
    *_, run = learner(spec, data)
    rows = data.train[:7]
    F.cross_entropy(run.net(run.batch(rows)), run.labels[rows]).backward()
    parts = [[p.grad.flatten() for n, p in run.net.named_parameters() if run.net.block(n) == k] for k in range(5)]
    np.testing.assert_allclose(run.gradient_norms(), [torch.cat(p).norm().item() for p in parts], rtol=1e-12)


def test_class_weights_make_the_classes_equal():
    y = np.array([0, 0, 0, 1])
    w = class_weights(y, 2)
    np.testing.assert_allclose(w, [4 / 6, 2.0])
    assert w[y[y == 0]].sum() == pytest.approx(w[y[y == 1]].sum())


def test_smoothing_and_weights_are_torch_s(data):
    spec = replace(SMALL, smoothing=0.1, weighted=True)
    *_, run = learner(spec, data)
    Z, y = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 6
    w = torch.from_numpy(class_weights(data.labels[data.train], 6))
    log_p = Z.log_softmax(1)
    each = (1 - 0.1) * -log_p[torch.arange(9), y] * w[y] + 0.1 / 6 * -(log_p * w).sum(1)
    assert run.criterion(Z, y).item() == pytest.approx((each.sum() / w[y].sum()).item())


def test_the_plateau_is_torch_s():
    losses = [1.0, 0.9, 0.95, 0.94, 0.93, 0.92, 0.91, 0.95, 0.99, 0.8, 0.81, 0.82, 0.83, 0.84]
    group = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    rival = torch.optim.lr_scheduler.ReduceLROnPlateau(group, factor=0.3, patience=3, min_lr=1e-4)
    for k, loss in enumerate(losses, start=1):
        rival.step(loss)
        assert plateau_share(np.array(losses[:k])) == pytest.approx(group.param_groups[0]["lr"])


@pytest.mark.parametrize("name", ["constant", "cosine", "one_cycle", "step", "plateau"])
def test_every_schedule_has_a_share_for_each_step(name):
    shares = schedule(replace(SMALL, schedule=name), 30)
    assert shares.shape == (30,)
    assert (shares > 0).all()
    assert shares.max() <= 1.0


def test_early_stopping_counts_from_the_lowest_loss(data):
    *_, run = learner(replace(SMALL, patience=2, epochs=50), data)
    run.curve = {name: [0.0] * 5 for name in run.curve}
    run.curve["val_loss"] = [3.0, 1.0, 1.5, 0.9, 1.2]
    assert not run.over()
    run.curve["val_loss"] = [3.0, 1.0, 0.9, 1.1, 1.2]
    assert run.over()


def test_the_best_epoch_has_the_highest_accuracy_and_among_equals_the_lowest_loss():
    assert best_epoch([0.5, 0.9, 0.9, 0.8], [1.0, 0.7, 0.6, 0.1]) == 2
    assert best_epoch([0.5, 0.5], [float("nan"), 2.0]) == 1


def test_the_best_weights_come_back(pictures, data):
    spec = replace(SMALL, rate=0.3, epochs=5, strategy="probe")
    *_, last = tune(spec, pictures)
    at = best_epoch(last.arrays["curve/val_accuracy"], last.arrays["curve/val_loss"])
    assert last.metrics["epoch"] == at
    assert last.metrics["val_loss"] == pytest.approx(last.arrays["curve/val_loss"][at], rel=1e-12)
    net = rebuilt(spec, len(data.classes), last.arrays)
    with torch.no_grad():
        np.testing.assert_allclose(
            net(tensor(data.pictures[data.val], spec)), last.arrays["logits_val"], rtol=1e-9, atol=1e-12
        )


def test_dropout_keeps_the_mean_and_draws_from_its_own_source():
    layer = room.Dropout(0.4).train()
    x = torch.ones(20_000, dtype=torch.float64)
    layer.source = generator(0, "dropout")
    before = torch.get_rng_state()
    out = layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert set(out.unique().tolist()) == {0.0, 1 / 0.6}
    assert out.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(layer.eval()(x), x)


def test_a_run_that_diverges_is_a_result(pictures):
    *_, last = tune(
        replace(SMALL, strategy="full", optimizer="sgd", rate=1.0, body_rate=1.0, epochs=3, best=False), pictures
    )
    assert last.metrics["diverged"] in (0.0, 1.0)
    assert len(last.arrays["curve/val_loss"]) <= 4


def one_class(pictures: ImageSet, counts: list[int]) -> ImageSet:
    rows = [n for k, c in enumerate(counts) for n in np.flatnonzero(pictures.labels == k)[:c]]
    names = tuple(pictures.names[n] for n in rows)
    return ImageSet(
        tuple(pictures.images[n] for n in rows), pictures.labels[rows], pictures.classes[: len(counts)], names
    )


@pytest.mark.parametrize(("counts", "words"), [([4], "two or more"), ([4, 1], "has 1 picture")])
def test_too_few_pictures_are_refused(pictures, counts, words):
    with pytest.raises(ExplainerError, match=words):
        task(SMALL, one_class(pictures, counts))


def test_weights_that_are_not_here_are_a_sentence(monkeypatch, tmp_path, pictures):
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("models.pretrained._cache", lambda model: tmp_path / "none")
    with pytest.raises(ExplainerError, match="MobileNetV2 are not on this computer"):
        list(tune(replace(SMALL, backbone="mobilenet_v2"), pictures))


def test_the_split_keeps_the_classes_shares():
    spec = replace(SMALL, count=120)
    found = task(spec, image_set("textures", 120, 3))
    assert sorted([*found.train, *found.val]) == list(range(120))
    np.testing.assert_array_equal(np.bincount(found.labels[found.val]), [5] * 6)


def test_blocks_cover_every_weight_once():
    for name in room.BACKBONES:
        if name in ("vgg11", "vit_b_16", "densenet121"):
            continue  # large: the same code
        net = room.tuned(name, 3, scratch=True)
        assert {net.block(n) for n, _ in net.named_parameters()} == set(range(len(net.blocks) + 1))
        assert 2 <= len(net.blocks) <= room.MOST_BLOCKS


def test_a_learner_of_a_probe_touches_the_head_alone(data):
    *_, run = learner(SMALL, data)
    assert isinstance(run, Learner)
    assert run.names == ["head.1.weight", "head.1.bias"]
