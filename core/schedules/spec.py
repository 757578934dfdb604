"""The parameters of the schedules page, its presets and its tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.data.small_sets import SOURCES
from core.errors import ExplainerError, one_of
from core.training.schedules import SCHEDULED, SCHEDULES, Schedule, by_period

TITLES = {kind.title: name for name, kind in SCHEDULES.items()}
MOST = 6
OPTIMIZERS = {"sgd": "SGD", "momentum": "Momentum", "adam": "Adam", "adamw": "AdamW"}
METRICS = {
    "train_loss": "Training loss",
    "test_loss": "Test loss",
    "train_score": "Training score",
    "test_score": "Test score",
}
CLIPS = {"none": "None", "value": "By value", "norm": "By norm", "adaptive": "Adaptive, unit by unit"}
LENSES = {
    "table": "Results", "finder": "Find a rate", "sharpness": "Sharpness", "clipping": "Clipping", "plateau": "Patience",
}  # fmt: skip


@dataclass(frozen=True)
class SchedulesSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "schedules"

    shown: str = param(
        "Constant, Two drops, Cosine, One cycle, Inverse square root", "Schedules", max_length=200, hidden=True,
        help=f"Up to {MOST} at once",
    )  # fmt: skip
    data: str = param("spirals", "Data", options={name: source.title for name, source in SOURCES.items()})
    optimizer: str = param("momentum", "Optimizer", options=OPTIMIZERS)
    rate: float = param(
        0.3, "Highest learning rate η", low=1e-4, high=10.0, log=True, help="Where a schedule is at its height"
    )
    steps: int = param(200, "Steps", low=20, high=400, step=10, help="The same budget for every schedule")
    period: int = param(
        40, "Length n", low=1, high=400, unit="steps",
        help="Between two drops or restarts, of a rise, of a warm-up, or of the patience; cosine and one cycle span the race",
    )  # fmt: skip
    gamma: float = param(
        0.2, "Factor γ", low=0.01, high=0.99, step=0.01,
        help="What a drop multiplies the rate by; exponential reaches it after one length",
    )  # fmt: skip
    batch: int = param(32, "Batch size", low=2, high=512, log=True, unit="examples")
    width: int = param(16, "Units in a hidden layer", low=2, high=32)
    depth: int = param(2, "Hidden layers", low=1, high=4)
    activation: str = param("tanh", "Activation", options={"tanh": "tanh", "relu": "ReLU"})
    seeds: int = param(
        3, "Seeds", low=1, high=5, help="So many first weights and orders of the batches, the same for all schedules"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="The draw of data, weights and batches")
    clip: str = param("none", "Gradient clipping", options=CLIPS)
    threshold: float = param(
        1.0, "Clipping limit c", low=1e-3, high=100.0, log=True,
        help="Of one number, of the gradient's norm, or of a unit's gradient as a part of its weights",
    )  # fmt: skip
    metric: str = param(
        "train_loss", "Show", options=METRICS, help="The score is the accuracy, or R² for the diabetes set"
    )
    lens: str = param("table", "Look closer", options=LENSES)


def chosen(spec: SchedulesSpec) -> dict[str, Schedule]:
    """Title -> schedule, of those on screen.

    Raises:
        ExplainerError: an unknown name, none, or too many.
    """
    titles = list(dict.fromkeys(part.strip() for part in spec.shown.split(",") if part.strip()))
    for title in titles:
        if title not in TITLES:
            raise ExplainerError(f"schedule {title[:40]!r} is unknown; choose {one_of(TITLES)}")
    if not 1 <= len(titles) <= MOST:
        raise ExplainerError(f"{len(titles)} schedules were chosen; show 1 to {MOST}; try Constant, Cosine")
    return {title: by_period(TITLES[title], spec.period, spec.gamma) for title in titles}


def menus(spec: SchedulesSpec) -> list[str]:
    """The titles on screen; none for a text that cannot be read."""
    try:
        return list(chosen(spec))
    except ExplainerError:
        return []


def used(spec: SchedulesSpec) -> list[str]:
    """Which of length and factor the schedules on screen have."""
    have = {name for title in menus(spec) for name in SCHEDULED.get(TITLES[title], ())}
    return [name for name in ("period", "gamma") if name in have]


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Five schedules, one budget", "Two spirals, the same net, the same batches: only the rate over the steps differs.", ("learning rate schedule", "learning rate decay", "step decay", "cosine annealing", "one cycle", "dynamic learning rate")),
    _preset("warm_up", "Up slowly, and down again", "Adam at a rate that is too high to stay at: a schedule that climbs to it and leaves it again learns far better than one that climbs and stays.", ("warm-up", "warmup", "transformer schedule", "noam", "one cycle"), shown="Constant, Linear warm-up, Inverse square root, One cycle", data="digits", optimizer="adam", rate=0.1, period=30, steps=80, batch=64, activation="relu"),
    _preset("plateau", "Reduce on plateau", "The rate falls by itself when the loss has not improved for a while: patience, drawn step by step.", ("reduce on plateau", "patience", "ReduceLROnPlateau", "adaptive schedule"), shown="Constant, Reduce on plateau, Two drops", lens="plateau", data="moons", optimizer="adam", rate=0.1, steps=200, period=20, gamma=0.3, seeds=1),
    _preset("restarts", "Cycles and restarts", "The rate rises again and again: after each fall the loss is at its lowest.", ("warm restarts", "sgdr", "cyclical learning rate", "triangular"), shown="Cosine, Cosine with warm restarts, Triangles, Exponential", period=50, gamma=0.5),
    _preset("finder", "Find a rate in one run", "The rate grows a millionfold within a short race; where the loss falls fastest is a good rate to begin with.", ("learning rate finder", "lr range test", "choosing a learning rate"), lens="finder", data="digits", optimizer="adam", shown="Constant, One cycle", rate=0.03, steps=100, seeds=1),
    _preset("sharpness", "Rate and sharpness", "Full batches: at a constant rate the curvature hovers about its edge. Where the rate falls, the loss goes into sharper places.", ("sharpness", "edge of stability", "hessian", "progressive sharpening"), data="diabetes", optimizer="sgd", shown="Constant, Two drops, Cosine, Linear warm-up", rate=0.4, steps=200, batch=512, width=16, depth=1, period=60, seeds=1, lens="sharpness"),
    _preset("clipping", "Clipping the gradient", "A few gradients are many times longer than the others. Cut them and a rate that diverges becomes usable.", ("gradient clipping", "exploding gradients", "clip by norm", "clip by value", "adaptive gradient clipping"), data="diabetes", optimizer="sgd", activation="relu", shown="Constant, Cosine", rate=0.5, clip="norm", threshold=2.0, steps=120, lens="clipping"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A rate that changes", "Above: the learning rate at every step. Below, on the same axis: what it does to the loss and to the length of the gradient. Every schedule has the same net, batches and number of steps.", {}),
    TourStop("Falling helps at the end", "With a constant rate the loss keeps jumping about: each step is too long for the bottom of the valley. Let the rate fall and it settles.", {"shown": "Constant, Cosine, Two drops"}),
    TourStop("Climbing helps at the start", "Fresh weights stand in a steep place. A warm-up goes through it in small steps.", {"shown": "Constant, Linear warm-up, Inverse square root, One cycle", "data": "digits", "optimizer": "adam", "rate": 0.1, "period": 30, "steps": 80, "batch": 64, "activation": "relu"}),
    TourStop("When nobody tells the time", "Reduce on plateau watches the loss: so many steps without a new best value, and the rate is cut.", {"shown": "Constant, Reduce on plateau, Two drops", "lens": "plateau", "data": "moons", "optimizer": "adam", "rate": 0.1, "steps": 200, "period": 20, "gamma": 0.3, "seeds": 1}),
    TourStop("Which rate to begin with?", "One short race with a rate that grows from tiny to huge. Left: nothing happens. Right: it explodes. In between is what you are looking for.", {"lens": "finder", "data": "digits", "optimizer": "adam", "shown": "Constant, One cycle", "rate": 0.03, "steps": 100, "seeds": 1}),
    TourStop("Cut what is too long", "How long are the gradients, and how many of them would be cut? Compare three ways of clipping with none.", {"data": "diabetes", "optimizer": "sgd", "activation": "relu", "shown": "Constant, Cosine", "rate": 0.5, "clip": "norm", "threshold": 2.0, "steps": 120, "lens": "clipping"}),
)  # fmt: skip
