"""Dropout from the inside: its masks, the ensemble that they stand for, and its spread as a measure of doubt.

A mask m_j is 1 with probability 1 - p; the unit passes on  m_j a_j / (1 - p),  whose mean is a_j: so at test time nothing has to be scaled
("inverted" scaling). For an output U = Σ_j w_j m_j a_j / (1 - p) + b over one masked layer that is exact, and the spread is known:

    E[U] = Σ_j w_j a_j + b,      Var[U] = p / (1 - p) Σ_j (w_j a_j)²,

so the mean of M masked nets is √(Var / M) off. Through a ReLU or a softmax the mean is only nearly that of the scaled net; how nearly is measured.
The normalised geometric mean of the masked nets' probabilities is softmax(mean U).

Sources: N. Srivastava et al., JMLR 15, 2014, sections 4 and 7.5; P. Baldi, P. Sadowski, NeurIPS 2013, section 2; Y. Gal, Z. Ghahramani, ICML 2016,
eq. 7 (the spread of masked nets as model uncertainty, without the noise of the targets); B. Lakshminarayanan et al., NeurIPS 2017 (ensembles).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from core.regularisation.compute import FEWEST, affordable, trained, with_kind
from core.regularisation.datasets import truth
from core.regularisation.networks import ROWS, Net, answers, forward, losses, right, softmax
from core.regularisation.spec import RegularisationSpec
from core.regularisation.training import PLAIN, Draws, Plan, Variant
from core.rng import numpy_generator

Array = np.ndarray
MASKS, SHOWN = 256, 40  # masked nets of an ensemble; steps whose masks are drawn
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # of the ensembles
GRID = np.linspace(-3.0, 3.0, 121)
REACH = 2.0  # bands are drawn at mean ± 2 standard deviations
CURVE_POINTS, CURVE_STEPS, CURVE_HIDDEN = 40, 800, (48, 48)


def step_masks(plan: Plan, steps: int) -> Bool[np.ndarray, "step unit"]:
    """Which units of the first hidden layer are on in the first steps of the first seed, as the training draws them."""
    draws, size = Draws(plan), min(plan.batch, plan.points)
    return np.stack([draws.masks(size)[0][0, 0, 0] > 0 for _ in range(steps)])  # of the batch's first point


def enumerated(values: Float[np.ndarray, " n"], p: float) -> float:
    """Σ over all 2ⁿ masks of their probability times Σ_j m_j v_j / (1 - p)."""
    masks = np.array(list(itertools.product((0.0, 1.0), repeat=len(values))))
    probability = ((1.0 - p) ** masks * p ** (1.0 - masks)).prod(1)
    return float(probability @ (masks @ values) / (1.0 - p))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Masked nets against the scaled one, on the test points of the first seed.

    `outputs_off`: RMS distance of the mean U from the scaled net's, when only the last hidden layer is masked, for each of SIZES, and
    `theory` what it should be; `probabilities_off`: mean distance of the mean probabilities when all layers are masked. `scores`: rule ->
    (loss, accuracy). `sums`: a sum over ten units plainly, and as the mean over all of its 1024 masks.
    """

    outputs_off: Float[np.ndarray, " size"]
    theory: Float[np.ndarray, " size"]
    probabilities_off: Float[np.ndarray, " size"]
    scores: dict[str, tuple[float, float]]
    sums: tuple[float, float]


def masked(
    net: Net, theta: Array, X: Array, p: float, g: np.random.Generator, last_only: bool
) -> Float[np.ndarray, "M N C"]:
    """U of MASKS nets, each with masks of its own for every point; with `last_only`, of the last hidden layer alone."""

    def drawn(points: int, units: int, drops: bool) -> Array:
        return (g.random((MASKS, points, units)) >= p) / (1 - p) if drops else np.ones((1, points, units))

    *earlier, last = net.sizes[1:-1]
    found = []
    for at in range(0, len(X), ROWS):
        part = X[at : at + ROWS]
        masks = [*(drawn(len(part), units, not last_only) for units in earlier), drawn(len(part), last, True)]
        found.append(forward(net, theta, part, masks=masks)[0])
    return np.concatenate(found, axis=1)


def dropout_plan(spec: RegularisationSpec) -> Plan:
    """A net with dropout alone; the same as in the race."""
    return affordable(with_kind(spec, "dropout", seeds=FEWEST))


@lru_cache(maxsize=16)
def ensemble(plan: Plan) -> Ensemble:
    """Train the plan's net with dropout, and ask many masked copies of it."""
    run, p = trained(plan), float(plan.strengths("dropout")[0])
    net, theta = plan.net, run.theta[0, 0]
    X, Y = plan.sets.test.X[0], plan.sets.test.Y[0]
    parts = [forward(net, theta, X[at : at + ROWS]) for at in range(0, len(X), ROWS)]
    U, A = (np.concatenate(values) for values in ([U for U, _ in parts], [tape[-1].A for _, tape in parts]))
    last = net.layers(theta)[-1]
    variance = p / (1 - p) * (A * A) @ (last.W * last.W)
    some, every = (
        masked(net, theta, X, p, numpy_generator(plan.seed, "ensemble", words), words == "last")
        for words in ("last", "all")
    )
    means = [softmax(every)[:M].mean(0) for M in SIZES]
    first = A[0, :10] * last.W[:10, 0]
    return Ensemble(
        np.array([_rms(some[:M].mean(0) - U) for M in SIZES]),
        np.array([np.sqrt(variance.mean() / M) for M in SIZES]),
        np.array([np.abs(mean - softmax(U)).mean() for mean in means]),
        {
            "one masked net, on average": (float(losses(net, every, Y).mean()), float(right(every, Y).mean())),
            f"mean probability of {MASKS} masked nets": _score(np.log(means[-1] + 1e-300), net, Y),
            f"geometric mean of {MASKS} masked nets": _score(every.mean(0), net, Y),
            "the whole net, scaled": _score(U, net, Y),
        },
        (float(first.sum()), enumerated(first, p)),
    )


def _rms(values: Array) -> float:
    return float(np.sqrt((values * values).mean()))


def _score(U: Array, net: Net, Y: Array) -> tuple[float, float]:
    return float(losses(net, U, Y).mean()), float(right(U, Y).mean())


@dataclass(frozen=True, eq=False)
class Doubt:
    """Answers over GRID: mean and spread of masked copies of one net, and of nets from several seeds; `x`, `y` the points."""

    x: Array
    y: Array
    bands: dict[str, tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]]]

    @property
    def known(self) -> Bool[np.ndarray, " grid"]:
        """Where the grid lies among the points."""
        return (np.abs(GRID) >= 0.7) & (np.abs(GRID) <= 2.0)

    def covers(self, name: str, where: Array) -> float:
        """The share of the true curve within the band."""
        mean, spread = self.bands[name]
        return float((np.abs(truth(GRID) - mean) <= REACH * spread)[where].mean())


@lru_cache(maxsize=16)
def doubt(p: float, seeds: int, seed: int) -> Doubt:
    """A regression with a hole: MASKS masked copies of one net with dropout, and `seeds` plain nets on the same points."""
    base = Plan(
        "curve", CURVE_POINTS, 0.0, CURVE_HIDDEN, "adam", 0.01, CURVE_STEPS, CURVE_POINTS, seeds, seed, (PLAIN,), True
    )
    dropped = replace(base, seeds=1, variants=(Variant("Dropout", (("dropout", p),)),))
    X, several = GRID[:, None], trained(base).theta[0]
    copies = masked(base.net, trained(dropped).theta[0, 0], X, p, numpy_generator(seed, "ensemble", "doubt"), False)
    nets = answers(base.net, several, X[None])
    part = base.sets.train
    bands = {
        f"dropout: {MASKS} masked copies": (copies[..., 0].mean(0), copies[..., 0].std(0)),
        f"ensemble: {seeds} nets": (nets[..., 0].mean(0), nets[..., 0].std(0)),
    }
    return Doubt(part.X[0, :, 0], part.Y[0, :, 0], bands)
