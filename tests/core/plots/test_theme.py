"""Colours that can be told apart, on white and on near-black; axes with titles; scales with white at 0."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from core.plots import theme
from core.plots.theme import CATEGORIES, SIGNED, axis, hidden_axis, layout, signed_scale, upright_line

RGB_TO_LMS = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
BLIND = {  # Viénot, Brettel & Mollon 1999, Color Research & Application 24: what is left of LMS without L or M cones
    "protanopia": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
    "deuteranopia": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
}


def linear(colour: str) -> np.ndarray:
    """sRGB as amounts of light."""
    c = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, eye: str) -> np.ndarray:
    """A colour as an eye without one kind of cone sees it, on the scale of lightness perception (cube root)."""
    lms = BLIND[eye] @ RGB_TO_LMS @ linear(colour)
    return np.cbrt(np.clip(np.linalg.inv(RGB_TO_LMS) @ lms, 0, None))


@pytest.mark.parametrize("colour", CATEGORIES)
@pytest.mark.parametrize("page", ["#ffffff", "#0e1117"])
def test_every_line_stands_out_on_white_and_on_black(colour: str, page: str) -> None:
    assert contrast(colour, page) >= 2.5


@pytest.mark.parametrize("eye", BLIND)
def test_the_pairs_that_pictures_set_against_each_other_differ_for_every_eye(eye: str) -> None:
    for one, other in [
        (theme.FORWARD, theme.BACKWARD),
        (theme.GREEN, theme.VERMILLION),
        (theme.BLUE, theme.VERMILLION),
    ]:
        assert np.linalg.norm(seen(one, eye) - seen(other, eye)) > 0.1, (one, other)


def test_the_palette_has_eight_different_colours() -> None:
    assert len(CATEGORIES) == 8
    assert min(np.abs(linear(a) - linear(b)).max() for a, b in combinations(CATEGORIES, 2)) > 0.05


def test_signed_values_are_white_at_zero_and_bound_both_sides_alike() -> None:
    scale = signed_scale(2.5)
    assert (scale["zmin"], scale["zmax"]) == (-2.5, 2.5)
    assert [stop for stop, _ in scale["colorscale"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert contrast(scale["colorscale"][2][1], "#ffffff") < 1.15
    below, above = linear(SIGNED[0][1]), linear(SIGNED[-1][1])
    assert below[2] > below[0]  # blue below 0
    assert above[0] > above[2]  # orange above


@pytest.mark.parametrize("bound", [0, 0.0, -0.0])
def test_a_scale_of_zeros_is_still_a_scale(bound: float) -> None:
    assert (signed_scale(bound)["zmin"], signed_scale(bound)["zmax"]) == (-1.0, 1.0)


def test_an_upright_line_spans_the_whole_picture() -> None:
    line = upright_line(3, color="red", width=2)
    assert (line["x0"], line["x1"], line["y0"], line["y1"], line["yref"]) == (3, 3, 0, 1, "paper")
    assert line["line"] == {"color": "red", "width": 2}


def test_axis_and_layout_take_more_on_top() -> None:
    assert axis("loss L", type="log")["title"] == {"text": "loss L"}
    assert axis("loss L", type="log")["type"] == "log"
    assert axis("x", automargin=False)["automargin"] is False
    assert hidden_axis(range=[0, 1]) == {"visible": False, "fixedrange": False, "range": [0, 1]}
    assert layout(uirevision="new")["uirevision"] == "new"
    assert layout()["uirevision"] == "keep"
    assert layout()["colorway"] == list(CATEGORIES)
    assert layout() is not layout()
