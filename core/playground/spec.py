"""The playground's state: data, net, learning, what happened on the way, and what is looked at.

Layers are a text ("4, 2 relu"): units, and an activation of its own if the layer has one. What a visitor did while the net
learned is a text too, so that a link repeats it: "500:rate=0.1; 700:w1.2.3=0.5; 700:b2.1=0" changes, after 500 updates, the
learning rate, and after 700 the weight of layer 1 to unit 2 from input 3 and the bias of unit 1 in layer 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError, one_of
from core.playground import network
from core.playground.datasets import FEATURES, OWN, SOURCES

MOST_LAYERS, MOST_UNITS, MOST_EVENTS = 8, 64, 100
ACTIVATIONS = {
    "tanh": network.TANH, "relu": network.RELU, "sigmoid": network.SIGMOID, "linear": network.LINEAR, "leaky_relu": network.LEAKY,
    "elu": network.ELU, "gelu": network.GELU, "silu": network.SILU, "softplus": network.SOFTPLUS, "sine": network.SINE,
}  # fmt: skip
ACTIVATION_WORDS = {
    "tanh": "Tanh", "relu": "ReLU", "sigmoid": "Sigmoid", "linear": "Linear", "leaky_relu": "Leaky ReLU", "elu": "ELU",
    "gelu": "GELU (tanh form)", "silu": "SiLU", "softplus": "Softplus", "sine": "Sine",
}  # fmt: skip
OPTIMIZERS = {
    "sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov", "adagrad": "Adagrad", "rmsprop": "RMSprop", "adam": "Adam",
}  # fmt: skip
PENALTIES = {"none": "None", "l1": "L1", "l2": "L2", "decoupled": "Decoupled decay"}
LENSES = {
    "quality": "Confusion or residuals", "equation": "Equation", "surface": "Surface in space", "warp": "How a layer bends space",
    "sum": "Sum of bumps", "beside": "Two runs side by side", "ensemble": "Ensemble: where it is unsure", "engines": "NumPy against PyTorch",
}  # fmt: skip
TYPED = {"formula": "Your formula: values f(x, y)", "border": "Your border: classes f(x, y) > 0"}
DRAWN = {"points": "Your points: classes", "values": "Your points: values"}


@dataclass(frozen=True)
class PlaygroundSpec(Spec):
    """Everything that the playground's pictures depend on."""

    SLUG: ClassVar[str] = "playground"

    data: str = param("circle", "Data", options={**{name: s.title for name, s in SOURCES.items()}, **TYPED, **DRAWN})
    formula: str = param(
        "sin(x) * cos(y)",
        "f(x, y)",
        max_length=200,
        help="x and y are x₁ and x₂; + − * / ** and functions such as sin, cos, exp, log, sqrt, abs, tanh, max, min",
    )
    classes: int = param(3, "Classes", low=2, high=6)
    count: int = param(500, "Points", low=20, high=1200, step=20)
    noise: int = param(0, "Noise", low=0, high=50, step=5, unit="%")
    share: int = param(50, "Share for training", low=10, high=90, step=10, unit="%")
    seed: int = param(0, "Seed", low=0, high=9999, help="The draw of the points, the first weights and the order")
    points: str = param("", "Drawn points", max_length=2400, hidden=True)
    features: str = param("x1, x2", "Features", max_length=200, hidden=True, help="What the net gets to see of a point")
    own: str = param(
        "abs(x1) + abs(x2)",
        "Own feature g(x₁, x₂)",
        max_length=200,
        help="A formula of x1 and x2 that has a value everywhere from −6 to 6: sin(x1 * x2), exp(-x1**2), max(x1, x2)",
    )
    layers: str = param(
        "4, 2",
        "Hidden layers",
        max_length=120,
        help="Units per layer, up to 8 layers of 64. A layer may name its own activation, and bn or no_bn: 4 relu, 8 bn, 2",
    )
    activation: str = param("tanh", "Activation", options=ACTIVATION_WORDS)
    norm: bool = param(
        False,
        "Batch normalisation",
        help="In every hidden layer that does not say no_bn; or write bn behind a single layer's units: 8 bn, 2",
    )
    bias: bool = param(
        True, "Biases", help="Off: no unit adds a number of its own; b, and β of a normalised layer, stay 0"
    )
    start: str = param(
        "uniform",
        "First weights",
        options={"uniform": "±0.5", "xavier": "Xavier", "he": "He", "zero": "Zero"},
        help="±0.5 is what TensorFlow Playground draws; Xavier: ±√(6/(in+out)); He: normal, σ = √(2/in). Biases start at 0.1 with ±0.5, else at 0",
    )
    loss: str = param(
        "squared",
        "Loss",
        options={"squared": "Squared", "cross_entropy": "Cross-entropy", "hinge": "Hinge", "absolute": "Absolute"},
        help="Two classes: any of the four. Values: absolute error if chosen, else squared. More classes: always softmax and cross-entropy",
    )
    optimizer: str = param("sgd", "Optimizer", options=OPTIMIZERS)
    rate: float = param(0.03, "Learning rate η", low=1e-5, high=10.0, log=True)
    momentum: float = param(0.9, "Momentum μ or β₁", low=0.0, high=0.99, step=0.01)
    schedule: str = param(
        "constant",
        "Schedule of the rate",
        options={"constant": "Constant", "step": "Halved", "exponential": "Exponential", "cosine": "Cosine", "warm_up": "Warm-up"},
    )  # fmt: skip
    period: int = param(
        100,
        "Length of the schedule",
        low=1,
        high=1000,
        unit="epochs",
        help="Until the rate is halved, has reached 0 (cosine) or its full height (warm-up)",
    )
    batch: int = param(10, "Batch size", low=1, high=200)
    penalty: str = param("none", "Penalty on weights", options=PENALTIES)
    strength: float = param(0.003, "Strength λ", low=1e-4, high=1.0, log=True)
    dropout: float = param(
        0.0, "Dropout", low=0.0, high=0.9, step=0.05, help="Share of hidden units silenced at each step"
    )
    epochs: int = param(200, "Epochs", low=0, high=2000)
    batches: int = param(0, "and batches", low=0, high=1200, hidden=True)
    stop: str = param(
        "none",
        "Stop early",
        options={"none": "Never", "solved": "Training loss below 0.005", "patience": "Test loss stuck for 30 epochs"},
    )
    events: str = param("", "Changes on the way", max_length=2000, hidden=True)
    discretize: bool = param(False, "Show the decision only")
    show_test: bool = param(False, "Show the test points")
    epoch: int = param(-1, "Frame", low=-1, high=100, hidden=True)  # -1: the end
    pick: str = param("", "Weight or bias", max_length=20, hidden=True)
    unit: str = param("output", "Map shows", max_length=12, hidden=True)
    lens: str = param("quality", "Look closer", options=LENSES)
    layer: str = param("", "Layer", max_length=20, hidden=True)
    pinned: str = param("", "Pinned run", max_length=3000, hidden=True)
    members: int = param(16, "Nets in the ensemble", low=4, high=64, step=4)

    @property
    def regression(self) -> bool:
        """Whether values are learned, not classes."""
        return self.data in ("values", "formula") or (self.data in SOURCES and SOURCES[self.data].regression)

    @property
    def one(self) -> bool:
        """Whether the data depend on x1 alone."""
        return self.data in SOURCES and SOURCES[self.data].one


VIEW = ("discretize", "show_test", "epoch", "pick", "unit", "lens", "layer", "pinned", "members")


def learning(spec: PlaygroundSpec) -> PlaygroundSpec:
    """The Spec with all that does not change the run at its default."""
    return replace(spec, **{name: spec.params()[name].default for name in VIEW})


ANEW = {
    "events": "",
    "pick": "",
    "unit": "output",
    "epoch": -1,
    "batches": 0,
}  # what other data or another net begin with


def controls_of(spec: PlaygroundSpec) -> dict[str, list[str]]:
    """The controls that act in this state, by the place where the page draws them."""
    return {
        "first": ["activation", "optimizer", "rate"],
        "typed": ["formula"] if spec.data in TYPED else [],
        "own": ["own"] if OWN in spec.features.replace(" ", "").split(",") else [],
        "data": ["noise", "share", "count", "classes", "batch", "seed"],
        "learning": [
            "epochs", "start", "loss", "momentum", "schedule", *(["period"] if spec.schedule != "constant" else []), "penalty",
            *(["strength"] if spec.penalty != "none" else []), "dropout", "stop", "norm", "bias",
        ],
    }  # fmt: skip


class Layer(NamedTuple):
    """A hidden layer: its units, its activation's name, and whether it is normalised."""

    units: int
    activation: str
    norm: bool = False


def hidden_layers(spec: PlaygroundSpec) -> tuple[Layer, ...]:
    """The hidden layers that the text names.

    Raises:
        ExplainerError: it cannot be read, or has too many layers or units.
    """
    parts = [part.split() for part in spec.layers.split(",") if part.strip()]
    if len(parts) > MOST_LAYERS:
        raise ExplainerError(f"{len(parts)} hidden layers are too many; at most {MOST_LAYERS} are allowed; try 4, 2")
    return tuple(_layer(part, spec) for part in parts)


NORMS = {"bn": True, "no_bn": False}  # what a layer may say behind its units


def _layer(words: Sequence[str], spec: PlaygroundSpec) -> Layer:
    units, *more = (word.lower() for word in words)
    norm = [NORMS[word] for word in more if word in NORMS]
    name = "_".join(word for word in more if word not in NORMS) or spec.activation
    if not (units.isascii() and units.isdigit() and len(units) < 4 and 1 <= int(units) <= MOST_UNITS):
        raise ExplainerError(
            f"a layer of {units[:20]!r} units is not possible; 1 to {MOST_UNITS} are allowed; try 4, 2"
        )
    if name not in ACTIVATIONS:
        raise ExplainerError(f"activation {name[:30]!r} is unknown; choose {one_of(ACTIVATIONS)}")
    return Layer(int(units), name, norm[-1] if norm else spec.norm)


def layers_text(spec: PlaygroundSpec, layers: Sequence[Layer]) -> str:
    """The text that `hidden_layers` reads back."""
    return ", ".join(
        f"{layer.units}"
        + ("" if layer.activation == spec.activation else f" {layer.activation}")
        + ("" if layer.norm == spec.norm else " bn" if layer.norm else " no_bn")
        for layer in layers
    )


def feature_names(spec: PlaygroundSpec) -> tuple[str, ...]:
    """The chosen features. Raises ExplainerError for an unknown one, or none."""
    names = tuple(dict.fromkeys(part.strip() for part in spec.features.split(",") if part.strip()))
    if unknown := [name for name in names if name not in FEATURES]:
        raise ExplainerError(f"feature {unknown[0][:20]!r} is unknown; choose {one_of(FEATURES)}")
    if not names:
        raise ExplainerError("no feature is chosen, so the net sees nothing; try x1, x2")
    return names


class Event(NamedTuple):
    """After `step` updates: the rate (`kind` "rate"), or the weight ("w") or bias ("b") at `place`, becomes `value`."""

    step: int
    kind: str
    place: tuple[int, ...]
    value: float


_EVENT = re.compile(r"(\d{1,7}):(rate|w(\d)\.(\d{1,2})\.(\d{1,2})|b(\d)\.(\d{1,2}))=([-+0-9.eE]{1,24})")


def events(spec: PlaygroundSpec) -> tuple[Event, ...]:
    """What was changed on the way, in order. Raises ExplainerError for what cannot be read or is not in the net."""
    parts = [part.strip() for part in spec.events.split(";") if part.strip()]
    if len(parts) > MOST_EVENTS:
        raise ExplainerError(f"{len(parts)} changes are too many; at most {MOST_EVENTS} are kept; start the run anew")
    sizes = [len(feature_names(spec)), *(layer.units for layer in hidden_layers(spec)), 99]
    found = tuple(sorted((_event(part, sizes) for part in parts), key=lambda event: event.step))
    if not spec.bias and any(event.kind == "b" for event in found):
        raise ExplainerError(
            "a bias was changed by hand, but this net has none; switch 'Biases' on, or undo the changes"
        )
    return found


def _event(text: str, sizes: Sequence[int]) -> Event:
    if not (found := _EVENT.fullmatch(text)):
        raise ExplainerError(f"the change {text[:40]!r} cannot be read; write it as 500:rate=0.1 or 500:w1.2.3=0.5")
    try:
        value = float(found[8])
    except ValueError:
        raise ExplainerError(f"the change {text[:40]!r} sets no number; try 500:rate=0.1") from None
    kind, place = found[2][0], tuple(int(n) for n in (found[3] or found[6], found[4] or found[7], found[5]) if n)
    if kind == "r":
        if not 1e-5 <= value <= 10:
            raise ExplainerError(f"learning rate {value:g} is outside 1e-05 to 10; try 0.03")
        return Event(int(found[1]), "rate", (), value)
    if not abs(value) <= 1000:
        raise ExplainerError(f"the value {value:g} is outside -1000 to 1000; try 0.5")
    if not _exists(place, sizes):
        raise ExplainerError(
            f"{found[2]} is not in this net, which has {', '.join(map(str, sizes[:-1]))} units before the output"
        )
    return Event(int(found[1]), kind, place, value)


def _exists(place: Sequence[int], sizes: Sequence[int]) -> bool:
    layer, to, *source = place
    return 1 <= layer < len(sizes) and 1 <= to <= sizes[layer] and all(1 <= s <= sizes[layer - 1] for s in source)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("circle", "A circle with six hidden units", "TensorFlow Playground's first picture: lines in the first layer, a closed curve at the end.", ("hidden layer", "decision boundary", "classification", "neural network")),
    _preset("xor", "Exclusive or", "No single line parts the four corners; a hidden layer does.", ("xor", "hidden layer", "non-linearity", "linear separability"), data="xor", layers="4", rate=0.1, seed=3),
    _preset("spiral", "The spiral, with Adam", "Two hidden layers and smooth units wind up the two arms.", ("spiral", "deep network", "adam", "decision boundary"), data="spiral", layers="12, 8", optimizer="adam", rate=0.01, start="xavier", epochs=100, loss="cross_entropy", share=70),
    _preset("spiral_linear", "It fails: the spiral without a hidden layer", "A line is all that this net can draw, however long it learns.", ("underfitting", "linear model", "perceptron"), data="spiral", layers="", epochs=60),
    _preset("dead_relu", "It fails: dead ReLUs", "The first steps are so long that units fall silent for good: no gradient passes a unit that is 0 everywhere.", ("dying relu", "learning rate too high", "dead units"), layers="3, 3", activation="relu", rate=0.3, epochs=30, start="he", seed=3),
    _preset("too_fast", "It fails: too high a rate", "A straight plane through values is the easiest task of all, but each step overshoots farther than the one before, and the run is stopped.", ("divergence", "learning rate", "exploding gradients"), data="plane", layers="", rate=0.2, batch=200, epochs=30),
    _preset("blobs", "Five classes", "Softmax gives a probability for each class; the map shows the most probable one.", ("multi-class", "softmax", "cross-entropy", "confusion matrix"), data="blobs", classes=5, layers="8", activation="relu", start="he", noise=20, epochs=60),
    _preset("overfit", "Learned by heart", "Fifty noisy points and a large net: the training loss falls on, the test loss rises.", ("overfitting", "generalisation", "noise", "train and test"), data="circle", noise=40, share=10, layers="24, 24", optimizer="adam", rate=0.01, start="xavier", epochs=100, show_test=True),
    _preset("sine_bumps", "A sum of bumps", "One hidden layer draws a sine: each unit adds one soft step (Cybenko 1989).", ("universal approximation", "regression", "function approximation"), data="sine", features="x1", layers="8", optimizer="adam", rate=0.03, start="xavier", epochs=300, lens="sum", noise=10),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A net that learned", "Every square is a neuron, and the map in it says where on the plane it answers with plus (orange) and minus (blue). Press play under the pictures: the lines of the first layer turn until the output closes them to a ring.", {}),
    TourStop("Take the hidden layers away", "Without a hidden layer the net can draw one straight line. The loss stays at about 0.5, a half for every point: it has learned nothing.", {"layers": ""}),
    TourStop("Or give it the right view", "The same net without a hidden layer, but it sees the squares of x1 and x2. Now a ring is a straight line to it. Features and layers do the same work.", {"layers": "", "features": "x1^2, x2^2", "epochs": 60}),
    TourStop("Where two runs differ", "The spiral asks for more units and a better optimizer. Look at the equation lens to see how many numbers that is.", {"data": "spiral", "layers": "12, 8", "optimizer": "adam", "rate": 0.01, "start": "xavier", "epochs": 100, "loss": "cross_entropy", "share": 70}),
    TourStop("Learned by heart", "Fifty noisy points and a large net: the solid training line falls, the dashed test line turns up. Choose L2 under 'Learning' and watch the borders become smooth.", {"noise": 40, "share": 10, "layers": "24, 24", "optimizer": "adam", "rate": 0.01, "start": "xavier", "epochs": 100, "show_test": True}),
    TourStop("A border of your own", "Type any formula of x and y: the net learns on which side of f(x, y) = 0 a point lies. Batch normalisation stands behind both layers: switch it off under 'Learning' and compare the losses.", {"data": "border", "formula": "sin(x) + cos(y)", "layers": "8, 8", "rate": 0.3, "start": "xavier", "epochs": 60, "norm": True}),
    TourStop("How sure is it?", "Sixteen nets that differ in nothing but their first weights. Where they disagree, no data held them.", {"data": "moons", "layers": "8", "optimizer": "adam", "rate": 0.02, "start": "xavier", "epochs": 60, "lens": "ensemble"}),
)  # fmt: skip
