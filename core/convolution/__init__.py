"""Convolution arithmetic that several explainers share; what needs torch (gradient_field, maps) is imported by its own name."""

from __future__ import annotations

from core.convolution.backward import gradients
from core.convolution.convolve import convolve
from core.convolution.geometry import Geometry, geometry
from core.convolution.pooling import pool, route
from core.convolution.receptive_field import Field, receptive_field

__all__ = ["Field", "Geometry", "convolve", "geometry", "gradients", "pool", "receptive_field", "route"]
