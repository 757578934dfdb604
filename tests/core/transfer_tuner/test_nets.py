"""Networks from scratch beside the borrowed ones: their layers, their loop, and what the look says of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.rng import generator
from core.transfer_tuner import lenses, nets
from core.transfer_tuner.course import data_of
from core.transfer_tuner.tuning import tensor
from tests.core.transfer_tuner.conftest import SMALL

SPEC = nets.plain(replace(SMALL, lens="nets"))


@pytest.mark.parametrize("name", nets.NETS)
def test_layers_and_weights(name):
    made, depth = nets.net(name, 5, 0), int(name[-1])
    assert made(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
    layers = [m for m in made.modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))]
    assert len(layers) == depth + 1
    if name.startswith("dense"):
        weights = 3072 * 64 + 64 + (depth - 1) * (64 * 64 + 64) + 64 * 5 + 5
    else:
        widths = [3, *(16 * 2**b for b in range(depth))]
        weights = sum(9 * a * b + 2 * b for a, b in itertools.pairwise(widths)) + widths[-1] * 5 + 5
    assert sum(p.numel() for p in made.parameters()) == weights


def test_a_dense_network_learns_as_torch_does():
    data = data_of(SPEC)
    *_, run = nets.taught(SPEC, data, "dense1")
    made = nets.net("dense1", 6, SPEC.seed)
    optimizer = torch.optim.AdamW(made.parameters(), lr=SPEC.rate, weight_decay=SPEC.decay)
    x, y = tensor(data.pictures, SPEC), torch.from_numpy(data.labels)
    for epoch in range(SPEC.epochs):
        order = torch.randperm(len(data.train), generator=generator(SPEC.seed, "batches", str(epoch)))
        for chosen in order.split(SPEC.batch):
            rows = data.train[chosen.numpy()]
            optimizer.zero_grad()
            F.cross_entropy(made(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        loss = F.cross_entropy(made(x[data.val]), y[data.val]).item()
    assert run.curve["val_loss"][0] == pytest.approx(math.log(6))
    assert run.curve["val_loss"][-1] == pytest.approx(loss, rel=1e-4)


def test_the_look_says_what_each_reached():
    *_, last = nets.compare(nets.NetsErrand(replace(SMALL, epochs=1, lens="nets")))
    assert last.step == last.total
    assert nets.names(last.arrays) == list(nets.NETS)
    seen = lenses.nets_look(SMALL, last.arrays)
    assert [row["network"] for row in seen.rows] == list(nets.NETS.values())
    best = max(float(last.arrays[f"{name}/val_accuracy"].max()) for name in nets.NETS)
    assert f" with {best:.4g}, from " in seen.sentences[0]
    depth = seen.figures["depth"].data
    assert [list(trace["x"]) for trace in depth] == [[2, 3, 4], [3, 4, 5]]


def test_the_smallest_are_there_at_once():
    assert nets.names(nets.quick_nets(SPEC)) == list(nets.AT_ONCE)
    seen = lenses.look(replace(SMALL, lens="nets"), {})
    np.testing.assert_array_equal(
        np.asarray(seen.figures["nets"].data[0]["y"]), nets.quick_nets(SPEC)["dense1/val_accuracy"]
    )
