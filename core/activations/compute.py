"""A small net trained with one activation after the other, and what its units do; softmax of a few logits.

    A_l = H_{l-1} W_l + b_l,   H_l = f(A_l)  (l = 1 ... L),   z = H_L v + c,   p = sigma(z),   loss = mean BCE(p, y)

H_0 = X (N, 2): points, W_l (inputs, U), A_l and H_l (N, U): pre-activations and activations, v (U, 1). Backward (D. E. Rumelhart,
G. E. Hinton, R. J. Williams, Nature 323, 1986):  dz = (p - y) / N,  dA_l = dH_l * f'(A_l),  dW_l = H_{l-1}^T dA_l,  dH_{l-1} = dA_l W_l^T.

All activations start from the same draw: W = gain / sqrt(inputs) * N(0, 1), b = 0, and see the same batches.

A unit is saturated at a point if |f'(a)| is below 5 % of the largest slope that f has anywhere; dead if it is so at every point.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from core.activations.spec import ActivationsSpec, chosen, logits_of, looked_at, tuned
from core.rng import numpy_generator
from core.training.activations import ACTIVATIONS, Activation, sigmoid, softmax

POINTS, BATCH = 200, 20
FLAT = 0.05  # of the largest slope
GRID = 49
REACH = 2.6  # half the width of the plane that is drawn
RUNAWAY = 1e6  # a loss above this has diverged
CURVE = np.linspace(-6.0, 6.0, 241)
ELEMENTS, REPEATS = 100_000, 15

Net = list[np.ndarray]  # W_1, b_1, ..., W_L, b_L, v, c


def points(spec: ActivationsSpec) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
    """200 points of two classes, 0 and 1."""
    g = numpy_generator(spec.seed, "points", spec.data)
    y = np.tile([0.0, 1.0], POINTS // 2)
    t = g.uniform(0.0, np.pi, POINTS)
    if spec.data == "moons":
        X = np.column_stack([np.cos(t) + y - 0.5, np.sin(t) * (1.0 - 2.0 * y) + 0.5 * y - 0.25])
        return 1.3 * (X + 0.12 * g.normal(size=X.shape)), y
    if spec.data == "circle":
        r = np.where(y == 1.0, g.uniform(0.0, 0.8, POINTS), g.uniform(1.3, 2.1, POINTS))
        return r[:, None] * np.column_stack([np.cos(2.0 * t), np.sin(2.0 * t)]), y
    X = g.uniform(0.15, 2.0, (POINTS, 2)) * g.choice([-1.0, 1.0], (POINTS, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(float)


def initial(spec: ActivationsSpec) -> Net:
    """The first weights: the same for every activation."""
    g = numpy_generator(spec.seed, "weights")
    sizes = [2, *[spec.width] * spec.depth]
    hidden = [
        part for n, m in pairwise(sizes) for part in (spec.gain / np.sqrt(n) * g.normal(size=(n, m)), np.zeros(m))
    ]
    return [*hidden, g.normal(size=(spec.width, 1)) / np.sqrt(spec.width), np.zeros(1)]


@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def forward(
    net: Net, X: Float[np.ndarray, "N 2"], f: Activation
) -> tuple[list[np.ndarray], list[np.ndarray], Float[np.ndarray, " N"]]:
    """Pre-activations A, activations H (X first) and the logit z of every point."""
    A, H = [], [X]
    for W, b in zip(net[:-2:2], net[1:-2:2], strict=True):
        A.append(H[-1] @ W + b)
        H.append(f.f(A[-1]))
    return A, H, (H[-1] @ net[-2] + net[-1])[:, 0]


def loss_of(z: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> float:
    """The mean cross-entropy of sigma(z), from the logits: log(1 + exp z) - y z."""
    return float((np.logaddexp(0.0, z) - y * z).mean())


def backward(
    net: Net, X: Float[np.ndarray, "N 2"], y: Float[np.ndarray, " N"], f: Activation
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The gradients by every part of the net, and by every layer's pre-activations."""
    A, H, z = forward(net, X, f)
    delta = ((sigmoid(z) - y) / len(y))[:, None]
    parts, by_A = [H[-1].T @ delta, delta.sum(0)], []
    back = delta @ net[-2].T
    for k in range(len(A) - 1, -1, -1):
        dA = back * f.derivative(A[k])
        by_A.insert(0, dA)
        parts = [H[k].T @ dA, dA.sum(0), *parts]
        back = dA @ net[2 * k].T
    return parts, by_A


def batches(spec: ActivationsSpec) -> Int[np.ndarray, "steps batch"]:
    """The rows of every step: each pass holds every point once, in a new order."""
    g = numpy_generator(spec.seed, "batches")
    passes = -(-spec.steps * BATCH // POINTS)
    return np.concatenate([g.permutation(POINTS) for _ in range(passes)]).reshape(-1, BATCH)[: spec.steps]


@dataclass(frozen=True, eq=False)
class Trained:
    """A net after its schooling. `losses`: over all points before each step and at the end, NaN after a divergence."""

    name: str
    net: Net
    losses: Float[np.ndarray, " steps_and_end"]
    accuracy: float


def net_part(spec: ActivationsSpec) -> ActivationsSpec:
    """The Spec with everything that does not change a net at its default."""
    about = spec.params()
    other = ("shown", "z", "lens", "looked", "logits", "temperature")
    return replace(spec, **{name: about[name].default for name in other})


def trained(spec: ActivationsSpec, name: str) -> Trained:
    """The net of the Spec, trained with this activation."""
    return _trained(net_part(spec), name)


@lru_cache(maxsize=128)
@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def _trained(spec: ActivationsSpec, name: str) -> Trained:
    f, net, (X, y) = tuned(spec, name), initial(spec), points(spec)
    losses = np.full(spec.steps + 1, np.nan)
    for step, rows in enumerate(batches(spec)):
        losses[step] = loss_of(forward(net, X, f)[2], y)
        if not losses[step] < RUNAWAY:
            losses[step:] = np.nan
            return Trained(name, net, losses, float("nan"))
        gradient, _ = backward(net, X[rows], y[rows], f)
        net = [part - spec.rate * g for part, g in zip(net, gradient, strict=True)]
    z = forward(net, X, f)[2]
    losses[-1] = loss_of(z, y)
    return Trained(name, net, losses, float(((z > 0) == (y > 0.5)).mean()))


@dataclass(frozen=True, eq=False)
class Health:
    """How the units of a trained net stand: pre-activations by layer, share saturated and share of dead units by layer."""

    A: tuple[Float[np.ndarray, "N U"], ...]
    saturated: Float[np.ndarray, " L"]
    dead: Float[np.ndarray, " L"]


def health(spec: ActivationsSpec, name: str) -> Health:
    """Measured on all points, after training."""
    f = tuned(spec, name)
    A = forward(trained(spec, name).net, points(spec)[0], f)[0]
    flat = [is_flat(f, a) for a in A]
    return Health(tuple(A), np.array([m.mean() for m in flat]), np.array([m.all(0).mean() for m in flat]))


def steepest(f: Activation) -> float:
    """The largest |f'| there is."""
    return float(np.abs(f.derivative(np.linspace(-8.0, 8.0, 1601))).max())


def is_flat(f: Activation, a: np.ndarray) -> np.ndarray:
    """Where the slope is below 5 % of the steepest; a step is flat everywhere."""
    top = steepest(f)
    return np.abs(f.derivative(a)) < FLAT * top if top else np.full(a.shape, True)


def plane(spec: ActivationsSpec, name: str) -> Float[np.ndarray, "grid grid"]:
    """p over the plane, rows x2, columns x1."""
    axis = np.linspace(-REACH, REACH, GRID)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return sigmoid(forward(trained(spec, name).net, grid, tuned(spec, name))[2]).reshape(GRID, GRID)


def gradient_by_layer(spec: ActivationsSpec, name: str) -> Float[np.ndarray, " L"]:
    """The root mean square of dloss/dA_l times N, layer by layer, in the untrained net."""
    X, y = points(spec)
    _, by_A = backward(initial(spec), X, y, tuned(spec, name))
    return np.array([np.sqrt(((dA * len(X)) ** 2).mean()) for dA in by_A])


@lru_cache(maxsize=1)
def cost() -> dict[str, tuple[float, float]]:
    """Name -> nanoseconds an element of f and of f', measured once in this process: the fastest of 15 tries on 100,000 numbers."""
    z = np.random.default_rng(0).normal(size=ELEMENTS)
    return {name: (_fastest(one.f, z), _fastest(one.derivative, z)) for name, one in ACTIVATIONS.items()}


def _fastest(function: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> float:
    tries = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(z)
        tries.append(time.perf_counter() - start)
    return 1e9 * min(tries) / len(z)


def numbers(spec: ActivationsSpec) -> dict[str, float]:
    """What the exported script prints too: f and f' at z, softmax, and in the lenses with a net its final losses."""
    z = np.array(spec.z)
    found = {}
    for one in chosen(spec):
        found[f"{one.title} at z"] = float(one.f(z))
        found[f"{one.title} slope at z"] = float(one.derivative(z))
    p = softmax(np.array(logits_of(spec)), spec.temperature)
    found.update({f"softmax p{k + 1}": float(value) for k, value in enumerate(p)})
    if spec.lens in ("net", "race"):
        names = [looked_at(spec).name] if spec.lens == "net" else [one.name for one in chosen(spec)]
        found.update({f"{ACTIVATIONS[n].title} final loss": float(trained(spec, n).losses[-1]) for n in names})
    return found
