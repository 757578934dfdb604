"""Skip-gram against torch's gradients and Adam, the closed form of its minimum, and counts made by hand."""

from __future__ import annotations

from itertools import islice, repeat

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.nn import functional as F

from core.rng import numpy_generator
from core.text_tokens import embeddings as e
from core.text_tokens import texts

SENTENCES = [["a", "b", "c", "a"], ["b", "a"], ["rare", "a", "c", "c"], ["b"]]
WORDS = ["a", "b", "c"]


def problem(V: int = 7, d: int = 4) -> tuple:
    g = np.random.default_rng(0)
    A, B = g.random((V, V)), g.random((V, V))
    return g.normal(size=(V, d)), g.normal(size=(V, d)), A / A.sum(), 3 * B / B.sum()


def in_torch(U, V, A, B):
    x = U @ V.T
    return -(A * F.logsigmoid(x) + B * F.logsigmoid(-x)).sum()


def test_loss_and_gradient_are_torch_s():
    U, V, A, B = problem()
    tU, tV = (torch.tensor(x, requires_grad=True) for x in (U, V))
    loss = in_torch(tU, tV, torch.tensor(A), torch.tensor(B))
    loss.backward()
    assert e.loss(U, V, A, B) == pytest.approx(loss.item(), rel=1e-13)
    dU, dV = e.gradient(U, V, A, B)
    np.testing.assert_allclose(dU, tU.grad.numpy(), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(dV, tV.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_loss_stands_far_products():
    U, V = np.array([[1000.0], [-1000.0]]), np.array([[1.0], [1.0]])
    half = np.full((2, 2), 0.25)
    assert e.loss(U, V, half, 0 * half) == pytest.approx(500.0)
    assert np.isfinite(e.gradient(U, V, half, half)[0]).all()


def test_steps_are_torch_s_adam():
    counts = e.pair_counts(texts.world(0)[:60], e.known_words(texts.world(0)[:60], 30), 2)
    A, B = e.expected(counts, 4)
    *_, last = islice(e.descend(counts, 5, 0.07, repeat((A, B)), numpy_generator(0, "v")), 21)
    first = next(e.descend(counts, 5, 0.07, repeat((A, B)), numpy_generator(0, "v")))
    theta = torch.tensor(first, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.07)
    for _ in range(20):
        optimizer.zero_grad()
        in_torch(*theta.split(len(counts)), torch.tensor(A), torch.tensor(B)).backward()
        optimizer.step()
    np.testing.assert_allclose(last, theta.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_pairs_are_those_within_the_window():
    assert e.known_words(SENTENCES, 9) == ["a", "b", "c"]
    assert e.known_words(SENTENCES, 2) == ["a", "b"]
    np.testing.assert_array_equal(e.pair_counts(SENTENCES, WORDS, 1), [[0, 2, 2], [2, 0, 1], [2, 1, 2]])
    for window in (1, 2, 5):
        slow = np.zeros((3, 3))
        for sentence in SENTENCES:
            for i, w in enumerate(sentence):
                for j, c in enumerate(sentence):
                    if 0 < abs(i - j) <= window and w in WORDS and c in WORDS:
                        slow[WORDS.index(w), WORDS.index(c)] += 1
        np.testing.assert_array_equal(e.pair_counts(SENTENCES, WORDS, window), slow)


def test_noise_is_the_frequency_to_the_three_quarters():
    counts = np.array([[0.0, 3], [3, 10]])
    assert e.noise(counts)[1] / e.noise(counts)[0] == pytest.approx((13 / 3) ** 0.75)
    np.testing.assert_allclose(e.noise(counts, 1.0), [3 / 16, 13 / 16])


def test_batches_are_the_expected_weights_on_average():
    counts = e.pair_counts(SENTENCES, WORDS, 3)
    A, B = e.expected(counts, 2)
    assert (A.sum(), B.sum()) == (pytest.approx(1), pytest.approx(2))
    drawn = [*islice(e.sampled(counts, 2, numpy_generator(0, "pairs")), 600)]
    for mean, wanted in zip(np.mean(drawn, axis=0), (A, B), strict=True):
        np.testing.assert_allclose(mean, wanted, atol=4 * np.sqrt(2 * wanted.max() / (600 * e.BATCH)))
    assert all(a.sum() == pytest.approx(1) and b.sum() == pytest.approx(2) for a, b in drawn[:5])


def test_the_minimum_is_shifted_mutual_information():
    """Levy & Goldberg 2014, eq. 7, with P(c) the plain frequency and vectors as long as the vocabulary."""
    g = np.random.default_rng(3)
    counts = g.integers(3, 40, (5, 5)).astype(float)
    counts = counts + counts.T
    k = 3
    A, B = e.expected(counts, k, power=1.0)
    *_, last = islice(e.descend(counts, 5, 0.03, repeat((A, B)), np.random.default_rng(0)), 6001)
    U, V = np.split(last, 2)
    one = counts.sum(axis=1)
    wanted = np.log(counts * counts.sum() / np.outer(one, one)) - np.log(k)
    np.testing.assert_allclose(U @ V.T, wanted, atol=1e-4)
    assert abs(np.concatenate(e.gradient(U, V, A, B))).max() < 1e-6


def test_neighbours_and_analogies_are_the_largest_cosines():
    g = np.random.default_rng(1)
    X = g.normal(size=(9, 3))
    X[4] = 0
    cos = lambda u, v: float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))  # noqa: E731
    unit = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    near = e.neighbours(X, 2, 3)
    slow = sorted(((cos(X[2], X[i]) if i != 4 else 0.0, i) for i in range(9) if i != 2), reverse=True)
    assert [i for i, _ in near] == [i for _, i in slow[:3]]
    assert near[0][1] == pytest.approx(slow[0][0])
    d, cosine = e.analogy(X, 0, 1, 2, 1)[0]
    target = unit[1] - unit[0] + unit[2]
    assert d not in (0, 1, 2)
    assert cosine == pytest.approx(max(cos(target, X[i]) for i in (3, 5, 6, 7, 8)))
    assert cos(target, X[d]) == pytest.approx(cosine)


def test_a_lattice_of_words_answers_every_analogy():
    X = np.array([[*np.eye(3)[i], *np.eye(2)[j]] for i in range(3) for j in range(2)])
    assert e.analogy_score(X, [(0, 1), (2, 3), (4, 5)]) == (6, 6)


def test_the_plane_is_scikit_learn_s():
    X = np.random.default_rng(2).normal(size=(20, 6)) * [5, 3, 1, 1, 1, 0.1]
    axes, mean, share = e.plane(X)
    theirs = PCA(2).fit(X)
    np.testing.assert_allclose(np.abs(axes @ theirs.components_.T), np.eye(2), atol=1e-10)
    np.testing.assert_allclose(mean, theirs.mean_)
    assert share == pytest.approx(theirs.explained_variance_ratio_.sum())
    assert (axes[np.arange(2), np.abs(axes).argmax(axis=1)] > 0).all()
    assert e.plane(np.ones((4, 3)))[2] == 0.0


def test_the_small_world_s_relations_hold_in_its_sentences():
    sentences = texts.world(0)
    assert sentences == texts.world(0) != texts.world(1)
    words = {word for sentence in sentences for word in sentence}
    for pairs in texts.RELATIONS.values():
        assert all(a in words and b in words for a, b in pairs)
    assert texts.sentences_of("A b! C 3 d.\ne") == [["a", "b"], ["c", "d"], ["e"]]
