"""The tuner in a real browser: the loop's film, and a job whose running line is lit until it is stopped."""

from __future__ import annotations

import re

import pytest

from tests.browser.app import APP, arrive, at_key, of_plot, press, until_plot
from tests.browser.conftest import settle

pytestmark = pytest.mark.browser
LOOP = "/transfer-tuner?transfer_tuner.lens=loop&transfer_tuner.strategy=full&transfer_tuner.run=one&transfer_tuner.epochs=100"
LIT = "p._fullLayout.shapes[0].y0 + 0.5"


def test_the_film_of_the_loop_lights_line_after_line(server, visit):
    page = arrive(visit, server(APP) + LOOP)
    assert of_plot(page, "transfer_tuner:loop", LIT) == 2
    bar = at_key(page, "transfer_tuner:transport.loop")
    bar.get_by_role("button", name="One step on").click()
    until_plot(page, "transfer_tuner:loop", f"{LIT} === 3")
    bar.get_by_text("Forward", exact=True).wait_for()


def test_a_running_job_shows_its_line_and_can_be_taken_up_again(server, visit):
    page = arrive(visit, server(APP) + LOOP)
    at_key(page, "transfer_tuner:job.start").get_by_role("button").click()
    page.get_by_text(re.compile("Last heard of at")).wait_for(timeout=120_000)
    page.get_by_text(re.compile(r", epoch [2-9]\d* of 100")).wait_for(timeout=120_000)
    until_plot(page, "transfer_tuner:listing", "p._fullData.length === 3")  # seconds were measured
    press(page, "Stop")
    page.get_by_text(re.compile("^Stopped at step")).wait_for(timeout=60_000)
    settle(page)
    at_key(page, "transfer_tuner:from").locator("input").click()
    page.get_by_role("option", name=re.compile(r"^epoch \d+$")).first.wait_for()
