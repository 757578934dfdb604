"""Every gate of every layer at every step of a torch.nn.LSTM, GRU or RNN, and what becomes of it when gates are clamped.

torch's kernels return h alone. Without a clamp, each layer is run by torch's own kernel, and its gates are then computed from h for
all steps in one pass, since U h_{t−1} is known for all t: one matrix product in place of T. Only the LSTM's cell
c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t is left to walk through time. With a clamp, the equations of `cells` run step by step; the input
projections W x_t are one product in both cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ExplainerError, one_of
from core.recurrent.cells import CELLS, Hold, free, gru, kind_of, lstm, peephole, rnn

Clamp = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """What a module computed. `signals[name]` (also as an attribute: .i, .f, ...) has shape (layer, direction, batch, time, hidden).

    Time counts as in the inputs, also in the backward direction. `output` is what the module returns first.
    """

    kind: str
    signals: Mapping[str, Tensor]
    output: Tensor

    def __getattr__(self, name: str) -> Tensor:
        signals = self.__dict__.get("signals", {})
        if name not in signals:
            raise AttributeError(f"a {self.__dict__.get('kind')} has no signal {name!r}; it has {one_of(signals)}")
        return signals[name]


@dataclass(frozen=True, eq=False)
class Weights:
    """One layer in one direction: W, U, their biases (0 where the module has none), and the peepholes p or None."""

    W: Tensor
    U: Tensor
    b: Tensor
    b_u: Tensor
    p: Tensor | None


def weights_of(module: nn.Module, layer: int = 0, direction: int = 0) -> Weights:
    """The weights by torch's names."""
    end = f"_l{layer}" + "_reverse" * direction
    W, U = getattr(module, f"weight_ih{end}"), getattr(module, f"weight_hh{end}")
    zero = W.new_zeros(W.shape[0])
    b, b_u = (getattr(module, f"bias_{part}{end}") if module.bias else zero for part in ("ih", "hh"))
    return Weights(W, U, b, b_u, getattr(module, f"weight_ch{end}", None))


@torch.no_grad()
def trace(
    module: nn.Module, inputs: Tensor, h0: Tensor | None = None, c0: Tensor | None = None, clamp: Clamp | None = None
) -> Trace:
    """Run `module` (torch.nn.LSTM, GRU or RNN, or PeepholeLSTM) on `inputs` and keep every gate.

    inputs: float, (batch, time, feature), or (time, batch, feature) for a module that was not made with batch_first.
    h0, c0: (layers x directions, batch, hidden), as the module takes them; zeros if they are not given.
    clamp: name of a signal -> the value that it is held at, or (mask, value) with a boolean mask (time, hidden); the value a number or a
        tensor that fits (time, hidden). It acts in all layers and directions.

    Raises:
        ExplainerError: another kind of module, inputs, states or clamp that do not fit it, or a module in training mode with dropout.
    """
    kind = _checked(module, inputs)
    x = inputs.transpose(0, 1) if module.batch_first else inputs  # (time, batch, feature)
    T, B = x.shape[:2]
    L, D, H = module.num_layers, 1 + module.bidirectional, module.hidden_size
    h0, c0 = (_state(name, given, (L * D, B, H), x) for name, given in (("h0", h0), ("c0", c0)))
    holds = _interventions(kind, clamp or {}, T, H, x)
    found: list[dict[str, Tensor]] = []
    for layer in range(L):
        at = slice(layer * D, (layer + 1) * D)
        heads = [weights_of(module, layer, d) for d in range(D)]
        if holds or kind == "peephole":
            ways = [_walk(module, w, x, h0[at][d], c0[at][d], holds, bool(d)) for d, w in enumerate(heads)]
        else:
            hs = _kernel(module, layer, x, h0[at], c0[at]).chunk(D, -1)
            ways = [
                _gates(module, w, x, h, h0[at][d], c0[at][d], bool(d))
                for d, (w, h) in enumerate(zip(heads, hs, strict=True))
            ]
        found += ways
        x = torch.cat([way["h"] for way in ways], -1) if D > 1 else ways[0]["h"]
    signals = {name: _arranged([way[name] for way in found], L, D) for name in CELLS[kind].signals}
    return Trace(kind, signals, x.transpose(0, 1) if module.batch_first else x)


def _arranged(ways: list[Tensor], layers: int, directions: int) -> Tensor:
    """(time, batch, hidden) of every layer and direction as (layer, direction, batch, time, hidden)."""
    whole = torch.stack(ways) if len(ways) > 1 else ways[0][None]
    return whole.unflatten(0, (layers, directions)).transpose(2, 3)


def _kernel(module: nn.Module, layer: int, x: Tensor, h0: Tensor, c0: Tensor) -> Tensor:
    """h of one layer in all directions, (time, batch, directions x hidden), by torch's own kernel."""
    ends = [f"_l{layer}" + end for end in ("", "_reverse")[: 1 + module.bidirectional]]
    names = [
        f"{part}{end}" for end in ends for part in ("weight_ih", "weight_hh", *["bias_ih", "bias_hh"] * module.bias)
    ]
    flat = [getattr(module, name) for name in names]
    about = (flat, module.bias, 1, 0.0, False, module.bidirectional, False)
    if isinstance(module, nn.LSTM):
        return torch.lstm(x, (h0, c0), *about)[0]
    if isinstance(module, nn.GRU):
        return torch.gru(x, h0, *about)[0]
    return (torch.rnn_tanh if module.nonlinearity == "tanh" else torch.rnn_relu)(x, h0, *about)[0]


def _gates(
    module: nn.Module, w: Weights, x: Tensor, h: Tensor, h0: Tensor, c0: Tensor, back: bool
) -> dict[str, Tensor]:
    """Every signal of one layer in one direction, (time, batch, hidden), from its inputs and its h."""
    if isinstance(module, nn.RNN):
        return {"h": h}
    before = torch.cat([h[1:], h0[None]]) if back else torch.cat([h0[None], h[:-1]])
    if isinstance(module, nn.GRU):
        signals = gru(F.linear(x, w.W, w.b), F.linear(before, w.U, w.b_u), before)
        return {**dict(zip("rzn", signals, strict=False)), "h": h}
    twice = torch.ones(4, 1).repeat_interleave(module.hidden_size, 0).to(x)
    twice[2 * module.hidden_size : 3 * module.hidden_size] = 2  # tanh a = 2 σ(2a) − 1: one σ for all gates is quicker
    W_U, b = torch.cat([w.W, w.U], 1) * twice, (w.b + w.b_u) * twice[:, 0]
    i, f, g, o = _linear(torch.cat([x, before], -1), W_U, b).sigmoid_().chunk(4, -1)
    g.mul_(2).sub_(1)
    return {"i": i, "f": f, "g": g, "o": o, "c": _cells(i * g, f, c0, back), "h": h}


def _linear(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """x Wᵀ + b, by the library that torch's own LSTM is computed with on a processor (oneDNN, float32 only) where it is there."""
    if x.dtype == torch.float32 and x.device.type == "cpu" and torch.backends.mkldnn.is_available():
        return F.linear(x.to_mkldnn(), W, b).to_dense()
    return F.linear(x, W, b)


def _cells(new: Tensor, f: Tensor, c: Tensor, back: bool) -> Tensor:
    """c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t for all t."""
    cells = torch.empty_like(new)
    steps = list(zip(new.unbind(), f.unbind(), cells.unbind(), strict=True))
    for ig, keep, out in reversed(steps) if back else steps:
        c = torch.addcmul(ig, keep, c, out=out)
    return cells


def _walk(
    module: nn.Module, w: Weights, x: Tensor, h: Tensor, c: Tensor, holds: Mapping[str, Any], back: bool
) -> dict[str, Tensor]:
    """As `_gates`, step by step under interventions."""
    X = (x @ w.W.T + w.b).unbind()
    names = CELLS[kind_of(module)].signals
    steps: list[tuple[Tensor, ...]] = [()] * len(X)
    for t in reversed(range(len(X))) if back else range(len(X)):
        steps[t] = step(module, w, X[t], h @ w.U.T + w.b_u, h, c, _hold(holds, t))
        h, c = steps[t][-1], steps[t][-2] if len(names) == 6 else c
    return {name: torch.stack(values) for name, values in zip(names, zip(*steps, strict=True), strict=True)}


def step(
    module: nn.Module, w: Weights, x: Tensor, u: Tensor, h: Tensor, c: Tensor, hold: Hold = free
) -> tuple[Tensor, ...]:
    """One step of the module's cell: its signals in the order of CELLS."""
    match kind_of(module):
        case "lstm":
            return lstm(x + u, c, hold)
        case "peephole":
            return peephole(x + u, c, w.p, hold)
        case "gru":
            return gru(x, u, h, hold)
    return (rnn(x + u, hold, torch.tanh if module.nonlinearity == "tanh" else torch.relu),)


def _hold(holds: Mapping[str, tuple[Tensor, Tensor]], t: int) -> Hold:
    """The intervention at step t."""

    def hold(name: str, value: Tensor) -> Tensor:
        if name not in holds:
            return value
        mask, held = holds[name]
        return torch.where(mask[t], held[t], value)

    return hold


def _interventions(kind: str, clamp: Clamp, T: int, H: int, like: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Signal -> mask and value, both (time, hidden)."""
    return {name: _intervention(kind, name, what, T, H, like) for name, what in clamp.items()}


def _intervention(kind: str, name: str, what: Any, T: int, H: int, like: Tensor) -> tuple[Tensor, Tensor]:
    known = CELLS[kind].signals
    if name not in known:
        raise ExplainerError(f"{CELLS[kind].title} has no signal {str(name)[:20]!r} to clamp; choose {one_of(known)}")
    mask, value = what if isinstance(what, tuple) else (torch.ones(T, H, dtype=torch.bool), what)
    mask, value = torch.as_tensor(mask), torch.as_tensor(value, dtype=like.dtype)
    if mask.shape != (T, H) or mask.dtype != torch.bool:
        raise ExplainerError(
            f"the mask of {name} has shape {tuple(mask.shape)} and type {mask.dtype}; it must be boolean and (time, hidden) = ({T}, {H})"
        )
    try:
        return mask, value.expand(T, H)
    except RuntimeError:
        raise ExplainerError(
            f"the value of {name} has shape {tuple(value.shape)}; use a number or (time, hidden) = ({T}, {H})"
        ) from None


def _checked(module: nn.Module, inputs: Tensor) -> str:
    """The kind of module, if it can run on these inputs."""
    try:
        kind = kind_of(module)
    except KeyError:
        raise ExplainerError(f"{type(module).__name__} is no recurrent layer; use torch.nn.LSTM, GRU or RNN") from None
    if module.proj_size:
        raise ExplainerError("an LSTM with proj_size cannot be traced; make it without one")
    if module.dropout and module.training and module.num_layers > 1:
        raise ExplainerError("the module drops units at random while it trains; call its eval() first")
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim != 3:
        shape = tuple(getattr(inputs, "shape", ()))
        raise ExplainerError(f"inputs of shape {shape} cannot be traced; use a float tensor (batch, time, feature)")
    if inputs.shape[2] != module.input_size:
        raise ExplainerError(f"the inputs have {inputs.shape[2]} features, the module takes {module.input_size}")
    if not inputs.shape[0] * inputs.shape[1]:
        raise ExplainerError(f"inputs of shape {tuple(inputs.shape)} hold no step; use at least one")
    return kind


def _state(name: str, given: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    if given is None:
        return like.new_zeros(shape)
    if tuple(given.shape) != shape:
        raise ExplainerError(
            f"{name} has shape {tuple(given.shape)}; it must be (layers x directions, batch, hidden) = {shape}"
        )
    return given
