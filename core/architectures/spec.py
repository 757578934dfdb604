"""The page's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

NETS = {
    "lenet": "LeNet, 1998", "alexnet": "AlexNet, 2012", "nin": "NiN, 2014", "vgg": "VGG, 2015", "googlenet": "GoogLeNet, 2015", "resnet": "ResNet, 2016",
    "squeezenet": "SqueezeNet, 2016", "densenet": "DenseNet, 2017", "mobilenet": "MobileNet, 2017", "mobilenet_v2": "MobileNetV2, 2018",
    "efficientnet": "EfficientNet, 2019", "own": "My own",
}  # fmt: skip
SCALES = {"small": "Small, trainable here", "full": "As published"}
PIXELS = {"own": "The network's own", **{str(n): f"{n} × {n}" for n in (8, 16, 28, 32, 48, 64, 96, 128, 224, 256, 384, 512)}}  # fmt: skip
SHADES = {"kind": "Kind of layer", "parameters": "Parameters", "macs": "Multiply-adds", "memory": "Activation memory"}
LENSES = {
    "where": "Where it all sits", "size": "Picture sizes", "compare": "All networks, counted", "race": "All networks, trained", "depth": "Depth: plain or residual",
    "skips": "Without its short cuts", "separable": "Depthwise-separable", "scaling": "Compound scaling",
}  # fmt: skip
OWN = "stem( conv16, norm, relu ), max2, res( conv16, norm, relu, conv16, norm ), relu, max2, cat( conv8k1 | conv16k3 | conv8k5 ), relu, head( mean, flatten, dense10 )"


@dataclass(frozen=True)
class ArchitecturesSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "architectures"

    net: str = param("resnet", "Network", options=NETS)
    scale: str = param("small", "Size", options=SCALES)
    pixels: str = param("own", "Picture size", options=PIXELS, help="Height and width in pixels")
    text: str = param(OWN, "Layers", max_length=3000, hidden=True)
    shade: str = param("kind", "Colour shows", options=SHADES)
    open: str = param("1, 1.0", "Opened blocks", max_length=400, hidden=True, help="Shown from within")
    layer: str = param("", "Layer", max_length=40, hidden=True, help="Click a box, or choose here")
    lens: str = param("where", "Look closer", options=LENSES)
    blocks: int = param(
        6, "Blocks", low=1, high=16, help="Two convolutions each, so that many pairs one after the other"
    )
    norm: bool = param(True, "Batch norm", help="After every convolution of the stack")
    epochs: int = param(3, "Epochs", low=1, high=10, help="How often training sees all pictures")
    rate: float = param(0.005, "Learning rate η", low=1e-4, high=0.1, log=True, help="The highest of a rate that rises and falls; AdamW")  # fmt: skip
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights and order of the pictures")
    channels: int = param(64, "Channels in N", low=1, high=512, log=True)
    filters: int = param(128, "Channels out M", low=1, high=512, log=True)
    kernel: int = param(3, "Window k", low=1, high=7)
    side: int = param(28, "Side of the map", low=4, high=112, unit="cells")
    phi: int = param(4, "Compound coefficient φ", low=0, high=7)
    alpha: float = param(1.2, "Depth α", low=1.0, high=2.0, step=0.05)
    beta: float = param(1.1, "Width β", low=1.0, high=2.0, step=0.05)
    gamma: float = param(1.15, "Picture size γ", low=1.0, high=2.0, step=0.05)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "ResNet from within", "A small residual network as a block diagram; open a block, click a layer, and read its shape and cost.", ("resnet", "cnn architecture", "residual block", "skip connection", "block diagram", "parameters", "flops")),
    _preset("lenet", "LeNet, layer by layer", "The network of 1998: two convolutions, two pools, and a dense head that holds most of the weights.", ("lenet", "mnist", "flatten", "fully connected"), net="lenet", open="4", lens="size"),
    _preset("alexnet", "AlexNet's 60 million", "Where the parameters of a famous network sit, and where its work is done: not in the same place.", ("alexnet", "dense head", "imagenet"), net="alexnet", scale="full", open="3", shade="parameters"),
    _preset("depth", "Why short cuts?", "A stack of convolutions with and without short cuts: the gradients before training, and what training makes of it.", ("degradation", "vanishing gradients", "resnet", "skip connections", "deep networks"), lens="depth", blocks=10),
    _preset("separable", "MobileNet: convolutions taken apart", "One window a channel, then 1 × 1: an eighth of the work, if the machine plays along.", ("mobilenet", "depthwise separable convolution", "efficient networks"), net="mobilenet", open="2", lens="separable"),
    _preset("scaling", "EfficientNet: scale everything", "Depth, width and picture size grow together, so that each step doubles the work.", ("efficientnet", "compound scaling", "model scaling"), net="efficientnet", scale="full", open="", lens="scaling", shade="macs"),
    _preset("own", "Build your own", "Type a stack of layers. What does not fit is explained: what came in, what the layer wants, what to try.", ("custom architecture", "design a cnn", "shape mismatch", "inception"), net="own", open="0", lens="size"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A network is a list of blocks", "Read the diagram from left to right. Click a closed block to look inside, click its title to close it, click a layer to read its numbers.", {}),
    TourStop("The dense head", "AlexNet as published, coloured by parameters: three dense layers hold nearly all of them. Change the colour to multiply-adds: the work is done elsewhere.", {"net": "alexnet", "scale": "full", "shade": "parameters", "open": "3"}),
    TourStop("Side by side", "An Inception module looks through windows of several sizes at once; 1 × 1 convolutions keep it cheap.", {"net": "googlenet", "open": "1"}),
    TourStop("How small may a picture be?", "Every pool and stride halves the side. Below a certain size some window no longer fits, and the table says which.", {"net": "vgg", "open": "", "lens": "size"}),
    TourStop("With and without short cuts", "The same stack twice. Compare the gradients before training, then train both.", {"lens": "depth", "blocks": 10}),
    TourStop("Which one should I take?", "Accuracy against parameters, multiply-adds and seconds, for all of them on the same pictures.", {"lens": "race", "open": ""}),
    TourStop("Yours", "Type your own stack, and see at once whether it fits together and what it costs.", {"net": "own", "open": "0"}),
)  # fmt: skip
