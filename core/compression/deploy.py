"""The net in torch: the files that it can leave in, whether they give the same answers, and how long it takes on this machine.

Every file is read back and asked about the test digits; what is compared are the logits of float32 with the page's of float64. Times
are measured where the page is computed, one thread, and differ from run to run.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float
from torch import nn

from core.compression.factorise import factors, smaller
from core.compression.nets import Array, Layer, Net, logits
from core.compression.spec import CompressionSpec
from core.compression.study import base_of, pruned_of
from core.compression.study import student as student_net

REPEATS, WARM = 120, 10
MANY = 256  # digits of the large batch
WIDTHS = (64, 128, 256, 512, 1024)  # of the single layers
EXTRA = "pip install -r requirements-deploy.txt"


@dataclass(frozen=True, eq=False)
class File:
    """A file of the net: its bytes, its logits for the test digits, and a word on it. No content: why it cannot be had."""

    name: str
    kind: str
    content: bytes
    logits: Float[Array, "m 10"] | None
    note: str


@contextmanager
def quietly() -> Iterator[None]:
    """torch says of several of these ways that they will go; the page says it in its own words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def module_of(net: Net, rank: int = 0) -> nn.Sequential:
    """The net in single precision, as a Sequential that reads (N, 64). With a `rank`, two factors wherever they save."""
    parts: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))] if net[0].size else []
    for at, layer in enumerate(net):
        if at and net[at - 1].size and not layer.size:
            parts.append(nn.Flatten())
        parts += _parts(layer, rank) + ([nn.ReLU()] if layer is not net[-1] else [])
    return nn.Sequential(*parts).eval()


def _parts(layer: Layer, rank: int) -> list[nn.Module]:
    if not rank or not smaller(layer, rank):
        return [_part(layer)]
    U, V = factors(layer.W, rank)
    one = _part(Layer(V, np.zeros(rank), layer.size))
    two = nn.Conv2d(rank, len(U), 1) if layer.size else nn.Linear(rank, len(U))
    return [one, _filled(two, U, layer.b)]


def _part(layer: Layer) -> nn.Module:
    out, k = layer.W.shape
    bare = nn.Conv2d(k // 9, out, 3, stride=2, padding=1) if layer.size else nn.Linear(k, out)
    return _filled(bare, layer.W, layer.b)


def _filled(part: nn.Module, W: Array, b: Array) -> nn.Module:
    with torch.no_grad():
        part.weight.copy_(torch.from_numpy(W).reshape(part.weight.shape))
        part.bias.copy_(torch.from_numpy(b))
    return part


def asked(net: Callable[[torch.Tensor], torch.Tensor], X: Float[Array, "m 64"]) -> Float[Array, "m 10"]:
    """The logits of a torch net."""
    with torch.no_grad():
        return net(torch.from_numpy(X).float()).double().numpy()


# Files


def files(spec: CompressionSpec) -> list[File]:
    """The trained net in every format."""
    return list(_files(spec.architecture, spec.width, spec.seed))


@lru_cache(maxsize=8)
def _files(architecture: str, width: int, seed: int) -> tuple[File, ...]:
    data, _, net = base_of(CompressionSpec(architecture=architecture, width=width, seed=seed))
    with quietly():
        return tuple(make(net, data.X_test) for make in (_state_dict, _safetensors, _int8, _script, _export, _onnx))


def _state_dict(net: Net, X: Array) -> File:
    buffer = io.BytesIO()
    torch.save(module_of(net).state_dict(), buffer)
    again = _blank(net)
    again.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
    return File("digits.pt", "state_dict", buffer.getvalue(), asked(again, X), "The weights by name, as a pickle: read it with weights_only=True. The class must be at hand")  # fmt: skip


def _safetensors(net: Net, X: Array) -> File:
    content = safetensors.torch.save(module_of(net).state_dict())
    again = _blank(net)
    again.load_state_dict(safetensors.torch.load(content))
    return File("digits.safetensors", "safetensors", content, asked(again, X), "The weights by name, as plain numbers: reading it can run no code. The class must be at hand")  # fmt: skip


def _blank(net: Net) -> nn.Sequential:
    """The same shapes, other numbers: a file that brings nothing would be found out."""
    return module_of(tuple(Layer(np.zeros_like(one.W), np.zeros_like(one.b), one.size) for one in net))


def _int8(net: Net, X: Array) -> File:
    rounded = dynamic(module_of(net))
    buffer = io.BytesIO()
    torch.save(rounded.state_dict(), buffer)
    return File("digits-int8.pt", "state_dict, dynamic int8", buffer.getvalue(), asked(rounded, X), "torch's quantize_dynamic: dense layers only, weights in int8. Deprecated; torchao takes its place")  # fmt: skip


def dynamic(net: nn.Sequential) -> nn.Module:
    """torch's own dynamic quantization of the dense layers."""
    with quietly():
        return torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)


def _script(net: Net, X: Array) -> File:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(module_of(net), torch.from_numpy(X[:2]).float()), buffer)
    again = torch.jit.load(io.BytesIO(buffer.getvalue()))
    return File("digits.torchscript.pt", "TorchScript", buffer.getvalue(), asked(again, X), "Weights and program, for C++ too. Deprecated; torch.export takes its place")  # fmt: skip


def _any_count() -> tuple[dict[int, torch.export.Dim], ...]:
    return ({0: torch.export.Dim("digits", min=1)},)


def _export(net: Net, X: Array) -> File:
    buffer = io.BytesIO()
    x = torch.from_numpy(X[:2]).float()
    torch.export.save(torch.export.export(module_of(net), (x,), dynamic_shapes=_any_count()), buffer)
    again = torch.export.load(io.BytesIO(buffer.getvalue())).module()
    return File("digits.pt2", "torch.export", buffer.getvalue(), asked(again, X), "Weights and graph of ATen operations, for any number of digits")  # fmt: skip


def _onnx(net: Net, X: Array) -> File:
    name, kind = "digits.onnx", "ONNX"
    try:
        from onnxruntime import InferenceSession

        buffer = io.BytesIO()
        torch.onnx.export(module_of(net), (torch.from_numpy(X[:2]).float(),), input_names=["pixels"], output_names=["logits"], dynamo=True, verbose=False, dynamic_shapes=_any_count()).save(buffer)  # fmt: skip
    except ImportError:
        return File(name, kind, b"", None, f"Needs packages that are not here: {EXTRA}, then start Glassnet again")
    Z = InferenceSession(buffer.getvalue()).run(None, {"pixels": X.astype(np.float32)})[0]
    return File(name, kind, buffer.getvalue(), Z.astype(float), "Weights and graph, run here by ONNX Runtime; other runtimes read it too")  # fmt: skip


def apart(file: File, spec: CompressionSpec) -> tuple[float, int]:
    """max |z_file − z| over the test digits, and for how many the answer is the same."""
    data, _, net = base_of(spec)
    own = logits(net, data.X_test)
    return float(np.abs(file.logits - own).max()), int((file.logits.argmax(1) == own.argmax(1)).sum())


# Times


def microseconds(work: Callable[[], object], repeats: int = REPEATS) -> Float[Array, " n"]:
    """How long each of `repeats` calls took, after a few that do not count."""
    for _ in range(WARM):
        work()
    found = np.empty(repeats)
    for i in range(repeats):
        start = time.perf_counter()
        work()
        found[i] = time.perf_counter() - start
    return 1e6 * found


def call(net: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """One forward pass without gradients."""

    def work() -> object:
        with torch.inference_mode():
            return net(x)

    return work


def timed(spec: CompressionSpec) -> dict[str, tuple[float, float]]:
    """Median microseconds of torch for one digit and for a batch of 256, for the variants that torch can run."""
    return _timed(spec.architecture, spec.width, spec.seed, spec.method, spec.sparsity, spec.tune, spec.rank, spec.student)  # fmt: skip


@lru_cache(maxsize=16)
def _timed(architecture: str, width: int, seed: int, method: str, sparsity: float, tune: int, rank: int, student: int) -> dict[str, tuple[float, float]]:  # fmt: skip
    spec = CompressionSpec(architecture=architecture, width=width, seed=seed, method=method, sparsity=sparsity, tune=tune, rank=rank, student=student)  # fmt: skip
    data, _, net = base_of(spec)
    removed = "units" if method == "structured" else "weights"
    made = {
        "float32": module_of(net),
        "int8, dense layers (torch, dynamic)": dynamic(module_of(net)),
        f"{100 * sparsity:.0f} % of the {removed} removed": module_of(pruned_of(spec).tuned),
        f"rank {rank}": module_of(net, rank),
        f"student of {student} units": module_of(student_net(spec, spec.alpha)),
    }
    x = torch.from_numpy(data.X[:MANY]).float()
    with quietly():
        return {
            name: (float(np.median(microseconds(call(one, x[:1])))), float(np.median(microseconds(call(one, x), 30))))
            for name, one in made.items()
        }


@lru_cache(maxsize=1)
def layer_times() -> dict[str, list[float]]:
    """Median microseconds of one square dense layer for one input, in float32 and in torch's dynamic int8, by width."""
    found: dict[str, list[float]] = {"float32": [], "int8": []}
    for width in WIDTHS:
        layer = nn.Sequential(nn.Linear(width, width)).eval()
        x = torch.ones(1, width)
        with quietly():
            found["float32"].append(float(np.median(microseconds(call(layer, x), 40))))
            found["int8"].append(float(np.median(microseconds(call(dynamic(layer), x), 40))))
    return found
