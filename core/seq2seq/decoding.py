"""Saying an answer: greedy, with a token forced, and by beam search.

Greedy takes argmax p(y_i | y_<i, x) at each place. A beam of width k keeps the k beginnings with the highest

    log p(y_1 .. y_i | x) = sum over places of log p(y_i | y_<i, x)

extends each by every token, and keeps the best k of those again. How long an answer is, is told: as long as the source, ten digits, or
17 characters with blanks at the end. So there is no end token, no beginning ends early, and no correction for length is needed. With
a width of V^(n-1) the beam looks at everything.

Sources: A. Graves, "Sequence transduction with recurrent neural networks", 2012, section 3; I. Sutskever et al., NeurIPS 2014, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.seq2seq import Say, Seq2Seq


@dataclass(frozen=True)
class Node:
    """A beginning in the beam: its last token at `place`, the node before it (-1: none), and log p of all of it."""

    place: int
    token: int
    parent: int
    log_p: float


@torch.no_grad()
def beam(model: Seq2Seq, x: Tensor, length: int, width: int) -> list[Node]:
    """All beginnings that were ever kept, place by place; the last `width` or fewer are the answers, the best first."""
    h, s = model.encode(x)
    y, log_p, parents = torch.full((1,), model.begin), torch.zeros(1, dtype=h.dtype), [-1]
    nodes: list[Node] = []
    for place in range(length):
        logits, s, _ = model.step(y, s, h.expand(len(y), -1, -1))
        total = (log_p[:, None] + torch.log_softmax(logits, 1)).flatten()
        log_p, best = total.topk(min(width, len(total)))
        row, y = best // logits.shape[1], best % logits.shape[1]
        nodes += [
            Node(place, t, parents[r], p) for t, r, p in zip(y.tolist(), row.tolist(), log_p.tolist(), strict=True)
        ]
        parents = list(range(len(nodes) - len(y), len(nodes)))
        s = s[row]
    return nodes


def answer_of(nodes: Sequence[Node], at: int) -> list[int]:
    """The tokens from the beginning to node `at`."""
    tokens = []
    while at >= 0:
        tokens.append(nodes[at].token)
        at = nodes[at].parent
    return tokens[::-1]


def finals(nodes: Sequence[Node]) -> list[int]:
    """The places in `nodes` of the whole answers, the best first."""
    last = nodes[-1].place
    return [k for k, node in enumerate(nodes) if node.place == last]


def own_but(place: int, token: int) -> Say:
    """Greedy, but for one token that is forced at `place` (from 0)."""
    return lambda i, z: torch.full((len(z),), token) if i == place else z.argmax(1)
