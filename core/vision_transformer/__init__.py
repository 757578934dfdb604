"""A vision transformer on small pictures: tokens, attention, where it looked, and what it loses with patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.convolution.trained import Wanted, fetched
from core.vision_transformer import figures as draw
from core.vision_transformer.code import numbers, script
from core.vision_transformer.compute import View, view_of
from core.vision_transformer.lenses import about, hungry, look, looking, start, trained, worked
from core.vision_transformer.questions import questions
from core.vision_transformer.report import sections, table
from core.vision_transformer.scene import drawn, missing, resolved
from core.vision_transformer.spec import EXAMPLES, TOUR
from core.vision_transformer.spec import VisionTransformerSpec as SPEC
from core.vision_transformer.top import pictures
from core.vision_transformer.training import learn, shipped_hunger
from models.vits import DATA, LARGE

__all__ = [
    "EXAMPLES",
    "SPEC",
    "TOUR",
    "View",
    "Wanted",
    "about",
    "chosen_head",
    "chosen_patch",
    "draw",
    "drawn",
    "fetched",
    "figures",
    "large",
    "learn",
    "look",
    "looking",
    "menus",
    "missing",
    "numbers",
    "pictures",
    "progress",
    "questions",
    "resolved",
    "script",
    "sections",
    "table",
    "thumbnail",
    "view_of",
    "worked",
]


def menus(spec: SPEC) -> dict[str, tuple[Sequence[str], str]]:
    """The numbers of patches that networks for these pictures ship with, and the chosen one."""
    grids = [str(grid) for grid in sorted(DATA[spec.data].grids)]
    return {"grid": (grids, spec.grid if spec.grid in grids else str(DATA[spec.data].grids[0]))}


def large() -> Wanted:
    """The network whose weights do not ship, as a download wants it named."""
    return Wanted(network=LARGE.name)


def chosen_patch(view: View, place: tuple[int, int]) -> dict[str, object]:
    """A click on the map: that patch looks; on the one that looks already, the class token does again."""
    row, column = (int(p) // view.variant.patch for p in place)
    query = row * view.variant.grid + column
    return {
        "query": -1 if query == view.query else query,
        "view": "rollout" if view.spec.view == "rollout" else "attention",
    }


def chosen_head(view: View, place: tuple[int, int]) -> dict[str, object]:
    """A click on the sheet of heads: that layer and head are shown large."""
    layers, heads = view.seen.A.shape[:2]
    layer, head = draw.tile_clicked(*map(int, place), view.variant.pictures.size, view.variant.grid, layers, heads)
    return {"layer": layer, "head": head, "view": "attention"}


def progress(
    spec: SPEC, metrics: Mapping[str, Sequence[float]] | None, arrays: Mapping[str, np.ndarray]
) -> dict[str, Figure]:
    """The pictures of a job so far; before its start, of the untrained network, or of the measurement that ships."""
    if spec.lens == "hunger":
        return hungry(arrays["accuracy"] if "accuracy" in arrays else shipped_hunger())
    return trained(metrics, arrays["likeness"]) if metrics and "likeness" in arrays else start(spec)


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    view = view_of(spec)
    jobs = progress(spec, None, {}) if spec.lens in ("training", "hunger") else {}
    return {**pictures(view), **look(view).figures, **jobs}


def thumbnail() -> Figure:
    """The first visit's picture with its rollout."""
    view = view_of(SPEC())
    return draw.thumbnail(view.scene.picture(), view.map("rollout"))
