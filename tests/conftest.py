"""What all tests share."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

# as in the app: two threads on a busy machine are slower, and the order of sums would differ
torch.set_num_threads(1)
threadpool_limits(1)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the processes that tests start

# the same cases at every run, and no test is wrong for being slow
settings.register_profile("glassnet", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("glassnet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and worker processes may be too late on a busy machine: their tests are tried twice more, and the summary names them."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.flaky(reruns=2))
