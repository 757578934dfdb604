"""The readers against their formulas token by token; with the mask padding changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.rng import generator
from core.text_tokens import padding as p

ROWS = [[3, 1, 4], [5], [9, 2, 6, 5, 3]]


def reader(kind: str) -> p.Reader:
    return p.Reader(kind, len(p.VOCABULARY), generator(0, "reader"))


def by_hand(net: p.Reader, row: list[int]) -> float:
    """p(positive) of one sentence, with a GRU written out (torch.nn.GRU's documentation)."""
    E = net.embedding.weight[row]
    if net.kind == "mean":
        h = E.sum(0) / len(row)
    elif net.kind == "attention":
        a = torch.exp(E @ net.query)
        h = (a[:, None] * E).sum(0) / a.sum()
    else:
        h = torch.zeros(p.D, dtype=torch.float64)
        g = net.gru
        for x in E:
            ir, iz, inn = (g.weight_ih_l0 @ x + g.bias_ih_l0).split(p.D)
            hr, hz, hn = (g.weight_hh_l0 @ h + g.bias_hh_l0).split(p.D)
            r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
            n = torch.tanh(inn + r * hn)
            h = (1 - z) * n + z * h
    z = net.answer.weight @ torch.tanh(net.hidden.weight @ h + net.hidden.bias) + net.answer.bias
    return torch.sigmoid(z).item()


@pytest.mark.parametrize("kind", p.KINDS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_with_the_mask_every_reader_follows_its_formula_at_any_padding(kind: str, side: str) -> None:
    net = reader(kind)
    wanted = [by_hand(net, row) for row in ROWS]
    for extra in (0, 1, 7):
        np.testing.assert_allclose(p.answers(net, ROWS, extra, True, side), wanted, rtol=1e-12)
        tokens, mask = p.padded(ROWS, extra, side)
        np.testing.assert_allclose(torch.sigmoid(net(tokens, mask)).detach(), wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", p.KINDS)
def test_without_the_mask_padding_is_read_like_a_word(kind: str) -> None:
    net = reader(kind)
    for side, before, behind in (("right", 0, 4), ("left", 4, 0)):
        wanted = [by_hand(net, [0] * before + row + [0] * behind) for row in ROWS]
        np.testing.assert_allclose(p.answers(net, ROWS, 4, False, side), wanted, rtol=1e-12)
    assert p.answers(net, ROWS, 0, False, "right") == pytest.approx([by_hand(net, row) for row in ROWS])


def test_a_batch_is_a_rectangle_with_a_mask() -> None:
    tokens, mask = p.padded([[7, 8], [9]], 1, "right")
    assert tokens.tolist() == [[7, 8, 0], [9, 0, 0]]
    assert mask.tolist() == [[1, 1, 0], [1, 0, 0]]
    tokens, mask = p.padded([[7, 8], [9]], 1, "left")
    assert tokens.tolist() == [[0, 7, 8], [0, 0, 9]]
    assert mask.tolist() == [[0, 1, 1], [0, 0, 1]]


def test_a_review_is_positive_by_its_adjective_and_its_not() -> None:
    found = p.sentences(200, 0, "test")
    for row, positive in zip(found.tokens, found.positive, strict=True):
        words = [p.VOCABULARY[i] for i in row]
        assert positive == (any(word in p.POSITIVE for word in words) != ("not" in words))
        assert 0 not in row
    assert found == p.sentences(200, 0, "test") != p.sentences(200, 0, "train")
    assert 0.3 < np.mean(found.positive) < 0.7
    assert 0.15 < np.mean([p.VOCABULARY.index("not") in row for row in found.tokens]) < 0.35


def test_the_gru_learns_and_padding_without_a_mask_undoes_it() -> None:
    """On a shorter list of amounts the measured curves are the answers' own accuracy."""
    ways = p.readers("gru", "right", 0)
    found = p.measure(ways, "right", 0)
    accuracy, change = found[p.WAYS[0]]
    assert accuracy[0] > 0.95
    assert (accuracy == accuracy[0]).all()
    assert change.max() < 1e-12
    lost, moved = found[p.WAYS[1]]
    assert lost[0] == accuracy[0]
    assert lost[-1] < 0.7
    assert moved[-1] > 0.3
    test = p.sentences(p.TEST, 0, "test")
    net, _ = ways[p.WAYS[1]]
    said = p.answers(net, test.tokens, p.AMOUNTS[-1], False, "right")
    assert lost[-1] == np.mean((said > 0.5) == np.array(test.positive))
    assert moved[-1] == pytest.approx(np.abs(said - p.answers(net, test.tokens, 0, True, "right")).mean(), rel=1e-9)
