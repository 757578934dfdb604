"""A typed f(x, y) as a hill: the formula's own graph gives values and gradients, for all racers and map points at once.

The text goes through the safe parser of core/formula; its two leaves are x and y. Where the formula has no value (the log of a
negative number, a division by 0) the map has a gap, and a racer that steps there is out. No minimum is known in closed form, so
`seen` is the lowest value on a grid of 121 x 121 points.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.errors import ExplainerError
from core.formula import leaf_names, parse
from core.formula.arrays import ArrayFormula
from core.optimizer_race.surfaces import Surface

GRID = 121
START = (-0.6, 0.4)  # in parts of the map's half width; where no slope is there, the nearest point that has one


@lru_cache(maxsize=64)
def typed_surface(formula: str, extent: float = 5.0) -> Surface:
    """The hill f(x, y) over -extent to extent in both directions.

    Raises:
        ExplainerError: the formula cannot be read, names anything but x and y, names neither, or has a value nowhere on the map.
    """
    if not leaf_names(formula):
        raise ExplainerError("the formula is a constant: it names neither x nor y; try x**2 + y**2")
    arrays = ArrayFormula(parse(formula, {"x": 0.0, "y": 0.0}), ("x", "y"))
    x, y = np.meshgrid(*[np.linspace(-extent, extent, GRID)] * 2)
    values = arrays.value(x, y)
    slopes = np.isfinite(arrays.gradient(x, y)).all(0)
    if not slopes.any():
        raise ExplainerError(
            f"the formula has no value with a slope anywhere from {-extent:g} to {extent:g}; try x - log(x) + y**2, or a wider map"
        )
    far = np.where(slopes, (x - START[0] * extent) ** 2 + (y - START[1] * extent) ** 2, np.inf)
    nearest = np.unravel_index(far.argmin(), far.shape)
    side = (-extent, extent)
    return Surface(
        "typed", "Your formula", "f(x, y)", arrays.value, arrays.gradient, side, side,
        (round(float(x[nearest]), 9), round(float(y[nearest]), 9)), seen=float(np.nanmin(values)), by_graph=True,
        summary="Your own f(x, y).",
    )  # fmt: skip
