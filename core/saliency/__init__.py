"""Where did it look? Fifteen attributions of one answer, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.attribution import METHODS
from core.contracts import Figure
from core.saliency import figures as draw
from core.saliency.code import script
from core.saliency.compute import (
    FAST,
    Slow,
    View,
    bring,
    can,
    classes_of,
    errand,
    layer_names,
    map_of,
    numbers,
    probabilities,
    score,
    slow_maps,
    view_of,
)
from core.saliency.lenses import Look, is_signed, look, overview, score_figure, score_rows, worked
from core.saliency.questions import questions
from core.saliency.spec import EXAMPLES, LAST, NETWORKS, PREDICTED, SMALL, TOUR
from core.saliency.spec import SaliencySpec as SPEC

__all__ = [
    "EXAMPLES",
    "FAST",
    "METHODS",
    "NETWORKS",
    "SMALL",
    "SPEC",
    "TOUR",
    "Look",
    "Slow",
    "View",
    "bring",
    "chosen_method",
    "draw",
    "errand",
    "figures",
    "look",
    "menus",
    "numbers",
    "overview",
    "questions",
    "score",
    "score_figure",
    "score_rows",
    "script",
    "slow_maps",
    "small",
    "thumbnail",
    "tiles",
    "view_of",
    "worked",
]


def menus(spec: SPEC) -> dict[str, tuple[Sequence[str], str]]:
    """Class and layer: the choices that the network leaves, and what is chosen now."""
    target, layer = (PREDICTED, *classes_of(spec.network)), (LAST, *layer_names(spec.network))
    return {
        "target": (target, spec.target if spec.target in target else PREDICTED),
        "layer": (layer, spec.layer if spec.layer in layer else LAST),
    }


def small(view: View) -> dict[str, Figure]:
    """The picture in its colours, and the network's answer."""
    words = view.scene.words + (f"; it shows: {view.scene.label}" if view.scene.label else "")
    return {
        "photo": draw.photo(view.scene.picture(), words),
        "bars": draw.bars(view.classes, probabilities(view.scene), view.target),
    }


def tiles(view: View, methods: Sequence[str] | None = None) -> Figure:
    """All maps side by side; those that are not among `methods` (None: all that are at hand) are still to come."""
    spec, methods = view.spec, view.at_hand if methods is None else methods
    return draw.gallery(
        draw.shrunk(view.scene.picture()),
        {
            about.title: draw.shrunk(view.ranking(name)) if name in methods else None
            for name, about in METHODS.items()
            if can(name, spec.network)
        },
        {about.title: is_signed(spec, name) for name, about in METHODS.items()},
        spec.clip,
        spec.overlay,
        view.scene.truth(),
        METHODS[spec.method].title,
        view.classes[view.target],
    )


def chosen_method(trace: int, view: View, methods: Sequence[str] | None = None) -> str:
    """The method whose tile was clicked; "" for another place."""
    title = draw.tile_of(tiles(view, methods).data, trace)
    return next((name for name, about in METHODS.items() if about.title == title), "")


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    view = view_of(spec)
    return {**small(view), "tiles": tiles(view), **look(view).figures}


def thumbnail() -> Figure:
    """The first visit's picture with three of its maps, for the card on the home page."""
    view = view_of(SPEC())
    names = ("grad_cam", "integrated_gradients", "saliency")
    maps = [
        np.abs(
            map_of(view.scene, view.target, n, view.layer if METHODS[n].needs_layer else "", view.spec.baseline).heat
        )
        for n in names
    ]
    return draw.thumbnail(view.scene.picture(), maps, [False] * 3, view.scene.truth())
