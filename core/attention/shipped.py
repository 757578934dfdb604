"""Transformers that are there at once: trained by models/train/attention.py, each with the film of its training.

A file holds the weights in float16 and, for the frames of the film, the maps of one example in bytes (0 to 255 for 0 to 1), and the
step, loss, accuracy, head accuracies and induction scores at each frame.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors.numpy import load as parse

from core.attention.training import Course, trained
from core.errors import ExplainerError, one_of
from models.storage import manifest, read
from models.transformer import Transformer

PART = "attention"  # folder of models/weights

COURSES: Mapping[str, Course] = MappingProxyType(
    {
        course.task: course
        for course in (
            Course("copy", kind="both", steps=400),
            Course("reverse", steps=600),
            Course("sort", layers=2, steps=600),
            Course("lookup", kind="decoder", layers=2, d=64, positions="rope", length=12, steps=600),
            Course("addition", layers=2, heads=4, d=64, length=6, steps=1500),
            Course("induction", kind="decoder", layers=2, heads=4, d=64, positions="rope", length=20, steps=1200),
            Course("dates", kind="both", steps=1000),
            Course("undates", kind="both", length=17, steps=1000),
            Course("majority", length=12, steps=400),
            Course("brackets", layers=2, length=12, steps=1500),
            Course(
                "text", kind="decoder", layers=2, heads=4, d=128, positions="rope", length=128, steps=2500, batch=16
            ),
        )
    }
)


@dataclass(frozen=True, eq=False)
class Film:
    """A training run as it went by: one value, or one set of maps (in 0..1, of one example), for every frame."""

    steps: np.ndarray
    metrics: Mapping[str, np.ndarray]
    maps: np.ndarray  # (frame, layer, head, query, key), bytes
    heads: Mapping[str, np.ndarray]  # name -> (frame, layer, head)
    queries: np.ndarray
    keys: np.ndarray


@dataclass(frozen=True, eq=False)
class Shipped:
    """A trained transformer, how it was trained, its film, and the manifest's record of it."""

    course: Course
    model: Transformer
    film: Film
    record: Mapping[str, Any]


@lru_cache(maxsize=len(COURSES))
def shipped(task: str) -> Shipped:
    """The transformer that ships for a task, in eval mode. It is shared: do not change its weights.

    Raises:
        ExplainerError: no such task, or its file is missing or damaged.
    """
    if task not in COURSES:
        raise ExplainerError(f"the task {task!r} is unknown; choose {one_of(COURSES)}")
    arrays = parse(read(task, PART))
    film = Film(
        arrays["film steps"],
        _named(arrays, "metric "),
        arrays["film maps"],
        _named(arrays, "heads "),
        arrays["film queries"],
        arrays["film keys"],
    )
    return Shipped(COURSES[task], trained(COURSES[task], arrays), film, manifest(PART)[task])


@lru_cache(maxsize=len(COURSES))
def in_float64(task: str) -> Transformer:
    """The shipped transformer of a task in float64; shared, so it is only ever read."""
    return copy.deepcopy(shipped(task).model).double().requires_grad_(False)


def _named(arrays: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}
