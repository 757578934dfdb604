"""What the pictures show at each frame: D over the plane, the arrows of G's gradient, the sheet that G makes of its noise.

D is shown as what its loss understands: a probability (log losses), the target 0 ... 1 (least squares), the margin -1 ... 1 (hinge), and for
a WGAN critic, whose height means nothing, its value less the middle of the map, over the largest difference from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.gan_lab.compute import Run, pulls, sizes_of
from core.gan_lab.engine import LOSSES, output, sigmoid
from core.gan_lab.measures import LINE, density, js
from core.gan_lab.spec import NOISES, GanSpec

ARROWS, SHOWN = 40, 300  # arrows and points that are drawn
FULL, HALF = 0.35, 0.2  # the longest arrow, and the gradient whose arrow has half that length
SURE = 700.0  # a logit that is as good as infinite
SPAN, STOPS, ALONG = (
    {"normal": 2.2, "uniform": 1.0},
    11,
    23,
)  # the sheet's edge in z, its lines each way, points on a line


class Scale(NamedTuple):
    """The ends of D's colours, what they stand for, and the value at which D is undecided."""

    low: float
    high: float
    title: str
    middle: float


SCALES = {
    "log": Scale(0.0, 1.0, "D: probability of being real", 0.5),
    "least": Scale(0.0, 1.0, "D: 1 = real, 0 = generated", 0.5),
    "hinge": Scale(-1.0, 1.0, "D: ≥ 1 real, ≤ −1 generated", 0.0),
    "critic": Scale(-1.0, 1.0, "critic, 0 = middle of the map", 0.0),
}


def family(loss: str) -> str:
    """Which losses read D's output in the same way."""
    return {"minimax": "log", "nonsat": "log", "wgan": "critic", "wgan_gp": "critic"}.get(loss, loss)


def understood(loss: str, Z: np.ndarray) -> np.ndarray:
    """D's outputs Z (..., rows, columns) over the plane as the loss understands them, cut to the ends of its scale."""
    kind = family(loss)
    if kind == "log":
        return sigmoid(Z)
    if kind == "critic":
        middle = 0.5 * (Z.max((-1, -2), keepdims=True) + Z.min((-1, -2), keepdims=True))
        return (Z - middle) / np.maximum(np.abs(Z - middle).max((-1, -2), keepdims=True), 1e-12)
    return np.clip(Z, SCALES[kind].low, SCALES[kind].high)


def plane() -> np.ndarray:
    """The centres (1681, 2) of the cells, row by row from below."""
    x, y = np.meshgrid(LINE, LINE)
    return np.column_stack([x.ravel(), y.ravel()])


def outputs(run: Run, frames: slice = slice(None)) -> np.ndarray:
    """D's outputs over the plane: (frame, 41, 41)."""
    sizes, points = sizes_of(run.spec)[1], plane()
    Z = [output(theta, sizes, run.spec.activation, points) for theta in run.D[frames]]
    return np.array(Z).reshape(-1, len(LINE), len(LINE))


def answers(run: Run) -> np.ndarray:
    """D over the plane as its loss understands it: (frame, 41, 41)."""
    return understood(run.spec.loss, outputs(run))


def arrows(run: Run, frame: int) -> np.ndarray:
    """Where the first 40 generated points are told to go, as pieces (40, 3, 2) of start, end and a gap.

    Direction: -d loss_G / dx. Length: 0.35 |g| / (|g| + 0.2), so that strong pulls stay on the map and no pull is no arrow.
    """
    X = run.fakes[frame][:ARROWS]
    g = pulls(run.spec, run.D[frame], X)
    tips = X + FULL * g / (np.sqrt((g**2).sum(1, keepdims=True)) + HALF)
    return np.stack([X, tips, np.full_like(X, np.nan)], 1)


def sheet(spec: GanSpec, theta_G: np.ndarray) -> list[np.ndarray]:
    """Lines of even noise as G maps them: one array (points, 2) for each direction of z, with gaps between its lines."""
    kind, size = NOISES[spec.noise]
    along, across = (np.linspace(-SPAN[kind], SPAN[kind], n) for n in (ALONG, STOPS))
    gap = np.full((1, size), np.nan)
    if size == 1:
        lines = [[np.linspace(-SPAN[kind], SPAN[kind], STOPS * ALONG)[:, None]]]
    else:
        pairs = [[np.column_stack([np.full(ALONG, stop), along]) for stop in across]]
        lines = [*pairs, [line[:, ::-1] for line in pairs[0]]]
    noise = [np.concatenate([part for line in way for part in (line, gap)]) for way in lines]
    return [output(theta_G, sizes_of(spec)[0], spec.activation, z) for z in noise]


def exact(X: np.ndarray, Y: np.ndarray) -> float:
    """The Wasserstein distance of two clouds of the same size: min over pairings s of mean |x_i - y_s(i)|, by linear assignment."""
    from scipy.optimize import linear_sum_assignment

    cost = np.sqrt(((X[:, None] - Y) ** 2).sum(-1))
    return float(cost[linear_sum_assignment(cost)].mean())


class Best(NamedTuple):
    """The densities of real and generated points, the best answer D* and D's own, all over the grid; and what the comparison says.

    `gap` is the mean |D* - D| over the cells, weighted by (p + q) / 2; `cost` and `least` are the loss of D and of D* on the grid.
    """

    p: np.ndarray
    q: np.ndarray
    star: np.ndarray
    own: np.ndarray
    gap: float
    cost: float
    least: float
    js: float


def best(run: Run, frame: int) -> Best | None:
    """The best D for the densities at a frame; None for a critic, whose best answer is no function of p and q at the cell."""
    kind = family(run.spec.loss)
    if kind == "critic":
        return None
    p, q, s = run.stick.p, density(run.fakes[frame]), run.spec.target
    Z = outputs(run, slice(frame, frame + 1))[0]
    star, own = star_of(kind, p, q, s), understood(run.spec.loss, Z)
    with np.errstate(divide="ignore"):
        z_star = np.clip(np.log(star) - np.log1p(-star), -SURE, SURE) if kind == "log" else star
    gap = float((0.5 * (p + q) * np.abs(star - own)).sum())
    return Best(p, q, star, own, gap, grid_loss(run.spec, Z, p, q), grid_loss(run.spec, z_star, p, q), js(p, q))


def star_of(kind: str, p: np.ndarray, q: np.ndarray, s: float) -> np.ndarray:
    """D* at each cell: s p / (p + q), or sign(p - q) for the hinge loss; the middle where neither density is above 0."""
    if kind == "hinge":
        return np.sign(p - q)
    total = p + q
    return np.where(total > 0, s * p / np.where(total > 0, total, 1.0), 0.5)


def grid_loss(spec: GanSpec, Z: np.ndarray, p: np.ndarray, q: np.ndarray) -> float:
    """sum p l_real(Z) + q l_fake(Z): D's loss if the cells were all there is. A cell without weight counts 0."""
    loss = LOSSES[spec.loss]
    with np.errstate(invalid="ignore", over="ignore"):
        real, fake = p * loss.real(Z, spec.target), q * loss.fake(Z)
    return float(np.where(p > 0, real, 0.0).sum() + np.where(q > 0, fake, 0.0).sum())
