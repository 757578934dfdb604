"""The trace against torch's own layers for drawn shapes, each equation against another way to compute it, interventions, refusals."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from torch import nn

from core.errors import ExplainerError
from core.recurrent import CELLS, PeepholeLSTM, network, trace, width_for
from core.recurrent.cells import kind_of
from core.rng import generator

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
SHAPES = 40  # drawn for each kind and precision


def drawn(
    kind: type[nn.Module], dtype: torch.dtype, seed: int
) -> tuple[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A module of a drawn shape, inputs, h0 and c0."""
    at_random, g = random.Random(seed), generator(seed, "shapes")
    features, hidden, batch, time = (at_random.randint(1, 9) for _ in range(4))
    more = {"nonlinearity": at_random.choice(["tanh", "relu"])} if kind is nn.RNN else {}
    switches = {name: at_random.random() < 0.5 for name in ("bias", "batch_first", "bidirectional")}
    module = kind(features, hidden, at_random.randint(1, 3), dtype=dtype, **switches, **more)
    for p in module.parameters():
        p.data = torch.randn(p.shape, generator=g, dtype=dtype) * 0.5
    shape = (batch, time) if module.batch_first else (time, batch)
    states = torch.randn(2, module.num_layers * (1 + module.bidirectional), batch, hidden, generator=g, dtype=dtype)
    return module, torch.randn(*shape, features, generator=g, dtype=dtype), states[0], states[1]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_the_trace_is_what_torch_computes(kind: type[nn.Module], dtype: torch.dtype) -> None:
    for seed in range(SHAPES):
        compare(kind, dtype, seed)


def compare(kind: type[nn.Module], dtype: torch.dtype, seed: int) -> None:
    module, inputs, h0, c0 = drawn(kind, dtype, seed)
    near = {"rtol": 0.0, "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(trace(module, inputs).output, module(inputs)[0].detach(), **near)
    state = (h0, c0) if kind is nn.LSTM else h0
    output, last = module(inputs, state)
    found = trace(module, inputs, h0, c0)
    torch.testing.assert_close(found.output, output.detach(), **near)
    ways = (module.num_layers, 1 + module.bidirectional)
    for name, end in zip("hc" if kind is nn.LSTM else "h", last if kind is nn.LSTM else [last], strict=True):
        ends = end.detach().unflatten(0, ways)
        torch.testing.assert_close(found.signals[name][:, 0, :, -1], ends[:, 0], **near)
        if module.bidirectional:
            torch.testing.assert_close(found.signals[name][:, 1, :, 0], ends[:, 1], **near)
    top = found.h[-1] if module.batch_first else found.h[-1].transpose(1, 2)
    torch.testing.assert_close(torch.cat(list(top), -1), found.output, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_the_fast_way_is_the_equations_step_by_step(kind: type[nn.Module], seed: int) -> None:
    """A clamp that holds nothing forces the walk through `cells`."""
    module, inputs, h0, c0 = drawn(kind, torch.float64, seed)
    time = inputs.shape[1 if module.batch_first else 0]
    nothing = {"h": (torch.zeros(time, module.hidden_size, dtype=torch.bool), 0.0)}
    fast, slow = trace(module, inputs, h0, c0), trace(module, inputs, h0, c0, nothing)
    assert fast.signals.keys() == slow.signals.keys() == set(CELLS[kind_of(module)].signals)
    for name, values in fast.signals.items():
        torch.testing.assert_close(values, slow.signals[name], rtol=0.0, atol=1e-12)
        assert values.shape[:2] == (module.num_layers, 1 + module.bidirectional)


def test_gates_are_what_the_papers_say() -> None:
    """One unit at one step, number by number, without a matrix in sight."""
    module = nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    inputs = torch.randn(1, 4, 2, dtype=torch.float64, generator=generator(0, "paper"))
    found = trace(module, inputs)
    W, U, b = module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0 + module.bias_hh_l0
    t, unit = 2, 1
    x, h = inputs[0, t], found.h[0, 0, 0, t - 1]
    a = [
        sum(W[k * 3 + unit, j] * x[j] for j in range(2))
        + sum(U[k * 3 + unit, j] * h[j] for j in range(3))
        + b[k * 3 + unit]
        for k in range(4)
    ]
    i, f, o = (1 / (1 + torch.exp(-a[k])) for k in (0, 1, 3))
    c = f * found.c[0, 0, 0, t - 1, unit] + i * torch.tanh(a[2])
    for name, wanted in zip("ifgoch", (i, f, torch.tanh(a[2]), o, c, o * torch.tanh(c)), strict=True):
        assert found.signals[name][0, 0, 0, t, unit].item() == pytest.approx(wanted.item(), abs=1e-14)


def test_peepholes_of_zero_are_an_lstm_and_others_are_not() -> None:
    plain = nn.LSTM(3, 5, batch_first=True)
    peep = PeepholeLSTM(3, 5)
    peep.load_state_dict({**plain.state_dict(), "weight_ch_l0": torch.zeros(3, 5)})
    inputs = torch.randn(2, 7, 3, generator=generator(0, "peep"))
    torch.testing.assert_close(trace(peep, inputs).output, plain(inputs)[0].detach(), rtol=0.0, atol=1e-6)
    with torch.no_grad():
        peep.weight_ch_l0 += 1.0
    found = trace(peep, inputs)
    torch.testing.assert_close(found.output, peep(inputs)[0].detach(), rtol=0.0, atol=1e-6)
    assert (found.output - plain(inputs)[0]).abs().max() > 1e-3


def test_peepholes_see_the_old_cell_but_for_o_the_new_one() -> None:
    peep = PeepholeLSTM(1, 1).double()
    with torch.no_grad():
        peep.weight_ch_l0.copy_(torch.tensor([[0.7], [-0.4], [1.1]], dtype=torch.float64))
        peep.weight_ih_l0.copy_(torch.tensor([[0.5], [0.2], [0.9], [-0.3]], dtype=torch.float64))
    c0 = torch.full((1, 1, 1), 0.6, dtype=torch.float64)
    found = trace(peep, torch.ones(1, 1, 1, dtype=torch.float64), c0=c0)
    sigmoid = lambda a: 1 / (1 + torch.exp(torch.tensor(-a, dtype=torch.float64)))  # noqa: E731
    c = sigmoid(0.2 - 0.4 * 0.6) * 0.6 + sigmoid(0.5 + 0.7 * 0.6) * torch.tanh(torch.tensor(0.9, dtype=torch.float64))
    assert found.c.item() == pytest.approx(c.item(), abs=1e-14)
    assert found.o.item() == pytest.approx(sigmoid(-0.3 + 1.1 * c.item()).item(), abs=1e-14)


# Interventions


@pytest.mark.parametrize("switches", [{}, {"bidirectional": True, "num_layers": 2}])
def test_a_cell_that_forgets_nothing_and_takes_nothing_in_stays(switches: dict) -> None:
    module = nn.LSTM(3, 4, batch_first=True, **switches)
    ways = module.num_layers * (1 + module.bidirectional)
    c0 = torch.randn(ways, 2, 4, generator=generator(0, "c0"))
    found = trace(module, torch.randn(2, 9, 3, generator=generator(0, "x")), c0=c0, clamp={"f": 1.0, "i": 0.0})
    wanted = c0.unflatten(0, (module.num_layers, -1))[:, :, :, None].expand_as(found.c)
    torch.testing.assert_close(found.c, wanted, rtol=0.0, atol=0.0)
    assert (found.f == 1.0).all()
    assert (found.i == 0.0).all()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cell in CELLS.items() for name in cell.signals])
def test_a_mask_holds_the_chosen_units_and_steps_and_what_came_before_is_untouched(kind: str, name: str) -> None:
    module = network(kind, 3, 4, 2, generator(1, kind)).cell
    inputs = torch.randn(2, 6, 3, generator=generator(0, "x"))
    mask = torch.zeros(6, 4, dtype=torch.bool)
    mask[3, 1] = mask[4, 2] = True
    free, held = trace(module, inputs), trace(module, inputs, clamp={name: (mask, 0.25)})
    assert (held.signals[name][0, 0][:, mask] == 0.25).all()
    torch.testing.assert_close(held.h[..., :3, :], free.h[..., :3, :], rtol=0.0, atol=1e-6)
    assert (held.output - free.output)[:, 3:].abs().max() > 1e-4


def test_a_clamp_takes_a_value_for_each_step_and_unit() -> None:
    """Swapping a cell: c of another sequence from step 2 on makes h that of the other sequence where only c matters."""
    module = nn.LSTM(2, 3, batch_first=True)
    a, b = torch.randn(2, 1, 5, 2, generator=generator(0, "swap"))
    other = trace(module, b)
    every = torch.ones(5, 3, dtype=torch.bool)
    held = trace(module, a, clamp={"c": (every, other.c[0, 0, 0]), "o": (every, other.o[0, 0, 0])})
    torch.testing.assert_close(held.h, other.h, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("clamp", "words"),
    [
        ({"q": 1.0}, "no signal 'q'"),
        ({"f": (torch.zeros(4, 3, dtype=torch.bool), 1.0)}, r"mask of f has shape \(4, 3\)"),
        ({"f": (torch.zeros(5, 3), 1.0)}, "must be boolean"),
        ({"f": torch.zeros(2, 2)}, "value of f"),
    ],
)
def test_a_clamp_that_does_not_fit_is_refused(clamp: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        trace(nn.LSTM(2, 3, batch_first=True), torch.zeros(1, 5, 2), clamp=clamp)


@pytest.mark.parametrize(
    ("module", "inputs", "words"),
    [
        (nn.Linear(2, 3), torch.zeros(1, 5, 2), "Linear is no recurrent layer"),
        (nn.LSTM(2, 3, proj_size=2), torch.zeros(1, 5, 2), "proj_size"),
        (nn.GRU(2, 3, 2, dropout=0.5), torch.zeros(1, 5, 2), r"eval\(\)"),
        (nn.GRU(2, 3), torch.zeros(5, 2), "float tensor"),
        (nn.GRU(2, 3), torch.zeros(1, 5, 2, dtype=torch.long), "float tensor"),
        (nn.GRU(2, 3), torch.zeros(1, 5, 4), "4 features"),
        (nn.GRU(2, 3), torch.zeros(0, 5, 2), "no step"),
    ],
)
def test_what_cannot_be_traced_is_refused(module: nn.Module, inputs: torch.Tensor, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        trace(module, inputs)


def test_states_must_fit() -> None:
    with pytest.raises(ExplainerError, match="h0 has shape"):
        trace(nn.GRU(2, 3, 2), torch.zeros(1, 5, 2), torch.zeros(1, 5, 3))


def test_an_unknown_signal_is_named() -> None:
    with pytest.raises(AttributeError, match="gru has no signal 'f'"):
        _ = trace(nn.GRU(2, 3), torch.zeros(1, 5, 2)).f


def test_the_same_parameter_count_gives_the_nearest_width() -> None:
    for kind, features, width in itertools.product(CELLS, (1, 5), (3, 17)):
        about = CELLS[kind]
        module = network(kind, features, width, 1, generator(0, "w")).cell
        assert about.parameters(features, width) == sum(p.numel() for p in module.parameters())
        assert width_for(kind, features, about.parameters(features, width)) == width
        assert width_for(kind, features, about.parameters(features, width) - 1) == width - 1
