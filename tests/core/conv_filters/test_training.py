"""The live training: its loop against torch written out, its snapshots, its film, its end when it diverges."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.contracts import Snapshot
from core.conv_filters import SPEC, draw, learning
from core.conv_filters.lessons import TEST, TRAIN, lesson
from core.conv_filters.training import BATCH, SNAPSHOTS, batches, train, untrained
from core.errors import ExplainerError
from core.plots.encode import figure_json

SMALL = SPEC(epochs=2, width=4, kernel=3, rate=0.02)


@pytest.fixture(scope="module")
def film() -> list[Snapshot]:
    return list(train(SMALL))


def test_the_last_snapshot_is_that_of_a_loop_written_out(film: list[Snapshot]) -> None:
    about = lesson("digits")
    net = untrained(SMALL, about).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=SMALL.rate)
    X, y = torch.from_numpy(about.train), torch.from_numpy(about.train_labels)
    for rows in batches(SMALL, len(X)):
        optimizer.zero_grad()
        F.cross_entropy(net(X[rows]), y[rows]).backward()
        optimizer.step()
    np.testing.assert_allclose(film[-1].arrays["filters"], net.features.conv1.weight.detach().numpy(), atol=1e-4)
    net.eval()
    with torch.no_grad():
        right = (net(torch.from_numpy(about.test)).argmax(1).numpy() == about.test_labels).mean()
    assert film[-1].metrics["test_accuracy"] == pytest.approx(right, abs=1e-9)


def test_snapshots_begin_untrained_grow_apart_and_end_at_the_end(film: list[Snapshot]) -> None:
    steps = [s.step for s in film]
    assert steps[0] == 0
    assert steps[-1] == film[-1].total == 2 * -(-len(lesson("digits").train) // BATCH)
    assert film[-1].metrics["epoch"] == 2
    assert steps == sorted(set(steps))
    assert len(steps) <= SNAPSHOTS + 1
    assert np.diff(steps)[-1] > np.diff(steps)[0]
    assert film[-1].metrics["test_accuracy"] > film[0].metrics["test_accuracy"] + 0.2


def test_the_film_has_a_frame_a_snapshot_and_is_small(film: list[Snapshot]) -> None:
    metrics = {name: np.array([s.metrics[name] for s in film]) for name in film[0].metrics}
    view = SimpleNamespace(newest=film[-1], film=tuple(film), metrics=metrics, state="done")
    shown = learning(view, SMALL)
    assert len(shown["filters"].frames) == len(shown["maps"].frames) == len(film) == len(draw.film_steps(film))
    assert all(len(figure_json(figure)) < 2_000_000 for figure in shown.values())


def test_maps_and_filters_are_those_of_the_family() -> None:
    spec = SPEC(blocks=3, width=4, kernel=7, batch_norm=False, pool="stride", probe=9)
    first = next(train(spec))
    assert first.arrays["filters"].shape == (4, 1, 7, 7)
    maps = {k: v.shape for k, v in first.arrays.items() if k.startswith("maps")}
    assert maps == {"maps relu1": (4, 8, 8), "maps relu2": (8, 4, 4), "maps relu3": (16, 2, 2)}
    np.testing.assert_array_equal(first.arrays["picture"], lesson("digits").test[lesson("digits").probe(9)])


def test_digits_are_split_and_centred() -> None:
    about = lesson("digits")
    assert about.train.shape == (1797 - TEST, 1, 16, 16)
    assert about.test.shape == (TEST, 1, 16, 16)
    assert (about.train.min(), about.train.max()) == (-1.0, 1.0)
    assert about.test_labels[about.probe(4)] == 4
    assert len(about.train) <= TRAIN


def test_a_set_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    with pytest.raises(ExplainerError, match=r"MNIST.*or choose the digits"):
        next(train(SPEC(lesson="mnist")))
