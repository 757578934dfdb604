"""First weights, gradients against finite differences, the jobs, and what they belong to."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.architectures import SPEC, look, train
from core.architectures.blocks import has_skips
from core.architectures.compute import SMALL, plan, small
from core.architectures.count import count
from core.architectures.learning import (
    PAIR,
    SEEN,
    before_training,
    belongs,
    gradients,
    job_part,
    pair,
    pictures,
    quiet,
    settled,
    stack,
    started,
    taken_apart,
)  # fmt: skip
from core.architectures.shipped import shipped
from core.architectures.zoo import NETS
from core.errors import ExplainerError

DEPTH = SPEC(lens="depth", blocks=2, epochs=1)


def test_digits_are_enlarged_evenly_and_stand_around_zero() -> None:
    x, y = pictures("test", 32)
    assert x.shape == (400, 1, 32, 32)
    assert len(y) == 400
    assert -0.5 <= float(x.min()) < float(x.max()) <= 0.5
    whole = pictures("test", 8)[0]
    torch.testing.assert_close(F.avg_pool2d(x, 4)[:, :, 1:-1, 1:-1].mean(), whole[:, :, 1:-1, 1:-1].mean(), atol=0.01, rtol=0)  # fmt: skip


def test_the_gradient_s_length_is_a_finite_difference() -> None:
    """Along its own direction the loss changes by the gradient's length."""
    net = settled(started(stack(DEPTH), 0).double())
    x, y = pictures("train", 32)
    x, y = x[:4].double(), y[:4]
    layers = [m for m in net.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    found = gradients(net, x, y)
    loss = F.cross_entropy(net(x), y)
    for k in (0, 2, len(layers) - 1):
        (g,) = torch.autograd.grad(loss, layers[k].weight, retain_graph=True)
        step, ends = 1e-6, []
        with torch.no_grad():
            before = layers[k].weight.clone()
            for sign in (1, -1):
                layers[k].weight.copy_(before + sign * step * g / g.norm())
                ends.append(float(F.cross_entropy(net(x), y)))
            layers[k].weight.copy_(before)
        assert found[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("norm", [False, True])
def test_both_of_the_pair_have_the_same_first_weights(norm: bool) -> None:
    both = pair(replace(DEPTH, norm=norm))
    first, second = (dict(started(p, 0).named_parameters()) for p in both.values())
    assert [p.shape for p in first.values()] == [p.shape for p in second.values()]
    assert all(torch.equal(a, b) for a, b in zip(first.values(), second.values(), strict=True))
    assert [has_skips(p.net) for p in both.values()] == [True, False]


def test_a_plain_stack_with_batch_norm_sends_ever_louder_gradients_to_the_first_layers() -> None:
    def ratio(blocks: int) -> float:
        found = before_training(quiet(SPEC(lens="depth", blocks=blocks)))[PAIR[1]]
        return found[1] / found[-2]

    assert ratio(12) > 2 * ratio(3)


def test_without_batch_norm_the_stack_with_short_cuts_grows() -> None:
    def largest(blocks: int) -> float:
        return before_training(quiet(SPEC(lens="depth", blocks=blocks, norm=False)))[PAIR[0]].max()

    assert largest(8) > 4 * largest(4)


def test_a_network_without_short_cuts_has_no_pair() -> None:
    with pytest.raises(ExplainerError, match=r"small VGG has no short cuts; choose ResNet"):
        pair(SPEC(net="vgg", lens="skips"))


def test_an_own_network_must_end_in_ten_numbers() -> None:
    with pytest.raises(ExplainerError, match=r"gives 16 × 32 × 32, but there are 10 digits; .* flatten, dense10"):
        small(SPEC(net="own", text="conv16"))
    assert plan(SPEC(net="own", text="conv16")).count.last.went == (16, 32, 32)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("flatten, dense8192, dense10", "parameters"),
        ("conv64, 8*( conv64 ), mean, flatten, dense10", "multiply-adds"),
        ("conv32, 50*( relu, relu ), mean, flatten, dense10", "activations"),
    ],
)
def test_a_network_too_large_to_be_trained_is_refused_before_it_is_made(text: str, what: str) -> None:
    with pytest.raises(ExplainerError, match=f"{what}; one that is trained here may have"):
        small(SPEC(net="own", text=text))


def last_of(spec: SPEC, most: int):
    told = list(islice(train(spec), most))
    metrics = {"step": np.array([s.step for s in told], float)} | {
        name: np.array([s.metrics.get(name, np.nan) for s in told])
        for name in ("loss.0", "loss.1", "accuracy.0", "accuracy.1")
    }
    return told[-1], metrics


def test_the_duel_tells_of_both_on_the_same_batches() -> None:
    end, metrics = last_of(DEPTH, 6)
    assert belongs(DEPTH, end.arrays)
    assert not belongs(replace(DEPTH, blocks=3), end.arrays)
    view = look(DEPTH, metrics, end.arrays)
    assert set(view.figures) == {"gradients", "learning"}
    assert len(view.figures["gradients"].data) == 4
    assert last_of(DEPTH, 3)[0].arrays == {}  # between two reports: what was drawn last stays
    assert view.rows[0]["test accuracy"].endswith("%")


def test_the_race_fills_its_table_network_by_network() -> None:
    spec = SPEC(lens="race", epochs=1)
    steps = -(-1397 // 32)
    for end in train(spec):
        if end.step >= steps:
            break
    assert end.total == len(NETS) * steps
    assert np.isfinite(end.arrays["accuracy"]).tolist() == [True] + [False] * (len(NETS) - 1)
    view = look(spec, {}, end.arrays)
    assert view.rows[0]["test accuracy"].endswith("%")
    assert view.rows[1]["test accuracy"] == ""
    assert len(view.figures["by parameters"].data) == 1


def test_the_same_seed_learns_the_same_also_with_dropout() -> None:
    spec = SPEC(net="own", text="max2, max2, dropout, res( conv1 ), flatten, dropout, dense10", lens="skips", epochs=1)
    first, second = (last_of(spec, 4)[0] for _ in range(2))
    assert first.metrics == second.metrics != {}
    for name, values in first.arrays.items():
        np.testing.assert_array_equal(values, second.arrays[name])


def test_the_timing_measures_both_and_the_outputs_have_one_size() -> None:
    spec = SPEC(lens="separable", channels=4, filters=6, kernel=2, side=8)
    end, _ = last_of(spec, 3)
    assert np.isfinite(end.arrays["seconds"]).sum() == 6
    assert "time, measured" in look(spec, {}, end.arrays).figures["costs"].data[1]["x"]
    both = taken_apart(spec)
    assert count(both.full, both.shape).last.went == count(both.apart, both.shape).last.went


@pytest.mark.parametrize("lens", ["race", "depth", "skips", "separable"])
def test_what_a_job_does_not_depend_on_does_not_start_it_anew(lens: str) -> None:
    spec = SPEC(lens=lens)
    assert job_part(replace(spec, shade="macs", open="", layer="1", phi=2)) == job_part(spec)


def test_the_shipped_table_is_that_of_the_networks() -> None:
    found = shipped()
    for values in found.values():
        assert values.shape == (len(NETS),)
        assert (values > 0).all()
    assert (found["accuracy"] <= 1).all()
    assert found["accuracy"][0] > 0.9


def test_pictures_seen_before_training_are_the_first_of_the_training_part() -> None:
    found = before_training(quiet(DEPTH))[PAIR[0]]
    x, y = pictures("train", SMALL[1])
    again = gradients(settled(started(stack(DEPTH), 0).double()), x[:SEEN].double(), y[:SEEN])
    np.testing.assert_allclose(found, again, rtol=1e-12)
