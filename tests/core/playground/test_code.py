"""The exported script prints the page's numbers, whatever the net was asked to do."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from core.playground import PlaygroundSpec, numbers, script
from core.playground.points import encode

DRAWN = encode(np.array([[1, 2], [-1, 2], [3, 3], [-2, -4], [0, 1], [5, 5.0]]), np.array([0, 1, 0, 1, 2, 2]), False)
CASES = [
    {"optimizer": "adam", "penalty": "l1", "strength": 0.01, "schedule": "cosine", "period": 2},
    {"optimizer": "rmsprop", "penalty": "l2", "schedule": "step", "period": 1, "rate": 0.01, "start": "xavier"},
    {"optimizer": "nesterov", "penalty": "decoupled", "schedule": "warm_up", "dropout": 0.3, "layers": "6, 3 relu"},
    {
        "events": "4:rate=0.1; 5:w1.2.1=0.5; 5:b2.1=-1; 0:b1.1=2",
        "loss": "cross_entropy",
        "batches": 2,
        "schedule": "exponential",
    },
    {"data": "points", "points": DRAWN, "layers": "3 gelu", "features": "x1, x2^2", "optimizer": "adagrad"},
    {"data": "sine", "features": "x1, sin 2x1", "optimizer": "momentum", "rate": 0.003, "start": "he"},
    {"stop": "solved", "features": "x1^2, x2^2", "layers": "8", "rate": 0.1, "epochs": 300},
    {"data": "formula", "formula": "r = x*x + y*y; exp(-r / 8) * max(x, 2) - log(x + 2)", "noise": 10, "bias": False},
    {
        "formula": "x**2 + y**2 - 9",
        "data": "border",
        "features": "x1, own",
        "own": "gelu(x1) + softplus(x2) - leaky_relu(x1) + x2**2",
        "loss": "cross_entropy",
    },
    {"norm": True, "batch": 29, "dropout": 0.1, "events": "4:w1.2.1=0.5; 2:b1.1=-1", "penalty": "decoupled"},
    {"layers": "5 bn, 3 relu", "bias": False, "data": "blobs", "start": "he", "optimizer": "adam"},
    {"loss": "hinge", "data": "moons"},
    {"loss": "absolute", "data": "multi_gauss"},
    {"loss": "absolute", "norm": True},
    {"stop": "patience", "data": "spiral", "layers": "", "epochs": 200},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(list(case)[:2]))
def test_the_script_prints_what_the_page_shows(case: dict) -> None:
    spec = PlaygroundSpec(**{"epochs": 3, "count": 60, **case})
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(script(spec), {})
    found = {name: float(value) for name, value in (line.split(" = ") for line in out.getvalue().splitlines())}
    expected = numbers(spec)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
