"""Runs over steps: the values are those given, and every line can be told from every other."""

from __future__ import annotations

import json

import numpy as np

from core.plots.curves import overlay
from core.plots.encode import figure_json


def test_lines_hold_the_values_at_their_steps() -> None:
    figure = overlay({"SGD": [4.0, 1.0, 0.25], "Adam": [4.0, 3.9]}, "training step", "loss L")
    assert [line["name"] for line in figure.data] == ["SGD", "Adam"]
    np.testing.assert_array_equal(figure.data[0]["y"], [4.0, 1.0, 0.25])
    np.testing.assert_array_equal(figure.data[0]["x"], [0, 1, 2])
    np.testing.assert_array_equal(figure.data[1]["x"], [0, 1])
    assert figure.alt == "loss L against training step: SGD from 4 to 0.25; Adam from 4 to 3.9."
    assert figure.layout["xaxis"]["title"]["text"] == "training step"
    assert figure.layout["yaxis"]["title"]["text"] == "loss L"
    assert "training step %{x}<br>loss L %{y" in figure.data[0]["hovertemplate"]


def test_log_axis_only_where_asked() -> None:
    assert overlay({"a": [1.0, 2.0]}, "x", "y").layout["yaxis"]["type"] == "linear"
    assert overlay({"a": [1.0, 2.0]}, "x", "y", log=True).layout["yaxis"]["type"] == "log"


def test_thirty_two_lines_all_look_different() -> None:
    figure = overlay({f"run {k}": [float(k), 0.0] for k in range(32)}, "step", "loss")
    assert len({(line["line"]["color"], line["line"]["dash"]) for line in figure.data}) == 32
    assert len(overlay({f"run {k}": [float(k)] for k in range(40)}, "step", "loss").data) == 40


def test_one_value_is_a_point_none_is_no_line() -> None:
    figure = overlay({"one": [0.5], "none": []}, "step", "loss")
    assert [line["mode"] for line in figure.data] == ["markers", "markers"]
    assert figure.alt == "loss against step: one from 0.5 to 0.5."
    assert overlay({}, "step", "loss").alt == "loss against step: no run yet."
    json.loads(figure_json(overlay({}, "step", "loss")))


def test_a_diverged_run_can_be_sent() -> None:
    figure = overlay({"run": [1.0, float("inf"), float("nan")]}, "step", "loss")
    json.loads(figure_json(figure))
    assert figure.alt == "loss against step: run from 1 to nan."
