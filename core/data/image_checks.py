"""What to know about a set of labelled pictures before anything learns from it: numbers, copies, sizes, brightness.

    imbalance   the largest class's pictures / the smallest's
    exact copy  the same pixels (SHA-256 of shape and bytes)
    near copy   perceptual hashes that differ in at most d of 63 bits, and grey pictures whose correlation is at least 0.97

The perceptual hash of a picture: its grey values, resized to 32 x 32, under the two-dimensional cosine transform

    X[u, v] = Σ_y Σ_x x[y, x] cos(π u (2 y + 1) / 64) cos(π v (2 x + 1) / 64)

and of the 63 coefficients with u, v < 8 other than the mean X[0, 0] one bit each: is it above their median? Compression, another
size or brightness move few of them. The correlation is that of the two 32 x 32 pictures; it tells small line drawings apart, whose
hashes may be alike.

Source: C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2.1 (with a 7 x 7 mean
before the resizing, which is left out here).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from core.data.images import ImageSet

GRID, KEPT, BITS = 32, 8, 63
NEAR, ALIKE = 4, 0.97  # bits that may differ, and the least correlation
BLOCK = 512  # rows of the table of distances at a time
BLANK = 2.0  # a picture whose grey values deviate less than this from their mean shows nothing
APART = 3.5  # a robust z-score beyond which a value is unusual (Iglewicz and Hoaglin, 1993)


class Pair(NamedTuple):
    """A picture, `second`, that is a copy of an earlier one, `first`; bits in which the hashes differ, and exactness."""

    first: int
    second: int
    bits: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Facts:
    """One row a picture: height and width in pixels, mean and deviation of the grey values (0..255)."""

    size: Int[np.ndarray, "N 2"]
    brightness: Float[np.ndarray, "N"]
    contrast: Float[np.ndarray, "N"]


@dataclass(frozen=True, eq=False)
class Report:
    """All findings about a set.

    `pairs`: each copy with the earlier picture that it is most like. `groups`: a number for each picture, the same for copies of
    copies. `crossing` and `conflicts`: the pictures whose group lies in several parts of the split, or under several labels;
    `blank` and `unusual`: those without any contrast, and of a brightness far from the others'.
    """

    counts: Int[np.ndarray, "K"]
    facts: Facts
    pairs: tuple[Pair, ...]
    groups: Int[np.ndarray, "N"]
    crossing: Int[np.ndarray, "_"]
    conflicts: Int[np.ndarray, "_"]
    blank: Int[np.ndarray, "_"]
    unusual: Int[np.ndarray, "_"]

    @property
    def imbalance(self) -> float:
        """Largest over smallest class; 1 where all are equal, 0 where there is no picture."""
        return float(self.counts.max() / self.counts.min()) if self.counts.size and self.counts.min() else 0.0


def report(found: ImageSet, parts: Sequence[Int[np.ndarray, "_"]] = (), near: int = NEAR) -> Report:
    """The findings about a set, with the rows of each part of its split."""
    pairs = copies(found.images, near)
    groups = groups_of(len(found.images), pairs)
    place = np.zeros(len(found.images), np.int64)
    for k, rows in enumerate(parts):
        place[rows] = k
    facts = facts_of(found.images)
    return Report(
        np.bincount(found.labels, minlength=len(found.classes)),
        facts,
        pairs,
        groups,
        spread(groups, place),
        spread(groups, found.labels),
        np.flatnonzero(facts.contrast < BLANK),
        np.flatnonzero(np.abs(robust(facts.brightness)) > APART),
    )


def spread(groups: Int[np.ndarray, "N"], kinds: Int[np.ndarray, "N"]) -> Int[np.ndarray, "_"]:
    """The pictures whose group has more than one of the `kinds`."""
    several, times = np.unique(np.unique(np.stack([groups, kinds]), axis=1)[0], return_counts=True)
    return np.flatnonzero(np.isin(groups, several[times > 1]))


def facts_of(images: Sequence[np.ndarray]) -> Facts:
    """Sizes, brightness and contrast."""
    grey = [np.asarray(Image.fromarray(image).convert("L"), np.float64) for image in images]
    return Facts(
        np.array([image.shape[:2] for image in images], np.int64).reshape(-1, 2),
        np.array([g.mean() for g in grey]),
        np.array([g.std() for g in grey]),
    )


def robust(values: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """0.6745 (x − median) / MAD, MAD the median of |x − median|; 0 where all values are equal or there are none."""
    if not values.size:
        return values
    away = values - np.median(values)
    mad = np.median(np.abs(away))
    return 0.6745 * away / mad if mad > 0 else np.zeros_like(values)


def copies(images: Sequence[np.ndarray], near: int = NEAR) -> tuple[Pair, ...]:
    """Each picture that is a copy, with the earlier one that it is most like; exact copies first, then by bits that differ."""
    if not images:
        return ()
    small = np.stack([thumbnail(image) for image in images])
    signs, unit = np.where(hashes(small), 1.0, -1.0).astype(np.float32), _standardised(small)
    same = np.unique([_digest(image) for image in images], return_inverse=True)[1]
    number = np.arange(len(images))
    found: list[Pair] = []
    for start in range(0, len(images), BLOCK):
        rows = number[start : start + BLOCK, None]
        bits = np.rint((BITS - signs[rows[:, 0]] @ signs.T) / 2).astype(np.int64)
        exact = same[rows] == same
        alike = (number < rows) & (exact | ((bits <= near) & (unit[rows[:, 0]] @ unit.T >= ALIKE)))
        best = np.where(alike, 2 * bits + ~exact, 2 * BITS).argmin(axis=1)
        found += [
            Pair(int(best[k]), start + int(k), int(bits[k, best[k]]), bool(exact[k, best[k]]))
            for k in np.flatnonzero(alike.any(axis=1))
        ]
    return tuple(sorted(found, key=lambda pair: (not pair.exact, pair.bits, pair.first, pair.second)))


def _digest(image: np.ndarray) -> str:
    return hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest()


def _standardised(small: Float[np.ndarray, "N 32 32"]) -> Float[np.ndarray, "N 1024"]:
    """Each picture less its mean, of length 1, so that products are correlations; 0 where the picture is flat."""
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return (flat / np.where(length > 0, length, np.inf)).astype(np.float32)


def groups_of(count: int, pairs: Sequence[Pair]) -> Int[np.ndarray, "N"]:
    """A number for each of `count` pictures: copies of copies share theirs, which is the smallest of them."""
    parent = np.arange(count)

    def root(n: int) -> int:
        while parent[n] != n:
            n = int(parent[n])
        return n

    for pair in pairs:
        a, b = sorted((root(pair.first), root(pair.second)))
        parent[b] = a
    return np.array([root(n) for n in range(count)], np.int64)


def thumbnail(image: np.ndarray) -> Float[np.ndarray, "32 32"]:
    """Grey values, 32 x 32."""
    grey = Image.fromarray(image).convert("L")
    return np.asarray(grey.resize((GRID, GRID), Image.Resampling.BILINEAR), np.float64)


def hashes(small: Float[np.ndarray, "N 32 32"]) -> Bool[np.ndarray, "N 63"]:
    """The perceptual hashes of thumbnails."""
    y = np.arange(GRID)
    C = np.cos(np.pi * np.arange(KEPT)[:, None] * (2 * y + 1) / (2 * GRID))  # (u, y)
    X = np.round((C @ small @ C.T).reshape(len(small), -1)[:, 1:], 6)  # what is 0 by symmetry is 0
    median = np.median(X, axis=1, keepdims=True)
    return median < X
