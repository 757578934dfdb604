"""The stepper's parameters, presets and tour.

The values of a formula's leaves are one text parameter ("w=0.5, x=2"), for their names depend on the formula. What it
does not name has the preset's value if the formula is a preset's, and else a fixed default by order of appearance.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError

LEAF_DEFAULTS = (0.5, 1.0, 2.0, 0.25, 0.75, 1.5)
VALUE_LIMIT = 1e6

FORMULAS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "neuron": (
        "(tanh(w1*x1 + w2*x2 + b) - y)**2",
        {"w1": -0.8, "x1": 2.0, "w2": 0.6, "x2": 0.5, "b": 0.7, "y": 1.0},
    ),
    "bce_neuron": (
        "p = sigmoid(w*x + b); -(y*log(p) + (1 - y)*log(1 - p))",
        {"w": 0.8, "x": 1.5, "b": -2.0, "y": 1.0},
    ),
    "xor": (
        "h1 = tanh(w11*x1 + w12*x2 + b1); h2 = tanh(w21*x1 + w22*x2 + b2); (v1*h1 + v2*h2 + c - y)**2",
        {"w11": 0.9, "x1": 1.0, "w12": -0.7, "x2": 0.0, "b1": 0.1, "w21": -0.6, "w22": 0.8, "b2": -0.2,
         "v1": 0.7, "v2": -0.5, "c": 0.05, "y": 1.0},
    ),
    "xor_all": (
        "mse(v1*tanh(b1) + v2*tanh(b2) + c, 0, v1*tanh(w12 + b1) + v2*tanh(w22 + b2) + c, 1,"
        " v1*tanh(w11 + b1) + v2*tanh(w21 + b2) + c, 1, v1*tanh(w11 + w12 + b1) + v2*tanh(w21 + w22 + b2) + c, 0)",
        {"w11": 0.9, "w12": 0.7, "b1": -0.2, "w21": 0.8, "w22": 1.1, "b2": -1.0, "v1": 0.7, "v2": -0.6, "c": 0.1},
    ),
    "softmax_expanded": (
        "e1 = exp(w1*x + b1); e2 = exp(w2*x + b2); e3 = exp(w3*x + b3); -log(e2/(e1 + e2 + e3))",
        {"w1": 0.5, "x": 1.5, "b1": 0.2, "w2": -0.3, "b2": 0.4, "w3": 0.8, "b3": -0.6},
    ),
    "softmax_fused": (
        "softmax_cross_entropy(1, w1*x + b1, w2*x + b2, w3*x + b3)",
        {"w1": 0.5, "x": 1.5, "b1": 0.2, "w2": -0.3, "b2": 0.4, "w3": 0.8, "b3": -0.6},
    ),
    "deep_sigmoid": (
        "sigmoid(w8*sigmoid(w7*sigmoid(w6*sigmoid(w5*sigmoid(w4*sigmoid(w3*sigmoid(w2*sigmoid(w1*x))))))))",
        {**{f"w{k}": 1.0 for k in range(1, 9)}, "x": 1.0},
    ),
    "conv1d": (
        "y0 = relu(k0*x0 + k1*x1 + k2*x2); y1 = relu(k0*x1 + k1*x2 + k2*x3); y2 = relu(k0*x2 + k1*x3 + k2*x4); (y0 + y1 + y2)/3",
        {"k0": 0.5, "x0": 0.2, "k1": 1.0, "x1": 0.9, "k2": -0.5, "x2": 0.4, "x3": -0.7, "x4": 0.3},
    ),
    "rnn": (
        "h1 = tanh(w*x1 + b); h2 = tanh(u*h1 + w*x2 + b); h3 = tanh(u*h2 + w*x3 + b); h4 = tanh(u*h3 + w*x4 + b); (h4 - y)**2",
        {"w": 0.6, "x1": 1.0, "b": 0.1, "u": 0.9, "x2": 0.0, "x3": 0.0, "x4": 0.0, "y": 1.0},
    ),
    "shared_weight": ("h = relu(w*x); (w*h - y)**2", {"w": 0.8, "x": 1.5, "y": 2.0}),
}  # fmt: skip

LENSES = {"proof": "Proof", "update": "Update", "vanish": "Vanishing", "bugs": "Bug lab", "memory": "Memory"}
OPTIMIZERS = {"sgd": "SGD", "momentum": "Momentum", "adam": "Adam"}
BUGS = {
    "no_zero_grad": "zero_grad forgotten",
    "detach": "detach",
    "softmax_twice": "Softmax twice",
    "wrong_sign": "Wrong sign",
    "in_place": "In-place edit",
}


@dataclass(frozen=True)
class StepperSpec(Spec):
    """Everything that the stepper's picture depends on."""

    SLUG: ClassVar[str] = "backprop_stepper"

    mode: str = param("formula", "Level", options={"formula": "Scalars: a formula", "tensor": "Matrices: a mini-batch"})
    formula: str = param(
        FORMULAS["neuron"][0],
        "Formula",
        max_length=500,
        help="+ - * / ** and exp log tanh sigmoid relu leaky_relu gelu softplus sin cos sqrt abs max min mse softmax_cross_entropy. Name a part with `h = ...;` and use it after the semicolon.",
    )
    values: str = param(
        "",
        "Values, typed",
        max_length=4000,
        help="name=number, separated by commas; what is not named keeps its default",
    )
    edits: str = param("", "Edited nodes", max_length=400, hidden=True)
    step: int = param(-1, "Step", low=-1, high=2000, hidden=True)  # -1: the end
    lens: str = param("proof", "Look closer", options=LENSES)
    optimizer: str = param("sgd", "Optimizer", options=OPTIMIZERS, group="Update")
    rate: float = param(
        0.1, "Learning rate α", low=1e-4, high=10.0, log=True, help="The length of a step: w ← w − α·g for SGD"
    )
    beta: float = param(
        0.9, "Momentum β", low=0.0, high=0.99, step=0.01, help="How much of the old step is kept; Adam's β₁"
    )
    steps: int = param(40, "Training steps", low=1, high=400, help="Gradient steps from here")
    trained: str = param("", "Trained leaves", max_length=400, hidden=True)
    axis_x: str = param("", "Contour, horizontal", max_length=60, hidden=True)
    axis_y: str = param("", "Contour, vertical", max_length=60, hidden=True)
    source: str = param("", "Path from", max_length=60, hidden=True)
    bug: str = param("no_zero_grad", "Bug", options=BUGS)
    segments: int = param(
        0,
        "Checkpoint segments",
        low=0,
        high=16,
        help="The forward pass is cut into this many pieces, and only what enters a piece is kept. 0: about the square root of the number of operations",
    )
    batch: int = param(4, "Examples N", low=1, high=8, group="Sizes")
    inputs: int = param(3, "Inputs D", low=1, high=5)
    hidden: int = param(4, "Hidden units H", low=1, high=6)
    outputs: int = param(3, "Outputs K", low=2, high=4)
    activation: str = param(
        "tanh", "Activation", options={"tanh": "tanh", "relu": "ReLU", "sigmoid": "sigmoid"}, group="Network"
    )
    loss: str = param(
        "cross_entropy", "Loss", options={"cross_entropy": "softmax + cross-entropy", "mse": "mean squared error"}
    )
    layer: str = param("2", "Layer", options={"1": "W₁", "2": "W₂"})
    jacobian: str = param(
        "P/Z2", "Jacobian", options={"A1/Z1": "∂A₁/∂Z₁", "Z2/A1": "∂Z₂/∂A₁", "P/Z2": "∂P/∂Z₂", "l/Z2": "∂ℓ/∂Z₂"}
    )
    example: int = param(1, "Example", low=1, high=8)
    seed: int = param(
        0, "Seed", low=0, high=9999, help="The draw of data and weights; the same seed gives the same numbers"
    )


def leaf_values(spec: StepperSpec, names: Sequence[str]) -> dict[str, float]:
    """The value of every leaf of `spec.formula`, whose names (in order of use) are `names`.

    Raises:
        ExplainerError: `spec.values` is not a list such as "w=0.5, x=2", or a value is out of range.
    """
    named = next((values for formula, values in FORMULAS.values() if formula == spec.formula), {})
    default = {name: named.get(name, LEAF_DEFAULTS[k % len(LEAF_DEFAULTS)]) for k, name in enumerate(names)}
    given = parse_values(spec.values)
    return {name: given.get(name, default[name]) for name in names}


def parse_values(text: str) -> dict[str, float]:
    """ "w=0.5, x=2" as {"w": 0.5, "x": 2.0}. Raises ExplainerError if it is not of that form."""
    values = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, number = part.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python reads names in the formula
        try:
            values[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not abs(values[name]) <= VALUE_LIMIT:
            raise ExplainerError(
                f"value {part[:40]!r} cannot be used; write name=number with |number| up to {VALUE_LIMIT:g}"
            )
    return values


def format_values(values: Mapping[str, float]) -> str:
    """The text that `parse_values` reads back exactly."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def default_trained(names: Sequence[str]) -> list[str]:
    """The leaves that training moves unless the visitor chooses: all but data, whose names start with x, y or t."""
    moved = [name for name in names if not name.startswith(("x", "y", "t"))]
    return moved or list(names)


def trained_names(spec: StepperSpec, names: Sequence[str]) -> list[str]:
    """The leaves that training moves: those that the spec lists, else `default_trained`."""
    chosen = [name for name in names if name in {part.strip() for part in spec.trained.split(",")}]
    return chosen or default_trained(names)


def edited_values(spec: StepperSpec) -> dict[int, float]:
    """Node id -> value forced on it. Raises ExplainerError if the spec's text is not of the form "7=0.5"."""
    try:
        return {int(node): value for node, value in parse_values(spec.edits).items()}
    except ValueError as problem:
        raise ExplainerError(f"edited nodes {spec.edits[:40]!r}: write node=number, such as 7=0.5") from problem


def _preset(
    slug: str, title: str, summary: str, topics: Sequence[str], formula: str = "", **settings: object
) -> Example:
    chosen = {"formula": FORMULAS[formula][0]} if formula else {}
    return Example(slug, title, summary, {**chosen, **settings}, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("neuron", "One neuron", "A weighted sum, tanh, squared error: seven operations and every gradient.", ("chain rule", "forward pass", "neuron", "gradient descent", "mean squared error")),
    _preset("bce_neuron", "Logistic neuron, log loss", "Sigmoid and binary cross-entropy: the gradient at the logit is p − y.", ("log loss", "binary cross-entropy", "sigmoid", "probability"), "bce_neuron"),
    _preset("shared_weight", "A shared weight", "One weight used twice: its gradient is a sum over both uses.", ("fan-out", "weight sharing", "gradient accumulation"), "shared_weight"),
    _preset("xor", "XOR net 2-2-1, one example", "Two hidden units: gradients reach the first layer through both.", ("multi-layer perceptron", "hidden layer", "xor"), "xor"),
    _preset("xor_all", "XOR net, all four examples", "Train nine parameters on the whole truth table and see the loss fall.", ("xor", "training", "mean squared error", "universal approximation"), "xor_all", lens="update", optimizer="adam", rate=0.1, steps=200),
    _preset("softmax_expanded", "Softmax + cross-entropy, expanded", "exp, sum, divide, log: many small steps that end in p − onehot.", ("softmax", "cross-entropy", "classification"), "softmax_expanded"),
    _preset("softmax_fused", "Softmax + cross-entropy, fused", "The same loss as one operation: the same gradients, fewer nodes.", ("softmax", "cross-entropy", "numerical stability"), "softmax_fused"),
    _preset("deep_sigmoid", "Deep sigmoid chain", "Eight sigmoids in a row: the product of their slopes vanishes.", ("vanishing gradients", "exploding gradients", "sigmoid", "gradient flow"), "deep_sigmoid", lens="vanish"),
    _preset("conv1d", "1-D convolution", "Three weights slide over five inputs: each weight's gradient sums three places.", ("convolution", "parameter sharing", "kernel"), "conv1d"),
    _preset("rnn", "RNN over four steps", "Backpropagation through time: one weight, four uses, a gradient that fades.", ("recurrent network", "backpropagation through time", "vanishing gradients"), "rnn", lens="vanish", source="x1"),
    _preset("adam_step", "One step of Adam", "m, v, bias correction and the step they make, with the loss it predicts.", ("adam", "optimizer", "momentum", "sgd"), lens="update", optimizer="adam", rate=0.1),
    _preset("loss_contour", "Loss over two weights", "The landscape that the gradient sees, and the path that training takes over it.", ("loss landscape", "gradient descent", "contour"), "xor", lens="update", rate=0.2, axis_x="v1", axis_y="v2"),
    _preset("bug_lab", "Bug lab", "Forget zero_grad, detach, flip a sign: which gradient goes wrong first?", ("debugging", "zero_grad", "detach", "in-place"), lens="bugs"),
    _preset("checkpointing", "Memory and checkpointing", "What the forward pass must keep for backward, and what recomputing saves.", ("gradient checkpointing", "memory", "saved tensors"), "deep_sigmoid", lens="memory"),
    _preset("tensor_mlp", "A two-layer net on a mini-batch", "The same chain rule with matrices: shapes, outer products, Jacobians, the mean over the batch.", ("matrix calculus", "mini-batch", "jacobian", "outer product", "hidden layer"), mode="tensor"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A formula is a graph", "Each circle is one operation of the formula. Press play: values flow from left to right, one operation a step.", {"step": 0}),
    TourStop("Backward starts with 1", "The second half of the film runs from right to left. It begins with dL/dL = 1. A gradient is blank until backward has reached its node.", {"step": 12}),
    TourStop("Used twice, added twice", "w has two arrows going out, so two contributions come back. Watch the += when the second one arrives.", {"formula": FORMULAS["shared_weight"][0], "step": 12}),
    TourStop("Is it right?", "Three ways to the same number: our chain rule, torch.autograd, and a finite difference that knows no calculus. The largest difference is printed.", {"lens": "proof"}),
    TourStop("Why deep sigmoid nets were hard", "Each sigmoid multiplies the gradient by at most 1/4. After eight of them little is left: see the running product.", {"formula": FORMULAS["deep_sigmoid"][0], "lens": "vanish"}),
    TourStop("A step downhill", "The gradient predicts how the loss will change. Raise the learning rate until the prediction fails.", {"lens": "update"}),
    TourStop("The same with matrices", "A mini-batch is the same rule with outer products, averaged over the examples.", {"mode": "tensor"}),
)  # fmt: skip
