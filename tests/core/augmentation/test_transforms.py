"""Every change against torchvision.transforms.v2 with the same draws; the draws against their ranges; mixtures against v2."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest
from torch.nn import functional as F
from torchvision.transforms import v2

from core.augmentation.transforms import (
    CHANGES,
    Stage,
    augment,
    blend,
    box_of,
    brightened,
    draw_erase,
    draw_shift,
    draw_zoom,
    erased,
    mixed,
    pasted,
    recoloured,
    share_of,
    shifted,
    turned,
    zoomed,
)
from core.rng import generator

S = 16
X = torch.rand((6, 3, S, S), generator=generator(0, "test"), dtype=torch.float64)
ONE = torch.ones(6, dtype=torch.long)
BILINEAR = v2.InterpolationMode.BILINEAR


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)  # v2 makes its grids and factors in float32


def test_mirrors_are_v2_s():
    close(CHANGES["mirror"].apply(X), v2.functional.horizontal_flip(X))
    close(CHANGES["upside"].apply(X), v2.functional.vertical_flip(X))


@pytest.mark.parametrize("angle", [0.0, 7.5, -33.0, 90.0, 135.0, 179.0])
def test_turning_is_v2_s(angle: float):
    close(turned(X, torch.full((6,), angle)), v2.functional.rotate(X, angle, interpolation=BILINEAR))


def test_turning_by_half_is_two_mirrors():
    close(turned(X, torch.full((6,), 180.0)), X.flip(2, 3))


@pytest.mark.parametrize(("dy", "dx"), [(0, 0), (3, -2), (-4, 4), (16, 0), (0, -20)])
def test_shifting_is_a_crop_after_padding(dy: int, dx: int):
    k = 20
    padded = v2.functional.crop(v2.functional.pad(X, k), top=k + dy, left=k + dx, height=S, width=S)
    close(shifted(X, dy * ONE, dx * ONE), padded)


@pytest.mark.parametrize(("top", "left", "side"), [(0, 0, 16), (3, 1, 10), (15, 15, 1), (4, 0, 7)])
def test_zooming_is_v2_s_resized_crop(top: int, left: int, side: int):
    theirs = v2.functional.resized_crop(X, top, left, side, side, [S, S], interpolation=BILINEAR, antialias=True)
    close(zoomed(X, top * ONE, left * ONE, side * ONE), theirs)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_brightness_and_colour_are_v2_s(factor: float):
    f = torch.full((6,), factor)
    close(brightened(X, f), v2.functional.adjust_brightness(X, factor))
    close(recoloured(X, f), v2.functional.adjust_saturation(X, factor))
    assert recoloured(X[:, :1], f).equal(X[:, :1])


def test_erasing_is_v2_s():
    ours = erased(X, 2 * ONE, 5 * ONE, 4 * ONE, 9 * ONE)
    close(ours, v2.functional.erase(X, i=2, j=5, h=4, w=9, v=torch.zeros(1, 1, 1, dtype=torch.float64)))


def test_every_picture_has_draws_of_its_own():
    g = generator(1, "test")
    for name, change in CHANGES.items():
        draws = change.draw(g, 6, S, 0.5 if name != "turn" else 90.0)
        whole = change.apply(X, **draws)
        for n in range(6):
            alone = change.apply(X[n : n + 1], **{k: v[n : n + 1] for k, v in draws.items()})
            torch.testing.assert_close(whole[n : n + 1], alone, rtol=0, atol=1e-12)


def test_draws_fill_their_ranges_and_no_more():
    g, N = generator(2, "test"), 4000
    shift = draw_shift(g, N, S, 0.125)
    assert {int(v) for v in shift["dy"]} == {int(v) for v in shift["dx"]} == {-2, -1, 0, 1, 2}
    assert torch.bincount(shift["dy"] + 2).min() > 0.8 * N / 5
    zoom = draw_zoom(g, N, S, 0.75)
    assert (zoom["side"].min(), zoom["side"].max()) == (8, 16)
    assert (zoom["top"] + zoom["side"] <= S).all()
    assert (zoom["left"] >= 0).all()
    assert abs(float((zoom["side"].double() / S).pow(2).mean()) - 0.625) < 0.02
    erase = draw_erase(g, N, S, 0.3)
    assert (erase["top"] + erase["height"] <= S).all()
    assert (erase["left"] + erase["width"] <= S).all()
    assert abs(float((erase["height"] * erase["width"]).double().mean()) / S**2 - 0.16) < 0.02
    angle = CHANGES["turn"].draw(g, N, S, 30.0)["degrees"]
    assert kstest(angle.numpy(), "uniform", args=(-30, 60)).pvalue > 1e-3
    assert CHANGES["brightness"].draw(g, N, S, 1.5)["factor"].min() >= 0


def test_each_change_happens_with_its_probability():
    x = torch.rand((4000, 1, 2, 2), generator=generator(3, "test"))
    for p in (0.0, 0.3, 1.0):
        y = augment(x, [Stage("mirror", 1.0, p)], generator(4, "test"))
        moved = (y == x.flip(3)).flatten(1).all(1).double().mean()
        assert abs(float(moved) - p) < 0.03
        assert ((y == x) | (y == x.flip(3))).all()
    assert augment(x, [], generator(0, "test")) is x


def test_the_same_generator_gives_the_same_draws_and_nobody_else_is_disturbed():
    before = torch.get_rng_state()
    stages = [Stage(name, 0.4, 0.7) for name in CHANGES]
    one, two = (augment(X, stages, generator(5, "test")) for _ in range(2))
    assert one.equal(two)
    assert not one.equal(augment(X, stages, generator(6, "test")))
    assert torch.get_rng_state().equal(before)


T = F.one_hot(torch.tensor([0, 1, 2, 3, 1, 0]), 4).double()


def test_mixup_is_v2_s():
    theirs = v2.MixUp(num_classes=4, alpha=1.0)
    params = {"lam": 0.3, "labels": torch.tensor([0, 1, 2, 3, 1, 0]), "batch_size": 6}
    x, t = mixed(X, T, 0.3)
    close(x, theirs.transform(X.clone(), params))
    close(t, theirs.transform(params["labels"], params).double())


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (2, 3, 9, 16), (0, 0, 16, 16)])
def test_cutmix_is_v2_s(box: tuple[int, int, int, int]):
    top, left, bottom, right = box
    share = 1 - (bottom - top) * (right - left) / S**2
    theirs = v2.CutMix(num_classes=4, alpha=1.0)
    params = {"box": (left, top, right, bottom), "lam_adjusted": share, "labels": torch.tensor([0, 1, 2, 3, 1, 0]), "batch_size": 6}  # fmt: skip
    x, t = pasted(X, T, box)
    close(x, theirs.transform(X.clone(), params))
    close(t, theirs.transform(params["labels"], params).double())


def test_soft_labels_add_up_to_one():
    for kind in ("none", "mixup", "cutmix"):
        x, t = blend(X, T, kind, 0.7, generator(7, "test"))
        torch.testing.assert_close(t.sum(1), torch.ones(6, dtype=torch.float64))
        assert x.shape == X.shape
    assert blend(X, T, "none", 1.0, generator(0, "test")) == (X, T)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_follow_the_beta_distribution(alpha: float):
    g = generator(8, "test")
    found = np.array([share_of(g, alpha) for _ in range(1500)])
    assert kstest(found, beta(alpha, alpha).cdf).pvalue > 1e-3


def test_the_box_has_the_mixture_s_area_where_it_is_not_cut_off():
    g = generator(9, "test")
    for share in (0.0, 0.36, 1.0):
        half = int(0.5 * math.sqrt(1 - share) * S)
        for _ in range(50):
            top, left, bottom, right = box_of(g, S, share)
            assert 0 <= top <= bottom <= S
            assert 0 <= left <= right <= S
            assert max(bottom - top, right - left) <= 2 * half


def test_the_line_for_torchvision_makes_the_change_that_is_applied():
    amounts = {"turn": 40.0, "shift": 0.25, "zoom": 0.5, "brightness": 0.6, "colour": 0.7, "erase": 0.3}
    g = generator(10, "test")
    with torch.random.fork_rng():
        for name, change in CHANGES.items():
            line = change.line(amounts.get(name, 1.0), 1.0, S)
            theirs = eval(line, {"v2": v2})
            for _ in range(40):
                params = theirs.make_params([X])
                check(name, params, amounts.get(name, 1.0), change.draw(g, 1, S, amounts.get(name, 1.0)))


def check(name: str, theirs: dict, amount: float, ours: dict) -> None:
    """Both sets of draws lie in the same range."""
    if name == "turn":
        assert max(abs(theirs["angle"]), abs(float(ours["degrees"]))) <= amount
    if name == "zoom":
        for side in (theirs["height"], theirs["width"], int(ours["side"])):
            assert round(S * math.sqrt(1 - amount)) <= side <= S
    if name == "brightness":
        assert all(1 - amount <= f <= 1 + amount for f in (theirs["brightness_factor"], float(ours["factor"])))
    if name == "colour":
        assert all(1 - amount <= f <= 1 + amount for f in (theirs["saturation_factor"], float(ours["factor"])))
