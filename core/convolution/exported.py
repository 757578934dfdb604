"""The parts of an exported script that bring trained layers along: how they are packed, made, and read again."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from torch import nn

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
