"""Units that start alike stay alike: a stack trained from equal weights, with and without a grain of noise, and from random ones.

If two units of a layer have the same incoming and outgoing weights, they have the same activation and the same gradient at every point,
so every step of gradient descent changes them alike (D. E. Rumelhart, G. E. Hinton, R. J. Williams, Learning internal representations, 1986).

    spread of a layer = √(mean over units of |w_j - mean of w_j|²),    w_j the incoming weights of unit j

Two units count as different if an incoming weight differs by more than 1e-9: products of equal numbers may be summed in another
order, so a last digit may differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.initialisation.compute import Learner, start
from core.initialisation.points import points
from core.initialisation.spec import SUITED, InitialisationSpec, repaired
from core.initialisation.stack import Theta
from core.rng import numpy_generator

SMALL = {"depth": 4, "width": 16, "steps": 300}  # the most that this look takes of the stack
GRAIN = 0.01
SAME = 1e-9
STARTS = ("zero", "constant", "grain", "random")


@dataclass(frozen=True, eq=False)
class Lesson:
    """One start: the first layer's weights (inputs, units) before and after, losses, spread (steps + 1, L), and how many units of
    each layer differ at the end."""

    before: Float[np.ndarray, "w w"]
    after: Float[np.ndarray, "w w"]
    losses: Float[np.ndarray, " steps_and_end"]
    spread: Float[np.ndarray, "steps_and_end L"]
    different: tuple[int, ...]


def small(spec: InitialisationSpec) -> InitialisationSpec:
    """The stack of this look: the Spec's, with at most 4 layers of 16 units and 300 steps."""
    own = repaired(spec)
    return replace(own, lens="symmetry", **{name: min(getattr(own, name), most) for name, most in SMALL.items()})


def begun(spec: InitialisationSpec, name: str) -> Theta:
    """The first weights of one of STARTS."""
    scheme = {"zero": "zero", "random": SUITED[spec.activation]}.get(name, "constant")
    theta = start(replace(spec, scheme=scheme, bias=0.0))
    if name == "grain":
        g = numpy_generator(spec.seed, "grain")
        return [part + GRAIN * g.normal(size=part.shape) for part in theta]
    return theta


def spread(theta: Theta) -> Float[np.ndarray, " L"]:
    """How far the units of each layer are from each other."""
    return np.array([np.sqrt(((W - W.mean(1, keepdims=True)) ** 2).sum(0).mean()) for W in theta[:-2:2]])


def different(W: Float[np.ndarray, "n m"]) -> int:
    """How many kinds of units there are among the columns."""
    kinds: list[np.ndarray] = []
    for w in W.T:
        if not any(np.abs(w - other).max() <= SAME for other in kinds):
            kinds.append(w)
    return len(kinds)


@lru_cache(maxsize=16)
def _lessons(spec: InitialisationSpec) -> dict[str, Lesson]:
    return {name: lesson(spec, name) for name in STARTS}


def lessons(spec: InitialisationSpec) -> dict[str, Lesson]:
    """All four starts, trained on the same points."""
    return _lessons(small(spec))


@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def lesson(spec: InitialisationSpec, name: str) -> Lesson:
    """Gradient descent from one start."""
    X, y = points(spec.data, spec.width, spec.seed)
    run, spreads = Learner(spec, begun(spec, name)), []
    before = run.theta[0]
    for step in range(spec.steps + 1):
        _, back = run.look(X, y, step)
        spreads.append(spread(run.theta))
        if step < spec.steps:
            run.descend(back)
    kinds = tuple(different(W) for W in run.theta[:-2:2])
    return Lesson(before, run.theta[0], run.losses, np.array(spreads), kinds)
