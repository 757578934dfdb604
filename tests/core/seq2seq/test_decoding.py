"""Beam search against looking at every answer there is, and against a beam that starts from scratch for each beginning."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from core.rng import generator
from core.seq2seq.decoding import answer_of, beam, finals, own_but
from models.seq2seq import KINDS, Seq2Seq, own_tokens, seq2seq, true_tokens

V, N = 3, 4
X = torch.tensor([[0, 2, 1, 1, 3]])


def model(kind: str, seed: int) -> Seq2Seq:
    net = seq2seq(kind, 4, V, 6, generator(seed, "weights")).double()
    with torch.no_grad():
        net.W_o.weight *= 6  # sharper answers than those of an untrained model
        net.say.weight *= 6
    return net


@torch.no_grad()
def log_p(net: Seq2Seq, tokens: tuple[int, ...]) -> float:
    logits, _, _ = net.unroll(X, len(tokens), true_tokens(torch.tensor([tokens])))
    return float(torch.log_softmax(logits, 2)[0, range(len(tokens)), list(tokens)].sum())


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("seed", [0, 1])
def test_a_wide_beam_finds_what_brute_force_finds(kind: str, seed: int) -> None:
    net = model(kind, seed)
    every = sorted(((log_p(net, tokens), tokens) for tokens in product(range(V), repeat=N)), reverse=True)
    nodes = beam(net, X, N, V**N)
    assert len(finals(nodes)) == V**N
    for at, (wanted, _) in zip(finals(nodes), every, strict=True):
        assert nodes[at].log_p == pytest.approx(wanted, rel=1e-10)
        assert log_p(net, tuple(answer_of(nodes, at))) == pytest.approx(wanted, rel=1e-10)
    assert tuple(answer_of(nodes, finals(nodes)[0])) == every[0][1]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_a_narrow_beam_keeps_the_best_beginnings_of_each_place(kind: str, width: int) -> None:
    net = model(kind, 2)
    kept: list[tuple[int, ...]] = [()]
    for _ in range(N):
        longer = [(*tokens, t) for tokens in kept for t in range(V)]
        kept = sorted(longer, key=lambda tokens: -log_p(net, tokens))[:width]
    nodes = beam(net, X, N, width)
    assert [tuple(answer_of(nodes, at)) for at in finals(nodes)] == kept
    assert [nodes[at].log_p for at in finals(nodes)] == pytest.approx([log_p(net, tokens) for tokens in kept])


def test_a_beam_of_one_is_greedy_and_a_wider_one_is_never_worse_when_it_sees_everything() -> None:
    for seed in range(6):
        net = model("none", seed)
        with torch.no_grad():
            _, said, _ = net.unroll(X, N, own_tokens)
        one, all_ = beam(net, X, N, 1), beam(net, X, N, V ** (N - 1))
        assert answer_of(one, finals(one)[0]) == said[0].tolist()
        assert all_[finals(all_)[0]].log_p >= one[-1].log_p - 1e-12


def test_one_token_is_forced_and_the_rest_is_greedy() -> None:
    net = model("luong", 1)
    with torch.no_grad():
        logits, said, _ = net.unroll(X, N, own_but(1, 2))
        _, free, _ = net.unroll(X, N, own_tokens)
    assert said[0, 1] == 2
    assert said[0, 0] == free[0, 0]
    assert said[0, 2:].tolist() == logits[0, 2:].argmax(1).tolist()
