"""Counting as a rival: which character follows the last n − 1 of them, as often as it was seen.

With c(u x) how often x followed u, c(u) how often u was followed by anything, and t(u) by how many different signs, each order leans on the one below:

    p_n(x | u) = (c(u x) + t(u) p_{n−1}(x | u')) / (c(u) + t(u)),    u' is u without its first sign,    p_0 = 1 / V

(I. H. Witten & T. C. Bell, IEEE Transactions on Information Theory 37, 1991, method C, interpolated.) Where u was never seen, p_n = p_{n−1}.

Models of a text are judged on `judged(corpus)`: chunks of its held-out end, of whose first `warm` characters nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.data.corpora import Corpus

ORDERS = (1, 2, 3, 4, 5)
CHUNKS, WARM, COUNTED = 24, 32, 96  # held-out text that is judged


class Counts:
    """All counts up to order `most` of a text of codes below `signs`."""

    def __init__(self, codes: Int[np.ndarray, " N"], signs: int, most: int = ORDERS[-1]) -> None:
        self.signs, self.most = signs, most
        self._grams, self._seen, self._contexts, self._total, self._kinds = [], [], [], [], []
        for n in range(1, most + 1):
            grams, counts = np.unique(self._keys(codes, n), return_counts=True)
            contexts, first = np.unique(grams // signs, return_index=True)
            self._grams.append(grams)
            self._seen.append(counts)
            self._contexts.append(contexts)
            self._total.append(np.add.reduceat(counts, first))
            self._kinds.append(np.diff(np.append(first, len(grams))))

    def _keys(self, codes: Int[np.ndarray, " N"], n: int) -> Int[np.ndarray, " M"]:
        """Every n signs in a row as one number."""
        keys = np.zeros(len(codes) - n + 1, np.int64)
        for k in range(n):
            keys = keys * self.signs + codes[k : len(codes) - n + 1 + k]
        return keys

    def probability(
        self, order: int, contexts: Int[np.ndarray, "M n"], following: Int[np.ndarray, " M"]
    ) -> Float[np.ndarray, " M"]:
        """p_order of each following sign after its context, whose columns are the last order − 1 signs or more."""
        p = np.full(len(following), 1 / self.signs)
        for n in range(1, order + 1):
            u = np.zeros(len(following), np.int64)
            for k in range(n - 1):
                u = u * self.signs + contexts[:, contexts.shape[1] - n + 1 + k]
            seen = _lookup(self._grams[n - 1], self._seen[n - 1], u * self.signs + following)
            total, kinds = (_lookup(self._contexts[n - 1], v[n - 1], u) for v in (self._total, self._kinds))
            p = np.where(total > 0, (seen + kinds * p) / np.maximum(total + kinds, 1), p)
        return p

    def next_sign(self, order: int, context: Sequence[int]) -> Float[np.ndarray, " V"]:
        """p_order of every sign after a context."""
        rows = np.tile(np.array(context, np.int64), (self.signs, 1))
        return self.probability(order, rows, np.arange(self.signs))

    def bits(self, order: int, codes: Int[np.ndarray, " N"]) -> float:
        """Mean −log2 p_order over a text, from its `most`-th sign on."""
        back = self.most - 1
        contexts = np.lib.stride_tricks.sliding_window_view(codes[:-1], back)
        return float(-np.log2(self.probability(order, contexts, codes[back:])).mean())


def _lookup(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The value of each key that is asked for, 0 where there is none; `keys` are sorted."""
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, values[at], 0)


def judged(corpus: Corpus) -> Int[np.ndarray, "chunk place"]:
    """The chunks of held-out text, evenly spread: `WARM` + `COUNTED` characters each, fewer where the text is short."""
    test = corpus.codes[corpus.border :]
    size = min(WARM + COUNTED, len(test))
    starts = np.unique(np.linspace(0, len(test) - size, CHUNKS).astype(int))
    return test[starts[:, None] + np.arange(size)]


def warm(chunks: Int[np.ndarray, "chunk place"]) -> int:
    """How many characters of a chunk are only read."""
    return min(WARM, chunks.shape[1] // 3)


@lru_cache(maxsize=4)
def counts(corpus: Corpus) -> Counts:
    """The n-grams of the training part."""
    return Counts(corpus.codes[: corpus.border], len(corpus.signs))


@lru_cache(maxsize=8)
def ngram_bits(corpus: Corpus) -> dict[int, float]:
    """Order -> bits per character on the judged characters."""
    found, chunks = counts(corpus), judged(corpus)
    first, back = warm(chunks), ORDERS[-1] - 1
    contexts = np.stack([chunks[:, first - back + k : chunks.shape[1] - back + k] for k in range(back)], axis=2)
    rows, following = contexts.reshape(-1, back), chunks[:, first:].ravel()
    return {n: float(-np.log2(found.probability(n, rows, following)).mean()) for n in ORDERS}
