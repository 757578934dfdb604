"""What the journeys share: the real app, and how its pages are read and used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Locator, Page, Response

from core.backprop_stepper import SPEC as STEPPER
from tests.browser.conftest import settle

APP = Path(__file__).resolve().parents[2] / "app.py"
GRAPH = "backprop_stepper:graph"
NODES, VALUES, GRADS = 2, 3, 4  # traces of the graph's picture
NOT_FOUND = "console: Failed to load resource: the server responded with a status of 404 (Not Found)"


def arrive(visit: Any, url: str, page: Page | None = None, **options: Any) -> Page:
    """Load an address of the app. Streamlit's own script first asks below the page's path for two of its files."""
    page, missing = page or visit("about:blank", settled=False, **options), []

    def note(answer: Response) -> None:
        if answer.status == 404:
            missing.append(urlsplit(answer.url).path)

    page.on("response", note)
    page.goto(url)
    settle(page)
    page.remove_listener("response", note)
    if place := urlsplit(url).path.rstrip("/"):
        assert sorted(missing) == [f"{place}/_stcore/health", f"{place}/_stcore/host-config"]
        assert visit.troubles.count(NOT_FOUND) == 2
        visit.troubles[:] = [trouble for trouble in visit.troubles if trouble != NOT_FOUND]
    return page


def at_key(page: Page, key: str) -> Locator:
    """What Streamlit drew under this key."""
    return page.locator(".st-key-" + re.sub(r"[^A-Za-z0-9_-]", "-", key))


def of_plot(page: Page, key: str, expression: str) -> Any:
    """A JavaScript expression of the picture's Plotly node `p`."""
    return at_key(page, key).locator(".js-plotly-plot").evaluate(f"(p) => {expression}")


def until_plot(page: Page, key: str, condition: str, argument: Any = None) -> None:
    """Wait until a condition of the Plotly node `p` (and `a`) holds."""
    selector = ".st-key-" + re.sub(r"[^A-Za-z0-9_-]", "-", key) + " .js-plotly-plot"
    look = f"([s, a]) => {{ const p = document.querySelector(s); return Boolean(p?._fullData) && ({condition}); }}"
    page.wait_for_function(look, arg=[selector, argument])


def texts(page: Page, trace: int) -> list[str]:
    """The words that one trace of the graph shows at its nodes."""
    return of_plot(page, GRAPH, f"Array.from(p._fullData[{trace}].text)")


def until_texts(page: Page, trace: int, expected: Sequence[str]) -> None:
    """Wait until one trace of the graph shows these words."""
    until_plot(
        page, GRAPH, f"JSON.stringify(Array.from(p._fullData[{trace}].text)) === JSON.stringify(a)", list(expected)
    )


def address(page: Page) -> dict[str, str]:
    """The query of the address bar."""
    return dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True))


def until_address(page: Page, **settings: Any) -> None:
    """Wait until the address bar says these settings of the stepper, and no others."""
    wanted = STEPPER(**settings).to_query()
    page.wait_for_function(
        """(wanted) => {
            const found = Object.fromEntries([...new URL(location).searchParams].filter(([k]) => k.startsWith("backprop_stepper.")));
            return JSON.stringify(Object.entries(found).sort()) === JSON.stringify(Object.entries(wanted).sort());
        }""",
        arg=wanted,
    )


def choose(page: Page, key: str, words: str) -> None:
    """Pick an option of a menu."""
    at_key(page, key).locator("input").click()
    page.get_by_role("option", name=words, exact=True).click()
    settle(page)


def press(page: Page, words: str) -> None:
    """Press the option of a segmented control, or a button, with these words."""
    page.get_by_role("radio", name=words, exact=True).or_(
        page.get_by_role("button", name=words, exact=True)
    ).first.click()
    settle(page)


def retype(page: Page, key: str, text: str) -> None:
    """Replace what a text box says and press Enter."""
    box = at_key(page, key).locator("input")
    box.fill(text)
    box.press("Enter")
