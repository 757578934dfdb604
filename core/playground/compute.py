"""What the pictures show: the run with its thinned film, maps of every neuron, quality, ensembles, and numbers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from core.playground import network
from core.playground.compiler import COMPILES
from core.playground.network import Net
from core.playground.problem import Problem, first_weights, inputs, problem
from core.playground.spec import PlaygroundSpec, learning
from core.playground.training import factors, logits, losses, make_engine, masks_of, train
from core.rng import numpy_generator

EDGE = 6.0  # the maps show -6 ... 6
DRAWN = 8  # units of a layer that the picture of the net shows
KEPT = 240  # snapshots whose weights are kept while a run goes on
UNIT_GRID, FILM_GRID, FINE_GRID, LINE_GRID = 20, 50, 100, 121
MOST_FRAMES, FEWEST_FRAMES, FILM_NUMBERS = 60, 12, 20_000

_compiling: list[threading.Thread] = []
_compiled = threading.Event()


def engine() -> str:
    """Machine code once it is there; until then plain NumPy, which agrees to the last few bits."""
    if not COMPILES or _compiled.is_set():
        return "numpy"
    if not _compiling:
        _compiling.append(threading.Thread(target=_compile, name="playground-compiler", daemon=True))
        _compiling[0].start()
    return "plain"


def _compile() -> None:
    """First in a process of its own, whose cache this one then reads: a compiler holds Python's lock, which visitors need."""
    subprocess.run([sys.executable, "-m", "core.playground"], cwd=Path(__file__).parents[2], check=False)
    warm_up()
    _compiled.set()


def warm_up() -> None:
    """Run the compiled engine once; numba compiles it, or reads what it compiled before."""
    for _ in train(PlaygroundSpec(count=20, epochs=1), "numpy"):
        pass


@dataclass(frozen=True, eq=False)
class Run:
    """A run: the losses at all snapshots (`steps`), and θ at those of the film (`frames`, indices into `steps`).

    `reason` says why it ended before its time: "diverged", "solved", "stuck", or nothing.
    """

    spec: PlaygroundSpec
    about: Problem
    steps: Int[np.ndarray, " snapshot"]
    train_loss: Float[np.ndarray, " snapshot"]
    test_loss: Float[np.ndarray, " snapshot"]
    frames: Int[np.ndarray, " frame"]
    thetas: Float[np.ndarray, "frame P"]
    reason: str

    @property
    def epochs(self) -> np.ndarray:
        """The snapshots' times in epochs."""
        return self.steps / self.about.per_epoch


def run_of(spec: PlaygroundSpec) -> Run:
    """The run of a Spec, once for all that is looked at in it."""
    return _run(learning(spec))


@lru_cache(maxsize=32)
def _run(spec: PlaygroundSpec) -> Run:
    about, stride = problem(spec), 1
    kept: list[tuple[int, np.ndarray]] = []
    steps, train_loss, test_loss = [], [], []
    for k, snapshot in enumerate(train(spec, engine())):
        steps.append(snapshot.step)
        train_loss.append(snapshot.train_loss)
        test_loss.append(snapshot.test_loss)
        if k % stride == 0:
            kept.append((k, snapshot.theta))
        if len(kept) > KEPT:
            kept, stride = kept[::2], 2 * stride
    if kept[-1][0] != k:
        kept.append((k, snapshot.theta))
    chosen = [kept[i] for i in _spread(len(kept), _film_length(about))]
    return Run(
        spec, about, np.array(steps), np.array(train_loss), np.array(test_loss),
        np.array([k for k, _ in chosen]), np.array([theta for _, theta in chosen]), snapshot.reason,
    )  # fmt: skip


def _film_length(about: Problem) -> int:
    return int(np.clip(FILM_NUMBERS / len(about.theta), FEWEST_FRAMES, MOST_FRAMES))


def _spread(count: int, most: int) -> np.ndarray:
    """At most `most` of 0 ... count - 1, closer together at the start, where a net learns fastest."""
    return np.unique(
        np.rint((count - 1) * np.linspace(0, 1, min(count, most)) ** (1.0 if count <= most else 1.5)).astype(int)
    )


def nearest_frame(run: Run, frame: int) -> int:
    """The film's frame, the last one for -1."""
    return len(run.frames) - 1 if frame < 0 else min(frame, len(run.frames) - 1)


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n stops from -6 to 6, and the n² points of the square, row by row from below."""
    line = np.linspace(-EDGE, EDGE, n)
    x, y = np.meshgrid(line, line)
    return line, np.column_stack([x.ravel(), y.ravel()])


def layers_of(theta: np.ndarray, net: Net, F: np.ndarray) -> list[np.ndarray]:
    """What every layer answers: (..., rows, units) for each, the output last."""
    A, found = F, []
    with np.errstate(all="ignore"):
        for k in range(len(net.kinds)):
            A = network.bend(int(net.kinds[k]), network.preactivation(A, theta, net, k))
            found.append(A)
    return found


@dataclass(frozen=True, eq=False)
class NeuronMaps:
    """Small maps (frame, unit, 20, 20) of each layer in -1 ... 1, features first (one frame), and what 1 stands for."""

    maps: tuple[np.ndarray, ...]
    bounds: tuple[np.ndarray, ...]


@lru_cache(maxsize=16)
def neuron_maps(run: Run) -> NeuronMaps:
    """The maps of the units that are drawn."""
    points = grid(UNIT_GRID)[1]
    F = inputs(run.spec, points)
    answers = layers_of(run.thetas, run.about.net, F)
    answers[-1] = signed(answers[-1], run.about)
    square = [np.moveaxis(a[..., :DRAWN], -1, -2) for a in (F[None], *answers)]
    square = [
        np.nan_to_num(a.reshape(*a.shape[:-1], UNIT_GRID, UNIT_GRID), nan=0.0, posinf=1e9, neginf=-1e9) for a in square
    ]
    bounds = [np.abs(a).max((0, 2, 3)) for a in square]
    bounds[-1] = np.ones_like(bounds[-1])
    bounds = [np.where(b > 0, b, 1.0) for b in bounds]
    return NeuronMaps(
        tuple(np.clip(a / b[:, None, None], -1, 1) for a, b in zip(square, bounds, strict=True)), tuple(bounds)
    )


def signed(P: np.ndarray, about: Problem) -> np.ndarray:
    """Probabilities 0 ... 1 as -1 ... 1; other answers as they are."""
    return 2.0 * P - 1.0 if about.k == 2 and about.rules.loss == network.CROSS_ENTROPY else P


def output_map(run: Run, thetas: np.ndarray, n: int, unit: str = "output") -> np.ndarray:
    """What is drawn over the square: (..., n, n).

    The answer in -1 ... 1 for values and two classes; for more classes the most probable one plus its confidence,
    c + 0.99 (p - 1/k) / (1 - 1/k); for a hidden unit ("1.2": layer, unit) its activation over its bound.
    """
    F = inputs(run.spec, grid(n)[1])
    answers = layers_of(thetas, run.about.net, F)
    if unit != "output":
        layer, which = place_of(run, unit)
        Z = answers[layer - 1][..., which - 1]
        bound = neuron_maps(run).bounds[layer][which - 1] if which <= DRAWN else np.abs(Z).max() or 1.0
        return (Z / bound).reshape(*Z.shape[:-1], n, n)
    P, k = answers[-1], run.about.k
    Z = P.argmax(-1) + 0.99 * (P.max(-1) - 1 / k) / (1 - 1 / k) if k > 2 else signed(P[..., 0], run.about)
    return Z.reshape(*Z.shape[:-1], n, n)


def place_of(run: Run, unit: str) -> tuple[int, int]:
    """Layer and unit (from 1) that "1.2" names."""
    layer, _, which = unit.partition(".")
    return int(layer), int(which)


def units_of(run: Run) -> list[str]:
    """What the map can show: the output and every hidden unit."""
    sizes = run.about.net.sizes.tolist()
    return ["output", *(f"{k}.{u}" for k in range(1, len(sizes) - 1) for u in range(1, sizes[k] + 1))]


@dataclass(frozen=True, eq=False)
class Quality:
    """How good the net is on some points: answers P (n), true y (n), accuracy or R², and the confusion matrix or None."""

    P: np.ndarray
    y: np.ndarray
    score: float
    confusion: np.ndarray | None


def quality(run: Run, theta: np.ndarray, part: slice) -> Quality:
    """Accuracy and confusion (rows: true class), or R² = 1 - Σ(y - p)² / Σ(y - mean y)²."""
    about, y = run.about, run.about.y[part]
    with np.errstate(all="ignore"):
        Z = logits(theta, about.net, about.F[part])
    if about.k == 0:
        p, spread = Z[:, 0], float(((y - y.mean()) ** 2).sum())
        with np.errstate(all="ignore"):
            return Quality(p, y, float(1 - ((y - p) ** 2).sum() / spread) if spread else float("nan"), None)
    answer = Z.argmax(-1) if about.k > 2 else (Z[:, 0] > 0).astype(int)
    table = np.zeros((about.k, about.k), int)
    np.add.at(table, (y, answer), 1)
    return Quality(answer, y, float((answer == y).mean()), table)


def halves(run: Run) -> tuple[slice, slice]:
    """The training and the test points."""
    return slice(0, run.about.train), slice(run.about.train, None)


def numbers(spec: PlaygroundSpec) -> dict[str, float]:
    """The numbers at the end of the run, by the names that the exported script prints."""
    run, word = run_of(spec), "R2" if spec.regression else "accuracy"
    train_part, test_part = (quality(run, run.thetas[-1], part).score for part in halves(run))
    found = {
        "updates": float(run.steps[-1]),
        "train loss": float(run.train_loss[-1]),
        "test loss": float(run.test_loss[-1]),
    }
    if run.reason == "diverged":
        return {"updates": found["updates"]}
    return {**found, f"train {word}": train_part, f"test {word}": test_part}


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Nets from other first weights: mean and spread (standard deviation) of their answers over the square, and scores.

    `members` (net,) are their test losses, `together` the test accuracy or R² of the mean answer, `alone` each net's own.
    """

    mean: Float[np.ndarray, "n n"]
    spread: Float[np.ndarray, "n n"]
    members: Float[np.ndarray, " net"]
    alone: Float[np.ndarray, " net"]
    together: float


ENSEMBLE_EPOCHS = 200


@lru_cache(maxsize=8)
def ensemble(spec: PlaygroundSpec, members: int) -> Ensemble:
    """`members` nets: the same points and order, other first weights (Lakshminarayanan et al. 2017)."""
    about, order = problem(spec), numpy_generator(spec.seed, "order")
    drops = numpy_generator(spec.seed, "dropout")
    theta = np.stack([first_weights(spec, about.net, f"weights {k}") for k in range(members)])
    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
    run = network.steps_compiled if engine() == "numpy" else network.steps
    for epoch in range(min(spec.epochs, ENSEMBLE_EPOCHS)):
        rates = spec.rate * factors(spec, epoch + np.arange(about.per_epoch) / about.per_epoch)
        rows, masks = order.permutation(about.train), masks_of(about, drops)
        with np.errstate(all="ignore"):
            run(
                theta, m, v, about.net, about.rules, about.weights, about.F, about.Y, rows, masks,
                about.batch, 0, about.per_epoch, rates, t,
            )  # fmt: skip
        t += about.per_epoch
    return _ensemble(about, theta, spec)


def _ensemble(about: Problem, theta: np.ndarray, spec: PlaygroundSpec) -> Ensemble:
    F = inputs(spec, grid(FILM_GRID)[1])
    P = signed(layers_of(theta, about.net, F)[-1], about)
    mean, spread = P.mean(0), P.std(0).mean(-1)
    shown = mean[:, 0] if about.k <= 2 else mean.argmax(-1) + 0.99 * (mean.max(-1) - 1 / about.k) / (1 - 1 / about.k)
    test = slice(about.train, None)
    answers = signed(layers_of(theta, about.net, about.F[test])[-1], about)
    score = np.array([_score(a, about, test) for a in (*answers, answers.mean(0))])
    return Ensemble(
        shown.reshape(FILM_GRID, FILM_GRID), spread.reshape(FILM_GRID, FILM_GRID),
        losses(theta, about)[:, test].mean(-1), score[:-1], float(score[-1]),
    )  # fmt: skip


def _score(answer: np.ndarray, about: Problem, part: slice) -> float:
    """Accuracy, or R², of answers (n, outputs)."""
    y = about.y[part]
    if about.k == 0:
        return float(1 - ((y - answer[:, 0]) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return float(((answer.argmax(-1) if about.k > 2 else answer[:, 0] > 0) == y).mean())


@dataclass(frozen=True, eq=False)
class Parity:
    """Both engines on the same run: their loss curves, the largest difference, and training points a second."""

    numpy: np.ndarray
    torch: np.ndarray
    difference: float
    numpy_speed: float
    torch_speed: float
    compiled: bool


PARITY_UPDATES = 1000


@lru_cache(maxsize=8)
def parity(spec: PlaygroundSpec) -> Parity:
    """The first epochs of the run (about 1,000 updates at most) by the NumPy engine and by PyTorch."""
    about = problem(spec)
    short = PlaygroundSpec(
        **{
            **spec.as_dict(),
            "epochs": int(np.clip(PARITY_UPDATES // about.per_epoch, 1, max(1, spec.epochs))),
            "batches": 0,
        }
    )
    ours = "numpy" if engine() == "numpy" else "plain"
    (mine, fast), (theirs, slow) = (_timed(short, name, about) for name in (ours, "torch"))
    length = min(len(mine), len(theirs))
    gap = np.abs(mine[:length] - theirs[:length])
    return Parity(mine, theirs, float(np.nanmax(gap)), fast, slow, ours == "numpy" and COMPILES)


def _timed(spec: PlaygroundSpec, name: str, about: Problem) -> tuple[np.ndarray, float]:
    """The loss curve (snapshot, 2), and training points a second without the snapshots."""
    curve = np.array([(s.train_loss, s.test_loss) for s in train(spec, name)])
    motor, rows = make_engine(name, about), np.arange(about.train)
    masks = masks_of(about, numpy_generator(spec.seed, "dropout"))
    rates = np.full(about.per_epoch, spec.rate)
    motor.run(rows, masks, 0, 1, rates, 0)  # torch's first step imports and allocates
    rounds, begun = (max(1, 4000 // about.train) if name == "numpy" else 1), time.perf_counter()
    for k in range(rounds):
        motor.run(rows, masks, 0, about.per_epoch, rates, 1 + k * about.per_epoch)
    return curve, rounds * about.train / (time.perf_counter() - begun)
