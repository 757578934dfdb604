"""Rows of numbers and their text: there and back, and what is no such text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.linked import MOST, TOP, from_text, to_text
from core.errors import ExplainerError


@given(st.lists(st.tuples(*[st.integers(0, TOP)] * 3), max_size=20))
def test_there_and_back(rows: list[tuple[int, int, int]]) -> None:
    given_rows = np.array(rows, int).reshape(-1, 3)
    text = to_text(given_rows)
    assert len(text) == 6 * len(rows)
    np.testing.assert_array_equal(from_text(text, 3), given_rows)


def test_the_digits_are_those_of_rfc_4648() -> None:
    assert to_text(np.array([[0, 1, 64, TOP]])) == "AAABBA__"


@pytest.mark.parametrize(
    ("text", "words"), [("AAA", "damaged"), ("AA?A", "damaged"), ("AAAA" * (MOST + 1), "401 points are too many")]
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        from_text(text, 2)
