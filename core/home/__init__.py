"""The home page's first minute: a net written from scratch learns real handwritten digits, then reads a drawn one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.home import figures as draw
from core.home.code import script
from core.home.compute import numbers, predict, start, train
from core.home.data import load, to_digit
from core.home.questions import questions
from core.home.spec import EXAMPLES, TOUR, HomeSpec

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "draw",
    "figures",
    "numbers",
    "pictures",
    "questions",
    "reading",
    "script",
    "thumbnail",
    "train",
]

SPEC = HomeSpec


def pictures(
    metrics: Mapping[str, Sequence[float] | np.ndarray], arrays: Mapping[str, np.ndarray]
) -> dict[str, Figure]:
    """The run so far: `metrics` holds one value a snapshot, `arrays` the newest snapshot's arrays."""
    return {
        "curves": draw.curves(metrics),
        "confusion": draw.confusion(arrays),
        "weights": draw.weights(arrays),
        "mistakes": draw.mistakes(arrays),
    }


def figures(spec: HomeSpec) -> dict[str, Figure]:
    """What is to be seen before the start: the untrained net."""
    snapshot = start(spec)
    return pictures({name: [value] for name, value in snapshot.metrics.items()}, snapshot.arrays)


def reading(arrays: Mapping[str, np.ndarray], drawing: np.ndarray) -> dict[str, Figure]:
    """A drawing (n, n), 0 paper to 1 ink, as the net of these arrays sees it, and its answer.

    Raises:
        ExplainerError: nothing is drawn.
    """
    image = to_digit(drawing)
    return {"digit": draw.digit(image), "probabilities": draw.probabilities(predict(arrays, image))}


def thumbnail() -> Figure:
    """Twenty of the digits."""
    images, labels = load()
    return draw.gallery(images[:20], [str(label) for label in labels[:20]])
