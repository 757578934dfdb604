"""A program as a picture."""

from __future__ import annotations

import math

from core.plots.listing import listing


def test_each_frame_lights_its_line_and_says_what_passes():
    figure = listing(["a", "  b"], ["1", "2"], [math.nan, 3.0], [0, 1], told=[["1", "2"], ["1", "9"]])
    first, second = figure.frames
    assert (first.layout["shapes"][0]["y0"], second.layout["shapes"][0]["y0"]) == (-0.5, 0.5)
    assert second.data[0]["text"] == ["1", "9"]
    assert list(second.traces) == [1]
    assert figure.data[2]["x"].tolist() == [0.0, 3.0]


def test_without_seconds_and_with_one_line_there_is_no_bar_and_no_film():
    figure = listing(["a"], ["1"], [math.nan], [0])
    assert len(figure.data) == 2
    assert figure.frames == ()
