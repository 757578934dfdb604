"""A GRU reads a sequence and another one writes the answer: through one vector, or with attention to all of its states.

x (B, T) the source, h (B, T, 2H) the encoder's states, s (B, H) the decoder's state, y the token said last, E its embedding.

    encoder      h_j = [forward GRU at j ; backward GRU at j],    s_0 = tanh(W_s [forward at T ; backward at 1])

    none         s_i = GRU(E y_{i-1}, s_{i-1}),                   logits = W_o s_i
    bahdanau     e_ij = v . tanh(W s_{i-1} + U h_j),   alpha_i = softmax(e_i),   c_i = sum_j alpha_ij h_j
                 s_i = GRU([E y_{i-1} ; c_i], s_{i-1}),           logits = W_o [s_i ; c_i ; E y_{i-1}]
    luong        s_i = GRU(E y_{i-1}, s_{i-1}),
                 e_ij = s_i . W h_j,                   alpha_i = softmax(e_i),   c_i = sum_j alpha_ij h_j
                 logits = W_o tanh(W_c [c_i ; s_i])

Sources: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, and I. Sutskever, O. Vinyals, Q. Le,
"Sequence to sequence learning with neural networks", NeurIPS 2014 (none); D. Bahdanau, K. Cho, Y. Bengio, "Neural machine
translation by jointly learning to align and translate", ICLR 2015, section 3 and appendix A, with one linear map in place of its
maxout layer; M.-T. Luong, H. Pham, C. Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015,
section 3.1, score "general", without input feeding.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.errors import ExplainerError, one_of

Say = Callable[[int, Tensor], Tensor]  # place, logits (B, V) -> the token (B,) that is said there


class Bahdanau(nn.Module):
    """e_ij = v . tanh(W s + U h_j): a small network rates each state ("additive", or "concat")."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.W = nn.Linear(hidden, hidden, bias=False)
        self.U = nn.Linear(2 * hidden, hidden, bias=False)
        self.v = nn.Linear(hidden, 1, bias=False)

    def forward(self, s: Tensor, h: Tensor) -> Tensor:
        """alpha (B, T)."""
        e = self.v(torch.tanh(self.W(s)[:, None] + self.U(h)))[..., 0]
        return torch.softmax(e, dim=1)


class Luong(nn.Module):
    """e_ij = s . W h_j: a product of query and key ("general")."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.W = nn.Linear(2 * hidden, hidden, bias=False)

    def forward(self, s: Tensor, h: Tensor) -> Tensor:
        """alpha (B, T)."""
        e = (self.W(h) @ s[:, :, None])[..., 0]
        return torch.softmax(e, dim=1)


def context(alpha: Tensor, h: Tensor) -> Tensor:
    """c = sum_j alpha_j h_j, (B, 2H)."""
    return (alpha[:, None] @ h)[:, 0]


class Seq2Seq(nn.Module):
    """Encoder and decoder; `source` and `target` are the numbers of tokens, and token `target` begins every answer."""

    def __init__(self, source: int, target: int, *, embedding: int = 16, hidden: int = 32) -> None:
        super().__init__()
        self.hidden, self.begin = hidden, target
        self.read = nn.Embedding(source, embedding)
        self.encoder = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.W_s = nn.Linear(2 * hidden, hidden)
        self.say = nn.Embedding(target + 1, embedding)
        self.build(embedding, hidden, target)

    def build(self, embedding: int, hidden: int, target: int) -> None:
        """The decoder's own layers."""
        self.decoder = nn.GRUCell(embedding, hidden)
        self.W_o = nn.Linear(hidden, target)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """h (B, T, 2H) and s_0 (B, H)."""
        h = self.encoder(self.read(x))[0]
        ends = torch.cat([h[:, -1, : self.hidden], h[:, 0, self.hidden :]], 1)
        return h, torch.tanh(self.W_s(ends))

    def step(self, y: Tensor, s: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, V), the next s, and alpha (B, T), which is 0 where nothing is attended to."""
        s = self.decoder(self.say(y), s)
        return self.W_o(s), s, h.new_zeros(h.shape[:2])

    def unroll(self, x: Tensor, length: int, say: Say) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, length, V), what was said (B, length) and alpha (B, length, T)."""
        h, s = self.encode(x)
        y = torch.full((len(x),), self.begin)
        logits, said, alphas = [], [], []
        for i in range(length):
            z, s, alpha = self.step(y, s, h)
            y = say(i, z)
            logits.append(z)
            said.append(y)
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(said, 1), torch.stack(alphas, 1)


class Seq2SeqBahdanau(Seq2Seq):
    """The decoder looks before it moves: alpha from s_{i-1}."""

    def build(self, embedding: int, hidden: int, target: int) -> None:
        self.attention = Bahdanau(hidden)
        self.decoder = nn.GRUCell(embedding + 2 * hidden, hidden)
        self.W_o = nn.Linear(3 * hidden + embedding, target)

    def step(self, y: Tensor, s: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        alpha = self.attention(s, h)
        c, e = context(alpha, h), self.say(y)
        s = self.decoder(torch.cat([e, c], 1), s)
        return self.W_o(torch.cat([s, c, e], 1)), s, alpha


class Seq2SeqLuong(Seq2Seq):
    """The decoder moves before it looks: alpha from s_i."""

    def build(self, embedding: int, hidden: int, target: int) -> None:
        self.attention = Luong(hidden)
        self.decoder = nn.GRUCell(embedding, hidden)
        self.W_c = nn.Linear(3 * hidden, hidden)
        self.W_o = nn.Linear(hidden, target)

    def step(self, y: Tensor, s: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        s = self.decoder(self.say(y), s)
        alpha = self.attention(s, h)
        return self.W_o(torch.tanh(self.W_c(torch.cat([context(alpha, h), s], 1)))), s, alpha


KINDS: dict[str, type[Seq2Seq]] = {"none": Seq2Seq, "bahdanau": Seq2SeqBahdanau, "luong": Seq2SeqLuong}


def seq2seq(kind: str, source: int, target: int, hidden: int, g: torch.Generator) -> Seq2Seq:
    """A new encoder-decoder; all first weights evenly in -1/sqrt(H) to 1/sqrt(H).

    Raises:
        ExplainerError: no attention has that name.
    """
    if kind not in KINDS:
        raise ExplainerError(f"attention {kind!r} is unknown; choose {one_of(KINDS)}")
    model = KINDS[kind](source, target, hidden=hidden)
    for weights in model.parameters():
        nn.init.uniform_(weights, -(hidden**-0.5), hidden**-0.5, generator=g)
    return model


def true_tokens(y: Tensor) -> Say:
    """Teacher forcing: the truth is said, whatever the model thinks."""
    return lambda i, z: y[:, i]


def own_tokens(i: int, z: Tensor) -> Tensor:
    """Greedy: the most probable token is said."""
    return z.argmax(1)


def some_true_tokens(y: Tensor, ratio: float, g: torch.Generator) -> Say:
    """Each token is the truth with probability `ratio`, else the model's own (S. Bengio et al., "Scheduled sampling", NeurIPS 2015)."""
    return lambda i, z: torch.where(torch.rand(len(y), generator=g) < ratio, y[:, i], z.argmax(1))
