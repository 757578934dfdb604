"""What stands around the picture: menu, tabs, focus mode, prose, the files to take home, and a calm word when a page breaks."""

from __future__ import annotations

import logging

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.registry import EXPLAINERS
from pages._ui import frame
from tests.pages.conftest import EXPLAINED, components, core_of


def test_the_menu_has_every_page_under_its_section():
    at = AppTest.from_file(frame.ROOT / "pages/_ui/main.py", default_timeout=60).run()
    pages = at._registered_pages.values()
    assert {p["url_pathname"] for p in pages} == {"", "curriculum", *(e.url for e in EXPLAINERS)}


@pytest.mark.parametrize("slug", EXPLAINED)
def test_focus_hides_everything_but_the_pictures(open_page, slug):
    shown = components(open_page(slug), "chart")
    at = open_page(slug, {"focus": "1"})
    assert not at.exception
    charts = components(at, "chart")
    assert {k: v["figure"] for k, v in shown.items() if not k.startswith("card.")} == {
        k: v["figure"] for k, v in charts.items()
    }
    for kind in (
        "selectbox",
        "segmented_control",
        "text_input",
        "radio",
        "tabs",
        "popover",
        "file_uploader",
        "download_button",
        "caption",
        "toggle",
    ):
        assert len(at.get(kind)) == 0, kind
    assert {b.key for b in at.button} <= {f"{slug}:job.start", f"{slug}:job.stop"}


def test_focus_keeps_the_state_of_the_link(open_page):
    query = {"focus": "1", "backprop_stepper.formula": "a*b"}
    at = open_page("backprop_stepper", query)
    assert components(at, "chart")["backprop_stepper:graph"]["alt"].startswith("Computation graph with 3 nodes")
    assert dict(at.query_params) == query


def test_focus_shows_the_transport_bar(open_page):
    assert "backprop_stepper:transport" in components(open_page("backprop_stepper", {"focus": "1"}), "transport")


@pytest.mark.parametrize("slug", EXPLAINED)
def test_the_prose_has_the_sections_that_the_page_shows(slug):
    words = frame.prose(slug)
    assert {"What to see", "Formula", "Sources"} <= set(words)
    assert all(words.values())
    assert "$" in words["Formula"]


def test_prose_is_read_anew_when_the_file_changes(tmp_path, monkeypatch):
    (tmp_path / "assets/text").mkdir(parents=True)
    text = tmp_path / "assets/text/demo.md"
    monkeypatch.setattr(frame, "ROOT", tmp_path)
    text.write_text("# title\n\n## What to see\nOne.\n\n## Formula\n$a$\n### deeper\nstays\n", encoding="utf-8")
    assert frame.prose("demo") == {"What to see": "One.", "Formula": "$a$\n### deeper\nstays"}
    text.write_text("## What to see\nTwo, longer.\n", encoding="utf-8")
    assert frame.prose("demo") == {"What to see": "Two, longer."}


def test_a_tab_that_is_closed_costs_nothing(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.tab": "Sources"})
    assert components(at, "chart") == {}
    assert not at.code


def test_the_tab_and_the_state_live_together_in_the_address(open_page):
    query = {"backprop_stepper.tab": "Code", "backprop_stepper.formula": "a*b"}
    at = open_page("backprop_stepper", query)
    assert "a" in at.code[0].value
    assert (
        at.code[0].value == core_of("backprop_stepper").script(core_of("backprop_stepper").SPEC(formula="a*b")).strip()
    )
    assert dict(at.query_params) == query


# --- when a page breaks


def broken(kind: str) -> None:
    from core.errors import ExplainerError
    from pages._ui.server import say_calmly

    say_calmly({"visitor": ExplainerError("rate 3 is outside 0 to 1; try 0.1"), "house": KeyError("a secret")}[kind])


def test_a_visitor_s_mistake_is_shown_as_its_own_sentence():
    at = AppTest.from_function(broken, args=("visitor",)).run()
    assert [e.value for e in at.error] == ["rate 3 is outside 0 to 1; try 0.1"]


def test_our_mistake_is_logged_and_told_with_an_id(caplog):
    with caplog.at_level(logging.ERROR, "glassnet"):
        at = AppTest.from_function(broken, args=("house",)).run()
    (record,) = [r for r in caplog.records if r.name == "glassnet"]
    (error,) = at.error
    number = error.value.split("(id ")[1].split(")")[0]
    assert number in record.getMessage()
    assert record.exc_info[0] is KeyError
    assert "secret" not in error.value


def test_streamlit_s_own_error_box_stays_off():
    assert st.get_option("client.showErrorDetails") == "none"
    assert st.get_option("browser.gatherUsageStats") is False
