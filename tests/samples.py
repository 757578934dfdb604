"""Real data for tests that can use it: folders outside the project, which ship with nothing and may be absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def sample(name: str) -> Path:
    """A file or folder of the data folder GLASSNET_TEST_DATA, or of a folder `data` beside the project; skips where it is absent."""
    named = os.environ.get("GLASSNET_TEST_DATA")
    places = [Path(named)] if named else sorted(ROOT.parent.glob("*/data"))
    for place in places:
        if (place / name).exists():
            return place / name
    pytest.skip(f"{name} is not here; name a folder that holds it in GLASSNET_TEST_DATA")
