"""What padding does to a model that does not know which tokens are padding, measured on a small reader trained live.

Sentences of n_i tokens become a rectangle by adding token 0 until all have T; the mask m_it is 1 for a token, 0 for padding. With e_t the
embedding of token t, a reader makes one vector h of a sentence and answers p(positive) = s(w2 . tanh(W1 h + b1) + b2):

    mean        h = sum_t m_t e_t / sum_t m_t
    attention   h = sum_t a_t e_t,    a_t = m_t exp(q . e_t) / sum_s m_s exp(q . e_s)
    gru         h = the state after the last token with m_t = 1, padding being skipped; nn.GRU's equations

Without a mask m_t = 1 everywhere. With one, the answer is the same for every amount of padding. Sentences are drawn from a small
grammar; one is positive if its adjective is, and a "not" turns it round. All in float64.

Sources: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014 (the GRU); the mask in the softmax: A. Vaswani
et al., "Attention is all you need", NeurIPS 2017, section 3.2.3; first weights: torch's own ranges, from one generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.rng import generator, numpy_generator

POSITIVE = ("good", "great", "lovely", "brilliant")
NEGATIVE = ("bad", "awful", "boring", "dull")
SUBJECTS = ("the film", "the story", "the ending", "her acting", "the music")
BEFORE = (
    "",
    "we saw it last week and",
    "my brother said that",
    "to be honest",
    "after all these years I think that",
    "well",
)
HOW = ("", "very", "really", "at all")
VOCABULARY = ("<pad>", *sorted({word for part in (POSITIVE, NEGATIVE, SUBJECTS, BEFORE, HOW, ("was", "not")) for phrase in part for word in phrase.split()}))  # fmt: skip

D, HIDDEN = 12, 8  # numbers in an embedding and in h of the GRU, units of the answer
STEPS, BATCH, RATE = 150, 32, 0.03
NEGATED = 0.25  # share of sentences with a "not"
TRAIN, TEST = 600, 300  # sentences
AMOUNTS = (0, 1, 2, 4, 8, 12, 16, 24, 32, 40)  # padding tokens
KINDS = ("mean", "attention", "gru")
WAYS = ("trained and read with the mask", "trained with it, read without", "trained and read without")


class Sentences(NamedTuple):
    """Token numbers of each sentence, and whether it is positive."""

    tokens: list[list[int]]
    positive: list[bool]


def sentences(count: int, seed: int, part: str) -> Sentences:
    """So many sentences of the grammar."""
    g = numpy_generator(seed, "reviews", part)
    tokens, positive = [], []
    for _ in range(count):
        good, turned = bool(g.integers(2)), bool(g.random() < NEGATED)
        adjective = (POSITIVE if good else NEGATIVE)[g.integers(4)]
        parts = (BEFORE[g.integers(len(BEFORE))], SUBJECTS[g.integers(5)], "was", "not" * turned, HOW[g.integers(3)], adjective, HOW[3] * (g.random() < 0.2))  # fmt: skip
        tokens.append([VOCABULARY.index(word) for word in " ".join(parts).split()])
        positive.append(good != turned)
    return Sentences(tokens, positive)


def padded(rows: Sequence[Sequence[int]], extra: int = 0, side: str = "right") -> tuple[Tensor, Tensor]:
    """Tokens and mask (N, T), T the longest row and `extra` more."""
    T = max(len(row) for row in rows) + extra
    fill = [[0] * (T - len(row)) for row in rows]
    ones = [[1] * len(row) for row in rows]
    both = [(rows, fill), (ones, fill)] if side == "right" else [(fill, rows), (fill, ones)]
    tokens, mask = ([[*a, *b] for a, b in zip(*pair, strict=True)] for pair in both)
    return torch.tensor(tokens), torch.tensor(mask, dtype=torch.float64)


class Reader(nn.Module):
    """One vector of a sentence, and the logit that it is positive."""

    def __init__(self, kind: str, size: int, g: torch.Generator) -> None:
        super().__init__()
        self.kind = kind
        self.embedding = nn.Embedding(size, D, dtype=torch.float64)
        self.query = nn.Parameter(torch.empty(D, dtype=torch.float64))
        self.gru = nn.GRU(D, D, batch_first=True, dtype=torch.float64)
        self.hidden = nn.Linear(D, HIDDEN, dtype=torch.float64)
        self.answer = nn.Linear(HIDDEN, 1, dtype=torch.float64)
        for weights in self.parameters():
            nn.init.uniform_(weights, -(D**-0.5), D**-0.5, generator=g)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Logits (N,) of tokens (N, T); without a mask padding is read like a word."""
        m = torch.ones(tokens.shape, dtype=torch.float64) if mask is None else mask
        return self.answer(torch.tanh(self.hidden(self.summary(tokens, m))))[:, 0]

    def summary(self, tokens: Tensor, m: Tensor) -> Tensor:
        """h (N, D)."""
        if self.kind == "gru":
            front = torch.argsort(1 - m, dim=1, stable=True)  # tokens to the front, padding behind them
            states = self.gru(self.embedding(tokens.gather(1, front)))[0]
            return states[torch.arange(len(m)), m.sum(1).long() - 1]
        e = self.embedding(tokens)
        scores = e @ self.query if self.kind == "attention" else torch.zeros_like(m)
        a = torch.softmax(scores.masked_fill(m == 0, -torch.inf), dim=1)
        return (a[:, :, None] * e).sum(1)


def trained(kind: str, with_mask: bool, side: str, seed: int) -> Reader:
    """A reader after STEPS steps of Adam on batches that are padded to their longest sentence."""
    reader = Reader(kind, len(VOCABULARY), generator(seed, "reader"))
    known = sentences(TRAIN, seed, "train")
    optimizer = torch.optim.Adam(reader.parameters(), lr=RATE)
    order = numpy_generator(seed, "order")
    for _ in range(STEPS):
        some = order.integers(TRAIN, size=BATCH)
        tokens, mask = padded([known.tokens[i] for i in some], 0, side)
        y = torch.tensor([float(known.positive[i]) for i in some], dtype=torch.float64)
        loss = F.binary_cross_entropy_with_logits(reader(tokens, mask if with_mask else None), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return reader


def readers(kind: str, side: str, seed: int) -> dict[str, tuple[Reader, bool]]:
    """Each way to treat padding: its reader, and whether it is given the mask."""
    knows, ignores = trained(kind, True, side, seed), trained(kind, False, side, seed)
    return dict(zip(WAYS, ((knows, True), (knows, False), (ignores, False)), strict=True))


@torch.no_grad()
def answers(reader: Reader, rows: Sequence[Sequence[int]], extra: int, with_mask: bool, side: str) -> np.ndarray:
    """p(positive) of sentences that are each padded by exactly `extra` tokens: sentences of one length are read together."""
    p = np.empty(len(rows))
    for n in {len(row) for row in rows}:
        here = [i for i, row in enumerate(rows) if len(row) == n]
        tokens, mask = padded([rows[i] for i in here], extra, side)
        p[here] = torch.sigmoid(reader(tokens, mask if with_mask else None)).numpy()
    return p


def measure(ways: Mapping[str, tuple[Reader, bool]], side: str, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each way: accuracy, and mean |p - p without padding|, on test sentences for each of AMOUNTS."""
    test = sentences(TEST, seed, "test")
    y = np.array(test.positive)
    found = {}
    for way, (reader, with_mask) in ways.items():
        p = np.stack([answers(reader, test.tokens, n, with_mask, side) for n in AMOUNTS])
        found[way] = (((p > 0.5) == y).mean(axis=1), np.abs(p - p[0]).mean(axis=1))
    return found
