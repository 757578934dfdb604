"""Conv filter visualizer: what each layer of a trained network makes of a picture, and how its filters are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.contracts import Figure
from core.conv_filters import figures as draw
from core.conv_filters.code import script
from core.conv_filters.compute import (
    chosen_layer,
    chosen_unit,
    numbers,
    over_examples,
    see,
    shown_layers,
)
from core.conv_filters.lenses import View, look, worked
from core.conv_filters.lessons import lesson
from core.conv_filters.questions import questions
from core.conv_filters.spec import EXAMPLES, LENSES, TOUR
from core.conv_filters.spec import ConvFiltersSpec as SPEC
from core.conv_filters.training import report, train, untrained
from core.convolution import convolve, receptive_field
from core.convolution.maps import feature_maps
from core.convolution.trained import OWN, known_accuracy
from core.plots.tiles import columns_of, tile_at

__all__ = [
    "EXAMPLES",
    "LENSES",
    "SPEC",
    "TOUR",
    "View",
    "accuracy_words",
    "convolve",
    "draw",
    "feature_maps",
    "figures",
    "layers_of",
    "learning",
    "look",
    "numbers",
    "picked",
    "pictures",
    "questions",
    "receptive_field",
    "script",
    "thumbnail",
    "train",
    "worked",
]


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The picture, the answer, all layers, the chosen layer, the chosen map: what does not depend on the lens."""
    seen = see(spec)
    layer = chosen_layer(spec, seen)
    maps = seen.maps[layer]
    unit = chosen_unit(spec, maps)
    ends = draw.bounds(seen.largest, spec.scaling)
    dead = over_examples(spec.network)[layer].dead
    words = OWN if seen.index < 0 else f"{seen.label or 'one'} of the {seen.examples.words}"
    return {
        "picture": draw.picture(seen.picture, words),
        "answer": draw.answer(seen.probabilities, seen.about.classes, seen.label),
        "overview": draw.overview(seen.maps, ends, shown_layers(seen), spec.scaling, layer, unit),
        "layer": draw.layer_grid(maps, ends[layer], dead, layer, unit, spec.scaling),
        "map": draw.one_map(maps[unit], layer, unit),
    }


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`; those of the training before its start."""
    return {**pictures(spec), **look(spec).figures, **(learning(None, spec) if spec.lens == "training" else {})}


def learning(view: Any, spec: SPEC) -> dict[str, Figure]:
    """Curves, filters and maps of a running or finished job; before its start, of the untrained network."""
    if view is None or view.newest is None:
        about = lesson(spec.lesson)
        first = report(untrained(spec, about), about, spec, 0, 1)
        metrics: Mapping[str, Sequence[float]] = {name: [value] for name, value in first.metrics.items()}
        moments = [first.arrays]
    else:
        over = view.state in ("done", "stopped") and len(view.film) > 1
        metrics, moments = view.metrics, [s.arrays for s in view.film] if over else [view.newest.arrays]
    return {
        "curves": draw.curves(metrics),
        "filters": draw.learned_filters(moments),
        "maps": draw.learned_maps(moments),
    }


def layers_of(spec: SPEC) -> tuple[list[str], str]:
    """The layers to choose from, and the one that is chosen; the default one where the Spec's is unknown."""
    seen = see(spec)
    return seen.layers, spec.layer if spec.layer in seen.layers else chosen_layer(SPEC(network=spec.network), seen)


def picked(
    spec: SPEC,
    overview: tuple[int, int] | None = None,
    grid: tuple[int, int] | None = None,
    cell: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """What a click on the overview, on the layer's grid or on the enlarged map, at (row, column), chooses; empty for none."""
    seen = see(spec)
    if overview is not None:
        layer, unit = draw.overview_pick(*overview, shown_layers(seen))
        return {"layer": layer, "unit": unit, "cell": -1} if unit < len(seen.maps[layer]) else {}
    maps = seen.maps[chosen_layer(spec, seen)]
    if grid is not None:
        count, shape = draw.grid_size(maps.shape)
        unit = tile_at(*grid, shape, columns_of(count), draw.grid_gap(shape))
        return {"unit": unit, "cell": -1} if unit < count else {}
    return {"lens": "field", "cell": cell[0] * maps.shape[2] + cell[1]} if cell is not None else {}


def accuracy_words(spec: SPEC) -> str:
    """What the network is, on what its accuracy was measured, and what the example pictures are."""
    seen = see(spec)
    shown = f"It looks at {OWN}" if seen.index < 0 else f"The examples are {seen.examples.words}"
    return f"**{seen.about.title}**, trained on {seen.about.dataset}: {known_accuracy(seen.about)}. {shown}."


def thumbnail() -> Figure:
    """Maps of the page's first visit, for the card on the home page."""
    seen = see(SPEC())
    return draw.thumbnail(seen.maps[chosen_layer(SPEC(), seen)])
