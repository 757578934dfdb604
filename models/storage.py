"""Weights on disk: safetensors files, small enough to ship, and the manifest that says how each came about.

A safetensors file is a table of names, types and shapes before plain numbers: reading it runs no code (unlike a pickle). What
ships is float16, half the size; loading casts it to the network's float32, and every accuracy here was measured on that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import Tensor, nn

from core.errors import ExplainerError

FOLDER = Path(__file__).parent / "weights"
LIMIT = 1_500_000  # bytes of one file


@cache
def manifest(part: str = "") -> Mapping[str, Mapping[str, Any]]:
    """Model name -> how its weights were made, as manifest.json in models/weights, or in its folder `part`, says."""
    path = FOLDER / part / "manifest.json"
    return MappingProxyType(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})


def stored(module: nn.Module) -> bytes:
    """The module's weights as a safetensors file, floats in float16.

    Raises:
        ExplainerError: the file would be larger than what may ship.
    """
    half = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    content = serialise({k: v.contiguous() for k, v in half.items()})
    if len(content) > LIMIT:
        raise ExplainerError(
            f"the weights take {len(content):,} bytes, allowed are {LIMIT:,}; make the network narrower"
        )
    return content


def restore(module: nn.Module, content: bytes) -> nn.Module:
    """The module with the weights of a safetensors file; names and shapes must be exactly its own.

    Raises:
        ExplainerError: the file is too large or damaged, or belongs to another network.
    """
    if len(content) > LIMIT:
        raise ExplainerError(f"the weights take {len(content):,} bytes, allowed are {LIMIT:,}")
    try:
        found = parse(content)
    except SafetensorError as problem:
        raise ExplainerError(f"the weights are damaged ({problem}); make them again with `make weights`") from None
    wanted = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    different = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != _shape(found.get(k)))
    if different:
        raise ExplainerError(f"the weights belong to another network: {different[0]} does not fit; use its own file")
    if not all(torch.isfinite(v).all() for v in found.values()):
        raise ExplainerError("the weights hold numbers that are not finite; make them again with `make weights`")
    module.load_state_dict(found)
    return module


def read(name: str, part: str = "") -> bytes:
    """The file that the manifest of models/weights, or of its folder `part`, names for this model.

    Raises:
        ExplainerError: the file is missing, or its bytes are not those that were measured.
    """
    record = manifest(part)[name]
    path = FOLDER / part / record["file"]
    if not path.is_file():
        raise ExplainerError(f"{record['file']} is missing from models/weights; make it again with `make weights`")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise ExplainerError(f"{record['file']} is not the file that was measured; make it again with `make weights`")
    return content


def _shape(tensor: Tensor | None) -> tuple[int, ...] | None:
    return None if tensor is None else tuple(tensor.shape)
