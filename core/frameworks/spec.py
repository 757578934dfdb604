"""The parameters of the page that compares frameworks, its presets and its tour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.frameworks.layers import Layer, read

DATA = {"rings": "Rings", "bars": "Bars", "digits": "Digits"}
SHAPES = {"rings": ((2,), 2), "bars": ((8, 8, 1), 2), "digits": ((8, 8, 1), 4)}
LAYERS = {"rings": "dense 8, dense 8", "bars": "conv 4, pool, dense 8", "digits": "conv 6, pool, dense 16"}
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
LOSSES = {"cross_entropy": "Cross-entropy", "mse": "Mean squared error"}
OPTIMIZERS = {"sgd": "SGD", "momentum": "SGD with momentum 0.9", "adam": "Adam"}
FORMS = {
    "numpy": "NumPy, by hand",
    "torch": "PyTorch: nn.Module and loop",
    "sequential": "PyTorch: nn.Sequential, DataLoader",
    "lightning": "PyTorch: Lightning style",
    "keras_sequential": "Keras: Sequential",
    "keras_functional": "Keras: Functional",
    "keras_tape": "TensorFlow: GradientTape",
}
EXECUTED = ("numpy", "torch", "sequential", "lightning")
LENSES = {
    "tensors": "Tensors and operations",
    "zero_grad": "zero_grad forgotten",
    "graph": "Tape and graph: dynamic or static",
    "modes": "Training or evaluation mode",
    "layout": "Picture layout: NHWC or NCHW",
    "padding": "Padding “same”",
    "norm": "Batch norm: momentum and ε",
    "start": "First weights",
    "dense": "Dense kernel and Linear weight",
    "loss": "Cross-entropy: logits or probabilities",
    "adam": "Adam's ε",
    "lstm": "LSTM: order of the gates",
    "data": "Data pipelines: Dataset, DataLoader, tf.data",
    "saving": "Saving and loading",
    "custom": "Custom layers and losses",
    "hooks": "Lightning: what runs when",
    "debug": "Debugging",
    "apis": "Which API, and when",
}
USED = {
    "zero_grad": ("forgets",),
    "graph": ("number",),
    "modes": ("drop",),
    "padding": ("size", "kernel", "stride"),
    "norm": ("steps",),
    "start": ("inputs", "outputs"),
    "loss": ("gap",),
    "adam": ("epsilon",),
    "lstm": ("hidden",),
    "data": ("buffer", "load", "work"),
}
"""Lens -> the parameters that it has of its own."""
PROGRAM = ("data", "layers", "activation", "loss", "optimizer", "rate", "batch", "epochs", "seed")
"""The parameters that the programs depend on."""


@dataclass(frozen=True)
class FrameworksSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "frameworks"

    data: str = param(
        "rings",
        "Data",
        options=DATA,
        help="Two rings of points on the plane; lit rows or columns in noisy pictures of 8 × 8; real handwritten digits 0 to 3 of 8 × 8",
    )
    layers: str = param(
        "dense 8, dense 8",
        "Layers",
        max_length=80,
        help="At most five, with commas between them: dense 8, conv 4 (3 × 3 kernels) or pool (2 × 2). A last dense layer with a score for each class is added",
    )
    activation: str = param("relu", "Activation", options=ACTIVATIONS)
    loss: str = param("cross_entropy", "Loss", options=LOSSES)
    optimizer: str = param("adam", "Optimizer", options=OPTIMIZERS)
    rate: float = param(0.02, "Learning rate η", low=1e-4, high=1.0, log=True)
    batch: int = param(32, "Batch size", low=2, high=128, unit="examples")
    epochs: int = param(10, "Epochs", low=1, high=30)
    seed: int = param(0, "Seed", low=0, high=9999, help="Data, first weights and order of the batches")
    left: str = param("torch", "On the left", options=FORMS)
    right: str = param("keras_sequential", "On the right", options=FORMS)
    step: int = param(7, "Step of the film", low=0, high=9, hidden=True)
    lens: str = param("zero_grad", "Look closer", options=LENSES)
    forgets: int = param(
        3, "Backward passes without zero_grad", low=1, high=8, help="On the first batch, with the weights held still"
    )
    number: int = param(
        6, "The number that the loop starts at", low=1, high=30, help="Halved if even, else 3 n + 1, until it is 1"
    )
    drop: float = param(0.5, "Dropout rate", low=0.0, high=0.9, step=0.05)
    size: int = param(6, "Width of the picture n", low=3, high=16, unit="cells")
    kernel: int = param(3, "Kernel k", low=1, high=7, unit="cells")
    stride: int = param(2, "Stride s", low=1, high=4, unit="cells")
    steps: int = param(60, "Training batches", low=1, high=400)
    inputs: int = param(64, "Inputs of the layer", low=1, high=512)
    outputs: int = param(32, "Outputs of the layer", low=1, high=512)
    gap: float = param(40.0, "Gap between the two logits", low=0.0, high=1000.0, step=1.0)
    epsilon: float = param(1e-7, "ε of the second Adam", low=1e-12, high=1e-2, log=True)
    hidden: int = param(3, "Units of the LSTM", low=1, high=8)
    buffer: int = param(50, "Shuffle buffer", low=1, high=500, unit="examples", help="Out of 500 examples in order")
    load: float = param(12.0, "Time to load a batch", low=1.0, high=50.0, step=1.0, unit="ms")
    work: float = param(10.0, "Time to train on a batch", low=1.0, high=50.0, step=1.0, unit="ms")


def net_of(spec: FrameworksSpec) -> tuple[Layer, ...]:
    """The layers of the spec. Raises ExplainerError where they cannot be read or do not fit the data."""
    return read(spec.layers, *SHAPES[spec.data])


def _preset(slug: str, title: str, summary: str, topics: tuple[str, ...], **settings: Any) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "One net, seven programs", "The same net in NumPy, PyTorch and Keras, line beside line, and what forgetting zero_grad does.", ("pytorch", "keras", "tensorflow", "training loop", "nn.module", "zero_grad", "pytorch vs tensorflow")),
    _preset("cnn", "The same CNN in both", "A small convolutional net on pictures of bars: kernels, layouts and the flatten that mixes up the weights.", ("cnn in pytorch and tensorflow", "nhwc", "nchw", "layout", "channels last", "functional api"), data="bars", layers=LAYERS["bars"], right="keras_functional", epochs=4, lens="layout"),
    _preset("digits", "Digits, by hand and in Lightning", "Real handwritten digits: forward and backward written out in NumPy beside the Lightning style.", ("mnist", "digits", "lightning", "from scratch", "hooks", "callbacks"), data="digits", layers="dense 32", left="numpy", right="lightning", epochs=6, lens="hooks"),
    _preset("graph", "Tape and graph", "GradientTape beside autograd: what is recorded, and a loop whose length depends on the data.", ("gradienttape", "autograd", "dynamic graph", "static graph", "tf.function", "torch.compile", "requires_grad"), right="keras_tape", activation="tanh", optimizer="momentum", lens="graph"),
    _preset("pipelines", "Dataset, DataLoader, tf.data", "A shuffle buffer is not a full shuffle; loading while the net trains.", ("dataloader", "dataset", "tf.data", "prefetch", "shuffle buffer", "data generator", "input pipeline"), left="sequential", right="keras_tape", optimizer="sgd", rate=0.1, lens="data"),
    _preset("custom", "Custom layers and losses", "A layer and a loss of your own in both, checked against numeric gradients.", ("custom layer", "custom loss", "subclassing", "modular code", "nn.module"), left="torch", right="keras_functional", loss="mse", lens="custom"),
    _preset("lstm", "Weights from one to the other", "Gate order, two biases or one, kernel or weight: an LSTM carried over, with equal outputs.", ("weight transfer", "lstm gates", "convert weights", "keras to pytorch"), activation="sigmoid", layers="dense 12", epochs=4, lens="lstm"),
    _preset("apis", "Which API, and modular code", "What each API is good for, a model made to be used again, and a pre-trained one from Hugging Face.", ("when to use which framework", "hugging face", "transformers", "modular code", "tensorflow or pytorch"), left="sequential", right="keras_sequential", activation="tanh", lens="apis"),
    _preset("debug", "Debugging", "Shapes, the first loss, eight examples by heart, and what PyTorch says to five mistakes.", ("debugging", "error messages", "shape mismatch", "overfit one batch"), left="numpy", right="keras_tape", optimizer="momentum", lens="debug"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Two programs, one training", "Both columns train the same net on the same batches from the same first weights. Press play: the lines that do the step light up on both sides.", {}),
    TourStop("What fit hides", "Keras' fit does batch, forward, loss, backward and step in one line. PyTorch's loop spells them out, so each can be changed.", {"left": "torch", "right": "keras_functional"}),
    TourStop("By hand", "On the left every gradient is written out in NumPy. PyTorch's backward() finds the same numbers: the losses agree to the last digits.", {"left": "numpy", "right": "torch"}),
    TourStop("zero_grad", "PyTorch adds new gradients to the old ones. Forget zero_grad once and the gradient is the sum of two.", {"lens": "zero_grad"}),
    TourStop("Layout", "Keras keeps a picture as height, width, channels; PyTorch as channels, height, width. The numbers are the same, their order in memory is not.", {"data": "bars", "layers": "conv 4, pool, dense 8", "epochs": 4, "right": "keras_functional", "lens": "layout"}),
    TourStop("Padding “same”", "With stride 2 on an even width Keras pads only on the right. Two kernels that agree then look at different cells.", {"lens": "padding"}),
    TourStop("A shuffle that is none", "tf.data shuffles inside a buffer. With a small one, early examples stay early.", {"lens": "data", "left": "sequential", "right": "keras_tape"}),
    TourStop("Which one?", "What each API is good for, in a table.", {"lens": "apis"}),
)  # fmt: skip
