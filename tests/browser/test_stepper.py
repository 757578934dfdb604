"""The backprop stepper as a visitor uses it: sliders, formula, film, clicks, presets, lenses, matrices, tabs side by side."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from core.backprop_stepper import EXAMPLES, SPEC, graph_of
from core.formula.graph import BackwardStep, Graph, SeedStep
from core.plots.words import short
from tests.browser.app import (
    APP,
    GRADS,
    GRAPH,
    VALUES,
    address,
    arrive,
    at_key,
    choose,
    of_plot,
    press,
    retype,
    texts,
    until_address,
    until_plot,
    until_texts,
)

pytestmark = pytest.mark.browser
PAGE = "/backprop-stepper"
TRANSPORT = "backprop_stepper:transport"


@pytest.fixture
def page(server, visit) -> Page:
    page = arrive(visit, server(APP) + PAGE)
    until_plot(page, GRAPH, "p._fullData.length === 6")
    return page


def values_of(graph: Graph) -> list[str]:
    return [short(node.value) for node in graph.nodes]


def grads_after(graph: Graph, k: int) -> list[str]:
    """What the picture may show of the gradients when k steps are done: blank where backward has not been."""
    known: dict[int, float] = {}
    for step in graph.steps()[:k]:
        if isinstance(step, SeedStep):
            known[step.node] = step.grad
        elif isinstance(step, BackwardStep):
            known |= {c.input: c.after for c in step.contributions}
    return [short(known[node.id]) if node.id in known else "" for node in graph.nodes]


def until_graph(page: Page, **settings) -> Graph:
    """Wait until the picture shows the graph of these settings, its last frame."""
    graph = graph_of(SPEC(**settings))
    until_texts(page, VALUES, values_of(graph))
    until_texts(page, GRADS, grads_after(graph, len(graph.steps())))
    return graph


def test_a_slider_moved_by_keyboard_changes_every_number_and_the_link(page, visit):
    until_graph(page)
    of_plot(page, GRAPH, "p.token = 1")
    slider = at_key(page, "backprop_stepper:values.w1").locator("input[type=range]")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight", delay=20)
    values = "w1=-0.75, x1=2.0, w2=0.6, x2=0.5, b=0.7, y=1.0"
    until_address(page, values=values)
    until_graph(page, values=values)
    assert of_plot(page, GRAPH, "p.token") == 1, "the picture was replaced, not changed"
    assert slider.evaluate("e => e === document.activeElement"), "the keyboard stays where it was"
    arrive(visit, page.url, page)
    until_graph(page, values=values)


def test_typed_formulas_good_impossible_and_repaired(page):
    retype(page, "backprop_stepper.formula", "h = tanh(a*b); h*h + c")
    until_graph(page, formula="h = tanh(a*b); h*h + c")
    retype(page, "backprop_stepper.formula", "log(0 - a*a)")
    alert = page.get_by_role("alert").filter(has_text="log needs a positive number")
    alert.wait_for()
    assert at_key(page, "backprop_stepper.formula").locator("input").input_value() == "log(0 - a*a)"
    retype(page, "backprop_stepper.formula", "__import__('os')")
    page.get_by_role("alert").filter(has_text="column").wait_for()
    retype(page, "backprop_stepper.formula", "log(1 + a*a)")
    until_graph(page, formula="log(1 + a*a)")
    assert page.get_by_role("alert").count() == 0
    until_address(page, formula="log(1 + a*a)")


def test_gradients_are_blank_until_backward_has_reached_them(page, visit):
    graph = until_graph(page)
    steps = len(graph.steps())
    bar = at_key(page, TRANSPORT).locator("input[type=range]")
    bar.focus()
    page.keyboard.press("Home")
    until_texts(page, GRADS, [""] * len(graph.nodes))
    until_texts(page, VALUES, [short(n.value) if not n.inputs else "" for n in graph.nodes])
    for k in range(1, steps + 1):
        page.keyboard.press("ArrowRight")
        until_texts(page, GRADS, grads_after(graph, k))
    assert "" not in [g for g, n in zip(texts(page, GRADS), graph.nodes, strict=True) if n.op != "const"]
    for k in range(steps - 1, steps - 4, -1):
        page.keyboard.press("ArrowLeft")
        until_texts(page, GRADS, grads_after(graph, k))
    caption = at_key(page, TRANSPORT).locator(".caption")
    assert "upstream" in caption.inner_text()
    assert caption.locator("math").count() >= 1
    until_address(page, step=steps - 3)
    arrive(visit, page.url, page)
    until_texts(page, GRADS, grads_after(graph, steps - 3))


def click_node(page: Page, node: int) -> None:
    """Click the middle of a node's disc."""
    at_key(page, GRAPH).locator(".js-plotly-plot").scroll_into_view_if_needed()
    where = f"""(() => {{ const {{ xaxis: h, yaxis: v }} = p._fullLayout, box = p.getBoundingClientRect(), t = p._fullData[2];
        return [box.left + h._offset + h.d2p(t.x[{node}]), box.top + v._offset + v.d2p(t.y[{node}])]; }})()"""
    page.wait_for_timeout(200)
    x, y = of_plot(page, GRAPH, where)
    page.mouse.move(x - 4, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(150)
    page.mouse.click(x, y)


def test_click_a_node_set_its_value_and_undo(page):
    until_graph(page)
    click_node(page, 8)  # w1*x1 + w2*x2 + b
    box = at_key(page, "backprop_stepper:edit.8").locator("input")
    box.wait_for()
    assert float(box.input_value()) == -0.6
    box.fill("0.25")
    box.press("Enter")
    until_address(page, edits="8=0.25")
    edited = until_graph(page, edits="8=0.25")
    assert edited.nodes[0].grad in (0.0, None), "no gradient flows back through what was set by hand"
    press(page, "Undo the edits")
    until_address(page)
    until_graph(page)
    click_node(page, 0)  # the leaf w1: the same as its slider
    box = at_key(page, "backprop_stepper:edit.0").locator("input")
    box.wait_for()
    box.fill("1.5")
    box.press("Enter")
    until_address(page, values="w1=1.5")
    until_graph(page, values="w1=1.5")


def test_presets_lenses_and_reset(page):
    presets = {e.slug: e for e in EXAMPLES}
    choose(page, "backprop_stepper:preset", presets["rnn"].title)
    until_graph(page, **presets["rnn"].settings)
    until_address(page, **presets["rnn"].settings)
    until_plot(page, "backprop_stepper:figure.vanishing", "p._fullData.length === 2")
    for words, picture in (("Update", "losses"), ("Bug lab", "bug"), ("Memory", "memory"), ("Vanishing", "vanishing")):
        press(page, words)
        until_plot(page, f"backprop_stepper:figure.{picture}", "p._fullData.length > 0")
    press(page, "Proof")
    page.get_by_text("Largest difference from torch.autograd").wait_for()
    press(page, "Update")
    slider = at_key(page, "backprop_stepper.steps").locator("input[type=range]")
    slider.focus()
    slider.press("End")
    until_plot(page, "backprop_stepper:figure.losses", "p._fullData[0].y.length === 401")
    press(page, "Proof")
    press(page, "Update")
    until_plot(page, "backprop_stepper:figure.losses", "p._fullData[0].y.length === 401")
    assert slider.input_value() == "400", "a setting that was off the page comes back"
    press(page, "Pin this run")
    until_plot(page, "backprop_stepper:runs.chart", "p._fullData.length === 1")
    press(page, "Reset")
    until_address(page)
    until_graph(page)


def test_matrices(page):
    press(page, "Matrices: a mini-batch")
    until_plot(page, "backprop_stepper:stages", "p._fullData.length > 4")
    until_address(page, mode="tensor")
    slider = at_key(page, "backprop_stepper.batch").locator("input[type=range]")
    slider.focus()
    slider.press("End")
    until_address(page, mode="tensor", batch=8)
    bar = at_key(page, "backprop_stepper:averaging").locator("input[type=range]")
    page.wait_for_function("(e) => e.max === '7'", arg=bar.element_handle())
    for key in ("backprop_stepper:outer", "backprop_stepper:jacobian", "backprop_stepper:stages"):
        until_plot(page, key, "p._fullData.length > 0")
    before = of_plot(
        page, "backprop_stepper:outer", "JSON.stringify(p._fullData.map((t) => t.z && Array.from(t.z[0])))"
    )
    bar.focus()
    page.keyboard.press("Home")
    until_plot(
        page,
        "backprop_stepper:outer",
        "JSON.stringify(p._fullData.map((t) => t.z && Array.from(t.z[0]))) !== a",
        before,
    )


def test_two_tabs_do_not_disturb_each_other(page, server, visit):
    other = arrive(visit, server(APP) + PAGE + "?backprop_stepper.formula=a*b")
    until_graph(other, formula="a*b")
    retype(page, "backprop_stepper.formula", "tanh(a)")
    until_graph(page, formula="tanh(a)")
    retype(other, "backprop_stepper.formula", "a - b")
    until_graph(other, formula="a - b")
    press(page, "Memory")
    until_address(page, formula="tanh(a)", lens="memory")
    until_graph(page, formula="tanh(a)")
    until_address(other, formula="a - b")
    until_graph(other, formula="a - b")


def test_the_teacher_s_link_shows_pictures_alone(server, visit):
    page = arrive(visit, server(APP) + PAGE + "?focus=1&backprop_stepper.formula=a*b")
    until_graph(page, formula="a*b")
    assert page.locator("[data-testid=stSidebar]").count() == 0
    assert (
        page.locator("[data-testid=stMain]")
        .locator("[data-testid=stSlider], [data-testid=stTextInput], [data-testid=stButton]")
        .count()
        == 0
    )
    assert at_key(page, TRANSPORT).is_visible()
    assert address(page)["focus"] == "1"


def test_every_tab_opens_and_the_script_goes_home(page):
    for tab, sign in (("Formula", ".katex"), ("Sources", "li"), ("Code", "[data-testid=stCode]")):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.locator(f"[data-testid=stMain] {sign}").first.wait_for()
        assert page.locator(".katex-error").count() == 0
    page.locator("[data-testid=stCode]").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download .py").click()
    assert download.value.suggested_filename == "backprop_stepper.py"
    assert "import torch" in page.locator("[data-testid=stCode]").inner_text()
    assert address(page)["backprop_stepper.tab"] == "Code"
