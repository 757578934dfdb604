"""Language models that the package transformers has saved, watched as our own are: BERT, GPT-2 and others of their build.

The package lets a program name the function that computes attention. Ours is models.attention with a Watch beside it, so weights, masks,
temperature and the residual stream are the ones of the model's own pass. What a model does beside that (windows, soft caps) would be lost:
so its logits must first be those that the package computes by itself.

Weights are read from safetensors files alone, and no program of the folder is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.attention_heatmap.scored_tokens import shown
from core.errors import ExplainerError
from models.attention import NOBODY, Watch, attention_scores, attention_weights, causal

OURS = "glassnet"
MB = 1024 * 1024
MOST_BYTES = 1200 * MB
MOST_DOUBLE = 30_000_000  # numbers of a model that is computed in float64; larger ones stay float32
MOST_TOKENS = 256
FINAL_NORMS = ("ln_f", "norm", "final_layer_norm")
OUTPUTS = ("cls", "lm_head", "embed_out")


@dataclass(frozen=True)
class HubShape:
    """What the views ask of a shape."""

    kind: str
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    d: int
    length: int
    positions: str = "its own"


@dataclass(eq=False)
class _Call:
    """One pass: who watches, which mask, and at which temperature."""

    kind: str
    mask: Tensor | None
    temperature: float
    watch: Watch


_now: ContextVar[_Call | None] = ContextVar("now", default=None)


def watched(
    module: nn.Module, q: Tensor, k: Tensor, v: Tensor, _mask: Tensor | None, scaling: float | None = None, **_: Any
) -> tuple[Tensor, Tensor]:
    """Attention of one layer, q (batch, head, query, d_k), in the form that transformers wants: (batch, query, head, d_k) and weights."""
    call, layer = _now.get(), getattr(module, "layer_idx", None)
    if call is None or layer is None:
        raise RuntimeError("a watched model runs by its wrapper alone")
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    if scaling is not None:
        q = q * (scaling * q.shape[-1] ** 0.5)  # attention_scores divides by the root of d_k
    mask = causal(q.shape[-2]) if call.mask is None and call.kind == "decoder" else call.mask
    scores = attention_scores(q, k, mask, call.temperature)
    weights = call.watch.weights(call.kind, layer, q, k, v, scores, attention_weights(scores, mask))
    return call.watch.heads(call.kind, layer, weights @ v).transpose(1, 2).contiguous(), weights


class _Embedding(nn.Module):
    """Tokens -> their vectors; positions are added inside."""

    def __init__(self, tokens: nn.Module) -> None:
        super().__init__()
        self.tokens = tokens

    def forward(self, tokens: Tensor) -> Tensor:
        return self.tokens(tokens)


class _Stack(nn.Module):
    """The norm behind the last layer."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm


class Watched(nn.Module):
    """A model of transformers with the interface of models.transformer.Transformer: tokens (batch, token) -> logits."""

    def __init__(self, net: nn.Module, shape: HubShape) -> None:
        super().__init__()
        self.net, self.shape, self.main = net, shape, shape.kind
        base = net.base_model
        self.embedding = _Embedding(net.get_input_embeddings())
        self.stack = _Stack(next((m for n in FINAL_NORMS if (m := getattr(base, n, None)) is not None), nn.Identity()))
        self.head = next((m for n in OUTPUTS if (m := getattr(net, n, None)) is not None), nn.Identity())
        layers = next((m for m in base.modules() if isinstance(m, nn.ModuleList) and len(m) == shape.layers), None)
        if layers is None:
            raise ExplainerError(_strange(net))
        layers[0].register_forward_pre_hook(lambda _m, given: _stream(f"{self.main}.embedding", given[0]))
        for k, layer in enumerate(layers):
            layer.register_forward_hook(self._after(k))

    def _after(self, k: int) -> Callable[..., None]:
        def tell(_module: nn.Module, _given: Any, out: Any) -> None:
            _stream(f"{self.main}.{k}.whole", out[0] if isinstance(out, tuple) else out)

        return tell

    def forward(self, tokens: Tensor, mask: Tensor | None = None, **about: Any) -> Tensor:
        return self.read(self.embedding(tokens), mask, **about)

    def read(self, x: Tensor, mask: Tensor | None = None, *, temperature: float = 1.0, watch: Watch = NOBODY) -> Tensor:
        """From embedded tokens (batch, token, d) to logits."""
        with _calling(_Call(self.main, mask, temperature, watch)):
            return self.net(inputs_embeds=x, use_cache=False).logits


def _stream(name: str, x: Tensor) -> None:
    if (call := _now.get()) is not None:
        call.watch.stream(name, x)


@contextmanager
def _calling(call: _Call) -> Iterator[None]:
    """The pass that belongs to this thread."""
    token = _now.set(call)
    try:
        yield
    finally:
        _now.reset(token)


def opened(
    folder: Path, config: Mapping[str, Any]
) -> tuple[Watched, list[str], Callable[[str], list[int]], tuple[int, ...]]:
    """The model, its tokens on screen, its tokenizer, and its special tokens.

    Raises:
        ExplainerError: the package is not installed, the files are missing or too large, or the model computes attention in a way of its own.
    """
    try:
        import transformers
    except ImportError:
        raise ExplainerError(
            f"the model {folder.name} needs the package transformers; install it with `pip install -r requirements-hf.txt`"
        ) from None
    _checked(folder, config)
    masked = not config.get("is_decoder") and any("MaskedLM" in str(name) for name in config.get("architectures") or ())
    kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    about = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **about)
        net = kind.from_pretrained(
            folder, use_safetensors=True, attn_implementation="eager", dtype=torch.float32, **about
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, ImportError) as problem:
        said = str(problem).partition("\n")[0].partition(". ")[0][:200]
        raise ExplainerError(f"transformers cannot open the model {folder.name}: {said}") from None
    net = net.eval().requires_grad_(False)
    if sum(p.numel() for p in net.parameters()) <= MOST_DOUBLE:
        net = net.double()
    model = _proven(net, "encoder" if masked else "decoder", folder.name)
    words = [shown(_plain(t)) for t in tokenizer.convert_ids_to_tokens(list(range(model.shape.vocabulary)))]
    special = tuple(sorted(tokenizer.all_special_ids))
    return model, words, lambda text: tokenizer(text)["input_ids"], special


def _checked(folder: Path, config: Mapping[str, Any]) -> None:
    files = list(folder.glob("*.safetensors"))
    if "auto_map" in config:
        raise ExplainerError(
            f"the model {folder.name} brings a program of its own, which is not run here; take another model"
        )
    if not files:
        raise ExplainerError(f"{folder.name} holds no safetensors file; save the model with save_pretrained")
    if (size := sum(path.stat().st_size for path in files)) > MOST_BYTES:
        raise ExplainerError(
            f"the model {folder.name} has {size // MB:,} MB of weights; at most {MOST_BYTES // MB:,} are allowed"
        )


def _plain(token: str | None) -> str:
    """A token without the signs that tokenizers write for a space and a line end."""
    return (token or "").replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")


@torch.no_grad()
def _proven(net: nn.Module, kind: str, name: str) -> Watched:
    """The watched model, if it says what the package's own pass says, and its last state read off is its logits."""
    from transformers import AttentionInterface

    about = net.config
    heads = about.num_attention_heads
    shape = HubShape(kind, about.vocab_size, about.num_hidden_layers, heads, getattr(about, "num_key_value_heads", None) or heads,
                     about.hidden_size, min(MOST_TOKENS, about.max_position_embeddings))  # fmt: skip
    tokens = torch.arange(min(12, shape.length))[None] % shape.vocabulary
    expected = net(tokens, use_cache=False).logits
    AttentionInterface.register(OURS, watched)
    net.set_attn_implementation(OURS)
    model, last = Watched(net, shape), _Last()
    said = model(tokens, watch=last)
    read_off = model.head(model.stack.norm(last.x))
    if said.shape != expected.shape or not all(
        torch.allclose(y, expected, rtol=1e-4, atol=1e-4) for y in (said, read_off)
    ):
        raise ExplainerError(_strange(net, name))
    return model


class _Last(Watch):
    """Keeps the newest state of the stream."""

    def stream(self, name: str, x: Tensor) -> Tensor:
        self.x = x
        return x


def _strange(net: nn.Module, name: str = "") -> str:
    return f"the model {name or type(net).__name__} computes in a way that the views cannot follow; BERT, GPT-2 and Llama can be followed"
