"""Encoder-decoders that are there at once: trained by models/train/gru_seq2seq.py, each with the film of its alignment.

A file belongs to a task and holds its three models: weights in float16; for every frame of the film the alignment of one example in
bytes (0 to 255 for 0 to 1), and the metrics. The file of EXPOSED also holds, for each ratio of teacher forcing, the accuracy of a
model that was trained with it for `EXPOSURE_STEPS` steps: by token while the truth is heard, and while it hears itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from safetensors.numpy import load as parse

from core.seq2seq.training import Course, trained
from models.seq2seq import Seq2Seq
from models.storage import manifest, read

PART = "seq2seq"  # folder of models/weights
STEPS = {"reverse": 1200, "copy": 600, "dates": 1000, "undates": 3000}
EXPOSED, EXPOSED_KINDS, RATIOS, EXPOSURE_STEPS = "reverse", ("none", "luong"), (0.0, 0.25, 0.5, 0.75, 1.0), 500


def course_of(task: str, kind: str) -> Course:
    """How a shipped model was trained."""
    return Course(task, kind, steps=STEPS[task])


@dataclass(frozen=True, eq=False)
class Film:
    """A training run: its steps, its metrics (name -> one value a frame), and alpha (frame, answer, token) of one example, 0 to 1."""

    steps: np.ndarray
    metrics: Mapping[str, np.ndarray]
    alpha: np.ndarray


@lru_cache(maxsize=8)
def content(task: str) -> Mapping[str, np.ndarray]:
    """All arrays of a task's file."""
    return parse(read(task, PART))


@lru_cache(maxsize=16)
def model_of(task: str, kind: str) -> Seq2Seq:
    """The shipped model, in float64."""
    prefix = f"{kind} weights "
    weights = {
        name.removeprefix(f"{kind} "): values for name, values in content(task).items() if name.startswith(prefix)
    }
    return trained(course_of(task, kind), weights)


def film_of(task: str, kind: str) -> Film:
    """The film of the shipped model's training."""
    arrays, prefix = content(task), f"{kind} metric "
    metrics = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    return Film(arrays[f"{kind} film steps"], metrics, arrays[f"{kind} film alpha"] / 255)


def exposure() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kind -> accuracy by token while the truth is heard, and in free use, for each of RATIOS."""
    arrays = content(EXPOSED)
    return {kind: (arrays[f"{kind} exposure forced"], arrays[f"{kind} exposure free"]) for kind in EXPOSED_KINDS}


def record(task: str) -> Mapping[str, Any]:
    """The manifest's words on a task's file."""
    return manifest(PART)[task]
