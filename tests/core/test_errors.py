"""How options are named in a sentence, and what kind of error a user's input causes."""

from __future__ import annotations

import pytest

from core.errors import ExplainerError, one_of


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (["a"], "a"),
        (["a", "b"], "a or b"),
        (["a", "b", "c"], "a, b or c"),
        (iter("abcd"), "a, b, c or d"),
        ({"x": 1, "y": 2}, "x or y"),
    ],
)
def test_every_option_is_named_once(options, phrase: str) -> None:
    assert one_of(options) == phrase


def test_it_can_be_caught_as_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"try 0\.1"):
        raise ExplainerError("learning rate 3.0 is outside 1e-5 to 1; try 0.1")
