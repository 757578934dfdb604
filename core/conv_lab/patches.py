"""The pieces of the example pictures that excite a unit most: the units' own words, as far as they have any.

For each picture the cell where the unit's map is largest is found; the nine pictures with the largest values are kept, and of each the
window that this cell can see, its theoretical receptive field (core.convolution.flow).

Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from core.convolution.flow import Reach

NINE = 9


@dataclass(frozen=True, eq=False)
class Patches:
    """The strongest first: row of its picture, the cell, the value there, and the window (top, left, bottom, right) in pixels."""

    pictures: Int[np.ndarray, "K"]
    cells: Int[np.ndarray, "K 2"]
    values: Float[np.ndarray, "K"]
    windows: Int[np.ndarray, "K 4"]


def top_patches(maps: Float[np.ndarray, "N h w"], reach: Reach, size: tuple[int, int]) -> Patches:
    """The nine strongest cells of a unit's maps, one a picture, and their windows in pictures of `size` (height, width)."""
    flat = maps.reshape(len(maps), -1)
    best = flat.argmax(axis=1)
    values = flat[np.arange(len(flat)), best]
    order = np.argsort(-values, kind="stable")[:NINE]
    cells = np.stack(np.unravel_index(best[order], maps.shape[1:]), axis=1)
    return Patches(order, cells, values[order], np.array([reach.window(i, j, size) for i, j in cells.tolist()]))
