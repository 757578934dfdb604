"""A student that learns from labels and from a teacher's softened answers (G. Hinton, O. Vinyals, J. Dean, arXiv:1503.02531).

    p_T(z) = softmax(z / T)  (eq. 1)
    L = (1 − α) CE(y, p_1(z)) + α T² CE(p_T(v), p_T(z)),      v, z: logits of teacher and student
    dL/dz = (1 − α)(p_1(z) − y) + α T (p_T(z) − p_T(v))

A soft target's gradient is (p_T(z) − p_T(v)) / T, eq. 2. For high T it becomes (z − v) / (K T²), with logits of mean 0 over K classes
(eq. 4): it shrinks as 1 / T², and the factor T² holds the balance with the labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from core.compression.nets import Array, Logits, softmax


def soft_gradient(z: Logits, v: Logits, T: float) -> Logits:
    """d/dz of CE(p_T(v), p_T(z)), for each row: (p_T(z) − p_T(v)) / T."""
    return (softmax(z, T) - softmax(v, T)) / T


def high_temperature(z: Logits, v: Logits, T: float) -> Logits:
    """What the soft gradient becomes for large T: (z − v) / (K T²), both with mean 0."""
    centred = (z - z.mean(axis=1, keepdims=True)) - (v - v.mean(axis=1, keepdims=True))
    return centred / (z.shape[1] * T**2)


def taught_pull(y: Int[Array, " N"], v: Float[Array, "N 10"], T: float, alpha: float) -> Callable[[Logits, Int[Array, " n"]], Logits]:  # fmt: skip
    """dL/dz for batches of rows, averaged over the batch."""
    hot = np.eye(10)[y]

    def pull(z: Logits, rows: Int[Array, " n"]) -> Logits:
        labels = softmax(z) - hot[rows]
        return ((1.0 - alpha) * labels + alpha * T**2 * soft_gradient(z, v[rows], T)) / len(rows)

    return pull
