"""Drift, CKA, shifts, forgetting and costs against closed forms and torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from core.data.example_sets import ExampleSet, photographs
from core.rng import generator, numpy_generator
from core.transfer_tuner import evaluation
from core.transfer_tuner.cost import cost
from core.transfer_tuner.course import Errand, Outcome, examined, measure, outcomes, sizes, smaller, train
from core.transfer_tuner.spec import SHIFTS, STRATEGIES
from core.transfer_tuner.tuning import network, rebuilt, tensor
from models.blocks import init_weights
from models.catalogue import MODELS, load
from models.pretrained import PRETRAINED
from tests.core.transfer_tuner.conftest import SMALL

g = numpy_generator(0, "test evaluation")
X, Y = g.normal(size=(30, 5)), g.normal(size=(30, 7))


def test_cka_is_the_ratio_of_kernel_alignments():
    H = np.eye(30) - 1 / 30
    K, L = H @ X @ X.T @ H, H @ Y @ Y.T @ H
    assert evaluation.cka(X, Y) == pytest.approx(np.trace(K @ L) / np.sqrt(np.trace(K @ K) * np.trace(L @ L)))
    Q, _ = np.linalg.qr(g.normal(size=(5, 5)))
    assert evaluation.cka(X, 3 * X @ Q + 2) == pytest.approx(1.0)
    assert np.isnan(evaluation.cka(X, np.ones((30, 2))))


def test_the_embedding_is_scikit_learn_s_up_to_sign():
    np.testing.assert_allclose(np.abs(evaluation.embedding(X)), np.abs(PCA(2).fit_transform(X)), atol=1e-10)


def test_drift_is_the_length_of_the_change(runs, data):
    run = runs["full"]
    start, end = network(run.spec, 6), rebuilt(run.spec, 6, run.arrays)
    found = evaluation.drift(start, end)
    first, last = start.body.conv2_1, end.body.conv2_1
    change = torch.cat([(a - b).flatten() for a, b in zip(first.parameters(), last.parameters(), strict=True)])
    whole = torch.cat([p.flatten() for p in first.parameters()])
    assert found[2] == pytest.approx((change.norm() / whole.norm()).item())
    assert found.shape == (4,)
    assert (evaluation.drift(start, rebuilt(runs["probe"].spec, 6, runs["probe"].arrays)) == 0).all()


def test_block_outputs_are_the_layers_means(data):
    net = network(SMALL, 6)
    found = evaluation.block_outputs(net, data.pictures[:3], SMALL)
    with torch.no_grad():
        maps = net.body.conv1_1(tensor(data.pictures[:3], SMALL))
    np.testing.assert_allclose(found[0], maps.mean((2, 3)).numpy(), rtol=1e-12)
    assert found[-1].shape == (3, 600)
    assert not any(m._forward_hooks for m in net.modules())


@pytest.mark.parametrize("kind", SHIFTS)
def test_shifts_leave_level_0_alone_and_change_the_rest(kind, data):
    some = data.pictures[:4]
    assert evaluation.shifted(some, kind, 0) is some
    changes = [np.abs(evaluation.shifted(some, kind, k).astype(float) - some).mean() for k in (1, 4)]
    assert 0 < changes[0] < changes[1]
    np.testing.assert_array_equal(evaluation.shifted(some, kind, 3, 1), evaluation.shifted(some, kind, 3, 1))


def test_hue_turns_about_grey():
    R = evaluation.turned_hue(120)
    np.testing.assert_allclose(R @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(evaluation.turned_hue(37) @ [1, 1, 1], [1, 1, 1])
    np.testing.assert_allclose(evaluation.turned_hue(37) @ evaluation.turned_hue(37).T, np.eye(3), atol=1e-12)


def test_a_probe_forgets_nothing_and_keeps_its_body(runs, data):
    found = examined(runs["probe"], data, "forget")
    np.testing.assert_allclose(found["source_end"], found["source_before"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(examined(runs["probe"], data, "moved")["cka"], 1.0)
    changed = examined(runs["full"], data, "forget")
    assert np.abs(changed["source_end"] - changed["source_before"]).max() > 1e-3


def test_forgetting_is_the_old_last_layer_on_the_new_body(runs, monkeypatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    net = rebuilt(runs["full"].spec, 6, runs["full"].arrays)
    whole = load("tinyvgg-cifar10").double()
    x = MODELS["tinyvgg-cifar10"].normalise(torch.from_numpy(photographs())).double()
    with torch.no_grad():
        by_hand = [whole(x), whole.classifier(net.body(x))]
    found = evaluation.forgetting(runs["full"].spec, net)
    assert set(found) == {"source_before", "source_end"}
    for name, expected in zip(found, by_hand, strict=True):
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-9)


def test_known_test_pictures_are_counted(runs, monkeypatch):
    pictures = photographs()[:7]
    x = MODELS["tinyvgg-cifar10"].normalise(torch.from_numpy(pictures)).double()
    with torch.no_grad():
        labels = load("tinyvgg-cifar10").double()(x).argmax(1).numpy()
    labels[:2] = (labels[:2] + 1) % 10
    monkeypatch.setattr(evaluation, "example_set", lambda name, count: ExampleSet(pictures, labels, "theirs"))
    found = evaluation.forgetting(runs["probe"].spec, rebuilt(runs["probe"].spec, 6, runs["probe"].arrays))
    np.testing.assert_allclose(found["source_accuracy"], [5 / 7, 5 / 7])
    assert len(found["source_before"]) == len(photographs())


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "mobilenet_v3_small"])
def test_an_imagenet_body_fits_its_old_network(name, runs, monkeypatch):
    g = generator(0, "test forgetting")
    monkeypatch.setattr(evaluation, "plain", lambda n: init_weights(PRETRAINED[n].build(), g).eval())
    monkeypatch.setattr(evaluation, "squares", lambda side: np.zeros((2, 3, 64, 64), np.float32) + 0.3)
    spec = replace(SMALL, backbone=name, strategy="scratch")
    net = network(spec, 3)
    found = evaluation.forgetting(spec, net)
    assert found["source_end"].shape == (2, 1000)
    assert np.isfinite(found["source_end"]).all()
    assert np.abs(found["source_end"] - found["source_before"]).max() > 0


def test_a_drawing_takes_the_form_of_mnist():
    ink = np.zeros((280, 280))
    ink[100:180, 10:50] = 0.5  # off the middle and pale: 80 by 40
    found = evaluation.like_digits(ink, "mnist")
    expected = np.zeros((28, 28))
    expected[4:24, 9:19] = 255
    np.testing.assert_array_equal(found, np.repeat(expected[:, :, None], 3, axis=2))
    assert not evaluation.like_digits(np.zeros((9, 9)), "mnist").any()


def test_a_drawing_takes_the_form_of_scikit_learn_s_digits():
    ink = np.zeros((280, 280))
    ink[100:180, 10:50] = 1.0
    found = evaluation.like_digits(ink, "digits")
    by = round(evaluation.WIDER * 80 / 8)
    side, width = 80 + 2 * by, 40 + 2 * by  # after widening
    cell = side / 8
    covered = np.clip((width / 2 - np.abs(np.arange(8) - 3.5) * cell) / cell + 0.5, 0, 1)
    np.testing.assert_allclose(found[:, :, 0], np.tile(255 * covered, (8, 1)), atol=255 * 1.5 / cell)
    assert not evaluation.like_digits(np.zeros((9, 9)), "digits").any()


def test_ink_is_widened_by_as_much_on_all_sides():
    ink = np.zeros((9, 9))
    ink[4, 4] = 1.0
    wide = evaluation.widened(ink, 2)
    assert wide.shape == (13, 13)
    assert wide.sum() == 25
    assert wide[4:9, 4:9].all()
    np.testing.assert_array_equal(evaluation.widened(ink, 0), ink)


def test_the_unshifted_accuracy_is_the_run_s(runs, data):
    found = examined(runs["probe"], data, "shift")
    accuracy = (runs["probe"].arrays["logits_val"].argmax(1) == data.labels[data.val]).mean()
    assert {found[f"shift/{kind}"][0] for kind in SHIFTS} == {accuracy}


def test_nearest_is_by_angle():
    rows, cosine = evaluation.nearest(X, 2 * X[4])
    assert rows[0] == 4
    assert cosine[0] == pytest.approx(1.0)
    assert (np.diff(cosine) <= 0).all()


def test_costs_by_hand(data):
    """TinyVGG at 32 pixels, width w: 2 x multiply-adds of its four convolutions and of the head."""
    found = {s: cost(replace(SMALL, strategy=s), data) for s in STRATEGIES}
    w = network(SMALL, 6).body.conv1_1.out_channels
    convolutions = 2 * (30**2 * 27 + 28**2 * 9 * w + 12**2 * 9 * w + 10**2 * 9 * w) * w
    head = 2 * 25 * w * 6
    n, N = len(data.train), len(data.labels)
    # a head's training step: forward and the gradient of its weights; no gradient of the features is asked for
    assert found["probe"].flops == pytest.approx(
        N * convolutions + SMALL.epochs * (n * 2 * head + (N - n) * 2 * head / 3)
    )
    assert found["probe"].trainable == 25 * w * 6 + 6
    assert found["full"].trainable == found["full"].parameters == found["scratch"].parameters
    assert found["probe"].bytes < found["partial"].bytes < found["full"].bytes
    assert found["probe"].flops < found["partial"].flops < found["full"].flops


def test_smaller_tasks_are_even_and_keep_the_validation_pictures(data):
    steps = sizes(data)
    assert steps[0] == 1
    for n in steps:
        part = smaller(data, n, 0)
        assert np.bincount(part.labels[part.train], minlength=6).max() <= n
        np.testing.assert_array_equal(part.val, data.val)
        assert set(part.train) <= set(data.train)


def test_a_job_tells_all_strategies(pictures):
    spec = replace(SMALL, epochs=1, run="all")
    *_, last = train(Errand(spec))
    found = outcomes(last.arrays)
    assert list(found) == list(STRATEGIES)
    assert all(isinstance(run, Outcome) and run.done and "cka" in run.arrays for run in found.values())
    assert found["scratch"].spec == replace(spec, strategy="scratch")
    assert last.step == last.total


def test_learning_curves_fill_from_the_quickest(pictures):
    snapshots = [s for s, _ in zip(measure(Errand(replace(SMALL, epochs=1))), range(3), strict=False)]
    assert [int(np.isfinite(s.arrays["accuracy"]).sum()) for s in snapshots] == [1, 2, 3]
    assert np.isfinite(snapshots[-1].arrays["accuracy"][0, :3]).all()
