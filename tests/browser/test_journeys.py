"""Across the app: cold deep links, page to page, light and dark, phone to desk, and nobody outside is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from core.curriculum import COURSES, TOPICS
from core.registry import EXPLAINERS
from tests.browser.app import APP, GRAPH, address, arrive, at_key, of_plot, press, until_address, until_plot
from tests.browser.conftest import _answers, _free_port, settle

pytestmark = pytest.mark.browser
STARTS = {
    "streamlit": ["-m", "streamlit", "run", str(APP), "--server.port"],
    "uvicorn": ["-m", "uvicorn", "app:app", "--port"],
}
MENU = ["Home", "Curriculum", *(e.title for e in EXPLAINERS)]


@pytest.fixture(params=STARTS)
def fresh(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """The address of a server that has served nobody yet."""
    port = _free_port()
    with (tmp_path / "log").open("w") as log:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, *STARTS[request.param], str(port)], cwd=APP.parent, stdout=log, stderr=log, env=environment
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while not _answers(f"{url}/_stcore/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{request.param} did not start the app:\n{(tmp_path / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=120)


def menu(page) -> list[str]:
    return [link.inner_text().split("\n")[-1] for link in page.locator("[data-testid=stSidebarNavLink]").all()]


def test_the_first_visit_to_a_fresh_server_may_be_a_deep_link(fresh, visit):
    page = arrive(visit, fresh + "/backprop-stepper?backprop_stepper.formula=a*b")
    assert page.locator("h1").inner_text() == "Backprop stepper"
    assert sorted(menu(page)) == sorted(MENU)
    until_plot(page, GRAPH, "p._fullData[2].x.length === 3")
    until_address(page, formula="a*b")


def test_from_the_curriculum_into_an_explainer_and_back(server, visit):
    course = next(t.course for t in TOPICS if any(link.example == "deep_sigmoid" for link in t.links))
    page = arrive(visit, server(APP) + "/curriculum?" + urlencode({"curriculum.course": COURSES[course]}))
    assert sorted(menu(page)) == sorted(MENU)
    page.get_by_role("link", name="Backprop stepper: Deep sigmoid chain").first.click()
    until_plot(page, "backprop_stepper:figure.vanishing", "p._fullData.length === 2")
    assert at_key(page, "backprop_stepper:preset").locator("input").input_value() == "Deep sigmoid chain"
    press(page, "Memory")
    until_plot(page, "backprop_stepper:figure.memory", "p._fullData.length === 1")
    follow(page, "Curriculum")
    page.get_by_role("heading", name="Curriculum").wait_for()
    follow(page, "Backprop stepper")
    until_plot(page, "backprop_stepper:figure.memory", "p._fullData.length === 1")
    page.wait_for_function("() => new URL(location).searchParams.get('backprop_stepper.lens') === 'memory'")
    follow(page, "Home")
    page.get_by_text("Your first minute").wait_for()
    settle(page)
    page.go_back()
    until_plot(page, "backprop_stepper:figure.memory", "p._fullData.length === 1")
    assert address(page)["backprop_stepper.lens"] == "memory"


def follow(page, words: str) -> None:
    page.locator("[data-testid=stSidebarNavLink]").filter(has_text=words).click()


def test_dark_and_light_differ_and_stay_readable(server, visit):
    looks = {}
    for dark in (False, True):
        page = arrive(visit, server(APP) + "/backprop-stepper?backprop_stepper.lens=vanish", dark=dark)
        until_plot(page, "backprop_stepper:figure.vanishing", "p._fullData.length === 2")
        ground = page.locator("[data-testid=stApp]").evaluate("(e) => getComputedStyle(e).backgroundColor")
        text = page.locator("h1").evaluate("(e) => getComputedStyle(e).color")
        axis = of_plot(page, "backprop_stepper:figure.vanishing", "getComputedStyle(p.querySelector('.xtitle')).fill")
        looks[dark] = (ground, text, axis)
        assert contrast(ground, text) > 7
        assert contrast(ground, axis) > 4.5
    assert looks[False][0] == "rgb(252, 253, 253)"
    assert looks[True][0] == "rgb(18, 25, 30)"


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours "rgb(r, g, b)" (WCAG 2.2, relative luminance)."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [float(c) / 255 for c in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


SIDEWAYS = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
}"""
OVER_THE_TITLE = """() => {
    const box = document.querySelector('h1').getBoundingClientRect();
    const seen = [0.02, 0.25, 0.5, 0.75, 0.98].map((part) => document.elementFromPoint(box.left + part * Math.min(box.width, 200), box.top + box.height / 2));
    return seen.filter((e) => !e.closest('[data-testid=stHeading]')).map((e) => e.outerHTML.slice(0, 80));
}"""


@pytest.mark.parametrize(
    "place", ["/", "/curriculum", "/backprop-stepper", "/backprop-stepper?backprop_stepper.mode=tensor"]
)
def test_every_page_fits_the_screen(server, visit, place):
    """A phone, a tablet with the menu open, and from there a desk."""
    phone = arrive(visit, server(APP) + place, width=390, height=844)
    fits(phone, 390)
    page = arrive(visit, server(APP) + place, width=820, height=844)
    fits(page, 820)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(300)
    fits(page, 1440)


def fits(page, width: int) -> None:
    page.locator("h1").wait_for()
    assert page.evaluate(SIDEWAYS) <= 0, f"it scrolls sideways at {width} px"
    assert page.evaluate(OVER_THE_TITLE) == [], f"something lies over the title at {width} px"


MOVING = """() => [...document.querySelectorAll('*')].filter((e) => {
    const style = getComputedStyle(e);
    return style.animationName !== 'none' || style.transitionDuration.split(',').some((d) => parseFloat(d) > 0);
}).length"""


def test_a_phone_that_wants_less_motion(server, visit):
    """The menu opens, the film walks, nothing is animated."""
    page = arrive(
        visit,
        server(APP) + "/backprop-stepper",
        width=390,
        height=844,
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    until_plot(page, GRAPH, "p._fullData.length === 6")
    assert page.evaluate(MOVING) == 0
    at_key(page, "backprop_stepper:transport").locator("[data-do=first]").tap()
    until_plot(page, GRAPH, "Array.from(p._fullData[4].text).every((t) => t === '')")
    page.get_by_test_id("stExpandSidebarButton").tap()
    page.wait_for_function("() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().x === 0")
    page.wait_for_timeout(500)  # a menu longer than the screen jumps if it is tapped while it opens
    page.get_by_role("link", name="Curriculum").tap()
    page.get_by_role("heading", name="Curriculum").wait_for()
