"""Numbers on a grid of few bits, and a net that computes with their codes (B. Jacob et al., CVPR 2018, section 2).

    r ≈ S (q − Z)  (eq. 1),     q = clamp(round(r / S) + Z, q_min, q_max)

    affine       S = (r_max − r_min) / (2^bits − 1),   Z = round(q_min − r_min / S),   q from −2^(bits−1) to 2^(bits−1) − 1
    symmetric    S = max |r| / (2^(bits−1) − 1),       Z = 0,                          q within ±(2^(bits−1) − 1)

The range r_min..r_max always holds 0, which is then on the grid exactly: a border of zeros and a silent unit stay zeros. A product of
codes needs whole numbers only (eq. 4 and 7):

    Σ_j r_j w_j = S_r S_w (Σ q_j p_j − Z_w Σ q_j − Z_r Σ p_j + k Z_r Z_w)

Biases stay as they are. round() is to the nearest, halves to even, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from core.compression.nets import Array, Columns, Logits, Net, forward, times

CALIBRATION = 256  # training digits that fix a static range


@dataclass(frozen=True)
class Rules:
    """How a net is rounded: `bits` of weights, `bits_a` of what layers read, the kinds as in the Spec."""

    mode: str
    bits: int
    bits_a: int
    scheme: str
    group: str
    percent: float


@dataclass(frozen=True, eq=False)
class Grid:
    """S and Z (arrays that fit what they round by broadcasting), and the lowest and highest code."""

    scale: Float[Array, "*s"]
    zero: Int[Array, "*s"]
    low: int
    high: int

    def codes(self, r: Array) -> Array:
        """q, as 32-bit whole numbers."""
        return np.clip(np.rint(r / self.scale) + self.zero, self.low, self.high).astype(np.int32)

    def rounded(self, r: Array) -> Array:
        """The grid's value nearest to r: S (q − Z)."""
        return self.scale * (self.codes(r) - self.zero)


def limits(bits: int, scheme: str) -> tuple[int, int]:
    """The lowest and highest code."""
    top = 2 ** (bits - 1) - 1
    return (-top - (scheme == "affine"), top)


def grid(low: Array, high: Array, bits: int, scheme: str) -> Grid:
    """The grid for the range low..high, widened to hold 0. A range of nothing but 0 gets scale 1."""
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    q_low, q_high = limits(bits, scheme)
    wide = np.maximum(-low, high) / q_high if scheme == "symmetric" else (high - low) / (q_high - q_low)
    scale = np.where(wide > 0, wide, 1.0)
    zero = np.zeros(scale.shape) if scheme == "symmetric" else np.clip(np.rint(q_low - low / scale), q_low, q_high)
    return Grid(scale, zero.astype(np.int32), q_low, q_high)


def grid_of(r: Array, axes: tuple[int, ...], percent: float, bits: int, scheme: str) -> Grid:
    """The grid for the middle `percent` of r along `axes`; 100 is from the smallest to the largest."""
    if percent == 100.0:
        return grid(r.min(axis=axes, keepdims=True), r.max(axis=axes, keepdims=True), bits, scheme)
    low, high = np.percentile(r, (100.0 - percent, percent), axis=axes, keepdims=True)
    return grid(low, high, bits, scheme)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A net and the grids of its weights; `inputs` those of what its layers read, empty unless they are static."""

    net: Net
    rules: Rules
    weights: tuple[Grid, ...]
    inputs: tuple[Grid, ...]

    def grid_in(self, at: int, x: Columns) -> Grid:
        """The grid for what layer `at` reads: fixed beforehand, or for each digit by itself."""
        return self.inputs[at] if self.inputs else grid_of(x, (1, 2), self.rules.percent, self.rules.bits_a, self.rules.scheme)  # fmt: skip


def quantize(net: Net, rules: Rules, X: Float[Array, "N 64"]) -> Quantized:
    """Choose every grid; X are training digits, of which the first fix the static ranges."""
    axes = (0, 1) if rules.group == "tensor" else (1,)
    weights = tuple(grid_of(layer.W, axes, rules.percent, rules.bits, rules.scheme) for layer in net)
    read = forward(net, X[:CALIBRATION]).columns if rules.mode == "static" else []
    inputs = tuple(grid_of(x, (0, 1, 2), rules.percent, rules.bits_a, rules.scheme) for x in read)
    return Quantized(net, rules, weights, inputs)


def fake_logits(q: Quantized, X: Float[Array, "N 64"]) -> Logits:
    """The logits with every number moved to its grid, in floating point ("fake quantization")."""
    rounded = [g.rounded(layer.W) for g, layer in zip(q.weights, q.net, strict=True)]

    def product(at: int, x: Columns) -> Array:
        return times(x if q.rules.mode == "weights" else q.grid_in(at, x).rounded(x), rounded[at].T)

    return forward(q.net, X, product).z


def integer_product(q: Int[Array, "N P k"], Z_r: Array, p: Int[Array, "out k"], Z_w: Array) -> Int[Array, "N P out"]:
    """Σ (q − Z_r)(p − Z_w) by the four sums, all in 32-bit whole numbers."""
    k = np.int32(q.shape[2])
    return times(q, p.T) - q.sum(2, keepdims=True, dtype=np.int32) * Z_w.T - Z_r * p.sum(1, dtype=np.int32) + k * Z_r * Z_w.T  # fmt: skip


def integer_logits(q: Quantized, X: Float[Array, "N 64"]) -> Logits:
    """The logits with whole-number products; not for a net of which only the weights are rounded."""
    codes = [g.codes(layer.W) for g, layer in zip(q.weights, q.net, strict=True)]

    def product(at: int, x: Columns) -> Array:
        own, weight = q.grid_in(at, x), q.weights[at]
        sums = integer_product(own.codes(x), own.zero, codes[at], weight.zero)
        return own.scale * weight.scale.T * sums

    return forward(q.net, X, product).z


def signal_to_noise(r: Array, rounded: Array) -> float:
    """10 log10 of Σ r² over Σ (r − r̂)² in decibels; infinite where nothing is lost."""
    lost = float(np.sum((r - rounded) ** 2))
    return float("inf") if lost == 0 else 10.0 * float(np.log10(np.sum(r**2) / lost))
