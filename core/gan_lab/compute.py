"""The run behind the pictures: the game played to its end, watched at the film's frames, and what is measured there.

At each frame the same noise is used, so that the film shows G's change and nothing else. `LOOK` points are generated and compared with
as many real ones; a second draw of real points says how far apart two honest samples are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.gan_lab.data import SOURCES, Source, own
from core.gan_lab.engine import LOSSES, ROWS, Draws, Game, Mlp, Rules, output, unit
from core.gan_lab.measures import covered, density, js, kl, sliced, visits
from core.gan_lab.points import FEWEST, decode
from core.gan_lab.spec import NOISES, GanSpec, learning
from core.rng import numpy_generator

POOL, LOOK, FRAMES, BOUND = 4000, 600, 48, 1e6


def source_of(spec: GanSpec) -> Source:
    """The data set.

    Raises:
        ExplainerError: the visitor's points are damaged, or fewer than 8.
    """
    if spec.data != "own":
        return SOURCES[spec.data]
    X = decode(spec.points)
    if len(X) < FEWEST:
        raise ExplainerError(
            f"{len(X)} points are too few; at least {FEWEST} are needed: click on the map, or upload a table"
        )
    return own(X)


def rules_of(spec: GanSpec) -> Rules:
    """How the game is played; RMSprop forgets with 0.99, Adam's squares with 0.999, as in torch."""
    return Rules(
        spec.loss, spec.target, spec.penalty, spec.clip, spec.spectral, spec.batch, spec.activation, spec.optimizer,
        (spec.g_rate, spec.d_rate), spec.beta1, 0.99 if spec.optimizer == "rmsprop" else 0.999,
    )  # fmt: skip


def sizes_of(spec: GanSpec) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Units of each layer of G and of D."""
    return (NOISES[spec.noise][1], *[spec.g_units] * spec.layers, 2), (2, *[spec.d_units] * spec.layers, 1)


def first_weights(g: np.random.Generator, sizes: tuple[int, ...]) -> np.ndarray:
    """Uniform in +-sqrt(6 / (in + out)), biases 0: X. Glorot, Y. Bengio, AISTATS 2010, equation 16."""
    layers = [
        np.append(np.sqrt(6 / (i + o)) * g.uniform(-1.0, 1.0, i * o), np.zeros(o)) for i, o in itertools.pairwise(sizes)
    ]
    return np.concatenate(layers)


def setup(spec: GanSpec) -> tuple:
    """What a game is made of, in any engine: rules, sizes and first weights of G and D, first vectors of the power iteration, draws."""
    (G, D), chance = sizes_of(spec), lambda purpose: numpy_generator(spec.seed, purpose)
    us = chance("singular vectors")
    pool = source_of(spec).draw(chance("data"), POOL)
    draws = Draws(pool, chance("batches"), chance("noise"), chance("between"), NOISES[spec.noise])
    return (
        rules_of(spec), G, D, first_weights(chance("weights of G"), G), first_weights(chance("weights of D"), D),
        [unit(us.standard_normal(o)) for o in D[1:]], draws,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What every look at a run is compared with: real points, a second draw of them, G's noise, and the real density."""

    source: Source
    real: Float[np.ndarray, "n 2"]
    again: Float[np.ndarray, "n 2"]
    noise: Float[np.ndarray, "n size"]
    p: Float[np.ndarray, "rows columns"]


def yardstick(spec: GanSpec) -> Yardstick:
    """The yardstick of a Spec."""
    source, g = source_of(spec), numpy_generator(spec.seed, "look")
    real, again = source.draw(g, LOOK), source.draw(g, LOOK)
    kind, size = NOISES[spec.noise]
    noise = g.standard_normal((LOOK, size)) if kind == "normal" else g.uniform(-1.0, 1.0, (LOOK, size))
    return Yardstick(source, real, again, noise, density(real))


def measured(spec: GanSpec, stick: Yardstick, theta_G: np.ndarray, theta_D: np.ndarray) -> dict[str, float]:
    """What is known of G and D with these parameters; `pull` is the median length of G's
    gradient at a generated point."""
    G, D = sizes_of(spec)
    fakes = output(theta_G, G, spec.activation, stick.noise)
    counts, q = visits(fakes, stick.source.places, stick.source.reach), density(fakes)
    r, f = (output(theta_D, D, spec.activation, X)[:, 0] for X in (stick.real, fakes))
    return {
        "JS": js(stick.p, q), "KL": kl(stick.p, q), "sliced W1": sliced(stick.real, fakes),
        "covered": float(covered(counts, len(fakes))), "inside": float(counts.sum() / len(fakes)), "variety": variety(q, stick.p),
        "ranked": ranked(r, f), "pull": float(np.median(np.sqrt((pulls(spec, theta_D, fakes) ** 2).sum(1)))),
    }  # fmt: skip


def variety(q: np.ndarray, p: np.ndarray) -> float:
    """exp(H(q) - H(p)): how many cells G fills for each cell that the data fill."""
    return float(np.exp(entropy(q) - entropy(p)))


def entropy(p: np.ndarray) -> float:
    """H(p) = - sum p log p, in nats."""
    return -float((p[p > 0] * np.log(p[p > 0])).sum())


def ranked(r: np.ndarray, f: np.ndarray) -> float:
    """The share of pairs in which D's logit of the real point is the higher one; a tie counts half."""
    return float((r[:, None] > f).mean() + 0.5 * (r[:, None] == f).mean())


def pulls(spec: GanSpec, theta_D: np.ndarray, X: np.ndarray) -> np.ndarray:
    """-d loss_G / dx at each point of X (n, 2): where one generated point is told to go."""
    D, slope = Mlp(sizes_of(spec)[1], spec.activation, theta_D), LOSSES[spec.loss].d_fool
    pieces = [X[k : k + ROWS] for k in range(0, len(X), ROWS)]
    return -np.concatenate([D.backward(slope(D(piece)), learn=False) for piece in pieces])


def schedule(spec: GanSpec) -> list[tuple[int, int]]:
    """Updates of D and G in each round, then the single moves."""
    single = {"D": (1, 0), "G": (0, 1), "B": (1, 1)}
    if unknown := set(spec.moves) - set(single):
        raise ExplainerError(f"the move {min(unknown)!r} is unknown; a move is D, G or B (both)")
    return [(spec.d_steps, spec.g_steps)] * spec.rounds + [single[move] for move in spec.moves]


def looks(spec: GanSpec) -> np.ndarray:
    """The rounds after which the film has a frame: closer together at first, where most happens; every single move has its own."""
    rounds = np.rint(spec.rounds * np.linspace(0, 1, min(FRAMES, spec.rounds + 1)) ** 1.5).astype(int)
    return np.unique(np.append(rounds, spec.rounds + np.arange(len(spec.moves) + 1)))


@runtime_checkable
class Moves(Protocol):
    """A game in any engine: a move makes one update and gives the loss before it."""

    def move_d(self) -> float: ...

    def move_g(self) -> float: ...


def play(spec: GanSpec, game: Moves) -> Iterator[tuple[float, float]]:
    """The losses (D, G) of each round as the game goes on; not a number for a player that rests."""
    for d_steps, g_steps in schedule(spec):
        loss_D = [game.move_d() for _ in range(d_steps)]
        loss_G = [game.move_g() for _ in range(g_steps)]
        yield loss_D[-1] if loss_D else np.nan, loss_G[-1] if loss_G else np.nan


def train(spec: GanSpec) -> Iterator[Snapshot]:
    """Play the game of `spec` and tell about it at every frame; a run whose numbers grow beyond a million ends there.

    Metrics: `loss D` and `loss G` of the last round, and what `measured` gives. Arrays: `losses` (rounds since the last snapshot, 2),
    and the parameters `G` and `D`.

    Raises:
        ExplainerError: the visitor's points or moves cannot be used.
    """
    stick, game, frames = yardstick(spec), Game(*setup(spec)), set(looks(spec).tolist())
    total, since = spec.rounds + len(spec.moves), []
    yield _snapshot(spec, stick, game, 0, total, since)
    with np.errstate(all="ignore"):  # a run that diverges is a result, not a mistake
        for done, pair in enumerate(play(spec, game), 1):
            since.append(pair)
            diverged = done in frames and not sound(game)
            if done in frames:
                yield _snapshot(spec, stick, game, done, total, since, diverged)
                since = []
            if diverged:
                return


def sound(game: Game) -> bool:
    """Whether no parameter grew beyond a million."""
    return all(np.abs(player.theta).max() < BOUND for player in (game.G, game.D))


def _snapshot(
    spec: GanSpec, stick: Yardstick, game: Game, done: int, total: int, since: list, diverged: bool = False
) -> Snapshot:
    losses = np.array(since).reshape(-1, 2)
    theta_G, theta_D = game.G.used(), game.D.used()
    metrics = {} if diverged else measured(spec, stick, theta_G, theta_D)
    last = losses[-1].tolist() if len(losses) else (np.nan, np.nan)
    metrics = {"loss D": last[0], "loss G": last[1], **metrics}
    return Snapshot(done, total, metrics, {"losses": losses, "G": theta_G, "D": theta_D})


@dataclass(frozen=True, eq=False)
class Run:
    """A run: losses (D, G) of every round, and at each frame its round, the parameters, the generated points and what was measured.

    `moved` is the share of generated points that count for another place than one frame before. A run that diverged has no frame at
    which it is no longer sound.
    """

    spec: GanSpec
    stick: Yardstick
    losses: Float[np.ndarray, "round 2"]
    rounds: Int[np.ndarray, " frame"]
    G: Float[np.ndarray, "frame P"]
    D: Float[np.ndarray, "frame Q"]
    fakes: Float[np.ndarray, "frame n 2"]
    measures: dict[str, np.ndarray]
    diverged: bool

    @property
    def source(self) -> Source:
        """The data set."""
        return self.stick.source


def run_of(spec: GanSpec) -> Run:
    """The run of a Spec, once for all that is looked at in it."""
    return _run(learning(spec))


@lru_cache(maxsize=24)
def _run(spec: GanSpec) -> Run:
    seen, stick = list(train(spec)), yardstick(spec)
    losses = np.concatenate([s.arrays["losses"] for s in seen])
    kept = [s for s in seen if "JS" in s.metrics]
    G, D = (np.array([s.arrays[name] for s in kept]) for name in "GD")
    fakes = np.array([output(theta, sizes_of(spec)[0], spec.activation, stick.noise) for theta in G])
    names = [name for name in kept[0].metrics if not name.startswith("loss")]
    measures = {name: np.array([s.metrics[name] for s in kept]) for name in names}
    measures["moved"] = moved(fakes, stick.source)
    return Run(spec, stick, losses, np.array([s.step for s in kept]), G, D, fakes, measures, len(kept) < len(seen))


def moved(fakes: np.ndarray, source: Source) -> np.ndarray:
    """The share of points whose nearest place is another one than in the frame before; 0 in the first frame."""
    nearest = ((fakes[:, :, None] - source.places) ** 2).sum(-1).argmin(-1)
    return np.append(0.0, (nearest[1:] != nearest[:-1]).mean(1))


def frame_of(run: Run, frame: int) -> int:
    """The film's frame, the last one for -1."""
    return len(run.rounds) - 1 if frame < 0 else min(frame, len(run.rounds) - 1)


def floor_of(run: Run) -> dict[str, float]:
    """The distances between two draws of real points: what an honest sample of this size has."""
    stick = run.stick
    return {"JS": js(stick.p, density(stick.again)), "sliced W1": sliced(stick.real, stick.again)}


PARITY = 100  # rounds that PyTorch plays too


@lru_cache(maxsize=16)
def parity(spec: GanSpec) -> np.ndarray:
    """The losses (engine, round, player) of the first 100 rounds by this page's engine and by PyTorch."""
    from core.gan_lab.torch_engine import TorchGame

    rounds = min(PARITY, len(schedule(spec)))
    played = [
        [pair for _, pair in zip(range(rounds), play(spec, engine(*setup(spec))), strict=False)]
        for engine in (Game, TorchGame)
    ]
    return np.array(played).reshape(2, rounds, 2)


def agreeing(both: np.ndarray) -> int:
    """In how many rounds from the first on the two engines' losses (engine, round, player) agree within 1e-10."""
    apart = np.nan_to_num(np.abs(both[0] - both[1])).max(1) > 1e-10
    return int(apart.argmax()) if apart.any() else len(apart)


def numbers(spec: GanSpec) -> dict[str, float]:
    """The numbers at the end of the run, by the names that the exported script prints."""
    run = run_of(spec)
    agreed = agreeing(parity(learning(spec)))
    found = {"rounds": float(run.rounds[-1]), "rounds in which torch agrees within 1e-10": float(agreed)}
    losses = run.losses[-1] if len(run.losses) else (np.nan, np.nan)
    played = {f"loss {player}": float(loss) for player, loss in zip("DG", losses, strict=True) if np.isfinite(loss)}
    told = {
        name: float(run.measures[name][-1])
        for name in ("JS", "KL", "sliced W1", "covered", "inside", "variety", "ranked", "pull")
    }
    return found if run.diverged else {**found, **played, **told}
