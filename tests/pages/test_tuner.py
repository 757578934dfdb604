"""The tuner's page without a browser: weights that have to be had first, its films, the pad, and a model that was kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.store import new_key, save
from core.transfer_tuner import SPEC, glimpse, home
from tests.pages.conftest import components, turn_to

SMALL = SPEC(count=40, epochs=2)


def link(spec: SPEC) -> dict[str, str]:
    """The page's address in this state."""
    return spec.to_query()


def test_missing_weights_are_offered_and_replaced(open_page, monkeypatch, tmp_path):
    monkeypatch.delenv("GLASSNET_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    at = open_page("transfer_tuner", link(replace(SMALL, backbone="resnet18")))
    assert not at.exception
    assert [info.value.split(";")[0] for info in at.info] == ["The weights of ResNet-18 are not on this computer"]
    assert "Download 45 MB" in [button.label for button in at.button]
    assert components(at, "chart")
    turn_to(at, "transfer_tuner", link(SMALL))
    assert not at.info


def test_the_films_of_the_loop_and_of_the_features(open_page):
    at = open_page("transfer_tuner", link(replace(SMALL, lens="loop", strategy="full")))
    assert not at.exception
    (bar,) = components(at, "transport").values()
    assert [step["title"] for step in bar["steps"]][1] == "Forward"
    assert len(components(at, "chart")["transfer_tuner:loop"]["figure"]["frames"]) == len(bar["steps"])
    turn_to(at, "transfer_tuner", link(replace(SMALL, lens="space", strategy="full")))
    (bar,) = components(at, "transport").values()
    assert [step["title"] for step in bar["steps"]] == ["Epoch 0", "Epoch 1", "Epoch 2"]
    turn_to(at, "transfer_tuner", link(replace(SMALL, lens="space")))
    assert not components(at, "transport"), "a probe's features do not move"


@pytest.mark.parametrize(("data", "pads"), [("digits", 1), ("textures", 0)])
def test_a_digit_can_be_drawn_where_digits_are_learned(open_page, data, pads):
    at = open_page("transfer_tuner", link(replace(SMALL, data=data, lens="predict")))
    assert not at.exception
    assert len(components(at, "pad")) == pads


def test_a_kept_model_is_shown_again(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSNET_STORE", str(tmp_path))
    spec, key = replace(SMALL, strategy="partial"), new_key()
    save(home.saved(glimpse(spec)["partial"], "mine"), key)
    at = open_page("transfer_tuner", {**link(SMALL), "key": key, "transfer_tuner.tab": "Code"})
    assert not at.exception
    at.button(key="transfer_tuner:reopen").click().run()
    assert not at.exception
    assert at.query_params["transfer_tuner.strategy"] == "partial"
    assert at.session_state["transfer_tuner:opened"].done
