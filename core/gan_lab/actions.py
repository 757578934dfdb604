"""What a visitor does with the game: single moves, drawn points, a table. Each gives the Spec's new settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.data.linked import MOST
from core.data.tables import Table
from core.errors import ExplainerError
from core.gan_lab.compute import Run, frame_of, source_of
from core.gan_lab.figures import blank
from core.gan_lab.points import FEWEST, decode, encode
from core.gan_lab.spec import MOST_MOVES, GanSpec
from core.rng import numpy_generator

MOVES = (("Move D", "D"), ("Move G", "G"), ("Move both", "B"))


def moved(spec: GanSpec, move: str) -> dict[str, Any]:
    """One more move after all others, and the film at its end.

    Raises:
        ExplainerError: there are 60 already.
    """
    if len(spec.moves) >= MOST_MOVES:
        raise ExplainerError(
            f"{MOST_MOVES} single moves are all that a link holds; take some back, or play more rounds"
        )
    return {"moves": spec.moves + move, "frame": -1}


def taken_back(spec: GanSpec) -> dict[str, Any]:
    """Without the last single move."""
    return {"moves": spec.moves[:-1], "frame": -1}


def frame_at(spec: GanSpec, run: Run, frame: int) -> dict[str, int]:
    """The film stands at this frame; at its end it stays at the end when the run grows."""
    if frame == frame_of(run, spec.frame):
        return {}
    return {"frame": -1 if frame == len(run.rounds) - 1 else frame}


def needs_points(spec: GanSpec) -> bool:
    """Whether the visitor must draw points before the game can begin."""
    return spec.data == "own" and len(spec.points) < 4 * FEWEST


def blank_map(spec: GanSpec) -> Figure:
    """The map with the points drawn so far."""
    return blank(decode(spec.points))


def clicked(spec: GanSpec, click: Any) -> dict[str, Any]:
    """The point that a click (with its x and y; None: there was none) adds.

    Raises:
        ExplainerError: there are 400 already.
    """
    if click is None or not (isinstance(click.x, float | int) and isinstance(click.y, float | int)):
        return {}
    if len(spec.points) >= 4 * MOST:
        raise ExplainerError(f"the map holds {MOST} points, which is all that fits into a link; remove some first")
    return {"points": spec.points + encode(np.array([[click.x, click.y]], float)), "moves": "", "frame": -1}


def fewer(spec: GanSpec, count: int) -> dict[str, Any]:
    """Without the last `count` points."""
    return {"points": spec.points[: max(0, len(spec.points) - 4 * count)], "moves": "", "frame": -1}


def as_points(spec: GanSpec) -> dict[str, Any]:
    """A hundred points of the data on screen as drawn points, to go on from."""
    X = source_of(spec).draw(numpy_generator(spec.seed, "drawn"), 100)
    return {"data": "own", "points": encode(X), "moves": "", "frame": -1}


def column_menus(table: Table) -> dict[str, tuple[Sequence[str], int]]:
    """The columns that x and y may be, and which one is proposed."""
    numbers = list(table.numbers)
    return {"x": (numbers, 0), "y": (numbers, min(1, max(0, len(numbers) - 1)))}
