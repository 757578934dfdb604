"""What all tests share."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)  # as in the app: two on a busy machine are slower, and the order of sums would differ

# the same cases at every run, and no test is wrong for being slow
settings.register_profile("glassnet", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("glassnet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and worker processes may be too late on a busy machine: their tests are tried twice more, and the summary names them."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.flaky(reruns=2))
