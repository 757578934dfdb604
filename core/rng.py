"""Random numbers that belong to one run and one purpose.

torch.manual_seed and numpy.random.seed set state that all threads share, so two visitors would disturb each other.
Here every draw comes from a generator made of a seed and the words that say what it is for: the weights of a run do not
change when its data are drawn differently, and the same Spec gives the same arrays also when four run at once.
"""

from __future__ import annotations

import hashlib

import numpy as np


def numpy_generator(seed: int, *purpose: str) -> np.random.Generator:
    """A NumPy generator for `purpose` ("weights", "batches", ...) of the run with this `seed`."""
    return np.random.default_rng(_entropy(seed, purpose))


def generator(seed: int, *purpose: str) -> torch.Generator:
    """A torch generator (CPU) for `purpose` of the run with this `seed`; torch is imported only here."""
    import torch

    return torch.Generator().manual_seed(_entropy(seed, purpose))


def _entropy(seed: int, purpose: tuple[str, ...]) -> int:
    digest = hashlib.sha256("\0".join((str(seed), *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # 63 bits: torch takes a signed 64-bit seed
