"""What all tests share."""

from __future__ import annotations

import pytest
import torch

torch.set_num_threads(1)  # as in the app: two on a busy machine are slower, and the order of sums would differ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and worker processes may be too late on a busy machine: their tests are tried twice more, and the summary names them."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.flaky(reruns=2))
