"""The encoder-decoders against their papers' equations, written out number by number in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.rng import generator
from models.seq2seq import KINDS, Seq2Seq, own_tokens, seq2seq, some_true_tokens, true_tokens

SOURCE, TARGET, H = 5, 4, 3
X = torch.tensor([[0, 3, 1, 4], [2, 2, 0, 1]])
Y = torch.tensor([[1, 0, 3], [2, 2, 0]])


def model(kind: str) -> Seq2Seq:
    return seq2seq(kind, SOURCE, TARGET, H, generator(0, "weights")).double()


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def gru(x: np.ndarray, h: np.ndarray, W: list[np.ndarray]) -> np.ndarray:
    """Cho et al. 2014, eq. 5 to 8, in torch's form: the reset gate acts after the product."""
    w_ih, w_hh, b_ih, b_hh = W
    ir, iz, i_n = np.split(w_ih @ x + b_ih, 3)
    hr, hz, hn = np.split(w_hh @ h + b_hh, 3)
    r, z = sigmoid(ir + hr), sigmoid(iz + hz)
    return (1 - z) * np.tanh(i_n + r * hn) + z * h


def by_hand(kind: str, weights: dict[str, np.ndarray], x: list[int], heard: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Logits and alpha of one source, hearing the tokens `heard` from the first to the last but one."""
    w = weights
    both = [
        [w[f"encoder.{n}_l0{end}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        for end in ("", "_reverse")
    ]
    E = w["read.weight"][x]
    forward, backward = [], []
    for states, W, order in ((forward, both[0], E), (backward, both[1], E[::-1])):
        h = np.zeros(H)
        for e in order:
            h = gru(e, h, W)
            states.append(h)
    h = np.concatenate([forward, backward[::-1]], axis=1)
    s = np.tanh(w["W_s.weight"] @ np.concatenate([forward[-1], backward[-1]]) + w["W_s.bias"])
    decoder = [w[f"decoder.{n}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    logits, alphas = [], []
    for y in [TARGET, *heard]:
        e_y = w["say.weight"][y]
        alpha = np.zeros(len(x))
        if kind == "none":
            s = gru(e_y, s, decoder)
            out = s
        elif kind == "bahdanau":
            e = np.array(
                [
                    (w["attention.v.weight"] @ np.tanh(w["attention.W.weight"] @ s + w["attention.U.weight"] @ h_j))[0]
                    for h_j in h
                ]
            )
            alpha = np.exp(e) / np.exp(e).sum()
            c = sum(a * h_j for a, h_j in zip(alpha, h, strict=True))
            s = gru(np.concatenate([e_y, c]), s, decoder)
            out = np.concatenate([s, c, e_y])
        else:
            s = gru(e_y, s, decoder)
            e = np.array([s @ w["attention.W.weight"] @ h_j for h_j in h])
            alpha = np.exp(e) / np.exp(e).sum()
            c = sum(a * h_j for a, h_j in zip(alpha, h, strict=True))
            out = np.tanh(w["W_c.weight"] @ np.concatenate([c, s]) + w["W_c.bias"])
        logits.append(w["W_o.weight"] @ out + w["W_o.bias"])
        alphas.append(alpha)
    return np.array(logits), np.array(alphas)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_follows_its_equations(kind: str) -> None:
    net = model(kind)
    weights = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    with torch.no_grad():
        logits, said, alpha = net.unroll(X, 3, true_tokens(Y))
    assert torch.equal(said, Y)
    for row in range(2):
        wanted, looked = by_hand(kind, weights, X[row].tolist(), Y[row, :-1].tolist())
        np.testing.assert_allclose(logits[row], wanted, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(alpha[row], looked, rtol=1e-10, atol=1e-13)
    sums = alpha.sum(2)
    assert torch.allclose(sums, torch.zeros_like(sums) if kind == "none" else torch.ones_like(sums))


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_teacher_with_ratio_1_or_0_is_the_truth_or_oneself(kind: str) -> None:
    net = model(kind)
    with torch.no_grad():
        for ratio, say in ((1.0, true_tokens(Y)), (0.0, own_tokens)):
            mixed = net.unroll(X, 3, some_true_tokens(Y, ratio, generator(0, "heard")))
            for a, b in zip(mixed, net.unroll(X, 3, say), strict=True):
                assert torch.equal(a, b)
    z = torch.zeros(4000, 3)
    z[:, 2] = 1
    heard = some_true_tokens(torch.zeros(4000, 1, dtype=torch.long), 0.25, generator(0, "heard"))(0, z)
    assert (heard == 0).double().mean() == pytest.approx(0.25, abs=0.03)
    assert set(heard.tolist()) == {0, 2}


def test_without_attention_the_ends_are_all_that_counts() -> None:
    """Sources whose end states agree get the same answer, whatever the states between are."""
    net = model("none")
    with torch.no_grad():
        h, s = net.encode(X)
        changed = h.clone()
        changed[:, 1:-1] += 1.0
        y = torch.full((2,), net.begin)
        assert torch.equal(net.step(y, s, h)[0], net.step(y, s, changed)[0])
        other = model("luong")
        assert not torch.equal(other.step(y, s, h)[0], other.step(y, s, changed)[0])


def test_an_unknown_attention_is_refused() -> None:
    with pytest.raises(ExplainerError, match="none, bahdanau or luong"):
        seq2seq("dot", 3, 3, 4, generator(0, "weights"))
