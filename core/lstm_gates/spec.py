"""The gate inspector's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

TASK_TITLES = {
    "dyck": "Bracket depth", "recall": "First-token recall", "copy": "Copy", "adding": "Adding problem", "parity": "Parity",
    "order": "Temporal order", "reber": "Embedded Reber grammar",
}  # fmt: skip
CELL_TITLES = {"lstm": "LSTM", "gru": "GRU", "rnn": "Vanilla RNN", "peephole": "LSTM with peepholes"}
LENSES = {
    "unit": "One unit, one step", "signals": "Lines and saturation", "probe": "What does each unit know?", "find": "Find units by a phrase",
    "connect": "Connectivity", "operate": "Operate", "film": "Film of the training",
}  # fmt: skip
ACTIONS = {"clamp": "Clamp a signal", "zero": "Zero the cell", "swap": "Swap the cell"}
MOST_UNITS = 48


@dataclass(frozen=True)
class LstmGatesSpec(Spec):
    """Everything that the inspector's pictures depend on."""

    SLUG: ClassVar[str] = "lstm_gates"

    task: str = param("dyck", "Task", options=TASK_TITLES)
    delay: int = param(
        0, "Delay", low=0, high=60, unit="steps",
        help="Between what must be kept and its use; for brackets and bits, blanks after each symbol",
    )  # fmt: skip
    cell: str = param("lstm", "Look into", options=CELL_TITLES)
    text: str = param("", "Your sequence", max_length=1500, help="Empty: one is drawn")
    hidden: int = param(16, "Units", low=2, high=MOST_UNITS, help="Of each layer and direction")
    same: str = param("width", "All cells have the same", options={"width": "Width", "parameters": "Parameter count"})
    layers: int = param(1, "Layers", low=1, high=2)
    bidirectional: bool = param(False, "Bidirectional", help="A second layer reads from the end: it knows what comes")
    weights: str = param("orthogonal", "First weights", options={"uniform": "Uniform", "orthogonal": "Orthogonal"})
    forget_bias: float = param(1.0, "Forget bias", low=-2.0, high=5.0, step=0.5, help="Of the LSTMs, before training")
    steps: int = param(600, "Training steps", low=50, high=3000, step=50, help="Of 64 sequences each")
    rate: float = param(0.01, "Learning rate η", low=1e-4, high=0.3, log=True, help="Of Adam")
    clip: bool = param(True, "Clip gradients at 1", help="By norm")
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights, training and test sequences")
    lens: str = param("unit", "Look closer", options=LENSES)
    way: str = param("", "Layer", max_length=30, hidden=True)
    signal: str = param("", "Signal", max_length=2, hidden=True)
    unit: int = param(1, "Unit", low=1, high=MOST_UNITS)
    at: int = param(6, "Step", low=1, high=300)
    first: int = param(9, "From step", low=1, high=300)
    last: int = param(12, "To step", low=1, high=300)
    threshold: float = param(3.75, "On above", low=-1.0, high=5.0, step=0.05)
    action: str = param("clamp", "Do what", options=ACTIONS)
    value: float = param(0.0, "Value", low=-2.0, high=2.0, step=0.1)
    units: str = param("", "Units", max_length=200, help="Numbers such as 1, 4, 7; empty: all of them")


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "An LSTM counts brackets", "Every gate at every step while a trained LSTM reads brackets, and one unit's arithmetic in full.", ("lstm", "gates", "forget gate", "cell state", "recurrent neural network")),
    _preset("counter", "Which unit is the counter?", "Each unit held against the true depth: correlation, and how much all units know together.", ("probing", "interpretability", "hidden state", "representation"), lens="probe", signal="c"),
    _preset("surgery", "Force the gate open or shut", "The first letter must be remembered over 16 steps. Shut the forget gate for a while and watch it go.", ("forget gate", "intervention", "ablation", "long-term memory"), task="recall", delay=16, text="a z z x z y y x y y z x y y y z z ?", lens="operate", signal="f", first=6, last=8),
    _preset("connect", "Which input does the answer hang on?", "Derivative of every answer by every input: in the temporal-order task two steps among distractors light up.", ("saliency", "jacobian", "long-term dependency", "connectivity"), task="order", delay=8, lens="connect"),
    _preset("gru", "A GRU copies letters", "Reset, update and candidate while four letters are kept through a gap and said again.", ("gru", "update gate", "reset gate", "copy task"), task="copy", delay=4, cell="gru", lens="signals", signal="z"),
    _preset("grammar", "Learning a grammar letter by letter", "The embedded Reber grammar, trained here for a few steps: a film of one gate over the training.", ("grammar", "sequence prediction", "bidirectional rnn", "training dynamics"), task="reber", lens="film", signal="f", steps=100, hidden=12),
    _preset("both_ways", "Reading from both ends", "A bidirectional LSTM on bits: the direction from the end knows what is still to come, and the answer hangs on both.", ("bidirectional", "bidirectional rnn", "parity"), task="parity", bidirectional=True, hidden=8, steps=200, lens="connect"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A counter made of gates", "An LSTM reads brackets from left to right and says how deep it is. The heat maps show its gates i, f, o, its candidate g, its cell c and its output h, one row for each unit.", {}),
    TourStop("One unit, one step", "Below, one number of the picture is taken apart: what the input says, what the past says, the bias, the gate, the new cell. Move the unit and the step.", {"lens": "unit", "unit": 3, "at": 8}),
    TourStop("Is there a counter?", "Every unit is held against the true depth. One correlation near 1 is a counter; if none is, the count is spread, and only all units together know it.", {"lens": "probe", "signal": "c"}),
    TourStop("Find it by a phrase", "Steps 9 to 12 are deep. Which units are on there and mostly off elsewhere? Then the test set is searched for places where they are on: look at the depth there.", {"lens": "find", "signal": "c"}),
    TourStop("Operate", "Shut the forget gate of every unit for three steps. What was counted before is lost, and the answers after it are wrong.", {"lens": "operate", "signal": "f", "first": 8, "last": 10, "value": 0.0}),
    TourStop("Another cell", "The same task in a GRU: no separate cell, two gates. Look for the same count in h.", {"cell": "gru", "lens": "probe", "signal": "h"}),
)  # fmt: skip
