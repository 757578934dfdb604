"""A recurrent layer with a linear readout at every step, and its first weights.

    h_1 ... h_T = cell(x_1 ... x_T),    y_t = V h_t + d

First weights: "uniform" as torch (all in ±1/√H), or "orthogonal" (U of every gate orthogonal, W and V as Glorot & Bengio 2010, biases
0). A forget bias is set on the LSTM's f after that, split on none of its two biases: b_f = value, b'_f = 0 (R. Jozefowicz et al., ICML 2015).
`gain` multiplies U, so with orthogonal weights it is the largest singular value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Generator, Tensor, nn

from core.errors import ExplainerError, one_of
from core.recurrent.cells import CELLS

STARTS = ("uniform", "orthogonal")


class Net(nn.Module):
    """`cell` (batch first) and `readout`; (batch, time, feature) -> (batch, time, output)."""

    def __init__(self, cell: nn.Module, readout: nn.Linear) -> None:
        super().__init__()
        self.cell, self.readout = cell, readout

    def forward(self, inputs: Tensor) -> Tensor:
        return self.readout(self.cell(inputs)[0])


def network(
    kind: str,
    features: int,
    hidden: int,
    outputs: int,
    generator: Generator,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    weights: str = "uniform",
    forget_bias: float | None = None,
    gain: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Net:
    """A new net of this kind (a name in CELLS) with its first weights drawn from the generator.

    Raises:
        ExplainerError: an unknown kind or way to draw weights, or peepholes in more than one layer or direction.
    """
    net = blank(kind, features, hidden, outputs, layers=layers, bidirectional=bidirectional, dtype=dtype)
    if weights not in STARTS:
        raise ExplainerError(f"first weights {weights!r} are unknown; choose {one_of(STARTS)}")
    with torch.no_grad():
        for name, p in net.named_parameters():
            _first(name, p, hidden, weights, generator)
            if "weight_hh" in name:
                p.mul_(gain)
            if forget_bias is not None and kind in ("lstm", "peephole") and ".bias_" in name:
                p[hidden : 2 * hidden] = forget_bias if "bias_ih" in name else 0.0
    return net


def blank(
    kind: str,
    features: int,
    hidden: int,
    outputs: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Net:
    """The net with weights that mean nothing yet."""
    if kind not in CELLS:
        raise ExplainerError(f"cell {str(kind)[:30]!r} is unknown; choose {one_of(CELLS)}")
    if kind == "peephole":
        if layers > 1 or bidirectional:
            raise ExplainerError("the LSTM with peepholes has one layer and one direction here; choose the plain LSTM")
        cell: nn.Module = CELLS[kind].module(features, hidden)
    else:
        cell = CELLS[kind].module(features, hidden, layers, batch_first=True, bidirectional=bidirectional)
    return Net(cell, nn.Linear(hidden * (1 + bidirectional), outputs)).to(dtype)


def _first(name: str, p: Tensor, hidden: int, weights: str, generator: Generator) -> None:
    if weights == "uniform":
        bound = 1 / math.sqrt(hidden)
        p.uniform_(-bound, bound, generator=generator)
    elif "weight_hh" in name:
        for block in p.split(hidden):
            nn.init.orthogonal_(block, generator=generator)
    elif p.ndim == 2 and "weight_ch" not in name:
        for block in p.split(hidden) if "weight_ih" in name else (p,):
            nn.init.xavier_uniform_(block, generator=generator)
    else:
        p.zero_()


def arrays(net: nn.Module) -> dict[str, np.ndarray]:
    """The weights by name, copied."""
    return {name: p.detach().numpy().copy() for name, p in net.state_dict().items()}


def loaded(net: Net, weights: Mapping[str, np.ndarray]) -> Net:
    """The net with these weights, in eval mode."""
    net.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    return net.eval()


def count(net: nn.Module) -> int:
    """Weights and biases."""
    return sum(p.numel() for p in net.parameters())
