"""Every update rule against torch.optim, step by step, in float64 (Lion: against its paper's algorithm)."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.optimizer_race import OPTIMIZERS, Racer, RaceSpec, Surface, race
from core.training.optimizers import gather
from tests.core.optimizer_race.reference import CLASSES, lockstep, torch_race

RATES = {
    "sgd": (1e-3, 1e-4), "momentum": (1e-4, 2e-4), "nesterov": (1e-4, 2e-4), "adagrad": (0.5, 0.01), "rmsprop": (0.01, 0.003),
    "adadelta": (1.0, 0.5), "adam": (0.02, 1e-3), "amsgrad": (0.02, 0.1), "adamw": (0.02, 0.1), "nadam": (0.02, 2e-3),
    "radam": (0.003, 1e-3), "adamax": (0.02, 2e-3), "lion": (0.003, 1e-4), "rprop": (0.01, 0.1),
}  # fmt: skip
SURFACES_TRIED = ("rosenbrock", "beale", "himmelblau", "ravine")

SETTINGS = [
    Racer("sgd", lr=1e-4, weight_decay=0.1),
    Racer("sgd", lr=1e-4, momentum=0.5, dampening=0.3),
    Racer("sgd", lr=1e-4, momentum=0.9, weight_decay=0.3),
    Racer("sgd", lr=1e-4, momentum=0.8, nesterov=True),
    Racer("momentum", lr=1e-5, momentum=0.99, dampening=0.5),
    Racer("nesterov", lr=1e-4, momentum=0.5, weight_decay=0.2),
    Racer("adagrad", lr=0.3, lr_decay=0.01, initial_accumulator_value=0.5, weight_decay=0.1),
    Racer("adagrad", lr=0.3, eps=1.0),
    Racer("rmsprop", lr=1e-3, alpha=0.9, momentum=0.5, weight_decay=0.1),
    Racer("rmsprop", lr=1e-3, centered=True, eps=1e-2),
    Racer("rmsprop", lr=1e-3, centered=True, momentum=0.9, alpha=0.8, eps=0.1),
    Racer("adadelta", lr=1.0, rho=0.5, eps=1e-3, weight_decay=0.1),
    Racer("adam", lr=0.01, betas=(0.5, 0.9), eps=1e-3),
    Racer("adam", lr=0.01, betas=(0.0, 0.999), eps=1e-30),
    Racer("adam", lr=0.01, eps=1.0, weight_decay=0.1),
    Racer("adam", lr=0.01, weight_decay=0.1, amsgrad=True),
    Racer("adam", lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
    Racer("amsgrad", lr=0.05, betas=(0.9, 0.95)),
    Racer("adamw", lr=0.02, weight_decay=0.5),
    Racer("adamw", lr=0.02, weight_decay=0.0, amsgrad=True),
    Racer("nadam", lr=0.01, momentum_decay=0.05, weight_decay=0.1),
    Racer("nadam", lr=0.01, betas=(0.8, 0.99), weight_decay=0.1, decoupled_weight_decay=True),
    Racer("radam", lr=0.003, betas=(0.9, 0.9), weight_decay=0.1),
    Racer("radam", lr=0.003, betas=(0.9, 0.6)),
    Racer("radam", lr=0.003, betas=(0.9, 0.9999), eps=1e-2, weight_decay=0.1, decoupled_weight_decay=True),
    Racer("adamax", lr=0.01, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.1),
    Racer("lion", lr=0.003, betas=(0.95, 0.98), weight_decay=0.3),
    Racer("rprop", lr=0.05, etas=(0.3, 1.5), step_sizes=(1e-4, 0.2)),
    Racer("lbfgs", lr=0.02, history_size=3, tolerance_grad=1e-3),
    Racer("lbfgs", lr=0.1, history_size=10),
    Racer("lbfgs", lr=0.05),
    Racer("lbfgs_wolfe"),
    Racer("lbfgs_wolfe", lr=0.01, history_size=3),
    Racer("lbfgs_wolfe", lr=30.0, history_size=5, tolerance_change=1e-12),
    Racer("adadelta", lr=10.0),
]


def assert_equal_to_torch(spec: RaceSpec, rtol: float = 1e-10) -> None:
    """Every place of every racer within rtol of its distance from the origin (and 1e-13 where it passes through 0)."""
    ours, (theirs, _) = race(spec).paths, torch_race(spec)
    apart = np.linalg.norm(ours - theirs, axis=-1)
    allowed = rtol * np.linalg.norm(theirs, axis=-1) + 1e-13
    worst = {racer: a.max() for racer, a, b in zip(spec.racers, apart, allowed, strict=True) if not (a <= b).all()}
    assert not worst


@pytest.mark.parametrize("surface", SURFACES_TRIED)
def test_every_optimizer_equals_torch_over_a_whole_race(surface: str) -> None:
    racers = tuple(Racer(name, lr=lr) for name, pair in RATES.items() for lr in pair)
    assert_equal_to_torch(RaceSpec(surface, racers, steps=500))


@pytest.mark.parametrize("surface", ["rosenbrock", "himmelblau", "quadratic_bowl"])
@pytest.mark.parametrize("racer", SETTINGS, ids=lambda r: f"{r.name}-{SETTINGS.index(r)}")
def test_every_setting_equals_torch_step_by_step(racer: Racer, surface: str) -> None:
    ours, theirs = lockstep(racer, RaceSpec(surface, (racer,), steps=500))
    assert np.isfinite(theirs).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("surface", ["beale", "himmelblau", "quadratic_bowl", "styblinski_tang"])
def test_lbfgs_at_torchs_defaults_equals_torch(surface: str) -> None:
    assert_equal_to_torch(RaceSpec(surface, (Racer("lbfgs"), Racer("lbfgs", lr=0.5)), (1.0, 1.0), steps=500), rtol=1e-9)


def test_the_issues_example_equals_torch() -> None:
    pair = (Racer("adam", lr=0.02), Racer("sgd", lr=1e-3, momentum=0.9))
    spec = RaceSpec(surface="rosenbrock", racers=pair, start=(-1.5, 2.0), steps=500, seed=0)
    result = race(spec)
    assert result.paths.shape == (2, 501, 2)
    assert result.values.shape == (2, 501)
    assert result.paths.dtype == result.values.dtype == np.float64
    assert result.diverged.tolist() == [False, False]
    assert_equal_to_torch(spec)


def test_a_start_on_an_axis_of_symmetry_stays_there() -> None:
    """A gradient of exactly 0 in one coordinate: sign 0, 0 over eps, and no step, as in torch."""
    names = [name for name, about in OPTIMIZERS.items() if not about.guest]
    spec = RaceSpec("quadratic_bowl", tuple(Racer(n) for n in names), (2.0, 0.0), 60)
    assert np.all(race(spec).paths[:, :, 1] == 0.0)
    assert_equal_to_torch(spec)


def test_racers_that_share_a_rule_do_not_mix() -> None:
    """Different betas, switches and decays in one field give each the path that it has alone."""
    racers = (
        Racer("adam", lr=0.02), Racer("sgd", lr=1e-4), Racer("adam", lr=0.01, betas=(0.5, 0.9)), Racer("amsgrad", lr=0.02),
        Racer("adam", lr=0.02, weight_decay=0.1), Racer("radam", betas=(0.9, 0.99)), Racer("radam", betas=(0.8, 0.9999)),
        Racer("nadam", momentum_decay=0.1), Racer("nadam"), Racer("lbfgs", lr=0.02), Racer("lbfgs", lr=0.5), Racer("sgd"),
    )  # fmt: skip
    together = race(RaceSpec("himmelblau", racers, steps=200)).paths
    for racer, path in zip(racers, together, strict=True):
        assert np.array_equal(race(RaceSpec("himmelblau", (racer,), steps=200)).paths[0], path), racer


def test_lbfgs_goes_on_down_a_plane_whose_gradient_never_changes() -> None:
    """f = 2x: the first step is scaled to length 1, the next are -g; no curvature is ever learnt."""
    plane = Surface("typed", "2x", "2x", lambda x, y: 2 * x, lambda x, y: (2.0, 0.0), (-1, 1), (-1, 1), (0.0, 0.0))
    path = race(RaceSpec(plane, (Racer("lbfgs"),), steps=4)).paths[0]
    assert path[:, 0].tolist() == [0.0, -1.0, -3.0, -5.0, -7.0]


def test_lbfgs_racers_fill_and_drop_their_memory_each_at_its_own_pace() -> None:
    racers = tuple(Racer("lbfgs", lr=lr, history_size=4) for lr in (0.02, 0.3, 1.0))
    spec = RaceSpec("himmelblau", racers, (-0.5, -0.5), 60)
    together = race(spec).paths
    alone = [race(RaceSpec("himmelblau", (r,), (-0.5, -0.5), 60)).paths[0] for r in racers]
    assert np.array_equal(together, np.stack(alone))
    assert_equal_to_torch(RaceSpec("himmelblau", racers[:2], (-0.5, -0.5), 60))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_defaults_are_torchs(name: str) -> None:
    theirs = {k: p.default for k, p in inspect.signature(CLASSES[name].__init__).parameters.items()}
    theirs |= {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}, "amsgrad": {"amsgrad": True},
               "adamw": {"decoupled_weight_decay": True}}.get(name, {})  # fmt: skip
    ours = OPTIMIZERS[name].defaults
    assert ours == {key: theirs[key] for key in ours}
    ignored = {"self", "params", "foreach", "maximize", "capturable", "differentiable", "fused", "max_iter", "max_eval"}
    assert set(theirs) - ignored - {"line_search_fn"} == set(ours)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descriptions_are_complete(name: str) -> None:
    about = OPTIMIZERS[name]
    assert about.name == name
    assert about.summary.endswith(".")
    assert any(part.isdigit() and len(part) == 4 for part in about.paper.replace(",", " ").split())
    assert r"\theta_t" in about.latex
    assert about.latex.count("{") == about.latex.count("}")
    h = gather([Racer(name)], 2)
    assert all(len(np.atleast_1d(first(h))) for first in about.state.values())
    assert about.guest == (name in ("lbfgs", "lbfgs_wolfe"))
    assert about.searches == (name == "lbfgs_wolfe")


def test_racers_are_values() -> None:
    assert Racer("adam") == Racer("adam", lr=1e-3, betas=[0.9, 0.999])
    assert hash(Racer("adam")) == hash(Racer("adam", lr=0.001))
    assert Racer("adam", lr=1) != Racer("adamw", lr=1)
    assert Racer("adam").at(0.5).hyper == {**Racer("adam").hyper, "lr": 0.5}
    with pytest.raises(AttributeError):
        Racer("adam").lr = 2.0


@pytest.mark.parametrize(
    ("name", "hyper", "words"),
    [
        ("adem", {}, r"'adem' is unknown; choose sgd, .* lbfgs_wolfe"),
        ("adam", {"lr": -0.1}, r"adam: learning rate -0.1 is outside 1e-12 to 1000; try 0.001"),
        ("adam", {"lr": 0.0}, "learning rate 0 is outside"),
        ("adam", {"lr": float("nan")}, "learning rate nan is outside"),
        ("adam", {"lr": float("inf")}, "learning rate inf is outside"),
        ("adam", {"lr": "fast"}, "'fast' is not a number"),
        ("adam", {"betas": (0.9, 1.0)}, r"betas\[1\] 1 is outside 0 to 1"),
        ("adam", {"betas": 0.9}, r"betas: 0.9 is not a pair"),
        ("adam", {"betas": (0.9, 0.9, 0.9)}, "is not a pair"),
        ("adam", {"momentum": 0.9}, r"adam has no hyper-parameter 'momentum'; it takes lr, eps, .* or decoupled_weight_decay"),
        ("sgd", {"momentum": 1.5}, "momentum 1.5 is outside 0 to 1; try 0"),
        ("sgd", {"nesterov": True}, "nesterov needs a momentum above 0"),
        ("nesterov", {"momentum": 0.0}, "nesterov needs a momentum above 0"),
        ("nesterov", {"dampening": 0.1}, "dampening 0"),
        ("nesterov", {"nesterov": False}, "nesterov is always True"),
        ("adamw", {"decoupled_weight_decay": False}, "decoupled_weight_decay is always True"),
        ("adam", {"amsgrad": "maybe"}, "neither true nor false"),
        ("rprop", {"weight_decay": 0.1}, "no hyper-parameter 'weight_decay'"),
        ("rprop", {"etas": (1.2, 0.5)}, r"etas\[0\] 1.2 is outside"),
        ("rprop", {"step_sizes": (1.0, 0.1)}, "smallest, largest"),
        ("lbfgs", {"history_size": 0}, "history_size 0 is outside 1 to 100"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_words(name: str, hyper: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        Racer(name, **hyper)


def test_rules_work_on_more_than_two_coordinates() -> None:
    """The rules know nothing of x and y: (racer, coordinate) of any width, here 5 weights of a quadratic, against torch."""
    lam = np.array([1.0, 2.0, 5.0, 10.0, 0.5])
    start = np.linspace(-1.0, 1.0, 5)
    about, racer = OPTIMIZERS["adam"], Racer("adam", lr=0.05)
    h = gather([racer], 5)
    s = SimpleNamespace(**{k: first(h) for k, first in about.state.items()})
    theta, mirror = start[None], torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([mirror], lr=0.05)
    for t in range(1, 51):
        theta = about.rule(theta, lam * theta, s, h, t)
        optimizer.zero_grad()
        (0.5 * torch.tensor(lam) * mirror**2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(theta[0], mirror.detach().numpy(), rtol=1e-11)
