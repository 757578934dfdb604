"""Encodings as tables and as scores, RoPE's relative property on random vectors, and five trained decoders put to the test.

With w_i = base^(-2i / d):

    likeness of two positions      sinusoidal, RoPE    (2 / d) sum_i cos((s - t) w_i)
                                   learned             the cosine of their vectors
    what ALiBi adds to a score     -m |s - t|
    score of query q at t and key k at s
        added vectors              (q + p_t) . (k + p_s)                   depends on t and s
        RoPE                       (R_t q) . (R_s k) = q . R_(s - t) k     depends on s - t alone     (Su et al. 2021, eq. 16)

Everything but the test of the decoders on many sentences is float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.contracts import Snapshot
from core.positions.spec import PositionsSpec
from core.rng import generator, numpy_generator
from models.fitting import fitting
from models.positions import POSITIONS, alibi, alibi_slopes, frequencies, rotate, sinusoidal
from models.predecessor import LENGTH, LONGEST, PART, RULE, SEQUENCES, Predecessor, right_by_place, sequences
from models.storage import manifest, read, restore

Table = Float[np.ndarray, "T d"]
Square = Float[np.ndarray, "T T"]
TESTED = 200
SNAPSHOTS = 20


def waves(spec: PositionsSpec) -> Float[np.ndarray, " half"]:
    """w_i: radians per position."""
    return frequencies(spec.d, spec.base).numpy()


def pair_of(spec: PositionsSpec) -> int:
    """The chosen pair, or the last one where the width has fewer."""
    return min(spec.pair, spec.d // 2 - 1)


@lru_cache(maxsize=8)
def decoder(kind: str) -> Predecessor:
    """The trained decoder with this encoding, in float64; shared, so nobody may change it."""
    return restore(Predecessor(kind), read(kind, PART)).eval().double().requires_grad_(False)


def learned_vectors() -> Float[np.ndarray, "64 32"]:
    """The position vectors that the decoder learned; only the first LENGTH of them ever took part in training."""
    return decoder("learned").transformer.embedding.positions.weight.numpy()


def table(spec: PositionsSpec) -> Table:
    """One row for each position: the vector that is added (sinusoidal, learned), the cosines and sines that turn (RoPE), else what each head adds to the score of a key so far away (ALiBi), or nothing."""
    if spec.kind in ("sinusoidal", "rope"):
        return sinusoidal(spec.length, spec.d, base=spec.base).numpy()
    if spec.kind == "learned":
        return learned_vectors()[: spec.length]
    if spec.kind == "alibi":
        return -np.arange(spec.length)[:, None] * alibi_slopes(int(spec.heads)).numpy()
    return np.zeros((spec.length, spec.d))


def likeness(spec: PositionsSpec) -> Square:
    """What position alone says about a pair of tokens: a cosine in -1..1, or what ALiBi's steepest head adds to the score."""
    if spec.kind == "alibi":
        return alibi(int(spec.heads), spec.length)[0].numpy()
    if spec.kind == "none":
        return np.ones((spec.length, spec.length))
    rows = table(spec)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def by_offset(values: Square) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(smallest, mean, largest) on each diagonal 0, 1, ... below the main one: a key so many positions before its query."""
    diagonals = [np.diagonal(values, -k) for k in range(len(values))]
    return tuple(np.array([f(v) for v in diagonals]) for f in (np.min, np.mean, np.max))


def query_and_key(spec: PositionsSpec, d: int) -> tuple[Tensor, Tensor]:
    """Two random vectors with entries N(0, 1)."""
    q, k = torch.randn(2, d, generator=generator(spec.seed, "query and key"), dtype=torch.float64)
    return q, k


def scores(kind: str, spec: PositionsSpec) -> Square:
    """The score, over sqrt(d), of the same query at every t (row) and the same key at every s (column)."""
    T = spec.length
    d = 32 if kind == "learned" else spec.d
    q, k = query_and_key(spec, d)
    Q, K = q.expand(T, d), k.expand(T, d)
    if kind == "rope":
        Q, K = rotate(Q, base=spec.base), rotate(K, base=spec.base)
    elif kind in ("sinusoidal", "learned"):
        p = torch.from_numpy(learned_vectors()[:T]) if kind == "learned" else sinusoidal(T, d, base=spec.base)
        Q, K = Q + p, K + p
    found = Q @ K.T / d**0.5
    return (found + alibi(int(spec.heads), T)[0] if kind == "alibi" else found).numpy()


def spread(values: Square) -> float:
    """The largest difference between two scores at the same offset: 0 if distance alone matters."""
    low, _, high = by_offset(values)
    return float((high - low).max())


@lru_cache(maxsize=32)
def spreads(spec: PositionsSpec) -> dict[str, float]:
    """For every encoding."""
    return {kind: spread(scores(kind, spec)) for kind in POSITIONS}


def turned(spec: PositionsSpec) -> dict[str, np.ndarray]:
    """One pair of columns of a query and a key, before and after they are turned: name -> (2,). The key stands `offset` before the query."""
    q, k = query_and_key(spec, spec.d)
    i = 2 * pair_of(spec)
    key = max(spec.query - spec.offset, 0)
    R_q, R_k = (rotate(v[None], start, spec.base)[0] for v, start in ((q, spec.query), (k, key)))
    return {
        "q": q[i : i + 2].numpy(),
        "k": k[i : i + 2].numpy(),
        "q turned": R_q[i : i + 2].numpy(),
        "k turned": R_k[i : i + 2].numpy(),
    }


@dataclass(frozen=True, eq=False)
class Order:
    """A sentence, the order that its earlier tokens were shuffled to, and the last token's probabilities before and after."""

    tokens: np.ndarray
    order: np.ndarray
    before: np.ndarray
    after: np.ndarray
    change: float


@torch.no_grad()
def shuffled(kind: str, seed: int) -> Order:
    """The last token's answer when all tokens before it change their places."""
    tokens, _ = sequences(1, LENGTH, generator(seed, "sentence"))
    order = numpy_generator(seed, "order").permutation(LENGTH - 1)
    moved = torch.cat([tokens[:, torch.from_numpy(order)], tokens[:, -1:]], 1)
    before, after = (decoder(kind)(t)[0, :, -1] for t in (tokens, moved))
    return Order(
        tokens[0].numpy(),
        order,
        before.softmax(0).numpy(),
        after.softmax(0).numpy(),
        float((before - after).abs().max()),
    )


@lru_cache(maxsize=8)
def beyond(seed: int) -> dict[str, np.ndarray]:
    """Encoding -> share of right answers at each place from the second on, up to LONGEST times the length of training."""
    given = sequences(TESTED, LONGEST * LENGTH, generator(seed, "longer"))
    return {
        kind: right_by_place(restore(Predecessor(kind), read(kind, PART)).eval(), *given).numpy() for kind in POSITIONS
    }


def parts(right: np.ndarray) -> dict[str, float]:
    """Means inside the length of training and in each further stretch of that length."""
    edges = [0, *(k * LENGTH - 1 for k in range(1, LONGEST + 1))]
    return {f"{max(a + 2, 2)} to {b + 1}": float(right[a:b].mean()) for a, b in pairwise(edges)}


def train(spec: PositionsSpec) -> Iterator[Snapshot]:
    """A decoder with the chosen encoding learns under the visitor's seed; each snapshot tests it up to the longest sentence."""
    module = Predecessor(spec.kind, seed=spec.seed)
    learn = sequences(SEQUENCES, LENGTH, generator(spec.seed, "train"))
    test = sequences(TESTED, LONGEST * LENGTH, generator(spec.seed, "longer"))
    every, losses = RULE.steps // SNAPSHOTS, [float(np.log(8))]
    yield report(module, test, 0, losses)
    for step, loss in enumerate(fitting(module, *learn, RULE, seed=spec.seed), start=1):
        losses.append(loss)
        if step % every == 0:
            yield report(module, test, step, losses)
            losses = []


def report(module: Predecessor, test: tuple[Tensor, Tensor], step: int, losses: list[float]) -> Snapshot:
    """The mean loss since the last report, and the shares of right answers."""
    right = right_by_place(module.eval(), *test).numpy()
    metrics = {
        "step": float(step),
        "loss": float(np.mean(losses)),
        "inside": float(right[: LENGTH - 1].mean()),
        "beyond": float(right[LENGTH - 1 :].mean()),
    }
    return Snapshot(step, RULE.steps, metrics, {"right": right, "kind": np.array(module.transformer.shape.positions)})


def record(kind: str) -> dict[str, object]:
    """How the shipped decoder was made."""
    return dict(manifest(PART)[kind])
