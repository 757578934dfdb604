"""Numbers about maps of attention: is it right, is it sharp, is it an induction head; and how layers add up.

accuracy    the share of answers at which the head's largest weight lies on a token that holds what the answer needs
mass        the mean weight that lies on such tokens; in the task "induction" it is the induction score of a head, the weight on what
            followed the last time: C. Olsson et al., "In-context learning and induction heads", arXiv:2209.11895, 2022
entropy     -sum_j a_ij log2 a_ij, mean over the answers, in bits; log2 n for n equal weights
rollout     A_L ... A_1 with A = (mean over heads + identity) / 2, rows summing to 1: S. Abnar, W. Zuidema, ACL 2020, section 3
rho         Spearman's rank correlation, ties at their mean rank
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """Accuracy, mass and entropy (bits) of each head, over all answers of a batch."""

    accuracy: Float[Tensor, "layer head"]
    mass: Float[Tensor, "layer head"]
    entropy: Float[Tensor, "layer head"]


def score(weights: Float[Tensor, "batch layer head query key"], truth: Bool[Tensor, "batch query key"]) -> Scores:
    """How well every head looks where the answers are; rows without an answer do not count, and NaN if there is none."""
    right = truth[:, None, None]
    asked = truth.any(-1)[:, None, None]  # (batch, 1, 1, query)
    at = weights.argmax(-1, keepdim=True)
    hit = right.expand_as(weights).gather(-1, at).squeeze(-1)
    count = asked.sum()

    def mean(values: Tensor) -> Tensor:
        return (values * asked).sum((0, 3)).double() / count

    return Scores(mean(hit), mean((weights * right).sum(-1)), mean(entropy(weights)))


def entropy(weights: Float[Tensor, "*rows key"]) -> Float[Tensor, "*rows"]:
    """In bits, with 0 log 0 = 0."""
    return -torch.special.xlogy(weights, weights).sum(-1) / np.log(2)


def rollout(weights: Float[Tensor, "*batch layer head query key"]) -> Float[Tensor, "*batch query key"]:
    """How much of each token reaches each place after all layers, if weights were all that moved it."""
    A = (weights.mean(-3) + torch.eye(weights.shape[-1]).to(weights)) / 2
    A = A / A.sum(-1, keepdim=True)
    total = A[..., 0, :, :]
    for layer in range(1, A.shape[-3]):
        total = A[..., layer, :, :] @ total
    return total


def rank_correlation(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Spearman's rho; NaN where one of the two has no order (all values equal)."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    spread = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / spread) if spread > 0 else float("nan")


def _ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[group]
