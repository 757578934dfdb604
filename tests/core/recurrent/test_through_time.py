"""The sweep against autograd: every dL/dh_t and dL/dc_t one by one, and every Jacobian row by row."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.recurrent import CELLS, gradients, jacobians, network, trace
from core.recurrent.tracing import step, weights_of
from core.rng import generator


def unrolled(module: nn.Module, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """h_t and c_t of one layer as nodes of autograd's graph."""
    w, (B, T, _) = weights_of(module), x.shape
    h = c = x.new_zeros(B, module.hidden_size)
    hs, cs = [], []
    for t in range(T):
        *parts, h = step(module, w, x[:, t] @ w.W.T + w.b, h @ w.U.T + w.b_u, h, c)
        if len(parts) == 5:
            c = parts[-1]
        hs.append(h)
        cs.append(c)
    return hs, cs


@pytest.mark.parametrize("kind", CELLS)
def test_every_gradient_is_autograd_s_one_by_one(kind: str) -> None:
    net = network(kind, 3, 4, 2, generator(0, kind), dtype=torch.float64)
    with torch.no_grad():
        net.cell.weight_hh_l0.mul_(2.0)
    x = torch.randn(2, 6, 3, generator=generator(0, "x"), dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 6, 2, generator=generator(0, "y"), dtype=torch.float64)
    hs, cs = unrolled(net.cell, x)
    L = (net.readout(torch.stack(hs, 1)) ** 2 * weights).sum()
    found = trace(net.cell, x.detach())
    by_y = 2 * net.readout(found.output).detach() * weights
    ours = gradients(net.cell, found, by_y @ net.readout.weight.detach())
    for t in range(6):
        wanted = torch.autograd.grad(L, hs[t], retain_graph=True)[0]
        torch.testing.assert_close(ours.h[0, 0, :, t], wanted, rtol=1e-10, atol=1e-13)
        if ours.c is not None:
            wanted = torch.autograd.grad(L, cs[t], retain_graph=True)[0]
            torch.testing.assert_close(ours.c[0, 0, :, t], wanted, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(ours.x, torch.autograd.grad(L, x)[0], rtol=1e-10, atol=1e-13)
    assert (ours.c is not None) == (kind in ("lstm", "peephole"))


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_stacked_and_bidirectional_layers_pass_the_gradient_to_the_inputs(kind: str, bidirectional: bool) -> None:
    net = network(kind, 3, 4, 2, generator(1, kind), layers=3, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(2, 5, 3, generator=generator(0, "x"), dtype=torch.float64, requires_grad=True)
    h0, c0 = torch.randn(2, 3 * (1 + bidirectional), 2, 4, generator=generator(0, "s"), dtype=torch.float64)
    output = net.cell(x, (h0, c0) if kind == "lstm" else h0)[0]
    L = (output**3).sum()
    ours = gradients(net.cell, trace(net.cell, x.detach(), h0, c0), 3 * output.detach() ** 2, h0=h0, c0=c0)
    torch.testing.assert_close(ours.x, torch.autograd.grad(L, x)[0], rtol=1e-10, atol=1e-13)


def test_relu_passes_no_gradient_at_zero() -> None:
    module = nn.RNN(1, 1, batch_first=True, nonlinearity="relu", bias=False)
    with torch.no_grad():
        module.weight_ih_l0.fill_(1.0)
        module.weight_hh_l0.fill_(1.0)
    x = torch.tensor([[[0.0], [-1.0], [1.0]]])
    ours = gradients(module, trace(module, x), torch.ones(1, 3, 1))
    assert ours.x.flatten().tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_jacobians_are_autograd_s(kind: str, bidirectional: bool) -> None:
    net = network(kind, 3, 4, 2, generator(2, kind), bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(1, 5, 3, generator=generator(0, "x"), dtype=torch.float64)
    ours = jacobians(net.cell, trace(net.cell, x), net.readout.weight)
    wanted = torch.autograd.functional.jacobian(lambda x: net(x)[0], x)[:, :, 0]
    torch.testing.assert_close(ours, wanted, rtol=1e-10, atol=1e-13)
    if not bidirectional:
        assert all((ours[t, :, t + 1 :] == 0).all() for t in range(5))
