"""EfficientNet's compound scaling, and which picture sizes a network can take.

    depth d = α^φ,  width w = β^φ,  picture r = γ^φ,   multiply-adds ~ d w² r² = (α β² γ²)^φ

with α β² γ² ≈ 2 chosen by search: α = 1.2, β = 1.1, γ = 1.15. M. Tan, Q. Le, ICML 2019, equations 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.architectures.blocks import Chain
from core.architectures.compute import Plan
from core.architectures.count import Count, Row, count, smallest, steps, windows
from core.architectures.spec import ArchitecturesSpec
from core.architectures.words import spoken
from core.architectures.zoo import EFFICIENT_SIZES, efficientnet

SIDES = (8, 16, 28, 32, 48, 64, 96, 128, 224)
BASE_SIDE = 224


@dataclass(frozen=True)
class Scaled:
    """The multipliers at φ, the side of the picture, and the counted network."""

    depth: float
    width: float
    side: int
    plan: Plan


def scaled(spec: ArchitecturesSpec) -> Scaled:
    """The visitor's scaling of B0."""
    depth, width, side = spec.alpha**spec.phi, spec.beta**spec.phi, round(BASE_SIDE * spec.gamma**spec.phi)
    return Scaled(depth, width, side, Plan(efficientnet(width=width, depth=depth), (3, side, side), f"B0 at φ = {spec.phi}"))  # fmt: skip


@lru_cache(maxsize=1)
def published() -> tuple[Count, ...]:
    """B0 to B7, counted."""
    return tuple(count(efficientnet(width=w, depth=d), (3, side, side)) for w, d, side in EFFICIENT_SIZES)


def law(spec: ArchitecturesSpec, phi: int) -> float:
    """(α β² γ²)^φ."""
    return (spec.alpha * spec.beta**2 * spec.gamma**2) ** phi


def changing(found: Count) -> list[Row]:
    """The layers that may change the side on the way: windows with a stride, or without padding that keeps the size."""
    rows = [row for row in found.rows if row.layer is not None and len(row.went) == 3]
    return [row for row in rows if row.layer.kind == "mean" or ((row.layer.kernel, row.layer.stride) != (1, 1) and windows(row.layer, 64) != 64)]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sizes:
    """`left` (layer, picture) is the side after each layer that changes it, NaN where it does not fit; `least` the smallest picture (0: none up to 1024)."""

    names: tuple[str, ...]
    left: np.ndarray
    least: int


def sizes(net: Chain, channels: int) -> Sizes:
    """What stays of pictures of the sides SIDES."""
    least = smallest(net, channels)
    usual = changing(count(net, (channels, max(least, BASE_SIDE), max(least, BASE_SIDE)))) if least else []
    left = np.full((len(usual), len(SIDES)), np.nan)
    for j, side in enumerate(SIDES):
        went = sides_until_it_breaks(net, channels, side)
        left[:, j] = [went.get(row.path, np.nan) for row in usual]
    return Sizes(tuple(f"{spoken(row.path)}  {row.label}" for row in usual), left, least)


def sides_until_it_breaks(net: Chain, channels: int, side: int) -> dict[str, float]:
    """Path -> side of the output, as far as the picture gets."""
    return {row.path: float(row.went[1]) for row in steps(net, (channels, side, side)) if len(row.went) == 3}
