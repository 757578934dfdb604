"""The run table: pinned runs, in what they differ, their curves over each other, and all of it as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from pages._ui.runs import MOST, Run, to_csv
from tests.pages.conftest import components, core_of

SLUG, UPDATE = "backprop_stepper", {"backprop_stepper.lens": "update"}


def pin(at):
    return at.button(key=f"{SLUG}:pin").click().run()


def table(at):
    return next((d.value for d in at.dataframe if d.value.columns[0] == "run"), None)


def losses(**settings) -> list[float]:
    about = core_of(SLUG)
    spec = about.SPEC(lens="update", **settings)
    return list(about.look(spec, about.graph_of(spec)).curve)


def test_no_table_before_a_run_is_pinned(open_page):
    at = open_page(SLUG, UPDATE)
    assert table(at) is None
    assert f"{SLUG}:runs.chart" not in components(at, "chart")
    assert [b.label for b in at.button if b.key and ":pin" in b.key] == ["Pin this run"]


def test_two_runs_differ_in_what_was_changed(open_page):
    at = pin(open_page(SLUG, UPDATE))
    assert list(table(at).columns) == ["run", "final loss"]
    at.segmented_control(key=f"{SLUG}.optimizer").set_value("adam").run()
    at.slider(key=f"{SLUG}.steps").set_value(20).run()
    pin(at)
    rows = table(at)
    assert list(rows.columns) == ["run", "final loss", "optimizer", "steps"]
    assert rows["run"].tolist() == ["run 1", "run 2"]
    assert rows["optimizer"].tolist() == ["sgd", "adam"]
    assert rows["steps"].tolist() == ["40", "20"]
    assert rows["final loss"].tolist() == [losses()[-1], losses(optimizer="adam", steps=20)[-1]]
    curves = components(at, "chart")[f"{SLUG}:runs.chart"]["figure"]["data"]
    assert [c["name"] for c in curves] == ["run 1", "run 2"]


def test_pinned_runs_stay_when_the_settings_change_and_go_when_removed(open_page):
    at = pin(open_page(SLUG, UPDATE))
    at.button(key=f"{SLUG}:reset").click().run()
    assert table(at) is None, "another lens"
    at.segmented_control(key=f"{SLUG}.lens").set_value("update").run()
    assert table(at)["run"].tolist() == ["run 1"]
    at.button(key=f"{SLUG}:unpin").click().run()
    assert table(at) is None
    assert not [b for b in at.download_button if b.key == f"{SLUG}:runs.csv"]
    assert table(pin(at))["run"].tolist() == ["run 2"], "a name is never used twice"


def test_the_newest_runs_stay(open_page):
    at = open_page(SLUG, UPDATE)
    for _ in range(MOST + 2):
        pin(at)
    assert table(at)["run"].tolist() == [f"run {k}" for k in range(3, MOST + 3)]


def test_sessions_pin_for_themselves(open_page):
    pin(open_page(SLUG, UPDATE))
    assert table(open_page(SLUG, UPDATE)) is None


RUNS = [
    Run("run 1", {"formula": 'w*x, "quoted"\nline', "rate": 0.1}, {"final loss": 0.25}, [1.0, 0.5, 0.25]),
    Run("run 2", {"formula": "a", "rate": 1e-300}, {"final loss": float("nan")}, [2.0]),
]


def test_csv_holds_everything():
    first, second = csv.DictReader(io.StringIO(to_csv(RUNS)))
    assert list(first) == ["run", "final loss", "formula", "rate", "step 0", "step 1", "step 2"]
    assert first["formula"] == 'w*x, "quoted"\nline'
    assert [float(first[f"step {k}"]) for k in range(3)] == [1.0, 0.5, 0.25]
    assert float(second["rate"]) == 1e-300
    assert second["final loss"] == "nan"
    assert [second[f"step {k}"] for k in range(3)] == ["2.0", "", ""]


@pytest.mark.parametrize("formula", ["=1+1", "+x", "-x*y", "@x"])
def test_csv_gives_a_spreadsheet_no_command(formula):
    """A formula that begins with = + - @ would be evaluated by a spreadsheet that opens the file."""
    (row,) = csv.DictReader(io.StringIO(to_csv([Run("run 1", {"formula": formula}, {"loss": 1.0}, [-1.0])])))
    assert row["formula"] == f"'{formula}"
    assert row["step 0"] == "-1.0"


def test_no_table_in_front_of_a_class(open_page):
    at = open_page(SLUG, {**UPDATE, "focus": "1"})
    assert not at.button
    assert f"{SLUG}:figure.losses" in components(at, "chart")
