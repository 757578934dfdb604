"""What is watched: seconds belong to the part that was announced, shapes to the tensors, and the film to one basis."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from core.rng import numpy_generator
from core.transfer_tuner import lenses, loop, metrics, space, watch
from core.transfer_tuner.course import Outcome, glimpse
from core.transfer_tuner.spec import STRATEGIES
from core.transfer_tuner.tuning import Learner, learner, network, tensor, tune
from core.transfer_tuner.watch import FRAMES, PHASES, Watch, in_one_basis
from tests.core.transfer_tuner.conftest import SMALL

g = numpy_generator(0, "test watch")
X, labels = g.normal(size=(4, 25, 12)), np.arange(25) % 3


@pytest.fixture(scope="module")
def watched(pictures):
    """Strategy -> its outcome, with what was watched."""
    found = {}
    for name in STRATEGIES:
        *_, last = tune(replace(SMALL, strategy=name), pictures, watch=Watch())
        found[name] = Outcome(replace(SMALL, strategy=name), last.arrays)
    return found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_watches_changes_nothing(strategy, watched, runs):
    for name, value in runs[strategy].arrays.items():
        np.testing.assert_array_equal(watched[strategy].arrays[name], value, err_msg=name)


def test_the_phases_come_in_the_order_of_the_loop(data):
    *_, run = learner(replace(SMALL, strategy="full"), data)
    run.begin()
    step = [*PHASES[:-1], "done"]
    assert list(run.phases()) == step * run.steps + ["validate"]
    assert run.epoch == 1


def test_seconds_belong_to_the_part_that_was_announced(monkeypatch):
    clock = iter([0.0, 0.0, 100.0, 103.0, 200.0, 205.0, 300.0, 301.0])
    monkeypatch.setattr(watch, "now", lambda: next(clock))
    seen = Watch()
    assert list(seen.timed(["load", "forward", "validate"], {"x": (2, 3)})) == ["load", "forward", "validate"]
    (row,) = seen.seconds
    assert dict(zip(PHASES, row, strict=True)) == {
        **dict.fromkeys(PHASES, 0.0), "load": 3.0, "forward": 5.0, "validate": 1.0
    }  # fmt: skip
    np.testing.assert_array_equal(seen.told()["shape/x"], [2, 3])


def test_the_shapes_are_those_of_the_first_batch(watched, data):
    run, net = watched["full"], network(SMALL, 6)
    x = tensor(data.pictures[:10], SMALL)
    shapes = {n.removeprefix("shape/"): tuple(v) for n, v in run.arrays.items() if n.startswith("shape/")}
    assert shapes == {
        "gradient": (sum(p.numel() for p in net.parameters()),), "x": tuple(x.shape), "y": (10,), "loss": (),
        "features": tuple(net.body(x).shape), "logits": (10, 6),
    }  # fmt: skip
    assert run.arrays["seconds"].shape == (SMALL.epochs, len(PHASES))
    assert (run.arrays["seconds"] > 0).all()


def test_the_film_shows_the_features_that_the_head_takes(data):
    *_, run = learner(replace(SMALL, strategy="full"), data)
    run.begin()
    with torch.no_grad():
        expected = network(SMALL, 6).body(tensor(data.pictures[data.val[run.sample]], SMALL))
    np.testing.assert_allclose(run.seen, expected, rtol=1e-3, atol=1e-3)
    assert run.seen.dtype == np.float16


def test_a_probe_has_one_frame_and_the_others_one_an_epoch(watched):
    frames = {name: run.arrays["film/epochs"].tolist() for name, run in watched.items()}
    assert frames == {"probe": [0], "partial": [0, 1, 2], "full": [0, 1, 2], "scratch": [0, 1, 2]}


def test_many_epochs_are_thinned_evenly_and_the_newest_stays():
    seen = Watch()
    for epoch in range(30):
        seen.look(epoch, X[0] + epoch)
        assert len(seen.frames) <= FRAMES
        assert max(seen.frames) == epoch
    kept = list(seen.frames)
    assert kept[0] == 0
    assert len({b - a for a, b in itertools.pairwise(kept[:-1])}) == 1


def test_the_basis_is_scikit_learn_s_of_all_frames_together():
    placed, share = in_one_basis(X)
    rival = PCA().fit(X.reshape(-1, 12))
    np.testing.assert_allclose(np.abs(placed.reshape(-1, 12)), np.abs(rival.transform(X.reshape(-1, 12))), atol=1e-10)
    np.testing.assert_allclose(share, rival.explained_variance_ratio_)
    again, _ = in_one_basis(np.zeros((2, 3, 4)))
    assert not again.any()


def test_apart_is_the_share_between_the_means():
    one = X[0]
    within = sum(((one[labels == k] - one[labels == k].mean(0)) ** 2).sum() for k in range(3))
    assert metrics.apart(one, labels) == pytest.approx(1 - within / ((one - one.mean(0)) ** 2).sum())
    assert metrics.apart(np.ones((5, 2)), np.arange(5)) == 0.0
    assert metrics.apart(np.eye(3)[labels], labels) == pytest.approx(1.0)


def test_the_nearest_neighbour_is_scikit_learn_s():
    _, near = NearestNeighbors(n_neighbors=2).fit(X[0]).kneighbors(X[0])
    assert metrics.neighbour_accuracy(X[0], labels) == pytest.approx((labels[near[:, 1]] == labels).mean())
    assert np.isnan(metrics.neighbour_accuracy(X[0][:1], labels[:1]))


def test_a_film_leaves_out_what_is_no_number():
    seen = Watch()
    seen.look(0, X[0].astype(np.float16))
    seen.look(1, np.full((25, 12), np.nan, np.float16))
    assert seen.film(labels)["film/epochs"].tolist() == [0]
    assert Watch().film(labels) == {}


def test_tsne_starts_from_the_components_and_goes_on_from_frame_to_frame():
    placed, _ = in_one_basis(X[:2] + 4 * labels[:, None])
    found = space.neighbours_kept(placed, 5.0)
    start = placed[0, :, :2] * 1e-4 / placed[0, :, 0].std()
    rival = TSNE(2, perplexity=5.0, init=start.astype(np.float32), random_state=0, max_iter=space.FIRST)
    np.testing.assert_allclose(found[0], space.sized(rival.fit_transform(placed[0]).astype(np.float64)), atol=1e-6)
    np.testing.assert_array_equal(found, space.neighbours_kept(placed, 5.0))
    np.testing.assert_allclose((found**2).sum(2).mean(1), 1.0)
    assert metrics.neighbour_accuracy(found[1], labels) == 1.0


def test_the_perplexity_fits_the_pictures():
    assert space.perplexity_of(15, 120) == 15.0
    assert space.perplexity_of(40, 31) == 10.0
    assert space.perplexity_of(5, 3) == 1.0


def test_the_plane_of_few_dimensions_is_filled_up(runs):
    run = Outcome(SMALL, {"film/points": np.ones((1, 3, 1), np.float32)})
    assert space.plane(run, "pca", 15).tolist() == [[[1, 0]] * 3]
    assert space.plane(run, "tsne", 15).shape == (1, 3, 2)


@pytest.mark.parametrize("kind", ["pca", "tsne"])
def test_the_look_at_the_features(kind, watched, data):
    spec = replace(SMALL, lens="space", strategy="full", map=kind)
    seen, run = lenses.look(spec, watched), watched["full"]
    film = seen.figures["space"]
    assert len(film.frames) == len(lenses.film(spec, watched)) == 3
    places = run.arrays["film/points"].shape[1]
    assert sum(len(trace["text"]) for trace in film.data) == places
    plane = space.plane(run, kind, spec.perplexity)
    own = np.flatnonzero(data.labels[data.val[watch.sample(len(data.val))]] == 0)
    np.testing.assert_allclose(np.asarray(film.frames[2].data[0]["x"]), plane[2, own, 0], atol=np.ptp(plane) / 250)
    assert ("mean" in film.how_to_read) == (kind == "tsne")
    assert lenses.film(replace(spec, strategy="probe"), {"probe": watched["probe"]}) == []


def test_the_listing_says_the_shapes_and_lights_each_phase(watched, data):
    spec = replace(SMALL, lens="loop", strategy="full")
    seen, lines = lenses.look(spec, watched), loop.listing(spec, data, watched["full"].arrays)
    assert [line.phase for line in lines if line.phase] == list(PHASES)
    figure = seen.figures["loop"]
    assert len(figure.frames) == len(PHASES) == len(lenses.film(spec, watched))
    assert "features (10, 600), logits (10, 6)" in lines[3].passes
    assert f"a gradient for {int(watched['full'].arrays['shape/gradient'][0]):,} weights" in lines[5].passes
    lit = [frame.layout["shapes"][0]["y0"] + 0.5 for frame in figure.frames]
    assert lit == [k for k, line in enumerate(lines) if line.phase]
    taken = loop.seconds(watched["full"].arrays)
    np.testing.assert_allclose(figure.data[2]["x"][2:], [1000 * taken[p] for p in PHASES])
    quiet = lenses.look(spec, watched, clock=False)
    assert "seconds" not in quiet.figures
    assert len(quiet.figures["loop"].data) == 2


def test_a_running_job_lights_the_line_that_was_last_heard_of(told):
    spec = replace(SMALL, strategy="full")
    arrays = {f"full/{n}": v for n, v in told["full"][-2].arrays.items()}
    arrays["spec"] = np.array(json.dumps(spec.as_dict()))
    words, figure = lenses.live_loop(spec, arrays, {"phase": np.array([0.0, 3.0, np.nan])})
    assert "epoch 3 of 2" in words
    assert "Backward" in words
    assert "loss.backward()" in figure.alt
    assert not figure.frames


def test_the_page_s_quick_run_is_watched():
    run = glimpse(SMALL)["probe"]
    assert {"seconds", "film/points", "shape/x"} <= set(run.arrays)


def test_a_report_comes_only_now_and_then(monkeypatch):
    clock = iter([1.0, 1.0, 1.1, 1.3, 1.3])
    monkeypatch.setattr(watch.time, "monotonic", lambda: next(clock))
    seen = Watch()
    assert [seen.due(), seen.due(), seen.due()] == [True, False, True]


def test_the_sample_is_always_the_same(data):
    assert len(watch.sample(500)) == watch.SAMPLE
    assert watch.sample(7).tolist() == list(range(7))
    assert isinstance(Learner(SMALL, data, network(SMALL, 6)).sample, np.ndarray)
