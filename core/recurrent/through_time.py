"""Gradients through time by hand: one sweep from the last step to the first, from the gates that `trace` has kept.

δv stands for dL/dv, v' for the slope of v's squashing function at v; s = t + 1 is the next step (the last one, in the backward direction):

    LSTM   δh_t = (from y_t) + Uᵀ δa_s,   δc_t = δh_t ⊙ o_t ⊙ (1 − tanh² c_t) + δc_s ⊙ f_s
           δa_t = [δc ⊙ g ⊙ i',  δc ⊙ c_{t−1} ⊙ f',  δc ⊙ i ⊙ g',  δh ⊙ tanh(c) ⊙ o']           Gers et al. 2000, untruncated
    GRU    δh_t = (from y_t) + δh_s ⊙ z_s + Uᵀ δu_s,   δn = δh ⊙ (1 − z) ⊙ n',   δz = δh ⊙ (h_{t−1} − n) ⊙ z',   δr = δn ⊙ (U_n h_{t−1} + b'_n) ⊙ r'
    RNN    δh_t = (from y_t) + Uᵀ δa_s,   δa = δh ⊙ h'

The same sweep with many "from y_t" at once, one for each output, gives the Jacobians of all outputs by all inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.recurrent.tracing import Trace, Weights, weights_of

Ways = Float[Tensor, "layer direction batch time hidden"]


@dataclass(frozen=True, eq=False)
class Gradients:
    """dL/dh_t and dL/dc_t (LSTM only) of every layer and direction, dL/dx_t of the inputs (batch, time, feature)."""

    h: Ways
    c: Ways | None
    x: Float[Tensor, "batch time feature"]


@torch.no_grad()
def gradients(
    module: nn.Module,
    found: Trace,
    d_output: Float[Tensor, "batch time wide"],
    *,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
) -> Gradients:
    """Gradients of a loss whose gradient by the module's output (batch, time, hidden x directions) is `d_output`.

    `found` is the trace of the run (without a clamp), h0 and c0 its first states. A batch of one in the trace serves a batch of any size in `d_output`.
    """
    L, D = module.num_layers, 1 + module.bidirectional
    signals = {
        name: values.transpose(2, 3) for name, values in found.signals.items()
    }  # (layer, direction, time, batch, hidden)
    first = torch.zeros_like(signals["h"][:, :, 0])
    h0, c0 = (first if given is None else given.unflatten(0, (L, D)) for given in (h0, c0))
    above = d_output.transpose(0, 1)
    hs, cs = [], []
    for layer in reversed(range(L)):
        ways = [
            _sweep(module, weights_of(module, layer, d), {name: s[layer, d] for name, s in signals.items()}, part, h0[layer, d], c0[layer, d], bool(d))
            for d, part in enumerate(above.chunk(D, -1))
        ]  # fmt: skip
        hs.insert(0, torch.stack([way[0] for way in ways]))
        cs.insert(0, torch.stack([way[1] for way in ways]))
        above = sum(way[2] for way in ways)
    h, c = (torch.stack(parts).transpose(2, 3) for parts in (hs, cs))
    return Gradients(h, c if "c" in signals else None, above.transpose(0, 1))


def _sweep(
    module: nn.Module, w: Weights, s: Mapping[str, Tensor], direct: Tensor, h0: Tensor, c0: Tensor, back: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """dL/dh, dL/dc and dL/dx of one layer in one direction, (time, batch, ...)."""
    if back:
        s, direct = {name: values.flip(0) for name, values in s.items()}, direct.flip(0)
    sweep = {nn.RNN: _rnn, nn.GRU: _gru}.get(type(module), _lstm)
    dh, dc, da = sweep(module, w, s, direct, h0, c0)
    dx = da @ w.W
    return (dh.flip(0), dc.flip(0), dx.flip(0)) if back else (dh, dc, dx)


def _before(values: Tensor, first: Tensor) -> Tensor:
    """The values one step earlier."""
    return torch.cat([first[None], values[:-1]])


def _rnn(
    module: nn.Module, w: Weights, s: Mapping[str, Tensor], direct: Tensor, h0: Tensor, c0: Tensor
) -> tuple[Tensor, ...]:
    slope = (1 - s["h"] ** 2 if module.nonlinearity == "tanh" else (s["h"] > 0).to(direct)).expand_as(direct)
    dh, da = torch.empty_like(direct), torch.empty_like(direct)
    later = torch.zeros_like(direct[0])
    for t in reversed(range(len(direct))):
        torch.add(direct[t], later, out=dh[t])
        torch.mul(dh[t], slope[t], out=da[t])
        later = da[t] @ w.U
    return dh, torch.zeros_like(dh), da


def _lstm(
    module: nn.Module, w: Weights, s: Mapping[str, Tensor], direct: Tensor, h0: Tensor, c0: Tensor
) -> tuple[Tensor, ...]:
    i, f, g, o, c = (s[name] for name in "ifgoc")
    before, th = _before(c, c0), torch.tanh(c)
    by_c = torch.cat([g * i * (1 - i), before * f * (1 - f), i * (1 - g * g)], -1)  # da_i, da_f, da_g for a unit of dc
    by_h, open_ = th * o * (1 - o), o * (1 - th * th)
    H, (T, B) = c.shape[-1], direct.shape[:2]
    dh, dc, da = torch.empty_like(direct), torch.empty_like(direct), direct.new_empty(T, B, 4 * H)
    later_h = later_c = torch.zeros_like(direct[0])
    for t in reversed(range(T)):
        dh_t = torch.add(direct[t], later_h, out=dh[t])
        da_o = torch.mul(dh_t, by_h[t], out=da[t, :, 3 * H :])
        dc_t = torch.addcmul(later_c, dh_t, open_[t], out=dc[t])
        if w.p is not None:
            dc_t += da_o * w.p[2]
        torch.mul(dc_t.repeat(1, 3), by_c[t], out=da[t, :, : 3 * H])
        later_h, later_c = da[t] @ w.U, dc_t * f[t]
        if w.p is not None:
            later_c = later_c + da[t, :, :H] * w.p[0] + da[t, :, H : 2 * H] * w.p[1]
    return dh, dc, da


def _gru(
    module: nn.Module, w: Weights, s: Mapping[str, Tensor], direct: Tensor, h0: Tensor, c0: Tensor
) -> tuple[Tensor, ...]:
    r, z, n = (s[name] for name in "rzn")
    before, H = _before(s["h"], h0), s["h"].shape[-1]
    u_n = before @ w.U[2 * H :].T + w.b_u[2 * H :]
    by_n, by_z = (1 - z) * (1 - n * n), (before - n) * z * (1 - z)
    by_r = by_n * u_n * r * (1 - r)
    by_a, by_u = torch.cat([by_r, by_z, by_n], -1), torch.cat([by_r, by_z, by_n * r], -1)
    dh, da = torch.empty_like(direct), direct.new_empty(*direct.shape[:2], 3 * H)
    later = torch.zeros_like(direct[0])
    for t in reversed(range(len(direct))):
        dh_t = torch.add(direct[t], later, out=dh[t])
        three = dh_t.repeat(1, 3)
        torch.mul(three, by_a[t], out=da[t])
        later = dh_t * z[t] + (three * by_u[t]) @ w.U
    return dh, torch.zeros_like(dh), da


@torch.no_grad()
def jacobians(
    module: nn.Module, found: Trace, by_output: Float[Tensor, "output wide"]
) -> Float[Tensor, "time output step feature"]:
    """dy_t/dx_s for every pair of steps, of y_t = V h_t: one sweep for all outputs at all steps.

    `found` is the trace of one sequence, `by_output` is V (outputs, hidden x directions).
    """
    T, K = found.output.shape[1], len(by_output)
    d_output = torch.einsum("ts,kw->tksw", torch.eye(T, dtype=by_output.dtype), by_output).flatten(0, 1)
    return gradients(module, found, d_output).x.unflatten(0, (T, K))
