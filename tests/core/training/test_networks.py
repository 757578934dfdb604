"""The network race against the sequential torch loop: torch.nn, torch.optim, float64, the same weights and batches."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.data.small_sets import NetData, load
from core.errors import ExplainerError
from core.rng import numpy_generator
from core.training import networks
from core.training.networks import (
    Net,
    NetworkSpec,
    bands,
    batch_sweep,
    batches,
    columns,
    curves,
    descend,
    evaluate,
    examples,
    gradient,
    moments,
    targets,
    train,
    with_batch,
)
from core.training.optimizers import OPTIMIZERS, QUINTIC, Racer, newton_schulz
from core.training.schedules import Schedule
from tests.core.optimizer_race.reference import CLASSES, Lion

RATES = {
    "sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "adagrad": 0.02, "rmsprop": 1e-3, "adadelta": 1.0, "adam": 5e-3,
    "amsgrad": 5e-3, "adamw": 5e-3, "nadam": 2e-3, "radam": 5e-3, "adamax": 5e-3, "lion": 1e-3, "rprop": 1e-3, "lbfgs": 0.02,
}  # fmt: skip
EVERY = tuple(Racer(name, lr=lr) for name, lr in RATES.items())


def torch_net(net: Net, theta: np.ndarray) -> nn.Sequential:
    """torch's net with these weights (P,)."""
    kind = {"tanh": nn.Tanh, "relu": nn.ReLU}[net.activation]
    parts: list[nn.Module] = []
    for into, out in pairwise(net.sizes):
        parts += [nn.Linear(into, out, dtype=torch.float64), kind()]
    twin = nn.Sequential(*parts[:-1])
    at = 0
    for linear in twin[::2]:
        out, into = linear.weight.shape
        block = torch.tensor(theta[at : at + out * (into + 1)]).reshape(out, into + 1)
        linear.weight.data, linear.bias.data = block[:, :-1].clone(), block[:, -1].clone()
        at += out * (into + 1)
    assert at == len(theta)
    return twin


def flat(parts: list[Tensor]) -> np.ndarray:
    """torch's (weight, bias, weight, bias, ...) as our (P,)."""
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return np.concatenate([torch.cat([W, b[:, None]], 1).detach().numpy().ravel() for W, b in pairs])


TORCH_CLIPS = {"value": nn.utils.clip_grad_value_, "norm": nn.utils.clip_grad_norm_}


class MuonAndAdamW:
    """torch's Muon for the matrices and torch's AdamW for the biases, as torch's documentation puts them together."""

    def __init__(self, twin: nn.Module, lr: float, momentum: float, weight_decay: float) -> None:
        matrices = [p for p in twin.parameters() if p.ndim == 2]
        biases = [p for p in twin.parameters() if p.ndim == 1]
        muon = torch.optim.Muon(
            matrices, lr=lr, momentum=momentum, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self.parts = (muon, torch.optim.AdamW(biases, lr=lr, weight_decay=weight_decay))

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()


def torch_loss(net: Net, twin: nn.Module, X: np.ndarray, y: np.ndarray) -> Tensor:
    answer = twin(torch.tensor(X))
    if net.task == "classes":
        return nn.functional.cross_entropy(answer, torch.tensor(y))
    return nn.functional.mse_loss(answer[:, 0], torch.tensor(y))


def optimizer_of(racer: Racer, twin: nn.Module) -> torch.optim.Optimizer:
    hyper = dict(racer.hyper)
    if racer.name == "muon":
        return MuonAndAdamW(twin, hyper["lr"], hyper["momentum"], hyper["weight_decay"])
    if racer.name == "lion":
        return Lion(twin.parameters(), hyper)
    if racer.name == "adamw":
        hyper.pop("decoupled_weight_decay")
    if racer.name == "lbfgs":
        hyper["max_iter"] = 1
    return CLASSES[racer.name](twin.parameters(), **hyper)


def torch_loop(spec: NetworkSpec, racer: Racer, k: int = 0, scheduler=None) -> np.ndarray:
    """Weights (step + 1, P) of one racer under seed k, one batch after the other."""
    net, data = spec.set_up()
    twin = torch_net(net, net.initial(numpy_generator(spec.seed + k, "weights")))
    optimizer = optimizer_of(racer, twin)
    schedule = scheduler(optimizer) if scheduler else None
    path, order = [flat(list(twin.parameters()))], batches(len(data.X_train), spec)
    for _ in range(spec.steps):
        rows = next(order)[k]

        def closure(rows: np.ndarray = rows) -> Tensor:
            optimizer.zero_grad()
            loss = torch_loss(net, twin, data.X_train[rows], data.y_train[rows])
            loss.backward()
            if spec.clip != "none":
                TORCH_CLIPS[spec.clip](twin.parameters(), spec.threshold)
            return loss

        loss = optimizer.step(closure) if racer.name == "lbfgs" else closure()
        if racer.name != "lbfgs":
            optimizer.step()
        path.append(flat(list(twin.parameters())))
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(loss.item())
        elif schedule is not None:
            schedule.step()
    return np.array(path)


def our_path(spec: NetworkSpec) -> np.ndarray:
    """Weights (racer, seed, step + 1, P)."""
    return np.stack([field.by_racer(field.theta) for _, field in descend(spec)], axis=2)


def assert_equal_to_torch(spec: NetworkSpec, rtol: float = 1e-9, scheduler=None) -> None:
    ours = our_path(spec)
    for i, racer in enumerate(spec.racers):
        for k in range(spec.seeds):
            theirs = torch_loop(spec, racer, k, scheduler)
            apart = np.linalg.norm(ours[i, k] - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)
            assert apart.max() <= rtol, (racer, k, apart.max())
            assert np.linalg.norm(theirs[-1] - theirs[0]) > 1e-3  # it did move


@pytest.mark.parametrize("racer", EVERY, ids=lambda r: r.name)
def test_every_optimizer_equals_the_torch_loop_on_moons(racer: Racer) -> None:
    assert set(RATES) >= {name for name, about in OPTIMIZERS.items() if not about.guest}
    batch = 256 if racer.name in ("lbfgs", "rprop") else 32  # these two are not made for noise
    assert_equal_to_torch(NetworkSpec("moons", (racer,), batch=batch, steps=200, seed=1))


@pytest.mark.parametrize(
    ("data", "activation", "batch"),
    [("spirals", "relu", 60), ("digits", "relu", 50), ("digits", "tanh", 64), ("diabetes", "relu", 32), ("diabetes", "tanh", 1000)],
)  # fmt: skip
def test_every_data_set_equals_the_torch_loop(data: str, activation: str, batch: int) -> None:
    racers = (Racer("sgd", lr=0.02), Racer("adam", lr=2e-3), Racer("momentum", lr=5e-3), Racer("adam", lr=1e-3))
    assert_equal_to_torch(NetworkSpec(data, racers, activation=activation, batch=batch, steps=200, seed=2))


def test_weight_decay_reaches_weights_and_biases_as_in_torch() -> None:
    racers = (Racer("sgd", lr=0.05, weight_decay=0.1), Racer("adamw", lr=5e-3, weight_decay=0.3))
    assert_equal_to_torch(NetworkSpec("moons", racers, batch=64, steps=100))


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_every_depth_equals_the_torch_loop(depth: int) -> None:
    assert_equal_to_torch(NetworkSpec("moons", EVERY[:2], width=5, depth=depth, batch=100, steps=12))


@pytest.mark.parametrize(("clip", "threshold"), [("value", 0.02), ("norm", 0.1), ("norm", 1e3)])
def test_clipping_equals_torchs_for_each_racer_and_seed(clip: str, threshold: float) -> None:
    racers = tuple(Racer(name, lr=0.3) for name in ("sgd", "momentum"))
    spec = NetworkSpec("spirals", racers, steps=40, batch=64, seeds=2, clip=clip, threshold=threshold)
    assert_equal_to_torch(spec)
    unclipped = our_path(replace(spec, clip="none"))
    assert (our_path(spec) == unclipped).all() == (threshold == 1e3)


@pytest.mark.parametrize(("weight_decay", "depth"), [(0.1, 2), (0.0, 1)])
def test_muon_equals_torchs_with_biases_by_adamw(
    weight_decay: float, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch rounds the Newton-Schulz iteration to bfloat16; with that one cast left out the two are equal in float64."""
    source = inspect.getsource(torch.optim._muon._zeropower_via_newtonschulz)
    assert source.count("torch.bfloat16") == 1
    exact: dict = {"torch": torch, "Tensor": Tensor}
    exec(source.replace("torch.bfloat16", "torch.float64"), exact)
    monkeypatch.setattr(torch.optim._muon, "_zeropower_via_newtonschulz", exact["_zeropower_via_newtonschulz"])
    racer = Racer("muon", lr=0.01, weight_decay=weight_decay)
    assert_equal_to_torch(NetworkSpec("moons", (racer, Racer("sgd")), steps=60, batch=64, seeds=2, depth=depth))
    assert_equal_to_torch(NetworkSpec("digits", (racer,), steps=20, batch=64))


def test_newton_schulz_is_what_torch_rounds_to_bfloat16() -> None:
    G = np.random.default_rng(1).normal(size=(3, 16, 17))
    for wide in (G, G.swapaxes(1, 2)):
        ours = newton_schulz(wide)
        theirs = [torch.optim._muon._zeropower_via_newtonschulz(torch.tensor(M), QUINTIC, 5, 1e-7) for M in wide]
        far = np.linalg.norm(ours - torch.stack(theirs).double().numpy(), axis=(1, 2)) / np.linalg.norm(
            ours, axis=(1, 2)
        )
        assert far.max() < 0.03  # bfloat16 keeps 8 bits, and five iterations add their errors up
        U, S, Vt = np.linalg.svd(wide, full_matrices=False)
        again = np.linalg.svd(ours, compute_uv=False)
        assert again.min() > 0.3
        assert again.max() < 1.3
        full = U.swapaxes(1, 2) @ ours @ Vt.swapaxes(1, 2)  # U and V are kept: only the singular values change
        np.testing.assert_allclose(full, full * np.eye(S.shape[1]), atol=1e-12)
    assert (newton_schulz(np.zeros((1, 3, 2))) == 0).all()


def test_each_seed_equals_its_own_torch_loop() -> None:
    racers = (Racer("adam", lr=5e-3), Racer("sgd", lr=0.05), Racer("adam", lr=1e-3))
    assert_equal_to_torch(NetworkSpec("moons", racers, batch=48, steps=60, seed=4, seeds=3))
    assert_equal_to_torch(NetworkSpec("moons", racers, batch=999, steps=20, seed=4, seeds=3))


def test_schedules_equal_torchs() -> None:
    spec = NetworkSpec("moons", (Racer("sgd", lr=0.1), Racer("adam", lr=5e-3)), batch=64, steps=60)
    lrs = torch.optim.lr_scheduler
    cosine = replace(spec, schedule=Schedule("cosine"))
    assert_equal_to_torch(cosine, scheduler=lambda o: lrs.CosineAnnealingLR(o, 60))
    plateau = replace(spec, schedule=Schedule("plateau", patience=2, factor=0.5))
    assert_equal_to_torch(plateau, scheduler=lambda o: lrs.ReduceLROnPlateau(o, patience=2, factor=0.5))
    warm = replace(spec, racers=(Racer("rprop", lr=1e-3),), schedule=Schedule("warm_up"), batch=256)
    first = our_path(warm)
    step = np.abs(first[0, 0, 1] - first[0, 0, 0])
    np.testing.assert_allclose(step[step > 0], 1e-3 / 3)  # Rprop's first step is the first, lowered rate


def test_a_schedule_for_each_racer_is_the_race_of_each_alone() -> None:
    schedules = (
        Schedule("cosine"),
        Schedule("plateau", patience=1, factor=0.3),
        Schedule("constant"),
        Schedule("plateau", patience=0),
    )
    about = NetworkSpec("moons", (Racer("momentum", lr=0.1),) * 4, steps=20, seeds=2)
    ways = [
        (field.by_racer(field.theta), field.by_racer(field.rates))
        for _, field in descend(replace(about, schedule=schedules))
    ]
    for i, schedule in enumerate(schedules):
        alone = replace(about, racers=about.racers[:1], schedule=schedule)
        for (theta, rates), (_, field) in zip(ways, descend(alone), strict=True):
            np.testing.assert_allclose(theta[i], field.theta, rtol=1e-12)
            np.testing.assert_allclose(rates[i], field.rates, rtol=1e-12)


def test_every_racer_needs_a_schedule() -> None:
    with pytest.raises(ExplainerError, match="2 schedules do not fit 1 racers"):
        NetworkSpec("moons", (Racer("sgd"),), schedule=(Schedule(), Schedule()))


LAYOUTS = [
    Net((2, 5, 4, 2), "tanh", "classes"), Net((3, 4, 5, 3), "relu", "classes"), Net((3, 4, 4, 1), "tanh", "regression"),
    Net((2, 6, 3, 1), "relu", "regression"),
]  # fmt: skip


def some_data(net: Net, N: int, seed: int = 0) -> NetData:
    g, C = np.random.default_rng(seed), net.sizes[-1]
    X = g.normal(size=(N, net.sizes[0]))
    y = g.integers(0, C, N) if net.task == "classes" else g.normal(size=N)
    return NetData("own", net.task, C, X, y, X, y)


@pytest.mark.parametrize("net", LAYOUTS, ids=str)
@pytest.mark.parametrize("cache", [1, 130, 10**9])
def test_loss_and_gradient_equal_autograd(net: Net, cache: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "CACHE", cache)  # rows one by one, a few at a time, all at once
    theta, data = np.random.default_rng(1).normal(size=(7, net.P)), some_data(net, 13)
    L, g = gradient(net, theta, columns(data.X_train), targets(data, data.y_train))
    for row in range(7):
        twin = torch_net(net, theta[row])
        loss = torch_loss(net, twin, data.X_train, data.y_train)
        loss.backward()
        np.testing.assert_allclose(L[row], loss.item(), rtol=1e-12)
        np.testing.assert_allclose(g[row], flat([p.grad for p in twin.parameters()]), rtol=1e-10, atol=1e-13)


def test_rows_with_data_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "CACHE", 100)
    net = LAYOUTS[0]
    sets = [some_data(net, 9, seed) for seed in range(5)]
    X = np.concatenate([columns(d.X_train) for d in sets])
    Y = np.concatenate([targets(d, d.y_train) for d in sets])
    theta = np.random.default_rng(1).normal(size=(5, net.P))
    L, g = gradient(net, theta, X, Y)
    scores = evaluate(net, theta, X, Y)
    for row in range(5):
        alone = gradient(net, theta[row : row + 1], X[row : row + 1], Y[row : row + 1])
        np.testing.assert_allclose(L[row], alone[0][0], rtol=1e-14)
        np.testing.assert_allclose(g[row], alone[1][0], rtol=1e-12, atol=1e-16)
        own = evaluate(net, theta[row : row + 1], X[row : row + 1], Y[row : row + 1])
        np.testing.assert_allclose([s[row] for s in scores], [s[0] for s in own], rtol=1e-14)


@pytest.mark.parametrize("net", [LAYOUTS[0], LAYOUTS[1]], ids=str)
@pytest.mark.parametrize("size", [0.0, 400.0])
def test_corner_points_of_the_gradient(net: Net, size: float) -> None:
    """All weights 0: relu stands on its kink, every class is as likely. Huge weights: the softmax is a hard choice."""
    theta, data = size * np.random.default_rng(1).normal(size=(1, net.P)), some_data(net, 13)
    L, g = gradient(net, theta, columns(data.X_train), targets(data, data.y_train))
    twin = torch_net(net, theta[0])
    loss = torch_loss(net, twin, data.X_train, data.y_train)
    loss.backward()
    np.testing.assert_allclose(L[0], loss.item(), rtol=1e-12)
    np.testing.assert_allclose(g[0], flat([p.grad for p in twin.parameters()]), rtol=1e-10, atol=1e-13)
    if size == 0.0:
        np.testing.assert_allclose(L[0], math.log(net.sizes[-1]))


@pytest.mark.parametrize("data", ["moons", "diabetes"])
def test_metrics_equal_torchs(data: str) -> None:
    spec = NetworkSpec(data, (Racer("adam", lr=0.01), Racer("sgd", lr=0.05)), batch=64, steps=30)
    (net, sets), *_, last = spec.set_up(), *train(spec)
    for i in range(2):
        twin = torch_net(net, last.arrays["theta"][i])
        loss = torch_loss(net, twin, sets.X_train, sets.y_train)
        loss.backward()
        norm = np.linalg.norm(flat([p.grad for p in twin.parameters()]))
        expected = {"train_loss": loss.item(), "gradient_norm": norm}
        expected["test_loss"] = torch_loss(net, twin, sets.X_test, sets.y_test).item()
        for part, X, y in (("train", sets.X_train, sets.y_train), ("test", sets.X_test, sets.y_test)):
            answer = twin(torch.tensor(X)).detach().numpy()
            if data == "moons":
                expected[f"{part}_accuracy"] = (answer.argmax(1) == y).mean()
            else:
                expected[f"{part}_r2"] = 1 - ((answer[:, 0] - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        for name, value in expected.items():
            np.testing.assert_allclose(last.metrics[f"{name}.{i}"], value, rtol=1e-10, err_msg=name)


def test_one_seed_gives_all_racers_the_same_start_and_each_seed_another() -> None:
    spec = NetworkSpec("moons", (Racer("adam"), Racer("sgd"), Racer("adam", lr=0.1)), seeds=3, steps=1)
    start = our_path(spec)[:, :, 0]
    assert (start == start[:1]).all()
    assert not np.allclose(start[0, 0], start[0, 1])
    alone = our_path(replace(spec, seeds=1, seed=1))[:, :, 0]
    np.testing.assert_array_equal(alone[0, 0], start[0, 1])


@pytest.mark.parametrize(("activation", "gain"), [("tanh", 1.0), ("relu", 2.0)])
def test_first_weights_have_the_papers_variance_and_biases_are_0(activation: str, gain: float) -> None:
    net = Net((10, 200, 200, 10), activation, "classes")
    layers = net.layers(net.initial(np.random.default_rng(0))[None])
    assert [W.shape for W in layers] == [(1, 200, 11), (1, 200, 201), (1, 10, 201)]
    for W in layers:
        np.testing.assert_allclose(W[:, :, :-1].std(), math.sqrt(gain / (W.shape[2] - 1)), rtol=0.05)
        assert (W[:, :, -1] == 0).all()


def test_every_epoch_shows_every_sample_once_in_a_new_order() -> None:
    spec = NetworkSpec("moons", (Racer("sgd"),), batch=100, seeds=2)
    order = batches(256, spec)
    epochs = [np.concatenate([next(order) for _ in range(3)], axis=1) for _ in range(2)]
    assert all(sorted(row) == list(range(256)) for epoch in epochs for row in epoch)
    assert len({tuple(row) for epoch in epochs for row in epoch}) == 4
    assert [examples(t, 256, 100) for t in (0, 1, 2, 3, 4, 6)] == [0, 100, 200, 256, 356, 512]


def test_the_same_spec_twice() -> None:
    spec = NetworkSpec("spirals", (Racer("adam"), Racer("momentum")), steps=50, seeds=2)
    first, second = list(train(spec)), list(train(spec))
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)
        assert all(a.metrics[name] == b.metrics[name] for name in a.metrics if not name.startswith("seconds"))


def test_seconds_grow_and_a_dear_rule_pays_for_itself() -> None:
    points = curves(NetworkSpec("moons", (Racer("sgd"), Racer("lbfgs", lr=1e-3)), batch=256, steps=60))
    for i in range(2):
        assert points[f"seconds.{i}"][0] == 0.0
        assert (np.diff(points[f"seconds.{i}"]) > 0).all()
    assert points["seconds.1"][-1] > points["seconds.0"][-1]


WILD = Racer("sgd", lr=100.0)
TAME = (Racer("sgd", lr=0.01), Racer("adam", lr=1e-3))


def test_a_diverged_racer_stands_at_its_last_good_place_and_disturbs_nobody() -> None:
    spec = NetworkSpec("diabetes", (TAME[0], WILD, TAME[1]), activation="relu", batch=64, steps=40)
    path, last = our_path(spec)[:, 0], list(train(spec))[-1]
    stopped = last.arrays["stopped"][:, 0]
    assert stopped[[0, 2]].tolist() == [40, 40]
    assert stopped[1] < 10
    assert [last.metrics[f"dnf.{i}"] for i in range(3)] == [0.0, 1.0, 0.0]
    assert (path[1, stopped[1] :] == path[1, stopped[1]]).all()
    assert np.abs(path[1]).max() <= networks.WEIGHT_BOUND
    assert all(np.isfinite(value) for value in last.metrics.values())
    good = torch_loop(replace(spec, steps=int(stopped[1]) + 1), WILD)
    np.testing.assert_allclose(path[1, : stopped[1] + 1], good[:-1], rtol=1e-9)
    assert not np.abs(good[-1]).max() <= networks.WEIGHT_BOUND
    alone = our_path(replace(spec, racers=TAME))[:, 0]
    np.testing.assert_allclose(path[[0, 2]], alone, rtol=1e-12, atol=1e-15)


def test_who_left_the_race_does_not_come_back_when_the_rate_has_fallen() -> None:
    falling = Schedule("exponential", gamma=0.5)
    spec = NetworkSpec("diabetes", (WILD,), activation="relu", batch=64, steps=60, schedule=falling)
    path, last = our_path(spec)[0, 0], list(train(spec))[-1]
    stopped = last.arrays["stopped"][0, 0]
    assert stopped < 10
    assert (path[stopped:] == path[stopped]).all()
    assert last.metrics["dnf.0"] == 1.0


def test_the_share_of_seeds_that_diverged() -> None:
    spec = NetworkSpec("diabetes", (WILD, TAME[0]), activation="relu", batch=64, steps=40, seeds=4)
    *_, last = train(spec)
    assert (last.metrics["dnf.0"], last.metrics["dnf.1"]) == ((last.arrays["stopped"][0] < 40).mean(), 0.0)
    assert last.metrics["dnf.0"] > 0


def test_bands_are_quantiles_over_seeds() -> None:
    values = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 8.0]])
    expected = {"a.0": 2.0, "a.1": 5.0, "a.0.low": 1.2, "a.1.low": 5.0, "a.0.high": 2.8, "a.1.high": 7.4}
    assert bands("a", values) == pytest.approx(expected)
    assert bands("a", values[:, :1]) == {"a.0": 3.0, "a.1": 5.0}


def test_bands_of_a_race_hold_its_seeds() -> None:
    spec = NetworkSpec("moons", (Racer("adam"), Racer("sgd", lr=0.1)), steps=20, seeds=3, seed=5)
    (net, data), *_, last = spec.set_up(), *train(spec)
    ends = our_path(spec)[:, :, -1]
    known = columns(data.X_train), targets(data, data.y_train)
    for i in range(2):
        L = evaluate(net, ends[i], *known)[0]
        assert last.metrics[f"train_loss.{i}"] == pytest.approx(np.median(L), rel=1e-12)
        assert last.metrics[f"train_loss.{i}.low"] == pytest.approx(np.quantile(L, 0.1), rel=1e-12)
        assert last.metrics[f"train_loss.{i}.high"] == pytest.approx(np.quantile(L, 0.9), rel=1e-12)


def test_snapshots_and_paths() -> None:
    spec = NetworkSpec("moons", (Racer("adam"), Racer("sgd")), steps=500)
    snapshots, path = list(train(spec)), our_path(spec)[:, 0]
    steps = [s.step for s in snapshots]
    assert (steps[0], steps[-1], len(steps)) == (0, 500, networks.REPORTS + 1)
    assert all(s.total == 500 for s in snapshots)
    assert all("paths" not in s.arrays for s in snapshots[:-1])
    arrays = snapshots[-1].arrays
    assert arrays["path_steps"].tolist() == steps
    np.testing.assert_array_equal(arrays["paths"], path[:, steps])
    for s in snapshots:
        np.testing.assert_array_equal(s.arrays["theta"], path[:, s.step])
        assert s.metrics["examples"] == 32 * s.step


def test_wide_paths_are_thinned_to_what_memory_holds() -> None:
    spec = NetworkSpec("digits", tuple(Racer("adam", lr=1e-3 * k) for k in range(1, 41)), steps=100)
    *_, last = train(spec)
    assert last.arrays["paths"].shape == (40, networks.PATH_VALUES // (40 * 1482), 1482)
    assert last.arrays["path_steps"][[0, -1]].tolist() == [0, 100]
    np.testing.assert_array_equal(last.arrays["paths"][:, -1], last.arrays["theta"])


def test_moments() -> None:
    assert moments(3, 10).tolist() == [0, 1, 2, 3]
    assert moments(100, 5).tolist() == [0, 25, 50, 75, 100]
    assert moments(1, 2).tolist() == [0, 1]


def test_single_precision_stays_near_and_keeps_its_weights_in_double() -> None:
    spec = NetworkSpec("moons", (Racer("adam", lr=5e-3), Racer("sgd", lr=0.1)), steps=60)
    exact, quick = our_path(spec), our_path(replace(spec, precision="float32"))
    assert quick.dtype == np.float64
    apart = np.linalg.norm(exact - quick, axis=-1).max()
    assert 1e-9 < apart < 1e-3


SWEPT = NetworkSpec("moons", (Racer("sgd", lr=0.01), Racer("adam", lr=1e-3)), batch=32, steps=80)


@pytest.mark.parametrize(
    ("batch", "budget", "steps", "rate"),
    [(8, "steps", 80, 0.01), (128, "steps", 80, 0.01), (8, "epochs", 320, 0.01), (64, "epochs", 40, 0.01),
     (100, "epochs", 30, 0.01), (8, "scaled", 320, 0.0025), (128, "scaled", 20, 0.04), (5000, "scaled", 10, 0.08)],
)  # fmt: skip
def test_budgets_of_the_batch_sweep(batch: int, budget: str, steps: int, rate: float) -> None:
    """80 steps of 32 are 10 epochs of 256; the rate goes with the batch that is really used."""
    swept = with_batch(SWEPT, batch, budget)
    assert (swept.batch, swept.steps, swept.seed) == (batch, steps, SWEPT.seed)
    assert [racer.lr for racer in swept.racers] == pytest.approx([rate, rate / 10])
    assert swept.racers[1].name == "adam"


def test_the_sweep_gives_the_curves_of_each_race() -> None:
    swept = batch_sweep(SWEPT, (16, 64), "epochs")
    assert list(swept) == [16, 64]
    for batch, points in swept.items():
        *_, last = train(with_batch(SWEPT, batch, "epochs"))
        assert points["examples"][-1] == 2560
        assert points["step"][-1] == 2560 / batch
        assert points["train_loss.1"][-1] == last.metrics["train_loss.1"]
        assert points["test_accuracy.0"][0] == swept[16]["test_accuracy.0"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "mnist"}, "'mnist' is unknown; choose moons"),
        ({"racers": ()}, "0 racers x 1 seeds is outside 1 to 800"),
        ({"racers": Racer("sgd")}, "must be a tuple of Racer"),
        ({"racers": ("sgd",)}, "must be a tuple of Racer"),
        ({"activation": "gelu"}, "'gelu' is unknown; choose tanh or relu"),
        ({"precision": "bf16"}, "'bf16' is unknown; choose float64 or float32"),
        ({"width": 0}, "hidden units of a layer 0 is outside 1 to 64; try 16"),
        ({"batch": 0}, "batch size 0 is outside"),
        ({"batch": 1.5}, "batch size: 1.5 is not a whole number"),
        ({"steps": 10**6}, "steps 1e\\+06 is outside 1 to 50000"),
        ({"steps": 50_000, "seeds": 50}, "100 networks x 50000 steps is more than 4,000,000; try 40000 steps"),
        ({"seeds": 51}, "number of seeds 51 is outside 1 to 50"),
        ({"seed": math.nan}, "seed: nan is not a whole number"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(change: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        NetworkSpec(**{"data": "moons", "racers": (Racer("sgd"), Racer("adam")), **change})


def test_a_budget_that_is_unknown_or_too_large() -> None:
    with pytest.raises(ExplainerError, match="'time' is unknown; choose steps, epochs or scaled"):
        with_batch(SWEPT, 8, "time")
    with pytest.raises(ExplainerError, match="steps 102400 is outside"):
        with_batch(replace(SWEPT, steps=3200), 1, "epochs")


def test_a_spec_is_a_key() -> None:
    assert {NetworkSpec("moons", [Racer("sgd")]): 1}[NetworkSpec("moons", (Racer("sgd"),))] == 1
    assert load("moons", 0) is load("moons", 0)
