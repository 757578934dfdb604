"""The loop: against torch's own, resumed from files, stopped in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.rng import numpy_generator
from core.training.optimizers import Racer
from core.training.schedules import Schedule
from core.training_loop.loop import (
    PLATEAU,
    Plan,
    begin,
    early,
    epochs,
    forgetful,
    from_bytes,
    layer_norms,
    masks,
    other_luck,
    to_bytes,
)
from core.training_loop.net import Net, first_weights

RACERS = {
    "sgd": (Racer("sgd", lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (Racer("sgd", lr=0.05, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "rmsprop": (Racer("rmsprop", lr=0.01), lambda p: torch.optim.RMSprop(p, lr=0.01)),
    "adam": (Racer("adam", lr=0.01), lambda p: torch.optim.Adam(p, lr=0.01)),
}


def make(racer: Racer = RACERS["adam"][0], **changes) -> Plan:
    g = np.random.default_rng(0)
    X, y = g.normal(size=(1, 22, 6)), g.integers(0, 3, (1, 22))
    plan = Plan(
        Net((6, 5, 3)), X, y, g.normal(size=(1, 9, 6)), g.integers(0, 3, (1, 9)), (racer,), (4,), (0.0,), Schedule("constant"), 0.0, 8, 5
    )  # fmt: skip
    return replace(plan, **changes)


@pytest.mark.parametrize("name", RACERS)
@pytest.mark.parametrize("clip", [0.0, 0.2])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_every_step_is_torch_s(name, clip, dropout):
    racer, optimizer_of = RACERS[name]
    plan = make(racer, clip=clip, dropout=(dropout,), schedule=Schedule("cosine"))
    theta = first_weights(plan.net, numpy_generator(4, "weights"))
    layers = []
    for (w, b), (into, out) in zip(plan.net.places, ((6, 5), (5, 3)), strict=True):
        layer = torch.nn.Linear(into, out, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(theta[w]).reshape(out, into), torch.tensor(theta[b])
        layers.append(layer)
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = optimizer_of(parameters)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.steps)
    random, expected, norms = numpy_generator(4, "loop"), [], []
    for _ in range(plan.epochs):
        order = random.permutation(22)
        for start in range(0, 22, 8):
            rows = order[start : start + 8]
            h = torch.relu(layers[0](torch.tensor(plan.X[0, rows])))
            if dropout:
                h = h * torch.tensor((random.random((len(rows), 5)) < 1 - dropout) / (1 - dropout))
            loss = torch.nn.functional.cross_entropy(layers[1](h), torch.tensor(plan.y[0, rows]))
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.cat([p.grad.ravel() for p in parameters]).norm().item())
            if clip:
                torch.nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            scheduler.step()
            expected.append(loss.item())
    found = list(epochs(plan, begin(plan), plan.steps))
    np.testing.assert_allclose(np.concatenate([e.losses[:, 0] for e in found]), expected, rtol=1e-10)
    np.testing.assert_allclose(np.concatenate([e.gradient_norm[:, 0] for e in found]), norms, rtol=1e-9)
    last = np.concatenate([p.detach().numpy().ravel() for p in parameters])
    np.testing.assert_allclose(found[-1].state.theta[0], last, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", RACERS)
@pytest.mark.parametrize("at", [0, 3, 7, 14])
@pytest.mark.parametrize("schedule", [Schedule("constant"), PLATEAU])
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(name, at, schedule):
    plan = make(RACERS[name][0], dropout=(0.3,), schedule=schedule, epochs=6)
    *_, whole = epochs(plan, begin(plan), plan.steps)
    state = begin(plan)
    for epoch in epochs(plan, state, at):
        state = epoch.state
    assert state.step == at
    *_, resumed = epochs(plan, from_bytes(to_bytes(state)), plan.steps)
    np.testing.assert_array_equal(resumed.state.theta, whole.state.theta)
    np.testing.assert_array_equal(resumed.val_loss, whole.val_loss)
    assert resumed.state.random == whole.state.random


@pytest.mark.parametrize(("name", "same"), [("sgd", True), ("momentum", False), ("adam", False)])
def test_a_forgotten_memory_matters_to_those_that_remember(name, same):
    plan = make(RACERS[name][0])
    (first,) = epochs(plan, begin(plan), 3)
    (on,) = epochs(plan, first.state, 4)
    (forgot,) = epochs(plan, forgetful(plan, first.state), 4)
    assert np.array_equal(on.state.theta, forgot.state.theta) == same


def test_other_random_numbers_give_other_batches():
    plan = make()
    (first,) = epochs(plan, begin(plan), 3)
    (on,) = epochs(plan, first.state, 6)
    (other,) = epochs(plan, other_luck(first.state), 6)
    assert not np.array_equal(on.state.order, other.state.order)


def test_a_state_is_not_changed_by_the_run_that_goes_on():
    plan = make(dropout=(0.5,), schedule=PLATEAU)
    state = begin(plan)
    before = to_bytes(state)
    list(epochs(plan, state, plan.steps))
    assert to_bytes(state) == before


def test_the_plateau_is_torch_s():
    plan = make(Racer("sgd", lr=1.0), schedule=PLATEAU, epochs=30)
    found = list(epochs(plan, begin(plan), plan.steps))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
    for epoch in found:
        assert epoch.rates[-1, 0] == optimizer.param_groups[0]["lr"]
        scheduler.step(epoch.val_loss.item())
    assert found[-1].rates[-1, 0] < 1.0, "the rate must have fallen, or this test tests nothing"


def test_a_loss_that_is_no_number_ends_the_run_at_its_step():
    plan = make()
    X = plan.X.copy()
    X[0, 11, 2] = np.nan
    found = list(epochs(replace(plan, X=X), begin(plan), plan.steps))
    order = found[0].state.order[0]
    assert found[-1].state.step == list(order).index(11) // 8 + 1
    assert np.isnan(found[-1].losses[-1, 0])
    assert np.isfinite(found[-1].losses[:-1]).all()


def test_nets_side_by_side_are_nets_alone():
    racers, seeds, drops = (Racer("adam", lr=0.01), Racer("adam", lr=0.1)), (4, 9), (0.0, 0.5)
    both = make(racers=racers, seeds=seeds, dropout=drops)
    *_, last = epochs(both, begin(both), both.steps)
    for r in range(2):
        alone = make(racers=racers[r : r + 1], seeds=seeds[r : r + 1], dropout=drops[r : r + 1])
        *_, own = epochs(alone, begin(alone), alone.steps)
        np.testing.assert_allclose(last.state.theta[r], own.state.theta[0], rtol=1e-11, atol=1e-14)


def test_masks_keep_the_mean_and_draw_nothing_without_dropout():
    plan = make(racers=(RACERS["adam"][0],) * 2, seeds=(0, 0), dropout=(0.25, 0.0))
    generators = [np.random.default_rng(0), np.random.default_rng(0)]
    (mask,) = masks(plan, generators, 4000)
    assert set(np.unique(mask[0])) == {0.0, 1 / 0.75}
    assert mask[0].mean() == pytest.approx(1.0, abs=0.02)
    assert (mask[1] == 1).all()
    assert generators[1].random() == np.random.default_rng(0).random()


def test_norms_are_of_each_layer_s_weights():
    net = Net((2, 2, 1))
    np.testing.assert_allclose(
        np.array(layer_norms(net, np.arange(9.0)[None]))[:, 0], [np.sqrt(0 + 1 + 4 + 9), np.sqrt(36 + 49)]
    )


@pytest.mark.parametrize(
    ("losses", "patience", "best", "at"),
    [
        ([3.0, 2.0, 1.0, 1.5, 1.2], 2, 2, 4),
        ([3.0, 2.0, 1.0, 1.5, 1.2], 3, 2, None),
        ([3.0, 2.0, 1.0, 1.5, 0.9], 2, 4, None),
        ([3.0, 2.0, 1.0, 1.5, 0.9], 0, 4, None),
        ([1.0, 1.0, 1.0], 2, 0, 2),
        ([1.0, 2.0], 1, 0, 1),
        ([1.0], 1, 0, None),
        ([2.0, np.nan, 1.0], 3, 2, None),
        ([np.nan, np.nan, 1.0], 0, 2, None),
        ([np.inf, 5.0], 0, 1, None),
    ],
)
def test_patience_counts_epochs_since_the_last_new_low(losses, patience, best, at):
    found = early(losses, patience)
    assert (found.best, found.at) == (best, at)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a file", to_bytes(begin(make()))[:200]])
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(ExplainerError, match="no checkpoint"):
        from_bytes(data)
