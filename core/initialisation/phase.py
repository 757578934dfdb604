"""Order and chaos in deep tanh stacks of infinite width, and the same measured in stacks of the width on screen.

    q* = σ_w² E tanh(√q* u)² + σ_b²                       the size at which the weighted sums settle       Poole et al. 2016, eq. 3
    χ_1 = σ_w² E tanh'(√q* u)²                            below 1: order, above 1: chaos                    Poole et al., eq. 6
    c_l q_l = σ_w² E tanh(u_1) tanh(u_2) + σ_b²           likeness of two inputs, c_l their correlation     Poole et al., eq. 5
    ξ = 1 / |ln χ_1|                                      layers in which |gradient|² changes by a factor e Schoenholz et al. 2017, eq. 8, 11

u_1, u_2 are normal with variances q and correlation c of the layer below. On the border χ_1 = 1, each q gives one point:
σ_w² = 1 / E tanh'(√q u)², σ_b² = q - σ_w² E tanh(√q u)². The map inverts q* = q*(σ_w) in the same way, along each line of equal σ_b.

Measured: DRAWS stacks with Gaussian weights and biases, two inputs of mean square 1 and correlation C0, and a Gaussian vector pulled
back from the top. The depth scale is 1 / |slope| of the straight line through ln of the mean squared gradient of all but the last
quarter of the layers, where the signal has not settled (counted from the input).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.initialisation.compute import sigma_w
from core.initialisation.schemes import SCHEMES
from core.initialisation.spec import InitialisationSpec, repaired
from core.initialisation.stack import How, forward, pull
from core.initialisation.theory import means, nodes
from core.rng import numpy_generator
from core.training.activations import ACTIVATIONS

TANH = ACTIVATIONS["tanh"]
DRAWS = 12
C0 = 0.6
SIGMA_W, SIGMA_B = np.linspace(0.5, 4.0, 71), np.linspace(0.0, 2.0, 41)
SIZES = np.concatenate([[0.0], np.geomspace(1e-6, 40.0, 500)])


def place(spec: InitialisationSpec) -> tuple[float, float] | None:
    """(σ_w, σ_b) of the stack; nothing for weights that are no draws of one variance."""
    own = repaired(spec)
    if own.scheme == "lsuv" or SCHEMES[own.scheme].law == "constant":
        return None
    return float(sigma_w(own)), own.bias


def fixed_point(w: float, b: float) -> float:
    """q*, by halving between b² (1e-16 without biases) and w² + b²; 0 where the signal dies."""
    if b == 0 and w <= 1:
        return 0.0
    low, high = max(b**2, 1e-16), w**2 + b**2
    for _ in range(100):
        q = np.sqrt(low * high)
        low, high = (q, high) if w**2 * means(TANH, q)[1] + b**2 > q else (low, q)
    return float(np.sqrt(low * high))


def chi(w: float, b: float) -> float:
    """χ_1."""
    return float(w**2 * means(TANH, fixed_point(w, b))[2])


@lru_cache(maxsize=1)
def diagram() -> tuple[Float[np.ndarray, "b w"], Float[np.ndarray, "2 border"]]:
    """χ_1 over the plane (rows σ_b, columns σ_w), and the border: its σ_w and σ_b."""
    _, second, slope = means(TANH, SIZES)
    rows = [_row(b, second, slope) for b in SIGMA_B]
    w2 = 1.0 / slope
    b2 = SIZES - w2 * second
    return np.stack(rows), np.stack([np.sqrt(w2), np.sqrt(np.maximum(b2, 0.0))])


def _row(b: float, second: np.ndarray, slope: np.ndarray) -> Float[np.ndarray, " w"]:
    """χ_1 along a line of equal σ_b: every q > σ_b² is the fixed point of one σ_w; below the smallest of them the signal dies."""
    usable = max(b**2, SIZES[1]) < SIZES
    q = SIZES[usable]
    w = np.sqrt((q - b**2) / second[usable])
    found = np.interp(SIGMA_W, w, q, left=0.0)
    return SIGMA_W**2 * np.interp(found, SIZES, slope)


def likeness(w: float, b: float, depth: int) -> Float[np.ndarray, " depth"]:
    """c_1 ... c_L of two inputs with mean square 1 and correlation C0."""
    q, c, found = w**2 + b**2, (w**2 * C0 + b**2) / (w**2 + b**2), []
    for _ in range(depth):
        found.append(c)
        covariance = w**2 * together(q, c) + b**2
        q = float(w**2 * means(TANH, q)[1] + b**2)
        c = min(covariance / q, 1.0) if q else 1.0
    return np.array(found)


def together(q: float, c: float) -> float:
    """E tanh(√q u) tanh(√q (c u + √(1 - c²) v)) of independent normal u, v."""
    u, weight = nodes()
    first = TANH.f(np.sqrt(q) * u)
    second = TANH.f(np.sqrt(q) * (c * u[:, None] + np.sqrt(max(0.0, 1 - c**2)) * u)) @ weight
    return float((first * second) @ weight)


@dataclass(frozen=True, eq=False)
class Settled:
    """Measured in DRAWS stacks: `q` and `c` (draw, L), `g` (L + 1,) the mean squared gradient, 1 at the top; and the fitted χ."""

    q: Float[np.ndarray, "draw L"]
    c: Float[np.ndarray, "draw L"]
    g: Float[np.ndarray, " L_and_input"]
    chi: float


def measure(spec: InitialisationSpec) -> Settled | None:
    """The stacks of the Spec's width, depth, σ_w and σ_b."""
    where = place(spec)
    return None if where is None else _measure(*where, spec.width, spec.depth, spec.seed)


@lru_cache(maxsize=16)
def _measure(w: float, b: float, width: int, depth: int, seed: int) -> Settled:
    X, how = inputs(width, seed), How(TANH)
    qs, cs, gs = [], [], []
    for k in range(DRAWS):
        g = numpy_generator(seed, "phase", str(k))
        theta = [
            part
            for _ in range(depth)
            for part in (w / np.sqrt(width) * g.normal(size=(width, width)), b * g.normal(size=width))
        ]
        seen = forward([*theta, np.zeros((width, 1)), np.zeros(1)], X, how)
        squares, product = np.array([(z**2).mean(1) for z in seen.z]), np.array([(z[0] * z[1]).mean() for z in seen.z])
        qs.append(squares.mean(1))
        cs.append(product / np.sqrt(squares.prod(1)))
        back = pull([*theta, np.zeros((width, 1)), np.zeros(1)], seen, g.normal(size=(2, width)), how, [])
        gs.append([(d**2).mean() for d in back.x])
    g2 = np.mean(gs, axis=0)
    return Settled(np.array(qs), np.array(cs), g2 / g2[-1], fitted(g2))


def inputs(width: int, seed: int) -> Float[np.ndarray, "2 w"]:
    """Two inputs with mean square 1 and correlation C0, exactly."""
    Q, _ = np.linalg.qr(numpy_generator(seed, "pair").normal(size=(width, 2)))
    first, second = np.sqrt(width) * Q.T
    return np.stack([first, C0 * first + np.sqrt(1 - C0**2) * second])


def fitted(g2: Float[np.ndarray, " L_and_input"]) -> float:
    """χ from the slope of ln g² over the layers, the first quarter left out."""
    first = len(g2) // 4
    y = np.log(g2[first:])
    return float(np.exp(-np.polyfit(np.arange(len(y)), y, 1)[0])) if len(y) > 1 else float("nan")


def depth_scale(chi_1: float) -> float:
    """ξ = 1 / |ln χ_1|: infinite on the border."""
    return float("inf") if abs(chi_1 - 1) < 1e-9 else 1 / abs(float(np.log(chi_1)))
