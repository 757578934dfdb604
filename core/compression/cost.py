"""What a net costs: bytes to store, multiply-adds and working memory for one digit. All counted, nothing measured.

float32       4 bytes a weight
few bits      ⌈bits · n / 8⌉ bytes a matrix, 4 for each scale, 1 for each zero point unless all are 0, 4 for each bias
sparse        one bit a weight says whether it is there, then the weights that are: n / 8 + 4 · kept
working       the layer for which what it reads and what it writes take most together
"""

from __future__ import annotations

from collections.abc import Sequence

from core.compression.factorise import smaller
from core.compression.nets import Array, Net
from core.compression.quantize import Quantized

FLOAT = 4


def parameters(net: Net) -> int:
    """Weights and biases."""
    return sum(layer.W.size + layer.b.size for layer in net)


def macs(net: Net) -> int:
    """Multiply-adds for one digit: every weight at every place."""
    return sum(layer.W.size * layer.places for layer in net)


def memory(net: Net, each: int = FLOAT) -> int:
    """Working memory for one digit in bytes, with `each` bytes a number."""
    return max(layer.read + len(layer.b) * layer.places for layer in net) * each


def sparse_bytes(net: Net, masks: Sequence[Array], bits: int = 32) -> int:
    """A bit for each weight, the kept ones with `bits` each, the biases in full."""
    return sum(
        -(-mask.size // 8) + -(-int(mask.sum()) * bits // 8) + FLOAT * len(layer.b)
        for layer, mask in zip(net, masks, strict=True)
    )


def grid_bytes(q: Quantized) -> int:
    """Scales and zero points of weights and static inputs."""
    each = FLOAT + (q.rules.scheme == "affine")
    return sum(each * g.scale.size for g in (*q.weights, *q.inputs))


def quantized_bytes(q: Quantized, masks: Sequence[Array] | None = None) -> int:
    """Codes, grids and biases; with `masks` only the codes of the weights that are there, and the bits that say which."""
    if masks is not None:
        return sparse_bytes(q.net, masks, q.rules.bits) + grid_bytes(q)
    return sum(-(-layer.W.size * q.rules.bits // 8) + FLOAT * len(layer.b) for layer in q.net) + grid_bytes(q)


def factored(net: Net, rank: int) -> tuple[int, int]:
    """Bytes and multiply-adds with two factors wherever they save."""
    sizes = [rank * sum(layer.W.shape) if smaller(layer, rank) else layer.W.size for layer in net]
    return (
        FLOAT * sum(n + len(layer.b) for n, layer in zip(sizes, net, strict=True)),
        sum(n * layer.places for n, layer in zip(sizes, net, strict=True)),
    )
