"""Which cluster it is, and how large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.jobs.__main__ import size
from core.jobs.pool import ROOT, Place, existing_place

GIB = 2**30


@pytest.mark.parametrize(
    ("environ", "cores", "memory", "expected"),
    [
        ({}, 2, 24 * GIB, (2, 2 * GIB)),
        ({}, 8, 10 * GIB, (6, GIB)),  # 60 % of the memory is 6 GiB
        ({}, 4, GIB, (1, int(0.6 * GIB))),
        ({"GLASSNET_JOB_MEMORY": "512MiB"}, 4, 2 * GIB, (2, GIB // 2)),
        ({"GLASSNET_JOB_WORKERS": "3"}, 16, 10 * GIB, (3, 2 * GIB)),
        ({"GLASSNET_JOB_WORKERS": "6", "GLASSNET_JOB_MEMORY": "3GiB"}, 1, GIB, (6, 3 * GIB)),
    ],
)
def test_workers_and_memory(environ: dict[str, str], cores: int, memory: int, expected: tuple[int, int]) -> None:
    assert size(environ, cores, memory) == expected


@pytest.fixture
def existing(tmp_path: Path) -> dict[str, str]:
    files = {name: tmp_path / name for name in ("CA", "CERT", "KEY")}
    for path in files.values():
        path.touch()
    return {"GLASSNET_SCHEDULER": "tls://h:1", **{f"GLASSNET_TLS_{n}": str(path) for n, path in files.items()}}


def test_the_environment_names_an_existing_cluster(existing: dict[str, str]) -> None:
    assert existing_place({}) is None
    assert existing_place(existing) == Place(
        "tls://h:1", *(existing[f"GLASSNET_TLS_{n}"] for n in ("CA", "CERT", "KEY"))
    )


def test_an_existing_cluster_is_reached_by_tls_alone(existing: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"'tcp://h:1' is not allowed; give an encrypted address, tls://"):
        existing_place({**existing, "GLASSNET_SCHEDULER": "tcp://h:1"})


@pytest.mark.parametrize("variable", ["GLASSNET_TLS_CA", "GLASSNET_TLS_CERT", "GLASSNET_TLS_KEY"])
def test_a_missing_tls_file_is_named(existing: dict[str, str], variable: str) -> None:
    with pytest.raises(ValueError, match=f"{variable} 'nowhere' is not a file"):
        existing_place({**existing, variable: "nowhere"})
    with pytest.raises(ValueError, match=f"{variable} None is not a file"):
        existing_place({name: value for name, value in existing.items() if name != variable})


def test_importing_the_jobs_imports_neither_dask_nor_torch() -> None:
    check = "import sys; from core import jobs; sys.exit(bool({'dask', 'distributed', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
