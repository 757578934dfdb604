"""The parts of an exported script that bring trained layers along: how they are packed, made, and read again."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from torch import fx, nn

from models.blocks import Add
from models.surgery import graph_of

READER = '''# %%
import base64
import zlib

import numpy as np
import torch
from torch import nn


def numbers(packed):
    """(base64 of packed bytes, shape, type) as a float64 tensor."""
    text, shape, kind = packed
    return torch.tensor(np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(shape).astype(np.float64))

'''


def packed(values: np.ndarray) -> str:
    """(base64 of the compressed bytes, shape, type), in the smallest type that keeps every digit."""
    exact = values.astype(np.float64)
    with np.errstate(over="ignore"):
        kept = next(v for v in map(values.astype, (np.float16, np.float32, np.float64)) if np.array_equal(v, exact))
    squeezed = zlib.compress(np.ascontiguousarray(kept).tobytes(), 9)
    return repr((base64.b64encode(squeezed).decode(), kept.shape, kept.dtype.str))


def forward(model: nn.Module, layer: str) -> tuple[dict[str, nn.Module], list[str]]:
    """The layers with modules of their own on the way to `layer`, and the lines that compute it: v["conv1"] = net["conv1"](v["x"]) ..."""
    graph, kinds, used, lines = graph_of(model, innermost=True), dict(model.named_modules()), {}, []
    needed = _ancestors(next(node for node in graph.nodes if node.target == layer))
    for node in graph.nodes:
        if node.op != "call_module" or node not in needed:
            continue
        inputs = [f"v[{_key(one)!r}]" for one in node.all_input_nodes]
        if isinstance(kinds[node.target], Add):
            lines.append(f"v[{node.target!r}] = {' + '.join(inputs)}")
        else:
            used[node.target] = kinds[node.target]
            lines.append(f"v[{node.target!r}] = net[{node.target!r}]({', '.join(inputs)})")
    return used, lines


def _key(node: fx.Node) -> str:
    return "x" if node.op == "placeholder" else node.target


def _ancestors(node: fx.Node) -> set[fx.Node]:
    """The node and all that it is computed from."""
    found, todo = set(), [node]
    while todo:
        found.add(one := todo.pop())
        todo += [before for before in one.all_input_nodes if before not in found]
    return found


def built(layer: nn.Module) -> str:
    """The call that makes a layer."""
    if isinstance(layer, nn.Conv2d):
        return (
            f"nn.Conv2d({layer.in_channels}, {layer.out_channels}, {layer.kernel_size}, {layer.stride}, {layer.padding}, "
            f"{layer.dilation}, bias={layer.bias is not None})"
        )
    if isinstance(layer, nn.BatchNorm2d):
        return f"nn.BatchNorm2d({layer.num_features}, eps={layer.eps!r})"
    if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
        return f"nn.{type(layer).__name__}({layer.kernel_size})"
    return f"nn.{type(layer).__name__}()"
