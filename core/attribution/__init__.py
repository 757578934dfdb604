"""Attribution: which pixels a network's answer hangs on, by fifteen methods, and how far such a map can be trusted."""

from __future__ import annotations

from core.attribution.methods import METHODS, Method, attribute
from core.attribution.metrics import (
    Curve,
    Infidelity,
    chance_iou,
    completeness_gap,
    deletion,
    heat,
    importance,
    infidelity,
    insertion,
    iou,
    pointing,
    sensitivity,
)
from core.attribution.randomization import Stage, cascade, spearman, ssim
from core.attribution.twin import activations, layers

__all__ = [
    "METHODS",
    "Curve",
    "Infidelity",
    "Method",
    "Stage",
    "activations",
    "attribute",
    "cascade",
    "chance_iou",
    "completeness_gap",
    "deletion",
    "heat",
    "importance",
    "infidelity",
    "insertion",
    "iou",
    "layers",
    "pointing",
    "sensitivity",
    "spearman",
    "ssim",
]
