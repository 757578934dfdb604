"""L-BFGS: a guest among the optimizers, for it remembers past steps, and with a line search it asks for f more than once a step.

    d = -H g      two-loop recursion over the pairs s_i = θ_{i+1} - θ_i, y_i = g_{i+1} - g_i, ρ_i = 1 / y_iᵀ s_i
    θ ← θ + α d   α = η, or found so that the strong Wolfe conditions hold:
                  φ(α) ≤ φ(0) + c₁ α φ'(0)   and   |φ'(α)| ≤ c₂ |φ'(0)|,   φ(α) = f(θ + α d)

J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. 2006: algorithm 7.4 (two-loop recursion), 7.5 (L-BFGS), 3.5 (line
search) and 3.6 (zoom). Arithmetic and choices (cubic interpolation, safeguards, at most 25 evaluations a search) are those of
torch.optim.LBFGS with max_iter=1, without and with line_search_fn="strong_wolfe".

All racers' directions are arrays (racer, coordinate). A line search is a conversation about one racer, so it is a generator that
yields a step length α and is sent (φ(α), φ'(α)); the generators of all racers advance together, one array call of f for all.
"""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

Array = np.ndarray
State = SimpleNamespace
Hyper = SimpleNamespace

C1, C2 = 1e-4, 0.9
MOST_TRIES = 25


def dot(a: Array, b: Array) -> Array:
    """aᵀb of each racer, (racer, 1)."""
    return np.vecdot(a, b)[:, None]


def lbfgs(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Algorithm 7.5 with α = η; the first step has length η at most in the 1-norm."""
    aim(g, s, h)
    return np.where(s.moves, theta + s.alpha * s.d, theta)


def lbfgs_wolfe(theta: Array, g: Array, s: State, h: Hyper, t: int) -> Array:
    """Algorithm 7.5, α by a line search from the same first guess. `h.measure(places)` gives f and the gradient at any places."""
    aim(g, s, h)
    s.evaluations = np.ones((len(theta), 1))
    if s.moves.any():
        search(theta, g, s, h)
    return np.where(s.moves, theta + s.alpha * s.d, theta)


def aim(g: Array, s: State, h: Hyper) -> None:
    """Remember the last step's pair, then put the direction d, the first guess of α, and who `moves`, into the state."""
    awake = ~(np.abs(g).max(-1, keepdims=True) <= h.tolerance_grad)
    stuck = ~s.moves & (g == s.g_prev).all(-1, keepdims=True)  # it did not move, and would not now
    if not (awake & ~stuck).any():
        s.moves = np.zeros_like(awake)
        return
    s.y, s.s = g - s.g_prev, s.d * s.alpha
    curvature = dot(s.y, s.s)
    keep = awake & (s.k > 0) & (curvature > 1e-10)
    remember(s, keep[:, 0], 1.0 / curvature)
    s.gamma = np.where(keep, curvature / dot(s.y, s.y), s.gamma)
    d = two_loop(-g, s)
    first = np.minimum(1.0, 1.0 / np.abs(g).sum(-1, keepdims=True)) * h.lr
    alpha = np.where(s.k > 0, h.lr, first)
    s.moves = awake & ~(dot(g, d) > -h.tolerance_change)
    s.d, s.alpha = np.where(awake, d, s.d), np.where(awake, alpha, s.alpha)
    s.g_prev, s.k = np.where(awake, g, s.g_prev), s.k + awake


def remember(s: State, keep: Array, rho: Array) -> None:
    """Put the newest (s, y, ρ = 1/yᵀs) of the racers in `keep` behind their last pair, in place; the oldest makes room."""
    full = keep & (s.n == len(s.S))
    for memory in (s.S, s.Y, s.rho):
        memory[:-1, full] = memory[1:, full]
    s.n[keep & ~full] += 1
    rows = np.flatnonzero(keep)
    last = s.n[rows] - 1
    s.S[last, rows], s.Y[last, rows], s.rho[last, rows] = s.s[rows], s.y[rows], rho[rows]


def two_loop(q: Array, s: State) -> Array:
    """H q by algorithm 7.4; an empty place of a racer's memory holds zeros and adds nothing."""
    pairs = list(zip(s.S, s.Y, s.rho, strict=True))[: s.n.max()]
    a = []
    for s_i, y_i, rho_i in reversed(pairs):
        a.append(dot(s_i, q) * rho_i)
        q = q - a[-1] * y_i
    r = q * s.gamma
    for (s_i, y_i, rho_i), a_i in zip(pairs, reversed(a), strict=True):
        r = r + s_i * (a_i - dot(y_i, r) * rho_i)
    return r


def search(theta: Array, g: Array, s: State, h: Hyper) -> None:
    """Replace α of every racer that moves by the one that its line search finds, and count what was asked for."""
    f, slope, reach = h.measure(theta)[0], np.vecdot(g, s.d), np.abs(s.d).max(-1)
    alpha = s.alpha[:, 0].copy()
    searches = {
        i: strong_wolfe(alpha[i], Point(np.float64(0.0), f[i], slope[i]), reach[i], h.tolerance_change)
        for i in np.flatnonzero(s.moves)
    }
    for i, asked in searches.items():
        alpha[i] = next(asked)
    while searches:
        f, g = h.measure(theta + alpha[:, None] * s.d)
        slope = np.vecdot(g, s.d)
        s.evaluations[list(searches)] += 1
        for i in list(searches):
            try:
                alpha[i] = searches[i].send((f[i], slope[i]))
            except StopIteration as found:
                alpha[i] = found.value
                del searches[i]
    s.alpha = np.where(s.moves, alpha[:, None], s.alpha)


class Point(NamedTuple):
    """A place on the line: α, φ(α), φ'(α)."""

    alpha: float
    f: float
    slope: float


Search = Generator[float, tuple[float, float], float]


def strong_wolfe(first: float, start: Point, reach: float, tolerance: float) -> Search:
    """Algorithm 3.5: grow α until [before, here] holds a point with the strong Wolfe conditions. `reach` is max |d_i|."""
    before, here = start, Point(first, *(yield first))
    for tries in range(MOST_TRIES):
        if too_high(here, start) or (tries > 1 and here.f >= before.f):
            return (yield from zoom(before, here, start, reach, tolerance, MOST_TRIES - tries))
        if flat(here, start):
            return here.alpha
        if here.slope >= 0:
            return (yield from zoom(before, here, start, reach, tolerance, MOST_TRIES - tries))
        nearest, farthest = here.alpha + 0.01 * (here.alpha - before.alpha), here.alpha * 10
        alpha = lowest_of_cubic(before, here, nearest, farthest)
        before, here = here, Point(alpha, *(yield alpha))
    return start.alpha if start.f <= here.f else here.alpha


def zoom(a: Point, b: Point, start: Point, reach: float, tolerance: float, tries: int) -> Search:
    """Algorithm 3.6: shrink the bracket between a and b around its lower end until that has both conditions."""
    ends, low, close = [a, b], int(not a.f <= b.f), False
    for _ in range(tries):
        left, right = sorted(p.alpha for p in ends)
        if (right - left) * reach < tolerance:
            break
        alpha, close = safeguarded(lowest_of_cubic(*ends, left, right), left, right, close)
        new = Point(alpha, *(yield alpha))
        if too_high(new, start) or new.f >= ends[low].f:
            ends[1 - low] = new
            low = int(not ends[0].f <= ends[1].f)
            continue
        if flat(new, start):
            return new.alpha
        if new.slope * (ends[1 - low].alpha - ends[low].alpha) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
    return ends[low].alpha


def too_high(here: Point, start: Point) -> bool:
    """The first condition, sufficient decrease, fails."""
    return bool(here.f > start.f + C1 * here.alpha * start.slope)


def flat(here: Point, start: Point) -> bool:
    """The second condition, curvature, holds."""
    return bool(abs(here.slope) <= -C2 * start.slope)


def safeguarded(alpha: float, left: float, right: float, close: bool) -> tuple[float, bool]:
    """α, moved a tenth into the bracket where it came too close to an end twice running; and whether it is too close now."""
    tenth = 0.1 * (right - left)
    if not min(right - alpha, alpha - left) < tenth:
        return alpha, False
    if not (close or alpha >= right or alpha <= left):
        return alpha, True
    return (right - tenth if abs(alpha - right) < abs(alpha - left) else left + tenth), False


def lowest_of_cubic(p: Point, q: Point, low: float, high: float) -> float:
    """The minimum of the cubic through two points with their slopes (eq. 3.59), within [low, high]; the middle where it has none."""
    if not p.alpha <= q.alpha:
        p, q = q, p
    d1 = p.slope + q.slope - 3 * (p.f - q.f) / (p.alpha - q.alpha)
    square = d1**2 - p.slope * q.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = np.sqrt(square)
    alpha = q.alpha - (q.alpha - p.alpha) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2))
    return min(max(alpha, low), high)
