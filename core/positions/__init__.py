"""Where am I? Positional encodings side by side: what they are, what they make of a score, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.positions import compute
from core.positions import figures as draw
from core.positions.code import numbers, script
from core.positions.compute import train
from core.positions.lenses import about, learned, look, worked
from core.positions.questions import questions
from core.positions.report import sections, table
from core.positions.spec import EXAMPLES, TOUR
from core.positions.spec import PositionsSpec as SPEC
from core.positions.top import pictures

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "about",
    "draw",
    "figures",
    "look",
    "numbers",
    "pictures",
    "progress",
    "questions",
    "script",
    "sections",
    "table",
    "thumbnail",
    "train",
    "worked",
]


def progress(metrics: Mapping[str, Sequence[float]], arrays: Mapping[str, np.ndarray]) -> dict[str, Figure]:
    """The pictures of a job so far."""
    return learned(metrics, arrays["right"], str(arrays["kind"]))


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The first visit's table."""
    return draw.thumbnail(compute.table(SPEC()))
