"""Layers, shapes and counts as a reader sees them."""

from __future__ import annotations

from core.architectures.blocks import Chain, Layer, Node

NAMES = {
    "max": "max pool", "avg": "mean pool", "mean": "global mean", "norm": "batch norm", "lrn": "local norm", "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU",
    "tanh": "tanh", "sigmoid": "sigmoid", "dropout": "dropout", "flatten": "flatten", "add": "sum", "concat": "concatenate", "multiply": "gate",
}  # fmt: skip


def label(layer: Layer) -> str:
    """conv 3 x 3 / 2, dense 120, max pool 2 x 2 ..."""
    window = f"{layer.kernel} × {layer.kernel}" + (f" / {layer.stride}" if layer.stride > 1 else "")
    if layer.kind == "conv":
        return f"{'depthwise' if layer.groups == 0 else 'conv'} {window}"
    if layer.kind == "dense":
        return f"dense {layer.out}"
    return f"{NAMES[layer.kind]} {window}" if layer.kind in ("max", "avg") else NAMES[layer.kind]


def named(node: Node) -> str:
    """What stands on its box."""
    match node:
        case Layer():
            return label(node)
        case Chain(title=title):
            return title
    return {"add": "short cut", "concat": "branches", "multiply": "gate"}[node.join]


def size(shape: tuple[int, ...]) -> str:
    """64 x 32 x 32, or 120 numbers."""
    return " × ".join(map(str, shape)) if len(shape) == 3 else f"{shape[0]} numbers"


def large(number: float) -> str:
    """A count in three digits: 431, 61.7 k, 5.29 M, 15.5 G."""
    for unit, word in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(number) >= 0.9995 * unit:
            return f"{number / unit:.3g}{word}" if abs(number) < 999.5 * unit else f"{number / unit:.0f}{word}"
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


def memory(values: float) -> str:
    """Bytes of so many numbers in single precision."""
    count = 4 * values
    for unit, word in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {word}" if count < 1000 * unit else f"{count / unit:.0f} {word}"
    return f"{count:.0f} bytes"


def spoken(path: str) -> str:
    """A path as a reader counts: from 1."""
    return ".".join(str(int(k) + 1) if k.isdigit() else k for k in path.split("."))
