"""Keep a model, start again, and have it back on the page: the same curve, the same weights, the same answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.data.image_sets import keep
from core.errors import ExplainerError
from core.store import Run, new_key, save
from core.transfer_tuner import course, home, lenses
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.evaluation import answers
from core.transfer_tuner.kept import reopened, same_run
from core.transfer_tuner.spec import LENSES
from core.transfer_tuner.tuning import rebuilt
from tests.core.transfer_tuner.conftest import SMALL


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path) -> None:
    """A folder of this test's own for what is kept."""
    monkeypatch.setenv("GLASSNET_STORE", str(tmp_path))


def test_a_kept_model_comes_back_as_it_was(runs, data):
    run = runs["full"]
    found = reopened(save(home.saved(run, "mine"), new_key()))
    assert same_run(found.spec, run.spec)
    assert found.done
    for name in ("curve/val_loss", "curve/val_accuracy", "logits_val", "gradients"):
        np.testing.assert_array_equal(found.arrays[name], run.arrays[name], err_msg=name)
    net = rebuilt(found.spec, len(data.classes), found.arrays)
    np.testing.assert_allclose(
        answers(net, data.pictures[data.val], found.spec), run.arrays["logits_val"], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("lens", [name for name in LENSES if name not in ("size", "rate", "cost", "nets")])
def test_every_look_takes_a_kept_model(lens, runs):
    found = reopened(save(home.saved(runs["partial"], "mine"), new_key()))
    seen = lenses.look(replace(SMALL, strategy="partial", lens=lens), {"partial": found})
    assert seen.sentences


def test_older_ones_have_no_gradients(runs):
    stored = home.saved(runs["full"], "old")
    arrays = {name: value for name, value in stored.arrays.items() if name != "gradients"}
    found = reopened(save(Run("old", stored.about, stored.weights, arrays), new_key()))
    assert found.arrays["gradients"].shape == (SMALL.epochs + 1, 5)
    assert not found.arrays["gradients"].any()


def test_what_cannot_be_shown_is_said(runs, pictures, monkeypatch):
    own = replace(SMALL, data="own", own=keep(pictures))
    run = Outcome(own, runs["probe"].arrays)
    kept = save(home.saved(run, "my cats"), new_key())
    assert reopened(kept).spec.own == own.own
    monkeypatch.setattr(course, "kept", lambda digest: None)
    with pytest.raises(ExplainerError, match="'my cats' cannot be shown"):
        reopened(kept)
    with pytest.raises(ExplainerError, match="not made on this page"):
        reopened(save(Run("other", {}, {"w": np.ones(3)}, {}), new_key()))
