"""The exported script: the same numbers, by torch's optimizers and autograd, for every optimizer, surface and schedule."""

from __future__ import annotations

import contextlib
import io
from itertools import pairwise

import pytest

from core.optimizer_race.code import script
from core.optimizer_race.compute import numbers
from core.optimizer_race.spec import ALL, OptimizerRaceSpec
from core.optimizer_race.surfaces import SURFACES
from core.training.schedules import SCHEDULES


def printed(spec: OptimizerRaceSpec) -> dict[str, float]:
    """What the script says, run here: a second interpreter would cost seconds."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    return {
        name: float(n)
        for name, n in (line.split(" = ") for line in out.getvalue().splitlines() if line.count(" = ") == 1)
    }


def same(**settings: object) -> None:
    spec = OptimizerRaceSpec(
        **{"rates": "same", "rate": 0.002, "steps": 30, "racers": "SGD, Momentum, Adam", **settings}
    )
    assert printed(spec) == pytest.approx(numbers(spec), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface(surface: str) -> None:
    same(surface=surface, angle=25.0, condition=30.0, steepness=12.0, sigma=0.3, seed=3)


@pytest.mark.parametrize(
    "formula",
    [
        "x**2 + y**2",
        "r = sqrt(x**2 + y**2 + 1); log(r) + gelu(x)*0.1 + 2**y",
        "softmax_cross_entropy(1, x, y, 0.5) + mse(x, 1, y, 2) + max(x, y, 0.3)",
        "exp(2)*tanh(x)**2 + leaky_relu(y)*y + softplus(y)",
        "abs(x) + sigmoid(y)",
    ],
)
def test_a_typed_formula(formula: str) -> None:
    same(surface="typed", formula=formula)


@pytest.mark.parametrize("rates", ["same", "torch"])
def test_every_optimizer(rates: str) -> None:
    same(surface="himmelblau", racers=ALL, rates=rates)


@pytest.mark.parametrize("decoupled", [False, True])
def test_momentum_betas_and_weight_decay(decoupled: bool) -> None:
    same(surface="himmelblau", racers=ALL, momentum=0.6, beta1=0.7, beta2=0.9, weight_decay=0.2, decoupled=decoupled)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule: str) -> None:
    same(surface="himmelblau", racers="SGD, Adam, Lion", schedule=schedule, period=4, gamma=0.5)


@pytest.mark.parametrize("clip", ["value", "norm"])
def test_clipping_and_noise(clip: str) -> None:
    same(surface="noisy_bowl", clip=clip, threshold=0.7, noise=0.4, seed=11)


def test_a_racer_that_leaves_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    spec = OptimizerRaceSpec(surface="quadratic_bowl", rates="same", racers="SGD@0.2, SGD@0.01", steps=60)
    assert printed(spec) == pytest.approx(numbers(spec), rel=1e-9)
    exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    assert "SGD@0.2 did not finish" in capsys.readouterr().out


def test_the_script_names_only_what_differs_from_torch_s_defaults() -> None:
    text = script(OptimizerRaceSpec(racers="SGD, Nesterov, AdamW", rates="same", rate=0.01, steps=10))
    lines = [
        "torch.optim.SGD(p, lr=0.01),",
        "torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),",
        "torch.optim.AdamW(p, lr=0.01),",
    ]
    places = [text.index(line) for line in lines]
    assert all(a < b for a, b in pairwise(places))
    assert "Lion" not in text
