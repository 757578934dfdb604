"""The network race's parameters, presets and tour.

Who races is one text ("SGD, Adam, Muon"); "SGD@0.05" gives one racer a learning rate of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError
from core.training.entries import Entry, entries
from core.training.optimizers import EVERY, Optimizer
from core.training.schedules import SCHEDULES

MOST_RACERS = 12
RACERS: Mapping[str, Optimizer] = MappingProxyType({name: about for name, about in EVERY.items() if not about.guest})
TITLES = {about.title: name for name, about in RACERS.items()}
DATA = {"moons": "Moons", "spirals": "Spirals", "digits": "Digits", "diabetes": "Diabetes"}
METRICS = {
    "train_loss": "Training loss", "test_loss": "Test loss", "train_score": "Training score", "test_score": "Test score",
    "gradient_norm": "Gradient norm",
}  # fmt: skip
CLOCKS = {"step": "Steps", "examples": "Examples", "seconds": "Seconds"}
LENSES = {
    "table": "Results", "rates": "Learning rates", "batch": "Batch size", "landscape": "Loss landscape", "sharpness": "Edge of stability",
}  # fmt: skip
BUDGET_TITLES = {"epochs": "Equal epochs", "steps": "Equal steps", "scaled": "Equal epochs, rate scaled"}


@dataclass(frozen=True)
class NetworkRaceSpec(Spec):
    """Everything that the race's pictures depend on."""

    SLUG: ClassVar[str] = "network_race"

    data: str = param("moons", "Data", options=DATA)
    racers: str = param(
        "SGD, Momentum, Adagrad, RMSprop, Adam, Lion, Muon", "Racers", max_length=600, hidden=True,
        help=f"Up to {MOST_RACERS}. In a link, SGD@0.05 gives a racer its own learning rate",
    )  # fmt: skip
    rates: str = param(
        "tuned", "Learning rates", options={"same": "Same", "torch": "torch's", "tuned": "Tuned"},
        help="One for all, torch's defaults, or for each racer the best of the same 9 rates from 0.0001 to 1",
    )  # fmt: skip
    rate: float = param(0.01, "Learning rate η", low=1e-5, high=10.0, log=True)
    steps: int = param(100, "Steps", low=10, high=1000, step=10)
    batch: int = param(
        64, "Batch size", low=2, high=512, log=True, unit="examples",
        help="As many as the training set holds, or more: all of it at every step",
    )  # fmt: skip
    seeds: int = param(
        3, "Seeds", low=1, high=10, help="So many first weights and orders of the batches, each the same for all racers"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="The draw of data, weights and batches")
    width: int = param(16, "Units in a hidden layer", low=2, high=64)
    depth: int = param(2, "Hidden layers", low=1, high=4)
    activation: str = param("tanh", "Activation", options={"tanh": "tanh", "relu": "ReLU"})
    momentum: float = param(0.9, "Momentum μ", low=0.01, high=0.99, step=0.01, help="Of Momentum and Nesterov")
    beta1: float = param(0.9, "β₁", low=0.0, high=0.99, step=0.01, help="The Adam family, Lion, and Muon's biases")
    beta2: float = param(
        0.999,
        "β₂",
        low=0.5,
        high=0.9999,
        step=0.0001,
        help="The Adam family and Muon's biases; Lion keeps its own 0.99",
    )
    weight_decay: float = param(
        0.0, "Weight decay λ", low=0.0, high=1.0, step=0.01,
        help="0: torch's own, which is 0.01 for AdamW, 0.1 for Muon and none for the others. Decoupled in AdamW, Lion and Muon, else L2",
    )  # fmt: skip
    schedule: str = param("constant", "Schedule", options={name: s.title for name, s in SCHEDULES.items()})
    period: int = param(
        50, "Length of the schedule", low=1, high=1000, unit="steps",
        help="Between two drops or restarts, of the warm-up, or of the patience; cosine and one-cycle span the race",
    )  # fmt: skip
    gamma: float = param(
        0.3, "Factor γ", low=0.01, high=0.99, step=0.01,
        help="What a drop multiplies the rate by; exponential reaches it after one length",
    )  # fmt: skip
    clip: str = param("none", "Gradient clipping", options={"none": "None", "value": "By value", "norm": "By norm"})
    threshold: float = param(1.0, "Clipping limit", low=1e-3, high=1e3, log=True)
    metric: str = param(
        "train_loss", "Show", options=METRICS, help="The score is the accuracy, or R² for the diabetes set"
    )
    clock: str = param("step", "Against", options=CLOCKS, help="Seconds were measured, so they differ from run to run")
    lens: str = param("table", "Look closer", options=LENSES)
    plane: str = param("", "Racers that shape the plane", max_length=600, hidden=True)
    budget: str = param(
        "epochs", "Budget", options=BUDGET_TITLES,
        help="What the batch sizes have in common; scaled: the rate grows in proportion to the batch",
    )  # fmt: skip


def field(spec: NetworkRaceSpec) -> tuple[Entry, ...]:
    """Who races. Raises ExplainerError if the text cannot be read."""
    return entries(spec.racers, RACERS, MOST_RACERS)


def menus(spec: NetworkRaceSpec) -> list[str]:
    """The racers' labels for the page's menu: none for a text that cannot be read."""
    try:
        return [entry.label for entry in field(spec)]
    except ExplainerError:
        return []


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Seven optimizers on two moons", "The same net from the same first weights through the same batches; each racer at the best of the same 9 rates.", ("optimizer comparison", "sgd", "momentum", "adam", "fair comparison", "tuning")),
    _preset("digits", "Handwritten digits", "Six racers learn 400 pictures of digits. Watch the test accuracy: the order is not that of the training loss.", ("digits", "mnist", "classification", "adam", "muon", "test accuracy"), data="digits", racers="SGD, Momentum, RMSprop, Adam, AdamW, Muon", rates="same", rate=0.01, metric="test_score", steps=150, batch=32, seeds=1),
    _preset("overfitting", "Fast to learn, fast to overfit", "On the diabetes patients the quickest racers soon learn noise: their test loss turns and climbs.", ("overfitting", "generalization", "early stopping", "regression", "test loss"), data="diabetes", racers="SGD, Momentum, Adam, AdamW, Muon", rates="same", rate=0.01, metric="test_loss", steps=300, batch=32, seeds=1),
    _preset("seeds", "How much was luck?", "Two spirals under five seeds: the band of first weights and batches is as wide as many a gap between racers.", ("variance", "random seed", "confidence band", "reproducibility", "benchmark"), data="spirals", racers="Momentum, Adam, NAdam", rates="same", rate=0.01, batch=32, seeds=5, steps=150),
    _preset("torch_defaults", "torch's default rates", "Nothing tuned: what the library uses when you say nothing. Some have hardly moved when the others are done.", ("default hyperparameters", "pytorch", "learning rate"), racers="SGD, Momentum, Adagrad, RMSprop, Adadelta, Adam, NAdam, Lion, Muon", rates="torch", steps=200, batch=32, seeds=1),
    _preset("batch_size", "Batch size and the linear scaling rule", "Equal epochs: a larger batch takes fewer steps, and falls behind unless its rate grows with it.", ("batch size", "linear scaling rule", "mini-batch", "epochs", "large batch training"), racers="SGD, Momentum", rates="same", rate=0.05, lens="batch", budget="scaled", steps=160, batch=32, seeds=1),
    _preset("landscape", "The racers' ways over the loss landscape", "A cut through 354 dimensions: the plane that lies nearest to all weight paths, and how far they are from it.", ("loss landscape", "pca", "visualization", "optimization landscape"), racers="SGD, Momentum, RMSprop, Adam", rates="same", rate=0.03, batch=512, lens="landscape", steps=150, seeds=1),
    _preset("edge", "The edge of stability", "Full batches at three rates: sharpness climbs until it meets 2/η, and hovers about there.", ("edge of stability", "hessian", "sharpness", "gradient descent", "learning rate"), data="diabetes", racers="SGD@0.05, SGD@0.1, SGD@0.2", rates="same", batch=512, depth=1, width=32, lens="sharpness", steps=300, seeds=1),
    _preset("divergence", "Too high a rate: did not finish", "At 0.5 a few steps throw SGD out of the race. Cut the gradient to length 0.1 by norm, in the drawer of settings, and it stays.", ("divergence", "exploding gradients", "gradient clipping", "learning rate"), data="diabetes", racers="SGD@0.1, SGD@0.5, Momentum@0.05, Momentum@0.5", rates="same", activation="relu", threshold=0.1, steps=100, batch=32, seeds=1),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One net, one start, many rules", "Every racer trains the same small net from the same weights on the same batches. Only the update rule differs. The lower the line, the better it knows the training set.", {}),
    TourStop("Fair or not", "The same race at one rate for all. A rate that suits Adam is slow for SGD. Then choose 'Tuned' above: nine tries for everyone.", {"rates": "same", "rate": 0.003}),
    TourStop("How much the rate decides", "The loss at the end for every racer and rate. Some forgive a careless choice, others do not: that is worth as much as the lowest point.", {"lens": "rates"}),
    TourStop("Training is not the goal", "On patients that were not trained on, the quickest racers turn round and get worse. The best optimizer of the training loss need not be the best for new data.", {"data": "diabetes", "racers": "SGD, Momentum, Adam, AdamW, Muon", "rates": "same", "metric": "test_loss", "steps": 300, "batch": 32, "seeds": 1}),
    TourStop("Where the ways lead", "The plane nearest to all paths. Read the share of the variance it explains before you trust it.", {"racers": "SGD, Momentum, RMSprop, Adam", "rates": "same", "rate": 0.03, "batch": 512, "seeds": 1, "lens": "landscape", "steps": 150}),
    TourStop("The edge of stability", "With all data in every batch the curvature climbs until the step is just about too long: 2 divided by the rate.", {"data": "diabetes", "racers": "SGD@0.05, SGD@0.1, SGD@0.2", "rates": "same", "batch": 512, "seeds": 1, "depth": 1, "width": 32, "lens": "sharpness", "steps": 300}),
)  # fmt: skip
