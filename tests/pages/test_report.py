"""The race's files to take home, and what a typed formula that cannot be read does to its page."""

from __future__ import annotations

from tests.pages.conftest import components

SLUG = "optimizer_race"


def test_the_code_tab_offers_report_table_script_and_notebook(open_page):
    at = open_page(SLUG, {f"{SLUG}.tab": "Code"})
    assert not at.exception
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == ["Download report (HTML)", "Download CSV", "Download .py", "Download notebook"]


def test_a_formula_that_cannot_be_read_is_said_in_place_and_can_be_mended(open_page):
    at = open_page(SLUG, {f"{SLUG}.surface": "typed", f"{SLUG}.formula": "x + z"})
    assert not at.exception
    assert [error.value for error in at.error] == ["unknown name at column 5: 'z'; known names: x or y"]
    assert not components(at, "chart")
    at.text_input(key=f"{SLUG}.formula").set_value("x**2 + (y - 1)**2").run()
    assert not at.exception
    assert not at.error
    assert len(components(at, "chart")) >= 3
    assert any("from the formula's own graph" in element.value for element in at.markdown)


def test_a_broken_formula_offers_no_files(open_page):
    at = open_page(SLUG, {f"{SLUG}.tab": "Code", f"{SLUG}.surface": "typed", f"{SLUG}.formula": "3"})
    assert not at.exception
    assert not at.get("download_button")
    (error,) = at.error
    assert "names neither x nor y" in error.value
