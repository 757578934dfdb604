"""A recurrent net that reads a text character by character and says at every place what may come next.

    e_t = E[c_t]        h_t = cell(e_t, h_{t−1})        p(c_{t+1} | c_1 .. c_t) = softmax(V h_t + d)

Loss: the mean of −log p over windows drawn at random places of the text, Adam, gradients cut to norm 1. All weights start uniform in
±1/√width, drawn from the run's own generator. Sources: T. Mikolov et al., "Recurrent neural network based language model",
Interspeech 2010; A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
EMBEDDING = 24
BATCH, CLIP = 32, 1.0


class CharNet(nn.Module):
    """`codes` (B, T) of characters -> logits (B, T, vocabulary) and the cell's last state."""

    def __init__(
        self, kind: str, vocabulary: int, width: int, layers: int = 1, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, EMBEDDING, dtype=dtype)
        self.cell = KINDS[kind](EMBEDDING, width, layers, batch_first=True, dtype=dtype)
        self.readout = nn.Linear(width, vocabulary, dtype=dtype)

    def forward(self, codes: Tensor, state: Tensor | tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, object]:
        h, state = self.cell(self.embed(codes), state)
        return self.readout(h), state


def first_weights(net: CharNet, g: Generator) -> CharNet:
    """All weights uniform in ±1/√width, in place."""
    bound = 1 / math.sqrt(net.cell.hidden_size)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_((2 * torch.rand(p.shape, generator=g, dtype=p.dtype) - 1) * bound)
    return net


def windows(codes: Tensor, length: int, g: Generator) -> tuple[Tensor, Tensor]:
    """A batch of windows (B, length) of a text (N,) and the characters that follow each place."""
    starts = torch.randint(len(codes) - length, (BATCH,), generator=g)
    rows = codes[starts[:, None] + torch.arange(length + 1)]
    return rows[:, :-1], rows[:, 1:]


def fit(
    net: CharNet, codes: Tensor, steps: int, rate: float, length: int, g: Generator, cooldown: bool = False
) -> Iterator[float]:
    """Train in place; gives the loss [nat] before each step. With `cooldown` the rate falls to 0 as half a cosine."""
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    for step in range(steps):
        if cooldown:
            optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        x, y = windows(codes, length, g)
        loss = F.cross_entropy(net(x)[0].flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        yield loss.item()
