"""The exported script runs by itself and prints the page's numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.home.code import script
from core.home.compute import numbers
from core.home.spec import HomeSpec


@pytest.mark.parametrize(
    "spec",
    [HomeSpec(), HomeSpec(hidden=7, rate=0.0123, momentum=0.35, batch=50, epochs=4, seed=11)],
    ids=["default", "other"],
)
def test_the_script_prints_the_page_s_numbers(spec: HomeSpec, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", script(spec)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    printed = {name: float(number) for name, number in (line.split(" = ") for line in run.stdout.splitlines())}
    assert printed == pytest.approx(numbers(spec), rel=1e-12, abs=1e-12)
