"""One step of each recurrent cell, as its paper writes it, and an LSTM with peepholes as a module.

σ is the logistic function, ⊙ the product of elements. x stands for W x_t + b (what the input says), u for U h_{t−1} + b' (what the
past says), a = x + u for their sum, all with the parts of the gates side by side, in torch's order; `hold(name, value)` is an intervention: it returns
the value, or what it is clamped to.

    RNN        h = tanh(a)                                                            J. Elman, Cognitive Science 14, 1990
    LSTM       i, f, o = σ(a),  g = tanh(a),  c = f ⊙ c_{t−1} + i ⊙ g,  h = o ⊙ tanh(c)
               S. Hochreiter, J. Schmidhuber, Neural Computation 9, 1997; forget gate: F. Gers et al., Neural Computation 12, 2000
    GRU        r, z = σ(x + u),  n = tanh(x + r ⊙ u),  h = (1 − z) ⊙ n + z ⊙ h_{t−1}      K. Cho et al., EMNLP 2014, eq. 5 to 8
    peephole   as the LSTM, but i and f also see p ⊙ c_{t−1}, and o sees p ⊙ c            F. Gers, J. Schmidhuber, IJCNN 2000

torch's GRU applies r after the matrix product, as here; the paper applies it before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

Hold = Callable[[str, Tensor], Tensor]


def free(name: str, value: Tensor) -> Tensor:
    """No intervention."""
    return value


def rnn(a: Tensor, hold: Hold = free, squash: Callable[[Tensor], Tensor] = torch.tanh) -> Tensor:
    """h."""
    return hold("h", squash(a))


def lstm(a: Tensor, c: Tensor, hold: Hold = free) -> tuple[Tensor, ...]:
    """i, f, g, o, c, h from the last c."""
    i, f, g, o = a.chunk(4, -1)
    i, f, o = hold("i", torch.sigmoid(i)), hold("f", torch.sigmoid(f)), hold("o", torch.sigmoid(o))
    g = hold("g", torch.tanh(g))
    c = hold("c", f * c + i * g)
    return i, f, g, o, c, hold("h", o * torch.tanh(c))


def gru(x: Tensor, u: Tensor, h: Tensor, hold: Hold = free) -> tuple[Tensor, ...]:
    """r, z, n, h from the last h."""
    x_r, x_z, x_n = x.chunk(3, -1)
    u_r, u_z, u_n = u.chunk(3, -1)
    r = hold("r", torch.sigmoid(x_r + u_r))
    z = hold("z", torch.sigmoid(x_z + u_z))
    n = hold("n", torch.tanh(x_n + r * u_n))
    return r, z, n, hold("h", (1 - z) * n + z * h)


def peephole(a: Tensor, c: Tensor, p: Tensor, hold: Hold = free) -> tuple[Tensor, ...]:
    """i, f, g, o, c, h from the last c; p (3, hidden) are the peepholes of i, f and o."""
    i, f, g, o = a.chunk(4, -1)
    i = hold("i", torch.sigmoid(i + p[0] * c))
    f = hold("f", torch.sigmoid(f + p[1] * c))
    g = hold("g", torch.tanh(g))
    c = hold("c", f * c + i * g)
    o = hold("o", torch.sigmoid(o + p[2] * c))
    return i, f, g, o, c, hold("h", o * torch.tanh(c))


class PeepholeLSTM(nn.Module):
    """One layer, one direction, batch first; weights named and ordered as nn.LSTM's, and `weight_ch_l0` (3, hidden) for i, f, o."""

    num_layers, bidirectional, batch_first, bias, dropout, proj_size = 1, False, True, True, 0.0, 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        shapes = {"weight_ih_l0": (4 * hidden_size, input_size), "weight_hh_l0": (4 * hidden_size, hidden_size)}
        shapes |= {"bias_ih_l0": (4 * hidden_size,), "bias_hh_l0": (4 * hidden_size,), "weight_ch_l0": (3, hidden_size)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As nn.LSTM: (batch, time, feature) -> outputs (batch, time, hidden), (h, c) each (1, batch, hidden)."""
        zero = inputs.new_zeros(inputs.shape[0], self.hidden_size)
        h, c = (zero, zero) if state is None else (state[0][0], state[1][0])
        X = inputs @ self.weight_ih_l0.T + self.bias_ih_l0
        outputs = []
        for x in X.unbind(1):
            *_, c, h = peephole(x + h @ self.weight_hh_l0.T + self.bias_hh_l0, c, self.weight_ch_l0)
            outputs.append(h)
        return torch.stack(outputs, 1), (h[None], c[None])


@dataclass(frozen=True)
class Cell:
    """A kind of cell: its module, the names of what it computes at every step, and how many gates' weights lie side by side."""

    title: str
    module: type[nn.Module]
    signals: tuple[str, ...]
    blocks: int

    def parameters(self, features: int, hidden: int) -> int:
        """Weights and biases of one layer in one direction."""
        more = 3 * hidden if self.module is PeepholeLSTM else 0
        return self.blocks * hidden * (features + hidden + 2) + more


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "rnn": Cell("Vanilla RNN", nn.RNN, ("h",), 1),
        "gru": Cell("GRU", nn.GRU, ("r", "z", "n", "h"), 3),
        "lstm": Cell("LSTM", nn.LSTM, ("i", "f", "g", "o", "c", "h"), 4),
        "peephole": Cell("LSTM with peepholes", PeepholeLSTM, ("i", "f", "g", "o", "c", "h"), 4),
    }
)


def kind_of(module: nn.Module) -> str:
    """The name in CELLS of a module. Raises KeyError for anything else."""
    return {about.module: name for name, about in CELLS.items()}[type(module)]


def width_for(kind: str, features: int, count: int) -> int:
    """The width at which one layer of this kind has about `count` parameters: the nearest one from below, at least 1.

    Solves blocks · H (features + H + 2) + 3H [peepholes] = count for H.
    """
    about = CELLS[kind]
    b = about.blocks * (features + 2) + (3 if about.module is PeepholeLSTM else 0)
    return max(1, int((math.sqrt(b * b + 4 * about.blocks * count) - b) / (2 * about.blocks)))
