r"""How far generated points are from real ones: densities on a grid, their divergences, Wasserstein distances, places that are covered.

    p_ij          ~ mean over the points x of exp(-|c_ij - x|^2 / (2 h^2)) at the cells c_ij of a 41 x 41 grid; sum p = 1, h = 0.1
    KL(p || q)    = sum p log(p / q),   JS = 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2; in nats, JS <= log 2
    sliced W1     = mean over 32 directions u of mean |sort(X u)_i - sort(Y u)_i|: on a line the sorted order is the best pairing
    covered       places that get at least a quarter of their even share of the generated points

For D the grid gives the best answer there is. With log losses and target s it is D* = s p / (p + q), as a probability; with least
squares the same as an output; with the hinge loss sign(p - q). At D* (s = 1) the log loss is 2 log 2 - 2 JS.

Sources: I. Goodfellow et al., NeurIPS 2014, proposition 1 and theorem 1; X. Mao et al., ICCV 2017, equation 5; J. Lim, J. Ye,
arXiv:1705.02894, section 3; J. Rabin et al., SSVM 2011 (sliced distance); T. Salimans et al., NeurIPS 2016, section 3.4 (D* with s).
"""

from __future__ import annotations

import numpy as np

from core.gan_lab.data import EDGE
from core.gan_lab.engine import ROWS

BLUR = 0.1
LINE = np.linspace(-EDGE, EDGE, 41)
DIRECTIONS = np.stack([np.cos(np.pi * np.arange(32) / 32), np.sin(np.pi * np.arange(32) / 32)])  # (2, 32)
SHARE = 0.25  # of its even share that covers a place


def density(X):
    """Shares (row: y, column: x) of the blurred points X (n, 2); a point beyond the map counts at its edge."""
    near = [np.exp(-((LINE[:, None] - c) ** 2) / (2 * BLUR**2)) for c in np.clip(X, -EDGE, EDGE).T]
    pieces = (slice(k, k + ROWS) for k in range(0, len(X), ROWS))
    P = sum(near[1][:, piece] @ near[0][:, piece].T for piece in pieces)
    return P / P.sum()


def kl(p, q):
    """KL(p || q) in nats; cells where p is 0 add nothing."""
    there = p > 0
    return float((p[there] * np.log(p[there] / np.maximum(q[there], 1e-300))).sum())


def js(p, q):
    """The Jensen-Shannon divergence in nats."""
    m = 0.5 * (p + q)
    return 0.5 * kl(p, m) + 0.5 * kl(q, m)


def sliced(X, Y):
    """The sliced Wasserstein distance of two clouds of the same size."""
    return float(np.abs(np.sort(X @ DIRECTIONS, axis=0) - np.sort(Y @ DIRECTIONS, axis=0)).mean())


def visits(X, places, reach):
    """How many of the points X count for each place."""
    gaps = np.sqrt(((X[:, None] - places) ** 2).sum(-1))
    near = gaps.min(1) <= reach
    return np.bincount(gaps.argmin(1)[near], minlength=len(places))


def covered(counts, n):
    """How many places get at least a quarter of the even share of n points."""
    return int((counts >= SHARE * n / len(counts)).sum())
