"""Convolution, cell by cell: one window, its products, their sum; backward, cost, pooling and receptive fields."""

from __future__ import annotations

import numpy as np

from core.contracts import Figure
from core.conv_arithmetic import figures as draw
from core.conv_arithmetic.code import script
from core.conv_arithmetic.compute import numbers, run_of, stops
from core.conv_arithmetic.inputs import drawn, picture
from core.conv_arithmetic.kernels import own, to_text
from core.conv_arithmetic.lenses import look, worked
from core.conv_arithmetic.questions import questions
from core.conv_arithmetic.scene import film_steps, scene, size_latex
from core.conv_arithmetic.spec import EXAMPLES, TOUR
from core.conv_arithmetic.spec import ConvArithmeticSpec as SPEC

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "clicked",
    "draw",
    "drawn",
    "figures",
    "film_steps",
    "given",
    "kernel_grid",
    "look",
    "numbers",
    "picture",
    "questions",
    "run_of",
    "scene",
    "script",
    "size_latex",
    "stage",
    "stops",
    "thumbnail",
    "to_text",
    "worked",
]


def stage(spec: SPEC) -> Figure:
    """The main picture with its film."""
    return draw.stage(scene(spec))


def given(spec: SPEC) -> Figure:
    """The picture alone, for settings that cannot be."""
    return draw.given(picture(spec))


def clicked(spec: SPEC, trace: int, point: tuple[int, ...]) -> int | None:
    """The film's step for a click on the main picture; None where a click means nothing."""
    return draw.clicked(scene(spec), trace, *point) if len(point) == 2 else None


def kernel_grid(spec: SPEC) -> np.ndarray:
    """The visitor's own kernel, (height, width), as its grid shows it."""
    height = 1 if spec.kind in ("line", "causal") else spec.kernel_size
    return own(spec.weights, height, spec.kernel_width or spec.kernel_size)


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {"stage": stage(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The first visit's picture, for the card on the home page."""
    return draw.thumbnail(scene(SPEC()))
