"""Handwritten digits in three parts that never meet: what is trained on, what decides when to stop, what is looked at once.

Preprocessing uses the training rows alone: x' = (x - μ) / σ, with

    raw            μ = 0, σ = 1                 counts of inked pixels, 0 to 16
    unit           μ = 0, σ = 16                0 to 1
    standardised   mean and deviation of each pixel; a pixel that is constant in training becomes 0       Y. LeCun et al., Efficient BackProp, 1998

The fingerprint of a part is the SHA-256 of its bytes: it says whether two runs saw the same numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from core.data.small_pictures import small_pictures
from core.rng import numpy_generator

VALIDATION = 300
CLASSES = 10
MOST = 16.0  # inked pixels of a block

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Parts:
    """Inputs and labels of the three parts, and the counts 0 to 16 of the validation digits as pictures."""

    X: Float[Array, "n d"]
    y: Int[Array, " n"]
    X_val: Float[Array, "v d"]
    y_val: Int[Array, " v"]
    X_test: Float[Array, "t d"]
    y_test: Int[Array, " t"]
    pictures: Float[Array, "v 8 8"]


def scaling(raw: Float[Array, "n d"], how: str) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """μ and σ of the preprocessing `how`, from the training rows."""
    zero, one = np.zeros(raw.shape[1]), np.ones(raw.shape[1])
    if how == "standard":
        deviation = raw.std(axis=0)
        return raw.mean(axis=0), np.where(deviation > 0, deviation, np.inf)
    return zero, one * (MOST if how == "unit" else 1.0)


@lru_cache(maxsize=32)
def parts(points: int, how: str, labels: str, seed: int, hole: bool = False) -> Parts:
    """The first `points` digits for training; with labels "shuffled" their labels, and those alone, change places.

    With a `hole` one number of one prepared training digit is missing (NaN).
    """
    known, unseen = small_pictures("digits", "train"), small_pictures("digits", "test")
    pool, test = (found.x.astype(np.float64).reshape(-1, 64) * MOST for found in (known, unseen))
    raw, y = pool[:points], known.y[:points]
    if labels == "shuffled":
        y = y[numpy_generator(seed, "labels").permutation(points)]
    mean, deviation = scaling(raw, how)
    made = Parts(
        (raw - mean) / deviation, y,
        (pool[-VALIDATION:] - mean) / deviation, known.y[-VALIDATION:],
        (test - mean) / deviation, unseen.y.copy(), pool[-VALIDATION:].reshape(-1, 8, 8),
    )  # fmt: skip
    if hole:
        made.X[points // 2, 0] = np.nan
    for array in vars(made).values():
        array.flags.writeable = False  # shared by all threads
    return made


def fingerprint(*arrays: Array) -> str:
    """The first 12 digits of the SHA-256 of the arrays' bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
