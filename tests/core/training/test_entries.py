"""Racers as text."""

from __future__ import annotations

import pytest

from core.errors import ExplainerError
from core.training.entries import Entry, entries
from core.training.optimizers import EVERY


def test_names_rates_and_repetitions() -> None:
    found = entries(" sgd, Adam@0.1 ,RMSprop@1e-3, SGD, nesterov ", EVERY, 12)
    assert found == (
        Entry("SGD", "sgd", None), Entry("Adam@0.1", "adam", 0.1), Entry("RMSprop@0.001", "rmsprop", 1e-3),
        Entry("Nesterov", "nesterov", None),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 racers were chosen; a race needs 1 to 3"), ("SGD, Adam, Lion, Muon", "4 racers were chosen"),
        ("SGDD", "racer 'SGDD' is unknown; choose SGD, "), ("Adam@fast", "after @ comes a learning rate; try Adam@0.1"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        entries(text, EVERY, 3)
