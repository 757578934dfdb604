"""Conv lab: what a unit of a trained network wants, and what follows when one thing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.contracts import Figure, Step
from core.conv_lab import figures as draw
from core.conv_lab.code import script
from core.conv_lab.compute import (
    ablate_each,
    asked,
    climb,
    layers_of,
    learned_kernel,
    new_kernel,
    numbers,
    quick_climb,
)
from core.conv_lab.lenses import View, look, removals, wish_figures, worked
from core.conv_lab.questions import questions
from core.conv_lab.spec import EXAMPLES, LENSES, TOUR
from core.conv_lab.spec import ConvLabSpec as SPEC
from core.convolution.trained import OWN, known_accuracy
from core.errors import ExplainerError
from core.plots.words import plain

__all__ = [
    "EXAMPLES",
    "LENSES",
    "SPEC",
    "TOUR",
    "View",
    "ablate_each",
    "climb",
    "climbing",
    "draw",
    "figures",
    "kernel_cells",
    "kernel_text",
    "look",
    "menu",
    "numbers",
    "questions",
    "removals",
    "script",
    "thumbnail",
    "where",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return dict(look(spec).figures)


def climbing(view: Any, spec: SPEC) -> tuple[dict[str, Figure], list[Step]]:
    """The pictures of a running or finished climb, and the steps of their film; before its start, of the first steps."""
    if view is None or view.newest is None:
        film = quick_climb(spec)
        return wish_figures(film, spec), draw.film_steps(film)
    film = view.film if view.state in ("done", "stopped") and len(view.film) > 1 else (view.newest,)
    shown = wish_figures(film, spec)
    return {**shown, "progress": draw.progress(view.metrics["step"], view.metrics["answer"])}, draw.film_steps(film)


def menu(spec: SPEC) -> tuple[list[str], str]:
    """The layers to choose from, and the chosen one; the default one where the Spec's is unknown."""
    names = list(layers_of(spec.network))
    return names, spec.layer if spec.layer in names else asked(SPEC(network=spec.network)).layer


def where(spec: SPEC) -> str:
    """The network, on what its accuracy was measured, what is asked about, and on which pictures."""
    a = asked(spec)
    label = f", {a.about.classes[a.truth]}" if a.labelled else ""
    shown = OWN if a.index < 0 else f"picture {a.index}{label} ({a.examples.words})"
    return f"**{a.about.title}**, trained on {a.about.dataset}: {known_accuracy(a.about)}. Looking at map **{a.unit}** of **{plain(a.layer)}**, {shown}."


def kernel_cells(spec: SPEC) -> dict[str, float]:
    """The numbers of the kernel to edit, by row and column; as learned where the visitor's cannot be used."""
    try:
        kernel = new_kernel(spec)
    except ExplainerError:
        kernel = learned_kernel(spec)[2]
    return {f"row {i}, column {j}": round(float(value), 4) for (i, j), value in np.ndenumerate(kernel)}


def kernel_text(cells: dict[str, float]) -> str:
    """The text that keeps the edited kernel in the link."""
    return ", ".join(f"{value:.4g}" for value in cells.values())


def thumbnail() -> Figure:
    """What eight units want, after the first steps."""
    wishes = [quick_climb(SPEC(unit=unit))[-1].arrays["images"][0] for unit in range(8)]
    return draw.thumbnail(np.stack(wishes))
