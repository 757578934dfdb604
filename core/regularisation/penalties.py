"""What penalties do to a weight: in closed form for one weight, by training for a whole net.

One weight w with loss ½ h (w - w*)², h > 0, w* what the data alone ask for:

    plain           w = w*
    + λ |w|         w = sign(w*) max(|w*| - λ/h, 0)          soft threshold: small weights become exactly 0
    + ½ λ w²        w = w* h / (h + λ)                       shrinkage: none becomes 0

Gradient descent on the L2 loss goes there as w_t = w_∞ + (1 - η(h + λ))^t (w_0 - w_∞). On the L1 loss the subgradient jumps from one side of
0 to the other by about ηλ; the proximal step  w ← soft(w - η h (w - w*), ηλ)  ends at the threshold's answer itself.

For a whole net under SGD an L2 penalty and decoupled decay are the same step, w - η(g + λw) = (1 - ηλ) w - η g. Under Adam the penalty's
gradient is divided by √v̂ like any other, so weights with large gradients hardly shrink; decoupled decay shrinks all by one factor.

Sources: R. Tibshirani, J. R. Statist. Soc. B 58, 1996, eq. 3; T. Hastie, R. Tibshirani, J. Friedman, "The elements of statistical learning",
2nd ed. 2009, table 3.4; I. Loshchilov, F. Hutter, ICLR 2019, propositions 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.regularisation.compute import affordable, plan_of
from core.regularisation.spec import RegularisationSpec
from core.regularisation.training import Plan, Variant, descend

Array = np.ndarray
WAY, STEP = 60, 0.1  # steps of one weight's descent; its η is STEP / (h + λ)
TINY = 0.01  # weights smaller than this count as near 0
TWIN_SEEDS = 3
TWIN_RATES = {"sgd": 0.1, "adam": 0.01}


def soft(w: Array, threshold: float) -> Array:
    """sign(w) max(|w| - threshold, 0)."""
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)


def shrunk(w: Array, h: float, penalty: float) -> Array:
    """w h / (h + λ)."""
    return w * h / (h + penalty)


def ways(
    target: Float[np.ndarray, " N"], start: float, h: float, penalty: float, steps: int = WAY, eta: float | None = None
) -> dict[str, Float[np.ndarray, "step N"]]:
    """The weights of four descents from `start`, step by step: plain, L2, L1 by subgradient, L1 by proximal steps."""
    eta = STEP / (h + penalty) if eta is None else eta
    moves = {
        "plain": lambda w: w - eta * h * (w - target),
        "L2 penalty": lambda w: w - eta * (h * (w - target) + penalty * w),
        "L1, subgradient": lambda w: w - eta * (h * (w - target) + penalty * np.sign(w)),
        "L1, proximal step": lambda w: soft(w - eta * h * (w - target), eta * penalty),
    }
    found = {}
    for name, move in moves.items():
        w = [np.full_like(target, start)]
        for _ in range(steps):
            w.append(move(w[-1]))
        found[name] = np.stack(w)
    return found


def weights_of(plan: Plan, theta: Float[np.ndarray, "V K P"]) -> Float[np.ndarray, "V W"]:
    """All weights of each variant, of all its seeds; shifts and γ left out."""
    return theta[..., plan.net.is_weight > 0].reshape(len(theta), -1)


def near_zero(weights: Float[np.ndarray, "V W"]) -> Float[np.ndarray, " V"]:
    """The share of weights smaller than TINY."""
    return (np.abs(weights) < TINY).mean(1)


@dataclass(frozen=True, eq=False)
class Twins:
    """L2 penalty and decoupled decay with the same λ: |w| of both at the looks, and the largest distance of any weight."""

    steps: Array
    norms: Float[np.ndarray, "look 2"]
    apart: Float[np.ndarray, " look"]


@lru_cache(maxsize=32)
def twins(plan: Plan) -> Twins:
    """Train the plan's two variants, and compare their weights under every seed."""
    norms, apart, looks = [], [], plan.looks
    for t, nets in descend(plan):
        if t in looks:
            w = nets.theta[..., plan.net.is_weight > 0]
            norms.append(np.sqrt((w * w).sum(-1)).mean(-1))
            apart.append(np.abs(w[0] - w[1]).max())
    return Twins(looks, np.stack(norms), np.array(apart))


def both_optimizers(spec: RegularisationSpec) -> dict[str, tuple[float, Twins]]:
    """Optimizer -> its learning rate, and the twins with λ of the L2 penalty."""
    pair = (Variant("L2 penalty", (("l2", spec.l2),)), Variant("Decoupled decay", (("decay", spec.l2),)))
    plan = replace(plan_of(spec, pair), seeds=TWIN_SEEDS)
    return {
        name: (rate, twins(affordable(replace(plan, optimizer=name, rate=rate)))) for name, rate in TWIN_RATES.items()
    }
