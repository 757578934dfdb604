"""Networks for pictures from 1998 to 2019, as published and small enough to be trained here, from one description each.

Every builder takes what differs between the sizes; the last layer has `classes` outputs. Stochastic parts without parameters that change
no shape (drop path) and the helper outputs of GoogLeNet's training are left out.

Sources: Y. LeCun et al., Proc. IEEE 86, 1998 (LeNet-5); A. Krizhevsky, I. Sutskever, G. Hinton, NeurIPS 2012 (AlexNet); M. Lin, Q. Chen, S. Yan,
ICLR 2014 (NiN); K. Simonyan, A. Zisserman, ICLR 2015 (VGG); C. Szegedy et al., CVPR 2015 (GoogLeNet); K. He et al., CVPR 2016 (ResNet); F. Iandola et al.,
2016, arXiv:1602.07360 (SqueezeNet); G. Huang et al., CVPR 2017 (DenseNet); A. Howard et al., 2017, arXiv:1704.04861 (MobileNet); M. Sandler et al., CVPR 2018
(MobileNetV2); M. Tan, Q. Le, ICML 2019 (EfficientNet).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from core.architectures.blocks import (
    DROPOUT,
    FLATTEN,
    IDENTITY,
    LRN,
    MEAN,
    NORM,
    RELU,
    RELU6,
    SIGMOID,
    SILU,
    Chain,
    Layer,
    Node,
    chain,
    conv,
    dense,
    depthwise,
    pool,
    split,
)  # fmt: skip


def normed(layer: Layer, activation: Layer = RELU) -> Chain:
    """Convolution, batch norm, activation."""
    return chain("", layer, NORM, activation)


def plain(out: int, kernel: int = 3, stride: int = 1, **more: int) -> Chain:
    """Convolution with biases, ReLU."""
    return chain("", conv(out, kernel, stride, **more), RELU)


def _normed(out: int, kernel: int = 3, stride: int = 1, padding: int | None = None) -> Chain:
    return normed(conv(out, kernel, stride, padding, bias=False))


def head(classes: int) -> Chain:
    """The mean of each channel, then one dense layer."""
    return chain("head", MEAN, FLATTEN, dense(classes))


def lenet(classes: int = 10) -> Chain:
    """LeNet-5 with ReLU and max pooling in place of tanh, trainable means and a sparse table of connections."""
    dense_head = chain("head", FLATTEN, dense(120), RELU, dense(84), RELU, dense(classes))
    return chain("", conv(6, 5, padding=0), RELU, pool("max", 2), conv(16, 5, padding=0), RELU, pool("max", 2), dense_head)  # fmt: skip


def alexnet(classes: int = 1000, widths: Sequence[int] = (96, 256, 384, 384, 256), units: int = 4096, groups: int = 2, stem: tuple[int, int, int] = (11, 4, 2), lrn: bool = True) -> Chain:  # fmt: skip
    """Five convolutions, three dense layers; two groups because two cards shared the work."""
    a, b, c, d, e = widths
    local = (LRN,) if lrn else ()
    kernel, stride, padding = stem
    small = pool("max", 3, 2)
    return chain(
        "",
        chain("stage 1", plain(a, kernel, stride, padding=padding), *local, small),
        chain("stage 2", plain(b, 5, groups=groups), *local, small),
        chain("stage 3", plain(c), plain(d, groups=groups), plain(e, groups=groups), small),
        chain("head", FLATTEN, DROPOUT, dense(units), RELU, DROPOUT, dense(units), RELU, dense(classes)),
    )


def vgg(classes: int = 1000, stages: Sequence[tuple[int, int]] = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), units: int = 4096, norm: bool = False) -> Chain:  # fmt: skip
    """Stages of (width, convolutions), each ending in a pool; three dense layers."""
    one = (lambda width: normed(conv(width, bias=False))) if norm else plain
    blocks = [chain(f"stage {k}", *[one(width)] * n, pool("max", 2)) for k, (width, n) in enumerate(stages, 1)]
    return chain("", *blocks, chain("head", FLATTEN, dense(units), RELU, DROPOUT, dense(units), RELU, DROPOUT, dense(classes)))  # fmt: skip


def nin(classes: int = 10, widths: Sequence[tuple[int, int, int]] = ((192, 160, 96), (192, 192, 192), (192, 192, 0)), norm: bool = False) -> Chain:  # fmt: skip
    """Small networks of 1 x 1 convolutions after each window; the mean of the last maps are the logits."""
    first, second, third = (list(w) for w in widths)
    third[2] = classes
    one = _normed if norm else plain
    blocks = [
        chain(f"mlpconv {k}", one(a, kernel), one(b, 1), one(c, 1))
        for k, ((a, b, c), kernel) in enumerate(zip((first, second, third), (5, 5, 3), strict=True), 1)
    ]
    pools = (pool("max", 3, 2, ceil=True), pool("avg", 3, 2, ceil=True))
    return chain("", blocks[0], pools[0], DROPOUT, blocks[1], pools[1], DROPOUT, blocks[2], MEAN, FLATTEN)


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def inception(name: str, sizes: Sequence[int], one: Callable[..., Chain], five: int = 5) -> Chain:
    """1 x 1; 1 x 1, 3 x 3; 1 x 1, 5 x 5; pool, 1 x 1: side by side."""
    a, b_in, b, c_in, c, d = sizes
    branches = (
        one(a, 1), chain("", one(b_in, 1), one(b, 3)), chain("", one(c_in, 1), one(c, five)), chain("", pool("max", 3, 1, 1, ceil=True), one(d, 1)),
    )  # fmt: skip
    return chain(f"inception {name}", split("concat", *branches))


def googlenet(classes: int = 1000, norm: bool = False, five: int = 5) -> Chain:
    """Nine Inception modules between pools."""
    one = _normed if norm else plain
    modules = {name: inception(name, sizes, one, five) for name, sizes in INCEPTIONS.items()}
    half = pool("max", 3, 2, ceil=True)
    stem = chain("stem", one(64, 7, 2), half, one(64, 1), one(192, 3), half)
    third, fourth, fifth = ([m for name, m in modules.items() if name[0] == stage] for stage in "345")
    last = pool("max", 2, 2, ceil=True) if norm else half
    return chain("", stem, *third, half, *fourth, last, *fifth, chain("head", MEAN, FLATTEN, DROPOUT, dense(classes)))


def googlenet_small(classes: int = 10) -> Chain:
    """Four thin Inception modules."""
    third, fourth = (8, 8, 16, 4, 8, 8), (16, 16, 24, 4, 8, 8)
    modules = [inception(name, sizes, _normed) for name, sizes in (("3a", third), ("3b", third), ("4a", fourth), ("4b", fourth))]  # fmt: skip
    half = pool("max", 3, 2, 1)
    return chain("", chain("stem", _normed(16, 3), half), *modules[:2], half, *modules[2:], head(classes))


def residual(before: int, out: int, stride: int, bottleneck: bool) -> Chain:
    """relu(F(x) + x); where the shape changes, a 1 x 1 convolution fits x (option B)."""
    if bottleneck:
        body = chain("", normed(conv(out // 4, 1, bias=False)), normed(conv(out // 4, 3, stride, bias=False)), conv(out, 1, bias=False), NORM)  # fmt: skip
    else:
        body = chain("", normed(conv(out, 3, stride, bias=False)), conv(out, 3, bias=False), NORM)
    short = IDENTITY if before == out and stride == 1 else chain("", conv(out, 1, stride, bias=False), NORM)
    return chain("", split("add", body, short), RELU)


def resnet(classes: int = 1000, blocks: Sequence[int] = (3, 4, 6, 3), width: int = 256, bottleneck: bool = True, small: bool = False) -> Chain:  # fmt: skip
    """Stages of residual blocks; the width doubles and the side halves from stage to stage."""
    first = width if small else 64
    stem = chain("stem", normed(conv(first, 3, bias=False))) if small else chain("stem", normed(conv(64, 7, 2, bias=False)), pool("max", 3, 2, 1))  # fmt: skip
    stages, before = [], first
    for k, n in enumerate(blocks):
        out, parts = width * 2**k, []
        for i in range(n):
            parts.append(chain(f"block {i + 1}", residual(before, out, 2 if i == 0 and k else 1, bottleneck)))
            before = out
        stages.append(chain(f"stage {k + 1}", *parts))
    return chain("", stem, *stages, head(classes))


def densenet(classes: int = 1000, blocks: Sequence[int] = (6, 12, 24, 16), growth: int = 32, first: int = 64, small: bool = False) -> Chain:  # fmt: skip
    """Every layer of a dense block reads all maps before it and adds `growth` of its own; between blocks the maps are halved."""
    stem = chain("stem", conv(first, 3, bias=False)) if small else chain("stem", normed(conv(first, 7, 2, bias=False)), pool("max", 3, 2, 1))  # fmt: skip
    parts, width = [stem], first
    for k, n in enumerate(blocks, 1):
        body = chain("", NORM, RELU, conv(4 * growth, 1, bias=False), NORM, RELU, conv(growth, 3, bias=False))
        parts.append(chain(f"dense block {k}", *[split("concat", IDENTITY, body)] * n))
        width += n * growth
        if k < len(blocks):
            width //= 2
            parts.append(chain(f"transition {k}", NORM, RELU, conv(width, 1, bias=False), pool("avg", 2)))
    return chain("", *parts, chain("head", NORM, RELU, MEAN, FLATTEN, dense(classes)))


def separable(out: int, stride: int) -> Chain:
    """Depthwise 3 x 3, then 1 x 1, each with batch norm and ReLU."""
    return chain("", normed(depthwise(3, stride)), normed(conv(out, 1, bias=False)))


MOBILE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2), (1024, 1))
MOBILE_SMALL = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1))


def mobilenet(classes: int = 1000, first: int = 32, stride: int = 2, rows: Sequence[tuple[int, int]] = MOBILE) -> Chain:
    """Depthwise-separable convolutions (channels, stride) one after the other."""
    blocks = [chain(f"separable {k}", separable(out, s)) for k, (out, s) in enumerate(rows, 1)]
    return chain("", chain("stem", normed(conv(first, 3, stride, bias=False))), *blocks, head(classes))


def gate(wide: int, squeezed: int, activation: Layer = SILU) -> Node:
    """Squeeze and excitation: each channel times a number in 0..1 that the means of all channels decide."""
    return split("multiply", IDENTITY, chain("", MEAN, conv(squeezed, 1), activation, conv(wide, 1), SIGMOID))


def inverted(before: int, out: int, expansion: int, kernel: int, stride: int, activation: Layer, gated: bool) -> Node:
    """Widen by 1 x 1, depthwise, narrow by 1 x 1; with a short cut where the shape stays."""
    wide = before * expansion
    parts: list[Node] = [normed(conv(wide, 1, bias=False), activation)] if expansion > 1 else []
    parts.append(normed(depthwise(kernel, stride), activation))
    if gated:
        parts.append(gate(wide, max(1, before // 4), activation))
    body = chain("", *parts, conv(out, 1, bias=False), NORM)
    return split("add", body, IDENTITY) if before == out and stride == 1 else body


def inverted_stages(rows: Sequence[Sequence[int]], before: int, activation: Layer, gated: bool) -> list[Chain]:
    """Stages of (expansion, channels, blocks, stride, kernel)."""
    stages = []
    for k, (expansion, out, n, stride, kernel) in enumerate(rows, 1):
        parts = []
        for i in range(n):
            parts.append(chain(f"block {i + 1}", inverted(before, out, expansion, kernel, stride if i == 0 else 1, activation, gated)))  # fmt: skip
            before = out
        stages.append(chain(f"stage {k}", *parts))
    return stages


MOBILE_2 = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3))  # fmt: skip
MOBILE_2_SMALL = ((1, 8, 1, 1, 3), (4, 16, 2, 2, 3), (4, 24, 2, 2, 3))


def mobilenet_v2(classes: int = 1000, first: int = 32, stride: int = 2, rows: Sequence[Sequence[int]] = MOBILE_2, last: int = 1280) -> Chain:  # fmt: skip
    """Inverted residual blocks with ReLU6."""
    stem = chain("stem", normed(conv(first, 3, stride, bias=False), RELU6))
    top = chain("head", normed(conv(last, 1, bias=False), RELU6), MEAN, FLATTEN, DROPOUT, dense(classes))
    return chain("", stem, *inverted_stages(rows, first, RELU6, False), top)


EFFICIENT = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))  # fmt: skip
EFFICIENT_SMALL = ((1, 8, 1, 1, 3), (4, 16, 2, 2, 3), (4, 24, 2, 2, 5))


def rounded(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of 8, but not below 90 % of what was asked."""
    found = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * channels else found


def efficientnet(classes: int = 1000, width: float = 1.0, depth: float = 1.0, first: int = 32, stride: int = 2, rows: Sequence[Sequence[int]] = EFFICIENT, last: int = 1280) -> Chain:  # fmt: skip
    """EfficientNet-B0, its channels times `width` and its blocks times `depth`."""
    scaled = [(e, rounded(width * c), math.ceil(depth * n), s, k) for e, c, n, s, k in rows]
    begin = rounded(width * first)
    stem = chain("stem", normed(conv(begin, 3, stride, bias=False), SILU))
    top = chain("head", normed(conv(rounded(width * last), 1, bias=False), SILU), MEAN, FLATTEN, DROPOUT, dense(classes))  # fmt: skip
    return chain("", stem, *inverted_stages(scaled, begin, SILU, True), top)


FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def squeezenet(classes: int = 1000, stem: tuple[int, int, int, int] = (96, 7, 2, 0), fires: Sequence[tuple[int, int]] = FIRES, pools: Sequence[int] = (3, 7), norm: bool = False) -> Chain:  # fmt: skip
    """Fire modules: squeeze by 1 x 1, then 1 x 1 and 3 x 3 side by side. A pool follows the stem and the fires before those numbered in `pools`."""
    out, kernel, stride, padding = stem
    half, one = pool("max", 3, 2, ceil=True), _normed if norm else plain
    parts: list[Node] = [chain("stem", one(out, kernel, stride, padding=padding), half)]
    for k, (squeezed, wide) in enumerate(fires):
        if k in pools:
            parts.append(half)
        parts.append(chain(f"fire {k + 2}", one(squeezed, 1), split("concat", one(wide, 1), one(wide, 3))))
    return chain("", *parts, chain("head", DROPOUT, plain(classes, 1), MEAN, FLATTEN))


@dataclass(frozen=True)
class Net:
    """A family: its first paper's year, what it brought, the published network with its input, and the small one (classes -> network)."""

    title: str
    year: int
    idea: str
    published: str
    full: Callable[[], Chain]
    input: tuple[int, int, int]
    small: Callable[[int], Chain]


IMAGENET, CIFAR = (3, 224, 224), (3, 32, 32)
NETS: Mapping[str, Net] = {
    "lenet": Net("LeNet", 1998, "convolutions that share their weights, pooling, a dense head", "LeNet-5", lenet, (1, 32, 32), lenet),
    "alexnet": Net("AlexNet", 2012, "ReLU, dropout, and size, with eight layers on two graphics cards", "AlexNet", alexnet, IMAGENET, partial(alexnet, widths=(16, 32, 48, 48, 32), units=128, groups=1, stem=(5, 1, 2), lrn=False)),
    "nin": Net("NiN", 2014, "1 × 1 convolutions, and the mean of each map in place of a dense head", "NiN for CIFAR-10", nin, CIFAR, partial(nin, widths=((24, 20, 16), (32, 32, 32), (32, 32, 0)), norm=True)),
    "vgg": Net("VGG", 2015, "nothing but 3 × 3 convolutions, in stages that halve the side and double the width", "VGG-16", vgg, IMAGENET, partial(vgg, stages=((16, 1), (32, 1), (48, 2), (64, 2)), units=96, norm=True)),
    "googlenet": Net("GoogLeNet", 2015, "windows of several sizes side by side, made cheap by 1 × 1 convolutions", "GoogLeNet", googlenet, IMAGENET, googlenet_small),
    "resnet": Net("ResNet", 2016, "short cuts, so that each block adds to what it was given", "ResNet-50", resnet, IMAGENET, partial(resnet, blocks=(2, 2, 2), width=8, bottleneck=False, small=True)),
    "squeezenet": Net("SqueezeNet", 2016, "squeeze the channels before every 3 × 3 window", "SqueezeNet 1.0", squeezenet, IMAGENET, partial(squeezenet, stem=(24, 3, 1, 1), fires=((8, 16), (8, 16), (12, 24), (12, 24)), pools=(2,), norm=True)),
    "densenet": Net("DenseNet", 2017, "every layer reads all maps before it", "DenseNet-121", densenet, IMAGENET, partial(densenet, blocks=(3, 3, 3), growth=6, first=12, small=True)),
    "mobilenet": Net("MobileNet", 2017, "convolutions taken apart: one window a channel, then 1 × 1", "MobileNet", mobilenet, IMAGENET, partial(mobilenet, first=16, stride=1, rows=MOBILE_SMALL)),
    "mobilenet_v2": Net("MobileNetV2", 2018, "wide inside, narrow between the blocks, with short cuts", "MobileNetV2", mobilenet_v2, IMAGENET, partial(mobilenet_v2, first=12, stride=1, rows=MOBILE_2_SMALL, last=96)),
    "efficientnet": Net("EfficientNet", 2019, "gates, and depth, width and picture size scaled together", "EfficientNet-B0", efficientnet, IMAGENET, partial(efficientnet, first=16, stride=1, rows=EFFICIENT_SMALL, last=96)),
}  # fmt: skip

EFFICIENT_SIZES = ((1.0, 1.0, 224), (1.0, 1.1, 240), (1.1, 1.2, 260), (1.2, 1.4, 300), (1.4, 1.8, 380), (1.6, 2.2, 456), (1.8, 2.6, 528), (2.0, 3.1, 600))  # fmt: skip
"""(width, depth, side) of EfficientNet-B0 to B7."""

MORE: Mapping[str, tuple[str, Callable[[], Chain], tuple[int, int, int]]] = {
    "resnet": ("ResNet-18", partial(resnet, blocks=(2, 2, 2, 2), width=64, bottleneck=False), IMAGENET),
    "resnet-101": ("ResNet-101", partial(resnet, blocks=(3, 4, 23, 3)), IMAGENET),
    "vgg": ("VGG-11", partial(vgg, stages=((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))), IMAGENET),
    "squeezenet": ("SqueezeNet 1.1", partial(squeezenet, stem=(64, 3, 2, 0), pools=(2, 4)), IMAGENET),
    "efficientnet": ("EfficientNet-B4", partial(efficientnet, width=1.4, depth=1.8), (3, 380, 380)),
}
"""Other members of the families, for the comparison."""
