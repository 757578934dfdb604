"""The vision transformer against torchvision's, its patches against slices, and the networks that ship."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

import models.fitting as fitted
from core.errors import ExplainerError
from core.rng import generator
from models import load
from models.fitting import Rule, batches, by_number_of_pictures, fitting
from models.storage import FOLDER, manifest
from models.vit import ViT, init_vit
from models.vits import (
    CNN,
    HUNGER_KEY,
    PART,
    SIZES,
    VARIANTS,
    Variant,
    build_cnn,
    load_cnn,
    load_vit,
)

AT_LEAST = {"digits-4": 0.9, "digits-2": 0.7, "shapes-8": 0.9}
SHAPE = {"size": 32, "patch": 8, "channels": 3, "classes": 5, "d": 24, "layers": 2, "heads": 3, "hidden": 40}


def random_vit(**more: object) -> ViT:
    net = init_vit(ViT(**{**SHAPE, **more}), generator(0, "test")).double()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=generator(1, "test"), dtype=p.dtype))
    return net


def theirs(net: ViT) -> VisionTransformer:
    """torchvision's network with the same weights."""
    other = VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=40, num_classes=5,
        norm_layer=partial(nn.LayerNorm, eps=1e-5),
    ).double()  # fmt: skip
    w = net.state_dict()
    state = {
        "class_token": w["x_class"].reshape(1, 1, -1),
        "conv_proj.weight": w["embedding.weight"].reshape(24, 3, 8, 8),
        "conv_proj.bias": w["embedding.bias"],
        "encoder.pos_embedding": w["E_pos"][None],
        "encoder.ln.weight": w["stack.norm.weight"],
        "encoder.ln.bias": w["stack.norm.bias"],
        "heads.head.weight": w["classifier.weight"],
        "heads.head.bias": w["classifier.bias"],
    }
    for k in range(2):
        ours, block = f"stack.blocks.{k}", f"encoder.layers.encoder_layer_{k}"
        for kind in ("weight", "bias"):
            parts = [w[f"{ours}.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{block}.self_attention.in_proj_{kind}"] = torch.cat(parts)
            for name, same in (
                ("self_attention.out_proj", "attention.out"), ("ln_1", "norm_attention"), ("ln_2", "norm_feed"),
                ("mlp.0", "feed.first"), ("mlp.3", "feed.second"),
            ):  # fmt: skip
                state[f"{block}.{name}.{kind}"] = w[f"{ours}.{same}.{kind}"]
    other.load_state_dict(state)
    return other.eval()


def test_the_logits_are_those_of_torchvision_s_network() -> None:
    net = random_vit()
    x = torch.randn(3, 3, 32, 32, generator=generator(2, "test"), dtype=torch.float64)
    torch.testing.assert_close(net(x), theirs(net)(x), rtol=1e-12, atol=1e-12)


def test_patches_are_slices_row_by_row() -> None:
    net = random_vit()
    x = torch.randn(2, 3, 32, 32, generator=generator(2, "test"), dtype=torch.float64)
    cut = net.patches(x)
    for k in range(16):
        row, column = divmod(k, 4)
        piece = x[1, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert torch.equal(cut[1, k], piece.reshape(-1))


def test_without_positions_the_order_of_the_patches_is_nothing() -> None:
    x = torch.randn(1, 3, 32, 32, generator=generator(2, "test"), dtype=torch.float64)
    order = torch.randperm(16, generator=generator(3, "test"))
    for positions in (False, True):
        net = random_vit(positions=positions)
        z = net.embed(x)
        moved = torch.cat([z[:, :1], z[:, 1:][:, order]], 1)
        torch.testing.assert_close(net.read(moved), net.read(z), rtol=1e-12, atol=1e-12)


def test_the_weights_are_those_of_the_formulas() -> None:
    count = sum(p.numel() for p in random_vit().parameters())
    block = 4 * (24 * 24 + 24) + (24 * 40 + 40) + (40 * 24 + 24) + 2 * 2 * 24
    assert count == (192 * 24 + 24) + 24 + 17 * 24 + 2 * block + 2 * 24 + (24 * 5 + 5)


def test_first_weights_have_the_spread_that_was_asked_for() -> None:
    net = init_vit(ViT(size=64, patch=4, d=48, heads=4), generator(0, "test"), 0.1)
    assert net.E_pos.std().item() == pytest.approx(0.1, rel=0.03)
    assert net.embedding.weight.std().item() == pytest.approx(0.25, rel=0.05)
    assert not net.classifier.weight.any()
    assert not net.x_class.any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"patch": 5}, "do not tile a side of 32"), ({"patch": 0}, "do not tile"), ({"heads": 5}, "cannot be shared out")],
)
def test_impossible_shapes_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        ViT(**{**SHAPE, **settings})


# --- training


def test_the_rate_rises_and_falls() -> None:
    rule = Rule(100, 0.5)
    assert [rule.rate_at(t) for t in (5, 50, 100)] == pytest.approx([0.25, 0.25, 0.0])
    assert rule.rate_at(10) == pytest.approx(0.5 * 0.9755, rel=1e-3)


def test_every_picture_comes_once_in_each_pass() -> None:
    rows = list(batches(10, Rule(8, 0.1, batch=4), seed=0))
    assert [len(r) for r in rows] == [4, 4, 2, 4, 4, 2, 4, 4]
    assert sorted(torch.cat(rows[:3]).tolist()) == list(range(10))
    assert torch.cat(rows[:3]).tolist() != torch.cat(rows[3:6]).tolist()


def toy() -> tuple[torch.Tensor, torch.Tensor]:
    g = generator(0, "toy")
    y = torch.randint(2, (96,), generator=g)
    x = 0.3 * torch.randn(96, 1, 8, 8, generator=g)
    x[y == 1, :, :, 4:] += 1
    return x, y


def small() -> ViT:
    return init_vit(ViT(classes=2, d=8, heads=2, layers=1, hidden=8), generator(0, "weights"))


def test_a_step_is_torch_s_adamw_at_the_rate_of_that_step() -> None:
    (x, y), rule = toy(), Rule(3, 0.01, batch=96)
    net, by_hand = small(), small()
    told = list(fitting(net, x, y, rule))
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=0.01, weight_decay=0.05)
    for t in range(3):
        optimizer.param_groups[0]["lr"] = rule.rate_at(t + 1)
        loss = nn.functional.cross_entropy(by_hand(x), y)
        assert told[t] == pytest.approx(loss.item(), rel=1e-6)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(net(x), by_hand(x), rtol=1e-4, atol=1e-4)


def test_more_pictures_teach_more() -> None:
    (x, y), rule = toy(), Rule(40, 0.02, batch=16)
    found = list(by_number_of_pictures({"vit": small}, (x[:64], y[:64]), (x[64:], y[64:]), (2, 64), rule))
    assert [(n, name) for n, name, _ in found] == [(2, "vit"), (64, "vit")]
    assert found[1][2] > 0.9
    loss, share = fitted.tested(small(), x, y)
    assert loss == pytest.approx(0.6931, rel=1e-3), "a classifier of zeros gives ln 2"
    assert share == pytest.approx((y == 0).double().mean().item())


def test_a_stem_is_left_as_it_is_and_what_stands_behind_it_learns() -> None:
    g = generator(0, "test")
    stem = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.MaxPool2d(2)).eval()
    net = init_vit(ViT(size=4, patch=1, channels=6, d=12, stem=stem), g).eval()
    x = torch.randn(2, 1, 8, 8, generator=g)
    torch.testing.assert_close(net(x), net.read(net.embed(x)))
    maps = stem(x)
    torch.testing.assert_close(net.embed(x)[:, 1:], net.embedding(maps.flatten(2).mT) + net.E_pos[1:])
    shipped = load_vit(Variant("shapes", 8)).stem.state_dict()
    trained = load("smallcnn-shapes").features.state_dict()
    assert len(shipped) == 18
    assert all(torch.equal(values, trained[name]) for name, values in shipped.items())


# --- what ships


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_every_network_ships_as_it_was_measured(variant: Variant) -> None:
    record = manifest(PART)[variant.name]
    net = load_vit(variant)
    assert sum(p.numel() for p in net.parameters()) == record["parameters"]
    assert (net.E_pos is not None) == variant.positions
    assert not net.training
    assert record["test_accuracy"] >= AT_LEAST.get(variant.name, 0.3)


def test_the_folder_holds_what_the_manifest_names_and_is_small() -> None:
    files = {p.stem: p.stat().st_size for p in (FOLDER / PART).glob("*.safetensors")}
    names = {CNN} | {v.name for v in VARIANTS}
    assert files.keys() == names
    assert manifest(PART).keys() == names | {HUNGER_KEY}
    assert sum(files.values()) < 400_000
    assert max(files.values()) < 100_000


def test_the_rival_for_digits_has_about_as_many_weights() -> None:
    ours, rival = (sum(p.numel() for p in net.parameters()) for net in (Variant("digits", 4).build(), build_cnn()))
    assert rival == pytest.approx(ours, rel=0.1)
    assert sum(p.numel() for p in load_cnn("digits").parameters()) == rival
    assert sum(p.numel() for p in load_cnn("shapes").parameters()) == 98_196


def test_the_measured_curve_has_a_mark_for_each_size() -> None:
    record = manifest(PART)[HUNGER_KEY]
    assert record["sizes"] == list(SIZES)
    assert all(len(values) == len(SIZES) for values in record["accuracy"].values())


def test_a_network_that_does_not_ship_is_refused() -> None:
    with pytest.raises(ExplainerError, match="no network cuts digits into 3 patches along a side; choose 4 or 2"):
        Variant("digits", 3)
    with pytest.raises(ExplainerError, match="choose digits, shapes or photographs"):
        Variant("cats", 4)
