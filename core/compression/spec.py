"""The compression page's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

ARCHITECTURES = {"dense": "Dense net", "conv": "Conv net"}
AGAINST = {"bytes": "Size", "macs": "Multiply-adds", "memory": "Working memory"}
MODES = {"weights": "Weights only", "dynamic": "Dynamic", "static": "Static"}
SCHEMES = {"affine": "Affine", "symmetric": "Symmetric"}
GROUPS = {"tensor": "One for the layer", "channel": "One for each channel"}
METHODS = {
    "global": "Smallest weights of the net",
    "layer": "Smallest weights of each layer",
    "structured": "Whole units",
    "random": "Random weights",
}
LENSES = {
    "quantize": "Quantise", "prune": "Prune", "ticket": "Lottery ticket", "distil": "Distil", "rank": "Factorise",
    "export": "Export", "serve": "Serve", "edge": "Edge and other runtimes",
}  # fmt: skip
QUANTIZING = ("mode", "bits", "bits_a", "scheme", "group", "percent")
PRUNING = ("method", "sparsity", "tune")
DISTILLING = ("student", "temperature", "alpha", "rows", "digit")
SERVING = ("most", "wait")
MOST_BITS, MOST_STUDENT, MOST_TEST = 8, 32, 450


@dataclass(frozen=True)
class CompressionSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "compression"

    architecture: str = param("dense", "Net", options=ARCHITECTURES)
    width: int = param(32, "Width", low=8, high=64, step=4, help="Units in each of the two hidden layers; the conv net has a quarter and a half as many channels")  # fmt: skip
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights, batches, and which digits are for the test")
    against: str = param("bytes", "Accuracy against", options=AGAINST)
    lens: str = param("quantize", "Look closer", options=LENSES)
    mode: str = param("static", "What is rounded", options=MODES, help="Weights only: sums stay in floating point. Dynamic: the inputs of a layer too, with a range taken for each digit. Static: the same with a range fixed beforehand on 256 training digits")  # fmt: skip
    bits: int = param(8, "Bits of a weight", low=2, high=MOST_BITS)
    bits_a: int = param(8, "Bits of an input", low=2, high=MOST_BITS, help="Of what each layer reads; unused with weights only")  # fmt: skip
    scheme: str = param("affine", "Grid", options=SCHEMES, help="Affine: a zero point moves the grid. Symmetric: zero stands in its middle")  # fmt: skip
    group: str = param("tensor", "Scales of the weights", options=GROUPS)
    percent: float = param(100.0, "Range kept", low=90.0, high=100.0, step=0.5, unit="%", help="Below 100, the largest values are clipped, so that the grid is finer for the others")  # fmt: skip
    layer: int = param(1, "Layer", low=1, high=3, help="The layer of the detailed pictures")
    method: str = param("global", "What is removed", options=METHODS)
    sparsity: float = param(0.9, "Share removed", low=0.0, high=0.98, step=0.02)
    tune: int = param(3, "Epochs of fine-tuning", low=0, high=10)
    student: int = param(8, "Width of the student", low=2, high=MOST_STUDENT, help="Units in its one hidden layer")
    temperature: float = param(4.0, "Temperature T", low=1.0, high=20.0, step=0.5)
    alpha: float = param(0.9, "Weight of the teacher α", low=0.0, high=1.0, step=0.05)
    rows: int = param(100, "Digits that the student sees", low=50, high=1340, step=10)
    digit: int = param(0, "Test digit", low=0, high=MOST_TEST - 1)
    rank: int = param(8, "Rank", low=1, high=32, help="Of every layer where two thin factors are smaller than the matrix")  # fmt: skip
    most: int = param(32, "Digits in a batch, at most", low=1, high=64)
    wait: float = param(0.0, "Wait for more", low=0.0, high=5.0, step=0.1, unit="service times of one digit")


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Eight bits in place of 32", "Every variant of one digit net in one picture, and int8 arithmetic that loses next to nothing.", ("quantization", "int8", "static quantization", "model size", "pareto front", "deployment"), lens="quantize"),
    _preset("few_bits", "Three bits: where the scale matters", "With eight grid points a single outlier costs the whole layer. A scale for each channel brings most of it back.", ("quantization", "per-channel", "fake quantization", "bit width", "percentile calibration"), bits=3, scheme="symmetric", group="channel"),
    _preset("prune", "Nine weights in ten removed", "Magnitude pruning, then three epochs of fine-tuning: what falls, what comes back, and where the holes are.", ("pruning", "magnitude pruning", "sparsity", "fine-tuning", "unstructured"), lens="prune"),
    _preset("ticket", "A lottery ticket", "Rewind what was kept to its first weights and train again: is it the mask, the start, or neither?", ("lottery ticket hypothesis", "pruning", "rewind"), lens="ticket", sparsity=0.8),
    _preset("teacher", "A teacher for a tiny student", "A hundred digits and a teacher that knows which digits look alike.", ("knowledge distillation", "temperature", "dark knowledge", "soft targets"), lens="distil"),
    _preset("edge", "A conv net for a microcontroller", "Whole channels removed, four bits: does it fit, what would it cost, and who could run it?", ("edge deployment", "mobile", "tensorflow lite", "tensorrt", "structured pruning", "macs"), architecture="conv", lens="edge", method="structured", sparsity=0.5, bits=4, group="channel", against="macs"),
    _preset("serve", "Serve it", "A FastAPI service written for this net and tried on the spot; then a queue, with and without batches.", ("serving", "fastapi", "rest api", "latency", "throughput", "batching", "production"), lens="serve"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One net, many bodies", "Each mark is a variant of the same digit net. Up is more accurate, left is smaller; on the line stands what nothing else beats in both. The shaded band is one standard error of the test: marks within it cannot be told apart.", {}),
    TourStop("Round the weights", "Three bits leave eight values for each weight. Watch the stairs, then give each channel a scale of its own.", {"bits": 3, "scheme": "symmetric"}),
    TourStop("Remove weights", "Nine in ten are gone. Without fine-tuning the net is ruined; a few epochs bring it back. Choose whole units and compare the multiply-adds.", {"lens": "prune"}),
    TourStop("Ask a teacher", "The student sees a hundred digits. The teacher tells it more than the labels do: which wrong answers are nearly right.", {"lens": "distil"}),
    TourStop("Serve it", "The service is tried inside this page. The queue below it is simulated from the times that were just measured.", {"lens": "serve"}),
)  # fmt: skip
