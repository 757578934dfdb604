"""Drift, CKA, shifts, forgetting and costs against closed forms and torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from core.rng import numpy_generator
from core.transfer_tuner import evaluation
from core.transfer_tuner.cost import cost
from core.transfer_tuner.course import Errand, Outcome, examined, measure, outcomes, sizes, smaller, train
from core.transfer_tuner.spec import SHIFTS, STRATEGIES
from core.transfer_tuner.tuning import network, rebuilt, tensor
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
