"""Shapes, parameters, multiply-adds, memory and receptive fields of a network, by formula, from its description alone.

    conv     o = floor((n + 2p - k) / s) + 1,   M (N / g) k² + M parameters,   o² M (N / g) k² multiply-adds
    dense    N M + M parameters,   N M multiply-adds
    norm     2 N parameters (scale and shift)

with N channels in, M out, g groups, kernel k, stride s, padding p, picture n x n. As in the papers, multiply-adds of convolutions and
dense layers are counted and nothing else. Memory: what every layer gives out, for a backward pass must keep it; flatten gives
out nothing new.

The receptive field is that of one unit, along one side; from flatten on it is that of the whole row. Where branches meet by sum or concatenation it is the hull of theirs; a gate (multiply)
reads the mean of the whole picture, and is left out of it.

Sources: V. Dumoulin, F. Visin, 2016, arXiv:1603.07285 (sizes); A. Araujo, W. Norris, J. Sim, Distill 2019 (fields).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.architectures.blocks import WINDOWED, Chain, Layer, Node, Split, child
from core.architectures.words import label, size, spoken
from core.convolution import Field, Geometry, cost, receptive_field
from core.errors import ExplainerError

Shape = tuple[int, ...]  # (channels, height, width), or (units,)
FIRST = Field(1, 1, 0.0)


@dataclass(frozen=True)
class Row:
    """One layer, or the place where branches join (`layer` None): what comes in, what goes out, what it costs."""

    path: str
    label: str
    layer: Layer | None
    came: Shape
    went: Shape
    parameters: int
    macs: int
    field: Field

    @property
    def values(self) -> int:
        """How many numbers it gives out that were not there before."""
        return 0 if self.layer is not None and self.layer.kind == "flatten" else math.prod(self.went)


@dataclass(frozen=True)
class Count:
    """All layers in the order in which they compute."""

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    @property
    def values(self) -> int:
        return sum(row.values for row in self.rows)

    @property
    def last(self) -> Row:
        return self.rows[-1]

    def within(self, path: str) -> Count:
        """The rows of one part of the network: of the layer or block at `path`."""
        return Count(tuple(row for row in self.rows if row.path == path or row.path.startswith(f"{path}.")))


@lru_cache(maxsize=512)
def count(net: Chain, shape: Shape) -> Count:
    """Every layer of `net` on a picture of `shape` (channels, height, width).

    Raises:
        ExplainerError: a layer cannot take what comes to it; the message says which, what it wants and what to try.
    """
    return Count(tuple(_walk(net, "", shape, FIRST)))


def steps(net: Chain, shape: Shape) -> Iterator[Row]:
    """The rows as far as they go: it ends, without a word, where a layer cannot take what comes."""
    try:
        yield from _walk(net, "", shape, FIRST)
    except ExplainerError:
        return


def _walk(node: Node, path: str, shape: Shape, field: Field) -> Iterator[Row]:
    match node:
        case Layer():
            yield _row(node, path, shape, field)
        case Chain():
            for k, part in enumerate(node.parts):
                for row in _walk(part, child(path, k), shape, field):
                    yield row  # the last row of a part is its output
                    shape, field = row.went, row.field
        case Split():
            yield from _split(node, path, shape, field)


def _split(node: Split, path: str, shape: Shape, field: Field) -> Iterator[Row]:
    went, fields = [], []
    for k, branch in enumerate(node.branches):
        rows = list(_walk(branch, child(path, k), shape, field))
        yield from rows
        went.append(rows[-1].went if rows else shape)
        fields.append(rows[-1].field if rows else field)
    seen = fields[:1] if node.join == "multiply" else fields
    yield Row(f"{path}.join", node.join, None, shape, _joined(node.join, went, path), 0, 0, _hull(seen, path))


def _hull(fields: Sequence[Field], path: str) -> Field:
    """The smallest field that holds all of them."""
    first = min(f.box(0)[0] for f in fields)
    last = max(f.box(0)[1] for f in fields)
    return Field(round(last - first) + 1, max(f.jump for f in fields), (first + last) / 2)


def _joined(join: str, shapes: Sequence[Shape], path: str) -> Shape:
    words = " and ".join(dict.fromkeys(map(size, shapes)))
    where = f"where the branches of {_place(path)} meet"
    if join == "concat":
        if len({s[1:] for s in shapes}) > 1 or len({len(s) for s in shapes}) > 1:
            raise ExplainerError(
                f"{where}, {words} come together; to stand side by side they need the same height and width: give every branch the same strides, and padding that keeps the size"
            )
        return (sum(s[0] for s in shapes), *shapes[0][1:])
    if join == "multiply":
        if not all(s in (shapes[0], (shapes[0][0], 1, 1)) for s in shapes):
            raise ExplainerError(
                f"{where}, {words} cannot be multiplied: a gate gives one number or one map for each of the {shapes[0][0]} channels; let it end with conv{shapes[0][0]}k1, sigmoid"
            )
        return shapes[0]
    if len(set(shapes)) > 1:
        raise ExplainerError(f"{where}, {words} cannot be added: a sum needs equal shapes; {_fitted(*shapes[:2])}")
    return shapes[0]


def _fitted(wanted: Shape, given: Shape) -> str:
    """How a short cut could be made to fit."""
    if len(wanted) != 3 or len(given) != 3 or given[1] % wanted[1]:
        return "give both branches the same strides, and padding that keeps the size"
    stride = given[1] // wanted[1]
    return (
        f"let the short cut be a 1 x 1 convolution: res( ... | conv{wanted[0]}k1{f's{stride}' if stride > 1 else ''} )"
    )


def _place(path: str) -> str:
    return f"block {spoken(path)}" if path else "the network"


def _row(layer: Layer, path: str, shape: Shape, field: Field) -> Row:
    name = label(layer)
    where = f"layer {spoken(path)}, {name},"
    if layer.kind in WINDOWED:
        _picture(layer, where, shape)
        o = _windows(layer, where, shape[1])
        channels = _channels(layer, where, shape[0]) if layer.kind == "conv" else shape[0]
        seen = receptive_field([(layer.kernel, layer.stride, layer.padding, 1)])[0]
        parameters, macs = _convolution(layer, shape, channels) if layer.kind == "conv" else (0, 0)
        return Row(path, name, layer, shape, (channels, o, o), parameters, macs, _after(field, seen))
    if layer.kind == "mean":
        _picture(layer, where, shape)
        return Row(path, name, layer, shape, (shape[0], 1, 1), 0, 0, _whole(field, shape))
    if layer.kind == "flatten":
        _picture(layer, where, shape)
        return Row(path, name, layer, shape, (math.prod(shape),), 0, 0, _whole(field, shape))
    if layer.kind == "dense":
        return _dense(layer, path, name, where, shape, field)
    if layer.kind in ("norm", "lrn"):
        _picture(layer, where, shape)
    return Row(path, name, layer, shape, shape, 2 * shape[0] if layer.kind == "norm" else 0, 0, field)


def _dense(layer: Layer, path: str, name: str, where: str, shape: Shape, field: Field) -> Row:
    if len(shape) != 1:
        raise ExplainerError(
            f"{where} wants a row of numbers, but a picture of {size(shape)} comes in; put flatten (all of its {math.prod(shape):,} values) or mean, flatten (one value a channel) before it"
        )
    N, M = shape[0], layer.out
    return Row(path, name, layer, shape, (M,), N * M + M * layer.bias, N * M, field)


def _picture(layer: Layer, where: str, shape: Shape) -> None:
    if len(shape) != 3:
        raise ExplainerError(
            f"{where} wants a picture (channels x height x width), but {size(shape)} come in; put it before flatten"
        )


def _windows(layer: Layer, where: str, n: int) -> int:
    """How many windows fit along a side of n cells."""
    o = windows(layer, n)
    if o < 1:
        raise ExplainerError(
            f"{where} has a window of {layer.kernel} x {layer.kernel}, but a picture of {n} x {n} comes in, padded {n + 2 * layer.padding} x {n + 2 * layer.padding}; try larger pictures, fewer strides before it, or padding {-(-(layer.kernel - n) // 2)}"
        )
    return o


def windows(layer: Layer, n: int) -> int:
    """The side that a window makes of n cells; 0 or less where it does not fit. A last window wholly in the padding is left out."""
    room = n + 2 * layer.padding - layer.kernel
    o = (-(-room // layer.stride) if layer.ceil else room // layer.stride) + 1
    return o - 1 if layer.ceil and (o - 1) * layer.stride >= n + layer.padding else o


def _channels(layer: Layer, where: str, N: int) -> int:
    M, groups = layer.out or N, layer.groups or N
    if N % groups or M % groups:
        raise ExplainerError(
            f"{where} has {groups} groups, which must divide the {N} channels that come in and the {M} that go out; try {math.gcd(N, M, groups)}"
        )
    return M


def _convolution(layer: Layer, shape: Shape, M: int) -> tuple[int, int]:
    """Parameters and multiply-adds."""
    N, groups, kernel = shape[0], layer.groups or shape[0], (layer.kernel, layer.kernel)
    g = Geometry((layer.stride,) * 2, (layer.padding,) * 2, groups=groups)
    parameters = cost.parameters(N, M, kernel, groups) - (0 if layer.bias else M)
    return parameters, cost.multiply_adds(shape, (M, N // groups, *kernel), g)


def _after(field: Field, seen: Field) -> Field:
    """The field of a layer that sees `seen` of a layer that has the field `field` of the picture."""
    return Field(field.size + (seen.size - 1) * field.jump, field.jump * seen.jump, field.start + seen.start * field.jump)  # fmt: skip


def _whole(field: Field, shape: Shape) -> Field:
    """The field of something that reads the whole map."""
    return _after(field, receptive_field([(shape[1], 1, 0, 1)])[0])


def where_it_breaks(net: Chain, channels: int, side: int) -> str:
    """Why pictures of this side do not fit; nothing where they do."""
    try:
        count(net, (channels, side, side))
    except ExplainerError as problem:
        return str(problem)
    return ""


def smallest(net: Chain, channels: int, most: int = 1024) -> int:
    """The smallest side that every layer can take, 0 where none up to `most` does. A side that fits lets every larger one fit."""
    low, high = 1, most
    if where_it_breaks(net, channels, high):
        return 0
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if where_it_breaks(net, channels, middle) else (low, middle)
    return low
