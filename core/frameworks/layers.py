"""The typed list of layers, read: "conv 4, pool, dense 16" becomes layers with their shapes.

conv C   3 x 3 kernels without padding, C channels:  (H, W, c) -> (H - 2, W - 2, C),     9 c C + C parameters
pool     the largest of each 2 x 2 block:            (H, W, c) -> (H // 2, W // 2, c),   none
dense N  every output sees every input:              n -> N,                             n N + N parameters

Every conv and dense layer is followed by the activation; a last dense layer gives one score (logit) for each class.
Shapes are those of one example, pictures as height, width, channels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from core.errors import ExplainerError

MOST_LAYERS, WIDEST = 5, {"dense": 64, "conv": 16}
GRAMMAR = "write layers with commas between them: dense 8, conv 4 or pool"


@dataclass(frozen=True)
class Layer:
    """One layer: `before` and `after` are the shapes of one example; `number` counts the layers with weights from 1 (0: none)."""

    kind: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    number: int
    last: bool = False

    @property
    def flattens(self) -> bool:
        """Whether a picture becomes one row of numbers here."""
        return self.kind == "dense" and len(self.before) == 3

    @property
    def kernel(self) -> tuple[int, ...]:
        """The shape of the weights, inputs before outputs."""
        return (3, 3, self.before[-1], self.after[-1]) if self.kind == "conv" else (math.prod(self.before), *self.after)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return math.prod(self.kernel) + self.after[-1] if self.number else 0


def read(text: str, shape: tuple[int, ...], classes: int) -> tuple[Layer, ...]:
    """The layers of `text` for examples of `shape`, and the last one with a score for each class.

    Raises:
        ExplainerError: an unknown word, a size out of range, too many layers, or a layer that does not fit the shape.
    """
    words = [part.strip().lower() for part in text.split(",") if part.strip()]
    if len(words) > MOST_LAYERS:
        raise ExplainerError(f"{len(words)} layers are too many; at most {MOST_LAYERS} are allowed")
    layers: list[Layer] = []
    for word in words:
        kind, size = _word(word)
        after = _after(kind, size, shape, word)
        layers.append(Layer(kind, shape, after, 0 if kind == "pool" else _count(layers) + 1))
        shape = after
    return (*layers, Layer("dense", shape, (classes,), _count(layers) + 1, last=True))


def _count(layers: list[Layer]) -> int:
    return sum(layer.number > 0 for layer in layers)


def _word(word: str) -> tuple[str, int]:
    """Kind and size of one layer."""
    if word == "pool":
        return "pool", 0
    found = re.fullmatch(r"(dense|conv)\s+([0-9]{1,4})", word)
    if found is None:
        raise ExplainerError(f"layer {word[:30]!r} cannot be read; {GRAMMAR}")
    kind, size = found[1], int(found[2])
    if not 1 <= size <= WIDEST[kind]:
        raise ExplainerError(f"layer {word!r}: the size {size} is outside 1 to {WIDEST[kind]}; try {kind} 8")
    return kind, size


def _after(kind: str, size: int, shape: tuple[int, ...], word: str) -> tuple[int, ...]:
    """The shape behind a layer."""
    if kind == "dense":
        return (size,)
    if len(shape) != 3:
        raise ExplainerError(f"{word!r} wants pictures, but gets rows of {shape[0]} numbers; use dense here")
    height, width, channels = shape
    if min(height, width) < (3 if kind == "conv" else 2):
        raise ExplainerError(f"{word!r} does not fit on maps of {height} by {width}; take a layer away before it")
    return (height // 2, width // 2, channels) if kind == "pool" else (height - 2, width - 2, size)
