"""The small sets: real digits, planted shapes, parts that share nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.data.small_pictures import TEST_DIGITS, small_pictures
from core.errors import ExplainerError


def test_the_digits_are_scikit_learn_s_each_in_one_part() -> None:
    learn, test = small_pictures("digits", "train"), small_pictures("digits", "test")
    assert (len(learn.y), len(test.y)) == (1797 - TEST_DIGITS, TEST_DIGITS)
    both = sorted(map(tuple, np.concatenate([learn.x, test.x]).reshape(1797, 64).tolist()))
    assert both == sorted(map(tuple, (load_digits().images.reshape(1797, 64) / 16).tolist()))
    assert np.bincount(test.y).min() > 20
    assert test.masks is None


def test_the_shapes_have_masks_and_a_beginning() -> None:
    whole, some = small_pictures("shapes", "test"), small_pictures("shapes", "test", 5)
    assert whole.x.shape == (240, 3, 64, 64)
    assert np.array_equal(some.x, whole.x[:5])
    assert np.array_equal(some.masks, whole.masks[:5])
    assert whole.classes == ("circle", "square", "triangle", "cross")
    assert set(whole.y.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("given", "words"),
    [(("cats", "test"), "choose digits or shapes"), (("digits", "half"), "choose train or test"), (("digits", "test", 401), "more than the 400")],
)  # fmt: skip
def test_what_is_not_there_is_refused(given: tuple, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        small_pictures(*given)
