"""Networks for pictures as data: three kinds of node, from which follow module, diagram, counts and text.

    Layer    one operation on one input
    Chain    nodes one after the other, under a title
    Split    branches that read the same input; their outputs are added, concatenated or multiplied (a branch without nodes passes on
             what comes in)

So a residual block is a Split that adds, an Inception module one that concatenates, a squeeze-and-excitation gate one that multiplies.
How many channels come in is nowhere written down: it follows from what stands before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

SAME = 0  # as `out`: as many channels as come in; as `groups`: each channel its own group
WINDOWED = ("conv", "max", "avg")
ACTIVATIONS = ("relu", "relu6", "silu", "tanh", "sigmoid")
KINDS = (*WINDOWED, "mean", "norm", "lrn", *ACTIVATIONS, "dropout", "flatten", "dense")
JOINS = ("add", "concat", "multiply")


@dataclass(frozen=True)
class Layer:
    """One operation. `out` is its channels or units; window, stride and padding are those of convolutions and pooling."""

    kind: str
    out: int = SAME
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = True
    ceil: bool = False  # a pool whose last window may hang over the edge


@dataclass(frozen=True)
class Chain:
    """`parts` one after the other."""

    title: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Split:
    """`branches` side by side, and how they `join`."""

    join: str
    branches: tuple[Chain, ...]


Node = Layer | Chain | Split


def chain(title: str, *parts: Node) -> Chain:
    """Parts one after the other; chains without a title are dissolved."""
    return Chain(title, tuple(_flat(parts)))


def _flat(parts: tuple[Node, ...]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, Chain) and not part.title:
            yield from _flat(part.parts)
        else:
            yield part


def split(join: str, *branches: Node) -> Split:
    """Branches side by side."""
    return Split(join, tuple(chain("", branch) for branch in branches))


def conv(out: int, kernel: int = 3, stride: int = 1, padding: int | None = None, groups: int = 1, bias: bool = True) -> Layer:  # fmt: skip
    """A convolution; without `padding` it keeps the size (but for the stride)."""
    return Layer("conv", out, kernel, stride, kernel // 2 if padding is None else padding, groups, bias)


def depthwise(kernel: int = 3, stride: int = 1) -> Layer:
    """Each channel with a kernel of its own, without biases."""
    return conv(SAME, kernel, stride, groups=SAME, bias=False)


def pool(kind: str, kernel: int, stride: int = 0, padding: int = 0, ceil: bool = False) -> Layer:
    """The largest ("max") or the mean ("avg") of a window; it moves by its size unless told otherwise."""
    return Layer(kind, SAME, kernel, stride or kernel, padding, ceil=ceil)


def dense(units: int) -> Layer:
    """Every input to every unit."""
    return Layer("dense", units)


RELU, RELU6, SILU, TANH, SIGMOID, NORM, LRN, DROPOUT, MEAN, FLATTEN = (
    Layer(kind) for kind in ("relu", "relu6", "silu", "tanh", "sigmoid", "norm", "lrn", "dropout", "mean", "flatten")
)  # fmt: skip
IDENTITY = Chain("", ())


def layers(node: Node) -> Iterator[Layer]:
    """Every layer, in the order in which they compute."""
    match node:
        case Layer():
            yield node
        case Chain(parts=inner) | Split(branches=inner):
            for one in inner:
                yield from layers(one)


def child(path: str, k: int) -> str:
    """The path of part or branch k of the node at `path`."""
    return f"{path}.{k}" if path else str(k)


def without_skips(node: Node) -> Node:
    """The same network without the paths that pass their input on unchanged (or only fitted): each such Split keeps its first branch that computes.

    A sum keeps its longest branch; a concatenation with its own input keeps what was computed from it. Gates and Inception modules stay.
    """
    match node:
        case Layer():
            return node
        case Chain():
            return chain(node.title, *map(without_skips, node.parts))
        case Split() if skips(node):
            return without_skips(max(node.branches, key=lambda branch: len(list(layers(branch)))))
    return replace(node, branches=tuple(map(without_skips, node.branches)))


def skips(node: Split) -> bool:
    """Whether one of its branches is a short cut: every sum, and a concatenation with what came in."""
    return node.join == "add" or (node.join == "concat" and IDENTITY in node.branches)


def has_skips(node: Node) -> bool:
    """Whether there is a short cut anywhere."""
    match node:
        case Layer():
            return False
        case Chain(parts=inner):
            return any(map(has_skips, inner))
    return skips(node) or any(map(has_skips, node.branches))
