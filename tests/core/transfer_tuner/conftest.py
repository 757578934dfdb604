"""One small task and one quick run of each strategy, shared by all tests here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.data.image_sets import image_set
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.spec import STRATEGIES, TransferTunerSpec
from core.transfer_tuner.tuning import task, tune

SMALL = TransferTunerSpec(count=40, epochs=2, batch=10, seed=3)


@pytest.fixture(scope="session")
def pictures():
    return image_set("textures", SMALL.count, SMALL.seed)


@pytest.fixture(scope="session")
def data(pictures):
    return task(SMALL, pictures)


@pytest.fixture(scope="session")
def told(pictures):
    """Strategy -> all snapshots of its run."""
    return {name: list(tune(replace(SMALL, strategy=name), pictures)) for name in STRATEGIES}


@pytest.fixture(scope="session")
def runs(told):
    """Strategy -> its outcome."""
    return {name: Outcome(replace(SMALL, strategy=name), snapshots[-1].arrays) for name, snapshots in told.items()}
