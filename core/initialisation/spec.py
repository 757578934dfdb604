"""The parameters of the initialisation page, its presets, its tour, and what the repair changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.initialisation.schemes import SCHEMES
from core.training.activations import ACTIVATIONS

SHOWN = ("tanh", "relu", "sigmoid", "linear", "leaky_relu", "selu", "gelu", "silu")
SUITED = {
    "tanh": "xavier_normal", "sigmoid": "xavier_normal", "linear": "xavier_normal", "selu": "lecun_normal",
    "relu": "he_normal", "leaky_relu": "he_normal", "gelu": "he_normal", "silu": "he_normal",
}  # fmt: skip
NORMS = {"none": "None", "batch": "Batch", "layer": "Layer"}
REPAIRS = {"none": "As set", "init": "1 Suited weights", "norm": "2 + normalisation", "residual": "3 + residual"}
DATA = {"xor": "XOR", "rings": "Rings", "noise": "Noise, labels at random"}
LENSES = {
    "film": "Histograms over training", "health": "Saturated and dead units, size of the updates", "repair": "Repair, step by step",
    "race": "All schemes trained", "isometry": "Singular values of the Jacobian", "symmetry": "Units that stay identical",
    "phase": "Order and chaos",
}  # fmt: skip
OWN = ("constant", "normal", "uniform")  # the schemes whose size is `sigma`


@dataclass(frozen=True)
class InitialisationSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "initialisation"

    activation: str = param("tanh", "Activation", options={name: ACTIVATIONS[name].title for name in SHOWN})
    scheme: str = param("normal", "First weights", options={name: one.title for name, one in SCHEMES.items()})
    sigma: float = param(
        0.1, "Size σ of the first weights", low=0.001, high=1.0, log=True,
        help="Standard deviation of the normal scheme, half the range of the uniform one, value of the constant one",
    )  # fmt: skip
    scale: float = param(1.0, "Scale", low=0.1, high=5.0, log=True, help="All first weights are multiplied by it")
    depth: int = param(20, "Layers", low=1, high=50)
    width: int = param(32, "Units a layer", low=4, high=256, log=True)
    repair: str = param("none", "Repair", options=REPAIRS, help="Each stage keeps the ones before it")
    bias: float = param(0.0, "Standard deviation σ_b of the biases", low=0.0, high=2.0, step=0.05)
    norm: str = param("none", "Normalisation", options=NORMS, help="Of the weighted sums, before the activation")
    residual: bool = param(False, "Residual", help="Each layer adds to its input instead of replacing it")
    data: str = param("xor", "Points", options=DATA)
    rate: float = param(0.1, "Learning rate η", low=1e-4, high=3.0, log=True, help="Gradient descent on all points")
    steps: int = param(60, "Steps", low=1, high=500)
    seed: int = param(0, "Seed", low=0, high=9999, help="Points and first weights")
    lens: str = param("film", "Look closer", options=LENSES)


def repaired(spec: InitialisationSpec, stage: str = "") -> InitialisationSpec:
    """The stack after a stage of the repair (none given: the Spec's own): suited weights, then a norm, then residuals."""
    done = list(REPAIRS).index(stage or spec.repair)
    weights = {"scheme": SUITED[spec.activation], "scale": 1.0, "bias": 0.0} if done >= 1 else {}
    norm = {"norm": "layer" if spec.norm == "none" else spec.norm} if done >= 2 else {}
    return replace(spec, repair="none", **weights, **norm, residual=spec.residual or done == 3)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Weights too small", "Twenty tanh layers with weights of 0.1: the signal dies on the way up, the gradient on the way down.", ("weight initialization", "vanishing gradient", "gradient flow", "gradient histogram", "deep network")),
    _preset("exploding", "Weights too large", "Twenty ReLU layers with weights of 0.5: every layer multiplies by four, forward and backward.", ("exploding gradient", "relu", "he initialization", "update to data ratio", "dead units"), activation="relu", sigma=0.5, lens="health", rate=0.0001),
    _preset("repair", "Repair a broken stack", "Suited weights, then a normalisation, then residual connections: what each of them mends.", ("batch normalization", "layer normalization", "residual connection", "fix vanishing gradient"), activation="relu", sigma=0.1, repair="residual", lens="repair", rate=0.03),
    _preset("race", "Zero, Xavier, He, orthogonal: trained", "The same data and the same steps for twelve ways to begin.", ("xavier", "glorot", "he", "kaiming", "lecun", "orthogonal", "lsuv", "initialization schemes", "zero initialization"), activation="relu", scheme="he_normal", depth=8, lens="race", steps=80, rate=0.1),
    _preset("symmetry", "All units the same", "Equal weights get equal gradients. Gradient descent never tells such units apart.", ("symmetry breaking", "zero initialization", "constant initialization", "identical neurons"), scheme="constant", depth=3, width=8, lens="symmetry", steps=200, rate=0.3),
    _preset("isometry", "Orthogonal weights", "Every direction passes the stack at nearly its own length: dynamical isometry.", ("orthogonal initialization", "singular values", "jacobian", "condition number", "dynamical isometry"), scheme="orthogonal", lens="isometry"),
    _preset("chaos", "Order and chaos", "Weights a little too large: two inputs that are nearly alike end far apart, and gradients grow.", ("edge of chaos", "mean field theory", "phase diagram", "depth scale"), scheme="lecun_normal", scale=1.5, bias=0.3, width=128, depth=30, lens="phase"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Two ways through a stack", "Left: how large the signal is in each layer. Right: how large the gradient is that comes back. Marks are measured, lines are predicted from the variance of the weights alone.", {}),
    TourStop("One factor for each layer", "On a logarithmic axis both are straight lines: each layer multiplies by the same factor. Twenty layers turn a factor of 0.32 into 0.0000000001.", {"lens": "health"}),
    TourStop("He's choice", "With a variance of 2 / inputs, ReLU keeps the signal's mean square. The lines are level.", {"activation": "relu", "scheme": "he_normal", "lens": "health", "rate": 0.01}),
    TourStop("A switch that repairs", "Suited weights, normalisation, residual connections: grey is the stack before. The table says what each of them does to training.", {"activation": "relu", "sigma": 0.1, "repair": "residual", "lens": "repair", "rate": 0.03}),
    TourStop("Zero never learns", "Identical units get identical gradients. Compare the start of 0, a constant, a constant with a grain of noise, and random weights.", {"scheme": "constant", "depth": 3, "width": 8, "lens": "symmetry", "steps": 200, "rate": 0.3}),
    TourStop("All directions", "A level line is an average. The singular values show the best and the worst direction; only orthogonal weights keep both.", {"scheme": "xavier_normal", "lens": "isometry"}),
    TourStop("The edge of chaos", "For tanh the plane of weight and bias sizes has two phases. In one all inputs become alike, in the other like inputs part; only near the border between them do deep stacks keep both signal and gradient.", {"scheme": "lecun_normal", "scale": 1.5, "bias": 0.3, "width": 128, "depth": 30, "lens": "phase"}),
)  # fmt: skip
