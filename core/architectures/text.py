"""A network as text, and back.

    conv16k3s2p1, norm, relu, max2, 2*( stage( res( conv16, norm, relu, conv16, norm ) ) ), mean, flatten, dense10

    conv16k3s2p1g4b0   16 channels, window 3 (the default), stride 2, padding 1 (default: half of the window), 4 groups, b0: no biases
    dw3s2              depthwise, window 3        max2, avg3s2p1, max3s2c   pooling; c: the last window may hang over the edge
    dense10            10 units                   norm, lrn, relu, relu6, silu, tanh, sigmoid, dropout, mean, flatten
    res( a ), res( a | b )     a(x) + x, a(x) + b(x)              cat( a | b | c )   side by side
    gate( a )                  x times a(x)                       3*( a )            three times;   name( a )   a block with a name

A branch may be empty: it passes on what comes in.
"""

from __future__ import annotations

import re
from itertools import groupby

from core.architectures.blocks import (
    ACTIVATIONS,
    IDENTITY,
    SAME,
    Chain,
    Layer,
    Node,
    Split,
    chain,
    conv,
    dense,
    layers,
    pool,
)  # fmt: skip
from core.errors import ExplainerError

JOINS = {"res": "add", "cat": "concat", "gate": "multiply"}
WORDS = {join: word for word, join in JOINS.items()}
SIMPLE = ("norm", "lrn", *ACTIVATIONS, "dropout", "mean", "flatten")
MOST_LAYERS, MOST_CHANNELS, MOST_KERNEL, MOST_STRIDE, MOST_REPEATS, DEEPEST = 400, 8192, 31, 8, 50, 10
_TOKEN = re.compile(r"\s*([(),|]|\d+\s*\*|[^(),|*]+)")
_LAYER = re.compile(r"(conv|dw|max|avg|dense)(\d{1,5})((?:[kspgb]\d{1,4})*)(c?)")
_SETTINGS = {"conv": "kspgb", "dw": "sp", "max": "sp", "avg": "sp", "dense": ""}
_TITLE = re.compile(r"[A-Za-z][\w .-]{0,29}")
TRY = "write layers with commas between them, such as conv16, relu, max2, flatten, dense10"


def parse(text: str) -> Chain:
    """The network that `text` describes.

    Raises:
        ExplainerError: a word, a bracket or a number cannot be; the message says which and what to try.
    """
    reader = _Reader(text)
    found = reader.parts(0)
    if reader.next is not None:
        raise ExplainerError(f"{_seen(reader.next)} is one too many; close only brackets that were opened")
    if not any(True for _ in layers(found)):
        raise ExplainerError(f"there is no layer; {TRY}")
    return found


class _Reader:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self.tokens = [token.strip() for token in _TOKEN.findall(text) if token.strip()]
        self.at, self.layers = 0, 0

    @property
    def next(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str | None:
        token, self.at = self.next, self.at + 1
        return token

    def parts(self, depth: int) -> Chain:
        """Parts up to a bracket, a bar or the end."""
        found: list[Node] = []
        while self.next not in (None, ")", "|"):
            if self.next == ",":
                self.take()
                continue
            found += self.part(depth)
            if self.next not in (None, ")", "|", ","):
                raise ExplainerError(f"a comma is missing before {_seen(self.next)}; {TRY}")
        return chain("", *found)

    def part(self, depth: int) -> list[Node]:
        """One layer, or what stands in brackets (several parts where it is repeated)."""
        word = self.take()
        if self.next != "(":
            return [self.counted(_layer(word.lower()))]
        if depth >= DEEPEST:
            raise ExplainerError(f"brackets stand {depth + 1} deep; at most {DEEPEST} are allowed; write inner blocks out")  # fmt: skip
        self.take()
        branches = [self.parts(depth + 1)]
        while self.next == "|":
            self.take()
            branches.append(self.parts(depth + 1))
        if self.take() != ")":
            raise ExplainerError(f"the bracket after {_seen(word)} is not closed; add )")
        return self.block(word, branches)

    def block(self, word: str, branches: list[Chain]) -> list[Node]:
        if (join := JOINS.get(word.lower())) is not None:
            return [_split(join, branches)]
        if len(branches) > 1:
            raise ExplainerError(f"{_seen(word)} has branches; only res, cat and gate may have them, such as cat( conv8k1 | conv8k3 )")  # fmt: skip
        if word.endswith("*"):
            return self.repeated(int(word[:-1]), branches[0])
        if not _TITLE.fullmatch(word):
            raise ExplainerError(f"{_seen(word)} is no name of a block; begin with a letter, at most 30 letters, digits, spaces and dots")  # fmt: skip
        return [chain(word, *branches[0].parts)]

    def repeated(self, times: int, body: Chain) -> list[Node]:
        if not 1 <= times <= MOST_REPEATS:
            raise ExplainerError(f"{times} repeats are outside 1 to {MOST_REPEATS}; try 2*( ... )")
        self.count((times - 1) * len(list(layers(body))))
        return list(body.parts) * times

    def counted(self, layer: Layer) -> Layer:
        self.count(1)
        return layer

    def count(self, more: int) -> None:
        self.layers += more
        if self.layers > MOST_LAYERS:
            raise ExplainerError(f"the network has more than {MOST_LAYERS} layers; leave some out")


def _split(join: str, branches: list[Chain]) -> Split:
    if len(branches) == 1 and join in ("add", "multiply"):
        branches = [branches[0], IDENTITY] if join == "add" else [IDENTITY, branches[0]]
    if len(branches) < 2:
        raise ExplainerError("cat( ... ) has one branch; separate two or more by a bar: cat( conv8k1 | conv8k3 )")
    return Split(join, tuple(branches))


def _layer(word: str) -> Layer:
    if word in SIMPLE:
        return Layer(word)
    match = _LAYER.fullmatch(word)
    if match is None and " " in word:
        raise ExplainerError(f"{_seen(word)} is read as one layer; put a comma between two layers")
    if match is None:
        raise ExplainerError(f"layer {_seen(word)} cannot be read; layers are conv16k3s2p1, dw3, max2, avg2, dense10, {', '.join(SIMPLE)}")  # fmt: skip
    kind, number = match[1], int(match[2])
    given = {letter: int(n) for letter, n in re.findall(r"([kspgb])(\d+)", match[3])}
    if extra := set(given) - set(_SETTINGS[kind]):
        raise ExplainerError(f"layer {_seen(word)}: {kind} has no setting {min(extra)!r}; allowed: {', '.join(_SETTINGS[kind]) or 'none'}")  # fmt: skip
    if match[4] and kind not in ("max", "avg"):
        raise ExplainerError(f"layer {_seen(word)}: only pooling may hang over the edge; leave the c out")
    made = _made(kind, number, given, bool(match[4]))
    _check(word, made)
    return made


def _made(kind: str, number: int, given: dict[str, int], ceil: bool) -> Layer:
    stride, padding = given.get("s", 1), given.get("p")
    if kind == "dense":
        return dense(number)
    if kind in ("max", "avg"):
        return pool(kind, number, given.get("s", number), padding or 0, ceil)
    if kind == "dw":
        return Layer("conv", SAME, number, stride, number // 2 if padding is None else padding, SAME, bias=False)
    return conv(number, given.get("k", 3), stride, padding, given.get("g", 1), given.get("b", 1) != 0)


def _check(word: str, layer: Layer) -> None:
    if not layer.kernel or layer.kernel > MOST_KERNEL or not layer.stride or layer.stride > MOST_STRIDE:
        raise ExplainerError(f"layer {_seen(word)}: a window is 1 to {MOST_KERNEL} and a stride 1 to {MOST_STRIDE}; try conv16k3s2 or max2")  # fmt: skip
    if layer.out > MOST_CHANNELS or (layer.out == 0 and layer.kind in ("conv", "dense") and layer.groups):
        raise ExplainerError(f"layer {_seen(word)}: channels and units are 1 to {MOST_CHANNELS:,}; try 16")
    if layer.groups == 0 and layer.out:
        raise ExplainerError(f"layer {_seen(word)}: there must be at least 1 group; for one group a channel write dw{layer.kernel}")  # fmt: skip
    most = layer.kernel // 2 if layer.kind in ("max", "avg") else layer.kernel - 1
    if layer.padding > most:
        raise ExplainerError(f"layer {_seen(word)}: padding {layer.padding} lets a window see padding alone; try p{layer.kernel // 2}")  # fmt: skip


def _seen(word: str) -> str:
    return repr(word[:40])


def render(net: Node) -> str:
    """The text that `parse` reads back; the same part several times is written once."""
    match net:
        case Layer():
            return _word(net)
        case Split():
            return f"{WORDS[net.join]}( {' | '.join(map(_parts, _written(net)))} )"
        case Chain(title=title) if title:
            return f"{title}( {_parts(net)} )"
    return _parts(net)


def _written(node: Split) -> tuple[Chain, ...]:
    """The branches that have to be written: the identity of a short cut or a gate need not be."""
    first, *rest = node.branches
    if node.join == "add" and rest == [IDENTITY] and first.parts:
        return (first,)
    if node.join == "multiply" and first == IDENTITY and len(rest) == 1 and rest[0].parts:
        return (rest[0],)
    return node.branches


def _parts(node: Chain) -> str:
    words = ((word, len(list(same))) for word, same in groupby(map(render, node.parts)))
    return ", ".join(word if n == 1 else ", ".join([word] * n) if "(" not in word else f"{n}*( {word} )" for word, n in words)  # fmt: skip


def _word(layer: Layer) -> str:
    if layer.kind == "dense":
        return f"dense{layer.out}"
    if layer.kind in ("max", "avg"):
        stride = "" if layer.stride == layer.kernel else f"s{layer.stride}"
        return f"{layer.kind}{layer.kernel}{stride}{_if('p', layer.padding, 0)}{'c' * layer.ceil}"
    if layer.kind != "conv":
        return layer.kind
    rest = _if("s", layer.stride, 1) + _if("p", layer.padding, layer.kernel // 2)
    if layer.groups == SAME:
        return f"dw{layer.kernel}{rest}"
    return f"conv{layer.out}{_if('k', layer.kernel, 3)}{rest}{_if('g', layer.groups, 1)}{'' if layer.bias else 'b0'}"


def _if(letter: str, value: int, usual: int) -> str:
    return "" if value == usual else f"{letter}{value}"
