"""The transformer of Llama: a decoder with root mean square norms, rotary positions, gated units and shared keys and values.

    x <- x + Attention(RMSNorm(x)),   x <- x + W_2 (silu(W_1 y) * W_3 y) with y = RMSNorm(x),   logits = W RMSNorm(x_L)
    RMSNorm(x) = g * x / sqrt(mean(x^2) + eps),       silu(u) = u / (1 + e^-u)

No layer has a bias. There are fewer heads of keys and values than of queries: query head h reads the keys and values of head
h // (heads / kv_heads). RoPE turns neighbouring pairs of columns. A file is read whole, with the names of the published checkpoints:
tok_embeddings.weight, layers.0.attention.wq.weight, ..., norm.weight; without output.weight, W is the embedding.

Sources: H. Touvron et al., "LLaMA", arXiv:2302.13971, section 2.2; B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS
2019, eq. 4; N. Shazeer, "GLU variants improve transformer", arXiv:2002.05202, eq. 6; J. Ainslie et al., "GQA", EMNLP 2023, section 2.2.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ExplainerError
from models.attention import NOBODY, Cache, MultiHeadAttention, Watch, causal
from models.positions import BASE, rotate
from models.pretrained import SUFFIXES, read_state
from models.transformer import Shape

MB = 1024 * 1024
MOST_CONFIG, MOST_BYTES = 64 * 1024, 120 * MB  # bytes of config.json, and of the weights
LIMITS = {
    "dim": (2, 2048), "hidden_dim": (1, 8192), "n_layers": (1, 32), "n_heads": (1, 32), "n_kv_heads": (1, 32),
    "vocab_size": (2, 65_536), "max_seq_len": (2, 8192), "norm_eps": (0.0, 0.1), "rope_theta": (1.0, 1e8),
}  # fmt: skip
USUAL = {"norm_eps": 1e-5, "rope_theta": BASE, "tied_output": True}
OUTER = {"tok_embeddings": "embedding.tokens", "norm": "stack.norm", "output": "head"}
INNER = {
    "attention.wq": "attention.query", "attention.wk": "attention.key", "attention.wv": "attention.value", "attention.wo": "attention.out",
    "attention_norm": "norm_attention", "ffn_norm": "norm_feed", "feed_forward.w1": "feed.first", "feed_forward.w2": "feed.second",
    "feed_forward.w3": "feed.gate",
}  # fmt: skip


@dataclass(frozen=True)
class LlamaShape(Shape):
    """What a Llama is built of. `tied`: the output matrix is the embedding."""

    kv_heads: int = 1
    eps: float = 1e-5
    base: float = BASE
    tied: bool = True


class RMSNorm(nn.Module):
    """x (..., d) -> g * x / sqrt(mean(x^2) + eps)."""

    def __init__(self, d: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


class SharedHeads(nn.Linear):
    """x (..., d) -> (..., kv_heads * groups * d_k): each head of keys or values stands there once for every query head that reads it."""

    def __init__(self, d: int, d_k: int, kv_heads: int, groups: int) -> None:
        super().__init__(d, kv_heads * d_k, bias=False)
        self.d_k, self.groups = d_k, groups

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).unflatten(-1, (-1, self.d_k)).repeat_interleave(self.groups, -2).flatten(-2)

    def of_head(self, head: int) -> Tensor:
        """The rows (d_k, d) of the matrix that query head `head` reads by."""
        return self.weight.unflatten(0, (-1, self.d_k))[head // self.groups]


class GroupedAttention(MultiHeadAttention):
    """The attention of a Llama's layer."""

    def __init__(self, shape: LlamaShape, layer: int) -> None:
        nn.Module.__init__(self)
        d_k, groups = shape.d // shape.heads, shape.heads // shape.kv_heads
        self.h, self.positions, self.kind, self.layer, self.base = shape.heads, "rope", "decoder", layer, shape.base
        self.query, self.out = (nn.Linear(shape.d, shape.d, bias=False) for _ in range(2))
        self.key, self.value = (SharedHeads(shape.d, d_k, shape.kv_heads, groups) for _ in range(2))

    def placed(self, q: Tensor, k: Tensor, v: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor, Tensor]:
        return rotate(q, 0, self.base), rotate(k, 0, self.base), v


class GatedUnits(nn.Module):
    """SwiGLU: x (..., d) -> W_2 (silu(W_1 x) * W_3 x)."""

    def __init__(self, d: int, hidden: int, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.first, self.gate = (nn.Linear(d, hidden, bias=False) for _ in range(2))
        self.second = nn.Linear(hidden, d, bias=False)

    def forward(self, x: Tensor, watch: Watch = NOBODY) -> Tensor:
        return self.second(watch.hidden("decoder", self.layer, F.silu(self.first(x)) * self.gate(x)))


class LlamaBlock(nn.Module):
    """One layer, with its norms before its parts."""

    pre = True

    def __init__(self, shape: LlamaShape, layer: int) -> None:
        super().__init__()
        self.name = f"decoder.{layer}"
        self.attention, self.feed = GroupedAttention(shape, layer), GatedUnits(shape.d, shape.hidden, layer)
        self.norm_attention, self.norm_feed = (RMSNorm(shape.d, shape.eps) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor, *, temperature: float = 1.0, watch: Watch = NOBODY) -> Tensor:
        read = self.attention(self.norm_attention(x), None, mask, temperature=temperature, watch=watch)
        x = watch.stream(f"{self.name}.self", x + read)
        return watch.stream(f"{self.name}.feed", x + self.feed(self.norm_feed(x), watch))


class _Words(nn.Module):
    """Tokens (..., token) -> vectors (..., token, d)."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.d)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.tokens(tokens)


class _Blocks(nn.Module):
    """All layers, and the norm behind them."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(LlamaBlock(shape, k) for k in range(shape.layers))
        self.norm = RMSNorm(shape.d, shape.eps)

    def forward(self, x: Tensor, mask: Tensor, **about) -> Tensor:
        for block in self.blocks:
            x = block(x, mask, **about)
        return self.norm(x)


class Llama(nn.Module):
    """Tokens (..., token) -> logits (..., token, vocabulary); watched, masked and read as models.transformer.Transformer is."""

    main = "decoder"

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding, self.stack = _Words(shape), _Blocks(shape)
        self.head = nn.Linear(shape.d, shape.vocabulary, bias=False)
        if shape.tied:
            self.head.weight = self.embedding.tokens.weight

    def forward(self, tokens: Tensor, mask: Tensor | None = None, **about) -> Tensor:
        return self.read(self.embedding(tokens), mask, **about)

    def read(self, x: Tensor, mask: Tensor | None = None, *, watch: Watch = NOBODY, temperature: float = 1.0) -> Tensor:
        """From embedded tokens x (..., token, d) to logits; no mask is the causal one."""
        x = watch.stream("decoder.embedding", x)
        mask = causal(x.shape[-2]).to(x.device) if mask is None else mask
        return self.head(self.stack(x, mask, watch=watch, temperature=temperature))


def shape_of(config: Mapping[str, Any]) -> LlamaShape:
    """The shape that a config.json names, every number checked.

    Raises:
        ExplainerError: a number is missing, or is outside what can be shown here.
    """
    found = {**USUAL, **config}
    for name, (low, high) in LIMITS.items():
        value = found.get(name)
        whole = isinstance(low, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
            raise ExplainerError(f"config.json says {name} {str(value)[:20]!r}; allowed: {low:g} to {high:g}")
    d, heads, kv_heads = found["dim"], found["n_heads"], found["n_kv_heads"]
    if d % heads or d // heads % 2 or heads % kv_heads:
        raise ExplainerError(
            f"config.json shares width {d} among {heads} heads with {kv_heads} of keys and values; each head needs the same even width, and each group the same number of heads"
        )
    return LlamaShape(
        found["vocab_size"], kind="decoder", layers=found["n_layers"], heads=heads, d=d, hidden=found["hidden_dim"], positions="rope",
        length=found["max_seq_len"], kv_heads=kv_heads, eps=found["norm_eps"], base=found["rope_theta"], tied=bool(found["tied_output"]),
    )  # fmt: skip


def weights_of(shape: LlamaShape) -> int:
    """How many numbers the model has, before anything is built."""
    kv = shape.d * shape.kv_heads // shape.heads
    layer = 2 * shape.d * (shape.d + kv) + 3 * shape.d * shape.hidden + 2 * shape.d
    return shape.layers * layer + shape.vocabulary * shape.d * (2 - shape.tied) + shape.d


def load_llama(folder: Path) -> Llama:
    """The model of a folder with config.json and model.pt, .pth or .safetensors, in eval mode and float32.

    A .pt file is read with `weights_only=True`: it may hold tensors, and nothing that runs.

    Raises:
        ExplainerError: a file is missing, too large or damaged, or its tensors are not those of config.json.
    """
    shape = shape_of(read_json(folder / "config.json", MOST_CONFIG))
    path = next((p for s in SUFFIXES if (p := folder / f"model{s}").is_file()), None)
    if path is None:
        raise ExplainerError(
            f"{folder.name} holds no model.pt and no model.safetensors; put the weights beside config.json"
        )
    if path.stat().st_size > MOST_BYTES or 4 * weights_of(shape) > MOST_BYTES:
        raise ExplainerError(
            f"the model {folder.name} has more than {MOST_BYTES // MB} MB of weights; take a smaller one"
        )
    with torch.device("meta"):
        model = Llama(shape)
    state = {_ours(name): values.float() for name, values in read_state(path).items()}
    if shape.tied:
        state.setdefault("head.weight", state.get("embedding.tokens.weight", torch.empty(0)))
    wanted = {name: values.shape for name, values in model.state_dict().items()}
    if different := sorted(
        n for n in wanted.keys() | state.keys() if n not in state or state[n].shape != wanted.get(n)
    ):
        raise ExplainerError(f"{path.name} is not the model of its config.json: {different[0]} does not fit")
    if not all(torch.isfinite(values).all() for values in state.values()):
        raise ExplainerError(f"{path.name} holds numbers that are not finite; make the file again")
    model.load_state_dict(state, assign=True)
    if shape.tied:
        model.head.weight = model.embedding.tokens.weight
    return model.eval().requires_grad_(False)


def _ours(name: str) -> str:
    """A checkpoint's name of a tensor as the name of ours; a name that it cannot have stays as it is."""
    place = name.removesuffix(".weight")
    if found := re.fullmatch(r"layers\.(\d+)\.(.+)", place):
        return f"stack.blocks.{found[1]}.{INNER.get(found[2], found[2])}.weight"
    return f"{OUTER.get(place, place)}.weight"


def read_json(path: Path, most: int) -> dict[str, Any]:
    """A JSON object of at most `most` bytes.

    Raises:
        ExplainerError: it is missing, larger, or no JSON object.
    """
    if not path.is_file():
        raise ExplainerError(f"{path.parent.name} holds no {path.name}; put it beside the weights")
    if path.stat().st_size > most:
        raise ExplainerError(f"{path.name} has {path.stat().st_size:,} bytes; at most {most:,} are allowed")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ExplainerError(f"{path.name} is no JSON object; save it again")
    return found


def finite(numbers: list[Any]) -> bool:
    """Whether a list of JSON holds finite numbers alone."""
    return all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
