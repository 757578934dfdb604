"""Pages of trained networks: one whose weights are not here, and a visitor's own picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data.own import keep
from tests.pages.conftest import components, turn_to

PAGES = ("conv_filters", "conv_lab", "saliency")


@pytest.fixture
def nowhere(monkeypatch, tmp_path) -> None:
    """A computer without any ImageNet weights."""
    monkeypatch.delenv("GLASSNET_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))


@pytest.mark.parametrize("slug", PAGES)
def test_missing_weights_are_said_offered_and_replaced(open_page, nowhere, slug: str) -> None:
    at = open_page(slug, {f"{slug}.network": "resnet18"})
    assert not at.exception
    assert "The weights of ResNet-18 are not on this computer" in at.info[0].value
    assert "Download 45 MB" in [button.label for button in at.button]
    assert components(at, "chart")
    assert at.query_params[f"{slug}.network"] == "resnet18"
    turn_to(at, slug, {f"{slug}.network": "lenet5-mnist"})
    assert not at.info


@pytest.mark.parametrize("slug", PAGES[:2])
def test_the_key_of_a_picture_from_elsewhere_is_dropped(open_page, slug: str) -> None:
    key = keep(np.zeros((9, 9, 3), np.uint8))  # it is kept, but another visitor brought it
    at = open_page(slug, {f"{slug}.own": key})
    assert not at.exception
    assert f"{slug}.own" not in at.query_params
