"""The stepper's parameters, presets and tour.

A typed matrix and an edited kernel are text ("1 0 -1 / 2 0 -2 / 1 0 -1": rows apart by /, channels by ;), for a link should say
them readably. Stride, padding, dilation, kernel size and output padding have a second number for the width, 0 (output padding:
-1) meaning the same as for the height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

PICTURES = {"digit": "Digit", "shape": "Shape", "photo": "Photograph", "matrix": "Typed or drawn"}
SHAPES = {
    "square": "Square", "disc": "Disc", "cross": "Cross", "stripes": "Stripes", "ramp": "Ramp", "checks": "Checkerboard", "point": "One point",
}  # fmt: skip
PHOTOS = {"china.jpg": "Temple", "flower.jpg": "Flower"}
KINDS = {"plain": "Convolution", "transposed": "Transposed", "line": "1-D", "causal": "1-D, causal"}
KERNELS = {
    "identity": "Identity", "box": "Box blur", "gaussian": "Gaussian blur", "sobel_x": "Sobel x", "sobel_y": "Sobel y",
    "laplacian": "Laplacian", "sharpen": "Sharpen", "emboss": "Emboss", "gabor": "Gabor", "random": "Random", "own": "My own",
}  # fmt: skip
MODES = {"zeros": "Zeros", "reflect": "Reflect", "circular": "Circular", "replicate": "Replicate"}
LENSES = {
    "cell": "One cell", "methods": "Four ways", "backward": "Backward", "flip": "Correlation or convolution", "cost": "What sharing saves",
    "separable": "Depthwise-separable", "pooling": "Pooling", "field": "Receptive field",
}  # fmt: skip
UPSTREAMS = {"one": "The film's cell", "sum": "Sum: L = Σy", "square": "Half square: L = ½Σy²"}
POOLS = {"max": "Max", "average": "Average", "lp": "LP", "stride": "Stride alone"}
WINDOWS = {"fixed": "Fixed", "adaptive": "Adaptive", "global": "Global"}
STACKS = {
    "plain": "Four 3 × 3", "strided": "Strides", "dilated": "Dilations 1, 2, 4, 8", "vgg16": "VGG-16", "resnet18": "ResNet-18", "own": "My own",
}  # fmt: skip
OWN_WEIGHTS, OWN_CELLS, OWN_STACK = (
    "1 0 -1 / 2 0 -2 / 1 0 -1",
    "1 2 0 1 / 0 3 1 2 / 2 1 0 0 / 1 0 2 3",
    "conv3, pool2, conv5s2p2, conv3d2p2",
)


@dataclass(frozen=True)
class ConvArithmeticSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "conv_arithmetic"

    picture: str = param("digit", "Picture", options=PICTURES)
    digit: int = param(3, "Digit", low=0, high=9, help="8 × 8 cells, each counting the ink in it from 0 to 16")
    shape: str = param("square", "Shape", options=SHAPES)
    photo: str = param("china.jpg", "Photograph", options=PHOTOS)
    across: float = param(0.5, "Patch: from the left", low=0.0, high=1.0, step=0.05)
    down: float = param(0.3, "Patch: from the top", low=0.0, high=1.0, step=0.05)
    size: int = param(8, "Size", low=3, high=16, unit="cells", help="Rows and columns of shapes and photographs")
    channels: int = param(
        1,
        "Input channels",
        low=1,
        high=4,
        help="Of a photograph: grey; red, green; red, green, blue; and grey. Of digits and shapes: the next ones",
    )
    cells: str = param(OWN_CELLS, "Cells", max_length=1500, hidden=True)

    kind: str = param("plain", "Kind", options=KINDS)
    kernel: str = param("sobel_x", "Kernel", options=KERNELS)
    weights: str = param(OWN_WEIGHTS, "Weights", max_length=600, hidden=True)
    angle: float = param(0.0, "Angle of the Gabor stripes", low=0.0, high=180.0, step=15.0, unit="°")
    kernel_size: int = param(3, "Kernel size k", low=1, high=7)
    kernel_width: int = param(0, "Kernel width", low=0, high=7, help="0: the same as the height")
    filters: int = param(
        1,
        "Filters",
        low=1,
        high=4,
        help="Output channels. Each filter is the one before turned by 90° (Gabor: by 180° over their number)",
    )
    filter: int = param(1, "Filter shown", low=1, high=4)
    bias: float = param(0.0, "Bias b", low=-20.0, high=20.0, step=0.5)
    seed: int = param(0, "Seed", low=0, high=9999, help="The draw of random weights")

    stride: int = param(1, "Stride s", low=1, high=4)
    stride_width: int = param(0, "Stride along the width", low=0, high=4, help="0: the same as along the height")
    padding: int = param(0, "Padding p", low=0, high=4)
    padding_width: int = param(-1, "Padding of the width", low=-1, high=4, help="−1: the same as of the height")
    dilation: int = param(1, "Dilation d", low=1, high=3)
    dilation_width: int = param(0, "Dilation along the width", low=0, high=3, help="0: the same as along the height")
    mode: str = param("zeros", "Padding shows", options=MODES)
    groups: int = param(1, "Groups", low=1, high=4, help="As many groups as input channels: depthwise")
    output_padding: int = param(0, "Output padding a", low=0, high=3)
    output_padding_width: int = param(
        -1, "Output padding of the width", low=-1, high=3, help="−1: the same as of the height"
    )

    step: int = param(-1, "Step", low=-1, high=10_000, hidden=True)  # -1: the last
    lens: str = param("cell", "Look closer", options=LENSES)
    upstream: str = param("square", "Gradient that arrives", options=UPSTREAMS)
    pool: str = param("max", "Pooling", options=POOLS)
    windows: str = param("fixed", "Windows", options=WINDOWS)
    pool_size: int = param(2, "Window size", low=1, high=4)
    pool_stride: int = param(2, "Stride of the windows", low=1, high=4)
    pool_out: int = param(3, "Adaptive: rows and columns", low=1, high=8)
    power: float = param(
        2.0, "Power p of LP", low=1.0, high=16.0, step=0.5, help="1: the sum; large: nearly the maximum"
    )
    stack: str = param("plain", "Stack of layers", options=STACKS)
    layers: str = param(
        OWN_STACK,
        "Layers",
        max_length=400,
        help="conv or pool and the kernel size; s, p, d and a number for stride, padding and dilation. pool2 strides by 2",
    )
    field_weights: str = param(
        "average", "Weights of the stack", options={"average": "Averaging", "random": "Random, with ReLU"}
    )


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "An edge detector on a digit", "Sobel's kernel finds where ink begins and ends, one window at a time.", ("convolution", "kernel", "sobel", "edge detection", "feature map", "cross-correlation", "cnn")),
    _preset("same_padding", "Padding keeps the size", "A blur with padding 1 gives a picture as large as its input; reflect instead of zeros keeps the border from going dark.", ("padding", "same padding", "stride", "blur", "reflect padding"), picture="photo", size=10, kernel="gaussian", padding=1, mode="reflect", lens="methods"),
    _preset("dilated", "Dilated: wide view, few weights", "Nine weights spread over 5 × 5 cells.", ("dilated convolution", "atrous convolution", "receptive field"), picture="shape", shape="disc", size=11, kernel="laplacian", dilation=2, padding=2, lens="field", stack="dilated"),
    _preset("strided_backward", "Backward with numbers", "The gradient of the picture is a transposed convolution of what arrives; that of the kernel correlates the picture with it.", ("backpropagation", "convolution gradient", "stride", "autograd"), picture="matrix", kernel="own", weights="1 2 / -1 0", kernel_size=2, stride=2, lens="backward"),
    _preset("transposed", "Transposed: each cell stamps the kernel", "Stride 2 and output padding 1 double the size; where stamps overlap, they add up.", ("transposed convolution", "deconvolution", "upsampling", "output padding", "checkerboard artifacts"), picture="shape", shape="cross", size=5, kind="transposed", kernel="gaussian", stride=2, padding=1, output_padding=1, step=12),
    _preset("depthwise", "Depthwise: one kernel for each channel", "Groups equal to the channels: no channel sees another; a 1 × 1 convolution mixes them afterwards.", ("depthwise convolution", "separable convolution", "groups", "mobilenet", "efficient cnn"), picture="photo", photo="flower.jpg", size=10, channels=3, filters=3, groups=3, kernel="gabor", kernel_size=5, padding=2, lens="separable"),
    _preset("causal", "Causal 1-D: never look ahead", "The padding stands before the first cell only, so an output sees its own cell and earlier ones.", ("1-d convolution", "causal convolution", "wavenet", "time series"), picture="digit", digit=5, kind="causal", kernel="own", weights="1 2 4", kernel_size=3, dilation=2, lens="cost"),
    _preset("pooling", "Max pooling and its winners", "Which cell of each window wins, where the gradient goes, and how much a shift by one cell changes.", ("pooling", "max pooling", "average pooling", "global average pooling", "shift invariance", "translation equivariance"), picture="digit", digit=8, kernel="identity", kernel_size=1, lens="pooling"),
    _preset("vgg_field", "What VGG-16 sees", "212 cells by counting; the measured gradient fills only the middle of them.", ("receptive field", "effective receptive field", "vgg", "resnet"), picture="photo", size=12, kernel="box", lens="field", stack="vgg16"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One window, nine products, one sum", "Press play. The kernel slides over the picture; at each place its weights multiply the cells under it, and the sum is one output cell. Click any output cell to stand there.", {"step": 0}),
    TourStop("Stride and padding", "Stride 2 takes every second place, so the output has half the size. Padding adds a border so that the corners are seen as often.", {"stride": 2, "padding": 1, "step": 5}),
    TourStop("The same weights everywhere", "As a matrix, this layer is almost empty, and the same nine numbers return in every row. That is what sharing saves.", {"lens": "cost"}),
    TourStop("Four ways, one result", "A loop, one matrix product, the Fourier domain, and the library: equal to the last digits, at different cost.", {"picture": "photo", "size": 14, "kernel": "gabor", "kernel_size": 5, "padding": 2, "angle": 45.0, "lens": "methods"}),
    TourStop("Backward", "The gradient that arrives goes back through the same windows: every output cell hands its share to the cells and weights that made it.", {"picture": "matrix", "kernel": "own", "weights": "1 2 / -1 0", "kernel_size": 2, "stride": 2, "lens": "backward"}),
    TourStop("Upwards", "A transposed convolution turns it round: every input cell stamps the kernel on the output.", {"picture": "shape", "shape": "cross", "size": 5, "kind": "transposed", "kernel": "gaussian", "stride": 2, "padding": 1, "output_padding": 1, "step": 12}),
    TourStop("How far does it see?", "Layer by layer the field grows. The box is what counting allows; the glow is what the gradient measures.", {"picture": "photo", "size": 12, "kernel": "box", "lens": "field", "stack": "resnet18"}),
)  # fmt: skip
