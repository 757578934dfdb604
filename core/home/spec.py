"""What the visitor sets before the net learns: its size, and how it walks downhill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param


@dataclass(frozen=True)
class HomeSpec(Spec):
    """Everything that the run on the home page depends on."""

    SLUG: ClassVar[str] = "home"

    hidden: int = param(
        48,
        "Hidden units",
        low=4,
        high=128,
        unit="units",
        help="How many patterns the net may look for; each is one small picture of weights.",
    )
    rate: float = param(
        0.01,
        "Learning rate",
        low=1e-4,
        high=10.0,
        log=True,
        help="How far each step goes downhill. Too small: slow. Too large: the steps jump over the valley, and hidden units fall silent for good.",
    )
    momentum: float = param(
        0.9,
        "Momentum",
        low=0.0,
        high=0.99,
        step=0.01,
        help="How much of the last step is kept. 0 is plain stochastic gradient descent.",
    )
    batch: int = param(
        4,
        "Batch size",
        low=1,
        high=512,
        unit="digits",
        help="How many digits each step looks at before the weights move.",
    )
    epochs: int = param(
        60, "Epochs", low=1, high=200, unit="passes", help="How often the net sees every training digit."
    )
    seed: int = param(
        0,
        "Seed",
        low=0,
        high=9999,
        help="The draw of the first weights, the order of the digits and which digits are kept for the test.",
    )


EXAMPLES: tuple[Example, ...] = (
    Example("standard", "A net that learns", "48 hidden units learn to read in about twenty thousand small steps.", {}, ("digits", "multilayer perceptron", "training loop", "classification", "accuracy", "cross-entropy")),
    Example("bottleneck", "Only four hidden units", "Ten digits have to pass through four numbers: some are taken for each other.", {"hidden": 4, "rate": 0.003}, ("underfitting", "capacity", "confusion matrix", "bottleneck")),
    Example("plain_sgd", "Without momentum", "The same net by plain gradient descent with a small rate: every step is short, and it needs more of them.", {"momentum": 0.0, "rate": 0.003}, ("stochastic gradient descent", "momentum", "learning rate")),
    Example("too_fast", "Too large a step", "The first steps throw every hidden unit below 0 for all digits. ReLU then passes no gradient back: the net is dead, and guesses.", {"rate": 1.0}, ("dying ReLU", "divergence", "learning rate too high", "dead units")),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Untrained", "The weights are random numbers. About one digit in ten is right, as in guessing, and one or two columns of the confusion matrix hold nearly all the answers.", {}),
    TourStop("Learn", "Press start. The loss falls, the accuracy rises, and the counts move onto the diagonal. The pictures of weights turn from noise into strokes.", {}),
    TourStop("Too small", "With four hidden units the net cannot tell all ten digits apart. Train it, and look for the cells beside the diagonal that stay orange.", {"hidden": 4, "rate": 0.003}),
    TourStop("Too fast", "With a learning rate of 1 the first steps jump so far that every hidden unit is 0 for every digit. No gradient passes a unit that is 0, so nothing can wake it again.", {"rate": 1.0}),
    TourStop("Draw", "Back to the standard net. Train it, then draw a digit on the pad. Try a tilted one, a 7 with a bar, a letter: the net must answer with a digit, and it is often sure when it is wrong.", {}),
)  # fmt: skip
