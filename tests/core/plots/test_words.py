"""Numbers in words: four digits, a true minus sign, no minus zero, blank where nothing is known yet."""

from __future__ import annotations

import math

import pytest

from core.plots.words import short


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, ""), (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.0, "−1"), (0.123456, "0.1235"), (-0.00012344, "−0.0001234"), (12345.0, "1.234e+04"),
        (1e-12, "1e−12"), (-1e-12, "−1e−12"), (-2.5e300, "−2.5e+300"), (99999.0, "1e+05"), (3, "3"), (math.nan, "nan"), (-math.inf, "−inf"),
    ],
)  # fmt: skip
def test_short(number: float | None, words: str) -> None:
    assert short(number) == words
