"""Ascent against closed forms: the best picture of a linear unit, Parseval, Gaussian blur, and gradients by differences."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core.conv_lab.ascent import (
    DIVERSE,
    FRAMES,
    Wish,
    _raw,
    ascend,
    beginning,
    blurred,
    gain,
    likeness,
    picture,
    variation,
)
from core.errors import ExplainerError
from core.rng import generator
from tests.core.conv_lab.nets import Linear, Pooled, pictures

WISH = Wish("channel", "conv", 1, (2, 8, 8), steps=20)


def same(x: torch.Tensor) -> torch.Tensor:
    return x


def test_a_linear_logit_wants_white_where_its_weights_are_positive_and_black_elsewhere() -> None:
    W = torch.randn((2, 48), generator=generator(0, "W"))
    net = Linear(W, torch.zeros(2))
    wish = Wish("logit", "", 1, (3, 4, 4), steps=300, rate=0.2, frequencies=False)
    *_, last = ascend(net, wish, same)
    wanted = (W[1] > 0).float().reshape(1, 3, 4, 4).numpy()
    assert np.abs(last.arrays["images"] - wanted).max() < 0.05
    assert last.metrics["answer"] == pytest.approx(float(W[1].clamp_min(0).sum()), rel=0.05)
    assert last.metrics["answer"] == pytest.approx(
        float(W[1] @ torch.as_tensor(last.arrays["images"]).flatten()), rel=1e-5
    )


@pytest.mark.parametrize("frequencies", [True, False])
@pytest.mark.parametrize("objective", ["neuron", "channel", "layer", "logit"])
def test_the_answer_grows(objective: str, frequencies: bool) -> None:
    net = Pooled().float()
    film = list(ascend(net, replace(WISH, objective=objective, frequencies=frequencies), same))
    assert film[0].step == 0
    assert film[-1].step == film[-1].total == 20
    assert film[-1].metrics["answer"] > film[0].metrics["answer"]
    assert all(s.arrays["images"].min() >= 0 and s.arrays["images"].max() <= 1 for s in film)


def test_the_objectives_are_what_they_say() -> None:
    net, x = Pooled(), pictures()
    maps = net.conv(x).detach().numpy()
    for objective, expected in {
        "neuron": maps[:, 1, 4, 4], "channel": maps[:, 1].mean(axis=(1, 2)), "layer": (maps**2).mean(axis=(1, 2, 3)),
        "logit": net(x)[:, 1].detach().numpy(),
    }.items():  # fmt: skip
        np.testing.assert_allclose(gain(net, replace(WISH, objective=objective), x).detach(), expected, rtol=1e-10)


def test_a_picture_to_begin_with_comes_back_in_both_parametrizations() -> None:
    start = 0.1 + 0.8 * torch.rand((1, 3, 9, 7), generator=generator(1, "x"))
    for frequencies in (True, False):
        wish = Wish("channel", "conv", 0, (3, 9, 7), frequencies=frequencies)
        torch.testing.assert_close(picture(beginning(wish, start), wish), start, atol=1e-5, rtol=1e-4)


def test_frequencies_are_those_of_a_real_picture_by_parseval() -> None:
    wish = Wish("channel", "conv", 0, (1, 8, 8))
    p = torch.randn((1, 1, 8, 8), generator=generator(2, "p"))
    theta = beginning(wish, torch.sigmoid(0.3 * p))
    np.testing.assert_allclose(_raw(theta, wish).numpy(), 0.3 * p.numpy(), atol=1e-5)
    f = np.hypot(np.fft.fftfreq(8)[:, None], np.fft.rfftfreq(8)[None])
    expected = np.fft.rfft2(0.3 * p.numpy(), norm="ortho") * 2 * np.maximum(f, 1 / 8)
    np.testing.assert_allclose(torch.view_as_complex(theta).numpy(), expected, atol=1e-5)


def test_blur_is_a_gaussian_round_the_edge_and_keeps_the_mean() -> None:
    for frequencies in (True, False):
        wish = Wish("channel", "conv", 0, (1, 32, 32), frequencies=frequencies, blur=1.5)
        point = torch.full((1, 1, 32, 32), 0.5)
        point[..., 16, 16] = 0.9
        before = _raw(beginning(wish, point), wish)
        after = _raw(blurred(beginning(wish, point), wish), wish)
        y, x = np.mgrid[-16:16, -16:16]
        bell = np.exp(-(x**2 + y**2) / (2 * 1.5**2)) / (2 * math.pi * 1.5**2)
        np.testing.assert_allclose(after[0, 0].numpy(), math.log(9) * bell, atol=1e-4)
        assert float(after.mean()) == pytest.approx(float(before.mean()), rel=1e-4)


def test_total_variation_of_a_step_and_of_an_even_picture() -> None:
    x = torch.zeros(2, 1, 4, 5)
    x[1, :, :, 2:] = 1.0  # one edge of four pixels
    assert variation(x).tolist() == pytest.approx([0.0, 4 / 20])


def test_likeness_is_the_mean_cosine_of_gram_matrices() -> None:
    maps = torch.randn((3, 2, 4, 4), generator=generator(4, "maps"), dtype=torch.float64)
    grams = [(m.flatten(1) @ m.flatten(1).T).flatten() for m in maps]
    cos = [[float(a @ b / a.norm() / b.norm()) for b in grams] for a in grams]
    expected = [(sum(row) - 1) / 2 for row in cos]
    np.testing.assert_allclose(likeness(maps).numpy(), expected, rtol=1e-10)
    assert likeness(maps[:1]).tolist() == [0.0] or abs(float(likeness(maps[:1])[0])) < 1e-12


def test_diversity_gives_several_pictures_less_alike() -> None:
    net = Pooled().float()
    alike = {}
    for mu in (1e-9, 5.0):
        *_, last = ascend(net, replace(WISH, layer="relu", diversity=mu, steps=60), same)
        assert last.arrays["images"].shape == (DIVERSE, 2, 8, 8)
        maps = net.relu(net.conv(torch.as_tensor(last.arrays["images"]))).detach()
        alike[mu] = float(likeness(maps).mean())
    assert alike[5.0] < alike[1e-9]


def test_variation_and_blur_make_smoother_pictures() -> None:
    net = Pooled().float()
    plain, smooth, soft = (
        list(ascend(net, replace(WISH, frequencies=False, steps=60, **more), same))[-1].metrics["variation"]
        for more in ({}, {"variation": 5.0}, {"blur": 0.8})
    )
    assert smooth < plain
    assert soft < plain


def test_the_same_wish_gives_the_same_film_and_it_is_thinned() -> None:
    net = Pooled().float()
    wish = replace(WISH, jitter=2, steps=100)
    one, two = (list(ascend(net, wish, same)) for _ in range(2))
    assert len(one) == FRAMES + 1
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.arrays["images"], b.arrays["images"])
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("more", [{"unit": 9}, {"objective": "hope"}, {"layer": "deep"}])
def test_what_cannot_be_wished_for_is_refused(more: dict) -> None:
    with pytest.raises(ExplainerError, match=r"no map|unknown|no layer"):
        list(ascend(Pooled().float(), replace(WISH, **more), same))


def test_a_layer_can_dream_on_a_picture_that_the_classifier_cannot_take() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 3))
    *_, last = ascend(net, Wish("layer", "0", 0, (1, 20, 24), steps=2), same)
    assert last.arrays["images"].shape == (1, 1, 20, 24)
