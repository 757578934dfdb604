"""Charts, transport bar and pad in a real browser: what the visitor sees, and what Python hears of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
DEMO = Path(__file__).parent / "demo" / "app.py"
PLOT = ".st-key-{key} .js-plotly-plot"


@pytest.fixture
def page(server, visit) -> Page:
    page = visit(server(DEMO))
    page.wait_for_selector(PLOT.format(key="points"))
    return page


def said(page: Page) -> dict:
    return json.loads(page.locator("#said").inner_text())


def hears(page: Page, condition: str) -> dict:
    """Wait until `condition` holds for what Python said (`s` in JavaScript)."""
    page.wait_for_function(
        f"() => {{ const s = JSON.parse(document.querySelector('#said').innerText); return {condition}; }}"
    )
    return said(page)


def of_plot(page: Page, key: str, expression: str, argument: object = None):
    """A JavaScript expression of the plot node `p` (and `a`)."""
    return page.locator(PLOT.format(key=key)).evaluate(f"(p, a) => {expression}", argument)


def until_plot(page: Page, key: str, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const p = document.querySelector('{PLOT.format(key=key)}'); return {condition}; }}"
    )


def spot(page: Page, key: str, x: float, y: float) -> tuple[float, float]:
    """Where on the screen the data point (x, y) lies."""
    page.locator(PLOT.format(key=key)).scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    where = """(() => { const { xaxis: h, yaxis: v } = p._fullLayout, box = p.getBoundingClientRect();
        return [box.left + h._offset + h.d2p(a[0]), box.top + v._offset + v.d2p(a[1])]; })()"""
    return tuple(of_plot(page, key, where, [x, y]))


def click(page: Page, key: str, x: float, y: float) -> None:
    left, top = spot(page, key, x, y)
    page.mouse.move(left - 3, top)
    page.mouse.move(left, top)
    page.wait_for_timeout(150)
    page.mouse.click(left, top)


def set_scale(page: Page, presses: int) -> None:
    slider = page.locator(".st-key-scale input")
    slider.focus()
    for _ in range(presses):
        slider.press("ArrowRight")
    page.wait_for_function(
        f"() => document.querySelector('{PLOT.format(key='points')}').data[0].y[0] === {1 + presses}"
    )


# --- charts


def test_click_on_a_heatmap_cell_reports_row_and_column_for_one_rerun(page):
    click(page, "film", x=12, y=5)
    trace, point, x, y, z, _ = hears(page, "s.clicked[0]")["clicked"][0]
    assert (trace, point, x, y) == (0, [5, 12], 12, 5)
    assert z == pytest.approx(np.sin(12 / 4) * np.cos(5 / 5), abs=1 / 254)
    set_scale(page, 1)
    assert hears(page, "!s.clicked[0]")["clicked"] == [None] * 4


def test_click_on_a_scatter_point_and_on_a_bar_reports_trace_index_and_customdata(page):
    click(page, "echo", x=6, y=float(np.sin(6 / 4)))
    assert hears(page, "s.clicked[2]")["clicked"][2] == pytest.approx([0, 6, 6, float(np.sin(6 / 4)), None, 60])
    click(page, "echo", x=20, y=0.3)
    assert hears(page, "s.clicked[2] && s.clicked[2][0] === 1")["clicked"][2][:3] == [1, 20, 20]
    click(page, "points", x=2, y=4)
    assert hears(page, "s.clicked[3]")["clicked"][3][:4] == [0, 1, 2, 4]


def test_click_on_a_surface_reports_row_and_column_of_its_grid(page):
    plot = page.locator(PLOT.format(key="hill"))
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = plot.bounding_box()
    left, top = box["x"] + 0.45 * box["width"], box["y"] + 0.6 * box["height"]
    for shift in range(6):
        page.mouse.move(left + shift, top)
        page.wait_for_timeout(60)
    page.mouse.click(left + 5, top, delay=100)
    trace, (row, column), x, y, z, _ = hears(page, "s.clicked[1]")["clicked"][1]
    grid_x, grid_y = np.linspace(-2, 2, 30), np.linspace(-2, 2, 25)
    assert trace == 0
    assert [x, y] == pytest.approx([grid_x[column], grid_y[row]], abs=1e-5)
    assert z == pytest.approx(grid_x[column] ** 2 + grid_y[row] ** 2, abs=1e-4)


def test_zoom_and_legend_survive_new_data_and_reset_undoes_them(page):
    left, top = spot(page, "points", 1.5, 3)
    right, bottom = spot(page, "points", 2.5, 7)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=5)
    page.mouse.up()
    until_plot(page, "points", "Math.abs(p._fullLayout.xaxis.range[0] - 1.5) < 0.05")
    of_plot(page, "points", "p.token = 1")
    zoomed = of_plot(page, "points", "p._fullLayout.xaxis.range")
    set_scale(page, 2)
    assert of_plot(page, "points", "p._fullLayout.xaxis.range") == pytest.approx(zoomed)
    assert of_plot(page, "points", "p.token") == 1, "the DOM node was replaced"
    page.locator(".st-key-points").hover()
    page.locator(".st-key-points [data-tool=reset]").click()
    until_plot(page, "points", "p._fullLayout.xaxis.range[0] < 1")


def test_camera_of_a_solid_survives_new_data(page):
    plot = page.locator(PLOT.format(key="hill"))
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = plot.bounding_box()
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
    start = of_plot(page, "hill", "p._fullLayout.scene.camera.eye")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 20, steps=8)
    page.mouse.up()
    page.wait_for_timeout(300)
    turned = of_plot(page, "hill", "p._fullLayout.scene.camera.eye")
    assert abs(turned["x"] - start["x"]) > 1e-3  # how far it turns depends on how many frames the machine draws
    set_scale(page, 3)
    until_plot(page, "hill", "p._fullData?.[0]?.z?.[0]?.[0] > 30")
    assert of_plot(page, "hill", "p._fullLayout.scene.camera.eye") == pytest.approx(turned, abs=1e-3)


def test_theme_colours_text_hover_and_axes(server, visit):
    colours = {}
    for dark in (False, True):
        page = visit(server(DEMO), dark=dark)
        page.wait_for_selector(PLOT.format(key="echo"))
        colours[dark] = of_plot(
            page,
            "echo",
            "[p._fullLayout.font.color, p._fullLayout.hoverlabel.font.color, p._fullLayout.hoverlabel.bgcolor]",
        )
    assert colours[False][0] == "#1d2a33"
    assert colours[True][0] == "#e4ecef"
    assert all(light != dark for light, dark in zip(colours[False], colours[True], strict=True))


def test_theme_follows_the_system_while_the_page_is_open(page):
    page.emulate_media(color_scheme="dark")
    until_plot(page, "echo", "p._fullLayout.font.color === '#e4ecef'")
    assert page.locator(PLOT.format(key="echo")).count() == 1


def test_words_for_every_reader(page):
    plot = page.locator(".st-key-film .gn-plot")
    assert plot.get_attribute("role") == "img"
    assert plot.get_attribute("aria-label").startswith("A wave that travels")
    runs = said(page)["runs"]
    room = page.locator(".st-key-film").bounding_box()["height"]
    page.locator(".st-key-film summary").press("Enter")
    page.wait_for_selector("text=One frame is a moment.")
    film, hill = page.locator(".st-key-film").bounding_box(), page.locator(".st-key-hill").bounding_box()
    assert film["height"] > room
    assert hill["y"] >= film["y"] + film["height"], "the explanation pushes what follows, it does not cover it"
    assert said(page)["runs"] == runs
    assert page.locator(".st-key-film .gn-tools button").evaluate_all("b => b.map((x) => x.ariaLabel)") == [
        "Reset the view", "Download as PNG", "Download as SVG", "Download as HTML",
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("html", b"<!doctype html>")])
def test_downloads(page, tmp_path, kind, start):
    button = page.locator(f".st-key-film [data-tool={kind}]")
    button.focus()
    with page.expect_download() as download:
        button.press("Enter")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"film.{kind}"
    assert path.read_bytes().startswith(start)
    assert path.stat().st_size > 5_000


def test_downloaded_page_works_offline_and_plays_its_film(page, browser, tmp_path):
    with page.expect_download() as download:
        page.locator(".st-key-echo [data-tool=html]").press("Enter")
    path = tmp_path / "echo.html"
    download.value.save_as(path)
    with browser.new_context(offline=True) as context:
        alone, troubles = context.new_page(), []
        alone.on("pageerror", lambda error: troubles.append(str(error)))
        alone.on("request", lambda request: request.url.startswith("http") and troubles.append(request.url))
        alone.goto(path.as_uri())
        alone.wait_for_function("() => document.querySelector('#plot')._fullData?.length === 2")
        assert alone.locator("h1").inner_text() == "moment 0"
        assert alone.get_by_text("The line is row 0.").is_visible()
        alone.locator("input").fill("24")
        y = alone.evaluate("() => Array.from(document.querySelector('#plot')._fullData[0].y)")
        assert y == pytest.approx(np.sin(np.arange(30) / 4 + 24 / 6).tolist(), abs=1e-6)
        assert not troubles


def test_a_thumbnail_is_an_image_without_tools(page):
    thumb = page.locator(".st-key-thumb .gn-chart")
    thumb.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('.st-key-thumb img')?.naturalWidth > 100")
    assert not thumb.locator(".gn-tools").is_visible()
    assert thumb.bounding_box()["height"] == 160


def test_a_broken_figure_is_said_in_its_place(page):
    page.locator(".st-key-broken label").click()
    page.wait_for_selector(".st-key-bad .gn-chart[data-state=failed]")
    assert page.locator(".st-key-bad .gn-note").inner_text() == "This picture could not be drawn."


def test_a_missing_library_is_said_in_the_charts_place(server, visit):
    page = visit("about:blank", settled=False)
    page.route("**/assets/plotly/**", lambda route: route.abort())
    page.goto(server(DEMO))
    page.wait_for_selector(".st-key-film .gn-chart[data-state=failed]")
    assert "could not be loaded" in page.locator(".st-key-film .gn-note").inner_text()
    visit.troubles.clear()  # the browser itself logs the address that did not answer


COUNT_CANVASES = """
window.canvases = [];
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  const context = original.call(this, kind, ...more);
  if (context && String(kind).startsWith("webgl") && !window.canvases.includes(context)) window.canvases.push(context);
  return context;
};
"""


def test_leaving_a_page_gives_its_canvases_back(server, visit):
    page = visit("about:blank", settled=False)
    page.add_init_script(COUNT_CANVASES)
    page.goto(server(DEMO))
    for _ in range(4):
        page.wait_for_selector(PLOT.format(key="hill") + " canvas")
        page.locator(".st-key-other label").click()
        page.wait_for_selector("text=nothing here")
        page.wait_for_selector(".js-plotly-plot", state="detached")
        page.wait_for_function("() => window.canvases.every((c) => c.isContextLost())")
        page.locator(".st-key-other label").click()
    assert page.evaluate("window.canvases.length") >= 4


# --- transport


def shown(page: Page) -> int:
    return int(page.locator(".st-key-bar input[type=range]").input_value())


def test_scrubbing_by_keyboard_changes_every_chart_of_the_film_and_asks_the_server_nothing(page):
    runs = said(page)["runs"]
    slider = page.locator(".st-key-bar input[type=range]")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight", delay=20)
    until_plot(page, "film", f"Math.abs(p._fullData[0].z[0][1] - ({np.sin(1 / 4 + 2):.6f})) < 0.005")
    until_plot(page, "echo", "p._fullLayout.title.text === 'moment 12'")
    assert of_plot(page, "echo", "p._fullData[0].y[1]") == pytest.approx(float(np.sin(1 / 4 + 2)), abs=1e-6)
    assert "moved by 2.00 rad" in page.locator(".st-key-bar .caption").inner_text()
    assert said(page)["runs"] == runs
    assert hears(page, "s.rested === 12")["runs"] == runs + 1
    assert of_plot(page, "echo", "p._fullLayout.title.text") == "moment 12"


@pytest.mark.parametrize(("key", "step"), [("End", 59), ("Home", 0), ("ArrowLeft", 29), ("ArrowRight", 31)])
def test_keys_move_the_film_from_any_button(page, key, step):
    page.locator(".st-key-bar input[type=range]").fill("30")
    page.locator(".st-key-bar [data-do=play]").focus()
    page.keyboard.press(key)
    assert shown(page) == step
    hears(page, f"s.rested === {step}")


def test_play_stops_at_the_end_reports_once_and_starts_again(page):
    bar = page.locator(".st-key-quiet")
    runs = said(page)["runs"]
    bar.locator("select").select_option("8")
    bar.locator("input[type=range]").focus()
    page.keyboard.press("Space")
    assert bar.locator("[data-do=play]").get_attribute("aria-label") == "Pause"
    page.wait_for_function(
        "() => document.querySelector('.st-key-quiet [data-testid=stBidiComponentIsolated]').shadowRoot.querySelector('input').value === '7'"
    )
    assert bar.locator("[data-do=play]").get_attribute("aria-label") == "Play"
    page.wait_for_timeout(900)
    assert said(page)["runs"] == runs + 1
    bar.locator("select").select_option("0.25")
    bar.locator("[data-do=play]").click()
    assert bar.locator("input[type=range]").input_value() == "0"
    page.keyboard.press("Space")
    assert bar.locator("[data-do=play]").get_attribute("aria-label") == "Play"


def test_python_moves_the_film_and_overrules_where_the_user_had_stopped(page):
    page.locator(".st-key-bar input[type=range]").fill("30")
    hears(page, "s.rested === 30")
    field = page.locator(".st-key-start input")
    field.fill("5")
    field.press("Enter")
    hears(page, "s.rested === 5")
    until_plot(page, "echo", "p._fullLayout.title.text === 'moment 5'")
    assert shown(page) == 5
    page.locator(".st-key-bar [data-do=next]").click()
    hears(page, "s.rested === 6")


def test_a_chart_that_comes_late_shows_the_films_step(page):
    page.locator(".st-key-bar input[type=range]").fill("24")
    hears(page, "s.rested === 24")
    page.locator(".st-key-late label").click()
    page.wait_for_selector(PLOT.format(key="latecomer"))
    until_plot(page, "latecomer", "p._fullLayout.title.text === 'moment 24'")


def test_caption_is_announced_only_at_rest_and_keeps_its_room(page):
    caption, bar = page.locator(".st-key-bar .caption"), page.locator(".st-key-bar")
    assert caption.get_attribute("aria-live") == "polite"
    assert caption.locator("math mfrac").count() == 1
    height = bar.bounding_box()["height"]
    bar.locator("[data-do=play]").click()
    assert caption.get_attribute("aria-live") == "off"
    bar.locator("[data-do=play]").click()
    bar.locator("[data-do=last]").click()
    assert bar.bounding_box()["height"] == height


# --- pad


def test_drawing_reaches_python_and_can_be_undone(page):
    canvas = page.locator(".st-key-pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 140)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 140, steps=10)
    page.mouse.up()
    shape, top, mean = hears(page, "s.ink")["ink"]
    assert (shape, top) == ([280, 280], 1.0)
    stroke = 280 / 13
    assert mean == pytest.approx((200 * stroke + np.pi * stroke**2 / 4) / 280**2, rel=0.05)
    page.locator(".st-key-pad .undo").click()
    hears(page, "!s.ink")


def test_drawing_by_keyboard_and_clearing(page):
    page.locator(".st-key-pad canvas").focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert hears(page, "s.ink")["ink"][2] > 0.005
    page.locator(".st-key-pad .clear").click()
    hears(page, "!s.ink")


# --- small screens


def test_a_phone_shows_everything_without_scrolling_sideways(server, visit):
    page = visit(server(DEMO), width=390, height=844, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "(root) => [...root.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > 391).length"
    assert page.locator("[data-testid=stMain]").evaluate(wide) == 0
    assert of_plot(page, "film", "p._fullLayout.width") <= 390


def test_a_finger_on_a_chart_scrolls_the_page(server, visit):
    page = visit(server(DEMO), width=390, height=844, has_touch=True, is_mobile=True)
    page.locator(".st-key-echo").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = page.locator(PLOT.format(key="echo")).bounding_box()
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    before, zoom = page.evaluate(scrolled), of_plot(page, "echo", "p._fullLayout.xaxis.range")
    finger = page.context.new_cdp_session(page)
    x, y = box["x"] + 150, box["y"] + 250
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for moved in range(20, 201, 20):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - moved}]})
        page.wait_for_timeout(16)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(500)
    assert page.evaluate(scrolled) > before + 100
    assert of_plot(page, "echo", "p._fullLayout.xaxis.range") == zoom
