"""Points as text, and what a click does to them."""

from __future__ import annotations

import pytest

from core.errors import ExplainerError
from core.neuron import SPEC, after_click, points_of, points_text, read_points
from core.neuron.spec import DATA, MOST, Point

THREE = (Point(0.5, 1.25, 1), Point(-1.0, -3.0, -1), Point(0.0, 0.0, 1))


def test_text_and_points() -> None:
    assert points_text(THREE) == "0.5 1.25 +; -1 -3 -; 0 0 +"
    assert read_points(points_text(THREE)) == THREE
    assert read_points("") == ()


@pytest.mark.parametrize("data", DATA)
def test_generated_points_survive_the_link(data: str) -> None:
    points = points_of(SPEC(data=data))
    assert read_points(points_text(points)) == points
    assert points_of(SPEC(points=points_text(points))) == points
    assert {y for *_, y in points} == {1, -1}


def test_the_longest_text_fits_into_the_link() -> None:
    text = points_text([Point(-2.87, -1.23, -1)] * MOST)
    assert SPEC(points=text).points == text


@pytest.mark.parametrize(
    "text", ["1 2", "1 2 x", "1 b +", "4 0 +", "nan 0 +", "inf 0 -", "; ".join(["0 0 +"] * (MOST + 1))]
)
def test_points_that_cannot_be_used(text: str) -> None:
    with pytest.raises(ExplainerError, match=r"cannot be used|outside|at most"):
        read_points(text)


@pytest.mark.parametrize(
    ("mode", "selected", "hit", "text", "then"),
    [
        ("move", 1, None, "0.5 1.25 +; 2 -0.7 -; 0 0 +", 1),
        ("move", 1, 2, "0.5 1.25 +; -1 -3 -; 0 0 +", 2),
        ("plus", 0, None, "0.5 1.25 +; -1 -3 -; 0 0 +; 2 -0.7 +", 3),
        ("minus", 0, None, "0.5 1.25 +; -1 -3 -; 0 0 +; 2 -0.7 -", 3),
        ("plus", 0, 1, "0.5 1.25 +; -1 -3 -; 0 0 +", 1),
        ("remove", 2, 0, "-1 -3 -; 0 0 +", 1),
        ("remove", 1, None, "0.5 1.25 +; -1 -3 -; 0 0 +", 1),
    ],
)
def test_a_click(mode: str, selected: int, hit: int | None, text: str, then: int) -> None:
    assert after_click(THREE, mode, selected, (2.0, -0.7), hit) == (text, then)


def test_clicks_at_the_edges() -> None:
    assert after_click([], "move", 0, (5.0, -5.0), None) == ("3 -3 +", 0)
    with pytest.raises(ExplainerError, match="most that are allowed"):
        after_click(THREE * 20, "plus", 0, (0.0, 0.0), None)


def test_the_gates() -> None:
    assert points_text(points_of(SPEC(data="and"))) == "0 0 -; 0 1 -; 1 0 -; 1 1 +"
    assert points_text(points_of(SPEC(data="or"))) == "0 0 -; 0 1 +; 1 0 +; 1 1 +"
    assert points_text(points_of(SPEC(data="xor", count=2, noise=0.0))) == "-1 1 +; -1 -1 -; 1 -1 +; 1 1 -"
