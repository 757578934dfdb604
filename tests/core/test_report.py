"""The report: everything in one file, nothing fetched, what a user wrote only as text; the table keeps every digit."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from core.contracts import Figure, Frame, View
from core.optimizer_race.spec import OptimizerRaceSpec
from core.report import Section, plain, section, settings, to_csv, to_html

FIGURE = Figure(
    [{"type": "scatter", "x": np.arange(3.0), "y": np.array([1.0, np.nan, 2.0])}],
    {"xaxis": {"title": {"text": "x"}}},
    "A line <b>",
    "Higher is more.",
    [Frame([{"y": np.zeros(3)}], [0])],
)
SECTIONS = [
    Section(
        "Who won & why", ["One </script><script>alert(1)</script>"], [{"racer": "A<b>", "f": "1"}], {"The line": FIGURE}
    )
]
LIBRARY, MODULE = "/* plotly */", "export function decode(v) { return v; }\nexport function picture(f) { return f; }\n"


def test_the_file_holds_all_that_it_needs_and_asks_for_nothing() -> None:
    page = to_html("A race", [*SECTIONS, settings(OptimizerRaceSpec())], LIBRARY, MODULE)
    assert "<title>A race</title>" in page
    assert LIBRARY in page
    assert "\nfunction decode" in page
    assert "export " not in page
    assert not re.search(r'(src|href)="|url\(|fetch\(|@import', page)


def test_the_figures_are_the_page_s_as_strict_json() -> None:
    page = to_html("A race", SECTIONS, LIBRARY, MODULE)
    sent = json.loads(re.search(r"^const sent = (.*);$", page, re.MULTILINE)[1])
    assert sent[0]["data"][0]["x"]["dtype"] == "f4"
    assert len(sent[0]["frames"]) == 1
    assert 'aria-label="A line &lt;b&gt;"' in page
    assert "Higher is more." in page


def test_words_and_tables_are_text_and_never_code() -> None:
    page = to_html("<i>", SECTIONS, LIBRARY, MODULE)
    assert "<title>&lt;i&gt;</title>" in page
    assert "<td>A&lt;b&gt;</td><td>1</td>" in page
    assert "<script>alert" not in page
    assert "Who won &amp; why" in page
    assert page.count("<script>") == page.count("</script>") == 2


def test_a_figure_cannot_close_the_script() -> None:
    figure = Figure([{"type": "scatter", "name": "</script>"}], {}, "", "")
    assert to_html("t", [Section("s", figures={"f": figure})], "", "").count("</script>") == 2


def test_settings_name_every_parameter_in_its_own_words() -> None:
    spec = OptimizerRaceSpec(surface="typed", angle=30.0)
    rows = {row["name in the settings file"]: row for row in settings(spec).rows}
    assert rows.keys() == spec.as_dict().keys()
    assert rows["surface"]["value"] == "Your own formula"
    assert (rows["angle"]["value"], rows["angle"]["unit"]) == (30.0, "°")


def test_the_table_keeps_every_digit() -> None:
    text = to_csv(("racer", "x"), [("SGD, fast", 0.1 + 0.2), ("Adam", 1e-300)])
    assert text == 'racer,x\n"SGD, fast",0.30000000000000004\nAdam,1e-300\n'


def test_a_section_takes_marks_off_and_gives_names_a_capital() -> None:
    seen = View(["**Head 1** reads *nothing*.", "2 * 3 \\* 4"], figures={"the map": FIGURE}, rows=[{"a": 1}])
    made = section("Maps", seen)
    assert made.sentences == ["Head 1 reads nothing.", "2 * 3 * 4"]
    assert list(made.figures) == ["The map"]
    assert made.rows == [{"a": 1}]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**a** and *b* and `c`", "a and b and c"),
        ("x**2 stays x**2", "x**2 stays x**2"),
        (r"\*\*kept\*\* and \[0, 1\]", "**kept** and [0, 1]"),
        ("a * b * c", "a * b * c"),
        ("α_t and w_ij", "α_t and w_ij"),
        ("*all of it*", "all of it"),
        ("", ""),
    ],
)
def test_plain_text(markdown: str, text: str) -> None:
    assert plain(markdown) == text
