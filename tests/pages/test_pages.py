"""Every page of the app: at its default, at every control's ends, at every preset and tour stop, and under bad links."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from core.contracts import Param, Spec
from core.curriculum import TOPICS
from tests.pages.conftest import EXPLAINED, SLUGS, components, core_of, turn_to

BAD_NUMBERS = ("", "abc", "nan", "inf", "-1e300", "9" * 1000, "9" * 5000, "x" * 10_000, "1;2", "0x10", "٣٣٣٣٣", "\x00")


def ends(about: Param) -> list[Any]:
    """Where a control may break, besides its default: both ends of a number, every option, both states of a switch."""
    if isinstance(about.default, bool):
        return [not about.default]
    if about.options is not None:
        return [value for value in about.options if value != about.default]
    if isinstance(about.default, (int, float)):
        return [value for value in (about.low, about.high) if math.isfinite(value) and value != about.default]
    return []


def bad_values(about: Param) -> tuple[str, ...]:
    """What no control could have sent, as it may stand in a link."""
    if isinstance(about.default, bool) or about.options is not None:
        return ("", "no such", "x" * 10_000)
    return BAD_NUMBERS if isinstance(about.default, (int, float)) else ("x" * 10_000,)


def pictures(at: AppTest) -> dict[str, Mapping[str, Any]]:
    """Key -> figure of every chart of the page itself (not of the cards that lead to other pages)."""
    return {key: sent["figure"] for key, sent in components(at, "chart").items() if not key.startswith("card.")}


def check(at: AppTest, what: Any = "") -> None:
    """The page ran, and every picture on it has its words."""
    assert not at.exception, what
    charts = components(at, "chart")
    assert charts, what
    for key, sent in charts.items():
        assert sent["figure"]["data"], (what, key)
        assert len(sent["alt"]) > 30, (what, key)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_opens_with_its_title_and_without_a_complaint(open_page, slug):
    at = open_page(slug)
    assert not at.exception
    assert not at.error
    assert not at.warning
    assert at.title[0].value
    assert dict(at.query_params) == {}


def test_the_stepper_s_main_picture_is_the_graph_of_one_neuron(open_page):
    at = open_page("backprop_stepper")
    graph = components(at, "chart")["backprop_stepper:graph"]
    bar = components(at, "transport")["backprop_stepper:transport"]
    assert graph["alt"].startswith("Computation graph with 14 nodes")
    assert "dL/dw1 = −4.375" in graph["alt"]
    assert len(graph["figure"]["frames"]) == len(bar["steps"]) == 1 + 7 + 1 + 7  # start, forward, dL/dL, backward
    assert graph["film"] == bar["film"]
    assert bar["at"] == 15
    assert graph["clickable"]


def test_the_home_page_shows_the_untrained_net_and_a_card_for_every_explainer(open_page):
    charts = components(open_page("home"), "chart")
    assert set(charts) == {"home.curves", "home.confusion", "home.weights", "home.mistakes"} | {
        f"card.{slug}" for slug in EXPLAINED if slug != "home"
    }
    assert all(sent["still"] == key.startswith("card.") for key, sent in charts.items())


@pytest.mark.parametrize("slug", EXPLAINED)
def test_every_control_s_ends_draw_a_picture(open_page, slug):
    spec_type = core_of(slug).SPEC
    at = open_page(slug)
    for name, about in spec_type.params().items():
        for value in ends(about):
            follow(at, spec_type(**{name: value}))


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"mode": "tensor"}, "batch inputs hidden outputs activation loss layer jacobian example rate seed"),
        ({"lens": "update"}, "optimizer rate beta steps"),
        ({"lens": "bugs"}, "bug"),
        ({"lens": "memory"}, "segments"),
    ],
    ids=["tensor", "update", "bugs", "memory"],
)
def test_the_stepper_s_controls_at_their_ends_where_they_act(open_page, state, names):
    spec_type = core_of("backprop_stepper").SPEC
    at = open_page("backprop_stepper")
    for name in names.split():
        for value in ends(spec_type.params()[name]):
            follow(at, spec_type(**state, **{name: value}))


def follow(at: AppTest, spec: Spec) -> None:
    """Follow the link to `spec`: a complete page, whose address is that link."""
    check(turn_to(at, spec.SLUG, spec.to_query()), spec)
    assert not at.warning, spec
    assert not at.error, spec
    assert dict(at.query_params) == spec.to_query()


@pytest.mark.parametrize("slug", EXPLAINED)
def test_every_preset_opens_by_its_link_and_is_marked(open_page, slug):
    about = core_of(slug)
    at = open_page(slug)
    for example in about.EXAMPLES:
        turn_to(at, slug, {f"{slug}.preset": example.slug, **about.SPEC(**example.settings).to_query()})
        check(at, example.slug)
        assert at.selectbox(key=f"{slug}:preset").value == example.slug
        assert about.SPEC.from_query(at.query_params)[0] == about.SPEC(**example.settings)


@pytest.mark.parametrize("slug", EXPLAINED)
@pytest.mark.parametrize("tab", ["Formula", "Code", "Sources"])
def test_every_tab_opens(open_page, slug, tab):
    at = open_page(slug, {f"{slug}.tab": tab})
    assert not at.exception
    if tab == "Code":
        assert at.code[0].value == core_of(slug).script(core_of(slug).SPEC()).strip()
        assert {f"{slug}.py", f"{slug}.ipynb"} <= {b.key for b in at.download_button}
    else:
        assert any(len(m.value) > 100 for m in at.markdown)


@pytest.mark.parametrize("slug", EXPLAINED)
def test_a_bad_link_says_what_it_gave_and_shows_the_default(open_page, slug):
    spec_type: type[Spec] = core_of(slug).SPEC
    params, expected = spec_type.params(), pictures(open_page(slug))
    at = open_page(slug)
    for k in range(len(BAD_NUMBERS)):
        bad = {spec_type.key(name): (of := bad_values(about))[k % len(of)] for name, about in params.items()}
        turn_to(at, slug, bad)
        assert not at.exception, k
        assert len(at.warning) == len(params)
        for warning, about in zip(at.warning, params.values(), strict=True):
            assert about.label in warning.value
            assert len(warning.value) < 600, "a long link fills the page"
        assert pictures(at) == expected, k
        assert dict(at.query_params) == {}, "what cannot be used does not stay in the address"


def test_a_bad_link_names_the_value(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.rate": "3e7", "backprop_stepper.batch": "99"})
    assert [w.value for w in at.warning] == [
        "Learning rate α 3e+07 is outside 0.0001 to 10; try 0.1 (the link's value was left out)",
        "Examples N 99 is outside 1 to 8; try 4 (the link's value was left out)",
    ]
    assert not at.run().warning, "said once"


def test_the_good_part_of_a_bad_link_is_used(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.lens": "memory", "backprop_stepper.rate": "no"})
    assert len(at.warning) == 1
    assert "backprop_stepper:figure.memory" in components(at, "chart")
    assert dict(at.query_params) == {"backprop_stepper.lens": "memory"}


@pytest.mark.parametrize("slug", SLUGS)
def test_keys_that_nobody_knows_change_nothing(open_page, slug):
    unknown = {"utm_source": "x", f"{slug}.no_such": "1", "__proto__": "y", f"{slug}.tour": "99", f"{slug}.tab": "Nope",
               "focus": "2", f"{slug}.preset": "none", "curriculum.course": "99", "x" * 10_000: "1"}  # fmt: skip
    at, plain = open_page(slug, unknown), open_page(slug)
    assert not at.exception
    assert not at.warning
    assert pictures(at) == pictures(plain)
    assert [t.value for t in at.title] == [t.value for t in plain.title]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"formula": "w*x +"}, "formula"),
        ({"formula": "log(0 - x*x)"}, "log needs a positive number"),
        ({"formula": ""}, "the formula is empty"),
        ({"formula": "__import__('os').system('true')"}, "column"),
        ({"values": "w1=1e9"}, "'w1=1e9'"),
        ({"values": "nothing"}, "'nothing'"),
        ({"edits": "7=abc"}, "'7=abc'"),
        ({"edits": "999=1"}, "node 999"),
    ],
)
def test_a_formula_that_cannot_be_used_is_explained_and_kept(open_page, settings, words):
    query = {f"backprop_stepper.{name}": value for name, value in settings.items()}
    at = open_page("backprop_stepper", query)
    assert not at.exception
    (error,) = at.error
    assert words in error.value
    assert at.text_input(key="backprop_stepper.formula").value == settings.get(
        "formula", core_of("backprop_stepper").SPEC().formula
    )
    assert dict(at.query_params) == query
    at.text_input(key="backprop_stepper.formula").set_value("a*b")
    if "values" in settings:
        at.text_input(key="backprop_stepper.values").set_value("")
    at.run()
    assert not at.error
    assert components(at, "chart")["backprop_stepper:graph"]["alt"].startswith("Computation graph with 3 nodes")


def test_a_film_that_is_shorter_than_the_link_says_stands_at_its_end(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.step": "2000"})
    assert components(at, "transport")["backprop_stepper:transport"]["at"] == 15


def test_a_value_set_by_hand_is_on_the_picture(open_page):
    at = open_page("backprop_stepper", {"backprop_stepper.edits": "8=0.25"})
    assert any("set by hand is cut" in c.value for c in at.caption)
    assert "dL/dw1 = 0" in components(at, "chart")["backprop_stepper:graph"]["alt"]
    at.button(key="backprop_stepper:undo").click().run()
    assert "dL/dw1 = −4.375" in components(at, "chart")["backprop_stepper:graph"]["alt"]
    assert dict(at.query_params) == {}


# --- the curriculum


def links(at: AppTest) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.query_string) for link in at.page_link]


def test_every_topic_of_every_course_stands_on_the_curriculum_page(open_page):
    at = open_page("curriculum")
    for course in range(5):
        at.selectbox(key="curriculum.course").set_value(course).run()
        of_course = [t for t in TOPICS if t.course == course]
        assert [m.value for m in at.markdown if m.value in {t.text for t in of_course}] == [t.text for t in of_course]
        assert len(at.page_link) == sum(len(t.links) for t in of_course)
        planned = [c.value for c in at.caption if "planned: " in c.value]
        assert len(planned) == sum(bool(t.planned) for t in of_course)
        assert all(t.planned for t in of_course if not t.links), "a topic without explainer says which is planned"


def test_only_what_can_be_seen_now(open_page):
    at = open_page("curriculum", {"curriculum.course": "Deep Learning", "curriculum.now": "true"})
    assert at.toggle(key="curriculum.now").value
    course = next(
        k for k, title in enumerate(at.selectbox(key="curriculum.course").options) if title == "Deep Learning"
    )
    shown = [t.text for t in TOPICS if t.course == course and t.links]
    assert [m.value for m in at.markdown if m.value in {t.text for t in TOPICS}] == shown
    assert not [c for c in at.caption if c.value.startswith("none yet")]


def test_every_link_of_the_curriculum_opens_the_state_it_promises(open_page):
    at = open_page("curriculum")
    found = set()
    for course in range(5):
        found |= set(links(at.selectbox(key="curriculum.course").set_value(course).run()))
    assert len(found) > 5
    for page, text in sorted(found):
        slug = page.replace("-", "_") or "home"
        query = dict(parse_qsl(text, keep_blank_values=True))
        spec, problems = core_of(slug).SPEC.from_query(query)
        assert problems == {}
        turn_to(at, slug, query)
        check(at, text)
        assert not at.error
        assert not at.warning
        assert core_of(slug).SPEC.from_query(at.query_params)[0] == spec
        if preset := query.get(f"{slug}.preset"):
            assert at.selectbox(key=f"{slug}:preset").value == preset


# --- the search on the home page


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("vanishing", "backprop_stepper.preset=deep_sigmoid"),
        ("softmax", "backprop_stepper.preset=softmax"),
    ],
)
def test_the_search_finds_the_preset(open_page, words, query):
    at = open_page("home", {"home.find": words})
    assert not at.exception
    assert any(text.startswith(query) for _, text in links(at))


@pytest.mark.parametrize("words", ["xyzzyqwv", "x" * 10_000, "<script>", "$\\frac{", "  ", "((((", "\\"])
def test_the_search_survives_anything(open_page, words):
    at = open_page("home", {"home.find": words})
    assert not at.exception
    check(at)


def test_the_search_says_when_it_finds_nothing(open_page):
    at = open_page("home", {"home.find": "xyzzyqwv"})
    assert any(m.value.startswith("Nothing here is about that") for m in at.markdown)
