"""The film: what it outlines is what is multiplied, what it says is what was computed, and a click leads there."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.conv_arithmetic import clicked, film_steps, given, picture, stage
from core.conv_arithmetic.compute import run_of, stops
from core.conv_arithmetic.figures import cell_text, fog, outline
from core.conv_arithmetic.scene import cell_latex, number, scene, size_latex
from core.conv_arithmetic.spec import EXAMPLES, ConvArithmeticSpec
from core.plots.encode import figure_json

SPECS = [pytest.param(ConvArithmeticSpec(**e.settings), id=e.slug) for e in EXAMPLES]


@pytest.mark.parametrize("spec", SPECS)
def test_one_frame_and_one_sentence_for_every_stop(spec: ConvArithmeticSpec) -> None:
    height, width = stops(run_of(spec))
    assert len(stage(spec).frames) == len(film_steps(spec)) == height * width


@pytest.mark.parametrize("spec", SPECS)
def test_frames_change_lines_alone(spec: ConvArithmeticSpec) -> None:
    figure = stage(spec)
    for frame in figure.frames:
        assert {figure.data[trace]["type"] for trace in frame.traces} == {"scatter"}
        assert {key for change in frame.data for key in change} == {"x", "y"}


def test_the_window_is_outlined() -> None:
    spec = ConvArithmeticSpec(stride=2, padding=1, step=5)  # output 4 x 4: row 1, column 1
    figure = stage(spec)
    marks = [trace for trace in figure.data if trace["type"] == "scatter"]
    border, window, cell, _fog = marks
    assert (np.nanmin(border["x"]), np.nanmax(border["x"])) == (0.5, 8.5)
    assert (window["x"].min(), window["x"].max(), window["y"].min(), window["y"].max()) == (1.5, 4.5, 1.5, 4.5)
    assert (cell["x"].min(), cell["x"].max(), cell["y"].min(), cell["y"].max()) == (0.5, 1.5, 0.5, 1.5)


def test_a_dilated_window_is_outlined_cell_by_cell() -> None:
    x, y = outline(np.array([0, 2]), np.array([1, 3]))
    assert np.isnan(x).sum() == np.isnan(y).sum() == 3
    assert sorted(set(x[~np.isnan(x)])) == [0.5, 1.5, 2.5, 3.5]


def test_fog_covers_what_is_to_come() -> None:
    """The polygon's area is the number of cells after (1, 1) of 3 x 4."""
    x, y = fog(1, 1, (3, 4))
    area = 0.5 * abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])))
    assert area == pytest.approx(3 * 4 - 6)


@pytest.mark.parametrize("spec", SPECS)
def test_the_size_of_the_formula_is_the_size_of_the_output(spec: ConvArithmeticSpec) -> None:
    made = run_of(spec)
    sizes = [int(line.rsplit("=", 1)[1]) for line in size_latex(made)]
    assert sizes in ([made.y.shape[2]], list(made.y.shape[1:]))


def test_both_axes_are_spelled_out_where_they_differ() -> None:
    assert len(size_latex(run_of(ConvArithmeticSpec(stride_width=2)))) == 2
    assert len(size_latex(run_of(ConvArithmeticSpec()))) == 1


def test_the_formula_s_terms_add_up() -> None:
    spec = ConvArithmeticSpec(bias=2.5)
    made = run_of(spec)
    words = cell_latex(made, 0, 2, 3)
    left, terms, value = re.fullmatch(r"(y_\{0,2,3\}) = (.*) = (\S+)", words).groups()
    sides = terms.replace("_b", "").replace(r"\cdot", "*")
    assert left
    assert eval(sides) == pytest.approx(made.y[0, 2, 3]) == float(value)


def test_a_large_kernel_is_added_row_by_row() -> None:
    made = run_of(ConvArithmeticSpec(kernel="box", kernel_size=5, padding=2))
    words = cell_latex(made, 0, 4, 4)
    terms = words.split(" = ")[1].split(" + ")
    assert len(terms) == 5
    assert sum(map(float, terms)) == pytest.approx(made.y[0, 4, 4], rel=1e-3)


def test_a_click_on_the_output_leads_to_its_step() -> None:
    spec = ConvArithmeticSpec(channels=2)  # input, kernel, input, kernel, output
    assert clicked(spec, 4, (1, 2)) == 8
    assert [clicked(spec, trace, (1, 2)) for trace in (0, 1, 2, 3, 5)] == [None] * 5
    grouped = ConvArithmeticSpec(channels=2, filters=2, groups=2)  # input, kernel, input, output
    assert clicked(grouped, 3, (0, 1)) == 1
    stamping = ConvArithmeticSpec(kind="transposed")
    assert clicked(stamping, 0, (1, 2)) == 10
    assert clicked(stamping, 2, (1, 2)) is None
    assert clicked(spec, 4, (3,)) is None


def test_the_input_is_shown_where_there_is_no_output() -> None:
    first, second = (trace["z"] for trace in given(ConvArithmeticSpec(kernel_size=7, dilation=2, channels=2)).data)
    np.testing.assert_array_equal([first, second], picture(ConvArithmeticSpec(channels=2)))


def test_where_the_picture_stands_in_its_padding() -> None:
    assert scene(ConvArithmeticSpec(padding=2, mode="reflect"))["inner"] == (2, 2, 8, 8)
    assert scene(ConvArithmeticSpec(padding=3, mode="circular"))["inner"] == (3, 3, 8, 8)
    assert scene(ConvArithmeticSpec(kind="causal"))["inner"] == (0, 2, 1, 8)


def test_cells_say_their_numbers() -> None:
    assert cell_text(np.array([[1.0, -0.0, -2.0, 0.0625, -0.125, 123456.0, np.nan]])) == [
        ["1", "0", "−2", "0.0625", "−0.125", "1.23e+05", ""]
    ]
    assert number(-0.5) == "(-0.5)"
    assert number(1.25e-7) == r"1.25\cdot 10^{-7}"


def test_the_largest_film_stays_below_two_megabytes() -> None:
    spec = ConvArithmeticSpec(
        picture="shape", size=16, channels=4, filters=1, kernel="random", kernel_size=5, dilation=2, padding=4
    )
    assert len(figure_json(stage(spec))) < 2_000_000
