"""Pictures of one shape on a textured ground, with the pixels of the shape and its box: the right answer to "where".

For each picture a centre c, a radius r, a turn a and two colours are drawn. A pixel p has the coordinates

    (u, v) = R(-a) (p - c) / r

in the shape's own frame, and belongs to the

    circle     if u^2 + v^2 <= 1
    square     if max(|u|, |v|) <= sqrt(pi) / 2
    triangle   if v <= T / 2 and T - |u| sqrt(3) + v >= 0,    T = sqrt(4 pi / (3 sqrt(3))), its circumradius
    cross      if min(|u|, |v|) <= w and max(|u|, |v|) <= (pi + 4 w^2) / (8 w),    w = 0.35

All four have the area pi r^2, and colours, place, size and texture are drawn without regard to the shape: only the outline tells
the class. Colours of ground and shape differ by 0.25 to 0.45 in each channel; both carry the same waves and the same noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from core.errors import ExplainerError

SHAPES = ("circle", "square", "triangle", "cross")
RADIUS = (0.12, 0.24)  # of the picture's side
ARM = 0.35
REACH = {  # the farthest point from the centre, in radii
    "circle": 1.0,
    "square": math.sqrt(math.pi / 2),
    "triangle": math.sqrt(4 * math.pi / (3 * math.sqrt(3))),
    "cross": math.hypot((math.pi + 4 * ARM**2) / (8 * ARM), ARM),
}
CONTRAST = (0.25, 0.45)
WAVES, WAVE_HEIGHT, NOISE = 4, 0.10, 0.05
SMALLEST, LARGEST = 16, 256  # pixels of a side


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """`images` in 0..1, `labels` into SHAPES, `masks` True on the shape, `boxes` (top, left, bottom, right), the last two exclusive."""

    images: Float[np.ndarray, "N 3 size size"]
    labels: Int[np.ndarray, "N"]
    masks: Bool[np.ndarray, "N size size"]
    boxes: Int[np.ndarray, "N 4"]


def shapes(count: int, generator: torch.Generator, size: int = 64) -> ShapeSet:
    """`count` pictures of size x size pixels, every shape as likely as any other.

    Raises:
        ExplainerError: there is no picture to draw, or its side is outside 16 to 256 pixels.
    """
    if count < 1:
        raise ExplainerError(f"{count} pictures cannot be drawn; try 1 or more")
    if not SMALLEST <= size <= LARGEST:
        raise ExplainerError(f"a side of {size} pixels is outside {SMALLEST} to {LARGEST}; try 64")
    labels = torch.randint(len(SHAPES), (count,), generator=generator).numpy()
    masks = _masks(labels, generator, size)
    ground = _uniform(generator, (count, 3, 1, 1), 0.2, 0.8)
    step = _uniform(generator, (count, 3, 1, 1), *CONTRAST)
    colour = np.where(ground < 0.5, ground + step, ground - step)
    images = np.where(masks[:, None], colour, ground) + _texture(generator, count, size)
    boxes = np.array([_box(mask) for mask in masks])
    return ShapeSet(np.clip(images, 0, 1).astype(np.float32), labels, masks, boxes)


def inside(name: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Which points (u, v), in radii from its centre, belong to the shape.

    Raises:
        ExplainerError: no shape has that name.
    """
    low, high = np.minimum(abs(u), abs(v)), np.maximum(abs(u), abs(v))
    match name:
        case "circle":
            return u**2 + v**2 <= 1
        case "square":
            return high <= math.sqrt(math.pi) / 2
        case "triangle":
            T = REACH["triangle"]
            return (v <= T / 2) & (T - abs(u) * math.sqrt(3) + v >= 0)
        case "cross":
            return (low <= ARM) & (high <= (math.pi + 4 * ARM**2) / (8 * ARM))
    raise ExplainerError(f"the shape {name!r} is unknown; choose circle, square, triangle or cross")


def _masks(labels: np.ndarray, g: torch.Generator, size: int) -> np.ndarray:
    """(N, size, size): the shape lies wholly inside the picture, with half a pixel to spare."""
    N = len(labels)
    r = _uniform(g, (N,), *RADIUS) * size
    reach = r * np.array([REACH[name] for name in SHAPES])[labels] + 0.5
    centre = reach[:, None] + _uniform(g, (N, 2), 0, 1) * (size - 2 * reach[:, None])
    turn = _uniform(g, (N,), 0, 2 * math.pi)
    y, x = np.mgrid[:size, :size] + 0.5
    masks = np.empty((N, size, size), bool)
    for n, label in enumerate(labels):
        dy, dx = (y - centre[n, 0]) / r[n], (x - centre[n, 1]) / r[n]
        cos, sin = math.cos(turn[n]), math.sin(turn[n])
        masks[n] = inside(SHAPES[label], cos * dx + sin * dy, cos * dy - sin * dx)
    return masks


def _texture(g: torch.Generator, count: int, size: int) -> np.ndarray:
    """(N, 3, size, size): a few plane waves, 1 to 6 to a side, and noise in each pixel."""
    frequency = _uniform(g, (count, WAVES, 1, 1), 1, 6) * 2 * math.pi / size
    direction, phase = (_uniform(g, (count, WAVES, 1, 1), 0, 2 * math.pi) for _ in range(2))
    y, x = np.mgrid[:size, :size]
    waves = np.sin(frequency * (np.cos(direction) * x + np.sin(direction) * y) + phase).mean(axis=1, keepdims=True)
    noise = torch.randn((count, 3, size, size), generator=g).numpy()
    return WAVE_HEIGHT * waves + NOISE * noise


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _uniform(g: torch.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    return low + (high - low) * torch.rand(shape, generator=g, dtype=torch.float64).numpy()
