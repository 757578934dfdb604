"""The state of a page: widgets, address, presets, reset, settings file say the same thing, in every order of events."""

from __future__ import annotations

import json

import pytest

from core.contracts import param
from core.plots.words import short
from core.registry import EXPLAINERS
from pages._ui.controls import grid
from tests.pages.conftest import components, core_of, turn_to

STEPPER = core_of("backprop_stepper").SPEC
LENS, RATE, FORMULA = "backprop_stepper.lens", "backprop_stepper.rate", "backprop_stepper.formula"


def graph(at) -> str:
    """What the graph's picture says."""
    return components(at, "chart")["backprop_stepper:graph"]["alt"]


def state(at) -> object:
    """The state that a visitor who was sent this address would see."""
    spec, problems = STEPPER.from_query(at.query_params)
    assert problems == {}
    return spec


# --- widgets and address


def test_moving_a_widget_writes_the_address(open_page):
    at = open_page("backprop_stepper")
    at.segmented_control(key=LENS).set_value("update").run()
    assert dict(at.query_params) == {LENS: "update"}
    at.select_slider(key=RATE).set_value(0.5).run()
    assert dict(at.query_params) == {LENS: "update", RATE: "0.5"}
    at.select_slider(key=RATE).set_value(0.1).run()
    assert dict(at.query_params) == {LENS: "update"}, "a default needs no words"


def test_a_slider_of_a_leaf_writes_the_values(open_page):
    at = open_page("backprop_stepper")
    at.slider(key="backprop_stepper:values.w1").set_value(1.5).run()
    assert state(at).values == "w1=1.5, x1=2.0, w2=0.6, x2=0.5, b=0.7, y=1.0"
    assert at.text_input(key="backprop_stepper.values").value == state(at).values
    net = core_of("backprop_stepper").graph_of(STEPPER(values="w1=1.5"))
    assert f"L = {short(net.loss.value)} at" in graph(at)


@pytest.mark.parametrize(
    "settings",
    [
        {"lens": "update", "optimizer": "adam", "rate": 0.003, "beta": 0.5, "steps": 7, "trained": "w1, b", "axis_x": "w1", "axis_y": "b"},
        {"formula": "h = relu(w*x); (w*h - y)**2", "values": "w=-0.1, x=2, y=1e-3", "step": 3},
        {"mode": "tensor", "batch": 8, "inputs": 5, "activation": "relu", "loss": "mse", "layer": "1", "jacobian": "A1/Z1", "example": 8, "seed": 9999},
        {"lens": "vanish", "source": "x1", "formula": "tanh(a*b) + x1"},
        {"values": "w1=0.1, x1=0.30000000000000004", "edits": "8=-0.7", "lens": "memory", "segments": 3},
    ],
)  # fmt: skip
def test_the_same_link_gives_the_same_state_in_a_new_session(open_page, settings):
    spec = STEPPER(**settings)
    first = open_page("backprop_stepper", spec.to_query())
    assert not first.error
    assert not first.warning
    assert state(first) == spec
    assert first.query_params == spec.to_query()
    second = open_page("backprop_stepper", first.query_params)
    assert components(second, "chart") == components(first, "chart")
    assert components(second, "transport") == components(first, "transport")
    assert state(second.run()) == spec, "and it stays"


def test_all_widgets_and_the_address_say_the_same_after_a_click_path(open_page):
    at = open_page("backprop_stepper")
    at.segmented_control(key=LENS).set_value("update").run()
    at.segmented_control(key="backprop_stepper.optimizer").set_value("adam").run()
    at.slider(key="backprop_stepper.steps").set_value(80).run()
    at.multiselect(key="backprop_stepper:choose.trained").set_value(["w1"]).run()
    at.selectbox(key="backprop_stepper:choose.axis_x").set_value("b").run()
    assert state(at) == STEPPER(lens="update", optimizer="adam", steps=80, trained="w1", axis_x="b")
    at.segmented_control(key=LENS).set_value("proof").run()
    at.segmented_control(key=LENS).set_value("update").run()
    assert at.slider(key="backprop_stepper.steps").value == 80, "widgets that were away come back as they were"
    assert state(at) == STEPPER(lens="update", optimizer="adam", steps=80, trained="w1", axis_x="b")


def test_widgets_that_moved_together_all_count(open_page):
    """A busy server hears of several moves at once."""
    at = open_page("backprop_stepper", {LENS: "update"})
    at.text_input(key=FORMULA).set_value("a*b")
    at.select_slider(key=RATE).set_value(0.5)
    at.slider(key="backprop_stepper.steps").set_value(7)
    at.run()
    assert state(at) == STEPPER(lens="update", formula="a*b", rate=0.5, steps=7)
    at.slider(key="backprop_stepper:values.a").set_value(2.5)
    at.segmented_control(key="backprop_stepper.optimizer").set_value("adam")
    at.run()
    assert state(at) == STEPPER(
        lens="update", formula="a*b", rate=0.5, steps=7, optimizer="adam", values="a=2.5, b=1.0"
    )


def test_a_new_formula_drops_edits_and_the_film_s_place(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.edits": "8=0.5", "backprop_stepper.step": "3"})
    at.text_input(key=FORMULA).set_value("a*b").run()
    assert state(at) == STEPPER(formula="a*b")


@pytest.mark.parametrize("value", [0.0123, 1e-4, 10.0, 9.999])
def test_a_link_may_give_a_value_between_the_slider_s_stops(open_page, value):
    at = open_page("backprop_stepper", {LENS: "update", RATE: repr(value)})
    assert at.select_slider(key=RATE).value == value
    assert state(at).rate == value


def test_the_stops_of_a_logarithmic_slider():
    about = param(0.1, "rate", low=2e-3, high=0.5, log=True).metadata["param"]
    assert grid(about, 0.1) == [0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5]
    assert 0.0042 in grid(about, 0.0042)
    whole = param(1, "units", low=1, high=100, log=True).metadata["param"]
    assert grid(whole, 4) == [1, 2, 3, 4, 5, 7, 10, 20, 30, 50, 70, 100]


# --- other pages, other addresses


@pytest.mark.parametrize("away", ["home", "curriculum"])
def test_another_page_and_back_keeps_the_state(open_page, away):
    at = open_page("backprop_stepper", {LENS: "memory", "backprop_stepper.segments": "3"})
    at.text_input(key=FORMULA).set_value("tanh(a*b) + a").run()
    before = components(at, "chart")
    turn_to(at, away)
    assert not at.exception
    turn_to(at, "backprop_stepper")
    assert components(at, "chart") == before
    assert state(at) == STEPPER(lens="memory", segments=3, formula="tanh(a*b) + a")


def test_two_pages_keep_their_own_states(open_page):
    at = open_page("home", {"home.hidden": "4"})
    turn_to(at, "backprop_stepper", {LENS: "memory"})
    assert dict(at.query_params) == {LENS: "memory"}
    turn_to(at, "home")
    assert at.slider(key="home.hidden").value == 4
    assert dict(at.query_params) == {"home.hidden": "4"}


def test_a_link_to_a_preset_that_is_all_defaults_opens_the_default(open_page):
    at = open_page("backprop_stepper", {LENS: "memory"})
    turn_to(at, "curriculum")
    turn_to(at, "backprop_stepper", {"backprop_stepper.preset": "neuron"})
    assert state(at) == STEPPER()
    assert at.selectbox(key="backprop_stepper:preset").value == "neuron"
    turn_to(at, "curriculum")
    turn_to(at, "backprop_stepper")
    assert state(at) == STEPPER()


def test_a_new_link_in_the_same_session_replaces_the_state(open_page):
    at = open_page("backprop_stepper", {LENS: "memory", "backprop_stepper.segments": "3"})
    turn_to(at, "backprop_stepper", {LENS: "bugs"})
    assert state(at) == STEPPER(lens="bugs")
    assert at.segmented_control(key=LENS).value == "bugs"


def test_a_late_echo_of_an_old_address_does_not_jump_back(open_page):
    at = open_page("backprop_stepper", {LENS: "memory"})
    old = dict(at.query_params)
    at.segmented_control(key=LENS).set_value("vanish").run()
    at.segmented_control(key=LENS).set_value("bugs").run()
    at.query_params = old  # the browser had sent this before it heard of the newer address
    at.run()
    assert state(at) == STEPPER(lens="bugs")
    assert at.segmented_control(key=LENS).value == "bugs"


def test_the_browser_s_back_button_opens_the_older_address(open_page, monkeypatch):
    at = open_page("backprop_stepper", {LENS: "memory"})
    old = dict(at.query_params)
    at.segmented_control(key=LENS).set_value("bugs").run()
    monkeypatch.setattr("pages._ui.controls.ECHO", 0.0)  # as if some time had passed
    at.query_params = old
    at.run()
    assert state(at) == STEPPER(lens="memory")
    assert at.segmented_control(key=LENS).value == "memory"


def test_what_belongs_to_others_stays_in_the_address(open_page):
    at = open_page("backprop_stepper", {LENS: "memory", "utm": "x"})
    at.segmented_control(key=LENS).set_value("proof").run()
    assert dict(at.query_params) == {"utm": "x"}


# --- presets and reset


def test_a_preset_sets_everything_and_the_menu_marks_it(open_page):
    at = open_page("backprop_stepper", {LENS: "memory", "backprop_stepper.segments": "3"})
    at.selectbox(key="backprop_stepper:preset").set_value("rnn").run()
    chosen = {e.slug: e for e in core_of("backprop_stepper").EXAMPLES}["rnn"]
    assert state(at) == STEPPER(**chosen.settings)
    assert at.selectbox(key="backprop_stepper:preset").value == "rnn"
    at.segmented_control(key=LENS).set_value("bugs").run()
    assert at.selectbox(key="backprop_stepper:preset").value is None, "these are the visitor's own settings"
    at.selectbox(key="backprop_stepper:preset").set_value("rnn").run()
    assert state(at) == STEPPER(**chosen.settings)


@pytest.mark.parametrize("slug", ["home", *(e.slug for e in EXPLAINERS)])
def test_every_preset_can_be_chosen_and_reset(open_page, slug):
    about, at = core_of(slug), open_page(slug)
    for example in about.EXAMPLES:
        at.selectbox(key=f"{slug}:preset").set_value(example.slug).run()
        assert not at.exception
        assert about.SPEC.from_query(at.query_params)[0] == about.SPEC(**example.settings)
    at.button(key=f"{slug}:reset").click().run()
    assert about.SPEC.from_query(at.query_params)[0] == about.SPEC()
    assert dict(at.query_params) == {}


def test_reset_after_a_formula_that_cannot_be_used(open_page):
    at = open_page("backprop_stepper", {FORMULA: "log(-1)"})
    assert at.error
    at.button(key="backprop_stepper:reset").click().run()
    assert not at.error
    assert at.text_input(key=FORMULA).value == STEPPER().formula


# --- the settings file


def upload(at, text: str | bytes, name: str = "settings.json"):
    content = text if isinstance(text, bytes) else text.encode()
    at.file_uploader(key="backprop_stepper:upload").set_value((name, content, "application/json"))
    return at.run()


def test_a_settings_file_brings_its_state_once(open_page):
    spec = STEPPER(mode="tensor", batch=7, seed=3)
    at = upload(open_page("backprop_stepper", {LENS: "memory"}), spec.to_json())
    assert not at.exception
    assert state(at) == spec
    assert at.slider(key="backprop_stepper.batch").value == 7
    at.slider(key="backprop_stepper.batch").set_value(2).run()
    assert state(at) == STEPPER(mode="tensor", batch=2, seed=3), "the file in the box does not overrule a later move"


def test_the_downloaded_file_is_the_state(open_page):
    at = open_page("backprop_stepper", {LENS: "memory", "backprop_stepper.segments": "3"})
    assert at.download_button(key="backprop_stepper:json").proto.url
    assert STEPPER.from_json(state(at).to_json()) == STEPPER(lens="memory", segments=3)


GOOD = json.loads(STEPPER().to_json())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a configuration file"),
        ("{", "not a configuration file"),
        (b"\xff\xfe\x00\x89PNG", "not a configuration file"),
        ("[" * 100_000, "not a configuration file"),
        (core_of("home").SPEC().to_json(), "belongs to 'home'"),
        (json.dumps({**GOOD, "parameters": {"rate": 99}}), "Learning rate α 99 is outside"),
        (json.dumps({**GOOD, "parameters": {"rate": "fast"}}), "'fast' is not a number"),
        (json.dumps({**GOOD, "parameters": {"formula": 7}}), "7 is not text"),
        (json.dumps({**GOOD, "parameters": {"no_such": 1}}), "unknown parameter 'no_such'"),
        (json.dumps({**GOOD, "parameters": {"lens": "x" * 5000}}), "is unknown"),
        (json.dumps({**GOOD, "parameters": {"batch": 2.5}}), "whole number"),
        (json.dumps({**GOOD, "parameters": {"mode": ["formula"]}}), "is not text"),
        (json.dumps({**GOOD, "parameters": {"seed": 10**400}}), "Seed"),
        (json.dumps({**GOOD, "parameters": {"rate": 10**400}}), "Learning rate"),
    ],
)
def test_a_bad_settings_file_is_explained_and_changes_nothing(open_page, text, words):
    at = upload(open_page("backprop_stepper", {LENS: "memory"}), text)
    assert not at.exception
    (error,) = at.error
    assert words in error.value
    assert len(error.value) < 600
    assert state(at) == STEPPER(lens="memory")
    assert "backprop_stepper:graph" in components(at, "chart")


def test_a_good_file_after_a_bad_one(open_page):
    at = upload(upload(open_page("backprop_stepper"), "{"), STEPPER(lens="bugs").to_json())
    assert not at.error
    assert state(at) == STEPPER(lens="bugs")
