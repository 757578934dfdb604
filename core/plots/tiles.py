"""Many small pictures in one: side by side with gaps, resized without inventing detail, and found again after a click."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from core.plots.theme import hidden_axis


def columns_of(count: int, most: int = 16) -> int:
    """How many of `count` tiles stand in a row: about as many as there are rows, at most `most`."""
    return max(1, min(most, math.ceil(math.sqrt(count))))


def sheet(tiles: Float[np.ndarray, "K h w"], columns: int, gap: int = 1) -> Float[np.ndarray, "height width"]:
    """K pictures side by side, `columns` in a row, `gap` cells of NaN between them; missing ones are NaN."""
    K, h, w = tiles.shape
    rows = -(-K // columns)
    cells = np.full((rows * columns, h + gap, w + gap), np.nan)
    cells[:K, :h, :w] = tiles
    whole = cells.reshape(rows, columns, h + gap, w + gap).swapaxes(1, 2).reshape(rows * (h + gap), columns * (w + gap))
    return whole[: rows * (h + gap) - gap, : columns * (w + gap) - gap]


def tile_at(row: int, column: int, shape: tuple[int, int], columns: int, gap: int = 1) -> int:
    """The number of the tile of `shape` (h, w) that a cell of the sheet belongs to; a gap belongs to the tile before it."""
    return row // (shape[0] + gap) * columns + column // (shape[1] + gap)


def corner(tile: int, shape: tuple[int, int], columns: int, gap: int = 1) -> tuple[int, int]:
    """Row and column of the upper left cell of a tile: where `sheet` puts it."""
    return tile // columns * (shape[0] + gap), tile % columns * (shape[1] + gap)


def frame(tile: int, shape: tuple[int, int], columns: int, color: str, gap: int = 1, **more: Any) -> dict[str, Any]:
    """A Plotly shape: the outline of a tile."""
    row, column = corner(tile, shape, columns, gap)
    edges = {"x0": column - 0.5, "x1": column + shape[1] - 0.5, "y0": row - 0.5, "y1": row + shape[0] - 0.5}
    return {"type": "rect", **edges, "line": {"color": color, "width": 3}, **more}


def resized(pictures: Float[np.ndarray, "K h w"], height: int, width: int) -> Float[np.ndarray, "K height width"]:
    """Each new cell is the mean of what it covers of the old ones: blocks when enlarged, averages when shrunk."""
    return _cover(pictures.shape[1], height) @ pictures @ _cover(pictures.shape[2], width).T


def _cover(n: int, m: int) -> np.ndarray:
    """R[i, j]: the share of new cell i that old cell j covers when n cells become m. Each row sums to 1."""
    edges = np.linspace(0, n, m + 1)
    left = np.maximum(edges[:-1, None], np.arange(n))
    right = np.minimum(edges[1:, None], np.arange(n) + 1)
    return np.maximum(right - left, 0) * m / n


def upright(**more: Any) -> dict[str, Any]:
    """The y-axis of a picture without a scale: row 0 on top, cells square."""
    turned = {} if "range" in more else {"autorange": "reversed"}
    return hidden_axis(scaleanchor="x", constrain="domain", constraintoward="top", **turned, **more)


def pixels(picture: Float[np.ndarray, "C h w"]) -> np.ndarray:
    """A picture in 0..1 with one or three channels as (h, w, 3) bytes."""
    shown = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shown, (3, *shown.shape[1:])).transpose(1, 2, 0))
