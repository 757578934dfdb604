"""The memory-length explainer's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

LENSES = {
    "delay": "Accuracy against the delay", "bias": "Forget bias", "clip": "Exploding gradients and clipping", "spectrum": "Singular values",
}  # fmt: skip


@dataclass(frozen=True)
class MemoryLengthSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "memory_length"

    length: int = param(
        60, "Length of the sequences", low=5, high=200, unit="steps", help="The loss is at the last step"
    )
    hidden: int = param(32, "Units", low=2, high=64)
    weights: str = param("orthogonal", "First weights", options={"uniform": "Uniform", "orthogonal": "Orthogonal"})
    gain: float = param(
        1.0, "Gain of U", low=0.1, high=2.0, step=0.05,
        help="Multiplies the recurrent weights of all cells; with orthogonal weights it is their largest singular value",
    )  # fmt: skip
    forget_bias: float = param(1.0, "Forget bias", low=-2.0, high=6.0, step=0.5, help="Of the LSTM")
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights and sequences")
    lens: str = param("delay", "Look closer", options=LENSES)
    steps: int = param(300, "Training steps", low=50, high=2000, step=50, help="Of each net, with 32 sequences each")
    rate: float = param(
        0.01,
        "Learning rate η",
        low=1e-4,
        high=1.0,
        log=True,
        help="Of Adam; of plain gradient descent in the clipping look",
    )
    limit: float = param(1.0, "Clip at", low=0.01, high=100.0, log=True, help="Length that the gradient is cut to")


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Who remembers the first letter?", "The gradient on its way back through 60 steps in three cells, and how well trained nets recall over growing delays.", ("vanishing gradients", "long-term dependencies", "lstm vs rnn", "memory")),
    _preset("vanishing", "Vanishing: a little below 1", "Recurrent weights of gain 0.8: the vanilla RNN's gradient loses a fifth at every step, and is gone after 60.", ("vanishing gradients", "singular values", "bptt"), gain=0.8, lens="spectrum"),
    _preset("exploding", "Exploding, and clipping", "Gain 1.5 and plain gradient descent: without clipping one step throws the weights away; with clipping the same run learns on.", ("exploding gradients", "gradient clipping", "bptt"), gain=1.5, lens="clip", rate=0.1),
    _preset("forget_bias", "The forget bias", "One number at the start decides how long an LSTM's cell keeps a gradient: σ(b) at every step.", ("forget gate", "forget bias", "initialisation", "lstm"), lens="bias", weights="uniform", length=100),
    _preset("uniform", "torch's own first weights", "Uniform weights of size 1/√H: largest singular value about 1.1, yet almost all directions shrink at every step.", ("initialisation", "pytorch", "vanishing gradients"), weights="uniform", lens="spectrum"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("The way back", "The loss stands at the last step. Read from right to left: how much of its gradient arrives at step t? The vertical axis is logarithmic, so a straight line is a constant factor at every step.", {}),
    TourStop("A factor below 1", "Gain 0.8: the dotted line falls by 0.8 at every step, and the vanilla RNN cannot stay above it.", {"gain": 0.8, "lens": "spectrum"}),
    TourStop("The cell's own road", "In the LSTM the gradient also travels along the cell, where each step multiplies by the forget gate alone. Raise the forget bias and the line becomes flat.", {"gain": 0.8, "forget_bias": 4.0, "lens": "bias"}),
    TourStop("Above 1", "Gain 1.5: now steps can multiply. Look closer shows the same training twice, with and without clipping.", {"gain": 1.5, "lens": "clip", "rate": 0.1}),
    TourStop("Does it matter?", "Accuracy of trained nets against the delay: where does each cell lose the first letter?", {"lens": "delay"}),
)  # fmt: skip
