"""The transformer of "Attention Is All You Need" in three forms: encoder only, decoder only, encoder and decoder.

    x_0 = embedding(tokens) (+ positions)
    pre-norm     x <- x + MultiHead(LN(x)),   x <- x + FFN(LN(x)),   at the end LN
    post-norm    x <- LN(x + MultiHead(x)),   x <- LN(x + FFN(x))
    FFN(x) = W_2 act(W_1 x + b_1) + b_2,      logits = W x_L + b

The decoder's self-attention is causal; between it and the FFN of a decoder with an encoder stands cross-attention to the encoder's
output. All inputs may have any leading dimensions: (..., token) -> (..., token, classes).

Sources: A. Vaswani et al., NeurIPS 2017, section 3 (post-norm); R. Xiong et al., "On layer normalization in the transformer
architecture", ICML 2020 (pre-norm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from models.attention import NOBODY, Cache, MultiHeadAttention, Watch, causal
from models.positions import POSITIONS, sinusoidal

KINDS = {"encoder": "Encoder only", "decoder": "Decoder only", "both": "Encoder and decoder"}
NORMS = {"pre": "Before each part", "post": "After each part (2017)"}
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


@dataclass(frozen=True)
class Shape:
    """What a transformer is built of. `hidden` 0 means 4 d; `length` is the most tokens that learned positions know."""

    vocabulary: int
    classes: int = 0  # 0: as many as the vocabulary
    kind: str = "encoder"
    layers: int = 2
    heads: int = 4
    d: int = 32
    hidden: int = 0
    positions: str = "sinusoidal"
    norm: str = "pre"
    activation: str = "relu"
    length: int = 64


class FeedForward(nn.Module):
    """x (..., d) -> W_2 act(W_1 x + b_1) + b_2, for every token by itself."""

    def __init__(self, d: int, hidden: int, activation: str = "relu", *, kind: str = "encoder", layer: int = 0) -> None:
        super().__init__()
        self.kind, self.layer = kind, layer
        self.first, self.act, self.second = nn.Linear(d, hidden), ACTIVATIONS[activation](), nn.Linear(hidden, d)

    def forward(self, x: Tensor, watch: Watch = NOBODY) -> Tensor:
        return self.second(watch.hidden(self.kind, self.layer, self.act(self.first(x))))


class Block(nn.Module):
    """One layer: self-attention, cross-attention if `cross`, feed-forward; each with its norm and its residual path."""

    def __init__(
        self, d: int, heads: int, hidden: int = 0, *, positions: str = "none", norm: str = "pre", activation: str = "relu",
        cross: bool = False, kind: str = "encoder", layer: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if norm not in NORMS:
            raise ExplainerError(f"norm {norm!r} is unknown; choose {one_of(NORMS)}")
        if activation not in ACTIVATIONS:
            raise ExplainerError(f"activation {activation!r} is unknown; choose {one_of(ACTIVATIONS)}")
        self.pre, self.name = norm == "pre", f"{kind}.{layer}"
        self.attention = MultiHeadAttention(d, heads, positions=positions, kind=kind, layer=layer)
        self.norm_attention = nn.LayerNorm(d)
        if cross:
            self.cross = MultiHeadAttention(d, heads, kind="cross", layer=layer)
            self.norm_cross = nn.LayerNorm(d)
        self.feed = FeedForward(d, hidden or 4 * d, activation, kind=kind, layer=layer)
        self.norm_feed = nn.LayerNorm(d)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        *,
        temperature: float = 1.0,
        watch: Watch = NOBODY,
        cache: Cache | None = None,
    ) -> Tensor:
        def itself(y: Tensor) -> Tensor:
            return self.attention(y, None, mask, temperature=temperature, watch=watch, cache=cache)

        def other(y: Tensor) -> Tensor:
            return self.cross(y, memory, memory_mask, temperature=temperature, watch=watch, cache=cache)

        x = watch.stream(f"{self.name}.self", self.part(x, itself, self.norm_attention))
        if memory is not None:
            x = watch.stream(f"{self.name}.cross", self.part(x, other, self.norm_cross))
        return watch.stream(f"{self.name}.feed", self.part(x, lambda y: self.feed(y, watch), self.norm_feed))

    def part(self, x: Tensor, f, norm: nn.LayerNorm) -> Tensor:
        """x + f(LN(x)), or LN(x + f(x))."""
        return x + f(norm(x)) if self.pre else norm(x + f(x))


class Stack(nn.Module):
    """Blocks one after another, and the norm that ends a pre-norm stack: (..., token, d) -> (..., token, d)."""

    def __init__(self, layers: int, d: int, heads: int, hidden: int = 0, *, norm: str = "pre", **about) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(d, heads, hidden, norm=norm, layer=k, **about) for k in range(layers))
        self.norm = nn.LayerNorm(d) if norm == "pre" else nn.Identity()

    def forward(self, x: Tensor, *given: Tensor | None, **about) -> Tensor:
        """`given` and `about` are those of `Block.forward` after x."""
        for block in self.blocks:
            x = block(x, *given, **about)
        return self.norm(x)


class Embedding(nn.Module):
    """Tokens (..., token) -> vectors (..., token, d), with sinusoidal or learned positions added where the shape has them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.d)
        self.kind, self.length = shape.positions, shape.length
        if shape.positions == "learned":
            self.positions = nn.Embedding(shape.length, shape.d)

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        x = self.tokens(tokens)
        return x + self.of_positions(tokens.shape[-1], start).to(x) if self.kind in ("sinusoidal", "learned") else x

    def of_positions(self, count: int, start: int = 0) -> Tensor:
        """(count, d): what is added at the positions from `start`.

        Raises:
            ExplainerError: learned positions do not reach so far.
        """
        if self.kind == "sinusoidal":
            return sinusoidal(count, self.tokens.embedding_dim, start)
        if start + count > self.length:
            raise ExplainerError(
                f"{start + count} tokens are more than the {self.length} learned positions; use fewer, or sinusoidal positions"
            )
        return self.positions.weight[start : start + count]


class Transformer(nn.Module):
    """Tokens -> logits (..., token, classes). With an encoder and a decoder, tokens are a pair (source, target so far).

    `mask`, True where a query may look and of shape (query, key) or (..., query, key), takes the place of the kind's own: no mask in an
    encoder, the causal one in a decoder; with both it is that of the cross-attention, and `source_mask` that of the encoder.

    Raises:
        ExplainerError: the shape is impossible, or a sequence is longer than learned positions reach.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        for value, known, what in ((shape.kind, KINDS, "kind"), (shape.positions, POSITIONS, "kind of positions")):
            if value not in known:
                raise ExplainerError(f"{what} {value!r} is unknown; choose {one_of(known)}")
        self.shape = shape
        about = {"positions": shape.positions, "norm": shape.norm, "activation": shape.activation}
        size = (shape.layers, shape.d, shape.heads, shape.hidden)
        if shape.kind == "both":
            self.source = Embedding(shape)
            self.encoder = Stack(*size, kind="encoder", **about)
        self.embedding = Embedding(shape)
        self.main = "encoder" if shape.kind == "encoder" else "decoder"  # the stack that the logits come from
        self.stack = Stack(*size, kind=self.main, cross=shape.kind == "both", **about)
        self.head = nn.Linear(shape.d, shape.classes or shape.vocabulary)

    def forward(
        self,
        tokens: Tensor | tuple[Tensor, Tensor],
        mask: Tensor | None = None,
        source_mask: Tensor | None = None,
        *,
        temperature: float = 1.0,
        watch: Watch = NOBODY,
        cache: Cache | None = None,
    ) -> Tensor:
        start = seen(cache)
        if self.shape.kind != "both":
            x = self.embedding(tokens, start)
            return self.read(x, mask, temperature=temperature, watch=watch, cache=cache)
        memory = self.remember(tokens[0], source_mask, temperature=temperature, watch=watch)
        x = self.embedding(tokens[1], start)
        return self.read(x, None, memory, mask, temperature=temperature, watch=watch, cache=cache)

    def remember(
        self, source: Tensor, mask: Tensor | None = None, *, temperature: float = 1.0, watch: Watch = NOBODY
    ) -> Tensor:
        """The encoder's output (..., token, d), which the decoder reads again and again."""
        x = watch.stream("encoder.embedding", self.source(source))
        return self.encoder(x, mask, temperature=temperature, watch=watch)

    def read(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        *,
        watch: Watch = NOBODY,
        cache: Cache | None = None,
        **about,
    ) -> Tensor:
        """From embedded tokens x (..., token, d) to logits: what attribution to embeddings differentiates."""
        x = watch.stream(f"{self.main}.embedding", x)
        if mask is None and self.main == "decoder":
            mask = causal(x.shape[-2], x.shape[-2] + seen(cache)).to(x.device)
        return self.head(self.stack(x, mask, memory, memory_mask, watch=watch, cache=cache, **about))


def seen(cache: Cache | None) -> int:
    """How many tokens of a decoder a cache holds: its first entry is that of the first self-attention."""
    return next(iter(cache.values()))[0].shape[-2] if cache else 0


@torch.no_grad()
def init_transformer(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """First weights: matrices uniform in +-sqrt(6 / (fan_in + fan_out)), embeddings N(0, 1), biases 0, norms the identity.

    Source: X. Glorot, Y. Bengio, AISTATS 2010, eq. 16.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            bound = math.sqrt(6 / sum(layer.weight.shape))
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()
        elif isinstance(layer, nn.Embedding):
            layer.weight.normal_(0.0, 1.0, generator=generator)
        elif isinstance(layer, nn.LayerNorm):
            layer.reset_parameters()
    return module


def transformer(shape: Shape, generator: torch.Generator) -> Transformer:
    """A transformer with first weights of this generator."""
    return init_transformer(Transformer(shape), generator)
