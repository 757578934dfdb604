"""What leaves for other runtimes gives the page's answers, and says how near it is; without the extra packages there is a sentence."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from core.data.image_sets import chosen, image_set, keep
from core.errors import ExplainerError
from core.transfer_tuner import home
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.tuning import tune
from tests.core.transfer_tuner.conftest import SMALL


@pytest.fixture(scope="module")
def larger():
    """MobileNetV2 from first weights after one epoch on eight pictures: batch-norm, dropout and depthwise convolutions."""
    whole = image_set("textures", 60, 1)
    few = chosen(whole, [n for n, label in enumerate(whole.labels) if label < 2][:8])
    few = replace(few, classes=few.classes[:2])
    spec = replace(SMALL, data="own", own=keep(few), backbone="mobilenet_v2", strategy="scratch", epochs=1, depth=2, dropout=0.3)  # fmt: skip
    *_, last = tune(spec, few)
    return Outcome(spec, last.arrays)


@pytest.fixture(scope="module")
def some(runs, larger):
    return {"ours": runs["full"], "mobilenet_v2": larger}


@pytest.mark.parametrize("name", ["ours", "mobilenet_v2"])
def test_the_program_gives_the_page_s_logits(name, some):
    run = some[name]
    Z = home.answers_of_export(run, home.exported(run))
    expected = run.arrays["logits_val"]
    assert Z.shape == expected.shape
    np.testing.assert_allclose(Z, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["ours", "mobilenet_v2"])
def test_onnx_gives_the_page_s_logits(name, some):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    run = some[name]
    Z = home.answers_of_onnx(run, home.onnx(run))
    expected = run.arrays["logits_val"]
    assert Z.shape == expected.shape
    np.testing.assert_allclose(Z, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_without_the_extra_there_is_a_sentence(runs, monkeypatch):
    def missing(*_args, **_settings):
        raise ModuleNotFoundError("No module named 'onnxscript'")

    if find_spec("onnxscript") is not None:
        monkeypatch.setattr(torch.onnx, "export", missing)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExplainerError, match=r"pip install -r requirements-deploy\.txt"):
        home.onnx(runs["probe"])
    assert home.answers_of_onnx(runs["probe"], b"") is None
    assert "was not tried" in home.agreement(runs["probe"], None)


def test_the_agreement_counts(runs):
    run = runs["full"]
    expected = run.arrays["logits_val"]
    other = expected.copy()
    other[0] = -other[0]
    words = home.agreement(run, other)
    same = (other.argmax(1) == expected.argmax(1)).sum()
    assert f"{same} of {len(expected)} answers are the page's" in words
    assert f"{np.abs(2 * expected[0]).max():.1e}" in words
    assert f"{len(expected)} of {len(expected)} answers" in home.agreement(run, expected)


def test_a_file_belongs_to_its_run(runs):
    """After another training a file of the same name is not taken for the new one's."""
    first = home.files(runs["probe"])["model-card.md"].of
    other = dict(runs["probe"].arrays) | {"logits_val": runs["probe"].arrays["logits_val"] + 1}
    assert home.files(runs["probe"])["train.py"].of == first
    assert home.files(Outcome(runs["probe"].spec, other))["model-card.md"].of != first
