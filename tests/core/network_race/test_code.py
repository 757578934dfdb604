"""The exported script where presets do not go: schedules, clipping, own classes, other data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.network_race import SPEC, numbers, script


def test_the_script_prints_the_numbers(tmp_path: Path) -> None:
    spec = SPEC(
        data="diabetes", racers="Nesterov, AMSGrad, AdamW, RAdam, Lion, Muon, Rprop", rates="same", rate=0.003, steps=12, seeds=2,
        batch=100, width=6, depth=3, activation="relu", clip="value", threshold=0.1, schedule="plateau", period=3, weight_decay=0.2,
    )  # fmt: skip
    command = [sys.executable, "-I", "-W", "error", "-c", script(spec)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    found = dict(line.split(" = ") for line in run.stdout.splitlines() if " = " in line)
    assert {name: pytest.approx(float(value), rel=1e-9) for name, value in found.items()} == numbers(spec)


def test_the_script_says_who_did_not_finish() -> None:
    text = script(SPEC(racers="SGD", rates="same", steps=10))
    compile(text, "script", "exec")
    assert "torch.optim.SGD(p, lr=0.01)" in text
    assert "Muon" not in text
    assert "sklearn" not in text
