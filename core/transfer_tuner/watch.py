"""What is watched while a run goes on: how long each part of the loop takes, what passes through it, and where its features lie.

Seconds are measured from the moment a part of the loop is announced to the announcement of the next; on a GPU the clock waits until all
work given to it is done. Of the features of a fixed sample of validation pictures at most FRAMES epochs are kept, evenly spaced, and the
newest; at the end they are laid into one basis, the principal components of all kept epochs together,

    Z_t = (X_t − m) V,    m the mean and V the first COMPONENTS right singular vectors of all X_t below each other,

so that the axes are the same in every frame of a film.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float

from core.rng import numpy_generator
from core.transfer_tuner.metrics import apart, neighbour_accuracy

PHASES = ("load", "forward", "loss", "backward", "norms", "step", "validate")
FRAMES, SAMPLE, COMPONENTS = 9, 120, 30
PAUSE = 0.25  # seconds between two reports of the part that runs


@dataclass(eq=False)
class Watch:
    """Filled by one run; `told` gives it as plain arrays."""

    seconds: list[list[float]] = field(default_factory=list)  # one row an epoch, one column a phase
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of the first batch
    frames: dict[int, np.ndarray] = field(default_factory=dict)  # epoch -> features of the sample (n, D), float16
    stride: int = 1
    reported: float = 0.0

    def timed(self, phases: Iterable[str], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
        """The phases of one epoch as they are announced, each one's seconds added up; `shapes` is filled meanwhile."""
        row, doing = dict.fromkeys(PHASES, 0.0), ""
        begun = now()
        for phase in phases:
            row[doing] = row.get(doing, 0.0) + now() - begun
            yield phase
            doing, begun = phase, now()
        row[doing] = row.get(doing, 0.0) + now() - begun
        self.seconds.append([row[phase] for phase in PHASES])
        self.shapes = self.shapes or dict(shapes)

    def due(self) -> bool:
        """Whether it is time to report which part runs: at most once in PAUSE seconds."""
        if time.monotonic() - self.reported < PAUSE:
            return False
        self.reported = time.monotonic()
        return True

    def look(self, epoch: int, features: np.ndarray) -> None:
        """Keep the features of this epoch, and fewer of the older ones where there are too many."""
        last = max(self.frames, default=0)
        if last % self.stride:  # it was kept only as the newest
            del self.frames[last]
        self.frames[epoch] = features
        while len(self.frames) > FRAMES:
            self.stride *= 2
            self.frames = {k: v for k, v in self.frames.items() if k % self.stride == 0 or k == epoch}

    def told(self) -> dict[str, np.ndarray]:
        """Seconds (epochs, phases) and the shapes of what passes, "shape/<name>"."""
        shapes = {f"shape/{name}": np.array(shape, np.int64) for name, shape in self.shapes.items()}
        return {"seconds": np.array(self.seconds).reshape(-1, len(PHASES)), **shapes}

    def film(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """The kept epochs in one basis, and how far apart the classes (labels of the sample) lie in each; nothing where no loss was finite."""
        kept = {k: v.astype(np.float64) for k, v in self.frames.items() if np.isfinite(v).all()}
        if not kept:
            return {}
        if all(np.array_equal(v, next(iter(kept.values()))) for v in kept.values()):  # a body that does not learn
            kept = dict(list(kept.items())[:1])
        placed, share = in_one_basis(np.stack(list(kept.values())))
        return {
            "film/epochs": np.array(list(kept)),
            "film/points": placed.astype(np.float32),
            "film/share": share,
            "film/apart": np.array([apart(X, labels) for X in kept.values()]),
            "film/neighbour": np.array([neighbour_accuracy(X, labels) for X in kept.values()]),
        }


def now() -> float:
    """Seconds, after all that a GPU was asked to do is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def sample(count: int) -> np.ndarray:
    """The places of at most SAMPLE of `count` pictures, sorted: always the same ones, chosen by lot."""
    return np.sort(numpy_generator(0, "sample").permutation(count)[:SAMPLE])


def in_one_basis(X: Float[np.ndarray, "T n D"]) -> tuple[Float[np.ndarray, "T n k"], Float[np.ndarray, "k"]]:
    """All frames on the leading principal components of all of them together, and each component's share of the variance."""
    flat = X.reshape(-1, X.shape[2])
    flat = flat - flat.mean(axis=0)
    U, s, Vt = np.linalg.svd(flat, full_matrices=False)
    turn = np.sign(Vt[np.arange(len(Vt)), np.abs(Vt).argmax(axis=1)])  # the largest loading of each is positive
    placed = (U * s * turn)[:, :COMPONENTS]
    total = (s**2).sum() or 1.0
    return placed.reshape(*X.shape[:2], -1), (s**2 / total)[:COMPONENTS]
