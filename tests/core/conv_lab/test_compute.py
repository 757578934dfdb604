"""The page's measurements against the network run by hand; every look speaks."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch

from core.conv_lab import SPEC, look, menu, numbers, questions, removals, script, where
from core.conv_lab.compute import (
    ablate_each,
    ablated,
    asked,
    chosen_layer,
    edited,
    kernel_from,
    learned_kernel,
    moved,
    network,
    nudged,
)
from core.conv_lab.interventions import with_kernel, without_each, without_map
from core.conv_lab.spec import LENSES
from core.data.own import keep
from core.errors import ExplainerError

TINY = SPEC(network="tinyvgg-cifar10", layer="relu1_2", unit=2)


def test_numbers_are_the_map_s_mean_and_its_slope_by_differences() -> None:
    a, found = asked(TINY), numbers(TINY)
    maps = a.maps(a.picture)
    assert found["answer"] == pytest.approx(maps[0, 2].mean(), rel=1e-12)
    x, step = a.picture, 1e-6
    g = torch.Generator().manual_seed(0)
    along = torch.randn(x.shape, generator=g, dtype=torch.float64)
    up, down = (a.maps(x + s * step * along)[0, 2].mean() for s in (1, -1))
    size = abs(up - down) / (2 * step) / float(along.norm())
    assert size <= found["size of the gradient"] * (1 + 1e-6)
    assert found["answer after a step"] > found["answer"]


def test_a_kernel_as_learned_changes_nothing_and_zeros_take_its_share() -> None:
    same = edited(SPEC(network="tinyvgg-cifar10", layer="relu1_2", unit=2, edit="none", lens="kernel"))
    np.testing.assert_array_equal(*same.maps)
    np.testing.assert_allclose(*same.right)
    conv, source, kernel = learned_kernel(TINY)
    assert (conv, source) == ("conv1_2", 0)
    np.testing.assert_array_equal(kernel, asked(TINY).net.conv1_2.weight[2, 0].detach().numpy())


def test_without_its_map_the_accuracy_is_that_of_the_answers() -> None:
    found = ablated(TINY)
    assert found.accuracy(0) == 1.0  # without classes, answers are held against the network's own
    assert found.count.sum() == len(asked(TINY).examples.pictures)
    assert not found.maps[1].any()
    assert found.probabilities[1].sum() == pytest.approx(1.0)


def test_a_picture_that_is_not_moved_departs_nowhere() -> None:
    found = moved(SPEC(network="tinyvgg-cifar10", layer="relu1_2", shift=0))
    assert max(found.departures.values()) == 0.0
    assert found.unit == 0.0


def test_the_nudge_raises_the_loss_within_epsilon() -> None:
    spec = SPEC(network="tinyvgg-cifar10", layer="relu1_2", eps=0.02, attack_steps=3)
    found, a = nudged(spec), asked(spec)
    assert found.losses[1] > found.losses[0]
    assert np.abs(found.picture - a.picture[0].numpy()).max() <= 0.02 + 1e-12
    assert found.losses[0] == pytest.approx(-np.log(found.probabilities[0][a.truth]), rel=1e-9)


@pytest.mark.parametrize("text", ["1, 2", "a, b", "1,2,3,4,5,6,7,8,nan", ""])
def test_numbers_that_make_no_kernel_are_refused(text: str) -> None:
    with pytest.raises(ExplainerError, match="needs 9 numbers"):
        kernel_from(text, (3, 3))


def test_an_unknown_layer_is_refused_and_the_menu_falls_back() -> None:
    bad = SPEC(network="tinyvgg-cifar10", layer="conv9")
    with pytest.raises(ExplainerError, match="no layer 'conv9'"):
        chosen_layer(bad)
    assert menu(bad)[1] == "relu1_2"


@pytest.mark.parametrize("lens", LENSES)
def test_every_look_speaks_and_shows(lens: str) -> None:
    spec = SPEC(network="tinyvgg-cifar10", layer="relu1_2", unit=2, lens=lens, dream_steps=2, steps=10)
    seen = look(spec)
    assert seen.figures
    assert all(sentence.endswith(".") for sentence in seen.sentences)
    assert all(question.right(question.answer) for question in questions(spec))


def test_a_residual_network_is_asked_like_the_others() -> None:
    spec = SPEC(network="resnet20-cifar10", layer="stage2.0.relu2", unit=5)
    found = numbers(spec)
    a = asked(spec)
    assert found["answer"] == pytest.approx(float(a.maps(a.picture)[0, 5].mean()), rel=1e-12)
    assert printed(script(spec)) == pytest.approx(found, rel=1e-9, abs=1e-12)
    with pytest.raises(ExplainerError, match="too many for a script"):
        script(SPEC(network="resnet20-cifar10", layer="stage3.2.relu2"))


def printed(text: str) -> dict[str, float]:
    """What the script says, run here: a second interpreter would cost seconds."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "script", "exec"), {"__name__": "__main__"})
    return {n: float(v) for n, v in (line.split(" = ") for line in out.getvalue().splitlines())}


def test_each_map_removed_in_turn_is_what_removing_it_alone_gives() -> None:
    spec = SPEC(network="lenet5-mnist", layer="act2")
    *_, last = ablate_each(spec)
    drops = last.arrays["drops"]
    assert (last.step, last.total) == (len(drops), 16)
    for unit in (0, 3, 15):
        alone = ablated(SPEC(network="lenet5-mnist", layer="act2", unit=unit))
        np.testing.assert_allclose(drops[unit], alone.right[0] - alone.right[1], atol=1e-12)
    figure, rows = removals(drops, spec)
    worst = rows[0]["map removed"]
    whole = ablated(SPEC(network="lenet5-mnist", layer="act2", unit=worst))
    assert np.asarray(figure.data[0]["z"])[worst, -1] == pytest.approx(
        100 * (whole.accuracy(0) - whole.accuracy(1)), rel=1e-5, abs=1e-6
    )


def test_a_residual_network_s_maps_are_removed_behind_the_shortcut_too() -> None:
    net = network("resnet20-cifar10", False)
    x = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    for unit, logits in enumerate(without_each(net, "stage1.0.relu2", x)):
        if unit in (0, 7):
            torch.testing.assert_close(logits, without_map(net, "stage1.0.relu2", unit, x))


def test_a_changed_kernel_leaves_the_shared_network_and_its_memory_alone() -> None:
    net = network("lenet5-mnist")
    before = net.conv2.weight.clone()
    other = with_kernel(net, "conv2", 1, 2, np.zeros((5, 5)))
    assert torch.equal(net.conv2.weight, before)
    assert not other.conv2.weight[1, 2].any()
    assert other.conv1.weight is net.conv1.weight


def test_an_own_picture_is_looked_at() -> None:
    key = keep(np.random.default_rng(0).integers(0, 255, (50, 50, 3)).astype(np.uint8))
    a = asked(SPEC(network="tinyvgg-cifar10", own=key))
    assert (a.index, a.labelled, a.pixels.shape) == (-1, False, (3, 32, 32))
    assert "your own" in where(SPEC(network="tinyvgg-cifar10", own=key))
    assert asked(SPEC(own="gone", picture=2)).index == 2
